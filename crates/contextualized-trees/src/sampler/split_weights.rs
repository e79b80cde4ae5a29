//! With what probability splits of a coefficient ask for each context variable, and how wide their ramps are.

use super::tree::Split;
use rand::Rng;
use statrs::function::gamma::ln_gamma;

/// Counts of categories whose weights have a Dirichlet prior `s ~ Dirichlet(θ / K, …, θ / K)`. The weights are integrated
/// out: given the others, one more split is of a category with probability `(θ / K + count) / (θ + total)`.
#[derive(Debug, Clone)]
pub(crate) struct Categories {
    counts: Vec<u32>,
    concentration: f64,
}

/// Points at which the concentration is drawn.
const POINTS: usize = 100;

impl Categories {
    /// None counted, with a concentration of one for each.
    pub(crate) fn new(categories: usize) -> Self {
        Self {
            counts: vec![0; categories],
            concentration: categories as f64,
        }
    }

    #[cfg(test)]
    pub(super) fn concentration(&self) -> f64 {
        self.concentration
    }

    #[cfg(test)]
    pub(super) fn count(&self, category: usize) -> u32 {
        self.counts[category]
    }

    pub(crate) fn add(&mut self, category: usize) {
        self.counts[category] += 1;
    }

    pub(crate) fn remove(&mut self, category: usize) {
        self.counts[category] -= 1;
    }

    /// A category by its probability given the others, of which one of category `without` is not counted.
    pub(crate) fn draw(&self, without: Option<usize>, random: &mut impl Rng) -> usize {
        let each = self.concentration / self.counts.len() as f64;
        let counted = |category: usize| {
            let all = self.counts[category];
            f64::from(all - u32::from(without == Some(category)))
        };
        let total: u32 = self.counts.iter().sum();
        let total = f64::from(total - u32::from(without.is_some())) + self.concentration;
        let mut at = random.r#gen::<f64>() * total;
        let last = self.counts.len() - 1;
        for category in 0..last {
            at -= each + counted(category);
            if at < 0.0 {
                return category;
            }
        }
        last
    }

    /// Draws the concentration given the counts, where `θ / (θ + K) ~ Beta(½, 1)`: sparse weights by Linero (2018),
    /// doi:10.1080/01621459.2016.1264957.
    pub(crate) fn draw_concentration(&mut self, random: &mut impl Rng) {
        let categories = self.counts.len() as f64;
        if self.counts.len() == 1 {
            return;
        }
        let total: u32 = self.counts.iter().sum();
        let concentration = |point: usize| {
            let share = (point as f64 + 0.5) / POINTS as f64;
            (share, categories * share / (1.0 - share))
        };
        let mut densities = [0.0; POINTS];
        for (point, density) in densities.iter_mut().enumerate() {
            let (share, theta) = concentration(point);
            let each = theta / categories;
            let counted = self.counts.iter().filter(|count| **count > 0);
            let of_counts =
                counted.map(|count| ln_gamma(each + f64::from(*count)) - ln_gamma(each));
            *density = ln_gamma(theta) - ln_gamma(theta + f64::from(total))
                + of_counts.sum::<f64>()
                - 0.5 * share.ln();
        }
        let largest = densities.iter().fold(f64::NEG_INFINITY, |a, b| a.max(*b));
        let mut sum = 0.0;
        for density in &mut densities {
            sum += (*density - largest).exp();
            *density = sum;
        }
        let at = random.r#gen::<f64>() * sum;
        let point = densities[..POINTS - 1].partition_point(|sum| *sum <= at);
        self.concentration = concentration(point).1;
    }
}

/// What the splits of a coefficient are like.
#[derive(Debug, Clone)]
pub(crate) struct SplitWeights {
    /// Which variables they ask for.
    pub(crate) variables: Categories,
    /// How wide ramps are, by class.
    pub(crate) widths: Categories,
}

impl SplitWeights {
    pub(crate) fn new(variables: usize, widths: usize) -> Self {
        Self {
            variables: Categories::new(variables),
            widths: Categories::new(widths),
        }
    }

    pub(crate) fn add(&mut self, split: &Split) {
        self.variables.add(split.variable());
        if let Split::Ramp { width_class, .. } = split {
            self.widths.add(usize::from(*width_class));
        }
    }

    pub(crate) fn remove(&mut self, split: &Split) {
        self.variables.remove(split.variable());
        if let Split::Ramp { width_class, .. } = split {
            self.widths.remove(usize::from(*width_class));
        }
    }
}

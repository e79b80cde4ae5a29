//! With what probability splits of a coefficient ask for each context variable.

use rand::Rng;
use rand_distr::{Distribution, Gamma};
use statrs::function::gamma::ln_gamma;

/// Sparse weights of context variables: `s ~ Dirichlet(θ / P, …, θ / P)` with `θ / (θ + P) ~ Beta(½, 1)`, by Linero
/// (2018), doi:10.1080/01621459.2016.1264957.
#[derive(Debug, Clone)]
pub(crate) struct SplitWeights {
    /// Logarithms of the weights.
    logs: Vec<f64>,
    /// Sums of the weights up to each variable.
    cumulative: Vec<f64>,
    concentration: f64,
    /// Number of splits by each variable.
    pub(crate) splits: Vec<u32>,
}

/// Points at which the concentration is drawn.
const POINTS: usize = 200;

impl SplitWeights {
    /// Equal weights.
    pub(crate) fn equal(variables: usize) -> Self {
        let mut own = Self {
            logs: vec![-(variables as f64).ln(); variables],
            cumulative: vec![0.0; variables],
            concentration: variables as f64,
            splits: vec![0; variables],
        };
        own.add_up();
        own
    }

    fn add_up(&mut self) {
        let mut sum = 0.0;
        for (total, log) in self.cumulative.iter_mut().zip(&self.logs) {
            sum += log.exp();
            *total = sum;
        }
    }

    /// A variable by weight.
    pub(crate) fn draw_variable(&self, random: &mut impl Rng) -> usize {
        let last = self.cumulative.len() - 1;
        let at = random.r#gen::<f64>() * self.cumulative[last];
        self.cumulative[..last].partition_point(|total| *total <= at)
    }

    /// Draws the weights given the splits, and the concentration given the weights.
    pub(crate) fn update(&mut self, random: &mut impl Rng) {
        let variables = self.logs.len();
        if variables == 1 {
            return;
        }
        let share = self.concentration / variables as f64;
        let mut largest = f64::NEG_INFINITY;
        for (log, &splits) in self.logs.iter_mut().zip(&self.splits) {
            *log = log_gamma_variate(share + f64::from(splits), random);
            largest = largest.max(*log);
        }
        let total: f64 = self.logs.iter().map(|log| (log - largest).exp()).sum();
        let norm = largest + total.ln();
        for log in &mut self.logs {
            *log -= norm;
        }
        self.add_up();
        self.draw_concentration(random);
    }

    fn draw_concentration(&mut self, random: &mut impl Rng) {
        let variables = self.logs.len() as f64;
        let sum_of_logs: f64 = self.logs.iter().sum();
        let concentration = |point: usize| {
            let share = (point as f64 + 0.5) / POINTS as f64;
            (share, variables * share / (1.0 - share))
        };
        let mut densities = [0.0; POINTS];
        for (point, density) in densities.iter_mut().enumerate() {
            let (share, theta) = concentration(point);
            let each = theta / variables;
            *density = ln_gamma(theta) - variables * ln_gamma(each) + each * sum_of_logs
                - 0.5 * share.ln();
        }
        let largest = densities.iter().fold(f64::NEG_INFINITY, |a, b| a.max(*b));
        let mut total = 0.0;
        for density in &mut densities {
            total += (*density - largest).exp();
            *density = total;
        }
        let at = random.r#gen::<f64>() * total;
        let point = densities[..POINTS - 1].partition_point(|sum| *sum <= at);
        self.concentration = concentration(point).1;
    }
}

/// The logarithm of a gamma variate, which for a small shape may be below the smallest number.
fn log_gamma_variate(shape: f64, random: &mut impl Rng) -> f64 {
    let above = Gamma::new(shape + 1.0, 1.0).map_or(1.0, |gamma| gamma.sample(random));
    let uniform = 1.0 - random.r#gen::<f64>();
    above.ln() + uniform.ln() / shape
}

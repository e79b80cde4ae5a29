//! What is known of the values of a tree's leaves given everything else: a normal distribution in closed form.

use rand::Rng;
use rand_distr::StandardNormal;

/// What leaf values are drawn from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LeafPrior {
    /// Variance of a leaf's value before data are seen.
    pub(crate) variance: f64,
    /// One over the variance of the noise.
    pub(crate) noise_precision: f64,
}

/// Sums over rows that the leaves' values depend on: `G = Σ s s' x²` (leaves × leaves), and `h = Σ s x r` without what
/// the tree itself adds.
#[derive(Debug, Clone, Default)]
pub(crate) struct LeafSums {
    pub(crate) gram: Vec<f64>,
    pub(crate) products: Vec<f64>,
}

/// The posterior of leaf values: `N(P⁻¹ h / σ², P⁻¹)` with `P = G / σ² + I / τ²`.
#[derive(Debug, Clone, Default)]
pub(crate) struct LeafPosterior {
    /// The lower Cholesky factor of P, by row.
    factor: Vec<f64>,
    /// The factor's solution of `h / σ²`.
    solved: Vec<f64>,
    /// The logarithm of how likely the rows are, over that of values of zero.
    pub(crate) log_evidence: f64,
}

impl LeafPosterior {
    pub(crate) fn solve(&mut self, prior: LeafPrior, sums: &LeafSums) {
        let leaves = sums.products.len();
        let precision = prior.variance.recip();
        self.factor.clear();
        self.factor
            .extend(sums.gram.iter().map(|entry| entry * prior.noise_precision));
        self.solved.clear();
        self.solved
            .extend(sums.products.iter().map(|entry| entry * prior.noise_precision));
        let factor = &mut self.factor;
        let mut log_evidence = 0.0;
        for row in 0..leaves {
            factor[row * leaves + row] += precision;
            for column in 0..=row {
                let (own, other) = (row * leaves, column * leaves);
                let mut rest = factor[own + column];
                for at in 0..column {
                    rest -= factor[own + at] * factor[other + at];
                }
                factor[own + column] = if row == column {
                    // The prior's precision is a bound of every pivot, which rounding may have gone below.
                    rest.max(precision).sqrt()
                } else {
                    rest / factor[other + column]
                };
            }
            let own = row * leaves;
            let mut rest = self.solved[row];
            for at in 0..row {
                rest -= factor[own + at] * self.solved[at];
            }
            let pivot = factor[own + row];
            self.solved[row] = rest / pivot;
            log_evidence += 0.5 * self.solved[row] * self.solved[row]
                - (pivot * pivot * prior.variance).ln() * 0.5;
        }
        self.log_evidence = log_evidence;
    }

    /// Draws the values.
    pub(crate) fn draw(&self, random: &mut impl Rng, values: &mut Vec<f64>) {
        let leaves = self.solved.len();
        values.clear();
        values.extend(self.solved.iter().map(|mean| {
            let normal: f64 = random.sample(StandardNormal);
            mean + normal
        }));
        for row in (0..leaves).rev() {
            let mut rest = values[row];
            for below in row + 1..leaves {
                rest -= self.factor[below * leaves + row] * values[below];
            }
            values[row] = rest / self.factor[row * leaves + row];
        }
    }
}

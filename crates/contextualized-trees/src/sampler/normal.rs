//! What is known of additive terms (a tree's terms, or the constants) given everything else: a normal distribution in
//! closed form.

use rand::Rng;
use rand_distr::StandardNormal;

/// What is believed of each term before data are seen: a normal distribution with a mean of zero.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NormalPrior<'a> {
    /// By term.
    pub(crate) variances: &'a [f64],
    /// One over the variance of the noise.
    pub(crate) noise_precision: f64,
}

/// Sums over rows of columns `a` and of the residuals `r` without these terms: `G = Σ a a'` (terms × terms, by row), and
/// `h = Σ a r`. The column of a leaf is the feature times the row's share in the leaf.
#[derive(Debug, Clone, Default)]
pub(crate) struct NormalSums {
    pub(crate) gram: Vec<f64>,
    pub(crate) products: Vec<f64>,
}

/// The posterior of the terms: `N(P⁻¹ h / σ², P⁻¹)` with `P = G / σ² + diag(1 / τ²)`.
#[derive(Debug, Clone, Default)]
pub(crate) struct NormalPosterior {
    /// The lower Cholesky factor of P, by row.
    factor: Vec<f64>,
    /// The factor's solution of `h / σ²`.
    solved: Vec<f64>,
    /// The logarithm of how likely the rows are, over that of values of zero.
    pub(crate) log_evidence: f64,
}

impl NormalPosterior {
    pub(crate) fn solve(&mut self, prior: NormalPrior<'_>, sums: &NormalSums) {
        let terms = sums.products.len();
        self.factor.clear();
        self.factor
            .extend(sums.gram.iter().map(|entry| entry * prior.noise_precision));
        self.solved.clear();
        self.solved.extend(
            sums.products
                .iter()
                .map(|entry| entry * prior.noise_precision),
        );
        let factor = &mut self.factor;
        let mut log_evidence = 0.0;
        for (row, variance) in prior.variances.iter().enumerate() {
            let precision = variance.recip();
            factor[row * terms + row] += precision;
            for column in 0..=row {
                let (own, other) = (row * terms, column * terms);
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
            let own = row * terms;
            let mut rest = self.solved[row];
            for at in 0..row {
                rest -= factor[own + at] * self.solved[at];
            }
            let pivot = factor[own + row];
            self.solved[row] = rest / pivot;
            log_evidence +=
                0.5 * self.solved[row] * self.solved[row] - (pivot * pivot * variance).ln() * 0.5;
        }
        self.log_evidence = log_evidence;
    }

    /// Draws the values.
    pub(crate) fn draw(&self, random: &mut impl Rng, values: &mut Vec<f64>) {
        let terms = self.solved.len();
        values.clear();
        values.extend(self.solved.iter().map(|mean| {
            let normal: f64 = random.sample(StandardNormal);
            mean + normal
        }));
        for row in (0..terms).rev() {
            let (above, below) = values.split_at_mut(row + 1);
            let column = self.factor.chunks_exact(terms).skip(row + 1);
            let products = column.zip(&*below).map(|(own, value)| own[row] * value);
            above[row] = (above[row] - products.sum::<f64>()) / self.factor[row * terms + row];
        }
    }
}

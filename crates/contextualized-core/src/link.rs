//! Links between the mean of a target and its linear predictor.

use crate::family::Thresholds;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Zip};
use serde::{Deserialize, Serialize};

/// The function ℓ of `ℓ(E[y | x, c]) = B(c) x + m(c)`; a [`Family`](crate::Family) has one.
///
/// As in generalised linear models, the link takes the mean to the linear
/// predictor and the inverse link takes the linear predictor to the mean
/// (McCullagh and Nelder 1989, doi:10.1007/978-1-4899-3242-6).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Link {
    /// ℓ(μ) = μ, for real-valued targets.
    Identity,
    /// ℓ(μ) = ln(μ / (1 − μ)), for binary targets.
    Logit,
    /// ℓ(μ) = ln μ, for counts.
    Log,
    /// The inverse of the expected level μ = Σₖ 1 / (1 + exp(θₖ − η)) of ordered levels.
    ExpectedLevel(Thresholds),
    /// ηₖ = ln(μₖ / μ₀), for the indicators of classes, μ₀ = 1 − Σₖ μₖ the probability of the reference. Means of
    /// several targets depend on the predictors of all: see [`Link::inverse_table`]. Of one target it is the logit.
    MultinomialLogit,
}

impl Link {
    /// The linear predictor of a mean.
    ///
    /// The logit of 0 and of 1 is −∞ and +∞.
    pub fn apply(self, mean: f64) -> f64 {
        match self {
            Self::Identity => mean,
            Self::Logit | Self::MultinomialLogit => mean.ln() - (-mean).ln_1p(),
            Self::Log => mean.ln(),
            Self::ExpectedLevel(thresholds) => thresholds.predictor(mean),
        }
    }

    /// The mean of a linear predictor.
    ///
    /// The logistic function is computed without overflow at either end.
    pub fn inverse(self, predictor: f64) -> f64 {
        match self {
            Self::Identity => predictor,
            Self::Logit | Self::MultinomialLogit if predictor >= 0.0 => {
                1.0 / (1.0 + (-predictor).exp())
            }
            Self::Logit | Self::MultinomialLogit => {
                let odds = predictor.exp();
                odds / (1.0 + odds)
            }
            // A mean beyond the largest number is that number.
            Self::Log => predictor.min(f64::MAX.ln()).exp(),
            Self::ExpectedLevel(thresholds) => thresholds.mean(predictor),
        }
    }

    /// The first and the second derivative of the mean by the linear predictor, as of [`Link::inverse`].
    pub fn mean_derivatives(self, predictor: f64) -> (f64, f64) {
        match self {
            Self::Identity => (1.0, 0.0),
            Self::Logit | Self::MultinomialLogit => logistic_derivatives(predictor),
            Self::Log => {
                let mean = self.inverse(predictor);
                (mean, mean)
            }
            Self::ExpectedLevel(thresholds) => thresholds.mean_derivatives(predictor),
        }
    }

    /// A predictor whose mean is next to an end of its range, as a distance from zero; the predictors of
    /// means at the end itself are infinite.
    pub fn farthest(self) -> f64 {
        match self {
            Self::Identity => f64::MAX,
            Self::Logit | Self::MultinomialLogit => -self.apply(f64::EPSILON / 2.0),
            Self::Log => -self.apply(f64::MIN_POSITIVE),
            Self::ExpectedLevel(thresholds) => thresholds.farthest() + Self::Logit.farthest(),
        }
    }

    /// The means of a table of linear predictors (n × y).
    pub fn inverse_table(self, predictors: ArrayView2<'_, f64>) -> Array2<f64> {
        if !self.is_joint() || predictors.ncols() == 1 {
            return predictors.mapv(|predictor| self.inverse(predictor));
        }
        let mut means = Array2::zeros(predictors.dim());
        Zip::from(means.rows_mut())
            .and(predictors.rows())
            .for_each(|mut means, predictors| means.assign(&softmax(predictors).0));
        means
    }

    /// Whether the mean of a target depends on the predictors of the other targets of its row.
    pub fn is_joint(self) -> bool {
        self == Self::MultinomialLogit
    }
}

/// Probabilities of the classes besides the reference, whose predictor is zero, without overflow; and the logarithm of
/// the sum of all exponentials.
pub(crate) fn softmax(predictors: ArrayView1<'_, f64>) -> (Array1<f64>, f64) {
    let largest = predictors.iter().fold(0.0_f64, |most, own| most.max(*own));
    let odds = predictors.mapv(|predictor| (predictor - largest).exp());
    let sum = odds.sum() + (-largest).exp();
    (odds / sum, largest + sum.ln())
}

/// The first and the second derivative of the logistic function.
pub(crate) fn logistic_derivatives(predictor: f64) -> (f64, f64) {
    let (above, below) = (
        Link::Logit.inverse(predictor),
        Link::Logit.inverse(-predictor),
    );
    let first = above * below;
    (first, first * (below - above))
}

/// ln(1 + e^η) without overflow.
pub(crate) fn softplus(predictor: f64) -> f64 {
    predictor.max(0.0) + (-predictor.abs()).exp().ln_1p()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Family;
    use approx::{assert_abs_diff_eq, assert_relative_eq};
    use proptest::prelude::*;

    #[test]
    fn logistic_is_finite_at_both_ends() {
        assert_eq!(Link::Logit.inverse(1000.0), 1.0);
        assert_eq!(Link::Logit.inverse(-1000.0), 0.0);
        assert_eq!(Link::Logit.inverse(0.0), 0.5);
    }

    proptest! {
        #[test]
        fn link_and_inverse_cancel(mean in 1e-6..0.999_999_f64) {
            for link in [Link::Identity, Link::Logit, Link::Log] {
                assert_relative_eq!(link.inverse(link.apply(mean)), mean, max_relative = 1e-12);
            }
        }

        #[test]
        fn derivatives_are_those_of_the_mean(predictor in -4.0..4.0_f64) {
            let ordinal = "ordinal".parse::<Family>().unwrap().with_shape(&[0.7, 1.2]).unwrap();
            for link in [Link::Identity, Link::Logit, Link::Log, ordinal.link()] {
                let step = 1e-5;
                let [below, at, above] =
                    [-step, 0.0, step].map(|by| link.mean_derivatives(predictor + by));
                let means = [-step, step].map(|by| link.inverse(predictor + by));
                let tolerance = 1e-8 * (1.0 + at.0.abs());
                assert_abs_diff_eq!((means[1] - means[0]) / (2.0 * step), at.0, epsilon = tolerance);
                assert_abs_diff_eq!((above.0 - below.0) / (2.0 * step), at.1, epsilon = tolerance);
            }
        }

        #[test]
        fn logistic_is_symmetric(predictor in -700.0..700.0_f64) {
            let sum = Link::Logit.inverse(predictor) + Link::Logit.inverse(-predictor);
            assert_relative_eq!(sum, 1.0, epsilon = 4.0 * f64::EPSILON);
        }
    }
}

//! Whether chains agree: potential scale reduction and effective sample sizes.

use serde::{Deserialize, Serialize};

/// How well the draws of a number represent its posterior.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Convergence {
    /// Potential scale reduction factor R̂ of split chains: how much wider the draws of all halves are together than
    /// each by itself. It is 1 where all agree.
    pub r_hat: f64,
    /// The number of independent draws that would know its mean as precisely.
    pub effective_size: f64,
}

impl Convergence {
    /// Of draws of one number, chain after chain of the same length, by Gelman et al. (2013), *Bayesian Data
    /// Analysis*, sections 11.4 and 11.5 (doi:10.1201/b16018).
    pub(crate) fn of(draws: &[f64], chains: usize) -> Self {
        let half = draws.len() / (2 * chains);
        let unknown = Self {
            r_hat: 1.0,
            effective_size: draws.len() as f64,
        };
        if half < 2 {
            return unknown;
        }
        let halves: Vec<&[f64]> = draws
            .chunks_exact(draws.len() / chains)
            .flat_map(|chain| [&chain[..half], &chain[chain.len() - half..]])
            .collect();
        let count = halves.len() as f64;
        let n = half as f64;
        let means: Vec<f64> = halves.iter().map(|half| mean(half)).collect();
        let within = halves
            .iter()
            .zip(&means)
            .map(|(half, center)| squares_from(half, *center) / (n - 1.0))
            .sum::<f64>()
            / count;
        let between = n * squares_from(&means, mean(&means)) / (count - 1.0);
        let total = (n - 1.0) / n * within + between / n;
        if within <= 0.0 {
            // Draws that are all the same, in every half or in each by itself.
            return if between > 0.0 {
                Self {
                    r_hat: f64::MAX,
                    effective_size: count,
                }
            } else {
                unknown
            };
        }
        let correlation = |lag: usize| {
            let differences: f64 = halves
                .iter()
                .map(|half| {
                    let pairs = half.iter().zip(&half[lag..]);
                    pairs.map(|(a, b)| (a - b).powi(2)).sum::<f64>()
                })
                .sum();
            1.0 - differences / (count * (half - lag) as f64) / (2.0 * total)
        };
        // Correlations are added up in pairs, as long as their sums are positive: Geyer's initial sequence.
        let mut sum = 0.0;
        for lag in (1..half - 1).step_by(2) {
            let pair = correlation(lag) + correlation(lag + 1);
            if pair <= 0.0 {
                break;
            }
            sum += pair;
        }
        let all = count * n;
        Self {
            r_hat: (total / within).sqrt(),
            effective_size: (all / (1.0 + 2.0 * sum)).min(all),
        }
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn squares_from(values: &[f64], center: f64) -> f64 {
    values.iter().map(|value| (value - center).powi(2)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;
    use rand_distr::StandardNormal;

    #[test]
    fn independent_draws_count_fully_and_correlated_ones_by_their_correlation() {
        let mut random = ChaCha8Rng::seed_from_u64(0);
        for (correlation, expected) in [(0.0, 1.0), (0.9, 1.0 / 19.0)] {
            let mut last = 0.0;
            let draws: Vec<f64> = (0..40_000)
                .map(|_| {
                    let normal: f64 = random.sample(StandardNormal);
                    last = correlation * last + normal;
                    last
                })
                .collect();
            let found = Convergence::of(&draws, 4);
            let share = found.effective_size / draws.len() as f64;
            assert!(
                (share / expected - 1.0).abs() < 0.2,
                "{correlation}: {share}"
            );
            assert!((found.r_hat - 1.0).abs() < 0.01, "{}", found.r_hat);
        }
    }

    #[test]
    fn chains_that_disagree_are_told() {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let draws: Vec<f64> = (0..400)
            .map(|at| {
                let normal: f64 = random.sample(StandardNormal);
                normal + 3.0 * f64::from(at / 100)
            })
            .collect();
        assert!(Convergence::of(&draws, 4).r_hat > 2.0);
        assert_eq!(Convergence::of(&[1.0; 40], 4).r_hat, 1.0);
        assert_eq!(Convergence::of(&[1.0], 1).r_hat, 1.0);
    }
}

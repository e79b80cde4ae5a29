//! Random draws, one independent stream of a seed for each kind.

use contextualized_core::RandomNumbers;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Exp1, Poisson, StandardNormal};

/// What a stream of draws is for.
///
/// Each kind has a stream of its own, so that e.g. adding noise does not change the features.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Stream {
    Contexts,
    Features,
    Noise,
    Outcomes,
    Patients,
    Graph,
    Treatments,
    Irrelevant(usize),
}

impl Stream {
    fn number(self) -> u64 {
        // Splits and folds use the first streams of a seed: data drawn from those would decide
        // which of its own rows are held out when both are given the same seed.
        let first = 1 << 32;
        first
            + match self {
                Self::Contexts => 0,
                Self::Features => 1,
                Self::Noise => 2,
                Self::Outcomes => 3,
                Self::Patients => 4,
                Self::Graph => 8,
                Self::Treatments => 5,
                Self::Irrelevant(column) => 16 + column as u64,
            }
    }
}

/// Random numbers for one part of a simulation, handed to the closures that draw it.
///
/// Parameters without a distribution, such as a probability of 2, give NaN, which
/// [`Simulator::simulate`](crate::Simulator::simulate) reports with its row and column.
#[derive(Debug, Clone)]
pub struct Draws {
    generator: ChaCha8Rng,
}

impl Draws {
    pub(crate) fn new(seed: u64, stream: Stream) -> Self {
        let mut generator = ChaCha8Rng::seed_from_u64(seed);
        generator.set_stream(stream.number());
        Self { generator }
    }

    /// Uniform between `low`, included, and `high`, excluded.
    pub fn uniform(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.generator.r#gen::<f64>()
    }

    /// Normal with this mean and standard deviation; NaN for a negative deviation.
    pub fn normal(&mut self, mean: f64, standard_deviation: f64) -> f64 {
        let standard: f64 = self.generator.sample(StandardNormal);
        let value = mean + standard_deviation * standard;
        defined(standard_deviation >= 0.0, value)
    }

    /// 1 with this probability, else 0; NaN for a probability outside [0, 1].
    pub fn bernoulli(&mut self, probability: f64) -> f64 {
        let uniform = self.generator.r#gen::<f64>();
        let value = f64::from(uniform < probability);
        defined((0.0..=1.0).contains(&probability), value)
    }

    /// A whole number below `count`, each as likely as the others; 0 where there is none.
    pub fn index(&mut self, count: usize) -> usize {
        // Drawn as u64: draws of usize would depend on its width.
        self.generator.gen_range(0..count.max(1) as u64) as usize
    }

    /// Gumbel with mode zero and this scale, hence mean 0.5772 times it; NaN unless it is positive.
    pub fn gumbel(&mut self, scale: f64) -> f64 {
        let standard: f64 = self.generator.sample(Exp1);
        defined(scale > 0.0, -scale * standard.ln())
    }

    /// A count with this rate, its mean; NaN for a rate that is negative or not finite.
    pub fn poisson(&mut self, rate: f64) -> f64 {
        if rate == 0.0 {
            return 0.0;
        }
        match Poisson::new(rate) {
            Ok(poisson) if rate.is_finite() => self.generator.sample(poisson),
            _ => f64::NAN,
        }
    }

    /// Exponential with this rate, hence mean 1 / rate; NaN unless the rate is positive.
    pub fn exponential(&mut self, rate: f64) -> f64 {
        let standard: f64 = self.generator.sample(Exp1);
        defined(rate > 0.0, standard / rate)
    }
}

/// A draw from a distribution that there is; NaN where parameters have none.
fn defined(there_is: bool, value: f64) -> f64 {
    if there_is { value } else { f64::NAN }
}

/// Random numbers of outcomes: normal errors and uniform numbers come from streams of their own.
pub(crate) struct OutcomeDraws {
    noise: Draws,
    outcomes: Draws,
}

impl OutcomeDraws {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            noise: Draws::new(seed, Stream::Noise),
            outcomes: Draws::new(seed, Stream::Outcomes),
        }
    }
}

impl RandomNumbers for OutcomeDraws {
    fn uniform(&mut self) -> f64 {
        self.outcomes.uniform(0.0, 1.0)
    }

    fn standard_normal(&mut self) -> f64 {
        self.noise.normal(0.0, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COUNT: usize = 40_000;

    /// Asserts mean and variance to 5 standard errors, from the fourth central moment.
    fn assert_moments(mut draw: impl FnMut() -> f64, mean: f64, variance: f64, fourth: f64) {
        let values: Vec<f64> = (0..COUNT).map(|_| draw()).collect();
        let count = COUNT as f64;
        let found = values.iter().sum::<f64>() / count;
        assert!((found - mean).abs() < 5.0 * (variance / count).sqrt());
        let found = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / count;
        let error = ((fourth - variance * variance) / count).sqrt();
        assert!((found - variance).abs() <= 5.0 * error + 1e-12);
    }

    #[test]
    fn moments_are_those_of_the_distributions() {
        let mut draws = Draws::new(3, Stream::Contexts);
        assert_moments(|| draws.uniform(-1.0, 3.0), 1.0, 16.0 / 12.0, 256.0 / 80.0);
        assert_moments(|| draws.normal(2.0, 3.0), 2.0, 9.0, 3.0 * 81.0);
        // p(1 − p)(1 − 3p(1 − p)) at p = 0.3.
        assert_moments(|| draws.bernoulli(0.3), 0.3, 0.21, 0.21 * 0.37);
        assert_moments(|| draws.exponential(2.0), 0.5, 0.25, 9.0 / 16.0);
        // Moments of the standard Gumbel: γ, π²/6, and kurtosis 27/5.
        let (mean, variance) = (0.577_215_664_901_532_9, std::f64::consts::PI.powi(2) / 6.0);
        assert_moments(
            || draws.gumbel(2.0),
            2.0 * mean,
            4.0 * variance,
            16.0 * 5.4 * variance * variance,
        );
        for rate in [0.5, 40.0] {
            assert_moments(|| draws.poisson(rate), rate, rate, rate + 3.0 * rate * rate);
        }
        // Uniform on 0, …, 4: (n² − 1)/12 and its fourth moment (2·16 + 2·1)/5.
        assert_moments(|| draws.index(5) as f64, 2.0, 2.0, 34.0 / 5.0);
    }

    #[test]
    fn draws_stay_in_their_ranges() {
        let mut draws = Draws::new(4, Stream::Features);
        for _ in 0..1000 {
            assert!((2.0..3.0).contains(&draws.uniform(2.0, 3.0)));
            assert!(draws.exponential(0.1) >= 0.0);
            assert!(draws.index(3) < 3);
            assert_eq!(draws.index(0), 0);
            assert_eq!(draws.bernoulli(0.0), 0.0);
            assert_eq!(draws.bernoulli(1.0), 1.0);
        }
    }

    #[test]
    fn parameters_without_a_distribution_give_nan() {
        let mut draws = Draws::new(0, Stream::Noise);
        assert!(draws.normal(0.0, -1.0).is_nan());
        assert!(draws.normal(0.0, f64::NAN).is_nan());
        assert!(draws.bernoulli(1.5).is_nan());
        assert!(draws.bernoulli(f64::NAN).is_nan());
        assert!(draws.exponential(0.0).is_nan());
        assert!(draws.exponential(-1.0).is_nan());
        assert!(draws.gumbel(0.0).is_nan());
        assert!(draws.poisson(-1.0).is_nan());
        assert!(draws.poisson(f64::INFINITY).is_nan());
        assert_eq!(draws.poisson(0.0), 0.0);
    }

    #[test]
    fn streams_differ() {
        let kinds = [
            Stream::Contexts,
            Stream::Features,
            Stream::Noise,
            Stream::Outcomes,
            Stream::Patients,
            Stream::Graph,
            Stream::Treatments,
            Stream::Irrelevant(0),
            Stream::Irrelevant(1),
        ];
        let mut first: Vec<f64> = kinds
            .iter()
            .map(|&kind| Draws::new(9, kind).uniform(0.0, 1.0))
            .collect();
        first.sort_by(f64::total_cmp);
        assert!(first.windows(2).all(|pair| pair[0] < pair[1]));
    }
}

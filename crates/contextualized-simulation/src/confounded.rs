//! Effects of a treatment that depends on what the outcome depends on: the designs of Nie and Wager.

use crate::Draws;
use crate::draws::Stream;
use contextualized_core::{Error, Result, Samples};
use ndarray::{Array1, Array2, ArrayView1, Axis};
use std::f64::consts::PI;

/// The four settings of Nie and Wager (2021, doi:10.1093/biomet/asaa076, section 6), by their letters there.
///
/// ```text
/// W ~ Bernoulli(e(c)),   y = b(c) + (W − ½) τ(c) + σ ε,   ε ~ N(0, 1)
/// ```
///
/// | setting | contexts | b | e | τ |
/// |---|---|---|---|---|
/// | A | uniform on \[0, 1\] | sin(π c₁ c₂) + 2 (c₃ − ½)² + c₄ + ½ c₅ | sin(π c₁ c₂), within \[0.1, 0.9\] | (c₁ + c₂) / 2 |
/// | B | standard normal | max(0, c₁ + c₂, c₃) + max(0, c₄ + c₅) | ½ | c₁ + ln(1 + exp c₂) |
/// | C | standard normal | 2 ln(1 + exp(c₁ + c₂ + c₃)) | 1 / (1 + exp(c₂ + c₃)) | 1 |
/// | D | standard normal | (max(0, c₁ + c₂ + c₃) + max(0, c₄ + c₅)) / 2 | 1 / (1 + exp(−c₁) + exp(−c₂)) | max(0, c₁ + c₂ + c₃) − max(0, c₄ + c₅) |
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ConfoundedSetting {
    /// Difficult confounding, and an effect that is simple.
    A,
    /// Treatment at random.
    B,
    /// Confounding that is simple, a difficult baseline, and an effect that is constant.
    C,
    /// Treated and untreated have nothing in common.
    D,
}

/// Data with a treatment that is confounded, beside the truth.
#[derive(Debug, Clone, PartialEq)]
pub struct ConfoundedData {
    /// Contexts and outcome, which an estimator may see; without features.
    pub samples: Samples,
    /// Who was treated: 0 or 1.
    pub treatment: Array1<f64>,
    /// The true effect of each row.
    pub effects: Array1<f64>,
    /// The true probability of each row to be treated.
    pub propensities: Array1<f64>,
    /// The true mean of the outcome given the contexts alone.
    pub means: Array1<f64>,
}

impl ConfoundedSetting {
    /// All settings.
    pub const ALL: [Self; 4] = [Self::A, Self::B, Self::C, Self::D];

    /// The fewest contexts that there may be.
    pub const LEAST_CONTEXTS: usize = 5;

    /// Its letter.
    pub fn name(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::B => "B",
            Self::C => "C",
            Self::D => "D",
        }
    }

    /// The mean outcome between treated and untreated, b(c).
    pub fn baseline(self, c: &[f64]) -> f64 {
        let positive = |value: f64| value.max(0.0);
        match self {
            Self::A => (PI * c[0] * c[1]).sin() + 2.0 * (c[2] - 0.5).powi(2) + c[3] + 0.5 * c[4],
            Self::B => positive((c[0] + c[1]).max(c[2])) + positive(c[3] + c[4]),
            Self::C => 2.0 * (c[0] + c[1] + c[2]).exp().ln_1p(),
            Self::D => (positive(c[0] + c[1] + c[2]) + positive(c[3] + c[4])) / 2.0,
        }
    }

    /// The probability of treatment, e(c).
    pub fn propensity(self, c: &[f64]) -> f64 {
        match self {
            Self::A => (PI * c[0] * c[1]).sin().clamp(0.1, 0.9),
            Self::B => 0.5,
            Self::C => 1.0 / (1.0 + (c[1] + c[2]).exp()),
            Self::D => 1.0 / (1.0 + (-c[0]).exp() + (-c[1]).exp()),
        }
    }

    /// The effect, τ(c).
    pub fn effect(self, c: &[f64]) -> f64 {
        match self {
            Self::A => (c[0] + c[1]) / 2.0,
            Self::B => c[0] + c[1].exp().ln_1p(),
            Self::C => 1.0,
            Self::D => (c[0] + c[1] + c[2]).max(0.0) - (c[3] + c[4]).max(0.0),
        }
    }

    /// Rows with so many contexts, at least five, and noise of this standard deviation.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for fewer contexts or a negative noise; [`Error::NoRows`].
    pub fn simulate(
        self,
        rows: usize,
        contexts: usize,
        noise: f64,
        seed: u64,
    ) -> Result<ConfoundedData> {
        if contexts < Self::LEAST_CONTEXTS {
            return Err(Error::invalid_parameter("contexts", contexts, "at least 5"));
        }
        if !(noise >= 0.0 && noise.is_finite()) {
            return Err(Error::invalid_parameter(
                "noise",
                noise,
                "finite and at least zero",
            ));
        }
        let mut draws = Draws::new(seed, Stream::Contexts);
        let table = Array2::from_shape_simple_fn((rows, contexts), || match self {
            Self::A => draws.uniform(0.0, 1.0),
            Self::B | Self::C | Self::D => draws.normal(0.0, 1.0),
        });
        let of_rows = |of: fn(Self, &[f64]) -> f64| -> Array1<f64> {
            let value = |row: ArrayView1<'_, f64>| of(self, &row.to_vec());
            table.rows().into_iter().map(value).collect()
        };
        let (baselines, effects) = (of_rows(Self::baseline), of_rows(Self::effect));
        let propensities = of_rows(Self::propensity);
        let mut draws = Draws::new(seed, Stream::Treatments);
        let treatment = propensities.mapv(|probability| draws.bernoulli(probability));
        let mut draws = Draws::new(seed, Stream::Noise);
        let errors = Array1::from_shape_simple_fn(rows, || draws.normal(0.0, noise));
        let means = &baselines + &((&propensities - 0.5) * &effects);
        let outcome = &baselines + &((&treatment - 0.5) * &effects) + &errors;
        let nothing = Array2::zeros((rows, 0));
        let outcome = outcome.insert_axis(Axis(1));
        Ok(ConfoundedData {
            samples: Samples::new(table.view(), nothing.view(), outcome.view())?,
            treatment,
            effects,
            propensities,
            means,
        })
    }
}

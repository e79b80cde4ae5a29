//! Weak priors on hyperparameters.

use crate::hyperparameters::{Kind, Layout};
use contextualized_core::{Error, Result};
use serde::{Deserialize, Serialize};

/// Priors on the hyperparameters, for contexts, features and targets of unit scale.
///
/// | hyperparameter | prior | |
/// |---|---|---|
/// | amplitude s | half-normal | mode at zero: a coefficient is constant until the data say otherwise |
/// | inverse length scale r = 1 / length scale | half-normal | mode at zero: a context is irrelevant until the data say otherwise |
/// | noise σ | flat | |
/// | logarithm of a target's scale | normal about 0 | of unit width |
///
/// The hyperparameters are where the density of their values is largest. How uncertain they are is
/// asked of the density of their logarithms, under a wider prior on inverse length scales and a narrower one on
/// amplitudes: with few rows those of the estimate, which protect from contexts of noise and leave room for
/// trends, would promise smooth functions.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Priors {
    /// Scale of the half-normal prior on amplitudes; default 3: large ones with small inverse length scales
    /// are trends, which go on outside the data.
    pub amplitude: f64,
    /// The same for their uncertainty; default 0.5: functions that are faint and rough are not to be outweighed
    /// by trends.
    #[serde(default = "narrow")]
    pub uncertain_amplitude: f64,
    /// Scale of the half-normal prior on inverse length scales; default 0.75.
    pub inverse_length_scale: f64,
    /// The same for their uncertainty; default 12: nearly flat.
    pub uncertain_inverse_length_scale: f64,
}

/// Of models stored before there was another prior on amplitudes.
fn narrow() -> f64 {
    Priors::default().uncertain_amplitude
}

impl Default for Priors {
    fn default() -> Self {
        Self {
            amplitude: 3.0,
            uncertain_amplitude: 0.5,
            inverse_length_scale: 0.75,
            uncertain_inverse_length_scale: 12.0,
        }
    }
}

impl Priors {
    /// Whether all scales are positive numbers.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`].
    pub fn validate(&self) -> Result<()> {
        for (parameter, value) in [
            ("prior amplitude", self.amplitude),
            ("prior uncertain amplitude", self.uncertain_amplitude),
            ("prior inverse length scale", self.inverse_length_scale),
            (
                "prior uncertain inverse length scale",
                self.uncertain_inverse_length_scale,
            ),
        ] {
            if !(value.is_finite() && value > 0.0) {
                return Err(Error::invalid_parameter(
                    parameter,
                    value,
                    "a positive number",
                ));
            }
        }
        Ok(())
    }

    /// The logarithm of the prior density, up to a constant, and its derivatives by the logarithms.
    ///
    /// The density is that of the values, or, for their uncertainty, that of the logarithms.
    pub(crate) fn log_density(
        &self,
        layout: &Layout,
        logs: &[f64],
        of_logs: bool,
    ) -> (f64, Vec<f64>) {
        let (amplitude, inverse_length_scale) = if of_logs {
            (
                self.uncertain_amplitude,
                self.uncertain_inverse_length_scale,
            )
        } else {
            (self.amplitude, self.inverse_length_scale)
        };
        let mut density = 0.0;
        let gradient = layout
            .kinds()
            .zip(logs)
            .map(|(kind, &log)| {
                let (value, slope) = match kind {
                    Kind::Amplitude => half_normal(log, amplitude, of_logs),
                    Kind::InverseLengthScale => half_normal(log, inverse_length_scale, of_logs),
                    Kind::Noise if of_logs => (log, 1.0),
                    Kind::Noise => (0.0, 0.0),
                    Kind::Scale => (-0.5 * log * log, -log),
                };
                density += value;
                slope
            })
            .collect();
        (density, gradient)
    }
}

fn half_normal(log: f64, scale: f64, of_logs: bool) -> (f64, f64) {
    let square = (log.exp() / scale).powi(2);
    if of_logs {
        (log - 0.5 * square, 1.0 - square)
    } else {
        (-0.5 * square, -square)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_abs_diff_eq;

    #[test]
    fn slopes_are_those_of_differences() {
        let layout = Layout {
            sets: 1,
            inverse_length_scales: 1,
            coefficients: 1,
            terms: 1,
            noise: true,
            scales: 1,
        };
        let logs = [0.2, -0.4, -1.0, 0.3];
        for of_logs in [false, true] {
            let priors = Priors::default();
            let (_, gradient) = priors.log_density(&layout, &logs, of_logs);
            for k in 0..logs.len() {
                let at = |h: f64| {
                    let mut logs = logs;
                    logs[k] += h;
                    priors.log_density(&layout, &logs, of_logs).0
                };
                let difference = (at(1e-5) - at(-1e-5)) / 2e-5;
                assert_abs_diff_eq!(gradient[k], difference, epsilon = 1e-8);
            }
        }
    }

    #[test]
    fn scales_have_to_be_positive() {
        let bad = Priors {
            inverse_length_scale: 0.0,
            ..Priors::default()
        };
        assert!(
            bad.validate()
                .unwrap_err()
                .to_string()
                .contains("inverse length scale")
        );
        assert!(Priors::default().validate().is_ok());
    }
}

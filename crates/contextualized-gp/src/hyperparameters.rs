//! Hyperparameters, and their logarithms as one vector for the optimiser.

use crate::Kernel;
use contextualized_core::{Error, Result};
use ndarray::{Array1, Array2, ArrayView1};
use serde::{Deserialize, Serialize};

/// Everything the prior and the noise depend on, in the units of the tables given to the fit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hyperparameters {
    /// Inverse length scales rₖ, one over the length scale: a row for all coefficients, or one for each; a
    /// column for every context column of every factor of every term, in order.
    pub inverse_length_scales: Array2<f64>,
    /// Amplitudes s: prior standard deviation of each coefficient (rows) in each term (columns).
    pub amplitudes: Array2<f64>,
    /// Standard deviation σ of the noise of a row of weight one; 1 and without meaning unless the
    /// family is Gaussian.
    pub noise: f64,
    /// For several targets, the factor of each by which its variances, noise included, exceed those
    /// above; ones unless the family is Gaussian.
    pub scales: Array1<f64>,
}

impl Hyperparameters {
    /// The row of inverse length scales that a coefficient has.
    pub(crate) fn set_of(&self, coefficient: usize) -> usize {
        match self.inverse_length_scales.nrows() {
            1 => 0,
            _ => coefficient,
        }
    }

    /// Squares of the inverse length scales of a set.
    pub(crate) fn squares(&self, set: usize) -> Vec<f64> {
        self.inverse_length_scales
            .row(set)
            .iter()
            .map(|r| r * r)
            .collect()
    }

    /// The same inverse length scales for each coefficient, in a row of its own.
    pub(crate) fn with_own_inverse_length_scales(&self) -> Self {
        let rows = self.amplitudes.nrows();
        let inverse_length_scales =
            Array2::from_shape_fn((rows, self.inverse_length_scales.ncols()), |(j, k)| {
                self.inverse_length_scales[[self.set_of(j), k]]
            });
        Self {
            inverse_length_scales,
            ..self.clone()
        }
    }

    /// The same for a family without noise, whose targets have no scale either.
    pub(crate) fn without_noise(&self) -> Self {
        Self {
            noise: 1.0,
            scales: Array1::ones(1),
            ..self.clone()
        }
    }

    /// Whether the shapes are those of a kernel, coefficients and targets, and the values positive.
    pub(crate) fn validate(
        &self,
        kernel: &Kernel,
        coefficients: usize,
        targets: usize,
    ) -> Result<()> {
        let sets = self.inverse_length_scales.nrows();
        let shape = |parameter, found: (usize, usize), expected: (usize, usize)| match found {
            _ if found == expected => Ok(()),
            _ => Err(Error::invalid_parameter(
                parameter,
                format!("{} × {}", found.0, found.1),
                format!("{} × {}", expected.0, expected.1),
            )),
        };
        let sets = if sets == 1 { 1 } else { coefficients };
        shape(
            "inverse length scales",
            self.inverse_length_scales.dim(),
            (sets, kernel.inverse_length_scales()),
        )?;
        shape(
            "amplitudes",
            self.amplitudes.dim(),
            (coefficients, kernel.terms.len()),
        )?;
        shape("scales", (self.scales.len(), 1), (targets, 1))?;
        let positive = |parameter, value: f64, least: f64| match value {
            value if value.is_finite() && value >= least => Ok(()),
            value => Err(Error::invalid_parameter(
                parameter,
                value,
                "a finite number, positive for noise and scales, at least 0 for the others",
            )),
        };
        for &value in &self.inverse_length_scales {
            positive("inverse length scale", value, 0.0)?;
        }
        for &value in &self.amplitudes {
            positive("amplitude", value, 0.0)?;
        }
        positive("noise", self.noise, f64::MIN_POSITIVE)?;
        for &value in &self.scales {
            positive("scale", value, f64::MIN_POSITIVE)?;
        }
        Ok(())
    }
}

/// The smallest hyperparameter searched. An inverse length scale or an amplitude there is zero.
pub(crate) const SMALLEST: f64 = 1e-5;

/// Where each hyperparameter stands in the vector of logarithms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Layout {
    pub(crate) sets: usize,
    pub(crate) inverse_length_scales: usize,
    pub(crate) coefficients: usize,
    pub(crate) terms: usize,
    pub(crate) noise: bool,
    /// Targets with a scale of their own: none if there is one target.
    pub(crate) scales: usize,
}

/// What one entry of the vector is the logarithm of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    InverseLengthScale,
    Amplitude,
    Noise,
    Scale,
}

impl Layout {
    pub(crate) fn amplitudes_start(&self) -> usize {
        self.sets * self.inverse_length_scales
    }

    pub(crate) fn noise_at(&self) -> Option<usize> {
        self.noise
            .then_some(self.amplitudes_start() + self.coefficients * self.terms)
    }

    pub(crate) fn scales_start(&self) -> usize {
        self.len() - self.scales
    }

    pub(crate) fn len(&self) -> usize {
        self.amplitudes_start()
            + self.coefficients * self.terms
            + usize::from(self.noise)
            + self.scales
    }

    pub(crate) fn kinds(&self) -> impl Iterator<Item = Kind> {
        let repeat = |kind, count| std::iter::repeat_n(kind, count);
        repeat(Kind::InverseLengthScale, self.amplitudes_start())
            .chain(repeat(Kind::Amplitude, self.coefficients * self.terms))
            .chain(repeat(Kind::Noise, usize::from(self.noise)))
            .chain(repeat(Kind::Scale, self.scales))
    }

    /// Logarithms of hyperparameters; a zero becomes that of the smallest value searched.
    pub(crate) fn logs(&self, hyper: &Hyperparameters) -> Vec<f64> {
        let values = hyper.inverse_length_scales.iter().chain(&hyper.amplitudes);
        let noise = self.noise.then_some(&hyper.noise);
        values
            .chain(noise)
            .chain(hyper.scales.iter().take(self.scales))
            .map(|value| value.max(SMALLEST).ln())
            .collect()
    }

    /// Hyperparameters of logarithms; the smallest inverse length scale and amplitude searched stand for zero.
    pub(crate) fn hyperparameters(&self, logs: &[f64], targets: usize) -> Hyperparameters {
        // And what rounding makes of it on the way through other coordinates.
        let zero = SMALLEST.ln() + 1e-9;
        let kinds = self.kinds().zip(logs);
        let values: Array1<f64> = kinds
            .map(|(kind, log)| match kind {
                Kind::InverseLengthScale | Kind::Amplitude if *log <= zero => 0.0,
                Kind::InverseLengthScale | Kind::Amplitude | Kind::Noise | Kind::Scale => log.exp(),
            })
            .collect();
        let table = |range: std::ops::Range<usize>, rows, columns| {
            let part: ArrayView1<f64> = values.slice(ndarray::s![range]);
            Array2::from_shape_fn((rows, columns), |(row, column)| {
                part[row * columns + column]
            })
        };
        let (start, noise) = (self.amplitudes_start(), self.noise_at());
        let scales = &values.as_slice().unwrap_or_default()[self.scales_start()..];
        Hyperparameters {
            inverse_length_scales: table(0..start, self.sets, self.inverse_length_scales),
            amplitudes: table(
                start..start + self.coefficients * self.terms,
                self.coefficients,
                self.terms,
            ),
            noise: noise.map_or(1.0, |at| values[at]),
            scales: match self.scales {
                0 => Array1::ones(targets),
                _ => Array1::from_vec(scales.to_vec()),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use ndarray::array;

    #[test]
    fn logarithms_go_there_and_back() {
        let hyper = Hyperparameters {
            inverse_length_scales: array![[1.0, 2.0], [3.0, 4.0]],
            amplitudes: array![[0.5], [0.25]],
            noise: 0.1,
            scales: array![1.0, 7.0],
        };
        let layout = Layout {
            sets: 2,
            inverse_length_scales: 2,
            coefficients: 2,
            terms: 1,
            noise: true,
            scales: 2,
        };
        let logs = layout.logs(&hyper);
        assert_eq!(logs.len(), layout.len());
        let back = layout.hyperparameters(&logs, 2);
        assert_relative_eq!(
            back.inverse_length_scales,
            hyper.inverse_length_scales,
            epsilon = 1e-12
        );
        assert_relative_eq!(back.amplitudes, hyper.amplitudes, epsilon = 1e-12);
        assert_relative_eq!(back.scales, hyper.scales, epsilon = 1e-12);
        assert_relative_eq!(back.noise, hyper.noise, epsilon = 1e-12);
        assert_eq!(layout.kinds().count(), layout.len());
    }

    #[test]
    fn shapes_and_values_are_checked() {
        let kernel = Kernel::squared_exponential([0, 1]);
        let good = Hyperparameters {
            inverse_length_scales: array![[1.0, 2.0]],
            amplitudes: array![[0.5], [0.25]],
            noise: 0.1,
            scales: array![1.0],
        };
        assert!(good.validate(&kernel, 2, 1).is_ok());
        assert!(
            good.with_own_inverse_length_scales()
                .validate(&kernel, 2, 1)
                .is_ok()
        );
        assert!(good.validate(&kernel, 3, 1).is_err());
        assert!(good.validate(&kernel, 2, 2).is_err());
        let mut bad = good.clone();
        bad.noise = 0.0;
        assert!(
            bad.validate(&kernel, 2, 1)
                .unwrap_err()
                .to_string()
                .contains("noise")
        );
        let mut bad = good;
        bad.amplitudes[[0, 0]] = f64::NAN;
        assert!(bad.validate(&kernel, 2, 1).is_err());
    }
}

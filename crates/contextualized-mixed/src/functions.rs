//! Coefficients as functions of the context: a basis of few functions with the prior of a Gaussian process.

use crate::problem::Penalty;
use contextualized_core::Result;
use contextualized_gp::{Kernel, PriorBasis};
use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};

/// Standard deviations of the half-normal priors of amplitudes, in units of the noise, and of inverse length scales.
/// They have their mode where nothing varies.
const AMPLITUDE: f64 = 10.0;
const INVERSE_LENGTH_SCALE: f64 = 0.75;

/// Inverse length scales that the basis is made for: functions may be this rough.
const ROUGHEST: f64 = 1.5;

/// Where amplitudes and inverse length scales begin.
const START: f64 = 0.5;

/// What the basis may leave out of the prior variance, on average.
const LEFT_OUT: f64 = 0.01;

/// How much smoother functions are asked for at a time where the basis would be too large, and how often.
const SMOOTHING: f64 = 0.8;
const MOST_SMOOTHINGS: usize = 12;

/// The most functions of all coefficients together.
const MOST_FUNCTIONS: usize = 240;

/// A basis of functions of the context, the same for all coefficients.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Functions {
    basis: PriorBasis,
}

impl Functions {
    /// Chooses a basis for so many coefficients at these contexts.
    pub(crate) fn new(
        kernel: &Kernel,
        contexts: ArrayView2<'_, f64>,
        coefficients: usize,
    ) -> Result<Self> {
        let limit = (MOST_FUNCTIONS / coefficients.max(1) / kernel.terms().len()).max(8);
        let mut inverse = ROUGHEST;
        for _ in 0..MOST_SMOOTHINGS {
            let basis = PriorBasis::new(kernel, inverse, contexts, LEFT_OUT, limit)?;
            if basis.residual() <= LEFT_OUT {
                return Ok(Self { basis });
            }
            inverse *= SMOOTHING;
        }
        let basis = PriorBasis::new(kernel, inverse, contexts, LEFT_OUT, limit)?;
        Ok(Self { basis })
    }

    /// Functions of each coefficient.
    pub(crate) fn count(&self) -> usize {
        self.basis.functions()
    }

    /// Their values (n × functions).
    pub(crate) fn at(&self, contexts: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        if contexts.nrows() == 0 {
            return Ok(Array2::zeros((0, self.count())));
        }
        self.basis.at(contexts)
    }

    fn terms(&self) -> usize {
        self.basis.terms()
    }

    fn scales(&self) -> usize {
        self.basis.inverse_length_scales()
    }

    /// Numbers of each coefficient: amplitudes of the terms, then inverse length scales.
    pub(crate) fn width(&self) -> usize {
        self.terms() + self.scales()
    }

    /// Where the search starts.
    pub(crate) fn start(&self, coefficients: usize) -> Vec<f64> {
        vec![START; coefficients * self.width()]
    }

    /// Numbers of one coefficient.
    fn of<'p>(&self, parameters: &'p [f64], coefficient: usize) -> (&'p [f64], &'p [f64]) {
        let width = self.width();
        parameters[coefficient * width..(coefficient + 1) * width].split_at(self.terms())
    }

    pub(crate) fn penalties(
        &self,
        parameters: &[f64],
        coefficients: usize,
        mut start: usize,
    ) -> Result<Vec<Penalty>> {
        let mut penalties = Vec::new();
        for coefficient in 0..coefficients {
            let (amplitudes, scales) = self.of(parameters, coefficient);
            let roots = self.basis.roots(scales)?;
            for (amplitude, root) in amplitudes.iter().zip(roots) {
                let penalty = Penalty {
                    start,
                    repeats: 1,
                    root: root * *amplitude,
                };
                start += penalty.columns();
                penalties.push(penalty);
            }
        }
        Ok(penalties)
    }

    /// Derivatives by the numbers of those by the covariances of the weights; by inverse length scales from differences
    /// of the covariance.
    pub(crate) fn gradient(
        &self,
        parameters: &[f64],
        coefficients: usize,
        slopes: &[Array2<f64>],
    ) -> Result<Vec<f64>> {
        const STEP: f64 = 1e-5;
        let mut gradient = Vec::with_capacity(parameters.len());
        for coefficient in 0..coefficients {
            let (amplitudes, scales) = self.of(parameters, coefficient);
            let own = &slopes[coefficient * self.terms()..(coefficient + 1) * self.terms()];
            // The derivative by each term's covariance at an amplitude of one, times that covariance.
            let traces = |scales: &[f64]| -> Result<Vec<f64>> {
                let roots = self.basis.roots(scales)?;
                let traces = roots.iter().zip(own);
                Ok(traces
                    .map(|(root, slope)| (&slope.dot(root) * root).sum())
                    .collect())
            };
            let here = traces(scales)?;
            gradient.extend(here.iter().zip(amplitudes).map(|(own, a)| 2.0 * a * own));
            for scale in 0..scales.len() {
                let mut moved = scales.to_vec();
                let mut sum_at = |step: f64| -> Result<f64> {
                    moved[scale] = scales[scale] + step;
                    let traces = traces(&moved)?;
                    let weighted = traces.iter().zip(amplitudes);
                    Ok(weighted.map(|(own, a)| a * a * own).sum())
                };
                gradient.push((sum_at(STEP)? - sum_at(-STEP)?) / (2.0 * STEP));
            }
        }
        Ok(gradient)
    }

    /// Minus twice the logarithm of the priors.
    pub(crate) fn penalty(&self, parameters: &[f64], coefficients: usize) -> f64 {
        let of_one = |coefficient: usize| {
            let (amplitudes, scales) = self.of(parameters, coefficient);
            let sum = |own: &[f64], unit: f64| own.iter().map(|v| (v / unit).powi(2)).sum::<f64>();
            sum(amplitudes, AMPLITUDE) + sum(scales, INVERSE_LENGTH_SCALE)
        };
        (0..coefficients).map(of_one).sum()
    }

    pub(crate) fn penalty_gradient(&self, parameters: &[f64], coefficients: usize) -> Vec<f64> {
        let mut gradient = Vec::with_capacity(parameters.len());
        for coefficient in 0..coefficients {
            let (amplitudes, scales) = self.of(parameters, coefficient);
            gradient.extend(amplitudes.iter().map(|own| 2.0 * own / AMPLITUDE.powi(2)));
            let slope = |own: &f64| 2.0 * own / INVERSE_LENGTH_SCALE.powi(2);
            gradient.extend(scales.iter().map(slope));
        }
        gradient
    }

    /// Length scales (coefficients × inverse length scales), infinite where functions do not vary.
    pub(crate) fn length_scales(&self, parameters: &[f64], coefficients: usize) -> Array2<f64> {
        Array2::from_shape_fn((coefficients, self.scales()), |(coefficient, scale)| {
            self.of(parameters, coefficient).1[scale].abs().recip()
        })
    }

    /// What the basis leaves out of the prior variance of every coefficient at contexts whose functions are given
    /// (n × coefficients), in units of the noise variance.
    pub(crate) fn left_out(
        &self,
        parameters: &[f64],
        coefficients: usize,
        values: ArrayView2<'_, f64>,
    ) -> Result<Array2<f64>> {
        let mut left = Array2::zeros((values.nrows(), coefficients));
        for coefficient in 0..coefficients {
            let (amplitudes, scales) = self.of(parameters, coefficient);
            let mut start = 0;
            for (amplitude, root) in amplitudes.iter().zip(self.basis.roots(scales)?) {
                let own = values.slice(ndarray::s![.., start..start + root.nrows()]);
                start += root.nrows();
                let half = own.dot(&root);
                for (row, half) in half.rows().into_iter().enumerate() {
                    // Kernels of these shapes have a variance of one everywhere.
                    let lacking = (1.0 - half.dot(&half)).max(0.0);
                    left[[row, coefficient]] += amplitude * amplitude * lacking;
                }
            }
        }
        Ok(left)
    }
}

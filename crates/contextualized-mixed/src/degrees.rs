//! Degrees of freedom of constant coefficients.

use crate::structure::Criterion;
use contextualized_core::Result;
use contextualized_solvers::symmetric_eigen;
use ndarray::{Array1, Array2, ArrayView1, Axis, s};
use serde::{Deserialize, Serialize};

/// How uncertain the variances of coefficients are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Uncertain {
    /// As variances of so many independent normal numbers.
    Degrees(f64),
    /// As covariances are, of which coefficients' variances are functions.
    Satterthwaite {
        /// Covariance of the coefficients in standard units.
        covariance: Array2<f64>,
        /// Its derivatives by the numbers that were searched and the logarithm of the noise variance.
        derivatives: Vec<Array2<f64>>,
        /// The covariance of these numbers.
        uncertainty: Array2<f64>,
    },
}

impl Uncertain {
    /// Those of so many levels less so many coefficients.
    pub(crate) fn of_levels(levels: usize, coefficients: usize) -> Self {
        Self::Degrees(levels.saturating_sub(coefficients).max(1) as f64)
    }

    /// Degrees of freedom of a linear combination of the coefficients in standard units.
    pub(crate) fn degrees(&self, combination: ArrayView1<'_, f64>) -> f64 {
        match self {
            Self::Degrees(degrees) => *degrees,
            Self::Satterthwaite {
                covariance,
                derivatives,
                uncertainty,
            } => {
                let variance = combination.dot(&covariance.dot(&combination));
                let slopes: Array1<f64> = derivatives
                    .iter()
                    .map(|own| combination.dot(&own.dot(&combination)))
                    .collect();
                let spread = slopes.dot(&uncertainty.dot(&slopes));
                let degrees = 2.0 * variance * variance / spread;
                // A variance that is zero, or known, is as good as any.
                if degrees.is_finite() {
                    degrees.max(1.0)
                } else {
                    MOST_DEGREES
                }
            }
        }
    }
}

/// With more, Student's t is normal.
const MOST_DEGREES: f64 = 1e6;

/// Steps of differences, of roots that are about one.
const STEP: f64 = 1e-4;

/// Satterthwaite's: the variance of a coefficient is as uncertain as the numbers are that it is a function of, whose
/// covariance is twice the inverse of the second derivatives of minus twice the restricted log-likelihood.
pub(crate) fn satterthwaite(
    criterion: &Criterion<'_>,
    parameters: &[f64],
    noise: f64,
) -> Result<Uncertain> {
    let size = parameters.len() + 1;
    let (p, first) = (
        criterion.structure.coefficients,
        criterion.structure.penalised(),
    );
    let covariance = |parameters: &[f64]| -> Result<Array2<f64>> {
        let half = criterion.solve(parameters)?.half_covariance()?;
        let own = half.slice(s![.., first..first + p]);
        Ok(own.t().dot(&own) * noise)
    };
    // By the logarithm of the noise variance too.
    let gradient = |parameters: &[f64], noise: f64| -> Result<Array1<f64>> {
        let (_, mut gradient) = criterion.value_and_gradient(parameters, Some(noise))?;
        let residual = criterion.solve(parameters)?.residual;
        gradient.push(criterion.degrees() - residual / noise);
        Ok(Array1::from(gradient))
    };
    let mut second = Array2::zeros((size, size));
    let mut derivatives = Vec::with_capacity(size);
    for at in 0..size {
        let moved = |step: f64| {
            let mut moved = parameters.to_vec();
            let mut noise = noise;
            match moved.get_mut(at) {
                Some(own) => *own += step,
                None => noise *= step.exp(),
            }
            (moved, noise)
        };
        let ((above, more), (below, less)) = (moved(STEP), moved(-STEP));
        let line = (gradient(&above, more)? - gradient(&below, less)?) / (2.0 * STEP);
        second.row_mut(at).assign(&line);
        derivatives.push(if at < parameters.len() {
            (covariance(&above)? - covariance(&below)?) / (2.0 * STEP)
        } else {
            covariance(parameters)?
        });
    }
    let symmetric = (&second + &second.t()) * 0.5;
    let eigen = crate::numerical(symmetric_eigen(symmetric.view()))?;
    let largest = eigen
        .values
        .iter()
        .fold(0.0_f64, |most, own| most.max(*own));
    let mut uncertainty = Array2::zeros((size, size));
    for (value, vector) in eigen.values.iter().zip(eigen.vectors.columns()) {
        // What the likelihood says nothing of, as a correlation with an effect that is none.
        if *value > 1e-8 * largest {
            let column = vector.insert_axis(Axis(1));
            uncertainty += &(column.dot(&column.t()) * (2.0 / value));
        }
    }
    Ok(Uncertain::Satterthwaite {
        covariance: covariance(parameters)?,
        derivatives,
        uncertainty,
    })
}

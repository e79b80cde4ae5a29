//! Samples in units of the fit.

use crate::factors::Factor;
use crate::functions::Functions;
use crate::numerical;
use contextualized_core::{Error, Result, Samples, Standardization};
use contextualized_solvers::least_squares;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, concatenate, s};
use serde::{Deserialize, Serialize};

/// Features in standard units, and the way back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct FixedUnits {
    pub(crate) scaling: Standardization,
    pub(crate) intercept: bool,
}

impl FixedUnits {
    pub(crate) fn new(samples: &Samples, intercept: bool) -> Result<Self> {
        let scaling = Standardization::fit(samples.features(), samples.weights())?;
        Ok(Self {
            scaling: if intercept {
                scaling
            } else {
                scaling.without_centering()
            },
            intercept,
        })
    }

    /// Coefficients.
    pub(crate) fn count(&self) -> usize {
        self.scaling.columns() + usize::from(self.intercept)
    }

    /// The columns of the fixed effects (n × p), the intercept last.
    pub(crate) fn design(&self, features: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        let scaled = self.scaling.apply(features)?;
        let ones = Array2::ones((features.nrows(), usize::from(self.intercept)));
        concatenate(Axis(1), &[scaled.view(), ones.view()])
            .map_err(|error| Error::numerical("joining the intercept to the features", error))
    }

    /// J with β = J β̃ (p × p), β per unit of the features.
    pub(crate) fn to_original(&self) -> Array2<f64> {
        let scales = self.scaling.scales();
        let mut map = Array2::eye(self.count());
        for (feature, scale) in scales.iter().enumerate() {
            map[[feature, feature]] = scale.recip();
            if self.intercept {
                map[[scales.len(), feature]] = -self.scaling.centers()[feature] / scale;
            }
        }
        map
    }
}

/// The dense columns but for the response: effects of factors that are not eliminated, functions, fixed effects.
pub(crate) fn dense(
    samples: &Samples,
    fixed: ArrayView2<'_, f64>,
    factors: &[Factor],
    functions: Option<(&Functions, ArrayView2<'_, f64>)>,
) -> Result<Array2<f64>> {
    let rows = samples.rows();
    let others: usize = factors
        .iter()
        .skip(1)
        .map(|own| own.level_count * own.effects())
        .sum();
    let of_functions = functions.map_or(0, |(own, _)| own.count() * fixed.ncols());
    let mut dense = Array2::zeros((rows, others + of_functions + fixed.ncols()));
    let mut start = 0;
    for factor in factors.iter().skip(1) {
        let (q, design) = (factor.effects(), factor.design(samples.random_terms()));
        for (row, level) in factor.levels(samples.random_terms()).iter().enumerate() {
            let first = start + level.unwrap_or_default() * q;
            dense
                .slice_mut(s![row, first..first + q])
                .assign(&design.row(row));
        }
        start += factor.level_count * q;
    }
    if let Some((functions, contexts)) = functions {
        let values = functions.at(contexts)?;
        for column in fixed.columns() {
            let end = start + values.ncols();
            let own = &values * &column.insert_axis(Axis(1));
            dense.slice_mut(s![.., start..end]).assign(&own);
            start = end;
        }
    }
    dense.slice_mut(s![.., start..]).assign(&fixed);
    Ok(dense)
}

/// Residuals of least squares of a target on the fixed effects, and its coefficients; columns that depend on others
/// are an error that names them.
pub(crate) fn without_fixed(
    samples: &Samples,
    fixed: &Array2<f64>,
    target: ArrayView1<'_, f64>,
) -> Result<(Array1<f64>, Array1<f64>)> {
    if fixed.ncols() == 0 {
        return Ok((target.to_owned(), Array1::zeros(0)));
    }
    let table = target.insert_axis(Axis(1));
    let fit = numerical(least_squares(fixed.view(), table, samples.weights()))?;
    let dependent = fit.dependent_columns();
    if !dependent.is_empty() {
        let names = &samples.names().features;
        let name = |column: &usize| match names.get(*column) {
            Some(name) => name.clone(),
            None => "(intercept)".to_owned(),
        };
        return Err(Error::RankDeficient {
            rank: fit.rank(),
            coefficients: fixed.ncols(),
            columns: dependent.iter().map(name).collect(),
        });
    }
    let solution = fit.solution().column(0).to_owned();
    Ok((&target - &fixed.dot(&solution), solution))
}

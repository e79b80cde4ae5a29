//! The prior on the constant parts of the coefficients: flat, wherever the rows determine them.

use crate::laplace::{Outcomes, Position, newton};
use crate::numerical;
use crate::observations::Observations;
use contextualized_core::{Error, Family, Result};
use contextualized_solvers::{cholesky_with_limit, transposed_product, weighted_gram};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, s};
use serde::{Deserialize, Serialize};

/// Independent normal distributions of one precision, which is zero if the prior is flat.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct ConstantPrior {
    pub(crate) precision: f64,
}

impl ConstantPrior {
    pub(crate) const FLAT: Self = Self { precision: 0.0 };

    /// A standard deviation of ten, which keeps constants finite that the rows do not determine.
    pub(crate) const WEAK: Self = Self { precision: 0.01 };

    /// A design with collinear columns or no more rows than columns does not determine the constants,
    /// nor do rows whose likelihood rises for ever as the constants move.
    const LEAST_TOLERANCE: f64 = 1e-13;
    const MAX_ITERATIONS: usize = 25;

    /// The flat prior if the generalised linear model of these rows has finite estimates, the weak one
    /// otherwise.
    pub(crate) fn of(family: Family, rows: Observations<'_>) -> Result<Self> {
        let (count, columns) = rows.design.dim();
        let most =
            |column: ArrayView1<'_, f64>| column.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
        let scales = rows.design.map_axis(Axis(0), most);
        if count <= columns || scales.iter().any(|scale| *scale == 0.0) {
            return Ok(Self::WEAK);
        }
        let mut design = &rows.design / &scales;
        let norms = design.map_axis(Axis(0), |column| column.dot(&column).sqrt());
        design /= &norms;
        let mut weighted = design.clone();
        if let Some(weights) = rows.weights {
            let largest = weights.fold(0.0, |most: f64, w| most.max(*w));
            weighted *= &(&weights / largest).insert_axis(Axis(1));
        }
        let gram = numerical(transposed_product(design.view(), weighted.view()))?;
        let gram = (&gram + &gram.t()) / 2.0;
        let units = gram.diag().mapv(f64::sqrt);
        let correlation = &gram / &units / units.view().insert_axis(Axis(1));
        // The squares of the factor's diagonal are the columns' tolerances: 1 − R² given those before.
        let determined = cholesky_with_limit(correlation.view(), 0.0).is_ok_and(|factor| {
            let tolerances = factor.lower().diag();
            tolerances.iter().all(|l| l * l > Self::LEAST_TOLERANCE)
        });
        if !determined {
            return Ok(Self::WEAK);
        }
        if !family.is_quadratic() && !has_maximum(&Outcomes::of(family, rows), design.view()) {
            return Ok(Self::WEAK);
        }
        Ok(Self::FLAT)
    }

    pub(crate) fn is_flat(&self) -> bool {
        self.precision == 0.0
    }

    /// Degrees of freedom that so many constants take from the rows.
    pub(crate) fn degrees(&self, constants: usize) -> f64 {
        if self.is_flat() {
            constants as f64
        } else {
            0.0
        }
    }

    /// Twice the logarithm of what the integral over so many constants has beyond the root of their
    /// posterior's determinant. A flat prior has density one, so that the marginal likelihood is the
    /// restricted one (Harville 1974, doi:10.1093/biomet/61.2.383).
    pub(crate) fn log_normalizer(&self, constants: usize) -> f64 {
        let each = if self.is_flat() {
            std::f64::consts::TAU
        } else {
            self.precision
        };
        constants as f64 * each.ln()
    }

    /// Prior precisions of whitened weights, of which each coefficient has so many, its constant first:
    /// all but those of constants are one.
    pub(crate) fn whitened(&self, coefficients: usize, functions: usize) -> Array1<f64> {
        let mut precisions = Array1::ones(coefficients * functions);
        precisions.slice_mut(s![..;functions]).fill(self.precision);
        precisions
    }

    pub(crate) fn check(&self) -> Result<()> {
        if [Self::FLAT, Self::WEAK].contains(self) {
            return Ok(());
        }
        Err(Error::invalid_parameter(
            "precision of constants",
            self.precision,
            "0 or 0.01",
        ))
    }
}

/// A last step of the predictors that is short. Where there is no maximum, each step makes infinite
/// predictors larger by about 1, long after the objective has become flat.
const SHORT_STEP: f64 = 1e-3;

/// Whether the generalised linear model has finite estimates. Where it has none, as for a separated
/// binary target, Newton's steps do not become shorter.
fn has_maximum(outcomes: &Outcomes<'_>, design: ArrayView2<'_, f64>) -> bool {
    let columns = design.ncols();
    let found = newton(
        outcomes,
        columns,
        ConstantPrior::MAX_ITERATIONS,
        |_| 0.0,
        |working| {
            let gram = numerical(weighted_gram(design, working.precisions.view()))?;
            let factor = numerical(cholesky_with_limit(gram.view(), 0.0))?;
            let products = design.t().dot(&(&working.precisions * &working.responses));
            let solved: Array2<f64> =
                numerical(factor.solve(products.insert_axis(Axis(1)).view()))?;
            let coordinates = solved.remove_axis(Axis(1));
            let predictors = design.dot(&coordinates);
            Ok(Position {
                coordinates,
                predictors,
            })
        },
    );
    found.is_ok_and(|mode| mode.change < SHORT_STEP)
}

//! The standardised design matrix of a linear model, and the way back to the users' units.

use contextualized_core::{Coefficients, Error, Result, Samples, Standardization};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, Slice, array, concatenate};

/// What the features of a column may owe to rounding, relative to the largest: some of them may be
/// sums or products of a few numbers.
const ROUNDING: f64 = 16.0 * f64::EPSILON;

/// Standardised features behind a column of ones if there is an intercept, otherwise features in
/// units of their standard deviation.
///
/// Centred features are as far from the ones as they can be, wherever their zero is, and a
/// constant feature is a column of zeros, so that it, not the intercept, is found to be dependent.
pub(crate) struct Design<'a> {
    pub(crate) matrix: Array2<f64>,
    samples: &'a Samples,
    scaling: Standardization,
    intercept: bool,
    /// What the values of each column may owe to the rounding of features.
    rounding: Array1<f64>,
}

impl<'a> Design<'a> {
    /// Standardises by the row weights; every row should have some.
    pub(crate) fn new(samples: &'a Samples, intercept: bool) -> Result<Self> {
        Self::standardized(samples, intercept, samples.weights())
    }

    /// The same features, standardised by other weights.
    pub(crate) fn reweighted(&self, weights: ArrayView1<'_, f64>) -> Result<Self> {
        Self::standardized(self.samples, self.intercept, Some(weights))
    }

    fn standardized(
        samples: &'a Samples,
        intercept: bool,
        weights: Option<ArrayView1<'_, f64>>,
    ) -> Result<Self> {
        let mut scaling = Standardization::fit(samples.features(), weights)?;
        if !intercept {
            scaling = scaling.without_centering();
        }
        let mut matrix = scaling.apply(samples.features())?;
        let largest = samples
            .features()
            .fold_axis(Axis(0), 0.0_f64, |largest, value| largest.max(value.abs()));
        let mut rounding = largest * ROUNDING / scaling.scales();
        if intercept {
            matrix = concatenate![Axis(1), Array2::ones((samples.rows(), 1)), matrix];
            rounding = concatenate![Axis(0), array![0.0], rounding];
        }
        Ok(Self {
            matrix,
            samples,
            scaling,
            intercept,
            rounding,
        })
    }

    pub(crate) fn coefficients(&self) -> usize {
        self.matrix.ncols()
    }

    /// The columns of the features, which are those behind the ones.
    pub(crate) fn features(&self) -> Slice {
        Slice::from(usize::from(self.intercept)..)
    }

    /// Whether the first column is that of an intercept.
    pub(crate) fn has_intercept(&self) -> bool {
        self.intercept
    }

    /// Standard deviations of the features, or ones for constant features.
    pub(crate) fn scales(&self) -> ArrayView1<'_, f64> {
        self.scaling.scales()
    }

    /// The penalty of every column: these for the features, none for the intercept.
    pub(crate) fn penalties(&self, of_features: ArrayView1<'_, f64>) -> Array1<f64> {
        let mut penalties = Array1::zeros(self.coefficients());
        penalties
            .slice_axis_mut(Axis(0), self.features())
            .assign(&of_features);
        penalties
    }

    /// Slopes (targets × features) and intercepts (targets), in the users' units, of a solution
    /// (columns × targets).
    pub(crate) fn to_original_units(
        &self,
        solution: ArrayView2<'_, f64>,
    ) -> Result<(Array2<f64>, Array1<f64>)> {
        let targets = solution.ncols();
        let slopes = solution
            .slice_axis(Axis(0), self.features())
            .reversed_axes();
        let intercepts = if self.intercept {
            solution.row(0).to_owned()
        } else {
            Array1::zeros(targets)
        };
        let coefficients = Coefficients::constant(slopes, intercepts.view(), 1)?
            .to_original_units(&self.scaling, &Standardization::identity(targets))?;
        Ok((
            coefficients.slopes().index_axis(Axis(0), 0).to_owned(),
            coefficients.intercepts().row(0).to_owned(),
        ))
    }

    /// Standard deviations, in the users' units, of coefficients with this covariance.
    ///
    /// With centres a and scales s the intercept is `μ = μ̃ − Σ_j β̃_j a_j / s_j`, so that its variance
    /// takes the covariances of all coefficients.
    pub(crate) fn deviations(&self, covariance: &Array2<f64>) -> Array1<f64> {
        let mut deviations = covariance.diag().mapv(f64::sqrt);
        let mut slopes = deviations.slice_axis_mut(Axis(0), self.features());
        slopes /= &self.scaling.scales();
        if self.intercept {
            let mut combination = Array1::ones(self.coefficients());
            combination
                .slice_axis_mut(Axis(0), self.features())
                .assign(&(-&self.scaling.centers() / self.scaling.scales()));
            deviations[0] = combination.dot(&covariance.dot(&combination)).sqrt();
        }
        deviations
    }

    /// How the features of the columns are standardised.
    pub(crate) fn scaling(&self) -> &Standardization {
        &self.scaling
    }

    /// Fewer rows than coefficients determine nothing without a penalty.
    pub(crate) fn require_rows(&self) -> Result<()> {
        let (found, needed) = self.matrix.dim();
        if found >= needed {
            return Ok(());
        }
        Err(Error::TooFewRows {
            purpose: format!("a regression with {needed} coefficients"),
            needed,
            found,
        })
    }

    /// Columns that the others determine up to the rounding of the features are dependent.
    ///
    /// The solver knows the rounding of the standardised features alone, which is the lesser where
    /// a feature varies little around a large centre.
    pub(crate) fn require_independent(&self) -> Result<()> {
        let (rows, columns) = self.matrix.dim();
        let spread = |column: usize| {
            let values = self.matrix.column(column);
            (values.dot(&values) / rows as f64).sqrt()
        };
        let margin = ROUNDING * rows.max(columns) as f64;
        if (0..columns).all(|column| self.rounding[column] < margin * spread(column)) {
            return Ok(());
        }
        let targets = Array2::zeros((rows, 1));
        let mut kept: Vec<usize> = (0..columns).collect();
        let mut dependent = Vec::new();
        loop {
            let matrix = self.matrix.select(Axis(1), &kept);
            let fit = contextualized_solvers::least_squares(matrix.view(), targets.view(), None)
                .map_err(|error| self.name_columns(error))?;
            let mut redundant = fit.dependent_columns().to_vec();
            if redundant.is_empty() {
                let inverse = fit
                    .unscaled_covariance()
                    .map_err(|error| self.name_columns(error))?;
                // What the others leave of a column has the sum of squares 1 / (XᵀX)⁻¹ⱼⱼ.
                let remainder = |k: usize| (1.0 / inverse[[k, k]] / rows as f64).sqrt();
                redundant.extend(
                    (0..kept.len())
                        .rev()
                        .find(|&k| remainder(k) <= self.rounding[kept[k]]),
                );
            }
            if redundant.is_empty() {
                break;
            }
            for &k in redundant.iter().rev() {
                dependent.push(kept.remove(k));
            }
        }
        if dependent.is_empty() {
            return Ok(());
        }
        dependent.sort_unstable();
        Err(self.deficient(kept.len(), &dependent))
    }

    fn deficient(&self, rank: usize, dependent: &[usize]) -> Error {
        let features = &self.samples.names().features;
        let name = |&column: &usize| match (column, self.intercept) {
            (0, true) => "(intercept)".to_owned(),
            (column, intercept) => features[column - usize::from(intercept)].clone(),
        };
        Error::RankDeficient {
            rank,
            coefficients: self.coefficients(),
            columns: dependent.iter().map(name).collect(),
        }
    }

    /// The solver's error, with the names of dependent columns.
    pub(crate) fn name_columns(&self, error: contextualized_solvers::Error) -> Error {
        match error {
            contextualized_solvers::Error::RankDeficient {
                rank, dependent, ..
            } => self.deficient(rank, &dependent),
            other => Error::numerical("the least-squares solution", other),
        }
    }
}

//! A sampled local surrogate of any function, with its sampling error.

use crate::explained::share_explained;
use crate::neighbourhood::{check_scales, check_width, standard_normal};
use crate::sensitivities::{ContextSensitivities, check_pairs};
use contextualized_core::validate::{check_finite, check_rows};
use contextualized_core::{Coefficients, Error, LocalCoefficients, Result};
use contextualized_solvers::least_squares;
use ndarray::{Array1, Array2, Array3, ArrayView1, ArrayView2, Axis, concatenate, s};
use rayon::prelude::*;

/// LIME: a linear surrogate fitted to g at random perturbations of a point.
///
/// Around every (c, x) draw m perturbations u ~ N(0, I), evaluate g at (c, x) + h s ∘ u, h the width
/// and s the scales of the columns, and fit
///
/// ```text
/// minimise over a, b:  mean of exp(−‖u‖² / 2κ²) (g − a − bᵀu)²  +  λ ‖b / h‖²
/// slope of column j = b_j / (h s_j)
/// ```
///
/// The fit is on u, perturbations divided by the width, whose variance does not vanish with h. As
/// h → 0 the slopes of features converge to ∂g/∂x, the coefficients, and those of contexts to ∂g/∂c,
/// which are not: for smooth g the bias is O(h²), and the sampling error O(h / √m), for it is the
/// curvature that scatters about the line. Both are zero where g is linear.
///
/// A penalty λ on slopes shrinks them by v h² / (v h² + λ), v = κ² / (1 + κ²): it has to vanish
/// faster than h². One that stays ([`Ridge::Fixed`], as in the original, whose `Ridge(alpha=1)` is
/// fitted to columns that are not divided by the width) takes all slopes to zero instead.
///
/// | setting | default | range |
/// |---|---|---|
/// | width h | given | above 0, in units of the scales |
/// | draws m | 1000 | more than columns and an intercept |
/// | scales s | one | above 0: standard deviations of the columns, say |
/// | kernel width κ | 0.75 √columns, as in the original | above 0, in units of the width; infinite for no weights |
/// | ridge | none | none, vanishing, or fixed |
/// | seed | 0 | rows have streams of their own |
///
/// After Ribeiro, Singh and Guestrin (2016), "Why Should I Trust You?": Explaining the Predictions
/// of Any Classifier (doi:10.1145/2939672.2939778); on its limit, Garreau and von Luxburg (2020,
/// arXiv:2001.03447).
///
/// ```
/// use contextualized_bridge::Lime;
/// use ndarray::array;
///
/// // g(c, x) = x sin(c): the coefficient is sin(c), and ∂g/∂c = x cos(c).
/// let found = Lime::new(0.01).explain_function(
///     |c, x| Ok(&x * &c.mapv(f64::sin)),
///     array![[0.5]].view(),
///     array![[2.0]].view(),
/// )?;
/// let coefficient = found.coefficients.slopes()[[0, 0, 0]];
/// let error = found.coefficient_errors[[0, 0, 0]];
/// assert!((coefficient - 0.5_f64.sin()).abs() < 4.0 * error && error < 0.002);
/// let sensitivity = found.sensitivities.values()[[0, 0, 0]];
/// assert!((sensitivity - 2.0 * 0.5_f64.cos()).abs() < 4.0 * found.sensitivity_errors[[0, 0, 0]]);
/// # Ok::<(), contextualized_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Lime {
    width: f64,
    draws: usize,
    kernel_width: Option<f64>,
    scales: Option<(Array1<f64>, Array1<f64>)>,
    ridge: Ridge,
    seed: u64,
}

/// The penalty on a surrogate's slopes, per unit of the columns' scales.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub enum Ridge {
    /// Least squares.
    #[default]
    None,
    /// λ = this times width⁴: the bias it adds is O(width²), as that of the curvature.
    Vanishing(f64),
    /// λ, whatever the width: slopes go to zero with the width. Here to show it.
    Fixed(f64),
}

/// Surrogates at every row asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanations {
    /// Slopes in the features, which converge to ∂g/∂x, and the surrogate's value at this context
    /// and features of zero.
    pub coefficients: Coefficients,
    /// Standard errors of the slopes by sampling, rows × targets × features.
    ///
    /// They are sandwich estimates (White 1980, doi:10.2307/1912934), right for any scatter about the
    /// line. Bias is not in them: it is their equal in size where the width is about 1 / √m.
    pub coefficient_errors: Array3<f64>,
    /// Slopes in the contexts, which converge to ∂g/∂c. Not coefficients.
    pub sensitivities: ContextSensitivities,
    /// Standard errors of these, rows × targets × contexts.
    pub sensitivity_errors: Array3<f64>,
    /// The kernel-weighted share of the variance of g over the perturbations that the surrogate
    /// explains, rows × targets; nothing where g does not vary.
    pub r_squared: Array2<Option<f64>>,
}

impl Lime {
    /// The default settings at a width.
    pub fn new(width: f64) -> Self {
        Self {
            width,
            draws: 1000,
            kernel_width: None,
            scales: None,
            ridge: Ridge::None,
            seed: 0,
        }
    }

    /// Perturbations for each row.
    pub fn draws(mut self, draws: usize) -> Self {
        self.draws = draws;
        self
    }

    /// Width κ of the kernel that weights perturbations, in units of the width.
    pub fn kernel_width(mut self, kernel_width: f64) -> Self {
        self.kernel_width = Some(kernel_width);
        self
    }

    /// Scales of contexts and features, by which perturbations are multiplied.
    pub fn scales(mut self, contexts: ArrayView1<'_, f64>, features: ArrayView1<'_, f64>) -> Self {
        self.scales = Some((contexts.to_owned(), features.to_owned()));
        self
    }

    /// The penalty on slopes.
    pub fn ridge(mut self, ridge: Ridge) -> Self {
        self.ridge = ridge;
        self
    }

    /// Seed of the perturbations.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Explains a model's linear predictor at every row.
    ///
    /// # Errors
    ///
    /// Those of [`Lime::explain_function`] and of the model.
    pub fn explain<M: LocalCoefficients + ?Sized>(
        &self,
        model: &M,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
    ) -> Result<Explanations> {
        self.explain_function(|c, x| model.linear_predictor(c, x), contexts, features)
    }

    /// Explains any function of contexts (m × c) and features (m × x) that returns a table (m ×
    /// targets), at every row.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for a setting out of range, [`Error::ColumnCount`] for scales that
    /// do not fit; [`Error::TooFewRows`] for too few draws; [`Error::NoColumns`],
    /// [`Error::RowCount`], [`Error::NotFinite`] for tables that do not fit each other, the
    /// function's results included; [`Error::Numerical`] where perturbations are lost in rounding.
    pub fn explain_function<G>(
        &self,
        function: G,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
    ) -> Result<Explanations>
    where
        G: Fn(ArrayView2<'_, f64>, ArrayView2<'_, f64>) -> Result<Array2<f64>> + Sync,
    {
        check_pairs(contexts, features)?;
        let (c, x) = (contexts.ncols(), features.ncols());
        let settings = self.checked(c, x)?;
        let rows = (0..contexts.nrows())
            .into_par_iter()
            .map(|row| settings.surrogate(&function, contexts.row(row), features.row(row), row))
            .collect::<Vec<_>>();
        // Of several rows that fail the first is named, whichever thread was quicker.
        let rows = rows.into_iter().collect::<Result<Vec<_>>>()?;
        let targets = match rows.first() {
            Some(row) => row.slopes.ncols(),
            None => function(contexts, features)?.ncols(),
        };
        let mut slopes = Array3::zeros((rows.len(), targets, c + x));
        let (mut errors, mut intercepts) = (slopes.clone(), Array2::zeros((rows.len(), targets)));
        let mut r_squared = Array2::from_elem((rows.len(), targets), None);
        for (index, row) in rows.into_iter().enumerate() {
            check_rows("the function's targets", targets, row.slopes.ncols())?;
            slopes
                .index_axis_mut(Axis(0), index)
                .assign(&row.slopes.t());
            errors
                .index_axis_mut(Axis(0), index)
                .assign(&row.errors.t());
            for target in 0..targets {
                let of_features = row.slopes.slice(s![c.., target]);
                intercepts[[index, target]] =
                    row.intercepts[target] - of_features.dot(&features.row(index));
                r_squared[[index, target]] = row.r_squared[target];
            }
        }
        Ok(Explanations {
            coefficients: Coefficients::new(slopes.slice(s![.., .., c..]).to_owned(), intercepts)?,
            coefficient_errors: errors.slice(s![.., .., c..]).to_owned(),
            sensitivities: ContextSensitivities::new(slopes.slice(s![.., .., ..c]).to_owned())?,
            sensitivity_errors: errors.slice(s![.., .., ..c]).to_owned(),
            r_squared,
        })
    }

    fn checked(&self, contexts: usize, features: usize) -> Result<Settings> {
        check_width(self.width)?;
        let columns = contexts + features;
        let kernel_width = self.kernel_width.unwrap_or(0.75 * (columns as f64).sqrt());
        if kernel_width.is_nan() || kernel_width <= 0.0 {
            return Err(Error::invalid_parameter(
                "kernel_width",
                kernel_width,
                "above zero",
            ));
        }
        let scales = match &self.scales {
            None => Array1::ones(columns),
            Some((of_contexts, of_features)) => {
                check_scales("scales of contexts", contexts, of_contexts.view())?;
                check_scales("scales of features", features, of_features.view())?;
                of_contexts.iter().chain(of_features).copied().collect()
            }
        };
        // One more than determines a line, for there to be a residual.
        if self.draws < columns + 2 {
            return Err(Error::TooFewRows {
                purpose: "a surrogate and its error".to_owned(),
                needed: columns + 2,
                found: self.draws,
            });
        }
        let penalty = match self.ridge {
            Ridge::None => 0.0,
            Ridge::Vanishing(factor) => factor * self.width.powi(4),
            Ridge::Fixed(penalty) => penalty,
        };
        if !(penalty.is_finite() && penalty >= 0.0) {
            return Err(Error::invalid_parameter(
                "ridge",
                format!("{:?}", self.ridge),
                "a finite number of at least zero",
            ));
        }
        Ok(Settings {
            steps: scales * self.width,
            penalty: penalty / self.width.powi(2),
            kernel_width,
            contexts,
            draws: self.draws,
            seed: self.seed,
        })
    }
}

/// Settings that have been checked.
struct Settings {
    /// Standard deviations of the perturbations.
    steps: Array1<f64>,
    /// On the slopes b of perturbations divided by these, against the mean of weighted squares.
    penalty: f64,
    kernel_width: f64,
    contexts: usize,
    draws: usize,
    seed: u64,
}

/// One row's surrogate: columns × targets, contexts first.
struct Surrogate {
    slopes: Array2<f64>,
    errors: Array2<f64>,
    intercepts: Vec<f64>,
    r_squared: Vec<Option<f64>>,
}

impl Settings {
    fn surrogate<G>(
        &self,
        function: &G,
        context: ArrayView1<'_, f64>,
        features: ArrayView1<'_, f64>,
        row: usize,
    ) -> Result<Surrogate>
    where
        G: Fn(ArrayView2<'_, f64>, ArrayView2<'_, f64>) -> Result<Array2<f64>>,
    {
        let columns = self.steps.len();
        let u = standard_normal(self.draws, columns, self.seed, row as u64);
        let moved = &u * &self.steps;
        let (of_contexts, of_features) = moved.view().split_at(Axis(1), self.contexts);
        let values = function(
            (&of_contexts + &context).view(),
            (&of_features + &features).view(),
        )?;
        check_rows("the function's result", self.draws, values.nrows())?;
        check_finite("the function's result", values.view())?;
        let weights = u.map_axis(Axis(1), |u| {
            (-0.5 * u.dot(&u) / self.kernel_width.powi(2)).exp()
        });
        let total: f64 = weights.sum();
        if total.is_nan() || total <= 0.0 {
            return Err(Error::invalid_parameter(
                "kernel_width",
                self.kernel_width,
                "so large that some perturbation has weight",
            ));
        }
        let ones = Array2::ones((self.draws, 1));
        let design = concatenate(Axis(1), &[ones.view(), u.view()])
            .map_err(|error| Error::numerical("joining an intercept and perturbations", error))?;
        let (solution, inverse) = self.solve(&design, &values, &weights)?;
        let fitted = design.dot(&solution);
        let residuals = &values - &fitted;

        let correction = self.draws as f64 / (self.draws - columns - 1) as f64;
        let mut errors = Array2::zeros((columns, values.ncols()));
        let mut r_squared = Vec::with_capacity(values.ncols());
        for target in 0..values.ncols() {
            // (XᵀWX)⁻¹ Xᵀ W diag(r²) W X (XᵀWX)⁻¹: its diagonal is that of Z Zᵀ.
            let scores = &design * &(&weights * &residuals.column(target)).insert_axis(Axis(1));
            let z = scores.dot(&inverse);
            for (column, step) in self.steps.iter().enumerate() {
                let of_column = z.column(column + 1);
                let variance = correction * of_column.dot(&of_column);
                errors[[column, target]] = variance.sqrt() / step;
            }
            let (values, residuals) = (values.column(target), residuals.column(target));
            r_squared.push(share_explained(values, residuals, weights.view()));
        }
        let steps = self.steps.view().insert_axis(Axis(1));
        Ok(Surrogate {
            slopes: &solution.slice(s![1.., ..]) / &steps,
            errors,
            intercepts: solution.row(0).to_vec(),
            r_squared,
        })
    }

    /// The weighted fit (1 + columns × targets), and the inverse of XᵀWX and the penalty.
    fn solve(
        &self,
        design: &Array2<f64>,
        values: &Array2<f64>,
        weights: &Array1<f64>,
    ) -> Result<(Array2<f64>, Array2<f64>)> {
        let columns = self.steps.len();
        let failed = |error| Error::numerical("a surrogate's least squares", error);
        let fit = if self.penalty == 0.0 {
            least_squares(design.view(), values.view(), Some(weights.view()))
        } else {
            // A penalty is rows more: of each slope alone, with a target of zero.
            let mut penalties = Array2::zeros((columns, columns + 1));
            penalties.slice_mut(s![.., 1..]).diag_mut().fill(1.0);
            let zeros = Array2::zeros((columns, values.ncols()));
            let strength = Array1::from_elem(columns, self.penalty * weights.sum());
            let below = |upper: &Array2<f64>, lower: &Array2<f64>| {
                concatenate(Axis(0), &[upper.view(), lower.view()])
                    .map_err(|error| Error::numerical("joining a ridge", error))
            };
            let (design, values) = (below(design, &penalties)?, below(values, &zeros)?);
            let weights: Array1<f64> = weights.iter().chain(&strength).copied().collect();
            least_squares(design.view(), values.view(), Some(weights.view()))
        };
        let fit = fit
            .and_then(contextualized_solvers::LeastSquares::full_rank)
            .map_err(failed)?;
        let inverse = fit.unscaled_covariance().map_err(failed)?;
        Ok((fit.into_solution(), inverse))
    }
}

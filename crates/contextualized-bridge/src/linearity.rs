//! Coefficients at one context by four estimators, and how far they disagree.

use crate::explained::share_explained;
use crate::sensitivities::check_pairs;
use contextualized_core::validate::check_table;
use contextualized_core::{Coefficients, Error, LocalCoefficients, Result, normalized_weights};
use contextualized_solvers::least_squares;
use ndarray::{Array1, Array2, Array3, ArrayView1, ArrayView2, Axis, Zip, concatenate, s};
use rayon::prelude::*;

/// How linear in x is g(c, ·) at every row? See [`linearity`].
#[derive(Debug, Clone, PartialEq)]
pub struct Linearity {
    /// ∂g/∂x at the row's own features.
    pub at_features: Coefficients,
    /// ∂g/∂x at features of zero.
    pub at_zero: Coefficients,
    /// ∂g/∂x averaged over the reference features; see [`averaged_coefficients`].
    pub averaged: Coefficients,
    /// The least-squares line of g(c, ·) on the reference features.
    pub least_squares: Coefficients,
    /// How far the four slopes disagree, rows × targets, in units of the linear predictor: the
    /// largest standard deviation, over the reference features, of the difference between the
    /// predictors of two of them.
    pub disagreement: Array2<f64>,
    /// The standard deviation of g(c, ·) over the reference features, rows × targets: what the
    /// disagreement compares with.
    pub spread: Array2<f64>,
    /// The share of the variance of g(c, ·) over the reference features that the least-squares line
    /// explains, rows × targets; nothing where g does not vary.
    pub r_squared: Array2<Option<f64>>,
}

/// How linear in x is g at every row: four estimators of its coefficients, and their disagreement.
///
/// Where g = B(c) x + m(c) all four are B(c) and there is no disagreement. Where it is not, they
/// have different estimands, and "the coefficients at this context" have to be chosen among:
///
/// | estimator | estimand |
/// |---|---|
/// | at the row | ∂g/∂x(c, x): the effect of a small change, for this row |
/// | at zero | ∂g/∂x(c, 0): the same for a row of zeros, whether or not there is one like it |
/// | averaged | E\[∂g/∂x(c, X)\]: the average derivative, over the reference distribution of X |
/// | least squares | the slope of the best line: Cov(X)⁻¹ Cov(X, g(c, X)) |
///
/// For normal X the last two are equal (Stein 1981, doi:10.1214/aos/1176345632, lemma 1); for others
/// not. `reference` holds features (m × x) that stand for the distribution of X, with weights, if
/// any: those of the training rows, say, or nodes of a quadrature. g is on the link scale.
///
/// # Errors
///
/// Those of [`LocalCoefficients::coefficients_at`] and [`averaged_coefficients`];
/// [`Error::RankDeficient`] where reference features depend linearly on each other, or are too few.
pub fn linearity<M: LocalCoefficients + ?Sized>(
    model: &M,
    contexts: ArrayView2<'_, f64>,
    features: ArrayView2<'_, f64>,
    reference: ArrayView2<'_, f64>,
    weights: Option<ArrayView1<'_, f64>>,
) -> Result<Linearity> {
    check_pairs(contexts, features)?;
    let at_features = model.coefficients_at(contexts, features)?;
    let zeros = Array2::zeros(features.dim());
    let at_zero = model.coefficients_at(contexts, zeros.view())?;
    let reference = Reference::new(reference, weights)?;
    let over = reference.evaluate(model, contexts)?;
    let averaged = reference.averaged(&over)?;
    let (least_squares, residuals) = reference.least_squares(&over)?;

    let (rows, targets) = at_features.intercepts().dim();
    let mut spread = Array2::zeros((rows, targets));
    let mut r_squared = Array2::from_elem((rows, targets), None);
    for row in 0..rows {
        for target in 0..targets {
            let values = over.values.slice(s![row, .., target]);
            let mean = values.dot(&reference.shares);
            spread[[row, target]] = values
                .iter()
                .zip(&reference.shares)
                .map(|(value, share)| share * (value - mean).powi(2))
                .sum::<f64>()
                .sqrt();
            let residuals = residuals.column(row * targets + target);
            let shares = reference.shares.view();
            r_squared[[row, target]] = share_explained(values, residuals, shares);
        }
    }
    let estimators = [&at_features, &at_zero, &averaged, &least_squares];
    let covariance = reference.covariance();
    let mut disagreement = Array2::<f64>::zeros((rows, targets));
    for (first, one) in estimators.iter().enumerate() {
        for other in &estimators[first + 1..] {
            let differences = &one.slopes() - &other.slopes();
            for ((row, target), worst) in disagreement.indexed_iter_mut() {
                let difference = differences.slice(s![row, target, ..]);
                let variance = difference.dot(&covariance.dot(&difference));
                *worst = worst.max(variance.max(0.0).sqrt());
            }
        }
    }
    Ok(Linearity {
        at_features,
        at_zero,
        averaged,
        least_squares,
        disagreement,
        spread,
        r_squared,
    })
}

/// The average derivative at every context: slopes E\[∂g/∂x(c, X)\] over reference features X
/// (m × x, weighted if weights are given), and the intercepts that make the line pass through the means,
/// E\[g(c, X)\] − B E\[X\].
///
/// This is the estimand of choice where g is not linear in the features (Härdle and Stoker 1989,
/// doi:10.1080/01621459.1989.10478810): it depends on the context alone, and for normal X it is the
/// slope of the best line.
///
/// # Errors
///
/// [`Error::NoRows`] for no reference features, those of
/// [`contextualized_core::validate::check_weights`] and of [`LocalCoefficients::coefficients_at`].
pub fn averaged_coefficients<M: LocalCoefficients + ?Sized>(
    model: &M,
    contexts: ArrayView2<'_, f64>,
    reference: ArrayView2<'_, f64>,
    weights: Option<ArrayView1<'_, f64>>,
) -> Result<Coefficients> {
    check_table("contexts", contexts, None)?;
    let reference = Reference::new(reference, weights)?;
    reference.averaged(&reference.evaluate(model, contexts)?)
}

/// Features that stand for a distribution.
struct Reference<'a> {
    features: ArrayView2<'a, f64>,
    /// Weights that sum to one.
    shares: Array1<f64>,
    means: Array1<f64>,
}

/// g and its derivative at every context and reference row.
struct Evaluated {
    /// Contexts × reference rows × targets.
    values: Array3<f64>,
    /// Averages over the reference of ∂g/∂x, contexts × targets × features.
    slopes: Array3<f64>,
}

impl<'a> Reference<'a> {
    fn new(features: ArrayView2<'a, f64>, weights: Option<ArrayView1<'_, f64>>) -> Result<Self> {
        check_table("reference features", features, None)?;
        let rows = features.nrows();
        if rows == 0 {
            return Err(Error::NoRows {
                argument: "reference features",
            });
        }
        let shares = normalized_weights(weights, rows)? / rows as f64;
        let means = shares.dot(&features);
        Ok(Self {
            features,
            shares,
            means,
        })
    }

    fn evaluate<M: LocalCoefficients + ?Sized>(
        &self,
        model: &M,
        contexts: ArrayView2<'_, f64>,
    ) -> Result<Evaluated> {
        let rows = self.features.nrows();
        let of_context = (0..contexts.nrows())
            .into_par_iter()
            .map(|row| {
                let mut repeated = Array2::zeros((rows, contexts.ncols()));
                repeated.assign(&contexts.row(row));
                let local = model.coefficients_at(repeated.view(), self.features)?;
                let values = local.linear_predictor(self.features)?;
                let mut slopes = Array2::<f64>::zeros((local.targets(), local.features()));
                Zip::from(&self.shares)
                    .and(local.slopes().outer_iter())
                    .for_each(|&share, local| slopes.scaled_add(share, &local));
                Ok((values, slopes))
            })
            .collect::<Result<Vec<_>>>()?;
        let (values, slopes) = match of_context.first() {
            Some((values, slopes)) => (values.ncols(), slopes.dim()),
            // Nobody was asked for: the model still says how wide it is.
            None => {
                let none = Array2::zeros((0, self.features.ncols()));
                let local = model.coefficients_at(contexts, none.view())?;
                (local.targets(), (local.targets(), local.features()))
            }
        };
        let mut evaluated = Evaluated {
            values: Array3::zeros((contexts.nrows(), rows, values)),
            slopes: Array3::zeros((contexts.nrows(), slopes.0, slopes.1)),
        };
        for (row, (values, slopes)) in of_context.iter().enumerate() {
            evaluated.values.index_axis_mut(Axis(0), row).assign(values);
            evaluated.slopes.index_axis_mut(Axis(0), row).assign(slopes);
        }
        Ok(evaluated)
    }

    fn averaged(&self, over: &Evaluated) -> Result<Coefficients> {
        self.through_means(over, over.slopes.clone())
    }

    /// These slopes, with the intercepts that make lines pass through the means.
    fn through_means(&self, over: &Evaluated, slopes: Array3<f64>) -> Result<Coefficients> {
        let (rows, targets, _) = slopes.dim();
        let intercepts = Array2::from_shape_fn((rows, targets), |(row, target)| {
            let mean = over.values.slice(s![row, .., target]).dot(&self.shares);
            mean - slopes.slice(s![row, target, ..]).dot(&self.means)
        });
        Coefficients::new(slopes, intercepts)
    }

    /// All contexts and targets at once, for the design is the same; residuals are reference rows ×
    /// (contexts × targets).
    fn least_squares(&self, over: &Evaluated) -> Result<(Coefficients, Array2<f64>)> {
        let (contexts, rows, targets) = over.values.dim();
        let width = self.features.ncols();
        let centred = &self.features - &self.means;
        let ones = Array2::ones((rows, 1));
        let design = concatenate(Axis(1), &[ones.view(), centred.view()])
            .map_err(|error| Error::numerical("joining an intercept and features", error))?;
        let values = over
            .values
            .view()
            .permuted_axes([1, 0, 2])
            .to_shape((rows, contexts * targets))
            .map_err(|error| Error::numerical("arranging values", error))?
            .to_owned();
        if contexts * targets == 0 {
            let slopes = Array3::zeros((contexts, targets, width));
            return Ok((self.through_means(over, slopes)?, values));
        }
        let solution = least_squares(design.view(), values.view(), Some(self.shares.view()))
            .and_then(contextualized_solvers::LeastSquares::full_rank)
            .map_err(rank_error)?
            .into_solution();
        let residuals = values - design.dot(&solution);
        let slopes = Array3::from_shape_fn((contexts, targets, width), |(row, target, feature)| {
            solution[[1 + feature, row * targets + target]]
        });
        Ok((self.through_means(over, slopes)?, residuals))
    }

    fn covariance(&self) -> Array2<f64> {
        let centred = &self.features - &self.means;
        let weighted = &centred * &self.shares.view().insert_axis(Axis(1));
        weighted.t().dot(&centred)
    }
}

/// Columns are those of an intercept and the features.
fn rank_error(error: contextualized_solvers::Error) -> Error {
    match error {
        contextualized_solvers::Error::RankDeficient {
            rank,
            columns,
            dependent,
        } => Error::RankDeficient {
            rank,
            coefficients: columns,
            columns: dependent
                .iter()
                .map(|&column| match column {
                    0 => "the intercept".to_owned(),
                    column => format!("reference feature {}", column - 1),
                })
                .collect(),
        },
        error => Error::numerical("a least-squares line", error),
    }
}

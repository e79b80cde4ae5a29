//! Derivatives in the context: of the predictor, and of the coefficients.

use crate::differentiable::Differentiable;
use crate::jacobian::in_contexts;
use contextualized_core::validate::{check_columns, check_rows, check_table};
use contextualized_core::{Error, LocalCoefficients, Result};
use contextualized_encoders::Dim;
use ndarray::{Array2, Array3, Array4, ArrayView1, ArrayView2, ArrayView3, ArrayView4, Axis, s};

/// ∂g/∂c, rows × targets × contexts: by how much the prediction changes per unit of a context while
/// the features stay.
///
/// These are **not** coefficients. For g = x·f(c) + m(c) the coefficients are ∂g/∂x = f(c), while
/// ∂g/∂c = f'(c)ᵀx + m'(c): another width, another unit, and not f(c) even where f is constant.
#[derive(Debug, Clone, PartialEq)]
pub struct ContextSensitivities {
    values: Array3<f64>,
}

/// ∂²g/∂x∂c: by how much the coefficients change per unit of a context.
///
/// For g = x·f(c) + m(c) the changes of slopes are the Jacobian f'(c), and those of intercepts m'(c). A
/// network of rectifiers in contexts and features together is piecewise affine, and its coefficients
/// piecewise constant: these derivatives are zero wherever they exist, and say nothing. There use a
/// smooth activation, or ask [`crate::Lime`] at a width of interest.
#[derive(Debug, Clone, PartialEq)]
pub struct CoefficientChanges {
    slopes: Array4<f64>,
    intercepts: Array3<f64>,
}

/// Steps of central differences, in units of the scale given: the cube root of ε, which balances
/// truncation and rounding.
const STEP: f64 = 6.055_454_452_393_343e-6;

impl ContextSensitivities {
    pub(crate) fn new(values: Array3<f64>) -> Result<Self> {
        check_finite3("context sensitivities", values.view())?;
        Ok(Self { values })
    }

    /// The exact ones of a network, by differentiating it.
    ///
    /// # Errors
    ///
    /// Those of [`crate::jacobian`].
    pub fn of_network<C: Dim, X: Dim, Y: Dim, N: Differentiable<C, X, Y>>(
        network: &N,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
    ) -> Result<Self> {
        Self::new(in_contexts(network, contexts, features)?)
    }

    /// Those of any model, by central differences of its linear predictor.
    ///
    /// `scales` holds, for each context column, a distance over which it matters, such as its
    /// standard deviation s; the step is h = ε^⅓ s. The error is h²/6 times the third derivative, and
    /// rounding of about ε |g| / h: ten digits where g changes by about itself over s. Where g has a
    /// kink within a step, the derivative found is between those on either side.
    ///
    /// # Errors
    ///
    /// [`Error::ColumnCount`], [`Error::InvalidParameter`] for scales that do not fit or are not
    /// positive; those of [`LocalCoefficients::coefficients_at`].
    pub fn by_differences<M: LocalCoefficients + ?Sized>(
        model: &M,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
        scales: ArrayView1<'_, f64>,
    ) -> Result<Self> {
        check_scales(contexts, scales)?;
        let mut columns = Vec::with_capacity(scales.len());
        for (column, scale) in scales.iter().enumerate() {
            let (above, below, width) = shifted(contexts, column, STEP * scale);
            let difference = model.linear_predictor(above.view(), features)?
                - model.linear_predictor(below.view(), features)?;
            columns.push(difference / &width);
        }
        Self::new(stacked(&columns))
    }

    /// Rows × targets × contexts.
    pub fn values(&self) -> ArrayView3<'_, f64> {
        self.values.view()
    }
}

impl CoefficientChanges {
    pub(crate) fn new(slopes: Array4<f64>, intercepts: Array3<f64>) -> Result<Self> {
        check_finite3("changes of intercepts", intercepts.view())?;
        for slopes in slopes.axis_iter(Axis(3)) {
            check_finite3("changes of slopes", slopes)?;
        }
        Ok(Self { slopes, intercepts })
    }

    /// Those of any model, by central differences of its coefficients, which for a network are exact
    /// derivatives.
    ///
    /// Scales, steps and errors are as in [`ContextSensitivities::by_differences`], with the
    /// coefficients in place of g.
    ///
    /// # Errors
    ///
    /// Those of [`ContextSensitivities::by_differences`].
    pub fn by_differences<M: LocalCoefficients + ?Sized>(
        model: &M,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
        scales: ArrayView1<'_, f64>,
    ) -> Result<Self> {
        check_scales(contexts, scales)?;
        let (mut slopes, mut intercepts) = (Vec::new(), Vec::new());
        for (column, scale) in scales.iter().enumerate() {
            let (above, below, width) = shifted(contexts, column, STEP * scale);
            let above = model.coefficients_at(above.view(), features)?;
            let below = model.coefficients_at(below.view(), features)?;
            intercepts.push((&above.intercepts() - &below.intercepts()) / &width);
            slopes.push((&above.slopes() - &below.slopes()) / &width.insert_axis(Axis(2)));
        }
        let intercepts = stacked(&intercepts);
        let (rows, targets, contexts) = intercepts.dim();
        let width = slopes.first().map_or(0, |slopes| slopes.dim().2);
        let mut all = Array4::zeros((rows, targets, width, contexts));
        for (column, slopes) in slopes.iter().enumerate() {
            all.slice_mut(s![.., .., .., column]).assign(slopes);
        }
        Self::new(all, intercepts)
    }

    /// ∂²g/∂x∂c, rows × targets × features × contexts.
    pub fn slopes(&self) -> ArrayView4<'_, f64> {
        self.slopes.view()
    }

    /// Changes of the intercepts g − (∂g/∂x) x, rows × targets × contexts: ∂g/∂c − (∂²g/∂x∂c)ᵀ x.
    pub fn intercepts(&self) -> ArrayView3<'_, f64> {
        self.intercepts.view()
    }
}

/// Contexts with one column moved up and down by a step, and the distance between them as rounded.
fn shifted(
    contexts: ArrayView2<'_, f64>,
    column: usize,
    step: f64,
) -> (Array2<f64>, Array2<f64>, Array2<f64>) {
    let (mut above, mut below) = (contexts.to_owned(), contexts.to_owned());
    above.column_mut(column).mapv_inplace(|c| c + step);
    below.column_mut(column).mapv_inplace(|c| c - step);
    let width = &above.column(column) - &below.column(column);
    (above, below, width.insert_axis(Axis(1)))
}

fn check_scales(contexts: ArrayView2<'_, f64>, scales: ArrayView1<'_, f64>) -> Result<()> {
    check_table("contexts", contexts, None)?;
    check_columns("scales", contexts.ncols(), scales.len())?;
    for (column, &scale) in scales.iter().enumerate() {
        let largest = contexts.column(column).fold(0.0_f64, |l, c| l.max(c.abs()));
        // A step that is lost against the contexts would divide by zero.
        if !(scale.is_finite() && scale > 0.0 && STEP * scale > 4.0 * f64::EPSILON * largest) {
            return Err(Error::invalid_parameter(
                "scale",
                format!("{scale} in column {}", column + 1),
                format!("finite, positive and not lost against contexts of {largest}"),
            ));
        }
    }
    Ok(())
}

/// Tables (rows × targets) side by side along a last axis.
fn stacked(tables: &[Array2<f64>]) -> Array3<f64> {
    let (rows, targets) = tables.first().map_or((0, 0), Array2::dim);
    let mut all = Array3::zeros((rows, targets, tables.len()));
    for (index, table) in tables.iter().enumerate() {
        all.slice_mut(s![.., .., index]).assign(table);
    }
    all
}

/// Columns of a row are counted through its targets.
fn check_finite3(argument: &'static str, values: ArrayView3<'_, f64>) -> Result<()> {
    let width = values.dim().2;
    let mut values = values.indexed_iter();
    match values.find(|(_, value)| !value.is_finite()) {
        Some(((row, target, column), &value)) => Err(Error::NotFinite {
            argument,
            row,
            column: target * width + column,
            value,
        }),
        None => Ok(()),
    }
}

/// Checks features beside contexts in functions that take one row of either.
pub(crate) fn check_pairs(
    contexts: ArrayView2<'_, f64>,
    features: ArrayView2<'_, f64>,
) -> Result<()> {
    check_table("contexts", contexts, None)?;
    check_table("features", features, None)?;
    check_rows("features", contexts.nrows(), features.nrows())
}

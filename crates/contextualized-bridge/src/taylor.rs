//! The first-order Taylor surrogate at a point, and how good it is near it.

use crate::explained::shares_explained;
use contextualized_core::validate::{check_finite, check_rows, check_table};
use contextualized_core::{Error, LocalCoefficients, Result};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};

/// The local linear model at one point: `T(x) = g(c, x₀) + (∂g/∂x)(c, x₀) (x − x₀)`, on the link
/// scale, at the context of the point.
///
/// The remainder is `g(c, x) − T(x)`. With a smooth activation it is at most ½ L ‖x − x₀‖², L from
/// the weights by [`crate::Plain::curvature_bound`]; with rectifiers it is zero within
/// [`crate::Plain::affine_radius`]. Around a model whose coefficients depend on the context alone it
/// is zero everywhere.
///
/// ```
/// use contextualized_bridge::{NetworkModel, Plain, TaylorSurrogate};
/// use contextualized_encoders::{Activation, MlpSettings};
/// use ndarray::array;
///
/// let settings = MlpSettings::new(8, 2).activation(Activation::Tanh);
/// let model = NetworkModel::new(Plain::new(1, 2, 1, settings, 7)?);
/// let taylor = TaylorSurrogate::at(&model, array![0.5].view(), array![1.0, -1.0].view())?;
///
/// let near = array![[1.1, -1.0], [1.0, -0.9]];
/// let remainders = taylor.remainders(&model, near.view())?;
/// let bounds = taylor.remainder_bounds(model.network().curvature_bound()?.view(), near.view())?;
/// assert!(remainders.iter().zip(&bounds).all(|(r, bound)| r.abs() <= *bound));
/// # Ok::<(), contextualized_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct TaylorSurrogate {
    context: Array1<f64>,
    features: Array1<f64>,
    value: Array1<f64>,
    slopes: Array2<f64>,
}

impl TaylorSurrogate {
    /// The surrogate of a model at a context (c) and features (x).
    ///
    /// # Errors
    ///
    /// Those of [`LocalCoefficients::coefficients_at`].
    pub fn at<M: LocalCoefficients + ?Sized>(
        model: &M,
        context: ArrayView1<'_, f64>,
        features: ArrayView1<'_, f64>,
    ) -> Result<Self> {
        let c = context.insert_axis(Axis(0));
        let x = features.insert_axis(Axis(0));
        let local = model.coefficients_at(c, x)?;
        Ok(Self {
            context: context.to_owned(),
            features: features.to_owned(),
            value: model.linear_predictor(c, x)?.index_axis_move(Axis(0), 0),
            slopes: local.slopes().index_axis(Axis(0), 0).to_owned(),
        })
    }

    /// The slopes ∂g/∂x at the point, targets × features.
    pub fn slopes(&self) -> ArrayView2<'_, f64> {
        self.slopes.view()
    }

    /// g at the point, per target.
    pub fn value(&self) -> ArrayView1<'_, f64> {
        self.value.view()
    }

    /// The surrogate's linear predictor at other features, rows × targets.
    ///
    /// # Errors
    ///
    /// [`Error::ColumnCount`], [`Error::NotFinite`].
    pub fn linear_predictor(&self, features: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        let away = self.away(features)?;
        let predictor = away.dot(&self.slopes.t()) + &self.value;
        check_finite("the Taylor surrogate", predictor.view())?;
        Ok(predictor)
    }

    /// What the surrogate misses at other features, rows × targets: g(c, x) − T(x), of the model it
    /// was made from.
    ///
    /// # Errors
    ///
    /// Those of [`LocalCoefficients::coefficients_at`].
    pub fn remainders<M: LocalCoefficients + ?Sized>(
        &self,
        model: &M,
        features: ArrayView2<'_, f64>,
    ) -> Result<Array2<f64>> {
        Ok(self.model_at(model, features)? - self.linear_predictor(features)?)
    }

    /// ½ L ‖x − x₀‖² at other features, rows × targets, for a curvature L per target.
    ///
    /// # Errors
    ///
    /// [`Error::RowCount`] for another number of targets; those of
    /// [`TaylorSurrogate::linear_predictor`].
    pub fn remainder_bounds(
        &self,
        curvature: ArrayView1<'_, f64>,
        features: ArrayView2<'_, f64>,
    ) -> Result<Array2<f64>> {
        check_rows("curvatures", self.value.len(), curvature.len())?;
        let squares = self
            .away(features)?
            .map_axis(Axis(1), |row| 0.5 * row.dot(&row))
            .insert_axis(Axis(1));
        Ok(squares.dot(&curvature.insert_axis(Axis(0))))
    }

    /// The share of g's variance over given neighbours of the point that the surrogate explains, per
    /// target: 1 − Σ remainder² / Σ (g − ḡ)². It is 1 where g is affine in the features, falls as the
    /// neighbourhood widens, and may be negative; nothing where g does not vary.
    ///
    /// # Errors
    ///
    /// Those of [`TaylorSurrogate::remainders`]; [`Error::NoRows`] without neighbours.
    pub fn local_r_squared<M: LocalCoefficients + ?Sized>(
        &self,
        model: &M,
        neighbours: ArrayView2<'_, f64>,
    ) -> Result<Vec<Option<f64>>> {
        if neighbours.nrows() == 0 {
            return Err(Error::NoRows {
                argument: "neighbours",
            });
        }
        let values = self.model_at(model, neighbours)?;
        let remainders = &values - &self.linear_predictor(neighbours)?;
        Ok(shares_explained(&values, &remainders))
    }

    fn model_at<M: LocalCoefficients + ?Sized>(
        &self,
        model: &M,
        features: ArrayView2<'_, f64>,
    ) -> Result<Array2<f64>> {
        let rows = features.nrows();
        let mut repeated = Array2::zeros((rows, self.context.len()));
        repeated.assign(&self.context);
        model.linear_predictor(repeated.view(), features)
    }

    fn away(&self, features: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        check_table("features", features, Some(self.features.len()))?;
        Ok(&features - &self.features)
    }
}

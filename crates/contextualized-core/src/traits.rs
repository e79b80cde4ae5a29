//! The shared question, "what are the coefficients at this context?", as traits.

use crate::validate::check_rows;
use crate::{Coefficients, Link, Result, Samples};
use ndarray::{Array2, ArrayView2};

/// A configuration that can be fitted to samples.
///
/// Fitting consumes neither the estimator nor the samples, and the same samples
/// and seed give the same bits on any number of threads.
pub trait Estimator: Send + Sync {
    /// The fitted model.
    type Model;

    /// A short description for tables, settings included where they tell estimators apart.
    fn name(&self) -> String;

    /// Fits the model.
    ///
    /// # Errors
    ///
    /// Whatever makes the data or the settings unusable; see each estimator.
    fn fit(&self, samples: &Samples) -> Result<Self::Model>;
}

/// The object-safe companion of [`Estimator`], which every regression estimator has.
///
/// Comparison and cross-validation take lists of these. A boxed one is an
/// [`Estimator`] again, whose model is a `Box<dyn LocalCoefficients>`.
pub trait DynEstimator: Send + Sync {
    /// As [`Estimator::name`].
    fn name(&self) -> String;

    /// As [`Estimator::fit`].
    ///
    /// # Errors
    ///
    /// Those of [`Estimator::fit`].
    fn fit_boxed(&self, samples: &Samples) -> Result<Box<dyn LocalCoefficients>>;
}

impl<E> DynEstimator for E
where
    E: Estimator,
    E::Model: LocalCoefficients + 'static,
{
    fn name(&self) -> String {
        Estimator::name(self)
    }

    fn fit_boxed(&self, samples: &Samples) -> Result<Box<dyn LocalCoefficients>> {
        Ok(Box::new(self.fit(samples)?))
    }
}

impl Estimator for dyn DynEstimator {
    type Model = Box<dyn LocalCoefficients>;

    fn name(&self) -> String {
        DynEstimator::name(self)
    }

    fn fit(&self, samples: &Samples) -> Result<Self::Model> {
        self.fit_boxed(samples)
    }
}

impl<E: Estimator + ?Sized> Estimator for Box<E> {
    type Model = E::Model;

    fn name(&self) -> String {
        (**self).name()
    }

    fn fit(&self, samples: &Samples) -> Result<Self::Model> {
        (**self).fit(samples)
    }
}

/// A fitted regression: the local linear model at a point (context, features).
///
/// An explicit model's coefficients depend on the context alone, see
/// [`VaryingCoefficients`]; an implicit one, such as a network g([x, c]), has the
/// slopes ∂g/∂x at that point and the offset that makes the local model exact there.
pub trait LocalCoefficients: Send + Sync {
    /// Coefficients on the link scale at every row of contexts (n × c) and features (n × x).
    ///
    /// # Errors
    ///
    /// [`crate::Error::ColumnCount`], [`crate::Error::RowCount`],
    /// [`crate::Error::NotFinite`] for tables that do not fit the model.
    fn coefficients_at(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
    ) -> Result<Coefficients>;

    /// The link between the mean of a target and the linear predictor.
    fn link(&self) -> Link;

    /// The mean of every target (n × y): the inverse link of `B x + m`.
    ///
    /// # Errors
    ///
    /// Those of [`LocalCoefficients::coefficients_at`].
    fn predict(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
    ) -> Result<Array2<f64>> {
        check_rows("features", contexts.nrows(), features.nrows())?;
        let predictor = self
            .coefficients_at(contexts, features)?
            .linear_predictor(features)?;
        Ok(self.link().inverse_table(predictor.view()))
    }
}

/// A model whose coefficients are functions of the context alone.
pub trait VaryingCoefficients: LocalCoefficients {
    /// Coefficients on the link scale at every row of contexts (n × c).
    ///
    /// # Errors
    ///
    /// [`crate::Error::ColumnCount`], [`crate::Error::NotFinite`].
    fn coefficients(&self, contexts: ArrayView2<'_, f64>) -> Result<Coefficients>;
}

/// Lower and upper ends of an interval for every coefficient.
#[derive(Debug, Clone, PartialEq)]
pub struct CoefficientIntervals {
    /// Lower ends.
    pub lower: Coefficients,
    /// Upper ends.
    pub upper: Coefficients,
}

/// Lower and upper ends of an interval for every target (n × y): of its mean, or of a new outcome.
#[derive(Debug, Clone, PartialEq)]
pub struct PredictionIntervals {
    /// Lower ends.
    pub lower: Array2<f64>,
    /// Upper ends.
    pub upper: Array2<f64>,
}

/// A model with standard errors and intervals of its coefficients.
pub trait WithUncertainty: VaryingCoefficients {
    /// Standard error, or posterior standard deviation, of every coefficient.
    ///
    /// # Errors
    ///
    /// Those of [`VaryingCoefficients::coefficients`].
    fn standard_errors(&self, contexts: ArrayView2<'_, f64>) -> Result<Coefficients>;

    /// Pointwise intervals that should hold each coefficient with probability `level`.
    ///
    /// # Errors
    ///
    /// [`crate::Error::InvalidParameter`] for a level outside (0, 1), and those of
    /// [`VaryingCoefficients::coefficients`].
    fn intervals(&self, contexts: ArrayView2<'_, f64>, level: f64) -> Result<CoefficientIntervals>;
}

impl<M: LocalCoefficients + ?Sized> LocalCoefficients for Box<M> {
    fn coefficients_at(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
    ) -> Result<Coefficients> {
        (**self).coefficients_at(contexts, features)
    }

    fn link(&self) -> Link {
        (**self).link()
    }

    fn predict(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
    ) -> Result<Array2<f64>> {
        (**self).predict(contexts, features)
    }
}

impl<M: VaryingCoefficients + ?Sized> VaryingCoefficients for Box<M> {
    fn coefficients(&self, contexts: ArrayView2<'_, f64>) -> Result<Coefficients> {
        (**self).coefficients(contexts)
    }
}

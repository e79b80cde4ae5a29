//! Small models with known answers, for the tests of the shared machinery.

use contextualized_core::validate::{check_query, check_table};
use contextualized_core::{
    Coefficients, Error, Estimator, Family, LocalCoefficients, Result, Samples, VaryingCoefficients,
};
use ndarray::{Array1, Array2, Array3, ArrayView2, Axis};

/// Predicts the mean of the training targets.
pub(crate) struct MeanOnly;

pub(crate) struct Mean {
    pub(crate) mean: Array1<f64>,
    pub(crate) contexts: usize,
    pub(crate) features: usize,
}

impl Estimator for MeanOnly {
    type Model = Mean;

    fn name(&self) -> String {
        "mean".into()
    }

    fn fit(&self, samples: &Samples) -> Result<Mean> {
        Ok(Mean {
            mean: samples.targets().sum_axis(Axis(0)) / samples.rows() as f64,
            contexts: samples.contexts().ncols(),
            features: samples.features().ncols(),
        })
    }
}

impl VaryingCoefficients for Mean {
    fn coefficients(&self, contexts: ArrayView2<'_, f64>) -> Result<Coefficients> {
        check_table("contexts", contexts, Some(self.contexts))?;
        let slopes = Array2::zeros((self.mean.len(), self.features));
        Coefficients::constant(slopes.view(), self.mean.view(), contexts.nrows())
    }
}

impl LocalCoefficients for Mean {
    fn coefficients_at(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
    ) -> Result<Coefficients> {
        check_query(contexts, self.contexts, features, self.features)?;
        self.coefficients(contexts)
    }

    fn family(&self) -> Family {
        Family::Gaussian
    }
}

/// g(c, x) = c x²: not linear in its feature, so its local slope 2 c x depends on the feature.
pub(crate) struct Parabola;

impl LocalCoefficients for Parabola {
    fn coefficients_at(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
    ) -> Result<Coefficients> {
        check_query(contexts, 1, features, 1)?;
        let rows = contexts.nrows();
        let slopes = Array3::from_shape_fn((rows, 1, 1), |(row, _, _)| {
            2.0 * contexts[[row, 0]] * features[[row, 0]]
        });
        let intercepts = Array2::from_shape_fn((rows, 1), |(row, _)| {
            -contexts[[row, 0]] * features[[row, 0]].powi(2)
        });
        Coefficients::new(slopes, intercepts)
    }

    fn family(&self) -> Family {
        Family::Gaussian
    }
}

/// Halves the coefficients of any explicit model.
pub(crate) struct Halved<M>(pub(crate) M);

impl<M: VaryingCoefficients> VaryingCoefficients for Halved<M> {
    fn coefficients(&self, contexts: ArrayView2<'_, f64>) -> Result<Coefficients> {
        let inner = self.0.coefficients(contexts)?;
        Coefficients::new(&inner.slopes() * 0.5, &inner.intercepts() * 0.5)
    }
}

impl<M: VaryingCoefficients> LocalCoefficients for Halved<M> {
    fn coefficients_at(
        &self,
        contexts: ArrayView2<'_, f64>,
        _features: ArrayView2<'_, f64>,
    ) -> Result<Coefficients> {
        self.coefficients(contexts)
    }

    fn family(&self) -> Family {
        self.0.family()
    }
}

/// Cannot be fitted to anything.
pub(crate) struct Failing;

impl Estimator for Failing {
    type Model = Mean;

    fn name(&self) -> String {
        "failing".into()
    }

    fn fit(&self, _samples: &Samples) -> Result<Mean> {
        Err(Error::NoWeight)
    }
}

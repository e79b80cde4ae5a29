//! Weighted sums of coefficients and of linear predictors, with their uncertainty.

use super::model::{GaussianProcessModel, ends};
use contextualized_core::{
    CoefficientSums, PredictorSums, Result, Tail, WeightedContexts, WithSums,
};
use ndarray::{Array2, Array4, ArrayView2, Axis};

impl WithSums for GaussianProcessModel {
    /// Posterior means, standard deviations and intervals.
    ///
    /// # Errors
    ///
    /// [`contextualized_core::Error::InvalidParameter`] for a level outside (0, 1), those of
    /// [`contextualized_core::VaryingCoefficients::coefficients`], and [`contextualized_core::Error::Numerical`].
    fn coefficient_sums(&self, sums: &WeightedContexts, level: f64) -> Result<CoefficientSums> {
        let quantile = Tail::new(level, self.residual_degrees)?.quantile;
        let values = sums.coefficients(self)?;
        let moments = self.process.sums(&self.standardized_sums(sums)?, None)?;
        let standard_errors = self.deviations(&moments.covariances)?;
        let [lower, upper] = ends(&values, &standard_errors, quantile)?;
        Ok(CoefficientSums {
            lower,
            upper,
            values,
            standard_errors,
        })
    }

    fn predictor_sums(
        &self,
        sums: &WeightedContexts,
        features: ArrayView2<'_, f64>,
        level: f64,
    ) -> Result<PredictorSums> {
        let quantile = Tail::new(level, self.residual_degrees)?.quantile;
        let values = sums.predictor(self, features)?;
        let design = self.design(self.scaling.features.apply(features)?.view());
        let standardized = self.standardized_sums(sums)?;
        let moments = self.process.sums(&standardized, Some(design.view()))?;
        let variances = moments.covariances.sum_axis(Axis(3)).sum_axis(Axis(2));
        let standard_errors: Array2<f64> =
            variances.mapv(|v| v.max(0.0).sqrt()) * self.scaling.targets.scales();
        Ok(PredictorSums {
            lower: &values - &standard_errors * quantile,
            upper: &values + &standard_errors * quantile,
            values,
            standard_errors,
        })
    }

    fn slope_covariances(&self, sums: &WeightedContexts) -> Result<Array4<f64>> {
        let moments = self.process.sums(&self.standardized_sums(sums)?, None)?;
        let (features, targets) = (&self.scaling.features, self.scaling.targets.scales());
        let features = features.scales();
        let (sums, ..) = moments.covariances.dim();
        let shape = (sums, targets.len(), features.len(), features.len());
        Ok(Array4::from_shape_fn(shape, |(sum, target, a, b)| {
            let unit = targets[target] * targets[target] / (features[a] * features[b]);
            unit * moments.covariances[[sum, target, a, b]]
        }))
    }
}

impl GaussianProcessModel {
    fn standardized_sums(&self, sums: &WeightedContexts) -> Result<WeightedContexts> {
        let contexts = self.standardized(sums.contexts())?;
        let standardized = WeightedContexts::new(contexts, sums.weights().to_owned())?;
        Ok(standardized.with_monitor(sums.monitor().clone()))
    }
}

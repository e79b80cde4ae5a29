//! Weighted sums of coefficients and of linear predictors, with their uncertainty.

use crate::draws::{Percentiles, mean, standard_deviation, summarize};
use crate::model::TreeModel;
use contextualized_core::validate::check_query;
use contextualized_core::{CoefficientSums, PredictorSums, Result, WeightedContexts, WithSums};
use ndarray::{Array2, Array4, ArrayView2};
use rayon::prelude::*;

impl TreeModel {
    /// The weighted sums of a table of every draw, one table for each.
    fn sums_of_draws(
        &self,
        sums: &WeightedContexts,
        table: impl Fn(usize, &[Vec<f32>]) -> Result<Array2<f64>> + Sync,
    ) -> Result<Vec<Array2<f64>>> {
        let positions = self.positions(sums.contexts())?;
        (0..self.draws())
            .into_par_iter()
            .map(|draw| {
                sums.monitor().check()?;
                Ok(sums.weights().dot(&table(draw, &positions)?))
            })
            .collect()
    }

    fn coefficient_sums_of_draws(&self, sums: &WeightedContexts) -> Result<Vec<Array2<f64>>> {
        let rows = sums.contexts().nrows();
        self.sums_of_draws(sums, |draw, positions| {
            self.flat_draw(draw, positions, rows)
        })
    }
}

/// Mean, standard deviation and quantiles of values.
fn figures(percentiles: Percentiles) -> impl Fn(&mut [f64]) -> [f64; 4] {
    move |values| {
        let (center, error) = (mean(values), standard_deviation(values));
        let [lower, upper] = percentiles.ends(values);
        [center, error, lower, upper]
    }
}

impl WithSums for TreeModel {
    /// Means, standard deviations and quantiles of the draws.
    fn coefficient_sums(&self, sums: &WeightedContexts, level: f64) -> Result<CoefficientSums> {
        let figures = figures(Percentiles::new(level, self.draws())?);
        let tables = self.coefficient_sums_of_draws(sums)?;
        let [values, standard_errors, lower, upper] = summarize(&tables, &figures);
        Ok(CoefficientSums {
            values: self.unflat(values.view())?,
            standard_errors: self.unflat(standard_errors.view())?,
            lower: self.unflat(lower.view())?,
            upper: self.unflat(upper.view())?,
        })
    }

    fn predictor_sums(
        &self,
        sums: &WeightedContexts,
        features: ArrayView2<'_, f64>,
        level: f64,
    ) -> Result<PredictorSums> {
        let figures = figures(Percentiles::new(level, self.draws())?);
        let widths = (self.names.contexts.len(), self.names.features.len());
        check_query(sums.contexts(), widths.0, features, widths.1)?;
        let tables = self.sums_of_draws(sums, |draw, positions| {
            self.predictor_of_draw(draw, positions, features)
        })?;
        let [values, standard_errors, lower, upper] = summarize(&tables, &figures);
        Ok(PredictorSums {
            values,
            standard_errors,
            lower,
            upper,
        })
    }

    fn slope_covariances(&self, sums: &WeightedContexts) -> Result<Array4<f64>> {
        let tables = self.coefficient_sums_of_draws(sums)?;
        let draws = tables.len() as f64;
        let (features, targets) = (self.names.features.len(), self.forests.len());
        let center = tables.iter().fold(
            Array2::<f64>::zeros((sums.sums(), targets * (features + 1))),
            |sum, own| sum + own,
        ) / draws;
        let share = 1.0 / (draws - 1.0).max(1.0);
        let mut covariances = Array4::zeros((sums.sums(), targets, features, features));
        for table in tables {
            let away = table - &center;
            for ((sum, target, a, b), covariance) in covariances.indexed_iter_mut() {
                let at = target * (features + 1);
                *covariance += share * away[[sum, at + a]] * away[[sum, at + b]];
            }
        }
        Ok(covariances)
    }
}

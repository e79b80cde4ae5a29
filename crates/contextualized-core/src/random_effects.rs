//! What a model says of random effects.

use crate::validate::check_columns;
use crate::{LocalCoefficients, PredictorDistribution, RandomTerm, Result};
use ndarray::{Array2, Array3, ArrayView2};
use serde::{Deserialize, Serialize};

/// What was found of the random effects of one term, in the users' units on the link scale.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RandomEffects {
    /// Name of the grouping factor.
    pub group: String,
    /// Names of the effects of each level (q).
    pub effect_names: Vec<String>,
    /// Whether effects of one level may be correlated.
    pub correlated: bool,
    /// Number of levels in the rows fitted.
    pub levels_fitted: usize,
    /// Covariance of the effects of a level, for each target (y × q × q).
    pub covariances: Array3<f64>,
    /// Predicted effects of every level, zero for one without rows, for each target (y × levels × q): their means
    /// given the data, also called BLUPs.
    pub predicted: Array3<f64>,
}

/// A model with random effects, which belong to the levels of grouping factors and not to contexts.
///
/// What else the model says, coefficients and predictions from contexts and features alone, is what all levels have
/// in common.
pub trait WithRandomEffects: LocalCoefficients {
    /// Its random effects, in the order of the samples' terms.
    fn random_effects(&self) -> &[RandomEffects];

    /// What is known of the linear predictors at rows of contexts (n × c), features (n × x) and random terms, without
    /// offsets: with the predicted effects of levels that were fitted. Of others the effects are zero, and their
    /// variance is in the standard errors.
    ///
    /// # Errors
    ///
    /// [`crate::Error::ColumnCount`] and [`crate::Error::RowCount`] for terms that are not those of the model, and
    /// those of [`crate::WithPredictions::predictor_distribution`].
    fn predictor_distribution_with(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
        terms: &[RandomTerm],
    ) -> Result<PredictorDistribution>;

    /// What predicted effects add to the linear predictor of every row and target (n × y): nothing for levels that
    /// were not fitted.
    ///
    /// # Errors
    ///
    /// [`crate::Error::ColumnCount`] for terms that are not those of the model.
    fn random_predictor(&self, terms: &[RandomTerm]) -> Result<Array2<f64>> {
        let own = self.random_effects();
        check_columns("random terms", own.len(), terms.len())?;
        let rows = terms.first().map_or(0, RandomTerm::rows);
        let targets = own.first().map_or(0, |own| own.predicted.dim().0);
        let mut predictor = Array2::zeros((rows, targets));
        for (own, term) in own.iter().zip(terms) {
            check_columns("random effects", own.effect_names.len(), term.effects())?;
            let levels = own.predicted.dim().1;
            let known = term.levels().iter().enumerate();
            let known = known.filter_map(|(row, level)| level.map(|level| (row, level)));
            for (row, level) in known.filter(|(_, level)| *level < levels) {
                for target in 0..targets {
                    for (effect, value) in term.design().row(row).iter().enumerate() {
                        predictor[[row, target]] += value * own.predicted[[target, level, effect]];
                    }
                }
            }
        }
        Ok(predictor)
    }
}

//! Units of the data and units of training.

use crate::{Result, Samples, Standardization};
use serde::{Deserialize, Serialize};

/// Standardisation of contexts, features and targets, learned on the rows trained on.
///
/// [`crate::Coefficients::to_original_units`] takes coefficients back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scaling {
    /// Of contexts.
    pub contexts: Standardization,
    /// Of features.
    pub features: Standardization,
    /// Of targets.
    pub targets: Standardization,
}

impl Scaling {
    /// Standardises all three tables by their (weighted) means and population deviations, factors among the
    /// contexts by [`Samples::context_scaling`].
    ///
    /// # Errors
    ///
    /// Those of [`Standardization::fit`].
    pub fn fit(samples: &Samples) -> Result<Self> {
        let fit = |table| Standardization::fit(table, samples.weights());
        Ok(Self {
            contexts: samples.context_scaling(samples.weights())?,
            features: fit(samples.features())?,
            targets: fit(samples.targets())?,
        })
    }

    /// The same with contexts transformed where they are skewed: [`Samples::warped_context_scaling`].
    ///
    /// # Errors
    ///
    /// Those of [`Standardization::fit`].
    pub fn with_warped_contexts(mut self, samples: &Samples) -> Result<Self> {
        self.contexts = samples.warped_context_scaling(samples.weights())?;
        Ok(self)
    }

    /// Changes nothing.
    pub fn identity(samples: &Samples) -> Self {
        Self {
            contexts: Standardization::identity(samples.contexts().ncols()),
            features: Standardization::identity(samples.features().ncols()),
            targets: Standardization::identity(samples.targets().ncols()),
        }
    }

    /// Scales features and targets without centring them: a model of centred data has an intercept in
    /// the units of the data.
    pub fn without_intercept(mut self) -> Self {
        self.features = self.features.without_centering();
        self.targets = self.targets.without_centering();
        self
    }

    /// Leaves targets as they are, as binary ones have to be.
    pub fn with_raw_targets(mut self) -> Self {
        self.targets = Standardization::identity(self.targets.columns());
        self
    }

    /// Leaves features as they are.
    pub fn with_raw_features(mut self) -> Self {
        self.features = Standardization::identity(self.features.columns());
        self
    }

    /// The same samples in units of training, with their names, groups and weights.
    ///
    /// # Errors
    ///
    /// [`crate::Error::ColumnCount`] for samples of other widths; [`crate::Error::NotFinite`]
    /// where a scaled number overflows.
    pub fn apply(&self, samples: &Samples) -> Result<Samples> {
        let names = samples.names();
        let scaled = Samples::new(
            self.contexts.apply(samples.contexts())?.view(),
            self.features.apply(samples.features())?.view(),
            self.targets.apply(samples.targets())?.view(),
        )?
        .with_context_names(&names.contexts)?
        .with_feature_names(&names.features)?
        .with_target_names(&names.targets)?;
        let scaled = scaled
            .with_variables_of(names)
            .with_monitor(samples.monitor().clone());
        let scaled = match (samples.groups(), samples.subjects_are_correlated()) {
            (Some(labels), Some(correlated)) => scaled.with_subjects(labels, correlated)?,
            (Some(groups), None) => scaled.with_groups(groups)?,
            (None, _) => scaled,
        };
        let scaled = scaled.with_random_terms(samples.random_terms().to_vec())?;
        match samples.weights() {
            Some(weights) => scaled.with_weights(weights),
            None => Ok(scaled),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn samples() -> Samples {
        let (c, x, y) = (
            array![[1.0], [3.0]],
            array![[0.0], [4.0]],
            array![[5.0], [9.0]],
        );
        Samples::new(c.view(), x.view(), y.view()).unwrap()
    }

    #[test]
    fn each_table_is_scaled_by_its_own() {
        let scaled = Scaling::fit(&samples()).unwrap().apply(&samples()).unwrap();
        for table in [scaled.contexts(), scaled.features(), scaled.targets()] {
            assert_eq!(table, array![[-1.0], [1.0]]);
        }
        assert_eq!(
            Scaling::identity(&samples()).apply(&samples()).unwrap(),
            samples()
        );
    }

    #[test]
    fn without_an_intercept_zero_stays_zero() {
        let scaling = Scaling::fit(&samples()).unwrap().without_intercept();
        let scaled = scaling.apply(&samples()).unwrap();
        assert_eq!(scaled.contexts(), array![[-1.0], [1.0]]);
        assert_eq!(scaled.features(), array![[0.0], [2.0]]);
        assert_eq!(scaled.targets(), array![[2.5], [4.5]]);
        let raw = scaling
            .with_raw_targets()
            .with_raw_features()
            .apply(&samples())
            .unwrap();
        assert_eq!(
            (raw.features(), raw.targets()),
            (samples().features(), samples().targets())
        );
    }

    #[test]
    fn weights_and_names_come_along() {
        let weighted = samples().with_weights(array![1.0, 2.0].view()).unwrap();
        let named = weighted.with_context_names(["age"]).unwrap();
        let scaled = Scaling::identity(&named).apply(&named).unwrap();
        assert_eq!(scaled, named);
    }
}

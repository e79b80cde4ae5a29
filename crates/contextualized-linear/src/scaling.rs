//! Units of the data and units of training.

use contextualized_core::{Result, Samples, Standardization};
use contextualized_encoders::TrainingData;
use serde::{Deserialize, Serialize};

/// Standardisation of contexts, features and targets, learned on the rows trained on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Scaling {
    pub(crate) contexts: Standardization,
    pub(crate) features: Standardization,
    pub(crate) targets: Standardization,
}

impl Scaling {
    pub(crate) fn identity(samples: &Samples) -> Self {
        Self {
            contexts: Standardization::identity(samples.contexts().ncols()),
            features: Standardization::identity(samples.features().ncols()),
            targets: Standardization::identity(samples.targets().ncols()),
        }
    }

    /// Without an intercept features and targets are scaled but not centred: a model of centred
    /// data has an offset in the units of the data.
    pub(crate) fn fit(samples: &Samples, intercept: bool) -> Result<Self> {
        let fit = |table| Standardization::fit(table, samples.weights());
        let (features, targets) = (fit(samples.features())?, fit(samples.targets())?);
        let (features, targets) = match intercept {
            true => (features, targets),
            false => (features.without_centering(), targets.without_centering()),
        };
        Ok(Self {
            contexts: fit(samples.contexts())?,
            features,
            targets,
        })
    }

    pub(crate) fn apply(&self, samples: &Samples) -> Result<TrainingData<usize, usize, usize>> {
        TrainingData::new(
            self.contexts.apply(samples.contexts())?.view(),
            self.features.apply(samples.features())?.view(),
            self.targets.apply(samples.targets())?.view(),
            samples.weights(),
        )
    }
}

//! What a model file holds.

use crate::data::Reading;
use crate::design::Design;
use crate::output::Fact;
use crate::paths::shown;
use contextualized_analysis::{GoodnessOfFit, VariationTable};
use contextualized_auto::{AutoModel, AutoNetworkModel, AutoReport, NetworkModel};
use contextualized_baselines::PopulationModel;
use contextualized_core::validate::check_columns;
use contextualized_core::{
    LocalCoefficients, Result, Samples, Split, VaryingCoefficients, VaryingNetworks, Warp,
};
use ndarray::{Array1, Array2, s};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::path::Path;

/// A fitted model with all that predictions, tables and reports need.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Saved {
    pub(crate) design: Design,
    /// How the training file was read, and new data are.
    #[serde(default)]
    pub(crate) reading: Reading,
    pub(crate) data: DataSummary,
    pub(crate) training: TrainingRows,
    pub(crate) fitted: Fitted,
}

/// Where the training rows come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct DataSummary {
    /// The file's name without its folder.
    pub(crate) file: String,
    /// Rows fitted.
    pub(crate) rows: usize,
    /// Rows left out for missing values.
    pub(crate) dropped: usize,
    /// The column of row weights.
    pub(crate) weights: Option<String>,
    pub(crate) groups: Option<Groups>,
    /// Rows beyond the first of equal ones that are kept together; 0 where there are groups.
    #[serde(default)]
    pub(crate) copies: usize,
    /// What was done to the data, units, and levels of few rows, in words.
    #[serde(default)]
    pub(crate) remarks: Vec<String>,
    /// Contexts that are far from all others, in words.
    #[serde(default)]
    pub(crate) wild: Option<String>,
}

impl Saved {
    /// Reads a model file, and checks that the model fits the columns that it is said to be of.
    pub(crate) fn load(path: &Path) -> crate::error::Result<Self> {
        let saved: Self = crate::model_file::load(path)?;
        saved.check().map_err(|error| {
            let error = crate::error::Error::from(error);
            crate::error::Error::failure(format!("{} cannot be read: {error}", shown(path)))
        })?;
        Ok(saved)
    }

    fn check(&self) -> Result<()> {
        let first = self.training.contexts.slice(s![..1, ..]);
        let (features, targets) = match &self.fitted {
            Fitted::Regression(regression) => {
                let at = regression.model.coefficients(first)?;
                (at.features(), at.targets())
            }
            Fitted::Networks(networks) => (networks.model.networks(first)?.nodes(), 0),
        };
        check_columns(
            "features of the model",
            self.design.features.len(),
            features,
        )?;
        check_columns("targets of the model", self.design.targets.len(), targets)
    }

    /// What a program that reads about the model asks for first.
    pub(crate) fn facts(&self) -> Vec<Fact> {
        let mut facts: Vec<Fact> = vec![
            ("formula", self.design.formula.as_str().into()),
            ("file", self.data.file.as_str().into()),
            ("rows", self.data.rows.into()),
            ("rows_left_out", self.data.dropped.into()),
            ("estimator", self.fitted.describe().into()),
        ];
        if let Fitted::Regression(regression) = &self.fitted {
            facts.push(("family", self.design.family.name().into()));
            let tests = regression.variation.fitted();
            facts.push(("omnibus_p", tests.map(|tests| tests.table.omnibus).into()));
        }
        facts
    }

    /// Which contexts the model transforms.
    pub(crate) fn transformed(&self) -> Option<String> {
        let Fitted::Regression(regression) = &self.fitted else {
            return None;
        };
        let scaling = regression.model.context_scaling()?;
        let names = self.design.context_names();
        let said: Vec<String> = names
            .iter()
            .enumerate()
            .map(|(column, name)| (name, scaling.warp(column)))
            .filter(|(_, warp)| *warp != Warp::None)
            .map(|(name, warp)| format!("{name} ({warp})"))
            .collect();
        (!said.is_empty()).then(|| {
            format!(
                "Skewed contexts are transformed in the model: {}; tables and figures are in their own units",
                said.join(", ")
            )
        })
    }
}

/// Groups of rows that depend on each other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Groups {
    pub(crate) column: String,
    pub(crate) count: usize,
}

impl DataSummary {
    /// Which rows are kept together, if any are.
    pub(crate) fn kept_together(&self) -> Option<String> {
        match (&self.groups, self.copies) {
            (Some(Groups { column, count }), _) => Some(format!(
                "rows of one {column} are held out, resampled and tested together: {count} groups"
            )),
            (None, 0) => None,
            (None, copies) => Some(format!(
                "equal rows are held out, resampled and tested together: {copies} are copies of others"
            )),
        }
    }

    /// What tests assume of the rows.
    pub(crate) fn independence(&self) -> String {
        match (&self.groups, self.copies) {
            (Some(Groups { column, count }), _) => {
                format!(
                    "rows of one {column} may depend on each other, the {count} groups are independent"
                )
            }
            (None, 0) => "rows are independent".to_owned(),
            (None, _) => "rows are independent unless they are copies of each other".to_owned(),
        }
    }
}

/// Rows that stand for those fitted, in figures and tables.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct TrainingRows {
    contexts: Array2<f64>,
    features: Array2<f64>,
    targets: Array2<f64>,
    offsets: Option<Array1<f64>>,
    #[serde(default)]
    weights: Option<Array1<f64>>,
    #[serde(default)]
    groups: Option<Vec<usize>>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Fitted {
    Regression(Box<Regression>),
    Networks(Box<Networks>),
}

impl Fitted {
    /// The table that the model was chosen from.
    pub(crate) fn choice(&self) -> &AutoReport {
        match self {
            Self::Regression(regression) => regression.model.report(),
            Self::Networks(networks) => networks.model.report(),
        }
    }

    /// The model in words.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Regression(regression) => regression.model.describe(),
            Self::Networks(networks) => networks.model.describe(),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Regression {
    pub(crate) model: AutoModel,
    pub(crate) population: Baseline<PopulationModel>,
    /// Tests of which coefficients vary, or why there are none.
    pub(crate) variation: Baseline<Tests>,
    /// How well the model fits all training rows, of every target.
    #[serde(default)]
    pub(crate) goodness: Vec<GoodnessOfFit>,
}

/// Tests of variation, and the rows they were made with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Tests {
    pub(crate) table: VariationTable,
    pub(crate) rows: usize,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Networks {
    pub(crate) model: AutoNetworkModel,
    pub(crate) population: Baseline<NetworkModel>,
    pub(crate) clusters: Baseline<NetworkModel>,
}

/// What is fitted beside the model, or why it could not be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Baseline<M> {
    Fitted(M),
    Failed(String),
}

impl<M> Baseline<M> {
    pub(crate) fn new(outcome: Result<M>) -> Self {
        match outcome {
            Ok(model) => Self::Fitted(model),
            Err(error) => Self::Failed(crate::error::Error::from(error).to_string()),
        }
    }

    pub(crate) fn fitted(&self) -> Option<&M> {
        match self {
            Self::Fitted(model) => Some(model),
            Self::Failed(_) => None,
        }
    }

    /// Why it could not be fitted.
    pub(crate) fn failure(&self) -> Option<&str> {
        match self {
            Self::Fitted(_) => None,
            Self::Failed(reason) => Some(reason),
        }
    }

    /// The model; without it an error that says what is missing, and why.
    pub(crate) fn required(&self, missing: &str) -> crate::error::Result<&M> {
        match self {
            Self::Fitted(model) => Ok(model),
            Self::Failed(reason) => {
                Err(crate::error::Error::failure(format!("{missing}: {reason}")))
            }
        }
    }
}

impl TrainingRows {
    /// The most rows kept.
    const MOST: usize = 2000;

    /// All rows, or so many that are spread over all of them.
    pub(crate) fn of(samples: &Samples) -> Result<Self> {
        // Rows of weight zero have no part in anything.
        let counted = samples.rows_that_count()?;
        let chosen = spread(&counted, Self::MOST)?;
        Ok(Self {
            contexts: chosen.contexts().to_owned(),
            features: chosen.features().to_owned(),
            targets: chosen.targets().to_owned(),
            offsets: chosen.offsets().map(|offsets| offsets.to_owned()),
            weights: chosen.weights().map(|weights| weights.to_owned()),
            groups: chosen.groups().map(<[usize]>::to_vec),
        })
    }

    pub(crate) fn samples(&self, design: &Design) -> Result<Samples> {
        let samples = design.samples(
            self.contexts.view(),
            self.features.view(),
            self.targets.view(),
            self.offsets.as_ref().map(Array1::view),
        )?;
        let samples = match &self.weights {
            Some(weights) => samples.with_weights(weights.view())?,
            None => samples,
        };
        match &self.groups {
            Some(groups) => samples.with_groups(groups),
            None => Ok(samples),
        }
    }
}

/// At most this many of the rows, drawn by chance and the same each time: rows may come sorted.
pub(crate) fn spread(samples: &Samples, most: usize) -> Result<Cow<'_, Samples>> {
    if samples.rows() <= most {
        Ok(Cow::Borrowed(samples))
    } else {
        samples
            .select(&by_chance(samples.rows(), most)?)
            .map(Cow::Owned)
    }
}

/// Positions of so many of the rows, likewise; of fewer all.
pub(crate) fn by_chance(rows: usize, most: usize) -> Result<Vec<usize>> {
    if rows <= most {
        return Ok((0..rows).collect());
    }
    Ok(Split::holdout(rows, most as f64 / rows as f64, 0)?.test)
}

//! What a model file holds.

use crate::data::Reading;
use crate::design::Design;
use crate::error::Error;
use crate::model_file;
use contextualized_analysis::{GoodnessOfFit, VariationTable};
use contextualized_auto::{
    AutoModel, AutoNetworkModel, AutoReport, AverageEffect, NetworkModel, Nuisances,
};
use contextualized_baselines::PopulationModel;
use contextualized_core::validate::check_columns;
use contextualized_core::{
    Family, LocalCoefficients, RandomTerm, Result, Samples, Split, VaryingCoefficients,
    VaryingNetworks, Warp,
};
use ndarray::{Array1, Array2, s};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::borrow::Cow;

/// A fitted model with all that predictions, tables and reports need.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Saved {
    /// How columns of data become contexts, features and targets.
    pub design: Design,
    /// How the training file was read, and new data are.
    #[serde(default)]
    pub reading: Reading,
    /// Where the training rows come from.
    pub data: DataSummary,
    /// Rows that stand for those fitted.
    pub training: TrainingRows,
    /// The model.
    pub fitted: Fitted,
}

/// Where the training rows come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DataSummary {
    /// The file's name without its folder.
    pub file: String,
    /// Rows fitted.
    pub rows: usize,
    /// Rows left out for missing values.
    pub dropped: usize,
    /// The column of row weights.
    pub weights: Option<String>,
    /// The column of groups, and their number.
    pub groups: Option<Groups>,
    /// Rows beyond the first of equal ones that are kept together; 0 where there are groups.
    #[serde(default)]
    pub copies: usize,
    /// Number of subjects, where rows are parts of subjects and uncorrelated, as intervals of survival times are.
    #[serde(default)]
    pub subjects: Option<usize>,
    /// What was done to the data, units, and levels of few rows, in words.
    #[serde(default)]
    pub remarks: Vec<String>,
    /// Contexts that are far from all others, in words.
    #[serde(default)]
    pub wild: Option<String>,
}

impl Saved {
    /// The model in the bytes of a model file, which are changed; checks that the model fits the columns that it is
    /// said to be of. `name` is what messages call the file.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] for bytes that are not a model file, were altered, or contradict each other.
    pub fn from_bytes(bytes: &mut [u8], name: &str) -> crate::error::Result<Self> {
        let saved: Self = model_file::from_bytes(bytes, name)?;
        saved.check().map_err(|error| {
            let error = Error::from(error);
            Error::failure(format!("{name} cannot be read: {error}"))
        })?;
        Ok(saved)
    }

    /// The bytes of a model file.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] for a model that serde cannot write.
    pub fn to_bytes(&self) -> crate::error::Result<Vec<u8>> {
        model_file::to_bytes(self)
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

    /// Refuses what is about contexts, of a model without any.
    ///
    /// # Errors
    ///
    /// [`Error::Request`].
    pub fn require_contexts(&self, what: &str) -> crate::error::Result<()> {
        if self.design.contexts.is_empty() {
            return Err(Error::usage(format!(
                "{what} shows how coefficients vary with contexts, and the formula {} has none; `contextualized summary` says what the model is",
                self.design.formula
            )));
        }
        Ok(())
    }

    /// Rows of the training data that were used; of survival times those before they are cut into intervals.
    pub fn rows(&self) -> usize {
        let survival = self.design.survival.as_ref();
        survival.map_or(self.data.rows, |survival| survival.subjects)
    }

    /// What a program that reads about the model asks for first.
    pub fn facts(&self) -> Vec<(&'static str, Value)> {
        let mut facts: Vec<(&'static str, Value)> = vec![
            ("formula", self.design.formula.as_str().into()),
            ("file", self.data.file.as_str().into()),
            ("rows", self.rows().into()),
            ("rows_left_out", self.data.dropped.into()),
            ("estimator", self.fitted.describe().into()),
        ];
        if let Fitted::Regression(regression) = &self.fitted {
            facts.push(("family", self.design.outcome_name().into()));
            let tests = regression.variation.fitted();
            facts.push(("omnibus_p", tests.map(|tests| tests.table.omnibus).into()));
            if let Some(treatment) = &regression.treatment {
                facts.push(("treatment", treatment.column.as_str().into()));
            }
        }
        facts
    }

    /// Which contexts the model transforms.
    pub fn transformed(&self) -> Option<String> {
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
pub struct Groups {
    /// The column.
    pub column: String,
    /// Number of groups.
    pub count: usize,
}

impl DataSummary {
    /// Which rows are kept together, if any are.
    pub fn kept_together(&self) -> Option<String> {
        if let Some(subjects) = self.subjects {
            return Some(format!(
                "intervals of one subject are held out and resampled together: {subjects} subjects"
            ));
        }
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
    pub fn independence(&self) -> String {
        if self.subjects.is_some() {
            return "subjects are independent".to_owned();
        }
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
pub struct TrainingRows {
    contexts: Array2<f64>,
    features: Array2<f64>,
    targets: Array2<f64>,
    offsets: Option<Array1<f64>>,
    #[serde(default)]
    weights: Option<Array1<f64>>,
    #[serde(default)]
    groups: Option<Vec<usize>>,
    /// Whether rows of a group, which is a subject, are correlated.
    #[serde(default)]
    subjects: Option<bool>,
    /// Levels and columns of each random term.
    #[serde(default)]
    random: Vec<(Vec<usize>, Array2<f64>)>,
}

/// What was fitted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Fitted {
    /// A regression.
    Regression(Box<Regression>),
    /// Networks.
    Networks(Box<Networks>),
}

impl Fitted {
    /// The table that the model was chosen from.
    pub fn choice(&self) -> &AutoReport {
        match self {
            Self::Regression(regression) => regression.model.report(),
            Self::Networks(networks) => networks.model.report(),
        }
    }

    /// The model in words.
    pub fn describe(&self) -> String {
        match self {
            Self::Regression(regression) => regression.model.describe(),
            Self::Networks(networks) => networks.model.describe(),
        }
    }
}

/// A regression, with what tables and reports need.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Regression {
    /// The model.
    pub model: AutoModel,
    /// The constant-coefficient model to compare with.
    pub population: Baseline<PopulationModel>,
    /// Tests of which coefficients vary, or why there are none.
    pub variation: Baseline<Tests>,
    /// How well the model fits all training rows, of every target.
    #[serde(default)]
    pub goodness: Vec<GoodnessOfFit>,
    /// Where the coefficient is the effect of a treatment: how that was made out.
    #[serde(default)]
    pub treatment: Option<Treatment>,
}

/// How the effect of a treatment was made out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Treatment {
    /// The column.
    pub column: String,
    /// The two levels that are compared, of a treatment with levels: the effect is that of the second.
    pub levels: Option<[String; 2]>,
    /// The family of the outcome.
    pub family: Family,
    /// Models of outcome and treatment, and what they leave.
    pub nuisances: Nuisances,
    /// The average effect on each target.
    pub average: Vec<AverageEffect>,
}

/// Tests of variation, and the rows they were made with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tests {
    /// The tests.
    pub table: VariationTable,
    /// Number of rows they were made with.
    pub rows: usize,
}

/// Networks, and those to compare with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Networks {
    /// The model.
    pub model: AutoNetworkModel,
    /// The constant-coefficient model to compare with.
    pub population: Baseline<NetworkModel>,
    /// Networks that are constant in clusters of contexts, to compare with.
    pub clusters: Baseline<NetworkModel>,
}

/// What is fitted beside the model, or why it could not be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Baseline<M> {
    /// It was fitted.
    Fitted(M),
    /// Why there is none.
    Failed(String),
}

impl<M> Baseline<M> {
    /// What came of a fit.
    pub fn new(outcome: Result<M>) -> Self {
        match outcome {
            Ok(model) => Self::Fitted(model),
            Err(error) => Self::Failed(Error::from(error).to_string()),
        }
    }

    /// The model, if there is one.
    pub fn fitted(&self) -> Option<&M> {
        match self {
            Self::Fitted(model) => Some(model),
            Self::Failed(_) => None,
        }
    }

    /// Why it could not be fitted.
    pub fn failure(&self) -> Option<&str> {
        match self {
            Self::Fitted(_) => None,
            Self::Failed(reason) => Some(reason),
        }
    }

    /// The model; without it an error that says what is missing, and why.
    pub fn required(&self, missing: &str) -> crate::error::Result<&M> {
        match self {
            Self::Fitted(model) => Ok(model),
            Self::Failed(reason) => Err(Error::failure(format!("{missing}: {reason}"))),
        }
    }
}

impl TrainingRows {
    /// The most rows kept.
    const MOST: usize = 2000;

    /// All rows, or so many that are spread over all of them.
    pub fn of(samples: &Samples) -> Result<Self> {
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
            subjects: chosen.subjects_are_correlated(),
            random: chosen
                .random_terms()
                .iter()
                .map(|term| {
                    let levels = term.levels().iter().flatten().copied();
                    (levels.collect(), term.design().to_owned())
                })
                .collect(),
        })
    }

    /// The rows under the names of their columns.
    ///
    /// # Errors
    ///
    /// Those of [`Samples::new`].
    pub fn samples(&self, design: &Design) -> Result<Samples> {
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
        let samples = match (&self.groups, self.subjects) {
            (Some(labels), Some(correlated)) => samples.with_subjects(labels, correlated)?,
            (Some(groups), None) => samples.with_groups(groups)?,
            (None, _) => samples,
        };
        let terms = design.random.iter().zip(&self.random);
        let terms = terms.map(|(term, (levels, columns))| {
            let levels = levels.iter().copied().map(Some).collect();
            term.term(levels, columns.view())
        });
        samples.with_random_terms(terms.collect::<Result<Vec<RandomTerm>>>()?)
    }
}

/// At most this many of the rows, drawn by chance and the same each time: rows may come sorted.
pub fn spread(samples: &Samples, most: usize) -> Result<Cow<'_, Samples>> {
    if samples.rows() <= most {
        Ok(Cow::Borrowed(samples))
    } else {
        samples
            .select(&by_chance(samples.rows(), most)?)
            .map(Cow::Owned)
    }
}

/// Positions of so many of the rows, likewise; of fewer all.
pub fn by_chance(rows: usize, most: usize) -> Result<Vec<usize>> {
    if rows <= most {
        return Ok((0..rows).collect());
    }
    Ok(Split::holdout(rows, most as f64 / rows as f64, 0)?.test)
}

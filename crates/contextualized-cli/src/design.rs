//! How the columns of a file become contexts, features and targets; a model file keeps it.

mod coding;
mod encode;
mod training;

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};

pub(crate) use encode::{Encoded, Encoder, Unknown};
pub(crate) use training::{Request, Training, read_training};

/// What outcomes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum TargetKind {
    /// Any number.
    Gaussian,
    /// One of two, coded 0 and 1.
    Binary,
}

/// A column of the data as it was in training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Variable {
    pub(crate) name: String,
    /// Its levels in order; none of a column of numbers.
    pub(crate) levels: Option<Vec<String>>,
}

/// A column of a design: a product of numbers and of indicators of levels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct DesignColumn {
    pub(crate) name: String,
    /// Variables, and of those with levels the one indicated.
    pub(crate) factors: Vec<(usize, Option<usize>)>,
}

/// How rows of a file become rows of contexts and features.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub(crate) struct Design {
    /// The formula with `.` written out.
    pub(crate) formula: String,
    pub(crate) intercept: bool,
    pub(crate) target_kind: TargetKind,
    /// The targets, which predictions are named after; none of networks.
    pub(crate) targets: Vec<Variable>,
    /// The columns that a row needs.
    pub(crate) variables: Vec<Variable>,
    pub(crate) contexts: Vec<DesignColumn>,
    pub(crate) features: Vec<DesignColumn>,
}

#[derive(Deserialize)]
struct Unchecked {
    formula: String,
    intercept: bool,
    target_kind: TargetKind,
    targets: Vec<Variable>,
    variables: Vec<Variable>,
    contexts: Vec<DesignColumn>,
    features: Vec<DesignColumn>,
}

impl TryFrom<Unchecked> for Design {
    type Error = Error;

    fn try_from(unchecked: Unchecked) -> Result<Self> {
        let Unchecked {
            formula,
            intercept,
            target_kind,
            targets,
            variables,
            contexts,
            features,
        } = unchecked;
        for column in contexts.iter().chain(&features) {
            for &(variable, level) in &column.factors {
                let known = variables.get(variable).is_some_and(|variable| {
                    match (&variable.levels, level) {
                        (Some(levels), Some(level)) => level < levels.len(),
                        (None, None) => true,
                        _ => false,
                    }
                });
                if !known || column.factors.is_empty() {
                    return Err(Error::failure(format!(
                        "the design's column {:?} is of a variable or level that is not there",
                        column.name
                    )));
                }
            }
        }
        let is_binary = target_kind == TargetKind::Binary;
        for target in &targets {
            let levels = target.levels.as_ref().map(Vec::len);
            if levels.is_some_and(|levels| levels != 2 || !is_binary) {
                return Err(Error::failure(format!(
                    "the design's target {:?} has levels that do not fit its kind",
                    target.name
                )));
            }
        }
        Ok(Self {
            formula,
            intercept,
            target_kind,
            targets,
            variables,
            contexts,
            features,
        })
    }
}

impl Design {
    /// Whether it is of networks, whose nodes are the features.
    pub(crate) fn is_of_networks(&self) -> bool {
        self.targets.is_empty()
    }

    pub(crate) fn context_names(&self) -> Vec<String> {
        names(&self.contexts)
    }

    pub(crate) fn feature_names(&self) -> Vec<String> {
        names(&self.features)
    }

    /// Names of the targets, which predictions are named after.
    pub(crate) fn target_names(&self) -> Vec<String> {
        let targets = self.targets.iter();
        targets.map(|target| target.name.clone()).collect()
    }

    /// Whether a design column depends on this variable.
    pub(crate) fn uses(columns: &[DesignColumn], variable: usize) -> bool {
        let of = |column: &DesignColumn| column.factors.iter().any(|(v, _)| *v == variable);
        columns.iter().any(of)
    }
}

fn names(columns: &[DesignColumn]) -> Vec<String> {
    columns.iter().map(|column| column.name.clone()).collect()
}

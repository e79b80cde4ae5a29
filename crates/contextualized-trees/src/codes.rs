//! What splits ask of a row: the rank of a number among the values observed, or the level of a factor.
//!
//! Ranks are all that trees know of numbers, so that monotone transformations of a context change nothing.

use contextualized_core::{ColumnNames, ContextVariable, Samples};
use ndarray::{ArrayView1, ArrayView2};
use serde::{Deserialize, Serialize};

/// How the contexts of a row become one 16-bit code for each context variable.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ContextCodes {
    variables: Vec<VariableCodes>,
}

/// How one context variable is coded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum VariableCodes {
    /// A number: how many of these ascending values, those that were observed, are below it.
    Number { column: usize, values: Vec<f64> },
    /// A factor: one more than the position of the indicator that is set, or 0.
    Factor { columns: Vec<usize> },
}

/// The most values of a number that are told apart: of more, as many quantiles.
const MOST_VALUES: usize = u16::MAX as usize;

impl ContextCodes {
    /// The codes that tell apart what was observed.
    pub(crate) fn observed(samples: &Samples) -> Self {
        let of_variable = |variable: ContextVariable| {
            if variable.factor {
                VariableCodes::Factor {
                    columns: variable.columns,
                }
            } else {
                let column = variable.first();
                VariableCodes::Number {
                    column,
                    values: distinct(samples.contexts().column(column)),
                }
            }
        };
        let variables = samples.names().context_variables();
        Self {
            variables: variables.into_iter().map(of_variable).collect(),
        }
    }

    /// Number of context variables.
    pub(crate) fn len(&self) -> usize {
        self.variables.len()
    }

    pub(crate) fn variables(&self) -> &[VariableCodes] {
        &self.variables
    }

    /// The codes of every variable (variables × n) at the contexts (n × c) that were observed.
    pub(crate) fn of_observed(&self, contexts: ArrayView2<'_, f64>) -> Vec<Vec<u16>> {
        let of_variable = |variable: &VariableCodes| -> Vec<u16> {
            match variable {
                VariableCodes::Number { column, values } => {
                    let code = |value: &f64| values.partition_point(|other| other < value);
                    // Above the highest quantile there is no other code.
                    let code = |value| code(value).min(values.len() - 1) as u16;
                    contexts.column(*column).iter().map(code).collect()
                }
                VariableCodes::Factor { columns } => levels(contexts, columns).collect(),
            }
        };
        self.variables.iter().map(of_variable).collect()
    }

    /// Ranks and levels of every variable (variables × n) at any contexts (n × c): the codes of values that were
    /// observed, and of others what is in the middle of the ranks below and above.
    pub(crate) fn positions(&self, contexts: ArrayView2<'_, f64>) -> Vec<Vec<f32>> {
        let of_variable = |variable: &VariableCodes| -> Vec<f32> {
            match variable {
                VariableCodes::Number { column, values } => {
                    let rank = |value: &f64| {
                        let below = values.partition_point(|other| other < value);
                        let up_to = values.partition_point(|other| other <= value);
                        ((below + up_to) as f32 - 1.0) / 2.0
                    };
                    contexts.column(*column).iter().map(rank).collect()
                }
                VariableCodes::Factor { columns } => {
                    levels(contexts, columns).map(f32::from).collect()
                }
            }
        };
        self.variables.iter().map(of_variable).collect()
    }

    /// Whether they can be codes of contexts of these names.
    pub(crate) fn fit(&self, names: &ColumnNames) -> bool {
        let variables = names.context_variables();
        self.variables.len() == variables.len()
            && self
                .variables
                .iter()
                .zip(&variables)
                .all(|(own, variable)| match own {
                    VariableCodes::Number { column, values } => {
                        !variable.factor
                            && *column == variable.first()
                            && !values.is_empty()
                            && values.len() <= MOST_VALUES
                            && values.is_sorted_by(|a, b| a < b)
                            && values.iter().all(|value| value.is_finite())
                    }
                    VariableCodes::Factor { columns } => {
                        variable.factor && *columns == variable.columns
                    }
                })
    }
}

impl VariableCodes {
    /// One more than the highest code of a row that was observed.
    pub(crate) fn observed_codes(&self) -> usize {
        match self {
            Self::Number { values, .. } => values.len(),
            Self::Factor { columns } => columns.len() + 1,
        }
    }

    /// How many words a set of its codes has, with a bit for each.
    pub(crate) fn words(&self) -> usize {
        self.observed_codes().div_ceil(64)
    }
}

/// The level of every row: one more than the position of the indicator that is set, or 0.
fn levels(contexts: ArrayView2<'_, f64>, columns: &[usize]) -> impl Iterator<Item = u16> {
    (0..contexts.nrows()).map(move |row| {
        let level = columns
            .iter()
            .position(|&column| contexts[[row, column]] > 0.5);
        level.map_or(0, |level| (level + 1) as u16)
    })
}

/// The distinct values of a column, or as many quantiles as there are codes.
fn distinct(column: ArrayView1<'_, f64>) -> Vec<f64> {
    // Both zeros are one value.
    let mut values: Vec<f64> = column.iter().map(|value| value + 0.0).collect();
    values.sort_unstable_by(f64::total_cmp);
    values.dedup();
    if values.len() <= MOST_VALUES {
        return values;
    }
    let last = values.len() - 1;
    (0..MOST_VALUES)
        .map(|quantile| values[quantile * last / (MOST_VALUES - 1)])
        .collect()
}

//! The column of a treatment whose effect is wanted.

use super::training::Request;
use crate::data::{Column, NO_LEVEL};
use crate::error::{Error, Result};
use crate::formula::{Expression, Resolved, Variable};
use ndarray::Array1;

/// A treatment: numbers, or two levels.
#[derive(Debug, Clone, PartialEq)]
pub struct TreatmentColumn {
    /// Its name.
    pub name: String,
    /// What 0 and 1 stand for, of one with levels.
    pub levels: Option<[String; 2]>,
    /// Its values at the rows that are fitted.
    pub values: Array1<f64>,
}

impl TreatmentColumn {
    /// Refuses a treatment that stands in the formula too, or has another part already.
    pub(super) fn check(name: &str, request: &Request<'_>, resolved: &Resolved) -> Result<()> {
        let offset = resolved.offset.iter().flat_map(Expression::columns);
        let sides = [
            ("a target", columns(&resolved.targets)),
            ("a feature", columns(resolved.features.iter().flatten())),
            ("a context", columns(&resolved.contexts)),
            ("in the offset", offset.collect()),
            (
                "the column of weights",
                request.weights.into_iter().collect(),
            ),
            ("the column of groups", request.groups.into_iter().collect()),
        ];
        if !resolved.random.is_empty() {
            return Err(Error::usage(format!(
                "--treatment {name} has no random effects beside it; leave them out of the formula, and say by --groups which rows depend on each other"
            )));
        }
        if resolved.survival {
            return Err(Error::usage(format!(
                "--treatment {name} with Surv(): effects of treatments are differences of means, which survival times that are censored do not have; write {name} as a feature, whose coefficient is a log hazard ratio"
            )));
        }
        match sides.iter().find(|(_, columns)| columns.contains(&name)) {
            None => Ok(()),
            Some((what, _)) => Err(Error::usage(format!(
                "--treatment {name} is {what} too: the effect of a treatment is what it does beyond everything else; take it out there"
            ))),
        }
    }

    /// The rows that are kept, of which none is missing.
    pub(super) fn new(name: &str, column: &Column, kept: &[usize], file: &str) -> Result<Self> {
        let (levels, values): (Option<[String; 2]>, Array1<f64>) = match column {
            Column::Numbers(numbers) => (None, kept.iter().map(|&row| numbers[row]).collect()),
            Column::Levels { levels, codes } => {
                let own = kept
                    .iter()
                    .map(|&row| codes[row])
                    .filter(|code| *code != NO_LEVEL);
                let mut used: Vec<u32> = own.collect();
                used.sort_unstable();
                used.dedup();
                let names = used.iter().map(|code| levels[*code as usize].clone());
                let names: Vec<String> = names.collect();
                let count = names.len();
                let two = <[String; 2]>::try_from(names).map_err(|_| {
                    Error::failure(format!(
                        "the treatment {name} of {file} has {count} level{} in the rows used; a treatment is a number, or has two levels: compare them two by two, in files with the rows of two",
                        if count == 1 { "" } else { "s" }
                    ))
                })?;
                let value = |row: &usize| f64::from(u8::from(codes[*row] == used[1]));
                (Some(two), kept.iter().map(value).collect())
            }
            Column::Times(..) | Column::Table(_) => {
                return Err(Error::failure(format!(
                    "the treatment {name} of {file} is a date or time; a treatment is a number, or has two levels"
                )));
            }
        };
        if values.iter().all(|value| *value == values[0]) {
            return Err(Error::failure(format!(
                "the treatment {name} is {} in all {} rows used of {file}: there is nobody to compare with",
                values[0],
                values.len()
            )));
        }
        Ok(Self {
            name: name.to_owned(),
            levels,
            values,
        })
    }
}

fn columns<'v>(variables: impl IntoIterator<Item = &'v Variable>) -> Vec<&'v str> {
    variables.into_iter().flat_map(Variable::columns).collect()
}

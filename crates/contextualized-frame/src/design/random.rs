//! Random effects of a formula: whose they are and what they are multiplied by.

use super::encode::fill;
use super::{DesignColumn, INTERCEPT, Variable, coding};
use crate::data::Column;
use crate::error::{Error, Result};
use crate::formula::{self, Random};
use contextualized_core::RandomTerm;
use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// How rows of a file become rows of a random term.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RandomDesign {
    /// What its levels are called.
    pub group: String,
    /// Positions of the variables whose levels together are the term's.
    pub variables: Vec<usize>,
    /// Codes of these variables for each of the term's levels, where there are several variables.
    combinations: Vec<Vec<u32>>,
    /// Columns of the effects; the intercept has no factors.
    pub effects: Vec<DesignColumn>,
    /// Whether effects of one level are correlated.
    correlated: bool,
    /// Number of levels.
    levels: usize,
}

impl RandomDesign {
    pub(super) fn new(
        term: &Random,
        variables: &[Variable],
        values: &[Column],
        kept: &[usize],
        position: impl Fn(&formula::Variable) -> usize + Copy,
    ) -> Result<Self> {
        let mut effects = Vec::new();
        if term.intercept {
            effects.push(DesignColumn {
                name: INTERCEPT.to_owned(),
                factors: Vec::new(),
            });
        }
        let coded = coding::features(&term.effects, term.intercept, variables, position)?;
        effects.extend(coded);
        let own: Vec<usize> = term.group.iter().map(position).collect();
        let mut combinations = Vec::new();
        let levels = if let [one] = own[..] {
            variables[one].levels.as_ref().map_or(0, Vec::len)
        } else {
            combinations = kept
                .iter()
                .filter_map(|&row| codes(&own, values, row))
                .collect();
            combinations.sort_unstable();
            combinations.dedup();
            combinations.len()
        };
        let group = term.group_name();
        if levels < 2 || levels == kept.len() {
            let why = if levels < 2 {
                "one level: random effects need at least two, leave them out of the formula"
            } else {
                "a level for every row: nothing distinguishes its effects from the noise, leave them out of the formula"
            };
            return Err(Error::failure(format!("{group} has {why}")));
        }
        Ok(Self {
            group,
            variables: own,
            combinations,
            effects,
            correlated: term.correlated,
            levels,
        })
    }

    /// Whether variables and levels are those of a design.
    pub(super) fn fits(&self, variables: &[Variable]) -> bool {
        let levels = |at: &usize| variables.get(*at).and_then(|own| own.levels.as_ref());
        let known = self.effects.iter().all(|column| {
            column.factors.iter().all(|&(variable, part)| {
                let variable = variables.get(variable);
                variable.is_some_and(|own| match (own.parts(), part) {
                    (Some(parts), Some(part)) => part < parts,
                    (None, None) => true,
                    (Some(_), None) | (None, Some(_)) => false,
                })
            })
        });
        let grouped = match &self.variables[..] {
            [] => false,
            [one] => levels(one).is_some_and(|own| own.len() == self.levels),
            several => {
                several.iter().all(|own| levels(own).is_some())
                    && self.combinations.len() == self.levels
                    && self.combinations.is_sorted()
                    && self
                        .combinations
                        .iter()
                        .all(|own| own.len() == several.len())
            }
        };
        known && grouped && !self.effects.is_empty()
    }

    /// Whether its effects depend on a variable.
    pub(super) fn uses(&self, variable: usize) -> bool {
        self.variables.contains(&variable) || super::Design::uses(&self.effects, variable)
    }

    /// These rows of the variables' values; levels that training did not have are none.
    pub(super) fn of_rows(&self, values: &[Column], rows: &[usize]) -> Result<RandomTerm> {
        let places: HashMap<&[u32], usize> = self
            .combinations
            .iter()
            .enumerate()
            .map(|(place, codes)| (codes.as_slice(), place))
            .collect();
        let level = |&row: &usize| {
            let codes = codes(&self.variables, values, row)?;
            match codes[..] {
                [one] => Some(one as usize).filter(|level| *level < self.levels),
                _ => places.get(codes.as_slice()).copied(),
            }
        };
        let levels = rows.iter().map(level).collect();
        Ok(self.term(levels, fill(&self.effects, values, rows).view())?)
    }

    /// The term of rows whose levels and columns are known.
    pub(crate) fn term(
        &self,
        levels: Vec<Option<usize>>,
        design: ArrayView2<'_, f64>,
    ) -> contextualized_core::Result<RandomTerm> {
        let names = self.effects.iter().map(|column| column.name.as_str());
        let term = RandomTerm::of_levels(self.group.as_str(), levels, self.levels, design)?
            .with_effect_names(names)?;
        Ok(if self.correlated {
            term
        } else {
            term.uncorrelated()
        })
    }
}

/// Codes of the levels of a row.
fn codes(variables: &[usize], values: &[Column], row: usize) -> Option<Vec<u32>> {
    let code = |variable: &usize| match &values[*variable] {
        Column::Levels { codes, .. } => Some(codes[row]),
        Column::Numbers(_) | Column::Times(..) | Column::Table(_) => None,
    };
    variables.iter().map(code).collect()
}

//! How the columns of a file become contexts, features and targets; a model file keeps it.

mod arrays;
mod basis;
mod classes;
mod coding;
mod encode;
mod fields;
mod parts;
mod random;
mod survival;
mod training;
mod treatment;

use crate::data::{Clock, Column};
use crate::error::{Error, Result};
use crate::formula::Expression;
use basis::Trained;
use contextualized_core::{Checked, Family, Samples, checked_serde};
use ndarray::{ArrayView1, ArrayView2};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::HashSet;

/// What the intercept is called among the coefficients.
pub const INTERCEPT: &str = "(intercept)";

pub use arrays::Arrays;
pub(crate) use encode::selected;
pub use encode::{Encoded, Encoder, LeftOut, UnknownLevels, a_row_for_each};
pub use random::RandomDesign;
pub use survival::{OutcomeKind, SurvivalDesign};
pub use training::{Request, Training, read_training};
pub use treatment::TreatmentColumn;

/// What columns of a design are made of: a column of the data as it was in training, or numbers made of some.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Its levels in order; none of a column of numbers.
    pub levels: Option<Vec<String>>,
    /// What its numbers count, of dates and times.
    #[serde(default)]
    pub clock: Option<Clock>,
    /// How it is made, unless it is a column of the data.
    #[serde(default)]
    pub made: Option<Made>,
}

/// Numbers made of columns of numbers, and a basis of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Made {
    /// The numbers, of columns.
    pub of: Expression,
    /// The basis of them, if it is one.
    pub basis: Option<Trained>,
}

impl Made {
    /// Its values where the columns, which `column` finds by name, have so many rows.
    pub fn values<'c>(&self, column: impl Fn(&str) -> Option<&'c [f64]>, rows: usize) -> Column {
        let columns: Vec<(&str, &[f64])> = self
            .of
            .columns()
            .into_iter()
            .filter_map(|name| column(name).map(|values| (name, values)))
            .collect();
        let numbers = (0..rows).map(|row| {
            self.of.value(&|name| {
                let found = columns.iter().find(|(own, _)| *own == name);
                found.map_or(f64::NAN, |(_, values)| values[row])
            })
        });
        let numbers: Vec<f64> = numbers.collect();
        match &self.basis {
            None => Column::Numbers(numbers),
            Some(basis) => Column::Table(basis.table(&numbers)),
        }
    }
}

/// A column of a design: a product of numbers, of indicators of levels and of columns of bases; or the codes of a
/// context of very many levels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DesignColumn {
    /// Its name.
    pub name: String,
    /// Variables, and of those with levels the one indicated, of those with a basis its column. Of one with levels that
    /// is in codes none is.
    pub factors: Vec<(usize, Option<usize>)>,
}

/// How rows of a file become rows of contexts and features.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub struct Design {
    /// The formula with `.` written out.
    pub formula: String,
    /// Whether there is an intercept.
    pub intercept: bool,
    /// The outcome's family.
    pub family: Family,
    /// The targets, which predictions are named after; none of networks.
    pub targets: Vec<Variable>,
    /// The columns that a row needs.
    pub variables: Vec<Variable>,
    /// The variable that holds offsets of the linear predictor, on the link scale.
    pub offset: Option<usize>,
    /// Columns of the contexts.
    pub contexts: Vec<DesignColumn>,
    /// Columns of the features; of networks the nodes; of an effect the treatment alone.
    pub features: Vec<DesignColumn>,
    /// Random effects.
    #[serde(default)]
    pub random: Vec<RandomDesign>,
    /// Where the model is of the effect of a treatment: the design of the outcome, whose last feature is the treatment.
    /// Rows to predict then need contexts alone.
    #[serde(default)]
    pub outcome: Option<Box<Design>>,
    /// How survival times become rows, where the outcome is one.
    #[serde(default)]
    pub survival: Option<SurvivalDesign>,
    /// The column of classes that the targets are indicators of, where they are: the first level is the reference.
    #[serde(default)]
    pub classes: Option<Variable>,
}

checked_serde!(Design);

impl Checked for Design {
    fn check(&self) -> contextualized_core::Result<()> {
        let no_such = |what: &'static str, name: &str, requirement: &str| {
            contextualized_core::Error::invalid_parameter(what, format!("{name:?}"), requirement)
        };
        let contexts = self.contexts.iter().map(|column| (column, true));
        let features = self.features.iter().map(|column| (column, false));
        for (column, is_context) in contexts.chain(features) {
            // No product has codes among its factors, and no feature is in codes.
            let may_be_coded = is_context && column.factors.len() == 1;
            for &(variable, part) in &column.factors {
                let known = self.variables.get(variable).is_some_and(|variable| {
                    match (variable.parts(), part) {
                        (Some(parts), Some(part)) => part < parts,
                        (None, None) => true,
                        (Some(_), None) => may_be_coded && variable.levels.is_some(),
                        (None, Some(_)) => false,
                    }
                });
                if !known || column.factors.is_empty() {
                    let requirement = "of variables and levels that the design has";
                    return Err(no_such("design column", &column.name, requirement));
                }
            }
        }
        if let Some(term) = self.random.iter().find(|term| !term.fits(&self.variables)) {
            let requirement = "of variables and levels that the design has";
            return Err(no_such("random term", &term.group, requirement));
        }
        if self.survival.as_ref().is_some_and(|own| !own.fits(self)) {
            let requirement = "of two or three columns, with time as the last context";
            return Err(no_such("survival times", &self.formula, requirement));
        }
        if self
            .classes
            .as_ref()
            .is_some_and(|own| !self.has_indicators_of(own))
        {
            let requirement = "those of the targets, behind a reference";
            return Err(no_such("classes", &self.formula, requirement));
        }
        let columns = self.survival.iter().flat_map(|own| &own.columns);
        for variable in self.variables.iter().chain(&self.targets).chain(columns) {
            let Some(Made { of, basis }) = &variable.made else {
                continue;
            };
            let there = of
                .columns()
                .into_iter()
                .all(|name| self.column(name).is_some());
            if !there || !basis.as_ref().is_none_or(Trained::is_consistent) {
                let requirement = "made of columns of numbers that the design has";
                return Err(no_such("design variable", &variable.name, requirement));
            }
        }
        for target in &self.targets {
            let levels = target.levels.as_ref().map(Vec::len);
            let fits = |levels| match levels {
                2 => self.family.is_binary(),
                _ => self.family.has_levels(),
            };
            if levels.is_some_and(|levels| !fits(levels)) {
                let requirement = "without levels, binary with two, or ordered with more";
                return Err(no_such("design target", &target.name, requirement));
            }
        }
        if let Some(offset) = self.offset {
            let number = |variable: &Variable| variable.parts().is_none();
            if !self.variables.get(offset).is_some_and(number) {
                let requirement = "a variable of numbers of the design";
                return Err(no_such("design offset", &offset.to_string(), requirement));
            }
        }
        Ok(())
    }
}

impl Variable {
    /// How many levels or columns of a basis it has; none of one number for each row.
    fn parts(&self) -> Option<usize> {
        let basis = self.made.as_ref().and_then(|made| made.basis.as_ref());
        let levels = self.levels.as_ref().map(Vec::len);
        levels.or_else(|| basis.map(Trained::columns))
    }
}

impl Design {
    /// The position of a column of numbers that variables are made of.
    fn column(&self, name: &str) -> Option<usize> {
        let is_it = |variable: &Variable| {
            variable.name == name && variable.levels.is_none() && variable.made.is_none()
        };
        self.variables.iter().position(is_it)
    }

    /// Positions of the columns of the data that a variable needs.
    fn sources(&self, variable: usize) -> Vec<usize> {
        match &self.variables[variable].made {
            None => vec![variable],
            Some(made) => self.columns_of(&made.of),
        }
    }

    fn columns_of(&self, expression: &Expression) -> Vec<usize> {
        let names = expression.columns().into_iter();
        names.filter_map(|name| self.column(name)).collect()
    }

    /// Whether it is of networks, whose nodes are the features.
    pub fn is_of_networks(&self) -> bool {
        self.targets.is_empty()
    }

    /// Variables with levels among the contexts that are in codes: of each its name, its column, and how many levels
    /// it has.
    fn coded_factors(&self) -> Vec<(String, usize, usize)> {
        let columns = self.contexts.iter().enumerate();
        columns
            .filter_map(|(at, column)| {
                let variable = self.coded_variable(column)?;
                let levels = variable.levels.as_ref().map_or(0, Vec::len);
                Some((variable.name.clone(), at, levels))
            })
            .collect()
    }

    /// The variable whose codes a column of the contexts holds, if it does.
    fn coded_variable(&self, column: &DesignColumn) -> Option<&Variable> {
        match column.factors[..] {
            [(variable, None)] => {
                Some(&self.variables[variable]).filter(|own| own.levels.is_some())
            }
            _ => None,
        }
    }

    /// Variables with levels among the contexts that are in indicators, and their columns.
    fn context_factors(&self) -> Vec<(String, Vec<usize>)> {
        let variables = self.variables.iter().enumerate();
        let with_levels = variables.filter(|(_, variable)| variable.levels.is_some());
        with_levels
            .map(|(position, variable)| {
                let columns = self.contexts.iter().enumerate();
                let own = columns.filter(|(_, column)| {
                    Self::is_of(column, position) && self.coded_variable(column).is_none()
                });
                (
                    variable.name.clone(),
                    own.map(|(column, _)| column).collect(),
                )
            })
            .filter(|(_, columns): &(String, Vec<usize>)| !columns.is_empty())
            .collect()
    }

    /// Terms among the features that are several columns, as those of a factor are: what to call them, and their
    /// columns.
    pub fn feature_factors(&self) -> Vec<(String, Vec<usize>)> {
        let mut terms: Vec<(Vec<usize>, Vec<usize>)> = Vec::new();
        for (position, column) in self.features.iter().enumerate() {
            let factors = column.factors.iter();
            let variables: Vec<usize> = factors.map(|(variable, _)| *variable).collect();
            match terms.iter_mut().find(|(own, _)| *own == variables) {
                Some((_, columns)) => columns.push(position),
                None => terms.push((variables, vec![position])),
            }
        }
        terms.retain(|(_, columns)| columns.len() > 1);
        let name = |variables: &[usize]| {
            let names = variables.iter();
            let names = names.map(|variable| self.variables[*variable].name.as_str());
            names.collect::<Vec<_>>().join(":")
        };
        let terms = terms.into_iter();
        terms
            .map(|(variables, columns)| (name(&variables), columns))
            .collect()
    }

    /// Whether a column is made of levels.
    /// Names of the levels of a target that is binary or ordered; none of others.
    pub fn target_levels(&self, target: usize) -> Option<Vec<String>> {
        let most = self.family.mean_range().1;
        let is_of_levels = self.family.is_binary() || self.family.has_levels();
        let numbers = || (0..=most as usize).map(|level| level.to_string()).collect();
        let named = self.targets.get(target)?.levels.clone();
        is_of_levels.then(|| named.unwrap_or_else(numbers))
    }

    fn has_levels(&self, column: &DesignColumn) -> bool {
        let mut variables = column.factors.iter().map(|(variable, _)| *variable);
        variables.any(|variable| self.variables[variable].levels.is_some())
    }

    /// Refuses two things of one name.
    fn check_names(&self) -> Result<()> {
        for (what, columns) in [("features", &self.features), ("contexts", &self.contexts)] {
            let mut known = HashSet::new();
            for DesignColumn { name, .. } in columns {
                let is_intercept = what == "features" && self.intercept && name == INTERCEPT;
                if is_intercept || !known.insert(name) {
                    return Err(Error::failure(format!(
                        "two {what} would be called {name:?}; rename a column"
                    )));
                }
            }
        }
        Ok(())
    }

    fn is_of(column: &DesignColumn, variable: usize) -> bool {
        column.factors.iter().any(|(own, _)| *own == variable)
    }

    /// Names of the columns of contexts.
    pub fn context_names(&self) -> Vec<String> {
        names(&self.contexts)
    }

    /// Names of the columns of features.
    pub fn feature_names(&self) -> Vec<String> {
        names(&self.features)
    }

    /// The same design, with offsets read from a column of another name.
    pub fn with_offset_named(&self, name: Option<&str>) -> Result<Cow<'_, Self>> {
        let Some(name) = name else {
            return Ok(Cow::Borrowed(self));
        };
        let Some(offset) = self.offset else {
            return Err(Error::usage(
                "--offset names a column of offsets, and the model was fitted without; leave it out",
            ));
        };
        if self.variables[offset].made.is_some() {
            return Err(Error::usage(format!(
                "--offset names a column, and the offset of the model is {}; leave it out",
                self.variables[offset].name
            )));
        }
        let mut design = self.clone();
        let old = &self.variables[offset].name;
        let columns = self.survival.iter().flat_map(|own| &own.columns);
        let made = self.variables.iter().chain(&self.targets).chain(columns);
        let mut made = made.filter_map(|variable| variable.made.as_ref());
        if Self::uses(&design.contexts, offset)
            || Self::uses(&design.features, offset)
            || made.any(|made| made.of.columns().contains(&old.as_str()))
        {
            // The column is of a context or feature too, which keeps its name.
            design.offset = Some(design.variables.len());
            design.variables.push(design.variables[offset].clone());
        }
        let own = design.offset.unwrap_or(offset);
        name.clone_into(&mut design.variables[own].name);
        Ok(Cow::Owned(design))
    }

    /// The design of the effect of a treatment on means of the same targets: a regression on it without an intercept.
    pub(crate) fn of_effect(&self, treatment: &TreatmentColumn) -> Self {
        let TreatmentColumn { name, levels, .. } = treatment;
        let mut outcome = self.clone();
        let column = DesignColumn {
            name: name.clone(),
            // Of two levels the second is 1.
            factors: vec![(outcome.variables.len(), levels.as_ref().map(|_| 1))],
        };
        outcome.variables.push(Variable {
            name: name.clone(),
            levels: levels.as_ref().map(|levels| levels.to_vec()),
            clock: None,
            made: None,
        });
        outcome.features.push(column.clone());
        let mut targets = outcome.targets.clone();
        for target in &mut targets {
            target.levels = None;
        }
        Self {
            formula: outcome.formula.clone(),
            intercept: false,
            family: Family::Gaussian,
            targets,
            variables: outcome.variables.clone(),
            offset: None,
            contexts: outcome.contexts.clone(),
            features: vec![column],
            random: Vec::new(),
            outcome: Some(Box::new(outcome)),
            survival: None,
            classes: None,
        }
    }

    /// Names of the targets, which predictions are named after.
    pub fn target_names(&self) -> Vec<String> {
        let targets = self.targets.iter();
        targets.map(|target| target.name.clone()).collect()
    }

    /// Rows under the names of their columns; the targets of networks are their nodes.
    pub fn samples(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
        targets: ArrayView2<'_, f64>,
        offsets: Option<ArrayView1<'_, f64>>,
    ) -> contextualized_core::Result<Samples> {
        let target_names = if self.is_of_networks() {
            self.feature_names()
        } else {
            self.target_names()
        };
        let samples = if self.contexts.is_empty() {
            Samples::without_contexts(features, targets)?
        } else {
            Samples::new(contexts, features, targets)?
        };
        let samples = samples
            .with_context_names(self.context_names())?
            .with_factors(self.context_factors())?
            .with_coded_factors(self.coded_factors())?
            .with_feature_names(self.feature_names())?
            .with_target_names(target_names)?;
        match offsets {
            Some(offsets) => samples.with_offsets(offsets),
            None => Ok(samples),
        }
    }

    /// Variables whose levels are groups of random effects.
    pub fn grouping(&self) -> impl Iterator<Item = usize> + '_ {
        self.random
            .iter()
            .flat_map(|term| term.variables.iter().copied())
    }

    /// Whether a design column depends on this variable.
    pub fn uses(columns: &[DesignColumn], variable: usize) -> bool {
        columns.iter().any(|column| Self::is_of(column, variable))
    }
}

fn names(columns: &[DesignColumn]) -> Vec<String> {
    columns.iter().map(|column| column.name.clone()).collect()
}

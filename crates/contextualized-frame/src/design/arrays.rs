//! Arrays with names of their columns as training rows.

use super::training::relative;
use super::{Design, DesignColumn, Training, Variable};
use crate::data::Reading;
use crate::error::{Error, Result};
use crate::formula::quoted;
use contextualized_core::{Checked, Family};
use ndarray::{ArrayView1, ArrayView2};
use std::collections::HashMap;

/// Rows of numbers whose columns are contexts, features and targets as they are.
#[derive(Debug, Clone)]
pub struct Arrays<'a> {
    /// Contexts (n × c).
    pub contexts: ArrayView2<'a, f64>,
    /// Features (n × x); of networks the nodes.
    pub features: ArrayView2<'a, f64>,
    /// Targets (n × y); no columns for networks.
    pub targets: ArrayView2<'a, f64>,
    /// Names of the contexts. A feature of the same name is the same column.
    pub context_names: &'a [String],
    /// Names of the features.
    pub feature_names: &'a [String],
    /// Names of the targets.
    pub target_names: &'a [String],
    /// What 0 and 1 of a binary target stand for; of a family with classes all of them, the reference first, of which the
    /// targets are indicators.
    pub classes: Option<Vec<String>>,
    /// The outcome's family.
    pub family: Family,
    /// Whether there is an intercept.
    pub intercept: bool,
    /// Weights of the rows (n).
    pub weights: Option<ArrayView1<'a, f64>>,
    /// Numbers of the groups of the rows (n).
    pub groups: Option<&'a [u64]>,
}

impl Arrays<'_> {
    /// The rows to fit, and the formula that says the same.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] for two columns of one name, or a feature that has the name of a context and other values;
    /// [`Error::Model`] for shapes that contradict each other, and cells that are NaN or infinite.
    pub fn training(&self) -> Result<Training> {
        let mut variables: Vec<Variable> = Vec::new();
        let mut positions: HashMap<&str, usize> = HashMap::new();
        let (mut contexts, mut features) = (Vec::new(), Vec::new());
        for (position, name) in self.context_names.iter().enumerate() {
            positions.insert(name, position);
            contexts.push(column(name, variables.len()));
            variables.push(plain(name, None));
        }
        for (position, name) in self.feature_names.iter().enumerate() {
            let variable = match positions.get(name.as_str()) {
                Some(&context) if self.same(context, position) => context,
                Some(_) => {
                    return Err(Error::failure(format!(
                        "a feature and a context are called {name:?} and have different values; rename one"
                    )));
                }
                None => {
                    variables.push(plain(name, None));
                    variables.len() - 1
                }
            };
            features.push(column(name, variable));
        }
        // Indicators of classes have names of their own, those of the classes.
        let (classes, levels) = if self.family.has_classes() {
            let classes = self.classes.clone();
            (classes.map(|levels| plain("class", Some(levels))), None)
        } else {
            (None, self.classes.clone())
        };
        let targets = self.target_names.iter();
        let design = Design {
            formula: self.formula(),
            outcome: None,
            intercept: self.intercept,
            family: self.family,
            targets: targets.map(|name| plain(name, levels.clone())).collect(),
            variables,
            offset: None,
            contexts,
            features,
            random: Vec::new(),
            survival: None,
            classes,
        };
        design.check()?;
        design.check_names()?;
        let outcomes = if design.is_of_networks() {
            self.features
        } else {
            self.targets
        };
        let mut samples = design.samples(self.contexts, self.features, outcomes, None)?;
        if let Some(weights) = self.weights {
            samples = samples.with_weights(relative(weights.to_owned(), self.family).view())?;
        }
        if let Some(groups) = self.groups {
            samples = samples.with_groups(groups)?;
        }
        Ok(Training {
            design,
            samples,
            treatment: None,
            dropped: 0,
            remarks: Vec::new(),
            reading: Reading::default(),
        })
    }

    /// Whether a context and a feature have the same values.
    fn same(&self, context: usize, feature: usize) -> bool {
        context < self.contexts.ncols()
            && feature < self.features.ncols()
            && self.contexts.column(context) == self.features.column(feature)
    }

    fn formula(&self) -> String {
        let sum = |names: &[String]| {
            let names: Vec<String> = names.iter().map(|name| quoted(name)).collect();
            names.join(" + ")
        };
        let targets = match self.target_names {
            [] | [_] => sum(self.target_names),
            several => {
                let names: Vec<String> = several.iter().map(|name| quoted(name)).collect();
                format!("cbind({})", names.join(", "))
            }
        };
        let no_intercept = if self.intercept || self.target_names.is_empty() {
            ""
        } else {
            "0 + "
        };
        let formula = format!(
            "{targets} ~ {no_intercept}{} | {}",
            sum(self.feature_names),
            sum(self.context_names)
        );
        formula.trim_start().to_owned()
    }
}

fn column(name: &str, variable: usize) -> DesignColumn {
    DesignColumn {
        name: name.to_owned(),
        factors: vec![(variable, None)],
    }
}

fn plain(name: &str, levels: Option<Vec<String>>) -> Variable {
    Variable {
        name: name.to_owned(),
        levels,
        clock: None,
        made: None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn a_formula_says_the_same() {
        let (contexts, features) = (
            array![[1.0], [2.0], [3.0]],
            array![[1.0, 5.0], [2.0, 1.0], [3.0, 4.0]],
        );
        let targets = array![[0.5], [1.5], [1.0]];
        let names =
            |names: &[&str]| -> Vec<String> { names.iter().map(|&name| name.to_owned()).collect() };
        let (c, x, y) = (names(&["age"]), names(&["age", "a dose"]), names(&["y"]));
        let mut arrays = Arrays {
            contexts: contexts.view(),
            features: features.view(),
            targets: targets.view(),
            context_names: &c,
            feature_names: &x,
            target_names: &y,
            classes: None,
            family: Family::Gaussian,
            intercept: true,
            weights: None,
            groups: None,
        };
        let training = arrays.training().unwrap();
        assert_eq!(training.design.formula, "y ~ age + `a dose` | age");
        assert_eq!(training.design.variables.len(), 2);
        assert!(crate::formula::parse(&training.design.formula).is_ok());
        let other = array![[1.0], [2.0], [4.0]];
        arrays.contexts = other.view();
        assert!(arrays.training().is_err());
    }
}

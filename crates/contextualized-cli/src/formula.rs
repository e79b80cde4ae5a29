//! Formulas: `y ~ x0 + x1 | c0 + c1`, as in R's model-based trees.
//!
//! ```text
//! formula  = [targets] "~" sum "|" sum
//! targets  = variable | "cbind" "(" variable { "," variable } ")"
//! sum      = ["+" | "-"] product { ("+" | "-") product }
//! product  = crossing { "*" crossing }             a * b is a + b + a:b
//! crossing = atom { ":" atom }
//! atom     = variable | "." | "0" | "1" | "(" sum ")"
//! variable = name | "`" any name "`" | "factor" "(" name ")"
//! ```

mod parser;
mod tokens;

use crate::error::{Error, Result};
use std::collections::BTreeSet;
use std::fmt::{Display, Formatter};

pub(crate) use parser::parse;

/// A column as a formula names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Variable {
    pub(crate) name: String,
    /// `factor(name)`: its values are levels, even where they are numbers.
    pub(crate) factor: bool,
}

/// A product of variables, each at most once.
pub(crate) type Term = Vec<Variable>;

/// What stands on one side of the bar: terms to have and variables to leave out, in writing order.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Side {
    pub(crate) terms: Vec<Term>,
    /// `.`: all columns that the formula names nowhere else.
    pub(crate) dot: bool,
    /// Terms taken away by a minus.
    pub(crate) without: Vec<Term>,
    /// `0` or `-1`.
    pub(crate) no_intercept: bool,
    /// Whether a `1` or a `0` was written.
    pub(crate) intercept_named: bool,
}

/// A formula as it was written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Formula {
    pub(crate) targets: Vec<Variable>,
    pub(crate) features: Side,
    pub(crate) contexts: Side,
}

/// A formula whose columns are known: nothing is left open by `.`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Resolved {
    pub(crate) targets: Vec<Variable>,
    pub(crate) features: Vec<Term>,
    pub(crate) contexts: Vec<Variable>,
    pub(crate) intercept: bool,
}

impl Variable {
    /// A column whose values are levels only if they are not numbers.
    pub(crate) fn of_numbers(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            factor: false,
        }
    }
}

/// Whether two terms are of the same variables, in any order.
fn same(a: &Term, b: &Term) -> bool {
    a.len() == b.len() && a.iter().all(|variable| b.contains(variable))
}

impl Formula {
    /// Fills in `.` from the columns of a file, and checks that the formula can be meant.
    pub(crate) fn resolve(&self, columns: &[String]) -> Result<Resolved> {
        if self.features.dot && self.contexts.dot {
            return Err(Error::usage(
                "the formula has `.` on both sides of the bar; all remaining columns can be features or contexts, not both",
            ));
        }
        if self.contexts.intercept_named {
            return Err(Error::usage(
                "the formula has a number among the contexts; 0, 1 and -1 are about the intercept and stand before the bar",
            ));
        }
        let named = self.named();
        let remaining: Vec<Variable> = columns
            .iter()
            .filter(|column| !named.contains(column.as_str()))
            .map(Variable::of_numbers)
            .collect();
        let features = self.features.filled(&remaining, "features")?;
        let contexts = self.contexts.filled(&remaining, "contexts")?;
        if let Some(term) = contexts.iter().find(|term| term.len() > 1) {
            return Err(Error::usage(format!(
                "the formula has the interaction {} among the contexts; contexts interact by the estimator, write {}",
                joined(term, ":"),
                joined(term, " + ")
            )));
        }
        for target in &self.targets {
            if features.iter().flatten().any(|v| v.name == target.name)
                || contexts.iter().flatten().any(|v| v.name == target.name)
            {
                return Err(Error::usage(format!(
                    "{target} is on both sides of the formula; a target cannot explain itself"
                )));
            }
        }
        Ok(Resolved {
            targets: self.targets.clone(),
            features,
            contexts: contexts.into_iter().flatten().collect(),
            intercept: !self.features.no_intercept,
        })
    }

    /// Names that stand anywhere in the formula, those taken away included.
    fn named(&self) -> BTreeSet<&str> {
        let sides = [&self.features, &self.contexts];
        let terms = sides
            .into_iter()
            .flat_map(|side| side.terms.iter().chain(&side.without).flatten());
        terms
            .chain(&self.targets)
            .map(|variable| variable.name.as_str())
            .collect()
    }
}

impl Side {
    fn filled(&self, remaining: &[Variable], what: &str) -> Result<Vec<Term>> {
        let mut terms: Vec<Term> = Vec::new();
        let rest = remaining.iter().map(|variable| vec![variable.clone()]);
        for term in self.terms.iter().cloned().chain(rest.filter(|_| self.dot)) {
            let mut others = self.without.iter().chain(&terms);
            if !others.any(|other| same(other, &term)) {
                terms.push(term);
            }
        }
        if terms.is_empty() {
            return Err(Error::usage(format!(
                "the formula has no {what}; write `y ~ features | contexts`, such as `y ~ dose | age + sex`"
            )));
        }
        // Main effects first, as R has them: columns of coefficients come in that order.
        terms.sort_by_key(Vec::len);
        Ok(terms)
    }
}

impl Display for Variable {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let name = quoted(&self.name);
        if self.factor {
            write!(f, "factor({name})")
        } else {
            write!(f, "{name}")
        }
    }
}

/// A name as a formula has to write it.
fn quoted(name: &str) -> String {
    if tokens::is_plain_name(name) {
        name.to_owned()
    } else {
        format!("`{}`", name.replace('`', "``"))
    }
}

/// Variables as they are written, those of a term with a colon between them: `a:b`.
pub(crate) fn joined(variables: &[Variable], by: &str) -> String {
    let names: Vec<String> = variables.iter().map(Variable::to_string).collect();
    names.join(by)
}

impl Display for Resolved {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match self.targets.len() {
            0 => write!(f, "~ ")?,
            1 => write!(f, "{} ~ ", self.targets[0])?,
            _ => write!(f, "cbind({}) ~ ", joined(&self.targets, ", "))?,
        }
        let terms = self.features.iter().map(|term| joined(term, ":"));
        let terms: Vec<String> = terms.collect();
        let intercept = if self.intercept { "" } else { " - 1" };
        write!(
            f,
            "{}{intercept} | {}",
            terms.join(" + "),
            joined(&self.contexts, " + ")
        )
    }
}

#[cfg(test)]
mod tests;

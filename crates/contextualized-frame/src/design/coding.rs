//! Which indicators a formula's terms need.

use super::basis::Trained;
use super::{DesignColumn, Variable};
use crate::data::MOST_LEVELS;
use crate::error::{Error, Result};
use crate::formula::{self, Resolved, Term};
use std::collections::HashSet;

/// Contexts: numbers as they are, two levels as the indicator of the second, more as one of each, so
/// that all pairs of levels are equally far apart; very many as codes, since so many columns would not fit in memory.
pub(super) fn contexts(
    formula: &Resolved,
    variables: &[Variable],
    position: impl Fn(&formula::Variable) -> usize,
) -> Result<Vec<DesignColumn>> {
    let mut columns = Vec::new();
    for context in &formula.contexts {
        let variable = position(context);
        let Variable { name, levels, .. } = &variables[variable];
        check_levels(&variables[variable])?;
        let levels = levels.as_ref().map_or(0, Vec::len);
        if levels > MOST_LEVELS {
            columns.push(DesignColumn {
                name: name.clone(),
                factors: vec![(variable, None)],
            });
        } else {
            let from = usize::from(levels == 2);
            columns.extend(coded(&[(variable, from)], variables));
        }
    }
    Ok(columns)
}

/// Features as R codes them: a variable with levels is coded by all but its first level wherever the
/// term without it is in the formula too, and by all levels elsewhere.
pub(super) fn features(
    all: &[Term],
    intercept: bool,
    variables: &[Variable],
    position: impl Fn(&formula::Variable) -> usize,
) -> Result<Vec<DesignColumn>> {
    let mut columns = Vec::new();
    // Indicators of all levels add up to one: they hold the intercept.
    let mut has_constant = intercept;
    let terms: HashSet<Vec<String>> = all.iter().map(names).collect();
    for term in all {
        let mut coding = Vec::new();
        for factor in term {
            let variable = position(factor);
            check_levels(&variables[variable])?;
            let rest: Vec<String> = names(term.iter().filter(|v| *v != factor));
            let margin = match rest.len() {
                0 => has_constant,
                _ => terms.contains(&rest),
            };
            let from = usize::from(margin && variables[variable].levels.is_some());
            coding.push((variable, from));
            has_constant |= rest.is_empty() && variables[variable].levels.is_some();
        }
        let coded = coded(&coding, variables);
        const MOST: usize = 10_000;
        if columns.len() + coded.len() > MOST {
            return Err(Error::failure(format!(
                "the formula makes more than {MOST} features, with the levels of {}; group levels or leave terms out",
                formula::joined(term, ":")
            )));
        }
        columns.extend(coded);
    }
    Ok(columns)
}

/// What variables are called, in an order of their own.
fn names<'v>(variables: impl IntoIterator<Item = &'v formula::Variable>) -> Vec<String> {
    let mut names: Vec<String> = variables.into_iter().map(|own| own.to_string()).collect();
    names.sort();
    names
}

fn check_levels(variable: &Variable) -> Result<()> {
    match &variable.levels {
        Some(levels) if levels.len() < 2 => Err(Error::failure(format!(
            "column {} has the same value {:?} in all rows and can explain nothing; leave it out of the formula",
            variable.name,
            levels.first().map_or("", String::as_str)
        ))),
        _ => Ok(()),
    }
}

/// Products of the variables' numbers or indicators, those of the first variable fastest; of each
/// variable its position and the first level that is coded.
fn coded(coding: &[(usize, usize)], variables: &[Variable]) -> Vec<DesignColumn> {
    let mut columns = vec![DesignColumn {
        name: String::new(),
        factors: Vec::new(),
    }];
    for &(variable, from) in coding {
        let Variable {
            name, levels, made, ..
        } = &variables[variable];
        let basis = made.as_ref().and_then(|made| made.basis.as_ref());
        let parts = levels.clone().or_else(|| basis.map(Trained::parts));
        let choices: Vec<(String, Option<usize>)> = match parts {
            None => vec![(name.clone(), None)],
            // A basis of one function is called as a number would be.
            Some(parts) if levels.is_none() && parts.len() == 1 => vec![(name.clone(), Some(0))],
            Some(parts) => (from..parts.len())
                .map(|part| (format!("{name}[{}]", parts[part]), Some(part)))
                .collect(),
        };
        columns = choices
            .iter()
            .flat_map(|(name, level)| {
                columns.iter().map(move |column| {
                    let mut factors = column.factors.clone();
                    factors.push((variable, *level));
                    DesignColumn {
                        name: match column.name.as_str() {
                            "" => name.clone(),
                            before => format!("{before}:{name}"),
                        },
                        factors,
                    }
                })
            })
            .collect();
    }
    columns
}

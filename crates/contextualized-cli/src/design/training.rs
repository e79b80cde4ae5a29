//! Reading the rows a model is fitted to, and deciding how they are coded.

use super::encode::{fill, not_of_family, outcome_of};
use super::{Design, Variable, coding};
use crate::data::{Column, Source, Wanted, read_columns};
use crate::error::{Error, Result};
use crate::formula::{self, Formula};
use contextualized_core::{Family, Samples};
use ndarray::{Array1, Array2};

/// What is asked of the data.
pub(crate) struct Request<'a> {
    pub(crate) formula: &'a Formula,
    /// A column of row weights.
    pub(crate) weights: Option<&'a str>,
    /// A column of groups of rows.
    pub(crate) groups: Option<&'a str>,
    /// A column of offsets.
    pub(crate) offset: Option<&'a str>,
    /// What outcomes are, if it was said.
    pub(crate) family: Option<Family>,
    /// Leave out rows with missing values.
    pub(crate) drop_missing: bool,
}

/// Samples, and how they were made.
pub(crate) struct Training {
    pub(crate) design: Design,
    pub(crate) samples: Samples,
    /// Rows left out for missing values.
    pub(crate) dropped: usize,
}

/// Reads the columns that a formula names, and codes them.
pub(crate) fn read_training(source: &Source, request: &Request<'_>) -> Result<Training> {
    let resolved = request.formula.resolve(&others(source, request))?;
    // Every variable once: the targets, then what rows of contexts and features need, then weights.
    let mut named: Vec<formula::Variable> = resolved.targets.clone();
    let targets = named.len();
    for variable in resolved
        .contexts
        .iter()
        .chain(resolved.features.iter().flatten())
    {
        if !named[targets..].contains(variable) {
            named.push(variable.clone());
        }
    }
    // Offsets are one more variable, which no context or feature need use.
    let offset = request.offset.map(formula::Variable::of_numbers);
    named.extend(
        offset
            .clone()
            .filter(|offset| !named[targets..].contains(offset)),
    );
    let wanted = named
        .iter()
        .map(|variable| wanted(source, &variable.name, variable.factor))
        .chain(request.weights.map(|name| wanted(source, name, false)))
        .chain(request.groups.map(|name| wanted(source, name, true)))
        .collect::<Result<Vec<Wanted>>>()?;
    let columns = read_columns(source, &wanted)?;
    let rows = columns.first().map_or(0, Column::rows);
    if rows == 0 {
        return Err(Error::failure(format!(
            "{} has a header but no rows",
            source.name
        )));
    }
    let names = named.iter().map(|variable| variable.name.as_str());
    let names = names.chain(request.weights).chain(request.groups);
    let kept = complete_rows(source, names, &columns, request.drop_missing)?;

    let weights = request.weights.zip(columns.get(named.len()));
    let weights = weights
        .map(|(name, column)| numbers_of(column, name, &kept))
        .transpose()?;
    let variables: Vec<Variable> = named
        .iter()
        .zip(&columns)
        .map(|(variable, column)| Variable {
            name: variable.name.clone(),
            levels: match column {
                Column::Numbers(_) => None,
                Column::Levels { levels, .. } => Some(levels.clone()),
            },
        })
        .collect();
    let family = family(&variables[..targets], &columns[..targets], &kept, request)?;
    let (target_variables, variables) = variables.split_at(targets);
    let position = |variable: &formula::Variable| {
        let found = named[targets..].iter().position(|other| other == variable);
        found.expect("every variable of the formula was read")
    };
    let design = Design {
        formula: resolved.to_string(),
        intercept: resolved.intercept,
        family,
        offset: offset.as_ref().map(position),
        targets: target_variables.to_vec(),
        variables: variables.to_vec(),
        contexts: coding::contexts(&resolved, variables, position)?,
        features: coding::features(&resolved, variables, position)?,
    };
    if design.is_of_networks()
        && let Some(node) = design.features.iter().find(|column| {
            column.factors.len() > 1 || column.factors.iter().any(|(_, level)| level.is_some())
        })
    {
        return Err(Error::failure(format!(
            "the node {} is not a column of numbers; nodes of networks are measured quantities",
            node.name
        )));
    }

    let predictors = &columns[targets..];
    let contexts = fill(&design.contexts, predictors, &kept);
    let features = fill(&design.features, predictors, &kept);
    let mut outcomes = Array2::zeros((kept.len(), targets));
    for (target, column) in columns[..targets].iter().enumerate() {
        let values = outcome_of(column, &kept);
        if let Some(row) = values.iter().position(|value| !family.admits(*value)) {
            let name = &design.targets[target].name;
            let file = &source.name;
            return Err(not_of_family(family, name, file, values[row], kept[row]));
        }
        if family.is_quadratic() && values.iter().all(|value| *value == values[0]) {
            return Err(Error::failure(format!(
                "the target {} is {} in all {} rows used of {}: there is nothing to explain",
                design.targets[target].name,
                values[0],
                values.len(),
                source.name
            )));
        }
        outcomes.column_mut(target).assign(&values);
    }
    let outcomes = if design.is_of_networks() {
        features.view()
    } else {
        outcomes.view()
    };
    let offsets = design
        .offset
        .map(|offset| numbers_of(&predictors[offset], &variables[offset].name, &kept))
        .transpose()?;
    let mut samples = design.samples(
        contexts.view(),
        features.view(),
        outcomes,
        offsets.as_ref().map(Array1::view),
    )?;
    if let Some(mut weights) = weights {
        // Weights that are inverse variances are so up to a factor: a row of average weight has weight one.
        let mean = weights.sum() / weights.iter().filter(|weight| **weight > 0.0).count() as f64;
        if family.has_dispersion() && mean.is_finite() && mean > 0.0 {
            weights /= mean;
        }
        samples = samples.with_weights(weights.view())?;
    }
    if let Some(column) = columns.last().filter(|_| request.groups.is_some()) {
        samples = samples.with_groups(&labels_of(column, &kept))?;
    }
    Ok(Training {
        samples,
        design,
        dropped: rows - kept.len(),
    })
}

/// The columns that `.` may stand for.
fn others(source: &Source, request: &Request<'_>) -> Vec<String> {
    let columns = source.columns().iter();
    let is_other = |column: &&String| {
        let name = Some(column.as_str());
        [request.weights, request.offset, request.groups]
            .iter()
            .all(|used| *used != name)
    };
    columns.filter(is_other).cloned().collect()
}

fn wanted(source: &Source, name: &str, factor: bool) -> Result<Wanted> {
    Ok(Wanted {
        column: source.position(name)?,
        factor,
    })
}

/// Rows without a missing value; an error that counts the missing ones unless they may be left out.
fn complete_rows<'a>(
    source: &Source,
    names: impl Iterator<Item = &'a str>,
    columns: &[Column],
    drop_missing: bool,
) -> Result<Vec<usize>> {
    let rows = columns[0].rows();
    let (kept, incomplete): (Vec<usize>, Vec<usize>) =
        (0..rows).partition(|&row| columns.iter().all(|column| !column.is_missing(row)));
    if incomplete.is_empty() || (drop_missing && !kept.is_empty()) {
        return Ok(kept);
    }
    let counts = names.zip(columns.iter().map(Column::missing));
    Err(missing_values(&source.name, counts, incomplete.len(), rows))
}

/// The error for missing values: counts by column.
pub(super) fn missing_values<'a>(
    file: &str,
    counts: impl Iterator<Item = (&'a str, usize)>,
    incomplete: usize,
    rows: usize,
) -> Error {
    let counts: Vec<String> = counts
        .filter(|(_, missing)| *missing > 0)
        .map(|(name, missing)| format!("{name} {missing}"))
        .collect();
    let advice = if incomplete == rows {
        "no row is complete".to_owned()
    } else {
        format!("--drop-missing leaves {incomplete} of {rows} rows out")
    };
    Error::failure(format!(
        "{file} has missing values: {}; {advice}",
        counts.join(", ")
    ))
}

fn numbers_of(column: &Column, name: &str, rows: &[usize]) -> Result<Array1<f64>> {
    match column {
        Column::Numbers(values) => Ok(rows.iter().map(|&row| values[row]).collect()),
        Column::Levels { .. } => Err(Error::failure(format!(
            "column {name} contains text where numbers are needed"
        ))),
    }
}

/// Numbers that stand for the levels of rows.
fn labels_of(column: &Column, rows: &[usize]) -> Vec<u64> {
    rows.iter()
        .map(|&row| match column {
            Column::Numbers(values) => values[row].to_bits(),
            Column::Levels { codes, .. } => u64::from(codes[row]),
        })
        .collect()
}

/// What outcomes are: as it was said, else binary where there are two levels or only zeros and ones.
fn family(
    variables: &[Variable],
    columns: &[Column],
    rows: &[usize],
    request: &Request<'_>,
) -> Result<Family> {
    for (variable, column) in variables.iter().zip(columns) {
        if let Column::Levels { levels, .. } = column
            && (levels.len() != 2 || request.family.is_some_and(|family| !family.is_binary()))
        {
            let listed: Vec<&str> = levels.iter().take(5).map(String::as_str).collect();
            return Err(Error::failure(format!(
                "target {} contains text ({}{}); {}",
                variable.name,
                listed.join(", "),
                if levels.len() > 5 { ", …" } else { "" },
                match request.family {
                    Some(family) if !family.is_binary() =>
                        format!("a {family} target is {}", family.requirement()),
                    Some(_) | None =>
                        "a target is a number, or one of exactly two levels".to_owned(),
                }
            )));
        }
    }
    let is_binary = |column: &Column| match column {
        Column::Levels { .. } => true,
        Column::Numbers(values) => rows
            .iter()
            .all(|&row| values[row] == 0.0 || values[row] == 1.0),
    };
    let is_varied = |column: &Column| match column {
        Column::Levels { .. } => true,
        Column::Numbers(values) => rows.iter().any(|&row| values[row] != values[rows[0]]),
    };
    if let Some(family) = request.family {
        return Ok(family);
    }
    let binary = columns.iter().filter(|column| is_binary(column)).count();
    if columns
        .iter()
        .any(|column| matches!(column, Column::Levels { .. }))
        && binary < columns.len()
    {
        return Err(Error::failure(
            "the targets are of two kinds, numbers and levels; fit them one at a time",
        ));
    }
    if !columns.is_empty() && binary == columns.len() && columns.iter().all(is_varied) {
        Ok(Family::Binomial)
    } else {
        Ok(Family::Gaussian)
    }
}

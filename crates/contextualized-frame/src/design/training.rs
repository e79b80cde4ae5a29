//! Reading the rows a model is fitted to, and deciding how they are coded.

use super::classes::{classes_of, indicators, targets_of};
use super::encode::{fill, not_of_family, outcome_of};
use super::fields::{Raw, as_variable};
use super::parts::Parts;
use super::survival::Observed;
use super::treatment::TreatmentColumn;
use super::{Design, DesignColumn, OutcomeKind, RandomDesign, Variable, coding};
use crate::data::{Column, Reading, Table};
use crate::error::{Error, Result};
use crate::formula::{self, Expression, Formula, Operator, Resolved};
use contextualized_core::{Family, Ordinal, Samples};
use ndarray::{Array1, Array2, ArrayView2};

/// What is asked of the data.
pub struct Request<'a> {
    /// The formula.
    pub formula: &'a Formula,
    /// A column of row weights.
    pub weights: Option<&'a str>,
    /// A column of groups of rows.
    pub groups: Option<&'a str>,
    /// A column of offsets.
    pub offset: Option<&'a str>,
    /// The column of a treatment whose effect is wanted.
    pub treatment: Option<&'a str>,
    /// What outcomes are, if it was said.
    pub family: Option<OutcomeKind>,
    /// Leave out rows with missing values.
    pub drop_missing: bool,
}

impl<'a> Request<'a> {
    /// What a formula asks for, without weights, groups and offsets; rows with missing values are an error.
    pub fn of(formula: &'a Formula) -> Self {
        Self {
            formula,
            weights: None,
            groups: None,
            offset: None,
            treatment: None,
            family: None,
            drop_missing: false,
        }
    }

    /// The family that was named, if one was.
    fn family(&self) -> Option<Family> {
        self.family.and_then(OutcomeKind::family)
    }

    /// Refuses a family of survival times, and survival times that the formula does not have.
    fn check_family(&self) -> Result<()> {
        match (self.family, self.formula.survival) {
            (Some(OutcomeKind::Survival), false) => Err(Error::usage(
                "--family survival needs survival times, and the formula has none; write Surv(time, event) ~ or Surv(start, stop, event) ~",
            )),
            (Some(OutcomeKind::Family(family)), true) => Err(Error::usage(format!(
                "--family {family} with Surv(), whose outcomes are survival times; leave --family out"
            ))),
            _ => Ok(()),
        }
    }
}

/// Samples, and how they were made.
pub struct Training {
    /// How columns are coded.
    pub design: Design,
    /// The rows that are fitted.
    pub samples: Samples,
    /// The treatment whose effect is wanted, if it was said.
    pub treatment: Option<TreatmentColumn>,
    /// Rows left out for missing values.
    pub dropped: usize,
    /// What else there is to say of the data.
    pub remarks: Vec<String>,
    /// How the file was read.
    pub reading: Reading,
}

/// Reads the columns that a formula names, and codes them.
pub fn read_training(source: &dyn Table, request: &Request<'_>) -> Result<Training> {
    request.check_family()?;
    let mut left_out = Vec::new();
    let (resolved, raw) = loop {
        let resolved = resolve(source, request, &left_out)?;
        let raw = Raw::read(source, request, &resolved)?;
        // What `.` stands for are measurements, not the numbers of the rows.
        let numbers_rows = raw.row_numbers(request);
        if numbers_rows.is_empty() {
            break (resolved, raw);
        }
        left_out.extend(numbers_rows);
    };
    let rows = raw.columns.first().map_or(0, Column::rows);
    if rows == 0 {
        return Err(Error::failure(format!(
            "{} has a header but no rows",
            source.name()
        )));
    }
    let kept = complete_rows(source, &raw, request)?;
    let mut remarks = Vec::new();
    if request.formula.has_dot() {
        let unnamed = source.columns().iter().enumerate();
        let unnamed = unnamed.filter(|(column, _)| source.is_unnamed(*column));
        let names = unnamed.map(|(column, name)| match name.as_str() {
            "" => format!("column {} without a name", column + 1),
            name => name.to_owned(),
        });
        let names: Vec<String> = names.chain(left_out).collect();
        if !names.is_empty() {
            remarks.push(format!(
                "Left out of `.` as row numbers: {}",
                names.join(", ")
            ));
        }
    }

    let parts = Parts::new(raw, &resolved, source, &kept)?;
    let Parts {
        targets,
        outcomes,
        variables,
        values,
        ..
    } = &parts;
    let family = family(&resolved, targets, outcomes, &kept, request)?;
    let survival = if resolved.survival {
        let columns = targets.clone();
        Some(Observed::new(columns, outcomes, &kept, source.name())?)
    } else {
        None
    };
    let classes = if family.has_classes() {
        Some(classes_of(targets, outcomes, &kept)?.clone())
    } else {
        None
    };
    let position = |variable: &formula::Variable| parts.position(variable);
    let design = Design {
        formula: resolved.to_string(),
        outcome: None,
        intercept: resolved.intercept,
        family,
        offset: resolved
            .offset
            .clone()
            .map(|offset| position(&as_variable(offset))),
        targets: if survival.is_some() {
            vec![Variable {
                name: resolved.survival_name(),
                levels: None,
                clock: None,
                made: None,
            }]
        } else if let Some(classes) = &classes {
            targets_of(classes)
        } else {
            targets.clone()
        },
        variables: variables.clone(),
        contexts: coding::contexts(&resolved, variables, position)?,
        features: coding::features(&resolved.features, resolved.intercept, variables, position)?,
        random: resolved
            .random
            .iter()
            .map(|term| RandomDesign::new(term, variables, values, &kept, position))
            .collect::<Result<_>>()?,
        survival: None,
        classes,
    };
    if design.is_of_networks()
        && let Some(node) = design
            .features
            .iter()
            .find(|column| design.has_levels(column) || column.factors.len() > 1)
    {
        return Err(Error::failure(format!(
            "the node {} is not a column of numbers; nodes of networks are measured quantities",
            node.name
        )));
    }
    design.check_names()?;

    let contexts = fill(&design.contexts, values, &kept);
    let features = fill(&design.features, values, &kept);
    check_varied(&design, contexts.view(), features.view(), source.name())?;
    let mut table = Array2::zeros((kept.len(), design.targets.len()));
    for ((target, column), mut outcome) in targets.iter().zip(outcomes).zip(table.columns_mut()) {
        if design.classes.is_some() {
            break;
        }
        if let Some(survival) = &survival {
            outcome.assign(&survival.stops());
            break;
        }
        let values = outcome_of(column, &kept);
        check_outcome(
            family,
            resolved.trials.is_some(),
            &target.name,
            &values,
            &kept,
            source.name(),
        )?;
        outcome.assign(&values);
    }
    if let Some(classes) = design.class_names() {
        table = indicators(outcome_of(&outcomes[0], &kept).view(), classes.len());
    }
    let outcomes = if design.is_of_networks() {
        features.view()
    } else {
        table.view()
    };
    let offsets = design
        .offset
        .map(|offset| numbers_of(&values[offset], &variables[offset].name, &kept))
        .transpose()?;
    let mut samples = design.samples(
        contexts.view(),
        features.view(),
        outcomes,
        offsets.as_ref().map(Array1::view),
    )?;
    let trials = numbers_of_trials(&parts, &resolved, source, &kept)?;
    if let Some((name, column)) = request.weights.zip(parts.weights.as_ref()) {
        let mut weights = numbers_of(column, name, &kept)?;
        if let Some(row) = weights.iter().position(|weight| *weight < 0.0) {
            return Err(Error::failure(format!(
                "the weight {name} of {} is {} in data row {}; weights are at least 0",
                source.name(),
                weights[row],
                kept[row] + 1
            )));
        }
        weights = relative(weights, family);
        if let Some(trials) = &trials {
            weights *= trials;
        }
        samples = samples.with_weights(weights.view())?;
    } else if let Some(trials) = &trials {
        samples = samples.with_weights(trials.view())?;
    }
    if let Some(column) = &parts.groups {
        samples = samples.with_groups(&labels_of(column, &kept))?;
    }
    let treatment = request
        .treatment
        .zip(parts.treatment.as_ref())
        .map(|(name, column)| TreatmentColumn::new(name, column, &kept, source.name()))
        .transpose()?;
    let random = design.random.iter();
    let random = random.map(|term| term.of_rows(values, &kept));
    samples = samples.with_random_terms(random.collect::<Result<_>>()?)?;
    let grouping: Vec<usize> = design.grouping().collect();
    remarks.extend(parts.remarks(&kept, &design.features, &grouping));
    let (design, samples) = match survival {
        Some(survival) => survival.reduced(design, &samples)?,
        None => (design, samples),
    };
    Ok(Training {
        samples,
        treatment,
        design,
        dropped: rows - kept.len(),
        remarks,
        reading: source.reading().clone(),
    })
}

/// How many trials the share of each row is of, if it is one.
fn numbers_of_trials(
    parts: &Parts,
    resolved: &Resolved,
    source: &dyn Table,
    kept: &[usize],
) -> Result<Option<Array1<f64>>> {
    let (Some(trials), Some(pair)) = (resolved.number_of_trials(), &resolved.trials) else {
        return Ok(None);
    };
    let numbers = |variable: &formula::Variable| -> Result<Array1<f64>> {
        let (_, column) = parts.made(variable, source, kept)?;
        Ok(outcome_of(&column, kept))
    };
    for counted in pair {
        let counts = numbers(&formula::Variable::Numbers(counted.clone()))?;
        let is_count = |count: &f64| *count >= 0.0 && count.fract() == 0.0;
        if let Some(row) = counts.iter().position(|count| !is_count(count)) {
            return Err(Error::failure(format!(
                "{counted} is {} in data row {} of {}, but numbers of successes and failures are 0, 1, 2, …",
                counts[row],
                kept[row] + 1,
                source.name()
            )));
        }
    }
    Ok(Some(numbers(&trials)?))
}

/// Weights that are inverse variances are so up to a factor: a row of average weight has weight one.
pub(super) fn relative(mut weights: Array1<f64>, family: Family) -> Array1<f64> {
    let mean = weights.sum() / weights.iter().filter(|weight| **weight > 0.0).count() as f64;
    if family.has_dispersion() && mean.is_finite() && mean > 0.0 {
        weights /= mean;
    }
    weights
}

/// The formula with `.` filled in, and the offset of the request added to its own.
fn resolve(source: &dyn Table, request: &Request<'_>, left_out: &[String]) -> Result<Resolved> {
    let used = [
        request.weights,
        request.offset,
        request.groups,
        request.treatment,
    ];
    let columns = source.columns().iter().enumerate();
    let others = columns.filter(|(column, name)| {
        !source.is_unnamed(*column)
            && used.iter().all(|used| *used != Some(name.as_str()))
            && !left_out.contains(name)
    });
    let others: Vec<String> = others.map(|(_, name)| name.clone()).collect();
    let mut resolved = request.formula.resolve(&others)?;
    if request.family().is_some_and(Family::is_binary) {
        resolved = resolved.of_trials();
    }
    if request
        .family()
        .is_some_and(|family| family.has_levels() || family.has_classes())
    {
        resolved = resolved.of_levels();
    }
    if let Some(name) = request.treatment {
        TreatmentColumn::check(name, request, &resolved)?;
    }
    if let Some(name) = request.offset {
        let own = Expression::Column(name.to_owned());
        resolved.offset = Some(match resolved.offset.take() {
            None => own,
            Some(other) => Expression::Operation(Operator::Plus, Box::new(other), Box::new(own)),
        });
    }
    Ok(resolved)
}

/// Contexts and nodes that are the same in all rows, and features that are beside an intercept, explain nothing.
fn check_varied<'a>(
    design: &Design,
    contexts: ArrayView2<'a, f64>,
    features: ArrayView2<'a, f64>,
    file: &str,
) -> Result<()> {
    let tables = [
        ("context", &design.contexts, contexts),
        ("feature", &design.features, features),
    ];
    for (what, columns, table) in tables {
        let what = if what == "feature" && design.is_of_networks() {
            "node"
        } else {
            what
        };
        for (DesignColumn { name, factors }, values) in columns.iter().zip(table.columns()) {
            let constant = values.iter().all(|value| *value == values[0]);
            let is_constant_term = what == "feature" && !design.intercept && values[0] != 0.0;
            if constant && !is_constant_term && factors.len() == 1 {
                return Err(Error::failure(format!(
                    "the {what} {name} is {} in all {} rows used of {file} and can explain nothing; leave it out of the formula",
                    values[0],
                    values.len()
                )));
            }
        }
    }
    Ok(())
}

fn check_outcome(
    family: Family,
    shares: bool,
    name: &str,
    values: &Array1<f64>,
    kept: &[usize],
    file: &str,
) -> Result<()> {
    let is_wrong =
        |value: &f64| !(shares || family.admits_single(*value)) || !family.admits(*value);
    if let Some(row) = values.iter().position(is_wrong) {
        return Err(not_of_family(family, name, file, values[row], kept[row]));
    }
    if family.is_quadratic() && values.iter().all(|value| *value == values[0]) {
        return Err(Error::failure(format!(
            "the target {name} is {} in all {} rows used of {file}: there is nothing to explain",
            values[0],
            values.len()
        )));
    }
    Ok(())
}

/// Rows without a missing value; an error that counts the missing ones unless they may be left out.
fn complete_rows(source: &dyn Table, raw: &Raw, request: &Request<'_>) -> Result<Vec<usize>> {
    let columns = &raw.columns;
    let rows = columns[0].rows();
    let (kept, incomplete): (Vec<usize>, Vec<usize>) =
        (0..rows).partition(|&row| columns.iter().all(|column| !column.is_missing(row)));
    if incomplete.is_empty() || (request.drop_missing && !kept.is_empty()) {
        return Ok(kept);
    }
    let counts = raw.names(request).zip(columns.iter().map(Column::missing));
    Err(missing_values(
        source.name(),
        counts,
        incomplete.len(),
        rows,
    ))
}

/// Missing values by column, behind a colon, if there are some.
pub(super) fn missing_in_words<'a>(counts: impl Iterator<Item = (&'a str, usize)>) -> String {
    let counts: Vec<String> = counts
        .filter(|(_, missing)| *missing > 0)
        .map(|(name, missing)| format!("{name} {missing}"))
        .collect();
    if counts.is_empty() {
        String::new()
    } else {
        format!(": {}", counts.join(", "))
    }
}

/// The error for missing values: counts by column.
pub(super) fn missing_values<'a>(
    file: &str,
    counts: impl Iterator<Item = (&'a str, usize)>,
    incomplete: usize,
    rows: usize,
) -> Error {
    let advice = if incomplete == rows {
        "no row is complete".to_owned()
    } else {
        format!("--drop-missing leaves {incomplete} of {rows} rows out")
    };
    Error::failure(format!(
        "{file} has missing values{}; {advice}",
        missing_in_words(counts)
    ))
}

fn numbers_of(column: &Column, name: &str, rows: &[usize]) -> Result<Array1<f64>> {
    match column.numbers() {
        Some(values) => Ok(rows.iter().map(|&row| values[row]).collect()),
        None => Err(Error::failure(format!(
            "column {name} contains text where numbers are needed"
        ))),
    }
}

/// Numbers that stand for the levels of rows.
fn labels_of(column: &Column, rows: &[usize]) -> Vec<u64> {
    rows.iter()
        .map(|&row| match column {
            Column::Numbers(values) | Column::Times(_, values) => values[row].to_bits(),
            Column::Levels { codes, .. } => u64::from(codes[row]),
            Column::Table(table) => table[[row, 0]].to_bits(),
        })
        .collect()
}

/// What outcomes are: as it was said, else binary where there are two levels or only zeros and ones.
fn family(
    resolved: &Resolved,
    variables: &[Variable],
    columns: &[Column],
    rows: &[usize],
    request: &Request<'_>,
) -> Result<Family> {
    if resolved.survival {
        return Ok(Family::Poisson);
    }
    if let Some(family) = request.family().filter(|family| family.has_classes()) {
        return Ok(family);
    }
    if let Some(family) = request.family().filter(|family| family.has_levels()) {
        return of_levels(family, resolved, variables, columns);
    }
    for (variable, column) in variables.iter().zip(columns) {
        if let Column::Levels { levels, .. } = column
            && (levels.len() != 2 || request.family().is_some_and(|family| !family.is_binary()))
        {
            let listed: Vec<&str> = levels.iter().take(5).map(String::as_str).collect();
            return Err(Error::failure(format!(
                "target {} contains text ({}{}); {}",
                variable.name,
                listed.join(", "),
                if levels.len() > 5 { ", …" } else { "" },
                match request.family() {
                    Some(family) if !family.is_binary() =>
                        format!("a {family} target is {}", family.requirement()),
                    None if levels.len() > 2 =>
                        "classes need --family multinomial, or in order --family ordinal".to_owned(),
                    Some(_) | None =>
                        "a target is a number, or one of exactly two levels".to_owned(),
                }
            )));
        }
    }
    let all = |column: &Column, holds: &dyn Fn(f64) -> bool| {
        column
            .numbers()
            .is_none_or(|values| rows.iter().all(|&row| holds(values[row])))
    };
    let is_binary = |column: &Column| all(column, &|value| value == 0.0 || value == 1.0);
    let is_varied = |column: &Column| {
        column
            .numbers()
            .is_none_or(|values| rows.iter().any(|&row| values[row] != values[rows[0]]))
    };
    if let Some(family) = request.family() {
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

/// A family of ordered levels with the number of those of the target.
fn of_levels(
    family: Family,
    resolved: &Resolved,
    variables: &[Variable],
    columns: &[Column],
) -> Result<Family> {
    let [(variable, Column::Levels { levels, .. })] =
        &variables.iter().zip(columns).collect::<Vec<_>>()[..]
    else {
        let names: Vec<&str> = variables.iter().map(|own| own.name.as_str()).collect();
        return Err(Error::failure(format!(
            "the {family} family has one target, a column of levels, and the formula has {}",
            names.join(", ")
        )));
    };
    let name = &variable.name;
    let said = matches!(&resolved.targets[..],
        [formula::Variable::Factor { first, .. }] if first.len() + 1 >= levels.len());
    let is_text = levels.iter().any(|level| level.parse::<f64>().is_err());
    let shown: Vec<String> = levels
        .iter()
        .take(8)
        .map(|level| format!("{level:?}"))
        .collect();
    if is_text && !said {
        return Err(Error::failure(format!(
            "the levels of the target {name} are text and their order is not known; write ordered({name}, {}), from the lowest to the highest",
            shown.join(", ")
        )));
    }
    family.with_levels(levels.len()).map_err(|_| {
        Error::failure(format!(
            "the target {name} has {} levels ({}), and a {family} target has from 3 to {}",
            levels.len(),
            shown.join(", "),
            Ordinal::MOST_LEVELS
        ))
    })
}

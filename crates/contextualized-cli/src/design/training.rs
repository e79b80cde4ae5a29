//! Reading the rows a model is fitted to, and deciding how they are coded.

use super::basis::Trained;
use super::encode::{fill, not_of_family, outcome_of};
use super::{Design, DesignColumn, Made, Variable, coding};
use crate::data::{Column, NO_LEVEL, Reading, Source, Wanted, level_key, read_columns};
use crate::error::{Error, Result};
use crate::formula::{self, Expression, Formula, Operator, Resolved};
use contextualized_core::{Family, Samples};
use ndarray::{Array1, Array2, ArrayView2};
use std::collections::HashMap;

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
    /// What else there is to say of the data.
    pub(crate) remarks: Vec<String>,
    /// How the file was read.
    pub(crate) reading: Reading,
}

/// Reads the columns that a formula names, and codes them.
pub(crate) fn read_training(source: &Source, request: &Request<'_>) -> Result<Training> {
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
            source.name
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
    let family = family(targets, outcomes, &kept, request)?;
    let position = |variable: &formula::Variable| parts.position(variable);
    let design = Design {
        formula: resolved.to_string(),
        intercept: resolved.intercept,
        family,
        offset: resolved
            .offset
            .clone()
            .map(|offset| position(&as_variable(offset))),
        targets: targets.clone(),
        variables: variables.clone(),
        contexts: coding::contexts(&resolved, variables, position)?,
        features: coding::features(&resolved, variables, position)?,
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
    check_varied(&design, contexts.view(), features.view(), &source.name)?;
    let mut table = Array2::zeros((kept.len(), targets.len()));
    for ((target, column), mut outcome) in targets.iter().zip(outcomes).zip(table.columns_mut()) {
        let values = outcome_of(column, &kept);
        check_outcome(family, &target.name, &values, &kept, &source.name)?;
        outcome.assign(&values);
    }
    let outcomes = if design.is_of_networks() {
        features.view()
    } else {
        table.view()
    };
    let offsets = design
        .offset
        .map(|offset| outcome_of(&values[offset], &kept));
    let mut samples = design.samples(
        contexts.view(),
        features.view(),
        outcomes,
        offsets.as_ref().map(Array1::view),
    )?;
    if let Some((name, column)) = request.weights.zip(parts.weights.as_ref()) {
        let mut weights = numbers_of(column, name, &kept)?;
        if let Some(row) = weights.iter().position(|weight| *weight < 0.0) {
            return Err(Error::failure(format!(
                "the weight {name} of {} is {} in data row {}; weights are at least 0",
                source.name,
                weights[row],
                kept[row] + 1
            )));
        }
        // Weights that are inverse variances are so up to a factor: a row of average weight has weight one.
        let mean = weights.sum() / weights.iter().filter(|weight| **weight > 0.0).count() as f64;
        if family.has_dispersion() && mean.is_finite() && mean > 0.0 {
            weights /= mean;
        }
        samples = samples.with_weights(weights.view())?;
    }
    if let Some(column) = &parts.groups {
        samples = samples.with_groups(&labels_of(column, &kept))?;
    }
    remarks.extend(parts.remarks(&kept, &design.features));
    Ok(Training {
        samples,
        design,
        dropped: rows - kept.len(),
        remarks,
        reading: source.reading.clone(),
    })
}

/// The formula with `.` filled in, and the offset of the request added to its own.
fn resolve(source: &Source, request: &Request<'_>, left_out: &[String]) -> Result<Resolved> {
    let used = [request.weights, request.offset, request.groups];
    let columns = source.columns().iter().enumerate();
    let others = columns.filter(|(column, name)| {
        !source.is_unnamed(*column)
            && used.iter().all(|used| *used != Some(name.as_str()))
            && !left_out.contains(name)
    });
    let others: Vec<String> = others.map(|(_, name)| name.clone()).collect();
    let mut resolved = request.formula.resolve(&others)?;
    if let Some(name) = request.offset {
        let own = Expression::Column(name.to_owned());
        resolved.offset = Some(match resolved.offset.take() {
            None => own,
            Some(other) => Expression::Operation(Operator::Plus, Box::new(other), Box::new(own)),
        });
    }
    Ok(resolved)
}

/// An offset is a variable as others are.
fn as_variable(offset: Expression) -> formula::Variable {
    match offset {
        Expression::Column(name) => formula::Variable::Column(name),
        Expression::Constant(_)
        | Expression::Call(..)
        | Expression::Negative(_)
        | Expression::Operation(..) => formula::Variable::Numbers(offset),
    }
}

/// A column of the file, and how it is read.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Field {
    name: String,
    factor: bool,
    reference: Option<String>,
}

impl Field {
    /// The columns that a variable needs.
    fn of(variable: &formula::Variable) -> Vec<Self> {
        let field = |name: &str, factor, reference| Self {
            name: name.to_owned(),
            factor,
            reference,
        };
        match variable {
            formula::Variable::Column(name) => vec![field(name, false, None)],
            formula::Variable::Factor { column, reference } => {
                vec![field(column, true, reference.clone())]
            }
            formula::Variable::Numbers(_) | formula::Variable::Basis(..) => {
                let names = variable.columns().into_iter();
                names.map(|name| field(name, false, None)).collect()
            }
        }
    }

    /// Whether it is a variable itself.
    fn is_of(variable: &formula::Variable) -> bool {
        match variable {
            formula::Variable::Column(_) | formula::Variable::Factor { .. } => true,
            formula::Variable::Numbers(_) | formula::Variable::Basis(..) => false,
        }
    }
}

/// Columns as they are in the file: those of the formula, then weights and groups.
struct Raw {
    fields: Vec<Field>,
    /// How many of the fields are targets themselves, which come first.
    targets: usize,
    columns: Vec<Column>,
    weights: Option<usize>,
    groups: Option<usize>,
}

impl Raw {
    fn read(source: &Source, request: &Request<'_>, resolved: &Resolved) -> Result<Self> {
        let mut fields: Vec<Field> = Vec::new();
        let mut known: HashMap<Field, usize> = HashMap::new();
        let direct = resolved
            .targets
            .iter()
            .filter(|target| Field::is_of(target));
        fields.extend(direct.flat_map(Field::of));
        let targets = fields.len();
        let offset = resolved.offset.clone().map(as_variable);
        let made = resolved
            .targets
            .iter()
            .filter(|target| !Field::is_of(target));
        let features = resolved.features.iter().flatten();
        let others = resolved
            .contexts
            .iter()
            .chain(features)
            .chain(&offset)
            .chain(made);
        for field in others.flat_map(Field::of) {
            known.entry(field.clone()).or_insert_with(|| {
                fields.push(field);
                fields.len() - 1
            });
        }
        let mut names: Vec<(&str, bool, bool)> = fields
            .iter()
            .map(|field| (field.name.as_str(), field.factor, false))
            .collect();
        let weights = request.weights.map(|name| {
            names.push((name, false, false));
            names.len() - 1
        });
        let groups = request.groups.map(|name| {
            names.push((name, true, true));
            names.len() - 1
        });
        let wanted = names
            .into_iter()
            .map(|(name, factor, many)| {
                Ok(Wanted {
                    column: source.position(name)?,
                    factor,
                    many,
                })
            })
            .collect::<Result<Vec<Wanted>>>()?;
        let columns = read_columns(source, &wanted)?;
        Ok(Self {
            fields,
            targets,
            columns,
            weights,
            groups,
        })
    }

    /// Names of all columns, for messages.
    fn names<'n>(&'n self, request: &Request<'n>) -> impl Iterator<Item = &'n str> {
        let names = self.fields.iter().map(|field| field.name.as_str());
        names.chain(request.weights).chain(request.groups)
    }

    /// Columns that stand in the formula's `.` alone and count the rows.
    fn row_numbers(&self, request: &Request<'_>) -> Vec<String> {
        const FEWEST: usize = 10;
        if !request.formula.has_dot() {
            return Vec::new();
        }
        let named = request.formula.named();
        let counts = |column: &Column| {
            column.numbers().is_some_and(|values| {
                let first = values.first().copied().unwrap_or(f64::NAN);
                values.len() >= FEWEST
                    && (first == 0.0 || first == 1.0)
                    && values
                        .iter()
                        .zip(0..)
                        .all(|(value, row)| *value == first + f64::from(row))
            })
        };
        let fields = self.fields.iter().zip(&self.columns);
        fields
            .filter(|(field, column)| !named.contains(field.name.as_str()) && counts(column))
            .map(|(field, _)| field.name.clone())
            .collect()
    }
}

/// What a design is made of, with values.
struct Parts {
    targets: Vec<Variable>,
    outcomes: Vec<Column>,
    variables: Vec<Variable>,
    values: Vec<Column>,
    positions: HashMap<String, usize>,
    weights: Option<Column>,
    groups: Option<Column>,
}

impl Parts {
    fn new(raw: Raw, resolved: &Resolved, source: &Source, kept: &[usize]) -> Result<Self> {
        let Raw {
            fields,
            targets,
            mut columns,
            weights,
            groups,
        } = raw;
        let groups = groups.map(|at| columns.remove(at));
        let weights = weights.map(|at| columns.remove(at));
        for (field, column) in fields.iter().zip(&mut columns) {
            settle_levels(field, column, kept)?;
        }
        let variable = |(field, column): (&Field, &Column)| Variable {
            name: field.name.clone(),
            levels: match column {
                Column::Levels { levels, .. } => Some(levels.clone()),
                Column::Numbers(_) | Column::Times(..) | Column::Table(_) => None,
            },
            clock: column.clock(),
            made: None,
        };
        let all: Vec<Variable> = fields.iter().zip(&columns).map(variable).collect();
        let (own_targets, variables) = all.split_at(targets);
        let values = columns.split_off(targets);
        let mut parts = Self {
            targets: Vec::new(),
            outcomes: Vec::new(),
            variables: variables.to_vec(),
            values,
            positions: HashMap::new(),
            weights,
            groups,
        };
        let described = |field: &Field| match (field.factor, &field.reference) {
            (false, _) => formula::Variable::Column(field.name.clone()),
            (true, reference) => formula::Variable::Factor {
                column: field.name.clone(),
                reference: reference.clone(),
            },
        };
        for (position, field) in fields[targets..].iter().enumerate() {
            parts
                .positions
                .insert(described(field).to_string(), position);
        }
        let offset = resolved.offset.clone().map(as_variable);
        let used = resolved
            .contexts
            .iter()
            .chain(resolved.features.iter().flatten());
        for variable in used.chain(&offset) {
            if !parts.positions.contains_key(&variable.to_string()) {
                let (made, values) = parts.made(variable, source, kept)?;
                parts
                    .positions
                    .insert(variable.to_string(), parts.variables.len());
                parts.variables.push(made);
                parts.values.push(values);
            }
        }
        let mut direct = own_targets.iter().cloned().zip(columns);
        for target in &resolved.targets {
            let (variable, outcome) = if Field::is_of(target) {
                match direct.next() {
                    Some(own) => own,
                    None => continue,
                }
            } else {
                parts.made(target, source, kept)?
            };
            parts.targets.push(variable);
            parts.outcomes.push(outcome);
        }
        Ok(parts)
    }

    fn position(&self, variable: &formula::Variable) -> usize {
        self.positions
            .get(&variable.to_string())
            .copied()
            .unwrap_or_default()
    }

    /// A variable that is made of columns, with its values.
    fn made(
        &self,
        variable: &formula::Variable,
        source: &Source,
        kept: &[usize],
    ) -> Result<(Variable, Column)> {
        let (basis, of) = match variable {
            formula::Variable::Numbers(of) => (None, of.clone()),
            formula::Variable::Basis(basis, of) => (Some(basis), of.clone()),
            formula::Variable::Column(name) | formula::Variable::Factor { column: name, .. } => {
                (None, Expression::Column(name.clone()))
            }
        };
        let name = variable.to_string();
        let column = |name: &str| {
            let field = formula::Variable::Column(name.to_owned());
            let at = self.positions.get(&field.to_string());
            at.and_then(|&at| self.values[at].numbers())
        };
        if let Some(text) = of.columns().into_iter().find(|own| column(own).is_none()) {
            return Err(Error::failure(format!(
                "column {text} of {} contains text, and {name} needs numbers",
                source.name
            )));
        }
        let rows = self.values.first().map_or(0, Column::rows);
        let mut made = Made { of, basis: None };
        let mut values = made.values(column, rows);
        let numbers: Vec<f64> = match values.numbers() {
            Some(numbers) => kept.iter().map(|&row| numbers[row]).collect(),
            None => Vec::new(),
        };
        if let Some(place) = numbers.iter().position(|value| !value.is_finite()) {
            let row = kept[place];
            let columns = made.of.columns().into_iter();
            let where_it_is: Vec<String> = columns
                .filter_map(|name| column(name).map(|values| format!("{name} is {}", values[row])))
                .collect();
            return Err(Error::failure(format!(
                "{name} is {} in data row {} of {}, where {}",
                if numbers[place].is_nan() {
                    "no number"
                } else {
                    "infinite"
                },
                row + 1,
                source.name,
                where_it_is.join(" and ")
            )));
        }
        if let Some(basis) = basis {
            made.basis = Some(Trained::new(basis, &numbers, &name)?);
            values = made.values(column, rows);
        }
        let variable = Variable {
            name,
            levels: None,
            clock: None,
            made: Some(made),
        };
        Ok((variable, values))
    }

    /// Units of dates, the levels that others are compared with, and levels of few rows.
    fn remarks(&self, kept: &[usize], features: &[DesignColumn]) -> Vec<String> {
        const FEW: usize = 5;
        let mut remarks = Vec::new();
        let (mut first, mut rare) = (Vec::new(), Vec::new());
        for (position, (variable, column)) in self.variables.iter().zip(&self.values).enumerate() {
            let name = &variable.name;
            if let Some(clock) = variable.clock {
                remarks.push(format!("Numbers of {name}: {}", clock.unit()));
            }
            let Column::Levels { levels, codes } = column else {
                continue;
            };
            let is_coded = |level| {
                let own = [(position, Some(level))];
                features.iter().any(|column| column.factors == own)
            };
            if !is_coded(0) && is_coded(1) {
                first.push(format!("{name} {}", levels[0]));
            }
            let mut counts = vec![0; levels.len()];
            for &row in kept {
                counts[codes[row] as usize] += 1;
            }
            let few = levels
                .iter()
                .zip(&counts)
                .filter(|(_, count)| **count < FEW);
            rare.extend(few.map(|(level, count)| format!("{name} {level} ({count})")));
        }
        if !first.is_empty() {
            remarks.push(format!(
                "Other levels are compared with: {}",
                first.join(", ")
            ));
        }
        if !rare.is_empty() {
            remarks.push(format!("Levels of few rows: {}", rare.join(", ")));
        }
        remarks
    }
}

/// Leaves levels that no kept row has, the one that is to be the first before the others.
fn settle_levels(field: &Field, column: &mut Column, kept: &[usize]) -> Result<()> {
    let Column::Levels { levels, codes } = column else {
        return Ok(());
    };
    let mut used = vec![false; levels.len()];
    for &row in kept {
        used[codes[row] as usize] = true;
    }
    let mut order: Vec<usize> = (0..levels.len()).filter(|&level| used[level]).collect();
    if let Some(reference) = &field.reference {
        let wanted = level_key(reference);
        let Some(place) = order
            .iter()
            .position(|&level| level_key(&levels[level]) == wanted)
        else {
            let there: Vec<&str> = order
                .iter()
                .take(8)
                .map(|&at| levels[at].as_str())
                .collect();
            return Err(Error::failure(format!(
                "column {} has no level {reference:?} to be the first; it has {}",
                field.name,
                there.join(", ")
            )));
        };
        let first = order.remove(place);
        order.insert(0, first);
    }
    let mut places = vec![NO_LEVEL; levels.len()];
    for (place, &level) in order.iter().enumerate() {
        places[level] = place as u32;
    }
    for code in codes.iter_mut().filter(|code| **code != NO_LEVEL) {
        *code = places[*code as usize];
    }
    *levels = order
        .into_iter()
        .map(|level| std::mem::take(&mut levels[level]))
        .collect();
    Ok(())
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
    name: &str,
    values: &Array1<f64>,
    kept: &[usize],
    file: &str,
) -> Result<()> {
    if let Some(row) = values.iter().position(|value| !family.admits(*value)) {
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
fn complete_rows(source: &Source, raw: &Raw, request: &Request<'_>) -> Result<Vec<usize>> {
    let columns = &raw.columns;
    let rows = columns[0].rows();
    let (kept, incomplete): (Vec<usize>, Vec<usize>) =
        (0..rows).partition(|&row| columns.iter().all(|column| !column.is_missing(row)));
    if incomplete.is_empty() || (request.drop_missing && !kept.is_empty()) {
        return Ok(kept);
    }
    let counts = raw.names(request).zip(columns.iter().map(Column::missing));
    Err(missing_values(&source.name, counts, incomplete.len(), rows))
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

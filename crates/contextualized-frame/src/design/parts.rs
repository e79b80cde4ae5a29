//! The variables of a design with their values: columns of the file, and what is made of them.

use super::basis::Trained;
use super::fields::{Field, Raw, as_variable};
use super::{DesignColumn, Made, Variable};
use crate::axes::ContextAxis;
use crate::data::{Column, MOST_LEVELS, NO_LEVEL, Table, level_key};
use crate::error::{Error, Result};
use crate::formula::{self, Expression, Resolved};
use std::collections::HashMap;

/// What a design is made of, with values.
pub(super) struct Parts {
    pub(super) targets: Vec<Variable>,
    pub(super) outcomes: Vec<Column>,
    pub(super) variables: Vec<Variable>,
    pub(super) values: Vec<Column>,
    positions: HashMap<String, usize>,
    pub(super) weights: Option<Column>,
    pub(super) groups: Option<Column>,
    pub(super) treatment: Option<Column>,
}

impl Parts {
    pub(super) fn new(
        raw: Raw,
        resolved: &Resolved,
        source: &dyn Table,
        kept: &[usize],
    ) -> Result<Self> {
        let Raw {
            fields,
            targets,
            mut columns,
            weights,
            groups,
            treatment,
        } = raw;
        let treatment = treatment.map(|at| columns.remove(at));
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
            treatment,
        };
        let described = |field: &Field| {
            if field.factor {
                formula::Variable::Factor {
                    column: field.name.clone(),
                    first: field.first.clone(),
                }
            } else {
                formula::Variable::Column(field.name.clone())
            }
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
            .chain(resolved.features.iter().flatten())
            .chain(
                resolved
                    .random
                    .iter()
                    .flat_map(|own| own.effects.iter())
                    .flatten(),
            );
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

    pub(super) fn position(&self, variable: &formula::Variable) -> usize {
        let position = self.positions.get(&variable.to_string());
        *position.expect("every variable of the formula was read")
    }

    /// A variable that is made of columns, with its values.
    pub(super) fn made(
        &self,
        variable: &formula::Variable,
        source: &dyn Table,
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
                source.name()
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
                    "not a number"
                } else {
                    "infinite"
                },
                row + 1,
                source.name(),
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

    /// Units of dates, the levels that others are compared with, levels of few rows, and factors of very many levels.
    pub(super) fn remarks(
        &self,
        kept: &[usize],
        features: &[DesignColumn],
        groups: &[usize],
    ) -> Vec<String> {
        const FEW: usize = 5;
        let mut many = Vec::new();
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
            // Random effects are shrunk, whatever the rows of a level.
            if groups.contains(&position) {
                continue;
            }
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
            if levels.len() > MOST_LEVELS {
                many.push(format!(
                    "{name} has {} levels, {} of them of fewer than {FEW} rows: tables and figures show up to {} of them, those of most rows",
                    levels.len(),
                    few.count(),
                    ContextAxis::MOST_CODED
                ));
                continue;
            }
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
        remarks.extend(many);
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
    for (position, wanted) in field.first.iter().enumerate() {
        let found = order[position..]
            .iter()
            .position(|&level| level_key(&levels[level]) == level_key(wanted));
        let Some(found) = found else {
            let there = order[position..].iter().take(8);
            let there: Vec<&str> = there.map(|&at| levels[at].as_str()).collect();
            return Err(Error::failure(format!(
                "column {} has no level {wanted:?} to be number {}; it has {}",
                field.name,
                position + 1,
                there.join(", ")
            )));
        };
        let own = order.remove(position + found);
        order.insert(position, own);
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

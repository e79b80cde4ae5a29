//! The columns of the file that a formula needs, as they are there.

use super::training::Request;
use crate::data::{Column, MOST_CODED_LEVELS, MOST_LEVELS, Table, Wanted, read_columns};
use crate::error::Result;
use crate::formula::{self, Expression, Resolved};
use std::collections::{HashMap, HashSet};

/// An offset is a variable as others are.
pub(super) fn as_variable(offset: Expression) -> formula::Variable {
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
pub(super) struct Field {
    pub(super) name: String,
    pub(super) factor: bool,
    /// Levels that come first.
    pub(super) first: Vec<String>,
}

impl Field {
    /// The columns that a variable needs.
    pub(super) fn of(variable: &formula::Variable) -> Vec<Self> {
        let field = |name: &str, factor, first| Self {
            name: name.to_owned(),
            factor,
            first,
        };
        match variable {
            formula::Variable::Column(name) => vec![field(name, false, Vec::new())],
            formula::Variable::Factor { column, first } => {
                vec![field(column, true, first.clone())]
            }
            formula::Variable::Numbers(_) | formula::Variable::Basis(..) => {
                let names = variable.columns().into_iter();
                names.map(|name| field(name, false, Vec::new())).collect()
            }
        }
    }

    /// Whether it is a variable itself.
    pub(super) fn is_of(variable: &formula::Variable) -> bool {
        match variable {
            formula::Variable::Column(_) | formula::Variable::Factor { .. } => true,
            formula::Variable::Numbers(_) | formula::Variable::Basis(..) => false,
        }
    }
}

/// Columns as they are in the file: those of the formula, then weights, groups and a treatment.
pub(super) struct Raw {
    pub(super) fields: Vec<Field>,
    /// How many of the fields are targets themselves, which come first.
    pub(super) targets: usize,
    pub(super) columns: Vec<Column>,
    pub(super) weights: Option<usize>,
    pub(super) groups: Option<usize>,
    pub(super) treatment: Option<usize>,
}

impl Raw {
    pub(super) fn read(
        source: &dyn Table,
        request: &Request<'_>,
        resolved: &Resolved,
    ) -> Result<Self> {
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
        let effects = resolved.random.iter().flat_map(|own| own.effects.iter());
        let of_random = effects.flatten();
        let groups = resolved.random.iter().flat_map(|own| &own.group);
        let random = of_random.clone().chain(groups.clone());
        let others = resolved
            .contexts
            .iter()
            .chain(features)
            .chain(&offset)
            .chain(made)
            .chain(random);
        for field in others.flat_map(Field::of) {
            known.entry(field.clone()).or_insert_with(|| {
                fields.push(field);
                fields.len() - 1
            });
        }
        let of_features = resolved.features.iter().flatten().chain(of_random);
        let of_features: HashSet<Field> = of_features.flat_map(Field::of).collect();
        let of_groups: HashSet<Field> = groups.flat_map(Field::of).collect();
        // Features have a column for each level, and so a target would.
        let most_levels = |position: usize, field: &Field| {
            if position < targets || of_features.contains(field) {
                MOST_LEVELS
            } else if of_groups.contains(field) {
                usize::MAX
            } else {
                MOST_CODED_LEVELS
            }
        };
        let mut names: Vec<(&str, bool, usize)> = fields
            .iter()
            .enumerate()
            .map(|(position, field)| {
                let most = most_levels(position, field);
                (field.name.as_str(), field.factor, most)
            })
            .collect();
        let weights = request.weights.map(|name| {
            names.push((name, false, MOST_LEVELS));
            names.len() - 1
        });
        let groups = request.groups.map(|name| {
            names.push((name, true, usize::MAX));
            names.len() - 1
        });
        let treatment = request.treatment.map(|name| {
            names.push((name, false, MOST_LEVELS));
            names.len() - 1
        });
        let wanted = names
            .into_iter()
            .map(|(name, factor, most_levels)| {
                Ok(Wanted {
                    column: source.position(name)?,
                    factor,
                    most_levels,
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
            treatment,
        })
    }

    /// Names of all columns, for messages.
    pub(super) fn names<'n>(&'n self, request: &Request<'n>) -> impl Iterator<Item = &'n str> {
        let names = self.fields.iter().map(|field| field.name.as_str());
        let others = [request.weights, request.groups, request.treatment];
        names.chain(others.into_iter().flatten())
    }

    /// Columns that stand in the formula's `.` alone and count the rows.
    pub(super) fn row_numbers(&self, request: &Request<'_>) -> Vec<String> {
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

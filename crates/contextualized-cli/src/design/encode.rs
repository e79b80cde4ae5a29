//! Rows of a file as rows of contexts and features, by a design that is known.

use super::training::missing_values;
use super::{Design, DesignColumn, Variable};
use crate::arguments::UnknownLevels;
use crate::data::{Cells, Chunk, Column, NO_LEVEL, Source};
use crate::error::{Error, Result};
use contextualized_core::{Family, Samples};
use ndarray::{Array1, Array2, ArrayView2, Axis, concatenate};

/// The code of a level that training did not have.
const UNKNOWN_LEVEL: u32 = NO_LEVEL - 1;

/// Turns blocks of a file into contexts and features, and counts what is missing.
pub(crate) struct Encoder<'a> {
    design: &'a Design,
    /// Those that are encoded besides the contexts.
    features: &'a [DesignColumn],
    targets: &'a [Variable],
    source: &'a Source,
    unknown: UnknownLevels,
    drop_missing: bool,
    /// Positions in the design of the variables that contexts, features and offsets need.
    variables: Vec<usize>,
    /// Of these variables and the targets.
    missing: Vec<usize>,
    incomplete: usize,
    rows: usize,
}

/// A block of complete rows.
pub(crate) struct Encoded {
    /// The block's rows that are complete.
    pub(crate) rows: Vec<usize>,
    pub(crate) contexts: Array2<f64>,
    /// No columns where only contexts were asked for.
    pub(crate) features: Array2<f64>,
    /// No columns unless targets were asked for.
    pub(crate) targets: Array2<f64>,
    /// Offsets of the linear predictor, where the design has them.
    pub(crate) offsets: Option<Array1<f64>>,
    /// Rows whose contexts or features have a level that training did not have.
    pub(crate) unknown: Vec<bool>,
    /// Those of them whose features have: nothing can be predicted for them.
    pub(crate) unknown_features: Vec<bool>,
}

impl<'a> Encoder<'a> {
    /// For predictions: contexts and, of a regression, features.
    pub(crate) fn new(
        design: &'a Design,
        source: &'a Source,
        unknown: UnknownLevels,
        drop_missing: bool,
    ) -> Self {
        let features = if design.is_of_networks() {
            &[]
        } else {
            &design.features[..]
        };
        Self::of(design, features, &[], source, unknown, drop_missing)
    }

    fn of(
        design: &'a Design,
        features: &'a [DesignColumn],
        targets: &'a [Variable],
        source: &'a Source,
        unknown: UnknownLevels,
        drop_missing: bool,
    ) -> Self {
        let used = |variable: &usize| {
            let of = |columns| Design::uses(columns, *variable);
            of(&design.contexts) || of(features) || design.offset == Some(*variable)
        };
        let variables: Vec<usize> = (0..design.variables.len()).filter(used).collect();
        Self {
            missing: vec![0; variables.len() + targets.len()],
            variables,
            design,
            features,
            targets,
            source,
            unknown,
            drop_missing,
            incomplete: 0,
            rows: 0,
        }
    }

    /// All complete rows of a file with their targets, and how many were left out.
    pub(crate) fn samples(
        design: &Design,
        source: &Source,
        drop_missing: bool,
    ) -> Result<(Samples, usize)> {
        let (features, targets) = (&design.features, &design.targets);
        let unknown = UnknownLevels::Error;
        let mut encoder = Encoder::of(design, features, targets, source, unknown, drop_missing);
        let mut blocks = Vec::new();
        for chunk in source.chunks(&encoder.columns()?)? {
            blocks.push(encoder.encode(&chunk?)?);
        }
        encoder.finish()?;
        let joined = |table: fn(&Encoded) -> ArrayView2<'_, f64>| {
            let tables: Vec<_> = blocks.iter().map(table).collect();
            concatenate(Axis(0), &tables)
                .map_err(|_| Error::failure(format!("{} has a header but no rows", source.name)))
        };
        let contexts = joined(|block| block.contexts.view())?;
        let features = joined(|block| block.features.view())?;
        if contexts.nrows() == 0 {
            return Err(Error::failure(format!(
                "{} has no complete rows",
                source.name
            )));
        }
        let targets = if design.is_of_networks() {
            features.clone()
        } else {
            joined(|block| block.targets.view())?
        };
        let offsets = blocks
            .iter()
            .flat_map(|block| block.offsets.iter().flatten());
        let offsets: Array1<f64> = offsets.copied().collect();
        let samples = design.samples(
            contexts.view(),
            features.view(),
            targets.view(),
            design.offset.map(|_| offsets.view()),
        )?;
        Ok((samples, encoder.incomplete))
    }

    /// Positions of the needed columns in the file.
    pub(crate) fn columns(&self) -> Result<Vec<usize>> {
        self.needed()
            .map(|variable| self.source.position(&variable.name))
            .collect()
    }

    /// The needed variables, those of contexts and features first.
    fn needed(&self) -> impl Iterator<Item = &'a Variable> + use<'a> {
        let (design, positions) = (self.design, self.variables.clone());
        let variables = positions
            .into_iter()
            .map(|variable| &design.variables[variable]);
        variables.chain(self.targets)
    }

    /// Encodes a block whose first arrays are those of [`Self::columns`].
    pub(crate) fn encode(&mut self, chunk: &Chunk) -> Result<Encoded> {
        let mut columns = Vec::with_capacity(self.missing.len());
        for (position, variable) in self.needed().enumerate() {
            let cells = Cells {
                column: &variable.name,
                file: &self.source.name,
                array: &chunk.arrays[position],
                first_row: chunk.first_row,
                missing: &self.source.missing,
            };
            let is_target = position >= self.variables.len();
            columns.push(self.column(variable, &cells, is_target)?);
        }
        let complete = |row: &usize| columns.iter().all(|column| !column.is_missing(*row));
        let rows: Vec<usize> = (0..chunk.rows).filter(complete).collect();
        for (missing, column) in self.missing.iter_mut().zip(&columns) {
            *missing += column.missing();
        }
        self.incomplete += chunk.rows - rows.len();
        self.rows += chunk.rows;

        let targets = columns.split_off(self.variables.len());
        let unknown_in = |of: &[DesignColumn], row: usize| {
            let mut variables = self.variables.iter().zip(&columns);
            variables
                .any(|(variable, column)| is_unknown(column, row) && Design::uses(of, *variable))
        };
        let unknown_features: Vec<bool> = rows
            .iter()
            .map(|&row| unknown_in(self.features, row))
            .collect();
        let unknown = rows
            .iter()
            .zip(&unknown_features)
            .map(|(&row, unknown)| *unknown || unknown_in(&self.design.contexts, row))
            .collect();

        // A design names variables by position; those not needed are not read.
        let mut all: Vec<Column> = self
            .design
            .variables
            .iter()
            .map(|_| Column::Numbers(Vec::new()))
            .collect();
        for (variable, column) in self.variables.iter().zip(columns) {
            all[*variable] = column;
        }
        let offsets = self
            .design
            .offset
            .map(|offset| outcome_of(&all[offset], &rows));
        let mut outcomes = Array2::zeros((rows.len(), targets.len()));
        for (mut outcome, column) in outcomes.columns_mut().into_iter().zip(&targets) {
            outcome.assign(&outcome_of(column, &rows));
        }
        Ok(Encoded {
            contexts: fill(&self.design.contexts, &all, &rows),
            features: fill(self.features, &all, &rows),
            targets: outcomes,
            offsets,
            rows,
            unknown,
            unknown_features,
        })
    }

    /// A block of a variable's values, with the codes that its levels had in training.
    fn column(&self, variable: &Variable, cells: &Cells<'_>, is_target: bool) -> Result<Column> {
        let Some(levels) = &variable.levels else {
            let mut values = Vec::new();
            return match cells.numbers(&mut values)? {
                Some(cell) => Err(Error::failure(format!(
                    "column {} of {} contains {:?} in data row {}, and contained numbers in training; correct it, or name it with --missing",
                    variable.name,
                    self.source.name,
                    cell.text,
                    cell.row + 1
                ))),
                None if is_target => self.checked_outcome(variable, cells, values),
                None => Ok(Column::Numbers(values)),
            };
        };
        let mut codes = Vec::new();
        for (row, text) in cells.texts()?.iter().enumerate() {
            codes.push(match text {
                None => NO_LEVEL,
                Some(text) => match levels.iter().position(|level| level == text) {
                    Some(code) => code as u32,
                    None if is_target || self.unknown == UnknownLevels::Error => {
                        return Err(self.unknown_level(variable, text, cells.first_row + row));
                    }
                    None => UNKNOWN_LEVEL,
                },
            });
        }
        Ok(Column::Levels {
            levels: Vec::new(),
            codes,
        })
    }

    fn checked_outcome(
        &self,
        variable: &Variable,
        cells: &Cells<'_>,
        values: Vec<f64>,
    ) -> Result<Column> {
        let family = self.design.family;
        let wrong = |value: &f64| !value.is_nan() && !family.admits(*value);
        match values.iter().position(wrong) {
            Some(row) => {
                let data_row = cells.first_row + row;
                let (target, file) = (&variable.name, &self.source.name);
                Err(not_of_family(family, target, file, values[row], data_row))
            }
            None => Ok(Column::Numbers(values)),
        }
    }

    fn unknown_level(&self, variable: &Variable, text: &str, row: usize) -> Error {
        const LISTED: usize = 8;
        let levels = variable.levels.as_deref().unwrap_or(&[]);
        let listed: Vec<&str> = levels.iter().take(LISTED).map(String::as_str).collect();
        let more = if levels.len() > LISTED { ", …" } else { "" };
        Error::failure(format!(
            "column {} of {} contains {text:?} in data row {}, a level that training did not have (it had {}{more}); --unknown-levels population predicts such rows by the population's coefficients",
            variable.name,
            self.source.name,
            row + 1,
            listed.join(", ")
        ))
    }

    /// Whether there were missing values that may not be left out.
    pub(crate) fn will_fail(&self) -> bool {
        self.incomplete > 0 && !self.drop_missing
    }

    /// Once all blocks are encoded: an error that counts missing values, unless they may be left out.
    pub(crate) fn finish(&self) -> Result<()> {
        if !self.will_fail() {
            return Ok(());
        }
        let names = self.needed().map(|variable| variable.name.as_str());
        let counts = names.zip(self.missing.iter().copied());
        let (file, incomplete) = (&self.source.name, self.incomplete);
        Err(missing_values(file, counts, incomplete, self.rows))
    }
}

/// The error of a target that is not an outcome of its family, at a data row counted from zero.
pub(super) fn not_of_family(
    family: Family,
    target: &str,
    file: &str,
    value: f64,
    row: usize,
) -> Error {
    Error::failure(format!(
        "target {target} of {file} is {value} in data row {}, but a {family} target is {}",
        row + 1,
        family.requirement()
    ))
}

fn is_unknown(column: &Column, row: usize) -> bool {
    matches!(column, Column::Levels { codes, .. } if codes[row] == UNKNOWN_LEVEL)
}

/// The outcome of every row; of two levels the second is 1.
pub(super) fn outcome_of(column: &Column, rows: &[usize]) -> Array1<f64> {
    rows.iter()
        .map(|&row| match column {
            Column::Numbers(values) => values[row],
            Column::Levels { codes, .. } => f64::from(codes[row]),
        })
        .collect()
}

/// The design's columns at these rows of the variables' values.
pub(super) fn fill(design: &[DesignColumn], values: &[Column], rows: &[usize]) -> Array2<f64> {
    let mut table = Array2::ones((rows.len(), design.len()));
    for (mut column, DesignColumn { factors, .. }) in table.columns_mut().into_iter().zip(design) {
        for &(variable, level) in factors {
            match (&values[variable], level) {
                (Column::Numbers(values), _) => {
                    for (cell, &row) in column.iter_mut().zip(rows) {
                        *cell *= values[row];
                    }
                }
                (Column::Levels { codes, .. }, level) => {
                    for (cell, &row) in column.iter_mut().zip(rows) {
                        if level.is_none_or(|level| codes[row] as usize != level) {
                            *cell = 0.0;
                        }
                    }
                }
            }
        }
    }
    table
}

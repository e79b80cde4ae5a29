//! Rows of a file as rows of contexts and features, by a design that is known.

use super::classes::indicators;
use super::training::{missing_in_words, missing_values};
use super::{Design, DesignColumn, RandomDesign, Variable};
use crate::data::{Cells, Chunk, Column, ColumnRequest, NO_LEVEL, Table, level_key};
use crate::error::{Error, Result};
use contextualized_auto::TreatmentRegression;
use contextualized_core::{Family, RandomTerm, Samples};
use ndarray::{
    Array, Array1, Array2, ArrayView, ArrayView2, ArrayViewMut2, Axis, RemoveAxis, concatenate,
};
use rayon::prelude::*;
use std::collections::{BTreeSet, HashMap};

/// What to do with rows that have a level which training did not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
pub enum UnknownLevels {
    /// Stop with an error.
    Error,
    /// Use the coefficients of the population, the same for all contexts.
    Population,
}

/// The code of a level that training did not have.
const UNKNOWN_LEVEL: u32 = NO_LEVEL - 1;

/// Turns blocks of a file into contexts and features, and counts what is missing.
pub struct Encoder<'a> {
    design: &'a Design,
    /// Those that are encoded besides the contexts.
    features: &'a [DesignColumn],
    /// Random effects, where outcomes are asked for.
    random: &'a [RandomDesign],
    targets: &'a [Variable],
    source: &'a dyn Table,
    unknown: UnknownLevels,
    drop_missing: bool,
    /// Positions in the design of the columns of the data that all of these need.
    variables: Vec<usize>,
    /// Positions of the variables that are made of them.
    made: Vec<usize>,
    /// Codes of the levels of the columns that are read, by key.
    levels: Vec<HashMap<String, u32>>,
    /// Of the columns that are read.
    missing: Vec<usize>,
    incomplete: usize,
    rows: usize,
    /// Rows with a level that training did not have.
    unknown_rows: usize,
    /// What helps where training did not have a level.
    advice: &'static str,
}

/// A block of complete rows.
pub struct Encoded {
    /// The block's rows that are complete.
    pub rows: Vec<usize>,
    /// Contexts (rows × columns).
    pub contexts: Array2<f64>,
    /// No columns where only contexts were asked for.
    pub features: Array2<f64>,
    /// No columns unless targets were asked for.
    pub targets: Array2<f64>,
    /// Offsets of the linear predictor, where the design has them.
    pub offsets: Option<Array1<f64>>,
    /// Random effects, where outcomes are asked for and the design has some.
    pub random: Vec<RandomTerm>,
    /// Rows whose contexts or features have a level that training did not have.
    pub unknown: Vec<bool>,
    /// Those of them whose features have: nothing can be predicted for them.
    pub unknown_features: Vec<bool>,
}

impl Encoded {
    /// The rows whose levels training had.
    fn without_unknown(self) -> Result<Self> {
        if !self.unknown.contains(&true) {
            return Ok(self);
        }
        let kept = (0..self.rows.len()).filter(|&row| !self.unknown[row]);
        let kept: Vec<usize> = kept.collect();
        Ok(Self {
            rows: kept.iter().map(|&row| self.rows[row]).collect(),
            contexts: self.contexts.select(Axis(0), &kept),
            features: self.features.select(Axis(0), &kept),
            targets: self.targets.select(Axis(0), &kept),
            offsets: self.offsets.map(|all| all.select(Axis(0), &kept)),
            random: selected(&self.random, &kept)?,
            unknown: vec![false; kept.len()],
            unknown_features: vec![false; kept.len()],
        })
    }
}

/// Random terms of some rows.
pub(crate) fn selected(terms: &[RandomTerm], rows: &[usize]) -> Result<Vec<RandomTerm>> {
    let terms = terms.iter().map(|term| term.select(rows));
    Ok(terms.collect::<contextualized_core::Result<_>>()?)
}

/// Values of the complete rows at their places among so many: those that are incomplete are empty.
pub fn a_row_for_each<D: RemoveAxis>(
    count: usize,
    rows: &[usize],
    values: ArrayView<'_, f64, D>,
) -> Array<f64, D> {
    let mut shape = values.raw_dim();
    shape[0] = count;
    let mut all = Array::from_elem(shape, f64::NAN);
    for (&row, own) in rows.iter().zip(values.outer_iter()) {
        all.index_axis_mut(Axis(0), row).assign(&own);
    }
    all
}

/// Rows of a file that are not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeftOut {
    /// With a missing value.
    pub missing: usize,
    /// With a level that training did not have.
    pub unknown: usize,
}

impl LeftOut {
    /// In words.
    pub fn text(self) -> String {
        let parts: Vec<String> = [
            (self.missing, "with missing values"),
            (self.unknown, "with levels that training did not have"),
        ]
        .into_iter()
        .filter(|(rows, _)| *rows > 0)
        .map(|(rows, why)| format!("{rows} {why}"))
        .collect();
        if parts.is_empty() {
            "none".to_owned()
        } else {
            parts.join(", ")
        }
    }
}

/// What the effect of a treatment, the last feature, explains of rows.
fn residuals(design: &Design, family: Family, samples: &Samples) -> Result<Samples> {
    let all = samples.features();
    let (others, treatment) = all.split_at(Axis(1), all.ncols() - 1);
    let names = &samples.names().features[..others.ncols()];
    let own = samples.replace_features(others, names)?;
    let estimator = TreatmentRegression::new().family(family);
    let residuals = estimator.residuals(&own, treatment.column(0))?;
    let own = residuals.samples();
    Ok(own.replace_features(own.features(), design.feature_names())?)
}

impl<'a> Encoder<'a> {
    /// For predictions: contexts and, of a regression that is not of an effect, features.
    pub fn new(
        design: &'a Design,
        source: &'a dyn Table,
        unknown: UnknownLevels,
        drop_missing: bool,
    ) -> Self {
        let features = if design.is_of_networks() || design.outcome.is_some() {
            &[]
        } else {
            &design.features[..]
        };
        let random = &design.random[..];
        Self::of(design, features, random, &[], source, unknown, drop_missing)
    }

    fn of(
        design: &'a Design,
        features: &'a [DesignColumn],
        random: &'a [RandomDesign],
        targets: &'a [Variable],
        source: &'a dyn Table,
        unknown: UnknownLevels,
        drop_missing: bool,
    ) -> Self {
        let used = |variable: &usize| {
            let of = |columns| Design::uses(columns, *variable);
            of(&design.contexts)
                || of(features)
                || design.offset == Some(*variable)
                || random.iter().any(|term| term.uses(*variable))
        };
        let used: Vec<usize> = (0..design.variables.len()).filter(used).collect();
        let mut variables: BTreeSet<usize> = used
            .iter()
            .flat_map(|&variable| design.sources(variable))
            .collect();
        for made in targets.iter().filter_map(|target| target.made.as_ref()) {
            variables.extend(design.columns_of(&made.of));
        }
        let made = used
            .into_iter()
            .filter(|&variable| design.variables[variable].made.is_some());
        let mut encoder = Self {
            made: made.collect(),
            missing: Vec::new(),
            levels: Vec::new(),
            variables: variables.into_iter().collect(),
            design,
            features,
            random,
            targets,
            source,
            unknown,
            drop_missing,
            incomplete: 0,
            rows: 0,
            unknown_rows: 0,
            advice: "--unknown-levels population predicts such rows by the population's coefficients",
        };
        let codes = |variable: &Variable| {
            let levels = variable.levels.iter().flatten().zip(0..);
            levels
                .map(|(level, code)| (level_key(level), code))
                .collect()
        };
        encoder.levels = encoder.needed().map(codes).collect();
        encoder.missing = vec![0; encoder.levels.len()];
        encoder
    }

    /// For contexts alone.
    pub fn of_contexts(
        design: &'a Design,
        source: &'a dyn Table,
        unknown: UnknownLevels,
        drop_missing: bool,
    ) -> Self {
        Self::of(design, &[], &[], &[], source, unknown, drop_missing)
    }

    /// All complete rows of a file with their targets, and how many were left out: those with missing values,
    /// and those with levels that training did not have, where these are to be left out and no error. For the effect
    /// of a treatment, outcome and treatment less their means given features and contexts, by models of these rows
    /// without the row itself.
    pub fn samples(
        design: &Design,
        source: &dyn Table,
        drop_missing: bool,
        drop_unknown: bool,
    ) -> Result<(Samples, LeftOut)> {
        let (features, targets) = (&design.features, design.columns_of_outcomes());
        if let Some(outcome) = &design.outcome {
            let (samples, left_out) = Self::samples(outcome, source, drop_missing, drop_unknown)?;
            return Ok((residuals(design, outcome.family, &samples)?, left_out));
        }
        let unknown = if drop_unknown {
            UnknownLevels::Population
        } else {
            UnknownLevels::Error
        };
        let random = &design.random[..];
        let mut encoder = Encoder::of(
            design,
            features,
            random,
            targets,
            source,
            unknown,
            drop_missing,
        );
        encoder.advice = "--drop-unknown-levels leaves such rows out";
        let (mut blocks, mut data_rows) = (Vec::new(), Vec::new());
        for chunk in source.chunks(&encoder.columns()?)? {
            let chunk = chunk?;
            let encoded = encoder.encode(&chunk)?.without_unknown()?;
            data_rows.extend(encoded.rows.iter().map(|row| chunk.first_row + row));
            blocks.push(encoded);
        }
        encoder.finish()?;
        let joined = |table: fn(&Encoded) -> ArrayView2<'_, f64>| {
            let tables: Vec<_> = blocks.iter().map(table).collect();
            concatenate(Axis(0), &tables)
                .map_err(|_| Error::failure(format!("{} has a header but no rows", source.name())))
        };
        let contexts = joined(|block| block.contexts.view())?;
        let features = joined(|block| block.features.view())?;
        if contexts.nrows() == 0 {
            let why = if encoder.unknown_rows > 0 {
                "no complete row with levels that training had"
            } else {
                "no complete rows"
            };
            return Err(Error::failure(format!("{} has {why}", source.name())));
        }
        let targets = if design.is_of_networks() {
            features.clone()
        } else {
            joined(|block| block.targets.view())?
        };
        let targets = match design.class_names() {
            Some(classes) => indicators(targets.column(0), classes.len()),
            None => targets,
        };
        let offsets = blocks
            .iter()
            .flat_map(|block| block.offsets.iter().flatten());
        let offsets: Array1<f64> = offsets.copied().collect();
        let offsets = design.offset.map(|_| offsets.view());
        let samples = match &design.survival {
            None => design.samples(contexts.view(), features.view(), targets.view(), offsets)?,
            Some(_) => {
                design.subjects(contexts.view(), features.view(), targets.view(), offsets)?
            }
        };
        let mut terms = Vec::new();
        for (position, term) in design.random.iter().enumerate() {
            let own = blocks.iter().map(|block| &block.random[position]);
            let levels = own.clone().flat_map(|own| own.levels().iter().copied());
            let designs: Vec<_> = own.map(RandomTerm::design).collect();
            let design = concatenate(Axis(0), &designs)
                .map_err(|_| Error::failure("random effects of different widths"))?;
            terms.push(term.term(levels.collect(), design.view())?);
        }
        let mut samples = samples.with_random_terms(terms)?;
        if let Some(survival) = &design.survival {
            let columns = targets.columns().into_iter();
            let columns: Vec<Array1<f64>> = columns.map(|own| own.to_owned()).collect();
            let file = source.name();
            samples = survival.samples(&samples, &columns, file, |row| data_rows[row])?;
        }
        let left_out = LeftOut {
            missing: encoder.incomplete,
            unknown: encoder.unknown_rows,
        };
        Ok((samples, left_out))
    }

    /// The needed columns of the file.
    pub fn columns(&self) -> Result<Vec<ColumnRequest>> {
        self.needed()
            .map(|variable| {
                Ok(ColumnRequest {
                    column: self.source.position(&variable.name)?,
                    numbers: variable.levels.is_none() && variable.clock.is_none(),
                })
            })
            .collect()
    }

    /// The columns of the data that are needed, targets last.
    fn needed(&self) -> impl Iterator<Item = &'a Variable> + use<'a> {
        let (design, positions) = (self.design, self.variables.clone());
        let variables = positions
            .into_iter()
            .map(|variable| &design.variables[variable]);
        let targets = self.targets.iter();
        variables.chain(targets.filter(|target| target.made.is_none()))
    }

    /// Encodes a block whose first arrays are those of [`Self::columns`].
    pub fn encode(&mut self, chunk: &Chunk) -> Result<Encoded> {
        let mut columns = Vec::with_capacity(self.missing.len());
        for (position, variable) in self.needed().enumerate() {
            let cells = Cells {
                column: &variable.name,
                file: self.source.name(),
                array: &chunk.arrays[position],
                first_row: chunk.first_row,
                reading: self.source.reading(),
            };
            columns.push(self.column(variable, &cells, position)?);
        }
        for (missing, column) in self.missing.iter_mut().zip(&columns) {
            *missing += column.missing();
        }
        let mut direct_targets = columns.split_off(self.variables.len()).into_iter();

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
        let made_of = |variable: &Variable, all: &[Column]| {
            let values = |name: &str| self.design.column(name).and_then(|at| all[at].numbers());
            variable
                .made
                .as_ref()
                .map(|made| made.values(values, chunk.rows))
        };
        for &variable in &self.made {
            if let Some(made) = made_of(&self.design.variables[variable], &all) {
                all[variable] = made;
            }
        }
        let targets: Vec<Column> = self
            .targets
            .iter()
            .filter_map(|target| made_of(target, &all).or_else(|| direct_targets.next()))
            .collect();

        let used = self.variables.iter().chain(&self.made);
        let used: Vec<&Column> = used.map(|&at| &all[at]).chain(&targets).collect();
        let complete = |row: &usize| used.iter().all(|column| !column.is_missing(*row));
        let rows: Vec<usize> = (0..chunk.rows).filter(complete).collect();
        self.incomplete += chunk.rows - rows.len();
        self.rows += chunk.rows;

        let unknown_in = |of: &[DesignColumn], row: usize| {
            let mut variables = self.variables.iter();
            variables.any(|&at| is_unknown(&all[at], row) && Design::uses(of, at))
        };
        let unknown_features: Vec<bool> = rows
            .iter()
            .map(|&row| unknown_in(self.features, row))
            .collect();
        let unknown: Vec<bool> = rows
            .iter()
            .zip(&unknown_features)
            .map(|(&row, unknown)| *unknown || unknown_in(&self.design.contexts, row))
            .collect();
        self.unknown_rows += unknown.iter().filter(|unknown| **unknown).count();

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
            random: self
                .random
                .iter()
                .map(|term| term.of_rows(&all, &rows))
                .collect::<Result<_>>()?,
            targets: outcomes,
            offsets,
            rows,
            unknown,
            unknown_features,
        })
    }

    /// A block of a column's values, with the codes that its levels had in training.
    fn column(&self, variable: &Variable, cells: &Cells<'_>, position: usize) -> Result<Column> {
        let is_target = position >= self.variables.len();
        if variable.levels.is_none() {
            let mut values = Vec::new();
            let (wrong, was) = match variable.clock {
                None => (cells.numbers(&mut values)?, "numbers"),
                Some(clock) => (cells.times(clock, &mut values)?, clock.description()),
            };
            return match wrong {
                Some(cell) => Err(Error::failure(format!(
                    "column {} of {} contains {:?} in data row {}, and contained {was} in training; correct it, or name it with --missing",
                    variable.name,
                    self.source.name(),
                    cell.text,
                    cell.row + 1
                ))),
                None if is_target => self.checked_outcome(variable, cells, values),
                None => Ok(Column::Numbers(values)),
            };
        }
        let known = &self.levels[position];
        // The population's value is predicted for levels of groups that training did not have.
        let is_group = !is_target && self.is_group_alone(self.variables[position]);
        let mut codes = Vec::new();
        for (row, text) in cells.texts()?.iter().enumerate() {
            codes.push(match text {
                None => NO_LEVEL,
                Some(text) => match known.get(&level_key(text)) {
                    Some(&code) => code,
                    None if is_target || (self.unknown == UnknownLevels::Error && !is_group) => {
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

    /// Whether a variable's levels are groups of random effects, and nothing else.
    fn is_group_alone(&self, variable: usize) -> bool {
        let effects = || self.random.iter().flat_map(|term| &term.effects);
        self.random
            .iter()
            .any(|term| term.variables.contains(&variable))
            && !Design::uses(&self.design.contexts, variable)
            && !Design::uses(self.features, variable)
            && !effects().any(|column| Design::is_of(column, variable))
    }

    fn checked_outcome(
        &self,
        variable: &Variable,
        cells: &Cells<'_>,
        values: Vec<f64>,
    ) -> Result<Column> {
        if self.design.survival.is_some() {
            // Times and events are checked together, once all blocks are read.
            return Ok(Column::Numbers(values));
        }
        let family = self.design.family;
        let wrong = |value: &f64| !value.is_nan() && !family.admits_single(*value);
        match values.iter().position(wrong) {
            Some(row) => {
                let data_row = cells.first_row + row;
                let (target, file) = (&variable.name, self.source.name());
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
            "column {} of {} contains {text:?} in data row {}, a level that training did not have (it had {}{more}); {}",
            variable.name,
            self.source.name(),
            row + 1,
            listed.join(", "),
            self.advice
        ))
    }

    /// Once all blocks are encoded: an error that counts missing values, unless they may be left out.
    fn finish(&self) -> Result<()> {
        if self.incomplete == 0 || self.drop_missing {
            return Ok(());
        }
        let (file, incomplete) = (self.source.name(), self.incomplete);
        Err(missing_values(file, self.counts(), incomplete, self.rows))
    }

    fn counts(&self) -> impl Iterator<Item = (&'a str, usize)> {
        let names = self.needed().map(|variable| variable.name.as_str());
        names.zip(self.missing.iter().copied())
    }

    /// What there is to say of rows that were not predicted as others are.
    pub fn remarks(&self) -> Vec<String> {
        let mut remarks = Vec::new();
        let rows = self.rows;
        if self.incomplete > 0 {
            let counts = missing_in_words(self.counts());
            let what = if self.drop_missing {
                "left out"
            } else {
                "left empty"
            };
            remarks.push(format!(
                "{} of {rows} rows are incomplete and {what}{counts}",
                self.incomplete
            ));
        }
        if self.unknown_rows > 0 {
            remarks.push(format!(
                "{} of {rows} rows have a level that training did not have and the population's coefficients",
                self.unknown_rows
            ));
        }
        remarks
    }
}

/// The error of a target that is not one outcome of its family, at a data row counted from zero.
pub(super) fn not_of_family(
    family: Family,
    target: &str,
    file: &str,
    value: f64,
    row: usize,
) -> Error {
    let wanted = if family.admits(value) {
        "0 or 1; of shares give the numbers of successes and failures, cbind(a, b)"
    } else {
        family.requirement()
    };
    Error::failure(format!(
        "target {target} of {file} is {value} in data row {}, but a {family} target is {wanted}",
        row + 1
    ))
}

fn is_unknown(column: &Column, row: usize) -> bool {
    matches!(column, Column::Levels { codes, .. } if codes[row] == UNKNOWN_LEVEL)
}

/// The outcome of every row; of two levels the second is 1.
pub(super) fn outcome_of(column: &Column, rows: &[usize]) -> Array1<f64> {
    rows.iter()
        .map(|&row| match column {
            Column::Numbers(values) | Column::Times(_, values) => values[row],
            Column::Levels { codes, .. } => f64::from(codes[row]),
            Column::Table(table) => table[[row, 0]],
        })
        .collect()
}

/// The design's columns at these rows of the variables' values.
pub(super) fn fill(design: &[DesignColumn], values: &[Column], rows: &[usize]) -> Array2<f64> {
    /// Rows that are filled at a time.
    const BLOCK: usize = 1 << 14;
    let mut table = Array2::ones((rows.len(), design.len()));
    let blocks = table.axis_chunks_iter_mut(Axis(0), BLOCK);
    let blocks: Vec<_> = blocks.zip(rows.chunks(BLOCK)).collect();
    blocks
        .into_par_iter()
        .for_each(|(table, rows)| fill_rows(design, values, rows, table));
    table
}

fn fill_rows(
    design: &[DesignColumn],
    values: &[Column],
    rows: &[usize],
    mut table: ArrayViewMut2<'_, f64>,
) {
    for (mut column, DesignColumn { factors, .. }) in table.columns_mut().into_iter().zip(design) {
        for &(variable, part) in factors {
            match &values[variable] {
                Column::Numbers(values) | Column::Times(_, values) => {
                    for (cell, &row) in column.iter_mut().zip(rows) {
                        *cell *= values[row];
                    }
                }
                Column::Table(table) => {
                    for (cell, &row) in column.iter_mut().zip(rows) {
                        *cell *= table[[row, part.unwrap_or(0)]];
                    }
                }
                Column::Levels { codes, .. } => {
                    for (cell, &row) in column.iter_mut().zip(rows) {
                        match part {
                            None => *cell = f64::from(codes[row]),
                            Some(level) if codes[row] as usize != level => *cell = 0.0,
                            Some(_) => {}
                        }
                    }
                }
            }
        }
    }
}

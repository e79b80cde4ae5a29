//! Whole columns, and what they hold.

use super::cells::{Cells, NotNumber, shortened};
use super::numbers::{Lookalike, NumberFormat, level_key};
use super::table::{Chunk, ColumnRequest, Table};
use super::times::Clock;
use crate::error::{Error, Result};
use arrow_schema::DataType;
use ndarray::Array2;
use rayon::prelude::*;
use std::collections::HashMap;

/// The most levels of a column of text that each have a column of their own; more are names or dates, not groups,
/// unless they are a context.
pub(crate) const MOST_LEVELS: usize = 256;

/// The most levels of a context, of which those beyond [`MOST_LEVELS`] are in codes.
pub(crate) const MOST_CODED_LEVELS: usize = 100_000;

/// The code of a missing level.
pub(crate) const NO_LEVEL: u32 = u32::MAX;

/// A column to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub column: usize,
    /// As levels, even if they are numbers.
    pub factor: bool,
    /// The most levels that it may have.
    pub most_levels: usize,
}

/// The values of a column.
#[derive(Debug, Clone, PartialEq)]
pub enum Column {
    /// NaN where one is missing.
    Numbers(Vec<f64>),
    /// Dates or times as numbers of days, NaN where one is missing.
    Times(Clock, Vec<f64>),
    /// Levels in order, and the position of each row's among them, [`NO_LEVEL`] where it is missing.
    Levels {
        levels: Vec<String>,
        codes: Vec<u32>,
    },
    /// Several numbers for each row, made of other columns.
    Table(Array2<f64>),
}

impl Column {
    pub fn is_missing(&self, row: usize) -> bool {
        match self {
            Self::Numbers(values) | Self::Times(_, values) => values[row].is_nan(),
            Self::Levels { codes, .. } => codes[row] == NO_LEVEL,
            Self::Table(table) => table.row(row).iter().any(|value| value.is_nan()),
        }
    }

    /// How many values are missing.
    pub fn missing(&self) -> usize {
        let rows = 0..self.rows();
        rows.filter(|&row| self.is_missing(row)).count()
    }

    pub fn rows(&self) -> usize {
        match self {
            Self::Numbers(values) | Self::Times(_, values) => values.len(),
            Self::Levels { codes, .. } => codes.len(),
            Self::Table(table) => table.nrows(),
        }
    }

    /// Its numbers, of a column that has one for each row.
    pub fn numbers(&self) -> Option<&[f64]> {
        match self {
            Self::Numbers(values) | Self::Times(_, values) => Some(values),
            Self::Levels { .. } | Self::Table(_) => None,
        }
    }

    /// What its numbers count, of dates and times.
    pub fn clock(&self) -> Option<Clock> {
        match self {
            Self::Times(clock, _) => Some(*clock),
            Self::Numbers(_) | Self::Levels { .. } | Self::Table(_) => None,
        }
    }
}

/// Reads columns whole. A column is taken for numbers until a cell says otherwise; then the file is read again,
/// and all cells of the column decide what it holds: dates or times, or levels, whose texts are as they were
/// written. A column that was meant to be numbers and is not is refused.
pub(crate) fn read_columns(source: &dyn Table, wanted: &[Wanted]) -> Result<Vec<Column>> {
    let mut builders: Vec<Builder> = wanted
        .iter()
        .map(|want| {
            let data_type = source.data_type(want.column);
            if want.factor {
                Builder::Levels(LevelBuilder::default())
            } else if let Some(clock) = Clock::of_type(data_type) {
                Builder::Times(clock, Vec::new())
            } else if data_type.is_numeric() || (*data_type == DataType::Utf8 && source.is_text()) {
                Builder::Numbers(Vec::new())
            } else {
                Builder::Open(Open::default())
            }
        })
        .collect();
    loop {
        let found = fill(source, wanted, &mut builders)?;
        if found.is_empty() {
            break;
        }
        builders.iter_mut().for_each(Builder::clear);
        for (position, _) in found {
            builders[position] = Builder::Open(Open::default());
        }
    }
    wanted
        .iter()
        .zip(builders)
        .map(|(want, builder)| builder.finish(source, want))
        .collect()
}

/// Reads the file once, unless columns are no numbers after all: these, each by the cell that says so.
fn fill(
    source: &dyn Table,
    wanted: &[Wanted],
    builders: &mut [Builder],
) -> Result<Vec<(usize, NotNumber)>> {
    let requests: Vec<ColumnRequest> = wanted
        .iter()
        .zip(&*builders)
        .map(|(want, builder)| ColumnRequest {
            column: want.column,
            numbers: matches!(builder, Builder::Numbers(_)),
        })
        .collect();
    for chunk in source.chunks(&requests)? {
        let chunk = chunk?;
        let found: Vec<Result<Option<NotNumber>>> = builders
            .par_iter_mut()
            .zip(wanted)
            .zip(&chunk.arrays)
            .map(|((builder, want), array)| builder.add(&cells(source, want, &chunk, array), want))
            .collect();
        let mut others = Vec::new();
        for (position, found) in found.into_iter().enumerate() {
            others.extend(found?.map(|cell| (position, cell)));
        }
        if !others.is_empty() {
            return Ok(others);
        }
    }
    Ok(Vec::new())
}

fn cells<'a>(
    source: &'a dyn Table,
    want: &Wanted,
    chunk: &Chunk,
    array: &'a arrow_array::ArrayRef,
) -> Cells<'a> {
    Cells {
        column: &source.columns()[want.column],
        file: source.name(),
        array,
        first_row: chunk.first_row,
        reading: source.reading(),
    }
}

enum Builder {
    Numbers(Vec<f64>),
    Times(Clock, Vec<f64>),
    Levels(LevelBuilder),
    /// What it holds is known when all cells are.
    Open(Open),
}

/// Codes in order of appearance.
#[derive(Default)]
struct LevelBuilder {
    /// By key the code, and of its spellings the first in the order of texts.
    known: HashMap<String, (u32, String)>,
    codes: Vec<u32>,
}

/// A column of text: what its cells look like.
#[derive(Default)]
struct Open {
    /// Codes end soon after there are too many levels.
    levels: LevelBuilder,
    times: Times,
    present: usize,
    numbers: usize,
    lookalikes: usize,
    /// The first cell that is not a number, and the first that only looks like one.
    first: Option<NotNumber>,
    first_lookalike: Option<(NotNumber, Lookalike)>,
}

/// What dates and times there are among the cells.
#[derive(Default, Clone, Copy)]
enum Times {
    #[default]
    Unknown,
    /// All cells are, of one kind.
    All(Clock),
    /// Some cells are not.
    Some,
}

impl LevelBuilder {
    fn push(&mut self, text: Option<&str>) {
        let next = self.known.len() as u32;
        self.codes.push(match text {
            None => NO_LEVEL,
            Some(text) => {
                let (code, spelled) = self
                    .known
                    .entry(level_key(text))
                    .or_insert_with(|| (next, text.to_owned()));
                if text < spelled.as_str() {
                    text.clone_into(spelled);
                }
                *code
            }
        });
    }

    /// What is wrong with the number of levels: there are more than there may be, or many and one for each row,
    /// which are names. Of groups nothing is.
    fn excess(&self, most: usize) -> Option<String> {
        let levels = self.known.len();
        if levels > most {
            return Some(format!("has more than {most} levels"));
        }
        let present = self.codes.iter().filter(|code| **code != NO_LEVEL);
        (most < usize::MAX && levels > MOST_LEVELS && levels == present.count())
            .then(|| format!("has more than {MOST_LEVELS} levels, another in every row"))
    }

    /// Refuses levels that are too many.
    fn check(&self, column: &str, file: &str, most: usize) -> Result<()> {
        match self.excess(most) {
            None => Ok(()),
            Some(excess) => Err(Error::failure(format!(
                "column {column} of {file} {excess}; group them, or leave the column out"
            ))),
        }
    }

    fn finish(self) -> Column {
        let mut codes = self.codes;
        let known = self.known.into_values();
        let mut levels: Vec<(String, u32)> = known.map(|(code, text)| (text, code)).collect();
        levels.sort();
        // Numbers are in the order of their size; equal ones in that of their texts.
        let number = |text: &str| text.parse::<f64>().ok();
        if levels.iter().all(|(text, _)| number(text).is_some()) {
            let size = |text: &str| number(text).unwrap_or(f64::NAN);
            levels.sort_by(|(a, _), (b, _)| size(a).total_cmp(&size(b)));
        }
        let mut ranks = vec![0; levels.len()];
        for (rank, (_, code)) in levels.iter().enumerate() {
            ranks[*code as usize] = rank as u32;
        }
        for code in &mut codes {
            if *code != NO_LEVEL {
                *code = ranks[*code as usize];
            }
        }
        Column::Levels {
            levels: levels.into_iter().map(|(text, _)| text).collect(),
            codes,
        }
    }
}

impl Open {
    fn push(&mut self, text: Option<&str>, row: usize, format: NumberFormat, most_levels: usize) {
        if self.levels.known.len() <= most_levels {
            self.levels.push(text);
        }
        let Some(text) = text else {
            return;
        };
        self.present += 1;
        self.times = match (self.times, Clock::parse(text)) {
            (Times::Unknown, Some((clock, _))) => Times::All(clock),
            (Times::All(all), Some((clock, _))) if all == clock => Times::All(clock),
            (Times::Unknown | Times::All(_) | Times::Some, _) => Times::Some,
        };
        if format.parse(text).is_some_and(f64::is_finite) {
            self.numbers += 1;
            return;
        }
        let cell = || NotNumber {
            text: shortened(text),
            row,
        };
        if self.first.is_none() {
            self.first = Some(cell());
        }
        if let Some(kind) = Lookalike::of(text) {
            self.lookalikes += 1;
            self.first_lookalike.get_or_insert_with(|| (cell(), kind));
        }
    }

    /// What is wrong with it, unless it holds levels.
    fn refusal(&self, name: &str, file: &str, most_levels: usize) -> Option<Error> {
        let numbers = self.numbers;
        if 2 * (numbers + self.lookalikes) >= self.present && self.present > 0 {
            let (cell, advice) = match (&self.first_lookalike, &self.first) {
                (Some((cell, kind)), _) => (cell, format!("{}; ", kind.advice())),
                (None, Some(cell)) => (cell, String::new()),
                (None, None) => {
                    return Some(Error::failure(format!(
                        "column {name} of {file} is of text, and all its cells are numbers: write it as numbers, or factor({name}) in the formula if these are levels"
                    )));
                }
            };
            return Some(Error::failure(format!(
                "column {name} of {file} has {numbers} numbers in {} cells, and \"{}\" in data row {} is not one: {advice}correct it, name it with --missing if it means a missing value, or write factor({name}) if these are levels",
                self.present,
                cell.text,
                cell.row + 1
            )));
        }
        let first = self.first.as_ref()?;
        self.levels.excess(most_levels).map(|excess| {
            Error::failure(format!(
                "column {name} of {file} is not a column of numbers (data row {} contains {:?}) and {excess}; group them, or leave the column out",
                first.row + 1,
                first.text
            ))
        })
    }
}

impl Builder {
    /// Appends a block's cells; the first that does not belong ends it.
    fn add(&mut self, cells: &Cells<'_>, want: &Wanted) -> Result<Option<NotNumber>> {
        match self {
            Self::Numbers(values) => return cells.numbers(values),
            Self::Times(clock, values) => return cells.times(*clock, values),
            Self::Levels(levels) => {
                for text in cells.texts()?.iter() {
                    levels.push(text);
                }
                // The rows to come need not be read.
                if levels.known.len() > want.most_levels {
                    levels.check(cells.column, cells.file, want.most_levels)?;
                }
            }
            Self::Open(open) => {
                for (row, text) in cells.texts()?.iter().enumerate() {
                    let row = cells.first_row + row;
                    open.push(text, row, cells.reading.numbers, want.most_levels);
                }
            }
        }
        Ok(None)
    }

    /// Forgets the values.
    fn clear(&mut self) {
        match self {
            Self::Numbers(values) | Self::Times(_, values) => values.clear(),
            Self::Levels(levels) => *levels = LevelBuilder::default(),
            Self::Open(open) => *open = Open::default(),
        }
    }

    fn finish(self, source: &dyn Table, want: &Wanted) -> Result<Column> {
        let (name, file) = (&source.columns()[want.column], source.name());
        match self {
            Self::Numbers(values) => Ok(Column::Numbers(values)),
            Self::Times(clock, values) => Ok(Column::Times(clock, values)),
            Self::Levels(levels) => {
                levels.check(name, file, want.most_levels)?;
                Ok(levels.finish())
            }
            Self::Open(open) => {
                if let Times::All(clock) = open.times {
                    return read_times(source, want, clock);
                }
                match open.refusal(name, file, want.most_levels) {
                    Some(refusal) => Err(refusal),
                    None => Ok(open.levels.finish()),
                }
            }
        }
    }
}

/// A column of texts that are all dates, or all times.
fn read_times(source: &dyn Table, want: &Wanted, clock: Clock) -> Result<Column> {
    let mut values = Vec::new();
    for chunk in source.chunks(&[ColumnRequest::as_written(want.column)])? {
        let chunk = chunk?;
        // All cells are of this kind.
        cells(source, want, &chunk, &chunk.arrays[0]).times(clock, &mut values)?;
    }
    Ok(Column::Times(clock, values))
}

//! Whole columns, and what they hold.

use super::cells::{Cells, NotNumber};
use super::source::Source;
use crate::error::{Error, Result};
use std::collections::HashMap;

/// The most levels of a column of text; more are names or dates, not groups.
const MOST_LEVELS: usize = 256;

/// The code of a missing level.
pub(crate) const NO_LEVEL: u32 = u32::MAX;

/// A column to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) column: usize,
    /// As levels, even if they are numbers.
    pub(crate) factor: bool,
}

/// The values of a column.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Column {
    /// NaN where one is missing.
    Numbers(Vec<f64>),
    /// Levels in order, and the position of each row's among them, [`NO_LEVEL`] where it is missing.
    Levels {
        levels: Vec<String>,
        codes: Vec<u32>,
    },
}

impl Column {
    pub(crate) fn is_missing(&self, row: usize) -> bool {
        match self {
            Self::Numbers(values) => values[row].is_nan(),
            Self::Levels { codes, .. } => codes[row] == NO_LEVEL,
        }
    }

    /// How many values are missing.
    pub(crate) fn missing(&self) -> usize {
        let rows = 0..self.rows();
        rows.filter(|&row| self.is_missing(row)).count()
    }

    pub(crate) fn rows(&self) -> usize {
        match self {
            Self::Numbers(values) => values.len(),
            Self::Levels { codes, .. } => codes.len(),
        }
    }
}

/// Reads columns whole; those with a cell that is neither a number nor missing hold levels.
///
/// A column is taken for numbers until a cell says otherwise; then the file is read again, so that
/// levels are texts as they were written.
pub(crate) fn read_columns(source: &Source, wanted: &[Wanted]) -> Result<Vec<Column>> {
    let mut builders: Vec<Builder> = wanted
        .iter()
        .map(|want| {
            if want.factor || source.is_typed_text(want.column) {
                Builder::Levels(LevelBuilder::default())
            } else {
                Builder::Numbers(Vec::new())
            }
        })
        .collect();
    loop {
        let found = fill(source, wanted, &mut builders)?;
        if found.is_empty() {
            return Ok(builders.into_iter().map(Builder::finish).collect());
        }
        builders.iter_mut().for_each(Builder::clear);
        for (position, cell) in found {
            builders[position] = Builder::Levels(LevelBuilder {
                because: Some(cell),
                ..LevelBuilder::default()
            });
        }
    }
}

/// Reads the file once, unless columns are no numbers after all: these, each by the cell that says so.
fn fill(
    source: &Source,
    wanted: &[Wanted],
    builders: &mut [Builder],
) -> Result<Vec<(usize, NotNumber)>> {
    let positions: Vec<usize> = wanted.iter().map(|want| want.column).collect();
    for chunk in source.chunks(&positions)? {
        let chunk = chunk?;
        let mut found = Vec::new();
        for (position, array) in chunk.arrays.iter().enumerate() {
            let name = &source.columns()[positions[position]];
            let cells = Cells {
                column: name,
                file: &source.name,
                array,
                first_row: chunk.first_row,
                missing: &source.missing,
            };
            match &mut builders[position] {
                Builder::Numbers(values) => {
                    found.extend(cells.numbers(values)?.map(|cell| (position, cell)));
                }
                Builder::Levels(levels) => {
                    for text in cells.texts()?.iter() {
                        levels.push(text);
                    }
                    if levels.codes_by_text.len() > MOST_LEVELS {
                        let because = levels.because.as_ref();
                        return Err(too_many_levels(name, &source.name, because));
                    }
                }
            }
        }
        if !found.is_empty() {
            return Ok(found);
        }
    }
    Ok(Vec::new())
}

fn too_many_levels(name: &str, file: &str, cell: Option<&NotNumber>) -> Error {
    match cell {
        Some(NotNumber { text, row }) => Error::failure(format!(
            "column {name} of {file} is not a column of numbers (row {} contains {text:?}) and has more than {MOST_LEVELS} levels; correct the cell, name it with --missing, or leave the column out",
            row + 1
        )),
        None => Error::failure(format!(
            "column {name} of {file} has more than {MOST_LEVELS} levels; group them, or leave the column out"
        )),
    }
}

enum Builder {
    Numbers(Vec<f64>),
    Levels(LevelBuilder),
}

/// Codes in order of appearance.
#[derive(Default)]
struct LevelBuilder {
    /// The cell that is not a number, unless levels were asked for.
    because: Option<NotNumber>,
    codes_by_text: HashMap<String, u32>,
    codes: Vec<u32>,
}

impl LevelBuilder {
    fn push(&mut self, text: Option<&str>) {
        let known = self.codes_by_text.len() as u32;
        self.codes.push(match text {
            None => NO_LEVEL,
            Some(text) => match self.codes_by_text.get(text) {
                Some(&code) => code,
                None => *self.codes_by_text.entry(text.to_owned()).or_insert(known),
            },
        });
    }
}

impl Builder {
    /// Forgets the values.
    fn clear(&mut self) {
        match self {
            Self::Numbers(values) => values.clear(),
            Self::Levels(levels) => {
                levels.codes_by_text.clear();
                levels.codes.clear();
            }
        }
    }

    fn finish(self) -> Column {
        match self {
            Self::Numbers(values) => Column::Numbers(values),
            Self::Levels(LevelBuilder {
                codes_by_text,
                mut codes,
                ..
            }) => {
                let mut levels: Vec<(String, u32)> = codes_by_text.into_iter().collect();
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
    }
}

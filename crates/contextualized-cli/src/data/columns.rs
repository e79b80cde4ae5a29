//! Whole columns, and what they hold.

use super::cells::{Cells, NotNumber};
use super::source::Source;
use crate::error::{Error, Result};
use std::collections::{BTreeSet, HashMap};

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
    let mut kinds: Vec<Kind> = wanted
        .iter()
        .map(|want| {
            if want.factor || source.is_typed_text(want.column) {
                Kind::Levels(None)
            } else {
                Kind::Numbers
            }
        })
        .collect();
    loop {
        match read_as(source, wanted, &kinds)? {
            Pass::Whole(columns) => return Ok(columns),
            Pass::Text(found) => {
                for (position, cell) in found {
                    kinds[position] = Kind::Levels(Some(cell));
                }
            }
        }
    }
}

/// What a column is taken for.
enum Kind {
    Numbers,
    /// Because of this cell, or because it was asked for.
    Levels(Option<NotNumber>),
}

/// What came of reading the file once.
enum Pass {
    Whole(Vec<Column>),
    /// Columns that are no numbers after all, each by the cell that says so.
    Text(Vec<(usize, NotNumber)>),
}

fn read_as(source: &Source, wanted: &[Wanted], kinds: &[Kind]) -> Result<Pass> {
    let mut builders: Vec<Builder> = kinds
        .iter()
        .map(|kind| match kind {
            Kind::Levels(_) => Builder::Levels(LevelBuilder::default()),
            Kind::Numbers => Builder::Numbers(Vec::new()),
        })
        .collect();
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
                        let cell = match &kinds[position] {
                            Kind::Levels(cell) => cell.as_ref(),
                            Kind::Numbers => None,
                        };
                        return Err(too_many_levels(name, &source.name, cell));
                    }
                }
            }
        }
        if !found.is_empty() {
            return Ok(Pass::Text(found));
        }
    }
    let columns = builders.into_iter().map(Builder::finish);
    Ok(Pass::Whole(columns.collect()))
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
    codes_by_text: HashMap<String, u32>,
    codes: Vec<u32>,
}

impl LevelBuilder {
    fn push(&mut self, text: Option<&str>) {
        let code = match text {
            None => NO_LEVEL,
            Some(text) => match self.codes_by_text.get(text) {
                Some(&code) => code,
                None => {
                    let code = self.codes_by_text.len() as u32;
                    self.codes_by_text.insert(text.to_owned(), code);
                    code
                }
            },
        };
        self.codes.push(code);
    }
}

impl Builder {
    fn finish(self) -> Column {
        match self {
            Self::Numbers(values) => Column::Numbers(values),
            Self::Levels(LevelBuilder {
                codes_by_text,
                mut codes,
            }) => {
                let mut levels: Vec<(String, u32)> = codes_by_text.into_iter().collect();
                let texts: BTreeSet<&String> = levels.iter().map(|(text, _)| text).collect();
                let numeric = texts.iter().all(|text| text.parse::<f64>().is_ok());
                levels.sort_by(|(a, _), (b, _)| {
                    match (numeric, a.parse::<f64>(), b.parse::<f64>()) {
                        (true, Ok(x), Ok(y)) => x.total_cmp(&y).then_with(|| a.cmp(b)),
                        _ => a.cmp(b),
                    }
                });
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

//! What a table is asked for.

use super::cells::is_inexact_integer;
use super::numbers::NumberFormat;
use crate::error::{Error, Result};
use arrow_array::ArrayRef;
use arrow_schema::DataType;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// How tables are read. A model keeps it, so that new data are read as those it was fitted to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// Column delimiter of a text file; by its name (tab for `.tsv`) if not given.
    pub delimiter: Option<u8>,
    /// Texts that mean a missing value.
    pub missing: BTreeSet<String>,
    /// How numbers are written in texts.
    pub numbers: NumberFormat,
    /// Lines of a text file that begin with it are left out.
    pub comment: Option<u8>,
    /// Lines before the header, of this file alone.
    #[serde(skip)]
    pub skip: usize,
}

impl Default for Reading {
    fn default() -> Self {
        const MISSING: [&str; 7] = ["NA", "N/A", "NaN", "nan", "NULL", "null", "None"];
        Self {
            delimiter: None,
            missing: MISSING.map(str::to_owned).into(),
            numbers: NumberFormat::default(),
            comment: None,
            skip: 0,
        }
    }
}

impl Reading {
    /// What a cell of text says where it is a number, or missing (then none inside); otherwise nothing, as of an
    /// integer that no float is.
    pub fn number(&self, cell: &str) -> Option<Option<f64>> {
        let text = match cell.as_bytes() {
            [first, .., last] if first.is_ascii_graphic() && last.is_ascii_graphic() => cell,
            _ => cell.trim(),
        };
        match self.numbers.parse(text) {
            Some(number) => {
                (number.is_finite() && !is_inexact_integer(text)).then_some(Some(number))
            }
            None => (text.is_empty() || self.missing.contains(text)).then_some(None),
        }
    }
}

/// A column that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ColumnRequest {
    /// Its position.
    pub column: usize,
    /// Whether its cells should be numbers: a block of a text file then has numbers where all of them are. Otherwise
    /// cells are as they stand in the file.
    pub numbers: bool,
}

impl ColumnRequest {
    /// Cells as they stand in the file.
    pub fn as_written(column: usize) -> Self {
        Self {
            column,
            numbers: false,
        }
    }
}

/// A block of rows of some columns.
pub struct Chunk {
    /// One array per column asked for.
    pub arrays: Vec<ArrayRef>,
    /// Number of rows.
    pub rows: usize,
    /// Its first row in the table, counted from zero.
    pub first_row: usize,
}

/// Blocks of rows, in their order.
pub type Chunks<'a> = Box<dyn Iterator<Item = Result<Chunk>> + 'a>;

/// Columns by name, which can be read more than once: a file, or batches of Arrow in memory ([`Batches`]).
///
/// [`Batches`]: super::Batches
pub trait Table: Sync {
    /// What the table is called in messages.
    fn name(&self) -> &str;

    /// Names of the columns.
    fn columns(&self) -> &[String];

    /// The type of a column: text in a text file.
    fn data_type(&self, column: usize) -> &DataType;

    /// Whether it is text, which does not know what its columns contain.
    fn is_text(&self) -> bool {
        false
    }

    /// How cells are read.
    fn reading(&self) -> &Reading;

    /// The rows of these columns, in blocks.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] if the table cannot be read.
    fn chunks(&self, requests: &[ColumnRequest]) -> Result<Chunks<'_>>;

    /// Whether a column has no name of its own, as row numbers written by other programs have none.
    fn is_unnamed(&self, column: usize) -> bool {
        let name = &self.columns()[column];
        name.is_empty() || name.starts_with("Unnamed: ")
    }

    /// What to say of the columns where one was not found, behind their names.
    fn advice(&self) -> Option<String> {
        None
    }

    /// Positions of the first two columns of a name.
    fn find(&self, name: &str) -> (Option<usize>, Option<usize>) {
        let columns = self.columns().iter().enumerate();
        let mut found = columns
            .filter(|(_, own)| *own == name)
            .map(|(position, _)| position);
        (found.next(), found.next())
    }

    /// The position of a column.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] if no column has the name, or if two have.
    fn position(&self, name: &str) -> Result<usize> {
        match self.find(name) {
            (Some(column), None) => Ok(column),
            (Some(first), Some(second)) => Err(Error::failure(format!(
                "{} has two columns named {name:?}, at positions {} and {}; give them different names",
                self.name(),
                first + 1,
                second + 1
            ))),
            (None, _) => Err(Error::failure(format!(
                "{} has no column {name:?}; {}",
                self.name(),
                in_words(self.columns(), name, &self.advice().unwrap_or_default())
            ))),
        }
    }
}

/// What to say of the columns where one was not found.
fn in_words(columns: &[String], missing: &str, advice: &str) -> String {
    const LISTED: usize = 12;
    let same = |column: &&String| column.to_lowercase() == missing.to_lowercase();
    if let Some(similar) = columns.iter().find(same) {
        return format!("there is {similar:?}: upper and lower case differ");
    }
    let listed: Vec<&str> = columns.iter().take(LISTED).map(String::as_str).collect();
    let more = match columns.len() {
        all if all > LISTED => format!(" and {} more", all - LISTED),
        _ => String::new(),
    };
    format!("its columns are {}{more}{advice}", listed.join(", "))
}

//! Delimited text: blocks of whole records, and their cells.
//!
//! Nothing is guessed: a quote that is never closed, text behind a closing quote or a quote within an unquoted
//! cell are faults with a line, because whatever a reader makes of them may swallow rows.

mod blocks;
mod records;

pub(crate) use blocks::{Block, Blocks};
pub(crate) use records::Records;

use arrow_array::builder::{Float64Builder, StringBuilder};
use arrow_array::{Array, ArrayRef, NullArray, RecordBatch, RecordBatchOptions};
use arrow_schema::{Field, Schema};
use contextualized_frame::data::{ColumnRequest, Reading};
use std::sync::Arc;

/// The longest record, quoted line breaks included.
const LONGEST: usize = 1 << 24;

const QUOTE: u8 = b'"';

/// What separates cells and lines, and which lines are none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rules {
    pub(crate) delimiter: u8,
    /// Lines that begin with it are left out.
    pub(crate) comment: Option<u8>,
    newline: u8,
}

impl Rules {
    /// Whether nothing but spaces stands in a line, which may end in a line break.
    fn is_blank(self, line: &[u8]) -> bool {
        let line = line.strip_suffix(&[self.newline]).unwrap_or(line);
        let line = match line {
            [line @ .., b'\r'] if self.newline == b'\n' => line,
            line => line,
        };
        let is_space = |byte: &u8| (*byte == b' ' || *byte == b'\t') && *byte != self.delimiter;
        line.iter().all(is_space)
    }
}

/// Why a text cannot be read, and in which line, counted from one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) line: usize,
    pub(crate) kind: FaultKind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FaultKind {
    /// A record with this many cells, of which the last is empty or not.
    Width { cells: usize, last_is_empty: bool },
    /// In words, behind "line N ".
    Other(String),
}

fn fault(line: usize, what: impl Into<String>) -> Fault {
    Fault {
        line,
        kind: FaultKind::Other(what.into()),
    }
}

/// The cells of some columns (in their order, each once) of a block's records: numbers, null where one is missing, or
/// text, as of a column of numbers with a cell in this block that is none.
pub(crate) fn parse(
    block: &Block,
    rules: Rules,
    header: bool,
    columns: usize,
    requests: &[ColumnRequest],
    reading: &Reading,
) -> Result<RecordBatch, Fault> {
    let mut records = Records::new(block, rules)?;
    if header {
        records.next(|_, _| {})?;
    }
    let new = |request: &ColumnRequest| {
        if request.numbers {
            Builder::Numbers(Float64Builder::new())
        } else {
            Builder::Texts(StringBuilder::new())
        }
    };
    let mut builders: Vec<Builder> = requests.iter().map(new).collect();
    let mut rows = 0;
    loop {
        // They come in order.
        let mut next = 0;
        let found = records.next_row(columns, |position, text| {
            if requests
                .get(next)
                .is_some_and(|next| next.column == position)
            {
                builders[next].add(text, reading);
                next += 1;
            }
        })?;
        if !found {
            break;
        }
        rows += 1;
    }
    if builders.iter().any(|own| matches!(own, Builder::Neither)) {
        let again = requests
            .iter()
            .zip(&builders)
            .map(|(request, own)| ColumnRequest {
                numbers: matches!(own, Builder::Numbers(_)),
                ..*request
            });
        let again: Vec<ColumnRequest> = again.collect();
        return parse(block, rules, header, columns, &again, reading);
    }
    let arrays: Vec<ArrayRef> = builders.into_iter().map(Builder::finish).collect();
    let fields = requests.iter().zip(&arrays).map(|(request, array)| {
        Field::new(request.column.to_string(), array.data_type().clone(), true)
    });
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    // Arrays of one length under a schema of theirs fit together.
    RecordBatch::try_new_with_options(schema, arrays, &options)
        .map_err(|error| fault(block.line, error.to_string()))
}

/// The cells of a column.
enum Builder {
    Texts(StringBuilder),
    Numbers(Float64Builder),
    /// Numbers were wanted, and one cell is none.
    Neither,
}

impl Builder {
    fn add(&mut self, text: &str, reading: &Reading) {
        match self {
            Self::Texts(texts) => texts.append_value(text),
            Self::Numbers(numbers) => match reading.number(text) {
                Some(number) => numbers.append_option(number),
                None => *self = Self::Neither,
            },
            Self::Neither => {}
        }
    }

    fn finish(self) -> ArrayRef {
        match self {
            Self::Texts(mut texts) => Arc::new(texts.finish()),
            Self::Numbers(mut numbers) => Arc::new(numbers.finish()),
            Self::Neither => Arc::new(NullArray::new(0)),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;

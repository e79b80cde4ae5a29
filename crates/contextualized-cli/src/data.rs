//! Data files: what columns there are, and their values in blocks of rows.

mod cells;
mod columns;
mod source;

pub(crate) use cells::Cells;
pub(crate) use columns::{Column, NO_LEVEL, Wanted, read_columns};
pub(crate) use source::{Chunk, Reading, Source};

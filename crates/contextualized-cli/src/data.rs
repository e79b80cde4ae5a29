//! Data files: what columns there are, and their values in blocks of rows.

mod cells;
mod columns;
mod container;
mod numbers;
mod packed;
mod source;
mod text;
mod times;

pub(crate) use cells::Cells;
pub(crate) use columns::{Column, NO_LEVEL, Wanted, read_columns};
pub(crate) use numbers::{NumberFormat, level_key};
pub(crate) use source::{Chunk, Reading, Request, Source, without_panic_messages};
pub(crate) use times::Clock;

//! Data files: what columns there are, and their values in blocks of rows.

mod container;
mod packed;
mod source;
mod text;

pub(crate) use contextualized_frame::data::{
    Cells, Chunk, Chunks, Clock, ColumnRequest, NumberFormat, Reading, Table,
};
pub(crate) use source::{Source, without_panic_messages};

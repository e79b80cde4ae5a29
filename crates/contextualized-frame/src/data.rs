//! Tables of Arrow columns: which columns there are, and their values as numbers, dates or levels.

mod batches;
mod cells;
mod columns;
mod numbers;
pub mod options;
mod table;
mod times;

pub use batches::Batches;
pub use cells::Cells;
pub(crate) use columns::{Column, MOST_CODED_LEVELS, MOST_LEVELS, NO_LEVEL, Wanted, read_columns};
pub use numbers::NumberFormat;
pub(crate) use numbers::level_key;
pub use options::ReadingOptions;
pub use table::{Chunk, Chunks, ColumnRequest, Reading, Table};
pub use times::Clock;

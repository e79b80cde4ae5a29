//! Data files as tables: CSV, TSV and Parquet, compressed or not, in blocks of the columns asked for.
//!
//! A [`Source`] is a [`Table`](contextualized_frame::data::Table) that formulas are fitted to. The program
//! `contextualized` and the Python package read files with it; other libraries of the workspace touch none.
//!
//! ```
//! use contextualized_files::Source;
//! use contextualized_frame::data::{Reading, Table};
//!
//! let path = std::env::temp_dir().join(format!("contextualized-files-{}.csv", std::process::id()));
//! std::fs::write(&path, "dose,site\n1.5,A\n2.5,B\n")?;
//! let source = Source::open(&path, &Reading::default())?;
//! assert_eq!(source.columns(), ["dose", "site"]);
//! # std::fs::remove_file(&path)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod container;
mod error;
mod packed;
mod paths;
mod source;
mod text;

pub use error::{unreadable, why};
pub use paths::{is_standard, shown};
pub use source::{Source, without_panic_messages};

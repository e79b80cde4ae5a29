//! # contextualized-cli
//!
//! The program `contextualized`: from a data file to models, tables and a report.

mod data;
mod design;
mod error;
mod formula;
mod model_file;
mod output;
mod report;

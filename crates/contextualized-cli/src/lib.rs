//! # contextualized-cli
//!
//! The program `contextualized`: from a data file to models, tables and a report.

mod report;

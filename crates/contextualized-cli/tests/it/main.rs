//! The program from end to end, on real files.
#![allow(clippy::unwrap_used)]

mod binary;
mod commands;
mod counts;
mod data_files;
mod file_names;
mod formulas;
mod fuzzing;
mod groups;
mod levels;
mod model_files;
mod models;
mod multinomial;
mod networks;
mod outputs;
mod predictions;
mod program;
mod random;
mod reading;
mod survival;
mod treatment;

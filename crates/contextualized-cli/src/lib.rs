//! # contextualized-cli
//!
//! The program `contextualized`: from a data file to models, tables and a report. The book's chapter on
//! it is a tour; `contextualized --help` lists the commands. Formulas, the coding of columns, fits and the contents of
//! model files are in `contextualized-frame`, data files are read by `contextualized-files`.
//!
//! ## Map
//!
//! | file | holds |
//! |---|---|
//! | `arguments.rs` | the command line |
//! | `model_files.rs` | model files |
//! | `commands.rs` | one file for each command |
//! | `report.rs` | the HTML report |
//! | `fuzzing.rs` | what is tried on random files |
//! | `output.rs`, `progress.rs` | files that are whole or not there, tables, progress |

mod arguments;
mod commands;
mod error;
#[doc(hidden)]
pub mod fuzzing;
mod model_files;
mod output;
mod progress;
mod report;
mod rows;

use clap::Parser;
use clap::error::ErrorKind;
use contextualized_frame::{data, design, fitting, formula, model_file, saved, settings};
use error::Error;
use std::io::Write;
use std::process::ExitCode;

/// Runs the program: exit code 0, 1 for a failure, 2 for an invalid command line or formula.
pub fn run() -> ExitCode {
    let arguments = match arguments::Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            return match error.kind() {
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
                    let _ = error.print();
                    ExitCode::SUCCESS
                }
                ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
                    let _ = error.print();
                    ExitCode::from(2)
                }
                _ => complain(&Error::usage(in_one_line(&error.to_string()))),
            };
        }
    };
    output::clean_up_when_interrupted();
    contextualized_files::without_panic_messages();
    if let Some(threads) = arguments.global.threads {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        // Fails only if a pool was there before; none was.
        let _ = rayon::ThreadPoolBuilder::new()
            .num_threads(usize::from(threads).min(MOST_THREADS * cores))
            .build_global();
    }
    match commands::run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => complain(&error),
    }
}

/// Threads for each core: more do not help, and very many cannot be had.
const MOST_THREADS: usize = 4;

/// One line to standard error, and the exit code.
fn complain(error: &Error) -> ExitCode {
    if !matches!(error, Error::ClosedPipe) {
        let line = output::visible(&error.to_string().replace(['\n', '\r'], " "));
        let _ = writeln!(std::io::stderr(), "contextualized: {line}");
    }
    error.exit_code()
}

/// What is wrong with a command line, of several lines that end in how it is used.
fn in_one_line(text: &str) -> String {
    let about = text.split("\n\nUsage:").next().unwrap_or(text);
    let about = about
        .split("\n\nFor more information")
        .next()
        .unwrap_or(about);
    let words: Vec<&str> = about.split_whitespace().collect();
    let line = words.join(" ");
    format!(
        "{}; see --help",
        line.strip_prefix("error: ").unwrap_or(&line)
    )
}

//! The program on files and formulas that nobody wrote.
//!
//! Each function takes bytes for a file of a user, and does with it what commands do. It panics where the program
//! would, or where what came out cannot be right: rows that are lost or made up, cells that are not numbers, a model
//! that is not the one that was written. Errors that a user would be told are none of these; the answer is whether
//! it came to predictions. Tests call these functions with mutations of well-formed files, and the targets in the
//! folder `fuzz` with what a fuzzer finds.

use crate::arguments::{Arguments, Command, Fit};
use crate::commands;
use crate::commands::fit::{file_name, read_regression, regression_fit};
use crate::data::{Cells, ColumnRequest, Reading, Table};
use crate::error::{Error, Result};
use crate::fitting::{Origin, RegressionFit};
use crate::formula;
use crate::model_file;
use crate::model_files;
use crate::output::text;
use crate::saved::{Fitted, Saved};
use clap::Parser;
use contextualized_core::{Monitor, Samples};
use contextualized_files::{Source, without_panic_messages};
use contextualized_frame::account::{self, Account};
use std::sync::Once;
use tempfile::TempDir;

/// Longer inputs take long, and show nothing that shorter ones do not.
const MOST_BYTES: usize = 1 << 16;

/// Files of more rows are read, and nothing is fitted to them.
const MOST_ROWS: usize = 500;

/// Options of `fit` that are about reading the file, so that `predict` needs them too.
const READING: [&str; 7] = [
    "--delimiter=",
    "--missing=",
    "--decimal=",
    "--thousands=",
    "--comment=",
    "--skip=",
    "--drop-missing",
];

/// A text file behind a line of its own: a formula and, behind tabs, options such as `--drop-missing` or
/// `--comment=#`.
pub fn text_file(input: &[u8]) -> bool {
    let line = input.split(|byte| *byte == b'\n').next().unwrap_or(input);
    let file = input.get(line.len() + 1..).unwrap_or_default();
    let Ok(line) = std::str::from_utf8(line) else {
        return false;
    };
    let mut words = line.split('\t');
    let formula = words.next().unwrap_or_default();
    let options: Vec<&str> = words.collect();
    let Some(trial) = Trial::new("data.csv", file) else {
        return false;
    };
    trial.fit_and_predict("data.csv", formula, &options, lines_of_rows(file, &options))
}

/// A Parquet file, which `y ~ x + g | c` is fitted to.
pub fn parquet_file(input: &[u8]) -> bool {
    let Some(trial) = Trial::new("data.parquet", input) else {
        return false;
    };
    trial.fit_and_predict("data.parquet", "y ~ x + g | c", &["--drop-missing"], None)
}

/// A model file. Its checksum is made to fit, so that what lies behind it is reached.
pub fn model(input: &[u8]) -> bool {
    let mut input = input.to_owned();
    model_file::seal(&mut input);
    let Some(trial) = Trial::new("model.ctx", &input) else {
        return false;
    };
    let path = trial.path("model.ctx");
    let Ok(saved) = model_files::load(path.as_ref()) else {
        return false;
    };
    let mut bytes = model_file::to_bytes(&saved).expect("what was read can be written");
    let again = model_file::from_bytes::<Saved>(&mut bytes, &path);
    assert!(
        again.is_ok_and(|again| again == saved),
        "another model came back"
    );
    let mut told = vec![account::effects(&saved, Monitor::default())];
    if let Fitted::Regression(regression) = &saved.fitted {
        let summary = |training: Samples| {
            account::summary(&Account::new(&saved, regression, &training, 0.95)?)
        };
        told.push(
            saved
                .training
                .samples(&saved.design)
                .map_err(Into::into)
                .and_then(summary),
        );
    }
    for sections in told.into_iter().flatten() {
        let texts = [false, true].map(|json| text(&saved.facts(), &sections, json));
        assert!(texts.iter().all(|text| !text.is_empty()), "nothing is said");
    }
    /// Rows that all models can predict which tests have stored.
    const ROWS: &str =
        "c0,c1,x0,x1,x2,x3\n0.5,-0.5,1,0,2,1\n1.2,0.3,-1,0.5,0,0\n-0.9,0.9,0,0,0,-1\n";
    if std::fs::write(trial.path("new.csv"), ROWS).is_err() {
        return false;
    }
    // A model may say that some of the numbers mean missing ones.
    match trial.predict(&path, "new.csv", "csv", &["--drop-missing"]) {
        Ok((rows, complete)) => assert!(rows <= 3 && complete == rows, "{complete} of {rows}"),
        Err(_) => return false,
    }
    true
}

/// How many rows a text file has, where lines can be counted: none is within quotes, and all are read.
fn lines_of_rows(file: &[u8], options: &[&str]) -> Option<usize> {
    let text = std::str::from_utf8(file).ok()?;
    let is_plain = |option: &&str| *option == "--drop-missing" || option.starts_with("--missing=");
    if text.contains('"') || !options.iter().all(is_plain) {
        return None;
    }
    let newline = if text.contains('\n') { '\n' } else { '\r' };
    let is_blank = |line: &&str| {
        let line = line.strip_suffix('\r').unwrap_or(line);
        line.trim_start_matches([' ', '\t']).is_empty()
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let lines = text.split(newline).filter(|line| !is_blank(line)).count();
    lines.checked_sub(1)
}

/// The files of one input, in a folder of their own.
struct Trial {
    folder: TempDir,
}

impl Trial {
    /// Begins with a file of these bytes; none if they are too many, or the disk does not take them.
    fn new(name: &str, bytes: &[u8]) -> Option<Self> {
        static SILENT: Once = Once::new();
        SILENT.call_once(without_panic_messages);
        if bytes.len() > MOST_BYTES {
            return None;
        }
        let folder = tempfile::tempdir().ok()?;
        std::fs::write(folder.path().join(name), bytes).ok()?;
        Some(Self { folder })
    }

    fn path(&self, name: &str) -> String {
        let path = self.folder.path().join(name);
        path.to_string_lossy().into_owned()
    }

    /// Fits what is quickest to fit and predicts the same rows. The file has so many rows, if that is known.
    fn fit_and_predict(
        &self,
        data: &str,
        formula: &str,
        options: &[&str],
        known: Option<usize>,
    ) -> bool {
        let (file, model) = (self.path(data), self.path("model.ctx"));
        let mut words = vec!["fit", "--out", &model, "--estimator", "population"];
        words.extend(options);
        // What follows is no option, whatever it looks like.
        words.extend(["--", &file, formula]);
        let Ok(Arguments {
            command: Command::Fit(fit),
            ..
        }) = parsed(&words)
        else {
            return false;
        };
        let Some(all) = explained(rows_of(&fit)) else {
            return false;
        };
        if let Some(known) = known {
            assert_eq!(all, known, "rows read, and lines of the file");
        }
        if all > MOST_ROWS {
            return false;
        }
        let Some(saved) = explained(fitted(&fit)) else {
            return false;
        };
        let fitted = saved.data.rows;
        assert_eq!(fitted + saved.data.dropped, all, "rows fitted and left out");
        let written = model_file::to_bytes(&saved).expect("a model can be written");
        if std::fs::write(&model, written).is_err() {
            return false;
        }
        let reloaded =
            model_files::load(model.as_ref()).expect("a model that was written can be read");
        assert!(reloaded == saved, "another model came back");

        let options = options
            .iter()
            .filter(|option| READING.iter().any(|name| option.starts_with(name)));
        let options: Vec<&str> = options.copied().collect();
        match self.predict(&model, data, "parquet", &options) {
            Ok((rows, complete)) => assert!(
                fitted <= complete && complete <= rows && rows <= all,
                "{all} rows, {fitted} fitted, {rows} predicted, {complete} of them complete"
            ),
            // Columns of the data may be called as those that are written.
            Err(error) => {
                let known = error.to_string().contains("would be called");
                assert!(known, "rows that were fitted cannot be predicted: {error}");
                return false;
            }
        }
        true
    }

    /// How many rows are predicted, and how many of them have a number in every column of numbers.
    fn predict(
        &self,
        model: &str,
        data: &str,
        format: &str,
        options: &[&str],
    ) -> Result<(usize, usize)> {
        let (data, out) = (self.path(data), self.path("predicted"));
        let mut words = vec!["predict", "--out", &out, "--format", format, "--quiet"];
        // Rows left out of a fit may have levels that are in no other.
        words.extend(["--unknown-levels", "population"]);
        words.extend(options);
        words.extend(["--", model, &data]);
        commands::run(&parsed(&words)?)?;
        let predicted = complete_rows(&out).expect("what was predicted can be read");
        Ok(predicted)
    }
}

fn parsed(words: &[&str]) -> Result<Arguments> {
    let words = std::iter::once(&"contextualized").chain(words);
    Arguments::try_parse_from(words).map_err(|error| Error::usage(error.to_string()))
}

/// What came of it, if it came to something; a failure is told in words.
fn explained<T>(outcome: Result<T>) -> Option<T> {
    if let Err(error) = &outcome {
        assert!(
            !error.to_string().trim().is_empty(),
            "an error without words"
        );
    }
    outcome.ok()
}

/// Reads all cells of a file to be fitted, and counts the rows.
fn rows_of(fit: &Fit) -> Result<usize> {
    let source = Source::open(&fit.data, &fit.flags.reading()?)?;
    let all: Vec<ColumnRequest> = (0..source.columns().len())
        .map(ColumnRequest::as_written)
        .collect();
    let mut rows = 0;
    for chunk in source.chunks(&all)? {
        rows += chunk?.rows;
    }
    Ok(rows)
}

/// What `fit` saves, without tests.
fn fitted(fit: &Fit) -> Result<Saved> {
    let formula = formula::parse(&fit.formula)?;
    RegressionFit::check_formula(&formula)?;
    let settings = &fit.settings;
    let training = read_regression(&fit.data, &formula, settings, &fit.flags)?;
    let origin = Origin {
        file: &file_name(&fit.data),
        weights: settings.weights.as_deref(),
        groups: settings.groups.as_deref(),
    };
    let fit = regression_fit(settings, &fit.of_estimators, fit.estimator, 0, false);
    Ok(fit.fit(training, &origin)?)
}

/// How many rows a file of predictions has, and how many of them have a number in every column of numbers.
fn complete_rows(path: &str) -> Result<(usize, usize)> {
    let source = Source::open(path.as_ref(), &Reading::default())?;
    let columns: Vec<usize> = (0..source.columns().len())
        .filter(|&column| !source.columns()[column].starts_with("class."))
        .collect();
    let (mut rows, mut complete) = (0, 0);
    let requests: Vec<ColumnRequest> = columns
        .iter()
        .copied()
        .map(ColumnRequest::as_written)
        .collect();
    for chunk in source.chunks(&requests)? {
        let chunk = chunk?;
        let mut is_complete = vec![true; chunk.rows];
        for (&column, array) in columns.iter().zip(&chunk.arrays) {
            let cells = Cells {
                column: &source.columns()[column],
                file: source.name(),
                array,
                first_row: chunk.first_row,
                reading: source.reading(),
            };
            let mut values = Vec::new();
            assert_eq!(cells.numbers(&mut values)?, None, "a cell is not a number");
            for (complete, value) in is_complete.iter_mut().zip(values) {
                *complete &= value.is_finite();
            }
        }
        rows += chunk.rows;
        complete += is_complete.iter().filter(|complete| **complete).count();
    }
    Ok((rows, complete))
}

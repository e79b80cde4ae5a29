//! Errors of Rust as exceptions of Python.

use contextualized_core::Error as CoreError;
use contextualized_frame::Error;
use pyo3::PyErr;
use pyo3::exceptions::{PyNotImplementedError, PyRuntimeError, PyValueError};

/// Flags of the program that stand alone, and what they are in Python.
const ALONE: [(&str, &str); 3] = [
    ("--drop-missing", "drop_missing=True"),
    ("--no-tests", "tests=False"),
    ("--missing", "None"),
];

/// Flags of the program that are keys of `reading` in Python.
const READING: [&str; 5] = ["comment", "decimal", "delimiter", "skip", "thousands"];

/// The exception of an error.
pub(crate) fn exception(error: impl Into<Error>) -> PyErr {
    let error = error.into();
    let message = in_python(&error.to_string());
    let Error::Model { source, .. } = &error else {
        return PyValueError::new_err(message);
    };
    match **source {
        CoreError::NoIntervals { .. } => PyNotImplementedError::new_err(message),
        CoreError::NotConverged { .. }
        | CoreError::Diverged { .. }
        | CoreError::Numerical { .. }
        | CoreError::Cancelled => PyRuntimeError::new_err(message),
        CoreError::NoRows { .. }
        | CoreError::NoColumns { .. }
        | CoreError::RowCount { .. }
        | CoreError::ColumnCount { .. }
        | CoreError::NotFinite { .. }
        | CoreError::InvalidWeight { .. }
        | CoreError::NoWeight
        | CoreError::DuplicateName { .. }
        | CoreError::RowOutOfRange { .. }
        | CoreError::InvalidParameter { .. }
        | CoreError::TooFewRows { .. }
        | CoreError::RankDeficient { .. }
        | CoreError::InvalidTarget { .. }
        | CoreError::Separated { .. }
        | CoreError::CodedFactor { .. } => PyValueError::new_err(message),
    }
}

/// A message whose advice names arguments of Python where it named flags of the program.
pub(crate) fn in_python(message: &str) -> String {
    let mut words = message.split(' ').peekable();
    let mut said: Vec<String> = Vec::new();
    while let Some(word) = words.next() {
        let start = word.find("--").filter(|at| {
            let before = word[..*at].chars().all(|c| !c.is_alphanumeric());
            before && word[at + 2..].starts_with(|c: char| c.is_ascii_lowercase())
        });
        let Some(start) = start else {
            said.push(word.to_owned());
            continue;
        };
        let flag = &word[start..];
        let end = flag
            .find(|c: char| !c.is_ascii_lowercase() && !c.is_ascii_digit() && c != '-')
            .unwrap_or(flag.len());
        let (flag, behind) = flag.split_at(end);
        let name = flag.trim_start_matches('-').replace('-', "_");
        let alone = ALONE.iter().find(|(known, _)| *known == flag);
        let value = words
            .peek()
            .filter(|_| behind.is_empty() && alone.is_none())
            .and_then(|next| value(&name, next));
        let text = match (alone, value) {
            (Some((_, text)), _) => (*text).to_owned(),
            (None, Some((value, rest))) => {
                words.next();
                if READING.contains(&&*name) {
                    format!("reading={{\"{name}\": {value}}}{rest}")
                } else {
                    format!("{name}={value}{rest}")
                }
            }
            (None, None) if READING.contains(&&*name) => format!("\"{name}\" of reading"),
            (None, None) => name,
        };
        said.push(format!("{}{text}{behind}", &word[..start]));
    }
    said.join(" ")
}

/// The value of an argument that a word is, and the punctuation behind it.
fn value<'w>(name: &str, word: &'w str) -> Option<(String, &'w str)> {
    let end = word.trim_end_matches([',', ';', ':', '.', ')', '`']).len();
    let (text, rest) = word.split_at(end);
    let is_quoted = text.len() > 2 && text.starts_with('\'') && text.ends_with('\'');
    if is_quoted || text.parse::<f64>().is_ok() {
        return Some((text.to_owned(), rest));
    }
    ["encoder", "estimator", "unknown_levels"]
        .contains(&name)
        .then(|| (format!("{text:?}"), rest))
}

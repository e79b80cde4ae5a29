//! What the options of the program are called in Python.
//!
//! Messages of `contextualized-frame` and `contextualized-files` name options as the program does: `--bootstraps 100`.
//! The table below says what each is in Python. A test of the package reads the sources of the crates, and finds every
//! option that they name in it.

use contextualized_auto::RegressionMethod;
use pyo3::prelude::*;
use serde_json::{Map, Value};

/// What an option is in Python.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    /// An argument of a function or a constructor.
    Argument,
    /// A key of `settings`.
    Setting,
    /// A key of `reading`.
    Reading,
    /// These words.
    Words(&'static str),
}

use Place::{Argument, Reading, Setting, Words};

const OPTIONS: [(&str, Place); 38] = [
    ("archetypes", Setting),
    ("at", Words("the time of at()")),
    ("batch-size", Setting),
    ("bootstraps", Argument),
    ("burn-in", Setting),
    ("chains", Setting),
    ("clusters", Setting),
    ("comment", Reading),
    ("context-lasso", Setting),
    ("decimal", Reading),
    ("delimiter", Reading),
    ("draws", Setting),
    ("drop-missing", Words("drop_missing=True")),
    ("encoder", Setting),
    ("epochs", Setting),
    ("estimator", Argument),
    ("family", Argument),
    ("folds", Argument),
    ("groups", Argument),
    ("kernel", Setting),
    ("l1", Setting),
    ("l2", Setting),
    ("layers", Setting),
    ("learning-rate", Setting),
    ("missing", Words("reading={\"missing\": [...]} of the fit")),
    ("no-tests", Words("tests=False")),
    ("offset", Argument),
    ("ridge", Setting),
    ("skip", Reading),
    ("splits", Setting),
    ("structure", Setting),
    ("sweeps", Setting),
    ("thousands", Reading),
    ("times", Argument),
    ("treatment", Argument),
    ("trees", Setting),
    ("unknown-levels", Argument),
    ("width", Setting),
];

/// Words that messages give as values without quotes, which other words behind an option are not.
const VALUES: [(&str, &[&str]); 3] = [
    ("encoder", &["linear"]),
    ("groups", &["g"]),
    ("unknown-levels", &["population"]),
];

/// The table as JSON: the name of each option in Python, and what it is.
#[pyfunction]
pub(crate) fn options() -> String {
    let all = OPTIONS.iter().map(|(option, place)| {
        let (name, what) = match place {
            Argument => (name(option), "argument"),
            Setting => (name(option), "setting"),
            Reading => (name(option), "reading"),
            Words(words) => ((*words).to_owned(), "words"),
        };
        ((*option).to_owned(), Value::from(vec![what.into(), name]))
    });
    Value::from(all.collect::<Map<String, Value>>()).to_string()
}

/// A message whose advice names arguments of Python where it names options of the program.
#[pyfunction]
pub(crate) fn in_python(message: &str) -> String {
    let mut said = String::new();
    let mut rest = message;
    while let Some(at) = option_at(rest) {
        said.push_str(&rest[..at]);
        let from = &rest[at + 2..];
        let (option, behind) = from.split_at(from.find(ends_option).unwrap_or(from.len()));
        rest = say(&mut said, option, behind);
    }
    said + rest
}

/// Where the two hyphens of an option are.
fn option_at(text: &str) -> Option<usize> {
    let found = text.match_indices("--").map(|(at, _)| at);
    found.into_iter().find(|at| {
        let before = text[..*at].chars().next_back();
        let alone = before.is_none_or(|c| !c.is_alphanumeric() && c != '-');
        alone && text[at + 2..].starts_with(|c: char| c.is_ascii_lowercase())
    })
}

fn ends_option(c: char) -> bool {
    !c.is_ascii_lowercase() && !c.is_ascii_digit() && c != '-'
}

fn name(option: &str) -> String {
    option.replace('-', "_")
}

/// Says an option, with its value if the words behind it begin with one, and gives what is left of them.
fn say<'m>(said: &mut String, option: &str, behind: &'m str) -> &'m str {
    let known = OPTIONS.iter().find(|(known, _)| *known == option);
    let place = known.map_or(Argument, |(_, place)| *place);
    let name = name(option);
    if let Words(words) = place {
        said.push_str(words);
        return behind;
    }
    let Some((value, rest)) = value(option, place, behind) else {
        match place {
            Reading => *said += &format!("\"{name}\" of reading"),
            Argument | Setting | Words(_) => *said += &name,
        }
        return behind;
    };
    match place {
        // Two options of reading behind each other are one dict.
        Reading if said.ends_with("} ") => {
            said.truncate(said.len() - 2);
            *said += &format!(", \"{name}\": {value}}}");
        }
        Reading => *said += &format!("reading={{\"{name}\": {value}}}"),
        Setting => *said += &format!("settings={{\"{name}\": {value}}}"),
        Argument | Words(_) => *said += &format!("{name}={value}"),
    }
    rest
}

/// The value that words behind an option begin with, as Python writes it, and the rest of them.
fn value<'m>(option: &str, place: Place, behind: &'m str) -> Option<(String, &'m str)> {
    let text = behind.strip_prefix(' ')?;
    let first = text.chars().next()?;
    if first == '\'' || first == '"' {
        let (quoted, rest) = text[1..].split_once(first)?;
        return Some((format!("\"{quoted}\""), rest));
    }
    if place == Reading && first.is_ascii_punctuation() {
        return Some((format!("\"{first}\""), &text[1..]));
    }
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '.');
    let end = text[..end.unwrap_or(text.len())]
        .trim_end_matches('.')
        .len();
    let (word, rest) = text.split_at(end);
    if word.parse::<f64>().is_ok() {
        return Some((word.to_owned(), rest));
    }
    is_value(option, word).then(|| (format!("\"{word}\""), rest))
}

fn is_value(option: &str, word: &str) -> bool {
    if option == "estimator" {
        let mut methods = RegressionMethod::ALL.iter();
        return methods.any(|method| method.name() == word);
    }
    let known = VALUES.iter().find(|(known, _)| *known == option);
    known.is_some_and(|(_, words)| words.contains(&word))
}

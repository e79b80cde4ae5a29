//! Running the program in a folder of its own.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

pub(crate) struct Folder {
    folder: TempDir,
}

/// What a run gave.
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Folder {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), bytes).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// Names of all files, in order.
    pub(crate) fn files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = program();
        command.current_dir(self.folder.path()).args(arguments);
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(self.command(arguments).output().unwrap())
    }

    /// Runs what has to work, and gives what it printed.
    pub(crate) fn ok(&self, arguments: &[&str]) -> String {
        let ran = self.run(arguments);
        assert_eq!(ran.code, Some(0), "{arguments:?}: {}", ran.err);
        assert_eq!(ran.err, "", "{arguments:?}");
        ran.out
    }

    /// Runs what has to fail with this code, and gives its one line of explanation.
    pub(crate) fn error(&self, code: i32, arguments: &[&str]) -> String {
        let ran = self.run(arguments);
        assert_eq!(
            ran.code,
            Some(code),
            "{arguments:?}: {}{}",
            ran.out,
            ran.err
        );
        assert!(ran.err.ends_with('\n'), "{:?}", ran.err);
        assert_eq!(ran.err.lines().count(), 1, "{:?}", ran.err);
        assert_eq!(ran.out, "");
        let line = ran.err.trim_end();
        line.strip_prefix("contextualized: ").unwrap().to_owned()
    }

    /// A quick model of what a file holds: no choice, no tests.
    pub(crate) fn fit(&self, data: &str, formula: &str, more: &[&str]) -> String {
        let mut arguments = vec!["fit", data, formula, "--out", "model.ctx", "--no-tests"];
        if !more.contains(&"--estimator") {
            arguments.extend(["--estimator", "population"]);
        }
        arguments.extend(more);
        self.ok(&arguments)
    }

    /// What fitting says, of what has to fail.
    pub(crate) fn refused(&self, formula: &str, more: &[&str]) -> String {
        let fit = ["fit", "data.csv", formula, "--no-tests", "--out", "m.ctx"];
        self.error(
            1,
            &[&fit[..], &["--estimator", "population"], more].concat(),
        )
    }
}

impl Ran {
    pub(crate) fn of(output: Output) -> Self {
        Self {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

pub(crate) fn program() -> Command {
    Command::new(Path::new(env!("CARGO_BIN_EXE_contextualized")))
}

/// A table of comma-separated values: its header and its rows.
pub(crate) fn table(text: &str) -> (Vec<String>, Vec<Vec<String>>) {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let owned = |record: &csv::StringRecord| record.iter().map(str::to_owned).collect::<Vec<_>>();
    let header = owned(reader.headers().unwrap());
    let rows = reader.records().map(|record| owned(&record.unwrap()));
    (header, rows.collect())
}

/// A column of numbers of such a table.
pub(crate) fn numbers(text: &str, column: &str) -> Vec<f64> {
    let (header, rows) = table(text);
    let position = header.iter().position(|name| name == column);
    let position = position.unwrap_or_else(|| panic!("{column} is not in {header:?}"));
    rows.iter()
        .map(|row| row[position].parse().unwrap())
        .collect()
}

/// Sixty rows of y = 1 + 2 a + 3 b, with a context c.
pub(crate) fn plane() -> String {
    let mut text = "a,b,c,y\n".to_owned();
    for row in 0..60 {
        let (a, b) = (f64::from(row % 7), f64::from(row % 5));
        let c = f64::from(row % 11);
        text += &format!("{a},{b},{c},{}\n", 1.0 + 2.0 * a + 3.0 * b);
    }
    text
}

/// Forty rows of y, x, age and another column.
pub(crate) fn rows_with(name: &str, cell: impl Fn(usize) -> String) -> String {
    let mut text = format!("y,x,age,{name}\n");
    for row in 0..40 {
        let x = f64::from((row * 7 % 13) as u8) / 4.0 - 1.5;
        let age = 20.0 + f64::from((row * 11 % 37) as u8);
        let y = 1.0 + 2.0 * x + f64::from((row * row % 5) as u8) / 10.0;
        let _ = writeln!(text, "{y},{x},{age},{}", cell(row));
    }
    text
}

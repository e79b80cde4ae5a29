//! The data sets in `tests/data`.

use contextualized_core::{RandomTerm, Samples};
use ndarray::{Array1, Array2, Axis, stack};

/// A file with a header, as text.
pub(crate) struct File {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
}

pub(crate) fn read(name: &str) -> File {
    let path = format!("{}/tests/data/{name}.csv", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    let mut lines = text.lines();
    let cells = |line: &str| line.split(',').map(str::to_owned).collect::<Vec<_>>();
    let header = cells(lines.next().unwrap());
    File {
        header,
        rows: lines.map(cells).collect(),
    }
}

impl File {
    pub(crate) fn text(&self, column: &str) -> Vec<String> {
        let at = self.header.iter().position(|own| own == column).unwrap();
        self.rows.iter().map(|row| row[at].clone()).collect()
    }

    pub(crate) fn numbers(&self, column: &str) -> Array1<f64> {
        self.text(column)
            .iter()
            .map(|own| own.parse::<f64>().unwrap())
            .collect()
    }
}

/// A column of ones.
pub(crate) fn ones(rows: usize) -> Array2<f64> {
    Array2::ones((rows, 1))
}

/// `Reaction ~ Days`, without random terms, and the subjects.
pub(crate) fn sleepstudy() -> (Samples, Vec<String>, Array2<f64>) {
    let file = read("sleepstudy");
    let days = file.numbers("Days").insert_axis(Axis(1));
    let reaction = file.numbers("Reaction").insert_axis(Axis(1));
    let samples = Samples::without_contexts(days.view(), reaction.view())
        .unwrap()
        .with_feature_names(["Days"])
        .unwrap();
    (samples, file.text("Subject"), days)
}

/// `(1 + Days | Subject)`.
pub(crate) fn correlated(subjects: &[String], days: &Array2<f64>) -> RandomTerm {
    let design = stack![Axis(1), Array1::ones(days.nrows()), days.column(0)];
    RandomTerm::new("Subject", subjects, design.view()).unwrap()
}

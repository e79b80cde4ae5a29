//! The design matrix of a linear model, and errors in terms of its columns.

use contextualized_core::{Error, Result, Samples};
use ndarray::{Array2, s};

/// Features behind a column of ones, if there is an intercept.
///
/// The ones come first, so that a constant feature is the column found to depend on them.
pub(crate) struct Design {
    pub(crate) matrix: Array2<f64>,
    names: Vec<String>,
}

impl Design {
    pub(crate) fn new(samples: &Samples, intercept: bool) -> Self {
        let features = samples.features();
        let mut names = samples.names().features.clone();
        let matrix = if intercept {
            names.insert(0, "(intercept)".to_owned());
            let mut matrix = Array2::ones((samples.rows(), features.ncols() + 1));
            matrix.slice_mut(s![.., 1..]).assign(&features);
            matrix
        } else {
            features.to_owned()
        };
        Self { matrix, names }
    }

    pub(crate) fn coefficients(&self) -> usize {
        self.matrix.ncols()
    }

    /// Fewer rows than coefficients determine nothing without a penalty.
    pub(crate) fn require_rows(&self, samples: &Samples) -> Result<()> {
        let found = match samples.weights() {
            Some(weights) => weights.iter().filter(|&&weight| weight > 0.0).count(),
            None => samples.rows(),
        };
        let needed = self.coefficients();
        if found >= needed {
            return Ok(());
        }
        Err(Error::TooFewRows {
            purpose: format!("a regression with {needed} coefficients"),
            needed,
            found,
        })
    }

    /// The solver's error, with the names of dependent columns.
    pub(crate) fn name_columns(&self, error: contextualized_solvers::Error) -> Error {
        match error {
            contextualized_solvers::Error::RankDeficient {
                rank,
                columns,
                dependent,
            } => Error::RankDeficient {
                rank,
                coefficients: columns,
                columns: dependent
                    .into_iter()
                    .map(|column| self.names[column].clone())
                    .collect(),
            },
            other => Error::numerical("the least-squares solution", other),
        }
    }
}

//! Simulated samples beside the truth they were drawn from.

use contextualized_core::{Coefficients, Error, Result, Samples, Split};
use ndarray::{Array2, Axis};

/// Samples with the true model of each row; the three tables have the same rows.
#[derive(Debug, Clone, PartialEq)]
pub struct SimulatedData {
    /// What an estimator may see: contexts, features and targets.
    pub samples: Samples,
    /// The true slopes and intercepts of each row, on the link scale.
    pub coefficients: Coefficients,
    /// The true mean of each target, rows × targets: a probability where targets are binary.
    pub means: Array2<f64>,
}

impl SimulatedData {
    /// Number of samples.
    pub fn rows(&self) -> usize {
        self.samples.rows()
    }

    /// The given rows, in the given order; a row may be repeated.
    ///
    /// # Errors
    ///
    /// [`Error::RowOutOfRange`]; [`Error::NoRows`] for an empty selection;
    /// [`Error::NoWeight`] when every selected row was given weight zero.
    pub fn select(&self, rows: &[usize]) -> Result<Self> {
        let samples = self.samples.select(rows)?;
        let coefficients = self.coefficients.select(rows)?;
        // The fields are public, so this table may have been replaced by a shorter one.
        if let Some(&row) = rows.iter().find(|&&row| row >= self.means.nrows()) {
            return Err(Error::RowOutOfRange {
                row,
                rows: self.means.nrows(),
            });
        }
        Ok(Self {
            samples,
            coefficients,
            means: self.means.select(Axis(0), rows),
        })
    }

    /// The rows on either side of a split: for training, then held out.
    ///
    /// ```
    /// use contextualized_core::Split;
    /// use contextualized_simulation::Simulator;
    ///
    /// let data = Simulator::new(100)
    ///     .uniform_contexts(1, -1.0, 1.0)
    ///     .slopes(|c| vec![c[0]])
    ///     .simulate(0)?;
    /// let (train, test) = data.split(&Split::holdout(data.rows(), 0.2, 0)?)?;
    /// assert_eq!((train.rows(), test.rows()), (80, 20));
    /// # Ok::<(), contextualized_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`SimulatedData::select`].
    pub fn split(&self, split: &Split) -> Result<(Self, Self)> {
        Ok((self.select(&split.train)?, self.select(&split.test)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array3, array};

    fn data() -> SimulatedData {
        let column = array![[0.0], [1.0], [2.0]];
        SimulatedData {
            samples: Samples::new(column.view(), column.view(), column.view()).unwrap(),
            coefficients: Coefficients::new(
                Array3::from_shape_fn((3, 1, 1), |(row, _, _)| row as f64),
                column.clone(),
            )
            .unwrap(),
            means: column,
        }
    }

    #[test]
    fn selection_keeps_samples_and_truth_together() {
        let some = data().select(&[2, 0, 2]).unwrap();
        let expected = array![[2.0], [0.0], [2.0]];
        assert_eq!(some.samples.contexts(), expected);
        assert_eq!(some.coefficients.intercepts(), expected);
        assert_eq!(some.coefficients.slopes()[[0, 0, 0]], 2.0);
        assert_eq!(some.means, expected);
    }

    #[test]
    fn rows_outside_any_of_the_tables_are_errors() {
        let outside = |data: &SimulatedData, row| match data.select(&[row]) {
            Err(Error::RowOutOfRange { row, rows }) => (row, rows),
            other => panic!("{other:?}"),
        };
        assert_eq!(outside(&data(), 3), (3, 3));
        let short = SimulatedData {
            means: array![[0.0]],
            ..data()
        };
        assert_eq!(outside(&short, 2), (2, 1));
        assert!(matches!(data().select(&[]), Err(Error::NoRows { .. })));
    }
}

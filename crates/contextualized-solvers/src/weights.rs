//! Row weights, checked and turned into square roots.

use faer::{Mat, MatMut, MatRef};
use ndarray::ArrayView1;
use std::ops::Range;

use crate::{Error, Result, check};

/// The rows with a positive weight and the square roots of their weights.
///
/// Weights are divided by the largest of them, so that their roots are at most one and no weight,
/// however small or large, takes the weighted rows out of a float's range.
pub(crate) struct RowWeights {
    rows: Vec<usize>,
    roots: Vec<f64>,
    largest: f64,
}

impl RowWeights {
    /// Checks the weights of a design of `rows` rows; `None` means a weight of one for each.
    pub(crate) fn new(weights: Option<ArrayView1<f64>>, rows: usize) -> Result<Self> {
        let Some(weights) = weights else {
            return Ok(Self {
                rows: (0..rows).collect(),
                roots: vec![1.0; rows],
                largest: 1.0,
            });
        };
        check::size("weights", "values", rows, weights.len())?;
        if let Some((row, &value)) = weights
            .indexed_iter()
            .find(|&(_, &weight)| !weight.is_finite() || weight < 0.0)
        {
            return Err(Error::InvalidWeight { row, value });
        }
        let largest = weights.iter().copied().fold(0.0, f64::max);
        if largest == 0.0 {
            return Err(Error::NoPositiveWeight { rows });
        }
        let rows: Vec<usize> = (0..rows).filter(|&row| weights[row] > 0.0).collect();
        let roots = rows
            .iter()
            .map(|&row| (weights[row] / largest).sqrt())
            .collect();
        Ok(Self {
            rows,
            roots,
            largest,
        })
    }

    /// Number of rows with a positive weight.
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The weight that became one.
    pub(crate) fn largest(&self) -> f64 {
        self.largest
    }

    /// The weighted rows of `matrix`, above `below` rows of zeros.
    pub(crate) fn apply(&self, matrix: MatRef<'_, f64>, below: usize) -> Mat<f64> {
        Mat::from_fn(self.len() + below, matrix.ncols(), |i, column| {
            self.rows
                .get(i)
                .map_or(0.0, |&row| self.roots[i] * matrix[(row, column)])
        })
    }

    /// Writes the weighted rows at these of the positions that have weight.
    pub(crate) fn write(
        &self,
        matrix: MatRef<'_, f64>,
        positions: Range<usize>,
        mut into: MatMut<'_, f64>,
    ) {
        for (i, position) in positions.enumerate() {
            let (row, root) = (self.rows[position], self.roots[position]);
            for column in 0..matrix.ncols() {
                into[(i, column)] = root * matrix[(row, column)];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use faer::mat;
    use ndarray::array;

    use super::*;

    #[test]
    fn rows_of_weight_zero_are_dropped() {
        let weights = RowWeights::new(Some(array![4.0, 0.0, 16.0].view()), 3).unwrap();
        assert_eq!(weights.len(), 2);
        assert_eq!(weights.largest(), 16.0);
        let matrix = mat![[2.0], [3.0], [5.0]];
        assert_eq!(weights.apply(matrix.as_ref(), 1), mat![[1.0], [5.0], [0.0]]);
    }

    #[test]
    fn extreme_weights_stay_in_range() {
        let weights = RowWeights::new(Some(array![1e-300, 4e-300].view()), 2).unwrap();
        assert_eq!(
            weights.apply(mat![[1.0], [1.0]].as_ref(), 0),
            mat![[0.5], [1.0]]
        );
    }

    #[test]
    fn bad_weights_are_named() {
        let fails = |weights: &[f64], rows| {
            RowWeights::new(Some(ArrayView1::from(weights)), rows).map(|_| ())
        };
        assert_eq!(
            fails(&[1.0, -0.5], 2),
            Err(Error::InvalidWeight {
                row: 1,
                value: -0.5
            })
        );
        assert_eq!(
            fails(&[f64::INFINITY, 1.0], 2),
            Err(Error::InvalidWeight {
                row: 0,
                value: f64::INFINITY
            })
        );
        assert!(matches!(
            fails(&[1.0, f64::NAN], 2),
            Err(Error::InvalidWeight { row: 1, value }) if value.is_nan()
        ));
        assert_eq!(
            fails(&[0.0; 2], 2),
            Err(Error::NoPositiveWeight { rows: 2 })
        );
        assert_eq!(
            fails(&[1.0; 2], 3),
            Err(Error::Shape {
                argument: "weights",
                dimension: "values",
                expected: 3,
                found: 2
            })
        );
    }
}

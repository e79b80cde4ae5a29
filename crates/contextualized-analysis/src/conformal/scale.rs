//! How large errors are near a context.

use crate::neighbours::Neighbours;
use contextualized_core::validate::{
    check_columns, check_finite, check_rows, check_table, check_weights,
};
use contextualized_core::{Error, Result, Standardization};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// The fewest rows that an average is of.
const LEAST: f64 = 20.0;

/// Local mean absolute errors: of the rows nearest in context, and a row with the mean error of all,
/// so that none is zero.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "Errors", into = "Errors")]
pub(super) struct LocalScale {
    kept: Errors,
    standardization: Standardization,
    neighbours: Neighbours,
    /// For each distinct context the weighted sum of its rows' errors, contexts × targets.
    sums: Array2<f64>,
    /// Mean error of every target; one for a target without any.
    means: Array1<f64>,
}

/// What was learned from, and all that a file contains: the rest follows from it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Errors {
    contexts: Array2<f64>,
    errors: Array2<f64>,
    weights: Option<Array1<f64>>,
}

impl PartialEq for LocalScale {
    fn eq(&self, other: &Self) -> bool {
        self.kept == other.kept
    }
}

impl From<LocalScale> for Errors {
    fn from(scale: LocalScale) -> Self {
        scale.kept
    }
}

impl TryFrom<Errors> for LocalScale {
    type Error = Error;

    fn try_from(kept: Errors) -> Result<Self> {
        check_table("contexts", kept.contexts.view(), None)?;
        check_finite("errors", kept.errors.view())?;
        check_rows("errors", kept.contexts.nrows(), kept.errors.nrows())?;
        if let Some(error) = kept.errors.iter().find(|error| **error < 0.0) {
            return Err(Error::invalid_parameter(
                "absolute error",
                error,
                "at least zero",
            ));
        }
        let weights = kept.weights.as_ref().map(|weights| weights.view());
        if let Some(weights) = weights {
            check_weights(weights, kept.contexts.nrows())?;
        }
        let standardization = Standardization::fit(kept.contexts.view(), weights)?;
        let contexts = standardization.apply(kept.contexts.view())?;
        let neighbours = Neighbours::new(contexts.view(), weights)?;
        let mut sums = Array2::zeros((neighbours.masses.len(), kept.errors.ncols()));
        for (row, &place) in neighbours.places.iter().enumerate() {
            let weight = weights.map_or(1.0, |weights| weights[row]);
            sums.row_mut(place)
                .scaled_add(weight, &kept.errors.row(row));
        }
        let rows = kept.contexts.nrows() as f64;
        let total = weights.map_or(rows, |weights| weights.sum());
        let means = (sums.sum_axis(Axis(0)) / total).mapv_into(|mean| match mean {
            0.0 => 1.0,
            mean => mean,
        });
        Ok(Self {
            kept,
            standardization,
            neighbours,
            sums,
            means,
        })
    }
}

impl LocalScale {
    /// From contexts (n × c) and absolute errors (n × y).
    pub(super) fn fit(
        contexts: ArrayView2<'_, f64>,
        errors: Array2<f64>,
        weights: Option<ArrayView1<'_, f64>>,
    ) -> Result<Self> {
        Self::try_from(Errors {
            contexts: contexts.to_owned(),
            errors,
            weights: weights.map(|weights| weights.to_owned()),
        })
    }

    /// Checks that it is of this many contexts and targets.
    pub(super) fn check(&self, contexts: usize, targets: usize) -> Result<()> {
        check_columns(
            "contexts of the scale",
            contexts,
            self.kept.contexts.ncols(),
        )?;
        check_columns("targets of the scale", targets, self.kept.errors.ncols())
    }

    /// The scale of every target at these contexts, n × y: a positive number.
    pub(super) fn at(&self, contexts: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        let contexts = self.standardization.apply(contexts)?;
        let total: f64 = self.neighbours.masses.iter().sum();
        let enough = total.powf(2.0 / 3.0).max(LEAST);
        let rows: Vec<ArrayView1<'_, f64>> = contexts.rows().into_iter().collect();
        let scales = rows
            .into_par_iter()
            .map(|context| {
                let nearest = self.neighbours.nearest(context, enough)?;
                let (mut mass, mut sum) = (1.0, self.means.clone());
                for (_, place) in nearest {
                    mass += self.neighbours.masses[place];
                    sum += &self.sums.row(place);
                }
                Ok(sum / mass)
            })
            .collect::<Vec<Result<Array1<f64>>>>();
        let mut table = Array2::zeros((contexts.nrows(), self.means.len()));
        for (mut row, scale) in table.rows_mut().into_iter().zip(scales) {
            row.assign(&scale?);
        }
        Ok(table)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn few_rows_are_averaged_all() {
        let scale = LocalScale::fit(
            array![[0.0], [1.0], [2.0]].view(),
            array![[1.0, 0.0], [2.0, 0.0], [6.0, 0.0]],
            None,
        )
        .unwrap();
        // A fourth row has the mean; a target without errors keeps a scale to divide by.
        let at = scale.at(array![[0.0], [9.0]].view()).unwrap();
        assert_eq!(at, array![[3.0, 0.25], [3.0, 0.25]]);
    }

    #[test]
    fn errors_nearby_count() {
        let contexts = Array2::from_shape_fn((1000, 1), |(row, _)| row as f64);
        let errors = Array2::from_shape_fn((1000, 1), |(row, _)| row as f64);
        let scale = LocalScale::fit(contexts.view(), errors, None).unwrap();
        let at = scale.at(array![[500.0], [0.0], [5000.0]].view()).unwrap();
        assert!((at[[0, 0]] - 500.0).abs() < 1.0, "{at}");
        // A hundred rows from either end, and one with the mean.
        assert!((at[[1, 0]] - (4950.0 + 499.5) / 101.0).abs() < 0.1, "{at}");
        assert!((at[[2, 0]] - (94950.0 + 499.5) / 101.0).abs() < 0.1, "{at}");
    }

    #[test]
    fn weights_repeat_rows() {
        let (contexts, errors) = (
            Array2::from_shape_fn((60, 1), |(row, _)| (row % 50) as f64),
            Array2::from_shape_fn((60, 1), |(row, _)| (row % 7) as f64),
        );
        let weights = Array1::from_shape_fn(60, |row| (row % 3) as f64);
        let repeated: Vec<usize> = (0..60)
            .flat_map(|row| std::iter::repeat_n(row, row % 3))
            .collect();
        let weighted = LocalScale::fit(contexts.view(), errors.clone(), Some(weights.view()));
        let repeated = LocalScale::fit(
            contexts.select(Axis(0), &repeated).view(),
            errors.select(Axis(0), &repeated),
            None,
        );
        let queries = array![[3.0], [25.4], [70.0]];
        let (a, b) = (
            weighted.unwrap().at(queries.view()).unwrap(),
            repeated.unwrap().at(queries.view()).unwrap(),
        );
        assert!((a - b).iter().all(|difference| difference.abs() < 1e-12));
    }
}

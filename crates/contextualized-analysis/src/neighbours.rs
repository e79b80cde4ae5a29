//! The nearest of many points.

use contextualized_core::{Error, Result};
use kdtree::KdTree;
use kdtree::distance::squared_euclidean;
use ndarray::{Array2, ArrayView1, ArrayView2, Axis};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use std::collections::HashMap;

/// Points in a leaf of the tree.
const LEAF: usize = 16;

/// Points to be found by their distance: the distinct rows of a table, numbered in the order in which
/// they first appear.
#[derive(Debug, Clone)]
pub(crate) struct Neighbours {
    tree: KdTree<f64, usize, Vec<f64>>,
    /// The points.
    pub(crate) distinct: Array2<f64>,
    /// For each row of the table, which of the points it is.
    pub(crate) places: Vec<usize>,
    /// For each point the weight of its rows.
    pub(crate) masses: Vec<f64>,
}

impl Neighbours {
    /// Without weights all rows weigh one.
    pub(crate) fn new(
        table: ArrayView2<'_, f64>,
        weights: Option<ArrayView1<'_, f64>>,
    ) -> Result<Self> {
        let (distinct, places) = distinct_rows(table);
        let mut tree = KdTree::with_capacity(table.ncols(), LEAF);
        // The tree splits a leaf when it is full: of sorted points it would become a list.
        let mut order: Vec<usize> = (0..distinct.nrows()).collect();
        order.shuffle(&mut ChaCha8Rng::seed_from_u64(0));
        for point in order {
            tree.add(distinct.row(point).to_vec(), point)
                .map_err(not_searched)?;
        }
        let mut masses = vec![0.0; distinct.nrows()];
        for (row, &place) in places.iter().enumerate() {
            masses[place] += weights.map_or(1.0, |weights| weights[row]);
        }
        Ok(Self {
            tree,
            distinct,
            places,
            masses,
        })
    }

    /// Distances and numbers of the nearest points, nearest first: so many that their masses add up
    /// to `mass`, points that are as far as the last among them, or all points there are.
    ///
    /// Equal distances count alike, so that the order of rows does not matter.
    pub(crate) fn nearest(
        &self,
        point: ArrayView1<'_, f64>,
        mass: f64,
    ) -> Result<Vec<(f64, usize)>> {
        let point = point.to_vec();
        let mut found: Vec<(f64, usize)> = Vec::new();
        let mut total = 0.0;
        for (squared, &number) in self
            .tree
            .iter_nearest(&point, &squared_euclidean)
            .map_err(not_searched)?
        {
            let distance = squared.sqrt();
            if total >= mass && found.last().is_some_and(|(last, _)| distance > *last) {
                break;
            }
            total += self.masses[number];
            found.push((distance, number));
        }
        // Of points at the same distance the tree's order is arbitrary, and sums depend on it.
        found.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        Ok(found)
    }
}

fn not_searched(source: kdtree::ErrorKind) -> Error {
    Error::numerical("searching for neighbours", source)
}

/// The distinct rows of a table in order of first appearance, and for each row which one it is.
fn distinct_rows(table: ArrayView2<'_, f64>) -> (Array2<f64>, Vec<usize>) {
    let mut numbers = HashMap::<Vec<u64>, usize>::new();
    let mut first = Vec::new();
    let places = table
        .rows()
        .into_iter()
        .enumerate()
        .map(|(row, values)| {
            // Adding zero makes −0 the same as 0.
            let key = values.iter().map(|value| (value + 0.0).to_bits()).collect();
            *numbers.entry(key).or_insert_with(|| {
                first.push(row);
                first.len() - 1
            })
        })
        .collect();
    (table.select(Axis(0), &first), places)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;
    use proptest::prelude::*;

    #[test]
    fn equal_rows_are_one_point() {
        let (distinct, places) = distinct_rows(array![[1.0, 0.0], [2.0, 0.0], [1.0, -0.0]].view());
        assert_eq!(distinct, array![[1.0, 0.0], [2.0, 0.0]]);
        assert_eq!(places, [0, 1, 0]);
    }

    #[test]
    fn masses_are_gathered_and_ties_kept_together() {
        let points = array![[0.0], [1.0], [-1.0], [5.0], [5.0]];
        let neighbours = Neighbours::new(points.view(), None).unwrap();
        assert_eq!(neighbours.masses, [1.0, 1.0, 1.0, 2.0]);
        let found = |mass| -> Vec<usize> {
            let nearest = neighbours.nearest(array![0.0].view(), mass).unwrap();
            nearest.into_iter().map(|(_, number)| number).collect()
        };
        assert_eq!(found(1.0), [0]);
        assert_eq!(found(2.0), [0, 1, 2]); // 1 and −1 are as far
        assert_eq!(found(3.5), [0, 1, 2, 3]);
        assert_eq!(found(100.0), [0, 1, 2, 3]);
    }

    proptest! {
        #[test]
        fn as_by_brute_force(
            points in prop::collection::vec((-5..5_i32, -1.0..1.0_f64), 1..200),
            query in (-5.0..5.0_f64, -1.0..1.0_f64),
            mass in 1..20_usize,
        ) {
            let table = Array2::from_shape_fn((points.len(), 2), |(row, column)| match column {
                0 => f64::from(points[row].0),
                _ => points[row].1,
            });
            let neighbours = Neighbours::new(table.view(), None).unwrap();
            let found = neighbours.nearest(array![query.0, query.1].view(), mass as f64).unwrap();
            let mut distances: Vec<f64> = table
                .rows()
                .into_iter()
                .map(|row| ((row[0] - query.0).powi(2) + (row[1] - query.1).powi(2)).sqrt())
                .collect();
            distances.sort_by(f64::total_cmp);
            let expected = &distances[..mass.min(distances.len())];
            prop_assert_eq!(found.len(), expected.len());
            for ((distance, _), expected) in found.iter().zip(expected) {
                prop_assert!((distance - expected).abs() < 1e-12);
            }
        }
    }
}

//! How faithful a picture of many columns in the plane is.

use super::check_rows_and_columns;
use super::neighbours::{nearest, squared_distances};
use contextualized_core::validate::{check_rows, check_table};
use contextualized_core::{Error, Result};
use ndarray::ArrayView2;
use rayon::prelude::*;

/// What became of the neighbourhoods of a table in an embedding of it.
///
/// Each is 1 when none is lost, and about ½ (trustworthiness and continuity) or
/// [`Faithfulness::overlap_by_chance`] when rows are placed at random.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Faithfulness {
    /// Nearest rows looked at, k.
    pub neighbours: usize,
    /// Whether rows that look near are near: one minus the ranks by which neighbours in the embedding
    /// are too far in the table, scaled to at most one.
    pub trustworthiness: f64,
    /// Whether near rows look near: the same with table and embedding exchanged.
    pub continuity: f64,
    /// The share of the neighbours in the embedding that are neighbours in the table.
    pub overlap: f64,
    /// That share if rows were placed at random: k / (n − 1).
    pub overlap_by_chance: f64,
}

/// Compares the `neighbours` nearest rows in an embedding (n × any) with those in the table (n ×
/// columns) that it shows.
///
/// ```text
/// trustworthiness = 1 − 2 / (n k (2n − 3k − 1)) · Σ_i Σ_{j near i in the embedding} max(0, r(i, j) − k)
/// ```
///
/// where j is the r(i, j)th nearest row of i in the table; of rows at the same distance all have the
/// smallest rank. Takes n² distances, twice.
///
/// After Venna and Kaski (2001, doi:10.1007/3-540-44668-0_68).
///
/// # Errors
///
/// [`Error::NoRows`], [`Error::NoColumns`], [`Error::NotFinite`], [`Error::RowCount`];
/// [`Error::InvalidParameter`] for no neighbours, or not below half the rows.
pub fn faithfulness(
    table: ArrayView2<'_, f64>,
    embedding: ArrayView2<'_, f64>,
    neighbours: usize,
) -> Result<Faithfulness> {
    check_rows_and_columns(table)?;
    check_table("the embedding", embedding, None)?;
    let rows = table.nrows();
    check_rows("the embedding", rows, embedding.nrows())?;
    if neighbours == 0 || 2 * neighbours >= rows {
        return Err(Error::invalid_parameter(
            "neighbours",
            neighbours,
            format!("at least 1, and below half the number of rows, {rows}"),
        ));
    }
    // By row: ranks too far in the table, neighbours in the embedding only; ranks too far in the embedding.
    let lost: Vec<(usize, usize, usize)> = (0..rows)
        .into_par_iter()
        .map(|row| {
            let in_table = squared_distances(table, row);
            let in_embedding = squared_distances(embedding, row);
            let (intrusions, intruders) = excess(&in_table, &in_embedding, neighbours);
            let (extrusions, _) = excess(&in_embedding, &in_table, neighbours);
            (intrusions, intruders, extrusions)
        })
        .collect();
    let total = |of: fn(&(usize, usize, usize)) -> usize| lost.iter().map(of).sum::<usize>() as f64;
    let (n, k) = (rows as f64, neighbours as f64);
    let scale = 2.0 / (n * k * (2.0 * n - 3.0 * k - 1.0));
    Ok(Faithfulness {
        neighbours,
        trustworthiness: 1.0 - scale * total(|row| row.0),
        continuity: 1.0 - scale * total(|row| row.2),
        overlap: 1.0 - total(|row| row.1) / (n * k),
        overlap_by_chance: k / (n - 1.0),
    })
}

/// By how many ranks the neighbours by `seen` are too far by `true_distances`, and how many of them are.
///
/// Both list all rows but one, in the same order.
fn excess(
    true_distances: &[(f64, usize)],
    seen: &[(f64, usize)],
    neighbours: usize,
) -> (usize, usize) {
    let mut sorted: Vec<f64> = true_distances
        .iter()
        .map(|(distance, _)| *distance)
        .collect();
    sorted.sort_unstable_by(f64::total_cmp);
    // Rows by their place in the lists.
    let places = seen.iter().enumerate().map(|(place, (d, _))| (*d, place));
    let (mut ranks, mut strangers) = (0, 0);
    for (_, place) in nearest(places.collect(), neighbours) {
        let distance = true_distances[place].0;
        let rank = 1 + sorted.partition_point(|other| *other < distance);
        if rank > neighbours {
            ranks += rank - neighbours;
            strangers += 1;
        }
    }
    (ranks, strangers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, array};
    use proptest::prelude::*;
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn two_rows_exchanged_by_hand() {
        // On a line; the ends of five points change places.
        let table = array![[0.0], [1.0], [2.1], [3.3], [4.6]];
        let embedding = array![[4.6], [1.0], [2.1], [3.3], [0.0]];
        let found = faithfulness(table.view(), embedding.view(), 1).unwrap();
        // Nearest in the embedding: 3 of row 0 (rank 3), 4 of row 1 (4), 1 of row 2 (1), 2 of row 3 (1),
        // 1 of row 4 (3): excesses 2 + 3 + 2 = 7 over 5 · 1 · (10 − 3 − 1) / 2 = 15. The exchange is its
        // own inverse.
        assert!((found.trustworthiness - (1.0 - 7.0 / 15.0)).abs() < 1e-12);
        assert!((found.continuity - found.trustworthiness).abs() < 1e-12);
        assert!((found.overlap - 0.4).abs() < 1e-12);
        assert_eq!(found.overlap_by_chance, 0.25);
    }

    #[test]
    fn bad_input_is_named() {
        let table = Array2::<f64>::zeros((4, 2));
        for neighbours in [0, 2] {
            assert!(matches!(
                faithfulness(table.view(), table.view(), neighbours),
                Err(Error::InvalidParameter { .. })
            ));
        }
        let short = Array2::<f64>::zeros((3, 2));
        assert!(matches!(
            faithfulness(table.view(), short.view(), 1),
            Err(Error::RowCount { .. })
        ));
    }

    proptest! {
        /// Turning, scaling and rows that are the same lose nothing; chance loses about half the ranks.
        #[test]
        fn between_perfect_and_chance(seed in 0..1000_u64, angle in 0.0..6.0_f64) {
            let mut generator = ChaCha8Rng::seed_from_u64(seed);
            let mut draw = || Array2::from_shape_fn((80, 2), |_| generator.gen_range(-1.0..1.0));
            let (table, other) = (draw(), draw());
            let turn = array![[angle.cos(), -angle.sin()], [angle.sin(), angle.cos()]];
            let turned = table.dot(&turn) * 7.0;
            let same = faithfulness(table.view(), turned.view(), 5).unwrap();
            prop_assert_eq!((same.trustworthiness, same.continuity, same.overlap), (1.0, 1.0, 1.0));
            let flat = Array2::<f64>::ones((80, 3));
            prop_assert_eq!(faithfulness(flat.view(), table.view(), 5).unwrap().trustworthiness, 1.0);
            let chance = faithfulness(table.view(), other.view(), 5).unwrap();
            prop_assert!((chance.trustworthiness - 0.5).abs() < 0.15);
            prop_assert!((chance.continuity - 0.5).abs() < 0.15);
            prop_assert!(chance.overlap < 0.2);
        }
    }
}

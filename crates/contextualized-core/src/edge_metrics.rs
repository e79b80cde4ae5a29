//! Errors of networks: of their weights, and of which edges there are.

use crate::validate::check_columns;
use crate::{Error, Networks, Result};

/// The mean squared error of all entries of estimated networks.
///
/// # Errors
///
/// [`Error::RowCount`], [`Error::ColumnCount`] for networks of other shapes; [`Error::NoRows`] for
/// none.
pub fn network_mse(truth: &Networks, estimate: &Networks) -> Result<f64> {
    check_shapes(truth, estimate)?;
    let squares = (&truth.edges() - &estimate.edges()).mapv(|difference| difference * difference);
    squares.mean().ok_or(Error::NoRows {
        argument: "networks",
    })
}

/// How many edges of estimated directed networks are right, over all samples. See [`edge_counts`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EdgeCounts {
    /// Networks compared.
    pub networks: usize,
    /// Edges found that are there.
    pub found: usize,
    /// Edges found that are not there, reversed ones included.
    pub wrong: usize,
    /// Edges there that were not found, reversed ones included.
    pub missed: usize,
    /// Edges found in the wrong direction only: both wrong and missed.
    pub reversed: usize,
}

impl EdgeCounts {
    /// The share of the edges found that are there; none if none was found.
    pub fn precision(&self) -> Option<f64> {
        share(self.found, self.found + self.wrong)
    }

    /// The share of the edges there that were found; none if there are none.
    pub fn recall(&self) -> Option<f64> {
        share(self.found, self.found + self.missed)
    }

    /// The structural Hamming distance, per network: edges to add, take out or reverse (Tsamardinos,
    /// Brown and Aliferis 2006, doi:10.1007/s10994-006-6889-7).
    pub fn hamming_distance(&self) -> f64 {
        let distance = self.wrong + self.missed - self.reversed;
        distance as f64 / self.networks.max(1) as f64
    }
}

fn share(part: usize, whole: usize) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// Counts edges of directed networks: entries of an absolute value above the threshold. In the truth,
/// entries that are not zero.
///
/// # Errors
///
/// [`Error::RowCount`], [`Error::ColumnCount`] for networks of other shapes;
/// [`Error::InvalidParameter`] for a threshold that is negative or not finite.
///
/// ```
/// use contextualized_core::{Networks, edge_metrics::edge_counts};
/// use ndarray::array;
///
/// // 0 → 1 → 2 is estimated as 0 → 1, 2 → 1, 0 → 2.
/// let truth = Networks::new(array![[[0.0, 1.0, 0.0], [0.0, 0.0, 2.0], [0.0, 0.0, 0.0]]])?;
/// let estimate = Networks::new(array![[[0.0, 0.9, 0.3], [0.0, 0.0, 0.0], [0.0, 1.5, 0.0]]])?;
/// let counts = edge_counts(&truth, &estimate, 0.0)?;
/// assert_eq!((counts.found, counts.wrong, counts.missed, counts.reversed), (1, 2, 1, 1));
/// assert_eq!(counts.hamming_distance(), 2.0);
/// # Ok::<(), contextualized_core::Error>(())
/// ```
pub fn edge_counts(truth: &Networks, estimate: &Networks, threshold: f64) -> Result<EdgeCounts> {
    check_shapes(truth, estimate)?;
    if !(threshold.is_finite() && threshold >= 0.0) {
        return Err(Error::invalid_parameter(
            "threshold",
            threshold,
            "a finite number of at least zero",
        ));
    }
    let mut counts = EdgeCounts {
        networks: truth.rows(),
        ..EdgeCounts::default()
    };
    let (there, given) = (truth.edges(), estimate.edges());
    for ((row, i, j), weight) in there.indexed_iter() {
        if i == j {
            continue;
        }
        let is = |i: usize, j: usize| there[[row, i, j]] != 0.0;
        let seems = |i: usize, j: usize| given[[row, i, j]].abs() > threshold;
        match (*weight != 0.0, seems(i, j)) {
            (true, true) => counts.found += 1,
            (true, false) => {
                counts.missed += 1;
                counts.reversed += usize::from(seems(j, i) && !is(j, i));
            }
            (false, true) => counts.wrong += 1,
            (false, false) => {}
        }
    }
    Ok(counts)
}

/// The probability that a true edge, drawn at random over samples and pairs of nodes, has a larger
/// absolute weight than a pair without one; ties count half. None without an edge or without a pair
/// that is none.
///
/// The area under the receiver operating characteristic (Hanley and McNeil 1982,
/// doi:10.1148/radiology.143.1.7063747).
///
/// # Errors
///
/// [`Error::RowCount`], [`Error::ColumnCount`] for networks of other shapes.
pub fn edge_auroc(truth: &Networks, estimate: &Networks) -> Result<Option<f64>> {
    check_shapes(truth, estimate)?;
    let mut pairs: Vec<(f64, bool)> = truth
        .edges()
        .indexed_iter()
        .filter(|((_, i, j), _)| i != j)
        .map(|(place, weight)| (estimate.edges()[place].abs(), *weight != 0.0))
        .collect();
    let edges = pairs.iter().filter(|(_, edge)| *edge).count() as f64;
    let others = pairs.len() as f64 - edges;
    if edges == 0.0 || others == 0.0 {
        return Ok(None);
    }
    pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut below, mut area) = (0.0, 0.0);
    for tied in pairs.chunk_by(|a, b| a.0 == b.0) {
        let with = tied.iter().filter(|(_, edge)| *edge).count() as f64;
        let without = tied.len() as f64 - with;
        area += with * (below + 0.5 * without);
        below += without;
    }
    Ok(Some(area / edges / others))
}

fn check_shapes(truth: &Networks, estimate: &Networks) -> Result<()> {
    crate::validate::check_rows("networks", truth.rows(), estimate.rows())?;
    check_columns("networks", truth.nodes(), estimate.nodes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array3, array};

    fn networks(edges: Array3<f64>) -> Networks {
        Networks::new(edges).unwrap()
    }

    #[test]
    fn counts_and_shares_by_hand() {
        let truth = networks(array![[[0.0, 1.0], [0.0, 0.0]], [[0.0, 0.0], [0.0, 0.0]]]);
        let counts = edge_counts(&truth, &truth, 0.0).unwrap();
        assert_eq!((counts.found, counts.hamming_distance()), (1, 0.0));
        let both = networks(array![[[0.0, 1.0], [1.0, 0.0]], [[5.0, 0.0], [0.1, 0.0]]]);
        let counts = edge_counts(&truth, &both, 0.0).unwrap();
        assert_eq!((counts.wrong, counts.missed, counts.reversed), (2, 0, 0));
        assert_eq!(
            (counts.precision(), counts.recall()),
            (Some(1.0 / 3.0), Some(1.0))
        );
        assert_eq!(edge_counts(&truth, &both, 0.1).unwrap().wrong, 1);
        let nothing = networks(Array3::zeros((2, 2, 2)));
        let counts = edge_counts(&truth, &nothing, 0.0).unwrap();
        assert_eq!((counts.precision(), counts.recall()), (None, Some(0.0)));
        assert_eq!(counts.hamming_distance(), 0.5);
        assert!(edge_counts(&truth, &both, -1.0).is_err());
    }

    #[test]
    fn the_area_under_the_curve_by_hand() {
        // Edges 0.9, 0.4; others 0.5, 0.4, 0, 0: 4 + (2 + ½) of 8 pairs.
        let truth = networks(array![[[0.0, 1.0, 1.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]]);
        let estimate = networks(array![[[7.0, 0.9, -0.4], [0.5, 0.0, 0.4], [0.0, 0.0, 0.0]]]);
        assert_eq!(edge_auroc(&truth, &estimate).unwrap(), Some(6.5 / 8.0));
        let none = networks(Array3::zeros((1, 3, 3)));
        assert_eq!(edge_auroc(&none, &estimate).unwrap(), None);
    }

    #[test]
    fn errors_are_averaged_over_all_entries() {
        let truth = networks(array![[[0.0, 1.0], [0.0, 0.0]]]);
        let estimate = networks(array![[[0.0, 3.0], [0.0, 0.0]]]);
        assert_eq!(network_mse(&truth, &estimate).unwrap(), 1.0);
        let wide = networks(Array3::zeros((1, 3, 3)));
        assert!(matches!(
            network_mse(&truth, &wide),
            Err(Error::ColumnCount { .. })
        ));
        let long = networks(Array3::zeros((2, 2, 2)));
        assert!(matches!(
            edge_auroc(&truth, &long),
            Err(Error::RowCount { .. })
        ));
    }
}

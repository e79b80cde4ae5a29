//! Networks made acyclic, sample by sample.

use crate::numerical::numerical;
use contextualized_core::validate::{check_columns, check_rows};
use contextualized_core::{Error, Networks, Result};
use contextualized_solvers::{Projection, acyclic_part};
use ndarray::{Array2, Array3, Axis};
use rayon::prelude::*;

/// Replaces every network by its acyclic part; acyclic ones stay as they are, to the last bit. See
/// [`acyclic_part`].
///
/// Samples are spread over threads, and the result does not depend on how many there are.
///
/// # Errors
///
/// [`Error::Numerical`] for [`Projection::Exact`] and a network with too large a cycle.
///
/// ```
/// use contextualized_core::Networks;
/// use contextualized_graphs::bayesian::{Projection, project_networks};
/// use ndarray::array;
///
/// let networks = Networks::new(array![[[0.0, 2.0], [1.0, 0.0]], [[0.0, 0.1], [0.0, 0.0]]])?;
/// let projected = project_networks(&networks, Projection::Auto)?;
/// assert_eq!(projected.edges(), array![[[0.0, 2.0], [0.0, 0.0]], [[0.0, 0.1], [0.0, 0.0]]]);
/// # Ok::<(), contextualized_core::Error>(())
/// ```
pub fn project_networks(networks: &Networks, projection: Projection) -> Result<Networks> {
    let (rows, nodes) = (networks.rows(), networks.nodes());
    if rows == 0 || nodes == 0 {
        return Ok(networks.clone());
    }
    let edges = networks.edges();
    let projected = (0..rows)
        .into_par_iter()
        .with_min_len(BLOCK)
        .map(|row| {
            let part = acyclic_part(edges.index_axis(Axis(0), row), projection);
            Ok(numerical("the projection to an acyclic graph", part)?.weights)
        })
        .collect::<Result<Vec<Array2<f64>>>>()?;
    Networks::stacked(&projected, nodes)
}

/// Networks that a thread takes at once.
const BLOCK: usize = 16;

/// The acyclic part of the mean of several estimates of the same networks, as of bootstraps.
///
/// Averages of acyclic graphs have cycles where the estimates disagree, so that they are averaged
/// first and projected afterwards.
///
/// # Errors
///
/// [`Error::NoRows`] for no estimate; [`Error::RowCount`] and [`Error::ColumnCount`] for estimates of
/// different shapes; those of [`project_networks`].
pub fn projected_mean(estimates: &[Networks], projection: Projection) -> Result<Networks> {
    let Some(first) = estimates.first() else {
        return Err(Error::NoRows {
            argument: "estimates",
        });
    };
    let mut sum = Array3::zeros(first.edges().dim());
    for estimate in estimates {
        check_rows("estimates", first.rows(), estimate.rows())?;
        check_columns("estimates", first.nodes(), estimate.nodes())?;
        // Divided first: a sum of finite weights may not be finite.
        sum.scaled_add(1.0 / estimates.len() as f64, &estimate.edges());
    }
    project_networks(&Networks::new(sum)?, projection)
}

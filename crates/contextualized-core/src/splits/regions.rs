//! Cells of context space.

use crate::{Error, Result, Standardization};
use ndarray::{Array1, Array2, ArrayView2};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

/// The cell that each row of contexts (n × c) is in, when standardised contexts are halved again and
/// again across random directions.
///
/// Every cut is a hyperplane, so that cells are convex. Rows with the same context are in the same
/// cell; but for that, cells differ by a row at most.
pub(super) fn cells(
    contexts: ArrayView2<'_, f64>,
    count: usize,
    seed: u64,
    stream: u64,
) -> Result<Vec<usize>> {
    let standardized = Standardization::fit(contexts, None)?.apply(contexts)?;
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    generator.set_stream(stream);
    let mut cells = vec![0; contexts.nrows()];
    let mut left_to_cut = vec![((0..contexts.nrows()).collect::<Vec<_>>(), 0..count)];
    while let Some((rows, own)) = left_to_cut.pop() {
        if own.len() == 1 {
            for row in rows {
                cells[row] = own.start;
            }
            continue;
        }
        let direction = Array1::from_shape_simple_fn(contexts.ncols(), || {
            StandardNormal.sample(&mut generator)
        });
        let middle = own.start + own.len() / 2;
        let share = [middle - own.start, own.end - middle];
        let (below, above) =
            cut(&standardized, &direction, rows, share).ok_or_else(|| too_few(count))?;
        left_to_cut.push((above, middle..own.end));
        left_to_cut.push((below, own.start..middle));
    }
    Ok(cells)
}

/// Rows below and above the hyperplane that divides them in these shares as nearly as it can, with
/// enough distinct contexts for as many cells on either side.
fn cut(
    contexts: &Array2<f64>,
    direction: &Array1<f64>,
    mut rows: Vec<usize>,
    [below, above]: [usize; 2],
) -> Option<(Vec<usize>, Vec<usize>)> {
    // One row at a time: the same context has the same projection, to the bit.
    let projections: Vec<f64> = contexts
        .rows()
        .into_iter()
        .map(|row| row.iter().zip(direction).map(|(c, d)| c * d).sum())
        .collect();
    rows.sort_by(|&a, &b| projections[a].total_cmp(&projections[b]));
    let wanted = rows.len() * below / (below + above);
    let starts: Vec<usize> = (1..rows.len())
        .filter(|&place| projections[rows[place]] > projections[rows[place - 1]])
        .collect();
    // Before the start at index i lie i + 1 distinct values, from it on as many as starts remain.
    let place = (below..=starts.len().saturating_sub(above - 1))
        .filter_map(|distinct_below| starts.get(distinct_below - 1).copied())
        .min_by_key(|place| place.abs_diff(wanted))?;
    let upper = rows.split_off(place);
    Some((rows, upper))
}

fn too_few(count: usize) -> Error {
    Error::invalid_parameter(
        "folds",
        count,
        "at most the number of distinct contexts, which regions of context space divide",
    )
}

//! Gaussian draws around a point.

use contextualized_core::validate::check_columns;
use contextualized_core::{Error, Result};
use ndarray::{Array2, ArrayView1};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

/// Streams of perturbations: away from those of splits (from 0) and of simulations (from 2³²).
const STREAM: u64 = 1 << 40;

/// Standard normal numbers, rows × columns, of the stream with this index.
pub(crate) fn standard_normal(rows: usize, columns: usize, seed: u64, index: u64) -> Array2<f64> {
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    generator.set_stream(STREAM.wrapping_add(index));
    Array2::from_shape_simple_fn((rows, columns), || StandardNormal.sample(&mut generator))
}

/// Normal draws around a point, one a row: columns independent, with standard deviations `width`
/// times `scales`.
///
/// The neighbourhood on which [`crate::TaylorSurrogate::local_r_squared`] may be asked for.
///
/// # Errors
///
/// [`Error::ColumnCount`] when scales and point differ; [`Error::InvalidParameter`] for a width or a
/// scale that is not a positive number.
pub fn neighbours(
    point: ArrayView1<'_, f64>,
    scales: ArrayView1<'_, f64>,
    width: f64,
    draws: usize,
    seed: u64,
) -> Result<Array2<f64>> {
    check_width(width)?;
    check_scales("scales", point.len(), scales)?;
    let draws = standard_normal(draws, point.len(), seed, 0);
    Ok(draws * &(&scales * width) + point)
}

pub(crate) fn check_width(width: f64) -> Result<()> {
    if width.is_finite() && width > 0.0 {
        Ok(())
    } else {
        Err(Error::invalid_parameter(
            "width",
            width,
            "a positive number",
        ))
    }
}

pub(crate) fn check_scales(
    argument: &'static str,
    expected: usize,
    scales: ArrayView1<'_, f64>,
) -> Result<()> {
    check_columns(argument, expected, scales.len())?;
    match scales
        .indexed_iter()
        .find(|(_, s)| !(s.is_finite() && **s > 0.0))
    {
        Some((column, scale)) => Err(Error::invalid_parameter(
            argument,
            format!("{scale} in column {}", column + 1),
            "a positive number",
        )),
        None => Ok(()),
    }
}

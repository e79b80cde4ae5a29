//! Figures of values over draws.

use contextualized_core::validate::check_probability;
use contextualized_core::{Error, Result};
use ndarray::Array2;

/// The mean.
pub(crate) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The standard deviation; of a single value zero.
pub(crate) fn standard_deviation(values: &[f64]) -> f64 {
    let center = mean(values);
    let squares: f64 = values.iter().map(|value| (value - center).powi(2)).sum();
    (squares / (values.len() - 1).max(1) as f64).sqrt()
}

/// The quantiles that are the ends of an interval.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Percentiles {
    tail: f64,
}

impl Percentiles {
    /// Of an interval of this level, from so many draws.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for a level outside (0, 1), and for one too fine for the number of draws, saying how
    /// many would do.
    pub(crate) fn new(level: f64, draws: usize) -> Result<Self> {
        check_probability("level", level)?;
        let tail = (1.0 - level) / 2.0;
        // Rounding of 1 − level must not ask for one more.
        let needed = (1.0 / tail - 1.0 - 1e-6).ceil();
        if (draws as f64) < needed {
            return Err(Error::invalid_parameter(
                "draws",
                draws,
                format!("at least {needed}, of all chains, for intervals of level {level}"),
            ));
        }
        Ok(Self { tail })
    }

    /// The ends, of values that are put in order.
    pub(crate) fn ends(self, values: &mut [f64]) -> [f64; 2] {
        values.sort_unstable_by(f64::total_cmp);
        [self.tail, 1.0 - self.tail].map(|share| quantile(values, share))
    }
}

/// The quantile at a share between 1/(D + 1) and D/(D + 1) of D values in ascending order: the (D + 1)·share-th of
/// them, interpolated.
pub(crate) fn quantile(ascending: &[f64], share: f64) -> f64 {
    let place = (ascending.len() + 1) as f64 * share;
    let below = (place.floor() as usize).clamp(1, ascending.len());
    let above = (below + 1).min(ascending.len());
    let fraction = (place - below as f64).clamp(0.0, 1.0);
    let (low, high) = (ascending[below - 1], ascending[above - 1]);
    low + fraction * (high - low)
}

/// Tables of the same shape, to K tables of figures of each cell.
pub(crate) fn summarize<const K: usize>(
    tables: &[Array2<f64>],
    summary: &impl Fn(&mut [f64]) -> [f64; K],
) -> [Array2<f64>; K] {
    let shape = tables.first().map_or((0, 0), Array2::dim);
    let mut out = [(); K].map(|()| Array2::zeros(shape));
    let mut values = vec![0.0; tables.len()];
    for cell in ndarray::indices(shape) {
        for (value, table) in values.iter_mut().zip(tables) {
            *value = table[cell];
        }
        for (out, figure) in out.iter_mut().zip(summary(&mut values)) {
            out[cell] = figure;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_by_hand() {
        let mut values: Vec<f64> = (1..=39).rev().map(f64::from).collect();
        let [lower, upper] = Percentiles::new(0.95, 39).unwrap().ends(&mut values);
        assert!((lower - 1.0).abs() < 1e-9 && (upper - 39.0).abs() < 1e-9);
        assert!(Percentiles::new(0.95, 38).is_err());
        assert!(Percentiles::new(1.0, 100).is_err());
    }
}

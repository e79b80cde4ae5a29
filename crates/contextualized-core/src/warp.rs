//! Monotone transformations of skewed contexts.

use crate::copies::bits;
use ndarray::{ArrayView1, ArrayView2};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::ops::Range;

/// A monotone transformation of a context, under which it is nearer to a normal distribution: a length scale then
/// means the same among small values and large ones.
///
/// All follow the context's unit, origin and direction: `a + b c` is transformed to the same values.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub enum Warp {
    /// The context as it is.
    #[default]
    None,
    /// `ln(c − origin)` for a tail above.
    Above {
        /// Below the smallest value fitted.
        origin: f64,
        /// The smallest value fitted, below which the tangent there goes on.
        end: f64,
    },
    /// `−ln(origin − c)` for a tail below.
    Below {
        /// Above the largest value fitted.
        origin: f64,
        /// The largest value fitted, above which the tangent there goes on.
        end: f64,
    },
    /// `asinh((c − center) / scale)`: the logarithm far away in both directions.
    Both {
        /// The median.
        center: f64,
        /// A multiple of the robust standard deviation.
        scale: f64,
    },
    /// As it is in the range of all values but those that stand alone; beyond, with a logarithm that begins with
    /// slope one: `high + scale ln(1 + (c − high) / scale)`.
    Beyond {
        /// The lower end of the range.
        low: f64,
        /// The upper end.
        high: f64,
        /// The robust standard deviation in the range.
        scale: f64,
    },
}

impl fmt::Display for Warp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = |value: f64| {
            format!("{value:.4}")
                .trim_end_matches('0')
                .trim_end_matches('.')
                .to_owned()
        };
        match *self {
            Self::None => write!(f, "as it is"),
            Self::Above { origin, .. } => write!(f, "ln(value - {})", number(origin)),
            Self::Below { origin, .. } => write!(f, "-ln({} - value)", number(origin)),
            Self::Both { center, scale } => {
                write!(f, "asinh((value - {}) / {})", number(center), number(scale))
            }
            Self::Beyond { low, high, .. } => {
                write!(f, "logarithms outside {} to {}", number(low), number(high))
            }
        }
    }
}

/// Gain in the mean log-likelihood of a normal distribution that a transformation has to bring: a sample of an
/// exponential distribution gains nearly 0.4 by a logarithm, a normal one nothing.
const LEAST_GAIN: f64 = 0.2;
/// Distinct values below which a context is left as it is.
const FEWEST_VALUES: usize = 10;
/// Values that likelihoods are worked out from.
const MOST_VALUES: usize = 10_000;
/// Robust standard deviations that asinh may be linear over.
const SCALES: [f64; 4] = [0.25, 0.5, 1.0, 2.0];
/// How far the origin of a logarithm may be beyond the end of the values, in units of the end's distance from the
/// median.
const ORIGINS: [f64; 6] = [0.003, 0.01, 0.03, 0.1, 0.3, 1.0];
/// Robust standard deviations from the median beyond which a value stands alone.
const FAR: f64 = 30.0;
/// The same of what the column is transformed to.
const FAR_TRANSFORMED: f64 = 4.5;

impl Warp {
    /// The transformed value.
    pub fn apply(&self, value: f64) -> f64 {
        let logarithm = |beyond: f64, end: f64| {
            if beyond < end {
                end.ln() + (beyond - end) / end
            } else {
                beyond.ln()
            }
        };
        match *self {
            Self::None => value,
            Self::Above { origin, end } => logarithm(value - origin, end - origin),
            Self::Below { origin, end } => -logarithm(origin - value, origin - end),
            Self::Both { center, scale } => ((value - center) / scale).asinh(),
            Self::Beyond { low, high, scale } => {
                let inside = value.clamp(low, high);
                let beyond = (value - inside) / scale;
                inside + scale * beyond.abs().ln_1p() * beyond.signum()
            }
        }
    }

    /// The logarithm of its derivative, at a value fitted.
    fn log_slope(&self, value: f64) -> f64 {
        match *self {
            Self::None => 0.0,
            Self::Above { origin, .. } => -(value - origin).ln(),
            Self::Below { origin, .. } => -(origin - value).ln(),
            Self::Both { center, scale } => {
                let z = (value - center) / scale;
                -scale.ln() - 0.5 * z.mul_add(z, 1.0).ln()
            }
            Self::Beyond { low, high, scale } => {
                -((value - value.clamp(low, high)) / scale).abs().ln_1p()
            }
        }
    }

    /// The one under which the distinct values of a column are most like a sample of a normal distribution, if
    /// that is much. A value that many rows have, such as zero or a code, counts once: a transformation that
    /// sets it apart would take all others for one.
    pub(crate) fn of_column(column: ArrayView1<'_, f64>) -> Self {
        Self::examined(&distinct(column)).0
    }

    /// Of ascending values, with the positions of those that do not stand alone. The others are kept apart where
    /// these need no transformation.
    fn examined(sorted: &[f64]) -> (Self, Range<usize>) {
        let warp = Self::of_distinct(sorted);
        let near = warp.near(sorted);
        if near.len() == sorted.len() {
            return (warp, near);
        }
        let own = &sorted[near.clone()];
        let warp = match Self::of_distinct(own) {
            Self::None => Self::Beyond {
                low: own[0],
                high: own[own.len() - 1],
                scale: robust(own).1,
            },
            Self::Above { .. } | Self::Below { .. } | Self::Both { .. } | Self::Beyond { .. } => {
                warp
            }
        };
        (warp, near)
    }

    /// The positions of those of ascending values that do not stand alone, transformed or not; all of them, where
    /// others would be many.
    fn near(&self, sorted: &[f64]) -> Range<usize> {
        let all = 0..sorted.len();
        if sorted.is_empty() {
            return all;
        }
        let (center, deviation) = robust(sorted);
        if deviation <= 0.0 {
            return all;
        }
        // A long tail is no value that stands alone.
        let (middle, spread) = quartiles(sorted.len(), |at| self.apply(sorted[at]));
        let is_near = |value: &f64| {
            (value - center).abs() <= FAR * deviation
                || (self.apply(*value) - middle).abs() <= FAR_TRANSFORMED * spread
        };
        // Transformations keep the order, so that what stands alone is at the ends.
        let first = sorted.iter().position(is_near).unwrap_or(0);
        let last = sorted.iter().rposition(is_near).unwrap_or(all.end - 1);
        let near = first..last + 1;
        if 100 * (sorted.len() - near.len()) > sorted.len() {
            all
        } else {
            near
        }
    }

    /// Of ascending values.
    fn of_distinct(sorted: &[f64]) -> Self {
        if sorted.len() < FEWEST_VALUES {
            return Self::None;
        }
        let (center, deviation) = robust(sorted);
        let (least, most) = (sorted[0], sorted[sorted.len() - 1]);
        let of_scale = |scale: f64| Self::Both {
            center,
            scale: scale * deviation,
        };
        let above = |share: f64| Self::Above {
            origin: least - share * (center - least),
            end: least,
        };
        let below = |share: f64| Self::Below {
            origin: most + share * (most - center),
            end: most,
        };
        let candidates = SCALES.into_iter().map(of_scale);
        let candidates = candidates
            .chain(ORIGINS.into_iter().map(above))
            .chain(ORIGINS.into_iter().map(below))
            .filter(Self::is_valid);
        let few = quantiles(sorted);
        let plain = likelihood(Self::None, &few) + LEAST_GAIN;
        let better = candidates
            .map(|warp| (likelihood(warp, &few), warp))
            .filter(|(gained, _)| *gained > plain)
            .max_by(|a, b| a.0.total_cmp(&b.0));
        better.map_or(Self::None, |(_, warp)| warp)
    }

    pub(crate) fn is_valid(&self) -> bool {
        let finite = |a: f64, b: f64| a.is_finite() && b.is_finite();
        match *self {
            Self::None => true,
            Self::Above { origin, end } => finite(origin, end) && origin < end,
            Self::Below { origin, end } => finite(origin, end) && end < origin,
            Self::Both { center, scale } => finite(center, scale) && scale > 0.0,
            Self::Beyond { low, high, scale } => {
                finite(low, high) && low < high && scale.is_finite() && scale > 0.0
            }
        }
    }
}

/// The values of a column, each once, in ascending order.
fn distinct(column: ArrayView1<'_, f64>) -> Vec<f64> {
    // Integers in the order of the values: they are faster to compare.
    const SIGN: u64 = 1 << 63;
    let key = |value: f64| match value.to_bits() {
        bits if bits & SIGN == 0 => bits | SIGN,
        bits => !bits,
    };
    let value = |key: u64| f64::from_bits(if key & SIGN == 0 { !key } else { key ^ SIGN });
    let mut keys: Vec<u64> = column.iter().copied().map(key).collect();
    keys.sort_unstable();
    let mut values: Vec<f64> = keys.into_iter().map(value).collect();
    values.dedup();
    values
}

/// All of ascending values, or so many of their quantiles, equally far apart in rank.
fn quantiles(sorted: &[f64]) -> Cow<'_, [f64]> {
    if sorted.len() <= MOST_VALUES {
        return Cow::Borrowed(sorted);
    }
    let at = |position: usize| sorted[(2 * position + 1) * sorted.len() / (2 * MOST_VALUES)];
    Cow::Owned((0..MOST_VALUES).map(at).collect())
}

/// Mean log-likelihood of a normal distribution of the transformed values, up to a constant.
fn likelihood(warp: Warp, values: &[f64]) -> f64 {
    let count = values.len() as f64;
    // Untransformed values are centred by the first and divided by the range, whose square is a number.
    let range = values[values.len() - 1] - values[0];
    let (start, unit) = match warp {
        Warp::None => (values[0], range),
        Warp::Above { .. } | Warp::Below { .. } | Warp::Both { .. } | Warp::Beyond { .. } => {
            (0.0, 1.0)
        }
    };
    let transformed = || {
        values
            .iter()
            .map(|&value| (warp.apply(value) - start) / unit)
    };
    let mean = transformed().sum::<f64>() / count;
    let variance = transformed().map(|v| (v - mean).powi(2)).sum::<f64>() / count;
    let slopes = values.iter().map(|&v| warp.log_slope(v)).sum::<f64>() / count;
    -0.5 * variance.ln() - unit.ln() + slopes
}

/// Median of ascending values, and the standard deviation that a normal distribution of the same quartiles has.
fn robust(sorted: &[f64]) -> (f64, f64) {
    quartiles(sorted.len(), |at| sorted[at])
}

/// The same of so many values by position.
fn quartiles(count: usize, value: impl Fn(usize) -> f64) -> (f64, f64) {
    // Between two values as far as the share says, so that the reflected values have the reflected quantiles.
    let at = |share: f64| {
        let position = (count - 1) as f64 * share;
        let (below, above) = (
            value(position.floor() as usize),
            value(position.ceil() as usize),
        );
        below + (above - below) * position.fract()
    };
    (at(0.5), (at(0.75) - at(0.25)) / 1.349)
}

/// A value of a context that is far from all others.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WildValue {
    /// The column.
    pub context: usize,
    /// The first row that has it.
    pub row: usize,
    /// The value.
    pub value: f64,
}

/// Values that stand alone, more than thirty robust standard deviations from the median, and are too few to say
/// anything of their surroundings: at most one in a hundred distinct values of a column whose other values have no
/// such tail. Many rows may have one, as a code for what is missing.
pub(crate) fn wild_values(contexts: ArrayView2<'_, f64>) -> Vec<WildValue> {
    let of_column = |context: usize| {
        let column = contexts.column(context);
        let sorted = distinct(column);
        let (_, near) = Warp::examined(&sorted);
        let mut left: HashSet<u64> = (0..near.start)
            .chain(near.end..sorted.len())
            .map(|at| bits(sorted[at]))
            .collect();
        let mut wild = Vec::new();
        for (row, &value) in column.iter().enumerate() {
            if left.is_empty() {
                break;
            }
            if left.remove(&bits(value)) {
                wild.push(WildValue {
                    context,
                    row,
                    value,
                });
            }
        }
        wild
    };
    let columns = (0..contexts.ncols()).into_par_iter();
    columns.flat_map_iter(of_column).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array1, Array2, Axis};
    use proptest::prelude::*;
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;
    use rand_distr::{Distribution, StandardNormal};

    fn draws(rows: usize, seed: u64, of: impl Fn(f64) -> f64) -> Array1<f64> {
        let mut generator = ChaCha8Rng::seed_from_u64(seed);
        Array1::from_shape_simple_fn(rows, || of(StandardNormal.sample(&mut generator)))
    }

    #[test]
    fn skewed_columns_are_transformed_and_others_are_not() {
        for seed in 0..20 {
            let of = |column: &Array1<f64>| Warp::of_column(column.view());
            assert_eq!(of(&draws(100, seed, |z| 5.0 + z)), Warp::None);
            let mut generator = ChaCha8Rng::seed_from_u64(seed);
            let uniform = Array1::from_shape_simple_fn(100, || generator.r#gen::<f64>());
            assert_eq!(of(&uniform), Warp::None);
            let counts = Array1::from_shape_fn(100, |row| (row % 5) as f64);
            assert_eq!(of(&counts), Warp::None);
            for sigma in [1.0, 1.5, 2.0] {
                let lognormal = draws(200, seed, |z| (sigma * z).exp());
                assert!(wild_values(lognormal.view().insert_axis(Axis(1))).is_empty());
                assert!(matches!(of(&lognormal), Warp::Above { .. }), "{seed}");
            }
            let mut wild = draws(200, seed, |z| z);
            wild[17] = 1000.0;
            assert!(matches!(of(&wild), Warp::Beyond { .. }), "{seed}");
            let found = wild_values(wild.view().insert_axis(Axis(1)));
            assert_eq!(found.len(), 1);
            assert_eq!((found[0].row, found[0].value), (17, 1000.0));
        }
        assert!(wild_values(Array2::zeros((5, 1)).view()).is_empty());
    }

    /// Contexts with a spike: what the other values are like decides, and a code for what is missing is named.
    #[test]
    fn a_value_of_many_rows_counts_once() {
        for seed in 0..10 {
            let normal = draws(200, seed, |z| 9.0 + z);
            for every in [2, 3, 5] {
                let spiked =
                    |value: f64| {
                        Array1::from_shape_fn(200, |row| {
                            if row % every == 0 { value } else { normal[row] }
                        })
                    };
                let logarithm = |warp| matches!(warp, Warp::Above { .. } | Warp::Below { .. });
                assert!(
                    !logarithm(Warp::of_column(spiked(0.0).view())),
                    "{seed} {every}"
                );
                let coded = spiked(-999.0);
                let found = wild_values(coded.view().insert_axis(Axis(1)));
                assert_eq!(found.len(), 1);
                assert_eq!((found[0].row, found[0].value), (0, -999.0));
            }
        }
    }

    #[test]
    fn it_follows_unit_origin_and_direction() {
        for (seed, of) in [
            (1, (|z| f64::exp(1.5 * z)) as fn(f64) -> f64),
            (2, |z| z * z.abs().powi(3)),
            (3, |z| z),
        ] {
            let column = draws(200, seed, of);
            let warp = Warp::of_column(column.view());
            let standardized = |values: Array1<f64>, sign: f64| {
                let warp = Warp::of_column(values.view());
                let own = values.mapv(|v| sign * warp.apply(v));
                (&own - own.mean().unwrap()) / own.std(0.0)
            };
            let expected = standardized(column.clone(), 1.0);
            assert_eq!(seed == 3, warp == Warp::None);
            for (unit, origin) in [(1e-3, 5.0), (40.0, -1e3), (-2.0, 7.0)] {
                let found = standardized(&column * unit + origin, f64::signum(unit));
                for (a, b) in found.iter().zip(&expected) {
                    assert!((a - b).abs() < 1e-6, "{unit} {origin}: {a} {b}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn all_are_increasing(a in -50.0..50.0_f64, gap in 1e-3..50.0_f64, end in -10.0..10.0_f64) {
            for warp in [
                Warp::None,
                Warp::Above { origin: end - 0.3, end },
                Warp::Below { origin: end + 0.3, end },
                Warp::Both { center: 1.0, scale: 0.3 },
                Warp::Beyond { low: end, high: end + 1.0, scale: 0.3 },
            ] {
                prop_assert!(warp.is_valid());
                prop_assert!(warp.apply(a) < warp.apply(a + gap), "{warp}");
            }
        }
    }
}

//! Of few hyperparameters and rows: values from all that is plausible, weighted by their density.

use super::Members;
use crate::hyperparameters::Kind;
use crate::optimise::{Posterior, axes_of};
use contextualized_core::Result;
use ndarray::{Array1, Array2};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;
use std::f64::consts::TAU;

/// Members drawn by importance. About the mode alone a function that is faint and rough would not be seen where
/// one that is constant is a little more likely.
///
/// Half of the draws are from the normal approximation about the center, widened; the other half are of any
/// inverse length scale and amplitude, evenly spread (Halton's sequence). Each is weighted by the density over
/// that of the whole proposal, weights are truncated (Ionides 2008, doi:10.1198/106186008X320456), and members
/// are taken by them systematically. None where there are too many hyperparameters or rows, or where too few
/// draws count: then the density is narrow, and the normal approximation holds.
pub(super) fn sampled(
    density: &Posterior<'_>,
    center: &Array1<f64>,
    information: &Array2<f64>,
    free: &[usize],
) -> Result<Option<Members>> {
    if free.is_empty() || free.len() > PRIMES.len() || density.engine.size() > MOST_ROWS {
        return Ok(None);
    }
    let near = Near::new(information)?;
    let kinds: Vec<Kind> = density.layout.kinds().collect();
    let rows = density.engine.rows() as f64;
    let ranges: Vec<Range> = free
        .iter()
        .map(|&at| Range::of(kinds[at], center[at], rows))
        .collect();
    let mut generator = ChaCha8Rng::seed_from_u64(0);
    let steps: Vec<Array1<f64>> = (0..DRAWS)
        .map(|draw| {
            let normal = || -> f64 { StandardNormal.sample(&mut generator) };
            let normal = Array1::from_shape_simple_fn(free.len(), normal);
            if draw % 2 == 0 {
                return near.axes.dot(&normal);
            }
            let each = ranges.iter().zip(PRIMES).zip(&normal).zip(free);
            each.map(|(((range, prime), normal), &at)| {
                range.at(radical_inverse(draw / 2 + SKIPPED, prime), *normal) - center[at]
            })
            .collect()
        })
        .collect();
    let weighed: Vec<(f64, Vec<f64>)> = steps
        .into_par_iter()
        .map(|step| {
            let mut logs = center.to_vec();
            for (&at, step) in free.iter().zip(&step) {
                logs[at] += step;
            }
            let anywhere = free.iter().zip(&ranges);
            let anywhere: f64 = anywhere
                .map(|(&at, range)| range.log_density(logs[at]))
                .sum();
            let near = near.log_density(&step);
            let most = near.max(anywhere);
            let proposal = most + (0.5 * ((near - most).exp() + (anywhere - most).exp())).ln();
            // A point at which the rows' covariance cannot be factored has no weight.
            let value = density.value(&logs).unwrap_or(f64::NEG_INFINITY);
            (value - proposal, logs)
        })
        .collect();
    Ok(drawn(weighed))
}

/// Members taken from draws by the logarithms of their weights, to the nearest as often as these say; none where
/// too few draws count.
fn drawn(weighed: Vec<(f64, Vec<f64>)>) -> Option<Members> {
    let most = weighed
        .iter()
        .fold(f64::NEG_INFINITY, |most, (log, _)| log.max(most));
    if !most.is_finite() {
        return None;
    }
    let weights = Array1::from_iter(weighed.iter().map(|(log, _)| (log - most).exp()));
    let largest = weights.sum() / (weights.len() as f64).sqrt();
    let weights = weights.mapv(|weight| weight.min(largest));
    let total = weights.sum();
    if total * total < FEWEST * weights.dot(&weights) {
        return None;
    }
    let (mut passed, mut next) = (0.0, 0.5);
    let mut members = Members::new();
    for (weight, (_, logs)) in weights.iter().zip(weighed) {
        passed += weight / total * MEMBERS as f64;
        let mut count = 0;
        while next <= passed && count < MEMBERS {
            count += 1;
            next += 1.0;
        }
        if count > 0 {
            members.push((count as f64, logs));
        }
    }
    let all: f64 = members.iter().map(|(count, _)| count).sum();
    let share = members.into_iter().map(|(count, logs)| (count / all, logs));
    Some(share.collect())
}

/// The normal approximation about the center, widened.
struct Near {
    axes: Array2<f64>,
    inverse: Array2<f64>,
    /// Of its density at the center.
    log_height: f64,
}

impl Near {
    fn new(information: &Array2<f64>) -> Result<Self> {
        let axes = axes_of(&(information / (WIDENED * WIDENED)))?;
        let mut inverse = axes.t().to_owned();
        let mut log_height = 0.0;
        for mut row in inverse.rows_mut() {
            // Axes are at right angles.
            let square = row.dot(&row);
            row /= square;
            log_height -= 0.5 * (square * TAU).ln();
        }
        Ok(Self {
            axes,
            inverse,
            log_height,
        })
    }

    fn log_density(&self, step: &Array1<f64>) -> f64 {
        let standard = self.inverse.dot(step);
        self.log_height - 0.5 * standard.dot(&standard)
    }
}

/// Where a logarithm may be, whatever the mode says.
enum Range {
    Uniform(f64, f64),
    Normal { mean: f64, deviation: f64 },
}

impl Range {
    fn of(kind: Kind, center: f64, rows: f64) -> Self {
        match kind {
            Kind::InverseLengthScale => Self::Uniform(0.1_f64.ln(), 6.0_f64.ln()),
            Kind::Amplitude => Self::Uniform(0.02_f64.ln(), 1.5_f64.ln()),
            // The standard error of the logarithm of a standard deviation, widened.
            Kind::Noise | Kind::Scale => Self::Normal {
                mean: center,
                deviation: WIDENED / (2.0 * rows).sqrt(),
            },
        }
    }

    fn at(&self, uniform: f64, normal: f64) -> f64 {
        match *self {
            Self::Uniform(low, high) => low + (high - low) * uniform,
            Self::Normal { mean, deviation } => mean + deviation * normal,
        }
    }

    fn log_density(&self, log: f64) -> f64 {
        match *self {
            Self::Uniform(low, high) if (low..=high).contains(&log) => -(high - low).ln(),
            Self::Uniform(..) => f64::NEG_INFINITY,
            Self::Normal { mean, deviation } => {
                let z = (log - mean) / deviation;
                -0.5 * (z * z + TAU.ln()) - deviation.ln()
            }
        }
    }
}

/// The digits of a number in a base, reversed behind the point: a term of Halton's sequence.
fn radical_inverse(mut number: usize, base: usize) -> f64 {
    let (mut value, mut digit) = (0.0, 1.0);
    while number > 0 {
        digit /= base as f64;
        value += digit * (number % base) as f64;
        number /= base;
    }
    value
}

/// Bases of the sequence, one for each hyperparameter: as many as there may be.
const PRIMES: [usize; 7] = [2, 3, 5, 7, 11, 13, 17];
/// Terms of the sequence left out: the first of large bases lie on a line.
const SKIPPED: usize = 20;
/// The largest systems of equations of which so many are solved.
const MOST_ROWS: usize = 512;
const DRAWS: usize = 256;
/// Draws of equal weight that are worth as much as these have to be at least.
const FEWEST: f64 = 4.0;
const MEMBERS: usize = 24;
const WIDENED: f64 = 1.5;

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_abs_diff_eq;

    #[test]
    fn digits_are_reversed() {
        assert_abs_diff_eq!(radical_inverse(6, 2), 0.375);
        assert_abs_diff_eq!(
            radical_inverse(5, 3),
            2.0 / 3.0 + 1.0 / 9.0,
            epsilon = 1e-15
        );
    }

    #[test]
    fn members_are_taken_as_often_as_their_weights_say() {
        let weighed = (0..20).map(|i| (f64::from(i % 2) * 3_f64.ln(), vec![f64::from(i)]));
        let members = drawn(weighed.collect()).unwrap();
        let odd = members.iter().filter(|(_, logs)| logs[0] % 2.0 == 1.0);
        let share: f64 = odd.map(|(weight, _)| weight).sum();
        assert_abs_diff_eq!(share, 0.75, epsilon = 1.0 / 24.0);
        let total: f64 = members.iter().map(|(weight, _)| weight).sum();
        assert_abs_diff_eq!(total, 1.0, epsilon = 1e-12);
    }

    #[test]
    fn one_draw_that_outweighs_all_others_is_no_sample() {
        let weighed = (0..20).map(|i| (if i == 3 { 0.0 } else { -50.0 }, vec![0.0]));
        assert_eq!(drawn(weighed.collect()), None);
    }

    #[test]
    fn the_density_about_the_center_is_the_normal_one() {
        let information = ndarray::array![[4.0, 1.0], [1.0, 3.0]] * (WIDENED * WIDENED);
        let near = Near::new(&information).unwrap();
        let step = ndarray::array![0.3, -0.2];
        let expected = -0.5 * (0.09 * 4.0 - 0.12 + 0.04 * 3.0) + 0.5 * 11_f64.ln() - TAU.ln();
        assert_abs_diff_eq!(near.log_density(&step), expected, epsilon = 1e-12);
    }
}

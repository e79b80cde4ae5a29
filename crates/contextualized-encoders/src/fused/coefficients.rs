//! From coefficients to the linear predictor, and back.

use crate::penalties::Penalties;
use crate::structure::HeadStructure;

/// Coefficients of the rows of a batch, slopes first, target after target, then intercepts; and what the
/// objective's derivatives by them are. Padding is zero.
pub(super) struct Coefficients {
    pub(super) values: super::Buffer,
    pub(super) deltas: super::Buffer,
    pub(super) stride: usize,
}

/// One row of features, and the linear predictor there or the objective's derivatives by it.
pub(super) struct Row<'a> {
    pub(super) features: &'a [f64],
    pub(super) targets: &'a mut [f64],
}

/// Sets slopes that there are not to zero.
#[inline(always)]
pub(super) fn apply_mask(head: &HeadStructure, coefficients: &mut [f64]) {
    if let Some(mask) = &head.mask {
        for (coefficient, mask) in coefficients.iter_mut().zip(mask) {
            *coefficient *= mask;
        }
    }
}

/// `B x + m` of a row.
#[inline(always)]
pub(super) fn predict(head: &HeadStructure, coefficients: &[f64], row: Row<'_>) {
    let (slopes, intercepts) = coefficients.split_at(head.slopes());
    let slopes = slopes.chunks_exact(head.features);
    for (predictor, slopes) in row.targets.iter_mut().zip(slopes) {
        *predictor = dot(slopes, row.features);
    }
    if head.intercept {
        for (predictor, intercept) in row.targets.iter_mut().zip(intercepts) {
            *predictor += intercept;
        }
    }
}

/// The objective's derivatives by the coefficients of a row, from those by its linear predictor and the
/// penalties, each of which is divided by the rows of the batch.
#[inline(always)]
pub(super) fn differentiate(
    head: &HeadStructure,
    penalties: &Penalties,
    rows: usize,
    coefficients: &[f64],
    deltas: &mut [f64],
    row: &Row<'_>,
) {
    let (slopes, intercepts) = deltas.split_at_mut(head.slopes());
    for (delta, slopes) in row
        .targets
        .iter()
        .zip(slopes.chunks_exact_mut(head.features))
    {
        for (slope, feature) in slopes.iter_mut().zip(row.features) {
            *slope = delta * feature;
        }
    }
    if head.intercept {
        intercepts[..head.targets].copy_from_slice(row.targets);
    }
    let Penalties {
        coefficients_l1,
        coefficients_l2,
        ..
    } = *penalties;
    if coefficients_l1 > 0.0 || coefficients_l2 > 0.0 {
        let (absolute, squared) = (coefficients_l1 / rows as f64, coefficients_l2 / rows as f64);
        for (delta, &value) in deltas.iter_mut().zip(coefficients) {
            let sign = f64::from(i8::from(value > 0.0) - i8::from(value < 0.0));
            *delta += absolute * sign + 2.0 * squared * value;
        }
    }
    apply_mask(head, deltas);
}

/// Four sums, which fit a register, and then theirs.
#[inline(always)]
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let (mut fours, mut others) = (a.chunks_exact(4), b.chunks_exact(4));
    let mut sums = [0.0; 4];
    for (a, b) in fours.by_ref().zip(others.by_ref()) {
        for lane in 0..4 {
            sums[lane] += a[lane] * b[lane];
        }
    }
    let rest = fours.remainder().iter().zip(others.remainder());
    let rest: f64 = rest.map(|(a, b)| a * b).sum();
    (sums[0] + sums[1]) + (sums[2] + sums[3]) + rest
}

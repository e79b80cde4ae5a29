//! What share of each row is in each leaf of a tree, and sums over rows by share.

use super::tree::{Rule, has_level};
use contextualized_solvers::vectorized;

/// Rows that are worked on at a time, so that what is computed of them is still at hand for the next sum.
const BLOCK: usize = 512;

/// A column of features and what sums are made of.
#[derive(Clone, Copy)]
pub(super) struct Column<'a> {
    /// The feature, times the root of the row's weight.
    pub(super) feature: &'a [f64],
    /// Its squares.
    pub(super) squares: &'a [f64],
    /// The residuals, times the root of the row's weight.
    pub(super) residual: &'a [f64],
}

/// `Σ x r` over rows by their share in each leaf, in order of the leaves.
pub(super) fn products(column: Column<'_>, shares: &[Vec<f32>], products: &mut Vec<f64>) {
    products.clear();
    products.resize(shares.len(), 0.0);
    let products = products.as_mut_slice();
    vectorized(
        #[inline(always)]
        || {
            let mut both = [0.0; BLOCK];
            for rows in blocks(column.feature.len()) {
                let own = &mut both[..rows.len()];
                multiply(
                    &column.feature[rows.clone()],
                    &column.residual[rows.clone()],
                    own,
                );
                for (product, share) in products.iter_mut().zip(shares) {
                    *product += inner_product(own, &share[rows.clone()]);
                }
            }
        },
    );
}

/// Sums of the shares of a right child on trial.
#[derive(Debug, Clone, Default)]
pub(super) struct TrialSums {
    /// `Σ s`.
    pub(super) rows: f64,
    /// `Σ s x r`.
    pub(super) product: f64,
    /// `Σ s² x²`.
    pub(super) square: f64,
    /// `Σ s s' x²` with the share in every leaf.
    pub(super) cross: Vec<f64>,
}

/// What a split of one leaf, or of two together, sends right: the shares of every row, and their sums.
pub(super) fn try_split(
    column: Column<'_>,
    shares: &[Vec<f32>],
    split_leaves: [usize; 2],
    rule: Rule<'_>,
    codes: &[u16],
    right: &mut [f32],
    sums: &mut TrialSums,
) {
    sums.cross.clear();
    sums.cross.resize(shares.len(), 0.0);
    let [first, second] = split_leaves;
    let (whole, other) = (&shares[first], (second != first).then(|| &shares[second]));
    vectorized(
        #[inline(always)]
        || {
            let mut total = TrialSums {
                cross: std::mem::take(&mut sums.cross),
                ..TrialSums::default()
            };
            let (mut both, mut squares) = ([0.0; BLOCK], [0.0; BLOCK]);
            for rows in blocks(codes.len()) {
                let own = &mut right[rows.clone()];
                own.copy_from_slice(&whole[rows.clone()]);
                if let Some(other) = other {
                    for (own, other) in own.iter_mut().zip(&other[rows.clone()]) {
                        *own += other;
                    }
                }
                send_right(rule, &codes[rows.clone()], own);
                let (both, squares) = (&mut both[..rows.len()], &mut squares[..rows.len()]);
                multiply(
                    &column.feature[rows.clone()],
                    &column.residual[rows.clone()],
                    both,
                );
                for ((square, own), x) in squares
                    .iter_mut()
                    .zip(&*own)
                    .zip(&column.squares[rows.clone()])
                {
                    *square = f64::from(*own) * x;
                }
                total.rows += sum(own);
                total.product += inner_product(both, own);
                total.square += inner_product(squares, own);
                for (cross, share) in total.cross.iter_mut().zip(shares) {
                    *cross += inner_product(squares, &share[rows.clone()]);
                }
            }
            *sums = total;
        },
    );
}

/// `Σ s s' x²` for all pairs of leaves (leaves × leaves).
pub(super) fn gram(squares: &[f64], shares: &[Vec<f32>], gram: &mut Vec<f64>) {
    let leaves = shares.len();
    gram.clear();
    gram.resize(leaves * leaves, 0.0);
    let gram = gram.as_mut_slice();
    vectorized(
        #[inline(always)]
        || {
            let mut scaled = [0.0; BLOCK];
            for rows in blocks(squares.len()) {
                let scaled = &mut scaled[..rows.len()];
                for (one, share) in shares.iter().enumerate() {
                    let squares = &squares[rows.clone()];
                    for ((scaled, share), x) in
                        scaled.iter_mut().zip(&share[rows.clone()]).zip(squares)
                    {
                        *scaled = f64::from(*share) * x;
                    }
                    for (other, share) in shares.iter().enumerate().take(one + 1) {
                        let sum = inner_product(scaled, &share[rows.clone()]);
                        gram[one * leaves + other] += sum;
                        if one != other {
                            gram[other * leaves + one] += sum;
                        }
                    }
                }
            }
        },
    );
}

/// Takes changes of the leaves' values out of the residuals.
pub(super) fn take_out(
    feature: &[f64],
    shares: &[Vec<f32>],
    changes: &[f64],
    residual: &mut [f64],
) {
    vectorized(
        #[inline(always)]
        || {
            let mut change = [0.0; BLOCK];
            for rows in blocks(feature.len()) {
                let change = &mut change[..rows.len()];
                change.fill(0.0);
                for (share, by) in shares.iter().zip(changes) {
                    let by = *by;
                    for (change, share) in change.iter_mut().zip(&share[rows.clone()]) {
                        *change += by * f64::from(*share);
                    }
                }
                let feature = &feature[rows.clone()];
                for ((r, x), change) in residual[rows].iter_mut().zip(feature).zip(&*change) {
                    *r -= x * change;
                }
            }
        },
    );
}

fn blocks(rows: usize) -> impl Iterator<Item = std::ops::Range<usize>> {
    (0..rows)
        .step_by(BLOCK)
        .map(move |start| start..rows.min(start + BLOCK))
}

/// Multiplies shares by those of the right child, of rows whose ranks or levels these are. Values between two observed
/// ones have a rank between theirs.
#[inline(always)]
pub(crate) fn send_right(rule: Rule<'_>, positions: &[impl Copy + Into<f32>], shares: &mut [f32]) {
    match rule {
        Rule::Ramp { below, width } => {
            let middle = f32::from(below) + 0.5;
            for (share, position) in shares.iter_mut().zip(positions) {
                let position: f32 = (*position).into();
                *share *= ((position - middle) / width + 0.5).clamp(0.0, 1.0);
            }
        }
        Rule::Levels(right) => {
            for (share, position) in shares.iter_mut().zip(positions) {
                let position: f32 = (*position).into();
                *share *= f32::from(u8::from(has_level(right, position as u16)));
            }
        }
    }
}

#[inline(always)]
fn multiply(a: &[f64], b: &[f64], products: &mut [f64]) {
    for ((product, a), b) in products.iter_mut().zip(a).zip(b) {
        *product = a * b;
    }
}

/// `Σ aᵢ bᵢ` in eight sums side by side.
#[inline(always)]
fn inner_product(a: &[f64], b: &[f32]) -> f64 {
    const LANES: usize = 8;
    let mut sums = [0.0; LANES];
    let (a_chunks, b_chunks) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let (a_rest, b_rest) = (a_chunks.remainder(), b_chunks.remainder());
    for (a, b) in a_chunks.zip(b_chunks) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * f64::from(b[lane]);
        }
    }
    let rest: f64 = a_rest
        .iter()
        .zip(b_rest)
        .map(|(a, b)| a * f64::from(*b))
        .sum();
    add_up(sums) + rest
}

#[inline(always)]
fn sum(a: &[f32]) -> f64 {
    const LANES: usize = 8;
    let mut sums = [0.0; LANES];
    let chunks = a.chunks_exact(LANES);
    let rest: f64 = chunks.remainder().iter().map(|a| f64::from(*a)).sum();
    for a in chunks {
        for lane in 0..LANES {
            sums[lane] += f64::from(a[lane]);
        }
    }
    add_up(sums) + rest
}

#[inline(always)]
fn add_up([s0, s1, s2, s3, s4, s5, s6, s7]: [f64; 8]) -> f64 {
    ((s0 + s4) + (s2 + s6)) + ((s1 + s5) + (s3 + s7))
}

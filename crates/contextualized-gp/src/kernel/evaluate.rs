//! Values of a kernel between one context and many, and derivatives by the logarithms of inverse length scales.

use super::{Factor, KernelShape, Term};
use contextualized_solvers::{exponential, lanes, vectorized};
use ndarray::{Array2, ArrayView2, Axis};

impl Term {
    /// The kernel of a context with itself.
    pub(crate) fn variance(&self, squares: &[f64], context: &[f64]) -> f64 {
        let columns = Array2::from_shape_fn((context.len(), 1), |(k, _)| context[k]);
        let mut out = [0.0];
        self.values(squares, context, columns.view(), &mut out, &mut [0.0]);
        out[0]
    }

    /// The kernel of one context with many, whose columns are the rows of `others` (c × n), given the
    /// squares of the inverse length scales. `spare` has room for as many.
    pub(crate) fn values(
        &self,
        squares: &[f64],
        context: &[f64],
        others: ArrayView2<'_, f64>,
        out: &mut [f64],
        spare: &mut [f64],
    ) {
        let mut start = 0;
        for factor in &self.factors {
            let end = start + factor.columns.len();
            let into: &mut [f64] = if start == 0 { &mut *out } else { &mut *spare };
            factor.sums(&squares[start..end], context, others, into);
            factor.values(into);
            if start > 0 {
                multiply(out, spare);
            }
            start = end;
        }
    }

    /// The same, and `Σ_b weights_b ∂k_b` by the logarithm of each inverse length scale, added to `slopes`.
    pub(crate) fn values_and_slopes(
        &self,
        squares: &[f64],
        context: &[f64],
        others: ArrayView2<'_, f64>,
        weights: &[f64],
        room: &mut Room,
        slopes: &mut [f64],
    ) {
        let count = weights.len();
        let mut start = 0;
        for (index, factor) in self.factors.iter().enumerate() {
            let end = start + factor.columns.len();
            let (values, derivatives) = room.of(index, count);
            factor.sums(&squares[start..end], context, others, values);
            factor.values_and_derivatives(values, derivatives);
            start = end;
        }
        let mut start = 0;
        for (index, factor) in self.factors.iter().enumerate() {
            let end = start + factor.columns.len();
            // Each factor's derivative, times the other factors and the weights.
            let mut total = std::mem::take(&mut room.total);
            total.clear();
            total.extend_from_slice(weights);
            multiply(&mut total, room.of(index, count).1);
            for other in (0..self.factors.len()).filter(|other| *other != index) {
                multiply(&mut total, room.of(other, count).0);
            }
            factor.contract(
                &squares[start..end],
                context,
                others,
                &total,
                &mut slopes[start..end],
            );
            room.total = total;
            start = end;
        }
        // The product of all factors stands where the first one's values stood.
        for index in 1..self.factors.len() {
            let factor = room.of(index, count).0.to_vec();
            multiply(room.of(0, count).0, &factor);
        }
    }
}

/// Buffers for the evaluation of a term's factors at many contexts.
#[derive(Default)]
pub(crate) struct Room {
    factors: Vec<(Vec<f64>, Vec<f64>)>,
    total: Vec<f64>,
}

impl Room {
    fn of(&mut self, factor: usize, count: usize) -> (&mut [f64], &mut [f64]) {
        if self.factors.len() <= factor {
            self.factors.resize(factor + 1, Default::default());
        }
        let (values, derivatives) = &mut self.factors[factor];
        if values.len() < count {
            values.resize(count, 0.0);
            derivatives.resize(count, 0.0);
        }
        (&mut values[..count], &mut derivatives[..count])
    }

    /// The kernel's values after [`Term::values_and_slopes`].
    pub(crate) fn values(&mut self, count: usize) -> &[f64] {
        self.of(0, count).0
    }
}

fn multiply(out: &mut [f64], by: &[f64]) {
    vectorized(
        #[inline(always)]
        move || {
            for (out, by) in out.iter_mut().zip(by) {
                *out *= by;
            }
        },
    );
}

/// `e⁻ˣ`, or zero where that is far below the rounding of a variance: products of numbers next to nothing are
/// subnormal, and with these a processor computes a hundred times slower.
#[inline(always)]
fn decay(x: f64) -> f64 {
    if x > NEGLIGIBLE { 0.0 } else { exponential(-x) }
}

const NEGLIGIBLE: f64 = 100.0;
/// Beyond this distance a decaying kernel is zero, without an overflow on the way.
const FARTHEST: f64 = 1e6;
const SQRT_3: f64 = 1.732_050_807_568_877_2;
const SQRT_5: f64 = 2.236_067_977_499_79;

impl Factor {
    /// The argument of the family's function at many contexts: sums over columns.
    fn sums(&self, squares: &[f64], context: &[f64], others: ArrayView2<'_, f64>, out: &mut [f64]) {
        self.with_shares(AddShares {
            columns: &self.columns,
            squares,
            context,
            others: others.view(),
            out,
        });
    }

    fn values(&self, out: &mut [f64]) {
        vectorized(
            #[inline(always)]
            move || match self.family {
                KernelShape::SquaredExponential => {
                    out.iter_mut().for_each(|s| *s = decay(0.5 * *s));
                }
                KernelShape::Matern32 => out.iter_mut().for_each(|s| {
                    let d = SQRT_3 * s.sqrt().min(FARTHEST);
                    *s = (1.0 + d) * decay(d);
                }),
                KernelShape::Matern52 => out.iter_mut().for_each(|s| {
                    let d = SQRT_5 * s.sqrt().min(FARTHEST);
                    *s = (1.0 + d + d * d / 3.0) * decay(d);
                }),
                KernelShape::Linear => {}
                KernelShape::Polynomial { degree } => out
                    .iter_mut()
                    .for_each(|s| *s = (1.0 + *s).powi(i32::from(degree))),
                KernelShape::Periodic { .. } => {
                    out.iter_mut().for_each(|s| *s = decay(2.0 * *s));
                }
                KernelShape::Categorical => out.iter_mut().for_each(|s| *s = decay(*s)),
            },
        );
    }

    /// Sums to values, and twice the derivatives of these by the sums: a sum is quadratic in each
    /// inverse length scale, so that is what a column's share of the sum is multiplied by in the derivative by
    /// the logarithm of its inverse length scale.
    fn values_and_derivatives(&self, sums: &mut [f64], derivatives: &mut [f64]) {
        let pairs = sums.iter_mut().zip(derivatives);
        vectorized(
            #[inline(always)]
            move || match self.family {
                KernelShape::SquaredExponential => pairs.for_each(|(s, g)| {
                    *s = decay(0.5 * *s);
                    *g = -*s;
                }),
                KernelShape::Matern32 => pairs.for_each(|(s, g)| {
                    let d = SQRT_3 * s.sqrt().min(FARTHEST);
                    let decay = decay(d);
                    *s = (1.0 + d) * decay;
                    *g = -3.0 * decay;
                }),
                KernelShape::Matern52 => pairs.for_each(|(s, g)| {
                    let d = SQRT_5 * s.sqrt().min(FARTHEST);
                    let decay = decay(d);
                    *s = (1.0 + d + d * d / 3.0) * decay;
                    *g = -5.0 / 3.0 * (1.0 + d) * decay;
                }),
                KernelShape::Linear => pairs.for_each(|(_, g)| *g = 2.0),
                KernelShape::Polynomial { degree } => pairs.for_each(|(s, g)| {
                    let power = (1.0 + *s).powi(i32::from(degree) - 1);
                    *s = (1.0 + *s) * power;
                    *g = 2.0 * f64::from(degree) * power;
                }),
                KernelShape::Periodic { .. } => pairs.for_each(|(s, g)| {
                    *s = decay(2.0 * *s);
                    *g = -4.0 * *s;
                }),
                KernelShape::Categorical => pairs.for_each(|(s, g)| {
                    *s = decay(*s);
                    *g = -2.0 * *s;
                }),
            },
        );
    }

    /// Adds each column's share of the sum, times the weights, to its slope.
    fn contract(
        &self,
        squares: &[f64],
        context: &[f64],
        others: ArrayView2<'_, f64>,
        weights: &[f64],
        slopes: &mut [f64],
    ) {
        for ((slope, &k), &square) in slopes.iter_mut().zip(&self.columns).zip(squares) {
            if square == 0.0 {
                continue;
            }
            let (own, others) = (context[k], column(&others, k));
            let total = self.with_shares(SumShares {
                weights,
                own,
                others,
            });
            *slope += square * total;
        }
    }

    /// Goes over what columns add to the sums at an inverse length scale of one, given the two contexts there.
    #[inline(always)]
    fn with_shares<L: OverShares>(&self, work: L) -> L::Output {
        match self.family {
            KernelShape::Linear | KernelShape::Polynomial { .. } => {
                work.run(|own, other| own * other)
            }
            KernelShape::Periodic { period } => {
                work.run(|own, other| sine(own - other, period).powi(2))
            }
            KernelShape::Categorical => work.run(|own, other| f64::from(own != other)),
            KernelShape::SquaredExponential | KernelShape::Matern32 | KernelShape::Matern52 => work
                .run(|own, other| {
                    let difference = own - other;
                    difference * difference
                }),
        }
    }
}

fn sine(difference: f64, period: f64) -> f64 {
    (std::f64::consts::PI * difference / period).sin()
}

/// A column of contexts, which are the rows of a table.
fn column<'a>(others: &ArrayView2<'a, f64>, index: usize) -> &'a [f64] {
    let row = others.index_axis_move(Axis(0), index).to_slice();
    row.expect("rows of tables are contiguous")
}

/// A loop over columns of many contexts, given the share of each pair.
trait OverShares {
    type Output;

    fn run(self, share: impl Fn(f64, f64) -> f64) -> Self::Output;
}

/// Sums, over columns, of multiples of the shares.
struct AddShares<'a> {
    columns: &'a [usize],
    squares: &'a [f64],
    context: &'a [f64],
    others: ArrayView2<'a, f64>,
    out: &'a mut [f64],
}

/// Sums that are held in registers while all columns are added.
const CHUNK: usize = 32;

impl AddShares<'_> {
    /// Adds every column's shares of contexts from `start` on. Without an inverse length scale a column counts
    /// for nothing, whatever the distance: 0 · ∞ is not a number.
    #[inline(always)]
    fn add(&self, start: usize, out: &mut [f64], share: &impl Fn(f64, f64) -> f64) {
        for (&k, &square) in self.columns.iter().zip(self.squares) {
            if square == 0.0 {
                continue;
            }
            let own = self.context[k];
            let others = &column(&self.others, k)[start..][..out.len()];
            for (out, &other) in out.iter_mut().zip(others) {
                *out += square * share(own, other);
            }
        }
    }
}

impl OverShares for AddShares<'_> {
    type Output = ();

    #[inline(always)]
    fn run(mut self, share: impl Fn(f64, f64) -> f64) {
        vectorized(
            #[inline(always)]
            move || {
                let out = std::mem::take(&mut self.out);
                let (chunks, rest) = out.as_chunks_mut::<CHUNK>();
                let done = chunks.len() * CHUNK;
                for (index, chunk) in chunks.iter_mut().enumerate() {
                    let mut sums = [0.0; CHUNK];
                    self.add(index * CHUNK, &mut sums, &share);
                    *chunk = sums;
                }
                rest.fill(0.0);
                self.add(done, rest, &share);
            },
        );
    }
}

/// The sum of one column's shares, weighted.
struct SumShares<'a> {
    weights: &'a [f64],
    own: f64,
    others: &'a [f64],
}

impl OverShares for SumShares<'_> {
    type Output = f64;

    #[inline(always)]
    fn run(self, share: impl Fn(f64, f64) -> f64) -> f64 {
        let (own, others) = (self.own, &self.others[..self.weights.len()]);
        vectorized(
            #[inline(always)]
            move || {
                lanes(self.weights, others, |weight, other| {
                    weight * share(own, other)
                })
            },
        )
    }
}

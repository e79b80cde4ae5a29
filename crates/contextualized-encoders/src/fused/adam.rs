//! Adam over flat arrays.

use super::buffer::Buffer;
use contextualized_core::{Error, Result};
use pulp::Simd;
use std::ops::Range;

/// Decay of the moments, and the number that keeps the divisor from zero (Kingma and Ba 2015,
/// arXiv:1412.6980).
const DECAY: (f64, f64) = (0.9, 0.999);
const EPSILON: f64 = 1e-8;

/// First moments below this become zero every so many steps. Those of a unit that is switched off decay
/// towards the smallest numbers there are, on which processors are a hundred times as slow.
const SMALLEST_MOMENT: f64 = 1e-290;
const STEPS_BETWEEN: i32 = 128;

/// Moments of every weight.
pub(super) struct Adam {
    pub(super) learning_rate: f64,
    first: Buffer,
    second: Buffer,
    step: i32,
    /// Stretches of weights with the gradient of a penalty on their squares, per weight.
    stretches: Vec<(Range<usize>, f64)>,
}

impl Adam {
    pub(super) fn new(learning_rate: f64, stretches: Vec<(Range<usize>, f64)>) -> Self {
        let length = stretches.last().map_or(0, |(range, _)| range.end);
        Self {
            learning_rate,
            first: Buffer::zeros(length),
            second: Buffer::zeros(length),
            step: 0,
            stretches,
        }
    }

    /// Counts a step.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for more than there are numbers for.
    pub(super) fn count(&mut self) -> Result<()> {
        self.step = self.step.checked_add(1).ok_or_else(|| {
            Error::invalid_parameter("epochs", "2^31 steps or more", "fewer optimiser steps")
        })?;
        Ok(())
    }

    /// Moves every weight against its gradient.
    #[inline(always)]
    pub(super) fn update<S: Simd>(&mut self, simd: S, weights: &mut [f64], gradient: &[f64]) {
        let Self { first, second, .. } = self;
        if self.step % STEPS_BETWEEN == 0 {
            for moment in first.iter_mut() {
                *moment = if moment.abs() < SMALLEST_MOMENT {
                    0.0
                } else {
                    *moment
                };
            }
        }
        for (stretch, decay) in &self.stretches {
            let step = Step::new(simd, self.step, self.learning_rate, *decay);
            let range = || stretch.clone();
            let weights = S::as_mut_simd_f64s(&mut weights[range()]).0;
            let gradient = S::as_simd_f64s(&gradient[range()]).0;
            let first = S::as_mut_simd_f64s(&mut first[range()]).0;
            let second = S::as_mut_simd_f64s(&mut second[range()]).0;
            let (weights, last_weights) = weights.as_chunks_mut::<4>();
            let (gradient, last_gradient) = gradient.as_chunks::<4>();
            let (first, last_first) = first.as_chunks_mut::<4>();
            let (second, last_second) = second.as_chunks_mut::<4>();
            let moments = first.iter_mut().zip(second);
            for ((weights, gradient), (first, second)) in
                weights.iter_mut().zip(gradient).zip(moments)
            {
                step.take(weights, gradient, first, second);
            }
            let moments = last_first.iter_mut().zip(last_second);
            for ((weight, gradient), (first, second)) in
                last_weights.iter_mut().zip(last_gradient).zip(moments)
            {
                let one = std::array::from_mut;
                step.take(
                    one(weight),
                    std::array::from_ref(gradient),
                    one(first),
                    one(second),
                );
            }
        }
    }
}

/// What is the same for all weights of a stretch.
#[derive(Clone, Copy)]
struct Step<S: Simd> {
    simd: S,
    /// What is kept of the moments.
    kept: (S::f64s, S::f64s),
    /// What is taken of the gradient and its square.
    taken: (S::f64s, S::f64s),
    /// The learning rate, and what takes the bias out of the first moments.
    rate: S::f64s,
    /// What takes the bias out of the second moments.
    unbiased: S::f64s,
    epsilon: S::f64s,
    decay: S::f64s,
}

impl<S: Simd> Step<S> {
    #[inline(always)]
    fn new(simd: S, step: i32, learning_rate: f64, decay: f64) -> Self {
        let (first, second) = DECAY;
        let splat = |value| simd.splat_f64s(value);
        Self {
            simd,
            kept: (splat(first), splat(second)),
            taken: (splat(1.0 - first), splat(1.0 - second)),
            rate: splat(learning_rate / (1.0 - first.powi(step))),
            unbiased: splat(1.0 / (1.0 - second.powi(step))),
            epsilon: splat(EPSILON),
            decay: splat(decay),
        }
    }

    #[inline(always)]
    fn take<const N: usize>(
        &self,
        weights: &mut [S::f64s; N],
        gradient: &[S::f64s; N],
        first: &mut [S::f64s; N],
        second: &mut [S::f64s; N],
    ) {
        let simd = self.simd;
        let mut lengths = [self.epsilon; N];
        for at in 0..N {
            let gradient = simd.mul_add_e_f64s(self.decay, weights[at], gradient[at]);
            let mean = simd.mul_f64s(first[at], self.kept.0);
            first[at] = simd.mul_add_e_f64s(gradient, self.taken.0, mean);
            let square = simd.mul_f64s(gradient, gradient);
            let squares = simd.mul_f64s(second[at], self.kept.1);
            second[at] = simd.mul_add_e_f64s(square, self.taken.1, squares);
            let root = simd.sqrt_f64s(simd.mul_f64s(second[at], self.unbiased));
            lengths[at] = simd.add_f64s(root, self.epsilon);
        }
        let inverses = inverses(simd, lengths);
        for at in 0..N {
            let step = simd.mul_f64s(simd.mul_f64s(first[at], self.rate), inverses[at]);
            weights[at] = simd.sub_f64s(weights[at], step);
        }
    }
}

/// 1 / d of each, by one division for all, which take longer than all the rest: with p the product of
/// d₁ to d_k, 1 / d_k is p_{k−1} / p_k. None is below [`EPSILON`], so that products of four are numbers
/// as long as gradients are below 1e77, far beyond where training counts as diverged.
#[inline(always)]
fn inverses<S: Simd, const N: usize>(simd: S, numbers: [S::f64s; N]) -> [S::f64s; N] {
    let mut products = numbers;
    for at in 1..N {
        products[at] = simd.mul_f64s(products[at - 1], numbers[at]);
    }
    let mut inverse = simd.div_f64s(simd.splat_f64s(1.0), products[N - 1]);
    for at in (1..N).rev() {
        products[at] = simd.mul_f64s(inverse, products[at - 1]);
        inverse = simd.mul_f64s(inverse, numbers[at]);
    }
    products[0] = inverse;
    products
}

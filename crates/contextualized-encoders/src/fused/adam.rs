//! Adam over flat arrays.

use super::buffer::Buffer;
use contextualized_core::{Error, Result};
use pulp::Simd;
use std::ops::Range;

/// Decay of the moments, and the number that keeps the divisor from zero (Kingma and Ba 2015,
/// arXiv:1412.6980).
const DECAY: (f64, f64) = (0.9, 0.999);
const EPSILON: f64 = 1e-8;

/// First moments below this count as zero. Those of a unit that is switched off decay towards the
/// smallest numbers there are, on which processors are a hundred times as slow.
const SMALLEST_MOMENT: f64 = 1e-290;

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
        let (first_kept, second_kept) = DECAY;
        let first_unbiased = (1.0 - first_kept.powi(self.step)).recip();
        let second_unbiased = (1.0 - second_kept.powi(self.step)).recip();
        let splat = |value| simd.splat_f64s(value);
        let rate = splat(self.learning_rate * first_unbiased);
        let second_unbiased = splat(second_unbiased);
        let (first_new, second_new) = (splat(1.0 - first_kept), splat(1.0 - second_kept));
        let (first_kept, second_kept) = (splat(first_kept), splat(second_kept));
        let (epsilon, smallest) = (splat(EPSILON), splat(SMALLEST_MOMENT));
        for (stretch, decay) in &self.stretches {
            let decay = splat(*decay);
            let weights = S::as_mut_simd_f64s(&mut weights[stretch.clone()]).0;
            let gradient = S::as_simd_f64s(&gradient[stretch.clone()]).0;
            let first = S::as_mut_simd_f64s(&mut self.first[stretch.clone()]).0;
            let second = S::as_mut_simd_f64s(&mut self.second[stretch.clone()]).0;
            let moments = first.iter_mut().zip(second);
            for ((weight, gradient), (first, second)) in
                weights.iter_mut().zip(gradient).zip(moments)
            {
                let gradient = simd.mul_add_e_f64s(decay, *weight, *gradient);
                let mean = simd.mul_f64s(*first, first_kept);
                let mean = simd.mul_add_e_f64s(gradient, first_new, mean);
                let small = simd.less_than_f64s(simd.abs_f64s(mean), smallest);
                let mean = simd.select_f64s(small, splat(0.0), mean);
                let square = simd.mul_f64s(gradient, gradient);
                let squares = simd.mul_f64s(*second, second_kept);
                let squares = simd.mul_add_e_f64s(square, second_new, squares);
                let root = simd.sqrt_f64s(simd.mul_f64s(squares, second_unbiased));
                let length = simd.add_f64s(root, epsilon);
                let step = simd.div_f64s(simd.mul_f64s(mean, rate), length);
                *weight = simd.sub_f64s(*weight, step);
                *first = mean;
                *second = squares;
            }
        }
    }
}

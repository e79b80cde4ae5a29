//! Activations and links on whole registers, with their derivatives.

use crate::activation::Activation;
use pulp::Simd;

/// σ(z) in place of z, and σ'(z).
#[inline(always)]
pub(super) fn activate<S: Simd>(
    simd: S,
    activation: Activation,
    values: &mut [f64],
    slopes: &mut [f64],
) {
    match activation {
        Activation::Relu => replace::<S>(values, slopes, |z| rectifier(simd, z)),
        Activation::Tanh => replace::<S>(values, slopes, |z| {
            let value = tanh(simd, z);
            let square = simd.mul_f64s(value, value);
            (value, simd.sub_f64s(simd.splat_f64s(1.0), square))
        }),
        Activation::Softplus => replace::<S>(values, slopes, |z| softplus(simd, z)),
    }
}

/// 1 / (1 + e^−z) in place of z, and its derivative.
#[inline(always)]
pub(super) fn logistic<S: Simd>(simd: S, values: &mut [f64], slopes: &mut [f64]) {
    let (half, one) = (simd.splat_f64s(0.5), simd.splat_f64s(1.0));
    replace::<S>(values, slopes, |z| {
        let tanh = tanh(simd, simd.mul_f64s(z, half));
        let value = simd.mul_add_e_f64s(tanh, half, half);
        (value, simd.mul_f64s(value, simd.sub_f64s(one, value)))
    });
}

/// e^z, scaled to sum to one, in place of the first so many z of each row; padding becomes anything.
#[inline(always)]
pub(super) fn softmax<S: Simd>(simd: S, values: &mut [f64], columns: usize, stride: usize) {
    for row in values.chunks_exact_mut(stride) {
        let largest = row[..columns]
            .iter()
            .copied()
            .fold(f64::NEG_INFINITY, f64::max);
        row[..columns]
            .iter_mut()
            .for_each(|value| *value -= largest);
        exponentials(simd, row);
        let sum: f64 = row[..columns].iter().sum();
        row[..columns].iter_mut().for_each(|value| *value /= sum);
    }
}

/// Derivatives by what went into [`softmax`], in place of those by the weights that came out of it.
#[inline(always)]
pub(super) fn differentiate_softmax(
    weights: &[f64],
    deltas: &mut [f64],
    columns: usize,
    stride: usize,
) {
    for (weights, deltas) in weights
        .chunks_exact(stride)
        .zip(deltas.chunks_exact_mut(stride))
    {
        let (weights, deltas) = (&weights[..columns], &mut deltas[..columns]);
        let mean: f64 = weights
            .iter()
            .zip(&*deltas)
            .map(|(weight, delta)| weight * delta)
            .sum();
        for (weight, delta) in weights.iter().zip(deltas) {
            *delta = weight * (*delta - mean);
        }
    }
}

/// e^z in place of z.
#[inline(always)]
fn exponentials<S: Simd>(simd: S, values: &mut [f64]) {
    for value in S::as_mut_simd_f64s(values).0 {
        let (remainder, power) = reduced_exponential(simd, *value);
        let exponential = simd.mul_add_e_f64s(remainder, power, power);
        *value = or_not_a_number(simd, *value, exponential);
    }
}

#[inline(always)]
fn replace<S: Simd>(
    values: &mut [f64],
    slopes: &mut [f64],
    of: impl Fn(S::f64s) -> (S::f64s, S::f64s),
) {
    let slopes = S::as_mut_simd_f64s(slopes).0;
    for (value, slope) in S::as_mut_simd_f64s(values).0.iter_mut().zip(slopes) {
        (*value, *slope) = of(*value);
    }
}

#[inline(always)]
fn rectifier<S: Simd>(simd: S, z: S::f64s) -> (S::f64s, S::f64s) {
    let (zero, one) = (simd.splat_f64s(0.0), simd.splat_f64s(1.0));
    let positive = simd.greater_than_f64s(z, zero);
    (
        or_not_a_number(simd, z, simd.select_f64s(positive, z, zero)),
        simd.select_f64s(positive, one, zero),
    )
}

/// −t / (2 + t) for t = e^−2|z| − 1, with the sign of z: no cancellation anywhere.
#[inline(always)]
fn tanh<S: Simd>(simd: S, z: S::f64s) -> S::f64s {
    let sign = simd.and_f64s(z, simd.splat_f64s(-0.0));
    let twice = simd.mul_f64s(simd.abs_f64s(z), simd.splat_f64s(-2.0));
    let (remainder, power) = reduced_exponential(simd, twice);
    let less_one = simd.sub_f64s(power, simd.splat_f64s(1.0));
    let less_one = simd.mul_add_e_f64s(remainder, power, less_one);
    let ratio = simd.div_f64s(less_one, simd.add_f64s(less_one, simd.splat_f64s(2.0)));
    or_not_a_number(simd, z, simd.or_f64s(simd.abs_f64s(ratio), sign))
}

/// max(0, z) + ln(1 + u) for u = e^−|z|, and 1 / (1 + u) or u / (1 + u).
#[inline(always)]
fn softplus<S: Simd>(simd: S, z: S::f64s) -> (S::f64s, S::f64s) {
    let (zero, one) = (simd.splat_f64s(0.0), simd.splat_f64s(1.0));
    let below = simd.sub_f64s(zero, simd.abs_f64s(z));
    let (remainder, power) = reduced_exponential(simd, below);
    let tail = simd.mul_add_e_f64s(remainder, power, power);
    let positive = simd.greater_than_f64s(z, zero);
    let value = simd.add_f64s(
        simd.select_f64s(positive, z, zero),
        logarithm_of_one_plus(simd, tail),
    );
    let slope = simd.div_f64s(
        simd.select_f64s(positive, one, tail),
        simd.add_f64s(one, tail),
    );
    (
        or_not_a_number(simd, z, value),
        or_not_a_number(simd, z, slope),
    )
}

/// The argument where it is not a number: bounds would turn it into one.
#[inline(always)]
fn or_not_a_number<S: Simd>(simd: S, argument: S::f64s, value: S::f64s) -> S::f64s {
    simd.select_f64s(simd.equal_f64s(argument, argument), value, argument)
}

/// Below this e^z counts as e^−708, which is 3e-308, above the other as e^709: the exponent of a number
/// has no more room.
const RANGE: (f64, f64) = (-708.0, 709.0);

/// The logarithm of 2 in two parts; the first has zeros at the end, so that whole multiples are exact.
const LN_2: (f64, f64) = (6.931_471_803_691_238e-1, 1.908_214_929_270_587_7e-10);

/// 1 / k! from k = 13 down to 2.
const EXPONENTIAL: [f64; 12] = [
    1.0 / 6_227_020_800.0,
    1.0 / 479_001_600.0,
    1.0 / 39_916_800.0,
    1.0 / 3_628_800.0,
    1.0 / 362_880.0,
    1.0 / 40_320.0,
    1.0 / 5_040.0,
    1.0 / 720.0,
    1.0 / 120.0,
    1.0 / 24.0,
    1.0 / 6.0,
    0.5,
];

/// e^r − 1 and 2^n, whose exponential is 2^n + 2^n (e^r − 1), for z = n ln 2 + r with |r| ≤ ½ ln 2: the
/// Taylor polynomial is then exact to rounding.
#[inline(always)]
fn reduced_exponential<S: Simd>(simd: S, z: S::f64s) -> (S::f64s, S::f64s) {
    let z = simd.max_f64s(simd.splat_f64s(RANGE.0), z);
    let z = simd.min_f64s(simd.splat_f64s(RANGE.1), z);
    // Numbers of this size have no fraction: n + 1023, the exponent of 2^n, ends up in the last bits,
    // and a multiplication shifts it to where exponents are.
    let round = simd.splat_f64s(1.5 * 4_503_599_627_370_496.0 + 1023.0);
    let rounded = simd.mul_add_e_f64s(z, simd.splat_f64s(std::f64::consts::LOG2_E), round);
    let shift = simd.splat_u64s(1 << 52);
    let power = simd.mul_u64s(simd.transmute_u64s_f64s(rounded), shift);
    let whole = simd.sub_f64s(rounded, round);
    let r = simd.mul_add_e_f64s(whole, simd.splat_f64s(-LN_2.0), z);
    let r = simd.mul_add_e_f64s(whole, simd.splat_f64s(-LN_2.1), r);
    let series = polynomial(simd, r, &EXPONENTIAL);
    let square = simd.mul_f64s(r, r);
    (
        simd.mul_add_e_f64s(square, series, r),
        simd.transmute_f64s_u64s(power),
    )
}

/// 1 / (2 k + 1) from k = 17 down to 0.
const LOGARITHM: [f64; 18] = [
    1.0 / 35.0,
    1.0 / 33.0,
    1.0 / 31.0,
    1.0 / 29.0,
    1.0 / 27.0,
    1.0 / 25.0,
    1.0 / 23.0,
    1.0 / 21.0,
    1.0 / 19.0,
    1.0 / 17.0,
    1.0 / 15.0,
    1.0 / 13.0,
    1.0 / 11.0,
    1.0 / 9.0,
    1.0 / 7.0,
    1.0 / 5.0,
    1.0 / 3.0,
    1.0,
];

/// ln(1 + u) = 2 (s + s³ / 3 + s⁵ / 5 + …) for s = u / (2 + u), which is at most ⅓ for u from 0 to 1.
#[inline(always)]
fn logarithm_of_one_plus<S: Simd>(simd: S, u: S::f64s) -> S::f64s {
    let s = simd.div_f64s(u, simd.add_f64s(u, simd.splat_f64s(2.0)));
    let series = polynomial(simd, simd.mul_f64s(s, s), &LOGARITHM);
    simd.mul_f64s(simd.add_f64s(s, s), series)
}

/// Coefficients from the highest power down.
#[inline(always)]
fn polynomial<S: Simd>(simd: S, x: S::f64s, coefficients: &[f64]) -> S::f64s {
    let mut sum = simd.splat_f64s(0.0);
    for &coefficient in coefficients {
        sum = simd.mul_add_e_f64s(sum, x, simd.splat_f64s(coefficient));
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use pulp::{Arch, Scalar, WithSimd};

    struct Activate<'a>(Activation, &'a mut [f64], &'a mut [f64]);

    impl WithSimd for Activate<'_> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            activate(simd, self.0, self.1, self.2);
        }
    }

    struct Exponentials<'a>(&'a mut [f64]);

    impl WithSimd for Exponentials<'_> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            exponentials(simd, self.0);
        }
    }

    /// From −40 to 40 in small steps, and where the functions end.
    fn points() -> Vec<f64> {
        let mut points: Vec<f64> = (-40_000..=40_000).map(|i| f64::from(i) / 1000.0).collect();
        points.extend([1e-300, -1e-300, 1e-9, -1e-9, 300.0, -300.0, 1e5, -1e5]);
        points.extend([f64::INFINITY, f64::NEG_INFINITY, 0.0]);
        points.resize(points.len().next_multiple_of(8), 0.3);
        points
    }

    /// Within four units in the last place of the standard library's, the tail of softplus included.
    #[test]
    fn activations_are_those_of_numbers() {
        for activation in [Activation::Relu, Activation::Tanh, Activation::Softplus] {
            for scalar in [false, true] {
                let (points, mut values) = (points(), points());
                let mut slopes = vec![0.0; points.len()];
                let activate = Activate(activation, &mut values, &mut slopes);
                if scalar {
                    activate.with_simd(Scalar::new());
                } else {
                    Arch::new().dispatch(activate);
                }
                for ((&z, value), slope) in points.iter().zip(values).zip(slopes) {
                    let near = |found: f64, expected: f64, least: f64| {
                        found == expected
                            || (found - expected).abs()
                                <= 4.0 * f64::EPSILON * expected.abs() + least
                    };
                    assert!(
                        near(value, activation.value(z), 1e-307),
                        "{activation:?} {z} {value}"
                    );
                    let least = 4.0 * f64::EPSILON;
                    assert!(
                        near(slope, activation.derivative(z), least),
                        "{activation:?} {z} {slope}"
                    );
                }
            }
        }
    }

    #[test]
    fn exponentials_are_those_of_numbers() {
        let points: Vec<f64> = (-70_000..70_000).map(|i| f64::from(i) / 100.0).collect();
        let mut values = points.clone();
        Arch::new().dispatch(Exponentials(&mut values));
        for (z, value) in points.into_iter().zip(values) {
            let error = (value / z.exp() - 1.0).abs();
            assert!(error <= 2.0 * f64::EPSILON, "{z}: {error}");
        }
    }

    /// A network that diverges must not look as if it did not.
    #[test]
    fn what_is_not_a_number_stays_so() {
        for activation in [Activation::Relu, Activation::Tanh, Activation::Softplus] {
            let (mut values, mut slopes) = ([f64::NAN; 8], [0.0; 8]);
            Arch::new().dispatch(Activate(activation, &mut values, &mut slopes));
            assert!(values.iter().all(|value| value.is_nan()));
        }
    }
}

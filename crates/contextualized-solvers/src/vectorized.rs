//! Loops over long vectors, with the widest instructions that the machine has.

/// Runs a function, compiled once more for the machine's vector instructions, which a loop over slices of numbers
/// in it uses. What is to be part of it has to be inlined into it, and numbers have to be moved into it: one that it
/// borrows is read again in every step, as it might be what was written before.
///
/// Products and sums are not contracted, so that the result has the same bits with any instructions.
#[inline(always)]
pub fn vectorized<R>(work: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(work)
}

/// `eˣ` to about one unit in the last place: unlike the standard library's it becomes part of a vectorised loop.
/// Below e⁻⁷⁰⁸ it is zero, above e⁷⁰⁹ it stays there.
///
/// With x = k ln 2 + r, it is 2ᵏ times the polynomial of degree 13 of eʳ, |r| ≤ ½ ln 2, whose remainder is below
/// rounding.
#[inline(always)]
pub fn exponential(x: f64) -> f64 {
    let below = x < LEAST;
    let x = if below { LEAST } else { x };
    let x = if x > MOST { MOST } else { x };
    // The last bits of a number of this size count ones: adding it rounds.
    let shifted = x * std::f64::consts::LOG2_E + ROUNDS;
    let k = shifted - ROUNDS;
    let r = (x - k * LN_2_HIGH) - k * LN_2_LOW;
    let mut sum = TERMS[0];
    for term in &TERMS[1..] {
        sum = sum * r + term;
    }
    let power = f64::from_bits(shifted.to_bits().wrapping_add(1023) << 52);
    if below { 0.0 } else { sum * power }
}

const LEAST: f64 = -708.0;
const MOST: f64 = 709.0;
/// 1.5 · 2⁵².
const ROUNDS: f64 = 6_755_399_441_055_744.0;
/// ln 2 in two parts, the first with zeros at its end: its products with k are exact.
const LN_2_HIGH: f64 = 6.931_471_803_691_238e-1;
const LN_2_LOW: f64 = 1.908_214_929_270_587_7e-10;
/// 1 / 13!, …, 1 / 1!, 1 / 0!.
const TERMS: [f64; 14] = {
    let mut terms = [1.0; 14];
    let mut factorial = 1.0;
    let mut degree = 1;
    while degree < 14 {
        factorial *= degree as f64;
        terms[13 - degree] = 1.0 / factorial;
        degree += 1;
    }
    terms
};

/// `Σ aᵢ bᵢ` of vectors of the same length, in eight sums side by side.
#[inline(always)]
pub fn inner_product(a: &[f64], b: &[f64]) -> f64 {
    lanes(a, b, |a, b| a * b)
}

/// `Σ f(aᵢ, bᵢ)` of vectors of the same length, in eight sums side by side.
#[inline(always)]
pub fn lanes(a: &[f64], b: &[f64], f: impl Fn(f64, f64) -> f64) -> f64 {
    const LANES: usize = 8;
    let mut sums = [0.0; LANES];
    let (a_chunks, b_chunks) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let (a_rest, b_rest) = (a_chunks.remainder(), b_chunks.remainder());
    for (a, b) in a_chunks.zip(b_chunks) {
        for lane in 0..LANES {
            sums[lane] += f(a[lane], b[lane]);
        }
    }
    let rest: f64 = a_rest.iter().zip(b_rest).map(|(&a, &b)| f(a, b)).sum();
    let [s0, s1, s2, s3, s4, s5, s6, s7] = sums;
    (((s0 + s4) + (s2 + s6)) + ((s1 + s5) + (s3 + s7))) + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn exponentials_are_those_of_the_standard_library() {
        let mut most = 0.0_f64;
        for step in -708_000..=709_000 {
            let x = f64::from(step) * 1e-3 + 1e-7 * f64::from(step % 97);
            let x = x.clamp(LEAST, MOST);
            most = most.max((exponential(x) / x.exp() - 1.0).abs());
        }
        assert!(most < 3.0 * f64::EPSILON, "{most}");
        assert_eq!(exponential(0.0), 1.0);
        assert_eq!(exponential(f64::NEG_INFINITY), 0.0);
        assert_eq!(exponential(-1e300), 0.0);
        assert!(exponential(f64::NAN).is_nan());
    }

    proptest! {
        #[test]
        fn inner_products_are_those_of_a_plain_sum(pairs in prop::collection::vec((-9.0..9.0, -9.0..9.0), 0..70)) {
            let (a, b): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
            let plain: f64 = a.iter().zip(&b).map(|(a, b)| a * b).sum();
            prop_assert!((vectorized(|| inner_product(&a, &b)) - plain).abs() < 1e-12);
        }

        /// The bits do not depend on the instructions.
        #[test]
        fn bits_do_not_depend_on_the_instructions(values in prop::collection::vec(-40.0..2.0, 1..70)) {
            let of = |values: &[f64]| -> Vec<u64> {
                values.iter().map(|&x| exponential(x).to_bits()).collect()
            };
            let plain = of(&values);
            prop_assert_eq!(vectorized(|| of(&values)), plain);
            let product = inner_product(&values, &values);
            prop_assert_eq!(vectorized(|| inner_product(&values, &values)), product);
        }
    }
}

//! Draws from Pólya-Gamma distributions, by which a logistic likelihood is a normal one: Polson, Scott and Windle
//! (2013), doi:10.1080/01621459.2013.829001.

use rand::Rng;
use rand_distr::{Distribution, Exp1, Gamma, StandardNormal};
use statrs::distribution::{ContinuousCDF, Normal};
use std::f64::consts::{FRAC_PI_2, PI};

/// Where the two series of the density meet.
const MEETING: f64 = 0.64;

/// Tilts beyond this have the same draws to double precision.
const LARGEST_TILT: f64 = 500.0;

/// Of a larger shape the distribution is normal for all that matters.
const LARGEST_SHAPE: f64 = 170.0;

/// Terms of the sum of gamma variates of which a fraction of a shape is made.
const TERMS: usize = 200;

/// A draw from `PG(shape, tilt)` of a positive shape.
pub(super) fn draw(shape: f64, tilt: f64, random: &mut impl Rng) -> f64 {
    if shape > LARGEST_SHAPE {
        let (mean, variance) = moments(shape, tilt);
        let normal: f64 = random.sample(StandardNormal);
        return (mean + variance.sqrt() * normal).max(f64::MIN_POSITIVE);
    }
    let whole = shape.floor();
    let of_ones: f64 = (0..whole as usize).map(|_| draw_one(tilt, random)).sum();
    if shape == whole {
        of_ones
    } else {
        of_ones + draw_fraction(shape - whole, tilt, random)
    }
}

/// Mean and variance.
fn moments(shape: f64, tilt: f64) -> (f64, f64) {
    let c = tilt.abs().min(LARGEST_TILT);
    if c < 1e-3 {
        return (shape / 4.0, shape / 24.0);
    }
    let mean = shape / (2.0 * c) * (c / 2.0).tanh();
    // (sinh c − c) / cosh²(c/2), of exponentials that do not overflow.
    let e = (-c).exp();
    let spread = (2.0 * (1.0 - e * e) - 4.0 * c * e) / ((1.0 + e) * (1.0 + e));
    (mean, shape / (4.0 * c * c * c) * spread)
}

/// Of a shape below one: the sum of gamma variates that defines the distribution, its tail by its mean.
fn draw_fraction(shape: f64, tilt: f64, random: &mut impl Rng) -> f64 {
    let Ok(gamma) = Gamma::new(shape, 1.0) else {
        return 0.0;
    };
    let square = (tilt / (2.0 * PI)).powi(2);
    let denominator = |term: usize| (term as f64 - 0.5).powi(2) + square;
    let (mut sum, mut expected) = (0.0, 0.0);
    for term in 1..=TERMS {
        sum += gamma.sample(random) / denominator(term);
        expected += shape / denominator(term);
    }
    let scale = 1.0 / (2.0 * PI * PI);
    let rest = moments(shape, tilt).0 - scale * expected;
    scale * sum + rest.max(0.0)
}

/// A draw from `PG(1, tilt)`, a quarter of Jacobi's distribution with half the tilt, by its alternating series.
fn draw_one(tilt: f64, random: &mut impl Rng) -> f64 {
    let z = (tilt.abs() / 2.0).min(LARGEST_TILT);
    let rate = PI * PI / 8.0 + z * z / 2.0;
    let right = FRAC_PI_2 / rate * (-rate * MEETING).exp();
    let left = 2.0 * (-z).exp() * inverse_gaussian_below_meeting(z);
    loop {
        let x = if random.r#gen::<f64>() * (right + left) < right {
            let exponential: f64 = random.sample(Exp1);
            MEETING + exponential / rate
        } else {
            truncated_inverse_gaussian(z, random)
        };
        let mut sum = term(0, x);
        let height = random.r#gen::<f64>() * sum;
        for n in 1.. {
            if n % 2 == 1 {
                sum -= term(n, x);
                if height <= sum {
                    return x / 4.0;
                }
            } else {
                sum += term(n, x);
                if height > sum {
                    break;
                }
            }
        }
    }
}

/// The n-th coefficient of the series of the density at x.
fn term(n: u32, x: f64) -> f64 {
    let k = f64::from(n) + 0.5;
    if x > MEETING {
        PI * k * (-k * k * PI * PI * x / 2.0).exp()
    } else {
        PI * k * (2.0 / (PI * x)).powf(1.5) * (-2.0 * k * k / x).exp()
    }
}

/// The probability that an inverse Gaussian variate of mean 1/z and shape 1 is below the meeting point.
fn inverse_gaussian_below_meeting(z: f64) -> f64 {
    let normal = Normal::standard();
    let root = MEETING.sqrt();
    let above = normal.cdf(-(MEETING * z + 1.0) / root);
    // The second term is a tail that vanishes before its factor overflows.
    let second = if above > 0.0 {
        (2.0 * z + above.ln()).exp()
    } else {
        0.0
    };
    normal.cdf((MEETING * z - 1.0) / root) + second
}

/// An inverse Gaussian variate of mean 1/z and shape 1 below the meeting point.
fn truncated_inverse_gaussian(z: f64, random: &mut impl Rng) -> f64 {
    if z < MEETING.recip() {
        loop {
            let exponential = loop {
                let (one, other): (f64, f64) = (random.sample(Exp1), random.sample(Exp1));
                if one * one <= 2.0 * other / MEETING {
                    break one;
                }
            };
            let x = MEETING / (1.0 + MEETING * exponential).powi(2);
            if random.r#gen::<f64>() <= (-z * z * x / 2.0).exp() {
                return x;
            }
        }
    }
    let mean = z.recip();
    loop {
        let normal: f64 = random.sample(StandardNormal);
        let y = mean * normal * normal;
        let x = mean + mean / 2.0 * (y - (4.0 * y + y * y).sqrt());
        let chosen = if random.r#gen::<f64>() <= mean / (mean + x) {
            x
        } else {
            mean * mean / x
        };
        if chosen < MEETING && chosen > 0.0 {
            return chosen;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn moments_are_those_of_the_distribution() {
        const DRAWS: usize = 40_000;
        for (shape, tilt) in [
            (1.0, 0.0),
            (1.0, 0.7),
            (1.0, -4.0),
            (1.0, 30.0),
            (3.0, 2.0),
            (0.4, 1.0),
            (2.5, 6.0),
        ] {
            let mut random = ChaCha8Rng::seed_from_u64(7);
            let draws: Vec<f64> = (0..DRAWS).map(|_| draw(shape, tilt, &mut random)).collect();
            let mean = draws.iter().sum::<f64>() / DRAWS as f64;
            let variance =
                draws.iter().map(|draw| (draw - mean).powi(2)).sum::<f64>() / DRAWS as f64;
            let (expected, spread) = moments(shape, tilt);
            let error = (spread / DRAWS as f64).sqrt();
            assert!(
                (mean - expected).abs() < 4.0 * error,
                "{shape} {tilt}: {mean} {expected}"
            );
            assert!(
                (variance / spread - 1.0).abs() < 0.1,
                "{shape} {tilt}: {variance} {spread}"
            );
        }
    }

    #[test]
    fn no_tilt_and_no_shape_makes_a_draw_that_is_not_positive() {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        for shape in [1e-6, 1.0, 17.3, 1e5] {
            for tilt in [0.0, 1e-9, 1.0, 50.0, 1e3, 1e9, -1e3] {
                let drawn = draw(shape, tilt, &mut random);
                assert!(drawn > 0.0 && drawn.is_finite(), "{shape} {tilt}: {drawn}");
            }
        }
    }
}

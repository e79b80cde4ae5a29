//! Designs with jumps, factors of many levels, and nothing at all, that estimators are measured on.

use contextualized_core::{Coefficients, Family};
use contextualized_simulation::{SimulatedData, Simulator};
use ndarray::{Array1, ArrayView2};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::f64::consts::PI;

/// Levels of the factor, in four groups of the same slope.
pub const LEVELS: usize = 60;

/// Mean squared error over all coefficients, the intercept being one.
pub fn effect_error(data: &SimulatedData, found: &Coefficients) -> f64 {
    let truth = &data.coefficients;
    let slopes = (&found.slopes() - &truth.slopes()).mapv(|error| error * error);
    let intercepts = (&found.intercepts() - &truth.intercepts()).mapv(|error| error * error);
    (slopes.sum() + intercepts.sum()) / (slopes.len() + intercepts.len()) as f64
}

fn indicator(condition: bool) -> f64 {
    f64::from(u8::from(condition))
}

/// Twenty contexts, of which two, one, one, none, five and four matter to the six coefficients: Deshpande et al. (2024,
/// doi:10.1214/24-BA1470), first simulation, with independent rows.
pub fn varying(rows: usize, noise: f64) -> Simulator {
    Simulator::new(rows)
        .uniform_contexts(20, 0.0, 1.0)
        .features(|draws, _| {
            let mut last = draws.normal(0.0, 1.0);
            let mut features = vec![last];
            for _ in 1..5 {
                last = 0.5 * last + draws.normal(0.0, 0.75_f64.sqrt());
                features.push(last);
            }
            features
        })
        .intercept(|c| {
            let late = indicator(c[1] > 0.5);
            3.0 * c[0] + (2.0 - 5.0 * late) * (PI * c[0]).sin() - 2.0 * late
        })
        .slopes(|c| {
            vec![
                (2.0 * c[0] + 0.5).sin() / (4.0 * c[0] + 1.0) + (2.0 * c[0] - 0.5).powi(3),
                (3.0 - 3.0 * (6.0 * PI * c[0]).cos() * c[0] * c[0]) * indicator(c[0] > 0.6)
                    - 10.0 * c[0].sqrt() * indicator(c[0] < 0.25),
                1.0,
                10.0 * (PI * c[0] * c[1]).sin()
                    + 20.0 * (c[2] - 0.5).powi(2)
                    + 10.0 * c[3]
                    + 5.0 * c[4],
                (0.9 * (c[0] + 0.48)).powi(10).sin().exp() + c[1] * c[2] + c[3],
            ]
        })
        .noise(noise)
}

/// Two coefficients that jump.
pub fn steps(rows: usize) -> Simulator {
    Simulator::new(rows)
        .uniform_contexts(2, -1.0, 1.0)
        .intercept(|c| if c[0] > 0.2 { 1.5 } else { -0.5 })
        .slopes(|c| vec![2.0 * indicator(c[1] > -0.3 && c[0] < 0.5) - 1.0])
        .noise(0.3)
}

/// Counts whose two coefficients are smooth, or jump; the times in which they are counted are part of the intercept, by
/// a context that does not matter else: [`exposures`].
pub fn counts(rows: usize, jumps: bool, exposed: bool) -> Simulator {
    let exposure = move |c: &[f64]| if exposed { exposure(c) } else { 0.0 };
    let recipe = Simulator::new(rows)
        .uniform_contexts(5, -1.0, 1.0)
        .family(Family::Poisson);
    if jumps {
        recipe
            .slopes(|c| vec![indicator(c[0] > 0.2) - 0.5])
            .intercept(move |c| indicator(c[1] > -0.3) + exposure(c))
    } else {
        recipe
            .slopes(|c| vec![0.5 * (3.0 * c[0]).sin()])
            .intercept(move |c| 0.5 + 0.8 * c[1] + exposure(c))
    }
}

fn exposure(c: &[f64]) -> f64 {
    5.0_f64.ln() * indicator(c[4] > 0.0)
}

/// Logarithms of the times in which [`counts`] are counted: one or five units.
pub fn exposures(contexts: ArrayView2<'_, f64>) -> Array1<f64> {
    contexts
        .rows()
        .into_iter()
        .map(|row| exposure(&row.to_vec()))
        .collect()
}

/// A slope that differs between groups of a factor's levels.
pub fn levels(rows: usize) -> Simulator {
    Simulator::new(rows)
        .contexts(|draws| {
            let level = draws.uniform(0.0, LEVELS as f64).floor();
            (0..LEVELS)
                .map(|own| indicator(level == own as f64))
                .collect()
        })
        .slopes(|c| {
            let level = c.iter().position(|own| *own > 0.5).unwrap_or(0);
            vec![[-1.5, -0.5, 0.5, 1.5][level * 7 % 4]]
        })
        .noise(1.0)
}

/// Eight contexts of noise.
pub fn nothing(rows: usize) -> Simulator {
    Simulator::new(rows)
        .normal_contexts(8)
        .slopes(|_| vec![1.0, -0.5])
        .intercept(|_| 1.0)
        .noise(1.0)
}

/// Twenty slopes, each one on a disc that has a tenth of the contexts and else zero: Thompson, Dezfouli and Kohn (2023),
/// *The contextual lasso*.
pub fn discs(rows: usize, seed: u64) -> Simulator {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut point = || [random.gen_range(-1.0..1.0), random.gen_range(-1.0..1.0)];
    let distance = |a: [f64; 2], b: [f64; 2]| (a[0] - b[0]).hypot(a[1] - b[1]);
    let discs: Vec<([f64; 2], f64)> = (0..20)
        .map(|_| {
            let center = point();
            let mut distances: Vec<f64> = (0..10_000).map(|_| distance(center, point())).collect();
            distances.sort_by(f64::total_cmp);
            (center, distances[distances.len() / 10])
        })
        .collect();
    Simulator::new(rows)
        .uniform_contexts(2, -1.0, 1.0)
        .slopes(move |c| {
            let inside =
                |(center, radius): &([f64; 2], f64)| distance([c[0], c[1]], *center) < *radius;
            discs.iter().map(|disc| indicator(inside(disc))).collect()
        })
        .noise(1.0)
}

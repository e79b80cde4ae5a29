//! The simulated population that the tests draw.

/// Patients on a 75 × 75 grid of contexts, of whom those near five centres are observed.
pub(crate) struct Simulation {
    pub(crate) contexts: Vec<(f64, f64)>,
    pub(crate) effects: Vec<(f64, f64)>,
    pub(crate) doses: Vec<(f64, f64)>,
    pub(crate) outcomes: Vec<f64>,
    pub(crate) observed: Vec<bool>,
}

/// W0 = C0 + C1², W1 = C0² + C1.
pub(crate) fn effect((a, b): (f64, f64)) -> (f64, f64) {
    (a + b * b, a * a + b)
}

/// Numbers from −1 to 1 in no apparent order.
pub(crate) fn noise(mut state: u64) -> impl FnMut() -> f64 {
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }
}

pub(crate) fn simulate() -> Simulation {
    let place = |step: usize| -1.0 + 2.0 * step as f64 / 74.0;
    let contexts: Vec<(f64, f64)> = (0..75)
        .flat_map(|row| (0..75).map(move |column| (place(row), place(column))))
        .collect();
    let effects: Vec<_> = contexts.iter().copied().map(effect).collect();
    let mut next = noise(7);
    let doses: Vec<_> = contexts.iter().map(|_| (next(), next())).collect();
    let outcomes = effects
        .iter()
        .zip(&doses)
        .map(|(w, x)| w.0 * x.0 + w.1 * x.1)
        .collect();
    let centres = [
        (0.0, 0.0),
        (0.5, 0.5),
        (0.5, -0.5),
        (-0.5, 0.5),
        (-0.5, -0.5),
    ];
    let near = |c: &(f64, f64)| {
        let close = |centre: &(f64, f64)| (c.0 - centre.0).hypot(c.1 - centre.1) < 0.1;
        centres.iter().any(close)
    };
    let observed = contexts.iter().map(near).collect();
    Simulation {
        contexts,
        effects,
        doses,
        outcomes,
        observed,
    }
}

impl Simulation {
    /// The entries of unobserved and of observed patients, in this order.
    pub(crate) fn split(&self, all: &[(f64, f64)]) -> [Vec<(f64, f64)>; 2] {
        let pick = |wanted: bool| {
            let flagged = all.iter().zip(&self.observed);
            flagged
                .filter(|(_, flag)| **flag == wanted)
                .map(|(point, _)| *point)
                .collect()
        };
        [false, true].map(pick)
    }
}

/// What a smooth but imperfect model might predict at a context.
pub(crate) fn prediction((a, b): (f64, f64)) -> (f64, f64) {
    let bend =
        |v: f64| 0.35 * ((1.0 + (4.0 * v).exp()).ln() + (1.0 + (-4.0 * v).exp()).ln()) - 0.45;
    (
        0.93 * a + bend(b) + 0.03 * a * b,
        bend(a) + 0.95 * b - 0.04 * a,
    )
}

//! Distributions whose linear predictor is known up to a normal error: averages over it, and quantiles.

use super::PredictorBelief;

/// Standard deviations on either side of a mean, and the distance of points in them: the trapezoidal rule
/// for a normal density and what is as smooth, exact to rounding.
const REACH: f64 = 7.0;
pub(super) const STEP: f64 = 0.5;
/// The shortest step.
pub(super) const LEAST_STEP: f64 = 1.0 / 128.0;

/// The mean of a function under a density, which needs no normaliser.
pub(super) fn average(step: f64, density: impl Fn(f64) -> f64, of: impl Fn(f64) -> f64) -> f64 {
    let points = (2.0 * REACH / step) as usize;
    let (mut sum, mut whole) = (0.0, 0.0);
    for point in 0..=points {
        let at = point as f64 * step - REACH;
        let weight = density(at);
        sum += weight * of(at);
        whole += weight;
    }
    sum / whole
}

/// The mean of a function of the linear predictor, which changes over about `width`.
pub(super) fn mean_at(belief: &PredictorBelief, width: f64, of: impl Fn(f64) -> f64) -> f64 {
    let spread = belief.standard_error;
    if spread == 0.0 {
        return of(belief.mean);
    }
    let step = (STEP * (width / spread).min(1.0)).max(LEAST_STEP);
    let density = |z: f64| (-0.5 * z * z).exp();
    average(step, density, |z| of(belief.mean + spread * z))
}

/// The value between `low` and `high` up to which an outcome has this probability. `cumulative` has the
/// probability up to a value at a linear predictor, which changes over about `width` in the predictor.
pub(super) fn quantile(
    belief: &PredictorBelief,
    width: f64,
    (mut low, mut high): (f64, f64),
    probability: f64,
    cumulative: impl Fn(f64, f64) -> f64,
) -> f64 {
    const HALVINGS: usize = 200;
    let up_to = |value: f64| mean_at(belief, width, |predictor| cumulative(value, predictor));
    for _ in 0..HALVINGS {
        let middle = 0.5 * (low + high);
        if middle == low || middle == high {
            break;
        }
        if up_to(middle) < probability {
            low = middle;
        } else {
            high = middle;
        }
    }
    0.5 * (low + high)
}

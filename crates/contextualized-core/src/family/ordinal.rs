//! Ordered levels, such as grades.

use super::averages::mean_at;
use super::shape::{Fitted, Shape};
use super::{Derivatives, Outcome, PredictorBelief, RandomNumbers, ShapeDerivatives};
use crate::link::{logistic_derivatives, softplus};
use crate::predictions::Tail;
use crate::{Error, Family, Link, Result};
use serde::{Deserialize, Serialize};

/// The cumulative logit model of ordered levels 0, 1, …, K − 1: the logit of the probability of at most level k is
/// θₖ₊₁ − η, so that odds of more are multiplied by the same number at every threshold (McCullagh 1980,
/// doi:10.1111/j.2517-6161.1980.tb01109.x).
///
/// The first threshold θ₁ is zero, as the intercept of η stands for it; the distances from one threshold to the next
/// are the [`Shape`], which is estimated by maximum likelihood. The mean is the expected level.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Ordinal {
    /// How many levels there are; 0 where the largest target says so.
    levels: u8,
    distances: Shape,
}

/// Distances between thresholds: with none, and with all, between two of them.
const DISTANCES: (f64, f64) = (1e-3, 20.0);

impl Ordinal {
    /// The most levels.
    pub const MOST_LEVELS: usize = Shape::MOST + 2;

    pub(super) const TO_BE_ESTIMATED: Self = Self {
        levels: 0,
        distances: Shape::TO_BE_ESTIMATED,
    };

    /// Of so many levels.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for fewer than three, and for more than [`Ordinal::MOST_LEVELS`].
    pub fn of_levels(levels: usize) -> Result<Self> {
        if (3..=Self::MOST_LEVELS).contains(&levels) {
            Ok(Self {
                levels: levels as u8,
                distances: Shape::TO_BE_ESTIMATED,
            })
        } else {
            let requirement = format!("from 3 to {}", Self::MOST_LEVELS);
            Err(Error::invalid_parameter("levels", levels, requirement))
        }
    }

    fn of_distances(distances: &[f64]) -> Option<Self> {
        Some(Self {
            levels: distances.len() as u8 + 2,
            distances: Shape::known(distances).ok()?,
        })
    }

    /// Derivatives of the log-likelihood of a row by the distances.
    fn by_distances(&self, target: f64, predictor: f64) -> ShapeDerivatives {
        let (level, thresholds) = (self.level(target), self.thresholds());
        let (below, up_to) = self.cumulative_at(level, predictor);
        let probability = (up_to - below).max(f64::MIN_POSITIVE);
        // The thresholds below and above the level: their number, the density there over the probability, with its
        // sign, the density, and its logarithm's derivative.
        let ends = [(level, -1.0), (level + 1, 1.0)].map(|(number, sign)| {
            let inside = 1 <= number && number <= thresholds.count();
            let at = if inside {
                thresholds.at(number) - predictor
            } else {
                f64::INFINITY
            };
            let cumulative = Link::Logit.inverse(at);
            let density = cumulative * Link::Logit.inverse(-at);
            let steepness = Link::Logit.inverse(-at) - cumulative;
            (number, sign * density / probability, density, steepness)
        });
        let count = self.distances.values().len();
        let moves = |distance: usize, number: usize| f64::from(distance + 1 < number);
        let mut found = ShapeDerivatives::zeros(count);
        for distance in 0..count {
            for (number, score, density, _) in ends {
                found.score[distance] += moves(distance, number) * score;
                found.with_predictor[distance] -= moves(distance, number) * density;
            }
            for other in 0..count {
                let [below, above] = ends;
                let both = |one: usize, two: usize| moves(distance, one) * moves(other, two);
                let of_one = |(number, score, _, steepness): (usize, f64, f64, f64)| {
                    both(number, number) * (score * score - score * steepness)
                };
                let crossed = both(below.0, above.0) + both(above.0, below.0);
                found.information[distance * count + other] +=
                    of_one(below) + of_one(above) + crossed * below.1 * above.1;
            }
        }
        found
    }

    fn thresholds(&self) -> Thresholds {
        Thresholds {
            distances: self.distances,
        }
    }

    /// The level of a target, the highest for all above.
    fn level(&self, target: f64) -> usize {
        (target as usize).min(self.thresholds().count())
    }

    /// The cumulative probabilities of a level and of the one below, given the linear predictor.
    fn cumulative_at(&self, level: usize, predictor: f64) -> (f64, f64) {
        let thresholds = self.thresholds();
        let up_to = |level: usize| {
            if level > thresholds.count() {
                1.0
            } else {
                Link::Logit.inverse(thresholds.at(level) - predictor)
            }
        };
        let below = if level == 0 { 0.0 } else { up_to(level) };
        (below, up_to(level + 1))
    }

    /// The level up to which the probability is at least this one.
    fn quantile(&self, probability: f64, up_to: impl Fn(usize) -> f64) -> f64 {
        let highest = self.thresholds().count();
        (0..highest)
            .find(|level| up_to(*level) >= probability)
            .unwrap_or(highest) as f64
    }
}

/// Where the levels meet on the scale of the linear predictor: θ₁ = 0, θ₂, ….
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Thresholds {
    distances: Shape,
}

impl Thresholds {
    /// How many there are, one less than levels.
    pub fn count(&self) -> usize {
        self.distances.values().len() + 1
    }

    /// The one of this number, from one: between the levels of the number before and of this.
    fn at(&self, number: usize) -> f64 {
        self.distances.values()[..number - 1].iter().sum()
    }

    fn all(&self) -> impl Iterator<Item = f64> {
        let distances = self.distances;
        (1..=self.count()).map(move |number| distances.values()[..number - 1].iter().sum())
    }

    /// The expected level.
    pub(crate) fn mean(&self, predictor: f64) -> f64 {
        let exceeds = |threshold| Link::Logit.inverse(predictor - threshold);
        self.all().map(exceeds).sum()
    }

    /// The first and the second derivative of the expected level.
    pub(crate) fn mean_derivatives(&self, predictor: f64) -> (f64, f64) {
        let each = self
            .all()
            .map(|threshold| logistic_derivatives(predictor - threshold));
        each.fold((0.0, 0.0), |sum, own| (sum.0 + own.0, sum.1 + own.1))
    }

    /// The predictor of an expected level, by halving.
    pub(crate) fn predictor(&self, mean: f64) -> f64 {
        const HALVINGS: usize = 100;
        let count = self.count() as f64;
        if mean <= 0.0 || mean >= count || mean.is_nan() {
            return if mean.is_nan() {
                f64::NAN
            } else if mean <= 0.0 {
                f64::NEG_INFINITY
            } else {
                f64::INFINITY
            };
        }
        // If all thresholds were at one end, the predictor would be a logit from there.
        let logit = Link::Logit.apply(mean / count);
        let (mut low, mut high) = (logit, logit + self.farthest());
        for _ in 0..HALVINGS {
            let middle = 0.5 * (low + high);
            if middle <= low || middle >= high {
                break;
            }
            if self.mean(middle) < mean {
                low = middle;
            } else {
                high = middle;
            }
        }
        0.5 * (low + high)
    }

    /// The last threshold.
    pub(crate) fn farthest(&self) -> f64 {
        self.at(self.count())
    }
}

/// ln(F(u) − F(v)) of the logistic function for u > v, infinite ends allowed.
fn log_difference(u: f64, v: f64) -> f64 {
    (-(v - u).exp()).ln_1p() - softplus(-u) - softplus(v)
}

impl Outcome for Ordinal {
    fn name(&self) -> &'static str {
        "ordinal"
    }

    fn description(&self) -> &'static str {
        "ordered levels, cumulative logit with thresholds"
    }

    fn qualifier(&self) -> Option<&'static str> {
        Some("ordinal")
    }

    fn link(&self) -> Link {
        Link::ExpectedLevel(self.thresholds())
    }

    fn requirement(&self) -> &'static str {
        "one of at least three ordered levels: 0, 1, 2, …"
    }

    fn admits(&self, target: f64) -> bool {
        let most = match (self.levels, self.distances.get()) {
            (_, Some(distances)) => distances.len() + 1,
            (0, None) => Self::MOST_LEVELS - 1,
            (levels, None) => usize::from(levels) - 1,
        };
        target >= 0.0 && target.fract() == 0.0 && target <= most as f64
    }

    fn derivatives(&self, target: f64, predictor: f64) -> Derivatives {
        let (level, thresholds) = (self.level(target), self.thresholds());
        let upper = if level < thresholds.count() {
            thresholds.at(level + 1) - predictor
        } else {
            f64::INFINITY
        };
        let lower = if level == 0 {
            f64::NEG_INFINITY
        } else {
            thresholds.at(level) - predictor
        };
        let parts = |at: f64| (Link::Logit.inverse(at), Link::Logit.inverse(-at));
        let ((a, above), (b, not_b)) = (parts(upper), parts(lower));
        Derivatives {
            log_likelihood: log_difference(upper, lower),
            first: b - above,
            second: -(a * above + b * not_b),
            third: a * above * (above - a) + b * not_b * (not_b - b),
        }
    }

    /// Twice what the log-likelihood lacks to its largest by the predictor, zero for the lowest and the highest level.
    fn deviance(&self, target: f64, predictor: f64) -> f64 {
        let level = self.level(target);
        let best = match self.distances.values().get(level.wrapping_sub(1)) {
            Some(distance) => (distance / 4.0).tanh().ln(),
            None => 0.0,
        };
        (2.0 * (best - self.derivatives(target, predictor).log_likelihood)).max(0.0)
    }

    fn loss(&self, target: f64, mean: f64) -> f64 {
        (target - mean).powi(2)
    }

    fn loss_name(&self) -> &'static str {
        "mean squared error of levels"
    }

    fn loss_description(&self) -> &'static str {
        "Loss is the mean squared difference of levels, numbered from 0, from the expected level."
    }

    fn coefficient_description(&self) -> &'static str {
        "Coefficients are changes of the log-odds of a higher level per unit of a feature, the same at every threshold."
    }

    fn ratio_name(&self) -> Option<&'static str> {
        Some("odds ratio")
    }

    fn initial_predictor(&self, target: f64) -> f64 {
        let (level, thresholds) = (self.level(target), self.thresholds());
        if level == 0 {
            -1.0
        } else if level >= thresholds.count() {
            thresholds.farthest() + 1.0
        } else {
            0.5 * (thresholds.at(level) + thresholds.at(level + 1))
        }
    }

    fn unbounded_direction(&self, target: f64) -> f64 {
        if target == 0.0 {
            -1.0
        } else if self.level(target) == self.thresholds().count() {
            1.0
        } else {
            0.0
        }
    }

    fn mean_range(&self) -> (f64, f64) {
        let levels = match (self.levels, self.distances.get()) {
            (0, None) => Self::MOST_LEVELS,
            (levels, None) => usize::from(levels),
            (_, Some(distances)) => distances.len() + 2,
        };
        (0.0, (levels - 1) as f64)
    }

    fn variance(&self, mean: f64) -> f64 {
        let thresholds = self.thresholds();
        let predictor = thresholds.predictor(mean);
        let odd = (1..).map(|number| f64::from(2 * number - 1));
        let exceeds = |threshold| Link::Logit.inverse(predictor - threshold);
        let square: f64 = (thresholds.all().zip(odd))
            .map(|(threshold, odd)| odd * exceeds(threshold))
            .sum();
        (square - mean * mean).max(0.0)
    }

    fn is_discrete(&self) -> bool {
        true
    }

    fn draw(&self, mean: f64, _: f64, random: &mut dyn RandomNumbers) -> f64 {
        let uniform = random.uniform();
        if !self.admits_mean(mean) {
            return f64::NAN;
        }
        let predictor = self.thresholds().predictor(mean);
        self.quantile(uniform, |level| self.cumulative_at(level, predictor).1)
    }

    fn cumulative(&self, target: f64, mean: f64) -> (f64, f64) {
        self.cumulative_at(self.level(target), self.thresholds().predictor(mean))
    }

    fn predictive_interval(&self, tail: &Tail, belief: &PredictorBelief) -> Option<(f64, f64)> {
        let up_to = |level: usize| {
            mean_at(belief, 1.0, |predictor| {
                self.cumulative_at(level, predictor).1
            })
        };
        let upper = 1.0 - tail.probability;
        Some((
            self.quantile(tail.probability, up_to),
            self.quantile(upper, up_to),
        ))
    }

    fn shape(&self) -> Option<Shape> {
        Some(self.distances)
    }

    fn shape_description(&self) -> (&'static str, &'static str) {
        (
            "distances between thresholds",
            "from the first, which is at 0",
        )
    }

    fn with_shape(&self, distances: Shape) -> Option<Family> {
        let levels = distances.values().len() as u8 + 2;
        let own = Self { levels, distances };
        Some(Family::Ordinal(own))
    }

    fn by_shape(&self, target: f64, predictor: f64) -> Option<ShapeDerivatives> {
        Some(self.by_distances(target, predictor))
    }

    fn admits_shape(&self, values: &[f64]) -> bool {
        self.levels == 0 || values.len() + 2 == usize::from(self.levels)
    }

    fn with_levels(&self, levels: usize) -> Option<Result<Family>> {
        Some(Self::of_levels(levels).map(Family::Ordinal))
    }

    fn probabilities(&self, predictor: f64) -> Option<Vec<f64>> {
        let levels = 0..=self.thresholds().count();
        let cumulative = levels.map(|level| self.cumulative_at(level, predictor));
        Some(cumulative.map(|(below, up_to)| up_to - below).collect())
    }

    /// Of maximum likelihood, by Newton's method, which the concave likelihood allows (Pratt 1981,
    /// doi:10.1080/01621459.1981.10477613).
    fn estimate_shape(&self, fitted: &Fitted<'_>) -> Option<Vec<f64>> {
        const STEPS: usize = 100;
        let levels = match self.levels {
            0 => (fitted.largest_target() as usize + 1).max(3),
            levels => usize::from(levels),
        };
        let start = match self.distances.get() {
            Some(distances) if distances.len() + 2 == levels => distances.to_vec(),
            Some(_) | None => vec![1.0; levels - 2],
        };
        let clamp = |distance: f64| distance.clamp(DISTANCES.0, DISTANCES.1);
        let mut distances: Vec<f64> = start.into_iter().map(clamp).collect();
        let likelihood = |distances: &[f64]| {
            let own = Self::of_distances(distances)?;
            Some(fitted.mean(|target, predictor| own.derivatives(target, predictor).log_likelihood))
        };
        let mut reached = likelihood(&distances)?;
        for _ in 0..STEPS {
            let step = newton_step(&distances, fitted)?;
            let mut share = 1.0;
            let mut moved = false;
            while share > 1e-6 {
                let next: Vec<f64> = (distances.iter().zip(&step))
                    .map(|(distance, step)| clamp(distance + share * step))
                    .collect();
                let found = likelihood(&next)?;
                if found >= reached {
                    let change = next.iter().zip(&distances).map(|(a, b)| (a - b).abs());
                    moved = change.fold(0.0, f64::max) > 1e-13;
                    (distances, reached) = (next, found);
                    break;
                }
                share *= 0.5;
            }
            if !moved {
                break;
            }
        }
        Some(distances)
    }
}

/// The step of Newton's method for the distances of thresholds.
fn newton_step(distances: &[f64], fitted: &Fitted<'_>) -> Option<Vec<f64>> {
    let own = Ordinal::of_distances(distances)?;
    let count = distances.len();
    let mean = |of: &dyn Fn(&ShapeDerivatives) -> f64| {
        fitted.mean(|target, predictor| of(&own.by_distances(target, predictor)))
    };
    let score = (0..count).map(|at| mean(&|by| by.score[at])).collect();
    let information = (0..count * count).map(|at| mean(&|by| by.information[at]));
    Some(solution(information.collect(), score))
}

/// The solution of equations with a positive definite matrix, given row by row, by elimination; zeros where it is
/// singular.
fn solution(mut matrix: Vec<f64>, mut right: Vec<f64>) -> Vec<f64> {
    let count = right.len();
    for pivot in 0..count {
        for row in pivot + 1..count {
            let ratio = matrix[row * count + pivot] / matrix[pivot * count + pivot];
            for column in pivot..count {
                matrix[row * count + column] -= ratio * matrix[pivot * count + column];
            }
            right[row] -= ratio * right[pivot];
        }
    }
    for row in (0..count).rev() {
        let known: f64 = (row + 1..count)
            .map(|column| matrix[row * count + column] * right[column])
            .sum();
        right[row] = (right[row] - known) / matrix[row * count + row];
    }
    if right.iter().all(|value| value.is_finite()) {
        right
    } else {
        vec![0.0; count]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use proptest::prelude::*;

    fn of(distances: &[f64]) -> Family {
        Family::Ordinal(Ordinal::TO_BE_ESTIMATED)
            .with_shape(distances)
            .unwrap()
    }

    proptest! {
        #[test]
        fn probabilities_are_those_of_the_likelihood(
            distances in proptest::collection::vec(0.01..5.0_f64, 1..6),
            predictor in -8.0..12.0_f64,
        ) {
            let family = of(&distances);
            let probabilities = family.probabilities(predictor).unwrap();
            assert_eq!(probabilities.len(), distances.len() + 2);
            assert_relative_eq!(probabilities.iter().sum::<f64>(), 1.0, epsilon = 1e-12);
            let levels = (0..probabilities.len()).map(|level| level as f64);
            let mean: f64 = levels.clone().zip(&probabilities).map(|(level, p)| level * p).sum();
            assert_relative_eq!(family.link().inverse(predictor), mean, max_relative = 1e-9);
            assert_relative_eq!(family.link().apply(mean), predictor, epsilon = 1e-6);
            for (level, probability) in levels.zip(&probabilities) {
                let likelihood = family.derivatives(level, predictor).log_likelihood;
                assert_relative_eq!(likelihood.exp(), *probability, epsilon = 1e-12, max_relative = 1e-8);
            }
        }
    }

    #[test]
    fn levels_are_counted() {
        assert!(Ordinal::of_levels(2).is_err() && Ordinal::of_levels(13).is_err());
        let family = Family::Ordinal(Ordinal::TO_BE_ESTIMATED)
            .with_levels(4)
            .unwrap();
        assert!(family.admits(3.0) && !family.admits(4.0) && !family.admits(1.5));
        assert!(family.with_shape(&[1.0]).is_err() && family.with_shape(&[1.0, 2.0]).is_ok());
        assert_eq!(Family::Poisson.with_levels(4).unwrap(), Family::Poisson);
    }
}

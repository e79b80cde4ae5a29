//! Penalties on cycles during training, and how their strength grows.

use crate::checks::check_not_negative;
use contextualized_core::{Error, Result};
use contextualized_encoders::SlopePenalty;
use contextualized_solvers::Acyclicity;
use ndarray::{Array2, Array3, ArrayView2, ArrayView3, Axis};
use std::sync::{Mutex, MutexGuard};

/// A penalty on the cycles of networks, `α h + ½ ρ h²`, on average over them.
///
/// h and its gradient are those of [`Acyclicity`]. A network outside the domain of DAGMA, or near its edge,
/// is taken back towards zero until it is well inside, and has the gradient there. Gradients of single
/// networks are cut off at [`CyclePenalty::MOST_FORCE`]: h grows so fast that one bad step would
/// otherwise undo what has been learned.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CyclePenalty {
    /// The function h; the s of DAGMA is where its path starts.
    pub acyclicity: Acyclicity,
    /// α at the start of training.
    pub alpha: f64,
    /// ρ at the start of training.
    pub rho: f64,
    /// Whether α and ρ grow: after an epoch whose mean h is above [`CyclePenalty::SMALL`] and has not
    /// fallen below a quarter of what it was when they last grew, α by ρ h and ρ tenfold for every
    /// [`CyclePenalty::EPOCHS_TO_TENFOLD`] epochs; s falls to 0.7 of its start on the same path.
    pub dynamic: bool,
}

impl CyclePenalty {
    /// Epochs without progress in which ρ grows tenfold.
    pub const EPOCHS_TO_TENFOLD: f64 = 25.0;

    /// The mean h of an epoch at which multipliers stop growing: what is left is for the projection.
    pub const SMALL: f64 = 1e-3;

    /// The Euclidean norm at which the gradient of one network's penalty is cut off. In units in which
    /// nodes have a mean variance of one, so that it is no stronger than what the data say.
    pub const MOST_FORCE: f64 = 1.0;

    /// NOTEARS with α = 0.1 and ρ = 0.01, dynamic.
    pub fn notears() -> Self {
        Self::of(Acyclicity::Notears)
    }

    /// DAGMA with s from 1, α = 0.1 and ρ = 0.01, dynamic.
    pub fn dagma() -> Self {
        Self::of(Acyclicity::Dagma { s: 1.0 })
    }

    /// The polynomial penalty with α = 0.1 and ρ = 0.01, dynamic.
    pub fn polynomial() -> Self {
        Self::of(Acyclicity::Polynomial)
    }

    fn of(acyclicity: Acyclicity) -> Self {
        Self {
            acyclicity,
            alpha: 0.1,
            rho: 0.01,
            dynamic: true,
        }
    }

    /// Other strengths at the start.
    pub fn strengths(mut self, alpha: f64, rho: f64) -> Self {
        (self.alpha, self.rho) = (alpha, rho);
        self
    }

    /// The same strengths throughout.
    pub fn fixed(mut self) -> Self {
        self.dynamic = false;
        self
    }

    pub(crate) fn validate(&self) -> Result<()> {
        for (parameter, value) in [("alpha", self.alpha), ("rho", self.rho)] {
            check_not_negative(parameter, value)?;
        }
        match self.acyclicity {
            Acyclicity::Dagma { s } if !(s.is_finite() && s > 0.0) => {
                Err(Error::invalid_parameter("s", s, "a positive number"))
            }
            Acyclicity::Dagma { .. } | Acyclicity::Notears | Acyclicity::Polynomial => Ok(()),
        }
    }
}

/// A penalty with its multipliers of the moment.
#[derive(Debug, Clone)]
struct Multipliers {
    penalty: CyclePenalty,
    alpha: f64,
    rho: f64,
    acyclicity: Acyclicity,
    /// Sum of h and number of networks in this epoch.
    sum: f64,
    count: f64,
    /// Mean h when the multipliers last grew.
    reference: f64,
    /// Mean h of the last epoch.
    last: f64,
}

/// Multipliers beyond this are as good as infinite.
const MOST: f64 = 1e8;

/// A network is taken back by this factor until the spectral radius of its squares is below this share of
/// s: at the edge of the domain gradients have no bound.
const BACK: f64 = 0.9;
const MARGIN: f64 = 0.5;

impl Multipliers {
    fn new(penalty: CyclePenalty) -> Self {
        Self {
            penalty,
            alpha: penalty.alpha,
            rho: penalty.rho,
            acyclicity: penalty.acyclicity,
            sum: 0.0,
            count: 0.0,
            reference: f64::INFINITY,
            last: 0.0,
        }
    }

    /// h of one network, and the gradient of its penalty.
    fn of(&mut self, weights: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        let numerical = |error| Error::numerical("the penalty on cycles", error);
        let mut inside = weights.to_owned();
        let well_inside = match self.acyclicity {
            Acyclicity::Dagma { s } => Acyclicity::Dagma { s: s * MARGIN },
            unbounded @ (Acyclicity::Notears | Acyclicity::Polynomial) => unbounded,
        };
        while !well_inside.contains(inside.view()).map_err(numerical)? {
            inside *= BACK;
        }
        let (h, gradient) = self
            .acyclicity
            .value_and_gradient(inside.view())
            .map_err(numerical)?;
        self.sum += h;
        self.count += 1.0;
        let force = gradient * (self.alpha + self.rho * h);
        let length = force.iter().map(|f| f * f).sum::<f64>().sqrt();
        Ok(if length > CyclePenalty::MOST_FORCE {
            force * (CyclePenalty::MOST_FORCE / length)
        } else {
            force
        })
    }

    fn end_epoch(&mut self) {
        self.last = self.sum / f64::max(self.count, 1.0);
        (self.sum, self.count) = (0.0, 0.0);
        if !self.penalty.dynamic || self.last <= CyclePenalty::SMALL {
            return;
        }
        if self.last <= 0.25 * self.reference && self.reference.is_finite() {
            self.reference = self.last;
            return;
        }
        self.reference = self.reference.min(self.last);
        let growth = 10_f64.powf(1.0 / CyclePenalty::EPOCHS_TO_TENFOLD);
        self.alpha = (self.alpha + self.rho * self.last).min(MOST);
        self.rho = (self.rho * growth).min(MOST);
        if let (Acyclicity::Dagma { s }, Acyclicity::Dagma { s: start }) =
            (&mut self.acyclicity, self.penalty.acyclicity)
        {
            *s = (*s * 0.99).max(0.7 * start);
        }
    }
}

/// What training is penalised by.
#[derive(Debug)]
pub(crate) struct Cycles {
    /// Weights that the network's are added to (targets × features).
    base: Array2<f64>,
    samples: Option<Mutex<Multipliers>>,
    archetypes: Option<Mutex<Multipliers>>,
    /// λ on absolute weights of archetypes.
    archetypes_l1: f64,
    /// The loss is a mean over targets, half of whose sum the penalties are meant for.
    unit: f64,
}

impl Cycles {
    pub(crate) fn new(
        base: Array2<f64>,
        samples: Option<CyclePenalty>,
        archetypes: Option<CyclePenalty>,
        archetypes_l1: f64,
    ) -> Self {
        let multipliers = |penalty| Mutex::new(Multipliers::new(penalty));
        Self {
            unit: 2.0 / base.nrows().max(1) as f64,
            base,
            samples: samples.map(multipliers),
            archetypes: archetypes.map(multipliers),
            archetypes_l1,
        }
    }

    pub(crate) fn end_epoch(&self) {
        for multipliers in [&self.samples, &self.archetypes].into_iter().flatten() {
            lock(multipliers).end_epoch();
        }
    }

    /// Mean h of the samples in the last epoch.
    pub(crate) fn last(&self) -> f64 {
        self.samples
            .as_ref()
            .map_or(0.0, |samples| lock(samples).last)
    }

    fn gradient(
        &self,
        multipliers: &Mutex<Multipliers>,
        slopes: ArrayView3<'_, f64>,
        base: Option<&Array2<f64>>,
    ) -> Result<Array3<f64>> {
        let mut multipliers = lock(multipliers);
        let mut gradient = Array3::zeros(slopes.dim());
        let share = self.unit / slopes.dim().0.max(1) as f64;
        for (row, slopes) in slopes.axis_iter(Axis(0)).enumerate() {
            let total = match base {
                Some(base) => &slopes + base,
                None => slopes.to_owned(),
            };
            // Slopes are targets × features; the edge from i to j is the slope of target j on feature i.
            // Neither h nor its gradient cares.
            gradient
                .index_axis_mut(Axis(0), row)
                .assign(&(multipliers.of(total.view())? * share));
        }
        Ok(gradient)
    }
}

/// A poisoned lock still holds numbers: nothing panics while it is held but what ends the training.
fn lock(multipliers: &Mutex<Multipliers>) -> MutexGuard<'_, Multipliers> {
    multipliers
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl SlopePenalty for &Cycles {
    fn of_slopes(&self, slopes: ArrayView3<'_, f64>) -> Result<Option<Array3<f64>>> {
        match &self.samples {
            Some(samples) => Ok(Some(self.gradient(samples, slopes, Some(&self.base))?)),
            None => Ok(None),
        }
    }

    fn of_archetypes(&self, archetypes: ArrayView3<'_, f64>) -> Result<Option<Array3<f64>>> {
        let mut gradient = match &self.archetypes {
            Some(multipliers) => self.gradient(multipliers, archetypes, None)?,
            None if self.archetypes_l1 == 0.0 => return Ok(None),
            None => Array3::zeros(archetypes.dim()),
        };
        let l1 = self.archetypes_l1 * self.unit;
        gradient.zip_mut_with(&archetypes, |gradient, weight| {
            if *weight != 0.0 {
                *gradient += l1 * weight.signum();
            }
        });
        Ok(Some(gradient))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_abs_diff_eq;
    use ndarray::array;

    #[test]
    fn the_gradient_is_that_of_the_mean_penalty() {
        let base = array![[0.0, 0.2], [0.1, 0.0]];
        let slopes = array![[[0.0, 0.5], [0.4, 0.0]], [[0.0, -0.3], [0.2, 0.0]]];
        for penalty in [
            CyclePenalty::notears(),
            CyclePenalty::dagma(),
            CyclePenalty::polynomial(),
        ] {
            let penalty = penalty.strengths(0.7, 3.0);
            let cycles = Cycles::new(base.clone(), Some(penalty), None, 0.0);
            let gradient = (&cycles).of_slopes(slopes.view()).unwrap().unwrap();
            let value = |slopes: &Array3<f64>| -> f64 {
                let of_row = |row: ArrayView2<'_, f64>| {
                    let h = penalty.acyclicity.value((&row + &base).view()).unwrap();
                    0.7 * h + 1.5 * h * h
                };
                // Half a sum over two targets is a mean: the unit is one.
                slopes.axis_iter(Axis(0)).map(of_row).sum::<f64>() / 2.0
            };
            for (place, slope) in gradient.indexed_iter() {
                let at = |step: f64| {
                    let mut moved = slopes.clone();
                    moved[place] += step;
                    value(&moved)
                };
                let difference = (at(1e-5) - at(-1e-5)) / 2e-5;
                assert_abs_diff_eq!(*slope, difference, epsilon = 1e-8);
            }
        }
    }

    #[test]
    fn networks_outside_the_domain_are_led_back() {
        let cycles = Cycles::new(
            Array2::zeros((2, 2)),
            Some(CyclePenalty::dagma()),
            None,
            0.0,
        );
        let far = array![[[0.0, 50.0], [40.0, 0.0]]];
        let gradient = (&cycles).of_slopes(far.view()).unwrap().unwrap();
        assert!(gradient[[0, 0, 1]] > 0.0 && gradient[[0, 1, 0]] > 0.0);
        let length = gradient
            .iter()
            .map(|slope| slope * slope)
            .sum::<f64>()
            .sqrt();
        assert!(length <= CyclePenalty::MOST_FORCE * (1.0 + 1e-12));
    }

    #[test]
    fn multipliers_grow_while_cycles_do_not_fall() {
        let slopes = array![[[0.0, 0.5], [0.4, 0.0]]];
        let alpha_after = |penalty: CyclePenalty, factor: f64| {
            let cycles = Cycles::new(Array2::zeros((2, 2)), Some(penalty), None, 0.0);
            let mut slopes = slopes.clone();
            for _ in 0..5 {
                (&cycles).of_slopes(slopes.view()).unwrap();
                cycles.end_epoch();
                slopes *= factor;
            }
            let multipliers = lock(cycles.samples.as_ref().unwrap());
            (multipliers.alpha, multipliers.rho)
        };
        let start = CyclePenalty::notears();
        assert_eq!(alpha_after(start.fixed(), 1.0), (0.1, 0.01));
        let (alpha, rho) = alpha_after(start, 1.0);
        assert!(alpha > 0.1 && (rho / 0.01 - 10_f64.powf(0.2)).abs() < 1e-9);
        // The first epoch has nothing to compare with.
        assert!(alpha_after(start, 0.5).1 < rho);
    }

    #[test]
    fn archetypes_have_penalties_of_their_own() {
        let archetypes = array![[[0.0, 0.5], [-0.4, 0.0]]];
        let none = Cycles::new(Array2::zeros((2, 2)), None, None, 0.0);
        assert!((&none).of_archetypes(archetypes.view()).unwrap().is_none());
        assert!((&none).of_slopes(archetypes.view()).unwrap().is_none());
        let l1 = Cycles::new(Array2::zeros((2, 2)), None, None, 0.3);
        let gradient = (&l1).of_archetypes(archetypes.view()).unwrap().unwrap();
        assert_eq!(gradient, array![[[0.0, 0.3], [-0.3, 0.0]]]);
        let both = Cycles::new(
            Array2::zeros((2, 2)),
            None,
            Some(CyclePenalty::notears()),
            0.3,
        );
        let more = (&both).of_archetypes(archetypes.view()).unwrap().unwrap();
        assert!(more[[0, 0, 1]] > 0.3 && more[[0, 1, 0]] < -0.3);
    }
}

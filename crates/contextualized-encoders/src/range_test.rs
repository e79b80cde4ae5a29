//! The learning-rate range test.

use crate::data::TrainingData;
use crate::engine::Engine;
use crate::loss::Loss;
use crate::network::Network;
use crate::parameters::Snapshot;
use crate::training::Training;
use contextualized_core::{Error, Result};
use dfdx::shapes::Dim;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

/// Losses met while the learning rate grows from step to step.
#[derive(Debug, Clone, PartialEq)]
pub struct LearningRateRange {
    /// The learning rate of each step.
    pub rates: Vec<f64>,
    /// The batch losses, smoothed exponentially over about ten steps.
    pub losses: Vec<f64>,
    /// The rate at which the loss fell fastest per factor of the rate.
    pub suggestion: f64,
}

/// Weight of the past in the smoothed loss.
const SMOOTHING: f64 = 0.9;

/// The test ends when the smoothed loss exceeds this multiple of its lowest value.
const BLOW_UP: f64 = 4.0;

impl Training {
    /// Trains with a learning rate that grows geometrically from `low` to `high` over `steps` steps,
    /// and suggests the rate at which the loss fell fastest (Smith 2017,
    /// doi:10.1109/WACV.2017.58). The network is left as it was.
    ///
    /// The trainer's batch size, penalties and seed are used; its own learning rate is not.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for rates that are not 0 < `low` < `high`, or fewer than 20
    /// steps; [`Error::Diverged`] when the loss blows up before the tenth step.
    pub fn learning_rate_range<C: Dim, X: Dim, Y: Dim, N: Network<C, X, Y>>(
        &self,
        network: &mut N,
        loss: &dyn Loss,
        data: &TrainingData<C, X, Y>,
        (low, high): (f64, f64),
        steps: usize,
    ) -> Result<LearningRateRange> {
        self.validate()?;
        data.check_widths(network.widths())?;
        if !(low > 0.0 && low < high && high.is_finite()) {
            return Err(Error::invalid_parameter(
                "learning rates",
                format!("{low} to {high}"),
                "two positive numbers, the lower one first",
            ));
        }
        if steps < 2 * EARLIEST {
            return Err(Error::invalid_parameter("steps", steps, "at least 20"));
        }
        let start = Snapshot::of(network)?;
        let outcome = self.grow(network, loss, data, (low, high), steps);
        start.restore(network)?;
        let (rates, losses) = outcome?;
        let suggestion = steepest(&rates, &losses).ok_or_else(|| Error::Diverged {
            epoch: 1,
            step: losses.len() + 1,
            loss: f64::INFINITY,
            initial: losses.first().copied().unwrap_or(f64::NAN),
        })?;
        Ok(LearningRateRange {
            rates,
            losses,
            suggestion,
        })
    }

    fn grow<C: Dim, X: Dim, Y: Dim, N: Network<C, X, Y>>(
        &self,
        network: &mut N,
        loss: &dyn Loss,
        data: &TrainingData<C, X, Y>,
        (low, high): (f64, f64),
        steps: usize,
    ) -> Result<(Vec<f64>, Vec<f64>)> {
        let mut generator = ChaCha8Rng::seed_from_u64(self.seed);
        let mut order: Vec<usize> = (0..data.rows()).collect();
        let mut batches: Vec<Vec<usize>> = Vec::new();
        let mut engine = Engine::of(network, low, self.penalties)?;
        let (mut rates, mut losses) = (Vec::new(), Vec::new());
        let (mut average, mut lowest) = (0.0, f64::INFINITY);
        for step in 0..steps {
            data.monitor().check()?;
            if batches.is_empty() {
                order.shuffle(&mut generator);
                batches = order
                    .chunks(self.batch_size)
                    .map(<[usize]>::to_vec)
                    .collect();
            }
            let Some(rows) = batches.pop() else { break };
            let rate = low * (high / low).powf(step as f64 / (steps - 1) as f64);
            engine.set_learning_rate(rate);
            let value = engine.step(network, loss, data, &rows)?;
            average = SMOOTHING * average + (1.0 - SMOOTHING) * value;
            let smoothed = average / (1.0 - SMOOTHING.powi(step as i32 + 1));
            lowest = smoothed.min(lowest);
            if !smoothed.is_finite() || smoothed > BLOW_UP * lowest && step >= EARLIEST {
                break;
            }
            rates.push(rate);
            losses.push(smoothed);
        }
        Ok((rates, losses))
    }
}

/// Steps before which a slope is not looked at: the average has not settled.
const EARLIEST: usize = 10;

/// The rate in the middle of the ten steps over which the loss falls most.
fn steepest(rates: &[f64], losses: &[f64]) -> Option<f64> {
    (EARLIEST..losses.len())
        .min_by(|&a, &b| {
            let fall = |end: usize| losses[end] - losses[end - EARLIEST];
            fall(a).total_cmp(&fall(b))
        })
        .map(|end| rates[end - EARLIEST / 2])
}

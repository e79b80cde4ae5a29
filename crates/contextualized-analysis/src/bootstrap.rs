//! Bootstraps of any estimator.

mod coefficients;
mod ensemble;
mod members;
mod networks;
mod out_of_bag;
mod significance;
mod stability;

pub use ensemble::{Divergent, Ensemble, Failure, Member};
pub use out_of_bag::OutOfBag;
pub use significance::SumTests;
pub use stability::EdgeStability;

use crate::resampling::{Resampling, resampled, uncounted};
use contextualized_core::{Error, Estimator, Result, Samples};
use rayon::prelude::*;
use std::fmt;
use std::sync::Arc;

/// An estimator fitted to many replicates of its data: how much would its estimates vary between data
/// sets?
///
/// Its model, the [`Ensemble`] of the fits, is a model itself, so a bootstrap can be compared,
/// cross-validated or given conformal intervals as its estimator can.
///
/// | setting | default |
/// |---|---|
/// | [`replicates`](Bootstrap::replicates) | 200 |
/// | [`resampling`](Bootstrap::resampling) | rows, with replacement |
/// | [`seed`](Bootstrap::seed) | 0 |
///
/// Two hundred replicates give standard errors to 5 %; for intervals of 95 % take 1000
/// (Davison and Hinkley 1997, doi:10.1017/CBO9780511802843).
///
/// Replicates are fitted in parallel, each from its own stream of random numbers: the result is, to
/// the bit, that of fitting them one by one.
///
/// ```
/// use contextualized_analysis::Bootstrap;
/// use contextualized_baselines::PopulationRegression;
/// use contextualized_core::{Estimator, VaryingCoefficients, WithUncertainty};
/// use contextualized_simulation::Simulator;
///
/// let samples = Simulator::new(100)
///     .uniform_contexts(1, -1.0, 1.0)
///     .slopes(|_| vec![2.0])
///     .noise(0.5)
///     .simulate(1)?
///     .samples;
/// let model = Bootstrap::new(PopulationRegression::new()).seed(3).fit(&samples)?;
/// let here = samples.contexts().slice_move(ndarray::s![..1, ..]);
/// let intervals = model.intervals(here, 0.95)?;
/// assert!(intervals.lower.slopes()[[0, 0, 0]] < 2.0 && 2.0 < intervals.upper.slopes()[[0, 0, 0]]);
/// # Ok::<(), contextualized_core::Error>(())
/// ```
#[derive(Clone)]
pub struct Bootstrap<E> {
    source: Source<E>,
    replicates: usize,
    resampling: Resampling,
    seed: u64,
}

/// Where a replicate's estimator comes from.
#[derive(Clone)]
enum Source<E> {
    Same(Arc<E>),
    Seeded(Arc<dyn Fn(u64) -> E + Send + Sync>),
}

impl<E: fmt::Debug> fmt::Debug for Bootstrap<E> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Bootstrap")
            .field("estimator", &*self.estimator(self.seed))
            .field("replicates", &self.replicates)
            .field("resampling", &self.resampling)
            .field("seed", &self.seed)
            .finish()
    }
}

impl<E> Bootstrap<E> {
    /// The same estimator for every replicate, its own seed included: what varies is the data.
    pub fn new(estimator: E) -> Self {
        Self::of(Source::Same(Arc::new(estimator)))
    }

    /// An estimator with a seed of its own for every replicate, so that what varies includes what the
    /// estimator draws, such as the initial weights of a neural network.
    ///
    /// The fit to all rows has the bootstrap's seed, replicate b (from 0) that seed plus 1 + b.
    ///
    /// ```
    /// use contextualized_analysis::Bootstrap;
    /// use contextualized_linear::NeuralRegression;
    ///
    /// let bootstrap = Bootstrap::seeded(|seed| NeuralRegression::new().seed(seed));
    /// ```
    pub fn seeded(estimator: impl Fn(u64) -> E + Send + Sync + 'static) -> Self {
        Self::of(Source::Seeded(Arc::new(estimator)))
    }

    fn of(source: Source<E>) -> Self {
        Self {
            source,
            replicates: 200,
            resampling: Resampling::rows(),
            seed: 0,
        }
    }

    /// Number of replicates, at least one.
    pub fn replicates(mut self, replicates: usize) -> Self {
        self.replicates = replicates;
        self
    }

    /// How replicates are drawn.
    pub fn resampling(mut self, resampling: Resampling) -> Self {
        self.resampling = resampling;
        self
    }

    /// Seed of the draws.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    fn estimator(&self, seed: u64) -> Arc<E> {
        match &self.source {
            Source::Same(estimator) => Arc::clone(estimator),
            Source::Seeded(estimator) => Arc::new(estimator(seed)),
        }
    }
}

impl<E> Estimator for Bootstrap<E>
where
    E: Estimator,
    E::Model: Send,
{
    type Model = Ensemble<E::Model>;

    fn name(&self) -> String {
        format!(
            "{}, {} bootstraps",
            self.estimator(self.seed).name(),
            self.replicates
        )
    }

    /// Fits all rows, and every replicate.
    ///
    /// A replicate that cannot be fitted is left out and reported, see [`Ensemble::failures`].
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for no replicates; [`Error::RandomEffects`] for samples that have some; those of
    /// [`Resampling::counts`], the
    /// estimator's own where it cannot fit all rows; [`Error::Numerical`] with the first replicate's
    /// error as its source where no replicate can be fitted.
    fn fit(&self, samples: &Samples) -> Result<Self::Model> {
        if self.replicates == 0 {
            return Err(Error::invalid_parameter("replicates", 0, "at least 1"));
        }
        // Levels that are drawn twice would be one, with effects that are known too well.
        samples.check_no_random_effects("bootstrap")?;
        let uncounted = uncounted(samples);
        let resampling = self.resampling.of(samples);
        let draws = resampling.draws(samples.rows(), &uncounted)?;
        // The fit to all rows is one more job beside the replicates.
        let mut fits = (0..=self.replicates)
            .into_par_iter()
            .map(|job| {
                // Not every estimator asks before it has done much, and there may be thousands of jobs.
                samples.monitor().check()?;
                let estimator = self.estimator(self.seed.wrapping_add(job as u64));
                match job.checked_sub(1) {
                    None => estimator.fit(samples),
                    Some(replicate) => {
                        let counts = draws.counts(replicate, self.seed);
                        estimator.fit(&resampled(samples, &counts)?)
                    }
                }
            })
            .collect::<Vec<Result<E::Model>>>()
            .into_iter();
        let original = fits.next().ok_or(Error::NoRows {
            argument: "replicates",
        })??;
        let (members, failures) = Failure::apart(fits).map_err(|error| {
            let context = format!("every one of {} bootstrap replicates", self.replicates);
            Error::numerical(context, error)
        })?;
        let members = members.into_iter();
        let member = |(replicate, model)| Member { replicate, model };
        Ok(Ensemble {
            original,
            members: members.map(member).collect(),
            failures,
            divergent: Vec::new(),
            replicates: self.replicates,
            resampling,
            seed: self.seed,
            rows: samples.rows(),
            uncounted,
        })
    }
}

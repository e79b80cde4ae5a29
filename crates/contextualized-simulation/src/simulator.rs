//! Samples from any linear model whose coefficients vary with context.

use crate::contexts::{Contexts, context_setters};
use crate::draws::{OutcomeDraws, Stream};
use crate::rows::{coefficients, table};
use crate::{Draws, SimulatedData};
use contextualized_core::validate::check_table;
use contextualized_core::{Coefficients, Error, Family, Result, Samples};
use ndarray::{Array2, ArrayView2};
use std::sync::Arc;

/// The number is that of the columns wanted.
type DrawFeatures = dyn Fn(&mut Draws, &[f64], usize) -> Vec<f64> + Send + Sync;
pub(crate) type Slopes = dyn Fn(&[f64]) -> Array2<f64> + Send + Sync;
pub(crate) type Intercepts = dyn Fn(&[f64]) -> Vec<f64> + Send + Sync;

/// A recipe for simulated data: contexts, features, a coefficient field, an outcome.
///
/// For each row, contexts `c` are drawn, features `x` are drawn, perhaps depending on `c`,
/// and with `η = B(c) x + m(c)` each target is
///
/// ```text
/// y = η + σ ε,  ε ~ N(0, 1)                 Gaussian, the default, with σ = 0
/// y drawn from its family, mean ℓ⁻¹(η)      other families, ℓ the link
/// ```
///
/// [`Family`] lists the families.
///
/// The slopes `B` are required, and contexts, drawn or given. Intercepts `m` are zero and features
/// standard normal unless set. A setting made twice keeps the last value; all are checked by
/// [`Simulator::simulate`].
///
/// # Streams
///
/// Contexts, features, noise, outcomes of other families and each irrelevant context have a random
/// stream of their own, used row by row. With the same seed, therefore,
///
/// - changing one of them leaves the draws of the others as they were;
/// - noise of twice the level is the same noise, twice as large;
/// - a simulation of more rows begins with the rows of the shorter one;
/// - more irrelevant contexts keep the first ones.
///
/// ```
/// use contextualized_simulation::Simulator;
///
/// // A treatment that helps the young and harms the old, given mostly to the old.
/// let data = Simulator::new(500)
///     .contexts(|draws| vec![draws.uniform(20.0, 80.0)])
///     .features(|draws, c| vec![draws.bernoulli(c[0] / 100.0)])
///     .slopes(|c| vec![(50.0 - c[0]) / 10.0])
///     .intercept(|c| c[0] / 20.0)
///     .noise(0.5)
///     .simulate(7)?;
/// assert_eq!(data.samples.targets().dim(), (500, 1));
/// let age = data.samples.contexts()[[0, 0]];
/// assert_eq!(data.coefficients.slopes()[[0, 0, 0]], (50.0 - age) / 10.0);
/// # Ok::<(), contextualized_core::Error>(())
/// ```
#[derive(Clone)]
pub struct Simulator {
    contexts: Contexts,
    features: Arc<DrawFeatures>,
    slopes: Option<Arc<Slopes>>,
    intercepts: Option<Arc<Intercepts>>,
    family: Family,
    noise: f64,
}

impl Simulator {
    /// A simulation of this many rows, whose contexts are still to be chosen.
    pub fn new(rows: usize) -> Self {
        Self {
            contexts: Contexts::missing(rows),
            features: Arc::new(|draws, _, columns| {
                (0..columns).map(|_| draws.normal(0.0, 1.0)).collect()
            }),
            slopes: None,
            intercepts: None,
            family: Family::Gaussian,
            noise: 0.0,
        }
    }

    context_setters!();

    /// Draws the features of a row, given its contexts, the irrelevant ones excepted.
    ///
    /// Features that depend on the context are confounded with it, as treatments are that were
    /// not given at random.
    pub fn features(
        mut self,
        draw: impl Fn(&mut Draws, &[f64]) -> Vec<f64> + Send + Sync + 'static,
    ) -> Self {
        self.features = Arc::new(move |draws, context, _| draw(draws, context));
        self
    }

    /// Independent features, as many as there are slopes, uniform between `low` and `high`.
    pub fn uniform_features(mut self, low: f64, high: f64) -> Self {
        self.features = Arc::new(move |draws, _, columns| {
            (0..columns).map(|_| draws.uniform(low, high)).collect()
        });
        self
    }

    /// The slopes of one target, one per feature, as a function of the context.
    pub fn slopes(self, field: impl Fn(&[f64]) -> Vec<f64> + Send + Sync + 'static) -> Self {
        self.slope_matrix(move |context| {
            let slopes = field(context);
            Array2::from_shape_fn((1, slopes.len()), |(_, feature)| slopes[feature])
        })
    }

    /// The slopes of several targets (targets × features) as a function of the context.
    pub fn slope_matrix(
        mut self,
        field: impl Fn(&[f64]) -> Array2<f64> + Send + Sync + 'static,
    ) -> Self {
        self.slopes = Some(Arc::new(field));
        self
    }

    /// The intercept of one target as a function of the context.
    pub fn intercept(self, field: impl Fn(&[f64]) -> f64 + Send + Sync + 'static) -> Self {
        self.intercepts(move |context| vec![field(context)])
    }

    /// The intercepts of several targets, one each, as a function of the context.
    pub fn intercepts(
        mut self,
        field: impl Fn(&[f64]) -> Vec<f64> + Send + Sync + 'static,
    ) -> Self {
        self.intercepts = Some(Arc::new(field));
        self
    }

    /// Gaussian outcomes with this standard deviation around their mean, in units of the targets.
    pub fn noise(mut self, standard_deviation: f64) -> Self {
        self.noise = standard_deviation;
        self
    }

    /// The family of the targets; Gaussian until set.
    ///
    /// Targets of a family without dispersion, such as 0 or 1, are drawn with the mean that the
    /// inverse link of the linear predictor gives; they have no further noise.
    pub fn family(mut self, family: Family) -> Self {
        self.family = family;
        self
    }

    /// Draws the data: the same seed gives the same data.
    ///
    /// # Errors
    ///
    /// - [`Error::NoRows`] for no rows;
    /// - [`Error::InvalidParameter`] when contexts or slopes were not set, and for noise that is
    ///   negative or not finite;
    /// - [`Error::NoColumns`] when a function returns nothing;
    /// - [`Error::ColumnCount`] when a function returns more values for one row than for the
    ///   first, or features or intercepts do not fit the slopes;
    /// - [`Error::NotFinite`] for a value that is not finite, be it returned by a function or
    ///   overflowing in the mean; slopes count columns target by target.
    pub fn simulate(&self, seed: u64) -> Result<SimulatedData> {
        let contexts = self.contexts.draw(seed)?;
        let coefficients = self.coefficients(contexts.view())?;
        let features = self.draw_features(seed, contexts.view(), coefficients.features())?;
        let predictor = coefficients.linear_predictor(features.view())?;
        let means = self.family.link().inverse_table(predictor.view());
        check_table("means", means.view(), None)?;
        let targets = self.draw_targets(seed, means.view())?;
        let visible = self.contexts.with_irrelevant(contexts.view(), seed);
        let samples = Samples::new(visible.view(), features.view(), targets.view())?;
        Ok(SimulatedData {
            samples: self.contexts.name(samples)?,
            coefficients,
            means,
        })
    }

    fn coefficients(&self, contexts: ArrayView2<'_, f64>) -> Result<Coefficients> {
        let Some(slopes) = &self.slopes else {
            return Err(Error::invalid_parameter(
                "slopes",
                "missing",
                "a function of the context",
            ));
        };
        coefficients(contexts, slopes.as_ref(), self.intercepts.as_deref())
    }

    fn draw_features(
        &self,
        seed: u64,
        contexts: ArrayView2<'_, f64>,
        columns: usize,
    ) -> Result<Array2<f64>> {
        let mut draws = Draws::new(seed, Stream::Features);
        table("features", contexts.nrows(), Some(columns), |row| {
            (self.features)(&mut draws, &contexts.row(row).to_vec(), columns)
        })
    }

    fn draw_targets(&self, seed: u64, means: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        if !(self.noise.is_finite() && self.noise >= 0.0) {
            let requirement = "a finite standard deviation of at least zero";
            return Err(Error::invalid_parameter("noise", self.noise, requirement));
        }
        let mut draws = OutcomeDraws::new(seed);
        let dispersion = if self.family.has_dispersion() {
            self.noise.powi(2)
        } else {
            1.0
        };
        let mut targets = Array2::zeros(means.dim());
        for (mut targets, means) in targets.rows_mut().into_iter().zip(means.rows()) {
            targets.assign(&self.family.draw_row(means, dispersion, &mut draws));
        }
        Ok(targets)
    }
}

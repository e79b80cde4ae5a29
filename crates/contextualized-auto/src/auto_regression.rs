//! A regression whose estimator is chosen by cross-validation.

use crate::choice::{Choice, Comparison};
use crate::progress::Progress;
use crate::{AutoModel, AutoReport, Candidate, RegressionMethod, RegressionModel};
use contextualized_analysis::Bootstrap;
use contextualized_core::cross_validation::HeldOut;
use contextualized_core::{
    Error, Estimator, Family, LocalCoefficients, RegressionSettings, Result, Samples,
};
use ndarray::{Array1, Array2, Axis};

/// A contextualized regression by whichever candidate predicts held-out rows best.
///
/// Every candidate is fitted on all folds but one and predicts that one; all see the same folds. A
/// row's loss is that of the family, averaged over targets. Chosen is the first candidate in the list
/// whose mean loss is within one standard error of the lowest (the rule of Breiman, Friedman, Olshen
/// and Stone 1984, doi:10.1201/9781315139470), the error being that of the paired differences between
/// folds, corrected for the rows that folds share (Nadeau and Bengio 2003,
/// doi:10.1023/A:1024068626366), so that what is simpler or more dependable goes before what
/// is as good. It is then fitted to all rows.
///
/// A candidate is stopped early when after the first of five folds it is more than five standard errors
/// behind the best, or after two more than three, or more than one behind one that goes before it. One that cannot
/// be fitted to all rows is passed over.
///
/// The default candidates are, in this order: the population, a Gaussian process of all contexts, a sum
/// of processes of one context each (of two to eight contexts), a rougher one (Matérn 3/2) for
/// coefficients that jump, trees (of outcomes that they have), clusters, and two encoders, of archetypes and direct. Whether coefficients
/// share their length scales a kernel of all contexts finds by itself; in a sum of kernels they do.
/// Encoders are shrunk towards the population by held-out folds of their own.
///
/// One model is chosen, rather than several mixed, because a mixture would have neither intervals nor
/// tests, and would predict little better: see the book.
///
/// | setting | default |
/// |---|---|
/// | [`candidates`](Self::candidates) | those above |
/// | [`family`](Self::family) | Gaussian |
/// | [`intercept`](Self::intercept) | yes |
/// | [`folds`](Self::folds) | 5 |
/// | [`most_rows`](Self::most_rows) compared on | 2000 |
/// | [`bootstraps`](Self::bootstraps) of the chosen one | none |
/// | [`seed`](Self::seed) | 0 |
///
/// ```
/// use contextualized_auto::{AutoRegression, RegressionMethod};
/// use contextualized_core::{Estimator, WithUncertainty};
/// use contextualized_simulation::Simulator;
/// use ndarray::array;
///
/// // A slope that follows the context.
/// let data = Simulator::new(60)
///     .uniform_contexts(1, -1.0, 1.0)
///     .slopes(|c| vec![2.0 * c[0]])
///     .noise(0.3)
///     .simulate(1)?;
/// let model = AutoRegression::new().fit(&data.samples)?;
/// assert_eq!(model.model().method(), RegressionMethod::GaussianProcess);
/// let ends = model.intervals(array![[0.5]].view(), 0.95)?;
/// assert!(ends.lower.slopes()[[0, 0, 0]] > 0.0);
/// for line in model.report().candidates() {
///     println!("{}: {:?}", line.name, line.outcome);
/// }
/// # Ok::<(), contextualized_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct AutoRegression {
    settings: RegressionSettings,
    comparison: Comparison,
    bootstraps: usize,
    choice: Choice<RegressionMethod, Candidate>,
    /// Default candidates are those that have intervals.
    with_intervals: bool,
}

impl Default for AutoRegression {
    fn default() -> Self {
        Self {
            settings: RegressionSettings {
                intercept: true,
                ..RegressionSettings::default()
            },
            comparison: Comparison::default(),
            bootstraps: 0,
            choice: Choice::All,
            with_intervals: false,
        }
    }
}

impl AutoRegression {
    /// The default settings.
    pub fn new() -> Self {
        Self::default()
    }

    /// The family of the targets.
    pub fn family(mut self, family: Family) -> Self {
        self.settings.family = family;
        self
    }

    /// Whether the default candidates have an intercept.
    pub fn intercept(mut self, intercept: bool) -> Self {
        self.settings.intercept = intercept;
        self
    }

    /// Number of folds, at least two.
    pub fn folds(mut self, folds: usize) -> Self {
        self.comparison.folds = folds;
        self
    }

    /// The most rows that candidates are compared on: of more, this many are drawn by the seed. The one
    /// chosen is fitted to all.
    pub fn most_rows(mut self, rows: usize) -> Self {
        self.comparison.most_rows = rows;
        self
    }

    /// Number of bootstrap replicates that the chosen candidate is fitted to as well, so that it has
    /// intervals whatever it is.
    pub fn bootstraps(mut self, replicates: usize) -> Self {
        self.bootstraps = replicates;
        self
    }

    /// Seed of the folds, the candidates and the bootstraps.
    pub fn seed(mut self, seed: u64) -> Self {
        self.settings.seed = seed;
        self.comparison.seed = seed;
        self
    }

    /// Of the default candidates only those whose coefficients have intervals without bootstraps.
    pub fn with_intervals(mut self) -> Self {
        self.with_intervals = true;
        self
    }

    /// These candidates, those to be preferred first. They keep their own settings and seeds.
    pub fn candidates(mut self, candidates: Vec<Candidate>) -> Self {
        self.choice = Choice::Given(candidates);
        self
    }

    /// The default estimator of one method, with nothing to choose.
    pub fn only(mut self, method: RegressionMethod) -> Self {
        self.choice = Choice::Only(method);
        self
    }

    /// The default estimator of a method, with these settings of family, intercept and seed.
    pub fn default_of(&self, method: RegressionMethod) -> Candidate {
        Candidate::of(method, &self.settings)
    }

    /// The candidates that are compared for this many contexts, a factor being one, and no random effects, those to be
    /// preferred first.
    pub fn listed(&self, contexts: usize) -> Vec<Candidate> {
        let is_mixed = |own: &Candidate| own.method() == RegressionMethod::Mixed;
        self.listed_where(contexts, |own| !is_mixed(own))
    }

    /// The candidates that are compared for these samples, those to be preferred first: with random effects mixed
    /// models, of constant coefficients and of those that vary.
    pub fn listed_for(&self, samples: &Samples) -> Vec<Candidate> {
        let contexts = samples.names().context_variables().len();
        self.listed_where(contexts, |own| own.method().suits(samples))
    }

    fn listed_where(&self, contexts: usize, suits: impl Fn(&Candidate) -> bool) -> Vec<Candidate> {
        match &self.choice {
            Choice::Given(candidates) => candidates.clone(),
            Choice::Only(method) => vec![self.default_of(*method)],
            Choice::All => {
                let mut all = Candidate::all(&self.settings, contexts);
                all.retain(|own| !self.with_intervals || own.method().has_intervals());
                all.retain(suits);
                all
            }
        }
    }

    fn fit_chosen(&self, chosen: &Candidate, samples: &Samples) -> Result<RegressionModel> {
        if self.bootstraps == 0 {
            return chosen.fit(samples);
        }
        let own = chosen.clone();
        let bootstrap = if chosen.varies_by_seed() {
            Bootstrap::seeded(move |seed| own.clone().reseeded(seed))
        } else {
            Bootstrap::new(own)
        };
        let bootstrap = bootstrap
            .replicates(self.bootstraps)
            .seed(self.settings.seed);
        let ensemble = bootstrap.fit(samples)?;
        Ok(RegressionModel::Ensemble(Box::new(ensemble)))
    }

    /// The table of candidates, and the errors of each on held-out rows.
    fn compare(
        &self,
        samples: &Samples,
        candidates: &[Candidate],
        names: &[String],
        progress: &Progress<'_>,
    ) -> Result<(AutoReport, Vec<Option<Array1<f64>>>)> {
        let family = self.settings.family;
        let loss = family.loss_of(samples)?;
        let job = |candidate: usize, train: &Samples, test: &Samples| {
            let model = candidates[candidate].fit_part(train)?;
            if !model.family().is_of(family) {
                return Err(Error::invalid_parameter(
                    "family of a candidate",
                    model.family(),
                    format!("{family}, as of the choice"),
                ));
            }
            let predictions = model.predict_samples(test)?;
            Ok(HeldOut {
                losses: loss.of_rows(test.targets(), predictions.view())?,
                predictions,
            })
        };
        let decision =
            self.comparison
                .decide(samples, family, loss.name(), names, progress, job)?;
        let errors = |predictions: Option<Array2<f64>>| {
            let predictions = predictions.filter(|_| family.has_dispersion())?;
            Some(held_out_errors(&decision.samples, &predictions))
        };
        let noise = decision.predictions.into_iter().map(errors).collect();
        Ok((decision.report, noise))
    }
}

/// Root of the mean squared error of each target, for a row of weight one.
fn held_out_errors(samples: &Samples, predictions: &Array2<f64>) -> Array1<f64> {
    let mut squares = (&samples.targets() - predictions).mapv(|residual| residual * residual);
    if let Some(weights) = samples.weights() {
        squares *= &weights.insert_axis(Axis(1));
    }
    (squares.sum_axis(Axis(0)) / samples.rows() as f64).mapv(f64::sqrt)
}

impl Estimator for AutoRegression {
    type Model = AutoModel;

    fn name(&self) -> String {
        let mut settings = Vec::new();
        if let Choice::Only(method) = &self.choice {
            settings.push(method.to_string());
        }
        settings.extend(self.settings.family.qualifier().map(str::to_owned));
        if !self.settings.intercept {
            settings.push("no intercept".to_owned());
        }
        if settings.is_empty() {
            "auto".to_owned()
        } else {
            format!("auto ({})", settings.join(", "))
        }
    }

    /// Tells the samples' monitor how many of the fits are done.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for no candidate, fewer than two folds or candidates of another
    /// family; [`Error::InvalidTarget`]; the first candidate's error if none can be fitted.
    fn fit(&self, samples: &Samples) -> Result<AutoModel> {
        let family = self.settings.family;
        let samples = samples.rows_that_count()?;
        family.check(&samples)?;
        let candidates = self.listed_for(&samples);
        let compared = match candidates.as_slice() {
            [] => return Err(Error::invalid_parameter("candidates", 0, "at least 1")),
            [sole] => family.has_dispersion() && !sole.knows_dispersion(),
            [_, _, ..] => true,
        };
        let progress = self
            .comparison
            .progress(compared, candidates.len(), samples.monitor());
        let names: Vec<String> = candidates.iter().map(Estimator::name).collect();
        let (report, mut noise) = if compared {
            self.compare(&samples, &candidates, &names, &progress)?
        } else {
            (AutoReport::of_one(family.loss_name(), names), vec![None])
        };
        let (model, report) =
            report.fitted(|chosen| self.fit_chosen(&candidates[chosen], &samples))?;
        progress.step();
        let noise = noise.swap_remove(report.chosen());
        AutoModel::new(
            model,
            noise,
            report,
            self.comparison.rows_compared(&samples, family)?.as_ref(),
        )
    }
}

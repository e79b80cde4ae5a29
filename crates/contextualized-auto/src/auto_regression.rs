//! A regression whose estimator is chosen by cross-validation.

use crate::contest::{Contest, HeldOut};
use crate::progress::Progress;
use crate::{AutoModel, AutoReport, Candidate, Method, RegressionModel};
use contextualized_analysis::Bootstrap;
use contextualized_baselines::{ClusterRegression, PopulationRegression};
use contextualized_core::metrics::Loss;
use contextualized_core::{Error, Estimator, Link, LocalCoefficients, Result, Samples};
use contextualized_linear::{
    GaussianProcessRegression, KernelShape, NeuralRegression, Parameterization, Sharing,
};
use ndarray::{Array1, Array2, Axis};

/// A contextualized regression by whichever candidate predicts held-out rows best.
///
/// Every candidate is fitted on all folds but one and predicts that one; all see the same folds. A
/// row's loss is the squared error, averaged over targets, or the log-loss of binary targets. Chosen
/// is the first candidate in the list whose mean loss is within one standard error of the lowest, the
/// error being that of the paired differences over rows (the rule of Breiman, Friedman, Olshen and
/// Stone 1984, doi:10.1201/9781315139470), so that what is simpler or more dependable goes before what
/// is as good. It is then fitted to all rows.
///
/// A candidate is stopped early when after two of five folds it is more than three standard errors behind
/// the best, or more than one behind one that goes before it.
///
/// The default candidates are, in this order: the population; Gaussian processes with a kernel of all
/// contexts, a sum of kernels of one context each (of two to eight contexts), and a rougher kernel
/// (Matérn 3/2) for coefficients that jump; clusters, and two encoders, of archetypes and direct. Whether coefficients
/// share their length scales a kernel of all contexts finds by itself; in a sum of kernels they do.
/// Encoders are shrunk towards the population by held-out folds of their own.
///
/// One model is chosen, rather than several mixed, because a mixture would have neither intervals nor
/// tests, and would predict little better: see the book.
///
/// | setting | default |
/// |---|---|
/// | [`candidates`](Self::candidates) | those above |
/// | [`logistic`](Self::logistic) | no |
/// | [`intercept`](Self::intercept) | yes |
/// | [`folds`](Self::folds) | 5 |
/// | [`most_rows`](Self::most_rows) compared on | 2000 |
/// | [`bootstraps`](Self::bootstraps) of the chosen one | none |
/// | [`seed`](Self::seed) | 0 |
///
/// ```
/// use contextualized_auto::{AutoRegression, Method};
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
/// assert_eq!(model.model().method(), Method::GaussianProcess);
/// let ends = model.intervals(array![[0.5]].view(), 0.95)?;
/// assert!(ends.lower.slopes()[[0, 0, 0]] > 0.0);
/// for line in model.report().candidates() {
///     println!("{}: {:?}", line.name, line.outcome);
/// }
/// # Ok::<(), contextualized_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct AutoRegression {
    link: Link,
    intercept: bool,
    folds: usize,
    most_rows: usize,
    bootstraps: usize,
    seed: u64,
    choice: Choice,
}

/// The most contexts for which a kernel of each is among the candidates: its fits take long with
/// more, and seldom say more than one kernel of all contexts, which switches off those of noise.
const MOST_ADDITIVE: usize = 8;

/// Rows per gradient step and step size of the encoders among the candidates: as good as one row per
/// step and the default size, and ten times as fast.
const BATCH: usize = 16;
const LEARNING_RATE: f64 = 0.004;

#[derive(Debug, Clone, PartialEq)]
enum Choice {
    All,
    Only(Method),
    Given(Vec<Candidate>),
}

impl Default for AutoRegression {
    fn default() -> Self {
        Self {
            link: Link::Identity,
            intercept: true,
            folds: 5,
            most_rows: 2000,
            bootstraps: 0,
            seed: 0,
            choice: Choice::All,
        }
    }
}

impl AutoRegression {
    /// The default settings.
    pub fn new() -> Self {
        Self::default()
    }

    /// Logistic regression of targets that are 0 or 1.
    pub fn logistic(mut self) -> Self {
        self.link = Link::Logit;
        self
    }

    /// Whether the default candidates have an offset.
    pub fn intercept(mut self, intercept: bool) -> Self {
        self.intercept = intercept;
        self
    }

    /// Number of folds, at least two.
    pub fn folds(mut self, folds: usize) -> Self {
        self.folds = folds;
        self
    }

    /// The most rows that candidates are compared on: of more, this many are drawn by the seed. The one
    /// chosen is fitted to all.
    pub fn most_rows(mut self, rows: usize) -> Self {
        self.most_rows = rows;
        self
    }

    /// Fits the chosen candidate to this many bootstrap replicates too, so that it has intervals
    /// whatever it is.
    pub fn bootstraps(mut self, replicates: usize) -> Self {
        self.bootstraps = replicates;
        self
    }

    /// Seed of the folds, the candidates and the bootstraps.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// These candidates, those to be preferred first. They keep their own settings and seeds.
    pub fn candidates(mut self, candidates: Vec<Candidate>) -> Self {
        self.choice = Choice::Given(candidates);
        self
    }

    /// The default estimator of one method, with nothing to choose.
    pub fn only(mut self, method: Method) -> Self {
        self.choice = Choice::Only(method);
        self
    }

    /// The default estimator of a method, with these settings of link, intercept and seed.
    pub fn default_of(&self, method: Method) -> Candidate {
        match method {
            Method::Population => Candidate::Population(self.population()),
            Method::Cluster => Candidate::Cluster(
                ClusterRegression::new()
                    .regression(self.population())
                    .seed(self.seed),
            ),
            Method::Neural => Candidate::Neural(self.neural()),
            Method::GaussianProcess => Candidate::GaussianProcess(self.kernel()),
        }
    }

    fn population(&self) -> PopulationRegression {
        let estimator = PopulationRegression::new().intercept(self.intercept);
        match self.link {
            Link::Logit => estimator.logistic(),
            _ => estimator,
        }
    }

    fn neural(&self) -> NeuralRegression {
        let estimator = NeuralRegression::new()
            .intercept(self.intercept)
            .seed(self.seed);
        match self.link {
            Link::Logit => estimator.logistic(),
            _ => estimator,
        }
    }

    fn kernel(&self) -> GaussianProcessRegression {
        let estimator = GaussianProcessRegression::new().intercept(self.intercept);
        match self.link {
            Link::Logit => estimator.logistic(),
            _ => estimator,
        }
    }

    /// The candidates for this many contexts.
    fn listed(&self, contexts: usize) -> Vec<Candidate> {
        match &self.choice {
            Choice::Given(candidates) => candidates.clone(),
            Choice::Only(method) => vec![self.default_of(*method)],
            Choice::All => {
                let mut candidates = vec![
                    self.default_of(Method::Population),
                    self.default_of(Method::GaussianProcess),
                ];
                if (2..=MOST_ADDITIVE).contains(&contexts) {
                    // A coefficient has an amplitude for each context anyway.
                    let additive = self
                        .kernel()
                        .additive(KernelShape::SquaredExponential)
                        .sharing(Sharing::Shared);
                    candidates.push(Candidate::GaussianProcess(additive));
                }
                let rough = self.kernel().joint(KernelShape::Matern32);
                let archetypes = self.neural().batch_size(BATCH).learning_rate(LEARNING_RATE);
                let direct = archetypes
                    .clone()
                    .parameterization(Parameterization::Direct);
                candidates.extend([
                    Candidate::GaussianProcess(rough),
                    self.default_of(Method::Cluster),
                    Candidate::Neural(archetypes),
                    Candidate::Neural(direct),
                ]);
                candidates
            }
        }
    }

    /// Fits while telling an observer how many of the fits are done; it is called from several
    /// threads, one at a time, with counts that grow from zero to the total.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for no candidate, fewer than two folds or candidates of another
    /// link; [`Error::NotBinary`]; the first candidate's error if none can be fitted; those of the
    /// chosen candidate on all rows.
    pub fn fit_observed(
        &self,
        samples: &Samples,
        observer: &(dyn Fn(usize, usize) + Sync),
    ) -> Result<AutoModel> {
        let samples = samples.rows_that_count()?;
        if self.link == Link::Logit {
            samples.check_binary_targets()?;
        }
        let candidates = self.listed(samples.contexts().ncols());
        let compared = match candidates.as_slice() {
            [] => {
                return Err(Error::invalid_parameter("candidates", 0, "at least 1"));
            }
            [sole] => self.link == Link::Identity && needs_noise(sole.method()),
            _ => true,
        };
        let fits = if compared {
            candidates.len() * self.folds
        } else {
            0
        };
        let progress = Progress::new(fits + 1, observer);
        let names: Vec<String> = candidates.iter().map(Estimator::name).collect();
        let (report, noise) = if compared {
            self.compare(&samples, &candidates, names, &progress)?
        } else {
            (AutoReport::of_one(loss_name(self.loss()), names), None)
        };
        let chosen = &candidates[report.chosen()];
        let model = match self.bootstraps {
            0 => chosen.fit(&samples)?,
            replicates => {
                let own = chosen.clone();
                let bootstrap = match chosen.method() {
                    // What varies between replicates includes what the estimator draws.
                    Method::Neural => Bootstrap::seeded(move |seed| own.clone().reseeded(seed)),
                    _ => Bootstrap::new(own),
                };
                let ensemble = bootstrap
                    .replicates(replicates)
                    .seed(self.seed)
                    .fit(&samples)?;
                RegressionModel::Ensemble(Box::new(ensemble))
            }
        };
        progress.step();
        Ok(AutoModel::new(model, noise, report))
    }

    fn loss(&self) -> Loss {
        match self.link {
            Link::Logit => Loss::Log,
            _ => Loss::Squared,
        }
    }

    /// The table of candidates, and the errors of the chosen one on held-out rows.
    fn compare(
        &self,
        samples: &Samples,
        candidates: &[Candidate],
        names: Vec<String>,
        progress: &Progress<'_>,
    ) -> Result<(AutoReport, Option<Array1<f64>>)> {
        let levels = (self.link == Link::Logit).then(|| {
            let rows = samples.targets();
            let level = |row: ndarray::ArrayView1<'_, f64>| row.iter().map(|y| *y == 1.0).collect();
            rows.rows().into_iter().map(level).collect()
        });
        let contest = Contest::new(samples, levels, self.folds, self.most_rows, self.seed)?;
        let decision = contest.decide(
            loss_name(self.loss()),
            names,
            progress,
            |candidate, train, test| {
                let model = candidates[candidate].fit(train)?;
                if model.link() != self.link {
                    return Err(Error::invalid_parameter(
                        "link of a candidate",
                        format!("{:?}", model.link()),
                        format!("{:?}, as of the choice", self.link),
                    ));
                }
                let predictions = model.predict(test.contexts(), test.features())?;
                Ok(HeldOut {
                    losses: self.loss().rows(test.targets(), predictions.view())?,
                    predictions,
                })
            },
        )?;
        let noise = match self.link {
            Link::Identity => Some(held_out_errors(contest.samples(), &decision.predictions)),
            _ => None,
        };
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

/// Whether outcomes of the method's models have no noise but what held-out rows say.
fn needs_noise(method: Method) -> bool {
    matches!(method, Method::Cluster | Method::Neural)
}

fn loss_name(loss: Loss) -> &'static str {
    match loss {
        Loss::Log => "log-loss",
        _ => "squared error",
    }
}

impl Estimator for AutoRegression {
    type Model = AutoModel;

    fn name(&self) -> String {
        let mut settings = Vec::new();
        if let Choice::Only(method) = &self.choice {
            settings.push(method.to_string());
        }
        for (set, name) in [
            (self.link == Link::Logit, "logistic"),
            (!self.intercept, "no intercept"),
        ] {
            if set {
                settings.push(name.to_owned());
            }
        }
        if settings.is_empty() {
            "auto".to_owned()
        } else {
            format!("auto ({})", settings.join(", "))
        }
    }

    /// # Errors
    ///
    /// Those of [`AutoRegression::fit_observed`].
    fn fit(&self, samples: &Samples) -> Result<AutoModel> {
        self.fit_observed(samples, &|_, _| ())
    }
}

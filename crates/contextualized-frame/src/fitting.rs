//! Fits of regressions and networks to tables, with what tables and reports need of them.

use crate::data::MOST_LEVELS;
use crate::design::{Design, Training, TreatmentColumn};
use crate::error::{Error, Result};
use crate::formula::Formula;
use crate::saved::{
    Baseline, DataSummary, Fitted, Groups, Networks, Regression, Saved, Tests, TrainingRows,
    Treatment, spread,
};
use crate::settings::{Estimate, EstimatorSettings, NeuralSettings};
use contextualized_analysis::{IndividualLogits, goodness_of_fit, wald_table};
use contextualized_auto::{
    AutoModel, AutoNetworks, AutoRegression, NetworkChoice, NetworkMethod, RegressionMethod,
    RegressionModel, Residuals, TreatmentRegression,
};
use contextualized_baselines::PopulationRegression;
use contextualized_core::{
    Estimator, Family, LocalCoefficients, RegressionEstimator, RegressionSettings, Samples,
    Standardization,
};
use contextualized_linear::{GaussianProcessRegression, KernelShape, Sharing};
use ndarray::s;
use std::collections::BTreeSet;

/// The most rows that tests of variation are made with: their kernel has length scales for every
/// coefficient with every context, and with as many rows power is ample.
const MOST_TESTED: usize = 5000;

/// Replicates of which the ends of an interval of 95 % can be taken.
const LEAST_BOOTSTRAPS: usize = 39;

/// Ends of intervals do not become better by more.
const MOST_BOOTSTRAPS: usize = 10_000;

/// The most pairs of a coefficient and a context that are tested: each has a length scale of its own.
const MOST_PAIRS: usize = 1_000;

/// The most nodes of a network.
const MOST_NODES: usize = 500;

/// Where training data come from: what a model file says of them besides numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Origin<'a> {
    /// The name of the file or of the object, without a folder.
    pub file: &'a str,
    /// The column of row weights.
    pub weights: Option<&'a str>,
    /// The column of groups of rows.
    pub groups: Option<&'a str>,
}

/// How a regression is fitted.
#[derive(Debug, Clone, PartialEq)]
pub struct RegressionFit {
    /// The estimator, or the choice among all.
    pub estimator: Estimate<RegressionMethod>,
    /// Settings of estimators.
    pub settings: EstimatorSettings,
    /// Number of cross-validation folds of the choice (default 5).
    pub folds: usize,
    /// Random seed (default 0).
    pub seed: u64,
    /// Number of bootstrap replicates for intervals, none by default.
    pub bootstraps: usize,
    /// Whether it is tested which coefficients vary (default).
    pub tests: bool,
}

impl Default for RegressionFit {
    fn default() -> Self {
        Self {
            estimator: Estimate::Auto,
            settings: EstimatorSettings::default(),
            folds: 5,
            seed: 0,
            bootstraps: 0,
            tests: true,
        }
    }
}

/// A treatment whose effect is to be fitted.
#[derive(Debug, Clone)]
pub struct Treated {
    column: String,
    levels: Option<[String; 2]>,
    family: Family,
    residuals: Residuals,
}

impl Treated {
    /// What is kept of it beside the model of its effect.
    fn treatment(self, effect: &AutoModel) -> contextualized_core::Result<Treatment> {
        Ok(Treatment {
            average: self.residuals.average_effects(effect)?,
            nuisances: self.residuals.nuisances().clone(),
            column: self.column,
            levels: self.levels,
            family: self.family,
        })
    }
}

/// How networks are fitted.
#[derive(Debug, Clone, PartialEq)]
pub struct NetworksFit {
    /// What edges are.
    pub kind: NetworkChoice,
    /// The estimator, or the choice among all.
    pub estimator: Estimate<NetworkMethod>,
    /// Settings of neural estimators.
    pub settings: NeuralSettings,
    /// Number of cross-validation folds of the choice.
    pub folds: usize,
    /// Random seed.
    pub seed: u64,
}

/// Refuses fewer than two folds.
///
/// # Errors
///
/// [`Error::Request`].
pub fn check_folds(folds: usize) -> Result<()> {
    if folds < 2 {
        let message = format!("--folds {folds} leaves nothing out; use at least 2");
        return Err(Error::usage(message));
    }
    Ok(())
}

impl RegressionFit {
    /// Refuses invalid settings, before data are read.
    ///
    /// # Errors
    ///
    /// [`Error::Request`] for too few or too many folds or replicates, and for settings of estimators that are not
    /// asked for.
    pub fn check(&self) -> Result<()> {
        let Self {
            bootstraps, folds, ..
        } = self;
        check_folds(*folds)?;
        if (1..LEAST_BOOTSTRAPS).contains(bootstraps) {
            return Err(Error::usage(format!(
                "--bootstraps {bootstraps}: intervals of 95 % need at least {LEAST_BOOTSTRAPS}"
            )));
        }
        if *bootstraps > MOST_BOOTSTRAPS {
            return Err(Error::usage(format!(
                "--bootstraps {bootstraps} would take very long; {MOST_BOOTSTRAPS} are more than enough"
            )));
        }
        self.settings.check(&[self.estimator])
    }

    /// Refuses a formula without a target.
    ///
    /// # Errors
    ///
    /// [`Error::Request`].
    pub fn check_formula(formula: &Formula) -> Result<()> {
        if formula.targets.is_empty() {
            return Err(Error::usage(
                "the formula has no target before `~`; `contextualized networks` fits formulas without one",
            ));
        }
        Ok(())
    }

    /// Fits, tests which coefficients vary, and fits the constant-coefficient model to compare with. The samples' monitor is
    /// told how many fits of the choice are done, of how many.
    ///
    /// # Errors
    ///
    /// [`Error::Request`] as [`Self::check`]; [`Error::Model`] of the estimator.
    pub fn fit(&self, training: Training, origin: &Origin<'_>) -> Result<Saved> {
        self.check()?;
        let (training, treated) = self.residuals(training)?;
        let (design, samples) = (&training.design, &training.samples);
        if self.bootstraps > 0 && !samples.random_terms().is_empty() {
            return Err(Error::usage(
                "--bootstraps with random effects: a level that is drawn twice would be one level, with effects that are known too well; leave it out, mixed models have intervals of their own",
            ));
        }
        let estimator = self.estimator(design, samples).bootstraps(self.bootstraps);
        let by_default = RegressionSettings {
            family: design.family,
            intercept: design.intercept,
            seed: self.seed,
        };
        // Effects and reports compare with the population, which may be the model itself.
        let is_population = self.estimator == Estimate::Only(RegressionMethod::Population)
            && self.bootstraps == 0
            && !self.settings.any();
        let alone = samples.without_random_terms();
        let population = || PopulationRegression::with_settings(&by_default).fit(&alone);
        let (model, (baseline, variation)) = rayon::join(
            || {
                let model = estimator.fit(samples)?;
                find_uncertainty(&model, samples);
                Ok::<_, contextualized_core::Error>(model)
            },
            || {
                let baseline = (!is_population).then(|| Baseline::new(population()));
                let tests = match (self.tests, untestable(samples)) {
                    (true, None) => Baseline::new(tests(design, &alone)),
                    (true, Some(reason)) => Baseline::Failed(reason),
                    (false, _) => Baseline::Failed("it was fitted with --no-tests".to_owned()),
                };
                (baseline, tests)
            },
        );
        let model = model?;
        let population = match (baseline, model.model()) {
            (Some(baseline), _) => baseline,
            (None, RegressionModel::Population(own)) => Baseline::Fitted(own.clone()),
            (None, _) => Baseline::new(population()),
        };
        let treatment = treated
            .map(|treated| treated.treatment(&model))
            .transpose()?;
        let regression = Regression {
            treatment,
            goodness: goodness_of_fit(&model, samples)?,
            model,
            population,
            variation,
        };
        let data = DataSummary::of(&training, origin);
        saved(training, data, Fitted::Regression(Box::new(regression)))
    }

    /// Training rows as they are or, where they have a treatment, what outcome and treatment are beyond their means given
    /// features and contexts: the treatment is then the one feature, without an intercept.
    ///
    /// # Errors
    ///
    /// [`Error::Model`] of the models of the means.
    pub fn residuals(&self, mut training: Training) -> Result<(Training, Option<Treated>)> {
        let Some(treatment) = training.treatment.take() else {
            return Ok((training, None));
        };
        let family = training.design.family;
        let residuals = TreatmentRegression::new()
            .family(family)
            .folds(self.folds)
            .seed(self.seed)
            .residuals(&training.samples, treatment.values.view())?;
        let own = residuals.samples();
        training.samples = own.replace_features(own.features(), [&treatment.name])?;
        training.design = training.design.of_effect(&treatment);
        let TreatmentColumn { name, levels, .. } = treatment;
        let treated = Treated {
            column: name,
            levels,
            family,
            residuals,
        };
        Ok((training, Some(treated)))
    }

    /// The estimator that was asked for.
    pub fn estimator(&self, design: &Design, samples: &Samples) -> AutoRegression {
        let estimator = AutoRegression::new()
            .family(design.family)
            .intercept(design.intercept)
            .folds(self.folds)
            .seed(self.seed);
        let estimator = match self.estimator {
            // What is said of an effect has an interval.
            Estimate::Auto if design.outcome.is_some() && self.bootstraps == 0 => {
                estimator.with_intervals()
            }
            Estimate::Auto => estimator,
            Estimate::Only(method) => estimator.only(method),
        };
        if !self.settings.any() {
            return estimator;
        }
        let candidates = self.settings.applied(estimator.listed_for(samples));
        estimator.candidates(candidates)
    }
}

impl NetworksFit {
    /// Refuses a formula that is not of networks.
    ///
    /// # Errors
    ///
    /// [`Error::Request`].
    pub fn check_formula(formula: &Formula) -> Result<()> {
        if !formula.targets.is_empty() {
            return Err(Error::usage(
                "the formula of networks has nothing before `~`: its nodes are the columns before the bar, as in `~ x0 + x1 | c0`",
            ));
        }
        if formula.features.intercept_named {
            return Err(Error::usage(
                "the formula of networks has a number among its nodes; networks have no intercept to drop",
            ));
        }
        Ok(())
    }

    /// Refuses nodes that are too few or too many.
    ///
    /// # Errors
    ///
    /// [`Error::Request`] for one node, [`Error::Data`] for too many.
    pub fn check_nodes(samples: &Samples) -> Result<()> {
        let nodes = samples.features().ncols();
        if nodes < 2 {
            return Err(Error::usage(
                "the formula has one node; a network needs at least two",
            ));
        }
        if nodes > MOST_NODES {
            return Err(Error::failure(format!(
                "{nodes} nodes have {} pairs, and every row has a network of its own; choose at most {MOST_NODES} nodes",
                nodes * (nodes - 1) / 2
            )));
        }
        Ok(())
    }

    /// Fits networks, and those that are constant or constant in clusters to compare with. The samples' monitor is told
    /// how many fits of the choice are done, of how many.
    ///
    /// # Errors
    ///
    /// [`Error::Request`] for too few folds, one node, and an estimator or settings that this kind does not have;
    /// [`Error::Model`] of the estimator.
    pub fn fit(&self, training: Training, origin: &Origin<'_>) -> Result<Saved> {
        check_folds(self.folds)?;
        let samples = &training.samples;
        Self::check_nodes(samples)?;
        let units = units_of_nodes(self.kind, samples);
        let any = AutoNetworks::new(self.kind)
            .folds(self.folds)
            .seed(self.seed);
        let estimator = match self.estimator {
            Estimate::Auto => any.clone(),
            Estimate::Only(method) => {
                // A method that this kind of networks does not have is a mistake of the request.
                let checked = any.default_of(method);
                checked.map_err(|error| Error::usage(error.to_string()))?;
                any.clone().only(method)
            }
        };
        let candidates = estimator.listed()?;
        let estimator = estimator.candidates(self.settings.of_networks(candidates)?);
        let model = estimator.fit(samples)?;
        let baseline = |method| {
            let fitted = any
                .default_of(method)
                .and_then(|estimator| estimator.fit(samples));
            Baseline::new(fitted)
        };
        let networks = Networks {
            model,
            population: baseline(NetworkMethod::Population),
            clusters: baseline(NetworkMethod::Cluster),
        };
        let mut data = DataSummary::of(&training, origin);
        data.remarks.extend(units);
        saved(training, data, Fitted::Networks(Box::new(networks)))
    }
}

/// What is saved of a fit that was not cancelled: tests and models to compare with say so nowhere else.
fn saved(training: Training, data: DataSummary, fitted: Fitted) -> Result<Saved> {
    training.samples.monitor().check()?;
    Ok(Saved {
        data,
        training: TrainingRows::of(&training.samples)?,
        fitted,
        design: training.design,
        reading: training.reading,
    })
}

/// Has a model of many rows find what its intervals need, which the model file then holds: every later command would
/// look for it again. Of few rows that takes less time than anyone notices. What cannot be found is said where it is
/// asked for.
fn find_uncertainty(model: &AutoModel, samples: &Samples) {
    const FEW_ROWS: usize = 400;
    if samples.rows() > FEW_ROWS
        && let Some(model) = model.as_predictive()
    {
        let first = s![..1, ..];
        let (contexts, features) = (samples.contexts(), samples.features());
        let _ = model.predictor_distribution(contexts.slice(first), features.slice(first));
    }
}

/// Why nothing is tested: rows of a level are alike, and what the levels of a factor in codes have of their own would
/// be more functions than rows that are tested.
fn untestable(samples: &Samples) -> Option<String> {
    if samples.contexts().ncols() == 0 {
        return Some("the formula has no contexts".to_owned());
    }
    let mut factors = samples.names().factors.iter();
    factors.find_map(|factor| {
        let levels = factor.coded_levels?;
        Some(format!(
            "{} has {levels} levels, and tests allow for factors of at most {MOST_LEVELS}",
            factor.name
        ))
    })
}

/// Which coefficients vary with which contexts, by one procedure whatever estimator was chosen: a
/// choice made by looking at the same rows would make the tests of the chosen model optimistic.
fn tests(design: &Design, samples: &Samples) -> contextualized_core::Result<Tests> {
    let coefficients = samples.features().ncols() + usize::from(design.intercept);
    let pairs = coefficients * samples.names().context_variables().len();
    if pairs > MOST_PAIRS {
        return Err(contextualized_core::Error::invalid_parameter(
            "pairs of coefficients and contexts to test",
            pairs,
            format!("at most {MOST_PAIRS}"),
        ));
    }
    let samples = spread(samples, MOST_TESTED)?;
    let additive = GaussianProcessRegression::new()
        .additive(KernelShape::SquaredExponential)
        .sharing(Sharing::PerCoefficient)
        // Of its fit the tests use how rough functions may be.
        .tolerance(0.1)
        .intercept(design.intercept);
    let table = if design.family.has_classes() {
        let logits = IndividualLogits::new(additive.family(Family::Binomial));
        wald_table(&logits.fit(&samples)?, &samples)?
    } else {
        wald_table(&additive.family(design.family).fit(&samples)?, &samples)?
    };
    Ok(Tests {
        table,
        rows: samples.rows(),
    })
}

impl DataSummary {
    /// What is kept of where training rows come from, and what is remarkable about them.
    pub fn of(training: &Training, origin: &Origin<'_>) -> Self {
        let samples = &training.samples;
        let copies = match samples.groups() {
            Some(_) => None,
            None => samples.copies(),
        };
        Self {
            groups: origin
                .groups
                .map(str::to_owned)
                .or_else(|| innermost(samples))
                .map(|column| Groups {
                    column,
                    count: distinct(samples.groups().unwrap_or_default()),
                }),
            subjects: (samples.subjects_are_correlated() == Some(false))
                .then(|| distinct(samples.groups().unwrap_or_default())),
            remarks: training.remarks.clone(),
            wild: wild_in_words(samples),
            copies: copies.map_or(0, |labels| labels.len() - distinct(&labels)),
            file: origin.file.to_owned(),
            rows: training.samples.rows(),
            dropped: training.dropped,
            weights: origin.weights.map(str::to_owned),
        }
    }
}

/// The random term whose levels are kept together, unless groups were given.
fn innermost(samples: &Samples) -> Option<String> {
    let terms = samples.random_terms().iter().rev();
    let most = terms.max_by_key(|term| {
        let present: BTreeSet<_> = term.levels().iter().collect();
        present.len()
    });
    most.map(|term| term.group().to_owned())
}

/// Contexts far from all others, by name, row of those fitted and value.
fn wild_in_words(samples: &Samples) -> Option<String> {
    const MOST: usize = 5;
    let names = &samples.names().contexts;
    if samples.subjects_are_correlated() == Some(true) {
        // Which row of the data a value is in is not known from its group.
        return None;
    }
    // Time is not a context that could be mistaken, and rows are those of subjects.
    let subjects = samples
        .groups()
        .filter(|_| samples.subjects_are_correlated().is_some());
    let is_time = |context: usize| subjects.is_some() && context + 1 == names.len();
    let mut found: Vec<String> = Vec::new();
    for wild in samples.wild_contexts() {
        let row = subjects.map_or(wild.row, |labels| labels[wild.row]);
        let text = format!(
            "{} is {} in row {}",
            names[wild.context],
            wild.value,
            row + 1
        );
        if !is_time(wild.context) && !found.contains(&text) {
            found.push(text);
        }
    }
    let said: Vec<String> = found.iter().take(MOST).cloned().collect();
    let more = match found.len().saturating_sub(MOST) {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    (!said.is_empty()).then(|| {
        format!(
            "Far from all others (rows are counted among those used): {}{more}. If that is not a mistake, keep it.",
            said.join(", ")
        )
    })
}

fn distinct(labels: &[usize]) -> usize {
    labels.iter().collect::<BTreeSet<_>>().len()
}

/// A warning, where nodes of a directed network are measured in very different units: the order of nodes is found
/// from their variances.
fn units_of_nodes(kind: NetworkChoice, samples: &Samples) -> Option<String> {
    const RATIO: f64 = 10.0;
    if kind != NetworkChoice::Bayesian {
        return None;
    }
    let scales = Standardization::fit(samples.features(), samples.weights()).ok()?;
    let names = samples.names().features.iter();
    let mut nodes: Vec<(&String, f64)> = names.zip(scales.scales().iter().copied()).collect();
    nodes.sort_by(|a, b| a.1.total_cmp(&b.1));
    let (least, most) = (nodes.first()?, nodes.last()?);
    let ratio = most.1 / least.1;
    (ratio > RATIO).then(|| {
        format!(
            "Directions depend on the units of the nodes, and the standard deviation of {} is {ratio:.0} times that of {}: measure nodes in units in which their noise is about the same, or write scale({}) and so on for nodes in standard deviations",
            most.0, least.0, most.0
        )
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::design::Arrays;
    use contextualized_core::Monitor;
    use ndarray::Array2;

    /// A population, which is fitted at once, and tests that would be said to have failed.
    #[test]
    fn a_cancelled_fit_is_not_saved() {
        let table = |seed: f64| Array2::from_shape_fn((30, 1), |(i, _)| (seed * i as f64).sin());
        let (contexts, features, targets) = (table(1.0), table(2.3), table(4.1));
        let names = ["c", "x", "y"].map(|name| vec![name.to_owned()]);
        let arrays = Arrays {
            contexts: contexts.view(),
            features: features.view(),
            targets: targets.view(),
            context_names: &names[0],
            feature_names: &names[1],
            target_names: &names[2],
            classes: None,
            family: Family::Gaussian,
            intercept: true,
            weights: None,
            groups: None,
        };
        let fit = RegressionFit {
            estimator: Estimate::Only(RegressionMethod::Population),
            ..RegressionFit::default()
        };
        let monitor = Monitor::new(|_, _| ());
        let watched = || {
            let mut training = arrays.training().unwrap();
            training.samples = training.samples.with_monitor(monitor.clone());
            fit.fit(training, &Origin::default())
        };
        assert!(watched().is_ok());
        monitor.cancel();
        let Err(Error::Model { source, .. }) = watched() else {
            panic!("a cancelled fit was saved");
        };
        assert!(matches!(*source, contextualized_core::Error::Cancelled));
    }
}

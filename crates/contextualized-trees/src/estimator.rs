//! The estimator: settings, and how they become a fitted model.

use crate::codes::ContextCodes;
use crate::forest::Forest;
use crate::model::TreeModel;
use crate::order::Ordered;
use crate::report::TreeReport;
use crate::sampler::{Chain, ChainSettings, Groups, Likelihood, Rows, TreePrior};
use contextualized_core::{
    Error, Estimator, Family, Monitor, RegressionEstimator, RegressionSettings, Result, Samples,
    Scaling, typical_weight,
};
use ndarray::{Array1, Axis};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

/// Contextualized regression with sums of trees: coefficients may jump, and depend on few of many contexts.
///
/// ```text
/// ℓ(E[y | x, c]) = B(c) x + m(c)
/// every entry of B and m:  βⱼ(c) = bⱼ + Σₜ gⱼₜ(c),  a tree gⱼₜ has a value μ ~ N(0, τⱼ² λⱼₜₗ²) in each leaf l
/// ```
///
/// Scales τ of coefficients and λ of leaves have half-Cauchy priors, so that most leaves may do next to nothing and some
/// much.
/// Trees are small by their prior (Chipman, George and McCulloch 2010, doi:10.1214/09-AOAS285), and which contexts they
/// split is learned for each coefficient, from a sparse prior (Linero 2018, doi:10.1080/01621459.2016.1264957). A split
/// of a number is a ramp between its two sides, from a jump between two neighbouring values to nearly the whole range,
/// so that sums of trees are smooth where the coefficient is (after the soft trees of Linero and Yang 2018,
/// doi:10.1111/rssb.12293); a factor is split into two sets of levels. As in the varying-coefficient trees of Deshpande
/// et al. (2024, doi:10.1214/24-BA1470), each coefficient has trees of its own, drawn by backfitting given all others.
///
/// Only the order of a number's values matters: monotone transformations of a context change nothing. Rows that depend
/// on each other ([`Samples::correlated_rows`]) have a random intercept in common. Features and Gaussian targets are
/// standardised on the rows fitted, and coefficients are mapped back. Row weights are inverse variances, or how often a
/// binary outcome or a count was observed. The order of the rows changes nothing.
///
/// | setting | default | range |
/// |---|---|---|
/// | trees of each coefficient | 10 | 1 to 10 000 |
/// | soft splits | yes | |
/// | family | Gaussian | Gaussian; binomial by augmentation with Pólya-Gamma variables (Polson, Scott and Windle 2013, doi:10.1080/01621459.2013.829001); Poisson by mixtures of normal distributions (Frühwirth-Schnatter et al. 2009, doi:10.1007/s11222-008-9109-4) |
/// | intercept | yes | |
/// | chains | 4 | 1 to 1000 |
/// | sweeps before draws are kept | 3000 | 0 to 1 000 000 |
/// | sweeps of which draws are kept | 3000 | 1 to 1 000 000 |
/// | draws kept of each chain | 100, or all of fewer sweeps | 1 to the number of sweeps |
/// | seed | 0 | |
///
/// ```
/// use contextualized_core::{Estimator, Samples, VaryingCoefficients};
/// use contextualized_trees::TreeRegression;
/// use ndarray::{Array2, array};
///
/// // A slope that jumps from −1 to 1 where the context is 0.
/// let contexts = Array2::from_shape_fn((200, 1), |(i, _)| (i % 40) as f64 / 20.0 - 0.975);
/// let features = Array2::from_shape_fn((200, 1), |(i, _)| ((7 * i) % 11) as f64 - 5.0);
/// let targets = &features * &contexts.mapv(f64::signum);
/// let samples = Samples::new(contexts.view(), features.view(), targets.view())?;
///
/// let model = TreeRegression::new().trees(10).burn_in(200).sweeps(200).fit(&samples)?;
/// let slopes = model.coefficients(array![[-0.1], [0.1]].view())?.slopes().to_owned();
/// assert!((slopes[[0, 0, 0]] + 1.0).abs() < 0.1 && (slopes[[1, 0, 0]] - 1.0).abs() < 0.1);
/// # Ok::<(), contextualized_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct TreeRegression {
    family: Family,
    intercept: bool,
    trees: usize,
    soft: bool,
    chains: usize,
    burn_in: usize,
    sweeps: usize,
    /// None: [`DRAWS`], or all of fewer sweeps.
    draws: Option<usize>,
    seed: u64,
}

impl Default for TreeRegression {
    fn default() -> Self {
        Self {
            family: Family::default(),
            intercept: true,
            trees: 10,
            soft: true,
            chains: 4,
            burn_in: 3000,
            sweeps: 3000,
            draws: None,
            seed: 0,
        }
    }
}

/// Draws that a chain keeps unless a number is given.
const DRAWS: usize = 100;

/// Settings beyond these can only be mistakes: memory or patience would end first.
const MOST_TREES: usize = 10_000;
const MOST_CHAINS: usize = 1000;
const MOST_SWEEPS: usize = 1_000_000;

/// The chain by which candidates are compared on held-out rows.
const SCREENING_SWEEPS: usize = 500;

/// A typical standard deviation of a coefficient over contexts, of standardised features and targets: the median of its
/// prior.
const TYPICAL_VARIATION: f64 = 0.5;

/// Variance of what is constant in a coefficient before data are seen: constants are hardly shrunk.
const CONSTANT_VARIANCE: f64 = 100.0;

impl TreeRegression {
    /// The default settings.
    pub fn new() -> Self {
        Self::default()
    }

    /// The family of the targets.
    pub fn family(mut self, family: Family) -> Self {
        self.family = family;
        self
    }

    /// Whether the model has an intercept m(c); without one, the linear predictor is zero where features are.
    pub fn intercept(mut self, intercept: bool) -> Self {
        self.intercept = intercept;
        self
    }

    /// Number of trees of each coefficient.
    pub fn trees(mut self, trees: usize) -> Self {
        self.trees = trees;
        self
    }

    /// Whether splits of numbers may be ramps; otherwise all are jumps.
    pub fn soft(mut self, soft: bool) -> Self {
        self.soft = soft;
        self
    }

    /// Number of chains, each with random numbers of its own.
    pub fn chains(mut self, chains: usize) -> Self {
        self.chains = chains;
        self
    }

    /// Sweeps of a chain over all trees before draws are kept.
    pub fn burn_in(mut self, sweeps: usize) -> Self {
        self.burn_in = sweeps;
        self
    }

    /// Sweeps of a chain over all trees of which draws are kept.
    pub fn sweeps(mut self, sweeps: usize) -> Self {
        self.sweeps = sweeps;
        self
    }

    /// Draws of each chain that the model keeps, evenly spaced among its sweeps; without this 100, or all of fewer
    /// sweeps.
    pub fn draws(mut self, draws: usize) -> Self {
        self.draws = Some(draws);
        self
    }

    /// Seed of the chains.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    fn validate(&self) -> Result<Likelihood> {
        for (parameter, value, least, most) in [
            ("trees", self.trees, 1, MOST_TREES),
            ("chains", self.chains, 1, MOST_CHAINS),
            ("burn_in", self.burn_in, 0, MOST_SWEEPS),
            ("sweeps", self.sweeps, 1, MOST_SWEEPS),
        ] {
            if !(least..=most).contains(&value) {
                let requirement = format!("{least} to {most}");
                return Err(Error::invalid_parameter(parameter, value, requirement));
            }
        }
        let draws = self.kept();
        if !(1..=self.sweeps).contains(&draws) {
            let requirement = format!("1 to {}, the number of sweeps", self.sweeps);
            return Err(Error::invalid_parameter("draws", draws, requirement));
        }
        likelihood(self.family).ok_or_else(|| {
            let requirement = "gaussian, binomial or poisson for trees";
            Error::invalid_parameter("family", self.family, requirement)
        })
    }

    /// Draws of each chain that the model keeps.
    fn kept(&self) -> usize {
        self.draws.unwrap_or(DRAWS.min(self.sweeps))
    }

    fn chain_settings(&self) -> ChainSettings {
        ChainSettings {
            trees: self.trees,
            prior: TreePrior {
                base: 0.95,
                power: 1.0,
                fewest_rows: 5.0,
                soft: self.soft,
            },
            typical_variation: TYPICAL_VARIATION,
            constant_variance: CONSTANT_VARIANCE,
            dense_sweeps: self.burn_in / 4,
        }
    }

    /// Runs one chain, and keeps its draws.
    fn run(&self, rows: &Rows<'_>, stream: u64, monitor: &Monitor) -> Result<ChainDraws> {
        let mut random = ChaCha8Rng::seed_from_u64(self.seed);
        random.set_stream(FIRST_STREAM + stream);
        let mut chain = Chain::new(rows, self.chain_settings(), random);
        let mut kept = ChainDraws {
            forest: Forest::new(rows.features.len()),
            noise_variances: Vec::new(),
            group_variances: Vec::new(),
        };
        let draws = self.kept();
        for sweep in 1..=self.burn_in + self.sweeps {
            monitor.check()?;
            chain.sweep();
            // Draws are spaced evenly, the last sweep among them.
            let place = |sweep: usize| sweep * draws / self.sweeps;
            if sweep > self.burn_in && place(sweep - self.burn_in) > place(sweep - self.burn_in - 1)
            {
                chain.keep(&mut kept.forest);
                kept.noise_variances.push(chain.noise_variance());
                kept.group_variances.push(chain.group_variance());
            }
        }
        Ok(kept)
    }
}

/// The most contexts that are kept to stand for those fitted.
const TYPICAL: usize = 100;

/// Some of so many rows in an order of chance, the same each time.
fn typical_rows(rows: usize) -> Vec<usize> {
    let mut random = ChaCha8Rng::seed_from_u64(0);
    rand::seq::index::sample(&mut random, rows, rows.min(TYPICAL)).into_vec()
}

/// Random streams of chains, which are not those of folds and simulations of the same seed.
const FIRST_STREAM: u64 = 1 << 48;

/// What is kept of a chain.
struct ChainDraws {
    forest: Forest,
    noise_variances: Vec<f64>,
    group_variances: Vec<f64>,
}

/// The likelihood of a family, if it can be augmented to a normal one.
pub(crate) fn likelihood(family: Family) -> Option<Likelihood> {
    if family.is_quadratic() {
        Some(Likelihood::Normal)
    } else if family.is_binary() {
        Some(Likelihood::Logistic)
    } else if family.counts_events() {
        Some(Likelihood::Poisson)
    } else {
        None
    }
}

impl Estimator for TreeRegression {
    type Model = TreeModel;

    fn name(&self) -> String {
        let default = Self::default();
        let mut settings: Vec<String> = self
            .family
            .qualifier()
            .map(str::to_owned)
            .into_iter()
            .collect();
        for (set, name) in [
            (
                self.trees != default.trees,
                format!("{} trees each", self.trees),
            ),
            (!self.soft, "hard splits".to_owned()),
            (!self.intercept, "no intercept".to_owned()),
            (
                self.chains != default.chains,
                format!("chains: {}", self.chains),
            ),
            (
                self.burn_in != default.burn_in,
                format!("burn-in: {}", self.burn_in),
            ),
            (
                self.sweeps != default.sweeps,
                format!("sweeps: {}", self.sweeps),
            ),
            (
                self.draws != default.draws,
                format!("draws: {}", self.kept()),
            ),
            (self.seed != 0, format!("seed {}", self.seed)),
        ] {
            if set {
                settings.push(name);
            }
        }
        if settings.is_empty() {
            "trees".to_owned()
        } else {
            format!("trees ({})", settings.join(", "))
        }
    }

    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for a setting out of range or a family without an augmentation;
    /// [`Error::InvalidTarget`]; [`Error::CodedFactor`]; [`Error::NotFinite`] for data whose units overflow;
    /// [`Error::Cancelled`].
    fn fit(&self, samples: &Samples) -> Result<TreeModel> {
        let likelihood = self.validate()?;
        samples.check_distances("trees")?;
        let samples = samples.rows_that_count()?;
        self.family.check_single(&samples)?;
        // Known terms of a normal likelihood are taken out of the targets.
        let samples = match likelihood {
            Likelihood::Normal => {
                samples.replace_targets(samples.targets_without_offsets().view())?
            }
            Likelihood::Logistic | Likelihood::Poisson => samples.into_owned(),
        };
        let ordered = Ordered::of(&samples);
        let samples = samples.select(&ordered.rows)?;
        let mut scaling = Scaling::fit(&samples)?;
        if !self.intercept {
            scaling = scaling.without_intercept();
        }
        let mean_weight = match (likelihood, samples.weights()) {
            (Likelihood::Normal, Some(weights)) => typical_weight(weights),
            (Likelihood::Normal, None) => 1.0,
            (Likelihood::Logistic | Likelihood::Poisson, _) => {
                scaling = scaling.with_raw_targets();
                1.0
            }
        };
        let scaled = scaling.apply(&samples)?;
        let contexts = ContextCodes::observed(&samples);
        let count = samples.rows();
        let column = |own: Option<ndarray::ArrayView1<'_, f64>>, otherwise: f64| {
            own.map_or_else(|| vec![otherwise; count], |own| own.to_vec())
        };
        let mut features: Vec<Vec<f64>> = scaled
            .features()
            .columns()
            .into_iter()
            .map(|x| x.to_vec())
            .collect();
        if self.intercept {
            features.push(vec![1.0; count]);
        }
        if features.is_empty() {
            return Err(Error::NoColumns {
                argument: "features",
            });
        }
        let weights = column(samples.weights(), 1.0);
        let weights: Vec<f64> = weights.iter().map(|weight| weight / mean_weight).collect();
        let codes = contexts.of_observed(samples.contexts());
        let groups = ordered
            .groups
            .map(|(of_rows, count)| Groups { of_rows, count });
        let shared = Rows {
            contexts: &contexts,
            codes: &codes,
            features: &features,
            targets: Vec::new(),
            weights: &weights,
            offsets: column(samples.offsets(), 0.0),
            groups: groups.as_ref(),
            likelihood,
        };
        let targets: Vec<Rows<'_>> = scaled
            .targets()
            .columns()
            .into_iter()
            .map(|target| Rows {
                targets: target.to_vec(),
                ..shared.clone()
            })
            .collect();
        let jobs: Vec<(u64, &Rows<'_>)> = (0_u64..)
            .zip(
                targets
                    .iter()
                    .flat_map(|rows| std::iter::repeat_n(rows, self.chains)),
            )
            .collect();
        let chains = jobs
            .into_par_iter()
            .map(|(stream, rows)| self.run(rows, stream, samples.monitor()))
            .collect::<Result<Vec<_>>>()?;

        let mut forests = Vec::new();
        let mut dispersions = Array1::ones(targets.len());
        let mut noise_variances = Vec::new();
        for (target, chains) in chains.chunks(self.chains).enumerate() {
            let mut forest = Forest::new(features.len());
            for chain in chains {
                forest.append(&chain.forest, &contexts);
            }
            forests.push(forest);
            let of_draws = |of: fn(&ChainDraws) -> &Vec<f64>| -> Vec<f64> {
                chains
                    .iter()
                    .flat_map(|chain| of(chain).iter().copied())
                    .collect()
            };
            let noise = of_draws(|chain| &chain.noise_variances);
            if self.family.has_dispersion() {
                let groups = of_draws(|chain| &chain.group_variances);
                let scale = scaling.targets.scales()[target];
                let total: f64 = noise
                    .iter()
                    .zip(&groups)
                    .map(|(noise, groups)| noise * mean_weight + groups)
                    .sum();
                dispersions[target] = total / noise.len() as f64 * scale * scale;
            }
            noise_variances.push(noise);
        }
        let mut model = TreeModel {
            family: self.family,
            intercept: self.intercept,
            names: samples.names().clone(),
            contexts,
            features: scaling.features,
            targets: scaling.targets,
            forests,
            dispersions,
            typical: samples.contexts().select(Axis(0), &typical_rows(count)),
            report: TreeReport {
                chains: self.chains,
                burn_in: self.burn_in,
                sweeps: self.sweeps,
                targets: Vec::new(),
            },
        };
        model.report.targets = model.convergence(&noise_variances);
        Ok(model)
    }
}

impl RegressionEstimator for TreeRegression {
    const KNOWS_DISPERSION: bool = true;

    fn with_settings(settings: &RegressionSettings) -> Self {
        Self::new()
            .family(settings.family)
            .intercept(settings.intercept)
            .seed(settings.seed)
    }

    /// None for a family that trees have no augmentation for.
    fn candidates(settings: &RegressionSettings, _contexts: usize) -> Vec<Self> {
        let own = Self::with_settings(settings);
        likelihood(settings.family)
            .map(|_| own)
            .into_iter()
            .collect()
    }

    /// One short chain, by which trees are compared with others: those that are chosen are fitted by all chains.
    ///
    /// # Errors
    ///
    /// Those of [`Estimator::fit`].
    fn fit_part(&self, samples: &Samples) -> Result<TreeModel> {
        let short = |sweeps: usize| sweeps.min(SCREENING_SWEEPS);
        Self {
            chains: 1,
            burn_in: short(self.burn_in),
            sweeps: short(self.sweeps),
            draws: Some(self.kept().min(short(self.sweeps))),
            ..self.clone()
        }
        .fit(samples)
    }

    fn reseeded(self, seed: u64) -> Self {
        self.seed(seed)
    }
}

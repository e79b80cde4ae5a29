//! The estimators there are: one line for each, from which names, candidates and models come.
//!
//! A regression estimator implements [`RegressionEstimator`], one of networks
//! [`NetworkEstimator`], in a module of its own; its line here makes it reachable by the automatic
//! choice, by name, and from stored models.

use contextualized_analysis::{Ensemble, IndividualLogits, IndividualLogitsModel};
use contextualized_baselines::{
    ClusterNetworks, ClusterRegression, PopulationBayesianNetwork, PopulationCorrelation,
    PopulationMarkov, PopulationRegression,
};
use contextualized_core::{
    Error, Estimator, Family, NetworkDensity, NetworkEstimator, RegressionEstimator,
    RegressionSettings, Result, Samples, VaryingCoefficients,
};
use contextualized_graphs::bayesian::{GaussianProcessBayesianNetwork, NeuralBayesianNetwork};
use contextualized_graphs::correlation::{KernelCorrelation, NeuralCorrelation};
use contextualized_graphs::markov::{KernelMarkov, NeuralMarkov};
use contextualized_linear::{GaussianProcessRegression, NeuralRegression};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// An enumeration of names, in the order of preference.
macro_rules! methods {
    ($(#[$doc:meta])* $method:ident: $what:literal, $($variant:ident = $name:literal: $description:literal),+) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        pub enum $method {
            $(#[doc = $description] $variant,)+
        }

        impl $method {
            /// All there are, those that the automatic choice prefers first.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The name by which users choose it.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }

            /// What it estimates, in a sentence.
            pub fn description(self) -> &'static str {
                match self {
                    $(Self::$variant => $description,)+
                }
            }
        }

        impl fmt::Display for $method {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name())
            }
        }

        impl FromStr for $method {
            type Err = Error;

            /// # Errors
            ///
            /// [`Error::InvalidParameter`] for a name that none has.
            fn from_str(name: &str) -> Result<Self> {
                let named = Self::ALL.iter().find(|method| method.name() == name);
                named.copied().ok_or_else(|| {
                    let names: Vec<_> = Self::ALL.iter().map(|method| method.name()).collect();
                    let requirement = format!("one of {}", names.join(", "));
                    Error::invalid_parameter($what, name, requirement)
                })
            }
        }
    };
}

/// The regression estimators: their names, what they are with settings, and what they have fitted.
macro_rules! regressions {
    ($($variant:ident = $name:literal, $estimator:ty: $description:literal;)+) => {
        methods! {
            /// The ways to answer what the coefficients are at a context.
            RegressionMethod: "estimator", $($variant = $name: $description),+
        }

        /// One regression estimator with its settings.
        ///
        /// ```
        /// use contextualized_auto::{Candidate, RegressionMethod};
        /// use contextualized_core::Estimator;
        /// use contextualized_linear::{GaussianProcessRegression, KernelShape};
        ///
        /// let additive = GaussianProcessRegression::new().additive(KernelShape::SquaredExponential);
        /// let candidate = Candidate::GaussianProcess(additive);
        /// assert_eq!(candidate.method(), RegressionMethod::GaussianProcess);
        /// assert_eq!(candidate.name(), "gp (additive squared exponential)");
        /// ```
        #[derive(Debug, Clone, PartialEq)]
        pub enum Candidate {
            $(#[doc = $description] $variant($estimator),)+
            /// Classes, by one of these for binary outcomes.
            IndividualLogits(Box<Candidate>),
        }

        impl Candidate {
            /// The default estimator of a method.
            pub fn of(method: RegressionMethod, settings: &RegressionSettings) -> Self {
                if let Some(binary) = method.by_individual_logits(settings) {
                    return Self::IndividualLogits(Box::new(Self::of(method, &binary)));
                }
                match method {
                    $(RegressionMethod::$variant => {
                        Self::$variant(<$estimator>::with_settings(settings))
                    })+
                }
            }

            /// All candidates of all methods for so many contexts, those to be preferred first.
            pub(crate) fn all(settings: &RegressionSettings, contexts: usize) -> Vec<Self> {
                let mut all: Vec<Self> = Vec::new();
                $({
                    let binary = RegressionMethod::$variant.by_individual_logits(settings);
                    let own = <$estimator>::candidates(binary.as_ref().unwrap_or(settings), contexts);
                    all.extend(own.into_iter().map(Self::$variant).map(|own| match binary {
                        Some(_) => Self::IndividualLogits(Box::new(own)),
                        None => own,
                    }));
                })+
                all
            }

            /// Which way it is.
            pub fn method(&self) -> RegressionMethod {
                match self {
                    $(Self::$variant(_) => RegressionMethod::$variant,)+
                    Self::IndividualLogits(binary) => binary.method(),
                }
            }

            pub(crate) fn reseeded(self, seed: u64) -> Self {
                match self {
                    $(Self::$variant(estimator) => Self::$variant(estimator.reseeded(seed)),)+
                    Self::IndividualLogits(binary) => {
                        Self::IndividualLogits(Box::new(binary.reseeded(seed)))
                    }
                }
            }

            /// The fit to the rows of a fold.
            pub(crate) fn fit_part(&self, samples: &Samples) -> Result<RegressionModel> {
                match self {
                    $(Self::$variant(estimator) => {
                        estimator.fit_part(samples).map(RegressionModel::$variant)
                    })+
                    Self::IndividualLogits(binary) => of_classes(binary, samples, Candidate::fit_part),
                }
            }

            pub(crate) fn knows_dispersion(&self) -> bool {
                match self {
                    $(Self::$variant(_) => <$estimator>::KNOWS_DISPERSION,)+
                    Self::IndividualLogits(binary) => binary.knows_dispersion(),
                }
            }

            pub(crate) fn varies_by_seed(&self) -> bool {
                match self {
                    $(Self::$variant(_) => <$estimator>::VARIES_BY_SEED,)+
                    Self::IndividualLogits(binary) => binary.varies_by_seed(),
                }
            }
        }

        impl Estimator for Candidate {
            type Model = RegressionModel;

            fn name(&self) -> String {
                match self {
                    $(Self::$variant(estimator) => estimator.name(),)+
                    Self::IndividualLogits(binary) => IndividualLogits::new(binary.clone()).name(),
                }
            }

            fn fit(&self, samples: &Samples) -> Result<RegressionModel> {
                match self {
                    $(Self::$variant(estimator) => estimator.fit(samples).map(RegressionModel::$variant),)+
                    Self::IndividualLogits(binary) => of_classes(binary, samples, Candidate::fit),
                }
            }
        }

        /// A fitted [`Candidate`], or a bootstrap of one.
        #[expect(clippy::large_enum_variant, reason = "there is one for a fit, not one for a row")]
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        pub enum RegressionModel {
            $(#[doc = $description] $variant(<$estimator as Estimator>::Model),)+
            /// Classes, by one of these for each.
            IndividualLogits(Box<IndividualLogitsModel<RegressionModel>>),
            /// A bootstrap of one of these.
            Ensemble(Box<Ensemble<RegressionModel>>),
        }

        impl RegressionModel {
            /// Which way it is; of a bootstrap, that of its members.
            pub fn method(&self) -> RegressionMethod {
                match self {
                    $(Self::$variant(_) => RegressionMethod::$variant,)+
                    Self::IndividualLogits(model) => model.models()[0].method(),
                    Self::Ensemble(ensemble) => ensemble.original().method(),
                }
            }

            /// The model itself.
            pub(crate) fn inner(&self) -> &dyn VaryingCoefficients {
                match self {
                    $(Self::$variant(model) => model,)+
                    Self::IndividualLogits(model) => &**model,
                    Self::Ensemble(ensemble) => &**ensemble,
                }
            }
        }
    };
}

/// The estimators of networks, by kind.
macro_rules! networks {
    ($($variant:ident = $kind:ident, $method:ident, $estimator:ty;)+) => {
        /// One estimator of networks with its settings.
        #[derive(Debug, Clone, PartialEq)]
        pub enum NetworkCandidate {
            $(#[doc = concat!(stringify!($kind), " networks: ", stringify!($method), ".")] $variant($estimator),)+
        }

        impl NetworkCandidate {
            /// The default estimators of a kind of networks, those to be preferred first.
            pub fn all(kind: NetworkChoice, seed: u64) -> Vec<Self> {
                let mut all = Vec::new();
                $(if kind == NetworkChoice::$kind {
                    all.push(Self::$variant(<$estimator>::with_seed(seed)));
                })+
                all
            }

            /// The kind of networks it estimates.
            pub fn kind(&self) -> NetworkChoice {
                match self {
                    $(Self::$variant(_) => NetworkChoice::$kind,)+
                }
            }

            /// Which way it is.
            pub fn method(&self) -> NetworkMethod {
                match self {
                    $(Self::$variant(_) => NetworkMethod::$method,)+
                }
            }
        }

        impl Estimator for NetworkCandidate {
            type Model = NetworkModel;

            fn name(&self) -> String {
                match self {
                    $(Self::$variant(estimator) => estimator.name(),)+
                }
            }

            fn fit(&self, samples: &Samples) -> Result<NetworkModel> {
                match self {
                    $(Self::$variant(estimator) => {
                        estimator.fit(samples).map(|model| NetworkModel::$variant(Box::new(model)))
                    })+
                }
            }
        }

        /// A fitted [`NetworkCandidate`].
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        pub enum NetworkModel {
            $(#[doc = concat!(stringify!($kind), " networks: ", stringify!($method), ".")]
            $variant(Box<<$estimator as Estimator>::Model>),)+
        }

        impl NetworkModel {
            /// Which way they are.
            pub fn method(&self) -> NetworkMethod {
                match self {
                    $(Self::$variant(_) => NetworkMethod::$method,)+
                }
            }

            /// The model itself.
            pub(crate) fn inner(&self) -> &dyn NetworkDensity {
                match self {
                    $(Self::$variant(model) => &**model,)+
                }
            }
        }
    };
}

regressions! {
    Population = "population", PopulationRegression: "The same coefficients for all contexts.";
    GaussianProcess = "gp", GaussianProcessRegression: "Gaussian process regression: coefficients are smooth functions of the context, with intervals.";
    Trees = "trees", contextualized_trees::TreeRegression: "Sums of Bayesian regression trees: coefficients may jump, and depend on few of many contexts, with intervals.";
    Cluster = "cluster", ClusterRegression: "A regression for each cluster of contexts.";
    Neural = "neural", NeuralRegression: "A neural network of the context.";
    Mixed = "mixed", contextualized_mixed::MixedRegression: "Mixed model: the random effects of the formula, such as (1 | subject), beside coefficients that are smooth functions of the context.";
}

/// Classes by a candidate for binary outcomes, as this fits it.
fn of_classes(
    binary: &Candidate,
    samples: &Samples,
    fit: impl Fn(&Candidate, &Samples) -> Result<RegressionModel> + Sync,
) -> Result<RegressionModel> {
    let logits = IndividualLogits::new(binary.clone());
    let model = logits.fit_with(samples, fit)?;
    Ok(RegressionModel::IndividualLogits(Box::new(model)))
}

impl RegressionMethod {
    /// Settings for the binary regression of each class against the reference, of a method that fits classes so; the
    /// population and clusters have the joint likelihood.
    fn by_individual_logits(self, settings: &RegressionSettings) -> Option<RegressionSettings> {
        let jointly = matches!(self, Self::Population | Self::Cluster);
        (settings.family.has_classes() && !jointly).then_some(RegressionSettings {
            family: Family::Binomial,
            ..*settings
        })
    }

    /// Whether coefficients have intervals without bootstraps.
    pub fn has_intervals(self) -> bool {
        match self {
            Self::Population
            | Self::GaussianProcess
            | Self::Trees
            | Self::Mixed
            | Self::Cluster => true,
            Self::Neural => false,
        }
    }

    /// Whether it can be fitted to samples with these contexts and random effects.
    pub fn suits(self, samples: &Samples) -> bool {
        let random = !samples.random_terms().is_empty();
        match self {
            Self::Mixed => random,
            Self::Population => !random,
            Self::GaussianProcess | Self::Trees | Self::Cluster | Self::Neural => {
                !random && samples.contexts().ncols() > 0
            }
        }
    }
}

methods! {
    /// What networks say of pairs of nodes.
    NetworkChoice: "kind of networks",
    Correlation = "correlation": "Correlations of every pair of nodes.",
    Markov = "markov": "Partial correlations: precision matrices.",
    Bayesian = "bayesian": "Directed edges without cycles."
}

methods! {
    /// The ways to answer what the networks are at a context.
    NetworkMethod: "estimator",
    Population = "population": "The same network for all contexts.",
    Kernel = "kernel": "Networks of rows weighted by a kernel of the context.",
    GaussianProcess = "gp": "Weights of edges from a Gaussian process of the context.",
    Cluster = "cluster": "A network for each cluster of contexts.",
    Neural = "neural": "A neural network of the context."
}

networks! {
    PopulationCorrelation = Correlation, Population, PopulationCorrelation;
    KernelCorrelation = Correlation, Kernel, KernelCorrelation;
    ClusterCorrelation = Correlation, Cluster, ClusterNetworks<PopulationCorrelation>;
    NeuralCorrelation = Correlation, Neural, NeuralCorrelation;
    PopulationMarkov = Markov, Population, PopulationMarkov;
    KernelMarkov = Markov, Kernel, KernelMarkov;
    ClusterMarkov = Markov, Cluster, ClusterNetworks<PopulationMarkov>;
    NeuralMarkov = Markov, Neural, NeuralMarkov;
    PopulationBayesian = Bayesian, Population, PopulationBayesianNetwork;
    GaussianProcessBayesian = Bayesian, GaussianProcess, GaussianProcessBayesianNetwork;
    ClusterBayesian = Bayesian, Cluster, ClusterNetworks<PopulationBayesianNetwork>;
    NeuralBayesian = Bayesian, Neural, NeuralBayesianNetwork;
}

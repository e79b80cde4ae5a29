//! Settings of estimators: which estimator has which, and what they change.

use crate::error::{Error, Result};
use contextualized_auto::{Candidate, NetworkCandidate, RegressionMethod};
use contextualized_encoders::{EncoderKind, MlpSettings, Parameterization, Penalties};
use contextualized_linear::{GaussianProcessRegression, KernelShape, NeuralRegression};
use contextualized_trees::TreeRegression;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::str::FromStr;

/// Which estimator a model is fitted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Estimate<M> {
    /// Chosen among the others by cross-validation.
    Auto,
    /// This one.
    Only(M),
}

/// The name of the automatic choice.
pub const AUTO: &str = "auto";

impl<M: FromStr> FromStr for Estimate<M> {
    type Err = M::Err;

    fn from_str(name: &str) -> std::result::Result<Self, M::Err> {
        if name == AUTO {
            Ok(Self::Auto)
        } else {
            name.parse().map(Self::Only)
        }
    }
}

/// These settings with one that has a name and a value.
fn changed<S: Serialize + DeserializeOwned>(settings: &S, name: &str, value: Value) -> Result<S> {
    let failed = |error: serde_json::Error| Error::usage(format!("setting {name}: {error}"));
    let mut all = serde_json::to_value(settings).map_err(failed)?;
    let known = all.as_object_mut().map(|known| {
        let names: Vec<String> = known.keys().cloned().collect();
        match known.get_mut(name) {
            Some(place) => {
                *place = value;
                Ok(())
            }
            None => Err(Error::usage(format!(
                "there is no setting {name:?}; there are {}",
                names.join(", ")
            ))),
        }
    });
    known.transpose()?;
    serde_json::from_value(all).map_err(failed)
}

/// Settings of the estimators of a regression; what is not given is the default.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "clap", derive(clap::Args))]
#[cfg_attr(
    feature = "clap",
    command(next_help_heading = "Settings of estimators")
)]
#[serde(default)]
pub struct EstimatorSettings {
    /// Shape of the kernel of the Gaussian process: how smooth functions of the context are.
    #[cfg_attr(feature = "clap", arg(long, value_enum))]
    kernel: Option<KernelName>,
    /// How contexts interact in the Gaussian process.
    #[cfg_attr(feature = "clap", arg(long, value_enum))]
    structure: Option<Structure>,
    /// Trees of each coefficient [default: 10].
    #[cfg_attr(feature = "clap", arg(long, value_name = "N"))]
    trees: Option<usize>,
    /// How trees split a context that is a number [default: soft].
    #[cfg_attr(feature = "clap", arg(long, value_enum))]
    splits: Option<Splits>,
    /// Chains of draws of the trees, from which R-hat is computed [default: 4].
    #[cfg_attr(feature = "clap", arg(long, value_name = "N"))]
    chains: Option<usize>,
    /// Sweeps of a chain over all trees that are thrown away [default: 3000].
    #[cfg_attr(feature = "clap", arg(long, value_name = "N"))]
    burn_in: Option<usize>,
    /// Sweeps of a chain over all trees behind these, of which draws are kept [default: 3000].
    #[cfg_attr(feature = "clap", arg(long, value_name = "N"))]
    sweeps: Option<usize>,
    /// Draws of trees kept of each chain, evenly spaced among its sweeps [default: 100, or all of fewer sweeps].
    #[cfg_attr(feature = "clap", arg(long, value_name = "N"))]
    draws: Option<usize>,
    /// Number of clusters [default: chosen by held-out rows].
    #[cfg_attr(feature = "clap", arg(long, value_name = "K"))]
    clusters: Option<usize>,
    /// Ridge penalty of the population's coefficients, in standardised units.
    #[cfg_attr(feature = "clap", arg(long, value_name = "PENALTY"))]
    ridge: Option<f64>,
    /// How the neural network sees the context.
    #[cfg_attr(feature = "clap", arg(long, value_enum))]
    encoder: Option<EncoderName>,
    #[cfg_attr(feature = "clap", command(flatten))]
    #[serde(flatten)]
    network: NeuralSettings,
    /// Penalty on absolute coefficients of the neural network.
    #[cfg_attr(feature = "clap", arg(long, value_name = "PENALTY"))]
    l1: Option<f64>,
    /// Penalty on squared coefficients of the neural network.
    #[cfg_attr(feature = "clap", arg(long, value_name = "PENALTY"))]
    l2: Option<f64>,
    /// Penalty that drops whole contexts from the neural network (a group lasso).
    #[cfg_attr(feature = "clap", arg(long, value_name = "PENALTY"))]
    context_lasso: Option<f64>,
}

/// Settings of neural networks, of a regression or of networks.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "clap", derive(clap::Args))]
#[cfg_attr(
    feature = "clap",
    command(next_help_heading = "Settings of estimators")
)]
#[serde(default)]
pub struct NeuralSettings {
    /// Number of archetypes that the neural network mixes; 0: none, its output is the coefficients of each row.
    #[cfg_attr(feature = "clap", arg(long, value_name = "K"))]
    archetypes: Option<usize>,
    /// Units in each hidden layer of the neural network.
    #[cfg_attr(feature = "clap", arg(long, value_name = "N"))]
    width: Option<usize>,
    /// Hidden layers of the neural network.
    #[cfg_attr(feature = "clap", arg(long, value_name = "N"))]
    layers: Option<usize>,
    /// The most passes over the rows when the neural network is trained.
    #[cfg_attr(feature = "clap", arg(long, value_name = "N"))]
    epochs: Option<usize>,
    /// Rows for each step of the neural network's training.
    #[cfg_attr(feature = "clap", arg(long, value_name = "N"))]
    batch_size: Option<usize>,
    /// Size of the steps of the neural network's training.
    #[cfg_attr(feature = "clap", arg(long, value_name = "RATE"))]
    learning_rate: Option<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
enum KernelName {
    /// Very smooth: infinitely differentiable.
    SquaredExponential,
    /// Smooth: twice differentiable.
    Matern52,
    /// Rougher: once differentiable, for functions that bend sharply.
    Matern32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
enum Structure {
    /// Any function of all contexts.
    Joint,
    /// A sum of functions of one context each.
    Additive,
    /// These, and functions of two contexts each.
    Interactions,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
enum Splits {
    /// By ramps of any width, jumps among them: coefficients may be smooth.
    Soft,
    /// By jumps alone.
    Hard,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
enum EncoderName {
    /// A perceptron of all contexts.
    Mlp,
    /// A sum of perceptrons of one context each.
    Additive,
    /// A linear map.
    Linear,
}

/// The flags that are given, of so many with their names.
fn given<'n>(flags: &[(&'n str, bool)]) -> Vec<&'n str> {
    let given = flags.iter().filter(|(_, given)| *given);
    given.map(|(name, _)| *name).collect()
}

impl NeuralSettings {
    /// These settings with one more, by its name (with underscores) and its value in JSON.
    ///
    /// # Errors
    ///
    /// [`Error::Request`] for a name that no setting has, or a value of another type.
    pub fn with(&self, name: &str, value: Value) -> Result<Self> {
        changed(self, name, value)
    }

    fn flags(&self) -> Vec<(&'static str, bool)> {
        vec![
            ("--archetypes", self.archetypes.is_some()),
            ("--width", self.width.is_some()),
            ("--layers", self.layers.is_some()),
            ("--epochs", self.epochs.is_some()),
            ("--batch-size", self.batch_size.is_some()),
            ("--learning-rate", self.learning_rate.is_some()),
        ]
    }

    /// Width and depth, unless both are the default.
    fn shape(&self) -> Option<(usize, usize)> {
        let default = MlpSettings::default();
        (self.width.is_some() || self.layers.is_some()).then(|| {
            (
                self.width.unwrap_or(default.width),
                self.layers.unwrap_or(default.layers),
            )
        })
    }
}

/// Does the same to the training of any neural estimator.
macro_rules! trained {
    ($flags:expr, $estimator:expr) => {{
        let mut estimator = $estimator;
        if let Some(epochs) = $flags.epochs {
            estimator = estimator.epochs(epochs);
        }
        if let Some(rows) = $flags.batch_size {
            estimator = estimator.batch_size(rows);
        }
        if let Some(rate) = $flags.learning_rate {
            estimator = estimator.learning_rate(rate);
        }
        estimator
    }};
}

/// Does the same to any neural estimator of networks.
macro_rules! of_networks {
    ($flags:expr, $estimator:expr) => {{
        let mut estimator = trained!($flags, $estimator);
        if let Some(archetypes) = $flags.archetypes {
            estimator = estimator.archetypes(archetypes);
        }
        if let Some((width, layers)) = $flags.shape() {
            estimator = estimator.mlp(width, layers);
        }
        estimator
    }};
}

impl NeuralSettings {
    /// These candidates, neural ones with the settings.
    ///
    /// # Errors
    ///
    /// A usage error for settings of candidates that are not there.
    pub fn of_networks(&self, candidates: Vec<NetworkCandidate>) -> Result<Vec<NetworkCandidate>> {
        use NetworkCandidate::{
            ClusterBayesian, ClusterCorrelation, ClusterMarkov, GaussianProcessBayesian,
            KernelCorrelation, KernelMarkov, NeuralBayesian, NeuralCorrelation, NeuralMarkov,
            PopulationBayesian, PopulationCorrelation, PopulationMarkov,
        };
        let flags = given(&self.flags());
        let mut used = flags.is_empty();
        let set = candidates
            .into_iter()
            .map(|candidate| match candidate {
                NeuralCorrelation(own) => {
                    used = true;
                    NeuralCorrelation(of_networks!(self, own))
                }
                NeuralMarkov(own) => {
                    used = true;
                    NeuralMarkov(of_networks!(self, own))
                }
                NeuralBayesian(own) => {
                    used = true;
                    NeuralBayesian(of_networks!(self, own))
                }
                other @ (PopulationCorrelation(_)
                | KernelCorrelation(_)
                | ClusterCorrelation(_)
                | PopulationMarkov(_)
                | KernelMarkov(_)
                | ClusterMarkov(_)
                | PopulationBayesian(_)
                | GaussianProcessBayesian(_)
                | ClusterBayesian(_)) => other,
            })
            .collect();
        if used {
            Ok(set)
        } else {
            Err(not_of("neural", &flags))
        }
    }
}

/// Settings of an estimator that is not asked for.
fn not_of(method: &str, flags: &[&str]) -> Error {
    Error::usage(format!(
        "{} {} of the estimator {method}, which is not fitted; leave it out, or use --estimator {method}",
        flags.join(", "),
        if flags.len() == 1 {
            "is a setting"
        } else {
            "are settings"
        }
    ))
}

impl EstimatorSettings {
    /// These settings with one more, by its name (with underscores) and its value in JSON.
    ///
    /// # Errors
    ///
    /// [`Error::Request`] for a name that no setting has, or a value of another type.
    pub fn with(&self, name: &str, value: Value) -> Result<Self> {
        changed(self, name, value)
    }

    /// The flags of the methods that have some, and whether each is given.
    fn flags(&self) -> [(RegressionMethod, Vec<(&'static str, bool)>); 5] {
        let mut of_networks = self.network.flags();
        of_networks.extend([
            ("--encoder", self.encoder.is_some()),
            ("--l1", self.l1.is_some()),
            ("--l2", self.l2.is_some()),
            ("--context-lasso", self.context_lasso.is_some()),
        ]);
        [
            (
                RegressionMethod::Population,
                vec![("--ridge", self.ridge.is_some())],
            ),
            (
                RegressionMethod::GaussianProcess,
                vec![
                    ("--kernel", self.kernel.is_some()),
                    ("--structure", self.structure.is_some()),
                ],
            ),
            (
                RegressionMethod::Trees,
                vec![
                    ("--trees", self.trees.is_some()),
                    ("--splits", self.splits.is_some()),
                    ("--chains", self.chains.is_some()),
                    ("--burn-in", self.burn_in.is_some()),
                    ("--sweeps", self.sweeps.is_some()),
                    ("--draws", self.draws.is_some()),
                ],
            ),
            (
                RegressionMethod::Cluster,
                vec![("--clusters", self.clusters.is_some())],
            ),
            (RegressionMethod::Neural, of_networks),
        ]
    }

    /// The flags of a method that are given.
    fn given(&self, method: RegressionMethod) -> Vec<&'static str> {
        let flags = self.flags().into_iter();
        flags
            .filter(|(own, _)| *own == method)
            .flat_map(|(_, flags)| given(&flags))
            .collect()
    }

    /// Whether any is given.
    pub fn any(&self) -> bool {
        let methods = RegressionMethod::ALL.iter();
        methods
            .copied()
            .any(|method| !self.given(method).is_empty())
    }

    /// A usage error unless every setting is one of these estimators'.
    pub fn check(&self, estimates: &[Estimate<RegressionMethod>]) -> Result<()> {
        if self.encoder == Some(EncoderName::Linear) && self.network.shape().is_some() {
            return Err(Error::usage(
                "--width and --layers are settings of networks with hidden layers, which --encoder linear has none of; leave them out",
            ));
        }
        for &method in RegressionMethod::ALL {
            let flags = self.given(method);
            let there = estimates.iter().any(|estimate| {
                matches!(estimate, Estimate::Auto) || *estimate == Estimate::Only(method)
            });
            if !flags.is_empty() && !there {
                return Err(not_of(method.name(), &flags));
            }
        }
        Ok(())
    }

    /// These candidates with the settings; of equal ones the first.
    pub fn applied(&self, candidates: Vec<Candidate>) -> Vec<Candidate> {
        let mut all: Vec<Candidate> = Vec::new();
        for candidate in candidates {
            let set = if self.given(candidate.method()).is_empty() {
                candidate
            } else {
                self.set(candidate)
            };
            if !all.contains(&set) {
                all.push(set);
            }
        }
        all
    }

    /// A candidate with the settings of its method.
    fn set(&self, candidate: Candidate) -> Candidate {
        match candidate {
            Candidate::Population(own) => Candidate::Population(match self.ridge {
                Some(ridge) => own.ridge(ridge),
                None => own,
            }),
            Candidate::GaussianProcess(own) => Candidate::GaussianProcess(self.gp(own)),
            Candidate::Trees(own) => Candidate::Trees(self.trees(own)),
            Candidate::Cluster(own) => Candidate::Cluster(match self.clusters {
                Some(clusters) => own.clusters(clusters),
                None => own,
            }),
            Candidate::Neural(own) => Candidate::Neural(self.neural(own)),
            Candidate::Mixed(own) => Candidate::Mixed(own),
            Candidate::IndividualLogits(own) => {
                Candidate::IndividualLogits(Box::new(self.set(*own)))
            }
        }
    }

    fn gp(&self, own: GaussianProcessRegression) -> GaussianProcessRegression {
        let shape = match self.kernel.unwrap_or(KernelName::SquaredExponential) {
            KernelName::SquaredExponential => KernelShape::SquaredExponential,
            KernelName::Matern52 => KernelShape::Matern52,
            KernelName::Matern32 => KernelShape::Matern32,
        };
        match self.structure.unwrap_or(Structure::Joint) {
            Structure::Joint => own.joint(shape),
            Structure::Additive => own.additive(shape),
            Structure::Interactions => own.additive_with_interactions(shape),
        }
    }

    fn trees(&self, mut estimator: TreeRegression) -> TreeRegression {
        if let Some(trees) = self.trees {
            estimator = estimator.trees(trees);
        }
        if let Some(splits) = self.splits {
            estimator = estimator.soft(splits == Splits::Soft);
        }
        if let Some(chains) = self.chains {
            estimator = estimator.chains(chains);
        }
        if let Some(sweeps) = self.burn_in {
            estimator = estimator.burn_in(sweeps);
        }
        if let Some(sweeps) = self.sweeps {
            estimator = estimator.sweeps(sweeps);
        }
        if let Some(draws) = self.draws {
            estimator = estimator.draws(draws);
        }
        estimator
    }

    fn neural(&self, own: NeuralRegression) -> NeuralRegression {
        let mut estimator = trained!(self.network, own);
        if let Some(archetypes) = self.network.archetypes {
            estimator = estimator.parameterization(match archetypes {
                0 => Parameterization::Direct,
                archetypes => Parameterization::Archetypes(archetypes),
            });
        }
        let shape = self.network.shape();
        if self.encoder.is_some() || shape.is_some() {
            let default = MlpSettings::default();
            let (width, layers) = shape.unwrap_or((default.width, default.layers));
            let perceptron = MlpSettings::new(width, layers);
            estimator = estimator.encoder(match self.encoder.unwrap_or(EncoderName::Mlp) {
                EncoderName::Mlp => EncoderKind::Mlp(perceptron),
                EncoderName::Additive => EncoderKind::Additive(perceptron),
                EncoderName::Linear => EncoderKind::Linear,
            });
        }
        if self.l1.is_some() || self.l2.is_some() || self.context_lasso.is_some() {
            estimator = estimator.penalties(Penalties {
                coefficients_l1: self.l1.unwrap_or(0.0),
                coefficients_l2: self.l2.unwrap_or(0.0),
                context_lasso: self.context_lasso.unwrap_or(0.0),
                ..Penalties::default()
            });
        }
        estimator
    }
}

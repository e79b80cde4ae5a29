//! The neural estimator: an encoder, archetypes of networks, and penalties on cycles.

use super::cycles::{CyclePenalty, Cycles};
use super::neural_model::{CycleReport, NeuralBayesianModel};
use crate::checks::check_not_negative;
use contextualized_baselines::{PopulationBayesianModel, PopulationBayesianNetwork};
use contextualized_core::{
    Checked, Error, Estimator, Family, KFold, NetworkDensity, NetworkEstimator, Result, Samples,
    Standardization,
};
use contextualized_encoders::{
    Activation, EncoderKind, EncoderLink, MlpSettings, NetworkSettings, Observer, Parameterization,
    Regularized, StoredNetwork, Training, TrainingData, seeds, training_setters, unobserved,
};
use contextualized_solvers::Projection;
use ndarray::{Array2, Axis};
use rayon::prelude::*;

/// Contextualized Bayesian networks by an encoder and archetypes of networks (NOTMAD).
///
/// ```text
/// x_j = m_j(c) + Σᵢ W_ij(c) x_i + ε_j
/// W(c) = W₀ + s Σ_k z_k(c) A_k,   z = encoder(c),   likewise m
/// minimise  mean over rows of  ½ ‖x − x W(c) − m(c)‖² + ½ p λ ‖W(c) − W₀‖₁ + α h(W(c)) + ½ ρ h(W(c))²
/// ```
///
/// p is the number of nodes, so that λ weighs against the mean squared error of a node, as in every
/// encoder of the workspace. W₀ is the population's network, A_k are archetypes of networks without a diagonal, h is a penalty on
/// cycles, see [`CyclePenalty`], whose multipliers grow while h itself does not fall. Archetypes may
/// have such a penalty of their own. The share s of what the encoder learned is chosen by held-out
/// folds, so that contexts that say nothing do no harm. After training every W(c) is projected to an
/// acyclic graph.
///
/// Nodes are centred and measured in one unit, the root of their mean variance: like every method that
/// weighs the errors of all nodes alike, this one assumes that noise variances are about equal, and
/// depends on the units of the nodes.
///
/// | setting | default |
/// |---|---|
/// | archetypes | 8 |
/// | factors | none: networks of the nodes themselves |
/// | encoder | a perceptron of 2 layers of 32 units, tanh |
/// | penalty on the cycles of samples | [`CyclePenalty::dagma`] |
/// | penalty on the cycles of archetypes | none |
/// | λ on weights of samples, of archetypes | 0, 0 |
/// | epochs, batch, learning rate | 100, 32, 0.005 |
/// | early stopping | none |
/// | share | by 5 held-out folds |
/// | seed | 0 |
///
/// The features of the samples are the nodes; targets are not used.
///
/// Lengerich, Ellington, Aragam, Xing and Kellis (2021), NOTMAD: Estimating Bayesian Networks with
/// Sample-Specific Structures and Parameters, arXiv:2111.01104.
///
/// ```
/// use contextualized_core::{Estimator, VaryingNetworks};
/// use contextualized_graphs::bayesian::{NeuralBayesianNetwork, is_acyclic};
/// use contextualized_simulation::NetworkSimulator;
/// use ndarray::{Axis, array};
///
/// let data = NetworkSimulator::new(200)
///     .uniform_contexts(1, -1.0, 1.0)
///     .networks(|c| array![[0.0, 1.0 + c[0]], [0.0, 0.0]])
///     .simulate(0)?;
/// let estimator = NeuralBayesianNetwork::new().archetypes(2).mlp(8, 1).epochs(20);
/// let model = estimator.fit(&data.samples)?;
/// let networks = model.networks(array![[-0.5], [0.5]].view())?;
/// for network in networks.edges().axis_iter(Axis(0)) {
///     assert!(is_acyclic(network).is_ok_and(|acyclic| acyclic));
/// }
/// # Ok::<(), contextualized_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct NeuralBayesianNetwork {
    archetypes: usize,
    factors: Option<usize>,
    encoder: MlpSettings,
    link: EncoderLink,
    sample_cycles: Option<CyclePenalty>,
    archetype_cycles: Option<CyclePenalty>,
    archetypes_l1: f64,
    projection: Projection,
    training: Training,
}

impl Default for NeuralBayesianNetwork {
    fn default() -> Self {
        Self {
            archetypes: 8,
            factors: None,
            encoder: MlpSettings::new(32, 2).activation(Activation::Tanh),
            link: EncoderLink::Identity,
            sample_cycles: Some(CyclePenalty::dagma()),
            archetype_cycles: None,
            archetypes_l1: 0.0,
            projection: Projection::Auto,
            training: Training {
                epochs: 100,
                batch_size: 32,
                learning_rate: 5e-3,
                validation: None,
                ..Training::default()
            },
        }
    }
}

/// Folds that choose the share of the deviation.
const FOLDS: usize = 5;

/// Rows below which there is not enough to learn a deviation from.
const FEWEST_ROWS: usize = 20;

/// Shares that are compared are multiples of one over this: networks are projected after mixing, so
/// that the loss need not be convex in the share.
const SHARES: usize = 20;

/// The ridge of a population network that the rows do not determine.
const FALLBACK_RIDGE: f64 = 1.0;

impl NeuralBayesianNetwork {
    training_setters!(shrinkage);

    /// The default settings.
    pub fn new() -> Self {
        Self::default()
    }

    /// The number of archetypes.
    pub fn archetypes(mut self, archetypes: usize) -> Self {
        self.archetypes = archetypes;
        self
    }

    /// Networks of so many factors stand for those of the nodes: the encoder's part of the weights is
    /// `Pᵀ V(c) P̃`, with networks V(c) of factors mixed from archetypes and loadings P of the nodes on
    /// factors, see [`contextualized_encoders::Factors`]. Weights of nodes on themselves are left out.
    /// Archetypes have no penalties then.
    pub fn factors(mut self, factors: usize) -> Self {
        self.factors = Some(factors);
        self
    }

    /// A perceptron with so many hidden layers of this width as the encoder.
    pub fn mlp(mut self, width: usize, layers: usize) -> Self {
        (self.encoder.width, self.encoder.layers) = (width, layers);
        self
    }

    /// The function between its layers.
    pub fn activation(mut self, activation: Activation) -> Self {
        self.encoder.activation = activation;
        self
    }

    /// The function between the encoder's output and the code.
    pub fn encoder_link(mut self, link: EncoderLink) -> Self {
        self.link = link;
        self
    }

    /// The penalty on the cycles of each sample's network, or none.
    pub fn cycle_penalty(mut self, penalty: Option<CyclePenalty>) -> Self {
        self.sample_cycles = penalty;
        self
    }

    /// The penalty on the cycles of each archetype, or none.
    pub fn archetype_cycle_penalty(mut self, penalty: Option<CyclePenalty>) -> Self {
        self.archetype_cycles = penalty;
        self
    }

    /// λ on the absolute weights of archetypes, each.
    pub fn archetypes_l1(mut self, penalty: f64) -> Self {
        self.archetypes_l1 = penalty;
        self
    }

    /// How networks are made acyclic.
    pub fn projection(mut self, projection: Projection) -> Self {
        self.projection = projection;
        self
    }

    /// Fits while telling an observer of every epoch of the last training, which may break it off.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for a setting out of range; [`Error::TooFewRows`] when no row would
    /// be left to train on; [`Error::CodedFactor`]; [`Error::Diverged`]; [`Error::NotFinite`] for data whose units
    /// overflow.
    pub fn fit_observed(
        &self,
        samples: &Samples,
        observer: &mut Observer<'_>,
    ) -> Result<NeuralBayesianModel> {
        self.validate()?;
        let samples = samples.rows_that_count()?;
        let [folds, last] = seeds(self.training.seed);
        let share = if !self.training.shrinkage {
            1.0
        } else if samples.rows() < FEWEST_ROWS {
            0.0
        } else {
            self.cross_validated_share(&samples, folds)?
        };
        let mut model = self.fit_once(&samples, last, observer)?;
        model.share = share;
        model.check()?;
        model.estimate_variances(&samples)?;
        Ok(model)
    }

    fn validate(&self) -> Result<()> {
        self.training.validate()?;
        check_not_negative("archetypes_l1", self.archetypes_l1)?;
        for penalty in [self.sample_cycles, self.archetype_cycles].iter().flatten() {
            penalty.validate()?;
        }
        Ok(())
    }

    /// The share in [0, 1] of the deviation with which models, made acyclic as they are, predict rows
    /// held out best; the smallest of equals.
    fn cross_validated_share(&self, samples: &Samples, seed: u64) -> Result<f64> {
        let folds = KFold::new(FOLDS, seed).splits_of(samples)?;
        let shares = (0..=SHARES).map(|step| step as f64 / SHARES as f64);
        let losses = folds
            .into_par_iter()
            .map(|split| {
                let train = samples.select(&split.train)?;
                let test = samples.select(&split.test)?;
                let mut model = self.fit_once(&train, seed, &mut unobserved)?;
                shares
                    .clone()
                    .map(|share| {
                        model.share = share;
                        let found = model.reconstruct(test.contexts(), test.features())?;
                        let squares = (&test.features() - &found)
                            .mapv(|d| d * d)
                            .sum_axis(Axis(1));
                        Ok(match test.weights() {
                            Some(weights) => squares.dot(&weights),
                            None => squares.sum(),
                        })
                    })
                    .collect::<Result<Vec<f64>>>()
            })
            .collect::<Result<Vec<_>>>()?;
        let total = |step: usize| -> f64 { losses.iter().map(|fold| fold[step]).sum() };
        let best = (0..=SHARES).min_by(|&a, &b| total(a).total_cmp(&total(b)));
        Ok(best.map_or(0.0, |step| step as f64 / SHARES as f64))
    }

    fn fit_once(
        &self,
        samples: &Samples,
        seed: u64,
        observer: &mut Observer<'_>,
    ) -> Result<NeuralBayesianModel> {
        let [split, encoder, head, batches] = seeds(seed);
        let (train, held_out) = self.training.hold_out(samples, split)?;
        let context_scaling = train.context_scaling(train.weights())?;
        let feature_scaling = Standardization::fit(train.features(), train.weights())?;
        let squares = feature_scaling.scales().mapv(|scale| scale * scale);
        let unit = squares.mean().unwrap_or(1.0).sqrt();
        let centers = feature_scaling.centers().to_owned();
        let population = population(&train)?;
        let data = |samples: &Samples| {
            let nodes = (&samples.features() - &centers) / unit;
            let contexts = context_scaling.apply(samples.contexts())?;
            TrainingData::new(
                contexts.view(),
                nodes.view(),
                nodes.view(),
                samples.weights(),
            )?
            .with_monitor(samples.monitor().clone())
            .with_base(nodes.dot(&population.weights()).view())
        };
        let nodes = samples.features().ncols();
        let settings = NetworkSettings {
            encoder: EncoderKind::Mlp(self.encoder),
            link: self.link,
            head: match self.factors {
                None => Parameterization::Archetypes(self.archetypes),
                Some(factors) => Parameterization::Factors {
                    archetypes: self.archetypes,
                    factors,
                },
            },
            intercept: true,
            mask: Some(Array2::from_shape_fn((nodes, nodes), |(i, j)| i != j)),
        };
        let widths = (samples.contexts().ncols(), nodes, nodes);
        let network = settings.build(widths, (encoder, head))?;
        let cycles = Cycles::new(
            // Slopes of a target on features: the network's transpose.
            population.weights().t().to_owned(),
            self.sample_cycles,
            self.archetype_cycles,
            self.archetypes_l1,
        );
        let mut network = Regularized::new(network, &cycles);
        let fit = self.training.train_on(
            batches,
            &mut network,
            &Family::Gaussian,
            (&train, held_out.as_ref()),
            data,
            &mut |progress| {
                cycles.end_epoch();
                observer(progress)
            },
        )?;
        let model = NeuralBayesianModel {
            names: samples.names().clone(),
            contexts: context_scaling,
            centers,
            unit,
            deviation: StoredNetwork::of(&settings, &mut network.into_network(), encoder)?,
            share: 1.0,
            variances: population.variances().to_owned(),
            projection: self.projection,
            report: CycleReport {
                fit,
                cycles: cycles.last(),
            },
            population,
        };
        model.check()?;
        Ok(model)
    }
}

/// With a ridge where the rows do not determine the network without.
fn population(samples: &Samples) -> Result<PopulationBayesianModel> {
    match PopulationBayesianNetwork::new().fit(samples) {
        Err(Error::TooFewRows { .. }) => PopulationBayesianNetwork::new()
            .ridge(FALLBACK_RIDGE)
            .fit(samples),
        fit => fit,
    }
}

impl NetworkEstimator for NeuralBayesianNetwork {
    fn with_seed(seed: u64) -> Self {
        Self::new().seed(seed)
    }
}

impl Estimator for NeuralBayesianNetwork {
    type Model = NeuralBayesianModel;

    fn name(&self) -> String {
        format!("neural Bayesian network ({} archetypes)", self.archetypes)
    }

    /// # Errors
    ///
    /// Those of [`NeuralBayesianNetwork::fit_observed`].
    fn fit(&self, samples: &Samples) -> Result<NeuralBayesianModel> {
        self.fit_observed(samples, &mut unobserved)
    }
}

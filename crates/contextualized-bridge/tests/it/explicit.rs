//! Property 2: every explicit model of the toolkit says of itself what differentiating it says.

use crate::networks::standardized;
use approx::assert_relative_eq;
use contextualized_baselines::{ClusterRegression, PopulationRegression};
use contextualized_bridge::{
    ContextSensitivities, Differentiable, Distillation, DistilledRegression, EncoderStudent,
    ImplicitRegression, NetworkModel, jacobian, linear_predictor,
};
use contextualized_core::{
    Estimator, Link, LocalCoefficients, Result, Samples, Scaling, VaryingCoefficients,
};
use contextualized_encoders::{
    Additive, AdditiveWeights, ArchetypeWeights, Archetypes, DenseWeights, Dim, Direct, Encoder,
    EncoderLink, Head, Linear, Linked, Mlp, MlpWeights, Tape, Values,
};
use contextualized_linear::{
    EncoderKind, GaussianProcessRegression, KernelShape, MlpSize, NeuralModel, NeuralRegression,
    Parameterization, Size,
};
use contextualized_simulation::Simulator;
use dfdx::shapes::HasShape;
use dfdx::tensor::{Cpu, TensorFromVec, WithEmptyTape};
use dfdx::tensor_ops::{BroadcastTo, TryAdd, TryMul};
use ndarray::{Array1, Array2, array};
use proptest::prelude::*;
use serde_json::Value;

/// Two contexts, two features and two targets in units far from one.
fn samples(binary: bool, seed: u64) -> Samples {
    let simulator = Simulator::new(120)
        .uniform_contexts(2, 10.0, 30.0)
        .features(|draws, _| vec![draws.normal(5.0, 2.0), draws.normal(-100.0, 30.0)]);
    if !binary {
        simulator
            .slope_matrix(|c| array![[c[0] / 10.0, 0.1], [1.0, c[1] / 300.0]])
            .noise(1.0)
    } else {
        simulator
            .slope_matrix(|c| array![[(c[0] - 20.0) / 20.0, 0.01]])
            .offset(|_| 1.0)
            .binary()
    }
    .simulate(seed)
    .unwrap()
    .samples
}

/// Differences of the prediction on the link scale over a standard deviation of each feature: the
/// prediction is linear in the features, so that no truncation is left, and rounding alone counts.
fn check<M: VaryingCoefficients + ?Sized>(name: &str, model: &M, data: &Samples) {
    let (c, x) = (data.contexts(), data.features());
    let coefficients = model.coefficients(c).unwrap();
    for (feature, step) in [(0, 2.0), (1, 30.0)] {
        let at = |by: f64| {
            let mut moved = x.to_owned();
            moved.column_mut(feature).mapv_inplace(|x| x + by);
            model.predict(c, moved.view()).unwrap()
        };
        let (above, below) = (at(step), at(-step));
        for ((row, target), &above) in above.indexed_iter() {
            let below = below[[row, target]];
            let link = |mean: f64| model.link().apply(mean);
            let slope = (link(above) - link(below)) / (2.0 * step);
            // Rounding of predictions of about 100, and of a logit near 0 and 1, over the step.
            let size = |mean: f64| match model.link() {
                Link::Identity => 1000.0,
                _ => 1000.0 + 4.0 / (mean * (1.0 - mean)),
            };
            let tolerance = 4.0 * f64::EPSILON * (size(above) + size(below)) / step;
            let found = coefficients.slopes()[[row, target, feature]];
            assert!(
                (slope - found).abs() <= tolerance,
                "{name}: {slope} {found} ± {tolerance}, row {row}"
            );
        }
    }
    let zeros = Array2::zeros(x.dim());
    let at_zero = linear_predictor(model, c, zeros.view()).unwrap();
    assert_relative_eq!(at_zero, coefficients.offsets().to_owned(), epsilon = 1e-10);
}

#[test]
fn differences_of_predictions_are_coefficients() {
    let (linear, binary) = (samples(false, 1), samples(true, 2));
    let quick = || NeuralRegression::new().epochs(3).batch_size(8);
    check(
        "population",
        &PopulationRegression::new().fit(&linear).unwrap(),
        &linear,
    );
    check(
        "logistic population",
        &PopulationRegression::new().logistic().fit(&binary).unwrap(),
        &binary,
    );
    check(
        "clusters",
        &ClusterRegression::new().clusters(3).fit(&linear).unwrap(),
        &linear,
    );
    let logistic = PopulationRegression::new().logistic();
    let clusters = ClusterRegression::new().clusters(2).regression(logistic);
    check(
        "logistic clusters",
        &clusters.fit(&binary).unwrap(),
        &binary,
    );
    let small = MlpSize {
        width: 6,
        layers: 2,
    };
    for encoder in [
        EncoderKind::Mlp(small),
        EncoderKind::Additive(small),
        EncoderKind::Linear,
    ] {
        for head in [Parameterization::Direct, Parameterization::Archetypes(3)] {
            let estimator = quick().encoder(encoder).parameterization(head);
            let name = estimator.name();
            check(&name, &estimator.fit(&linear).unwrap(), &linear);
            let estimator = estimator.logistic();
            check(&name, &estimator.fit(&binary).unwrap(), &binary);
        }
    }
    for (name, kernel) in [
        ("gp", GaussianProcessRegression::new()),
        (
            "additive gp",
            GaussianProcessRegression::new().additive(KernelShape::Matern52),
        ),
        (
            "gp by a basis",
            GaussianProcessRegression::new().size(Size::LowRank { functions: 10 }),
        ),
    ] {
        check(name, &kernel.fit(&linear).unwrap(), &linear);
    }
    check(
        "logistic gp",
        &GaussianProcessRegression::new()
            .logistic()
            .max_iterations(5)
            .fit(&binary)
            .unwrap(),
        &binary,
    );
    for student in [
        Distillation::Encoder(EncoderStudent::new().epochs(3)),
        #[cfg(feature = "gp")]
        Distillation::Kernel(contextualized_bridge::KernelShape::SquaredExponential),
    ] {
        let distilled = DistilledRegression::new(ImplicitRegression::new().epochs(3), student);
        check(&distilled.name(), &distilled.fit(&linear).unwrap(), &linear);
    }
}

/// A fitted contextualized model read from its file and put together again as tensors, from units of
/// the data to units of the data.
struct Rebuilt<E, H> {
    encoder: Linked<E>,
    head: H,
    scaling: Scaling,
    /// Targets × features, and targets.
    population: (Array2<f64>, Array1<f64>),
    shares: Array1<f64>,
}

impl<E, H> Rebuilt<E, H>
where
    E: Encoder<usize, usize>,
    H: Head<usize, usize, usize>,
{
    fn new(file: &Value, encoder: E, head: H) -> Self {
        let of = |pointer: &str| file.pointer(pointer).unwrap().clone();
        let link: EncoderLink = serde_json::from_value(of("/deviation/link")).unwrap();
        Self {
            encoder: Linked::new(encoder, link),
            head,
            scaling: serde_json::from_value(of("/scaling")).unwrap(),
            population: serde_json::from_value(of("/population")).unwrap(),
            shares: serde_json::from_value(of("/shares")).unwrap(),
        }
    }
}

impl<E, H> Differentiable<usize, usize, usize> for Rebuilt<E, H>
where
    E: Encoder<usize, usize> + Send + Sync,
    H: Head<usize, usize, usize> + Send + Sync,
{
    fn sizes(&self) -> (usize, usize, usize) {
        (
            self.encoder.context_width(),
            self.head.feature_width(),
            self.head.target_width(),
        )
    }

    fn forward<B: Dim, T: Tape>(
        &self,
        contexts: Values<(B, usize), T>,
        features: Values<(B, usize), T>,
    ) -> Result<Values<(B, usize), T>> {
        use dfdx::tensor_ops::TryMatMul;
        let failed = |error| contextualized_core::Error::numerical("a rebuilt model", error);
        let device = Cpu::default();
        let row = |numbers: Vec<f64>, like: &(B, usize)| {
            let shape = (numbers.len(),);
            device
                .try_tensor_from_vec(numbers, shape)
                .and_then(|row| row.try_broadcast_like(like))
                .map_err(failed)
        };
        let contexts = standardized(contexts, &self.scaling.contexts, false)?;
        let features = standardized(features, &self.scaling.features, false)?;
        let code = self.encoder.encode(contexts)?;
        let deviation = self
            .head
            .generate(code)?
            .predictor(features.with_empty_tape())?;
        let shape = *deviation.shape();
        let (slopes, offsets) = &self.population;
        let slopes = device
            .try_tensor_from_vec(
                slopes.t().iter().copied().collect(),
                (slopes.ncols(), slopes.nrows()),
            )
            .map_err(failed)?;
        let population = features
            .try_matmul(slopes)
            .map_err(failed)?
            .try_add(row(offsets.to_vec(), &shape)?)
            .map_err(failed)?;
        let predictor = deviation
            .try_mul(row(self.shares.to_vec(), &shape)?)
            .and_then(|deviation| deviation.try_add(population))
            .map_err(failed)?;
        standardized(predictor, &self.scaling.targets, true)
    }
}

fn check_rebuilt<E, H, M>(name: &str, network: Rebuilt<E, H>, model: &M, data: &Samples)
where
    E: Encoder<usize, usize> + Send + Sync,
    H: Head<usize, usize, usize> + Send + Sync,
    M: VaryingCoefficients,
{
    let (c, x) = (data.contexts(), data.features());
    let truth = model.coefficients(c).unwrap();
    let found = jacobian(&network, c, x).unwrap();
    let size = truth
        .slopes()
        .iter()
        .chain(truth.offsets().iter())
        .fold(1.0_f64, |l, v| l.max(v.abs()));
    // Standardised contexts are the same bits; sums over tens of units, and a second way to the units
    // of the data.
    for (found, truth) in found.slopes().iter().zip(truth.slopes()) {
        assert!(
            (found - truth).abs() < 1e-13 * size,
            "{name}: {found} {truth}"
        );
    }
    // Offsets are what is left of predictions of about 100 by slopes times features of −100.
    for (found, truth) in found.offsets().iter().zip(truth.offsets()) {
        assert!(
            (found - truth).abs() < 1e-12 * (100.0 + size),
            "{name}: {found} {truth}"
        );
    }
    // The derivative in the context, exact, against differences of what the model predicts. Rectifiers
    // turn within few steps.
    let exact = ContextSensitivities::of_network(&network, c, x).unwrap();
    let scales = array![6.0, 6.0];
    let differences = ContextSensitivities::by_differences(model, c, x, scales.view()).unwrap();
    let off = exact
        .values()
        .iter()
        .zip(differences.values())
        .filter(|(exact, found)| (*exact - *found).abs() > 1e-7)
        .count();
    assert!(off <= exact.values().len() / 50, "{name}: {off}");
    let as_model = NetworkModel::with_link(network, model.link());
    assert_relative_eq!(
        as_model.predict(c, x).unwrap(),
        model.predict(c, x).unwrap(),
        epsilon = 1e-10
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4))]

    /// dfdx through standardisation, link, archetypes and shares finds the coefficients that the model
    /// gives without differentiating anything.
    #[test]
    fn differentiating_neural_models_gives_their_coefficients(
        seed in 0..1000_u64,
        (width, layers) in (1..9_usize, 1..4_usize),
        (archetypes, share) in (1..5_usize, 0.0..1.0_f64),
    ) {
        let size = MlpSize { width, layers };
        for (binary, link) in [
            (false, EncoderLink::Softmax),
            (true, EncoderLink::Logistic),
            (false, EncoderLink::Identity),
        ] {
            for encoder in [
                EncoderKind::Mlp(size),
                EncoderKind::Additive(size),
                EncoderKind::Linear,
            ] {
                for head in [
                    Parameterization::Direct,
                    Parameterization::Archetypes(archetypes),
                ] {
                    let estimator = NeuralRegression::new()
                        .encoder(encoder)
                        .encoder_link(link)
                        .parameterization(head)
                        .epochs(4)
                        .batch_size(8)
                        .seed(seed)
                        .without_shrinkage();
                    differentiated(&estimator, binary, share, seed);
                }
            }
        }
    }
}

/// Fits one of them, keeps a share of its deviation, and compares.
fn differentiated(estimator: &NeuralRegression, binary: bool, share: f64, seed: u64) {
    let data = samples(binary, seed);
    let (name, model) = if !binary {
        (estimator.name(), estimator.fit(&data).unwrap())
    } else {
        let estimator = estimator.clone().logistic();
        (estimator.name(), estimator.fit(&data).unwrap())
    };
    let mut file = serde_json::to_value(&model).unwrap();
    let shares = Array1::linspace(share, 1.0, data.targets().ncols());
    *file.pointer_mut("/shares").unwrap() = serde_json::to_value(shares).unwrap();
    let model: NeuralModel = serde_json::from_value(file.clone()).unwrap();
    let part = |pointer: &str| file.pointer(pointer).cloned();
    macro_rules! with_head {
        ($encoder:expr) => {{
            let encoder = $encoder;
            match part("/deviation/head/Archetypes") {
                Some(weights) => {
                    let weights: ArchetypeWeights = serde_json::from_value(weights).unwrap();
                    let head = Archetypes::from_weights(&weights).unwrap();
                    check_rebuilt(&name, Rebuilt::new(&file, encoder, head), &model, &data);
                }
                None => {
                    let head = Direct::new(2, data.targets().ncols(), true).unwrap();
                    check_rebuilt(&name, Rebuilt::new(&file, encoder, head), &model, &data);
                }
            }
        }};
    }
    if let Some(weights) = part("/deviation/encoder/Mlp") {
        let weights: MlpWeights = serde_json::from_value(weights).unwrap();
        with_head!(Mlp::from_weights(&weights).unwrap());
    } else if let Some(weights) = part("/deviation/encoder/Additive") {
        let weights: AdditiveWeights = serde_json::from_value(weights).unwrap();
        with_head!(Additive::from_weights(&weights).unwrap());
    } else {
        let weights: DenseWeights =
            serde_json::from_value(part("/deviation/encoder/Linear").unwrap()).unwrap();
        with_head!(Linear::from_weights(&weights).unwrap());
    }
}

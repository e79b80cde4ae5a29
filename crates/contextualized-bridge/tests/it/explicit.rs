//! Property 2: every explicit model of the toolkit says of itself what differentiating it says.

use crate::networks::standardized;
use approx::assert_relative_eq;
use contextualized_baselines::{ClusterRegression, PopulationRegression};
use contextualized_bridge::{
    ContextSensitivities, Differentiable, Distillation, DistilledRegression, EncoderStudent,
    ImplicitRegression, NetworkModel, jacobian,
};
use contextualized_core::{
    Estimator, Family, LocalCoefficients, Result, Samples, Scaling, VaryingCoefficients,
};
use contextualized_encoders::{
    AnyEncoder, CoefficientNetwork, ConstantCoefficients, Dim, EncoderLink, Network, StoredNetwork,
    Tape, Values,
};
use contextualized_linear::{
    EncoderKind, GaussianProcessRegression, KernelShape, MlpSettings, NeuralModel,
    NeuralRegression, Parameterization, Size,
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
            .intercept(|_| 1.0)
            .family(Family::Binomial)
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
            let link = |mean: f64| model.family().link().apply(mean);
            let slope = (link(above) - link(below)) / (2.0 * step);
            // Rounding of predictions of about 100, and of a logit near 0 and 1, over the step.
            let size = |mean: f64| {
                if model.family().is_binary() {
                    1000.0 + 4.0 / (mean * (1.0 - mean))
                } else {
                    1000.0
                }
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
    let at_zero = model.linear_predictor(c, zeros.view()).unwrap();
    assert_relative_eq!(
        at_zero,
        coefficients.intercepts().to_owned(),
        epsilon = 1e-10
    );
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
        &PopulationRegression::new()
            .family(Family::Binomial)
            .fit(&binary)
            .unwrap(),
        &binary,
    );
    check(
        "clusters",
        &ClusterRegression::new().clusters(3).fit(&linear).unwrap(),
        &linear,
    );
    let logistic = PopulationRegression::new().family(Family::Binomial);
    let clusters = ClusterRegression::new().clusters(2).regression(logistic);
    check(
        "logistic clusters",
        &clusters.fit(&binary).unwrap(),
        &binary,
    );
    let small = MlpSettings::new(6, 2);
    for encoder in [
        EncoderKind::Mlp(small),
        EncoderKind::Additive(small),
        EncoderKind::Linear,
    ] {
        for head in [Parameterization::Direct, Parameterization::Archetypes(3)] {
            let estimator = quick().encoder(encoder).parameterization(head);
            let name = estimator.name();
            check(&name, &estimator.fit(&linear).unwrap(), &linear);
            let estimator = estimator.family(Family::Binomial);
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
            .family(Family::Binomial)
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
struct Rebuilt {
    network: CoefficientNetwork<AnyEncoder>,
    scaling: Scaling,
    population: ConstantCoefficients,
    shares: Array1<f64>,
}

impl Rebuilt {
    fn new(file: &Value) -> Self {
        let of = |pointer: &str| file.pointer(pointer).unwrap().clone();
        let stored: StoredNetwork = serde_json::from_value(of("/deviation")).unwrap();
        Self {
            network: stored.network().unwrap(),
            scaling: serde_json::from_value(of("/scaling")).unwrap(),
            population: serde_json::from_value(of("/population")).unwrap(),
            shares: serde_json::from_value(of("/shares")).unwrap(),
        }
    }
}

impl Differentiable<usize, usize, usize> for Rebuilt {
    fn sizes(&self) -> (usize, usize, usize) {
        self.network.widths()
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
        let deviation = self
            .network
            .coefficients(contexts)?
            .predictor(features.with_empty_tape())?;
        let shape = *deviation.shape();
        let ConstantCoefficients { slopes, intercepts } = &self.population;
        let slopes = device
            .try_tensor_from_vec(
                slopes.t().iter().copied().collect(),
                (slopes.ncols(), slopes.nrows()),
            )
            .map_err(failed)?;
        let population = features
            .try_matmul(slopes)
            .map_err(failed)?
            .try_add(row(intercepts.to_vec(), &shape)?)
            .map_err(failed)?;
        let predictor = deviation
            .try_mul(row(self.shares.to_vec(), &shape)?)
            .and_then(|deviation| deviation.try_add(population))
            .map_err(failed)?;
        standardized(predictor, &self.scaling.targets, true)
    }
}

fn check_rebuilt<M: VaryingCoefficients>(name: &str, network: Rebuilt, model: &M, data: &Samples) {
    let (c, x) = (data.contexts(), data.features());
    let truth = model.coefficients(c).unwrap();
    let found = jacobian(&network, c, x).unwrap();
    let size = truth
        .slopes()
        .iter()
        .chain(truth.intercepts().iter())
        .fold(1.0_f64, |l, v| l.max(v.abs()));
    // Standardised contexts are the same bits; sums over tens of units, and a second way to the units
    // of the data.
    for (found, truth) in found.slopes().iter().zip(truth.slopes()) {
        assert!(
            (found - truth).abs() < 1e-13 * size,
            "{name}: {found} {truth}"
        );
    }
    // Intercepts are what is left of predictions of about 100 by slopes times features of −100.
    for (found, truth) in found.intercepts().iter().zip(truth.intercepts()) {
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
    let as_model = NetworkModel::of_family(network, model.family());
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
        let size = MlpSettings::new(width, layers);
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
        let estimator = estimator.clone().family(Family::Binomial);
        (estimator.name(), estimator.fit(&data).unwrap())
    };
    let mut file = serde_json::to_value(&model).unwrap();
    let shares = Array1::linspace(share, 1.0, data.targets().ncols());
    *file.pointer_mut("/shares").unwrap() = serde_json::to_value(shares).unwrap();
    let model: NeuralModel = serde_json::from_value(file.clone()).unwrap();
    check_rebuilt(&name, Rebuilt::new(&file), &model, &data);
}

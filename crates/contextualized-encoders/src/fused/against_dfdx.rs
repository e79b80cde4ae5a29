//! Gradients and trajectories are those of dfdx, for every encoder, link, head, family and penalty.

use super::Fused;
use crate::activation::Activation;
use crate::data::TrainingData;
use crate::encoder::EncoderLink;
use crate::kinds::{AnyEncoder, EncoderKind, Parameterization};
use crate::loss::{LogVarianceLoss, Loss};
use crate::mlp::MlpSettings;
use crate::network::{Network, Taped};
use crate::parameters::{ParameterKind, ParameterVisitor, Parameters, Snapshot};
use crate::penalties::Penalties;
use crate::stored::{CoefficientNetwork, NetworkSettings};
use crate::tensors::Values;
use crate::training::{Training, unobserved};
use contextualized_core::{Family, Result};
use dfdx::shapes::Shape;
use dfdx::tensor::{Cpu, Gradients, Trace};
use dfdx::tensor_ops::Backward;
use ndarray::{Array1, Array2};
use proptest::prelude::*;
use pulp::Arch;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

type Data = TrainingData<usize, usize, usize>;
type Net = CoefficientNetwork<AnyEncoder>;

/// A network, and how many rows are given to it.
#[derive(Debug, Clone)]
struct Case {
    settings: NetworkSettings,
    /// Of contexts, features and targets.
    widths: (usize, usize, usize),
    rows: usize,
    penalties: Penalties,
    family: Option<Family>,
    seed: u64,
}

fn cases(rows: std::ops::Range<usize>) -> impl Strategy<Value = Case> {
    let size = (1..30_usize, 1..4_usize, 0..3_usize).prop_map(|(width, layers, activation)| {
        let activations = [Activation::Relu, Activation::Tanh, Activation::Softplus];
        MlpSettings::new(width, layers).activation(activations[activation])
    });
    let encoder = (size, 0..3_usize).prop_map(|(size, kind)| match kind {
        0 => EncoderKind::Mlp(size),
        1 => EncoderKind::Additive(size),
        _ => EncoderKind::Linear,
    });
    let link = prop_oneof![
        Just(EncoderLink::Identity),
        Just(EncoderLink::Logistic),
        Just(EncoderLink::Softmax),
    ];
    let head = prop_oneof![
        Just(Parameterization::Direct),
        (1..8_usize).prop_map(Parameterization::Archetypes),
    ];
    let network = (encoder, link, head, any::<[bool; 2]>());
    let penalties = prop_oneof![Just([0.0; 3]), [0.0..1.0_f64, 0.0..1.0_f64, 0.0..0.1_f64],];
    // Classes are fitted as binary outcomes.
    let of_targets = |family: &Family| !family.has_classes();
    let families = (0..=Family::ALL.len())
        .prop_map(move |index| Family::ALL.get(index).copied().filter(of_targets));
    let widths = (1..7_usize, 1..7_usize, 1..4_usize);
    (network, widths, rows, penalties, families, any::<u64>()).prop_map(
        |((encoder, link, head, [intercept, mask]), widths, rows, penalties, family, seed)| {
            let (_, features, targets) = widths;
            let kept = |(target, feature): (usize, usize)| (target + 2 * feature + 1) % 3 > 0;
            let [coefficients_l1, coefficients_l2, encoder_l2] = penalties;
            Case {
                settings: NetworkSettings {
                    encoder,
                    link,
                    head,
                    intercept,
                    mask: mask.then(|| Array2::from_shape_fn((targets, features), kept)),
                },
                widths,
                rows,
                penalties: Penalties {
                    coefficients_l1,
                    coefficients_l2,
                    encoder_l2,
                    ..Penalties::default()
                },
                family,
                seed,
            }
        },
    )
}

impl Case {
    /// With archetypes of order one, so that gradients of the encoder are not all tiny.
    fn network(&self) -> Net {
        let seeds = (self.seed, self.seed.wrapping_add(1));
        let mut network = self.settings.build(self.widths, seeds).unwrap();
        struct Scale;
        impl ParameterVisitor for Scale {
            fn visit<S: Shape>(
                &mut self,
                kind: ParameterKind,
                parameter: &mut Values<S>,
            ) -> Result<()> {
                if kind == ParameterKind::Archetype {
                    let values: Vec<f64> = parameter.as_vec().iter().map(|v| 50.0 * v).collect();
                    parameter.copy_from(&values);
                }
                Ok(())
            }
        }
        network.visit(&mut Scale).unwrap();
        network
    }

    fn loss(&self) -> &dyn Loss {
        match &self.family {
            Some(family) => family,
            None => &LogVarianceLoss,
        }
    }

    /// With unequal weights and known terms of the linear predictor.
    fn data(&self) -> Data {
        let mut random = ChaCha8Rng::seed_from_u64(self.seed);
        let (contexts, features, targets) = self.widths;
        let mut table = |columns| {
            Array2::from_shape_simple_fn((self.rows, columns), || random.gen_range(-2.0..2.0))
        };
        let tables = (table(contexts), table(features), table(targets));
        let base = table(targets) * 0.3;
        let weights: Array1<f64> = table(1).column(0).mapv(|value| value + 2.1);
        let targets = tables.2.mapv(|number: f64| match self.family {
            // Squared residuals.
            None => number * number,
            Some(family) => [
                number,
                number.abs().round(),
                number.abs(),
                0.5 + number / 5.0,
            ]
            .into_iter()
            .find(|&target| family.admits(target))
            .unwrap(),
        });
        let (contexts, features) = (tables.0.view(), tables.1.view());
        Data::new(contexts, features, targets.view(), Some(weights.view()))
            .unwrap()
            .with_base(base.view())
            .unwrap()
    }

    /// The mean loss, and the gradient of the objective without the penalty on weights, which Adam adds.
    fn by_dfdx(&self, network: &mut Net, data: &Data, rows: &[usize]) -> (f64, Vec<f64>) {
        struct Read(Gradients<f64, Cpu>, Vec<f64>);
        impl ParameterVisitor for Read {
            fn visit<S: Shape>(
                &mut self,
                _: ParameterKind,
                parameter: &mut Values<S>,
            ) -> Result<()> {
                let gradient = self.0.get_or_alloc_mut(parameter).unwrap();
                self.1.extend(gradient.iter());
                Ok(())
            }
        }
        let batch = data.batch(&Cpu::default(), rows).unwrap();
        let (contexts, features) = (batch.contexts.leaky_trace(), batch.features.retaped());
        let penalized = network.penalized(contexts, features, &self.penalties);
        let (predictor, penalty) = penalized.unwrap();
        let (value, surrogate) = batch.observed.on_tape(self.loss(), predictor).unwrap();
        let objective = match penalty {
            Some(penalty) => surrogate + penalty,
            None => surrogate,
        };
        let mut read = Read(objective.backward(), Vec::new());
        network.visit(&mut read).unwrap();
        (value, read.1)
    }

    fn by_arrays(
        &self,
        arch: Arch,
        network: &mut Net,
        data: &Data,
        rows: &[usize],
    ) -> (f64, Vec<f64>) {
        let structure = network.structure().unwrap();
        let mut fused = Fused::on(arch, structure, network, 1e-3, self.penalties).unwrap();
        let value = fused.differentiate(self.loss(), &data.tables(), rows);
        let mut gradient = network.clone();
        fused.layout.write(&fused.gradient, &mut gradient).unwrap();
        (value, numbers(&mut gradient))
    }
}

fn numbers<P: Parameters>(network: &mut P) -> Vec<f64> {
    Snapshot::of(network).unwrap().values().collect()
}

/// The largest difference, in units of the largest number.
fn distance(found: &[f64], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let largest = expected
        .iter()
        .fold(0.0_f64, |most, value| most.max(value.abs()));
    let differences = found.iter().zip(expected).map(|(a, b)| (a - b).abs());
    differences.fold(0.0, f64::max) / largest.max(f64::MIN_POSITIVE)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn gradients_are_those_of_dfdx(case in cases(1..150)) {
        let (mut network, data) = (case.network(), case.data());
        let rows: Vec<usize> = (0..case.rows).rev().collect();
        let (expected_loss, expected) = case.by_dfdx(&mut network, &data, &rows);
        // With the machine's registers, and with numbers one by one.
        for arch in [Arch::new(), Arch::Scalar] {
            let (loss, found) = case.by_arrays(arch, &mut network, &data, &rows);
            prop_assert!((loss - expected_loss).abs() <= 1e-12 * expected_loss.abs().max(1.0));
            prop_assert!(distance(&found, &expected) <= 1e-12);
            for (found, expected) in found.iter().zip(&expected) {
                let rounding = 1e-14 * expected.abs().max(1.0);
                prop_assert!((found - expected).abs() <= 1e-10 * expected.abs() + rounding);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_hundred_steps_end_where_those_of_dfdx_end(
        case in cases(20..60),
        batch_size in 1..25_usize,
        context_lasso in prop_oneof![Just(0.0), 0.0..0.5_f64],
        slope_lasso in prop_oneof![Just(0.0), 0.0..0.5_f64],
    ) {
        let data = case.data();
        let training = Training {
            epochs: 100_usize.div_ceil(case.rows.div_ceil(batch_size)),
            batch_size,
            penalties: Penalties { context_lasso, slope_lasso, ..case.penalties },
            seed: case.seed,
            ..Training::default()
        };
        let (mut fused, mut taped) = (case.network(), Taped(case.network()));
        let validation = Some(&data);
        let found = training.train(&mut fused, case.loss(), &data, validation, &mut unobserved);
        let expected = training.train(&mut taped, case.loss(), &data, validation, &mut unobserved);
        match (found, expected) {
            (Ok(found), Ok(expected)) => {
                prop_assert_eq!(found.iterations, expected.iterations);
                prop_assert_eq!(found.best_epoch, expected.best_epoch);
                let error = (found.objective - expected.objective).abs();
                prop_assert!(error <= 1e-10 * expected.objective.abs().max(1.0));
                let distance = distance(&numbers(&mut fused), &numbers(&mut taped));
                prop_assert!(distance <= 1e-10, "{}", distance);
            }
            (Err(_), Err(_)) => {}
            (found, expected) => panic!("{found:?} against {expected:?}"),
        }
    }
}

#[test]
fn the_same_steps_give_the_same_bits() {
    let case = Case {
        settings: NetworkSettings {
            encoder: EncoderKind::default(),
            link: EncoderLink::Softmax,
            head: Parameterization::Archetypes(3),
            intercept: true,
            mask: None,
        },
        widths: (3, 2, 1),
        rows: 200,
        penalties: Penalties::default(),
        family: Some(Family::Gaussian),
        seed: 1,
    };
    let run = || {
        let mut network = case.network();
        let training = Training {
            epochs: 3,
            batch_size: 150,
            ..Training::default()
        };
        training
            .train(
                &mut network,
                case.loss(),
                &case.data(),
                None,
                &mut unobserved,
            )
            .unwrap();
        numbers(&mut network)
    };
    assert_eq!(run(), run());
}

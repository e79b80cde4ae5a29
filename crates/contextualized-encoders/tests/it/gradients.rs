//! Gradients of penalised losses with respect to every parameter, against central differences.

use contextualized_core::{Family, Result, Samples};
use contextualized_encoders::{
    Activation, Additive, Archetypes, Contextualized, Direct, Encoder, EncoderLink, Factors,
    Linear, Linked, LogVarianceLoss, Loss, Masked, Mlp, MlpSettings, Network, Observed,
    ParameterKind, ParameterVisitor, Penalties, Snapshot, Tape, Values,
};
use dfdx::shapes::Shape;
use dfdx::tensor::{AsArray, Cpu, Gradients, TensorFromVec, Trace};
use dfdx::tensor_ops::Backward;
use proptest::prelude::*;

/// Four rows of two contexts, three features and two targets, with unequal weights.
struct Problem {
    contexts: Values<(usize, usize)>,
    features: Values<(usize, usize)>,
    observed: Observed,
    penalties: Penalties,
}

impl Problem {
    fn new(values: &[f64], penalties: Penalties) -> Self {
        let device = Cpu::default();
        let table = |values: &[f64], columns| device.tensor_from_vec(values.to_vec(), (4, columns));
        Self {
            contexts: table(&values[..8], 2),
            features: table(&values[8..20], 3),
            observed: Observed {
                targets: values[20..28].to_vec(),
                weights: vec![1.0, 0.5, 2.0, 0.5],
                base: None,
            },
            penalties,
        }
    }

    /// Targets of the family, and known terms of their linear predictors.
    fn of_family(mut self, family: Family) -> Self {
        let targets = std::mem::take(&mut self.observed.targets);
        self.observed.base = Some(targets.iter().map(|y| 0.3 * y).collect());
        self.observed.targets = targets.iter().map(|&y| target_of(family, y)).collect();
        self
    }

    fn objective<N, T>(
        &self,
        network: &N,
        loss: &dyn Loss,
        contexts: Values<(usize, usize), T>,
    ) -> (f64, Values<(), T>)
    where
        N: Network<usize, usize, usize>,
        T: Tape,
    {
        let (predictor, penalty) = network
            .penalized(contexts, self.features.retaped(), &self.penalties)
            .unwrap();
        let (value, surrogate) = self.observed.on_tape(loss, predictor).unwrap();
        match penalty {
            Some(penalty) => (value + penalty.array(), surrogate + penalty),
            None => (value, surrogate),
        }
    }

    fn gradient<N: Network<usize, usize, usize>>(
        &self,
        network: &mut N,
        loss: &dyn Loss,
    ) -> Vec<f64> {
        struct Read(Gradients<f64, Cpu>, Vec<f64>);
        impl ParameterVisitor for Read {
            fn visit<S: Shape>(
                &mut self,
                _: ParameterKind,
                parameter: &mut Values<S>,
            ) -> Result<()> {
                self.1.extend(self.0.get(parameter).as_vec());
                Ok(())
            }
        }
        let (_, objective) = self.objective(network, loss, self.contexts.leaky_trace());
        let mut read = Read(objective.backward(), Vec::new());
        network.visit(&mut read).unwrap();
        read.1
    }

    /// Each derivative equals the central difference to the order the step allows, except where
    /// a rectifier or an absolute value turns within the step: there the two one-sided
    /// differences disagree.
    fn check<N: Network<usize, usize, usize>>(&self, mut network: N, loss: &dyn Loss) {
        let step = 1e-6;
        let gradient = self.gradient(&mut network, loss);
        let start = Snapshot::of(&mut network).unwrap();
        assert_eq!(gradient.len(), start.values().count());
        assert!(gradient.iter().any(|derivative| derivative.abs() > 1e-6));
        let value = |network: &N| self.objective(network, loss, self.contexts.clone()).0;
        let here = value(&network);
        let mut at = |index: usize, shift: f64| {
            let mut moved = start.clone();
            *moved.values_mut().nth(index).unwrap() += shift;
            moved.restore(&mut network).unwrap();
            value(&network)
        };
        let mut kinks = 0;
        for (index, derivative) in gradient.iter().enumerate() {
            let (below, above) = (at(index, -step), at(index, step));
            let central = (above - below) / (2.0 * step);
            let tolerance = 1e-7 * (1.0 + here + derivative.abs());
            if (central - derivative).abs() > tolerance {
                let bend = (above - 2.0 * here + below).abs() / step;
                assert!(
                    bend > tolerance,
                    "parameter {index}: {derivative} against {central}"
                );
                kinks += 1;
            }
        }
        // One rectifier of the second layer that turns bends all weights before it.
        assert!(
            3 * kinks <= gradient.len(),
            "{kinks} of {} derivatives differ",
            gradient.len()
        );
    }

    /// With archetypes of order one, so that the encoder's gradients are not all tiny.
    fn check_archetypes<E: Encoder<usize, usize>>(&self, encoder: E, intercept: bool, seed: u64) {
        let mut head = Archetypes::new(3, 3, 2, intercept, seed).unwrap();
        let mut numbers = Snapshot::of(&mut head).unwrap();
        numbers.values_mut().for_each(|value| *value *= 100.0);
        numbers.restore(&mut head).unwrap();
        self.check(
            Contextualized::new(encoder, head).unwrap(),
            &Family::Gaussian,
        );
    }
}

fn any_link() -> impl Strategy<Value = EncoderLink> {
    prop_oneof![
        Just(EncoderLink::Identity),
        Just(EncoderLink::Logistic),
        Just(EncoderLink::Softmax),
    ]
}

fn any_penalties() -> impl Strategy<Value = Penalties> {
    let of_coefficients = |(coefficients_l1, coefficients_l2)| Penalties {
        coefficients_l1,
        coefficients_l2,
        ..Penalties::default()
    };
    prop_oneof![
        Just(Penalties::default()),
        (0.0..2.0_f64, 0.0..2.0_f64).prop_map(of_coefficients),
    ]
}

fn any_activation() -> impl Strategy<Value = Activation> {
    prop_oneof![
        Just(Activation::Relu),
        Just(Activation::Tanh),
        Just(Activation::Softplus)
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn perceptrons_and_links(
        values in prop::collection::vec(-2.0..2.0_f64, 28),
        seed: u64,
        width in 1..6_usize,
        layers in 1..4_usize,
        intercept: bool,
        link in any_link(),
        penalties in any_penalties(),
        activation in any_activation(),
    ) {
        let encoder = Mlp::new(2, 3, MlpSettings::new(width, layers).activation(activation), seed).unwrap();
        Problem::new(&values, penalties)
            .check_archetypes(Linked::new(encoder, link), intercept, seed);
    }

    #[test]
    fn additive_encoders(
        values in prop::collection::vec(-2.0..2.0_f64, 28),
        seed: u64,
        width in 1..6_usize,
        link in any_link(),
    ) {
        let encoder = Additive::new(2, 3, MlpSettings::new(width, 2), seed).unwrap();
        Problem::new(&values, Penalties::default())
            .check_archetypes(Linked::new(encoder, link), true, seed);
    }

    #[test]
    fn linear_encoders(values in prop::collection::vec(-2.0..2.0_f64, 28), seed: u64) {
        let encoder = Linear::new(2, 3, seed).unwrap();
        Problem::new(&values, Penalties::default()).check_archetypes(encoder, true, seed);
    }

    #[test]
    fn factors_and_masks(
        values in prop::collection::vec(-2.0..2.0_f64, 28),
        seed: u64,
        penalties in any_penalties(),
    ) {
        let mut problem = Problem::new(&values, penalties);
        problem.observed.targets = values[16..28].to_vec();
        let mut head = Factors::new(3, 2, 3, seed).unwrap();
        let mut numbers = Snapshot::of(&mut head).unwrap();
        // Archetypes of order one, loadings as they are.
        for value in numbers.values_mut().filter(|value| value.abs() <= 0.01) {
            *value *= 100.0;
        }
        numbers.restore(&mut head).unwrap();
        let mask = ndarray::Array2::from_shape_fn((3, 3), |(i, j)| i != j);
        let head = Masked::new(head, mask.view()).unwrap();
        let encoder = Linear::new(2, 3, seed).unwrap();
        problem.check(Contextualized::new(encoder, head).unwrap(), &Family::Gaussian);
    }

    #[test]
    fn direct_coefficients_and_every_family(
        values in prop::collection::vec(-2.0..2.0_f64, 28),
        seed: u64,
        width in 1..6_usize,
        intercept: bool,
        penalties in any_penalties(),
    ) {
        let codes = if intercept { 8 } else { 6 };
        // Classes are fitted as binary outcomes.
        for family in Family::ALL.into_iter().filter(|family| !family.has_classes()) {
            let encoder = Mlp::new(2, codes, MlpSettings::new(width, 2), seed).unwrap();
            let head = Direct::new(3, 2, intercept).unwrap();
            let network = Contextualized::new(encoder, head).unwrap();
            Problem::new(&values, penalties).of_family(family).check(network, &family);
        }
    }
}

/// A target of the family from any number.
fn target_of(family: Family, number: f64) -> f64 {
    let admitted = |target: &f64| {
        let one = ndarray::array![[1.0]];
        let samples = Samples::new(one.view(), one.view(), ndarray::array![[*target]].view());
        family.check(&samples.unwrap()).is_ok()
    };
    let share = 1.0 / (1.0 + number.exp());
    [number, number.abs().round(), number.abs(), share]
        .into_iter()
        .find(admitted)
        .unwrap()
}

/// The losses of single targets and their derivatives, as a tape sees them.
fn check_by_hand(loss: &dyn Loss, cases: &[(f64, f64, f64, f64)]) {
    for &(predictor, target, value, slope) in cases {
        let tensor = Cpu::default().tensor_from_vec(vec![predictor], (1, 1_usize));
        let observed = Observed {
            targets: vec![target],
            weights: vec![1.0],
            base: None,
        };
        let (found, surrogate) = observed.on_tape(loss, tensor.leaky_trace()).unwrap();
        let close = |a: f64, b: f64| (a - b).abs() < 1e-14 * (1.0 + b.abs());
        assert!(close(found, value), "{predictor} {target}: {found}");
        let derivative = surrogate.backward().get(&tensor).as_vec()[0];
        assert!(
            close(derivative, slope),
            "{predictor} {target}: {derivative}"
        );
    }
}

/// (y − η)², and ln(1 + e^η) − y η at both ends and in its kink-prone middle.
#[test]
fn losses_of_families_by_hand() {
    let squared = [(0.5, 2.0, 2.25, -3.0), (-1.0, -1.0, 0.0, 0.0)];
    check_by_hand(&Family::Gaussian, &squared);
    let odds = (-1.0_f64).exp();
    let logistic = [
        (0.0, 0.0, 2.0_f64.ln(), 0.5),
        (0.0, 1.0, 2.0_f64.ln(), -0.5),
        (800.0, 1.0, 0.0, 0.0),
        (800.0, 0.0, 800.0, 1.0),
        (-800.0, 1.0, 800.0, -1.0),
        (1.0, 1.0, odds.ln_1p(), 1.0 / (1.0 + odds) - 1.0),
    ];
    check_by_hand(&Family::Binomial, &logistic);
}

/// Value and derivative ½ (1 − t e^−η) of the loss of log-variances; it is least at η = ln t.
#[test]
fn log_variance_loss_by_hand() {
    let cases = [
        (0.0, 0.0),
        (0.0, 1.0),
        (3.0_f64.ln(), 3.0),
        (-5.0, 0.2),
        (40.0, 7.0),
    ]
    .map(|(predictor, target)| {
        let ratio = target * f64::exp(-predictor);
        (
            predictor,
            target,
            0.5 * (predictor + ratio),
            0.5 * (1.0 - ratio),
        )
    });
    check_by_hand(&LogVarianceLoss, &cases);
}

/// The derivative of each code with respect to each context column is there, and mixed second
/// derivatives are not: the second difference across two columns vanishes.
#[test]
fn additive_encoders_use_every_column_and_no_interaction() {
    let encoder = Additive::new(3, 2, MlpSettings::new(8, 2), 5).unwrap();
    let device = Cpu::default();
    let code = |c: [f64; 3]| -> Vec<f64> {
        let contexts = device.tensor_from_vec(c.to_vec(), (1, 3_usize));
        encoder.encode(contexts).unwrap().as_vec()
    };
    let base = [0.3, -0.7, 1.1];
    let moved = |columns: &[usize]| {
        let mut context = base;
        columns.iter().for_each(|&column| context[column] += 0.9);
        code(context)
    };
    for a in 0..3 {
        assert!(
            (moved(&[a])[0] - code(base)[0]).abs() > 1e-3,
            "column {a} is not used"
        );
        for b in 0..a {
            let (both, only_a, only_b, none) =
                (moved(&[a, b]), moved(&[a]), moved(&[b]), code(base));
            for k in 0..2 {
                assert!((both[k] - only_a[k] - only_b[k] + none[k]).abs() < 1e-14);
            }
        }
    }
}

//! Gradients of the loss with respect to every parameter, against central differences.

use contextualized_core::Result;
use contextualized_encoders::{
    Archetypes, Contextualized, Direct, Loss, Mlp, MlpSize, Network, ParameterVisitor, Parameters,
    Snapshot, SquaredError, Values,
};
use dfdx::shapes::Shape;
use dfdx::tensor::{AsArray, Cpu, Gradients, TensorFromVec, Trace};
use dfdx::tensor_ops::Backward;
use proptest::prelude::*;

/// Four rows of two contexts, three features and two targets, with unequal weights.
struct Problem {
    contexts: Values<(usize, usize)>,
    features: Values<(usize, usize)>,
    targets: Values<(usize, usize)>,
    weights: Values<(usize,)>,
}

impl Problem {
    fn new(values: &[f64]) -> Self {
        let device = Cpu::default();
        let table = |values: &[f64], columns| device.tensor_from_vec(values.to_vec(), (4, columns));
        Self {
            contexts: table(&values[..8], 2),
            features: table(&values[8..20], 3),
            targets: table(&values[20..28], 2),
            weights: device.tensor_from_vec(vec![1.0, 0.5, 2.0, 0.5], (4,)),
        }
    }

    fn loss<N: Network<usize, usize, usize>>(&self, network: &N) -> f64 {
        let predictor = network
            .predictor(self.contexts.clone(), self.features.clone())
            .unwrap();
        SquaredError
            .mean(predictor, self.targets.clone(), self.weights.clone())
            .unwrap()
            .array()
    }

    fn gradient<N: Network<usize, usize, usize>>(&self, network: &mut N) -> Vec<f64> {
        struct Read(Gradients<f64, Cpu>, Vec<f64>);
        impl ParameterVisitor for Read {
            fn visit<S: Shape>(&mut self, parameter: &mut Values<S>) -> Result<()> {
                self.1.extend(self.0.get(parameter).as_vec());
                Ok(())
            }
        }
        let predictor = network
            .predictor(self.contexts.leaky_trace(), self.features.clone())
            .unwrap();
        let loss = SquaredError
            .mean(predictor, self.targets.clone(), self.weights.clone())
            .unwrap();
        let mut read = Read(loss.backward(), Vec::new());
        network.visit(&mut read).unwrap();
        read.1
    }

    /// Each derivative equals the central difference to the order the step allows, except where
    /// a rectifier turns within the step: there the two one-sided differences disagree.
    fn check<N: Network<usize, usize, usize> + Parameters>(&self, mut network: N) {
        let step = 1e-6;
        let gradient = self.gradient(&mut network);
        let start = Snapshot::of(&mut network).unwrap();
        assert_eq!(gradient.len(), start.values().count());
        let here = self.loss(&network);
        let mut at = |index: usize, shift: f64| {
            let mut moved = start.clone();
            *moved.values_mut().nth(index).unwrap() += shift;
            moved.restore(&mut network).unwrap();
            self.loss(&network)
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
        assert!(
            kinks <= 3,
            "{kinks} of {} derivatives differ",
            gradient.len()
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn archetype_gradients(
        values in prop::collection::vec(-2.0..2.0_f64, 28),
        seed: u64,
        width in 1..6_usize,
        layers in 1..4_usize,
        intercept: bool,
    ) {
        let encoder = Mlp::new(2, 3, MlpSize { width, layers }, seed).unwrap();
        let mut head = Archetypes::new(3, 3, 2, intercept, seed).unwrap();
        // Archetypes of order one, so that the encoder's gradients are not all tiny.
        let mut numbers = Snapshot::of(&mut head).unwrap();
        numbers.values_mut().for_each(|value| *value *= 100.0);
        numbers.restore(&mut head).unwrap();
        Problem::new(&values).check(Contextualized::new(encoder, head).unwrap());
    }

    #[test]
    fn direct_gradients(
        values in prop::collection::vec(-2.0..2.0_f64, 28),
        seed: u64,
        width in 1..6_usize,
        layers in 1..4_usize,
        intercept: bool,
    ) {
        let codes = if intercept { 8 } else { 6 };
        let encoder = Mlp::new(2, codes, MlpSize { width, layers }, seed).unwrap();
        let head = Direct::new(3, 2, intercept).unwrap();
        Problem::new(&values).check(Contextualized::new(encoder, head).unwrap());
    }
}

//! Simulated data of the tests.

use contextualized_core::Samples;
use contextualized_simulation::Simulator;
use ndarray::{Axis, concatenate};

/// A slope that is a sine of the first of two contexts.
pub(crate) fn smooth(rows: usize, seed: u64) -> Samples {
    Simulator::new(rows)
        .uniform_contexts(2, -1.0, 1.0)
        .slopes(|c| vec![(3.0 * c[0]).sin()])
        .noise(0.3)
        .simulate(seed)
        .unwrap()
        .samples
}

/// The same slope everywhere.
pub(crate) fn constant(rows: usize, seed: u64) -> Samples {
    Simulator::new(rows)
        .uniform_contexts(2, -1.0, 1.0)
        .slopes(|_| vec![1.0])
        .noise(1.0)
        .simulate(seed)
        .unwrap()
        .samples
}

/// Whether targets of [`smooth`] are positive, as zeros and ones.
pub(crate) fn binary(rows: usize, seed: u64) -> Samples {
    let samples = smooth(rows, seed);
    let targets = samples.targets().mapv(|y| f64::from(y > 0.0));
    samples.replace_targets(targets.view()).unwrap()
}

/// Two nodes whose correlation goes from −0.8 to 0.8 with the context.
pub(crate) fn nodes(rows: usize, seed: u64) -> Samples {
    let source = Simulator::new(rows)
        .uniform_contexts(1, -1.0, 1.0)
        .slopes(|c| vec![1.6 * c[0]])
        .noise(0.6)
        .simulate(seed)
        .unwrap()
        .samples;
    let nodes = concatenate(Axis(1), &[source.features(), source.targets()]).unwrap();
    Samples::of_nodes(source.contexts(), nodes.view()).unwrap()
}

//! How long one step of training takes, by each engine: forward, backward and Adam of the network of
//! section 1.8 of the demo, on one thread.
//!
//! ```sh
//! cargo run --release -p contextualized-benches --bin step_time -- --json
//! ```
//!
//! Both engines take turns; printed is the fastest turn of each, for what else a machine does only adds
//! time. Without `--json` a table is printed.
#![allow(clippy::print_stdout, clippy::unwrap_used)]

use contextualized_core::{Family, Samples};
use contextualized_encoders::{
    AnyEncoder, CoefficientNetwork, EncoderKind, EncoderLink, Network, NetworkSettings,
    Parameterization, Taped, Training, TrainingData, unobserved,
};
use contextualized_simulation::{TreatmentContexts, TreatmentProblem};
use std::time::Instant;

/// Rows per step.
const BATCHES: [usize; 3] = [1, 8, 32];

/// Steps that are timed at once.
const STEPS: usize = 2000;

/// Turns of each engine.
const TURNS: usize = 25;

fn main() {
    let json = std::env::args().any(|argument| argument == "--json");
    let problem = TreatmentProblem::new(0).unwrap();
    let samples = &problem.observed(TreatmentContexts::Informative).samples;
    if !json {
        println!(
            "{:6} {:>5} {:>21}",
            "engine", "batch", "microseconds per step"
        );
    }
    for batch in BATCHES {
        let (mut fused, mut dfdx) = (Vec::new(), Vec::new());
        for _ in 0..TURNS {
            fused.push(time(network(samples), samples, batch));
            dfdx.push(time(Taped(network(samples)), samples, batch));
        }
        for (engine, times) in [("fused", fused), ("dfdx", dfdx)] {
            let time = times.into_iter().fold(f64::INFINITY, f64::min);
            if json {
                println!(
                    r#"{{"engine":"{engine}","precision":"f64","batch":{batch},"microseconds_per_step":{time:.3}}}"#
                );
            } else {
                println!("{engine:6} {batch:5} {time:21.2}");
            }
        }
    }
}

/// Two hidden layers of 25 units, ten archetypes, no intercept: 1,005 weights.
fn network(samples: &Samples) -> CoefficientNetwork<AnyEncoder> {
    let settings = NetworkSettings {
        encoder: EncoderKind::default(),
        link: EncoderLink::Identity,
        head: Parameterization::Archetypes(10),
        intercept: false,
        mask: None,
    };
    let (contexts, features) = (samples.contexts().ncols(), samples.features().ncols());
    settings.build((contexts, features, 1), (0, 1)).unwrap()
}

/// Microseconds per step of training.
fn time(
    mut network: impl Network<usize, usize, usize>,
    samples: &Samples,
    batch_size: usize,
) -> f64 {
    let data = TrainingData::of(samples).unwrap();
    let steps_per_epoch = data.rows().div_ceil(batch_size);
    let epochs = STEPS.div_ceil(steps_per_epoch);
    let training = Training {
        epochs,
        batch_size,
        ..Training::default()
    };
    let start = Instant::now();
    training
        .train(
            &mut network,
            &Family::Gaussian,
            &data,
            None,
            &mut unobserved,
        )
        .unwrap();
    start.elapsed().as_secs_f64() * 1e6 / (epochs * steps_per_epoch) as f64
}

//! How long one step of training takes, by each engine: forward, backward and Adam of the network of
//! section 1.8 of the demo, on one thread.
//!
//! ```sh
//! cargo run --release -p contextualized-benches --bin step_time -- --json
//! ```
//!
//! Both engines take turns; printed is the fastest epoch of each, for what else a machine does only adds
//! time. Without `--json` a table is printed.
#![allow(clippy::print_stdout, clippy::unwrap_used)]

use contextualized_core::{Family, Samples};
use contextualized_encoders::{
    AnyEncoder, CoefficientNetwork, EncoderKind, EncoderLink, Network, NetworkSettings,
    Parameterization, Taped, Training, TrainingData,
};
use contextualized_simulation::{TreatmentContexts, TreatmentProblem};
use std::ops::ControlFlow;
use std::time::Instant;

/// Rows per step.
const BATCHES: [usize; 3] = [1, 8, 32];

/// Turns of each engine, and steps of a turn.
const TURNS: usize = 10;
const STEPS: usize = 4000;

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
        let (mut fused, mut dfdx) = (f64::INFINITY, f64::INFINITY);
        for _ in 0..TURNS {
            fused = fused.min(time(network(samples), samples, batch));
            dfdx = dfdx.min(time(Taped(network(samples)), samples, batch));
        }
        for (engine, time) in [("fused", fused), ("dfdx", dfdx)] {
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

/// Microseconds per step in the fastest epoch.
fn time(
    mut network: impl Network<usize, usize, usize>,
    samples: &Samples,
    batch_size: usize,
) -> f64 {
    let data = TrainingData::of(samples).unwrap();
    let steps = data.rows().div_ceil(batch_size);
    let training = Training {
        epochs: STEPS.div_ceil(steps),
        batch_size,
        ..Training::default()
    };
    let (mut fastest, mut last) = (f64::INFINITY, None);
    training
        .train(&mut network, &Family::Gaussian, &data, None, &mut |_| {
            let now = Instant::now();
            if let Some(last) = last.replace(now) {
                fastest = fastest.min((now - last).as_secs_f64());
            }
            ControlFlow::Continue(())
        })
        .unwrap();
    fastest * 1e6 / steps as f64
}

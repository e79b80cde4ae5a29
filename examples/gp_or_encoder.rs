//! Where context kernels do better than an encoder, and where an encoder does better.
//!
//! ```text
//! smooth effects   2 contexts uniform on [−1, 1]² and 3 of noise, 300 rows
//!                  w = (sin(3 c0) + c1, c0 c1, 1),  intercept cos(2 c1)
//! a jump           5 standard normal contexts, 1000 rows
//!                  w = (s, −s, 1),  s = sign(c0 − c1 + c2 − c3 + c4),  no intercept
//! both             x ~ N(0, 1),  noise of standard deviation 0.5
//! ```
//!
//! In the first, effects change slowly and in few directions; the second has two populations, divided
//! by a plane that is oblique to every context. Errors are those of all slopes at 2000 new rows.
//!
//! ```sh
//! cargo run --release --example gp_or_encoder
//! ```

use clap::Parser;
use contextualized_baselines::{ClusterRegression, PopulationRegression};
use contextualized_core::comparison::compare_on_test;
use contextualized_core::{DynEstimator, Family};
use contextualized_examples::say;
use contextualized_examples::statistics::{median, quartiles};
use contextualized_examples::table::{number, table};
use contextualized_linear::{
    EncoderLink, GaussianProcessRegression, KernelShape, NeuralRegression,
};
use contextualized_simulation::Simulator;
use std::error::Error;

/// Compare kernels and encoders on two problems.
#[derive(Parser)]
struct Arguments {
    /// Number of data seeds, from 0.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,
}

const NEW_ROWS: usize = 2000;

/// Seeds of the new rows follow this one.
const NEW_SEED: u64 = 1000;

/// Effects that change slowly with two contexts of five.
fn smooth(rows: usize) -> Simulator {
    Simulator::new(rows)
        .uniform_contexts(2, -1.0, 1.0)
        .irrelevant_contexts(3)
        .slopes(|c| vec![(3.0 * c[0]).sin() + c[1], c[0] * c[1], 1.0])
        .intercept(|c| (2.0 * c[1]).cos())
        .noise(0.5)
}

/// Effects that are one or the other, on either side of a plane.
fn jump(rows: usize) -> Simulator {
    Simulator::new(rows)
        .normal_contexts(5)
        .slopes(|c| {
            let side = (c[0] - c[1] + c[2] - c[3] + c[4]).signum();
            vec![side, -side, 1.0]
        })
        .noise(0.5)
}

fn models(seed: u64) -> Vec<(&'static str, Box<dyn DynEstimator>)> {
    let neural = NeuralRegression::new().seed(seed);
    let gated = neural
        .clone()
        .encoder_link(EncoderLink::Softmax)
        .batch_size(8);
    let matern = GaussianProcessRegression::new().joint(KernelShape::Matern32);
    vec![
        ("population", Box::new(PopulationRegression::new())),
        ("cluster", Box::new(ClusterRegression::new().seed(seed))),
        ("neural", Box::new(neural)),
        ("neural, softmax, batches of 8", Box::new(gated)),
        ("gp", Box::new(GaussianProcessRegression::new())),
        ("gp, Matérn 3/2", Box::new(matern)),
    ]
}

/// Errors and seconds of one model over seeds.
struct Line {
    name: &'static str,
    errors: Vec<f64>,
    seconds: Vec<f64>,
}

fn measure(
    simulator: impl Fn(usize) -> Simulator,
    rows: usize,
    seeds: u64,
) -> Result<Vec<Line>, Box<dyn Error>> {
    let mut lines: Vec<Line> = Vec::new();
    for seed in 0..seeds {
        let train = simulator(rows).simulate(seed)?.samples;
        let new = simulator(NEW_ROWS).simulate(NEW_SEED + seed)?;
        let (names, estimators): (Vec<_>, Vec<_>) = models(seed).into_iter().unzip();
        let truth = Some(&new.coefficients);
        let compared = compare_on_test(&estimators, &train, &new.samples, truth, Family::Gaussian);
        if lines.is_empty() {
            lines.extend(names.into_iter().map(|name| Line {
                name,
                errors: Vec::new(),
                seconds: Vec::new(),
            }));
        }
        for (line, compared) in lines.iter_mut().zip(compared) {
            let score = compared.outcome?;
            line.errors.extend(score.effect_mse);
            line.seconds.push(score.fit_time.as_secs_f64());
        }
    }
    Ok(lines)
}

fn main() -> Result<(), Box<dyn Error>> {
    let seeds = Arguments::parse().seeds;
    let smooth = measure(smooth, 300, seeds)?;
    let jump = measure(jump, 1000, seeds)?;
    let cells = |problem: &str, line: &Line| {
        let [first, middle, third] = quartiles(&line.errors).map(number);
        [
            problem.to_owned(),
            line.name.to_owned(),
            middle,
            format!("{first} to {third}"),
            format!("{:.2}", median(&line.seconds)),
        ]
    };
    let lines = [("smooth", &smooth), ("jump", &jump)]
        .into_iter()
        .flat_map(|(problem, lines)| lines.iter().map(move |line| cells(problem, line)))
        .collect();
    say!(
        "Effect MSE at {NEW_ROWS} new rows, over data seeds 0 to {}.\n",
        seeds - 1
    );
    let header = ["problem", "model", "median", "quartiles", "fit, s"];
    say!("{}", table(header, 2, lines));

    let typical = |lines: &[Line], index: usize| median(&lines[index].errors);
    for kernel in [4, 5] {
        for encoder in [2, 3] {
            assert!(typical(&smooth, kernel) < typical(&smooth, encoder));
            assert!(typical(&jump, encoder) < typical(&jump, kernel));
        }
    }
    Ok(())
}

//! How the time of a fit grows with rows, contexts, features, and levels of a factor.
//!
//! ```sh
//! cargo run --release --example scaling
//! ```
//!
//! Without tests of variation; the median of three data sets each, with nothing else running.

use clap::Parser;
use contextualized_baselines::PopulationRegression;
use contextualized_core::{DynEstimator, Samples};
use contextualized_examples::figures1::Folder;
use contextualized_examples::say;
use contextualized_examples::statistics::median;
use contextualized_examples::table::table;
use contextualized_linear::{GaussianProcessRegression, NeuralRegression};
use contextualized_plot::{Colour, Figure, Line, Panel, Points, Scale};
use contextualized_simulation::Simulator;
use ndarray::{Array2, Axis, concatenate};
use std::error::Error;
use std::path::PathBuf;
use std::time::Instant;

/// Times of fits, as a table and a figure.
#[derive(Parser)]
struct Arguments {
    /// Data sets of each size, from seed 0.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,
    /// The longest that a fit may take, in seconds: beyond it, larger sizes are left out.
    #[arg(long, default_value_t = 60.0)]
    longest: f64,
    /// Folder that the figure is written to, as SVG.
    #[arg(long, value_name = "DIR", default_value = "target/figures")]
    figures: PathBuf,
}

/// One quantity that grows while all others stay.
struct Sweep {
    name: &'static str,
    others: &'static str,
    sizes: &'static [usize],
    samples: fn(usize, u64) -> Result<Samples, Box<dyn Error>>,
}

const SWEEPS: [Sweep; 4] = [
    Sweep {
        name: "rows",
        others: "2 contexts, 3 features",
        sizes: &[1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000],
        samples: |rows, seed| numeric(rows, 2, 3, seed),
    },
    Sweep {
        name: "contexts",
        others: "1,000 rows, 3 features",
        sizes: &[1, 2, 5, 10, 20, 50],
        samples: |contexts, seed| numeric(1000, contexts, 3, seed),
    },
    Sweep {
        name: "features",
        others: "1,000 rows, 2 contexts",
        sizes: &[1, 2, 5, 10, 20, 50],
        samples: |features, seed| numeric(1000, 2, features, seed),
    },
    Sweep {
        name: "levels",
        others: "20,000 rows, a factor and a number as contexts, 2 features",
        sizes: &[2, 5, 10, 30, 100, 250],
        samples: with_factor,
    },
];

/// Numbers as contexts; the first two matter to the first two features and to the intercept.
fn numeric(
    rows: usize,
    contexts: usize,
    features: usize,
    seed: u64,
) -> Result<Samples, Box<dyn Error>> {
    let simulator = Simulator::new(rows)
        .uniform_contexts(contexts, -1.0, 1.0)
        .slopes(move |c| {
            let second = c.get(1).copied().unwrap_or(0.0);
            let slope = |j| match j {
                0 => (2.0 * c[0]).sin(),
                1 => second * second,
                _ => 0.5,
            };
            (0..features).map(slope).collect()
        })
        .intercept(|c| 0.5 * c[0])
        .noise(0.5);
    Ok(simulator.simulate(seed)?.samples)
}

/// A number, and a factor whose levels take turns and shift the first slope.
fn with_factor(levels: usize, seed: u64) -> Result<Samples, Box<dyn Error>> {
    const ROWS: usize = 20_000;
    let plain = numeric(ROWS, 1, 2, seed)?;
    let shift = |level: usize| (1.7 * level as f64).sin();
    let targets = Array2::from_shape_fn((ROWS, 1), |(row, _)| {
        plain.targets()[[row, 0]] + shift(row % levels) * plain.features()[[row, 0]]
    });
    let indicators = Array2::from_shape_fn((ROWS, levels), |(row, level)| {
        f64::from(u8::from(row % levels == level))
    });
    let contexts = concatenate![Axis(1), plain.contexts(), indicators];
    let samples = Samples::new(contexts.view(), plain.features(), targets.view())?;
    Ok(samples.with_factors([("site", (1..=levels).collect())])?)
}

fn estimators() -> [(&'static str, Box<dyn DynEstimator>); 3] {
    [
        ("population", Box::new(PopulationRegression::new())),
        ("gp", Box::new(GaussianProcessRegression::new())),
        ("neural", Box::new(NeuralRegression::new())),
    ]
}

/// Sizes, and median seconds of fits.
type Times = Vec<(f64, f64)>;

/// Those of one sweep, of each estimator.
fn times(sweep: &Sweep, arguments: &Arguments) -> Result<Vec<Times>, Box<dyn Error>> {
    let estimators = estimators();
    let mut found: Vec<Times> = vec![Vec::new(); estimators.len()];
    for &size in sweep.sizes {
        let mut seconds: Vec<Vec<f64>> = vec![Vec::new(); estimators.len()];
        for seed in 0..arguments.seeds {
            let samples = (sweep.samples)(size, seed)?;
            for (index, (_, estimator)) in estimators.iter().enumerate() {
                let last = found[index].last();
                if last.is_some_and(|(_, seconds)| *seconds > arguments.longest) {
                    continue;
                }
                let start = Instant::now();
                estimator.fit_boxed(&samples)?;
                seconds[index].push(start.elapsed().as_secs_f64());
            }
        }
        for (own, seconds) in found.iter_mut().zip(seconds) {
            if !seconds.is_empty() {
                own.push((size as f64, median(&seconds)));
            }
        }
    }
    Ok(found)
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let names = estimators().map(|(name, _)| name);
    let mut panels = Vec::new();
    for sweep in &SWEEPS {
        let found = times(sweep, &arguments)?;
        let mut panel = Panel::new(sweep.name)
            .subtitle(sweep.others)
            .x_label(sweep.name)
            .x_scale(Scale::Log10)
            .y_scale(Scale::Log10);
        for (index, (name, own)) in names.iter().zip(&found).enumerate() {
            let colour = Colour::qualitative(index);
            panel = panel
                .layer(Line::new(own).colour(colour).label(name))
                .layer(Points::new(own).colour(colour));
        }
        panels.push(panel);
        let seconds = |size: usize, own: &[(f64, f64)]| {
            let at = own.iter().find(|(own, _)| *own == size as f64);
            at.map_or(String::new(), |(_, seconds)| format!("{seconds:.3}"))
        };
        let [a, b, c] = names;
        let lines = sweep.sizes.iter().map(|&size| {
            let [a, b, c] = [0, 1, 2].map(|estimator: usize| seconds(size, &found[estimator]));
            [size.to_string(), a, b, c]
        });
        let lines = table([sweep.name, a, b, c], 0, lines.collect());
        say!("{}, seconds:\n\n{lines}\n", sweep.others);
    }
    let figure = Figure::new(2)
        .panels(panels)
        .y_label("seconds of a fit")
        .name("Time of a fit")
        .description(
            "Four panels: how seconds of a fit grow with rows, contexts, features and levels.",
        );
    Folder::new(&arguments.figures)?.write("performance", &figure)?;
    say!("{}", arguments.figures.join("performance.svg").display());
    Ok(())
}

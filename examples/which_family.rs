//! Which family of estimators is best when: one problem for each.
//!
//! ```text
//! nothing varies   8 contexts of noise                             w = (1, −½),  m = 1
//! smooth           2 contexts                                      w = (sin 3 c0 + c1, c0 c1),  m = cos 2 c1
//! jumps            2 contexts, 6 of noise                          w = 2 [c0 > 0.2 and c1 < 0.5] − 1,  m = 1.5 [c1 > −0.3]
//! few of many      20 contexts, of which 2, 1, 1, 0, 5, 4 matter   the first simulation of doi:10.1214/24-BA1470
//! 60 levels        a factor in 4 hidden groups                     w = −1.5, −0.5, 0.5 or 1.5
//! groups           4 clusters of 5 contexts                        w = ±(1, −1)
//! a plane          5 contexts, normal                              w = (s, −s),  s = sign(c0 − c1 + c2 − c3 + c4)
//! ```
//!
//! Errors are mean squared errors of all coefficients at 2000 new rows. A figure shows a slope of each along a line
//! through its contexts.
//!
//! ```sh
//! cargo run --release --example which_family
//! ```

use clap::Parser;
use contextualized_baselines::{ClusterRegression, PopulationRegression};
use contextualized_core::{
    Coefficients, DynEstimator, Estimator, LocalCoefficients, Result, Samples,
};
use contextualized_examples::claims::designs;
use contextualized_examples::figures1::Folder;
use contextualized_examples::say;
use contextualized_examples::statistics::median;
use contextualized_examples::table::{number, table};
use contextualized_linear::{GaussianProcessRegression, KernelShape, NeuralRegression};
use contextualized_plot::{Colour, Figure, Line, Panel};
use contextualized_simulation::Simulator;
use contextualized_trees::TreeRegression;
use ndarray::{Array2, ArrayView1, s};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Compare families of estimators on a problem for each.
#[derive(Parser)]
struct Arguments {
    /// Number of data seeds, from 0.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,
    /// Folder that the figure is written to, as SVG.
    #[arg(long, value_name = "DIR", default_value = "target/figures")]
    figures: PathBuf,
}

const NEW_ROWS: usize = 2000;

/// Seeds of the new rows follow this one.
const NEW_SEED: u64 = 1000;

/// A recipe for a number of rows, and how many there are to learn from.
struct Problem {
    name: &'static str,
    rows: usize,
    recipe: fn(usize) -> Simulator,
    /// Whether all contexts are one factor.
    factor: bool,
    line: Path,
}

/// A line through the contexts that matter, others being zero, and the slope to show along it.
struct Path {
    label: &'static str,
    ends: (f64, f64),
    contexts: fn(f64) -> Vec<f64>,
    slope: usize,
}

/// Points of a line.
const POINTS: usize = 241;

impl Path {
    fn along(label: &'static str, ends: (f64, f64), contexts: fn(f64) -> Vec<f64>) -> Self {
        Self {
            label,
            ends,
            contexts,
            slope: 0,
        }
    }

    fn positions(&self) -> Vec<f64> {
        let (low, high) = self.ends;
        let step = (high - low) / (POINTS - 1) as f64;
        (0..POINTS).map(|point| low + step * point as f64).collect()
    }
}

fn smooth(rows: usize) -> Simulator {
    Simulator::new(rows)
        .uniform_contexts(2, -1.0, 1.0)
        .slopes(|c| vec![(3.0 * c[0]).sin() + c[1], c[0] * c[1]])
        .intercept(|c| (2.0 * c[1]).cos())
        .noise(0.5)
}

fn jumps(rows: usize) -> Simulator {
    let indicator = |condition: bool| f64::from(u8::from(condition));
    Simulator::new(rows)
        .uniform_contexts(2, -1.0, 1.0)
        .irrelevant_contexts(6)
        .slopes(move |c| vec![2.0 * indicator(c[0] > 0.2 && c[1] < 0.5) - 1.0])
        .intercept(move |c| 1.5 * indicator(c[1] > -0.3))
        .noise(0.5)
}

fn few_of_many(rows: usize) -> Simulator {
    designs::varying(rows, 1.0)
}

/// Clusters of contexts that are far apart.
fn groups(rows: usize) -> Simulator {
    Simulator::new(rows)
        .contexts(|draws| {
            let corner = draws.uniform(0.0, 4.0).floor();
            let (right, up) = ((corner / 2.0).floor(), corner % 2.0);
            (0..5)
                .map(|context| {
                    let center = if context % 2 == 0 { right } else { up };
                    8.0 * center + draws.normal(0.0, 1.0)
                })
                .collect()
        })
        .slopes(|c| {
            let side = if (c[0] > 4.0) == (c[1] > 4.0) {
                1.0
            } else {
                -1.0
            };
            vec![side, -side]
        })
        .noise(0.5)
}

fn plane(rows: usize) -> Simulator {
    Simulator::new(rows)
        .normal_contexts(5)
        .slopes(|c| {
            let side = (c[0] - c[1] + c[2] - c[3] + c[4]).signum();
            vec![side, -side]
        })
        .noise(0.5)
}

fn problems() -> [Problem; 7] {
    let problem = |name, rows, recipe, line| Problem {
        name,
        rows,
        recipe,
        factor: false,
        line,
    };
    let across = (-1.0, 1.0);
    [
        problem(
            "nothing varies, 300 rows",
            300,
            designs::nothing,
            Path::along("c0", (-2.0, 2.0), |t| {
                (0..8).map(|k| if k == 0 { t } else { 0.0 }).collect()
            }),
        ),
        problem(
            "smooth, 300 rows",
            300,
            smooth,
            Path::along("c0", across, |t| vec![t, 0.0]),
        ),
        problem(
            "jumps, 500 rows",
            500,
            jumps,
            Path::along("c0", across, |t| vec![t, 0.0]),
        ),
        problem(
            "few of many, 1000 rows",
            1000,
            few_of_many,
            Path {
                slope: 1,
                ..Path::along("c0", (0.0, 1.0), |t| {
                    (0..20).map(|k| if k == 0 { t } else { 0.5 }).collect()
                })
            },
        ),
        Problem {
            factor: true,
            ..problem(
                "60 levels, 1500 rows",
                1500,
                designs::levels,
                Path::along(
                    "level, by group",
                    (0.0, designs::LEVELS as f64 - 0.01),
                    |t| {
                        let group = |level: &usize| level * 7 % 4;
                        let mut levels: Vec<usize> = (0..designs::LEVELS).collect();
                        levels.sort_by_key(group);
                        let own = levels[t as usize];
                        let is_own = |level| if level == own { 1.0 } else { 0.0 };
                        (0..designs::LEVELS).map(is_own).collect()
                    },
                ),
            )
        },
        problem(
            "groups, 300 rows",
            300,
            groups,
            Path::along("c0 = c2 = c4", (-3.0, 11.0), |t| vec![t, 0.0, t, 0.0, t]),
        ),
        problem(
            "a plane, 1000 rows",
            1000,
            plane,
            Path::along("c0 = −c1 = c2 = −c3 = c4", across, |t| {
                vec![t, -t, t, -t, t]
            }),
        ),
    ]
}

/// Names of the estimators, in their order.
const NAMES: [&str; 6] = [
    "population",
    "clusters",
    "gp",
    "gp (Matérn 3/2)",
    "trees",
    "encoder",
];

/// Those of the figure.
const SHOWN: [&str; 4] = ["gp", "trees", "encoder", "clusters"];

fn estimators(seed: u64) -> [Box<dyn DynEstimator>; 6] {
    let gp = GaussianProcessRegression::new;
    [
        Box::new(PopulationRegression::new()),
        Box::new(ClusterRegression::new().seed(seed)),
        Box::new(gp()),
        Box::new(gp().joint(KernelShape::Matern32)),
        Box::new(TreeRegression::new().seed(seed)),
        Box::new(NeuralRegression::new().seed(seed)),
    ]
}

fn with_factor(samples: Samples, problem: &Problem) -> Result<Samples> {
    if !problem.factor {
        return Ok(samples);
    }
    let columns = (0..samples.contexts().ncols()).collect();
    samples.with_factors([("level", columns)])
}

/// A slope along a line: the truth over what the estimators shown make of the rows of seed 0.
fn panel(
    problem: &Problem,
    models: &[(&str, Colour, Box<dyn LocalCoefficients>)],
) -> Result<Panel> {
    let (line, next) = (&problem.line, AtomicUsize::new(0));
    let positions = line.positions();
    let (of, at) = (line.contexts, positions.clone());
    // Rows are drawn one after the other.
    let path =
        (problem.recipe)(POINTS).contexts(move |_| of(at[next.fetch_add(1, Ordering::Relaxed)]));
    let truth = path.simulate(0)?;
    let drawn = |slopes: ArrayView1<'_, f64>| -> Vec<(f64, f64)> {
        positions
            .iter()
            .copied()
            .zip(slopes.iter().copied())
            .collect()
    };
    // Contexts of noise are zero.
    let mut contexts = Array2::zeros(truth.samples.contexts().dim());
    for (mut row, position) in contexts.rows_mut().into_iter().zip(&positions) {
        for (to, value) in row.iter_mut().zip((line.contexts)(*position)) {
            *to = value;
        }
    }
    let of_slope = |found: &Coefficients| found.slopes().slice(s![.., 0, line.slope]).to_owned();
    let name = problem.name.split(',').next().unwrap_or(problem.name);
    let mut panel = Panel::new(name).x_label(line.label);
    let own = of_slope(&truth.coefficients);
    panel = panel.layer(
        Line::new(&drawn(own.view()))
            .colour(Colour::GREY)
            .width(5.0)
            .label("truth"),
    );
    for (name, colour, model) in models {
        let found = model.coefficients_at(contexts.view(), truth.samples.features())?;
        panel = panel.layer(
            Line::new(&drawn(of_slope(&found).view()))
                .colour(*colour)
                .label(name),
        );
    }
    Ok(panel)
}

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let arguments = Arguments::parse();
    let mut lines = Vec::new();
    let mut figure = Figure::new(3).panel_size(260.0, 180.0).y_label("slope");
    for problem in problems() {
        let mut shown = Vec::new();
        let mut errors = [(); 6].map(|()| Vec::new());
        for seed in 0..arguments.seeds {
            let data = (problem.recipe)(problem.rows).simulate(seed)?;
            let samples = with_factor(data.samples, &problem)?;
            let new = (problem.recipe)(NEW_ROWS).simulate(NEW_SEED + seed)?;
            for ((name, estimator), errors) in NAMES.iter().zip(estimators(seed)).zip(&mut errors) {
                let model = estimator.fit(&samples)?;
                let (c, x) = (new.samples.contexts(), new.samples.features());
                errors.push(designs::effect_error(&new, &model.coefficients_at(c, x)?));
                let colour = SHOWN.iter().position(|shown| shown == name);
                if let (0, Some(colour)) = (seed, colour) {
                    shown.push((*name, Colour::qualitative(colour), model));
                }
            }
        }
        figure = figure.panel(panel(&problem, &shown)?);
        let mut line = vec![problem.name.to_owned()];
        line.extend(errors.iter().map(|errors| number(median(errors))));
        lines.push(line.try_into().map_err(|_| "a line of another width")?);
    }
    let mut header = ["median effect MSE"; 7];
    header[1..].copy_from_slice(&NAMES);
    let figure = figure
        .name("A slope of each problem, and what estimators make of it")
        .description("Gaussian processes follow smooth slopes, trees those that jump, clusters those of groups.");
    Folder::new(&arguments.figures)?.write("which_family", &figure)?;
    say!("Data seeds 0 to {}.\n", arguments.seeds - 1);
    say!("{}", table::<7>(header, 1, lines));
    Ok(())
}

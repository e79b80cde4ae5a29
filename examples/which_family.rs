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
//! Errors are mean squared errors of all coefficients at 2000 new rows.
//!
//! ```sh
//! cargo run --release --example which_family
//! ```

use clap::Parser;
use contextualized_baselines::{ClusterRegression, PopulationRegression};
use contextualized_core::{DynEstimator, Estimator, Result, Samples};
use contextualized_examples::claims::designs;
use contextualized_examples::say;
use contextualized_examples::statistics::median;
use contextualized_examples::table::{number, table};
use contextualized_linear::{GaussianProcessRegression, KernelShape, NeuralRegression};
use contextualized_simulation::Simulator;
use contextualized_trees::TreeRegression;

/// Compare families of estimators on a problem for each.
#[derive(Parser)]
struct Arguments {
    /// Number of data seeds, from 0.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,
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
    let problem = |name, rows, recipe| Problem {
        name,
        rows,
        recipe,
        factor: false,
    };
    [
        problem("nothing varies, 300 rows", 300, designs::nothing),
        problem("smooth, 300 rows", 300, smooth),
        problem("jumps, 500 rows", 500, jumps),
        problem("few of many, 1000 rows", 1000, few_of_many),
        Problem {
            factor: true,
            ..problem("60 levels, 1500 rows", 1500, designs::levels)
        },
        problem("groups, 300 rows", 300, groups),
        problem("a plane, 1000 rows", 1000, plane),
    ]
}

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

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let arguments = Arguments::parse();
    let mut lines = Vec::new();
    for problem in problems() {
        let mut errors = [(); 6].map(|()| Vec::new());
        for seed in 0..arguments.seeds {
            let data = (problem.recipe)(problem.rows).simulate(seed)?;
            let samples = with_factor(data.samples, &problem)?;
            let new = (problem.recipe)(NEW_ROWS).simulate(NEW_SEED + seed)?;
            for (estimator, errors) in estimators(seed).iter().zip(&mut errors) {
                let model = estimator.fit(&samples)?;
                let (c, x) = (new.samples.contexts(), new.samples.features());
                errors.push(designs::effect_error(&new, &model.coefficients_at(c, x)?));
            }
        }
        let mut line = vec![problem.name.to_owned()];
        line.extend(errors.iter().map(|errors| number(median(errors))));
        lines.push(line.try_into().map_err(|_| "a line of another width")?);
    }
    let header = [
        "median effect MSE",
        "population",
        "clusters",
        "gp",
        "gp (Matérn 3/2)",
        "trees",
        "encoder",
    ];
    say!("Data seeds 0 to {}.\n", arguments.seeds - 1);
    say!("{}", table::<7>(header, 1, lines));
    Ok(())
}

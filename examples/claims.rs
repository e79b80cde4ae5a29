//! Every figure this project claims, measured: each bar over data seeds 0 to 9, with its median and
//! quartiles, and whether the median meets it. The exit status is 1 if one does not.
//!
//! ```sh
//! cargo run --release --example claims
//! cargo run --release --example claims -- --seeds 50
//! ```
#![allow(clippy::print_stdout)]

use clap::Parser;
use contextualized_examples::section1::{Row, rows};
use contextualized_examples::table::{number, table};
use rayon::prelude::*;
use std::error::Error;
use std::ops::RangeInclusive;
use std::process::ExitCode;

/// Measure every claim over many seeds.
#[derive(Parser)]
struct Arguments {
    /// Number of data seeds, from 0.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,
}

/// The range that the median over seeds has to be in.
struct Bar {
    section: &'static str,
    model: &'static str,
    response: RangeInclusive<f64>,
    effect: RangeInclusive<f64>,
}

const BARS: [Bar; 5] = [
    Bar {
        section: "1.6",
        model: "population",
        response: 0.28..=0.34,
        effect: 0.44..=0.49,
    },
    Bar {
        section: "1.7",
        model: "cluster",
        response: 0.0..=0.105,
        effect: 0.0..=0.155,
    },
    Bar {
        section: "1.7-noise",
        model: "cluster",
        response: 0.0..=0.155,
        effect: 0.0..=0.23,
    },
    Bar {
        section: "1.8",
        model: "neural",
        response: 0.0..=0.019,
        effect: 0.0..=0.028,
    },
    Bar {
        section: "1.8",
        model: "oracle-basis",
        response: 0.0..=1e-20,
        effect: 0.0..=1e-20,
    },
];

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let arguments = Arguments::parse();
    let runs = (0..arguments.seeds)
        .into_par_iter()
        .map(rows)
        .collect::<Result<Vec<Vec<Row>>, _>>()?;
    let mut lines = Vec::new();
    let mut failed = 0;
    for bar in &BARS {
        let own = || {
            runs.iter()
                .flatten()
                .filter(|row| row.section == bar.section && row.model == bar.model)
        };
        let responses: Vec<f64> = own().map(|row| row.response_mse).collect();
        let effects: Vec<f64> = own().map(|row| row.effect_mse).collect();
        for (what, values, range) in [
            ("response MSE", responses, &bar.response),
            ("effect MSE", effects, &bar.effect),
        ] {
            let [first, median, third] = quartiles(values);
            let passes = range.contains(&median);
            failed += usize::from(!passes);
            lines.push([
                bar.section.to_owned(),
                bar.model.to_owned(),
                what.to_owned(),
                match *range.start() {
                    0.0 => format!("at most {}", number(*range.end())),
                    start => format!("{} to {}", number(start), number(*range.end())),
                },
                number(median),
                format!("{} to {}", number(first), number(third)),
                if passes { "pass" } else { "FAIL" }.to_owned(),
            ]);
        }
    }
    println!(
        "Medians over data seeds 0 to {}, on unobserved rows.\n",
        arguments.seeds - 1
    );
    let header = [
        "section",
        "model",
        "error",
        "bar",
        "median",
        "quartiles",
        "",
    ];
    println!("{}", table(header, 4, lines));
    Ok(ExitCode::from(u8::from(failed > 0)))
}

/// Lower quartile, median and upper quartile, interpolated linearly between order statistics.
fn quartiles(mut values: Vec<f64>) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    [0.25, 0.5, 0.75].map(|share| {
        let position = share * (values.len() - 1) as f64;
        let (below, above) = (
            values[position.floor() as usize],
            values[position.ceil() as usize],
        );
        below + (above - below) * position.fract()
    })
}

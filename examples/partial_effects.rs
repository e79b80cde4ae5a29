//! What each context does to each coefficient, with its uncertainty: partial effects of an additive
//! kernel over the truth, and the table that says which context matters to which coefficient.
//!
//! ```text
//! w0 = sin(3 c0) + c1    w1 = 1 + c1²    intercept = cos(2 c0)
//! y = w0 x0 + w1 x1 + intercept + 0.5 ε,    c uniform on [−1, 1]²,    x, ε ~ N(0, 1)
//! ```
//!
//! The third context, `noise0`, is standard normal and does nothing.
//!
//! ```sh
//! cargo run --release --example partial_effects
//! ```

use clap::Parser;
use contextualized_core::{Coefficients, Estimator};
use contextualized_examples::figures::{ShapeFunction, context_effects};
use contextualized_examples::figures1::Folder;
use contextualized_examples::say;
use contextualized_examples::table::table;
use contextualized_linear::{GaussianProcessModel, GaussianProcessRegression, KernelShape};
use contextualized_plot::Figure;
use contextualized_simulation::{SimulatedData, Simulator};
use ndarray::{Array1, ArrayView1, Axis};
use std::error::Error;
use std::path::PathBuf;

/// Partial effects of contexts on coefficients, with 95 % bands.
#[derive(Parser)]
struct Arguments {
    /// Seed of the data.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Rows to learn from.
    #[arg(long, default_value_t = 400)]
    rows: usize,
    /// Folder that the figure is written to, as SVG.
    #[arg(long, value_name = "DIR", default_value = "target/figures")]
    figures: PathBuf,
}

const LEVEL: f64 = 0.95;
/// The standard normal quantile of the ends of an interval of that level.
const QUANTILE: f64 = 1.959964;
const CONTEXTS: [&str; 3] = ["c0", "c1", "noise0"];
const COEFFICIENTS: [&str; 3] = ["x0", "x1", "(intercept)"];

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let data = Simulator::new(arguments.rows)
        .uniform_contexts(2, -1.0, 1.0)
        .irrelevant_contexts(1)
        .slopes(|c| {
            let slope = |j| effect(j, 0, c[0]) + effect(j, 1, c[1]);
            vec![slope(0), 1.0 + slope(1)]
        })
        .intercept(|c| effect(2, 0, c[0]) + effect(2, 1, c[1]))
        .noise(0.5)
        .simulate(arguments.seed)?;
    let model = GaussianProcessRegression::new()
        .additive(KernelShape::SquaredExponential)
        .fit(&data.samples)?;
    print_inverse_length_scale(&model, arguments.rows)?;
    let curves = curves(&model, &data)?;
    let held = curves.iter().map(Curve::held).sum::<f64>() / curves.len() as f64;
    say!(
        "\nThe bands hold {:.0} % of the true partial effects. The figure is in {}.",
        100.0 * held,
        arguments.figures.display()
    );
    Folder::new(&arguments.figures)?.write("partial_effects", &figure(&curves)?)?;
    assert!(held > 0.8, "the bands hold {held} of the truth");
    Ok(())
}

/// What a context adds to a coefficient, the intercept being the last.
fn effect(coefficient: usize, context: usize, value: f64) -> f64 {
    match (coefficient, context) {
        (0, 0) => (3.0 * value).sin(),
        (0, 1) => value,
        (1, 1) => value * value,
        (2, 0) => (2.0 * value).cos(),
        _ => 0.0,
    }
}

fn print_inverse_length_scale(
    model: &GaussianProcessModel,
    rows: usize,
) -> Result<(), Box<dyn Error>> {
    let lines = model
        .variation_explained(LEVEL)?
        .into_iter()
        .map(|line| {
            [
                line.coefficient,
                line.context,
                match line.length_scale {
                    long if long > 100.0 => "over 100".to_owned(),
                    scale => format!("{scale:.2}"),
                },
                format!("{:.3}", line.effect),
                format!("{:.3} to {:.3}", line.interval.0, line.interval.1),
            ]
        })
        .collect();
    say!("How much each coefficient varies with each context, from {rows} rows.\n");
    let header = [
        "coefficient",
        "context",
        "length scale",
        "effect",
        "95 % interval",
    ];
    say!("{}", table(header, 2, lines));
    Ok(())
}

/// A partial effect with its band, and the truth.
struct Curve {
    coefficient: usize,
    context: usize,
    values: Array1<f64>,
    estimate: Array1<f64>,
    half: Array1<f64>,
    truth: Array1<f64>,
    observed: Vec<f64>,
}

impl Curve {
    /// The share of the truth that lies in the band.
    fn held(&self) -> f64 {
        let distances = (&self.truth - &self.estimate).mapv(f64::abs);
        let held = distances.iter().zip(&self.half).filter(|(d, h)| d <= h);
        held.count() as f64 / self.half.len() as f64
    }
}

/// Every coefficient by every context, over the range of the context.
fn curves(
    model: &GaussianProcessModel,
    data: &SimulatedData,
) -> Result<Vec<Curve>, Box<dyn Error>> {
    let means = data
        .samples
        .features()
        .mean_axis(Axis(0))
        .unwrap_or_default();
    // Effects are centred over the rows fitted, the intercept's is that at average features.
    let truth = |coefficient: usize, context: usize, value: f64| {
        let of_slopes = |j: usize| means[j] * effect(j, context, value);
        effect(coefficient, context, value)
            + match coefficient {
                2 => of_slopes(0) + of_slopes(1),
                _ => 0.0,
            }
    };
    let column = |table: &Coefficients, coefficient: usize| match coefficient {
        2 => table.intercepts().column(0).to_owned(),
        j => table.slopes().slice(ndarray::s![.., 0, j]).to_owned(),
    };
    let mut curves = Vec::new();
    for context in 0..CONTEXTS.len() {
        let observed = data.samples.contexts().column(context).to_owned();
        let (low, high) = ends(observed.view());
        let values = Array1::linspace(low, high, 101);
        let partial = model.partial_effect(context, values.view())?;
        for coefficient in 0..COEFFICIENTS.len() {
            let of_value = |value| truth(coefficient, context, value);
            let mean = observed.mapv(of_value).mean().unwrap_or(0.0);
            curves.push(Curve {
                coefficient,
                context,
                values: values.clone(),
                estimate: column(&partial.effects, coefficient),
                half: column(&partial.standard_errors, coefficient) * QUANTILE,
                truth: values.mapv(of_value) - mean,
                observed: observed.to_vec(),
            });
        }
    }
    curves.sort_by_key(|curve| (curve.coefficient, curve.context));
    Ok(curves)
}

fn ends(values: ArrayView1<'_, f64>) -> (f64, f64) {
    values
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &value| {
            (low.min(value), high.max(value))
        })
}

/// A row for each coefficient and a column for each context.
fn figure(curves: &[Curve]) -> Result<Figure, Box<dyn Error>> {
    let titles: Vec<String> = curves
        .iter()
        .map(|curve| {
            let context = CONTEXTS[curve.context];
            match curve.coefficient {
                2 => format!("intercept by {context}"),
                j => format!("slope of {} by {context}", COEFFICIENTS[j]),
            }
        })
        .collect();
    let lists: Vec<[Vec<f64>; 5]> = curves
        .iter()
        .map(|curve| {
            [
                curve.values.to_vec(),
                curve.estimate.to_vec(),
                (&curve.estimate - &curve.half).to_vec(),
                (&curve.estimate + &curve.half).to_vec(),
                curve.truth.to_vec(),
            ]
        })
        .collect();
    let effects: Vec<ShapeFunction<'_>> = curves
        .iter()
        .zip(titles.iter().zip(&lists))
        .map(
            |(curve, (title, [context, estimate, lower, upper, truth]))| ShapeFunction {
                title,
                context_name: CONTEXTS[curve.context],
                context,
                estimate,
                interval: Some((lower, upper)),
                truth,
                observed: &curve.observed,
            },
        )
        .collect();
    let figure = context_effects(&effects, CONTEXTS.len())?;
    Ok(figure.title("What each context adds to each coefficient, with 95 % bands"))
}

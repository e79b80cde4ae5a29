//! The Taylor surrogate of a network at a point, and what it misses at a distance h.
//!
//! ```text
//! remainder(h) = g(c, x₀ + h u) − g(c, x₀) − h (∂g/∂x) u,    u of length one
//! smooth activations:  |remainder| ≤ ½ L h²,  L from the weights
//! rectifiers:          remainder = 0 up to the distance at which the first one turns
//! ```
//!
//! Networks, points and directions are random: 2 contexts and 3 features uniform on [−2, 2], one to three
//! layers of 2 to 16 units, weights as networks start with them. Asserts that the bound holds in every
//! draw, that the median slope of log |remainder| on log h is at least 1.9, and that rectifiers leave
//! nothing but rounding.
//!
//! ```sh
//! cargo run --release --example bridge_taylor
//! ```

use clap::Parser;
use contextualized_bridge::{NetworkModel, Plain, TaylorSurrogate};
use contextualized_core::Result;
use contextualized_encoders::{Activation, MlpSettings};
use contextualized_examples::figures1::Folder;
use contextualized_examples::say;
use contextualized_examples::statistics::{log_slope, median, quartiles};
use contextualized_examples::table::table;
use contextualized_plot::{Band, Colour, Figure, Line, Panel, Points, Scale};
use ndarray::{Array1, Array2, Axis};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::error::Error;
use std::path::PathBuf;

/// Remainders of Taylor surrogates against the distance.
#[derive(Parser)]
struct Arguments {
    /// Random networks for each activation.
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u64).range(1..))]
    draws: u64,
    /// Folder that the figure is written to, as SVG.
    #[arg(long, value_name = "DIR", default_value = "target/figures")]
    figures: PathBuf,
}

const CONTEXTS: usize = 2;
const FEATURES: usize = 3;

/// Distances at which smooth networks are compared with their surrogates.
fn distances() -> Array1<f64> {
    Array1::logspace(10.0, -4.0, 0.5, 19)
}

/// Slopes are fitted up to this distance: beyond, third derivatives count.
const NEAR: f64 = 0.1;

/// Rounding, relative to one and the size of g: tens of operations.
const ROUNDING: f64 = 1e-14;

/// A remainder of zero has no place on a logarithmic axis, and stands here.
const ZERO: f64 = 1e-18;

/// A network, a point and a direction.
struct Draw {
    network: Plain,
    context: Array1<f64>,
    features: Array1<f64>,
    direction: Array1<f64>,
}

fn draw(activation: Activation, seed: u64) -> Result<Draw> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let size = MlpSettings {
        width: random.gen_range(2..=16),
        layers: random.gen_range(1..=3),
        activation,
    };
    let network = Plain::new(CONTEXTS, FEATURES, 1, size, random.r#gen())?;
    let mut point =
        |columns| Array1::from_shape_simple_fn(columns, || random.gen_range(-2.0..2.0_f64));
    let (context, features) = (point(CONTEXTS), point(FEATURES));
    let direction = point(FEATURES);
    let length = direction.dot(&direction).sqrt();
    Ok(Draw {
        network,
        context,
        features,
        direction: direction / length,
    })
}

/// The remainder at each distance, and the surrogate's own value there.
fn remainders(draw: &Draw, distances: &Array1<f64>) -> Result<Vec<(f64, f64)>> {
    let model = NetworkModel::new(draw.network.clone());
    let taylor = TaylorSurrogate::at(&model, draw.context.view(), draw.features.view())?;
    let steps: Array2<f64> =
        &distances.view().insert_axis(Axis(1)) * &draw.direction.view().insert_axis(Axis(0));
    let at = steps + &draw.features;
    let remainders = taylor.remainders(&model, at.view())?;
    let predicted = taylor.linear_predictor(at.view())?;
    Ok(remainders.into_iter().zip(predicted).collect())
}

/// What all draws of a smooth activation say.
struct Smooth {
    name: &'static str,
    /// |remainder| at each distance, for each draw.
    remainders: Vec<Vec<f64>>,
    /// L of each draw.
    curvatures: Vec<f64>,
    slopes: Vec<f64>,
    /// The largest |remainder| as a share of its bound, beyond rounding.
    largest_share: f64,
    exceeded: usize,
}

fn smooth(name: &'static str, activation: Activation, draws: u64) -> Result<Smooth> {
    let distances = distances();
    let mut all = Smooth {
        name,
        remainders: Vec::new(),
        curvatures: Vec::new(),
        slopes: Vec::new(),
        largest_share: 0.0,
        exceeded: 0,
    };
    for seed in 0..draws {
        let draw = draw(activation, seed)?;
        let curvature = draw.network.curvature_bound()?[0];
        let found = remainders(&draw, &distances)?;
        let mut near = Vec::new();
        for (&h, &(remainder, predicted)) in distances.iter().zip(&found) {
            let (size, rounding) = (remainder.abs(), ROUNDING * (1.0 + predicted.abs()));
            let bound = 0.5 * curvature * h * h;
            all.exceeded += usize::from(size > bound + rounding);
            if bound > 1e3 * rounding {
                all.largest_share = all.largest_share.max(size / bound);
            }
            // What is rounding has no slope.
            if h <= NEAR && size > 1e2 * rounding {
                near.push((h, size));
            }
        }
        if near.len() > 2 {
            all.slopes.push(log_slope(&near));
        }
        all.remainders
            .push(found.iter().map(|(r, _)| r.abs().max(ZERO)).collect());
        all.curvatures.push(curvature);
    }
    Ok(all)
}

/// What all draws of rectifiers say.
struct Kinked {
    /// Distance over that to the first turn, and |remainder| relative to one and the size of g.
    points: Vec<(f64, f64)>,
    /// The largest of these inside.
    inside: f64,
    /// The share of remainders above rounding at ten times the distance.
    beyond: f64,
    radii: Vec<f64>,
}

fn kinked(draws: u64) -> Result<Kinked> {
    let ratios = Array1::logspace(10.0, -2.0, 2.0, 17);
    let mut all = Kinked {
        points: Vec::new(),
        inside: 0.0,
        beyond: 0.0,
        radii: Vec::new(),
    };
    let (mut beyond, mut of_beyond) = (0.0, 0.0);
    for seed in 0..draws {
        let draw = draw(Activation::Relu, seed)?;
        let point = |values: &Array1<f64>| values.clone().insert_axis(Axis(0));
        let (c, x) = (point(&draw.context), point(&draw.features));
        let radius = draw.network.affine_radius(c.view(), x.view())?[0];
        // A network none of whose rectifiers turns has no radius to compare with.
        if !radius.is_finite() {
            continue;
        }
        all.radii.push(radius);
        let found = remainders(&draw, &(&ratios * radius))?;
        for (&ratio, (remainder, predicted)) in ratios.iter().zip(found) {
            let relative = remainder.abs() / (1.0 + predicted.abs());
            if ratio < 1.0 - 1e-9 {
                all.inside = all.inside.max(relative);
            }
            if (ratio - 10.0).abs() < 1e-6 {
                of_beyond += 1.0;
                beyond += f64::from(relative > 100.0 * ROUNDING);
            }
            all.points.push((ratio, relative.max(ZERO)));
        }
    }
    all.beyond = beyond / of_beyond;
    Ok(all)
}

fn main() -> std::result::Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let smooth = [
        smooth("tanh", Activation::Tanh, arguments.draws)?,
        smooth("softplus", Activation::Softplus, arguments.draws)?,
    ];
    let kinked = kinked(arguments.draws)?;
    say!(
        "Remainders of first-order Taylor surrogates of {} random networks per activation.\n",
        arguments.draws
    );
    let lines = smooth
        .iter()
        .map(|of| {
            let [first, middle, third] = quartiles(&of.slopes);
            [
                of.name.to_owned(),
                format!("{middle:.4}"),
                format!("{first:.4} to {third:.4}"),
                format!("{:.3}", of.largest_share),
                of.exceeded.to_string(),
            ]
        })
        .collect();
    let header = [
        "activation",
        "median slope",
        "quartiles",
        "largest share of the bound",
        "above it",
    ];
    say!("{}", table(header, 1, lines));
    say!(
        "\nSlopes are those of log |remainder| on log h for h up to {NEAR}, where it is above rounding.\n\n\
         Rectifiers: the first turns at a distance of {:.2} in the median. Within it the remainder, over\n\
         1 + |g|, is {:.0e} at most; at ten times the distance it is above rounding in {:.0} % of the draws.",
        median(&kinked.radii),
        kinked.inside,
        100.0 * kinked.beyond
    );
    let folder = Folder::new(&arguments.figures)?;
    folder.write("bridge_taylor", &figure(&smooth, &kinked))?;
    say!("\nThe figure is in {}.", arguments.figures.display());

    for of in &smooth {
        assert_eq!(of.exceeded, 0, "{}: a remainder above its bound", of.name);
        assert!(median(&of.slopes) >= 1.9, "{}: slopes", of.name);
    }
    assert!(kinked.inside <= ROUNDING, "{}", kinked.inside);
    Ok(())
}

fn figure(smooth: &[Smooth], kinked: &Kinked) -> Figure {
    let distances = distances().to_vec();
    let mut figure = Figure::new(3)
        .title("What a first-order Taylor surrogate misses")
        .description(
            "Absolute remainders against the distance from the point on logarithmic axes, for tanh and \
             softplus networks with their bounds, and for rectifiers against the distance over that at \
             which the first one turns.",
        )
        .panel_size(270.0, 270.0);
    for of in smooth {
        let at =
            |index: usize| -> Vec<f64> { of.remainders.iter().map(|draw| draw[index]).collect() };
        let columns: Vec<[f64; 3]> = (0..distances.len()).map(|i| quartiles(&at(i))).collect();
        let (lower, middle, upper): (Vec<f64>, Vec<f64>, Vec<f64>) = (
            columns.iter().map(|q| q[0]).collect(),
            columns.iter().map(|q| q[1]).collect(),
            columns.iter().map(|q| q[2]).collect(),
        );
        let largest: Vec<(f64, f64)> = distances
            .iter()
            .enumerate()
            .map(|(i, &h)| (h, at(i).into_iter().fold(ZERO, f64::max)))
            .collect();
        let curve = |values: &[f64]| -> Vec<(f64, f64)> {
            distances
                .iter()
                .copied()
                .zip(values.iter().copied())
                .collect()
        };
        let bound = |curvature: f64| -> Vec<f64> {
            distances.iter().map(|h| 0.5 * curvature * h * h).collect()
        };
        let most = of.curvatures.iter().copied().fold(0.0, f64::max);
        figure = figure.panel(
            Panel::new(of.name)
                .subtitle(&format!("median slope {:.3}", median(&of.slopes)))
                .x_label("distance h")
                .y_label("|remainder|")
                .x_scale(Scale::Log10)
                .y_scale(Scale::Log10)
                .y_range(1e-14, 1e3)
                .layer(
                    Band::new(&distances, &lower, &upper).label("|remainder|, quartiles of draws"),
                )
                .layer(Line::new(&curve(&middle)).label("|remainder|, median"))
                .layer(Line::new(&largest).width(1.0).label("|remainder|, largest"))
                .layer(
                    Line::new(&curve(&bound(median(&of.curvatures))))
                        .colour(Colour::VERMILLION)
                        .dashed()
                        .label("bound ½ L h², median"),
                )
                .layer(
                    Line::new(&curve(&bound(most)))
                        .colour(Colour::VERMILLION)
                        .width(1.0)
                        .dashed()
                        .label("bound ½ L h², largest"),
                ),
        );
    }
    figure.panel(
        Panel::new("rectifiers")
            .subtitle("zeros drawn at 1e-18")
            .x_label("distance / distance to the first turn")
            .y_label("|remainder| / (1 + |g|)")
            .x_scale(Scale::Log10)
            .y_scale(Scale::Log10)
            .y_range(ZERO / 3.0, 10.0)
            .layer(Line::vertical(1.0).label("the first rectifier turns"))
            .layer(
                Points::new(&kinked.points)
                    .colour(Colour::BLUISH_GREEN)
                    .radius(1.4)
                    .opacity(0.35)
                    .label("a draw"),
            ),
    )
}

//! LIME around points of a network: where its slopes converge to as the width falls, and how fast.
//!
//! ```text
//! x-part → ∂g/∂x,  c-part → ∂g/∂c
//! bias  O(h²),     sampling error O(h / √m),     h the width, m the draws
//! a fixed ridge λ keeps v h² / (v h² + λ) of every slope: nothing, as h → 0
//! ```
//!
//! The network is a random perceptron, 4 → 16 → 16 → 1 with tanh, of 2 contexts and 2 features, its
//! weights twice what networks start with, explained at random points with many seeds. Bias is the
//! root mean square, over points and slopes, of the mean error over seeds; the sampling error is that
//! of deviations from this mean, and the stated one is what `Explanations` says of itself. Asserts the
//! orders.
//!
//! ```sh
//! cargo run --release --example bridge_lime
//! ```

use clap::Parser;
use contextualized_bridge::{Explanations, Lime, NetworkModel, Plain, Ridge, jacobian};
use contextualized_core::Result;
use contextualized_encoders::{Activation, MlpSettings};
use contextualized_examples::figures1::Folder;
use contextualized_examples::say;
use contextualized_examples::statistics::{log_slope, root_mean_square};
use contextualized_examples::table::{number, table};
use contextualized_plot::{Colour, Figure, Line, Panel, Points, Scale};
use ndarray::{Array1, Array2, Array3};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::error::Error;
use std::path::PathBuf;

/// Errors of LIME's slopes against its width and its draws.
#[derive(Parser)]
struct Arguments {
    /// Seeds of the perturbations, from 0.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(2..))]
    seeds: u64,
    /// Points that are explained.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u64).range(1..))]
    points: u64,
    /// Folder that the figure is written to, as SVG.
    #[arg(long, value_name = "DIR", default_value = "target/figures")]
    figures: PathBuf,
}

const CONTEXTS: usize = 2;
const FEATURES: usize = 2;
const DRAWS: [usize; 3] = [100, 1000, 10_000];
/// The penalty, fixed, and its factor of width⁴ where it vanishes.
const PENALTY: f64 = 0.1;

/// Widths at which orders are read off: of the bias, where it is larger than the sampling error of its
/// mean, and of the sampling error, where g is nearly a parabola.
const OF_BIAS: (f64, f64) = (0.02, 0.11);
const OF_SCATTER: (f64, f64) = (0.0, 0.11);

fn widths() -> Array1<f64> {
    Array1::logspace(10.0, -3.0, 0.0, 10)
}

/// A model, points, and the truth there.
struct Setting {
    model: NetworkModel<Plain, usize, usize, usize>,
    contexts: Array2<f64>,
    features: Array2<f64>,
    /// ∂g/∂x and ∂g/∂c, points × targets × columns.
    exact: [Array3<f64>; 2],
    seeds: u64,
}

/// What many seeds say of one part of the slopes, ∂g/∂x or ∂g/∂c, at one width and number of draws.
#[derive(Debug, Clone, Copy)]
struct Part {
    bias: f64,
    scatter: f64,
    stated: f64,
    /// The share of the exact slopes that is found, by least squares.
    kept: f64,
}

impl Setting {
    fn new(points: usize, seeds: u64) -> Result<Self> {
        let settings = MlpSettings::new(16, 2).activation(Activation::Tanh);
        let network = Plain::new(CONTEXTS, FEATURES, 1, settings, 0)?;
        let mut weights = network.to_weights()?;
        for layer in &mut weights.layers {
            layer.weights *= 2.0;
        }
        let network = Plain::from_weights(&weights, CONTEXTS, FEATURES)?;
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let mut uniform = |columns: usize| {
            Array2::from_shape_simple_fn((points, columns), || random.gen_range(-1.5..1.5_f64))
        };
        let (contexts, features) = (uniform(CONTEXTS), uniform(FEATURES));
        let model = NetworkModel::new(network);
        let in_features = jacobian(model.network(), contexts.view(), features.view())?;
        let in_contexts = model.context_sensitivities(contexts.view(), features.view())?;
        Ok(Self {
            exact: [
                in_features.slopes().to_owned(),
                in_contexts.values().to_owned(),
            ],
            model,
            contexts,
            features,
            seeds,
        })
    }

    fn explain(&self, lime: &Lime) -> Result<Vec<Explanations>> {
        (0..self.seeds)
            .map(|seed| {
                let lime = lime.clone().seed(seed);
                lime.explain(&self.model, self.contexts.view(), self.features.view())
            })
            .collect()
    }

    /// Both parts, that of the features first.
    fn parts(&self, lime: &Lime) -> Result<[Part; 2]> {
        let found = self.explain(lime)?;
        let of_features = found
            .iter()
            .map(|f| (f.coefficients.slopes().to_owned(), &f.coefficient_errors));
        let of_contexts = found
            .iter()
            .map(|f| (f.sensitivities.values().to_owned(), &f.sensitivity_errors));
        Ok([
            part(of_features.collect(), &self.exact[0]),
            part(of_contexts.collect(), &self.exact[1]),
        ])
    }
}

fn part(found: Vec<(Array3<f64>, &Array3<f64>)>, exact: &Array3<f64>) -> Part {
    let count = found.len() as f64;
    let mut mean = Array3::zeros(exact.dim());
    for (slopes, _) in &found {
        mean += slopes;
    }
    mean /= count;
    let deviations = found.iter().flat_map(|(slopes, _)| slopes - &mean);
    let stated = found.iter().flat_map(|(_, errors)| errors.iter().copied());
    Part {
        bias: root_mean_square(&mean - exact),
        scatter: root_mean_square(deviations) * (count / (count - 1.0)).sqrt(),
        stated: root_mean_square(stated),
        kept: (&mean * exact).sum() / exact.mapv(|slope| slope * slope).sum(),
    }
}

/// Everything at one width.
struct AtWidth {
    width: f64,
    /// For each number of draws.
    by_draws: Vec<[Part; 2]>,
    vanishing: f64,
    fixed: f64,
}

fn measure(setting: &Setting, width: f64) -> Result<AtWidth> {
    let lime = Lime::new(width);
    let by_draws = DRAWS
        .iter()
        .map(|&draws| setting.parts(&lime.clone().draws(draws)))
        .collect::<Result<_>>()?;
    let kept = |ridge: Ridge| -> Result<f64> {
        let parts = setting.parts(&lime.clone().draws(DRAWS[1]).ridge(ridge))?;
        Ok(parts[0].kept)
    };
    Ok(AtWidth {
        width,
        by_draws,
        vanishing: kept(Ridge::Vanishing(PENALTY))?,
        fixed: kept(Ridge::Fixed(PENALTY))?,
    })
}

/// The order in the width of something, over a range of widths.
fn order(of: &[AtWidth], (low, high): (f64, f64), value: impl Fn(&AtWidth) -> f64) -> f64 {
    let points: Vec<(f64, f64)> = of
        .iter()
        .filter(|at| (low..=high).contains(&at.width))
        .map(|at| (at.width, value(at)))
        .collect();
    log_slope(&points)
}

fn main() -> std::result::Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let setting = Setting::new(arguments.points as usize, arguments.seeds)?;
    let all = widths()
        .iter()
        .map(|&width| measure(&setting, width))
        .collect::<Result<Vec<_>>>()?;
    print(&all, &arguments);
    let last = DRAWS.len() - 1;
    let mut orders = Vec::new();
    for (index, name) in ["∂g/∂x", "∂g/∂c"].into_iter().enumerate() {
        let bias = order(&all, OF_BIAS, |at| at.by_draws[last][index].bias);
        let scatter = order(&all, OF_SCATTER, |at| at.by_draws[1][index].scatter);
        let small = &all[0].by_draws;
        let by_draws: Vec<(f64, f64)> = DRAWS
            .iter()
            .zip(small)
            .map(|(&draws, parts)| (draws as f64, parts[index].scatter))
            .collect();
        let in_draws = log_slope(&by_draws);
        say!(
            "{name}: bias of order {bias:.2} in the width; sampling error {scatter:.2} in the width, \
             −{:.2} in the draws.",
            -in_draws
        );
        orders.push((bias, scatter, in_draws));
    }
    let folder = Folder::new(&arguments.figures)?;
    folder.write("bridge_lime", &figure(&all))?;
    say!("\nThe figure is in {}.", arguments.figures.display());

    for (bias, scatter, in_draws) in orders {
        assert!((bias - 2.0).abs() < 0.2, "bias of order {bias}");
        assert!((scatter - 1.0).abs() < 0.1, "scatter of order {scatter}");
        assert!((in_draws + 0.5).abs() < 0.1, "{in_draws} in the draws");
    }
    assert!(all[0].fixed < 1e-3 && (all[0].vanishing - 1.0).abs() < 1e-3);
    Ok(())
}

fn print(all: &[AtWidth], arguments: &Arguments) {
    say!(
        "LIME at {} points of a network, {} seeds; errors are root mean squares.\n",
        arguments.points,
        arguments.seeds
    );
    let lines = all
        .iter()
        .map(|at| {
            let [x, c] = at.by_draws[1];
            let [of_most, c_of_most] = at.by_draws[DRAWS.len() - 1];
            [
                format!("{:.4}", at.width),
                scientific(of_most.bias),
                scientific(c_of_most.bias),
                scientific(x.scatter),
                scientific(x.stated),
                scientific(c.scatter),
                scientific(c.stated),
                number(x.kept),
                number(at.vanishing),
                number(at.fixed),
            ]
        })
        .collect();
    let header = [
        "width",
        "bias, ∂g/∂x",
        "∂g/∂c",
        "scatter, ∂g/∂x",
        "stated",
        "∂g/∂c",
        "stated",
        "kept, no ridge",
        "vanishing",
        "fixed",
    ];
    say!("{}", table(header, 0, lines));
    say!(
        "\nBias is that of {} draws; below a width of {} it is sampling error that {} seeds leave.\n\
         Scatter, stated errors and what is kept of ∂g/∂x are of {} draws; ridges are {PENALTY} width⁴ and {PENALTY}.\n",
        DRAWS[DRAWS.len() - 1],
        OF_BIAS.0,
        arguments.seeds,
        DRAWS[1],
    );
}

fn scientific(value: f64) -> String {
    format!("{value:.1e}")
}

fn figure(all: &[AtWidth]) -> Figure {
    let curve = |value: &dyn Fn(&AtWidth) -> f64| -> Vec<(f64, f64)> {
        all.iter().map(|at| (at.width, value(at))).collect()
    };
    let last = DRAWS.len() - 1;
    let parts = [("∂g/∂x", Colour::BLUE), ("∂g/∂c", Colour::VERMILLION)];
    let logarithmic = |title: &str| {
        Panel::new(title)
            .x_label("width h")
            .x_scale(Scale::Log10)
            .y_scale(Scale::Log10)
    };
    let anchor = |value: f64, at: f64, power: i32| -> Vec<(f64, f64)> {
        all.iter()
            .map(|of| (of.width, value * (of.width / at).powi(power)))
            .collect()
    };
    let mut bias = logarithmic("bias")
        .subtitle(&format!("{} draws", DRAWS[last]))
        .y_label("root mean square error");
    let mut scatter = logarithmic("sampling error").subtitle("of ∂g/∂x, by draws");
    for (index, (name, colour)) in parts.into_iter().enumerate() {
        let line = curve(&|at| at.by_draws[last][index].bias);
        bias = bias
            .layer(
                Line::new(&line)
                    .colour(colour)
                    .label(&format!("bias of {name}")),
            )
            .layer(Points::new(&line).colour(colour));
    }
    let middle = &all[all.len() - 3];
    bias = bias.layer(
        Line::new(&anchor(
            middle.by_draws[last][0].bias / 2.0,
            middle.width,
            2,
        ))
        .colour(Colour::DARK_GREY)
        .width(1.0)
        .dashed()
        .label("slope 2 or 1"),
    );
    let shades = [Colour::SKY_BLUE, Colour::BLUE, Colour::BLACK];
    for (index, (draws, colour)) in DRAWS.into_iter().zip(shades).enumerate() {
        let found = curve(&|at| at.by_draws[index][0].scatter);
        let stated = curve(&|at| at.by_draws[index][0].stated);
        scatter = scatter
            .layer(
                Line::new(&stated)
                    .colour(colour)
                    .label(&format!("stated, {draws} draws")),
            )
            .layer(
                Points::new(&found)
                    .colour(colour)
                    .radius(3.2)
                    .label(&format!("found, {draws}")),
            );
    }
    scatter = scatter.layer(
        Line::new(&anchor(
            all[0].by_draws[last][0].scatter / 2.0,
            all[0].width,
            1,
        ))
        .colour(Colour::DARK_GREY)
        .width(1.0)
        .dashed(),
    );
    let mut kept = Panel::new("what a ridge keeps of ∂g/∂x")
        .subtitle(&format!("{} draws", DRAWS[1]))
        .x_label("width h")
        .x_scale(Scale::Log10)
        .y_label("share of the slopes")
        .y_range(-0.05, 1.15)
        .layer(Line::horizontal(1.0));
    let columns = (CONTEXTS + FEATURES) as f64;
    let v = 0.75_f64.powi(2) * columns / (1.0 + 0.75_f64.powi(2) * columns);
    let theory = curve(&|at| v * at.width.powi(2) / (v * at.width.powi(2) + PENALTY));
    let found = [
        curve(&|at| at.by_draws[1][0].kept),
        curve(&|at| at.vanishing),
        curve(&|at| at.fixed),
    ];
    let series = [
        ("no ridge", Colour::BLUE, 5.0),
        ("vanishing ridge", Colour::BLUISH_GREEN, 3.2),
        ("fixed ridge", Colour::REDDISH_PURPLE, 3.2),
    ];
    kept = kept.layer(
        Line::new(&theory)
            .colour(Colour::REDDISH_PURPLE)
            .width(1.0)
            .dashed()
            .label("v h² / (v h² + λ)"),
    );
    for (found, (name, colour, radius)) in found.iter().zip(series) {
        let points = Points::new(found).colour(colour).radius(radius);
        kept = kept.layer(points.label(name));
    }
    Figure::new(3)
        .title("LIME as its width falls")
        .description(
            "Bias and sampling error of LIME's slopes against its width on logarithmic axes, and the \
             share of the slopes that ridges keep.",
        )
        .panel_size(270.0, 250.0)
        .panel(bias)
        .panel(scatter)
        .panel(kept)
}

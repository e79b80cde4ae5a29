//! How many rows an implicit network needs for the effects that an explicit model finds, inside the
//! support of the contexts and outside.
//!
//! ```text
//! w = (sin(2 c0) + c1, c0 c1),  intercept cos(2 c1),  y = w·x + intercept + 0.5 ε,   x, ε ~ N(0, 1)
//! observed and inside:  c uniform on [−1, 1]²
//! outside:              c uniform on [−1.5, 1.5]² less [−1, 1]²
//! ```
//!
//! Explicit are `NeuralRegression` (an encoder) and `GaussianProcessRegression`; implicit is
//! `ImplicitRegression`, with rectifiers, its default, and with tanh; distilled is a function of the
//! context that an encoder fits to the Jacobians of the latter. All networks are trained by as many steps
//! of as many rows, however many there are to learn from, with early stopping on a fifth of them, and
//! otherwise as they come; so is the kernel. Asserts that at 5000 rows, inside, the kernel is better than
//! the encoder, the encoder better than a network, and the network better than the population regression.
//!
//! ```sh
//! cargo run --release --example bridge_sample_complexity
//! cargo run --release --example bridge_sample_complexity -- --seeds 3 --steps 1000
//! ```

use clap::Parser;
use contextualized_baselines::PopulationRegression;
use contextualized_bridge::{Distillation, EncoderStudent, ImplicitRegression};
use contextualized_core::metrics::effect_mse;
use contextualized_core::{Estimator, LocalCoefficients, Result};
use contextualized_encoders::Activation;
use contextualized_examples::figures1::Folder;
use contextualized_examples::say;
use contextualized_examples::statistics::{median, quartiles};
use contextualized_examples::table::table;
use contextualized_linear::{GaussianProcessRegression, NeuralRegression};
use contextualized_plot::{Band, Colour, Figure, Line, Panel, Points, Scale};
use contextualized_simulation::{SimulatedData, Simulator};
use rayon::prelude::*;
use std::error::Error;
use std::path::PathBuf;

/// Effect errors against the number of rows.
#[derive(Parser)]
struct Arguments {
    /// Number of data seeds, from 0.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,
    /// Gradient steps of each network, however many rows there are, at most.
    #[arg(long, default_value_t = 4000, value_parser = positive)]
    steps: usize,
    /// Rows of a gradient step.
    #[arg(long, default_value_t = 64, value_parser = positive)]
    batch: usize,
    /// Adam's step size.
    #[arg(long, default_value_t = 2e-3)]
    rate: f64,
    /// Folder that the figure is written to, as SVG.
    #[arg(long, value_name = "DIR", default_value = "target/figures")]
    figures: PathBuf,
}

fn positive(text: &str) -> std::result::Result<usize, String> {
    match text.parse() {
        Ok(number) if number > 0 => Ok(number),
        Ok(_) => Err("not above zero".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

const ROWS: [usize; 5] = [50, 158, 500, 1581, 5000];
const NEW_ROWS: usize = 1000;
/// Seeds of the new rows follow these.
const NEW_SEEDS: [u64; 2] = [1000, 2000];
const PLACES: [&str; 2] = ["inside", "outside"];
const MODELS: [&str; 6] = [
    "population",
    "encoder",
    "gp",
    "implicit, rectifiers",
    "implicit, tanh",
    "implicit, tanh, distilled",
];

fn simulator(rows: usize, outside: bool) -> Simulator {
    Simulator::new(rows)
        .contexts(move |draws| {
            if !outside {
                return vec![draws.uniform(-1.0, 1.0), draws.uniform(-1.0, 1.0)];
            }
            loop {
                let context = vec![draws.uniform(-1.5, 1.5), draws.uniform(-1.5, 1.5)];
                if context.iter().any(|c| c.abs() > 1.0) {
                    return context;
                }
            }
        })
        .slopes(|c| vec![(2.0 * c[0]).sin() + c[1], c[0] * c[1]])
        .intercept(|c| (2.0 * c[1]).cos())
        .noise(0.5)
}

/// Epochs and patience that make as many steps of this many rows, a fifth of them held out.
fn epochs(rows: usize, arguments: &Arguments) -> (usize, usize) {
    let trained = rows - rows / 5;
    let epochs = arguments.steps.div_ceil(trained.div_ceil(arguments.batch));
    (epochs, epochs.div_ceil(5))
}

/// Errors of every model inside and outside, after this many rows.
fn errors(rows: usize, seed: u64, arguments: &Arguments) -> Result<[[f64; 2]; MODELS.len()]> {
    let train = simulator(rows, false).simulate(seed)?.samples;
    let new = [
        simulator(NEW_ROWS, false).simulate(NEW_SEEDS[0] + seed)?,
        simulator(NEW_ROWS, true).simulate(NEW_SEEDS[1] + seed)?,
    ];
    let of = |model: &dyn LocalCoefficients| -> Result<[f64; 2]> {
        let error = |new: &SimulatedData| {
            let (c, x) = (new.samples.contexts(), new.samples.features());
            effect_mse(&new.coefficients, &model.coefficients_at(c, x)?)
        };
        Ok([error(&new[0])?, error(&new[1])?])
    };
    let (epochs, patience) = epochs(rows, arguments);
    let encoder = NeuralRegression::new()
        .epochs(epochs)
        .batch_size(arguments.batch)
        .learning_rate(arguments.rate)
        .early_stopping(0.2, patience)
        .seed(seed);
    let implicit = ImplicitRegression::new()
        .epochs(epochs)
        .batch_size(arguments.batch)
        .learning_rate(arguments.rate)
        .early_stopping(0.2, patience)
        .seed(seed);
    let student = EncoderStudent::new()
        .epochs(epochs)
        .batch_size(arguments.batch)
        .learning_rate(arguments.rate)
        .early_stopping(0.2, patience)
        .seed(seed);
    let tanh = implicit.clone().activation(Activation::Tanh).fit(&train)?;
    let distilled = Distillation::Encoder(student);
    Ok([
        of(&PopulationRegression::new().fit(&train)?)?,
        of(&encoder.fit(&train)?)?,
        of(&GaussianProcessRegression::new().fit(&train)?)?,
        of(&implicit.fit(&train)?)?,
        of(&tanh)?,
        of(&distilled.distil(&tanh, &train)?)?,
    ])
}

/// Errors over seeds, for each number of rows.
struct Series {
    model: &'static str,
    errors: Vec<Vec<f64>>,
}

impl Series {
    fn medians(&self) -> Vec<f64> {
        self.errors.iter().map(|errors| median(errors)).collect()
    }

    /// With how many rows the median error falls to this one, by interpolation on logarithmic axes.
    fn rows_for(&self, error: f64) -> std::result::Result<f64, &'static str> {
        let medians = self.medians();
        match medians.iter().position(|&found| found <= error) {
            None => Err("over 5000"),
            Some(0) => Err("up to 50"),
            Some(index) => {
                let logs = |index: usize| ((ROWS[index] as f64).ln(), medians[index].ln());
                let ((n0, e0), (n1, e1)) = (logs(index - 1), logs(index));
                Ok((n0 + (n1 - n0) * (e0 - error.ln()) / (e0 - e1)).exp())
            }
        }
    }
}

fn main() -> std::result::Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    // The largest first, so that no core is left with one alone.
    let jobs: Vec<(usize, u64)> = ROWS
        .iter()
        .rev()
        .flat_map(|&rows| (0..arguments.seeds).map(move |seed| (rows, seed)))
        .collect();
    let found = jobs
        .into_par_iter()
        .map(|(rows, seed)| Ok((rows, errors(rows, seed, &arguments)?)))
        .collect::<Result<Vec<_>>>()?;
    let places: Vec<Vec<Series>> = (0..PLACES.len())
        .map(|place| {
            let series = MODELS.iter().enumerate().map(|(index, model)| Series {
                model,
                errors: ROWS
                    .iter()
                    .map(|&wanted| {
                        let of_size = found.iter().filter(|(rows, _)| *rows == wanted);
                        of_size.map(|(_, errors)| errors[index][place]).collect()
                    })
                    .collect(),
            });
            series.collect()
        })
        .collect();
    print(&places, arguments.seeds);
    let folder = Folder::new(&arguments.figures)?;
    folder.write("bridge_sample_complexity", &figure(&places))?;
    say!("\nThe figure is in {}.", arguments.figures.display());

    let last = ROWS.len() - 1;
    let at_most = |model: usize| places[0][model].medians()[last];
    let [population, encoder, kernel, rectifiers, tanh, _] = [0, 1, 2, 3, 4, 5].map(at_most);
    assert!(kernel < encoder, "{kernel} {encoder}");
    for implicit in [rectifiers, tanh] {
        assert!(encoder < implicit && implicit < population, "{implicit}");
    }
    Ok(())
}

fn print(places: &[Vec<Series>], seeds: u64) {
    say!(
        "Effect MSE at {NEW_ROWS} new rows by the number of rows learned from: medians (and quartiles)\n\
         over data seeds 0 to {}.\n",
        seeds - 1
    );
    let names = ROWS.map(|rows| format!("{rows} rows"));
    let header = [
        "contexts", "model", &names[0], &names[1], &names[2], &names[3], &names[4],
    ];
    let lines = places
        .iter()
        .zip(PLACES)
        .flat_map(|(series, place)| {
            series.iter().map(move |series| {
                let cell = |index: usize| {
                    let [first, middle, third] = quartiles(&series.errors[index]);
                    format!("{middle:.4} ({first:.4} to {third:.4})")
                };
                [
                    place.to_owned(),
                    series.model.to_owned(),
                    cell(0),
                    cell(1),
                    cell(2),
                    cell(3),
                    cell(4),
                ]
            })
        })
        .collect();
    say!("{}", table(header, 2, lines));

    say!(
        "\nRows with which the others reach the median error, inside, of an encoder with the number in the heading:\n"
    );
    let inside = &places[0];
    let of_encoder = inside[1].medians();
    let lines = inside[2..]
        .iter()
        .map(|series| {
            let cell = |index: usize| match series.rows_for(of_encoder[index]) {
                Ok(rows) => format!("{rows:.0}"),
                Err(beyond) => beyond.to_owned(),
            };
            [
                series.model.to_owned(),
                cell(0),
                cell(1),
                cell(2),
                cell(3),
                cell(4),
            ]
        })
        .collect();
    let header = [
        "model", &names[0], &names[1], &names[2], &names[3], &names[4],
    ];
    say!("{}", table(header, 1, lines));
}

fn figure(places: &[Vec<Series>]) -> Figure {
    let rows: Vec<f64> = ROWS.iter().map(|&rows| rows as f64).collect();
    let colours = [
        Colour::GREY,
        Colour::BLUE,
        Colour::BLUISH_GREEN,
        Colour::ORANGE,
        Colour::VERMILLION,
        Colour::REDDISH_PURPLE,
    ];
    let mut figure = Figure::new(2)
        .title("Errors of effects by the number of rows")
        .description(
            "Effect errors of explicit and implicit models against the number of rows on logarithmic \
             axes, inside the support of the contexts and outside.",
        )
        .panel_size(380.0, 320.0)
        .shared_ranges();
    let titles = ["inside the support", "outside"];
    for (series, title) in places.iter().zip(titles) {
        let mut panel = Panel::new(title)
            .x_label("rows")
            .y_label("effect MSE, median and quartiles")
            .x_scale(Scale::Log10)
            .y_scale(Scale::Log10)
            .x_ticks(&rows);
        for (series, colour) in series.iter().zip(colours) {
            let of = |quartile: usize| -> Vec<f64> {
                let errors = series.errors.iter();
                errors.map(|errors| quartiles(errors)[quartile]).collect()
            };
            let middle: Vec<(f64, f64)> = rows.iter().copied().zip(of(1)).collect();
            panel = panel
                .layer(
                    Band::new(&rows, &of(0), &of(2))
                        .colour(colour)
                        .opacity(0.15),
                )
                .layer(Line::new(&middle).colour(colour).label(series.model))
                .layer(Points::new(&middle).colour(colour));
        }
        figure = figure.panel(panel);
    }
    figure
}

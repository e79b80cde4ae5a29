//! With what error is a coefficient known? Percentile bands of three bootstrapped estimators over the
//! truth, beside the posterior bands of a kernel; and out-of-bag errors beside those of new rows.
//!
//! ```text
//! w(c) = sin(3 c)    intercept(c) = cos(2 c)
//! y = w x + intercept + 0.5 ε,    c uniform on [−1, 1],    x, ε ~ N(0, 1)
//! ```
//!
//! ```sh
//! cargo run --release --example bootstrap_intervals
//! ```

use clap::Parser;
use contextualized_analysis::{Bootstrap, Ensemble};
use contextualized_baselines::PopulationRegression;
use contextualized_core::metrics::Score;
use contextualized_core::{
    CoefficientIntervals, Coefficients, Estimator, Family, LocalCoefficients, Samples,
    VaryingCoefficients, WithUncertainty,
};
use contextualized_examples::figures1::Folder;
use contextualized_examples::say;
use contextualized_examples::table::table;
use contextualized_linear::{GaussianProcessRegression, NeuralRegression};
use contextualized_plot::{Band, Colour, Figure, Line, Panel};
use contextualized_simulation::Simulator;
use ndarray::{Array1, Array2, Axis, s};
use std::error::Error;
use std::path::PathBuf;

/// Percentile bands, posterior bands and out-of-bag errors.
#[derive(Parser)]
struct Arguments {
    /// Seed of the data and of the bootstraps.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Rows to learn from.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(20..))]
    rows: u32,
    /// Replicates of the population and the kernel.
    #[arg(long, default_value_t = 200)]
    replicates: usize,
    /// Replicates of the neural network.
    #[arg(long, default_value_t = 40)]
    networks: usize,
    /// Folder that the figure is written to, as SVG.
    #[arg(long, value_name = "DIR", default_value = "target/figures")]
    figures: PathBuf,
}

const LEVEL: f64 = 0.95;
/// Rows that no estimator sees.
const TEST_ROWS: usize = 4000;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let seed = arguments.seed;
    let rows = arguments.rows as usize;
    let all = Simulator::new(rows + TEST_ROWS)
        .uniform_contexts(1, -1.0, 1.0)
        .slopes(|c| vec![slope(c[0])])
        .intercept(|c| (2.0 * c[0]).cos())
        .noise(0.5)
        .simulate(seed)?
        .samples;
    let train = all.select(&(0..rows).collect::<Vec<_>>())?;
    let test = all.select(&(rows..rows + TEST_ROWS).collect::<Vec<_>>())?;
    let contexts = Array1::linspace(-1.0, 1.0, 101).insert_axis(Axis(1));

    let population = Bootstrap::new(PopulationRegression::new())
        .replicates(arguments.replicates)
        .seed(seed)
        .fit(&train)?;
    let posterior = GaussianProcessRegression::new().fit(&train)?;
    let known = GaussianProcessRegression::new().hyperparameters(posterior.hyperparameters());
    let kernel = Bootstrap::new(known)
        .replicates(arguments.replicates)
        .seed(seed)
        .fit(&train)?;
    let neural = Bootstrap::seeded(|seed| NeuralRegression::new().seed(seed))
        .replicates(arguments.networks)
        .seed(seed)
        .fit(&train)?;

    let views = [
        View::of_ensemble("population", &population, &train, &test, &contexts)?,
        View::of_ensemble("gp", &kernel, &train, &test, &contexts)?,
        View::of_ensemble("neural", &neural, &train, &test, &contexts)?,
        View {
            name: "gp's posterior",
            replicates: None,
            estimate: posterior.coefficients(contexts.view())?,
            intervals: posterior.intervals(contexts.view(), LEVEL)?,
            out_of_bag: None,
            test: test_error(&posterior, &test)?,
        },
    ];
    say!(
        "{rows} rows; {:.0} % bands of the slope at {} contexts; squared errors ± one standard error, {TEST_ROWS}\n\
         new rows. The kernel's replicates have the hyperparameters of its fit to all rows.\n",
        100.0 * LEVEL,
        contexts.nrows()
    );
    let header = [
        "model",
        "replicates",
        "mean width",
        "truth held, %",
        "out of bag",
        "new rows",
    ];
    let lines = views.iter().map(|view| view.line(&contexts)).collect();
    say!("{}", table(header, 1, lines));
    let figure = Figure::new(2)
        .title("The slope at every context, with 95 % bands")
        .panels(views.iter().map(|view| view.panel(&contexts)))
        .shared_ranges();
    Folder::new(&arguments.figures)?.write("bootstrap_intervals", &figure)
}

fn slope(context: f64) -> f64 {
    (3.0 * context).sin()
}

/// What a model says of the slope, and how far off it is.
struct View {
    name: &'static str,
    replicates: Option<usize>,
    estimate: Coefficients,
    intervals: CoefficientIntervals,
    out_of_bag: Option<Score>,
    test: Score,
}

impl View {
    fn of_ensemble<M: VaryingCoefficients>(
        name: &'static str,
        model: &Ensemble<M>,
        train: &Samples,
        test: &Samples,
        contexts: &Array2<f64>,
    ) -> contextualized_core::Result<Self> {
        Ok(Self {
            name,
            replicates: Some(model.members().len()),
            estimate: model.coefficients(contexts.view())?,
            intervals: model.intervals(contexts.view(), LEVEL)?,
            out_of_bag: Some(model.out_of_bag(train)?.score),
            test: test_error(model, test)?,
        })
    }

    fn line(&self, contexts: &Array2<f64>) -> [String; 6] {
        let [lower, upper] = [slopes(&self.intervals.lower), slopes(&self.intervals.upper)];
        let ends = lower.iter().zip(&upper);
        let width: f64 = ends.clone().map(|(lower, upper)| upper - lower).sum();
        let held = ends
            .zip(contexts)
            .filter(|((lower, upper), c)| (**lower..=**upper).contains(&slope(**c)))
            .count();
        let rows = contexts.nrows() as f64;
        let score = |score: &Score| format!("{:.3} ± {:.3}", score.mean, score.standard_error);
        [
            self.name.to_owned(),
            self.replicates
                .map_or_else(String::new, |count| count.to_string()),
            format!("{:.3}", width / rows),
            format!("{:.0}", 100.0 * held as f64 / rows),
            self.out_of_bag.as_ref().map(score).unwrap_or_default(),
            score(&self.test),
        ]
    }

    fn panel(&self, contexts: &Array2<f64>) -> Panel {
        let x: Vec<f64> = contexts.iter().copied().collect();
        let points = |y: &mut dyn Iterator<Item = f64>| -> Vec<(f64, f64)> {
            x.iter().copied().zip(y).collect()
        };
        let truth = points(&mut x.iter().map(|c| slope(*c)));
        let estimate = points(&mut slopes(&self.estimate).into_iter());
        let [lower, upper] = [slopes(&self.intervals.lower), slopes(&self.intervals.upper)];
        Panel::new(self.name)
            .x_label("context")
            .y_label("slope")
            .layer(Line::horizontal(0.0))
            .layer(Band::new(&x, &lower, &upper).label("95 % band"))
            .layer(Line::new(&estimate).label("estimate"))
            .layer(
                Line::new(&truth)
                    .colour(Colour::BLACK)
                    .dashed()
                    .label("truth"),
            )
    }
}

fn slopes(coefficients: &Coefficients) -> Vec<f64> {
    coefficients.slopes().slice(s![.., 0, 0]).to_vec()
}

fn test_error(
    model: &impl LocalCoefficients,
    test: &Samples,
) -> contextualized_core::Result<Score> {
    let predictions = model.predict(test.contexts(), test.features())?;
    let losses = Family::Gaussian.losses(test.targets(), predictions.view())?;
    Score::of_rows(losses.view(), None)
}

//! The command line.

use crate::commands::manual::examples;
use crate::data::options::{byte, decimal, thousands};
use crate::data::{Reading, ReadingOptions};
use crate::design::{OutcomeKind, UnknownLevels};
use crate::error::Result;
use crate::rows::Rows;
use crate::settings::{AUTO, Estimate, EstimatorSettings, NeuralSettings};
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use contextualized_auto::{NetworkChoice, NetworkMethod, RegressionMethod};
use contextualized_core::Family;
use contextualized_files::is_standard;
use contextualized_frame::prediction::{Interval, Scale};
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Models whose coefficients and networks vary with context: from a data file to tables and a report.
///
/// A formula says what is modelled: `y ~ x0 + x1 | c0 + c1` is a regression of y on x0 and x1 whose
/// coefficients depend on c0 and c1; `~ x0 + x1 + x2 | c0` is a network of three nodes that depends on
/// c0.
#[derive(Debug, Parser)]
#[command(name = "contextualized", version, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,

    #[command(flatten)]
    pub(crate) global: Global,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Global {
    /// Do not print the progress bar or the tables that describe the fit; errors are still shown.
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,

    /// Tables as JSON.
    #[arg(long, global = true)]
    pub(crate) json: bool,

    /// Number of threads [default: all there are]; results do not depend on it.
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) threads: Option<u16>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Fit a regression whose coefficients vary with context.
    #[command(after_long_help = examples("fit"))]
    Fit(Fit),
    /// Write coefficients and predictions, or edges, for the rows of a file.
    #[command(after_long_help = examples("predict"))]
    Predict(Predict),
    /// Compare estimators on held-out rows.
    #[command(after_long_help = examples("compare"))]
    Compare(Compare),
    /// Fit networks that vary with context.
    #[command(after_long_help = examples("networks"))]
    Networks(Networks),
    /// Show a regression in numbers: average coefficients, what varies, and how well it fits.
    #[command(after_long_help = examples("summary"))]
    Summary(Summary),
    /// Show which coefficient varies, with which context, and with what evidence.
    #[command(after_long_help = examples("effects"))]
    Effects(Effects),
    /// Show archetypes: typical sets of coefficients, of which those of each row are a weighted mixture.
    #[command(after_long_help = examples("archetypes"))]
    Archetypes(Archetypes),
    /// Write coordinates (PCA or t-SNE) in which rows with similar coefficients or networks are close.
    #[command(after_long_help = examples("embed"))]
    Embed(Embed),
    /// Write a report as one HTML file.
    #[command(after_long_help = examples("report"))]
    Report(Report),
    /// Write simulated data with known coefficients or networks.
    #[command(after_long_help = examples("simulate"))]
    Simulate(Simulate),
    /// Print a completion script for a shell.
    Completions {
        /// The shell to complete in.
        shell: clap_complete::Shell,
    },
    /// Write the manual pages, one per command.
    Man {
        /// Folder to write them to.
        #[arg(long, value_name = "FOLDER", default_value = ".")]
        out: PathBuf,
    },
}

/// How a data file is read. What is not given is as it was at the fit.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Reading data")]
pub(crate) struct DataFlags {
    /// Column delimiter of a text file, such as ';' or '\t' [default: a comma, a tab for .tsv].
    #[arg(long, value_name = "CHARACTER", value_parser = byte)]
    pub(crate) delimiter: Option<u8>,

    /// Texts and numbers that mean a missing value, as an empty cell does [default: NA, N/A, NaN, nan, NULL,
    /// null, None].
    #[arg(
        long,
        value_name = "TEXT",
        value_delimiter = ',',
        allow_hyphen_values = true
    )]
    pub(crate) missing: Vec<String>,

    /// Decimal mark of numbers in a text file [default: a point].
    #[arg(long, value_name = "CHARACTER", value_parser = decimal)]
    pub(crate) decimal: Option<char>,

    /// Thousands separator; a space includes narrow and non-breaking ones [default: none].
    #[arg(long, value_name = "CHARACTER", value_parser = thousands)]
    pub(crate) thousands: Option<char>,

    /// Leave out lines of a text file that begin with this, such as '#'.
    #[arg(long, value_name = "CHARACTER", value_parser = byte)]
    pub(crate) comment: Option<u8>,

    /// Number of lines to skip before the header.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) skip: usize,

    /// Leave out rows with a missing value in a column that is used.
    #[arg(long)]
    pub(crate) drop_missing: bool,
}

impl DataFlags {
    /// How to read a file that a model is fitted to.
    pub(crate) fn reading(&self) -> Result<Reading> {
        self.reading_like(&Reading::default())
    }

    /// How to read new data of a model whose data were read like that.
    pub(crate) fn reading_like(&self, before: &Reading) -> Result<Reading> {
        let options = ReadingOptions {
            delimiter: self.delimiter,
            missing: self.missing.clone(),
            decimal: self.decimal,
            thousands: self.thousands,
            comment: self.comment,
            skip: self.skip,
        };
        Ok(options.like(before)?)
    }
}

/// Its name and description, before those of the others.
const BEST: [(&str, &str); 1] = [(AUTO, "Chosen among the others by cross-validation.")];

/// One of these names, with what they mean in the help.
fn named<T: FromStr<Err = contextualized_core::Error> + Clone + Send + Sync + 'static>(
    names: impl IntoIterator<Item = (&'static str, &'static str)>,
) -> impl TypedValueParser<Value = T> {
    let values = names
        .into_iter()
        .map(|(name, help)| PossibleValue::new(name).help(help));
    PossibleValuesParser::new(values).try_map(|name| name.parse::<T>())
}

fn regression_estimator() -> impl TypedValueParser<Value = Estimate<RegressionMethod>> {
    let methods = RegressionMethod::ALL.iter();
    let methods = methods.map(|method| (method.name(), method.description()));
    named(BEST.into_iter().chain(methods))
}

fn network_estimator() -> impl TypedValueParser<Value = Estimate<NetworkMethod>> {
    let methods = NetworkMethod::ALL.iter();
    let methods = methods.map(|method| (method.name(), method.description()));
    named(BEST.into_iter().chain(methods))
}

fn family() -> impl TypedValueParser<Value = Family> {
    named(Family::ALL.map(|family| (family.name(), family.description())))
}

fn outcome_kind() -> impl TypedValueParser<Value = OutcomeKind> {
    named(OutcomeKind::all())
}

fn network_kind() -> impl TypedValueParser<Value = NetworkChoice> {
    let kinds = NetworkChoice::ALL.iter();
    named(kinds.map(|kind| (kind.name(), kind.description())))
}

#[derive(Debug, Args)]
pub(crate) struct Fit {
    /// Data file: CSV, TSV (also gzipped) or Parquet; - is standard input.
    pub(crate) data: PathBuf,
    /// What is modelled: 'targets ~ features | contexts'.
    pub(crate) formula: String,
    /// File to write the model to.
    #[arg(long, short, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// How coefficients are estimated.
    #[arg(long, value_parser = regression_estimator(), default_value = AUTO)]
    pub(crate) estimator: Estimate<RegressionMethod>,
    #[command(flatten)]
    pub(crate) settings: RegressionFlags,
    #[command(flatten)]
    pub(crate) of_estimators: EstimatorSettings,
    /// Number of bootstrap replicates, for intervals of estimators without any of their own.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) bootstraps: usize,
    /// Do not test which coefficients vary.
    #[arg(long)]
    pub(crate) no_tests: bool,
    #[command(flatten)]
    pub(crate) flags: DataFlags,
}

/// What regressions are fitted with.
#[derive(Debug, Clone, Args)]
pub(crate) struct RegressionFlags {
    /// The outcome's distribution [default: survival of Surv(time, event), binomial if it is 0 and 1 or one of two
    /// levels, else gaussian].
    #[arg(long, value_parser = outcome_kind())]
    pub(crate) family: Option<OutcomeKind>,
    /// Column of a treatment whose effect is estimated as a function of the contexts, adjusted for features and
    /// contexts: numbers, or two levels.
    #[arg(long, value_name = "COLUMN")]
    pub(crate) treatment: Option<String>,
    /// Column of offsets: known terms of the linear predictor, on the link scale.
    #[arg(long, value_name = "COLUMN")]
    pub(crate) offset: Option<String>,
    /// Column of row weights.
    #[arg(long, value_name = "COLUMN")]
    pub(crate) weights: Option<String>,
    /// Column of groups, such as persons: rows that are held out, resampled and tested together.
    #[arg(long, value_name = "COLUMN")]
    pub(crate) groups: Option<String>,
    /// Number of cross-validation folds for the comparison of estimators.
    #[arg(long, value_name = "K", default_value_t = 5)]
    pub(crate) folds: usize,
    /// Random seed.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) seed: u64,
}

#[derive(Debug, Args)]
pub(crate) struct Predict {
    /// Model file.
    pub(crate) model: PathBuf,
    /// Data file with the columns of contexts and features; targets are not needed.
    pub(crate) data: PathBuf,
    #[command(flatten)]
    pub(crate) output: OutputFlags,
    /// Confidence level of intervals to write.
    #[arg(long, value_name = "P", value_parser = probability)]
    pub(crate) level: Option<f64>,
    /// What intervals of predictions should contain.
    #[arg(long, value_enum, default_value = "outcome", requires = "level")]
    pub(crate) interval: Interval,
    /// Write standard errors, those of predictions on the link scale.
    #[arg(long)]
    pub(crate) se: bool,
    /// Scale of predictions.
    #[arg(long = "type", value_enum, default_value = "response")]
    pub(crate) scale: Scale,
    /// Times of survival times, such as 1,2,5: write the probability of no event until each, in columns surv.TIME.
    #[arg(
        long,
        value_name = "TIME",
        value_delimiter = ',',
        allow_negative_numbers = true
    )]
    pub(crate) times: Vec<f64>,
    /// Time of survival times at which coefficients and hazards are written [default: that of the interval with the
    /// median event].
    #[arg(long, value_name = "TIME", allow_negative_numbers = true)]
    pub(crate) at: Option<f64>,
    /// Write how far each row's contexts are from the training rows, in a column of that name: 1 is the distance of
    /// a typical training row from the others.
    #[arg(long)]
    pub(crate) extrapolation: bool,
    /// Column of offsets on the link scale [default: the one of the same name as in training].
    #[arg(long, value_name = "COLUMN")]
    pub(crate) offset: Option<String>,
    /// Keep the columns of the data file, before the new ones.
    #[arg(long)]
    pub(crate) keep: bool,
    /// What to do with rows that have a level that training did not have.
    #[arg(long, value_enum, default_value = "error")]
    pub(crate) unknown_levels: UnknownLevels,
    #[command(flatten)]
    pub(crate) flags: DataFlags,
}

/// Where rows are written to.
#[derive(Debug, Args)]
pub(crate) struct OutputFlags {
    /// File to write to; - is standard output.
    #[arg(long, short, value_name = "FILE", default_value = "-")]
    out: PathBuf,
    /// Format to write [default: Parquet or JSON for a name that ends in .parquet or .json, JSON with --json, else CSV].
    #[arg(long, value_enum)]
    format: Option<OutputFormat>,
}

impl OutputFlags {
    /// Where rows are written to: as JSON where `--json` asks for it and no format is given.
    pub(crate) fn rows(&self, global: &Global) -> Result<Rows> {
        let format = self
            .format
            .unwrap_or_else(|| match OutputFormat::of_name(&self.out) {
                OutputFormat::Csv if global.json => OutputFormat::Json,
                by_name => by_name,
            });
        Rows::create(&self.out, format)
    }

    pub(crate) fn is_standard(&self) -> bool {
        is_standard(&self.out)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputFormat {
    /// Text with comma-separated columns.
    Csv,
    /// Parquet.
    Parquet,
    /// One JSON array with an object for each row.
    Json,
}

impl OutputFormat {
    /// By how the name of a file ends.
    pub(crate) fn of_name(path: &Path) -> Self {
        let path = path.to_string_lossy().to_lowercase();
        if path.ends_with(".parquet") {
            Self::Parquet
        } else if path.ends_with(".json") {
            Self::Json
        } else {
            Self::Csv
        }
    }
}

fn probability(text: &str) -> std::result::Result<f64, String> {
    match text.parse::<f64>() {
        Ok(level) if level > 0.0 && level < 1.0 => Ok(level),
        _ => Err("a number between 0 and 1, such as 0.95".to_owned()),
    }
}

#[derive(Debug, Args)]
pub(crate) struct Compare {
    /// Data file.
    pub(crate) data: PathBuf,
    /// What is modelled: 'targets ~ features | contexts'.
    pub(crate) formula: String,
    /// Fit to all rows of the data and score on the rows of this file, instead of folds.
    #[arg(long, value_name = "FILE")]
    pub(crate) test: Option<PathBuf>,
    /// Leave out test rows with a level that training did not have.
    #[arg(long, requires = "test")]
    pub(crate) drop_unknown_levels: bool,
    /// The estimators.
    #[arg(
        long,
        value_parser = regression_estimator(),
        value_delimiter = ',',
        default_values = RegressionMethod::ALL.iter().map(|method| method.name())
    )]
    pub(crate) estimators: Vec<Estimate<RegressionMethod>>,
    #[command(flatten)]
    pub(crate) settings: RegressionFlags,
    #[command(flatten)]
    pub(crate) of_estimators: EstimatorSettings,
    #[command(flatten)]
    pub(crate) flags: DataFlags,
}

#[derive(Debug, Args)]
pub(crate) struct Networks {
    /// Data file.
    pub(crate) data: PathBuf,
    /// The nodes and what networks depend on: '~ nodes | contexts'.
    pub(crate) formula: String,
    /// What edges are.
    #[arg(long, value_parser = network_kind(), default_value = "correlation")]
    pub(crate) kind: NetworkChoice,
    /// How networks are estimated.
    #[arg(long, value_parser = network_estimator(), default_value = AUTO)]
    pub(crate) estimator: Estimate<NetworkMethod>,
    /// File to write the model to.
    #[arg(long, short, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// Number of cross-validation folds for the comparison of estimators.
    #[arg(long, value_name = "K", default_value_t = 5)]
    pub(crate) folds: usize,
    /// Random seed.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) seed: u64,
    /// Column of row weights.
    #[arg(long, value_name = "COLUMN")]
    pub(crate) weights: Option<String>,
    /// Column of groups, such as persons: rows that are held out together.
    #[arg(long, value_name = "COLUMN")]
    pub(crate) groups: Option<String>,
    #[command(flatten)]
    pub(crate) of_estimators: NeuralSettings,
    #[command(flatten)]
    pub(crate) flags: DataFlags,
}

#[derive(Debug, Args)]
pub(crate) struct Summary {
    /// Model file.
    pub(crate) model: PathBuf,
    /// Confidence level of the intervals.
    #[arg(long, value_name = "P", value_parser = probability, default_value = "0.95")]
    pub(crate) level: f64,
    /// Show odds ratios, rate ratios or ratios of means in place of coefficients.
    #[arg(long)]
    pub(crate) exponentiate: bool,
    /// Show average marginal effects too: what features do to the mean of the outcome, in its own unit.
    #[arg(long)]
    pub(crate) marginal: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Effects {
    /// Model file.
    pub(crate) model: PathBuf,
    /// Write the curves of all coefficients, or edges, against each context to this file, with bands where the
    /// model has them.
    #[arg(long, value_name = "FILE")]
    pub(crate) curves: Option<PathBuf>,
    /// Draw these curves in this folder, each as SVG and as PNG.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) figures: Option<PathBuf>,
    /// Confidence level of bands.
    #[arg(long, value_name = "P", default_value = "0.95", value_parser = probability)]
    pub(crate) level: f64,
}

#[derive(Debug, Args)]
pub(crate) struct Archetypes {
    /// Model file.
    pub(crate) model: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Embed {
    /// Model file.
    pub(crate) model: PathBuf,
    /// Data file with the columns of contexts.
    pub(crate) data: PathBuf,
    #[command(flatten)]
    pub(crate) output: OutputFlags,
    /// Method of dimension reduction.
    #[arg(long, value_enum, default_value = "pca")]
    pub(crate) method: EmbeddingMethod,
    /// Number of principal components [default: 2].
    #[arg(long, value_name = "N")]
    pub(crate) dimensions: Option<usize>,
    /// Perplexity of t-SNE: roughly the number of neighbours of each row [default: 30].
    #[arg(long, value_name = "N")]
    pub(crate) perplexity: Option<f64>,
    /// Seed of t-SNE [default: 0].
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    #[command(flatten)]
    pub(crate) flags: DataFlags,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum EmbeddingMethod {
    /// Principal components of the training rows' coefficients.
    Pca,
    /// t-SNE of the rows of the file: rows with similar coefficients are close.
    Tsne,
}

impl EmbeddingMethod {
    /// What its axes are called, before their number.
    pub(crate) fn axis(self) -> &'static str {
        match self {
            Self::Pca => "component",
            Self::Tsne => "tsne",
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Report {
    /// Model file.
    pub(crate) model: PathBuf,
    /// Data file of rows that the model was not fitted to, with their targets.
    pub(crate) data: PathBuf,
    /// File to write to.
    #[arg(long, short, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// Title of the report.
    #[arg(long, value_name = "TEXT")]
    pub(crate) title: Option<String>,
    /// Column of offsets on the link scale [default: the one of the same name as in training].
    #[arg(long, value_name = "COLUMN")]
    pub(crate) offset: Option<String>,
    /// Confidence level of bands and intervals.
    #[arg(long, value_name = "P", default_value = "0.95", value_parser = probability)]
    pub(crate) level: f64,
    /// The row whose coefficients are shown, counted from 1 among those used.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) row: u64,
    /// Leave out rows with a level that training did not have.
    #[arg(long)]
    pub(crate) drop_unknown_levels: bool,
    #[command(flatten)]
    pub(crate) flags: DataFlags,
}

#[derive(Debug, Args)]
pub(crate) struct Simulate {
    /// The problem.
    #[arg(value_enum)]
    pub(crate) problem: Problem,
    #[command(flatten)]
    pub(crate) output: OutputFlags,
    /// Number of rows (not used for treatment, a grid of 5625).
    #[arg(long, value_name = "N", default_value_t = 500)]
    pub(crate) rows: usize,
    /// Contexts that nothing depends on, named noise0, noise1, ….
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) irrelevant: usize,
    /// Distribution of a regression's outcome.
    #[arg(long, value_parser = family(), default_value = "gaussian")]
    pub(crate) family: Family,
    /// Standard deviation of the errors of a Gaussian outcome.
    #[arg(long, value_name = "S", default_value_t = 0.5)]
    pub(crate) noise: f64,
    /// Which rows of the treatment problem.
    #[arg(long, value_enum, default_value = "observed")]
    pub(crate) part: Part,
    /// Write the truth too: coefficients and means, or edges, in columns that begin with `true.`.
    #[arg(long)]
    pub(crate) truth: bool,
    /// Seed.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) seed: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Problem {
    /// Response to two doses by diet and exercise, without noise, observed in five small discs.
    Treatment,
    /// A regression on x0, x1, x2 with slopes c0², sin(3 c1) and 1, and the intercept c0.
    Regression,
    /// Four nodes of a directed network whose weights depend on one context.
    Sem,
    /// Five nodes whose correlations depend on one context.
    Correlation,
    /// A treatment w that depends on what the outcome depends on, with the effect (c0 + c1) / 2.
    Confounded,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// The 221 patients to learn from.
    Observed,
    /// The 5404 others.
    Unobserved,
    /// All of them.
    All,
}

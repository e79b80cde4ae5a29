//! `predict`: coefficients and predictions, or edges, for every row of a file, in blocks.

use crate::arguments::{Global, Predict, UnknownLevels};
use crate::data::{Chunk, Source};
use crate::design::{Design, Encoded, Encoder};
use crate::error::{Error, Result};
use crate::model_file;
use crate::pairs::{column_name, pairs};
use crate::progress::Progress;
use crate::saved::{Fitted, Regression, Saved};
use arrow_array::{ArrayRef, UInt32Array};
use contextualized_core::{
    Coefficients, NetworkKind, PredictionIntervals, VaryingCoefficients, VaryingNetworks,
    WithUncertainty, partial_correlations,
};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, s, stack};

pub(crate) fn run(arguments: &Predict, global: &Global) -> Result<()> {
    let saved: Saved = model_file::load(&arguments.model)?;
    let design = &*saved
        .design
        .with_offset_named(arguments.offset.as_deref())?;
    let source = Source::open(&arguments.data, &arguments.flags.reading())?;
    let unknown = arguments.unknown_levels;
    let predictor = Predictor::new(&saved, arguments.level, unknown)?;
    let mut encoder = Encoder::new(design, &source, unknown, arguments.flags.drop_missing);
    let mut columns = encoder.columns()?;
    let needed = columns.len();
    let kept: Vec<usize> = if arguments.keep {
        (0..source.columns().len()).collect()
    } else {
        Vec::new()
    };
    columns.extend(&kept);
    let kept_names: Vec<String> = kept
        .iter()
        .map(|&column| source.columns()[column].clone())
        .collect();
    if let Some(name) = kept_names
        .iter()
        .find(|name| predictor.columns.contains(name))
    {
        return Err(Error::failure(format!(
            "{} has a column {name:?}, which is written too; rename it, or leave out --keep",
            source.name
        )));
    }

    let progress = Progress::new(global, "predicting");
    let mut output = arguments.output.rows()?;
    let mut read = 0;
    for chunk in source.chunks(&columns)? {
        let chunk = chunk?;
        let encoded = encoder.encode(&chunk)?;
        read += chunk.rows;
        if encoder.will_fail() {
            // Read on, to count all that is missing.
            continue;
        }
        let kept = kept_columns(&source, &chunk, needed, &encoded)?;
        let values = predictor.rows(&encoded)?;
        output.write(&kept_names, kept, &predictor.columns, &values)?;
        progress.rows(read);
    }
    encoder.finish()?;
    if read == 0 {
        // A file without rows has an output without rows, with the same columns.
        let kept = source.chunks(&[]).map(|_| {
            kept.iter()
                .map(|_| arrow_array::new_empty_array(&arrow_schema::DataType::Utf8))
        })?;
        let values = Array2::zeros((0, predictor.columns.len()));
        output.write(&kept_names, kept.collect(), &predictor.columns, &values)?;
    }
    output.finish()
}

/// The columns to keep, at the rows that are complete.
fn kept_columns(
    source: &Source,
    chunk: &Chunk,
    needed: usize,
    encoded: &Encoded,
) -> Result<Vec<ArrayRef>> {
    let rows: UInt32Array = encoded.rows.iter().map(|&row| row as u32).collect();
    let all = rows.len() == chunk.rows;
    let kept = chunk.arrays[needed..].iter().map(|array| {
        if all {
            Ok(array.clone())
        } else {
            arrow_select::take::take(array, &rows, None).map_err(|problem| {
                Error::failure(format!(
                    "cannot keep a column of {}: {problem}",
                    source.name
                ))
            })
        }
    });
    kept.collect()
}

/// What is written for every row.
struct Predictor<'a> {
    saved: &'a Saved,
    level: Option<f64>,
    columns: Vec<String>,
}

impl<'a> Predictor<'a> {
    fn new(saved: &'a Saved, level: Option<f64>, unknown: UnknownLevels) -> Result<Self> {
        let design = &saved.design;
        let by_population = unknown == UnknownLevels::Population;
        let columns = match &saved.fitted {
            Fitted::Regression(regression) => {
                if by_population {
                    regression.population.required(
                        "there are no coefficients of the population for --unknown-levels",
                    )?;
                }
                regression_columns(design, level.is_some())
            }
            Fitted::Networks(networks) => {
                if level.is_some() {
                    return Err(Error::usage(
                        "--level asks for intervals, which networks do not have; leave it out",
                    ));
                }
                if by_population {
                    networks
                        .population
                        .required("there is no network of the population for --unknown-levels")?;
                }
                edge_columns(&networks.model, &design.feature_names())
            }
        };
        Ok(Self {
            saved,
            level,
            columns,
        })
    }

    /// A row of values for each row of the block, NaN where nothing can be said.
    fn rows(&self, encoded: &Encoded) -> Result<Array2<f64>> {
        let (known, unknown): (Vec<usize>, Vec<usize>) =
            (0..encoded.rows.len()).partition(|&row| !encoded.unknown[row]);
        let mut values = Array2::from_elem((encoded.rows.len(), self.columns.len()), f64::NAN);
        for (rows, population) in [(known, false), (unknown, true)] {
            if rows.is_empty() {
                continue;
            }
            let contexts = encoded.contexts.select(Axis(0), &rows);
            let contexts = contexts.view();
            let part = match &self.saved.fitted {
                Fitted::Regression(regression) => {
                    let features = encoded.features.select(Axis(0), &rows);
                    let offsets = encoded.offsets.as_ref();
                    let offsets = offsets.map(|all| all.select(Axis(0), &rows));
                    let offsets = offsets.as_ref().map(|offsets| offsets.view());
                    self.regression(regression, population, contexts, features.view(), offsets)?
                }
                Fitted::Networks(networks) => {
                    match networks.population.fitted().filter(|_| population) {
                        Some(model) => edge_values(model, contexts)?,
                        None => edge_values(&networks.model, contexts)?,
                    }
                }
            };
            for (from, &to) in rows.iter().enumerate() {
                values.row_mut(to).assign(&part.row(from));
                if encoded.unknown_features[to] {
                    // The coefficients are the population's, but what they multiply is not known.
                    for (value, column) in values.row_mut(to).iter_mut().zip(&self.columns) {
                        if column.starts_with("pred.") {
                            *value = f64::NAN;
                        }
                    }
                }
            }
        }
        Ok(values)
    }

    fn regression(
        &self,
        regression: &Regression,
        population: bool,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
        offsets: Option<ArrayView1<'_, f64>>,
    ) -> Result<Array2<f64>> {
        let baseline = regression.population.fitted().filter(|_| population);
        let model: &dyn VaryingCoefficients = match baseline {
            Some(model) => model,
            None => &regression.model,
        };
        let coefficients = model.coefficients(contexts)?;
        let mut predictor = coefficients.linear_predictor(features)?;
        if let Some(offsets) = offsets {
            predictor += &offsets.insert_axis(Axis(1));
        }
        let means = model.family().link().inverse_table(predictor.view());
        let intervals = match (self.level, baseline) {
            (None, _) => None,
            (Some(level), Some(model)) => {
                // The error of a prediction for an unknown level cannot be estimated.
                let unknown = Array2::from_elem(means.dim(), f64::NAN);
                let outcomes = PredictionIntervals {
                    lower: unknown.clone(),
                    upper: unknown,
                };
                Some((Some(model.intervals(contexts, level)?), outcomes))
            }
            (Some(level), None) => {
                let model = &regression.model;
                let outcomes = model.outcome_intervals(contexts, features, offsets, level);
                let outcomes = outcomes.map_err(with_advice)?;
                let own = match model.intervals(contexts, level) {
                    // Outcomes may have intervals where coefficients have none.
                    Err(contextualized_core::Error::NoIntervals { .. }) => None,
                    own => Some(own.map_err(with_advice)?),
                };
                Some((own, outcomes))
            }
        };
        let (mut of_coefficients, mut of_means) = (vec![&coefficients], vec![&means]);
        let unknown = Array1::from_elem(means.nrows(), f64::NAN);
        let mut unknown_ends = 0;
        if let Some((own, outcomes)) = &intervals {
            match own {
                Some(own) => of_coefficients.extend([&own.lower, &own.upper]),
                None => unknown_ends = 2,
            }
            of_means.extend([&outcomes.lower, &outcomes.upper]);
        }
        let design = &self.saved.design;
        let mut columns = Vec::with_capacity(self.columns.len());
        for target in 0..design.targets.len() {
            for column in 0..design.features.len() + usize::from(design.intercept) {
                let tables = of_coefficients.iter();
                columns.extend(tables.map(|table| coefficient(table, target, column)));
                columns.extend(std::iter::repeat_n(unknown.view(), unknown_ends));
            }
            columns.extend(of_means.iter().map(|table| table.column(target)));
        }
        stack(Axis(1), &columns)
            .map_err(|source| Error::failure(format!("columns of different lengths: {source}")))
    }
}

/// The slope of a feature, or behind all features the intercept.
fn coefficient(coefficients: &Coefficients, target: usize, column: usize) -> ArrayView1<'_, f64> {
    if column < coefficients.features() {
        coefficients.slopes().slice_move(s![.., target, column])
    } else {
        coefficients.intercepts().index_axis_move(Axis(1), target)
    }
}

fn with_advice(source: contextualized_core::Error) -> Error {
    if matches!(source, contextualized_core::Error::NoIntervals { .. }) {
        let message = "the model has no intervals of its own; fit it again with --bootstraps 100, or with --estimator gp";
        return Error::failure(message);
    }
    source.into()
}

/// `coef.NAME` for each feature, `coef.(intercept)`, `pred.TARGET`; the coefficients of several targets
/// begin with the target's name.
fn regression_columns(design: &Design, intervals: bool) -> Vec<String> {
    let mut columns = Vec::new();
    let mut push = |name: String| {
        if intervals {
            columns.extend([
                name.clone(),
                format!("{name}.lower"),
                format!("{name}.upper"),
            ])
        } else {
            columns.push(name)
        }
    };
    for target in &design.targets {
        let prefix = if design.targets.len() == 1 {
            String::new()
        } else {
            format!("{}.", target.name)
        };
        for feature in &design.features {
            push(format!("{prefix}coef.{}", feature.name));
        }
        if design.intercept {
            push(format!("{prefix}coef.(intercept)"));
        }
        push(format!("pred.{}", target.name));
    }
    columns
}

/// The columns of a model's edges.
pub(super) fn edge_columns(model: &dyn VaryingNetworks, nodes: &[String]) -> Vec<String> {
    let directed = model.kind() == NetworkKind::Directed;
    let pairs = pairs(nodes.len(), directed);
    pairs
        .map(|pair| column_name(nodes, pair, directed))
        .collect()
}

/// Weights, correlations, or partial correlations of every row (n × edges), in the order of
/// [`edge_columns`].
pub(super) fn edge_values(
    model: &dyn VaryingNetworks,
    contexts: ArrayView2<'_, f64>,
) -> Result<Array2<f64>> {
    /// Networks held at once.
    const BLOCK: usize = 256;
    let mut values = Array2::zeros((0, 0));
    let mut positions = Vec::new();
    let kind = model.kind();
    model.visit_networks(contexts, BLOCK, &mut |first, block| {
        if first == 0 {
            positions = pairs(block.nodes(), kind == NetworkKind::Directed).collect();
            values = Array2::zeros((contexts.nrows(), positions.len()));
        }
        let partial = (kind == NetworkKind::Precision)
            .then(|| partial_correlations(block))
            .transpose()?;
        let edges = match &partial {
            Some(partial) => partial.view(),
            None => block.edges(),
        };
        for (row, network) in edges.outer_iter().enumerate() {
            for (edge, &(from, to)) in positions.iter().enumerate() {
                values[[first + row, edge]] = network[[from, to]];
            }
        }
        Ok(())
    })?;
    Ok(values)
}

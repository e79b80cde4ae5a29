//! `predict`: coefficients and predictions, or edges, for every row of a file, in blocks.

use crate::arguments::{Global, Interval, Predict, Scale};
use crate::data::{Chunk, ColumnRequest, Source, Table};
use crate::design::{Design, Encoded, Encoder, UnknownLevels, Variable, a_row_for_each};
use crate::error::{Error, Result};
use crate::model_files;
use crate::output::remark_on;
use crate::pairs::{column_name, pairs};
use crate::progress::Progress;
use crate::saved::{Fitted, Regression, Saved};
use arrow_array::{ArrayRef, StringArray, UInt32Array};
use contextualized_analysis::Extrapolation;
use contextualized_core::{
    Coefficients, Family, LocalCoefficients, NetworkKind, PredictionIntervals, VaryingCoefficients,
    VaryingNetworks, partial_correlations,
};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, concatenate, s, stack};
use std::collections::HashSet;
use std::sync::Arc;

pub(crate) fn run(arguments: &Predict, global: &Global) -> Result<()> {
    let saved = model_files::load(&arguments.model)?;
    let design = &*saved
        .design
        .with_offset_named(arguments.offset.as_deref())?;
    let reading = arguments.flags.reading_like(&saved.reading)?;
    let source = Source::open(&arguments.data, &reading)?;
    let unknown = arguments.unknown_levels;
    let mut predictor = Predictor::new(&saved, arguments)?;
    let mut encoder = Encoder::new(design, &source, unknown, arguments.flags.drop_missing);
    let mut columns = encoder.columns()?;
    let needed = columns.len();
    let kept: Vec<usize> = if arguments.keep {
        (0..source.columns().len()).collect()
    } else {
        Vec::new()
    };
    columns.extend(kept.iter().copied().map(ColumnRequest::as_written));
    let kept_names: Vec<String> = kept
        .iter()
        .map(|&column| source.columns()[column].clone())
        .collect();
    let mut written = HashSet::new();
    let classes = predictor.class_names();
    let mut names = predictor.columns.iter().chain(&classes);
    if let Some(name) = names.find(|name| !written.insert(*name)) {
        return Err(Error::failure(format!(
            "two columns would be called {name:?}, as features of the model have such names; rename one in the data and fit again{}",
            if arguments.level.is_some() {
                ", or leave out --level"
            } else {
                ""
            }
        )));
    }
    if let Some(name) = kept_names.iter().find(|name| written.contains(name)) {
        return Err(Error::failure(format!(
            "{} has a column {name:?}, which is written too; rename it, or leave out --keep",
            source.name
        )));
    }

    let progress = Progress::new(global, "predicting");
    let mut output = arguments.output.rows(global)?;
    let mut read = 0;
    for chunk in source.chunks(&columns)? {
        let chunk = chunk?;
        let encoded = encoder.encode(&chunk)?;
        read += chunk.rows;
        let mut values = predictor.rows(&encoded)?;
        predictor.count_far(&encoded);
        let kept = if arguments.flags.drop_missing {
            kept_columns(&source, &chunk, needed, &encoded)?
        } else {
            values = a_row_for_each(chunk.rows, &encoded.rows, values.view());
            chunk.arrays[needed..].to_vec()
        };
        let classes = predictor.classes(&values);
        output.write(&kept_names, kept, &predictor.columns, &values, classes)?;
        progress.rows(read);
    }
    if read == 0 {
        // A file without rows has an output without rows, with the same columns.
        let kept = source.chunks(&[]).map(|_| {
            kept.iter()
                .map(|_| arrow_array::new_empty_array(&arrow_schema::DataType::Utf8))
        })?;
        let values = Array2::zeros((0, predictor.columns.len()));
        let classes = predictor.classes(&values);
        output.write(
            &kept_names,
            kept.collect(),
            &predictor.columns,
            &values,
            classes,
        )?;
    }
    output.finish()?;
    drop(progress);
    for remark in encoder.remarks().into_iter().chain(predictor.far(read)) {
        remark_on(global, &format!("{}: {remark}", source.name));
    }
    Ok(())
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
    arguments: &'a Predict,
    columns: Vec<String>,
    extrapolation: Option<Extrapolation>,
    /// Ends of the training rows of every column of contexts, a tenth of their range beyond.
    ends: Vec<(f64, f64)>,
    /// How many rows are beyond, in each column and in any.
    beyond: Vec<usize>,
    rows_beyond: usize,
}

impl<'a> Predictor<'a> {
    fn new(saved: &'a Saved, arguments: &'a Predict) -> Result<Self> {
        const MARGIN: f64 = 0.1;
        let design = &saved.design;
        let by_population = arguments.unknown_levels == UnknownLevels::Population;
        let level = arguments.level;
        let mut columns = match &saved.fitted {
            Fitted::Regression(regression) => {
                if by_population {
                    regression.population.required(
                        "there are no coefficients of the population for --unknown-levels",
                    )?;
                }
                regression_columns(design, level.is_some(), arguments.se)
            }
            Fitted::Networks(networks) => {
                if level.is_some() || arguments.se || arguments.scale == Scale::Link {
                    return Err(Error::usage(
                        "--level, --se and --type ask for intervals, errors and scales of predictions, which networks do not have; leave them out",
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
        let training = saved.training.samples(design)?;
        let contexts = training.contexts();
        let extrapolation = if arguments.extrapolation {
            columns.push("extrapolation".to_owned());
            Some(Extrapolation::fit(contexts)?)
        } else {
            None
        };
        let ends: Vec<(f64, f64)> = contexts
            .columns()
            .into_iter()
            .map(|values| {
                let low = values.iter().copied().fold(f64::INFINITY, f64::min);
                let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let margin = MARGIN * (high - low);
                (low - margin, high + margin)
            })
            .collect();
        Ok(Self {
            saved,
            arguments,
            columns,
            extrapolation,
            beyond: vec![0; ends.len()],
            ends,
            rows_beyond: 0,
        })
    }

    /// Counts rows whose contexts are beyond those of the training rows.
    fn count_far(&mut self, encoded: &Encoded) {
        for row in encoded.contexts.rows() {
            let mut any = false;
            for ((value, (low, high)), count) in row.iter().zip(&self.ends).zip(&mut self.beyond) {
                if value < low || value > high {
                    *count += 1;
                    any = true;
                }
            }
            self.rows_beyond += usize::from(any);
        }
    }

    /// A warning, if some rows are.
    fn far(&self, rows: usize) -> Option<String> {
        let names = self.saved.design.context_names();
        let counts = names
            .iter()
            .zip(&self.beyond)
            .filter(|(_, count)| **count > 0);
        let counts: Vec<String> = counts
            .map(|(name, count)| format!("{name} {count}"))
            .collect();
        (self.rows_beyond > 0).then(|| {
            format!(
                "{} of {rows} rows have contexts beyond those of the training rows by more than a tenth of their range ({}): what is predicted there is an assumption of the model",
                self.rows_beyond,
                counts.join(", ")
            )
        })
    }

    /// Names of the columns of classes, of binary outcomes.
    fn class_names(&self) -> Vec<String> {
        let Design {
            family, targets, ..
        } = &self.saved.design;
        if !family.is_binary() || self.arguments.scale == Scale::Link {
            return Vec::new();
        }
        let names = targets
            .iter()
            .map(|target| format!("class.{}", target.name));
        names.collect()
    }

    /// The more probable class of every row, in columns of their own.
    fn classes(&self, values: &Array2<f64>) -> Vec<(String, ArrayRef)> {
        let targets = &self.saved.design.targets;
        let of_target = |(name, target): (String, &Variable)| {
            let predicted = format!("pred.{}", target.name);
            let position = self.columns.iter().position(|own| *own == predicted)?;
            let class = |probability: f64| {
                let second = probability > 0.5;
                match &target.levels {
                    Some(levels) => levels[usize::from(second)].clone(),
                    None => u8::from(second).to_string(),
                }
            };
            let probabilities = values.column(position);
            let known = probabilities.iter().map(|&p| (!p.is_nan()).then_some(p));
            let classes: StringArray = known.map(|known| known.map(class)).collect();
            Some((name, Arc::new(classes) as ArrayRef))
        };
        let names = self.class_names().into_iter();
        names.zip(targets).filter_map(of_target).collect()
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
            let part = match &self.extrapolation {
                None => part,
                Some(extrapolation) => {
                    let distances = extrapolation.scores(contexts)?.distances;
                    let distances = distances.view().insert_axis(Axis(1));
                    concatenate(Axis(1), &[part.view(), distances]).map_err(uneven)?
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
        let family = model.family();
        let Predict {
            level,
            se,
            interval,
            ..
        } = *self.arguments;
        let on_link = self.arguments.scale == Scale::Link;
        let means = if on_link {
            predictor
        } else {
            family.link().inverse_table(predictor.view())
        };
        let unknown = Array2::from_elem(means.dim(), f64::NAN);
        let own = &regression.model;
        // The error of a prediction for an unknown level cannot be estimated.
        let distribution = match (level.is_some() || se, baseline) {
            (true, None) => Some(
                own.predictor_distribution(contexts, features)
                    .map_err(with_advice)?,
            ),
            (false, _) | (_, Some(_)) => None,
        };
        // An interval of the mean, and a standard error, need more than the errors of held-out rows.
        let needs_errors = se || (level.is_some() && interval == Interval::Mean);
        if needs_errors
            && baseline.is_none()
            && own.as_predictive().is_none()
            && own.as_sums().is_none()
        {
            return Err(without_intervals());
        }
        let uncertain = match baseline {
            Some(model) => model.as_uncertain(),
            None => own.as_uncertain(),
        };
        // Behind each coefficient and prediction: ends of intervals, then standard errors. Outcomes may have
        // intervals where coefficients have none.
        let mut of_coefficients = Vec::new();
        let mut of_means = Vec::new();
        if let Some(level) = level {
            let ends = uncertain.map(|model| model.intervals(contexts, level));
            match ends.transpose() {
                Ok(Some(ends)) => of_coefficients.extend([Some(ends.lower), Some(ends.upper)]),
                Ok(None) | Err(contextualized_core::Error::NoIntervals { .. }) => {
                    of_coefficients.extend([None, None]);
                }
                Err(error) => return Err(with_advice(error)),
            }
            let ends = match &distribution {
                None => PredictionIntervals {
                    lower: unknown.clone(),
                    upper: unknown.clone(),
                },
                // The mean of a Gaussian outcome is the linear predictor itself.
                Some(known) if on_link && !family.is_quadratic() => {
                    known.mean_intervals(Family::Gaussian, offsets, level)?
                }
                Some(known) if interval == Interval::Mean || family.is_binary() => {
                    known.mean_intervals(family, offsets, level)?
                }
                Some(known) => known.outcome_intervals(family, offsets, level)?,
            };
            of_means.extend([ends.lower, ends.upper]);
        }
        if se {
            let errors = uncertain.map(|model| model.standard_errors(contexts));
            of_coefficients.push(match errors.transpose() {
                Ok(errors) => errors,
                Err(contextualized_core::Error::NoIntervals { .. }) => None,
                Err(error) => return Err(with_advice(error)),
            });
            of_means.push(distribution.map_or(unknown, |known| known.standard_errors));
        }
        let design = &self.saved.design;
        let nothing = Array1::from_elem(means.nrows(), f64::NAN);
        let mut columns = Vec::with_capacity(self.columns.len());
        for target in 0..design.targets.len() {
            for column in 0..design.features.len() + usize::from(design.intercept) {
                columns.push(coefficient(&coefficients, target, column));
                columns.extend(of_coefficients.iter().map(|table| match table {
                    Some(table) => coefficient(table, target, column),
                    None => nothing.view(),
                }));
            }
            columns.push(means.column(target));
            columns.extend(of_means.iter().map(|table| table.column(target)));
        }
        stack(Axis(1), &columns).map_err(uneven)
    }
}

fn uneven(source: ndarray::ShapeError) -> Error {
    Error::failure(format!("columns of different lengths: {source}"))
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
        return without_intervals();
    }
    source.into()
}

fn without_intervals() -> Error {
    Error::failure(
        "the model has no intervals of its own; fit it again with --bootstraps 100, or with --estimator gp",
    )
}

/// `coef.NAME` for each feature, `coef.(intercept)`, `pred.TARGET`; the coefficients of several targets
/// begin with the target's name.
fn regression_columns(design: &Design, intervals: bool, errors: bool) -> Vec<String> {
    let mut columns = Vec::new();
    let mut ends: Vec<&str> = Vec::new();
    if intervals {
        ends.extend([".lower", ".upper"]);
    }
    if errors {
        ends.push(".se");
    }
    let mut push = |name: String| {
        let others: Vec<String> = ends.iter().map(|end| format!("{name}{end}")).collect();
        columns.push(name);
        columns.extend(others);
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

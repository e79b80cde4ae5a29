//! `predict`: coefficients and predictions, or edges, for every row of a file, in blocks.

use crate::arguments::{Global, Predict};
use crate::design::{Design, Encoded, Encoder, UnknownLevels, Variable, a_row_for_each};
use crate::error::{Error, Result};
use crate::model_files;
use crate::output::remark_on;
use crate::progress::Progress;
use crate::saved::{Fitted, Regression, Saved};
use arrow_array::{ArrayRef, Float64Array, StringArray, UInt32Array};
use contextualized_analysis::Extrapolation;
use contextualized_core::LocalCoefficients;
use contextualized_files::Source;
use contextualized_frame::data::{Chunk, ColumnRequest, Table};
use contextualized_frame::edges::{edge_columns, edge_values};
use contextualized_frame::prediction::{Asked, Estimates, Scale};
use ndarray::{Array2, Axis, concatenate, s, stack};
use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

pub(crate) fn run(arguments: &Predict, global: &Global) -> Result<()> {
    let saved = model_files::load(&arguments.model)?;
    let mut design = saved
        .design
        .with_offset_named(arguments.offset.as_deref())?;
    if let Some(time) = arguments.at {
        design = Cow::Owned(design.with_reference_time(time)?);
    }
    let design = &*design;
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
            source.name()
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
        remark_on(global, &format!("{}: {remark}", source.name()));
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
                    source.name()
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
    /// Columns of the contexts that have distances.
    measured: Vec<usize>,
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
                    regression.required_population()?;
                }
                let mut columns = regression_columns(design, level.is_some(), arguments.se);
                if !arguments.times.is_empty() {
                    design.required_survival("--times")?;
                }
                for time in &arguments.times {
                    columns.push(format!("surv.{time}"));
                    let ends = ["lower", "upper"].into_iter().filter(|_| level.is_some());
                    columns.extend(ends.map(|end| format!("surv.{time}.{end}")));
                }
                columns
            }
            Fitted::Networks(networks) => {
                if level.is_some()
                    || arguments.se
                    || arguments.scale == Scale::Link
                    || !arguments.times.is_empty()
                {
                    return Err(Error::usage(
                        "--level, --se, --type and --times ask for intervals, errors, scales and survival of predictions, which networks do not have; leave them out",
                    ));
                }
                if by_population {
                    networks.required_population()?;
                }
                edge_columns(&networks.model, &design.feature_names())
            }
        };
        let training = saved.training.samples(design)?;
        let contexts = training.contexts();
        let measured = training.names().measured_contexts();
        let extrapolation = if arguments.extrapolation {
            if measured.is_empty() {
                return Err(Error::usage(
                    "--extrapolation measures distances between contexts, and levels of a factor of more than 256 have none; leave it out",
                ));
            }
            columns.push("extrapolation".to_owned());
            Some(Extrapolation::fit(
                contexts.select(Axis(1), &measured).view(),
            )?)
        } else {
            None
        };
        let ends: Vec<(f64, f64)> = contexts
            .columns()
            .into_iter()
            .enumerate()
            .map(|(column, values)| {
                if !measured.contains(&column) {
                    return (f64::NEG_INFINITY, f64::INFINITY);
                }
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
            measured,
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

    /// Names of the columns of classes, of binary and of ordered outcomes, and of probabilities of levels where there
    /// are several.
    fn class_names(&self) -> Vec<String> {
        let design = &self.saved.design;
        if let (Some(classes), Some(column), false) = (
            design.class_names(),
            &design.classes,
            self.arguments.scale == Scale::Link,
        ) {
            let probabilities = classes.iter();
            let probabilities = probabilities.map(|level| format!("prob.{}.{level}", column.name));
            let class = std::iter::once(format!("class.{}", column.name));
            return class.chain(probabilities).collect();
        }
        let targets = design.targets.iter().enumerate();
        let of_target = |(position, target): (usize, &Variable)| {
            let levels = design.target_levels(position)?;
            let class = format!("class.{}", target.name);
            let several = levels.iter().filter(|_| levels.len() > 2);
            let probabilities = several.map(|level| format!("prob.{}.{level}", target.name));
            Some(std::iter::once(class).chain(probabilities).collect())
        };
        let names: Vec<Vec<String>> = if self.arguments.scale == Scale::Link {
            Vec::new()
        } else {
            targets.filter_map(of_target).collect()
        };
        names.concat()
    }

    /// The most probable class of every row, and probabilities of several, in columns of their own.
    fn classes(&self, values: &Array2<f64>) -> Vec<(String, ArrayRef)> {
        let design = &self.saved.design;
        let Fitted::Regression(regression) = &self.saved.fitted else {
            return Vec::new();
        };
        let family = regression.model.family();
        let names = self.class_names();
        if let Some(classes) = design.class_names() {
            let targets: Vec<usize> = design
                .targets
                .iter()
                .filter_map(|target| {
                    let predicted = format!("pred.{}", target.name);
                    self.columns.iter().position(|own| *own == predicted)
                })
                .collect();
            let of_targets = values.select(Axis(1), &targets);
            let probabilities: Vec<Option<Vec<f64>>> = of_targets
                .rows()
                .into_iter()
                .map(|row| (!row[0].is_nan()).then(|| Design::class_probabilities(row)))
                .collect();
            return columns_of_classes(&names, classes, &probabilities);
        }
        let mut names = names.into_iter();
        let mut found: Vec<(String, ArrayRef)> = Vec::new();
        for (position, target) in design.targets.iter().enumerate() {
            let predicted = format!("pred.{}", target.name);
            let column = self.columns.iter().position(|own| *own == predicted);
            let Some((column, levels)) = column.zip(design.target_levels(position)) else {
                continue;
            };
            let Some(name) = names.next() else {
                break;
            };
            let probabilities: Vec<Option<Vec<f64>>> = (values.column(column).iter())
                .map(|mean| {
                    let known = (!mean.is_nan()).then(|| family.link().apply(*mean))?;
                    family.probabilities(known)
                })
                .collect();
            let several = (0..levels.len()).filter(|_| levels.len() > 2);
            let names: Vec<String> = std::iter::once(name)
                .chain(names.by_ref().take(several.count()))
                .collect();
            found.extend(columns_of_classes(&names, &levels, &probabilities));
        }
        found
    }

    /// A row of values for each row of the block, NaN where nothing can be said.
    fn rows(&self, encoded: &Encoded) -> Result<Array2<f64>> {
        let values = match &self.saved.fitted {
            Fitted::Regression(regression) => self.regression(regression, encoded)?,
            Fitted::Networks(networks) => networks.at_encoded(encoded, edge_values)?,
        };
        let Some(extrapolation) = &self.extrapolation else {
            return Ok(values);
        };
        let contexts = encoded.contexts.select(Axis(1), &self.measured);
        let distances = extrapolation.scores(contexts.view())?.distances;
        let distances = distances.view().insert_axis(Axis(1));
        concatenate(Axis(1), &[values.view(), distances]).map_err(uneven)
    }

    fn regression(&self, regression: &Regression, encoded: &Encoded) -> Result<Array2<f64>> {
        let arguments = self.arguments;
        let asked = Asked {
            coefficients: true,
            // Those of the effect of a treatment would need means of outcome and treatment.
            outcomes: regression.treatment.is_none(),
            scale: self.arguments.scale,
            interval: self.arguments.interval,
            level: self.arguments.level,
            standard_errors: self.arguments.se,
        };
        let asked = self.saved.answerable(&asked);
        let found = regression.predict_encoded(&asked, encoded)?;
        let design = &self.saved.design;
        let count = design.features.len() + usize::from(design.intercept);
        let mut columns = Vec::with_capacity(self.columns.len());
        for target in 0..design.targets.len() {
            let quantities = [(&found.coefficients, count), (&found.outcomes, 1)];
            for (estimates, count) in quantities {
                for quantity in 0..count {
                    let tables = estimates.iter().flat_map(Estimates::tables);
                    columns.extend(tables.map(|table| table.slice(s![.., target, quantity])));
                }
            }
        }
        let times = &arguments.times;
        let survival = if times.is_empty() {
            None
        } else {
            let saved = self.saved;
            Some(saved.survival(regression, times, arguments.level, encoded)?)
        };
        for time in 0..times.len() {
            let tables = survival.iter().flat_map(Estimates::tables);
            columns.extend(tables.map(|table| table.slice(s![.., 0, time])));
        }
        stack(Axis(1), &columns).map_err(uneven)
    }
}

/// Columns of these names: the most probable class of every row, and the probabilities of as many as have a name.
fn columns_of_classes(
    names: &[String],
    levels: &[String],
    probabilities: &[Option<Vec<f64>>],
) -> Vec<(String, ArrayRef)> {
    let most = |own: &Vec<f64>| {
        let best =
            own.iter().enumerate().fold(
                (0, 0.0),
                |best, (level, p)| {
                    if *p > best.1 { (level, *p) } else { best }
                },
            );
        levels[best.0].clone()
    };
    let column = |(position, name): (usize, &String)| {
        let rows = probabilities.iter().map(Option::as_ref);
        let values = if position == 0 {
            Arc::new(rows.map(|own| own.map(most)).collect::<StringArray>()) as ArrayRef
        } else {
            let own = rows.map(|own| own.map(|own| own[position - 1]));
            Arc::new(own.collect::<Float64Array>()) as ArrayRef
        };
        (name.clone(), values)
    };
    names.iter().enumerate().map(column).collect()
}

fn uneven(source: ndarray::ShapeError) -> Error {
    Error::failure(format!("columns of different lengths: {source}"))
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
        if design.outcome.is_none() {
            push(format!("pred.{}", target.name));
        }
    }
    columns
}

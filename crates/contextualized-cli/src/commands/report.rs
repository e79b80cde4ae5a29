//! `report`: one HTML file.

use super::fit::file_name;
use crate::arguments::{Global, Report};
use crate::data::Source;
use crate::design::{Design, Encoder};
use crate::error::Result;
use crate::output::{OutputFile, capital, say};
use crate::paths::{is_standard, shown};
use crate::progress::Progress;
use crate::report::{ContextAxis, NetworkReport, RegressionReport, Study};
use crate::saved::{Fitted, Networks, Regression, Saved};
use contextualized_core::{LocalCoefficients, NetworkDensity, Samples};
use ndarray::Array2;

pub(crate) fn run(arguments: &Report, global: &Global) -> Result<()> {
    let saved = Saved::load(&arguments.model)?;
    let progress = Progress::new(global, "reading");
    OutputFile::check(&arguments.out)?;
    let reading = arguments.flags.reading_like(&saved.reading)?;
    let source = Source::open(&arguments.data, &reading)?;
    let design = saved
        .design
        .with_offset_named(arguments.offset.as_deref())?;
    let (test, dropped) = Encoder::samples(&design, &source, arguments.flags.drop_missing)?;
    progress.say("writing the report");
    let study = study(&saved, arguments, test, dropped)?;
    let html = match &saved.fitted {
        Fitted::Regression(regression) => {
            of_regression(study, regression, saved.design.intercept, arguments.level)?
        }
        Fitted::Networks(networks) => of_networks(study, networks)?,
    };
    OutputFile::write_whole(&arguments.out, html.as_bytes())?;
    drop(progress);
    if is_standard(&arguments.out) {
        return Ok(());
    }
    say(
        &saved.facts(),
        &[(format!("Report written to {}", shown(&arguments.out)), None)],
        global,
    )
}

/// What the report is about, whatever was fitted.
fn study(saved: &Saved, arguments: &Report, test: Samples, dropped: usize) -> Result<Study> {
    let design = &saved.design;
    let title = match (&arguments.title, design.is_of_networks()) {
        (Some(title), _) => title.clone(),
        (None, false) => format!(
            "How {} depends on context",
            design.target_names().join(", ")
        ),
        (None, true) => "Networks that depend on context".to_owned(),
    };
    let left_out = |dropped: usize| match dropped {
        0 => "none".to_owned(),
        dropped => format!("{dropped}, with missing values"),
    };
    let mut data = vec![
        fact("Training file", &saved.data.file),
        fact("Training rows", saved.data.rows),
        fact("Training rows left out", left_out(saved.data.dropped)),
        fact("Test file", file_name(&arguments.data)),
        fact("Test rows", test.rows()),
        fact("Test rows left out", left_out(dropped)),
    ];
    data.extend(
        saved
            .data
            .weights
            .iter()
            .map(|name| fact("Row weights", name)),
    );
    let together = saved.data.kept_together();
    data.extend(together.map(|text| fact("Training rows kept together", capital(&text))));
    let offset = design.offset.map(|offset| &design.variables[offset]);
    data.extend(offset.map(|offset| fact("Offset", &offset.name)));
    for target in &design.targets {
        if let Some(levels) = &target.levels {
            let meaning = format!("0 is {:?}, 1 is {:?}", levels[0], levels[1]);
            data.push(fact(&format!("Outcome {}", target.name), meaning));
        }
    }
    let remarks = saved.data.remarks.iter();
    data.extend(remarks.map(|text| fact("Training data", text)));
    data.extend(
        saved
            .data
            .wild
            .iter()
            .map(|text| fact("Contexts far from all others", text)),
    );
    let choice = saved.fitted.choice();
    let mut estimator = vec![fact("Estimator", saved.fitted.describe())];
    let transformed = saved.transformed();
    estimator.extend(transformed.map(|text| fact("Contexts transformed", text)));
    if !design.is_of_networks() {
        estimator.push(fact("Outcome", design.family.description()));
    }
    if choice.candidates().len() > 1 {
        estimator.push(fact("Why", choice.reason()));
    }
    Ok(Study {
        title,
        formula: design.formula.clone(),
        data,
        independence: saved.data.independence(),
        estimator,
        training: saved.training.samples(design)?,
        training_rows: saved.data.rows,
        test,
        contexts: axes(design),
        cluster_sizes: Vec::new(),
        candidates: choice.candidates().to_vec(),
        chosen: choice.chosen(),
    })
}

fn fact(label: &str, value: impl ToString) -> (String, String) {
    (label.to_owned(), value.to_string())
}

/// What is said where there is no population to compare with.
const NO_POPULATION: &str = "a report compares with the population, which could not be fitted";

fn of_regression(
    mut study: Study,
    regression: &Regression,
    intercept: bool,
    level: f64,
) -> Result<String> {
    let model = &regression.model;
    for (label, failure) in [
        ("Tests of variation", regression.variation.failure()),
        ("Clusters", regression.clusters.failure()),
    ] {
        let why = failure.map(|reason| fact(label, format!("none: {reason}")));
        study.estimator.extend(why);
    }
    let clusters = regression.clusters.fitted();
    if let Some(model) = clusters {
        let own = model.report().clusters.iter();
        study.cluster_sizes = own.map(|cluster| cluster.rows).collect();
    }
    Ok(RegressionReport {
        study: &study,
        model,
        bands: model.as_sums(),
        intercept,
        population: regression.population.required(NO_POPULATION)?,
        clusters: clusters.map(|model| model as _),
        variation: regression.variation.fitted(),
        level,
    }
    .html()?)
}

fn of_networks(mut study: Study, networks: &Networks) -> Result<String> {
    let clusters = networks.clusters.fitted();
    study.cluster_sizes = clusters
        .and_then(NetworkDensity::cluster_sizes)
        .unwrap_or_default();
    Ok(NetworkReport {
        study: &study,
        model: &networks.model,
        population: networks.population.required(NO_POPULATION)?,
        clusters: clusters.map(|model| model as _),
    }
    .html()?)
}

/// Contexts as the formula names them: a variable with levels is one context, whatever its columns.
fn axes(design: &Design) -> Vec<ContextAxis> {
    let mut axes = Vec::new();
    for (position, variable) in design.variables.iter().enumerate() {
        let own: Vec<(usize, Option<usize>)> = design
            .contexts
            .iter()
            .enumerate()
            .flat_map(|(column, context)| {
                let factors = context.factors.iter();
                factors
                    .filter(|(variable, _)| *variable == position)
                    .map(move |(_, level)| (column, *level))
            })
            .collect();
        let columns: Vec<usize> = own.iter().map(|(column, _)| *column).collect();
        match &variable.levels {
            _ if own.is_empty() => {}
            None => axes.extend(
                columns
                    .into_iter()
                    .map(|column| ContextAxis::Number { column }),
            ),
            Some(levels) => axes.push(ContextAxis::Category {
                name: variable.name.clone(),
                codes: Array2::from_shape_fn((levels.len(), own.len()), |(level, column)| {
                    f64::from(own[column].1 == Some(level))
                }),
                columns,
                levels: levels.clone(),
            }),
        }
    }
    axes
}

//! `report`: one HTML file.

use super::fit::file_name;
use crate::arguments::{Global, Report};
use crate::design::{Design, Encoder, LeftOut};
use crate::error::Result;
use crate::model_files;
use crate::output::{OutputFile, capital, say};
use crate::progress::Progress;
use crate::report::{NetworkReport, RegressionReport, Study};
use crate::saved::{Baseline, Fitted, Networks, Regression, Saved};
use contextualized_baselines::{ClusterModel, ClusterRegression};
use contextualized_core::{
    Estimator, LocalCoefficients, NetworkDensity, RegressionEstimator, RegressionSettings, Samples,
};
use contextualized_files::Source;
use contextualized_files::{is_standard, shown};
use contextualized_frame::account::{Account, random_effects, treatment_sections};
use contextualized_frame::axes::ContextAxis;

pub(crate) fn run(arguments: &Report, global: &Global) -> Result<()> {
    let saved = model_files::load(&arguments.model)?;
    saved.require_contexts("a report")?;
    let progress = Progress::new(global, "reading");
    OutputFile::check(&arguments.out)?;
    let reading = arguments.flags.reading_like(&saved.reading)?;
    let source = Source::open(&arguments.data, &reading)?;
    let design = saved
        .design
        .with_offset_named(arguments.offset.as_deref())?;
    let (test, left_out) = Encoder::samples(
        &design,
        &source,
        arguments.flags.drop_missing,
        arguments.drop_unknown_levels,
    )?;
    progress.say("writing the report");
    let study = study(&saved, arguments, test, left_out)?;
    let html = match &saved.fitted {
        Fitted::Regression(regression) => of_regression(study, &saved, regression, arguments)?,
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
fn study(saved: &Saved, arguments: &Report, test: Samples, left_out: LeftOut) -> Result<Study> {
    let design = &saved.design;
    let title = match (&arguments.title, design.is_of_networks()) {
        (Some(title), _) => title.clone(),
        (None, false) => format!(
            "How {} depends on context",
            design.target_names().join(", ")
        ),
        (None, true) => "Networks that depend on context".to_owned(),
    };
    let of_training = LeftOut {
        missing: saved.data.dropped,
        unknown: 0,
    };
    let mut data = vec![
        fact("Training file", &saved.data.file),
        fact("Training rows", saved.rows()),
        fact("Training rows left out", of_training.text()),
        fact("Test file", file_name(&arguments.data)),
        fact("Test rows", test.rows()),
        fact("Test rows left out", left_out.text()),
    ];
    data.extend(
        saved
            .data
            .weights
            .iter()
            .map(|name| fact("Row weights", name)),
    );
    if saved.data.weights.is_some() {
        let all =
            "none: all test rows count the same, intervals are those of a row of average weight";
        data.push(fact("Weights of test rows", all));
    }
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
        estimator.push(fact("Outcome", design.outcome_description()));
    }
    if choice.candidates().len() > 1 {
        estimator.push(fact("Why", choice.reason()));
    }
    Ok(Study {
        title,
        formula: design.formula.clone(),
        data,
        independence: saved.data.independence(),
        coefficients: design.coefficient_description(),
        estimator,
        training: saved.training.samples(design)?,
        training_rows: saved.data.rows,
        test,
        contexts: ContextAxis::of(design, &saved.training.samples(design)?),
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
    saved: &Saved,
    regression: &Regression,
    arguments: &Report,
) -> Result<String> {
    let model = &regression.model;
    let training = saved.training.samples(&saved.design)?;
    let alone = training.without_random_terms();
    let (clusters, account) = rayon::join(
        || clusters(&saved.design, &alone),
        || {
            Account::new(saved, regression, &training, arguments.level).or_else(|error| {
                // A bootstrap has intervals up to a level; the report says where it has none.
                Account::without_evidence(saved, regression, &training).map_err(|_| error)
            })
        },
    );
    let account = account?;
    for (label, failure) in [
        ("Tests of variation", regression.variation.failure()),
        ("Clusters", clusters.failure()),
    ] {
        let why = failure.map(|reason| fact(label, format!("none: {reason}")));
        study.estimator.extend(why);
    }
    let clusters = clusters.fitted();
    if let Some(model) = clusters {
        let own = model.report().clusters.iter();
        study.cluster_sizes = own.map(|cluster| cluster.rows).collect();
        let rows: usize = study.cluster_sizes.iter().sum();
        if rows < saved.data.rows {
            let few = format!("fitted to {rows} of the training rows, drawn by chance");
            study.estimator.push(fact("Clusters compared with", few));
        }
    }
    let known = model.predictor_distribution(study.test.contexts(), study.test.features());
    let known = match known {
        Ok(known) => Some(known),
        Err(contextualized_core::Error::NoIntervals { .. }) => None,
        Err(other) => return Err(other.into()),
    };
    let mut summary = treatment_sections(saved, regression, arguments.level)?;
    summary.push(account.averages_table());
    summary.extend(random_effects(regression, &training));
    summary.push(account.fit_table());
    Ok(RegressionReport {
        study: &study,
        model,
        bands: model.as_sums(),
        intercept: saved.design.intercept,
        averages: &account.averages,
        summary: &summary,
        known: known.as_ref(),
        row: usize::try_from(arguments.row - 1).unwrap_or(usize::MAX),
        population: regression.population.required(NO_POPULATION)?,
        clusters: clusters.map(|model| model as _),
        variation: regression.variation.fitted(),
        level: arguments.level,
    }
    .html()?)
}

/// The clusters that the report compares with, of the training rows that the model file keeps. Nothing else asks
/// for them.
fn clusters(design: &Design, training: &Samples) -> Baseline<ClusterModel> {
    let settings = RegressionSettings {
        family: design.family,
        intercept: design.intercept,
        seed: 0,
    };
    Baseline::new(ClusterRegression::with_settings(&settings).fit(training))
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

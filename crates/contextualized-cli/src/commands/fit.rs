//! `fit`: a regression whose coefficients vary with context.

use crate::arguments::{DataFlags, Estimate, Fit, Global, RegressionFlags, check_folds};
use crate::data::Source;
use crate::design::{Design, Request, Training, read_training};
use crate::error::{Error, Result};
use crate::formula::{self, Formula};
use crate::model_file;
use crate::output::{Cell, OutputFile, Section, Table, capital, say};
use crate::paths::{is_standard, shown};
use crate::progress::Progress;
use crate::saved::{
    Baseline, DataSummary, Fitted, Groups, Regression, Saved, Tests, TrainingRows, spread,
};
use crate::settings::RegressionSettingsFlags;
use contextualized_analysis::{goodness_of_fit, wald_table};
use contextualized_auto::{
    AutoModel, AutoRegression, AutoReport, CandidateOutcome, CandidateReport, RegressionMethod,
    RegressionModel,
};
use contextualized_baselines::PopulationRegression;
use contextualized_core::{
    Estimator, LocalCoefficients, RegressionEstimator, RegressionSettings, Samples,
};
use contextualized_linear::{GaussianProcessRegression, KernelShape, Sharing};
use ndarray::s;
use std::collections::BTreeSet;
use std::path::Path;

/// The most rows that tests of variation are made with: their kernel has length scales for every
/// coefficient with every context, and with as many rows power is ample.
const MOST_TESTED: usize = 5000;

/// Replicates of which the ends of an interval of 95 % can be taken.
const LEAST_BOOTSTRAPS: usize = 39;

/// Ends of intervals do not become better by more.
const MOST_BOOTSTRAPS: usize = 10_000;

/// The most pairs of a coefficient and a context that are tested: each has a length scale of its own.
const MOST_PAIRS: usize = 1_000;

pub(crate) fn run(arguments: &Fit, global: &Global) -> Result<()> {
    let settings = &arguments.settings;
    check_folds(settings.folds)?;
    if (1..LEAST_BOOTSTRAPS).contains(&arguments.bootstraps) {
        return Err(Error::usage(format!(
            "--bootstraps {}: intervals of 95 % need at least {LEAST_BOOTSTRAPS}",
            arguments.bootstraps
        )));
    }
    if arguments.bootstraps > MOST_BOOTSTRAPS {
        return Err(Error::usage(format!(
            "--bootstraps {} would take very long; {MOST_BOOTSTRAPS} are more than enough",
            arguments.bootstraps
        )));
    }
    arguments.of_estimators.check(&[arguments.estimator])?;
    let formula = formula::parse(&arguments.formula)?;
    OutputFile::check(&arguments.out)?;
    if formula.targets.is_empty() {
        return Err(Error::usage(
            "the formula has no target before `~`; `contextualized networks` fits formulas without one",
        ));
    }
    let progress = Progress::new(global, "reading");
    let mut training = read_regression(&arguments.data, &formula, settings, &arguments.flags)?;
    training.samples = training.samples.with_monitor(progress.monitor());
    let design = &training.design;
    let samples = &training.samples;

    progress.say("fitting");
    let estimator = estimator(
        design,
        settings,
        &arguments.of_estimators,
        arguments.estimator,
        samples,
    )
    .bootstraps(arguments.bootstraps);
    let by_default = RegressionSettings {
        family: design.family,
        intercept: design.intercept,
        seed: settings.seed,
    };
    // Effects and reports compare with the population, which may be the model itself.
    let is_population = arguments.estimator == Estimate::Only(RegressionMethod::Population)
        && arguments.bootstraps == 0
        && !arguments.of_estimators.any();
    let population = || PopulationRegression::with_settings(&by_default).fit(samples);
    let (model, (baseline, variation)) = rayon::join(
        || {
            let model = estimator.fit(samples)?;
            find_uncertainty(&model, samples);
            Ok::<_, contextualized_core::Error>(model)
        },
        || {
            let baseline = (!is_population).then(|| Baseline::new(population()));
            let tests = if arguments.no_tests {
                Baseline::Failed("it was fitted with --no-tests".to_owned())
            } else {
                Baseline::new(tests(design, samples))
            };
            (baseline, tests)
        },
    );
    let model = model?;
    let population = match (baseline, model.model()) {
        (Some(baseline), _) => baseline,
        (None, RegressionModel::Population(own)) => Baseline::Fitted(own.clone()),
        (None, _) => Baseline::new(population()),
    };
    let regression = Regression {
        goodness: goodness_of_fit(&model, samples)?,
        model,
        population,
        variation,
    };
    let data = summary(
        &arguments.data,
        &training,
        settings.weights.as_deref(),
        settings.groups.as_deref(),
    );
    let saved = Saved {
        data,
        training: TrainingRows::of(samples)?,
        fitted: Fitted::Regression(Box::new(regression)),
        design: training.design,
        reading: training.reading,
    };
    finish(
        &saved,
        &arguments.out,
        progress,
        global,
        !arguments.no_tests,
    )
}

/// Has a model of many rows find what its intervals need, which the model file then holds: every later command would
/// look for it again. Of few rows that takes less time than anyone notices. What cannot be found is said where it is
/// asked for.
fn find_uncertainty(model: &AutoModel, samples: &Samples) {
    const FEW_ROWS: usize = 400;
    if samples.rows() > FEW_ROWS
        && let Some(model) = model.as_predictive()
    {
        let first = s![..1, ..];
        let (contexts, features) = (samples.contexts(), samples.features());
        let _ = model.predictor_distribution(contexts.slice(first), features.slice(first));
    }
}

/// Writes a model, and says what was done; also why there are no tests, where they were asked for.
pub(super) fn finish(
    saved: &Saved,
    out: &Path,
    progress: Progress,
    global: &Global,
    tested: bool,
) -> Result<()> {
    progress.say("writing");
    model_file::save(saved, out)?;
    drop(progress);
    let mut sections = vec![(rows_in_words(saved), None)];
    let said = saved.data.remarks.iter().chain(&saved.data.wild);
    sections.extend(said.map(|text| (text.clone(), None)));
    sections.extend(
        saved
            .data
            .kept_together()
            .map(|text| (capital(&text), None)),
    );
    sections.extend(family_in_words(&saved.design).map(|text| (text, None)));
    sections.extend(choice_section(saved.fitted.choice()));
    sections.push((format!("Fitted: {}", saved.fitted.describe()), None));
    sections.extend(saved.transformed().map(|text| (text, None)));
    if let Fitted::Regression(regression) = &saved.fitted
        && let Some(reason) = regression.variation.failure()
        && tested
    {
        sections.push((format!("No tests of variation: {reason}"), None));
    }
    sections.push((format!("Model written to {}", shown(out)), None));
    say(&saved.facts(), &sections, global)
}

/// The rows of a regression.
pub(crate) fn read_regression(
    data: &Path,
    formula: &Formula,
    settings: &RegressionFlags,
    flags: &DataFlags,
) -> Result<Training> {
    read_training(
        &Source::open(data, &flags.reading()?)?,
        &Request {
            formula,
            weights: settings.weights.as_deref(),
            groups: settings.groups.as_deref(),
            offset: settings.offset.as_deref(),
            family: settings.family,
            drop_missing: flags.drop_missing,
        },
    )
}

/// The estimator that was asked for.
pub(crate) fn estimator(
    design: &Design,
    settings: &RegressionFlags,
    of_estimators: &RegressionSettingsFlags,
    estimate: Estimate<RegressionMethod>,
    samples: &Samples,
) -> AutoRegression {
    let estimator = AutoRegression::new()
        .family(design.family)
        .intercept(design.intercept)
        .folds(settings.folds)
        .seed(settings.seed);
    let estimator = match estimate {
        Estimate::Auto => estimator,
        Estimate::Only(method) => estimator.only(method),
    };
    if !of_estimators.any() {
        return estimator;
    }
    let contexts = samples.names().context_variables().len();
    let candidates = of_estimators.applied(estimator.listed(contexts));
    estimator.candidates(candidates)
}

/// Which coefficients vary with which contexts, by one procedure whatever estimator was chosen: a
/// choice made by looking at the same rows would make the tests of the chosen model optimistic.
fn tests(design: &Design, samples: &Samples) -> contextualized_core::Result<Tests> {
    let coefficients = samples.features().ncols() + usize::from(design.intercept);
    let pairs = coefficients * samples.names().context_variables().len();
    if pairs > MOST_PAIRS {
        return Err(contextualized_core::Error::invalid_parameter(
            "pairs of coefficients and contexts to test",
            pairs,
            format!("at most {MOST_PAIRS}"),
        ));
    }
    let samples = spread(samples, MOST_TESTED)?;
    let additive = GaussianProcessRegression::new()
        .family(design.family)
        .additive(KernelShape::SquaredExponential)
        .sharing(Sharing::PerCoefficient)
        // Of its fit the tests use how rough functions may be.
        .tolerance(0.1)
        .intercept(design.intercept);
    let model = additive.fit(&samples)?;
    Ok(Tests {
        table: wald_table(&model, &samples)?,
        rows: samples.rows(),
    })
}

/// The name of a file without its folder, which a model file should not tell.
pub(super) fn file_name(path: &Path) -> String {
    match path.file_name() {
        Some(_) if is_standard(path) => "standard input".to_owned(),
        Some(name) => shown(name.as_ref()),
        None => shown(path),
    }
}

pub(crate) fn summary(
    data: &Path,
    training: &Training,
    weights: Option<&str>,
    groups: Option<&str>,
) -> DataSummary {
    let samples = &training.samples;
    let copies = match samples.groups() {
        Some(_) => None,
        None => samples.copies(),
    };
    DataSummary {
        groups: groups.map(|column| Groups {
            column: column.to_owned(),
            count: distinct(samples.groups().unwrap_or_default()),
        }),
        remarks: training.remarks.clone(),
        wild: wild_in_words(samples),
        copies: copies.map_or(0, |labels| labels.len() - distinct(&labels)),
        file: file_name(data),
        rows: training.samples.rows(),
        dropped: training.dropped,
        weights: weights.map(str::to_owned),
    }
}

/// Contexts far from all others, by name, row of those fitted and value.
fn wild_in_words(samples: &Samples) -> Option<String> {
    const MOST: usize = 5;
    let found = samples.wild_contexts();
    let names = &samples.names().contexts;
    let said: Vec<String> = found
        .iter()
        .take(MOST)
        .map(|wild| {
            format!(
                "{} is {} in row {}",
                names[wild.context],
                wild.value,
                wild.row + 1
            )
        })
        .collect();
    let more = match found.len().saturating_sub(MOST) {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    (!said.is_empty()).then(|| {
        format!(
            "Far from all others (rows are counted among those used): {}{more}. If that is not a mistake, keep it.",
            said.join(", ")
        )
    })
}

fn distinct(labels: &[usize]) -> usize {
    labels.iter().collect::<BTreeSet<_>>().len()
}

/// How many rows of which file, and what they are.
pub(super) fn rows_in_words(saved: &Saved) -> String {
    let DataSummary {
        file,
        rows,
        dropped,
        ..
    } = &saved.data;
    let left_out = match dropped {
        0 => String::new(),
        dropped => format!(" ({dropped} with missing values left out)"),
    };
    format!("{rows} rows of {file}{left_out}: {}", saved.design.formula)
}

/// What outcomes are, and of a binary one what it is the probability of.
pub(super) fn family_in_words(design: &Design) -> Option<String> {
    if design.family.is_quadratic() && design.offset.is_none() {
        return None;
    }
    let mut text = format!("Outcome: {}", design.family.description());
    if design.family.is_binary() {
        let targets: Vec<String> = design
            .targets
            .iter()
            .map(|target| match &target.levels {
                Some(levels) => format!("{} is {:?}", target.name, levels[1]),
                None => format!("{} is 1", target.name),
            })
            .collect();
        text = format!(
            "Binary outcome: probabilities that {}",
            targets.join(", that ")
        );
    }
    if let Some(offset) = design.offset {
        text = format!("{text}; offset {}", design.variables[offset].name);
    }
    Some(text)
}

/// The table an automatic choice was made from, if there was a choice.
fn choice_section(report: &AutoReport) -> Option<Section> {
    if report.candidates().len() < 2 {
        return None;
    }
    let mut table = Table::new(
        "choice",
        &[
            "estimator",
            "loss",
            "standard error",
            "difference",
            "SE of difference",
            "chosen",
        ],
    );
    for (position, candidate) in report.candidates().iter().enumerate() {
        let mut row: Vec<Cell> = vec![candidate.name.as_str().into()];
        let chosen = if position == report.chosen() { "*" } else { "" };
        let (score, note) = match &candidate.outcome {
            CandidateOutcome::Compared(score) => (Some(score), chosen.to_owned()),
            CandidateOutcome::StoppedEarly(_) => (None, "stopped early".to_owned()),
            CandidateOutcome::NotCompared(_) => (None, chosen.to_owned()),
            CandidateOutcome::Failed(reason) => (None, format!("failed: {reason}")),
        };
        row.extend([
            score.map(|score| score.loss).into(),
            score.and_then(|score| score.standard_error).into(),
            score.map(|score| score.excess).into(),
            score.and_then(|score| score.excess_error).into(),
            note.into(),
        ]);
        table.push(row);
    }
    let stopped = |candidate: &CandidateReport| {
        matches!(candidate.outcome, CandidateOutcome::StoppedEarly(_))
    };
    let early = if report.candidates().iter().any(stopped) {
        " Candidates far behind after the first folds were stopped early."
    } else {
        ""
    };
    let note = format!(
        "Held-out {} in {} folds of {} rows. Chosen (*): {}{early}",
        report.loss(),
        report.folds(),
        report.rows(),
        report.reason()
    );
    Some((note, Some(table)))
}

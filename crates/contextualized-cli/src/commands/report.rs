//! `report`: one HTML file.

use super::fit::file_name;
use crate::arguments::{Global, Report};
use crate::data::Source;
use crate::design::{Design, Encoder, TargetKind};
use crate::error::{Error, Result};
use crate::model_file;
use crate::output::{OutputFile, print};
use crate::progress::Progress;
use crate::report::{
    Achieved, Candidate, Clusters, ContextAxis, NetworkReport, RegressionReport, Tested,
};
use crate::saved::{Baseline, Fitted, Networks, Regression, Saved};
use contextualized_auto::{AutoReport, ByMethod, CandidateOutcome, NetworkModel};
use contextualized_baselines::ClusterReport;
use contextualized_core::metrics::Score;
use contextualized_core::{NetworkDensity, Samples};
use ndarray::Array2;
use std::io::Write;

pub(crate) fn run(arguments: &Report, global: &Global) -> Result<()> {
    let saved: Saved = model_file::load(&arguments.model)?;
    let progress = Progress::new(global, "reading");
    let source = Source::open(&arguments.data, &arguments.flags.reading())?;
    let (test, dropped) = Encoder::samples(&saved.design, &source, arguments.flags.drop_missing)?;
    progress.say("writing the report");
    let inputs = Inputs::new(&saved, arguments, test, dropped)?;
    let html = match &saved.fitted {
        Fitted::Regression(regression) => inputs.of_regression(regression)?,
        Fitted::Networks(networks) => inputs.of_networks(networks)?,
    };
    let mut file = OutputFile::create(&arguments.out)?;
    file.write_all(html.as_bytes())
        .map_err(|source| Error::file("write", &arguments.out, &source))?;
    file.finish()?;
    drop(progress);
    if global.quiet || arguments.out == "-" {
        Ok(())
    } else {
        print(
            &[(format!("Report written to {}", arguments.out), None)],
            global.json,
        )
    }
}

/// What both kinds of report need.
struct Inputs<'a> {
    saved: &'a Saved,
    title: String,
    level: f64,
    training: Samples,
    test: Samples,
    data: Vec<(String, String)>,
    contexts: Vec<ContextAxis>,
}

impl<'a> Inputs<'a> {
    fn new(saved: &'a Saved, arguments: &Report, test: Samples, dropped: usize) -> Result<Self> {
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
        let mut data: Vec<(String, String)> = [
            ("Training file", saved.data.file.clone()),
            ("Training rows", saved.data.rows.to_string()),
            ("Training rows left out", left_out(saved.data.dropped)),
            ("Test file", file_name(&arguments.data)),
            ("Test rows", test.rows().to_string()),
            ("Test rows left out", left_out(dropped)),
        ]
        .map(|(label, value)| (label.to_owned(), value))
        .to_vec();
        if let Some(weights) = &saved.data.weights {
            data.push(("Row weights".to_owned(), weights.clone()));
        }
        for target in &design.targets {
            if let Some(levels) = &target.levels {
                let meaning = format!("0 is {:?}, 1 is {:?}", levels[0], levels[1]);
                data.push((format!("Outcome {}", target.name), meaning));
            }
        }
        Ok(Self {
            title,
            level: arguments.level,
            training: saved.training.samples(design)?,
            test,
            data,
            contexts: axes(design),
            saved,
        })
    }

    fn of_regression(&self, regression: &Regression) -> Result<String> {
        let model = &regression.model;
        let design = &self.saved.design;
        let mut estimator = vec![
            ("Estimator".to_owned(), model.describe()),
            (
                "Outcome".to_owned(),
                match design.target_kind {
                    TargetKind::Gaussian => "a number".to_owned(),
                    TargetKind::Binary => "binary, by the logit link".to_owned(),
                },
            ),
        ];
        estimator.extend(reason(model.report()));
        if let Baseline::Failed(reason) = &regression.variation {
            estimator.push(("Tests of variation".to_owned(), format!("none: {reason}")));
        }
        if let Baseline::Failed(reason) = &regression.clusters {
            estimator.push(("Clusters".to_owned(), format!("none: {reason}")));
        }
        let sizes = regression
            .clusters
            .fitted()
            .map(|clusters| sizes(clusters.report()));
        let clusters = regression.clusters.fitted().zip(sizes.as_deref());
        let tests = regression.variation.fitted();
        let tested_by = tests.map(|tests| {
            format!(
                "Wald tests of a Gaussian process of their own, whatever the estimator, of {} training \
                 rows",
                tests.rows
            )
        });
        Ok(RegressionReport {
            title: &self.title,
            formula: &design.formula,
            data: &self.data,
            estimator: &estimator,
            model,
            bands: model.model().as_with_sums(),
            intercept: design.intercept,
            population: fitted(&regression.population)?,
            clusters: clusters.map(|(model, sizes)| Clusters {
                model: model as _,
                sizes,
            }),
            training: &self.training,
            training_rows: self.saved.data.rows,
            test: &self.test,
            contexts: &self.contexts,
            variation: tests.zip(tested_by.as_deref()).map(|(tests, by)| Tested {
                table: &tests.table,
                by,
            }),
            choice: &choice(model.report()),
            level: self.level,
        }
        .html()?)
    }

    fn of_networks(&self, networks: &Networks) -> Result<String> {
        let model = &networks.model;
        let mut estimator = vec![("Estimator".to_owned(), model.describe())];
        estimator.extend(reason(model.report()));
        let sizes = networks.clusters.fitted().and_then(cluster_sizes);
        let clusters = networks.clusters.fitted().zip(sizes.as_deref());
        Ok(NetworkReport {
            title: &self.title,
            formula: &self.saved.design.formula,
            data: &self.data,
            estimator: &estimator,
            model,
            population: fitted(&networks.population)?,
            clusters: clusters.map(|(model, sizes)| Clusters {
                model: model as &dyn NetworkDensity,
                sizes,
            }),
            training: &self.training,
            training_rows: self.saved.data.rows,
            test: &self.test,
            contexts: &self.contexts,
            choice: &choice(model.report()),
        }
        .html()?)
    }
}

fn fitted<M>(baseline: &Baseline<M>) -> Result<&M> {
    match baseline {
        Baseline::Fitted(model) => Ok(model),
        Baseline::Failed(reason) => Err(Error::failure(format!(
            "a report compares with the population, which could not be fitted: {reason}"
        ))),
    }
}

fn sizes(report: &ClusterReport) -> Vec<usize> {
    report.clusters.iter().map(|cluster| cluster.rows).collect()
}

fn cluster_sizes(model: &NetworkModel) -> Option<Vec<usize>> {
    let report = match model {
        NetworkModel::Correlation(model) => match &**model {
            ByMethod::Cluster(clusters) => clusters.report(),
            _ => return None,
        },
        NetworkModel::Markov(model) => match &**model {
            ByMethod::Cluster(clusters) => clusters.report(),
            _ => return None,
        },
        NetworkModel::Bayesian(model) => match &**model {
            ByMethod::Cluster(clusters) => clusters.report(),
            _ => return None,
        },
    };
    Some(sizes(report))
}

fn reason(report: &AutoReport) -> Option<(String, String)> {
    let chosen = report.candidates().len() > 1;
    chosen.then(|| ("Why".to_owned(), report.reason().to_owned()))
}

fn with_error(mean: f64, standard_error: Option<f64>) -> Score {
    Score {
        mean,
        standard_error: standard_error.unwrap_or(f64::NAN),
    }
}

/// The table of an automatic choice; empty where there was none.
fn choice(report: &AutoReport) -> Vec<Candidate> {
    if report.candidates().len() < 2 {
        return Vec::new();
    }
    let lines = report.candidates().iter().enumerate();
    lines
        .map(|(position, candidate)| Candidate {
            name: candidate.name.clone(),
            outcome: match &candidate.outcome {
                CandidateOutcome::Compared(score) => Ok(Achieved {
                    loss: with_error(score.loss, score.standard_error),
                    excess: with_error(score.excess, score.excess_error),
                }),
                CandidateOutcome::Failed(reason) | CandidateOutcome::NotCompared(reason) => {
                    Err(reason.clone())
                }
            },
            chosen: position == report.chosen(),
        })
        .collect()
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

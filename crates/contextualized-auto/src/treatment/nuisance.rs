//! Means of outcome and treatment given features and contexts, by the learner that predicts held-out rows best.

use crate::choice::{Comparison, Decision};
use crate::{AutoReport, Candidate, RegressionMethod};
use contextualized_core::cross_validation::HeldOut;
use contextualized_core::{
    Error, Estimator, KFold, LocalCoefficients, RegressionSettings, Result, Samples,
};
use ndarray::{Array1, Array2, Axis, concatenate};
use rayon::prelude::*;
use std::borrow::Cow;

/// A candidate, and what it is given as features.
#[derive(Debug, Clone, PartialEq)]
struct Learner {
    terms: Terms,
    candidate: Candidate,
}

/// What a nuisance is linear in, with coefficients that vary with the contexts or do not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Terms {
    /// The features.
    Features,
    /// Features and contexts.
    Contexts,
    /// Features, contexts, and products of every two of them.
    Products,
}

/// The most columns that are multiplied with each other: with more a fit without a penalty means little.
const MOST_MULTIPLIED: usize = 12;

impl Terms {
    /// The samples with these terms as features.
    fn of(self, samples: &Samples) -> Result<Cow<'_, Samples>> {
        if self == Self::Features {
            return Ok(Cow::Borrowed(samples));
        }
        let mut names: Vec<String> = Vec::new();
        let mut table: Vec<Array1<f64>> = Vec::new();
        let own = samples.names();
        let (features, contexts) = (samples.features(), samples.contexts());
        let features = own.features.iter().zip(features.columns());
        for (name, column) in features.chain(own.contexts.iter().zip(contexts.columns())) {
            // A column may be a feature and a context.
            if !table.iter().any(|known| *known == column) {
                names.push(name.clone());
                table.push(column.to_owned());
            }
        }
        let terms = table.len();
        if self == Self::Products {
            for first in 0..terms {
                for second in first..terms {
                    names.push(format!("{}:{}", names[first], names[second]));
                    table.push(&table[first] * &table[second]);
                }
            }
        }
        let views: Vec<_> = table
            .iter()
            .map(|column| column.view().insert_axis(Axis(1)))
            .collect();
        let table = concatenate(Axis(1), &views)
            .map_err(|error| Error::numerical("joining features", error))?;
        samples
            .replace_features(table.view(), names)
            .map(Cow::Owned)
    }
}

impl Learner {
    fn name(&self) -> String {
        match self.terms {
            Terms::Features => self.candidate.name(),
            Terms::Contexts => format!("{} with linear terms of contexts", self.candidate.name()),
            Terms::Products => format!("{} with products of two terms", self.candidate.name()),
        }
    }

    fn predicted(&self, train: &Samples, test: &Samples) -> Result<Array2<f64>> {
        let model = self.candidate.fit_part(self.terms.of(train)?.as_ref())?;
        model.predict_samples(self.terms.of(test)?.as_ref())
    }
}

/// All learners of a mean, those to be preferred first.
fn learners(
    samples: &Samples,
    methods: &[RegressionMethod],
    settings: &RegressionSettings,
) -> Vec<Learner> {
    let variables = samples.names().context_variables();
    let candidates = Candidate::all(settings, variables.len()).into_iter();
    let mut all: Vec<Learner> = candidates
        .filter(|candidate| methods.contains(&candidate.method()))
        .map(|candidate| Learner {
            terms: Terms::Features,
            candidate,
        })
        .collect();
    let is_population = |own: &Learner| own.candidate.method() == RegressionMethod::Population;
    let Some(constant) = all.iter().position(is_population) else {
        return all;
    };
    // Codes of levels are not numbers.
    if variables.iter().any(|own| own.coded_levels.is_some()) {
        return all;
    }
    let mut terms = vec![Terms::Contexts];
    if samples.features().ncols() + samples.contexts().ncols() <= MOST_MULTIPLIED {
        terms.push(Terms::Products);
    }
    let linear = terms.into_iter().map(|terms| Learner {
        terms,
        ..all[constant].clone()
    });
    let linear: Vec<Learner> = linear.collect();
    all.splice(constant + 1..constant + 1, linear);
    all
}

/// Means of every row of samples (n × y) by models that were fitted without it, and what these were chosen from.
///
/// The folds that learners are compared on are those that give the means, as in `cv.glmnet(keep = TRUE)`: what is
/// chosen depends on all rows, the means of a row do not depend on its outcome otherwise.
pub(super) fn cross_fitted(
    samples: &Samples,
    methods: &[RegressionMethod],
    settings: &RegressionSettings,
    comparison: &Comparison,
) -> Result<(Array2<f64>, AutoReport)> {
    let family = settings.family;
    family.check_single(samples)?;
    let learners = learners(samples, methods, settings);
    if learners.is_empty() {
        return Err(Error::invalid_parameter(
            "nuisance methods",
            0,
            "at least 1",
        ));
    }
    let names: Vec<String> = learners.iter().map(Learner::name).collect();
    let loss = family.loss_of(samples)?;
    let progress = comparison.progress(true, learners.len(), samples.monitor());
    let job = |learner: usize, train: &Samples, test: &Samples| {
        let predictions = learners[learner].predicted(train, test)?;
        Ok(HeldOut {
            losses: loss.of_rows(test.targets(), predictions.view())?,
            predictions,
        })
    };
    let Decision {
        report,
        samples: compared,
        mut predictions,
    } = comparison.decide(samples, family, loss.name(), &names, &progress, job)?;
    progress.step();
    let chosen = report.chosen();
    if compared.rows() == samples.rows()
        && let Some(means) = predictions.swap_remove(chosen)
    {
        return Ok((means, report));
    }
    let splits = KFold::new(comparison.folds, comparison.seed).splits_for(samples, family)?;
    let parts = splits
        .par_iter()
        .map(|split| {
            let (train, test) = (samples.select(&split.train)?, samples.select(&split.test)?);
            train.monitor().check()?;
            learners[chosen].predicted(&train, &test)
        })
        .collect::<Result<Vec<_>>>()?;
    let mut means = Array2::zeros(samples.targets().dim());
    for (split, part) in splits.iter().zip(parts) {
        for (&row, values) in split.test.iter().zip(part.rows()) {
            means.row_mut(row).assign(&values);
        }
    }
    Ok((means, report))
}

//! Which candidate is taken, and what is reported of the others.

use crate::progress::Progress;
use crate::report::{AutoReport, CandidateOutcome, CandidateReport, CandidateScore};
use contextualized_core::cross_validation::{
    CandidateResult, CrossValidation, EarlyStopping, FoldScores, HeldOut,
};
use contextualized_core::metrics::Score;
use contextualized_core::{Error, Family, KFold, Monitor, Result, Samples, Split};
use ndarray::{Array2, Axis};
use std::borrow::Cow;

/// What is chosen from.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Choice<M, C> {
    /// The default candidates.
    All,
    /// The default candidate of one method.
    Only(M),
    Given(Vec<C>),
}

/// What a choice of estimators has in common: how rows are held out, and seeds.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Comparison {
    pub(crate) folds: usize,
    pub(crate) most_rows: usize,
    pub(crate) seed: u64,
    pub(crate) rule: Rule,
}

/// Which candidate is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Rule {
    /// The first within one standard error of the lowest loss: for models that are looked at.
    #[default]
    FirstWithinOneError,
    /// The one with the lowest loss: for predictions alone.
    Lowest,
}

impl Default for Comparison {
    fn default() -> Self {
        Self {
            folds: 5,
            most_rows: 2000,
            seed: 0,
            rule: Rule::default(),
        }
    }
}

/// What came of a comparison.
pub(crate) struct Decision {
    pub(crate) report: AutoReport,
    /// The rows that candidates were compared on.
    pub(crate) samples: Samples,
    /// What every candidate that was compared predicted of each of them.
    pub(crate) predictions: Vec<Option<Array2<f64>>>,
}

impl Comparison {
    /// Counts the fits of this many candidates to all folds, where they are compared, and one to all rows.
    pub(crate) fn progress<'a>(
        &self,
        compared: bool,
        candidates: usize,
        monitor: &'a Monitor,
    ) -> Progress<'a> {
        let fits = if compared { candidates * self.folds } else { 0 };
        Progress::new(fits + 1, monitor)
    }

    /// Lets every candidate predict all folds, those excepted that are stopped early, and chooses the
    /// first whose loss is within one standard error of the lowest. A job is given a candidate's
    /// position, the rows to train on and the rows to predict.
    ///
    /// # Errors
    ///
    /// The first candidate's if all fail.
    pub(crate) fn decide(
        &self,
        samples: &Samples,
        family: Family,
        loss: &'static str,
        names: &[String],
        progress: &Progress<'_>,
        job: impl Fn(usize, &Samples, &Samples) -> Result<HeldOut> + Sync,
    ) -> Result<Decision> {
        let samples = self.rows_compared(samples, family)?;
        let splits = KFold::new(self.folds, self.seed).splits_for(&samples, family)?;
        let validation = CrossValidation::new(&samples, &splits)?;
        let stopping = Some(EarlyStopping::default());
        let done = |fits| progress.skip(fits);
        let results = validation.run(names.len(), loss, stopping, &done, job)?;
        let (first, best) = match chosen(&results)? {
            Some(found) => found,
            None => return Err(first_failure(results)),
        };
        let chosen = match self.rule {
            Rule::FirstWithinOneError => first,
            Rule::Lowest => best,
        };
        let reason = if chosen == best {
            "The lowest loss.".to_owned()
        } else {
            format!(
                "The first within one standard error of the lowest loss, that of {}.",
                names[best]
            )
        };
        let outcomes = outcomes(&results, names, best, splits.len())?;
        let lines = names
            .iter()
            .zip(outcomes)
            .map(|(name, outcome)| CandidateReport {
                name: name.clone(),
                outcome,
            });
        let rows = samples.rows();
        let report = AutoReport::new(loss, rows, splits.len(), lines.collect(), chosen, reason);
        let predictions = results.into_iter().map(|result| match result {
            CandidateResult::Scored { predictions, .. } => Some(predictions),
            CandidateResult::Stopped { .. } | CandidateResult::Failed(_) => None,
        });
        let predictions = predictions.collect();
        Ok(Decision {
            report,
            samples: samples.into_owned(),
            predictions,
        })
    }

    /// At most as many rows as are compared on, chosen by the seed: of a factor in codes all rows of some levels, as
    /// near to so many rows as that comes, since a few rows of every level would say nothing of what it has of its
    /// own.
    pub(crate) fn rows_compared<'a>(
        &self,
        samples: &'a Samples,
        family: Family,
    ) -> Result<Cow<'a, Samples>> {
        let rows = samples.rows();
        if rows <= self.most_rows {
            return Ok(Cow::Borrowed(samples));
        }
        let share = self.most_rows as f64 / rows as f64;
        let of_levels = match (codes_of_most(samples), samples.groups()) {
            (Some(codes), None) => Split::group_holdout(rows, &codes, share, self.seed)?.test,
            _ => Vec::new(),
        };
        // A level may have more rows than can be compared on.
        let some = self.most_rows / 2..=2 * self.most_rows;
        let chosen = if some.contains(&of_levels.len()) {
            of_levels
        } else {
            Split::holdout_for(samples, family, share, self.seed)?.test
        };
        Ok(Cow::Owned(samples.select(&chosen)?))
    }
}

/// The codes of every row, of the factor in codes with the most levels.
fn codes_of_most(samples: &Samples) -> Option<Vec<usize>> {
    let factors = samples.names().factors.iter();
    let coded = factors.filter(|factor| factor.coded_levels.is_some());
    let most = coded.max_by_key(|factor| factor.coded_levels)?;
    let codes = samples.contexts().index_axis_move(Axis(1), most.first());
    Some(codes.iter().map(|code| *code as usize).collect())
}

fn scores(result: &CandidateResult) -> Option<&FoldScores> {
    match result {
        CandidateResult::Scored { scores, .. } => Some(scores),
        CandidateResult::Stopped { .. } | CandidateResult::Failed(_) => None,
    }
}

/// Positions of the candidate to take and of the one with the lowest loss.
fn chosen(results: &[CandidateResult]) -> Result<Option<(usize, usize)>> {
    let scored: Vec<(usize, &FoldScores)> = results
        .iter()
        .enumerate()
        .filter_map(|(candidate, result)| Some((candidate, scores(result)?)))
        .collect();
    let losses: Vec<&FoldScores> = scored.iter().map(|(_, scores)| *scores).collect();
    let found = FoldScores::first_within_one_error(&losses)?;
    Ok(found.map(|(first, best)| (scored[first].0, scored[best].0)))
}

fn first_failure(results: Vec<CandidateResult>) -> Error {
    let failure = results
        .into_iter()
        .find_map(|result| result.into_scores().err());
    failure.unwrap_or_else(|| Error::invalid_parameter("candidates", 0, "at least 1"))
}

fn outcomes(
    results: &[CandidateResult],
    names: &[String],
    best: usize,
    folds: usize,
) -> Result<Vec<CandidateOutcome>> {
    let lowest = scores(&results[best]);
    results
        .iter()
        .map(|result| match result {
            CandidateResult::Scored { scores, .. } => {
                let excess = match lowest {
                    Some(lowest) => scores.minus(lowest)?,
                    None => scores.score(),
                };
                Ok(CandidateOutcome::Compared(line(scores.score(), excess)))
            }
            CandidateResult::Stopped {
                folds: so_far,
                loss,
                excess,
                behind,
            } => Ok(CandidateOutcome::StoppedEarly(format!(
                "stopped early after {so_far} of {folds} folds, where its loss is {loss:.3e}, \
                 {excess:.3e} above that of {}",
                names[*behind]
            ))),
            CandidateResult::Failed(error) => Ok(CandidateOutcome::Failed(message(error))),
        })
        .collect()
}

fn line(own: Score, excess: Score) -> CandidateScore {
    let known = |error: f64| error.is_finite().then_some(error);
    CandidateScore {
        loss: own.mean,
        standard_error: known(own.standard_error),
        excess: excess.mean,
        excess_error: known(excess.standard_error),
    }
}

/// An error and what caused it.
fn message(error: &Error) -> String {
    let mut message = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        message = format!("{message}: {error}");
        cause = error.source();
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_of_a_factor_in_codes_are_compared_whole() {
        const LEVELS: usize = 500;
        let codes = Array2::from_shape_fn((3000, 1), |(row, _)| (row % LEVELS) as f64);
        let samples = Samples::new(codes.view(), codes.view(), codes.view())
            .unwrap()
            .with_coded_factors([("site", 0, LEVELS)])
            .unwrap();
        let compared = |most_rows: usize| {
            let comparison = Comparison {
                most_rows,
                ..Comparison::default()
            };
            let found = comparison.rows_compared(&samples, Family::Gaussian);
            let codes = codes_of_most(&found.unwrap()).unwrap();
            let of = |level: usize| codes.iter().filter(|code| **code == level).count();
            (0..LEVELS).map(of).collect::<Vec<usize>>()
        };
        let counts = compared(600);
        assert_eq!(counts.iter().sum::<usize>(), 600);
        assert!(counts.iter().all(|count| [0, 6].contains(count)));
        // A level is more than that.
        assert!(compared(2).iter().all(|count| *count <= 1));
    }
}

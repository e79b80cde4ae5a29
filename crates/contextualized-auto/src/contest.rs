//! Candidates side by side on the same held-out folds.

use crate::progress::Progress;
use crate::report::{AutoReport, CandidateOutcome, CandidateReport, CandidateScore};
use contextualized_core::metrics::Score;
use contextualized_core::{Error, KFold, Result, Samples, Split};
use ndarray::{Array1, Array2, ArrayView1, Axis, concatenate};
use rayon::prelude::*;

/// Rows to compare on, and the folds they are held out in.
pub(crate) struct Contest {
    samples: Samples,
    splits: Vec<Split>,
    folds: Vec<(Samples, Samples)>,
}

/// What a candidate says of the rows of a fold.
pub(crate) struct HeldOut {
    /// A loss for each row.
    pub(crate) losses: Array1<f64>,
    /// What was predicted, a row for each row; without columns where only losses matter.
    pub(crate) predictions: Array2<f64>,
}

/// What came of a contest.
pub(crate) struct Decision {
    pub(crate) report: AutoReport,
    /// What the chosen candidate predicted of every row that was held out, in the order of the rows.
    pub(crate) predictions: Array2<f64>,
}

/// A candidate on its way through the folds: its fits so far, or why it is out.
enum Run {
    Going(Vec<HeldOut>),
    Out(CandidateOutcome),
}

/// Standard errors by which a candidate is behind the best after the first folds when it is stopped early:
/// it would have to make up in the others what chance does not give back.
const HOPELESS: f64 = 3.0;

/// The same for being behind one that goes before it. To be chosen it would have to end a standard
/// error ahead: from one behind, after two folds of five, chance leads there less than once in fifty.
const UNLIKELY: f64 = 1.0;

impl Contest {
    /// At most `most_rows` rows that count, chosen by the seed, in seeded folds. With `levels`, a
    /// label for each row, rows and folds have even shares of each.
    pub(crate) fn new(
        samples: &Samples,
        levels: Option<Vec<Vec<bool>>>,
        folds: usize,
        most_rows: usize,
        seed: u64,
    ) -> Result<Self> {
        let rows = samples.rows();
        let levels = levels.unwrap_or_else(|| vec![Vec::new(); rows]);
        let (samples, levels) = if rows <= most_rows {
            (samples.clone(), levels)
        } else {
            let share = most_rows as f64 / rows as f64;
            let chosen = Split::stratified_holdout(rows, &levels, share, seed)?.test;
            let levels = chosen.iter().map(|&row| levels[row].clone()).collect();
            (samples.select(&chosen)?, levels)
        };
        let splits = KFold::new(folds, seed).stratified_splits(samples.rows(), &levels)?;
        let folds = splits
            .iter()
            .map(|split| Ok((samples.select(&split.train)?, samples.select(&split.test)?)))
            .collect::<Result<_>>()?;
        Ok(Self {
            samples,
            splits,
            folds,
        })
    }

    /// The rows that are compared on.
    pub(crate) fn samples(&self) -> &Samples {
        &self.samples
    }

    /// Lets every candidate predict all folds, those excepted that are hopeless after the first
    /// two of five, and chooses. A job is given a candidate's position, the rows to train on and the
    /// rows to predict; jobs run in parallel.
    ///
    /// # Errors
    ///
    /// The first candidate's if all fail.
    pub(crate) fn decide(
        &self,
        loss: &str,
        names: Vec<String>,
        progress: &Progress<'_>,
        job: impl Fn(usize, &Samples, &Samples) -> Result<HeldOut> + Sync,
    ) -> Result<Decision> {
        let look = (2 * self.folds.len() / 5).max(1);
        let mut runs: Vec<Run> = names.iter().map(|_| Run::Going(Vec::new())).collect();
        let mut first_error = None;
        for (from, to) in [(0, look), (look, self.folds.len())] {
            self.advance(&mut runs, from..to, progress, &job, &mut first_error);
            if to == look {
                self.give_up(&mut runs, look, &names)?;
            }
        }
        let losses = runs
            .iter()
            .map(|run| match run {
                Run::Going(parts) => Some(self.joined(parts)),
                Run::Out(_) => None,
            })
            .collect::<Vec<_>>();
        let Some(best) = self.lowest(&losses)? else {
            return Err(first_error.unwrap_or(Error::invalid_parameter(
                "candidates",
                0,
                "at least 1",
            )));
        };
        let (chosen, reason) = self.chosen(&names, &losses, best)?;
        let predictions = match &runs[chosen] {
            Run::Going(parts) => self.in_order(parts),
            Run::Out(_) => Array2::zeros((self.samples.rows(), 0)),
        };
        let candidates = names
            .into_iter()
            .zip(runs)
            .enumerate()
            .map(|(candidate, (name, run))| {
                let outcome = match run {
                    Run::Out(outcome) => outcome,
                    Run::Going(_) => {
                        CandidateOutcome::Compared(self.score(&losses, candidate, best)?)
                    }
                };
                Ok(CandidateReport { name, outcome })
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(Decision {
            report: AutoReport::new(
                loss,
                self.samples.rows(),
                self.folds.len(),
                candidates,
                chosen,
                reason,
            ),
            predictions,
        })
    }

    /// Lets every candidate that is still going predict these folds.
    fn advance(
        &self,
        runs: &mut [Run],
        folds: std::ops::Range<usize>,
        progress: &Progress<'_>,
        job: &(impl Fn(usize, &Samples, &Samples) -> Result<HeldOut> + Sync),
        first_error: &mut Option<Error>,
    ) {
        let going = |candidate: &usize| matches!(runs[*candidate], Run::Going(_));
        let jobs: Vec<(usize, usize)> = (0..runs.len())
            .filter(going)
            .flat_map(|candidate| folds.clone().map(move |fold| (candidate, fold)))
            .collect();
        progress.skip((runs.len() * folds.len()).saturating_sub(jobs.len()));
        let parts = jobs
            .into_par_iter()
            .map(|(candidate, fold)| {
                let (train, test) = &self.folds[fold];
                let part = job(candidate, train, test);
                progress.step();
                (candidate, part)
            })
            .collect::<Vec<_>>();
        for (candidate, part) in parts {
            match (&mut runs[candidate], part) {
                (Run::Going(parts), Ok(part)) => parts.push(part),
                (run @ Run::Going(_), Err(error)) => {
                    *run = Run::Out(CandidateOutcome::Failed(message(&error)));
                    first_error.get_or_insert(error);
                }
                (Run::Out(_), _) => {}
            }
        }
    }

    /// Stops candidates that are far behind after this many folds; the first one stays.
    fn give_up(&self, runs: &mut [Run], folds: usize, names: &[String]) -> Result<()> {
        let weights: Vec<Array1<f64>> = self.folds[..folds]
            .iter()
            .map(|(_, test)| match test.weights() {
                Some(weights) => weights.to_owned(),
                None => Array1::ones(test.rows()),
            })
            .collect();
        let weights = stacked(weights.iter().map(|weights| weights.view()))?;
        let score = |losses: &Array1<f64>| Score::of_rows(losses.view(), Some(weights.view()));
        let so_far = runs
            .iter()
            .map(|run| match run {
                Run::Going(parts) => stacked(parts.iter().map(|part| part.losses.view())).map(Some),
                Run::Out(_) => Ok(None),
            })
            .collect::<Result<Vec<_>>>()?;
        let mut best: Option<(f64, usize, &Array1<f64>)> = None;
        for (candidate, losses) in so_far.iter().enumerate() {
            if let Some(losses) = losses {
                let mean = score(losses)?.mean;
                if best.is_none_or(|(lowest, ..)| mean < lowest) {
                    best = Some((mean, candidate, losses));
                }
            }
        }
        let Some((_, best, lowest)) = best else {
            return Ok(());
        };
        for (candidate, losses) in so_far.iter().enumerate().skip(1) {
            let Some(losses) = losses else { continue };
            // The best first: of those that a candidate is behind, it says most.
            let others = [(best, lowest)].into_iter().chain(
                so_far[..candidate]
                    .iter()
                    .enumerate()
                    .filter_map(|(earlier, losses)| Some((earlier, losses.as_ref()?))),
            );
            for (other, other_losses) in others {
                let excess = score(&(losses - other_losses))?;
                let allowed = if other < candidate {
                    UNLIKELY
                } else {
                    HOPELESS
                };
                if excess.mean > allowed * excess.standard_error {
                    runs[candidate] = Run::Out(CandidateOutcome::NotCompared(format!(
                        "stopped early after {folds} of {} folds, where its loss is {:.3e}, {:.3e} ± {:.1e} \
                         above that of {}",
                        self.folds.len(),
                        score(losses)?.mean,
                        excess.mean,
                        excess.standard_error,
                        names[other]
                    )));
                    break;
                }
            }
        }
        Ok(())
    }

    /// Losses of all rows, in their order.
    fn joined(&self, parts: &[HeldOut]) -> Array1<f64> {
        let mut joined = Array1::zeros(self.samples.rows());
        for (split, part) in self.splits.iter().zip(parts) {
            for (&row, &loss) in split.test.iter().zip(&part.losses) {
                joined[row] = loss;
            }
        }
        joined
    }

    /// Predictions of all rows, in their order.
    fn in_order(&self, parts: &[HeldOut]) -> Array2<f64> {
        let columns = parts.first().map_or(0, |part| part.predictions.ncols());
        let mut joined = Array2::zeros((self.samples.rows(), columns));
        for (split, part) in self.splits.iter().zip(parts) {
            for (&row, values) in split.test.iter().zip(part.predictions.rows()) {
                joined.row_mut(row).assign(&values);
            }
        }
        joined
    }

    /// Position of the candidate with the lowest mean loss.
    fn lowest(&self, losses: &[Option<Array1<f64>>]) -> Result<Option<usize>> {
        let mut best: Option<(usize, f64)> = None;
        for (candidate, losses) in losses.iter().enumerate() {
            if let Some(losses) = losses {
                let own = Score::of_rows(losses.view(), self.samples.weights())?.mean;
                if best.is_none_or(|(_, lowest)| own < lowest) {
                    best = Some((candidate, own));
                }
            }
        }
        Ok(best.map(|(candidate, _)| candidate))
    }

    /// The first candidate whose loss is within one standard error of the lowest, and why.
    fn chosen(
        &self,
        names: &[String],
        losses: &[Option<Array1<f64>>],
        best: usize,
    ) -> Result<(usize, String)> {
        for candidate in 0..best {
            if losses[candidate].is_some() {
                let score = self.score(losses, candidate, best)?;
                if score.excess <= score.excess_error.unwrap_or(0.0) {
                    let reason = format!(
                        "The first within one standard error of the lowest loss, that of {}.",
                        names[best]
                    );
                    return Ok((candidate, reason));
                }
            }
        }
        Ok((best, "The lowest loss.".to_owned()))
    }

    fn score(
        &self,
        losses: &[Option<Array1<f64>>],
        candidate: usize,
        best: usize,
    ) -> Result<CandidateScore> {
        let (Some(own), Some(lowest)) = (&losses[candidate], &losses[best]) else {
            return Err(Error::NoRows { argument: "losses" });
        };
        let weights = self.samples.weights();
        let excess = Score::of_rows((own - lowest).view(), weights)?;
        let own = Score::of_rows(own.view(), weights)?;
        let known = |error: f64| error.is_finite().then_some(error);
        Ok(CandidateScore {
            loss: own.mean,
            standard_error: known(own.standard_error),
            excess: excess.mean,
            excess_error: known(excess.standard_error),
        })
    }
}

fn stacked<'a>(parts: impl Iterator<Item = ArrayView1<'a, f64>>) -> Result<Array1<f64>> {
    let parts: Vec<_> = parts.collect();
    concatenate(Axis(0), &parts).map_err(|error| Error::numerical("joining folds", error))
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

//! Candidates side by side on the same held-out folds.

use crate::progress::Progress;
use crate::report::{AutoReport, CandidateOutcome, CandidateReport, CandidateScore};
use contextualized_core::metrics::Score;
use contextualized_core::{Error, KFold, Result, Samples, Split};
use ndarray::{Array1, Array2, ArrayView1};
use rayon::prelude::*;

/// What became of a candidate: figures, or a message that says why there are none.
pub(crate) type Outcome<T> = std::result::Result<T, String>;

/// Rows to compare on, and the folds they are held out in.
pub(crate) struct Contest {
    samples: Samples,
    splits: Vec<Split>,
    folds: Vec<(Samples, Samples)>,
}

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
        let (samples, levels) = match rows > most_rows {
            false => (samples.clone(), levels),
            true => {
                let share = most_rows as f64 / rows as f64;
                let chosen = Split::stratified_holdout(rows, &levels, share, seed)?.test;
                let levels = chosen.iter().map(|&row| levels[row].clone()).collect();
                (samples.select(&chosen)?, levels)
            }
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

    pub(crate) fn samples(&self) -> &Samples {
        &self.samples
    }

    /// What a job says of every held-out row, for every candidate: a table with a row for each row, or
    /// why there is none. Jobs run in parallel over candidates and folds.
    ///
    /// # Errors
    ///
    /// The first candidate's if all fail.
    pub(crate) fn held_out(
        &self,
        candidates: usize,
        progress: &Progress<'_>,
        job: impl Fn(usize, &Samples, &Samples) -> Result<Array2<f64>> + Sync,
    ) -> Result<Vec<Outcome<Array2<f64>>>> {
        let jobs: Vec<(usize, usize)> = (0..candidates)
            .flat_map(|candidate| (0..self.folds.len()).map(move |fold| (candidate, fold)))
            .collect();
        let mut parts = jobs
            .into_par_iter()
            .map(|(candidate, fold)| {
                let (train, test) = &self.folds[fold];
                let part = job(candidate, train, test);
                progress.step();
                part
            })
            .collect::<Vec<_>>()
            .into_iter();
        let mut first_error = None;
        let mut outcomes = Vec::with_capacity(candidates);
        for _ in 0..candidates {
            let own: Vec<_> = parts.by_ref().take(self.folds.len()).collect();
            outcomes.push(match own.into_iter().collect::<Result<Vec<_>>>() {
                Ok(parts) => Ok(self.joined(&parts)),
                Err(error) => {
                    let message = message(&error);
                    first_error.get_or_insert(error);
                    Err(message)
                }
            });
        }
        match first_error {
            Some(error) if outcomes.iter().all(Outcome::is_err) => Err(error),
            _ => Ok(outcomes),
        }
    }

    /// Tables of the folds' held-out rows as one, in the order of the rows.
    fn joined(&self, parts: &[Array2<f64>]) -> Array2<f64> {
        let columns = parts.first().map_or(0, Array2::ncols);
        let mut joined = Array2::zeros((self.samples.rows(), columns));
        for (split, part) in self.splits.iter().zip(parts) {
            for (&row, values) in split.test.iter().zip(part.rows()) {
                joined.row_mut(row).assign(&values);
            }
        }
        joined
    }

    /// The table of candidates and the choice from it, by the losses of held-out rows.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] if there are no losses.
    pub(crate) fn decide(
        &self,
        loss: &str,
        names: Vec<String>,
        losses: Vec<Outcome<Array1<f64>>>,
    ) -> Result<AutoReport> {
        let weights = self.samples.weights();
        let mut best: Option<(usize, f64, &Array1<f64>)> = None;
        for (candidate, losses) in losses.iter().enumerate() {
            if let Ok(losses) = losses {
                let own = Score::of_rows(losses.view(), weights)?.mean;
                if best.is_none_or(|(_, lowest, _)| own < lowest) {
                    best = Some((candidate, own, losses));
                }
            }
        }
        let Some((best, _, lowest)) = best else {
            let failures = losses.into_iter().filter_map(Outcome::err);
            return Err(Error::invalid_parameter(
                "candidates",
                failures.collect::<Vec<_>>().join("; "),
                "some that can predict held-out rows",
            ));
        };
        let (chosen, reason) = self.chosen(&names, &losses, best)?;
        let candidates = names
            .into_iter()
            .zip(&losses)
            .map(|(name, losses)| {
                let outcome = match losses {
                    Ok(losses) => CandidateOutcome::Compared(compared(losses, lowest, weights)?),
                    Err(message) => CandidateOutcome::Failed(message.clone()),
                };
                Ok(CandidateReport { name, outcome })
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(AutoReport::new(
            loss,
            self.samples.rows(),
            self.folds.len(),
            candidates,
            chosen,
            reason,
        ))
    }

    /// The first candidate, which is the simplest, unless the best is better by more than chance.
    fn chosen(
        &self,
        names: &[String],
        losses: &[Outcome<Array1<f64>>],
        best: usize,
    ) -> Result<(usize, String)> {
        if let (Some(Ok(first)), Ok(lowest)) = (losses.first(), &losses[best])
            && best != 0
        {
            let excess = Score::of_rows((first - lowest).view(), self.samples.weights())?;
            if excess.mean <= excess.standard_error {
                let reason = format!(
                    "the simplest, and not worse than {} by more than a standard error",
                    names[best]
                );
                return Ok((0, reason));
            }
        }
        Ok((best, "the lowest loss of held-out rows".to_owned()))
    }
}

fn compared(
    losses: &Array1<f64>,
    lowest: &Array1<f64>,
    weights: Option<ArrayView1<'_, f64>>,
) -> Result<CandidateScore> {
    let own = Score::of_rows(losses.view(), weights)?;
    let excess = Score::of_rows((losses - lowest).view(), weights)?;
    let known = |error: f64| error.is_finite().then_some(error);
    Ok(CandidateScore {
        loss: own.mean,
        standard_error: known(own.standard_error),
        excess: excess.mean,
        excess_error: known(excess.standard_error),
    })
}

/// An error and what caused it.
pub(crate) fn message(error: &Error) -> String {
    let mut message = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        message = format!("{message}: {error}");
        cause = error.source();
    }
    message
}

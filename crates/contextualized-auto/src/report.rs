//! The table a choice was made from.

use contextualized_core::{Checked, Error, Result, checked_serde};
use serde::{Deserialize, Serialize};

/// What every candidate achieved on held-out folds, and which was chosen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub struct AutoReport {
    loss: String,
    rows: usize,
    folds: usize,
    candidates: Vec<CandidateReport>,
    chosen: usize,
    reason: String,
}

/// One candidate's line in the table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CandidateReport {
    /// The candidate's name.
    pub name: String,
    /// What became of it.
    pub outcome: CandidateOutcome,
}

/// What became of a candidate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum CandidateOutcome {
    /// Every held-out row was predicted.
    Compared(CandidateScore),
    /// A fit or a prediction failed, with this message.
    Failed(String),
    /// It was stopped early, for this reason.
    StoppedEarly(String),
    /// It was not compared, for this reason: it was the only one.
    NotCompared(String),
}

/// Losses on held-out rows.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CandidateScore {
    /// Mean loss of held-out rows.
    pub loss: f64,
    /// Its standard error; none of a single fold.
    pub standard_error: Option<f64>,
    /// How much larger the loss is than the lowest of all candidates.
    pub excess: f64,
    /// Standard error of the paired differences between folds; none of a single fold.
    pub excess_error: Option<f64>,
}

checked_serde!(AutoReport);

impl Checked for AutoReport {
    fn check(&self) -> Result<()> {
        if self.chosen < self.candidates.len() {
            return Ok(());
        }
        Err(Error::invalid_parameter(
            "chosen candidate",
            self.chosen,
            format!("below the number of candidates, {}", self.candidates.len()),
        ))
    }
}

impl AutoReport {
    pub(crate) fn new(
        loss: &str,
        rows: usize,
        folds: usize,
        candidates: Vec<CandidateReport>,
        chosen: usize,
        reason: String,
    ) -> Self {
        Self {
            loss: loss.to_owned(),
            rows,
            folds,
            candidates,
            chosen,
            reason,
        }
    }

    /// Fits the chosen candidate to all rows; one that all folds could be fitted with and all rows cannot
    /// is passed over.
    ///
    /// # Errors
    ///
    /// That of the last fit where no other candidate was compared.
    pub(crate) fn fitted<M>(mut self, fit: impl Fn(usize) -> Result<M>) -> Result<(M, Self)> {
        loop {
            match fit(self.chosen) {
                Ok(model) => return Ok((model, self)),
                Err(Error::Cancelled) => return Err(Error::Cancelled),
                Err(error) => self = self.without_chosen(error)?,
            }
        }
    }

    /// Without the chosen candidate, which could not be fitted to all rows: the one with the lowest loss
    /// of the others is chosen.
    ///
    /// # Errors
    ///
    /// That of the fit where no other candidate was compared.
    fn without_chosen(mut self, error: Error) -> Result<Self> {
        self.candidates[self.chosen].outcome =
            CandidateOutcome::Failed(format!("on all rows: {error}"));
        let compared = |(position, line): (usize, &CandidateReport)| match &line.outcome {
            CandidateOutcome::Compared(score) => Some((position, score.loss)),
            CandidateOutcome::Failed(_)
            | CandidateOutcome::StoppedEarly(_)
            | CandidateOutcome::NotCompared(_) => None,
        };
        let lines = self.candidates.iter().enumerate();
        let next = lines
            .filter_map(compared)
            .min_by(|(_, a), (_, b)| a.total_cmp(b));
        let Some((next, _)) = next else {
            return Err(error);
        };
        self.chosen = next;
        self.reason = "The lowest loss of those that all rows could be fitted with.".to_owned();
        Ok(self)
    }

    /// Of the only candidate there is.
    pub(crate) fn of_one(loss: &str, names: Vec<String>) -> Self {
        let reason = "the only candidate";
        let candidates = names.into_iter().map(|name| CandidateReport {
            name,
            outcome: CandidateOutcome::NotCompared(reason.to_owned()),
        });
        Self::new(loss, 0, 0, candidates.collect(), 0, reason.to_owned())
    }

    /// What the loss that was compared is called.
    pub fn loss(&self) -> &str {
        &self.loss
    }

    /// Rows that candidates were compared on: all of positive weight, or a sample of them.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Folds they were held out in; 0 when there was nothing to compare.
    pub fn folds(&self) -> usize {
        self.folds
    }

    /// Every candidate, in the order they were given.
    pub fn candidates(&self) -> &[CandidateReport] {
        &self.candidates
    }

    /// Position of the candidate that was chosen.
    pub fn chosen(&self) -> usize {
        self.chosen
    }

    /// The line of the candidate that was chosen.
    pub fn chosen_candidate(&self) -> &CandidateReport {
        &self.candidates[self.chosen]
    }

    /// Why it was chosen, in a sentence.
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

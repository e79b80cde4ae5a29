//! The table a choice was made from.

use contextualized_core::{Error, Result};
use serde::{Deserialize, Serialize};

/// What every candidate achieved on held-out folds, and which was chosen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
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
    /// It was not compared, for this reason.
    NotCompared(String),
}

/// Losses on held-out rows.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CandidateScore {
    /// Mean loss of held-out rows.
    pub loss: f64,
    /// Its standard error over rows; none of a single row.
    pub standard_error: Option<f64>,
    /// How much larger the loss is than the lowest of all candidates.
    pub excess: f64,
    /// Standard error of the paired differences over rows; none of a single row.
    pub excess_error: Option<f64>,
}

#[derive(Deserialize)]
struct Unchecked {
    loss: String,
    rows: usize,
    folds: usize,
    candidates: Vec<CandidateReport>,
    chosen: usize,
    reason: String,
}

impl TryFrom<Unchecked> for AutoReport {
    type Error = Error;

    fn try_from(file: Unchecked) -> Result<Self> {
        if file.chosen >= file.candidates.len() {
            return Err(Error::invalid_parameter(
                "chosen candidate",
                file.chosen,
                format!("below the number of candidates, {}", file.candidates.len()),
            ));
        }
        Ok(Self {
            loss: file.loss,
            rows: file.rows,
            folds: file.folds,
            candidates: file.candidates,
            chosen: file.chosen,
            reason: file.reason,
        })
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

    /// Of the only candidate there is.
    pub(crate) fn of_one(loss: &str, names: Vec<String>) -> Self {
        let reason = "the only candidate";
        let candidates = names.into_iter().map(|name| CandidateReport {
            name,
            outcome: CandidateOutcome::NotCompared(reason.to_owned()),
        });
        Self::new(loss, 0, 0, candidates.collect(), 0, reason.to_owned())
    }

    /// The loss that was compared: `squared error`, `log-loss` or `negative log-likelihood`.
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

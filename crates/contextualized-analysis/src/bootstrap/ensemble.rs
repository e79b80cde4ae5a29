//! The models of a bootstrap, kept together.

use super::Resampling;
use crate::resampling::Draws;
use contextualized_core::{Checked, Error, Result, checked_serde};
use serde::{Deserialize, Serialize};

/// The fits of one estimator to many replicates of its data, which is a model itself.
///
/// Coefficients are the means over members, on the link scale, and predictions follow from them.
/// Standard errors are standard deviations over members (times what
/// [subsampling](super::Resampling::without_replacement) asks for), intervals their quantiles: the
/// percentile intervals of Efron (1979, doi:10.1214/aos/1176344552).
///
/// The α quantile of B members is their (B + 1) α-th smallest value, interpolated linearly, so that
/// an interval of level 1 − 2α needs B ≥ 1/α − 1 members: 39 for 95 %.
///
/// Networks are the means over members too. A mean of correlation matrices is one, and a mean of
/// precision matrices is positive definite, but a mean of acyclic networks may have cycles: it is
/// given as its [acyclic part](contextualized_solvers::acyclic_part) of largest weight.
///
/// An ensemble that was written and read again predicts the same bits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub struct Ensemble<M> {
    pub(super) original: M,
    pub(super) members: Vec<Member<M>>,
    pub(super) failures: Vec<Failure>,
    pub(super) divergent: Vec<Divergent>,
    /// Replicates that were asked for.
    pub(super) replicates: usize,
    pub(super) resampling: Resampling,
    pub(super) seed: u64,
    /// Rows of the data.
    pub(super) rows: usize,
    /// Rows of weight zero, ascending.
    pub(super) uncounted: Vec<usize>,
}

/// A replicate's model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Member<M> {
    pub(super) replicate: usize,
    pub(super) model: M,
}

impl<M> Member<M> {
    /// The replicate's number, from 0.
    pub fn replicate(&self) -> usize {
        self.replicate
    }

    /// The model fitted to it.
    pub fn model(&self) -> &M {
        &self.model
    }
}

/// A replicate that could not be fitted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The replicate's number, from 0.
    pub replicate: usize,
    /// The estimator's error, and what caused it.
    pub reason: String,
}

/// What a replicate gave, behind the number of the replicate.
type Numbered<T> = (usize, T);

impl Failure {
    fn new(replicate: usize, error: &Error) -> Self {
        let mut reason = error.to_string();
        let mut cause = std::error::Error::source(error);
        while let Some(error) = cause {
            reason = format!("{reason}: {error}");
            cause = error.source();
        }
        Self { replicate, reason }
    }

    /// What replicates gave, with their numbers, and those that failed.
    ///
    /// # Errors
    ///
    /// The first failure if nothing else is left; [`Error::Cancelled`] if one was.
    pub(crate) fn apart<T>(
        replicates: impl IntoIterator<Item = Result<T>>,
    ) -> Result<(Vec<Numbered<T>>, Vec<Self>)> {
        let (mut found, mut failures, mut first) = (Vec::new(), Vec::new(), None);
        for (replicate, outcome) in replicates.into_iter().enumerate() {
            match outcome {
                Ok(one) => found.push((replicate, one)),
                Err(Error::Cancelled) => return Err(Error::Cancelled),
                Err(error) => {
                    failures.push(Self::new(replicate, &error));
                    first.get_or_insert(error);
                }
            }
        }
        match first {
            Some(error) if found.is_empty() => Err(error),
            Some(_) | None => Ok((found, failures)),
        }
    }
}

/// A replicate whose model was left out for its out-of-bag error.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Divergent {
    /// The replicate's number, from 0.
    pub replicate: usize,
    /// Its out-of-bag error.
    pub error: f64,
}

checked_serde!(Ensemble<M>);

impl<M> Checked for Ensemble<M> {
    fn check(&self) -> Result<()> {
        let ascending = |numbers: &[usize], below: usize| {
            numbers.windows(2).all(|pair| pair[0] < pair[1])
                && numbers.last().is_none_or(|last| *last < below)
        };
        if !ascending(&self.uncounted, self.rows) {
            return Err(Error::invalid_parameter(
                "uncounted",
                format!("{:?}", self.uncounted),
                format!("ascending rows below {}", self.rows),
            ));
        }
        let members = self.members.iter().map(|member| member.replicate);
        let failures = self.failures.iter().map(|failure| failure.replicate);
        let divergent = self.divergent.iter().map(|divergent| divergent.replicate);
        for numbers in [
            members.clone().collect::<Vec<_>>(),
            failures.clone().collect(),
            divergent.clone().collect(),
        ] {
            if !ascending(&numbers, self.replicates) {
                return Err(Error::invalid_parameter(
                    "replicate numbers",
                    format!("{numbers:?}"),
                    format!("ascending and below {}", self.replicates),
                ));
            }
        }
        let mut all: Vec<usize> = members.chain(failures).chain(divergent).collect();
        all.sort_unstable();
        if self.members.is_empty() || !all.iter().copied().eq(0..self.replicates) {
            return Err(Error::invalid_parameter(
                "replicates",
                format!("{all:?}"),
                format!(
                    "all of 0 to {}, each a member, a failure or divergent, and one a member",
                    self.replicates.saturating_sub(1)
                ),
            ));
        }
        self.draws()?;
        Ok(())
    }
}

impl<M> Ensemble<M> {
    /// The fit to all rows, which is no member.
    pub fn original(&self) -> &M {
        &self.original
    }

    /// The replicates' models, in the order of their numbers.
    pub fn members(&self) -> &[Member<M>] {
        &self.members
    }

    /// Replicates that could not be fitted, and why.
    pub fn failures(&self) -> &[Failure] {
        &self.failures
    }

    /// Replicates left out by [`Ensemble::without_divergent`].
    pub fn divergent(&self) -> &[Divergent] {
        &self.divergent
    }

    /// Replicates that were asked for.
    pub fn replicates(&self) -> usize {
        self.replicates
    }

    /// Rows of the data that were resampled.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// How often each row was drawn, for each member; each is drawn again from the seed.
    ///
    /// # Errors
    ///
    /// None: an ensemble's resampling fits its rows.
    pub fn counts(&self) -> Result<impl Iterator<Item = Vec<u32>> + '_> {
        let draws = self.draws()?;
        Ok(self
            .members
            .iter()
            .map(move |member| draws.counts(member.replicate, self.seed)))
    }

    pub(super) fn draws(&self) -> Result<Draws> {
        self.resampling.draws(self.rows, &self.uncounted)
    }
}

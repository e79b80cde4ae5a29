//! Candidates side by side on the same held-out folds.

use crate::metrics::Score;
use crate::validate::check_finite;
use crate::{Error, Family, KFold, Result, Samples, Split};
use ndarray::{Array1, Array2, ArrayView1, Axis, concatenate};
use rayon::prelude::*;
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

/// Rows in folds, each held out from the others, and candidates compared on them.
///
/// Everything a candidate learns, its standardisation included, it learns on training rows. Rows of
/// weight zero are neither trained on nor scored. Results do not depend on the number of threads.
#[derive(Debug, Clone)]
pub struct CrossValidation {
    splits: Arc<[Split]>,
    folds: Vec<(Samples, Samples)>,
    /// Weight of each split's held-out rows, their number where there are no weights.
    weights: Vec<f64>,
    rows: usize,
}

/// What a candidate achieves on the rows of one fold.
#[derive(Debug, Clone, PartialEq)]
pub struct HeldOut {
    /// A loss for each row.
    pub losses: Array1<f64>,
    /// What was predicted, a row for each row; without columns where only losses matter.
    pub predictions: Array2<f64>,
}

/// When a candidate is stopped early: by paired differences of the losses of the rows held out so
/// far, in their standard errors over rows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EarlyStopping {
    /// Standard errors behind the best at which one is stopped after the first fold already; default 5.
    pub far_behind: f64,
    /// Share of the folds after which candidates are looked at again; default 0.4.
    pub share_of_folds: f64,
    /// Standard errors behind the best at which one is stopped: in the other folds it would have to
    /// make up what chance does not give back; default 3.
    pub behind_best: f64,
    /// The same behind one that is preferred to it. To be chosen it would have to end a standard error
    /// ahead: from one behind, after two folds of five, chance leads there less than once in fifty;
    /// default 1.
    pub behind_preferred: f64,
}

impl Default for EarlyStopping {
    fn default() -> Self {
        Self {
            far_behind: 5.0,
            share_of_folds: 0.4,
            behind_best: 3.0,
            behind_preferred: 1.0,
        }
    }
}

/// What became of one candidate.
#[derive(Debug)]
pub enum CandidateResult {
    /// All folds were predicted.
    Scored {
        /// Losses by fold.
        scores: FoldScores,
        /// Predictions of all held-out rows, in the order of the rows of the samples.
        predictions: Array2<f64>,
    },
    /// It was stopped early.
    Stopped {
        /// Folds it was judged by.
        folds: usize,
        /// Its mean loss there.
        loss: f64,
        /// By how much this is above that of the candidate it is behind.
        excess: f64,
        /// Position of that candidate.
        behind: usize,
    },
    /// A fit or a prediction failed.
    Failed(Error),
}

impl CandidateResult {
    /// The losses by fold, or why there are none.
    ///
    /// # Errors
    ///
    /// The candidate's own; [`Error::InvalidParameter`] for one that was stopped early.
    pub fn into_scores(self) -> Result<FoldScores> {
        match self {
            Self::Scored { scores, .. } => Ok(scores),
            Self::Failed(error) => Err(error),
            Self::Stopped { folds, .. } => Err(Error::invalid_parameter(
                "candidate",
                format!("stopped early after {folds} folds"),
                "compared on all folds to have scores",
            )),
        }
    }
}

/// A candidate on its way through the folds.
type Run = std::result::Result<Vec<HeldOut>, Box<CandidateResult>>;

impl CrossValidation {
    /// Cuts samples into these splits.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for no split, and those of [`Split::check`]; [`Error::NoRows`] for
    /// a split with a side on which every row has weight zero.
    pub fn new(samples: &Samples, splits: &[Split]) -> Result<Self> {
        if splits.is_empty() {
            return Err(Error::invalid_parameter("splits", 0, "at least 1"));
        }
        let splits = splits
            .iter()
            .map(|split| {
                split.check(samples.rows())?;
                split.of_rows_that_count(samples.weights())
            })
            .collect::<Result<Arc<[Split]>>>()?;
        let folds = splits
            .iter()
            .map(|split| Ok((samples.select(&split.train)?, samples.select(&split.test)?)))
            .collect::<Result<Vec<(Samples, Samples)>>>()?;
        let weight = |(_, test): &(Samples, Samples)| {
            test.weights()
                .map_or(test.rows() as f64, |weights| weights.sum())
        };
        Ok(Self {
            weights: folds.iter().map(weight).collect(),
            rows: samples.rows(),
            splits,
            folds,
        })
    }

    /// Lets every candidate predict all folds, those excepted that are stopped early; candidates that
    /// are preferred come first. The job is given a candidate's position, the rows to train on and the
    /// rows to predict; jobs run in parallel. `done` is told of every number of fits that are finished
    /// or need not be made.
    ///
    /// # Errors
    ///
    /// Those of [`Score::of_rows`]; a candidate's own failure is its result.
    pub fn run(
        &self,
        candidates: usize,
        loss: &'static str,
        stopping: Option<EarlyStopping>,
        done: &(impl Fn(usize) + Sync),
        job: impl Fn(usize, &Samples, &Samples) -> Result<HeldOut> + Sync,
    ) -> Result<Vec<CandidateResult>> {
        let mut runs: Vec<Run> = (0..candidates).map(|_| Ok(Vec::new())).collect();
        let count = self.folds.len();
        if let Some(stopping) = stopping {
            let first = ((stopping.share_of_folds * count as f64) as usize).clamp(1, count);
            self.advance(&mut runs, 0..1, done, &job);
            let far_behind = (stopping.far_behind, stopping.far_behind);
            self.stop(&mut runs, 1, far_behind)?;
            self.advance(&mut runs, 1..first, done, &job);
            let behind = (stopping.behind_best, stopping.behind_preferred);
            self.stop(&mut runs, first, behind)?;
            self.advance(&mut runs, first..count, done, &job);
            // What was stopped for one that failed later may be the best there is.
            while revive(&mut runs) {
                self.advance(&mut runs, 0..count, &|_| (), &job);
            }
        } else {
            self.advance(&mut runs, 0..count, done, &job);
        }
        runs.into_iter()
            .map(|run| match run {
                Ok(parts) => Ok(CandidateResult::Scored {
                    scores: self.scores(&parts, loss)?,
                    predictions: self.in_order(&parts),
                }),
                Err(out) => match *out {
                    CandidateResult::Failed(Error::Cancelled) => Err(Error::Cancelled),
                    out => Ok(out),
                },
            })
            .collect()
    }

    /// Lets every candidate that has come so far predict these folds.
    fn advance(
        &self,
        runs: &mut [Run],
        folds: Range<usize>,
        done: &(impl Fn(usize) + Sync),
        job: &(impl Fn(usize, &Samples, &Samples) -> Result<HeldOut> + Sync),
    ) {
        let jobs: Vec<(usize, usize)> = (0..runs.len())
            .filter(|&candidate| {
                let run = runs[candidate].as_ref();
                run.is_ok_and(|parts| parts.len() == folds.start)
            })
            .flat_map(|candidate| folds.clone().map(move |fold| (candidate, fold)))
            .collect();
        done((runs.len() * folds.len()).saturating_sub(jobs.len()));
        let parts = jobs
            .into_par_iter()
            .map(|(candidate, fold)| {
                let (train, test) = &self.folds[fold];
                let going_on = train.monitor().check();
                let part = going_on.and_then(|()| job(candidate, train, test));
                let part = part.and_then(|part| {
                    check_finite("losses", part.losses.view().insert_axis(Axis(1)))?;
                    Ok(part)
                });
                done(1);
                (candidate, part)
            })
            .collect::<Vec<_>>();
        for (candidate, part) in parts {
            if let Ok(parts) = &mut runs[candidate] {
                match part {
                    Ok(part) => parts.push(part),
                    Err(error) => {
                        runs[candidate] = Err(Box::new(CandidateResult::Failed(error)));
                    }
                }
            }
        }
    }

    /// Stops candidates that after so many folds are so many standard errors behind the best, or behind one that is
    /// preferred; the first one stays.
    fn stop(
        &self,
        runs: &mut [Run],
        folds: usize,
        (behind_best, behind_preferred): (f64, f64),
    ) -> Result<()> {
        let weights: Vec<Array1<f64>> = self.folds[..folds]
            .iter()
            .map(|(_, test)| match test.weights() {
                Some(weights) => weights.to_owned(),
                None => Array1::ones(test.rows()),
            })
            .collect();
        let weights = stacked(weights.iter().map(|weights| weights.view()))?;
        let score = |losses: &Array1<f64>| Score::of_rows(losses.view(), Some(weights.view()));
        let mut so_far = Vec::new();
        for (candidate, run) in runs.iter().enumerate() {
            if let Ok(parts) = run {
                let losses = stacked(parts.iter().map(|part| part.losses.view()))?;
                so_far.push((candidate, score(&losses)?.mean, losses));
            }
        }
        let lowest = so_far.iter().min_by(|(_, a, _), (_, b, _)| a.total_cmp(b));
        let Some(best) = lowest else {
            return Ok(());
        };
        for (candidate, mean, losses) in so_far.iter().filter(|(candidate, ..)| *candidate > 0) {
            // The best first: of those that a candidate is behind, it says most.
            let preferred = so_far.iter().take_while(|(other, ..)| other < candidate);
            for (other, _, other_losses) in [best].into_iter().chain(preferred) {
                let excess = score(&(losses - other_losses))?;
                let allowed = if other < candidate {
                    behind_preferred
                } else {
                    behind_best
                };
                if excess.mean > allowed * excess.standard_error {
                    runs[*candidate] = Err(Box::new(CandidateResult::Stopped {
                        folds,
                        loss: *mean,
                        excess: excess.mean,
                        behind: *other,
                    }));
                    break;
                }
            }
        }
        Ok(())
    }

    fn scores(&self, parts: &[HeldOut], loss: &'static str) -> Result<FoldScores> {
        let mean = |(part, (_, test)): (&HeldOut, &(Samples, Samples))| {
            Ok(Score::of_rows(part.losses.view(), test.weights())?.mean)
        };
        Ok(FoldScores {
            losses: parts
                .iter()
                .zip(&self.folds)
                .map(mean)
                .collect::<Result<_>>()?,
            weights: self.weights.clone(),
            splits: self.splits.clone(),
            loss,
        })
    }

    /// Predictions of all rows, in their order.
    fn in_order(&self, parts: &[HeldOut]) -> Array2<f64> {
        let columns = parts.first().map_or(0, |part| part.predictions.ncols());
        let mut joined = Array2::zeros((self.rows, columns));
        for (split, part) in self.splits.iter().zip(parts) {
            for (&row, values) in split.test.iter().zip(part.predictions.rows()) {
                joined.row_mut(row).assign(&values);
            }
        }
        joined
    }
}

/// Lets candidates begin again that were stopped because they were behind one that failed; whether there are any.
fn revive(runs: &mut [Run]) -> bool {
    let failed = |candidate: usize| match &runs[candidate] {
        Err(out) => match **out {
            CandidateResult::Failed(_) => true,
            CandidateResult::Stopped { .. } | CandidateResult::Scored { .. } => false,
        },
        Ok(_) => false,
    };
    let stopped_for = |run: &Run| match run {
        Err(out) => match **out {
            CandidateResult::Stopped { behind, .. } => Some(behind),
            CandidateResult::Failed(_) | CandidateResult::Scored { .. } => None,
        },
        Ok(_) => None,
    };
    let revived: Vec<usize> = (0..runs.len())
        .filter(|&candidate| stopped_for(&runs[candidate]).is_some_and(failed))
        .collect();
    for &candidate in &revived {
        runs[candidate] = Ok(Vec::new());
    }
    !revived.is_empty()
}

fn stacked<'a>(parts: impl Iterator<Item = ArrayView1<'a, f64>>) -> Result<Array1<f64>> {
    let parts: Vec<_> = parts.collect();
    concatenate(Axis(0), &parts).map_err(|error| Error::numerical("joining losses", error))
}

impl KFold {
    /// Folds for samples of a family: those of [`KFold::splits_of`] where rows depend on each other, else
    /// binary targets have even shares in all folds.
    ///
    /// # Errors
    ///
    /// Those of [`KFold::splits_of`].
    pub fn splits_for(&self, samples: &Samples, family: Family) -> Result<Vec<Split>> {
        match strata(samples, family) {
            Some(levels) if samples.dependent_rows().is_none() => {
                self.stratified_splits(samples.rows(), &levels)
            }
            Some(_) | None => self.splits_of(samples),
        }
    }

    /// Folds of whole groups where rows depend on each other ([`Samples::dependent_rows`]), as many folds as
    /// groups if these are fewer; else of rows.
    ///
    /// # Errors
    ///
    /// Those of [`KFold::splits`] and [`KFold::group_splits`].
    pub fn splits_of(&self, samples: &Samples) -> Result<Vec<Split>> {
        let rows = samples.rows();
        match samples.dependent_rows() {
            None => self.splits(rows),
            Some(groups) => {
                let count = groups.iter().collect::<BTreeSet<_>>().len();
                self.at_most(count.max(2)).group_splits(rows, &groups)
            }
        }
    }
}

impl Split {
    /// One split for samples of a family: binary targets have even shares on both sides.
    ///
    /// # Errors
    ///
    /// Those of [`Split::holdout`].
    pub fn holdout_for(
        samples: &Samples,
        family: Family,
        fraction: f64,
        seed: u64,
    ) -> Result<Self> {
        match strata(samples, family) {
            Some(levels) => Self::stratified_holdout(samples.rows(), &levels, fraction, seed),
            None => Self::holdout(samples.rows(), fraction, seed),
        }
    }
}

/// The levels whose shares folds keep, of each row.
fn strata(samples: &Samples, family: Family) -> Option<Vec<Vec<bool>>> {
    let level = |row: ArrayView1<'_, f64>| row.iter().map(|y| *y > 0.5).collect();
    let levels = || samples.targets().rows().into_iter().map(level).collect();
    family.has_probabilities().then(levels)
}

/// Held-out losses of one estimator, a number per split.
#[derive(Debug, Clone, PartialEq)]
pub struct FoldScores {
    losses: Vec<f64>,
    /// Weight of each split's held-out rows, their number where there are no weights.
    weights: Vec<f64>,
    splits: Arc<[Split]>,
    loss: &'static str,
}

impl FoldScores {
    /// Mean loss of the held-out rows of each split, in the order of the splits.
    pub fn losses(&self) -> &[f64] {
        &self.losses
    }

    /// The cross-validated loss and its standard error.
    ///
    /// Folds share most of their training rows, and repeats all their rows, so their
    /// J scores are correlated and s/√J is too small. The standard error is the corrected one of
    /// Nadeau and Bengio (2003, doi:10.1023/A:1024068626366), s · √(1/J + n₂/n₁) for n₂ rows held
    /// out, on average, of models of n₁ rows: √(1/J + 1/(K − 1)) for K folds. It errs on the wide
    /// side, most where nothing is repeated. Folds count by the weight of their rows. Of a single
    /// split it is NaN.
    ///
    /// What it is an error of depends on the folds. Of random or stratified rows it is that of the
    /// loss at new rows. Of groups it is that at rows of *new groups* drawn as these were: losses of
    /// folds then differ by their groups too, and with few groups to a fold it is itself rough. Of
    /// regions of context space it says how much losses differ from region to region; regions are no
    /// sample of anything, and it is no margin of an average over them.
    pub fn score(&self) -> Score {
        self.corrected(&self.losses)
    }

    /// Of candidates in the order in which they are preferred, the position of the first whose loss is within
    /// one standard error of the lowest and below those of all before it, and that of the lowest: none where there
    /// are no candidates.
    ///
    /// # Errors
    ///
    /// Those of [`FoldScores::minus`].
    pub fn first_within_one_error(candidates: &[&Self]) -> Result<Option<(usize, usize)>> {
        let mean = |scores: &Self| scores.score().mean;
        let lowest = candidates
            .iter()
            .enumerate()
            .min_by(|(_, a), (_, b)| mean(a).total_cmp(&mean(b)));
        let Some((best, lowest)) = lowest else {
            return Ok(None);
        };
        let mut least = f64::INFINITY;
        for (candidate, scores) in candidates.iter().enumerate().take(best) {
            let excess = scores.minus(lowest)?;
            if excess.mean <= excess.standard_error && mean(scores) < least {
                return Ok(Some((candidate, best)));
            }
            least = least.min(mean(scores));
        }
        Ok(Some((best, best)))
    }

    /// How much larger this loss is than another's on the same splits, with a standard error
    /// of the paired difference.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] when the two were scored on different splits, weights or losses.
    pub fn minus(&self, other: &Self) -> Result<Score> {
        if self.loss != other.loss {
            return Err(Error::invalid_parameter(
                "loss of the other scores",
                other.loss,
                format!("{}, as of these", self.loss),
            ));
        }
        if (&self.splits, &self.weights) != (&other.splits, &other.weights) {
            let described = |scores: &Self| {
                let rows = |of: fn(&Split) -> &Vec<usize>| {
                    scores
                        .splits
                        .iter()
                        .map(|split| of(split).len())
                        .sum::<usize>()
                };
                format!(
                    "{} splits, {} rows held out and {} trained on",
                    scores.splits.len(),
                    rows(|split| &split.test),
                    rows(|split| &split.train)
                )
            };
            return Err(Error::invalid_parameter(
                "the basis of the other scores",
                described(other),
                format!("the same rows and weights as here: {}", described(self)),
            ));
        }
        let differences: Vec<f64> = self
            .losses
            .iter()
            .zip(&other.losses)
            .map(|(a, b)| a - b)
            .collect();
        Ok(self.corrected(&differences))
    }

    fn corrected(&self, scores: &[f64]) -> Score {
        let count = scores.len() as f64;
        let total: f64 = self.weights.iter().sum();
        let mean = |of: &dyn Fn(f64) -> f64| {
            let weighted = scores
                .iter()
                .zip(&self.weights)
                .map(|(score, weight)| weight * of(*score));
            weighted.sum::<f64>() / total
        };
        let center = mean(&|score| score);
        let variance = mean(&|score| (score - center).powi(2)) * count / (count - 1.0);
        let rows = |of: fn(&Split) -> &Vec<usize>| -> f64 {
            self.splits.iter().map(|split| of(split).len() as f64).sum()
        };
        let share = 1.0 / count + rows(|split| &split.test) / rows(|split| &split.train);
        Score {
            mean: center,
            standard_error: (variance * share).sqrt(),
        }
    }
}

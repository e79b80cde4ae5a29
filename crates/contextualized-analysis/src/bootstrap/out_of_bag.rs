//! Errors at rows that members did not see.

use super::Ensemble;
use super::ensemble::Divergent;
use crate::resampling::uncounted;
use contextualized_core::metrics::Score;
use contextualized_core::validate::check_rows;
use contextualized_core::{Error, Family, LocalCoefficients, NetworkDensity, Result, Samples};
use ndarray::{Array1, Array2, ArrayView2, Axis};
use rayon::prelude::*;

/// The most members whose predictions are held at once.
const AT_ONCE: usize = 16;

/// What an ensemble predicts for rows of its data by members that did not see them, and how far off
/// that is (Breiman 1996, doi:10.1007/BF00058655).
///
/// About 37 % of bootstrap replicates lack a given row. An ensemble of that many members predicts it,
/// so the error is an estimate, slightly too large, of that for new rows.
#[derive(Debug, Clone, PartialEq)]
pub struct OutOfBag {
    /// Rows that at least one member did not see, ascending.
    pub rows: Vec<usize>,
    /// Rows that every member saw, which tell nothing. Those of weight zero are in neither list.
    pub never: Vec<usize>,
    /// For each of [`OutOfBag::rows`] the inverse link of the mean linear predictor of members that
    /// did not see it (rows × targets); of networks the mean reconstruction (rows × nodes).
    pub predictions: Array2<f64>,
    /// The loss of each of [`OutOfBag::rows`].
    pub losses: Array1<f64>,
    /// Their mean, by the rows' weights, with a standard error as of independent rows.
    pub score: Score,
    /// Each member's mean loss at the rows that it did not see; none where it saw all.
    pub members: Vec<Option<f64>>,
}

impl<M: LocalCoefficients> Ensemble<M> {
    /// Predicts the rows that members did not see; the loss is that of the model's family.
    /// `samples` are those that were fitted.
    ///
    /// ```
    /// use contextualized_analysis::Bootstrap;
    /// use contextualized_baselines::PopulationRegression;
    /// use contextualized_core::Estimator;
    /// use contextualized_simulation::Simulator;
    ///
    /// let samples = Simulator::new(200)
    ///     .uniform_contexts(1, -1.0, 1.0)
    ///     .slopes(|_| vec![2.0])
    ///     .noise(0.5)
    ///     .simulate(1)?
    ///     .samples;
    /// let model = Bootstrap::new(PopulationRegression::new()).fit(&samples)?;
    /// let error = model.out_of_bag(&samples)?.score;
    /// assert!((error.mean - 0.25).abs() < 3.0 * error.standard_error);
    /// # Ok::<(), contextualized_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::RowCount`] for another number of rows than were fitted; [`Error::TooFewRows`] where
    /// every member saw every row; those of [`Family::losses`] and of the members.
    pub fn out_of_bag(&self, samples: &Samples) -> Result<OutOfBag> {
        let targets = samples.targets();
        self.at_unseen(samples, targets, self.family(), |model, unseen| {
            let mut predictor = model.linear_predictor(unseen.contexts(), unseen.features())?;
            if let Some(offsets) = unseen.offsets() {
                predictor += &offsets.insert_axis(Axis(1));
            }
            Ok(predictor)
        })
    }
}

impl<M: NetworkDensity> Ensemble<M> {
    /// Reconstructs the rows that members did not see; the loss is the mean squared difference over
    /// nodes. `samples` are those that were fitted.
    ///
    /// # Errors
    ///
    /// [`Error::RowCount`] for another number of rows than were fitted; [`Error::TooFewRows`] where
    /// every member saw every row; those of the members.
    pub fn out_of_bag_reconstruction(&self, samples: &Samples) -> Result<OutOfBag> {
        self.at_unseen(
            samples,
            samples.features(),
            Family::Gaussian,
            |model, unseen| model.reconstruct(unseen.contexts(), unseen.features()),
        )
    }
}

impl<M: Sync> Ensemble<M> {
    fn at_unseen(
        &self,
        samples: &Samples,
        targets: ArrayView2<'_, f64>,
        family: Family,
        predictor: impl Fn(&M, &Samples) -> Result<Array2<f64>> + Sync,
    ) -> Result<OutOfBag> {
        check_rows("samples", self.rows, samples.rows())?;
        let (draws, link) = (self.draws()?, family.link());
        let without_weight = uncounted(samples);
        let mut sums = Array2::<f64>::zeros(targets.dim());
        let mut times = vec![0_u32; self.rows];
        let mut errors = Vec::with_capacity(self.members.len());
        for members in self.members.chunks(AT_ONCE) {
            let predicted = members
                .par_iter()
                .map(|member| {
                    let counts = draws.counts(member.replicate(), self.seed);
                    let unseen: Vec<usize> = (0..self.rows)
                        .filter(|row| {
                            counts[*row] == 0 && without_weight.binary_search(row).is_err()
                        })
                        .collect();
                    if unseen.is_empty() {
                        return Ok(None);
                    }
                    let rows = samples.select(&unseen)?;
                    let predictors = predictor(member.model(), &rows)?;
                    let losses = family.losses(
                        targets.select(Axis(0), &unseen).view(),
                        link.inverse_table(predictors.view()).view(),
                    )?;
                    let error = Score::of_rows(losses.view(), rows.weights())?.mean;
                    Ok(Some((unseen, predictors, error)))
                })
                .collect::<Result<Vec<_>>>()?;
            for member in predicted {
                errors.push(member.as_ref().map(|(_, _, error)| *error));
                if let Some((unseen, predictors, _)) = member {
                    for (&row, predictor) in unseen.iter().zip(predictors.rows()) {
                        times[row] += 1;
                        let mut sum = sums.row_mut(row);
                        sum += &predictor;
                    }
                }
            }
        }
        let counted = (0..self.rows).filter(|row| without_weight.binary_search(row).is_err());
        let (rows, never): (Vec<usize>, Vec<usize>) = counted.partition(|&row| times[row] > 0);
        if rows.is_empty() {
            return Err(Error::TooFewRows {
                purpose: "an out-of-bag error, which members did not see,".to_owned(),
                needed: 1,
                found: 0,
            });
        }
        let mut means = sums.select(Axis(0), &rows);
        for (mut mean, &row) in means.rows_mut().into_iter().zip(&rows) {
            mean /= f64::from(times[row]);
        }
        let predictions = link.inverse_table(means.view());
        let losses = family.losses(targets.select(Axis(0), &rows).view(), predictions.view())?;
        let weights = samples
            .weights()
            .map(|weights| weights.select(Axis(0), &rows));
        Ok(OutOfBag {
            score: Score::of_rows(
                losses.view(),
                weights.as_ref().map(|weights| weights.view()),
            )?,
            rows,
            never,
            predictions,
            losses,
            members: errors,
        })
    }
}

impl<M> Ensemble<M> {
    /// The ensemble without members whose out-of-bag error is more than `factor` times the median
    /// member's, which are reported in [`Ensemble::divergent`].
    ///
    /// The median is the measure because the smallest of many errors, each of few rows, is small by
    /// chance and the smaller the more members there are. At least half of the members stay. Those
    /// that left no row out have no error, and stay.
    ///
    /// A member that diverged in training tells nothing of sampling variation; one that its replicate
    /// made bad does. With a factor near 1 intervals come out too narrow: 2 or more is meant.
    ///
    /// # Errors
    ///
    /// [`Error::RowCount`] when the errors are of other members; [`Error::InvalidParameter`] for a
    /// factor below 1 or not finite.
    pub fn without_divergent(mut self, errors: &OutOfBag, factor: f64) -> Result<Self> {
        check_rows(
            "out-of-bag errors",
            self.members.len(),
            errors.members.len(),
        )?;
        if !(factor.is_finite() && factor >= 1.0) {
            return Err(Error::invalid_parameter("factor", factor, "at least 1"));
        }
        let mut known: Vec<f64> = errors.members.iter().flatten().copied().collect();
        known.sort_unstable_by(f64::total_cmp);
        let Some(&median) = known.get(known.len().saturating_sub(1) / 2) else {
            return Ok(self);
        };
        let members = std::mem::take(&mut self.members);
        for (member, error) in members.into_iter().zip(&errors.members) {
            match error {
                Some(error) if *error > factor * median => self.divergent.push(Divergent {
                    replicate: member.replicate(),
                    error: *error,
                }),
                Some(_) | None => self.members.push(member),
            }
        }
        self.divergent.sort_by_key(|divergent| divergent.replicate);
        Ok(self)
    }
}

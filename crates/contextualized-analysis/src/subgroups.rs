//! Accuracy, calibration and error by subgroup.

mod auroc;
mod labelling;
mod recalibration;
mod reliability;

pub use labelling::Subgroups;
pub use recalibration::Calibration;
pub use reliability::{ReliabilityBin, wilson_interval};

use auroc::auroc;
use contextualized_core::metrics::{Score, r_squared};
use contextualized_core::validate::{check_probability, check_rows, check_weights};
use contextualized_core::{Error, Family, LocalCoefficients, Result, Samples};
use ndarray::{Array1, ArrayView1, Axis};
use recalibration::recalibration;
use reliability::reliability;

/// An estimate with its standard error.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measured {
    /// The estimate.
    pub value: f64,
    /// Its standard error; `None` where there are too few rows to know it.
    pub standard_error: Option<f64>,
}

impl From<Score> for Measured {
    fn from(score: Score) -> Self {
        Self {
            value: score.mean,
            standard_error: known(score.standard_error),
        }
    }
}

/// A number, unless it is none.
fn known(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

/// How good predictions of one target are in one subgroup.
#[derive(Debug, Clone, PartialEq)]
pub struct SubgroupAccuracy {
    /// The subgroup's name.
    pub name: String,
    /// Rows of positive weight.
    pub rows: usize,
    /// Their weight, which is their number where there are no weights.
    pub weight: f64,
    /// Mean outcome; of a binary target the share of ones.
    pub mean_outcome: f64,
    /// Mean prediction.
    pub mean_prediction: f64,
    /// Mean prediction less mean outcome.
    pub bias: Measured,
    /// Mean squared error; of probabilities the Brier score.
    pub squared_error: Measured,
    /// Mean loss of the family, see [`Family::loss_name`]: of probabilities the log loss.
    pub loss: Measured,
    /// The share of the variance within the subgroup that predictions explain: below zero where the
    /// subgroup's own mean would be the better prediction. `None` where outcomes are all the same.
    pub r_squared: Option<f64>,
    /// The area under the receiver operating characteristic: how often a row with outcome one has the
    /// larger prediction of two, ties counted half. `None` for real-valued targets, and where all
    /// outcomes are the same.
    pub auroc: Option<Measured>,
    /// The line of outcomes on predictions; `None` where it is not determined.
    pub calibration: Option<Calibration>,
    /// Outcomes against predictions, from the smallest to the largest.
    pub reliability: Vec<ReliabilityBin>,
}

/// Tables of accuracy, calibration and error, a line for each subgroup.
///
/// With w the weights, which add up to one in each subgroup:
///
/// | column | formula |
/// |---|---|
/// | bias | Σ w (ŷ − y) |
/// | squared error, loss | Σ w ℓ(y, ŷ), see [`Family::losses`] |
/// | R² | 1 − Σ w (y − ŷ)² / Σ w (y − ȳ)² |
/// | AUROC | P(ŷ₁ > ŷ₀) + P(ŷ₁ = ŷ₀)/2 of rows with outcomes 1 and 0; standard error of DeLong, DeLong and Clarke-Pearson (1988), doi:10.2307/2531595 |
/// | calibration | ℓ(E y) = a + b ℓ(ŷ) with the link ℓ; perfect are a = 0 and b = 1 |
/// | reliability | mean outcome by quantile of the prediction, with intervals of Wilson (1927), doi:10.1080/01621459.1927.10502953, or of Student for targets that are not binary |
///
/// Standard errors take rows for independent and predictions for given: of rows that the model was
/// not fitted to. What a subgroup of a few rows does not determine is `None`, never a NaN. Rows of
/// weight zero do not count, and a subgroup of only such rows has no line.
///
/// ```
/// use contextualized_analysis::{SubgroupAnalysis, Subgroups};
/// use contextualized_core::Family;
/// use ndarray::array;
///
/// let (outcomes, risks) = (array![0.0, 1.0, 0.0, 1.0], array![0.2, 0.7, 0.6, 0.4]);
/// let clinics = Subgroups::by_label(&["north", "north", "south", "south"])?;
/// let table = SubgroupAnalysis::new()
///     .of_predictions(&clinics, outcomes.view(), risks.view(), None, Family::Binomial)?;
/// assert_eq!(table[0].name, "north");
/// assert_eq!(table[0].auroc.map(|auroc| auroc.value), Some(1.0));
/// assert_eq!(table[1].auroc.map(|auroc| auroc.value), Some(0.0));
/// # Ok::<(), contextualized_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct SubgroupAnalysis {
    bins: usize,
    level: f64,
}

impl Default for SubgroupAnalysis {
    fn default() -> Self {
        Self {
            bins: 10,
            level: 0.95,
        }
    }
}

impl SubgroupAnalysis {
    /// Ten bins, intervals of 95 %.
    pub fn new() -> Self {
        Self::default()
    }

    /// The most bins of a reliability curve; equal predictions are in the same.
    pub fn bins(mut self, bins: usize) -> Self {
        self.bins = bins;
        self
    }

    /// The probability of intervals around the mean outcome of a bin.
    pub fn level(mut self, level: f64) -> Self {
        self.level = level;
        self
    }

    /// A line for each subgroup, in their order, from outcomes, predictions and weights (n each).
    ///
    /// Predictions are means of outcomes of the family: probabilities, where they are 0 or 1.
    ///
    /// # Errors
    ///
    /// [`Error::RowCount`] unless there is an outcome, a prediction and a label for each row;
    /// [`Error::NotFinite`], [`Error::InvalidWeight`], [`Error::NoWeight`]; [`Error::InvalidTarget`] and
    /// [`Error::InvalidParameter`] for what is no outcome or mean, and for a setting out of its
    /// range.
    pub fn of_predictions(
        &self,
        subgroups: &Subgroups,
        outcomes: ArrayView1<'_, f64>,
        predictions: ArrayView1<'_, f64>,
        weights: Option<ArrayView1<'_, f64>>,
        family: Family,
    ) -> Result<Vec<SubgroupAccuracy>> {
        self.check()?;
        check_rows("labels", outcomes.len(), subgroups.rows())?;
        // Checks all rows at once, so that errors name the row among all.
        family.losses(
            outcomes.insert_axis(Axis(1)),
            predictions.insert_axis(Axis(1)),
        )?;
        let weights = match weights {
            Some(weights) => {
                check_weights(weights, outcomes.len())?;
                weights.to_owned()
            }
            None => Array1::ones(outcomes.len()),
        };
        let mut lines = Vec::new();
        for (name, rows) in subgroups.names().iter().zip(subgroups.members()) {
            let rows: Vec<usize> = rows.into_iter().filter(|&row| weights[row] > 0.0).collect();
            if rows.is_empty() {
                continue;
            }
            lines.push(self.line(
                name,
                family,
                &PredictedRows {
                    outcomes: outcomes.select(Axis(0), &rows),
                    predictions: predictions.select(Axis(0), &rows),
                    weights: weights.select(Axis(0), &rows),
                },
            )?);
        }
        Ok(lines)
    }

    /// For each target the lines of a model's predictions for samples, which it should not have been
    /// fitted to.
    ///
    /// # Errors
    ///
    /// Those of [`LocalCoefficients::predict_samples`] and of [`SubgroupAnalysis::of_predictions`].
    pub fn of_model(
        &self,
        subgroups: &Subgroups,
        model: &(impl LocalCoefficients + ?Sized),
        samples: &Samples,
    ) -> Result<Vec<Vec<SubgroupAccuracy>>> {
        let predictions = model.predict_samples(samples)?;
        samples
            .targets()
            .columns()
            .into_iter()
            .zip(predictions.columns())
            .map(|(outcomes, predictions)| {
                self.of_predictions(
                    subgroups,
                    outcomes,
                    predictions,
                    samples.weights(),
                    model.family(),
                )
            })
            .collect()
    }

    fn check(&self) -> Result<()> {
        if self.bins == 0 {
            return Err(Error::invalid_parameter("bins", 0, "at least 1"));
        }
        check_probability("level", self.level)
    }

    fn line(&self, name: &str, family: Family, rows: &PredictedRows) -> Result<SubgroupAccuracy> {
        let errors = &rows.predictions - &rows.outcomes;
        let mean = |values: ArrayView1<'_, f64>| Score::of_rows(values, Some(rows.weights.view()));
        let losses = family.losses(
            rows.outcomes.view().insert_axis(Axis(1)),
            rows.predictions.view().insert_axis(Axis(1)),
        )?;
        let same = rows.outcomes.iter().all(|y| *y == rows.outcomes[0]);
        Ok(SubgroupAccuracy {
            name: name.to_owned(),
            rows: rows.weights.len(),
            weight: rows.weights.sum(),
            mean_outcome: mean(rows.outcomes.view())?.mean,
            mean_prediction: mean(rows.predictions.view())?.mean,
            bias: mean(errors.view())?.into(),
            squared_error: mean((&errors * &errors).view())?.into(),
            loss: mean(losses.view())?.into(),
            r_squared: (!same).then(|| rows.r_squared()).transpose()?,
            auroc: if family.has_probabilities() && !same {
                Some(auroc(&rows.one_by_one())?)
            } else {
                None
            },
            calibration: recalibration(rows, family)?,
            reliability: reliability(rows, family, self.bins, self.level)?,
        })
    }
}

/// Outcomes, predictions and positive weights of some rows.
struct PredictedRows {
    outcomes: Array1<f64>,
    predictions: Array1<f64>,
    weights: Array1<f64>,
}

impl PredictedRows {
    /// Rows of weight one.
    #[cfg(test)]
    fn unweighted(outcomes: Array1<f64>, predictions: Array1<f64>) -> Self {
        Self {
            weights: Array1::ones(outcomes.len()),
            outcomes,
            predictions,
        }
    }

    /// Shares of trials as ones and zeros, each with its part of the weight.
    fn one_by_one(&self) -> Self {
        let mut rows = Vec::with_capacity(self.outcomes.len());
        let own = self.outcomes.iter().zip(&self.predictions);
        for ((&outcome, &prediction), &weight) in own.zip(&self.weights) {
            for (side, share) in [(0.0, 1.0 - outcome), (1.0, outcome)] {
                if share > 0.0 {
                    rows.push((side, prediction, weight * share));
                }
            }
        }
        Self {
            outcomes: rows.iter().map(|row| row.0).collect(),
            predictions: rows.iter().map(|row| row.1).collect(),
            weights: rows.iter().map(|row| row.2).collect(),
        }
    }

    fn r_squared(&self) -> Result<f64> {
        r_squared(
            self.outcomes.view().insert_axis(Axis(1)),
            self.predictions.view().insert_axis(Axis(1)),
            Some(self.weights.view()),
        )
    }

    /// Rows from the smallest prediction to the largest, those with equal predictions together.
    fn ties(&self) -> Vec<Vec<usize>> {
        let mut order: Vec<usize> = (0..self.predictions.len()).collect();
        order.sort_by(|&a, &b| self.predictions[a].total_cmp(&self.predictions[b]));
        order
            .chunk_by(|&a, &b| self.predictions[a] == self.predictions[b])
            .map(<[usize]>::to_vec)
            .collect()
    }
}

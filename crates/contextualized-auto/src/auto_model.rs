//! The model that was chosen, and what it was chosen from.

use crate::{AutoReport, RegressionModel};
use contextualized_core::validate::{check_finite, check_query};
use contextualized_core::{
    CoefficientIntervals, Coefficients, Error, Family, LocalCoefficients, PredictionIntervals,
    Result, VaryingCoefficients, WeightedContexts, WithUncertainty,
};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, concatenate, s};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, Normal};

/// A fitted [`crate::AutoRegression`]: one model, and the table it was chosen from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct AutoModel {
    model: RegressionModel,
    /// Root mean squared error of each target on held-out rows.
    held_out_errors: Option<Array1<f64>>,
    report: AutoReport,
}

#[derive(Deserialize)]
struct Unchecked {
    model: RegressionModel,
    held_out_errors: Option<Array1<f64>>,
    report: AutoReport,
}

impl TryFrom<Unchecked> for AutoModel {
    type Error = Error;

    fn try_from(file: Unchecked) -> Result<Self> {
        if let Some(errors) = &file.held_out_errors {
            check_finite("held-out errors", errors.view().insert_axis(Axis(0)))?;
            if let Some(error) = errors.iter().find(|error| **error < 0.0) {
                return Err(Error::invalid_parameter(
                    "held-out error",
                    error,
                    "at least zero",
                ));
            }
        }
        Ok(Self {
            model: file.model,
            held_out_errors: file.held_out_errors,
            report: file.report,
        })
    }
}

/// Rows whose predictors are summed up at once.
const BLOCK: usize = 256;

impl AutoModel {
    pub(crate) fn new(
        model: RegressionModel,
        held_out_errors: Option<Array1<f64>>,
        report: AutoReport,
    ) -> Self {
        Self {
            model,
            held_out_errors,
            report,
        }
    }

    /// The model that was chosen.
    pub fn model(&self) -> &RegressionModel {
        &self.model
    }

    /// The table it was chosen from.
    pub fn report(&self) -> &AutoReport {
        &self.report
    }

    /// The model in words, for tables: the name of the candidate, and how many bootstraps there are.
    pub fn describe(&self) -> String {
        let name = &self.report.chosen_candidate().name;
        match &self.model {
            RegressionModel::Ensemble(ensemble) => {
                format!("{name}, {} bootstraps", ensemble.replicates())
            }
            _ => name.clone(),
        }
    }

    /// Root mean squared error of each target on held-out rows, for a row of weight one, where
    /// candidates were compared and targets are not binary.
    pub fn held_out_errors(&self) -> Option<ArrayView1<'_, f64>> {
        self.held_out_errors.as_ref().map(|errors| errors.view())
    }

    /// Intervals that should hold a new outcome of a row of weight one with probability `level`; of
    /// binary targets, those that should hold its probability.
    ///
    /// A kernel's are those of its posterior, a population's those of Student's t. Of clusters, encoders
    /// and bootstraps they are normal, with the standard error of the predictor, where there are
    /// bootstraps, and the error of held-out rows. The latter is not only noise but the model's own
    /// error too, so that they are rather wide than narrow.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for a level outside (0, 1) and for a model without intervals, which
    /// says what to do; [`Error::ColumnCount`], [`Error::RowCount`], [`Error::NotFinite`] for tables
    /// that do not fit the model.
    pub fn outcome_intervals(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
        level: f64,
    ) -> Result<PredictionIntervals> {
        if !(level > 0.0 && level < 1.0) {
            return Err(Error::invalid_parameter(
                "level",
                level,
                "between 0 and 1, both excluded",
            ));
        }
        match (&self.model, self.model.family()) {
            (RegressionModel::GaussianProcess(model), Family::Binomial) => {
                model.mean_intervals(contexts, features, level)
            }
            (RegressionModel::GaussianProcess(model), _) => {
                model.outcome_intervals(contexts, features, level)
            }
            (RegressionModel::Population(model), Family::Binomial) => {
                model.mean_intervals(contexts, features, level)
            }
            (RegressionModel::Population(model), _) => {
                model.outcome_intervals(contexts, features, level)
            }
            (_, Family::Binomial) => self.probability_intervals(contexts, features, level),
            _ => self.normal_intervals(contexts, features, level),
        }
    }

    /// Ends of intervals of the linear predictor, as probabilities.
    fn probability_intervals(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
        level: f64,
    ) -> Result<PredictionIntervals> {
        let [_, lower, upper] = self
            .predictors(contexts, features, level)?
            .ok_or_else(|| self.model.without_intervals())?;
        let link = self.model.family();
        Ok(PredictionIntervals {
            lower: link.inverse_table(lower.view()),
            upper: link.inverse_table(upper.view()),
        })
    }

    fn normal_intervals(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
        level: f64,
    ) -> Result<PredictionIntervals> {
        let means = self.model.predict(contexts, features)?;
        let Some(held_out) = &self.held_out_errors else {
            return Err(Error::invalid_parameter(
                "estimator",
                format!("{}, fitted without held-out folds", self.model.method()),
                "chosen from several for outcomes to have intervals",
            ));
        };
        if held_out.len() != means.ncols() {
            return Err(Error::ColumnCount {
                argument: "held-out errors",
                expected: means.ncols(),
                found: held_out.len(),
            });
        }
        let mut variances = Array2::zeros(means.dim());
        variances += &held_out.mapv(|error| error * error);
        if let Some([errors, ..]) = self.predictors(contexts, features, level)? {
            variances += &errors.mapv(|error| error * error);
        }
        let half = variances.mapv(f64::sqrt) * Normal::standard().inverse_cdf(0.5 + level / 2.0);
        Ok(PredictionIntervals {
            lower: &means - &half,
            upper: &means + &half,
        })
    }

    /// Standard errors and ends of intervals of the linear predictor of every row, where the model
    /// knows sums of its coefficients.
    fn predictors(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
        level: f64,
    ) -> Result<Option<[Array2<f64>; 3]>> {
        let Some(model) = self.model.as_with_sums() else {
            return Ok(None);
        };
        check_query(contexts, contexts.ncols(), features, features.ncols())?;
        let starts: Vec<usize> = (0..contexts.nrows()).step_by(BLOCK).collect();
        let blocks = starts
            .into_par_iter()
            .map(|start| {
                let rows = start..(start + BLOCK).min(contexts.nrows());
                let own = contexts.slice(s![rows.clone(), ..]).to_owned();
                let each = WeightedContexts::new(own, Array2::eye(rows.len()))?;
                let sums = model.predictor_sums(&each, features.slice(s![rows, ..]), level)?;
                Ok([sums.standard_errors, sums.lower, sums.upper])
            })
            .collect::<Result<Vec<_>>>()?;
        let joined = |part: usize| {
            let parts: Vec<_> = blocks.iter().map(|block| block[part].view()).collect();
            concatenate(Axis(0), &parts)
                .map_err(|error| Error::numerical("joining intervals", error))
        };
        Ok(Some([joined(0)?, joined(1)?, joined(2)?]))
    }
}

impl LocalCoefficients for AutoModel {
    fn coefficients_at(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
    ) -> Result<Coefficients> {
        self.model.coefficients_at(contexts, features)
    }

    fn family(&self) -> Family {
        self.model.family()
    }

    fn predict(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
    ) -> Result<Array2<f64>> {
        self.model.predict(contexts, features)
    }
}

impl VaryingCoefficients for AutoModel {
    fn coefficients(&self, contexts: ArrayView2<'_, f64>) -> Result<Coefficients> {
        self.model.coefficients(contexts)
    }
}

/// Those of the model that was chosen; they do not know that it was chosen.
impl WithUncertainty for AutoModel {
    fn standard_errors(&self, contexts: ArrayView2<'_, f64>) -> Result<Coefficients> {
        self.model.standard_errors(contexts)
    }

    fn intervals(&self, contexts: ArrayView2<'_, f64>, level: f64) -> Result<CoefficientIntervals> {
        self.model.intervals(contexts, level)
    }
}

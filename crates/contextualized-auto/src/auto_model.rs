//! The model that was chosen, and what it was chosen from.

use crate::{AutoReport, RegressionModel};
use contextualized_core::validate::check_finite;
use contextualized_core::{
    Checked, CoefficientIntervals, Coefficients, Error, Family, LocalCoefficients,
    PredictionIntervals, PredictorDistribution, Result, Samples, VaryingCoefficients,
    WeightedContexts, WithUncertainty, checked_serde,
};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, concatenate, s};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// A fitted [`crate::AutoRegression`]: one model, and the table it was chosen from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub struct AutoModel {
    model: RegressionModel,
    /// Root mean squared error of each target on held-out rows.
    held_out_errors: Option<Array1<f64>>,
    /// Mean square of the predictor's standard errors at the rows compared, of each target, where there are
    /// held-out errors and bootstraps.
    #[serde(default)]
    mean_variances: Option<Array1<f64>>,
    report: AutoReport,
}

checked_serde!(AutoModel);

impl Checked for AutoModel {
    fn check(&self) -> Result<()> {
        for (name, values) in [
            ("held-out error", &self.held_out_errors),
            ("mean variance", &self.mean_variances),
        ] {
            let Some(values) = values else { continue };
            check_finite(name, values.view().insert_axis(Axis(0)))?;
            if let Some(value) = values.iter().find(|value| **value < 0.0) {
                return Err(Error::invalid_parameter(name, value, "at least zero"));
            }
        }
        Ok(())
    }
}

/// Rows whose predictors are summed up at once.
const BLOCK: usize = 256;

/// Standard errors come with intervals, which are not used; of this level two replicates have some.
const ANY_LEVEL: f64 = 0.3;

impl AutoModel {
    pub(crate) fn new(
        model: RegressionModel,
        held_out_errors: Option<Array1<f64>>,
        report: AutoReport,
        compared: &Samples,
    ) -> Result<Self> {
        let mut model = Self {
            model,
            held_out_errors,
            mean_variances: None,
            report,
        };
        if model.held_out_errors.is_some() && model.model.as_predictive().is_none() {
            let errors = model.predictor_errors(compared.contexts(), compared.features())?;
            model.mean_variances = errors.and_then(|errors| (&errors * &errors).mean_axis(Axis(0)));
        }
        Ok(model)
    }

    /// The model that was chosen.
    pub fn model(&self) -> &RegressionModel {
        &self.model
    }

    /// The table it was chosen from.
    pub fn report(&self) -> &AutoReport {
        &self.report
    }

    /// The model in words, for tables: the name of the candidate, what its fit found, and how many bootstraps there are.
    pub fn describe(&self) -> String {
        let mut words = vec![self.report.chosen_candidate().name.clone()];
        if let RegressionModel::Ensemble(ensemble) = &self.model {
            words.extend(ensemble.original().found());
            words.push(format!("{} bootstraps", ensemble.replicates()));
        } else {
            words.extend(self.model.found());
        }
        words.join(", ")
    }

    /// Root mean squared error of each target on held-out rows, for a row of weight one, where
    /// candidates were compared and the family has a dispersion.
    pub fn held_out_errors(&self) -> Option<ArrayView1<'_, f64>> {
        self.held_out_errors.as_ref().map(|errors| errors.view())
    }

    /// Intervals that should contain a new outcome of a row of weight one with probability `level`; of
    /// a family whose outcomes have none (binary ones), those that should contain its mean. Offsets (n), if any, are on the link
    /// scale.
    ///
    /// Those of a Gaussian process and of a population are the model's own. Of clusters and encoders of a
    /// family with a dispersion they are made of the errors of held-out rows, which are noise and the model's
    /// own error; with bootstraps the latter is that of each row.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for a level outside (0, 1); [`Error::NoIntervals`] for a model
    /// without, which says what to do; [`Error::ColumnCount`], [`Error::RowCount`],
    /// [`Error::NotFinite`] for tables that do not fit the model.
    pub fn outcome_intervals(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
        offsets: Option<ArrayView1<'_, f64>>,
        level: f64,
    ) -> Result<PredictionIntervals> {
        let family = self.model.family();
        let known = self.predictor_distribution(contexts, features)?;
        if family.has_outcome_intervals() {
            known.outcome_intervals(family, offsets, level)
        } else {
            known.mean_intervals(family.link(), offsets, level)
        }
    }

    /// What is known of the linear predictors at contexts (n × c) and features (n × x), on the link scale: by the
    /// model itself, else by its held-out errors and, of a bootstrap, by its members. A model with neither standard
    /// errors nor a bootstrap has zeros in their place, and its held-out errors as dispersions.
    ///
    /// # Errors
    ///
    /// [`Error::NoIntervals`] where neither says anything; those of the model.
    pub fn predictor_distribution(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
    ) -> Result<PredictorDistribution> {
        match self.model.as_predictive() {
            Some(model) => model.predictor_distribution(contexts, features),
            None => self.held_out_distribution(contexts, features),
        }
    }

    /// Of a model that does not know the distribution of its predictors by itself.
    fn held_out_distribution(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
    ) -> Result<PredictorDistribution> {
        let family = self.model.family();
        let means = self.model.linear_predictor(contexts, features)?;
        let standard_errors = match self.predictor_errors(contexts, features)? {
            Some(errors) => errors,
            None if !family.has_dispersion() => return Err(self.without_intervals()),
            None => Array2::zeros(means.dim()),
        };
        let dispersions = match &self.held_out_errors {
            Some(errors) => self.noise_of(errors),
            None if family.has_dispersion() => self.own_dispersions(contexts, features)?,
            None => Array1::ones(means.ncols()),
        };
        if dispersions.len() != means.ncols() {
            return Err(Error::ColumnCount {
                argument: "held-out errors",
                expected: means.ncols(),
                found: dispersions.len(),
            });
        }
        Ok(PredictorDistribution {
            means,
            standard_errors,
            dispersions,
            degrees_of_freedom: None,
        })
    }

    /// What held-out errors have beyond the model's own error: that is in the standard errors, where there are
    /// some, and would count twice.
    fn noise_of(&self, held_out_errors: &Array1<f64>) -> Array1<f64> {
        let squares = held_out_errors.mapv(|error| error * error);
        match &self.mean_variances {
            Some(own) if own.len() == squares.len() => (squares - own).mapv(|noise| noise.max(0.0)),
            Some(_) | None => squares,
        }
    }

    /// Those of the model that was fitted to all rows before it was bootstrapped, which knows them where no
    /// rows were held out.
    fn own_dispersions(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
    ) -> Result<Array1<f64>> {
        let predictive = match &self.model {
            RegressionModel::Ensemble(ensemble) => ensemble.original().as_predictive(),
            model => model.as_predictive(),
        };
        let predictive = predictive.ok_or_else(|| self.without_intervals())?;
        let nobody = s![..0, ..];
        let known =
            predictive.predictor_distribution(contexts.slice(nobody), features.slice(nobody))?;
        Ok(known.dispersions)
    }

    /// The error of a model without standard errors.
    fn without_intervals(&self) -> Error {
        Error::NoIntervals {
            model: self.model.method().to_string(),
            remedy: Some("fit it with bootstraps, or another estimator"),
        }
    }

    /// Standard errors of the linear predictor of every row, where the model has those of sums of its
    /// coefficients.
    fn predictor_errors(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
    ) -> Result<Option<Array2<f64>>> {
        let Some(model) = self.model.as_sums() else {
            return Ok(None);
        };
        // One block at least, so that there are as many columns of nobody as of others.
        let starts: Vec<usize> = (0..contexts.nrows().max(1)).step_by(BLOCK).collect();
        let blocks = starts
            .into_par_iter()
            .map(|start| {
                let rows = start..(start + BLOCK).min(contexts.nrows());
                let own = contexts.slice(s![rows.clone(), ..]).to_owned();
                let each = WeightedContexts::new(own, Array2::eye(rows.len()))?;
                let sums = model.predictor_sums(&each, features.slice(s![rows, ..]), ANY_LEVEL)?;
                Ok(sums.standard_errors)
            })
            .collect::<Result<Vec<_>>>()?;
        let parts: Vec<_> = blocks.iter().map(Array2::view).collect();
        concatenate(Axis(0), &parts)
            .map(Some)
            .map_err(|error| Error::numerical("joining standard errors", error))
    }
}

/// What is passed on to the model that was chosen; it does not know that it was chosen.
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

    fn wrapped(&self) -> Option<&dyn LocalCoefficients> {
        Some(&self.model)
    }

    fn as_varying(&self) -> Option<&dyn VaryingCoefficients> {
        Some(self)
    }
}

impl VaryingCoefficients for AutoModel {
    fn coefficients(&self, contexts: ArrayView2<'_, f64>) -> Result<Coefficients> {
        self.model.coefficients(contexts)
    }
}

/// Those of the model that was chosen; they do not know that it was chosen.
impl WithUncertainty for AutoModel {
    /// # Errors
    ///
    /// [`Error::NoIntervals`] for clusters and encoders that were fitted without bootstraps; those of
    /// the model.
    fn standard_errors(&self, contexts: ArrayView2<'_, f64>) -> Result<Coefficients> {
        let model = self
            .model
            .as_uncertain()
            .ok_or_else(|| self.without_intervals())?;
        model.standard_errors(contexts)
    }

    /// # Errors
    ///
    /// Those of [`AutoModel::standard_errors`]; [`Error::InvalidParameter`] for a level outside (0, 1).
    fn intervals(&self, contexts: ArrayView2<'_, f64>, level: f64) -> Result<CoefficientIntervals> {
        let model = self
            .model
            .as_uncertain()
            .ok_or_else(|| self.without_intervals())?;
        model.intervals(contexts, level)
    }
}

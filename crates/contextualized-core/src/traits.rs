//! The shared question, "what are the coefficients at this context?", as traits.

use crate::validate::check_rows;
use crate::{
    Coefficients, Family, Monitor, NetworkDensity, Result, Samples, Standardization,
    WithArchetypes, WithPredictions, WithRandomEffects, WithSums,
};
use ndarray::{Array2, ArrayView2, Axis};

/// A configuration that can be fitted to samples.
///
/// Fitting consumes neither the estimator nor the samples, and the same samples
/// and seed give the same bits on any number of threads.
pub trait Estimator: Send + Sync {
    /// The fitted model.
    type Model;

    /// A short description for tables, settings included where they tell estimators apart.
    fn name(&self) -> String;

    /// Fits the model.
    ///
    /// # Errors
    ///
    /// Whatever makes the data or the settings unusable; see each estimator.
    fn fit(&self, samples: &Samples) -> Result<Self::Model>;
}

/// The object-safe companion of [`Estimator`], which every regression estimator has.
///
/// Comparison and cross-validation take lists of these. A boxed one is an
/// [`Estimator`] again, whose model is a `Box<dyn LocalCoefficients>`.
pub trait DynEstimator: Send + Sync {
    /// As [`Estimator::name`].
    fn name(&self) -> String;

    /// As [`Estimator::fit`].
    ///
    /// # Errors
    ///
    /// Those of [`Estimator::fit`].
    fn fit_boxed(&self, samples: &Samples) -> Result<Box<dyn LocalCoefficients>>;
}

impl<E> DynEstimator for E
where
    E: Estimator,
    E::Model: LocalCoefficients + 'static,
{
    fn name(&self) -> String {
        Estimator::name(self)
    }

    fn fit_boxed(&self, samples: &Samples) -> Result<Box<dyn LocalCoefficients>> {
        Ok(Box::new(self.fit(samples)?))
    }
}

impl Estimator for dyn DynEstimator {
    type Model = Box<dyn LocalCoefficients>;

    fn name(&self) -> String {
        DynEstimator::name(self)
    }

    fn fit(&self, samples: &Samples) -> Result<Self::Model> {
        self.fit_boxed(samples)
    }
}

impl<E: Estimator + ?Sized> Estimator for Box<E> {
    type Model = E::Model;

    fn name(&self) -> String {
        (**self).name()
    }

    fn fit(&self, samples: &Samples) -> Result<Self::Model> {
        (**self).fit(samples)
    }
}

/// What the estimators of a choice have in common.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct RegressionSettings {
    /// The family of the targets.
    pub family: Family,
    /// Whether there is an intercept.
    pub intercept: bool,
    /// Seed of whatever an estimator draws.
    pub seed: u64,
}

/// A regression estimator that can be chosen by name, with all else by default: what a registry of
/// estimators needs to know of one.
pub trait RegressionEstimator: Estimator<Model: VaryingCoefficients> + Clone {
    /// Whether its models know the dispersion of outcomes by themselves; otherwise held-out rows say.
    const KNOWS_DISPERSION: bool;

    /// Whether fits to the same rows with other seeds differ by enough to count as uncertainty.
    const VARIES_BY_SEED: bool = false;

    /// The default estimator with these settings.
    fn with_settings(settings: &RegressionSettings) -> Self;

    /// The variants worth comparing for so many contexts, those to be preferred first.
    fn candidates(settings: &RegressionSettings, _contexts: usize) -> Vec<Self> {
        vec![Self::with_settings(settings)]
    }

    /// The fit to the rows of a fold, which may lack what all rows have: a level of a factor, one of two outcomes.
    ///
    /// # Errors
    ///
    /// Those of [`Estimator::fit`].
    fn fit_part(&self, samples: &Samples) -> Result<Self::Model> {
        self.fit(samples)
    }

    /// The same estimator with another seed, where it draws random numbers.
    fn reseeded(self, _seed: u64) -> Self {
        self
    }
}

/// An estimator of networks that can be chosen by name, with all else by default.
pub trait NetworkEstimator: Estimator<Model: NetworkDensity> + Clone {
    /// The default estimator with this seed, where it draws random numbers.
    fn with_seed(seed: u64) -> Self;
}

/// A fitted regression: the local linear model at a point (context, features).
///
/// An explicit model's coefficients depend on the context alone, see
/// [`VaryingCoefficients`]; an implicit one, such as a network g([x, c]), has the
/// slopes ∂g/∂x at that point and the intercept that makes the local model exact there.
pub trait LocalCoefficients: Send + Sync {
    /// Coefficients on the link scale at every row of contexts (n × c) and features (n × x).
    ///
    /// # Errors
    ///
    /// [`crate::Error::ColumnCount`], [`crate::Error::RowCount`],
    /// [`crate::Error::NotFinite`] for tables that do not fit the model.
    fn coefficients_at(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
    ) -> Result<Coefficients>;

    /// The family of the targets, whose link joins their means to the linear predictor.
    fn family(&self) -> Family;

    /// The model that this one wraps, if it does: what is not said here is passed on to it.
    fn wrapped(&self) -> Option<&dyn LocalCoefficients> {
        None
    }

    /// The linear predictor of every target (n × y): `B x + m`, without an offset.
    ///
    /// # Errors
    ///
    /// Those of [`LocalCoefficients::coefficients_at`].
    fn linear_predictor(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
    ) -> Result<Array2<f64>> {
        if let Some(model) = self.wrapped() {
            return model.linear_predictor(contexts, features);
        }
        check_rows("features", contexts.nrows(), features.nrows())?;
        self.coefficients_at(contexts, features)?
            .linear_predictor(features)
    }

    /// The mean of every target (n × y): the inverse link of `B x + m`.
    ///
    /// # Errors
    ///
    /// Those of [`LocalCoefficients::coefficients_at`].
    fn predict(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
    ) -> Result<Array2<f64>> {
        let predictor = self.linear_predictor(contexts, features)?;
        Ok(self.family().link().inverse_table(predictor.view()))
    }

    /// The mean of every target (n × y) at the contexts, features and offsets of samples.
    ///
    /// # Errors
    ///
    /// Those of [`LocalCoefficients::coefficients_at`].
    fn predict_samples(&self, samples: &Samples) -> Result<Array2<f64>> {
        let predictor = self.predictor_of_samples(samples)?;
        Ok(self.family().link().inverse_table(predictor.view()))
    }

    /// The linear predictor of every target (n × y) at the contexts and features of samples, with their offsets and
    /// the predicted effects of their random terms.
    ///
    /// # Errors
    ///
    /// Those of [`LocalCoefficients::coefficients_at`].
    fn predictor_of_samples(&self, samples: &Samples) -> Result<Array2<f64>> {
        let mut predictor = self.linear_predictor(samples.contexts(), samples.features())?;
        if let Some(offsets) = samples.offsets() {
            predictor += &offsets.insert_axis(Axis(1));
        }
        if let (Some(model), terms @ [_, ..]) = (self.as_random_effects(), samples.random_terms()) {
            predictor += &model.random_predictor(terms)?;
        }
        Ok(predictor)
    }

    /// Effective degrees of freedom of every coefficient of each target (y × (x + 1), the intercept last; 0 if
    /// there is none), of a model that knows them: how much the coefficient's part of each fitted value
    /// follows the row's own outcome, summed over the rows. A constant coefficient has one.
    ///
    /// The samples are those the model was fitted to, or a part of them that stands for all.
    ///
    /// # Errors
    ///
    /// Those of [`LocalCoefficients::coefficients_at`].
    fn effective_degrees(&self, samples: &Samples) -> Result<Option<Array2<f64>>> {
        self.wrapped()
            .map_or(Ok(None), |model| model.effective_degrees(samples))
    }

    /// How contexts are standardised, of a model that says so: which of them it transforms.
    fn context_scaling(&self) -> Option<&Standardization> {
        self.wrapped()?.context_scaling()
    }

    /// Length scale of every variable of the contexts ([`crate::ColumnNames::context_variables`]) in every
    /// coefficient ((x + 1) × variables, the intercept last), of a model that has them: in units of a number, of
    /// a factor in those of the difference between two levels; infinite for a variable without influence. Of a context that is
    /// transformed it is in units of what it is transformed to.
    fn length_scales(&self) -> Option<Array2<f64>> {
        self.wrapped()?.length_scales()
    }

    /// What the fit found that the name of its estimator does not say, in a few words for tables: `K = 3`.
    fn found(&self) -> Option<String> {
        self.wrapped()?.found()
    }

    /// Its coefficients as functions of the context alone, of a model that has them.
    fn as_varying(&self) -> Option<&dyn VaryingCoefficients> {
        self.wrapped()?.as_varying()
    }

    /// Its standard errors, of a model that has them.
    fn as_uncertain(&self) -> Option<&dyn WithUncertainty> {
        self.wrapped()?.as_uncertain()
    }

    /// Its intervals of means and outcomes, of a model that has them.
    fn as_predictive(&self) -> Option<&dyn WithPredictions> {
        self.wrapped()?.as_predictive()
    }

    /// Its sums of coefficients over contexts, of a model that has them.
    fn as_sums(&self) -> Option<&dyn WithSums> {
        self.wrapped()?.as_sums()
    }

    /// Its draws of coefficients, of a model that has them.
    fn as_draws(&self) -> Option<&dyn WithDraws> {
        self.wrapped()?.as_draws()
    }

    /// Its random effects, of a model that has them.
    fn as_random_effects(&self) -> Option<&dyn WithRandomEffects> {
        self.wrapped()?.as_random_effects()
    }

    /// Its archetypes, of a model that has them.
    fn as_archetypes(&self) -> Option<&dyn WithArchetypes> {
        self.wrapped()?.as_archetypes()
    }
}

/// A model whose coefficients are functions of the context alone.
pub trait VaryingCoefficients: LocalCoefficients {
    /// Coefficients on the link scale at every row of contexts (n × c).
    ///
    /// # Errors
    ///
    /// [`crate::Error::ColumnCount`], [`crate::Error::NotFinite`].
    fn coefficients(&self, contexts: ArrayView2<'_, f64>) -> Result<Coefficients>;
}

/// Lower and upper ends of an interval for every coefficient.
#[derive(Debug, Clone, PartialEq)]
pub struct CoefficientIntervals {
    /// Lower ends.
    pub lower: Coefficients,
    /// Upper ends.
    pub upper: Coefficients,
}

/// What standard errors rest on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Assumptions {
    /// That rows are independent, whatever groups there are.
    pub independent_rows: bool,
    /// That the noise is as large everywhere, but for row weights.
    pub even_noise: bool,
}

/// A model with standard errors of its coefficients.
pub trait WithUncertainty: VaryingCoefficients {
    /// What its standard errors assume.
    fn assumes(&self) -> Assumptions {
        Assumptions {
            independent_rows: true,
            even_noise: true,
        }
    }

    /// Standard error, or posterior standard deviation, of every coefficient.
    ///
    /// # Errors
    ///
    /// Those of [`VaryingCoefficients::coefficients`].
    fn standard_errors(&self, contexts: ArrayView2<'_, f64>) -> Result<Coefficients>;

    /// Pointwise intervals that should contain each coefficient with probability `level`.
    ///
    /// # Errors
    ///
    /// [`crate::Error::InvalidParameter`] for a level outside (0, 1), and those of
    /// [`VaryingCoefficients::coefficients`].
    fn intervals(&self, contexts: ArrayView2<'_, f64>, level: f64) -> Result<CoefficientIntervals>;
}

/// A model whose coefficients can be drawn: functions of the context that the data leave possible.
pub trait WithDraws: VaryingCoefficients {
    /// Draws of all coefficients at all contexts together, from a posterior or of the fits to resampled rows. Whoever
    /// watches can end it.
    ///
    /// # Errors
    ///
    /// [`crate::Error::InvalidParameter`] for more coefficients than can be drawn at once;
    /// [`crate::Error::Cancelled`]; those of [`VaryingCoefficients::coefficients`].
    fn coefficient_draws(
        &self,
        contexts: ArrayView2<'_, f64>,
        draws: usize,
        seed: u64,
        monitor: Option<&Monitor>,
    ) -> Result<Vec<Coefficients>>;
}

impl<M: LocalCoefficients + ?Sized> LocalCoefficients for Box<M> {
    fn coefficients_at(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
    ) -> Result<Coefficients> {
        (**self).coefficients_at(contexts, features)
    }

    fn family(&self) -> Family {
        (**self).family()
    }

    fn wrapped(&self) -> Option<&dyn LocalCoefficients> {
        (**self).wrapped()
    }

    fn effective_degrees(&self, samples: &Samples) -> Result<Option<Array2<f64>>> {
        (**self).effective_degrees(samples)
    }

    fn context_scaling(&self) -> Option<&Standardization> {
        (**self).context_scaling()
    }

    fn length_scales(&self) -> Option<Array2<f64>> {
        (**self).length_scales()
    }

    fn found(&self) -> Option<String> {
        (**self).found()
    }

    fn as_varying(&self) -> Option<&dyn VaryingCoefficients> {
        (**self).as_varying()
    }

    fn as_uncertain(&self) -> Option<&dyn WithUncertainty> {
        (**self).as_uncertain()
    }

    fn as_predictive(&self) -> Option<&dyn WithPredictions> {
        (**self).as_predictive()
    }

    fn as_sums(&self) -> Option<&dyn WithSums> {
        (**self).as_sums()
    }

    fn as_draws(&self) -> Option<&dyn WithDraws> {
        (**self).as_draws()
    }

    fn as_random_effects(&self) -> Option<&dyn WithRandomEffects> {
        (**self).as_random_effects()
    }

    fn as_archetypes(&self) -> Option<&dyn WithArchetypes> {
        (**self).as_archetypes()
    }

    fn linear_predictor(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
    ) -> Result<Array2<f64>> {
        (**self).linear_predictor(contexts, features)
    }

    fn predict(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
    ) -> Result<Array2<f64>> {
        (**self).predict(contexts, features)
    }
}

impl<M: VaryingCoefficients + ?Sized> VaryingCoefficients for Box<M> {
    fn coefficients(&self, contexts: ArrayView2<'_, f64>) -> Result<Coefficients> {
        (**self).coefficients(contexts)
    }
}

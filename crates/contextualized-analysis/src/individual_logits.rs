//! Classes by a binary regression of each against the reference.

use crate::flat::joined;
use contextualized_core::{
    Assumptions, Checked, CoefficientIntervals, CoefficientSums, Coefficients, Error, Estimator,
    Family, LocalCoefficients, Monitor, PredictorDistribution, PredictorSums, Result, Samples,
    Standardization, VaryingCoefficients, WaldTest, WeightedContexts, WithDraws, WithPredictions,
    WithSums, WithUncertainty, WithWaldTests, checked_serde,
};
use ndarray::{Array1, Array2, Array4, ArrayView2, Axis, concatenate};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Multinomial outcomes by individual logits (Begg and Gray 1984, doi:10.1093/biomet/71.1.11): for each class besides the
/// reference the binary regression of that class against the reference, on the rows of these two alone.
///
/// Given that an outcome is one of two classes, the log-odds of one against the other are the same as among all
/// classes, so the coefficients are those of the joint likelihood, estimated with a little less precision: least so
/// where the reference has many rows. Whatever the binary regression has (intervals, draws, tests) its model has for
/// each class.
///
/// ```
/// use contextualized_analysis::IndividualLogits;
/// use contextualized_core::{Estimator, Family, VaryingCoefficients};
/// use contextualized_linear::GaussianProcessRegression;
/// use contextualized_simulation::Simulator;
///
/// // Two classes besides the reference, whose slopes go in opposite directions.
/// let data = Simulator::new(200)
///     .uniform_contexts(1, -1.0, 1.0)
///     .slope_matrix(|c| ndarray::array![[2.0 * c[0]], [-2.0 * c[0]]])
///     .family(Family::Multinomial)
///     .simulate(1)?;
/// let binary = GaussianProcessRegression::new().family(Family::Binomial);
/// let model = IndividualLogits::new(binary).fit(&data.samples)?;
/// let slopes = model.coefficients(ndarray::array![[0.8]].view())?.slopes().to_owned();
/// assert!(slopes[[0, 0, 0]] > 0.5 && slopes[[0, 1, 0]] < -0.5);
/// # Ok::<(), contextualized_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct IndividualLogits<E> {
    binary: E,
}

impl<E> IndividualLogits<E> {
    /// By an estimator of binary outcomes.
    pub fn new(binary: E) -> Self {
        Self { binary }
    }
}

/// The samples of the regression of each class: its rows and those of the reference, with its indicator as the target.
fn samples_of_classes(samples: &Samples) -> Result<Vec<Samples>> {
    let targets = samples.targets();
    let reference = |row: &usize| targets.row(*row).iter().all(|own| *own == 0.0);
    let names = samples.names().targets.iter().enumerate();
    names
        .map(|(class, name)| {
            let is_of = |row: &usize| targets[[*row, class]] > 0.0 || reference(row);
            let rows: Vec<usize> = (0..samples.rows()).filter(is_of).collect();
            let own = samples.select(&rows)?;
            let indicator = own.targets().column(class).insert_axis(Axis(1)).to_owned();
            own.replace_all_targets(indicator.view(), [name])
        })
        .collect()
}

impl<E> IndividualLogits<E>
where
    E: Estimator<Model: VaryingCoefficients>,
{
    /// Fits each class by what is said of one.
    ///
    /// # Errors
    ///
    /// Those of the fits; [`Error::InvalidTarget`].
    pub fn fit_with(
        &self,
        samples: &Samples,
        fit: impl Fn(&E, &Samples) -> Result<E::Model> + Sync,
    ) -> Result<IndividualLogitsModel<E::Model>> {
        samples.check_no_random_effects("individual logits")?;
        Family::Multinomial.check(samples)?;
        let classes = samples_of_classes(samples)?;
        let models = classes.par_iter().map(|own| fit(&self.binary, own));
        let model = IndividualLogitsModel {
            models: models.collect::<Result<Vec<_>>>()?,
        };
        model.check()?;
        Ok(model)
    }
}

impl<E> Estimator for IndividualLogits<E>
where
    E: Estimator<Model: VaryingCoefficients>,
{
    type Model = IndividualLogitsModel<E::Model>;

    fn name(&self) -> String {
        format!("{} of each class", self.binary.name())
    }

    /// # Errors
    ///
    /// Those of the binary fits; [`Error::InvalidTarget`] for targets that are not indicators of a class;
    /// [`Error::InvalidParameter`] for an estimator that is not one of binary outcomes.
    fn fit(&self, samples: &Samples) -> Result<Self::Model> {
        self.fit_with(samples, E::fit)
    }
}

/// A fitted [`IndividualLogits`]: a target for each class besides the reference.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub struct IndividualLogitsModel<M> {
    /// One for each class besides the reference.
    models: Vec<M>,
}

checked_serde!(IndividualLogitsModel<M: LocalCoefficients>);

impl<M: LocalCoefficients> Checked for IndividualLogitsModel<M> {
    fn check(&self) -> Result<()> {
        if self.models.is_empty() {
            return Err(Error::NoRows {
                argument: "classes",
            });
        }
        let families = self.models.iter().map(|own| own.family());
        match families.into_iter().find(|family| !family.is_binary()) {
            Some(family) => Err(Error::invalid_parameter(
                "family of the regression of a class",
                family,
                "one of binary outcomes",
            )),
            None => Ok(()),
        }
    }
}

impl<M: LocalCoefficients> IndividualLogitsModel<M> {
    /// The binary regression of each class besides the reference.
    pub fn models(&self) -> &[M] {
        &self.models
    }

    /// Tables of coefficients of the classes beside each other.
    fn coefficients_of(
        &self,
        of: impl Fn(&M) -> Result<Coefficients> + Sync,
    ) -> Result<Coefficients> {
        let parts = self.models.iter().map(of).collect::<Result<Vec<_>>>()?;
        joined(&parts)
    }

    /// What every class has, by name.
    fn each<'a, T: ?Sized + 'a>(
        &'a self,
        of: impl Fn(&'a M) -> Option<&'a T>,
    ) -> Result<Vec<&'a T>> {
        let all: Option<Vec<_>> = self.models.iter().map(of).collect();
        all.ok_or_else(|| Error::NoIntervals {
            model: "a regression of each class".to_owned(),
            remedy: Some("fit it with bootstraps, or another estimator"),
        })
    }

    fn has<'a, T: ?Sized + 'a>(&'a self, of: impl Fn(&'a M) -> Option<&'a T>) -> Option<()> {
        self.each(of).ok().map(|_| ())
    }
}

impl<M: VaryingCoefficients> LocalCoefficients for IndividualLogitsModel<M> {
    fn coefficients_at(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
    ) -> Result<Coefficients> {
        self.coefficients_of(|own| own.coefficients_at(contexts, features))
    }

    fn family(&self) -> Family {
        Family::Multinomial
    }

    fn effective_degrees(&self, samples: &Samples) -> Result<Option<Array2<f64>>> {
        let classes = samples_of_classes(samples)?;
        let parts = self.models.iter().zip(&classes);
        let parts = parts.map(|(model, own)| model.effective_degrees(own));
        let Some(parts) = parts.collect::<Result<Option<Vec<_>>>>()? else {
            return Ok(None);
        };
        let views: Vec<_> = parts.iter().map(|own| own.view()).collect();
        concatenate(Axis(0), &views).map(Some).map_err(uneven)
    }

    fn context_scaling(&self) -> Option<&Standardization> {
        self.models[0].context_scaling()
    }

    fn as_varying(&self) -> Option<&dyn VaryingCoefficients> {
        Some(self)
    }

    fn as_uncertain(&self) -> Option<&dyn WithUncertainty> {
        self.has(M::as_uncertain).map(|()| self as _)
    }

    fn as_predictive(&self) -> Option<&dyn WithPredictions> {
        self.has(M::as_predictive).map(|()| self as _)
    }

    fn as_sums(&self) -> Option<&dyn WithSums> {
        self.has(M::as_sums).map(|()| self as _)
    }

    fn as_draws(&self) -> Option<&dyn WithDraws> {
        self.has(M::as_draws).map(|()| self as _)
    }
}

impl<M: VaryingCoefficients> VaryingCoefficients for IndividualLogitsModel<M> {
    fn coefficients(&self, contexts: ArrayView2<'_, f64>) -> Result<Coefficients> {
        self.coefficients_of(|own| own.coefficients(contexts))
    }
}

impl<M: VaryingCoefficients> WithUncertainty for IndividualLogitsModel<M> {
    /// What any of the regressions assumes.
    fn assumes(&self) -> Assumptions {
        let of = |what: fn(Assumptions) -> bool| {
            let mut each = self.models.iter().filter_map(|own| own.as_uncertain());
            each.any(|own| what(own.assumes()))
        };
        Assumptions {
            independent_rows: of(|own| own.independent_rows),
            even_noise: of(|own| own.even_noise),
        }
    }

    fn standard_errors(&self, contexts: ArrayView2<'_, f64>) -> Result<Coefficients> {
        let each = self.each(M::as_uncertain)?.into_iter();
        let parts = each.map(|own| own.standard_errors(contexts));
        joined(&parts.collect::<Result<Vec<_>>>()?)
    }

    fn intervals(&self, contexts: ArrayView2<'_, f64>, level: f64) -> Result<CoefficientIntervals> {
        let each = self.each(M::as_uncertain)?.into_iter();
        let ends = each.map(|own| own.intervals(contexts, level));
        let ends = ends.collect::<Result<Vec<_>>>()?;
        let (lower, upper): (Vec<_>, Vec<_>) =
            ends.into_iter().map(|own| (own.lower, own.upper)).unzip();
        Ok(CoefficientIntervals {
            lower: joined(&lower)?,
            upper: joined(&upper)?,
        })
    }
}

impl<M: VaryingCoefficients> WithPredictions for IndividualLogitsModel<M> {
    fn predictor_distribution(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
    ) -> Result<PredictorDistribution> {
        let each = self.each(M::as_predictive)?.into_iter();
        let parts = each.map(|own| own.predictor_distribution(contexts, features));
        let parts = parts.collect::<Result<Vec<_>>>()?;
        let tables = |of: fn(&PredictorDistribution) -> &Array2<f64>| {
            beside(parts.iter().map(|own| of(own).view()))
        };
        Ok(PredictorDistribution {
            means: tables(|own| &own.means)?,
            standard_errors: tables(|own| &own.standard_errors)?,
            dispersions: Array1::ones(parts.len()),
            degrees_of_freedom: None,
        })
    }
}

impl<M: VaryingCoefficients> WithSums for IndividualLogitsModel<M> {
    fn coefficient_sums(&self, sums: &WeightedContexts, level: f64) -> Result<CoefficientSums> {
        let each = self.each(M::as_sums)?.into_iter();
        let parts = each.map(|own| own.coefficient_sums(sums, level));
        let parts = parts.collect::<Result<Vec<_>>>()?;
        let tables = |of: fn(&CoefficientSums) -> &Coefficients| {
            joined(&parts.iter().map(|own| of(own).clone()).collect::<Vec<_>>())
        };
        Ok(CoefficientSums {
            values: tables(|own| &own.values)?,
            standard_errors: tables(|own| &own.standard_errors)?,
            lower: tables(|own| &own.lower)?,
            upper: tables(|own| &own.upper)?,
        })
    }

    fn predictor_sums(
        &self,
        sums: &WeightedContexts,
        features: ArrayView2<'_, f64>,
        level: f64,
    ) -> Result<PredictorSums> {
        let each = self.each(M::as_sums)?.into_iter();
        let parts = each.map(|own| own.predictor_sums(sums, features, level));
        let parts = parts.collect::<Result<Vec<_>>>()?;
        let tables =
            |of: fn(&PredictorSums) -> &Array2<f64>| beside(parts.iter().map(|own| of(own).view()));
        Ok(PredictorSums {
            values: tables(|own| &own.values)?,
            standard_errors: tables(|own| &own.standard_errors)?,
            lower: tables(|own| &own.lower)?,
            upper: tables(|own| &own.upper)?,
        })
    }

    fn slope_covariances(&self, sums: &WeightedContexts) -> Result<Array4<f64>> {
        let each = self.each(M::as_sums)?.into_iter();
        let parts = each.map(|own| own.slope_covariances(sums));
        let parts = parts.collect::<Result<Vec<_>>>()?;
        let views: Vec<_> = parts.iter().map(|own| own.view()).collect();
        concatenate(Axis(1), &views).map_err(uneven)
    }
}

/// Draws of classes are independent of each other.
impl<M: VaryingCoefficients> WithDraws for IndividualLogitsModel<M> {
    fn coefficient_draws(
        &self,
        contexts: ArrayView2<'_, f64>,
        draws: usize,
        seed: u64,
        monitor: Option<&Monitor>,
    ) -> Result<Vec<Coefficients>> {
        let each = self.each(M::as_draws)?.into_iter().zip(seed..);
        let parts = each.map(|(own, seed)| own.coefficient_draws(contexts, draws, seed, monitor));
        let parts = parts.collect::<Result<Vec<_>>>()?;
        (0..draws)
            .map(|draw| {
                let own: Vec<_> = parts.iter().map(|own| own[draw].clone()).collect();
                joined(&own)
            })
            .collect()
    }
}

/// Tests of each class by its own rows.
impl<M: WithWaldTests> WithWaldTests for IndividualLogitsModel<M> {
    fn wald_tests(&self, samples: &Samples) -> Result<Vec<WaldTest>> {
        let mut tests: Vec<WaldTest> = Vec::new();
        for (model, own) in self.models.iter().zip(&samples_of_classes(samples)?) {
            tests.extend(model.wald_tests(own)?);
        }
        Ok(tests)
    }
}

fn beside<'a>(parts: impl Iterator<Item = ArrayView2<'a, f64>>) -> Result<Array2<f64>> {
    let views: Vec<_> = parts.collect();
    concatenate(Axis(1), &views).map_err(uneven)
}

fn uneven(source: ndarray::ShapeError) -> Error {
    Error::numerical("joining the regressions of classes", source)
}

#[cfg(test)]
mod tests {
    use super::*;
    use contextualized_baselines::PopulationRegression;
    use contextualized_linear::GaussianProcessRegression;
    use contextualized_simulation::Simulator;
    use ndarray::array;

    fn samples(slopes: Array2<f64>) -> Samples {
        let data = Simulator::new(300)
            .uniform_contexts(1, -1.0, 1.0)
            .slope_matrix(move |_| slopes.clone())
            .family(Family::Multinomial)
            .simulate(3);
        data.unwrap().samples
    }

    fn binary() -> PopulationRegression {
        PopulationRegression::new().family(Family::Binomial)
    }

    #[test]
    fn of_two_classes_it_is_the_binary_regression() {
        let samples = samples(array![[1.0, -0.5]]);
        let model = IndividualLogits::new(binary()).fit(&samples).unwrap();
        let own = binary().fit(&samples).unwrap();
        let contexts = samples.contexts();
        assert_eq!(
            model.coefficients(contexts).unwrap(),
            own.coefficients(contexts).unwrap()
        );
        let (ends, expected) = (model.intervals(contexts, 0.9), own.intervals(contexts, 0.9));
        assert_eq!(ends.unwrap(), expected.unwrap());
        let (contexts, features) = (samples.contexts(), samples.features());
        let means = model.predict(contexts, features).unwrap();
        assert_eq!(means, own.predict(contexts, features).unwrap());
    }

    /// It estimates what the joint likelihood does, within a standard error.
    #[test]
    fn of_several_classes_it_is_close_to_the_joint_fit() {
        let samples = samples(array![[1.0, -0.5], [0.0, 0.7]]);
        let model = IndividualLogits::new(binary()).fit(&samples).unwrap();
        let joint = PopulationRegression::new().family(Family::Multinomial);
        let joint = joint.fit(&samples).unwrap();
        let at = array![[0.0]];
        let errors = model.standard_errors(at.view()).unwrap().joined();
        let difference = model.coefficients(at.view()).unwrap().joined()
            - joint.coefficients(at.view()).unwrap().joined();
        assert_eq!(difference.dim(), (1, 2, 3));
        for (difference, error) in difference.iter().zip(&errors) {
            assert!(difference.abs() < *error, "{difference} {error}");
        }
        let smaller = joint.standard_errors(at.view()).unwrap().joined();
        assert!(smaller.sum() < errors.sum());
        let (contexts, features) = (samples.contexts(), samples.features());
        let means = model.predict(contexts, features).unwrap();
        assert!(means.sum_axis(Axis(1)).iter().all(|sum| *sum < 1.0));
        let stored = serde_json::to_string(&model).unwrap();
        let again: IndividualLogitsModel<contextualized_baselines::PopulationModel> =
            serde_json::from_str(&stored).unwrap();
        assert_eq!(again, model);
    }

    /// Slopes of three classes against a fourth, with their intervals, draws and tests.
    #[test]
    fn coefficients_that_vary_are_recovered() {
        let data = Simulator::new(800)
            .uniform_contexts(1, -1.0, 1.0)
            .slope_matrix(|c| array![[2.0 * c[0]], [1.0], [-2.0 * c[0] * c[0]]])
            .family(Family::Multinomial)
            .simulate(11)
            .unwrap();
        let samples = &data.samples;
        let gp = GaussianProcessRegression::new().family(Family::Binomial);
        let model = IndividualLogits::new(gp).fit(samples).unwrap();
        let contexts = samples.contexts();
        let found = model.coefficients(contexts).unwrap();
        let errors = &found.slopes() - &data.coefficients.slopes();
        assert!((&errors * &errors).mean().unwrap().sqrt() < 0.3);
        let ends = model.intervals(contexts, 0.95).unwrap();
        let truth = data.coefficients.slopes();
        let inside = truth.indexed_iter().filter(|(at, truth)| {
            ends.lower.slopes()[*at] <= **truth && **truth <= ends.upper.slopes()[*at]
        });
        assert!(inside.count() as f64 > 0.85 * truth.len() as f64);
        let draws = model.coefficient_draws(contexts, 3, 1, None).unwrap();
        assert_eq!(draws[2].slopes().dim(), (800, 3, 1));
        let table = crate::wald_table(&model, samples).unwrap();
        let p_value = |target: usize| table.pairs[2 * target].p_value;
        assert!(p_value(0) < 1e-4 && p_value(1) > 0.01, "{:?}", table.pairs);
        let known = model
            .predictor_distribution(contexts, samples.features())
            .unwrap();
        assert_eq!(known.standard_errors.dim(), (800, 3));
        assert!(matches!(
            known.mean_intervals(Family::Multinomial.link(), None, 0.9),
            Err(Error::NoIntervals { .. })
        ));
    }

    #[test]
    fn other_outcomes_are_refused() {
        let samples = samples(array![[1.0], [0.0]]);
        let gaussian = IndividualLogits::new(PopulationRegression::new());
        assert!(matches!(
            gaussian.fit(&samples),
            Err(Error::InvalidParameter { .. })
        ));
        let both = samples
            .replace_targets(Array2::ones((300, 2)).view())
            .unwrap();
        let model = IndividualLogits::new(binary()).fit(&both);
        assert!(matches!(model, Err(Error::InvalidTarget { .. })));
    }
}

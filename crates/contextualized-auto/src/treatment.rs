//! Effects of a treatment that was not assigned at random, as functions of the context.

mod average;
mod nuisance;
mod overlap;

pub use average::AverageEffect;
pub use overlap::Overlap;

use crate::choice::{Comparison, Rule};
use crate::{AutoModel, AutoRegression, AutoReport, RegressionMethod};
use contextualized_core::{
    Coefficients, Error, Estimator, Family, LocalCoefficients, RegressionSettings, Result, Samples,
    VaryingCoefficients,
};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};
use nuisance::cross_fitted;
use serde::{Deserialize, Serialize};

/// The effect of a treatment W on an outcome y as a function of the context, where whoever is treated may differ
/// from whoever is not by features and contexts.
///
/// With the nuisances m(x, c) = E\[y | x, c\] and e(x, c) = E\[W | x, c\], Robinson's (1988, doi:10.2307/1912705)
/// transformation leaves the effect τ alone,
///
/// ```text
/// y − m(x, c) = τ(c) (W − e(x, c)) + ε,   E[ε | x, c, W] = 0,
/// ```
///
/// and τ minimises the squared errors of this regression, which has no intercept: the R-learner of Nie and Wager
/// (2021, doi:10.1093/biomet/asaa076). Errors of the nuisances change τ by their product and their squares only. A row's
/// nuisances are predicted by models that were fitted without it (cross-fitting: Chernozhukov et al. 2018,
/// doi:10.1111/ectj.12097), whichever of these predicts held-out rows best: a constant-coefficient model of the features, of features
/// and contexts, and of their products too; Gaussian processes; trees. The effect is then estimated by an
/// [`AutoRegression`], whose first candidate is an effect that is the same at all contexts.
///
/// It is an effect of the treatment where nothing else that makes people be treated makes their outcomes
/// differ (no unmeasured confounding), where everybody might have been treated or not ([`Overlap`]), and where a
/// row's outcome does not depend on the treatment of others.
///
/// The effect is a difference of means whatever the family: of probabilities, for a binary outcome. Of a treatment with
/// two values, it is per unit of their difference as they are given; of any other, a change of the treatment by one unit changes
/// the mean by τ(c), and what is found where this is not linear is an average of slopes.
///
/// | setting | default |
/// |---|---|
/// | [`family`](Self::family) of the outcome | Gaussian |
/// | [`effect`](Self::effect), the estimator of the effect | [`AutoRegression::new`] with [`with_intervals`](AutoRegression::with_intervals) |
/// | [`nuisance_methods`](Self::nuisance_methods), whose models of the nuisances are compared | population, Gaussian processes, trees |
/// | [`folds`](Self::folds) of the nuisances | 5 |
/// | [`most_rows`](Self::most_rows) that models of nuisances are compared on | 2000 |
/// | [`seed`](Self::seed) of the nuisances | 0 |
///
/// ```
/// use contextualized_auto::{AutoRegression, RegressionMethod, TreatmentRegression};
/// use contextualized_core::WithUncertainty;
/// use contextualized_simulation::ConfoundedSetting;
/// use ndarray::Array2;
///
/// // The effect is 1 at every context.
/// let data = ConfoundedSetting::C.simulate(200, 5, 0.5, 0)?;
/// let population = AutoRegression::new().only(RegressionMethod::Population);
/// let treatment = TreatmentRegression::new()
///     .nuisance_methods(&[RegressionMethod::GaussianProcess])
///     .effect(population);
/// let model = treatment.fit(&data.samples, data.treatment.view())?;
/// let ends = model.effect().intervals(Array2::zeros((1, 5)).view(), 0.95)?;
/// let (low, high) = (ends.lower.slopes()[[0, 0, 0]], ends.upper.slopes()[[0, 0, 0]]);
/// assert!(0.5 < low && low < 1.0 && 1.0 < high && high < 1.5);
/// # Ok::<(), contextualized_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct TreatmentRegression {
    family: Family,
    effect: AutoRegression,
    methods: Vec<RegressionMethod>,
    comparison: Comparison,
}

/// What a treatment is called until samples of residuals are given a name for it.
const TREATMENT: &str = "treatment";

impl Default for TreatmentRegression {
    fn default() -> Self {
        Self {
            family: Family::Gaussian,
            effect: AutoRegression::new().with_intervals(),
            // Clusters and encoders take longer and predict no better than these.
            methods: vec![
                RegressionMethod::Population,
                RegressionMethod::GaussianProcess,
                RegressionMethod::Trees,
            ],
            comparison: Comparison {
                rule: Rule::Lowest,
                ..Comparison::default()
            },
        }
    }
}

impl TreatmentRegression {
    /// The default settings.
    pub fn new() -> Self {
        Self::default()
    }

    /// The family of the outcome, by which its mean m is estimated.
    pub fn family(mut self, family: Family) -> Self {
        self.family = family;
        self
    }

    /// The estimator of the effect. Its family and intercept are not used; candidates that are given must be
    /// Gaussian and without an intercept.
    pub fn effect(mut self, effect: AutoRegression) -> Self {
        self.effect = effect;
        self
    }

    /// The methods whose models of the nuisances are compared.
    pub fn nuisance_methods(mut self, methods: &[RegressionMethod]) -> Self {
        self.methods = methods.to_vec();
        self
    }

    /// Number of folds of the nuisances, at least two.
    pub fn folds(mut self, folds: usize) -> Self {
        self.comparison.folds = folds;
        self
    }

    /// The most rows that models of nuisances are compared on.
    pub fn most_rows(mut self, rows: usize) -> Self {
        self.comparison.most_rows = rows;
        self
    }

    /// Seed of the folds and models of the nuisances.
    pub fn seed(mut self, seed: u64) -> Self {
        self.comparison.seed = seed;
        self
    }

    /// Fits the nuisances and the effect. The samples have contexts, features if there are any, and the outcome; the
    /// treatment (n) is none of them.
    ///
    /// # Errors
    ///
    /// Those of [`Self::residuals`], and of [`AutoRegression`].
    pub fn fit(&self, samples: &Samples, treatment: ArrayView1<'_, f64>) -> Result<TreatmentModel> {
        self.fit_effect(self.residuals(samples, treatment)?)
    }

    /// Fits the effect to residuals.
    ///
    /// # Errors
    ///
    /// Those of [`AutoRegression`].
    pub fn fit_effect(&self, residuals: Residuals) -> Result<TreatmentModel> {
        let effect = self.effect.clone().intercept(false);
        let effect = effect.family(Family::Gaussian).fit(residuals.samples())?;
        let average = residuals.average_effects(&effect)?;
        Ok(TreatmentModel {
            effect,
            nuisances: residuals.nuisances,
            average,
        })
    }

    /// Outcome and treatment without their means given features and contexts.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for a treatment that is the same in all rows, or equal to a feature or a context;
    /// [`Error::RowCount`], [`Error::NotFinite`], [`Error::InvalidTarget`]; the first learner's error if none can be
    /// fitted.
    pub fn residuals(
        &self,
        samples: &Samples,
        treatment: ArrayView1<'_, f64>,
    ) -> Result<Residuals> {
        let means = self.means_of_treatment(samples, treatment)?;
        self.residuals_given(samples, treatment, &means)
    }

    /// The mean of the treatment of every row, given features and contexts: of one with two values, of which the
    /// larger is as probable as this says.
    ///
    /// # Errors
    ///
    /// Those of [`Self::residuals`].
    pub fn means_of_treatment(
        &self,
        samples: &Samples,
        treatment: ArrayView1<'_, f64>,
    ) -> Result<TreatmentMeans> {
        let levels = checked(samples, treatment)?;
        let family = match levels {
            Some(_) => Family::Binomial,
            None => Family::Gaussian,
        };
        let coded = coded(treatment, levels);
        let targets = coded.view().insert_axis(Axis(1));
        // Offsets are those of the outcome.
        let own = samples
            .without_offsets()
            .replace_all_targets(targets, [TREATMENT])?;
        let (means, report) = self.means_of(&own, family)?;
        Ok(TreatmentMeans {
            means: means.index_axis_move(Axis(1), 0),
            report,
        })
    }

    /// Those of [`Self::residuals`] with means of the treatment that are known, such as the probabilities by which
    /// it was drawn.
    ///
    /// # Errors
    ///
    /// Those of [`Self::residuals`].
    pub fn residuals_given(
        &self,
        samples: &Samples,
        treatment: ArrayView1<'_, f64>,
        known: &TreatmentMeans,
    ) -> Result<Residuals> {
        let levels = checked(samples, treatment)?;
        contextualized_core::validate::check_rows(
            "means of the treatment",
            samples.rows(),
            known.means.len(),
        )?;
        let outcome = self.means_of(samples, self.family)?;
        Residuals::new(samples, treatment, levels, outcome, known)
    }

    fn means_of(&self, samples: &Samples, family: Family) -> Result<(Array2<f64>, AutoReport)> {
        let settings = RegressionSettings {
            family,
            intercept: true,
            seed: self.comparison.seed,
        };
        cross_fitted(samples, &self.methods, &settings, &self.comparison)
    }
}

impl Residuals {
    fn new(
        samples: &Samples,
        treatment: ArrayView1<'_, f64>,
        levels: Option<[f64; 2]>,
        (means, outcome): (Array2<f64>, AutoReport),
        known: &TreatmentMeans,
    ) -> Result<Self> {
        let coded = coded(treatment, levels);
        let unit = levels.map_or(1.0, |[low, high]| high - low);
        let deviations = (&coded - &known.means) * unit;
        let targets = &samples.targets() - &means;
        let samples = samples
            .without_offsets()
            .replace_features(deviations.view().insert_axis(Axis(1)), [TREATMENT])?
            .replace_targets(targets.view())?;
        let weights = samples.weights();
        let overlap = if levels.is_some() {
            Overlap::binary(known.means.view(), coded.view(), weights)
        } else {
            Overlap::continuous(deviations.view(), treatment, weights)
        };
        Ok(Self {
            samples,
            outcome_means: means,
            probabilities: levels.map(|_| known.means.clone()),
            unit,
            nuisances: Nuisances {
                outcome,
                treatment: known.report.clone(),
                overlap,
            },
        })
    }
}

/// The two values of a treatment that has two, in order; refuses one that cannot have an effect of its own.
fn checked(samples: &Samples, treatment: ArrayView1<'_, f64>) -> Result<Option<[f64; 2]>> {
    contextualized_core::validate::check_rows(TREATMENT, samples.rows(), treatment.len())?;
    contextualized_core::validate::check_finite(TREATMENT, treatment.insert_axis(Axis(1)))?;
    let counted = |row: &usize| samples.weights().is_none_or(|weights| weights[*row] > 0.0);
    let rows = (0..samples.rows()).filter(counted);
    let mut values: Vec<f64> = rows.map(|row| treatment[row]).collect();
    values.sort_by(f64::total_cmp);
    values.dedup_by(|a, b| *a == *b);
    if let [one] = values[..] {
        return Err(Error::invalid_parameter(
            TREATMENT,
            format!("{one} in all rows"),
            "of at least two values to have an effect",
        ));
    }
    let names = samples.names();
    for (what, names, table) in [
        ("feature", &names.features, samples.features()),
        ("context", &names.contexts, samples.contexts()),
    ] {
        if let Some(same) = table.columns().into_iter().position(|own| own == treatment) {
            return Err(Error::invalid_parameter(
                TREATMENT,
                format!("the same as the {what} {}", names[same]),
                "none of them: nothing is left of a treatment given itself; leave it out of the formula",
            ));
        }
    }
    Ok(<[f64; 2]>::try_from(values).ok())
}

/// A treatment of two values as 0 and 1, any other as it is.
fn coded(treatment: ArrayView1<'_, f64>, levels: Option<[f64; 2]>) -> Array1<f64> {
    match levels {
        Some([_, high]) => treatment.mapv(|value| f64::from(value == high)),
        None => treatment.to_owned(),
    }
}

/// The mean of the treatment of every row, and what it was chosen from.
#[derive(Debug, Clone, PartialEq)]
pub struct TreatmentMeans {
    /// A probability of each row (n) for a treatment of two values, else a mean.
    pub means: Array1<f64>,
    /// The table that its model was chosen from.
    pub report: AutoReport,
}

/// What the models of outcome and treatment were chosen from, and how much of the treatment they leave.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Nuisances {
    /// The table that the model of the outcome was chosen from.
    pub outcome: AutoReport,
    /// The table that the model of the treatment was chosen from.
    pub treatment: AutoReport,
    /// Whether everybody might have been treated or not.
    pub overlap: Overlap,
}

/// Outcome and treatment less what features and contexts say of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Residuals {
    samples: Samples,
    outcome_means: Array2<f64>,
    probabilities: Option<Array1<f64>>,
    /// What a treatment of two values changes by.
    unit: f64,
    nuisances: Nuisances,
}

impl Residuals {
    /// The outcome less its mean given features and contexts, with one feature, the treatment less its mean: the
    /// coefficient of a regression without an intercept is the effect.
    pub fn samples(&self) -> &Samples {
        &self.samples
    }

    /// The mean of the outcome (n × y) given features and contexts, of every row by a model that was fitted without it.
    pub fn outcome_means(&self) -> ArrayView2<'_, f64> {
        self.outcome_means.view()
    }

    /// The probability of the larger of two values of the treatment, likewise; none of a treatment of more values.
    pub fn probabilities(&self) -> Option<ArrayView1<'_, f64>> {
        self.probabilities.as_ref().map(Array1::view)
    }

    /// What the means were chosen from, and what they leave.
    pub fn nuisances(&self) -> &Nuisances {
        &self.nuisances
    }

    /// The average effect on each target over the rows, of a model of the effect that was fitted to
    /// [`Self::samples`].
    ///
    /// # Errors
    ///
    /// Those of [`VaryingCoefficients::coefficients`]; [`Error::ColumnCount`] for a model of other samples.
    pub fn average_effects(&self, effect: &dyn VaryingCoefficients) -> Result<Vec<AverageEffect>> {
        average::average_effects(self, effect)
    }
}

/// A fitted [`TreatmentRegression`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TreatmentModel {
    effect: AutoModel,
    nuisances: Nuisances,
    average: Vec<AverageEffect>,
}

impl TreatmentModel {
    /// The effect: the one slope of a model without an intercept, with intervals if its estimator has them. They take
    /// the nuisances to be known, whose errors change the effect by terms of higher order.
    pub fn effect(&self) -> &AutoModel {
        &self.effect
    }

    /// What the models of outcome and treatment were chosen from, and what they leave of the treatment.
    pub fn nuisances(&self) -> &Nuisances {
        &self.nuisances
    }

    /// The average effect over the rows, on each target.
    pub fn average_effects(&self) -> &[AverageEffect] {
        &self.average
    }

    /// The effect on every target at contexts (n × c): n × y.
    ///
    /// # Errors
    ///
    /// Those of [`VaryingCoefficients::coefficients`].
    pub fn effects(&self, contexts: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        let found: Coefficients = self.effect.coefficients(contexts)?;
        Ok(found.slopes().index_axis(Axis(2), 0).to_owned())
    }
}

/// The effect's, of deviations of the treatment from its mean.
impl LocalCoefficients for TreatmentModel {
    fn coefficients_at(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
    ) -> Result<Coefficients> {
        self.effect.coefficients_at(contexts, features)
    }

    fn family(&self) -> Family {
        self.effect.family()
    }

    fn wrapped(&self) -> Option<&dyn LocalCoefficients> {
        Some(&self.effect)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    /// Contexts with and without treatment, in the weights that their probabilities have, and outcomes without noise:
    /// sums over rows are expectations.
    struct Exact {
        samples: Samples,
        treatment: Array1<f64>,
        probabilities: Array1<f64>,
        means: Array1<f64>,
    }

    const EFFECT: f64 = 1.5;

    fn exact() -> Exact {
        const CONTEXTS: usize = 20;
        let row = |row: usize| {
            let c = (row / 2) as f64 / CONTEXTS as f64;
            let probability = 0.2 + 0.6 * c;
            let treated = (row % 2) as f64;
            let baseline = (3.0 * c).sin();
            let weight = if treated > 0.0 {
                probability
            } else {
                1.0 - probability
            };
            [c, probability, treated, baseline, weight]
        };
        let rows: Vec<[f64; 5]> = (0..2 * CONTEXTS).map(row).collect();
        let column = |at: usize| -> Array1<f64> { rows.iter().map(|row| row[at]).collect() };
        let (treatment, probabilities) = (column(2), column(1));
        let targets = column(3) + &(&treatment * EFFECT);
        let samples = Samples::new(
            column(0).insert_axis(Axis(1)).view(),
            Array2::zeros((2 * CONTEXTS, 0)).view(),
            targets.insert_axis(Axis(1)).view(),
        )
        .unwrap()
        .with_weights(column(4).view())
        .unwrap();
        let means = column(3) + &(&probabilities * EFFECT);
        Exact {
            samples,
            treatment,
            probabilities,
            means,
        }
    }

    fn report() -> AutoReport {
        AutoReport::of_one("squared error", vec!["known".to_owned()])
    }

    /// The constant effect that follows from means with errors of this size.
    fn effect(error_of_outcome: f64, error_of_treatment: f64) -> f64 {
        let Exact {
            samples,
            treatment,
            probabilities,
            means,
        } = exact();
        let c = samples.contexts().index_axis_move(Axis(1), 0).to_owned();
        let means = means + c.mapv(|c| error_of_outcome * (1.0 + c * c));
        let probabilities = probabilities + c.mapv(|c| error_of_treatment * (0.5 + c));
        let known = TreatmentMeans {
            means: probabilities,
            report: report(),
        };
        let outcome = (means.insert_axis(Axis(1)), report());
        let residuals = Residuals::new(
            &samples,
            treatment.view(),
            Some([0.0, 1.0]),
            outcome,
            &known,
        )
        .unwrap();
        let population = AutoRegression::new().only(RegressionMethod::Population);
        let model = TreatmentRegression::new()
            .effect(population)
            .fit_effect(residuals);
        model.unwrap().effects(array![[0.5]].view()).unwrap()[[0, 0]]
    }

    #[test]
    fn known_means_leave_the_effect_alone() {
        assert!((effect(0.0, 0.0) - EFFECT).abs() < 1e-12);
    }

    #[test]
    fn an_error_of_one_of_the_means_does_not_matter_where_the_other_is_known() {
        assert!((effect(0.3, 0.0) - EFFECT).abs() < 1e-12);
    }

    #[test]
    fn errors_of_the_means_change_the_effect_by_their_squares() {
        let change = |size: f64| effect(size, size) - EFFECT;
        let (large, small) = (change(0.02), change(0.01));
        assert!(large.abs() > 1e-4, "{large}");
        let ratio = large / small;
        assert!((ratio - 4.0).abs() < 0.05, "{ratio}");
        // Without orthogonality they would change it by as much as they are.
        assert!(large.abs() < 0.02, "{large}");
    }

    #[test]
    fn overlap_is_warned_of() {
        let probabilities = array![0.01, 0.5, 0.5, 0.97];
        let treated = array![0.0, 1.0, 0.0, 1.0];
        let poor = Overlap::binary(probabilities.view(), treated.view(), None);
        let Overlap::Binary {
            treated: share,
            extreme,
            lowest,
            highest,
        } = poor
        else {
            panic!("{poor:?}");
        };
        assert_eq!((share, extreme, lowest, highest), (0.5, 0.5, 0.01, 0.97));
        assert!(poor.warning().unwrap().starts_with("50.0 % of the rows"));
        let weights = array![0.0, 1.0, 1.0, 0.0];
        let good = Overlap::binary(probabilities.view(), treated.view(), Some(weights.view()));
        assert_eq!(good.warning(), None);
        let (deviations, treatment) = (array![0.1, -0.1], array![1.0, -1.0]);
        let little = Overlap::continuous(deviations.view(), treatment.view(), None);
        assert!(little.warning().unwrap().contains("1.0 %"));
        assert_eq!(Overlap::Continuous { unexplained: 0.3 }.warning(), None);
    }
}

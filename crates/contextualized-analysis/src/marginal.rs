//! Average marginal effects: what a feature does to the mean of an outcome, in the outcome's unit.

use crate::summary::{Evidence, residual_degrees, shares};
use contextualized_core::validate::check_probability;
use contextualized_core::{
    Coefficients, Error, Link, Result, Samples, VaryingCoefficients, WeightedContexts,
};
use ndarray::{Array1, Array2, ArrayView2, Axis, concatenate};

/// What one feature does to the mean of one target on average over some rows, by weight.
#[derive(Debug, Clone, PartialEq)]
pub struct MarginalEffect {
    /// Name of the target.
    pub target: String,
    /// Name of the feature.
    pub feature: String,
    /// Whether it is the mean at 1 less the mean at 0, of a feature that is nothing else; otherwise the derivative of
    /// the mean by the feature.
    pub is_difference: bool,
    /// The average.
    pub average: f64,
    /// How well it is known, by a model that says so.
    pub evidence: Option<Evidence>,
}

/// The average marginal effect of every feature on the mean of every target, over the rows of samples:
///
/// ```text
/// (1/n) Σᵢ ∂μᵢ/∂xᵢⱼ = (1/n) Σᵢ μ'(ηᵢ) βⱼ(cᵢ),        of a feature of 0 and 1:  (1/n) Σᵢ μ(ηᵢ | xⱼ = 1) − μ(ηᵢ | xⱼ = 0)
/// ```
///
/// ηᵢ with the row's own features, context and offset, μ the inverse of the link. Of a Gaussian outcome that is the
/// average coefficient. Standard errors are by the delta method, rows as they are; intervals have probability
/// `level`. `factors` has the columns of features that are levels of one factor: of these each is compared with the
/// level that has no column. Columns that are made of others, such as products, count as features of their own.
///
/// # Errors
///
/// [`Error::InvalidParameter`] for a level outside (0, 1), for a column that there is not, and for several classes,
/// whose means depend on the predictors of all; those of the model.
pub fn average_marginal_effects(
    model: &(impl VaryingCoefficients + ?Sized),
    samples: &Samples,
    factors: &[Vec<usize>],
    level: f64,
) -> Result<Vec<MarginalEffect>> {
    check_probability("level", level)?;
    let samples = samples.rows_that_count()?;
    let features = samples.features();
    if let Some(column) = factors.iter().flatten().find(|c| **c >= features.ncols()) {
        return Err(Error::invalid_parameter(
            "column of a factor",
            column,
            format!("below {}", features.ncols()),
        ));
    }
    let link = model.family().link();
    if link.is_joint() && samples.targets().ncols() > 1 {
        return Err(Error::invalid_parameter(
            "family",
            model.family(),
            "one whose means depend on one linear predictor each, for marginal effects",
        ));
    }
    let degrees = residual_degrees(model, &samples)?;
    let coefficients = model.coefficients(samples.contexts())?;
    let names = samples.names();
    let mut found = Vec::new();
    for (feature, name) in names.features.iter().enumerate() {
        let contrast = Contrast::of(features, feature, factors);
        for (target, target_name) in names.targets.iter().enumerate() {
            let effect = contrast.effect(link, &coefficients, &samples, target)?;
            let evidence = match model.as_sums() {
                Some(model) => {
                    let (sums, at) = effect.linearised(&samples)?;
                    let known = model.predictor_sums(&sums, at.view(), level)?;
                    let error = known.standard_errors[[0, target]];
                    Some(Evidence::new(effect.average, error, degrees, level)?)
                }
                None => None,
            };
            found.push(MarginalEffect {
                target: target_name.clone(),
                feature: name.clone(),
                is_difference: contrast.is_difference,
                average: effect.average,
                evidence,
            });
        }
    }
    Ok(found)
}

/// Two tables of features: with more of one, and with less.
struct Contrast<'a> {
    features: ArrayView2<'a, f64>,
    more: Array2<f64>,
    less: Array2<f64>,
    is_difference: bool,
}

impl<'a> Contrast<'a> {
    fn of(features: ArrayView2<'a, f64>, feature: usize, factors: &[Vec<usize>]) -> Self {
        let is_difference = features
            .column(feature)
            .iter()
            .all(|value| *value == 0.0 || *value == 1.0);
        let (mut more, mut less) = (features.to_owned(), features.to_owned());
        if is_difference {
            let siblings = factors.iter().find(|columns| columns.contains(&feature));
            for column in siblings.map_or(&[feature][..], Vec::as_slice) {
                more.column_mut(*column).fill(0.0);
                less.column_mut(*column).fill(0.0);
            }
            more.column_mut(feature).fill(1.0);
        } else {
            more.column_mut(feature).mapv_inplace(|value| value + 1.0);
        }
        Self {
            features,
            more,
            less,
            is_difference,
        }
    }

    /// What the feature does to the mean of one target, on average.
    fn effect(
        &self,
        link: Link,
        coefficients: &Coefficients,
        samples: &Samples,
        target: usize,
    ) -> Result<Effect<'_>> {
        let predictors = |features: ArrayView2<'_, f64>| -> Result<Array1<f64>> {
            let all = coefficients.linear_predictor(features)?;
            let own = all.column(target);
            Ok(match samples.offsets() {
                Some(offsets) => &own + &offsets,
                None => own.to_owned(),
            })
        };
        let (more, less) = (predictors(self.more.view())?, predictors(self.less.view())?);
        let shares = shares(samples);
        let derivatives = |predictors: &Array1<f64>, shares: &Array1<f64>| {
            let rows = predictors.iter().zip(shares);
            rows.map(|(predictor, share)| {
                let (first, second) = link.mean_derivatives(*predictor);
                (share * first, share * second)
            })
            .unzip::<f64, f64, Vec<_>, Vec<_>>()
        };
        if self.is_difference {
            let change = more.mapv(|own| link.inverse(own)) - less.mapv(|own| link.inverse(own));
            return Ok(Effect {
                average: change.dot(&shares),
                parts: vec![
                    (self.more.view(), derivatives(&more, &shares).0.into()),
                    (
                        self.less.view(),
                        -Array1::from(derivatives(&less, &shares).0),
                    ),
                ],
            });
        }
        let (first, second) = derivatives(&predictors(self.features)?, &shares);
        let (first, second) = (Array1::from(first), Array1::from(second));
        let slopes = more - less;
        Ok(Effect {
            average: first.dot(&slopes),
            parts: vec![
                (self.more.view(), first.clone()),
                (self.less.view(), -first),
                (self.features.view(), second * slopes),
            ],
        })
    }
}

/// An average, and how it changes with the linear predictors at tables of features: a weight for each of their rows.
struct Effect<'a> {
    average: f64,
    parts: Vec<(ArrayView2<'a, f64>, Array1<f64>)>,
}

impl Effect<'_> {
    /// The sum of linear predictors that changes as the average does, and the features of its contexts.
    fn linearised(&self, samples: &Samples) -> Result<(WeightedContexts, Array2<f64>)> {
        let failed = |source| Error::numerical("joining tables of features", source);
        let contexts: Vec<_> = self.parts.iter().map(|_| samples.contexts()).collect();
        let features: Vec<_> = self.parts.iter().map(|(features, _)| *features).collect();
        let weights: Vec<_> = self
            .parts
            .iter()
            .map(|(_, weights)| weights.view())
            .collect();
        let weights = concatenate(Axis(0), &weights).map_err(failed)?;
        let contexts = concatenate(Axis(0), &contexts).map_err(failed)?;
        let sums = WeightedContexts::new(contexts, weights.insert_axis(Axis(0)))?;
        let features = concatenate(Axis(0), &features).map_err(failed)?;
        Ok((sums.with_monitor(samples.monitor().clone()), features))
    }
}

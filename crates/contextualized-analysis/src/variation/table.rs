//! What tests of variation found.

use super::probe::Variations;
use crate::adjustment::{benjamini_hochberg, cauchy_combination, holm};
use crate::bootstrap::Failure;
use contextualized_core::{ColumnNames, Result, Samples, WithWaldTests};
use serde::{Deserialize, Serialize};

/// How much one coefficient of one target varies, and with what evidence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Variation {
    /// Name of the target.
    pub target: String,
    /// Name of the feature, or `(intercept)` for the intercept at average features.
    pub coefficient: String,
    /// Name of the context, a number or a factor; none for all of them together.
    pub context: Option<String>,
    /// Standard deviation of the coefficient over contexts, of which this one alone changes, in the account of
    /// the test: see [`Variations`], and of Wald tests [`contextualized_core::WaldTest::deviation`].
    pub deviation: f64,
    /// Whether it could be tested: not if the context is constant, or there are too few rows or groups. The
    /// p-values are then one.
    #[serde(default = "yes")]
    pub tested: bool,
    /// The p-value of this test alone.
    pub p_value: f64,
    /// Adjusted by the largest statistic of all: at most α with probability 1 − α if nothing varies.
    /// Only tests by replicates have it.
    pub maximum: Option<f64>,
    /// Adjusted by [`holm`] over the tests of its list.
    pub holm: f64,
    /// Adjusted by [`benjamini_hochberg`] over the tests of its list.
    pub benjamini_hochberg: f64,
}

fn yes() -> bool {
    true
}

/// Tests of every coefficient with every context.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VariationTable {
    /// Every coefficient with every context: targets slowest, contexts fastest.
    pub pairs: Vec<Variation>,
    /// Every coefficient with all contexts together; empty where each context was tested alone.
    pub coefficients: Vec<Variation>,
    /// P-value of the omnibus test: does anything vary with anything?
    pub omnibus: f64,
    /// Replicates that the estimator was fitted to; 0 of Wald tests, which fit none.
    pub replicates: usize,
    /// Those of them that failed, which count as more extreme than the data.
    pub failures: Vec<Failure>,
}

/// The tests of a model that has its own, such as a Gaussian process regression's, by the samples it was fitted
/// to.
///
/// The omnibus p-value combines those of all coefficients of all targets by the Cauchy combination (Liu and Xie
/// 2020, doi:10.1080/01621459.2018.1554485).
///
/// # Errors
///
/// Those of [`WithWaldTests::wald_tests`].
pub fn wald_table(
    model: &(impl WithWaldTests + ?Sized),
    samples: &Samples,
) -> Result<VariationTable> {
    let names = samples.names();
    let variables = names.context_variables();
    let (mut pairs, mut coefficients) = ((Vec::new(), Vec::new()), (Vec::new(), Vec::new()));
    // Of what could be tested: a p-value of one for want of rows is no evidence of anything.
    let mut tested = Vec::new();
    for test in model.wald_tests(samples)? {
        let position = |names: &[String], name: &str| names.iter().position(|n| n == name);
        let target = position(&names.targets, &test.target).unwrap_or_default();
        // The intercept is behind the features.
        let coefficient =
            position(&names.features, &test.coefficient).unwrap_or(names.features.len());
        let context = test
            .context
            .and_then(|name| variables.iter().position(|own| own.name == name));
        if context.is_none() && test.degrees > 0 {
            tested.push(test.p_value);
        }
        let (subjects, p_values) = match context {
            Some(_) => &mut pairs,
            None => &mut coefficients,
        };
        subjects.push(Subject {
            target,
            coefficient,
            context,
            deviation: test.deviation,
            tested: test.degrees > 0,
        });
        p_values.push(test.p_value);
    }
    Ok(VariationTable {
        pairs: lines(&pairs.0, names, &pairs.1, None)?,
        coefficients: lines(&coefficients.0, names, &coefficients.1, None)?,
        omnibus: cauchy_combination(&tested)?,
        replicates: 0,
        failures: Vec::new(),
    })
}

/// What a line is about, by position.
pub(super) struct Subject {
    target: usize,
    coefficient: usize,
    context: Option<usize>,
    deviation: f64,
    tested: bool,
}

impl Subject {
    fn new(found: &Variations, target: usize, coefficient: usize, context: Option<usize>) -> Self {
        Self {
            target,
            coefficient,
            context,
            deviation: match context {
                Some(context) => found.by_context[[target, coefficient, context]],
                None => found.overall[[target, coefficient]],
            },
            tested: true,
        }
    }

    /// Every coefficient with every context, contexts fastest.
    pub(super) fn pairs(found: &Variations) -> Vec<Self> {
        let positions = found.by_context.indexed_iter();
        positions
            .map(|((target, coefficient, context), _)| {
                Self::new(found, target, coefficient, Some(context))
            })
            .collect()
    }

    /// Every coefficient.
    pub(super) fn coefficients(found: &Variations) -> Vec<Self> {
        let positions = found.overall.indexed_iter();
        positions
            .map(|((target, coefficient), _)| Self::new(found, target, coefficient, None))
            .collect()
    }
}

/// A line for each subject, adjusted over all of them.
pub(super) fn lines(
    subjects: &[Subject],
    names: &ColumnNames,
    p_values: &[f64],
    maxima: Option<&[f64]>,
) -> Result<Vec<Variation>> {
    let variables = names.context_variables();
    let (holm, benjamini_hochberg) = (holm(p_values)?, benjamini_hochberg(p_values)?);
    let lines = subjects
        .iter()
        .enumerate()
        .map(|(index, subject)| Variation {
            target: names.targets[subject.target].clone(),
            coefficient: match names.features.get(subject.coefficient) {
                Some(feature) => feature.clone(),
                None => "(intercept)".to_owned(),
            },
            context: subject
                .context
                .map(|context| variables[context].name.clone()),
            deviation: subject.deviation,
            tested: subject.tested,
            p_value: p_values[index],
            maximum: maxima.map(|maxima| maxima[index]),
            holm: holm[index],
            benjamini_hochberg: benjamini_hochberg[index],
        });
    Ok(lines.collect())
}

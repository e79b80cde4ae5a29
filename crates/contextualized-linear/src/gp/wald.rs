//! Whether coefficients vary with contexts.

use super::model::{GaussianProcessModel, by_chance};
use super::rows::{ScaledRows, with_known_terms};
use contextualized_core::{ContextVariable, Error, Result, Samples, WaldTest, WithWaldTests};
use contextualized_gp::{Constancy, WaldStatistic};
use statrs::distribution::{ContinuousCDF, FisherSnedecor};
use std::borrow::Cow;

/// The most rows tested: with as many, power is ample.
const MOST_ROWS: usize = 20_000;

impl WithWaldTests for GaussianProcessModel {
    /// The noise may be uneven, and what one coefficient does is allowed for in the tests of the others: see
    /// [`contextualized_gp::FittedProcess::wald_tests`].
    ///
    /// A variation is looked for among functions about as smooth as the contexts are wide, or as rough
    /// as the fit if that is rougher. Of more than 20,000 rows as many, chosen by chance, are tested.
    fn wald_tests(&self, samples: &Samples) -> Result<Vec<WaldTest>> {
        let samples = samples.rows_that_count()?;
        let rows = samples.rows();
        let samples = if rows > MOST_ROWS {
            Cow::Owned(samples.select(&by_chance(rows, MOST_ROWS))?)
        } else {
            samples
        };
        let names = self.coefficient_names();
        let contexts = self.names.context_variables();
        let coefficients = 0..names.len();
        let mut subjects: Vec<(usize, Option<usize>)> = Vec::new();
        for coefficient in coefficients.clone() {
            subjects.extend((0..contexts.len()).map(|context| (coefficient, Some(context))));
        }
        subjects.extend(coefficients.map(|coefficient| (coefficient, None)));
        let hypotheses: Vec<Constancy> = subjects
            .iter()
            .map(|&(coefficient, context)| Constancy {
                coefficients: vec![coefficient],
                contexts: match context {
                    Some(one) => vec![contexts[one].first()],
                    None => contexts.iter().map(ContextVariable::first).collect(),
                },
            })
            .collect();
        let samples = with_known_terms(samples, self.family)?;
        let rows = ScaledRows::new(&samples, self.family, self.intercept, &self.scaling)?;
        let intercept = self.intercept.then(|| names.len() - 1);
        let statistics = self
            .process
            .wald_tests(&hypotheses, rows.observations(), intercept)?;
        let targets = &self.names.targets;
        let mut tests = Vec::with_capacity(statistics.len());
        for (target, name) in targets.iter().enumerate() {
            for (index, (coefficient, context)) in subjects.iter().enumerate() {
                let statistic = statistics[index * targets.len() + target];
                tests.push(WaldTest {
                    target: name.clone(),
                    coefficient: names[*coefficient].clone(),
                    context: context.map(|position| contexts[position].name.clone()),
                    statistic: statistic.value,
                    degrees: statistic.degrees,
                    residual_degrees: statistic.residual_degrees,
                    p_value: p_value(&statistic)?,
                    deviation: statistic.deviation * self.unit(target, *coefficient),
                });
            }
        }
        Ok(tests)
    }
}

/// The probability of a larger statistic by chance; 1 where there is nothing to test.
fn p_value(statistic: &WaldStatistic) -> Result<f64> {
    if statistic.degrees == 0 {
        return Ok(1.0);
    }
    let distribution = FisherSnedecor::new(statistic.degrees as f64, statistic.residual_degrees)
        .map_err(|source| Error::numerical("the distribution of a Wald statistic", source))?;
    Ok(distribution.sf(statistic.value).clamp(0.0, 1.0))
}

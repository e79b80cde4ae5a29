//! Which coefficient varies, and with which context.

use super::model::GaussianProcessModel;
use contextualized_core::validate::check_probability;
use contextualized_core::{ContextVariable, Error, Result};
use ndarray::{Array2, ArrayView1, Axis, concatenate, s};

/// How much one coefficient of one target varies with one context.
#[derive(Debug, Clone, PartialEq)]
pub struct VariationExplained {
    /// Name of the target.
    pub target: String,
    /// Name of the feature, or `(intercept)`.
    pub coefficient: String,
    /// Name of the context, a number or a factor.
    pub context: String,
    /// The shortest length scale the context has in any term of the kernel, in its own units;
    /// infinite if none depends on it.
    pub length_scale: f64,
    /// Standard deviation of the coefficient over typical contexts of which this one alone changes
    /// (the root of Sobol's total effect), in the coefficient's units: at the posterior mean of the
    /// coefficients.
    pub effect: f64,
    /// The same over draws from the posterior: lower and upper end of an interval.
    pub interval: (f64, f64),
}

/// Coefficients drawn jointly for the intervals: typical contexts and each of their changes.
const JOINT: usize = 2000;
const DRAWS: usize = 200;

impl GaussianProcessModel {
    /// How much each coefficient varies with each context, with intervals of probability `level`:
    /// targets slowest, then coefficients.
    ///
    /// A context of no influence has an effect near zero, and an interval that starts there: an
    /// effect is a standard deviation and so never negative.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for a level outside (0, 1); [`Error::Numerical`].
    pub fn variation_explained(&self, level: f64) -> Result<Vec<VariationExplained>> {
        check_probability("level", level)?;
        let names = self.coefficient_names();
        let variables = self.names.context_variables();
        let contexts = variables.len();
        // The same rows, then those with one context after the other taken from other rows.
        let most = (JOINT / names.len() / (1 + contexts)).clamp(2, self.typical.nrows().max(2));
        let rows = most.min(self.typical.nrows());
        let typical = self.typical.slice(s![..rows, ..]).to_owned();
        let changed: Vec<Array2<f64>> = variables
            .iter()
            .map(|variable| {
                let column = variable.first();
                let mut changed = typical.clone();
                for row in 0..rows {
                    changed[[row, column]] = typical[[(row + 1) % rows, column]];
                }
                changed
            })
            .collect();
        let mut views = vec![typical.view()];
        views.extend(changed.iter().map(Array2::view));
        let at = concatenate(Axis(0), &views)
            .map_err(|source| Error::numerical("joining contexts", source))?;

        let means = self.process.coefficients(at.view())?;
        let draws = self.process.draws(at.view(), DRAWS, 0, None)?;
        let effect = |values: ArrayView1<'_, f64>, column: usize| {
            let start = (1 + column) * rows;
            let squares: f64 = (0..rows)
                .map(|row| (values[row] - values[start + row]).powi(2))
                .sum();
            (squares / (2.0 * rows as f64)).sqrt()
        };
        let mut table = Vec::new();
        for (target, target_name) in self.names.targets.iter().enumerate() {
            for (coefficient, name) in names.iter().enumerate() {
                let unit = self.unit(target, coefficient);
                for (context, variable) in variables.iter().enumerate() {
                    let mut drawn: Vec<f64> = draws
                        .slice(s![.., .., target, coefficient])
                        .rows()
                        .into_iter()
                        .map(|draw| unit * effect(draw, context))
                        .collect();
                    drawn.sort_by(f64::total_cmp);
                    let end = |share: f64| drawn[(share * (DRAWS - 1) as f64).round() as usize];
                    table.push(VariationExplained {
                        target: target_name.clone(),
                        coefficient: name.clone(),
                        context: variable.name.clone(),
                        length_scale: self.length_scale(coefficient, variable),
                        effect: unit * effect(means.slice(s![.., target, coefficient]), context),
                        interval: (end(0.5 - level / 2.0), end(0.5 + level / 2.0)),
                    });
                }
            }
        }
        Ok(table)
    }

    /// A coefficient's unit of the data in those of the fit; of the intercept, at average features.
    pub(super) fn unit(&self, target: usize, coefficient: usize) -> f64 {
        let scaling = &self.scaling;
        let feature = scaling.features.scales().get(coefficient).copied();
        scaling.targets.scales()[target] / feature.unwrap_or(1.0)
    }

    pub(super) fn length_scale(&self, coefficient: usize, variable: &ContextVariable) -> f64 {
        let context = variable.first();
        let inverse_length_scales = &self.process.hyperparameters().inverse_length_scales;
        let set = if inverse_length_scales.nrows() == 1 {
            0
        } else {
            coefficient
        };
        let columns = self.kernel().terms().iter().flat_map(|term| term.columns());
        let most = columns
            .zip(inverse_length_scales.row(set))
            .filter(|(column, _)| *column == context)
            .fold(0.0, |most: f64, (_, r)| r.max(most));
        if variable.factor {
            most.recip()
        } else {
            self.scaling.contexts.scales()[context] / most
        }
    }
}

//! Which contexts a coefficient depends on.

use crate::draws::{mean, quantile, standard_deviation};
use crate::model::TreeModel;
use contextualized_core::Result;
use contextualized_core::validate::check_probability;
use ndarray::s;
use rayon::prelude::*;

/// How much one coefficient of one target depends on one context.
#[derive(Debug, Clone, PartialEq)]
pub struct ContextRelevance {
    /// Name of the target.
    pub target: String,
    /// Name of the feature, or `(intercept)`.
    pub coefficient: String,
    /// Name of the context, a number or a factor.
    pub context: String,
    /// The posterior probability that a tree of the coefficient splits the context. Trees may split what does not matter
    /// without doing anything with it: see `agreement`.
    pub split_probability: f64,
    /// How far chains are from each other on it: the standard error of their mean; infinite for one chain.
    pub standard_error: f64,
    /// The share of the coefficient's variation with the context that draws agree on: the mean square of their mean, over
    /// the mean of their squares. At most the split probability, it is 1 where all draws vary alike, and small where each
    /// varies by itself or not at all.
    pub agreement: f64,
    /// Standard deviation of the coefficient over typical contexts of which this one alone changes (the root of Sobol's
    /// total effect), in the coefficient's units: the median over draws.
    pub effect: f64,
    /// Lower and upper end of an interval of the effect.
    pub interval: (f64, f64),
}

impl ContextRelevance {
    /// Whether the coefficient depends on the context: whether draws agree on more than half of its variation.
    pub fn is_selected(&self) -> bool {
        self.agreement > 0.5
    }
}

/// Typical rows and their changes by one context that draws are evaluated at.
const EVALUATED: usize = 2000;

/// The fewest typical rows.
const FEWEST: usize = 20;

impl TreeModel {
    /// How much each coefficient depends on each context, with intervals of probability `level`: targets slowest, then
    /// coefficients.
    ///
    /// # Errors
    ///
    /// [`contextualized_core::Error::InvalidParameter`] for a level outside (0, 1).
    pub fn relevance(&self, level: f64) -> Result<Vec<ContextRelevance>> {
        check_probability("level", level)?;
        let tail = (1.0 - level) / 2.0;
        let variables = self.names.context_variables();
        let mut table = Vec::new();
        for (target, target_name) in self.names.targets.iter().enumerate() {
            for (coefficient, name) in self.coefficient_names().into_iter().enumerate() {
                let unit = self.unit(target, coefficient);
                let variation = self.variation(target, coefficient);
                for (context, own) in variables.iter().zip(variation) {
                    let split: Vec<f64> = own
                        .effects
                        .iter()
                        .map(|effect| f64::from(u8::from(*effect > 0.0)))
                        .collect();
                    let mut effects = own.effects;
                    effects.sort_unstable_by(f64::total_cmp);
                    table.push(ContextRelevance {
                        target: target_name.clone(),
                        coefficient: name.clone(),
                        context: context.name.clone(),
                        split_probability: mean(&split),
                        standard_error: error_of_chains(&split, self.report.chains),
                        agreement: own.agreement,
                        effect: unit * quantile(&effects, 0.5),
                        interval: (
                            unit * quantile(&effects, tail),
                            unit * quantile(&effects, 1.0 - tail),
                        ),
                    });
                }
            }
        }
        Ok(table)
    }

    /// How a coefficient varies with each context, in units of the fit.
    fn variation(&self, target: usize, coefficient: usize) -> Vec<Variation> {
        let forest = &self.forests[target];
        let variables = self.contexts.len();
        let rows = self
            .typical
            .nrows()
            .min((EVALUATED / (1 + variables)).max(FEWEST));
        let typical = self.contexts.positions(self.typical.slice(s![..rows, ..]));
        // The same rows, then those with one variable after the other taken from other rows.
        let positions: Vec<Vec<f32>> = typical
            .iter()
            .enumerate()
            .map(|(own, ranks)| {
                let mut changed = ranks.clone();
                changed.rotate_left(rows / 2);
                let of_block = |block: usize| if block == own + 1 { &changed } else { ranks };
                (0..=variables).flat_map(of_block).copied().collect()
            })
            .collect();
        let of_draw = |draw: usize| {
            let mut values = vec![0.0; rows * (1 + variables)];
            forest.coefficient(draw, coefficient, &self.contexts, &positions, &mut values);
            let (before, changed) = values.split_at_mut(rows);
            for changed in changed.chunks_exact_mut(rows) {
                for (change, before) in changed.iter_mut().zip(&*before) {
                    *change -= before;
                }
            }
            values
        };
        let draws: Vec<Vec<f64>> = (0..forest.draws()).into_par_iter().map(of_draw).collect();
        (1..=variables)
            .map(|variable| {
                let own = variable * rows..(variable + 1) * rows;
                Variation::of(draws.iter().map(|changes| &changes[own.clone()]))
            })
            .collect()
    }

    /// Names of the coefficients, the intercept last.
    fn coefficient_names(&self) -> Vec<String> {
        let intercept = self.intercept.then(|| "(intercept)".to_owned());
        self.names
            .features
            .iter()
            .cloned()
            .chain(intercept)
            .collect()
    }

    /// A coefficient's unit of the data in those of the fit; of the intercept, at average features.
    fn unit(&self, target: usize, coefficient: usize) -> f64 {
        let feature = self.features.scales().get(coefficient).copied();
        self.targets.scales()[target] / feature.unwrap_or(1.0)
    }
}

/// How a coefficient varies with one context.
struct Variation {
    /// Of each draw.
    effects: Vec<f64>,
    agreement: f64,
}

impl Variation {
    /// From changes at the same rows in every draw.
    fn of<'a>(draws: impl Iterator<Item = &'a [f64]>) -> Self {
        let (mut effects, mut sums) = (Vec::new(), Vec::new());
        let mut total = 0.0;
        for changes in draws {
            sums.resize(changes.len(), 0.0);
            let mut squares = 0.0;
            for (sum, change) in sums.iter_mut().zip(changes) {
                *sum += change;
                squares += change * change;
            }
            effects.push((squares / (2.0 * changes.len() as f64)).sqrt());
            total += squares;
        }
        let together: f64 = sums.iter().map(|sum| sum * sum).sum::<f64>() / effects.len() as f64;
        let agreement = if total > 0.0 { together / total } else { 0.0 };
        Self { effects, agreement }
    }
}

/// The standard error of the mean of all chains, from how much their own means differ.
fn error_of_chains(draws: &[f64], chains: usize) -> f64 {
    if chains < 2 {
        return f64::INFINITY;
    }
    let means: Vec<f64> = draws.chunks(draws.len() / chains).map(mean).collect();
    standard_deviation(&means) / (chains as f64).sqrt()
}

//! Which contexts a coefficient depends on.

use crate::draws::{mean, quantile};
use crate::model::TreeModel;
use contextualized_core::Result;
use contextualized_core::validate::check_probability;

/// How much one coefficient of one target depends on one context.
#[derive(Debug, Clone, PartialEq)]
pub struct ContextRelevance {
    /// Name of the target.
    pub target: String,
    /// Name of the feature, or `(intercept)`.
    pub coefficient: String,
    /// Name of the context, a number or a factor.
    pub context: String,
    /// The posterior probability that a tree of the coefficient splits the context.
    pub probability: f64,
    /// How far chains are from each other on it: the standard error of their mean; infinite for one chain.
    pub standard_error: f64,
    /// The context's share of the coefficient's splits: the mean over draws.
    pub share: f64,
    /// The ends of an interval of the share.
    pub share_interval: (f64, f64),
}

impl ContextRelevance {
    /// Whether the coefficient depends on the context more likely than not.
    pub fn is_selected(&self) -> bool {
        self.probability > 0.5
    }
}

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
        let intercept = self.intercept.then(|| "(intercept)".to_owned());
        let coefficients: Vec<String> = self
            .names
            .features
            .iter()
            .cloned()
            .chain(intercept)
            .collect();
        let mut table = Vec::new();
        for (target, forest) in self.names.targets.iter().zip(&self.forests) {
            for (index, coefficient) in coefficients.iter().enumerate() {
                let counts: Vec<Vec<usize>> = (0..forest.draws())
                    .map(|draw| forest.splits(draw, index, variables.len()))
                    .collect();
                for (variable, context) in variables.iter().enumerate() {
                    let of_draws = |of: &dyn Fn(&Vec<usize>) -> f64| -> Vec<f64> {
                        counts.iter().map(of).collect()
                    };
                    let split = of_draws(&|counts| f64::from(u8::from(counts[variable] > 0)));
                    let mut shares = of_draws(&|counts| {
                        let all = counts.iter().sum::<usize>().max(1);
                        counts[variable] as f64 / all as f64
                    });
                    let share = mean(&shares);
                    shares.sort_unstable_by(f64::total_cmp);
                    table.push(ContextRelevance {
                        target: target.clone(),
                        coefficient: coefficient.clone(),
                        context: context.name.clone(),
                        probability: mean(&split),
                        standard_error: error_of_chains(&split, self.report.chains),
                        share,
                        share_interval: (quantile(&shares, tail), quantile(&shares, 1.0 - tail)),
                    });
                }
            }
        }
        Ok(table)
    }
}

/// The standard error of the mean of all chains, from how much their own means differ.
fn error_of_chains(draws: &[f64], chains: usize) -> f64 {
    if chains < 2 {
        return f64::INFINITY;
    }
    let means: Vec<f64> = draws.chunks(draws.len() / chains).map(mean).collect();
    crate::draws::standard_deviation(&means) / (chains as f64).sqrt()
}

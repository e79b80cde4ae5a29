//! Wald tests of whether coefficients vary, and with which contexts.
//!
//! ```text
//! y = Z b + G u + F γ + ε,    u ~ N(0, Ψ)
//! ```
//!
//! where Z is the design (the constant parts of the coefficients, without a prior), G functions of what may
//! vary although the hypothesis holds, with variances Ψ by restricted maximum likelihood *under the
//! hypothesis* (`null`), and F functions of what is tested (`functions`). The statistic for `γ = 0` is
//! studentised by a covariance that allows for uneven noise, and its distribution is found by a wild bootstrap
//! under the hypothesis (`statistic`), whose tail is an F distribution (`tail`). Posterior means themselves
//! would not do: they are shrunk, and where the data show no variation they are zero.

mod functions;
mod null;
mod statistic;
mod tail;

use crate::fitted::FittedProcess;
use crate::laplace::Outcomes;
use crate::observations::Observations;
use contextualized_core::{Error, Result};
use functions::Functions;
use ndarray::Axis;
use null::Model;
use rayon::prelude::*;
use statistic::Clusters;
use std::cmp::Ordering;

/// What is tested: that none of some coefficients varies with any of some contexts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Constancy {
    /// Positions of the coefficients.
    pub coefficients: Vec<usize>,
    /// Positions of the contexts.
    pub contexts: Vec<usize>,
}

/// A Wald statistic, of one target.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WaldStatistic {
    /// Has the F distribution with these degrees of freedom if the hypothesis is true.
    pub value: f64,
    /// Directions tested; 0 if the kernel has none or the rows are too few for any, the value then being 0.
    pub degrees: usize,
    /// Degrees of freedom that describe how well the covariance of the statistic is known, by the replicates
    /// of the bootstrap.
    pub residual_degrees: f64,
    /// Standard deviation over the rows of what is tested of the coefficient (of the sum, where several are
    /// tested), estimated without shrinkage, less what chance contributes by the statistic: zero where that is
    /// at most one.
    pub deviation: f64,
}

impl FittedProcess {
    /// Tests some hypotheses of constancy by the rows fitted: a statistic for each hypothesis and
    /// target (targets fastest).
    ///
    /// `intercept` is the position of the intercept, if there is one and the other columns of the design have
    /// been centred by the rows themselves: it is then tested at means which are only estimated.
    ///
    /// The noise may be uneven, and errors may depend on each other within the groups of the rows, if these
    /// have some. Where the variance of another coefficient is estimated it is by the fit under
    /// the hypothesis, so that what varies is not taken for what is tested.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for a coefficient or a context that is not there;
    /// [`Error::RowCount`] and [`Error::ColumnCount`] for tables that cannot be those fitted;
    /// [`Error::Numerical`].
    pub fn wald_tests(
        &self,
        hypotheses: &[Constancy],
        rows: Observations<'_>,
        intercept: Option<usize>,
    ) -> Result<Vec<WaldStatistic>> {
        rows.check(Some(self.widths()))?;
        let (contexts, coefficients, targets) = self.widths();
        for hypothesis in hypotheses {
            hypothesis.check(coefficients, contexts)?;
        }
        let order = in_order(rows);
        let sorted = rows.select(&order);
        let rows = sorted.rows();
        let functions = Functions {
            kernel: self.kernel(),
            contexts: rows.contexts.to_owned(),
            design: rows.design.to_owned(),
            hyper: self.hyperparameters().with_own_inverse_length_scales(),
        };
        let fitted = if self.family().is_quadratic() {
            None
        } else {
            Some(self.coefficients(rows.contexts)?)
        };
        let varies = |context: &usize| {
            let column = rows.contexts.column(*context);
            column.iter().any(|value| *value != column[0])
        };
        let per_hypothesis = hypotheses
            .into_par_iter()
            .map(|hypothesis| {
                if !hypothesis.contexts.iter().any(varies) {
                    return Ok(vec![WaldStatistic::NOTHING; targets]);
                }
                let nuisance = functions.nuisance(hypothesis)?;
                let tested = |coefficient: &usize| hypothesis.coefficients.contains(coefficient);
                let origin = intercept.filter(tested);
                let model = Model::new(&functions.design, &nuisance, origin)?;
                // One direction, and one degree of freedom for the noise.
                if rows.units() < model.rank + 2 {
                    return Ok(vec![WaldStatistic::NOTHING; targets]);
                }
                let tested = functions.tested(hypothesis)?;
                let of_target = |target: usize| {
                    let null = match &fitted {
                        None => {
                            let adjusted = rows.adjusted_targets();
                            let weights = rows.weights_or_ones();
                            model.fit(adjusted.column(target), weights.view())?
                        }
                        Some(fitted) => {
                            let own = fitted.index_axis(Axis(1), target);
                            let predictors = (&own * &rows.design).sum_axis(Axis(1));
                            let outcomes = Outcomes::of(self.family(), rows.target(target));
                            model.fit_outcomes(&outcomes, predictors)?
                        }
                    };
                    let known_noise = fitted.is_some();
                    let clusters = Clusters::new(rows.groups, rows.rows());
                    WaldStatistic::new(
                        &null,
                        &tested,
                        hypothesis.coefficients.len(),
                        known_noise,
                        clusters,
                    )
                };
                (0..targets).map(of_target).collect::<Result<Vec<_>>>()
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(per_hypothesis.concat())
    }
}

impl Constancy {
    fn check(&self, coefficients: usize, contexts: usize) -> Result<()> {
        for (parameter, found, all) in [
            ("coefficient", &self.coefficients, coefficients),
            ("context", &self.contexts, contexts),
        ] {
            if let Some(wrong) = found.iter().find(|position| **position >= all) {
                return Err(Error::invalid_parameter(
                    parameter,
                    wrong,
                    format!("below {all}"),
                ));
            }
        }
        Ok(())
    }
}

/// The order of the rows by their values, so that the draws of a row do not depend on where it stands.
fn in_order(rows: Observations<'_>) -> Vec<usize> {
    let mut order: Vec<usize> = (0..rows.rows()).collect();
    let tables = [rows.targets, rows.contexts, rows.design];
    order.sort_by(|&a, &b| {
        let pairs = tables
            .iter()
            .flat_map(|table| table.row(a).into_iter().zip(table.row(b)));
        pairs
            .map(|(a, b)| a.total_cmp(b))
            .find(|order| order.is_ne())
            .unwrap_or(Ordering::Equal)
    });
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CoefficientProcess;
    use crate::hyperparameters::Hyperparameters;
    use crate::kernel::Kernel;
    use ndarray::{Array2, array};
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    /// Contexts, a design with a constant, and targets of a slope that is the square of context 0.
    fn data(rows: usize) -> [Array2<f64>; 3] {
        let mut generator = ChaCha8Rng::seed_from_u64(3);
        let mut uniform = |columns| {
            Array2::from_shape_fn((rows, columns), |_| generator.gen_range(-1.5..1.5_f64))
        };
        let (contexts, mut design, noise) = (uniform(2), uniform(2), uniform(1));
        design.column_mut(1).fill(1.0);
        let targets = Array2::from_shape_fn((rows, 1), |(row, _)| {
            contexts[[row, 0]].powi(2) * design[[row, 0]] + 0.5 * noise[[row, 0]]
        });
        [contexts, design, targets]
    }

    #[test]
    fn hypotheses_are_checked() {
        let [contexts, design, targets] = data(60);
        let fitted = CoefficientProcess::new(Kernel::squared_exponential([0]))
            .hyperparameters(Hyperparameters {
                inverse_length_scales: array![[1.0]],
                amplitudes: array![[0.5], [0.5]],
                noise: 0.5,
                scales: array![1.0],
            })
            .fit(Observations::new(
                contexts.view(),
                design.view(),
                targets.view(),
            ))
            .unwrap();
        let test = |coefficient, context, design: &Array2<f64>| {
            let hypothesis = Constancy {
                coefficients: vec![coefficient],
                contexts: vec![context],
            };
            let rows = Observations::new(contexts.view(), design.view(), targets.view());
            fitted
                .wald_tests(&[hypothesis], rows, None)
                .map(|tests| tests[0])
        };
        assert!(
            test(2, 0, &design)
                .unwrap_err()
                .to_string()
                .contains("coefficient is 2")
        );
        assert!(
            test(0, 2, &design)
                .unwrap_err()
                .to_string()
                .contains("context is 2")
        );
        assert!(matches!(
            test(0, 0, &Array2::ones((59, 2))),
            Err(Error::RowCount { .. })
        ));
        // The kernel does not have the context.
        let nothing = test(0, 1, &design).unwrap();
        assert_eq!((nothing.degrees, nothing.value), (0, 0.0));
        assert!(test(0, 0, &design).unwrap().value > 10.0);
    }
}

//! Every row kept: solves with the n × n covariance of the rows.

mod posterior;

pub(crate) use posterior::ExactPosterior;

use crate::covariance::{contract, of_rows};
use crate::engine::inconsistent;
use crate::evidence::Evidence;
use crate::hyperparameters::{Hyperparameters, Layout};
use crate::kernel::Kernel;
use crate::laplace;
use crate::process::Likelihood;
use contextualized_core::{Error, Result};
use contextualized_solvers::{Cholesky, cholesky, gram, product};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};
use serde::{Deserialize, Serialize};
/// The rows, and what does not depend on the hyperparameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Exact {
    pub(crate) kernel: Kernel,
    pub(crate) likelihood: Likelihood,
    /// Prior standard deviation τ of constants.
    pub(crate) constant: f64,
    /// n × c.
    pub(crate) contexts: Array2<f64>,
    /// n × p; of Gaussian rows times the square roots of their weights.
    pub(crate) design: Array2<f64>,
    /// n × T; of Gaussian rows times the square roots of their weights.
    pub(crate) targets: Array2<f64>,
    /// Of binary rows; ones for Gaussian ones, whose weights are in design and targets.
    pub(crate) weights: Array1<f64>,
    /// Sum of the logarithms of Gaussian rows' weights.
    pub(crate) log_weights: f64,
}
/// `B = I + R K R`, R the roots of the rows' precisions and K the covariance without constants,
/// factored, and what the constants need.
pub(crate) struct Factored {
    lower: Cholesky,
    /// L⁻¹ R X (n × p).
    design: Array2<f64>,
    /// Factor of `Xᵀ R B⁻¹ R X + I / τ²` (p × p).
    constants: Cholesky,
}

impl Exact {
    pub(crate) fn new(
        kernel: Kernel,
        likelihood: Likelihood,
        constant: f64,
        contexts: ArrayView2<'_, f64>,
        design: ArrayView2<'_, f64>,
        targets: ArrayView2<'_, f64>,
        weights: Option<ArrayView1<'_, f64>>,
    ) -> Self {
        let rows = contexts.nrows();
        let own = |table: ArrayView2<'_, f64>| table.as_standard_layout().into_owned();
        let weights = weights.map_or_else(|| Array1::ones(rows), |w| w.to_owned());
        let (mut design, mut targets) = (own(design), own(targets));
        let mut exact_weights = weights.clone();
        let mut log_weights = 0.0;
        if likelihood == Likelihood::Gaussian {
            let roots = weights.mapv(f64::sqrt).insert_axis(Axis(1));
            design *= &roots;
            targets *= &roots;
            log_weights = weights.iter().map(|w| w.ln()).sum();
            exact_weights.fill(1.0);
        }
        Self {
            kernel,
            likelihood,
            constant,
            contexts: own(contexts),
            design,
            targets,
            weights: exact_weights,
            log_weights,
        }
    }

    /// Posteriors: one for all targets or, binary, one for each.
    pub(crate) fn parts(&self) -> usize {
        match self.likelihood {
            Likelihood::Gaussian => 1,
            Likelihood::Bernoulli => self.targets.ncols(),
        }
    }

    /// Whether tables read from a file fit together.
    pub(crate) fn validate(&self, kernel: &Kernel, contexts: usize) -> Result<()> {
        let rows = self.contexts.nrows();
        let fits = self.kernel == *kernel
            && self.contexts.ncols() == contexts
            && self.design.nrows() == rows
            && self.targets.nrows() == rows
            && self.weights.len() == rows
            && self.targets.ncols() > 0;
        if fits {
            Ok(())
        } else {
            Err(inconsistent("rows"))
        }
    }

    /// The design in units of the noise.
    fn scaled_design(&self, root_precisions: &Array1<f64>) -> Array2<f64> {
        &self.design * &root_precisions.view().insert_axis(Axis(1))
    }

    fn factor(&self, hyper: &Hyperparameters, design: ArrayView2<'_, f64>) -> Result<Factored> {
        let mut covariance = of_rows(&self.kernel, hyper, self.contexts.view(), design);
        covariance.diag_mut().mapv_inplace(|value| value + 1.0);
        let lower = numerical(cholesky(covariance.view()))?;
        let design = numerical(lower.solve_lower(design))?;
        let mut precision = numerical(gram(design.view()))?;
        precision
            .diag_mut()
            .mapv_inplace(|value| value + self.constant.powi(-2));
        let constants = numerical(cholesky(precision.view()))?;
        Ok(Factored {
            lower,
            design,
            constants,
        })
    }

    fn root_precision(&self, hyper: &Hyperparameters) -> Array1<f64> {
        Array1::from_elem(self.contexts.nrows(), 1.0 / hyper.noise)
    }

    /// Solves with Gaussian noise: the pieces of the likelihood and of the posterior.
    fn gaussian(&self, hyper: &Hyperparameters) -> Result<Gaussian> {
        let roots = self.root_precision(hyper);
        let design = self.scaled_design(&roots);
        let factored = self.factor(hyper, design.view())?;
        let targets = &self.targets / hyper.noise;
        let whitened = numerical(factored.lower.solve_lower(targets.view()))?;
        let projected = factored.design.t().dot(&whitened);
        let half = numerical(factored.constants.solve_lower(projected.view()))?;
        let constants = numerical(factored.constants.solve_upper(half.view()))?;
        let residual = &whitened - &factored.design.dot(&constants);
        let loads = numerical(factored.lower.solve_upper(residual.view()))?;
        let squares = |table: &Array2<f64>| table.map_axis(Axis(0), |column| column.dot(&column));
        // yᵀ P y, by the residual and what the prior of the constants costs: no cancellation.
        let quadratic = squares(&residual) + squares(&constants) / self.constant.powi(2);
        let (rows, targets) = self.targets.dim();
        let (n, count) = (rows as f64, targets as f64);
        let p = self.design.ncols() as f64;
        let log_determinant = factored.lower.log_determinant()
            + factored.constants.log_determinant()
            + 2.0 * p * self.constant.ln()
            + 2.0 * n * hyper.noise.ln()
            - self.log_weights
            + n * std::f64::consts::TAU.ln();
        let value = -0.5
            * (count * log_determinant
                + quadratic
                    .iter()
                    .zip(&hyper.scales)
                    .map(|(quadratic, scale)| quadratic / scale + n * scale.ln())
                    .sum::<f64>());
        Ok(Gaussian {
            design,
            factored,
            loads,
            constants,
            quadratic,
            value,
        })
    }

    /// `P = B⁻¹ − B⁻¹ X (Xᵀ B⁻¹ X + I / τ²)⁻¹ Xᵀ B⁻¹` in units of the noise.
    fn projection(&self, factored: &Factored) -> Result<Array2<f64>> {
        let solved = numerical(factored.lower.solve_upper(factored.design.view()))?;
        let half = numerical(factored.constants.solve_lower(solved.t()))?;
        let mut projection = numerical(factored.lower.inverse())?;
        projection -= &numerical(gram(half.view()))?;
        Ok(projection)
    }

    /// The posterior at these hyperparameters, one for all targets or, if binary, one for each.
    pub(crate) fn posteriors(&self, hyper: &Hyperparameters) -> Result<Vec<ExactPosterior>> {
        match self.likelihood {
            Likelihood::Gaussian => {
                let solved = self.gaussian(hyper)?;
                Ok(vec![ExactPosterior {
                    loads: solved.loads / hyper.noise,
                    constants: solved.constants,
                    root_precisions: self.root_precision(hyper),
                    jitter: solved.factored.jitter(),
                }])
            }
            Likelihood::Bernoulli => {
                let prior = self.prior_of_predictors(hyper);
                self.targets
                    .columns()
                    .into_iter()
                    .map(|target| {
                        let mode = laplace::mode(prior.view(), target, self.weights.view())?;
                        let loads = mode.slopes.insert_axis(Axis(1));
                        Ok(ExactPosterior {
                            constants: self.design.t().dot(&loads) * self.constant.powi(2),
                            loads,
                            root_precisions: mode.precisions.mapv(f64::sqrt),
                            jitter: mode.factor.jitter(),
                        })
                    })
                    .collect()
            }
        }
    }

    /// Prior covariance of the rows' linear predictors, constants included.
    fn prior_of_predictors(&self, hyper: &Hyperparameters) -> Array2<f64> {
        let design = self.design.view();
        let mut prior = of_rows(&self.kernel, hyper, self.contexts.view(), design);
        prior.scaled_add(self.constant.powi(2), &design.dot(&design.t()));
        prior
    }

    /// Residuals of every row predicted from all others, in the targets' units (n × T); closed form
    /// for Gaussian rows at these hyperparameters.
    pub(crate) fn leave_one_out(&self, hyper: &Hyperparameters) -> Result<Array2<f64>> {
        let solved = self.gaussian(hyper)?;
        let projection = self.projection(&solved.factored)?;
        let diagonal = projection.diag().insert_axis(Axis(1)).to_owned();
        Ok(solved.loads / diagonal * hyper.noise)
    }
}

struct Gaussian {
    design: Array2<f64>,
    factored: Factored,
    /// P y, in units of the noise (n × T).
    loads: Array2<f64>,
    constants: Array2<f64>,
    /// yᵀ P y of each target.
    quadratic: Array1<f64>,
    value: f64,
}

impl Factored {
    fn jitter(&self) -> f64 {
        self.lower.jitter().max(self.constants.jitter())
    }

    /// What the data take from the prior covariance of some quantities, and what not knowing the
    /// constants gives back, as two tables A and B with `posterior = prior − AᵀA + BᵀB`.
    ///
    /// `cross` has the quantities' covariances with the rows in its columns, `constants` (p × m)
    /// how the quantities depend on the constants.
    pub(crate) fn halves(
        &self,
        cross: ArrayView2<'_, f64>,
        constants: Array2<f64>,
    ) -> Result<(Array2<f64>, Array2<f64>)> {
        let taken = numerical(self.lower.solve_lower(cross))?;
        let unexplained = constants - numerical(product(self.design.t(), taken.view()))?;
        let given = numerical(self.constants.solve_lower(unexplained.view()))?;
        Ok((taken, given))
    }
}

impl Evidence for Exact {
    fn targets(&self) -> usize {
        self.targets.ncols()
    }

    fn rows(&self) -> usize {
        self.targets.nrows()
    }

    fn value(&self, hyper: &Hyperparameters) -> Result<f64> {
        match self.likelihood {
            Likelihood::Gaussian => Ok(self.gaussian(hyper)?.value),
            Likelihood::Bernoulli => {
                let prior = self.prior_of_predictors(hyper);
                self.targets
                    .columns()
                    .into_iter()
                    .try_fold(0.0, |sum, target| {
                        Ok(
                            sum + laplace::mode(prior.view(), target, self.weights.view())?
                                .evidence,
                        )
                    })
            }
        }
    }

    fn value_and_gradient(
        &self,
        hyper: &Hyperparameters,
        layout: &Layout,
    ) -> Result<(f64, Vec<f64>)> {
        match self.likelihood {
            Likelihood::Gaussian => {
                let solved = self.gaussian(hyper)?;
                let mut weights = self.projection(&solved.factored)?;
                weights *= -0.5 * self.targets.ncols() as f64;
                for (loads, scale) in solved.loads.columns().into_iter().zip(&hyper.scales) {
                    add_outer(&mut weights, 0.5 / scale, loads, loads);
                }
                let design = solved.design.view();
                let contexts = self.contexts.view();
                let mut gradient = contract(
                    &self.kernel,
                    hyper,
                    layout,
                    contexts,
                    design,
                    weights.view(),
                );
                if layout.noise {
                    gradient.push(2.0 * weights.diag().sum());
                }
                let rows = self.targets.nrows() as f64;
                for target in 0..layout.scales {
                    let quadratic = solved.quadratic[target] / hyper.scales[target];
                    gradient.push(0.5 * (quadratic - rows));
                }
                Ok((solved.value, gradient))
            }
            Likelihood::Bernoulli => {
                let prior = self.prior_of_predictors(hyper);
                let (contexts, design) = (self.contexts.view(), self.design.view());
                let mut weights = Array2::zeros(prior.dim());
                let mut value = 0.0;
                for target in self.targets.columns() {
                    let mode = laplace::mode(prior.view(), target, self.weights.view())?;
                    weights += &mode.weights_of_derivatives(prior.view())?;
                    value += mode.evidence;
                }
                let gradient = contract(
                    &self.kernel,
                    hyper,
                    layout,
                    contexts,
                    design,
                    weights.view(),
                );
                Ok((value, gradient))
            }
        }
    }
}

/// `matrix += factor a bᵀ`.
pub(crate) fn add_outer(
    matrix: &mut Array2<f64>,
    factor: f64,
    a: ArrayView1<'_, f64>,
    b: ArrayView1<'_, f64>,
) {
    for (mut line, a) in matrix.rows_mut().into_iter().zip(a) {
        line.scaled_add(factor * a, &b);
    }
}

/// A failure of a solve as the workspace's error.
pub(crate) fn numerical<T>(result: contextualized_solvers::Result<T>) -> Result<T> {
    result.map_err(|source| Error::numerical("a solve with the covariance of the rows", source))
}

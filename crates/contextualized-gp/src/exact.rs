//! Every row kept: solves with the n × n covariance of the rows.

mod posterior;

use crate::constants::ConstantPrior;
use crate::covariance::{
    add_scaled, contract, derivatives_times, dot, of_rows, row, upper_of_rows,
};
use crate::engine::{Evidence, inconsistent};
use crate::hyperparameters::{Hyperparameters, Layout};
use crate::kernel::Kernel;
use crate::laplace::{MAX_ITERATIONS, Outcomes, Position, Working, newton};
use crate::numerical;
use crate::observations::Observations;
use crate::posterior::Posterior;
use contextualized_core::{Family, Result};
use contextualized_solvers::{
    Cholesky, cholesky, cholesky_in_place, gram, product, transposed_product,
};
use ndarray::{Array1, Array2, ArrayView2, Axis, concatenate, s};
use posterior::ExactPosterior;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The rows, and what does not depend on the hyperparameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Exact {
    kernel: Kernel,
    family: Family,
    constants: ConstantPrior,
    /// n × c.
    contexts: Array2<f64>,
    /// n × p; of a quadratic likelihood times the square roots of the weights.
    design: Array2<f64>,
    /// n × T, T = 1 unless the likelihood is quadratic; then times the square roots of the weights.
    targets: Array2<f64>,
    /// Ones where the weights are in design and targets.
    weights: Array1<f64>,
    /// Zeros where the offsets are in the targets.
    offsets: Array1<f64>,
    /// Sum of the logarithms of the weights that are in design and targets.
    log_weights: f64,
}

impl Exact {
    pub(crate) fn new(kernel: Kernel, family: Family, rows: Observations<'_>) -> Result<Self> {
        let own = |table: ArrayView2<'_, f64>| table.as_standard_layout().into_owned();
        let mut exact = Self {
            kernel,
            family,
            constants: ConstantPrior::of(family, rows)?,
            contexts: own(rows.contexts),
            design: own(rows.design),
            targets: own(rows.targets),
            weights: rows.weights_or_ones(),
            offsets: rows.offsets_or_zeros(),
            log_weights: 0.0,
        };
        if family.is_quadratic() {
            let roots = exact.weights.mapv(f64::sqrt).insert_axis(Axis(1));
            exact.design *= &roots;
            exact.targets = &rows.adjusted_targets() * &roots;
            exact.log_weights = exact.weights.iter().map(|w| w.ln()).sum();
            exact.weights.fill(1.0);
            exact.offsets.fill(0.0);
        }
        Ok(exact)
    }

    fn conditioned(&self, hyper: &Hyperparameters) -> Result<Conditioned> {
        if self.family.is_quadratic() {
            self.gaussian(hyper)
        } else {
            self.laplace(hyper)
        }
    }

    fn gaussian(&self, hyper: &Hyperparameters) -> Result<Conditioned> {
        let design = &self.design / hyper.noise;
        let (contexts, rows) = (self.contexts.view(), design.view());
        let covariance = || upper_of_rows(&self.kernel, hyper, contexts, rows);
        let factored = Factored::new(covariance, design.clone(), self.constants)?;
        let solved = factored.solve((&self.targets / hyper.noise).view())?;
        let (rows, targets) = self.targets.dim();
        let n = rows as f64;
        let determinants = targets as f64
            * (factored.log_determinant() + 2.0 * n * hyper.noise.ln() - self.log_weights
                + n * std::f64::consts::TAU.ln());
        let degrees = n - self.constants.degrees(self.design.ncols());
        let of_targets: f64 = (solved.quadratic.iter().zip(&hyper.scales))
            .map(|(quadratic, scale)| quadratic / scale + degrees * scale.ln())
            .sum();
        Ok(Conditioned {
            roots: Array1::from_elem(rows, 1.0 / hyper.noise),
            factored,
            solved,
            evidence: -0.5 * (determinants + of_targets),
            curvature: None,
        })
    }

    /// Laplace's approximation at the mode of the linear predictors.
    fn laplace(&self, hyper: &Hyperparameters) -> Result<Conditioned> {
        let (contexts, design) = (self.contexts.view(), self.design.view());
        let prior = of_rows(&self.kernel, hyper, contexts, design);
        let outcomes = Outcomes {
            family: self.family,
            targets: self.targets.column(0),
            weights: self.weights.clone(),
            offsets: self.offsets.clone(),
        };
        let rows = self.targets.nrows();
        let step = |working: &Working| {
            let roots = working.precisions.mapv(f64::sqrt);
            let column = roots.view().insert_axis(Axis(1));
            let covariance = || &prior * &column * &roots;
            let factored = Factored::new(covariance, &self.design * &column, self.constants)?;
            let responses = (&roots * &working.responses).insert_axis(Axis(1));
            let solved = factored.solve(responses.view())?;
            Ok((roots, factored, solved))
        };
        let mode = newton(
            &outcomes,
            rows + self.design.ncols(),
            MAX_ITERATIONS,
            |position| {
                let (loads, constants) = position.coordinates.view().split_at(Axis(0), rows);
                let functions = &position.predictors - &design.dot(&constants);
                let of_constants = self.constants.precision * constants.dot(&constants);
                0.5 * (loads.dot(&functions) + of_constants)
            },
            |working| {
                let (roots, _, solved) = step(working)?;
                let loads = &solved.loads.column(0) * &roots;
                let constants = solved.constants.column(0);
                let coordinates = concatenate![Axis(0), loads, constants];
                let predictors = prior.dot(&loads) + design.dot(&constants);
                Ok(Position {
                    coordinates,
                    predictors,
                })
            },
        )?;
        let (roots, factored, solved) = step(&mode.working)?;
        Ok(Conditioned {
            evidence: mode.objective - 0.5 * factored.log_determinant(),
            roots,
            factored,
            solved,
            curvature: Some((prior, mode.working.thirds)),
        })
    }

    /// The vector m, in units of the noise, with `½ (m aᵀ + a mᵀ)` what the movement of the mode adds to
    /// the derivatives of the marginal likelihood by the rows' covariance, a the loads.
    fn movement(
        &self,
        conditioned: &Conditioned,
        prior: &Array2<f64>,
        thirds: &Array1<f64>,
    ) -> Result<Array1<f64>> {
        let (roots, factored) = (&conditioned.roots, &conditioned.factored);
        let cross = prior * &roots.view().insert_axis(Axis(1));
        let (taken, given) = factored.halves(cross.view(), self.design.t().to_owned())?;
        let variances = &prior.diag() - &squares(&taken) + squares(&given);
        // The derivative by a predictor is half the posterior variance times the third derivative.
        let slopes = variances * thirds * 0.5;
        let of_constants = self.design.t().dot(&slopes).insert_axis(Axis(1));
        let of_constants = numerical(factored.constants.solve(of_constants.view()))?;
        let of_constants = factored.design.dot(&of_constants);
        let of_constants = numerical(factored.lower.solve_upper(of_constants.view()))?;
        let explained = (roots * &prior.dot(&slopes)).insert_axis(Axis(1));
        let explained = factored.solve(explained.view())?.loads;
        Ok(slopes / roots - of_constants.column(0) - explained.column(0))
    }
}

/// The rows at some hyperparameters, in units in which their noise is one.
struct Conditioned {
    /// Roots R of the rows' precisions (n).
    roots: Array1<f64>,
    factored: Factored,
    solved: Solution,
    /// Logarithm of the marginal likelihood.
    evidence: f64,
    /// Prior covariance of the predictors and third derivatives, unless the likelihood is quadratic.
    curvature: Option<(Array2<f64>, Array1<f64>)>,
}

/// `B = I + R K R`, K the covariance without constants, factored, and what the constants need.
#[derive(Debug)]
struct Factored {
    lower: Cholesky,
    /// L⁻¹ R X (n × p).
    design: Array2<f64>,
    /// Factor of `Xᵀ R B⁻¹ R X`, plus the prior's precision (p × p).
    constants: Cholesky,
    prior: ConstantPrior,
}

/// The generalised least-squares solution for some responses.
struct Solution {
    /// P y (n × T), `P = B⁻¹ − B⁻¹ R X (Xᵀ R B⁻¹ R X + precision)⁻¹ Xᵀ R B⁻¹`.
    loads: Array2<f64>,
    /// p × T.
    constants: Array2<f64>,
    /// yᵀ P y of each target.
    quadratic: Array1<f64>,
}

/// P by its parts: nothing is copied that is as large.
struct Projection {
    /// The lower triangle of B⁻¹.
    inverse: Array2<f64>,
    /// H (p × n).
    of_constants: Array2<f64>,
}

impl Projection {
    /// Entries of a row, up to the diagonal.
    fn write(&self, index: usize, out: &mut [f64]) {
        out.copy_from_slice(&row(&self.inverse.view(), index)[..=index]);
        let of_constants = self.of_constants.view();
        for own in 0..of_constants.nrows() {
            let own = row(&of_constants, own);
            add_scaled(out, -own[index], own);
        }
    }

    fn trace(&self) -> f64 {
        self.inverse.diag().sum() - self.of_constants.iter().map(|h| h * h).sum::<f64>()
    }
}

impl Factored {
    /// From the upper triangle of R K R, made when it is asked for, and R X.
    fn new(
        covariance: impl Fn() -> Array2<f64>,
        design: Array2<f64>,
        prior: ConstantPrior,
    ) -> Result<Self> {
        let lower = numerical(cholesky_in_place(|| {
            let mut own = covariance();
            own.diag_mut().mapv_inplace(|value| value + 1.0);
            own
        }))?;
        let design = numerical(lower.solve_lower(design.view()))?;
        let mut precision = numerical(gram(design.view()))?;
        let with_prior = |value| value + prior.precision;
        precision.diag_mut().mapv_inplace(with_prior);
        Ok(Self {
            constants: numerical(cholesky(precision.view()))?,
            lower,
            design,
            prior,
        })
    }

    fn solve(&self, responses: ArrayView2<'_, f64>) -> Result<Solution> {
        let whitened = numerical(self.lower.solve_lower(responses))?;
        let projected = self.design.t().dot(&whitened);
        let constants = numerical(self.constants.solve(projected.view()))?;
        let residual = &whitened - &self.design.dot(&constants);
        Ok(Solution {
            loads: numerical(self.lower.solve_upper(residual.view()))?,
            // By residuals and what the prior of the constants costs: no cancellation.
            quadratic: squares(&residual) + squares(&constants) * self.prior.precision,
            constants,
        })
    }

    /// `log|B| + log|Xᵀ R B⁻¹ R X + precision|`, less the constants' normaliser.
    fn log_determinant(&self) -> f64 {
        let constants = self.constants.log_determinant();
        self.lower.log_determinant() + constants - self.prior.log_normalizer(self.design.ncols())
    }

    /// H with `P = B⁻¹ − Hᵀ H` (p × n).
    fn of_constants(&self) -> Result<Array2<f64>> {
        let solved = numerical(self.lower.solve_upper(self.design.view()))?;
        numerical(self.constants.solve_lower(solved.t()))
    }

    fn projection(&self) -> Result<Projection> {
        Ok(Projection {
            inverse: numerical(self.lower.lower_inverse())?,
            of_constants: self.of_constants()?,
        })
    }

    /// What the data take from the prior covariance of some quantities, and what not knowing the
    /// constants gives back, as two tables A and B with `posterior = prior − AᵀA + BᵀB`.
    ///
    /// `cross` has the quantities' covariances with the rows in its columns, `constants` (p × m)
    /// how the quantities depend on the constants.
    fn halves(
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

    fn coefficients(&self) -> usize {
        self.design.ncols()
    }

    fn size(&self) -> usize {
        self.rows()
    }

    fn value(&self, hyper: &Hyperparameters) -> Result<f64> {
        Ok(self.conditioned(hyper)?.evidence)
    }

    fn value_and_gradient(
        &self,
        hyper: &Hyperparameters,
        layout: &Layout,
    ) -> Result<(f64, Vec<f64>)> {
        let conditioned = self.conditioned(hyper)?;
        let solved = &conditioned.solved;
        let projection = conditioned.factored.projection()?;
        let moved = match &conditioned.curvature {
            Some((prior, thirds)) => Some(self.movement(&conditioned, prior, thirds)?.to_vec()),
            None => None,
        };
        // ½ (Σ a aᵀ / scale − T P), and what the movement of the mode adds.
        let halves: Vec<(f64, Vec<f64>)> = (solved.loads.columns().into_iter())
            .zip(&hyper.scales)
            .map(|(loads, scale)| (0.5 / scale, loads.to_vec()))
            .collect();
        let weights = |a: usize, out: &mut [f64]| {
            projection.write(a, out);
            let of_projection = -0.5 * self.targets.ncols() as f64;
            out.iter_mut().for_each(|weight| *weight *= of_projection);
            for (half, loads) in &halves {
                add_scaled(out, half * loads[a], loads);
            }
            if let (Some(moved), Some((_, loads))) = (&moved, halves.first()) {
                add_scaled(out, 0.5 * moved[a], loads);
                add_scaled(out, 0.5 * loads[a], moved);
            }
        };
        let design = &self.design * &conditioned.roots.view().insert_axis(Axis(1));
        let mut gradient = contract(
            &self.kernel,
            hyper,
            layout,
            self.contexts.view(),
            design.view(),
            weights,
        );
        if layout.noise {
            // Then no mode moves.
            let of_projection = -0.5 * self.targets.ncols() as f64 * projection.trace();
            let of_loads = halves.iter().map(|(half, loads)| half * dot(loads, loads));
            gradient.push(2.0 * (of_projection + of_loads.sum::<f64>()));
        }
        let degrees = self.rows() as f64 - self.constants.degrees(self.coefficients());
        for target in 0..layout.scales {
            let quadratic = solved.quadratic[target] / hyper.scales[target];
            gradient.push(0.5 * (quadratic - degrees));
        }
        Ok((conditioned.evidence, gradient))
    }

    fn average_information(
        &self,
        hyper: &Hyperparameters,
        layout: &Layout,
    ) -> Result<Option<Array2<f64>>> {
        if !self.family.is_quadratic() || layout.scales > 0 {
            return Ok(None);
        }
        let conditioned = self.conditioned(hyper)?;
        let (factored, solved) = (&conditioned.factored, &conditioned.solved);
        let design = &self.design * &conditioned.roots.view().insert_axis(Axis(1));
        let mut information = Array2::zeros((layout.len(), layout.len()));
        for (loads, scale) in solved.loads.columns().into_iter().zip(&hyper.scales) {
            let own = loads.to_vec();
            let contexts = self.contexts.view();
            let of_kernel =
                derivatives_times(&self.kernel, hyper, layout, contexts, design.view(), &own);
            let mut moved = Array2::zeros((own.len(), layout.len()));
            moved
                .slice_mut(s![.., ..of_kernel.ncols()])
                .assign(&of_kernel);
            if let Some(noise) = layout.noise_at() {
                moved.column_mut(noise).assign(&(&loads * 2.0));
            }
            let projected = factored.solve(moved.view())?.loads;
            let product = numerical(transposed_product(moved.view(), projected.view()))?;
            information.scaled_add(0.5 / scale, &product);
        }
        // To the last bit, whatever the rounding of the projection.
        Ok(Some((&information + &information.t()) / 2.0))
    }

    fn check(&self, family: Family, kernel: &Kernel, contexts: usize) -> Result<()> {
        let rows = self.contexts.nrows();
        let targets = self.targets.ncols();
        let fits = self.kernel == *kernel
            && self.family == family
            && self.contexts.ncols() == contexts
            && self.design.nrows() == rows
            && self.targets.nrows() == rows
            && self.weights.len() == rows
            && self.offsets.len() == rows
            && (targets == 1 || (targets > 1 && family.is_quadratic()));
        if !fits {
            return Err(inconsistent("rows"));
        }
        self.constants.check()
    }

    fn posterior(self: Arc<Self>, hyper: &Hyperparameters) -> Result<Arc<dyn Posterior>> {
        Ok(Arc::new(ExactPosterior::new(self, hyper)?))
    }
}

/// Sums of squares of the columns.
fn squares(table: &Array2<f64>) -> Array1<f64> {
    table.map_axis(Axis(0), |column| column.dot(&column))
}

//! Posteriors and likelihoods against the textbook's formulas, in dense matrices.

use crate::problem::{Problem, known};
use approx::assert_relative_eq;
use contextualized_gp::{CoefficientProcess, Hyperparameters, Kernel, Method, Observations, Size};
use contextualized_solvers::{Cholesky, cholesky};
use ndarray::{Array1, Array2, ArrayView2, array};

/// Kernels of the terms at unit amplitude, given a row of inverse length scales.
type Terms = fn(&[f64], &[f64], &[f64]) -> Vec<f64>;

/// `V = Σⱼ Σₜ s²ⱼₜ kₜ xⱼ xⱼᵀ + σ² W⁻¹` and generalised least squares for the constants, whose prior is
/// flat: universal kriging (Rasmussen and Williams 2006, section 2.7).
struct Textbook<'a> {
    problem: &'a Problem,
    hyper: &'a Hyperparameters,
    terms: Terms,
    factor: Cholesky,
    /// V⁻¹ X.
    solved: Array2<f64>,
    /// Factor of XᵀV⁻¹X.
    constants: Cholesky,
}

fn covariance(hyper: &Hyperparameters, terms: Terms, j: usize, a: &[f64], b: &[f64]) -> f64 {
    let set = if hyper.inverse_length_scales.nrows() == 1 {
        0
    } else {
        j
    };
    let kernels = terms(&hyper.inverse_length_scales.row(set).to_vec(), a, b);
    let amplitudes = hyper.amplitudes.row(j);
    let varying = kernels.iter().zip(amplitudes).map(|(k, s)| s * s * k);
    varying.sum()
}

impl<'a> Textbook<'a> {
    fn new(problem: &'a Problem, hyper: &'a Hyperparameters, terms: Terms) -> Self {
        let rows = problem.rows();
        let (c, x) = (&problem.contexts, &problem.design);
        let matrix = Array2::from_shape_fn((rows, rows), |(a, b)| {
            let (a_row, b_row) = (c.row(a).to_vec(), c.row(b).to_vec());
            let mut entry: f64 = (0..x.ncols())
                .map(|j| covariance(hyper, terms, j, &a_row, &b_row) * x[[a, j]] * x[[b, j]])
                .sum();
            if a == b {
                let weight = problem.weights.as_ref().map_or(1.0, |w| w[a]);
                entry += hyper.noise * hyper.noise / weight;
            }
            entry
        });
        let factor = cholesky(matrix.view()).unwrap();
        let solved = factor.solve(x.view()).unwrap();
        Self {
            problem,
            hyper,
            terms,
            constants: cholesky(symmetric(x.t().dot(&solved)).view()).unwrap(),
            factor,
            solved,
        }
    }

    fn prior(&self, j: usize, a: &[f64], b: &[f64]) -> f64 {
        covariance(self.hyper, self.terms, j, a, b)
    }

    /// Estimates of the constants (p × T), and V⁻¹ (y − X b) (n × T).
    fn solution(&self) -> (Array2<f64>, Array2<f64>) {
        let (x, y) = (&self.problem.design, &self.problem.targets);
        let products = self.solved.t().dot(y);
        let constants = self.constants.solve(products.view()).unwrap();
        let residuals = y - &x.dot(&constants);
        (constants, self.factor.solve(residuals.view()).unwrap())
    }

    /// Covariance of the rows with every coefficient at a context, constants left out (n × p).
    fn cross(&self, at: &[f64]) -> Array2<f64> {
        let (c, x) = (&self.problem.contexts, &self.problem.design);
        Array2::from_shape_fn(x.dim(), |(a, j)| {
            self.prior(j, at, &c.row(a).to_vec()) * x[[a, j]]
        })
    }

    /// Means (T × p) and the covariance (p × p) before the targets' scales.
    fn posterior(&self, at: &[f64]) -> (Array2<f64>, Array2<f64>) {
        let cross = self.cross(at);
        let (constants, loads) = self.solution();
        let taken = cross.t().dot(&self.factor.solve(cross.view()).unwrap());
        let prior = Array1::from_shape_fn(cross.ncols(), |j| self.prior(j, at, at));
        let unexplained = Array2::eye(cross.ncols()) - self.solved.t().dot(&cross);
        let given = self.constants.solve(unexplained.view()).unwrap();
        let covariance = Array2::from_diag(&prior) - taken + unexplained.t().dot(&given);
        (
            (constants + cross.t().dot(&loads)).reversed_axes(),
            covariance,
        )
    }

    /// The restricted one, with a prior density of one for the constants.
    fn log_marginal_likelihood(&self) -> f64 {
        let (x, y) = (&self.problem.design, &self.problem.targets);
        let (constants, loads) = self.solution();
        let residuals = y - &x.dot(&constants);
        let degrees = (y.nrows() - x.ncols()) as f64;
        (0..y.ncols())
            .map(|t| {
                let scale = self.hyper.scales[t];
                -0.5 * (residuals.column(t).dot(&loads.column(t)) / scale
                    + self.factor.log_determinant()
                    + self.constants.log_determinant()
                    + degrees * (std::f64::consts::TAU * scale).ln())
            })
            .sum()
    }
}

fn symmetric(matrix: Array2<f64>) -> Array2<f64> {
    (&matrix + &matrix.t()) / 2.0
}

fn square(r: f64, a: f64, b: f64) -> f64 {
    (r * (a - b)).powi(2)
}

fn cases() -> Vec<(Kernel, usize, Terms)> {
    let smooth: Terms =
        |r, a, b| vec![(-0.5 * (square(r[0], a[0], b[0]) + square(r[1], a[1], b[1]))).exp()];
    let additive: Terms = |r, a, b| {
        let matern52 = |k: usize| {
            let d = 5_f64.sqrt() * r[k] * (a[k] - b[k]).abs();
            (1.0 + d + d * d / 3.0) * (-d).exp()
        };
        vec![matern52(0), matern52(1)]
    };
    let mixed: Terms = |r, a, b| {
        let d = (3.0 * (square(r[0], a[0], b[0]) + square(r[1], a[1], b[1]))).sqrt();
        let sine = (std::f64::consts::PI * (a[0] - b[0]) / 1.7).sin();
        let periodic = (-2.0 * r[2] * r[2] * sine * sine).exp();
        let linear = r[3] * r[3] * a[1] * b[1];
        vec![(1.0 + d) * (-d).exp(), periodic * linear]
    };
    let polynomial: Terms = |r, a, b| {
        let inner = r[0] * r[0] * a[0] * b[0] + r[1] * r[1] * a[1] * b[1];
        let other = f64::from(a[0] != b[0]);
        vec![(1.0 + inner).powi(2), (-r[2] * r[2] * other).exp()]
    };
    vec![
        (Kernel::squared_exponential([0, 1]), 2, smooth),
        (Kernel::matern52([0]) + Kernel::matern52([1]), 2, additive),
        (
            Kernel::matern32([0, 1]) + Kernel::periodic(0, 1.7) * Kernel::linear([1]),
            4,
            mixed,
        ),
        (
            Kernel::polynomial([0, 1], 2) + Kernel::categorical([0]),
            3,
            polynomial,
        ),
    ]
}

fn at() -> Array2<f64> {
    array![[0.0, 0.0], [0.7, -1.2], [-2.0, 0.4], [6.0, 5.0]]
}

fn assert_textbook(
    problem: &Problem,
    kernel: &Kernel,
    terms: Terms,
    hyper: &Hyperparameters,
    at: ArrayView2<'_, f64>,
) {
    let process = CoefficientProcess::new(kernel.clone())
        .size(Size::Exact)
        .hyperparameters(hyper.clone());
    let fitted = problem.fit(&process);
    assert_eq!(fitted.report().method, Method::Exact);
    let textbook = Textbook::new(problem, hyper, terms);
    assert_relative_eq!(
        fitted.report().log_marginal_likelihood,
        textbook.log_marginal_likelihood(),
        max_relative = 1e-10
    );
    let means = fitted.coefficients(at).unwrap();
    let covariances = fitted.covariances(at).unwrap();
    for (q, context) in at.rows().into_iter().enumerate() {
        let (mean, covariance) = textbook.posterior(&context.to_vec());
        let found = means.index_axis(ndarray::Axis(0), q);
        assert_relative_eq!(found, mean, epsilon = 1e-9, max_relative = 1e-9);
        for (t, scale) in hyper.scales.iter().enumerate() {
            let found = covariances.slice(ndarray::s![q, t, .., ..]);
            let expected = &covariance * *scale;
            assert_relative_eq!(found, expected, epsilon = 1e-9, max_relative = 1e-9);
        }
    }
    let variances: Vec<f64> = hyper
        .scales
        .iter()
        .map(|s| s * hyper.noise.powi(2))
        .collect();
    assert_eq!(fitted.noise_variances(), variances);
}

#[test]
fn means_covariances_and_likelihood_are_the_textbooks() {
    let problem = Problem::new(40, 2, 3, 1, 0.3, 1);
    for (kernel, inverse_length_scales, terms) in cases() {
        let inverse_length_scales: Vec<f64> = (0..inverse_length_scales)
            .map(|k| 0.6 + 0.3 * k as f64)
            .collect();
        let hyper = known(&inverse_length_scales, 3, kernel.terms().len(), 0.4, &[1.0]);
        assert_textbook(&problem, &kernel, terms, &hyper, at().view());
    }
}

#[test]
fn targets_have_scales_and_rows_have_weights() {
    let problem = Problem::new(35, 2, 2, 2, 0.3, 2).weighted(|i| 0.25 + (i % 4) as f64);
    for (kernel, inverse_length_scales, terms) in cases() {
        let inverse_length_scales = vec![0.9; inverse_length_scales];
        let hyper = known(
            &inverse_length_scales,
            2,
            kernel.terms().len(),
            0.7,
            &[0.6, 3.0],
        );
        assert_textbook(&problem, &kernel, terms, &hyper, at().view());
    }
}

#[test]
fn coefficients_may_have_inverse_length_scales_of_their_own_and_be_constant() {
    let problem = Problem::new(30, 2, 2, 1, 0.3, 3);
    let (kernel, _, terms) = cases().remove(0);
    let hyper = Hyperparameters {
        inverse_length_scales: array![[0.5, 2.0], [1.5, 0.0]],
        amplitudes: array![[1.0], [0.0]],
        noise: 0.3,
        scales: array![1.0],
    };
    assert_textbook(&problem, &kernel, terms, &hyper, at().view());
}

/// One row has its posterior by hand; it does not determine the constant, whose prior is then normal.
#[test]
fn one_row_by_hand() {
    let hyper = known(&[1.0], 1, 1, 0.5, &[1.0]);
    let process = CoefficientProcess::new(Kernel::squared_exponential([0]))
        .hyperparameters(hyper)
        .size(Size::Exact);
    let (c, x, y) = (array![[0.0]], array![[2.0]], array![[3.0]]);
    let fitted = process
        .fit(Observations::new(c.view(), x.view(), y.view()))
        .unwrap();
    // Prior variance 100.64, of the row 4 times that and 0.25.
    let (mean, covariance) = (
        fitted.coefficients(c.view()).unwrap()[[0, 0, 0]],
        fitted.covariances(c.view()).unwrap()[[0, 0, 0, 0]],
    );
    assert_relative_eq!(mean, 2.0 * 100.64 * 3.0 / 402.81, max_relative = 1e-12);
    assert_relative_eq!(covariance, 100.64 * 0.25 / 402.81, max_relative = 1e-9);
}

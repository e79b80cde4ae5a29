//! Rows to fit, and priors to draw truths from.

use contextualized_core::Result;
use contextualized_gp::{CoefficientProcess, FittedProcess, Hyperparameters, Observations};
use contextualized_solvers::cholesky_with_limit;
use ndarray::{Array1, Array2, Array3, ArrayView1, ArrayView2, Axis};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

#[derive(Clone)]
pub(crate) struct Problem {
    pub(crate) contexts: Array2<f64>,
    pub(crate) design: Array2<f64>,
    pub(crate) targets: Array2<f64>,
    pub(crate) weights: Option<Array1<f64>>,
}

/// Standard normal numbers of one seed.
pub(crate) struct Normal(ChaCha8Rng);

impl Normal {
    pub(crate) fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    pub(crate) fn next(&mut self) -> f64 {
        StandardNormal.sample(&mut self.0)
    }

    pub(crate) fn uniform(&mut self) -> f64 {
        self.0.r#gen()
    }

    pub(crate) fn table(&mut self, rows: usize, columns: usize) -> Array2<f64> {
        Array2::from_shape_simple_fn((rows, columns), || self.next())
    }

    /// A function with this covariance at these contexts.
    pub(crate) fn function(
        &mut self,
        contexts: ArrayView2<'_, f64>,
        covariance: impl Fn(&[f64], &[f64]) -> f64,
    ) -> Array1<f64> {
        let rows: Vec<Vec<f64>> = contexts.rows().into_iter().map(|r| r.to_vec()).collect();
        let matrix = Array2::from_shape_fn((rows.len(), rows.len()), |(a, b)| {
            covariance(&rows[a], &rows[b]) + if a == b { 1e-10 } else { 0.0 }
        });
        let factor = cholesky_with_limit(matrix.view(), 1e-8).unwrap();
        let normal = Array1::from_shape_simple_fn(rows.len(), || self.next());
        factor.lower().dot(&normal)
    }
}

impl Problem {
    /// Normal contexts and features, then a column of ones; coefficients are smooth functions of
    /// the first context, another one for each target.
    pub(crate) fn new(
        rows: usize,
        contexts: usize,
        coefficients: usize,
        targets: usize,
        noise: f64,
        seed: u64,
    ) -> Self {
        let mut normal = Normal::new(seed);
        let contexts = normal.table(rows, contexts);
        let mut design = normal.table(rows, coefficients);
        design.column_mut(coefficients - 1).fill(1.0);
        let targets = Array2::from_shape_fn((rows, targets), |(i, t)| {
            let mean: f64 = (0..coefficients)
                .map(|j| (contexts[[i, 0]] + (j + 2 * t) as f64).sin() * design[[i, j]])
                .sum();
            mean * (1.0 + t as f64) + noise * normal.next()
        });
        Self {
            contexts,
            design,
            targets,
            weights: None,
        }
    }

    pub(crate) fn weighted(mut self, weight: impl Fn(usize) -> f64) -> Self {
        self.weights = Some(Array1::from_shape_fn(self.contexts.nrows(), weight));
        self
    }

    /// Outcomes drawn with these logits.
    pub(crate) fn binary(mut self, logits: impl Fn(&[f64], &[f64]) -> f64, seed: u64) -> Self {
        let mut normal = Normal::new(seed);
        let rows = self.contexts.nrows();
        self.targets = Array2::from_shape_fn((rows, 1), |(i, _)| {
            let (c, x) = (self.contexts.row(i).to_vec(), self.design.row(i).to_vec());
            f64::from(normal.uniform() < 1.0 / (1.0 + (-logits(&c, &x)).exp()))
        });
        self
    }

    pub(crate) fn rows(&self) -> usize {
        self.contexts.nrows()
    }

    pub(crate) fn select(&self, rows: &[usize]) -> Self {
        Self {
            contexts: self.contexts.select(Axis(0), rows),
            design: self.design.select(Axis(0), rows),
            targets: self.targets.select(Axis(0), rows),
            weights: self.weights.as_ref().map(|w| w.select(Axis(0), rows)),
        }
    }

    pub(crate) fn without(&self, row: usize) -> Self {
        let rows: Vec<_> = (0..self.rows()).filter(|&other| other != row).collect();
        self.select(&rows)
    }

    pub(crate) fn observations(&self) -> Observations<'_> {
        let (contexts, design) = (self.contexts.view(), self.design.view());
        Observations::new(contexts, design, self.targets.view())
            .with_weights(self.weights.as_ref().map(|w| w.view()))
    }

    pub(crate) fn try_fit(&self, process: &CoefficientProcess) -> Result<FittedProcess> {
        process.fit(self.observations())
    }

    pub(crate) fn fit(&self, process: &CoefficientProcess) -> FittedProcess {
        self.try_fit(process).unwrap()
    }

    pub(crate) fn leave_one_out(&self, fitted: &FittedProcess) -> Result<Array2<f64>> {
        fitted.leave_one_out(self.observations())
    }
}

/// Known hyperparameters: one set of inverse length scales, different amplitudes.
pub(crate) fn known(
    inverse_length_scales: &[f64],
    coefficients: usize,
    terms: usize,
    noise: f64,
    scales: &[f64],
) -> Hyperparameters {
    Hyperparameters {
        inverse_length_scales: Array2::from_shape_fn((1, inverse_length_scales.len()), |(_, k)| {
            inverse_length_scales[k]
        }),
        amplitudes: Array2::from_shape_fn((coefficients, terms), |(j, t)| {
            0.8 / (1 + j) as f64 + 0.3 * t as f64
        }),
        noise,
        scales: Array1::from_vec(scales.to_vec()),
    }
}

/// The largest difference of two tables.
pub(crate) fn distance(a: &Array3<f64>, b: &Array3<f64>) -> f64 {
    assert_eq!(a.dim(), b.dim());
    (a - b).iter().fold(0.0, |most, d| d.abs().max(most))
}

pub(crate) fn all_finite<'a>(values: impl IntoIterator<Item = &'a f64>) -> bool {
    values.into_iter().all(|value| value.is_finite())
}

/// Coefficients of one row and target applied to a row of the design.
pub(crate) fn predictor(
    coefficients: &Array3<f64>,
    (row, target): (usize, usize),
    x: ArrayView1<'_, f64>,
) -> f64 {
    x.iter()
        .enumerate()
        .map(|(j, x)| coefficients[[row, target, j]] * x)
        .sum()
}

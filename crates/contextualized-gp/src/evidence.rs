//! What the optimiser needs of a data set.

use crate::hyperparameters::{Hyperparameters, Layout};
use contextualized_core::Result;

/// The logarithm of the marginal likelihood as a function of the hyperparameters.
pub(crate) trait Evidence: Sync {
    /// Number of targets.
    fn targets(&self) -> usize;

    /// Rows behind it.
    fn rows(&self) -> usize;

    /// The value alone.
    fn value(&self, hyper: &Hyperparameters) -> Result<f64>;

    /// The value and its derivatives by the logarithms of the hyperparameters, in the layout's
    /// order.
    fn value_and_gradient(
        &self,
        hyper: &Hyperparameters,
        layout: &Layout,
    ) -> Result<(f64, Vec<f64>)>;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::basis::{Basis, Pivots};
    use crate::exact::Exact;
    use crate::low_rank::{LowRank, Rows};
    use crate::process::Likelihood;
    use crate::{Kernel, KernelShape};
    use ndarray::{Array1, Array2, s};
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;
    use rand_distr::{Distribution, StandardNormal};

    /// Contexts, a design with an intercept, two targets and weights.
    struct Problem {
        contexts: Array2<f64>,
        design: Array2<f64>,
        targets: Array2<f64>,
        weights: Array1<f64>,
    }

    impl Problem {
        fn new(rows: usize, seed: u64) -> Self {
            let mut generator = ChaCha8Rng::seed_from_u64(seed);
            let mut normal = || -> f64 { StandardNormal.sample(&mut generator) };
            let contexts = Array2::from_shape_simple_fn((rows, 2), &mut normal);
            let mut design = Array2::from_shape_simple_fn((rows, 3), &mut normal);
            design.column_mut(2).fill(1.0);
            let targets = Array2::from_shape_fn((rows, 2), |(i, t)| {
                let slope = (contexts[[i, 0]] + t as f64).sin();
                slope * design[[i, 0]] + 0.5 * design[[i, 1]] + contexts[[i, 1]] + 0.3 * normal()
            });
            let weights = Array1::from_shape_fn(rows, |i| 0.5 + (i % 3) as f64);
            Self {
                contexts,
                design,
                targets,
                weights,
            }
        }

        fn binary(mut self) -> Self {
            self.targets.mapv_inplace(|y| f64::from(y > 0.0));
            self
        }

        fn rows(&self) -> Rows<'_> {
            Rows {
                contexts: self.contexts.view(),
                design: self.design.view(),
                targets: self.targets.view(),
                weights: Some(self.weights.view()),
            }
        }

        fn exact(&self, kernel: &Kernel, likelihood: Likelihood) -> Exact {
            Exact::new(
                kernel.clone(),
                likelihood,
                3.0,
                self.contexts.view(),
                self.design.view(),
                self.targets.view(),
                Some(self.weights.view()),
            )
        }
    }

    fn kernels() -> Vec<Kernel> {
        vec![
            Kernel::squared_exponential([0, 1]),
            Kernel::additive(KernelShape::Matern52, 2).with_interactions(),
            Kernel::squared_exponential([0]) * Kernel::linear([1]) + Kernel::matern32([1]),
        ]
    }

    fn layouts(kernel: &Kernel, gaussian: bool) -> [Layout; 2] {
        [1, 3].map(|sets| Layout {
            sets,
            inverse_length_scales: kernel.inverse_length_scales(),
            coefficients: 3,
            terms: kernel.terms.len(),
            noise: gaussian,
            scales: if gaussian { 2 } else { 0 },
        })
    }

    fn logs(layout: &Layout) -> Vec<f64> {
        (0..layout.len())
            .map(|k| -0.6 + 0.37 * ((5 * k) % 7) as f64 / 3.0)
            .collect()
    }

    fn assert_gradient(evidence: &dyn Evidence, layout: &Layout, tolerance: f64) {
        let logs = logs(layout);
        let at = |logs: &[f64]| layout.hyperparameters(logs, evidence.targets());
        let (value, gradient) = evidence.value_and_gradient(&at(&logs), layout).unwrap();
        approx::assert_relative_eq!(value, evidence.value(&at(&logs)).unwrap());
        assert_eq!(gradient.len(), layout.len());
        for k in 0..logs.len() {
            let shifted = |h: f64| {
                let mut logs = logs.clone();
                logs[k] += h;
                evidence.value(&at(&logs)).unwrap()
            };
            let step = 1e-4;
            let difference = (8.0 * (shifted(step) - shifted(-step))
                - (shifted(2.0 * step) - shifted(-2.0 * step)))
                / (12.0 * step);
            approx::assert_abs_diff_eq!(
                gradient[k],
                difference,
                epsilon = tolerance * (1.0 + difference.abs())
            );
        }
    }

    #[test]
    fn exact_gradients_are_those_of_differences() {
        let problem = Problem::new(40, 1);
        for kernel in kernels() {
            for layout in layouts(&kernel, true) {
                assert_gradient(&problem.exact(&kernel, Likelihood::Gaussian), &layout, 1e-6);
            }
        }
    }

    #[test]
    fn binary_gradients_are_those_of_differences() {
        let problem = Problem::new(40, 2).binary();
        for kernel in kernels() {
            for layout in layouts(&kernel, false) {
                assert_gradient(
                    &problem.exact(&kernel, Likelihood::Bernoulli),
                    &layout,
                    1e-4,
                );
            }
        }
    }

    #[test]
    fn low_rank_gradients_are_those_of_differences() {
        let problem = Problem::new(60, 3);
        for kernel in kernels() {
            for layout in layouts(&kernel, true) {
                let reference = vec![1.0; kernel.inverse_length_scales()];
                let basis = Basis::choose(
                    &kernel,
                    &reference,
                    problem.contexts.view(),
                    1e-9,
                    12,
                    Pivots::Largest,
                );
                let sums = LowRank::gather(basis, 3.0, problem.rows()).unwrap();
                assert_gradient(&sums, &layout, 1e-5);
            }
        }
    }

    #[test]
    fn a_full_basis_is_exact() {
        let problem = Problem::new(50, 4);
        let kernel = Kernel::squared_exponential([0, 1]);
        let [layout, _] = layouts(&kernel, true);
        let mut hyper = layout.hyperparameters(&logs(&layout), 2);
        hyper.noise = 0.4;
        let exact = problem.exact(&kernel, Likelihood::Gaussian);
        let basis = Basis::choose(
            &kernel,
            &hyper.squares(0),
            problem.contexts.view(),
            1e-13,
            50,
            Pivots::Largest,
        );
        let sums = LowRank::gather(basis, 3.0, problem.rows()).unwrap();
        let (a, b) = (exact.value(&hyper).unwrap(), sums.value(&hyper).unwrap());
        approx::assert_relative_eq!(a, b, max_relative = 1e-7);

        use crate::engine::Engine;
        let at = problem.contexts.slice(s![..5, ..]).to_owned() + 0.1;
        let engines = [Engine::Exact(Box::new(exact)), Engine::LowRank(vec![sums])];
        let [one, other] = engines.map(|engine| {
            let state = engine.state(&hyper).unwrap();
            (
                engine.means(&state, &hyper, at.view()).unwrap(),
                engine.covariances(&state, &hyper, at.view()).unwrap(),
            )
        });
        approx::assert_abs_diff_eq!(one.0, other.0, epsilon = 1e-6);
        approx::assert_abs_diff_eq!(one.1, other.1, epsilon = 1e-5);
    }
}

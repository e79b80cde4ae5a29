//! The rows as one of three engines holds them.

use crate::basis::Basis;
use crate::exact::Exact;
use crate::hyperparameters::{Hyperparameters, Layout};
use crate::kernel::Kernel;
use crate::levels::Levels;
use crate::low_rank::LowRank;
use crate::posterior::Posterior;
use contextualized_core::{Error, Family, Monitor, Result};
use ndarray::{Array1, Array2};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::sync::Arc;

/// What is needed of a data set, as a function of the hyperparameters.
pub(crate) trait Evidence: Send + Sync {
    /// Number of targets.
    fn targets(&self) -> usize;

    /// Rows behind it.
    fn rows(&self) -> usize;

    fn coefficients(&self) -> usize;

    /// Size of the systems that are solved, or of one that takes as long as many small ones.
    fn size(&self) -> usize;

    /// The logarithm of the marginal likelihood: restricted, where the prior on constants is flat.
    fn value(&self, hyper: &Hyperparameters) -> Result<f64>;

    /// The value and its derivatives by the logarithms of the hyperparameters, in the layout's
    /// order.
    fn value_and_gradient(
        &self,
        hyper: &Hyperparameters,
        layout: &Layout,
    ) -> Result<(f64, Vec<f64>)>;

    /// The average of the observed and the expected information about the logarithms of the
    /// hyperparameters, as if the covariance were linear in them (Gilmour, Thompson and Cullis 1995,
    /// doi:10.2307/2533274), where it costs little more than a gradient.
    fn average_information(
        &self,
        _hyper: &Hyperparameters,
        _layout: &Layout,
    ) -> Result<Option<Array2<f64>>> {
        Ok(None)
    }

    /// Whether tables read from a file fit together.
    fn check(&self, family: Family, kernel: &Kernel, contexts: usize) -> Result<()>;

    /// The coefficients' posterior.
    fn posterior(self: Arc<Self>, hyper: &Hyperparameters) -> Result<Arc<dyn Posterior>>;
}

/// The rows of targets that share a posterior: all of them, or one if the likelihood is not quadratic.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Part {
    #[serde(with = "shared")]
    Exact(Arc<Exact>),
    #[serde(with = "shared")]
    LowRank(Arc<LowRank>),
    #[serde(with = "shared")]
    Levels(Arc<Levels>),
}

/// A basis and the share of the kernel that it leaves out.
struct Approximation<'a> {
    basis: &'a Basis,
    residual: f64,
    largest_residual: f64,
}

/// Shared rows are stored as owned ones are.
mod shared {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use std::sync::Arc;

    pub(super) fn serialize<T: Serialize, S: Serializer>(
        rows: &Arc<T>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        rows.as_ref().serialize(serializer)
    }

    pub(super) fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Arc<T>, D::Error> {
        T::deserialize(deserializer).map(Arc::new)
    }
}

impl Part {
    fn evidence(&self) -> Arc<dyn Evidence> {
        match self {
            Self::Exact(exact) => exact.clone(),
            Self::LowRank(low_rank) => low_rank.clone(),
            Self::Levels(levels) => levels.clone(),
        }
    }

    fn approximation(&self) -> Option<Approximation<'_>> {
        match self {
            Self::Exact(_) => None,
            Self::LowRank(low_rank) => Some(Approximation {
                basis: &low_rank.basis,
                residual: low_rank.residual,
                largest_residual: low_rank.largest_residual,
            }),
            Self::Levels(levels) => Some(Approximation {
                basis: &levels.basis,
                residual: levels.residual,
                largest_residual: levels.largest_residual,
            }),
        }
    }
}

/// The rows of all targets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Engine {
    parts: Vec<Part>,
    #[serde(skip)]
    monitor: Monitor,
}

/// How the rows were dealt with.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Method {
    /// By their covariance.
    Exact,
    /// By a basis.
    LowRank {
        /// Functions for each coefficient, the constant included.
        functions: usize,
        /// The share of the kernel that the basis leaves out at the inverse length scales it was made for, on
        /// average over the rows.
        residual: f64,
        /// The same where it is largest.
        largest_residual: f64,
    },
    /// By the levels of a factor, one after the other, and a basis of the other contexts.
    Levels {
        /// Position of the factor among the contexts.
        context: usize,
        /// Its levels.
        levels: usize,
        /// Functions of the other contexts for each coefficient, the constant included.
        functions: usize,
        /// The share of the kernel that the basis leaves out at the inverse length scales it was made for, on
        /// average over the rows; none to rounding where the other contexts are factors.
        residual: f64,
        /// The same where it is largest.
        largest_residual: f64,
    },
}

impl Engine {
    pub(crate) fn new(parts: Vec<Part>) -> Self {
        Self {
            parts,
            monitor: Monitor::default(),
        }
    }

    pub(crate) fn with_monitor(mut self, monitor: Option<&Monitor>) -> Self {
        self.monitor = monitor.cloned().unwrap_or_default();
        self
    }

    /// Who watches the search.
    pub(crate) fn monitor(&self) -> &Monitor {
        &self.monitor
    }

    pub(crate) fn method(&self) -> Method {
        let of_parts = || self.parts.iter().filter_map(Part::approximation);
        let largest = |share: fn(&Approximation<'_>) -> f64| {
            of_parts().fold(0.0, |most: f64, own| most.max(share(&own)))
        };
        let residual = largest(|own| own.residual);
        let largest_residual = largest(|own| own.largest_residual);
        match self.parts.first() {
            None | Some(Part::Exact(_)) => Method::Exact,
            Some(Part::LowRank(first)) => Method::LowRank {
                functions: first.basis.functions(),
                residual,
                largest_residual,
            },
            Some(Part::Levels(first)) => Method::Levels {
                context: first.factor.column,
                levels: first.factor.levels(),
                functions: first.basis.functions(),
                residual,
                largest_residual,
            },
        }
    }

    /// The mean share of the kernel that a basis leaves out, if there is one.
    pub(crate) fn left_out(&self) -> Option<f64> {
        let parts = self.parts.iter().filter_map(Part::approximation);
        parts.map(|part| part.residual).reduce(f64::max)
    }

    /// Squares of the inverse length scales that the basis was made for, if there is one.
    pub(crate) fn made_for(&self) -> Option<Vec<f64>> {
        let part = self.parts.iter().find_map(Part::approximation);
        part.map(|part| part.basis.squares())
    }

    /// The posterior of each part.
    pub(crate) fn posteriors(&self, hyper: &Hyperparameters) -> Result<Vec<Arc<dyn Posterior>>> {
        let hyper = self.of_part(hyper);
        let parts = self.parts.iter();
        parts
            .map(|part| part.evidence().posterior(&hyper))
            .collect()
    }

    /// Of several parts each has one target, without a scale.
    fn of_part<'a>(&self, hyper: &'a Hyperparameters) -> Cow<'a, Hyperparameters> {
        if self.parts.len() == 1 {
            return Cow::Borrowed(hyper);
        }
        Cow::Owned(Hyperparameters {
            scales: Array1::ones(1),
            ..hyper.clone()
        })
    }

    /// Whether tables read from a file fit together.
    pub(crate) fn check(&self, family: Family, kernel: &Kernel, contexts: usize) -> Result<()> {
        let Some(first) = self.parts.first() else {
            return Err(inconsistent("rows"));
        };
        let several = self.parts.len() > 1;
        for part in &self.parts {
            let (own, other) = (part.evidence(), first.evidence());
            own.check(family, kernel, contexts)?;
            if std::mem::discriminant(part) != std::mem::discriminant(first)
                || own.coefficients() != other.coefficients()
                || own.rows() != other.rows()
                || (several && (own.targets() != 1 || family.is_quadratic()))
            {
                return Err(inconsistent("rows"));
            }
        }
        Ok(())
    }

    /// [`Evidence::average_information`], of a single part.
    pub(crate) fn average_information(
        &self,
        hyper: &Hyperparameters,
        layout: &Layout,
    ) -> Result<Option<Array2<f64>>> {
        match self.parts.as_slice() {
            [only] => only.evidence().average_information(hyper, layout),
            _ => Ok(None),
        }
    }

    fn first(&self) -> Option<Arc<dyn Evidence>> {
        self.parts.first().map(Part::evidence)
    }

    pub(crate) fn targets(&self) -> usize {
        self.parts
            .iter()
            .map(|part| part.evidence().targets())
            .sum()
    }

    pub(crate) fn rows(&self) -> usize {
        self.first().map_or(0, |part| part.rows())
    }

    pub(crate) fn coefficients(&self) -> usize {
        self.first().map_or(0, |part| part.coefficients())
    }

    /// [`Evidence::size`] of a part.
    pub(crate) fn size(&self) -> usize {
        self.first().map_or(0, |part| part.size())
    }

    pub(crate) fn value(&self, hyper: &Hyperparameters) -> Result<f64> {
        let hyper = self.of_part(hyper);
        self.parts
            .iter()
            .try_fold(0.0, |sum, part| Ok(sum + part.evidence().value(&hyper)?))
    }

    pub(crate) fn value_and_gradient(
        &self,
        hyper: &Hyperparameters,
        layout: &Layout,
    ) -> Result<(f64, Vec<f64>)> {
        let hyper = self.of_part(hyper);
        let mut total = (0.0, vec![0.0; layout.len()]);
        for part in &self.parts {
            let (value, gradient) = part.evidence().value_and_gradient(&hyper, layout)?;
            total.0 += value;
            total.1.iter_mut().zip(gradient).for_each(|(t, g)| *t += g);
        }
        Ok(total)
    }
}

/// Tables of a file whose shapes contradict each other.
pub(crate) fn inconsistent(table: &'static str) -> Error {
    Error::invalid_parameter(table, "of another shape", "as the rest of the model")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::basis::{Basis, Pivots};
    use crate::constants::ConstantPrior;
    use crate::{KernelShape, Observations};
    use ndarray::{Array2, Axis, s};
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

        fn rows(&self) -> Observations<'_> {
            let (contexts, design) = (self.contexts.view(), self.design.view());
            Observations::new(contexts, design, self.targets.view())
                .with_weights(Some(self.weights.view()))
        }

        fn exact(&self, kernel: &Kernel, family: Family) -> Exact {
            Exact::new(kernel.clone(), family, self.rows()).unwrap()
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
                assert_gradient(&problem.exact(&kernel, Family::Gaussian), &layout, 1e-6);
            }
        }
    }

    /// Of other families each target has its own rows.
    #[test]
    fn binary_gradients_are_those_of_differences() {
        let problem = Problem::new(40, 2).binary();
        let rows = problem.rows();
        for kernel in kernels() {
            for layout in layouts(&kernel, false) {
                for target in 0..2 {
                    let rows = rows.target(target);
                    let exact = Exact::new(kernel.clone(), Family::Binomial, rows).unwrap();
                    assert_gradient(&exact, &layout, 1e-4);
                }
            }
        }
    }

    /// The rows of a separated target do not determine the constants.
    #[test]
    fn gradients_with_a_weak_prior_are_those_of_differences() {
        let mut problem = Problem::new(40, 2);
        let sign = |i: usize| f64::from(problem.design[[i, 0]] > 0.0);
        problem.targets = Array2::from_shape_fn((40, 1), |(i, _)| sign(i));
        for kernel in kernels() {
            for layout in layouts(&kernel, false) {
                let exact = problem.exact(&kernel, Family::Binomial);
                assert_gradient(&exact, &layout, 1e-4);
            }
        }
        let (first, others) = (
            problem.design.slice(s![.., ..1]),
            problem.design.slice(s![.., 1..]),
        );
        problem.design = ndarray::concatenate![Axis(1), first, others.slice(s![.., ..1]), first];
        problem.targets = Problem::new(40, 2).targets;
        for kernel in kernels() {
            for layout in layouts(&kernel, true) {
                assert_gradient(&problem.exact(&kernel, Family::Gaussian), &layout, 1e-6);
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
                let sums = LowRank::gather(basis, ConstantPrior::FLAT, problem.rows()).unwrap();
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
        let exact = problem.exact(&kernel, Family::Gaussian);
        let basis = Basis::choose(
            &kernel,
            &hyper.squares(0),
            problem.contexts.view(),
            1e-13,
            50,
            Pivots::Largest,
        );
        let sums = LowRank::gather(basis, ConstantPrior::FLAT, problem.rows()).unwrap();
        let (a, b) = (exact.value(&hyper).unwrap(), sums.value(&hyper).unwrap());
        approx::assert_relative_eq!(a, b, max_relative = 1e-7);

        let at = problem.contexts.slice(s![..5, ..]).to_owned() + 0.1;
        let parts = [Part::Exact(Arc::new(exact)), Part::LowRank(Arc::new(sums))];
        let [one, other] = parts.map(|part| {
            let posteriors = Engine::new(vec![part]).posteriors(&hyper).unwrap();
            posteriors[0].coefficients(at.view()).unwrap()
        });
        approx::assert_abs_diff_eq!(one.means, other.means, epsilon = 1e-6);
        approx::assert_abs_diff_eq!(one.covariances, other.covariances, epsilon = 1e-5);
    }
}

//! What the numbers that are searched stand for: roots of covariances of random effects, and amplitudes and inverse
//! length scales of coefficient functions.

use crate::factors::Factor;
use crate::functions::Functions;
use crate::problem::{Penalty, Problem, Slopes, Solved};
use contextualized_core::Result;
use ndarray::Array2;
use std::f64::consts::PI;

/// Where everything stands among the numbers and the dense columns.
///
/// Numbers: roots of the factors, the eliminated one first, then amplitudes and inverse length scales. Dense columns:
/// effects of the other factors, level by level, functions of the context, coefficient by coefficient, fixed effects.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Structure<'a> {
    pub(crate) factors: &'a [Factor],
    pub(crate) functions: Option<&'a Functions>,
    /// Coefficients, the fixed effects.
    pub(crate) coefficients: usize,
}

impl Structure<'_> {
    /// Numbers of all factors.
    pub(crate) fn of_factors(&self) -> usize {
        self.factors.iter().map(Factor::parameters).sum()
    }

    /// Where the search starts: effects as large as the noise.
    pub(crate) fn start(&self) -> Vec<f64> {
        let mut start = Vec::new();
        for factor in self.factors {
            start.extend(factor.entries().map(
                |(row, column)| {
                    if row == column { 1.0 } else { 0.0 }
                },
            ));
        }
        if let Some(functions) = self.functions {
            start.extend(functions.start(self.coefficients));
        }
        start
    }

    /// Dense columns before those of the functions.
    pub(crate) fn functions_start(&self) -> usize {
        let others = self.factors.iter().skip(1);
        others.map(|own| own.level_count * own.effects()).sum()
    }

    /// Dense columns that are penalised.
    pub(crate) fn penalised(&self) -> usize {
        let functions = self.functions.map_or(0, Functions::count);
        self.functions_start() + self.coefficients * functions
    }

    /// The root of the eliminated factor, and the penalties of the dense columns.
    pub(crate) fn roots(&self, parameters: &[f64]) -> Result<(Array2<f64>, Vec<Penalty>)> {
        let mut roots = Vec::new();
        let mut at = 0;
        for factor in self.factors {
            let end = at + factor.parameters();
            roots.push(factor.root(&parameters[at..end]));
            at = end;
        }
        let mut penalties = Vec::new();
        let mut start = 0;
        for (factor, root) in self.factors.iter().zip(&roots).skip(1) {
            let penalty = Penalty {
                start,
                repeats: factor.level_count,
                root: root.clone(),
            };
            start += penalty.columns();
            penalties.push(penalty);
        }
        if let Some(functions) = self.functions {
            penalties.extend(functions.penalties(&parameters[at..], self.coefficients, start)?);
        }
        Ok((roots.swap_remove(0), penalties))
    }

    /// What derivatives by covariances are by the numbers.
    fn gradient(&self, parameters: &[f64], slopes: &Slopes) -> Result<Vec<f64>> {
        let mut gradient = Vec::with_capacity(parameters.len());
        let others = self.factors.len() - 1;
        let of_factors = std::iter::once(&slopes.levels).chain(&slopes.penalties[..others]);
        for (factor, slope) in self.factors.iter().zip(of_factors) {
            let at = gradient.len();
            let root = factor.root(&parameters[at..at + factor.parameters()]);
            let by_root = slope.dot(&root) * 2.0;
            gradient.extend(factor.entries().map(|(row, column)| by_root[[row, column]]));
        }
        if let Some(functions) = self.functions {
            let own = &parameters[gradient.len()..];
            let slopes = &slopes.penalties[others..];
            gradient.extend(functions.gradient(own, self.coefficients, slopes)?);
        }
        Ok(gradient)
    }
}

/// The restricted likelihood of so many rows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Criterion<'a> {
    pub(crate) problem: &'a Problem,
    pub(crate) structure: Structure<'a>,
    pub(crate) rows: usize,
}

impl<'a> Criterion<'a> {
    /// Rows less fixed effects.
    pub(crate) fn degrees(&self) -> f64 {
        (self.rows - self.structure.coefficients) as f64
    }

    pub(crate) fn solve(&self, parameters: &[f64]) -> Result<Solved<'a>> {
        let (root, penalties) = self.structure.roots(parameters)?;
        self.problem.solve(&root, &penalties)
    }

    /// The variance of the noise with the largest restricted likelihood.
    pub(crate) fn noise(&self, solved: &Solved<'_>) -> f64 {
        (solved.residual / self.degrees()).max(f64::MIN_POSITIVE)
    }

    /// Minus twice the logarithm of the restricted likelihood at this variance of the noise, or the best one.
    pub(crate) fn value(&self, solved: &Solved<'_>, noise: Option<f64>) -> f64 {
        let noise = noise.unwrap_or_else(|| self.noise(solved));
        solved.log_determinant + self.degrees() * (2.0 * PI * noise).ln() + solved.residual / noise
    }

    /// The same with derivatives, and what priors of functions add.
    pub(crate) fn value_and_gradient(
        &self,
        parameters: &[f64],
        noise: Option<f64>,
    ) -> Result<(f64, Vec<f64>)> {
        let solved = self.solve(parameters)?;
        let at = noise.unwrap_or_else(|| self.noise(&solved));
        let mut value = self.value(&solved, noise);
        let slopes = solved.slopes(at)?;
        let mut gradient = self.structure.gradient(parameters, &slopes)?;
        if let Some(functions) = self.structure.functions {
            let first = self.structure.of_factors();
            let coefficients = self.structure.coefficients;
            value += functions.penalty(&parameters[first..], coefficients);
            let own = functions.penalty_gradient(&parameters[first..], coefficients);
            for (gradient, own) in gradient[first..].iter_mut().zip(own) {
                *gradient += own;
            }
        }
        Ok((value, gradient))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::factors::factors;
    use crate::problem::Rows;
    use crate::rows::dense;
    use contextualized_core::{RandomTerm, Samples};
    use contextualized_gp::Kernel;
    use ndarray::{Array1, Axis, concatenate};

    /// Two crossed factors, one of correlated effects, and functions of one context.
    fn check(with_functions: bool, noise: Option<f64>) {
        let n = 60;
        let number = |i: usize, k: usize| ((i * (7 + 4 * k) + 3 * k) % 23) as f64 / 11.0 - 1.0;
        let table = |columns: usize, seed: usize| {
            Array2::from_shape_fn((n, columns), |(i, k)| number(i, k + seed))
        };
        let (x, y, c) = (table(1, 0), table(1, 5), table(1, 9));
        let ones = Array2::ones((n, 1));
        let z = concatenate![Axis(1), ones.view(), x.view()];
        let first: Vec<usize> = (0..n).map(|i| i % 9).collect();
        let second: Vec<usize> = (0..n).map(|i| (i * i) % 4).collect();
        let samples = Samples::new(c.view(), x.view(), y.view()).unwrap();
        let terms = vec![
            RandomTerm::new("a", &first, z.view()).unwrap(),
            RandomTerm::new("b", &second, z.view()).unwrap(),
        ];
        let samples = samples.with_random_terms(terms).unwrap();
        let weights = Array1::from_shape_fn(n, |i| 1.0 + 0.5 * number(i, 2));
        let factors = factors(samples.random_terms(), Some(weights.view())).unwrap();
        let kernel = Kernel::squared_exponential([0]);
        let functions = Functions::new(&kernel, c.view(), 2).unwrap();
        let structure = Structure {
            factors: &factors,
            functions: with_functions.then_some(&functions),
            coefficients: 2,
        };
        let fixed = concatenate![Axis(1), x.view(), ones.view()];
        let of_contexts = with_functions.then(|| (&functions, c.view()));
        let dense = dense(&samples, fixed.view(), &factors, of_contexts).unwrap();
        let design = factors[0].design(samples.random_terms());
        let rows = Rows {
            levels: &first,
            level_count: 9,
            design: design.view(),
            dense: dense.view(),
        };
        let moments = &y.column(0) * &weights;
        let square = moments.dot(&y.column(0));
        let problem = Problem::gather(rows, weights.view(), moments.view(), square).unwrap();
        let criterion = Criterion {
            problem: &problem,
            structure,
            rows: n,
        };
        let point: Vec<f64> = (0..structure.start().len())
            .map(|k| 0.6 + 0.3 * number(k, 1))
            .collect();
        let at = |point: &[f64]| criterion.value_and_gradient(point, noise).unwrap();
        let (_, gradient) = at(&point);
        for k in 0..point.len() {
            let moved = |step: f64| {
                let mut moved = point.clone();
                moved[k] += step;
                at(&moved).0
            };
            let difference = (moved(1e-5) - moved(-1e-5)) / 2e-5;
            assert!(
                (gradient[k] - difference).abs() < 1e-5 * (1.0 + difference.abs()),
                "{k}: {} {difference}",
                gradient[k]
            );
        }
        // The criterion by the covariance of all rows.
        let solved = criterion.solve(&point).unwrap();
        let (root, penalties) = structure.roots(&point).unwrap();
        let mut covariance = Array2::from_diag(&weights.mapv(f64::recip));
        for i in 0..n {
            for j in 0..n {
                if first[i] == first[j] {
                    let half = |row: usize| design.row(row).dot(&root);
                    covariance[[i, j]] += half(i).dot(&half(j));
                }
            }
        }
        for penalty in &penalties {
            let width = penalty.root.nrows();
            for repeat in 0..penalty.repeats {
                let start = penalty.start + repeat * width;
                let own = dense
                    .slice(ndarray::s![.., start..start + width])
                    .dot(&penalty.root);
                covariance += &own.dot(&own.t());
            }
        }
        let factor = contextualized_solvers::cholesky(covariance.view()).unwrap();
        let inverse = factor.inverse().unwrap();
        let information = fixed.t().dot(&inverse.dot(&fixed));
        let of_fixed = contextualized_solvers::cholesky(information.view()).unwrap();
        let right = fixed.t().dot(&inverse.dot(&y));
        let beta = of_fixed.solve(right.view()).unwrap();
        let residual = &y - &fixed.dot(&beta);
        let square = residual.t().dot(&inverse.dot(&residual))[[0, 0]];
        let log_weights: f64 = weights.iter().map(|w| w.ln()).sum();
        let expected = factor.log_determinant() + log_weights + of_fixed.log_determinant();
        assert!(
            (solved.log_determinant - expected).abs() < 1e-8,
            "{expected}"
        );
        assert!((solved.residual - square).abs() < 1e-8 * square);
        let first_fixed = structure.penalised();
        for k in 0..2 {
            assert!((solved.means[first_fixed + k] - beta[[k, 0]]).abs() < 1e-8);
        }
    }

    #[test]
    fn it_is_the_dense_one_and_gradients_are_differences() {
        for with_functions in [false, true] {
            for noise in [None, Some(0.3)] {
                check(with_functions, noise);
            }
        }
    }
}

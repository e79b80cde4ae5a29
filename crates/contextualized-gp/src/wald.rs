//! Wald tests of whether coefficients vary, and with which contexts.
//!
//! With the hyperparameters of the fit, the targets are
//!
//! ```text
//! y = Z b + G u + F γ + ε,    u ~ N(0, σ² I),    ε ~ N(0, σ² W⁻¹)
//! ```
//!
//! where Z is the design (the constant parts of the coefficients, without a prior), `σ² G Gᵀ` the prior
//! covariance of all that is not tested, and F some functions of what is: the leading directions,
//! given everything else, of a kernel that depends on the context tested. `γ = 0` is tested by
//! generalised least squares. The directions do not depend on the targets, so given the
//! hyperparameters the statistic has an F distribution exactly. Posterior means themselves would not
//! do: they are shrunk, and where the data show no variation they are zero.

use crate::basis::{Basis, Pivots};
use crate::fitted::FittedProcess;
use crate::hyperparameters::Hyperparameters;
use crate::kernel::Kernel;
use crate::laplace::Outcomes;
use crate::numerical;
use crate::observations::Observations;
use contextualized_core::{Error, Result};
use contextualized_solvers::{cholesky, symmetric_eigen, transposed_product};
use ndarray::{Array1, Array2, ArrayView1, Axis, concatenate, s};
use rayon::prelude::*;

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
    /// Explained variance for each degree of freedom, over that of the noise.
    pub value: f64,
    /// Directions tested; 0 if the kernel has none, the value then being 0.
    pub degrees: usize,
    /// Degrees of freedom that the noise was estimated with; infinite for a family without
    /// dispersion, whose variance is known.
    pub residual_degrees: f64,
}

/// Inverse length scale of a tested context where the fit's own is smaller: functions as smooth as contexts are
/// wide, of which a parabola is one.
const REFERENCE: f64 = 1.0;
/// Share of the tested kernel's variance, given everything else, that its directions have to have.
const SHARE: f64 = 0.95;
/// The most directions for each coefficient tested.
const DIRECTIONS: usize = 10;
/// What a basis may leave out of a kernel.
const TOLERANCE: f64 = 1e-8;
/// Noise below this, in units of the targets, counts as this: beyond it sums of squares have no
/// digits left.
const LEAST_NOISE: f64 = 1e-4;
/// The most functions for a term of one coefficient.
const FUNCTIONS: usize = 200;

impl FittedProcess {
    /// Tests some hypotheses of constancy by the rows fitted: a statistic for each hypothesis and
    /// target (targets fastest).
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for a coefficient or a context that is not there;
    /// [`Error::RowCount`] and [`Error::ColumnCount`] for tables that cannot be those fitted;
    /// [`Error::TooFewRows`] if none is left to estimate the noise with; [`Error::Numerical`].
    pub fn wald_tests(
        &self,
        hypotheses: &[Constancy],
        rows: Observations<'_>,
    ) -> Result<Vec<WaldStatistic>> {
        rows.check(Some(self.widths()))?;
        let (contexts, coefficients, _) = self.widths();
        for hypothesis in hypotheses {
            hypothesis.check(coefficients, contexts)?;
        }
        let data = Data {
            kernel: self.kernel(),
            contexts: rows.contexts.as_standard_layout().into_owned(),
            design: rows.design.to_owned(),
            hyper: self.hyperparameters().with_own_inverse_length_scales(),
        };
        let working = self.working(rows)?;
        let per_hypothesis = hypotheses
            .into_par_iter()
            .map(|hypothesis| data.test(hypothesis, &working))
            .collect::<Result<Vec<_>>>()?;
        Ok(per_hypothesis.concat())
    }

    /// Targets that are normal, given the process, with known relative precisions: the targets
    /// themselves, or the working responses at the posterior mode.
    fn working(&self, rows: Observations<'_>) -> Result<Vec<Working>> {
        if self.family().is_quadratic() {
            return Ok(vec![Working {
                targets: rows.adjusted_targets().into_owned(),
                precisions: rows.weights_or_ones(),
                known_noise: false,
            }]);
        }
        let coefficients = self.coefficients(rows.contexts)?;
        let of_target = |target| {
            let own = coefficients.index_axis(Axis(1), target);
            let predictors = (&own * &rows.design).sum_axis(Axis(1));
            let working = Outcomes::of(self.family(), rows.target(target)).working(&predictors);
            Working {
                targets: working.responses.insert_axis(Axis(1)),
                precisions: working.precisions,
                known_noise: true,
            }
        };
        Ok((0..rows.targets.ncols()).map(of_target).collect())
    }
}

/// Targets of one precision, n × T.
struct Working {
    targets: Array2<f64>,
    precisions: Array1<f64>,
    known_noise: bool,
}

struct Data<'a> {
    kernel: &'a Kernel,
    contexts: Array2<f64>,
    design: Array2<f64>,
    /// Inverse length scales of every coefficient in a row of its own.
    hyper: Hyperparameters,
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

impl Data<'_> {
    fn test(&self, hypothesis: &Constancy, working: &[Working]) -> Result<Vec<WaldStatistic>> {
        let mut nuisance = Vec::new();
        let mut tested = Vec::new();
        for coefficient in 0..self.design.ncols() {
            let is_tested = hypothesis.coefficients.contains(&coefficient);
            let without = if is_tested {
                &hypothesis.contexts[..]
            } else {
                &[]
            };
            nuisance.extend(self.nuisance(coefficient, without)?);
            if is_tested {
                tested.extend(self.tested(coefficient, &hypothesis.contexts)?);
            }
        }
        let mut statistics = Vec::new();
        for working in working {
            let inner = Inner::new(&self.design, &nuisance, &tested, working)?;
            let most = DIRECTIONS * hypothesis.coefficients.len();
            for target in 0..working.targets.ncols() {
                statistics.push(inner.statistic(target, most, working.known_noise)?);
            }
        }
        Ok(statistics)
    }

    /// Columns of G of one coefficient, which does not vary with some contexts.
    fn nuisance(&self, coefficient: usize, without: &[usize]) -> Result<Vec<Array2<f64>>> {
        let columns = self.kernel.terms().iter().flat_map(|term| term.columns());
        let squares: Vec<f64> = self
            .hyper
            .squares(coefficient)
            .into_iter()
            .zip(columns)
            .map(|(square, column)| {
                if without.contains(&column) {
                    0.0
                } else {
                    square
                }
            })
            .collect();
        let amplitudes = self.hyper.amplitudes.row(coefficient);
        let noise = self.hyper.noise.max(LEAST_NOISE);
        let ratios = amplitudes.mapv(|amplitude| amplitude / noise);
        self.functions(self.kernel, &squares, ratios.view(), coefficient)
    }

    /// Functions of one coefficient that depend on some contexts, with others as in the fit.
    fn tested(&self, coefficient: usize, contexts: &[usize]) -> Result<Vec<Array2<f64>>> {
        let all = self.hyper.squares(coefficient);
        let mut kernel = Kernel { terms: Vec::new() };
        let mut squares = Vec::new();
        for (term, range) in self.kernel.with_ranges() {
            let columns = term.columns();
            if columns.iter().any(|column| contexts.contains(column)) {
                let own = all[range].iter().zip(columns);
                squares.extend(own.map(|(square, column)| {
                    if contexts.contains(&column) {
                        square.max(REFERENCE * REFERENCE)
                    } else {
                        *square
                    }
                }));
                kernel.terms.push(term.clone());
            }
        }
        let ratios = Array1::ones(kernel.terms.len());
        self.functions(&kernel, &squares, ratios.view(), coefficient)
    }

    /// A basis of each term at the rows, times the term's ratio and the coefficient's column.
    fn functions(
        &self,
        kernel: &Kernel,
        squares: &[f64],
        ratios: ArrayView1<'_, f64>,
        coefficient: usize,
    ) -> Result<Vec<Array2<f64>>> {
        let basis = Basis::choose(
            kernel,
            squares,
            self.contexts.view(),
            TOLERANCE,
            FUNCTIONS,
            Pivots::Largest,
        );
        let column = self.design.column(coefficient).insert_axis(Axis(1));
        basis
            .terms
            .iter()
            .zip(ratios)
            .map(|(term, ratio)| Ok(term.at(self.contexts.view())? * *ratio * column))
            .collect()
    }
}

/// Products of Z, F and y in the inner product that `(W⁻¹ + G Gᵀ)⁻¹` makes, Z taken out.
struct Inner {
    /// Fᵀ P F, P = V⁻¹ − V⁻¹ Z (Zᵀ V⁻¹ Z)⁻¹ Zᵀ V⁻¹ with V = W⁻¹ + G Gᵀ.
    tested: Array2<f64>,
    /// Fᵀ P y for every target.
    with_targets: Array2<f64>,
    /// yᵀ P y for every target.
    squares: Array1<f64>,
    rows: usize,
    fixed: usize,
}

impl Inner {
    fn new(
        design: &Array2<f64>,
        nuisance: &[Array2<f64>],
        tested: &[Array2<f64>],
        working: &Working,
    ) -> Result<Self> {
        let rows = design.nrows();
        let roots = working.precisions.mapv(f64::sqrt).insert_axis(Axis(1));
        let joined = |parts: &[Array2<f64>]| {
            let views: Vec<_> = parts.iter().map(|part| part.view()).collect();
            if views.is_empty() {
                Array2::zeros((rows, 0))
            } else {
                concatenate(Axis(1), &views).expect("all have the same rows") * &roots
            }
        };
        let random = joined(nuisance);
        let (fixed, functions) = (design * &roots, joined(tested));
        let targets = &working.targets * &roots;
        let (p, m) = (design.ncols(), functions.ncols());
        let all = concatenate(Axis(1), &[fixed.view(), functions.view(), targets.view()])
            .expect("all have the same rows");
        let mut inner = numerical(transposed_product(all.view(), all.view()))?;
        if random.ncols() > 0 {
            let mut system = numerical(transposed_product(random.view(), random.view()))?;
            system.diag_mut().mapv_inplace(|square| square + 1.0);
            let factor = numerical(cholesky(system.view()))?;
            let cross = numerical(transposed_product(random.view(), all.view()))?;
            let half = numerical(factor.solve_lower(cross.view()))?;
            inner -= &numerical(transposed_product(half.view(), half.view()))?;
        }
        let factor = numerical(cholesky(inner.slice(s![..p, ..p])))?;
        let half = numerical(factor.solve_lower(inner.slice(s![..p, p..])))?;
        let rest =
            &inner.slice(s![p.., p..]) - &numerical(transposed_product(half.view(), half.view()))?;
        Ok(Self {
            tested: rest.slice(s![..m, ..m]).to_owned(),
            with_targets: rest.slice(s![..m, m..]).to_owned(),
            squares: rest.slice(s![m.., m..]).diag().to_owned(),
            rows,
            fixed: p,
        })
    }

    fn statistic(&self, target: usize, most: usize, known_noise: bool) -> Result<WaldStatistic> {
        let residual_degrees = |degrees: usize| {
            if known_noise {
                return Ok(f64::INFINITY);
            }
            if self.rows > self.fixed + degrees {
                return Ok((self.rows - self.fixed - degrees) as f64);
            }
            Err(Error::TooFewRows {
                purpose: format!(
                    "a test of {degrees} directions beside {} constants",
                    self.fixed
                ),
                needed: self.fixed + degrees + 1,
                found: self.rows,
            })
        };
        let nothing = WaldStatistic {
            value: 0.0,
            degrees: 0,
            residual_degrees: residual_degrees(0)?,
        };
        if self.tested.is_empty() {
            return Ok(nothing);
        }
        let eigen = numerical(symmetric_eigen(self.tested.view()))?;
        let mut order: Vec<usize> = (0..eigen.values.len()).collect();
        order.sort_by(|a, b| eigen.values[*b].total_cmp(&eigen.values[*a]));
        let total: f64 = eigen.values.iter().filter(|value| **value > 0.0).sum();
        let smallest = total * f64::EPSILON.sqrt();
        let (mut seen, mut explained, mut degrees) = (0.0, 0.0, 0);
        for direction in order.into_iter().take(most) {
            let value = eigen.values[direction];
            if seen >= SHARE * total || value <= smallest {
                break;
            }
            let along = eigen.vectors.column(direction);
            explained += along.dot(&self.with_targets.column(target)).powi(2) / value;
            seen += value;
            degrees += 1;
        }
        if degrees == 0 {
            return Ok(nothing);
        }
        let residual_degrees = residual_degrees(degrees)?;
        let noise = if known_noise {
            1.0
        } else {
            (self.squares[target] - explained).max(0.0) / residual_degrees
        };
        Ok(WaldStatistic {
            value: explained / degrees as f64 / noise.max(f64::MIN_POSITIVE),
            degrees,
            residual_degrees,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::covariance::of_rows;
    use crate::{CoefficientProcess, KernelShape};
    use approx::assert_relative_eq;
    use ndarray::array;
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

    fn hyper(terms: usize) -> Hyperparameters {
        let inverse_length_scales = match terms {
            1 => array![[0.5, 1.2]],
            _ => array![[0.5, 1.2], [1.4, 0.3]],
        };
        Hyperparameters {
            inverse_length_scales,
            amplitudes: Array2::from_shape_fn((2, terms), |(j, t)| 0.4 + 0.3 * (j + t) as f64),
            noise: 0.6,
            scales: array![1.0],
        }
    }

    fn inverse(matrix: &Array2<f64>) -> Array2<f64> {
        cholesky(matrix.view()).unwrap().inverse().unwrap()
    }

    /// The same with matrices of all rows, and without a basis.
    fn dense(
        kernel: &Kernel,
        hyper: &Hyperparameters,
        hypothesis: &Constancy,
        [contexts, design, targets]: &[Array2<f64>; 3],
        weights: &Array1<f64>,
    ) -> WaldStatistic {
        let rows = design.nrows();
        let own = hyper.with_own_inverse_length_scales();
        let columns: Vec<usize> = kernel.terms().iter().flat_map(|t| t.columns()).collect();
        let (mut null, mut alternative) = (own.clone(), own.clone());
        alternative.amplitudes.fill(0.0);
        for &j in &hypothesis.coefficients {
            for (position, column) in columns.iter().enumerate() {
                if hypothesis.contexts.contains(column) {
                    null.inverse_length_scales[[j, position]] = 0.0;
                    let tested = &mut alternative.inverse_length_scales[[j, position]];
                    *tested = tested.max(REFERENCE);
                }
            }
            for (index, term) in kernel.terms().iter().enumerate() {
                let varies = term
                    .columns()
                    .iter()
                    .any(|c| hypothesis.contexts.contains(c));
                alternative.amplitudes[[j, index]] = f64::from(u8::from(varies));
            }
        }
        let noise = hyper.noise.powi(2);
        let of = |hyper: &Hyperparameters| of_rows(kernel, hyper, contexts.view(), design.view());
        let mut covariance = of(&null) / noise;
        for row in 0..rows {
            covariance[[row, row]] += 1.0 / weights[row];
        }
        let precision = inverse(&covariance);
        let projected = precision.dot(design);
        let p = &precision
            - &projected
                .dot(&inverse(&design.t().dot(&projected)))
                .dot(&projected.t());
        let root = {
            let eigen = symmetric_eigen(p.view()).unwrap();
            let roots = eigen.values.mapv(|value| value.max(0.0).sqrt());
            (&eigen.vectors * &roots).dot(&eigen.vectors.t())
        };
        let directions = symmetric_eigen(root.dot(&of(&alternative)).dot(&root).view()).unwrap();
        let whitened = root.dot(&targets.column(0));
        let total: f64 = directions.values.sum();
        let (mut seen, mut explained, mut degrees) = (0.0, 0.0, 0);
        for direction in (0..rows).rev() {
            if seen >= SHARE * total || degrees == DIRECTIONS * hypothesis.coefficients.len() {
                break;
            }
            seen += directions.values[direction];
            explained += directions.vectors.column(direction).dot(&whitened).powi(2);
            degrees += 1;
        }
        let residual_degrees = (rows - design.ncols() - degrees) as f64;
        let left = whitened.dot(&whitened) - explained;
        WaldStatistic {
            value: explained / degrees as f64 / (left / residual_degrees),
            degrees,
            residual_degrees,
        }
    }

    #[test]
    fn statistics_are_those_of_dense_matrices() {
        let tables = data(60);
        let [contexts, design, targets] = &tables;
        let weights = Array1::from_shape_fn(60, |row| 0.5 + (row % 3) as f64);
        let rows = Observations::new(contexts.view(), design.view(), targets.view())
            .with_weights(Some(weights.view()));
        let se = |columns: &[usize]| Kernel::squared_exponential(columns.to_vec());
        let hypotheses = [
            (vec![0], vec![0]),
            (vec![0], vec![1]),
            (vec![1], vec![0, 1]),
        ]
        .into_iter()
        .chain([(vec![0, 1], vec![0, 1])])
        .map(|(coefficients, contexts)| Constancy {
            coefficients,
            contexts,
        })
        .collect::<Vec<_>>();
        for (kernel, hyper) in [
            (se(&[0, 1]), hyper(1)),
            (se(&[0]) + Kernel::new(KernelShape::Matern52, [1]), hyper(2)),
        ] {
            // One inverse length scale for each coefficient, or shared, is the same here.
            let fitted = CoefficientProcess::new(kernel.clone())
                .hyperparameters(hyper.clone())
                .fit(rows)
                .unwrap();
            let found = fitted.wald_tests(&hypotheses, rows).unwrap();
            for (hypothesis, found) in hypotheses.iter().zip(found) {
                let expected = dense(&kernel, &hyper, hypothesis, &tables, &weights);
                assert_eq!(found.degrees, expected.degrees, "{hypothesis:?}");
                assert_eq!(found.residual_degrees, expected.residual_degrees);
                assert_relative_eq!(found.value, expected.value, max_relative = 1e-5);
            }
        }
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
            fitted.wald_tests(&[hypothesis], rows).map(|tests| tests[0])
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

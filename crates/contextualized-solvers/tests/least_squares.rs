//! Properties of least squares and ridge, on random problems.
//!
//! With u = ε and γ = n p u, Householder QR solves a problem whose columns are off by at most
//! γ times their length (Higham 2002, theorem 20.3); every tolerance below is that bound, times
//! the condition number where coefficients and not residuals are compared.

#![allow(clippy::unwrap_used)]

use contextualized_solvers::{LeastSquares, least_squares, ridge};
use ndarray::{Array1, Array2, Axis, concatenate, s};
use proptest::prelude::*;

fn matrix(rows: usize, columns: usize) -> impl Strategy<Value = Array2<f64>> {
    proptest::collection::vec(-1.0..1.0_f64, rows * columns)
        .prop_map(move |values| Array2::from_shape_vec((rows, columns), values).unwrap())
}

fn vector(size: usize, range: std::ops::Range<f64>) -> impl Strategy<Value = Array1<f64>> {
    proptest::collection::vec(range, size).prop_map(Array1::from_vec)
}

#[derive(Clone, Debug)]
struct Problem {
    design: Array2<f64>,
    targets: Array2<f64>,
    weights: Array1<f64>,
    penalties: Array1<f64>,
}

/// n from p to p + 20, p to 8, two targets.
fn problem() -> impl Strategy<Value = Problem> {
    (1..=8_usize, 0..=20_usize)
        .prop_flat_map(|(p, extra)| {
            let n = p + extra;
            let (weights, penalties) = (vector(n, 0.01..4.0), vector(p, 0.01..4.0));
            (matrix(n, p), matrix(n, 2), weights, penalties)
        })
        .prop_map(|(design, targets, weights, penalties)| Problem {
            design,
            targets,
            weights,
            penalties,
        })
}

fn norm<'a>(values: impl IntoIterator<Item = &'a f64>) -> f64 {
    values.into_iter().map(|v| v * v).sum::<f64>().sqrt()
}

fn rounding(design: &Array2<f64>) -> f64 {
    (design.nrows() + 1) as f64 * (design.ncols() + 1) as f64 * f64::EPSILON
}

/// Asserts that Xᵀ(Y − XB) is zero, up to the rounding of X in a backward stable solution.
fn assert_orthogonal(design: &Array2<f64>, targets: &Array2<f64>, solution: &Array2<f64>) {
    let lengths: Vec<f64> = design.columns().into_iter().map(norm).collect();
    let residuals = targets - design.dot(solution);
    let gradient = design.t().dot(&residuals);
    for (target, coefficients) in solution.columns().into_iter().enumerate() {
        let fitted: f64 = lengths
            .iter()
            .zip(coefficients)
            .map(|(l, b)| l * b.abs())
            .sum();
        let size = norm(residuals.column(target)) + fitted;
        for (column, length) in lengths.iter().enumerate() {
            let found = gradient[[column, target]].abs();
            assert!(found <= rounding(design) * length * size, "{found:e}");
        }
    }
}

fn weighted(matrix: &Array2<f64>, weights: &Array1<f64>) -> Array2<f64> {
    matrix * &weights.mapv(f64::sqrt).insert_axis(Axis(1))
}

/// Bound on the rounding error of each target's scaled coefficients ‖xⱼ‖ Bⱼ, to first order
/// (Higham 2002, theorem 20.1), with the condition number of the scaled design.
fn forward_error(design: &Array2<f64>, targets: &Array2<f64>, fit: &LeastSquares) -> Vec<f64> {
    let lengths: Array1<f64> = design.columns().into_iter().map(norm).collect();
    let covariance = fit.unscaled_covariance().unwrap();
    let trace: f64 = (0..lengths.len())
        .map(|j| covariance[[j, j]] * lengths[j].powi(2))
        .sum();
    let condition = (lengths.len() as f64 * trace).sqrt();
    let residuals = targets - design.dot(fit.solution());
    (0..targets.ncols())
        .map(|target| {
            let size = norm(&(&fit.solution().column(target) * &lengths));
            let residual = norm(residuals.column(target));
            let error = condition * (size + norm(targets.column(target)) + condition * residual);
            4.0 * rounding(design) * error
        })
        .collect()
}

/// Asserts that two sets of coefficients agree, in the units of the columns' lengths.
fn assert_same(design: &Array2<f64>, found: &Array2<f64>, expected: &Array2<f64>, bounds: &[f64]) {
    for ((column, target), value) in found.indexed_iter() {
        let error = (value - expected[[column, target]]).abs() * norm(design.column(column));
        assert!(error <= bounds[target], "{error:e} > {:e}", bounds[target]);
    }
}

proptest! {
    #[test]
    fn weighted_residuals_are_orthogonal_to_the_design(problem in problem()) {
        let Problem { design, targets, weights, .. } = &problem;
        let fit = least_squares(design.view(), targets.view(), Some(weights.view())).unwrap();
        let (design, targets) = (weighted(design, weights), weighted(targets, weights));
        assert_orthogonal(&design, &targets, fit.solution());

        let residuals = &targets - design.dot(fit.solution());
        for (target, found) in fit.residual_sum_of_squares().iter().enumerate() {
            let expected = norm(residuals.column(target));
            let fitted = norm(&design) * norm(fit.solution().column(target));
            let rounding = rounding(&design) * (norm(targets.column(target)) + fitted);
            prop_assert!((found.sqrt() - expected).abs() <= rounding);
        }
    }

    #[test]
    fn the_ridge_gradient_is_zero(problem in problem()) {
        let Problem { design, targets, weights, penalties } = &problem;
        let solution =
            ridge(design.view(), targets.view(), Some(weights.view()), penalties.view()).unwrap();
        // XᵀW(XB − Y) + ΛB is the gradient of the augmented problem.
        let roots = Array2::from_diag(&penalties.mapv(f64::sqrt));
        let zeros = Array2::zeros((penalties.len(), targets.ncols()));
        let (design, targets) = (weighted(design, weights), weighted(targets, weights));
        let design = concatenate![Axis(0), design, roots];
        assert_orthogonal(&design, &concatenate![Axis(0), targets, zeros], &solution);
    }

    #[test]
    fn ridge_without_penalty_is_least_squares(problem in problem()) {
        let Problem { design, targets, weights, .. } = &problem;
        let weights = Some(weights.view());
        let none = Array1::zeros(design.ncols());
        let solution = ridge(design.view(), targets.view(), weights, none.view());
        let fit = least_squares(design.view(), targets.view(), weights).unwrap();
        prop_assert_eq!(solution, fit.full_rank().map(LeastSquares::into_solution));
    }

    #[test]
    fn a_larger_penalty_never_lengthens_the_solution(problem in problem()) {
        let Problem { design, targets, penalties, .. } = &problem;
        let length = |factor: f64| {
            let penalties = penalties * factor;
            let solution = ridge(design.view(), targets.view(), None, penalties.view()).unwrap();
            norm(&(solution * penalties.mapv(f64::sqrt).insert_axis(Axis(1)))) / factor.sqrt()
        };
        prop_assert!(length(4.0) <= length(1.0));
    }

    #[test]
    fn order_of_rows_and_columns_and_units_do_not_matter(
        problem in problem(),
        powers in proptest::collection::vec(-100..100_i32, 8),
        seed in any::<prop::sample::Index>(),
    ) {
        let Problem { design, targets, weights, .. } = &problem;
        let (design, targets) = (weighted(design, weights), weighted(targets, weights));
        let (n, p) = design.dim();
        let fit = least_squares(design.view(), targets.view(), None).unwrap();
        prop_assume!(fit.dependent_columns().is_empty());
        let bounds = forward_error(&design, &targets, &fit);

        let rows: Vec<usize> = (0..n).rev().map(|i| (i + seed.index(n)) % n).collect();
        let (shuffled, answers) = (design.select(Axis(0), &rows), targets.select(Axis(0), &rows));
        let found = least_squares(shuffled.view(), answers.view(), None).unwrap();
        assert_same(&design, found.solution(), fit.solution(), &bounds);

        let columns: Vec<usize> = (0..p).rev().map(|j| (j + seed.index(p)) % p).collect();
        let permuted = design.select(Axis(1), &columns);
        let found = least_squares(permuted.view(), targets.view(), None).unwrap();
        let expected = fit.solution().select(Axis(0), &columns);
        assert_same(&permuted, found.solution(), &expected, &bounds);

        let scales: Array1<f64> = powers[..p].iter().map(|&power| 10_f64.powi(power)).collect();
        let found = least_squares((&design * &scales).view(), targets.view(), None).unwrap();
        prop_assert_eq!(found.rank(), p);
        let restored = found.solution() * &scales.insert_axis(Axis(1));
        assert_same(&design, &restored, fit.solution(), &bounds);
    }

    #[test]
    fn a_weight_counts_repeated_rows(
        problem in problem(),
        counts in proptest::collection::vec(0..4_usize, 28),
    ) {
        let Problem { design, targets, .. } = &problem;
        let (n, p) = design.dim();
        // As many rows as columns must remain.
        let count = |row: usize| if row < p { counts[row].max(1) } else { counts[row] };
        let rows: Vec<usize> = (0..n).flat_map(|row| vec![row; count(row)]).collect();
        let weights: Array1<f64> = (0..n).map(|row| count(row) as f64).collect();
        let fit = least_squares(design.view(), targets.view(), Some(weights.view())).unwrap();
        let (design, targets) = (design.select(Axis(0), &rows), targets.select(Axis(0), &rows));
        let found = least_squares(design.view(), targets.view(), None).unwrap();
        prop_assert_eq!(found.rank(), fit.rank());
        prop_assume!(found.dependent_columns().is_empty());
        let bounds = forward_error(&design, &targets, &found);
        assert_same(&design, found.solution(), fit.solution(), &bounds);
        let covariance = found.unscaled_covariance().unwrap();
        let repeated = fit.unscaled_covariance().unwrap();
        let lengths: Array1<f64> = design.columns().into_iter().map(norm).collect();
        let trace: f64 = (0..lengths.len()).map(|j| covariance[[j, j]] * lengths[j].powi(2)).sum();
        for ((j, k), value) in covariance.indexed_iter() {
            let error = (value - repeated[[j, k]]).abs() * lengths[j] * lengths[k];
            // (A + E)⁻¹ with ‖A⁻¹‖ ≤ trace and ‖E‖ ≤ 2 γ ‖X‖².
            prop_assert!(error <= 4.0 * rounding(&design) * lengths.len() as f64 * trace.powi(2));
        }
    }

    #[test]
    fn the_covariance_inverts_the_gram_matrix(problem in problem()) {
        let Problem { design, targets, weights, .. } = &problem;
        let fit = least_squares(design.view(), targets.view(), Some(weights.view())).unwrap();
        prop_assume!(fit.dependent_columns().is_empty());
        let covariance = fit.unscaled_covariance().unwrap();
        prop_assert_eq!(&covariance, &covariance.t());
        let design = weighted(design, weights);
        let gram = design.t().dot(&design);
        let product = gram.dot(&covariance);
        let residual = &product - &Array2::<f64>::eye(gram.nrows());
        // Both triangular solves and the Gram matrix round relative to these sizes.
        let squared = norm(&gram) * norm(&covariance);
        let size = squared * (1.0 + squared.sqrt());
        prop_assert!(norm(&residual) <= 4.0 * rounding(&design) * size);
    }

    #[test]
    fn dependent_columns_are_counted_and_left_at_zero(
        (base, targets, recipes) in (1..=6_usize, 1..=4_usize, 0..=20_usize).prop_flat_map(
            |(rank, dependent, extra)| {
                let n = rank + extra;
                let recipes = proptest::collection::vec(-2..=2_i32, rank * dependent);
                let recipes = recipes.prop_map(move |values| {
                    let values = values.into_iter().map(f64::from).collect();
                    Array2::from_shape_vec((rank, dependent), values).unwrap()
                });
                (matrix(n, rank), matrix(n, 1), recipes)
            }
        ),
        seed in any::<prop::sample::Index>(),
    ) {
        // A strong diagonal keeps the base columns far from dependent.
        let rank = base.ncols();
        let mut base = base * 0.5;
        base.slice_mut(s![..rank, ..]).diag_mut().map_inplace(|v| *v += rank as f64);
        let all = concatenate![Axis(1), base, base.dot(&recipes)];
        let p = all.ncols();
        let columns: Vec<usize> = (0..p).map(|j| (j + seed.index(p)) % p).collect();
        let design = all.select(Axis(1), &columns);

        let fit = least_squares(design.view(), targets.view(), None).unwrap();
        prop_assert_eq!(fit.rank(), rank);
        prop_assert_eq!(fit.dependent_columns().len(), recipes.ncols());
        prop_assert!(fit.dependent_columns().is_sorted());
        for &column in fit.dependent_columns() {
            prop_assert_eq!(fit.solution()[[column, 0]], 0.0);
        }
        assert_orthogonal(&design, &targets, fit.solution());

        let kept: Vec<usize> = (0..design.ncols())
            .filter(|column| !fit.dependent_columns().contains(column))
            .collect();
        let alone = least_squares(design.select(Axis(1), &kept).view(), targets.view(), None);
        prop_assert!(alone.unwrap().full_rank().is_ok());
    }
}

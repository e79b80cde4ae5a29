//! From a context to weights of the training rows.

use contextualized_solvers::cholesky;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2};
use serde::{Deserialize, Serialize};

/// How local estimates follow their contexts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Order {
    /// Kernel weights as they are. Where rows lie to one side of a context, at the edge of the data,
    /// the estimate is that of contexts further inside.
    Constant,
    /// A plane through the weighted rows, and its value at the context.
    Linear,
    /// A surface of second degree: what bends with context is met with wider bandwidths, hence by
    /// more rows.
    Quadratic,
}

impl Order {
    /// In names of estimators; none for the default.
    pub(crate) fn name(self) -> Option<String> {
        match self {
            Self::Constant => Some("local-constant".to_owned()),
            Self::Linear => Some("local-linear".to_owned()),
            Self::Quadratic => None,
        }
    }
}

/// Weights lᵢ(c) of training rows, which sum to one: those by which a local polynomial fit at c is
/// linear in its targets,
///
/// ```text
/// lᵢ = wᵢ zᵢᵀ (Σⱼ wⱼ zⱼ zⱼᵀ + κ P)⁻¹ e₀,   wᵢ ∝ vᵢ exp(−½ Σₖ δᵢₖ²),   δᵢₖ = (cᵢₖ − cₖ) / hₖ
/// ```
///
/// with row weights v and the terms zᵢ of the polynomial in δᵢ, of which the first is one. Columns of two values, as
/// those of factors are, have no terms: nothing bends between two values, and a level is as far from all others.
/// P
/// penalises all terms but that one, by κ = [`DAMPING`]: next to nothing where there are rows on all
/// sides, and all there is as a bandwidth grows and δ vanishes, so that an infinite bandwidth, which
/// drops its column, is the limit of large ones.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Smoother<'a> {
    /// Training contexts, n × c, standardised.
    pub(crate) contexts: ArrayView2<'a, f64>,
    /// Logarithms of row weights, n.
    pub(crate) log_weights: ArrayView1<'a, f64>,
    pub(crate) order: Order,
    /// Whether each context column has terms in the polynomial: see [`bending`].
    pub(crate) bending: &'a [bool],
    /// One a context column; infinite where the column is switched off.
    pub(crate) bandwidths: ArrayView1<'a, f64>,
}

/// κ
const DAMPING: f64 = 0.02;

/// The weights at one context, and what their derivatives need.
pub(crate) struct LocalWeights {
    /// n, summing to one; negative ones among them unless the order is constant.
    pub(crate) weights: Array1<f64>,
    /// n, summing to one, none negative.
    kernel: Array1<f64>,
    /// Of the polynomial; none where its terms are one alone.
    polynomial: Option<Polynomial>,
}

/// The terms of the rows that matter, and the solution by their moments.
struct Polynomial {
    /// Terms × rows.
    terms: Array2<f64>,
    moments: Array2<f64>,
    /// The first column of the inverse of the moments.
    solution: Array1<f64>,
}

impl Smoother<'_> {
    /// Columns that weights depend on.
    fn active(&self) -> Vec<usize> {
        (0..self.bandwidths.len())
            .filter(|&column| self.bandwidths[column].is_finite())
            .collect()
    }

    /// The factors of every term but the first, as positions among the active columns.
    fn products(&self, active: &[usize]) -> Vec<Vec<usize>> {
        let bending = (0..active.len()).filter(|&position| self.bending[active[position]]);
        let bending: Vec<usize> = bending.collect();
        let mut products = Vec::new();
        if self.order != Order::Constant {
            products.extend(bending.iter().map(|&a| vec![a]));
        }
        if self.order == Order::Quadratic {
            let pairs = bending.iter().enumerate().flat_map(|(end, &a)| {
                let upto = bending[..=end].iter();
                upto.map(move |&b| vec![a, b])
            });
            products.extend(pairs);
        }
        products
    }

    /// The weights of all rows but `left_out`.
    pub(crate) fn at(&self, context: ArrayView1<'_, f64>, left_out: Option<usize>) -> LocalWeights {
        let active = self.active();
        let products = self.products(&active);
        let scales: Vec<f64> = active.iter().map(|&k| self.bandwidths[k].recip()).collect();
        let differences: Vec<Vec<f64>> = active
            .iter()
            .zip(&scales)
            .map(|(&k, scale)| {
                let centre = context[k];
                let column = self.contexts.column(k);
                column
                    .iter()
                    .map(|value| (value - centre) * scale)
                    .collect()
            })
            .collect();
        let mut kernel = self.log_weights.to_vec();
        for differences in &differences {
            for (exponent, difference) in kernel.iter_mut().zip(differences) {
                *exponent -= 0.5 * difference * difference;
            }
        }
        if let Some(row) = left_out {
            kernel[row] = f64::NEG_INFINITY;
        }
        let largest = kernel.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        for exponent in &mut kernel {
            *exponent = (*exponent - largest).exp();
        }
        let mut kernel = Array1::from_vec(kernel);
        let total = kernel.sum();
        kernel /= total;
        let polynomial = if products.is_empty() {
            None
        } else {
            polynomial(&kernel, &differences, &products)
        };
        let weights = match &polynomial {
            None => kernel.clone(),
            Some(polynomial) => {
                let values = mixed(&polynomial.terms, &polynomial.solution);
                let weights = Array1::from_vec(times(kernel.view(), values.view()));
                let total = weights.sum();
                weights / total
            }
        };
        LocalWeights {
            weights,
            kernel,
            polynomial,
        }
    }

    /// Weights of all rows at each of these contexts (q × n).
    pub(crate) fn table(&self, contexts: ArrayView2<'_, f64>) -> Array2<f64> {
        let mut table = Array2::zeros((contexts.nrows(), self.contexts.nrows()));
        for (mut row, context) in table.rows_mut().into_iter().zip(contexts.rows()) {
            row.assign(&self.at(context, None).weights);
        }
        table
    }

    /// The derivatives of a function of the weights by the logarithms of the bandwidths, from those by
    /// the weights; zero for columns that are switched off.
    pub(crate) fn gradient(
        &self,
        context: ArrayView1<'_, f64>,
        local: &LocalWeights,
        by_weights: ArrayView1<'_, f64>,
    ) -> Array1<f64> {
        let active = self.active();
        let products = self.products(&active);
        let mut gradient = Array1::zeros(self.bandwidths.len());
        let mut slopes = by_weights.to_owned();
        match &local.polynomial {
            None => {}
            Some(polynomial) => {
                let Polynomial {
                    terms,
                    moments,
                    solution,
                } = polynomial;
                let weighted = &by_weights * &local.kernel;
                let by_terms: Array1<f64> = terms
                    .rows()
                    .into_iter()
                    .map(|term| term.dot(&weighted))
                    .collect();
                let Some(pull) = solve(moments, &by_terms) else {
                    return gradient;
                };
                let own = mixed(terms, solution);
                let rest = &by_weights - &mixed(terms, &pull);
                slopes = &own * &rest;
                // By the terms, whose factors fall with the bandwidths.
                let (weighted_rest, weighted_own) = (&rest * &local.kernel, &own * &local.kernel);
                for (place, factors) in products.iter().enumerate() {
                    let term = terms.row(place + 1);
                    let by_term = weighted_rest.dot(&term) * solution[place + 1]
                        - weighted_own.dot(&term) * pull[place + 1];
                    for &a in factors {
                        gradient[active[a]] -= by_term;
                    }
                }
            }
        }
        let mean = slopes.dot(&local.kernel);
        slopes -= mean;
        slopes *= &local.kernel;
        for &k in &active {
            let (centre, precision) = (context[k], self.bandwidths[k].powi(2).recip());
            let squares = self
                .contexts
                .column(k)
                .mapv(|value| (value - centre).powi(2));
            gradient[k] += precision * squares.dot(&slopes);
        }
        gradient
    }
}

/// Which columns of the training contexts have more than two values.
pub(crate) fn bending(contexts: ArrayView2<'_, f64>) -> Vec<bool> {
    let more_than_two = |column: ArrayView1<'_, f64>| {
        let first = column[0];
        let second = column.iter().find(|value| **value != first);
        let third = |second: &f64| {
            column
                .iter()
                .any(|value| value != &first && value != second)
        };
        second.is_some_and(third)
    };
    contexts.columns().into_iter().map(more_than_two).collect()
}

/// None if its moments cannot be solved, which damping leaves to contexts far from all rows.
fn polynomial(
    kernel: &Array1<f64>,
    differences: &[Vec<f64>],
    products: &[Vec<usize>],
) -> Option<Polynomial> {
    let (rows, size) = (kernel.len(), products.len() + 1);
    let mut terms = vec![1.0; rows];
    terms.reserve(rows * (size - 1));
    for factors in products {
        match factors[..] {
            [a, b] => terms.extend(
                differences[a]
                    .iter()
                    .zip(&differences[b])
                    .map(|(a, b)| a * b),
            ),
            _ => terms.extend(&differences[factors[0]]),
        }
    }
    let terms = Array2::from_shape_vec((size, rows), terms).ok()?;
    let mut moments = Array2::zeros((size, size));
    for a in 0..size {
        let weighted = Array1::from_vec(times(kernel.view(), terms.row(a)));
        for b in 0..=a {
            moments[[a, b]] = weighted.dot(&terms.row(b));
            moments[[b, a]] = moments[[a, b]];
        }
        if a > 0 {
            moments[[a, a]] += DAMPING;
        }
    }
    let mut first = Array1::zeros(size);
    first[0] = 1.0;
    let solution = solve(&moments, &first)?;
    let total = kernel.dot(&mixed(&terms, &solution));
    ((total - 1.0).abs() < 1e-6).then_some(Polynomial {
        terms,
        moments,
        solution,
    })
}

/// Entry by entry. A loop over slices, which is what compilers are good at.
fn times(left: ArrayView1<'_, f64>, right: ArrayView1<'_, f64>) -> Vec<f64> {
    match (left.to_slice(), right.to_slice()) {
        (Some(left), Some(right)) => left.iter().zip(right).map(|(a, b)| a * b).collect(),
        _ => left.iter().zip(right).map(|(a, b)| a * b).collect(),
    }
}

/// Σₜ solutionₜ termₜ, a value for each row.
fn mixed(terms: &Array2<f64>, solution: &Array1<f64>) -> Array1<f64> {
    let mut values = Array1::zeros(terms.ncols());
    for (term, &share) in terms.rows().into_iter().zip(solution) {
        values.scaled_add(share, &term);
    }
    values
}

/// The solution of a small positive definite system.
fn solve(matrix: &Array2<f64>, rhs: &Array1<f64>) -> Option<Array1<f64>> {
    let column = rhs.view().insert_axis(ndarray::Axis(1));
    let solved = cholesky(matrix.view()).and_then(|factor| factor.solve(column));
    solved.ok().map(|solution| solution.column(0).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use ndarray::{Array2, Axis, array};
    use proptest::prelude::*;

    fn contexts(rows: usize) -> Array2<f64> {
        Array2::from_shape_fn((rows, 2), |(i, k)| {
            ((7 * i + 5 * k * i + 3 * k) % 23) as f64 / 11.0 - 1.0
        })
    }

    fn smoother<'a>(
        contexts: &'a Array2<f64>,
        weights: &'a Array1<f64>,
        bandwidths: &'a Array1<f64>,
        order: Order,
    ) -> Smoother<'a> {
        Smoother {
            contexts: contexts.view(),
            log_weights: weights.view(),
            order,
            bending: &[true; 2],
            bandwidths: bandwidths.view(),
        }
    }

    fn orders() -> impl Strategy<Value = Order> {
        prop::sample::select(vec![Order::Constant, Order::Linear, Order::Quadratic])
    }

    proptest! {
        #[test]
        fn weights_are_weights_wherever_they_are_asked_for(
            context in prop::collection::vec(-20.0..20.0_f64, 2),
            logs in prop::collection::vec(-3.0..8.0_f64, 2),
            order in orders(),
        ) {
            let (contexts, weights) = (contexts(40), Array1::from_elem(40, 0.4));
            let bandwidths = Array1::from_vec(logs).mapv(f64::exp);
            let smoother = smoother(&contexts, &weights, &bandwidths, order);
            let local = smoother.at(Array1::from_vec(context).view(), Some(3));
            prop_assert!(local.kernel.iter().all(|weight| (0.0..=1.0 + 1e-12).contains(weight)));
            for weights in [local.kernel, local.weights] {
                prop_assert!((weights.sum() - 1.0).abs() < 1e-9);
                prop_assert_eq!(weights[3], 0.0);
            }
        }

        /// Against central differences.
        #[test]
        fn gradients_are_differences(
            context in prop::collection::vec(-1.2..1.2_f64, 2),
            logs in prop::collection::vec(-1.5..2.0_f64, 2),
            order in orders(),
            terms in prop::collection::vec(any::<bool>(), 2),
        ) {
            let contexts = contexts(40);
            let weights = Array1::from_shape_fn(40, |i| 0.5 * (i % 3) as f64);
            let context = Array1::from_vec(context);
            let slopes = Array1::from_shape_fn(40, |i| ((i * i) % 17) as f64 / 8.0 - 1.0);
            // A function of the weights with a curvature of its own.
            let value = |logs: &Array1<f64>| {
                let bandwidths = logs.mapv(f64::exp);
                let at = Smoother { bending: &terms, ..smoother(&contexts, &weights, &bandwidths, order) };
                let local = at.at(context.view(), Some(5));
                local.weights.dot(&slopes) + local.weights.dot(&local.weights)
            };
            let logs = Array1::from_vec(logs);
            let bandwidths = logs.mapv(f64::exp);
            let at = Smoother { bending: &terms, ..smoother(&contexts, &weights, &bandwidths, order) };
            let local = at.at(context.view(), Some(5));
            let by_weights = &slopes + &(2.0 * &local.weights);
            let gradient = at.gradient(
                context.view(),
                &local,
                by_weights.view(),
            );
            for k in 0..2 {
                let (mut up, mut down) = (logs.clone(), logs.clone());
                up[k] += 1e-5;
                down[k] -= 1e-5;
                let difference = (value(&up) - value(&down)) / 2e-5;
                prop_assert!((gradient[k] - difference).abs() < 1e-6 * (1.0 + difference.abs()),
                    "{} {}", gradient[k], difference);
            }
        }
    }

    /// But for the damping.
    #[test]
    fn polynomials_of_their_degree_are_met() {
        let (contexts, weights) = (contexts(60), Array1::zeros(60));
        let bandwidths = array![0.6, 0.6];
        let context = array![-0.6, 0.5];
        let error = |order, field: &dyn Fn(f64, f64) -> f64| {
            let local = smoother(&contexts, &weights, &bandwidths, order).at(context.view(), None);
            let values: Array1<f64> = contexts
                .rows()
                .into_iter()
                .map(|c| field(c[0], c[1]))
                .collect();
            (local.weights.dot(&values) - field(context[0], context[1])).abs()
        };
        let plane = |a: f64, b: f64| 1.0 + 2.0 * a - b;
        let bent = |a: f64, b: f64| a * a - 2.0 * a * b + b;
        assert!(error(Order::Constant, &plane) > 0.5 && error(Order::Linear, &plane) < 0.1);
        assert!(error(Order::Quadratic, &bent) < 0.3 * error(Order::Linear, &bent));
    }

    #[test]
    fn an_infinite_bandwidth_is_the_limit_of_large_ones_and_the_population() {
        let (contexts, weights) = (contexts(30), Array1::zeros(30));
        for order in [Order::Constant, Order::Linear, Order::Quadratic] {
            let at = |bandwidth: f64| {
                let bandwidths = array![bandwidth, bandwidth];
                smoother(&contexts, &weights, &bandwidths, order)
                    .at(array![0.9, -0.4].view(), None)
                    .weights
            };
            assert_eq!(at(f64::INFINITY), Array1::from_elem(30, 1.0 / 30.0));
            assert_relative_eq!(at(1e6), at(f64::INFINITY), epsilon = 1e-9);
        }
    }

    #[test]
    fn columns_of_two_values_have_no_terms() {
        let contexts = Array2::from_shape_fn((40, 2), |(i, k)| match k {
            0 => (i % 7) as f64,
            _ => (i % 2) as f64,
        });
        let bends = bending(contexts.view());
        assert_eq!(bends, [true, false]);
        let (weights, bandwidths) = (Array1::zeros(40), array![f64::INFINITY, 0.7]);
        let at = |order, bending| {
            let smoother = Smoother {
                bending,
                ..smoother(&contexts, &weights, &bandwidths, order)
            };
            smoother.at(array![0.0, 1.0].view(), None).weights
        };
        assert_eq!(at(Order::Quadratic, &bends), at(Order::Constant, &bends));
        assert_ne!(
            at(Order::Quadratic, &[true; 2]),
            at(Order::Constant, &bends)
        );
        // Rows of the other value are so much further away.
        let weights = at(Order::Quadratic, &bends);
        let far = (-0.5 / 0.7_f64.powi(2)).exp();
        assert_relative_eq!(weights[0], far * weights[1], epsilon = 1e-15);
    }

    #[test]
    fn a_row_of_weight_two_is_two_rows() {
        let contexts = contexts(12);
        let mut weights = Array1::zeros(12);
        weights[4] = 2.0_f64.ln();
        let mut rows: Vec<usize> = (0..12).collect();
        rows.push(4);
        let repeated = contexts.select(Axis(0), &rows);
        let bandwidths = array![0.5, 0.8];
        let context = array![0.2, 0.1];
        for order in [Order::Constant, Order::Linear, Order::Quadratic] {
            let ones = Array1::zeros(13);
            let once = smoother(&contexts, &weights, &bandwidths, order).at(context.view(), None);
            let twice = smoother(&repeated, &ones, &bandwidths, order).at(context.view(), None);
            assert_relative_eq!(once.weights[4], 2.0 * twice.weights[12], epsilon = 1e-12);
            assert_relative_eq!(once.weights[0], twice.weights[0], epsilon = 1e-12);
        }
    }
}

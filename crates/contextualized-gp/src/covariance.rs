//! Prior covariances between rows, filled in parallel over blocks of fixed size.

use crate::hyperparameters::{Hyperparameters, Layout};
use crate::kernel::{Kernel, Room, Term};
use contextualized_solvers::{inner_product, mirror_lower, vectorized};
use ndarray::{Array2, ArrayView1, ArrayView2, Axis, s};
use rayon::prelude::*;
use std::ops::Range;

/// Rows filled by one task; fixed, so that sums do not depend on the number of threads.
const BLOCK: usize = 16;

/// A term with what it needs: squares of the inverse length scales of each set, and squared amplitudes of each
/// coefficient.
pub(crate) struct Component<'a> {
    pub(crate) term: &'a Term,
    pub(crate) range: Range<usize>,
    pub(crate) squares: Vec<Vec<f64>>,
    pub(crate) variances: Vec<f64>,
}

impl Component<'_> {
    /// Position of the coefficient's inverse length scales among the sets.
    fn set_of(&self, coefficient: usize) -> usize {
        if self.squares.len() == 1 {
            0
        } else {
            coefficient
        }
    }

    /// Coefficients that have a set of inverse length scales.
    pub(crate) fn members(&self, set: usize) -> Range<usize> {
        match self.squares.len() {
            1 => 0..self.variances.len(),
            _ => set..set + 1,
        }
    }

    /// Sets of inverse length scales of coefficients that vary, with their squares.
    fn varying_sets(&self) -> impl Iterator<Item = (usize, &[f64])> {
        let varies = |set: usize| self.variances[self.members(set)].iter().any(|v| *v > 0.0);
        let sets = self.squares.iter().map(Vec::as_slice).enumerate();
        sets.filter(move |(set, _)| varies(*set))
    }

    /// Prior variance of one coefficient at a context.
    pub(crate) fn variance(&self, coefficient: usize, context: &[f64]) -> f64 {
        let squares = &self.squares[self.set_of(coefficient)];
        self.variances[coefficient] * self.term.variance(squares, context)
    }

    /// Prior covariances of one coefficient at a context and at many, whose columns are the rows of
    /// `others` (c × n).
    pub(crate) fn values(
        &self,
        coefficient: usize,
        context: &[f64],
        others: ArrayView2<'_, f64>,
    ) -> Vec<f64> {
        let mut out = vec![0.0; others.ncols()];
        let mut spare = out.clone();
        let squares = &self.squares[self.set_of(coefficient)];
        self.term
            .values(squares, context, others, &mut out, &mut spare);
        out.iter_mut()
            .for_each(|v| *v *= self.variances[coefficient]);
        out
    }
}

/// `out = Σⱼ s²ⱼ x_j columnⱼ` over the coefficients that have a set of inverse length scales.
fn weigh(
    component: &Component<'_>,
    set: usize,
    x: &[f64],
    columns: &ArrayView2<'_, f64>,
    out: &mut [f64],
) {
    out.fill(0.0);
    for j in component.members(set) {
        add_scaled(out, component.variances[j] * x[j], row(columns, j));
    }
}

/// The kernel's terms with these hyperparameters.
pub(crate) fn components<'a>(kernel: &'a Kernel, hyper: &Hyperparameters) -> Vec<Component<'a>> {
    let sets: Vec<_> = (0..hyper.inverse_length_scales.nrows())
        .map(|set| hyper.squares(set))
        .collect();
    kernel
        .with_ranges()
        .enumerate()
        .map(|(index, (term, range))| Component {
            term,
            squares: sets.iter().map(|set| set[range.clone()].to_vec()).collect(),
            range,
            variances: hyper.amplitudes.column(index).mapv(|s| s * s).to_vec(),
        })
        .collect()
}

/// A row of a table in standard layout.
pub(crate) fn row<'a>(table: &'a ArrayView2<'_, f64>, index: usize) -> &'a [f64] {
    let width = table.ncols();
    &table.as_slice().expect("tables are in standard layout")[index * width..(index + 1) * width]
}

/// The transpose in standard layout: a column of the table is a row of it.
pub(crate) fn transposed(table: ArrayView2<'_, f64>) -> Array2<f64> {
    table.t().as_standard_layout().into_owned()
}

/// One term between contexts (a × c) and others, whose columns are the rows of `others` (c × n).
pub(crate) fn of_term(
    term: &Term,
    squares: &[f64],
    contexts: ArrayView2<'_, f64>,
    others: ArrayView2<'_, f64>,
) -> Array2<f64> {
    let count = others.ncols();
    let mut out = Array2::zeros((contexts.nrows(), count));
    let blocks: Vec<_> = out.axis_chunks_iter_mut(Axis(0), BLOCK).collect();
    blocks
        .into_par_iter()
        .enumerate()
        .for_each(|(block, mut out)| {
            let mut spare = vec![0.0; count];
            for (offset, mut line) in out.rows_mut().into_iter().enumerate() {
                let line = line.as_slice_mut().expect("a row is contiguous");
                let context = row(&contexts, block * BLOCK + offset);
                term.values(squares, context, others, line, &mut spare);
            }
        });
    out
}

/// `Σⱼ Σₜ s²ⱼₜ kₜ(cₐ, c_b) xₐⱼ x_bⱼ` for all pairs of rows (n × n).
pub(crate) fn of_rows<'a>(
    kernel: &Kernel,
    hyper: &Hyperparameters,
    contexts: ArrayView2<'a, f64>,
    design: ArrayView2<'a, f64>,
) -> Array2<f64> {
    let rows = (contexts, design);
    let mut covariance = filled(&components(kernel, hyper), rows, rows, |a| 0..a + 1);
    mirror_lower(&mut covariance);
    covariance
}

/// The upper triangle of [`of_rows`], with zeros below.
pub(crate) fn upper_of_rows<'a>(
    kernel: &Kernel,
    hyper: &Hyperparameters,
    contexts: ArrayView2<'a, f64>,
    design: ArrayView2<'a, f64>,
) -> Array2<f64> {
    let rows = (contexts, design);
    let count = contexts.nrows();
    filled(&components(kernel, hyper), rows, rows, |a| a..count)
}

/// The same of some rows with others, both of contexts and a design (q × n).
pub(crate) fn between(
    components: &[Component<'_>],
    rows: Tables<'_>,
    others: Tables<'_>,
) -> Array2<f64> {
    filled(components, rows, others, |_| 0..others.0.nrows())
}

/// Contexts and a design of the same rows.
type Tables<'a> = (ArrayView2<'a, f64>, ArrayView2<'a, f64>);

/// Covariances of each row with those of the others that it is given.
fn filled(
    components: &[Component<'_>],
    (contexts, design): Tables<'_>,
    others: Tables<'_>,
    partners: impl Fn(usize) -> Range<usize> + Sync,
) -> Array2<f64> {
    let width = others.0.nrows();
    let (others, columns) = (transposed(others.0), transposed(others.1));
    let (others, columns) = (others.view(), columns.view());
    let mut covariance = Array2::zeros((contexts.nrows(), width));
    let blocks: Vec<_> = covariance.axis_chunks_iter_mut(Axis(0), BLOCK).collect();
    blocks
        .into_par_iter()
        .enumerate()
        .for_each(|(block, mut out)| {
            let (mut values, mut products) = (vec![0.0; width], vec![0.0; width]);
            for (offset, mut line) in out.rows_mut().into_iter().enumerate() {
                let a = block * BLOCK + offset;
                let partners = partners(a);
                let count = partners.len();
                let context = row(&contexts, a);
                let others = others.slice(s![.., partners.clone()]);
                let line = &mut line.as_slice_mut().expect("a row is contiguous")[partners.clone()];
                let (values, products) = (&mut values[..count], &mut products[..count]);
                for component in components {
                    for (set, squares) in component.varying_sets() {
                        let term = component.term;
                        term.values(squares, context, others, values, products);
                        products.fill(0.0);
                        for j in component.members(set) {
                            let factor = component.variances[j] * design[[a, j]];
                            add_scaled(products, factor, &row(&columns, j)[partners.clone()]);
                        }
                        add_products(line, values, products);
                    }
                }
            }
        });
    covariance
}

/// `Σ_ab W_ab ∂K_ab` by the logarithms of all inverse length scales and amplitudes, K as [`of_rows`] gives it
/// and W symmetric, whose entries `weights` writes, for a row, up to the diagonal.
pub(crate) fn contract(
    kernel: &Kernel,
    hyper: &Hyperparameters,
    layout: &Layout,
    contexts: ArrayView2<'_, f64>,
    design: ArrayView2<'_, f64>,
    weights: impl Fn(usize, &mut [f64]) + Sync,
) -> Vec<f64> {
    let components = components(kernel, hyper);
    let (rows, terms) = (contexts.nrows(), layout.terms);
    let (others, columns) = (transposed(contexts), transposed(design));
    let (others, columns) = (others.view(), columns.view());
    let amplitudes = layout.amplitudes_start();
    let length = amplitudes + layout.coefficients * terms;
    let blocks: Vec<Vec<f64>> = (0..rows.div_ceil(BLOCK))
        .into_par_iter()
        .map(|block| {
            let mut sums = vec![0.0; length];
            let mut room = Room::default();
            let (mut own, mut total) = (vec![0.0; rows], vec![0.0; rows]);
            for a in block * BLOCK..rows.min((block + 1) * BLOCK) {
                let (context, x) = (row(&contexts, a), row(&design, a));
                // Pairs count twice, the row itself once.
                let own = &mut own[..=a];
                weights(a, own);
                own[..a].iter_mut().for_each(|w| *w *= 2.0);
                let total = &mut total[..=a];
                for (index, component) in components.iter().enumerate() {
                    for (set, squares) in component.varying_sets() {
                        weigh(component, set, x, &columns, total);
                        total.iter_mut().zip(&*own).for_each(|(t, w)| *t *= w);
                        let start = set * layout.inverse_length_scales + component.range.start;
                        component.term.values_and_slopes(
                            squares,
                            context,
                            others,
                            total,
                            &mut room,
                            &mut sums[start..start + component.range.len()],
                        );
                        let values = room.values(a + 1);
                        for (t, (value, weight)) in total.iter_mut().zip(values.iter().zip(&*own)) {
                            *t = value * weight;
                        }
                        for j in component.members(set) {
                            sums[amplitudes + j * terms + index] +=
                                2.0 * component.variances[j] * x[j] * dot(total, row(&columns, j));
                        }
                    }
                }
            }
            sums
        })
        .collect();
    blocks
        .into_iter()
        .fold(vec![0.0; length], |mut total, block| {
            total.iter_mut().zip(block).for_each(|(t, b)| *t += b);
            total
        })
}

/// `∂K v` by the logarithms of all inverse length scales and amplitudes in the columns (n × as many), K as
/// [`of_rows`] gives it.
pub(crate) fn derivatives_times(
    kernel: &Kernel,
    hyper: &Hyperparameters,
    layout: &Layout,
    contexts: ArrayView2<'_, f64>,
    design: ArrayView2<'_, f64>,
    vector: &[f64],
) -> Array2<f64> {
    let components = components(kernel, hyper);
    let (rows, terms) = (contexts.nrows(), layout.terms);
    let amplitudes = layout.amplitudes_start();
    let others = transposed(contexts);
    // x_b v_b of each coefficient.
    let columns = &ArrayView1::from(vector) * transposed(design);
    let (others, columns) = (others.view(), columns.view());
    let mut out = Array2::zeros((rows, amplitudes + layout.coefficients * terms));
    let lines: Vec<_> = out.axis_iter_mut(Axis(0)).collect();
    lines.into_par_iter().enumerate().for_each(|(a, mut line)| {
        let line = line.as_slice_mut().expect("a row is contiguous");
        let (context, x) = (row(&contexts, a), row(&design, a));
        let mut room = Room::default();
        let mut total = vec![0.0; rows];
        for (index, component) in components.iter().enumerate() {
            for (set, squares) in component.varying_sets() {
                weigh(component, set, x, &columns, &mut total);
                let start = set * layout.inverse_length_scales + component.range.start;
                component.term.values_and_slopes(
                    squares,
                    context,
                    others,
                    &total,
                    &mut room,
                    &mut line[start..start + component.range.len()],
                );
                let values = room.values(rows);
                for j in component.members(set) {
                    line[amplitudes + j * terms + index] +=
                        2.0 * component.variances[j] * x[j] * dot(values, row(&columns, j));
                }
            }
        }
    });
    out
}

/// Covariance of every coefficient at contexts with the rows: q p × n, coefficients fastest.
pub(crate) fn with_coefficients(
    components: &[Component<'_>],
    contexts: ArrayView2<'_, f64>,
    design: ArrayView2<'_, f64>,
    at: ArrayView2<'_, f64>,
) -> Array2<f64> {
    let (rows, coefficients) = design.dim();
    let (others, columns) = (transposed(contexts), transposed(design));
    let (others, columns) = (others.view(), columns.view());
    let mut cross = Array2::zeros((at.nrows() * coefficients, rows));
    let blocks: Vec<_> = cross.axis_chunks_iter_mut(Axis(0), coefficients).collect();
    blocks.into_par_iter().enumerate().for_each(|(q, mut out)| {
        let (mut values, mut spare) = (vec![0.0; rows], vec![0.0; rows]);
        for component in components {
            for (set, squares) in component.varying_sets() {
                let context = row(&at, q);
                component
                    .term
                    .values(squares, context, others, &mut values, &mut spare);
                for j in component.members(set) {
                    let variance = component.variances[j];
                    let line = out.row_mut(j);
                    for ((cell, value), x) in line.into_iter().zip(&values).zip(row(&columns, j)) {
                        *cell += variance * value * x;
                    }
                }
            }
        }
    });
    cross
}

/// Adds a multiple of the first values, as many as there are sums.
pub(crate) fn add_scaled(out: &mut [f64], factor: f64, values: &[f64]) {
    vectorized(
        #[inline(always)]
        move || {
            for (out, value) in out.iter_mut().zip(values) {
                *out += factor * value;
            }
        },
    );
}

fn add_products(out: &mut [f64], a: &[f64], b: &[f64]) {
    vectorized(
        #[inline(always)]
        move || {
            for ((out, a), b) in out.iter_mut().zip(a).zip(b) {
                *out += a * b;
            }
        },
    );
}

/// Of the first values of b, as many as a has.
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let count = a.len();
    vectorized(
        #[inline(always)]
        move || inner_product(a, &b[..count]),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use ndarray::{Array1, array};

    #[test]
    fn derivatives_times_a_vector_are_those_of_differences() {
        let kernel = Kernel::squared_exponential([0, 1]) + Kernel::matern52([1]);
        let hyper = Hyperparameters {
            inverse_length_scales: array![[0.5, 1.2, 0.3], [1.4, 0.3, 0.8]],
            amplitudes: array![[0.4, 0.7], [1.1, 0.2]],
            noise: 1.0,
            scales: array![1.0],
        };
        let layout = Layout {
            sets: 2,
            inverse_length_scales: 3,
            coefficients: 2,
            terms: 2,
            noise: false,
            scales: 0,
        };
        let table = |shift: f64| {
            Array2::from_shape_fn((7, 2), |(i, k)| {
                (1.3 * i as f64 + 2.1 * k as f64 + shift).sin()
            })
        };
        let (contexts, design) = (table(0.0), table(5.0));
        let vector = Array1::from_shape_fn(7, |i| (0.7 * i as f64).cos());
        let (contexts, design) = (contexts.view(), design.view());
        let own = vector.to_vec();
        let found = derivatives_times(&kernel, &hyper, &layout, contexts, design, &own);
        let logs = layout.logs(&hyper);
        for k in 0..layout.len() {
            let at = |h: f64| {
                let mut logs = logs.clone();
                logs[k] += h;
                let hyper = layout.hyperparameters(&logs, 1);
                of_rows(&kernel, &hyper, contexts, design).dot(&vector)
            };
            let difference = (at(1e-5) - at(-1e-5)) / 2e-5;
            assert_relative_eq!(found.column(k).to_owned(), difference, epsilon = 1e-8);
        }
    }
}

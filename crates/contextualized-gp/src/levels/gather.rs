//! One pass over the rows, level by level.

use super::{Factor, Levels};
use crate::basis::Basis;
use crate::constants::ConstantPrior;
use crate::numerical;
use crate::observations::Observations;
use contextualized_core::Result;
use contextualized_solvers::gram;
use ndarray::{Array1, Array2, ArrayView2, Axis, s};
use rayon::prelude::*;
use std::ops::Range;

/// Rows whose functions are found at once.
const BLOCK: usize = 1024;

/// Parts of the levels that are read side by side and then put together in order; fixed, so that the bits do not
/// depend on the number of threads.
const PARTS: usize = 16;

/// A pivot below this share of its own square is nothing but rounding.
const LEAST_PIVOT: f64 = 1e-13;

impl Levels {
    /// Reads the rows; offsets are taken from the targets.
    ///
    /// What a level says of its own functions is as many rows as these are, at most: the rows of a level may be
    /// turned, and rows turned so that they say nothing of its own functions are alike for all levels.
    pub(crate) fn gather(
        factor: Factor,
        basis: Basis,
        constants: ConstantPrior,
        rows: Observations<'_>,
    ) -> Result<Self> {
        let targets = rows.adjusted_targets();
        let rows = Observations::new(rows.contexts.view(), rows.design.view(), targets.view())
            .with_weights(rows.weights.as_ref().map(|weights| weights.view()));
        let (order, ends) = by_level(&factor, rows);
        let own = own_columns(&factor, &basis, rows.design.ncols());
        let width = rows.design.ncols() * basis.functions() + rows.targets.ncols();
        let parts = parts(&ends)
            .into_par_iter()
            .map(|levels| {
                let mut reader = Reader::new(&basis, rows, &own, width);
                reader.read(&order, &ends, levels)?;
                Ok(reader.found)
            })
            .collect::<Result<Vec<_>>>()?;

        let mut found = Found::new(width, basis.functions());
        parts.into_iter().for_each(|part| found.merge(part));
        let count = rows.rows() as f64;
        let starts = std::iter::once(0).chain(ends.iter().copied());
        let counts = starts.zip(&ends).map(|(start, end)| end - start);
        let shape = |values: Vec<f64>, columns: usize| {
            let lines = values.len() / columns;
            Array2::from_shape_vec((lines, columns), values).expect("lines are whole")
        };
        Ok(Self {
            coefficients: rows.design.ncols(),
            constants,
            count: rows.rows(),
            shares: counts.map(|rows| rows as f64 / count).collect(),
            mean_functions: shape(found.mean_functions, basis.functions()),
            rows: shape(found.rows, width),
            ends: found.ends,
            rest: found.rest,
            log_weights: found.log_weights,
            correction: None,
            residual: found.left_out / count,
            largest_residual: found.most_left_out,
            factor,
            basis,
        })
    }
}

/// Rows in the order of their levels, and where each level ends.
fn by_level(factor: &Factor, rows: Observations<'_>) -> (Vec<usize>, Vec<usize>) {
    let codes = rows.contexts.column(factor.column);
    let levels: Vec<usize> = codes
        .iter()
        .map(|code| factor.level(*code).unwrap_or_default())
        .collect();
    let mut ends = factor.counts(rows.contexts);
    let mut before = 0;
    for end in &mut ends {
        before += *end;
        *end = before;
    }
    let mut order: Vec<usize> = (0..levels.len()).collect();
    order.sort_by_key(|&row| levels[row]);
    (order, ends)
}

/// Ranges of levels with about as many rows.
fn parts(ends: &[usize]) -> Vec<Range<usize>> {
    let rows = ends.last().copied().unwrap_or_default();
    let share = rows.div_ceil(PARTS).max(1);
    let mut parts = Vec::new();
    let (mut start, mut before) = (0, 0);
    for (level, &end) in ends.iter().enumerate() {
        if end - before >= share || level + 1 == ends.len() {
            parts.push(start..level + 1);
            (start, before) = (level + 1, end);
        }
    }
    parts
}

/// Columns of products of the design with functions that each level has of its own.
fn own_columns(factor: &Factor, basis: &Basis, coefficients: usize) -> Vec<usize> {
    let mut own = vec![false];
    for (index, term) in basis.terms.iter().enumerate() {
        own.extend(std::iter::repeat_n(factor.is_in(index), term.len()));
    }
    let all = own.repeat(coefficients).into_iter().enumerate();
    all.filter(|(_, own)| *own).map(|(at, _)| at).collect()
}

/// What was read.
struct Found {
    /// Rows of the levels, products of the design and the functions and then targets, one after the other.
    rows: Vec<f64>,
    /// Where the rows of each level end.
    ends: Vec<usize>,
    rest: Array2<f64>,
    mean_functions: Vec<f64>,
    log_weights: f64,
    left_out: f64,
    most_left_out: f64,
}

impl Found {
    fn new(width: usize, functions: usize) -> Self {
        Self {
            rows: Vec::new(),
            ends: Vec::new(),
            rest: Array2::zeros((width, width)),
            mean_functions: Vec::with_capacity(functions),
            log_weights: 0.0,
            left_out: 0.0,
            most_left_out: 0.0,
        }
    }

    fn merge(&mut self, other: Self) {
        let before = self.rows.len() / self.rest.ncols();
        self.ends.extend(other.ends.iter().map(|end| before + end));
        self.rows.extend(other.rows);
        self.rest += &other.rest;
        self.mean_functions.extend(other.mean_functions);
        self.log_weights += other.log_weights;
        self.left_out += other.left_out;
        self.most_left_out = self.most_left_out.max(other.most_left_out);
    }
}

/// Reads some of the levels.
struct Reader<'a> {
    basis: &'a Basis,
    rows: Observations<'a>,
    own: &'a [usize],
    width: usize,
    found: Found,
}

impl<'a> Reader<'a> {
    fn new(basis: &'a Basis, rows: Observations<'a>, own: &'a [usize], width: usize) -> Self {
        Self {
            basis,
            rows,
            own,
            width,
            found: Found::new(width, basis.functions()),
        }
    }

    /// Levels may be much longer or much shorter than a block.
    fn read(&mut self, order: &[usize], ends: &[usize], levels: Range<usize>) -> Result<()> {
        let start_of = |level: usize| level.checked_sub(1).map_or(0, |before| ends[before]);
        let last = levels.clone().last().map_or(0, |level| ends[level]);
        let mut level = levels.start;
        let mut sums: Option<Array2<f64>> = None;
        let mut functions = Array1::<f64>::zeros(self.basis.functions());
        let mut start = start_of(level);
        while start < last {
            let block = start..last.min(start + BLOCK);
            let (values, table) = self.block(&order[block.clone()])?;
            while level < levels.end && start_of(level) < block.end {
                let (first, end) = (start_of(level), ends[level]);
                let here = first.max(block.start) - block.start..end.min(block.end) - block.start;
                functions += &values.slice(s![here.clone(), ..]).sum_axis(Axis(0));
                let own = table.slice(s![here, ..]);
                let count = end - first;
                if count <= self.own.len() {
                    self.found.rows.extend(own.iter());
                } else {
                    let products = numerical(gram(own))?;
                    match &mut sums {
                        Some(sums) => *sums += &products,
                        None => sums = Some(products),
                    }
                }
                if end > block.end {
                    break;
                }
                if let Some(sums) = sums.take() {
                    self.turn(sums);
                }
                self.found.ends.push(self.found.rows.len() / self.width);
                let count = count.max(1) as f64;
                self.found
                    .mean_functions
                    .extend(functions.iter().map(|sum| sum / count));
                functions.fill(0.0);
                level += 1;
            }
            start = block.end;
        }
        Ok(())
    }

    /// The functions at some rows, and their products with the design beside the targets, times the roots of the
    /// weights.
    fn block(&mut self, rows: &[usize]) -> Result<(Array2<f64>, Array2<f64>)> {
        let contexts = self.rows.contexts.select(Axis(0), rows);
        let values = self.basis.at(contexts.view())?;
        for share in self.basis.left_out(contexts.view(), values.view()) {
            self.found.left_out += share;
            self.found.most_left_out = self.found.most_left_out.max(share);
        }
        let (count, functions) = values.dim();
        let mut table = Array2::zeros((count, self.width));
        let design = self.rows.design.select(Axis(0), rows);
        fill_products(&mut table, values.view(), design.view());
        table
            .slice_mut(s![.., design.ncols() * functions..])
            .assign(&self.rows.targets.select(Axis(0), rows));
        if let Some(weights) = self.rows.weights {
            let weights = weights.select(Axis(0), rows);
            table *= &weights.mapv(f64::sqrt).insert_axis(Axis(1));
            self.found.log_weights += weights.iter().map(|w| w.ln()).sum::<f64>();
        }
        Ok((values, table))
    }

    /// The rows of one level, of whom the sums of products are given, turned: as many as it takes to say what they
    /// say of the level's own functions, by Cholesky's method, which leaves the products of all others.
    fn turn(&mut self, mut sums: Array2<f64>) {
        let width = self.width;
        let whole = sums.diag().to_owned();
        // Of a symmetric table the order in memory does not matter.
        let table = sums
            .as_slice_memory_order_mut()
            .expect("sums are contiguous");
        let mut line = vec![0.0; width];
        for &column in self.own {
            let pivot = table[column * width + column];
            if pivot <= LEAST_PIVOT * whole[column] {
                continue;
            }
            line.copy_from_slice(&table[column * width..(column + 1) * width]);
            let root = pivot.sqrt();
            line.iter_mut().for_each(|value| *value /= root);
            for (row, &factor) in table.chunks_exact_mut(width).zip(&line) {
                for (out, value) in row.iter_mut().zip(&line) {
                    *out -= factor * value;
                }
            }
            self.found.rows.extend(&line);
        }
        self.found.rest += &sums;
    }
}

/// Products of each column of the design with the functions, coefficients slowest.
pub(super) fn fill_products(
    out: &mut Array2<f64>,
    values: ArrayView2<'_, f64>,
    design: ArrayView2<'_, f64>,
) {
    let functions = values.ncols();
    for (j, x) in design.columns().into_iter().enumerate() {
        let mut own = out.slice_mut(s![.., j * functions..(j + 1) * functions]);
        own.assign(&values);
        own *= &x.insert_axis(Axis(1));
    }
}

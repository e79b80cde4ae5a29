//! One pass over the rows.

use super::LowRank;
use crate::basis::Basis;
use crate::constants::ConstantPrior;
use crate::numerical;
use crate::observations::Observations;
use contextualized_core::Result;
use contextualized_solvers::{transposed_product, weighted_gram};
use ndarray::{Array1, Array2, Axis, s};
use rayon::prelude::*;

/// Rows whose products are formed at once.
const BLOCK: usize = 1024;

/// Sums that are formed side by side and then added in order; fixed, so that the bits do not depend
/// on the number of threads.
const PARTS: usize = 16;

struct Sums {
    /// For each pair of coefficients j ≤ l a square of the basis' size.
    pairs: Vec<Array2<f64>>,
    moments: Array2<f64>,
    squares: Array1<f64>,
    log_weights: f64,
    functions: Array1<f64>,
    left_out: f64,
    most_left_out: f64,
}

impl LowRank {
    /// Reads the rows in blocks of fixed size; offsets are taken from the targets.
    pub(crate) fn gather(
        basis: Basis,
        constants: ConstantPrior,
        rows: Observations<'_>,
    ) -> Result<Self> {
        let targets = rows.adjusted_targets();
        let rows = Observations::new(rows.contexts.view(), rows.design.view(), targets.view())
            .with_weights(rows.weights.as_ref().map(|weights| weights.view()));
        let count = rows.contexts.nrows();
        let coefficients = rows.design.ncols();
        let functions = basis.functions();
        let blocks: Vec<_> = (0..count.div_ceil(BLOCK)).collect();
        let share = blocks.len().div_ceil(PARTS).max(1);
        let parts = blocks
            .par_chunks(share)
            .map(|blocks| {
                let mut sums = Sums::zeros(functions, coefficients, rows.targets.ncols());
                for block in blocks {
                    let range = block * BLOCK..count.min((block + 1) * BLOCK);
                    sums.add(&basis, rows, range)?;
                }
                Ok(sums)
            })
            .collect::<Result<Vec<_>>>()?;
        let mut total = Sums::zeros(functions, coefficients, rows.targets.ncols());
        parts.into_iter().for_each(|part| total.merge(part));

        let size = coefficients * functions;
        let mut gram = Array2::zeros((size, size));
        let pairs = (0..coefficients).flat_map(|j| (j..coefficients).map(move |l| (j, l)));
        for ((j, l), pair) in pairs.zip(&total.pairs) {
            let (a, b) = (j * functions, l * functions);
            gram.slice_mut(s![a..a + functions, b..b + functions])
                .assign(pair);
            gram.slice_mut(s![b..b + functions, a..a + functions])
                .assign(&pair.t());
        }
        Ok(Self {
            basis,
            constants,
            coefficients,
            rows: count,
            gram,
            moments: total.moments,
            squares: total.squares,
            log_weights: total.log_weights,
            mean_functions: total.functions / count as f64,
            correction: None,
            residual: total.left_out / count as f64,
            largest_residual: total.most_left_out,
        })
    }
}

impl Sums {
    fn zeros(functions: usize, coefficients: usize, targets: usize) -> Self {
        let pairs = coefficients * (coefficients + 1) / 2;
        Self {
            pairs: vec![Array2::zeros((functions, functions)); pairs],
            moments: Array2::zeros((coefficients * functions, targets)),
            squares: Array1::zeros(targets),
            log_weights: 0.0,
            functions: Array1::zeros(functions),
            left_out: 0.0,
            most_left_out: 0.0,
        }
    }

    fn add(
        &mut self,
        basis: &Basis,
        rows: Observations<'_>,
        range: std::ops::Range<usize>,
    ) -> Result<()> {
        let contexts = rows.contexts.slice(s![range.clone(), ..]);
        let mut design = rows.design.slice(s![range.clone(), ..]).to_owned();
        let mut targets = rows.targets.slice(s![range.clone(), ..]).to_owned();
        if let Some(weights) = rows.weights {
            let weights = weights.slice(s![range]);
            let roots = weights.mapv(f64::sqrt).insert_axis(Axis(1));
            design *= &roots;
            targets *= &roots;
            self.log_weights += weights.iter().map(|w| w.ln()).sum::<f64>();
        }
        let values = basis.at(contexts)?;
        for share in basis.left_out(contexts, values.view()) {
            self.left_out += share;
            self.most_left_out = self.most_left_out.max(share);
        }
        self.functions += &values.sum_axis(Axis(0));
        let functions = basis.functions();
        let coefficients = design.ncols();
        let mut pair = 0;
        for j in 0..coefficients {
            let products = &targets * &design.column(j).insert_axis(Axis(1));
            let moments = numerical(transposed_product(values.view(), products.view()))?;
            self.moments
                .slice_mut(s![j * functions..(j + 1) * functions, ..])
                .scaled_add(1.0, &moments);
            for l in j..coefficients {
                let weights = &design.column(j) * &design.column(l);
                self.pairs[pair] += &numerical(weighted_gram(values.view(), weights.view()))?;
                pair += 1;
            }
        }
        self.squares += &targets.map_axis(Axis(0), |column| column.dot(&column));
        Ok(())
    }

    fn merge(&mut self, other: Self) {
        for (pair, other) in self.pairs.iter_mut().zip(&other.pairs) {
            *pair += other;
        }
        self.moments += &other.moments;
        self.squares += &other.squares;
        self.log_weights += other.log_weights;
        self.functions += &other.functions;
        self.left_out += other.left_out;
        self.most_left_out = self.most_left_out.max(other.most_left_out);
    }
}

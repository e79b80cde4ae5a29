//! Sums of rows, or of the products of their columns, under many weightings at once.

use contextualized_core::Result;
use contextualized_solvers::{add_product, product};
use ndarray::{Array2, ArrayView2, Axis, s};

use crate::numerical::numerical;

/// What is summed: the entries of a row, or the products of each two.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Terms<'a> {
    /// x, p numbers a row.
    Entries(ArrayView2<'a, f64>),
    /// xᵢ xⱼ for j ≤ i, p (p + 1) / 2 numbers a row.
    Products(ArrayView2<'a, f64>),
}

/// Rows whose products are held at once; fixed, so that sums do not depend on the machine.
const CHUNK: usize = 512;

impl Terms<'_> {
    fn rows(&self) -> ArrayView2<'_, f64> {
        match self {
            Self::Entries(rows) | Self::Products(rows) => rows.view(),
        }
    }

    /// Numbers in a sum.
    pub(crate) fn len(&self) -> usize {
        let columns = self.rows().ncols();
        match self {
            Self::Entries(_) => columns,
            Self::Products(_) => packed_len(columns),
        }
    }

    fn chunk(&self, first: usize, last: usize) -> Array2<f64> {
        let rows = self.rows();
        let rows = rows.slice(s![first..last, ..]);
        match self {
            Self::Entries(_) => rows.to_owned(),
            Self::Products(_) => {
                let mut out = Array2::zeros((rows.nrows(), self.len()));
                for (row, mut packed) in rows.rows().into_iter().zip(out.rows_mut()) {
                    let row = row.to_vec();
                    if let Some(mut rest) = packed.as_slice_mut() {
                        for i in 0..row.len() {
                            let (own, next) = rest.split_at_mut(i + 1);
                            for (product, other) in own.iter_mut().zip(&row) {
                                *product = row[i] * other;
                            }
                            rest = next;
                        }
                    }
                }
                out
            }
        }
    }

    /// The sums (m × length) under each of m weightings (m × n).
    pub(crate) fn sums(&self, weights: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        let mut out = Array2::zeros((weights.nrows(), self.len()));
        for first in (0..weights.ncols()).step_by(CHUNK) {
            let last = (first + CHUNK).min(weights.ncols());
            let chunk = self.chunk(first, last);
            numerical(
                "sums over rows",
                add_product(&mut out, weights.slice(s![.., first..last]), chunk.view()),
            )?;
        }
        Ok(out)
    }

    /// From the derivatives of m functions by their sums (m × length), those by the weights (m × n).
    pub(crate) fn by_weights(&self, by_sums: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        let rows = self.rows().nrows();
        // Laid out once, since a product copies what is not in standard layout.
        let by_sums = by_sums.t().as_standard_layout().into_owned();
        let mut out = Array2::zeros((by_sums.ncols(), rows));
        for first in (0..rows).step_by(CHUNK) {
            let last = (first + CHUNK).min(rows);
            let chunk = self.chunk(first, last);
            let slopes = numerical("sums over rows", product(chunk.view(), by_sums.view()))?;
            out.slice_mut(s![.., first..last]).assign(&slopes.t());
        }
        Ok(out)
    }
}

/// Entries of the lower triangle.
pub(crate) fn packed_len(size: usize) -> usize {
    size * (size + 1) / 2
}

/// A symmetric matrix from its lower triangle, row after row.
pub(crate) fn unpack(packed: ndarray::ArrayView1<'_, f64>, size: usize) -> Array2<f64> {
    Array2::from_shape_fn((size, size), |(i, j)| {
        let (i, j) = (i.max(j), i.min(j));
        packed[i * (i + 1) / 2 + j]
    })
}

/// The derivative by the packed lower triangle of a function whose derivative by the entries of a
/// symmetric matrix is `matrix`: an entry off the diagonal counts twice.
pub(crate) fn pack_gradient(matrix: &Array2<f64>) -> Vec<f64> {
    let mut packed = Vec::with_capacity(packed_len(matrix.nrows()));
    for (i, row) in matrix.axis_iter(Axis(0)).enumerate() {
        for j in 0..=i {
            packed.push(if i == j {
                row[j]
            } else {
                row[j] + matrix[[j, i]]
            });
        }
    }
    packed
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array1;

    #[test]
    fn sums_of_products_are_gram_matrices() {
        let rows = Array2::from_shape_fn((1100, 3), |(i, j)| ((3 * i + j * i) % 7) as f64 - 3.0);
        let weights = Array2::from_shape_fn((2, 1100), |(a, i)| ((i + a) % 5) as f64 / 1000.0);
        let sums = Terms::Products(rows.view()).sums(weights.view()).unwrap();
        let plain = Terms::Entries(rows.view()).sums(weights.view()).unwrap();
        for a in 0..2 {
            let weighted = &rows * &weights.row(a).insert_axis(Axis(1));
            let expected = rows.t().dot(&weighted);
            let found = unpack(sums.row(a), 3);
            assert!((&found - &expected).iter().all(|v| v.abs() < 1e-11));
            let expected = rows.t().dot(&weights.row(a));
            assert!((&plain.row(a) - &expected).iter().all(|v| v.abs() < 1e-11));
        }
    }

    /// ⟨G, S(w)⟩ is linear in w, and so is its own derivative.
    #[test]
    fn derivatives_by_weights_are_quadratic_forms() {
        let rows = Array2::from_shape_fn((700, 3), |(i, j)| ((5 * i + j * i) % 11) as f64 - 5.0);
        let gradient = Array2::from_shape_fn((3, 3), |(i, j)| (i * j + i + j) as f64);
        let packed = Array1::from_vec(pack_gradient(&gradient));
        let slopes = Terms::Products(rows.view())
            .by_weights(packed.view().insert_axis(Axis(0)))
            .unwrap();
        for row in [0, 300, 699] {
            let x = rows.row(row);
            let expected = x.dot(&gradient.dot(&x));
            assert!((slopes[[0, row]] - expected).abs() < 1e-9);
        }
    }
}

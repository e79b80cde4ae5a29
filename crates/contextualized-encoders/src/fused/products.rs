//! Products of small matrices whose rows are padded to whole registers.

use pulp::Simd;

/// The left factor of a product, of which a few rows are read at once.
pub(super) trait Left: Copy {
    /// Entry `inner` of the rows `row` to `row + R`.
    fn entries<const R: usize>(self, row: usize, inner: usize) -> [f64; R];
}

/// A matrix as it is stored, row after row.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a> {
    pub(super) values: &'a [f64],
    pub(super) stride: usize,
}

/// The transpose of a matrix that is stored row after row.
#[derive(Clone, Copy)]
pub(super) struct Transposed<'a> {
    pub(super) values: &'a [f64],
    pub(super) stride: usize,
}

/// A row of ones: its product with a matrix is the sum of the matrix's rows.
#[derive(Clone, Copy)]
pub(super) struct Ones;

impl Left for Rows<'_> {
    #[inline(always)]
    fn entries<const R: usize>(self, row: usize, inner: usize) -> [f64; R] {
        std::array::from_fn(|r| self.values[(row + r) * self.stride + inner])
    }
}

impl Left for Transposed<'_> {
    #[inline(always)]
    fn entries<const R: usize>(self, row: usize, inner: usize) -> [f64; R] {
        let start = inner * self.stride + row;
        let values = &self.values[start..start + R];
        std::array::from_fn(|r| values[r])
    }
}

impl Left for Ones {
    #[inline(always)]
    fn entries<const R: usize>(self, _row: usize, _inner: usize) -> [f64; R] {
        [1.0; R]
    }
}

/// Sizes of a product; the stride is that of the right factor's rows and of the result's.
#[derive(Clone, Copy)]
pub(super) struct Sizes {
    pub(super) rows: usize,
    pub(super) inner: usize,
    pub(super) stride: usize,
}

/// What a product is added to.
#[derive(Clone, Copy)]
pub(super) enum Start<'a> {
    Zero,
    /// The same row for all.
    Row(&'a [f64]),
    /// What is there already.
    There,
    /// What is there already, and the same row for all.
    ThereAndRow(&'a [f64]),
}

/// `out = start + left · right`, in blocks that stay in registers; sums over `inner` run in order.
#[inline(always)]
pub(super) fn multiply<S: Simd>(
    simd: S,
    out: &mut [f64],
    start: Start<'_>,
    left: impl Left,
    right: &[f64],
    sizes: Sizes,
) {
    let Sizes { rows, inner, .. } = sizes;
    let (row_of_start, there) = match start {
        Start::Zero => (None, false),
        Start::Row(row) => (Some(S::as_simd_f64s(row).0), false),
        Start::There => (None, true),
        Start::ThereAndRow(row) => (Some(S::as_simd_f64s(row).0), true),
    };
    let width = sizes.stride / S::F64_LANES;
    let right = &S::as_simd_f64s(right).0[..inner * width];
    let out = &mut S::as_mut_simd_f64s(out).0[..rows * width];
    let mut product = Product {
        simd,
        out,
        row_of_start,
        there,
        left,
        right,
        width,
    };
    let mut row = 0;
    while row + 4 <= rows {
        let mut at = 0;
        while at + 3 <= width {
            product.block::<4, 3>(row, at);
            at += 3;
        }
        match width - at {
            2 => product.block::<4, 2>(row, at),
            1 => product.block::<4, 1>(row, at),
            _ => {}
        }
        row += 4;
    }
    while row < rows {
        let mut at = 0;
        while at + 8 <= width {
            product.block::<1, 8>(row, at);
            at += 8;
        }
        match width - at {
            7 => product.block::<1, 7>(row, at),
            6 => product.block::<1, 6>(row, at),
            5 => product.block::<1, 5>(row, at),
            4 => product.block::<1, 4>(row, at),
            3 => product.block::<1, 3>(row, at),
            2 => product.block::<1, 2>(row, at),
            1 => product.block::<1, 1>(row, at),
            _ => {}
        }
        row += 1;
    }
}

struct Product<'a, S: Simd, L> {
    simd: S,
    out: &'a mut [S::f64s],
    row_of_start: Option<&'a [S::f64s]>,
    there: bool,
    left: L,
    right: &'a [S::f64s],
    /// Registers in a row.
    width: usize,
}

impl<S: Simd, L: Left> Product<'_, S, L> {
    /// `R` rows of `V` registers each.
    #[inline(always)]
    fn block<const R: usize, const V: usize>(&mut self, row: usize, at: usize) {
        let simd = self.simd;
        let mut sums = [[simd.splat_f64s(0.0); V]; R];
        if self.there {
            for (r, sums) in sums.iter_mut().enumerate() {
                sums.copy_from_slice(&self.out[(row + r) * self.width + at..][..V]);
            }
        }
        if let Some(start) = self.row_of_start {
            let start = &start[at..at + V];
            for sums in &mut sums {
                for (sum, start) in sums.iter_mut().zip(start) {
                    *sum = simd.add_f64s(*sum, *start);
                }
            }
        }
        for (inner, right) in self.right.chunks_exact(self.width).enumerate() {
            let right = &right[at..at + V];
            let left = self
                .left
                .entries::<R>(row, inner)
                .map(|value| simd.splat_f64s(value));
            for (sums, left) in sums.iter_mut().zip(left) {
                for (sum, right) in sums.iter_mut().zip(right) {
                    *sum = simd.mul_add_e_f64s(left, *right, *sum);
                }
            }
        }
        for (r, sums) in sums.iter().enumerate() {
            self.out[(row + r) * self.width + at..][..V].copy_from_slice(sums);
        }
    }
}

/// `out[i] = left · right[i]` for every row of the right factor, `left` as long as its stride.
#[inline(always)]
pub(super) fn multiply_by_rows<S: Simd>(simd: S, out: &mut [f64], left: &[f64], right: &[f64]) {
    let left = S::as_simd_f64s(left).0;
    let right = S::as_simd_f64s(right).0;
    let mut four = right.chunks_exact(4 * left.len());
    let mut outs = out.chunks_exact_mut(4);
    for (out, rows) in outs.by_ref().zip(four.by_ref()) {
        out.copy_from_slice(&dots::<S, 4>(simd, left, rows));
    }
    let rest = four.remainder().chunks_exact(left.len());
    for (out, row) in outs.into_remainder().iter_mut().zip(rest) {
        [*out] = dots::<S, 1>(simd, left, row);
    }
}

#[inline(always)]
fn dots<S: Simd, const R: usize>(simd: S, left: &[S::f64s], rows: &[S::f64s]) -> [f64; R] {
    let width = left.len();
    let rows: [&[S::f64s]; R] = std::array::from_fn(|r| &rows[r * width..(r + 1) * width]);
    let mut sums = [simd.splat_f64s(0.0); R];
    for (at, left) in left.iter().enumerate() {
        for (sum, row) in sums.iter_mut().zip(rows) {
            *sum = simd.mul_add_e_f64s(*left, row[at], *sum);
        }
    }
    sums.map(|sum| simd.reduce_sum_f64s(sum))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use pulp::{Arch, WithSimd};

    struct Both<'a> {
        left: &'a [f64],
        right: &'a [f64],
        sizes: (usize, usize, usize),
    }

    /// The product of left and right, of the transposed transpose and right, and by rows of the right
    /// factor's transpose, with the padding cut off.
    impl WithSimd for Both<'_> {
        type Output = [Vec<f64>; 3];

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) -> Self::Output {
            let (rows, inner, columns) = self.sizes;
            let pad = |width: usize| width.next_multiple_of(S::F64_LANES);
            let padded = |values: &[f64], width: usize| -> Vec<f64> {
                let pad_row = |row: &[f64]| {
                    let mut row = row.to_vec();
                    row.resize(pad(width), 0.0);
                    row
                };
                values.chunks(width).flat_map(pad_row).collect()
            };
            let transposed = |values: &[f64], width: usize| -> Vec<f64> {
                (0..width)
                    .flat_map(|j| values.iter().skip(j).step_by(width).copied())
                    .collect()
            };
            let cut = |values: &[f64]| -> Vec<f64> {
                values
                    .chunks(pad(columns))
                    .flat_map(|row| row[..columns].to_vec())
                    .collect()
            };
            let sizes = Sizes {
                rows,
                inner,
                stride: pad(columns),
            };
            let right = padded(self.right, columns);
            let bias = padded(&vec![0.5; columns], columns);
            let mut plain = vec![0.0; rows * sizes.stride];
            let left = Rows {
                values: self.left,
                stride: inner,
            };
            multiply(simd, &mut plain, Start::Row(&bias), left, &right, sizes);
            let mut other = plain.clone();
            let of_columns = transposed(self.left, inner);
            let left = Transposed {
                values: &of_columns,
                stride: rows,
            };
            multiply(simd, &mut other, Start::There, left, &right, sizes);
            let by_rows = padded(&transposed(self.right, columns), inner);
            let mut dots = vec![0.0; rows * columns];
            let left = padded(self.left, inner);
            for (out, left) in dots.chunks_mut(columns).zip(left.chunks(pad(inner))) {
                multiply_by_rows(simd, out, left, &by_rows);
            }
            [cut(&plain), cut(&other), dots]
        }
    }

    proptest! {
        #[test]
        fn products_are_sums_of_products(
            (rows, inner, columns) in (1..14_usize, 1..9_usize, 1..42_usize),
            values in prop::collection::vec(-1.0..1.0_f64, 14 * 9 + 9 * 42),
        ) {
            let (left, right) = values.split_at(14 * 9);
            let (left, right) = (&left[..rows * inner], &right[..inner * columns]);
            let sizes = (rows, inner, columns);
            let [plain, twice, dots] = Arch::new().dispatch(Both { left, right, sizes });
            for place in 0..rows * columns {
                let (row, column) = (place / columns, place % columns);
                let sum: f64 = (0..inner)
                    .map(|k| left[row * inner + k] * right[k * columns + column])
                    .sum();
                prop_assert!((plain[place] - sum - 0.5).abs() < 1e-14);
                prop_assert!((twice[place] - 2.0 * sum - 0.5).abs() < 1e-14);
                prop_assert!((dots[place] - sum).abs() < 1e-14);
            }
        }
    }
}

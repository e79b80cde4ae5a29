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
    if inner == 1 && matches!(start, Start::Zero) {
        for (row, out) in out.chunks_exact_mut(width).enumerate() {
            let [left] = left.entries::<1>(row, 0);
            let left = simd.splat_f64s(left);
            for (out, right) in out.iter_mut().zip(right) {
                *out = simd.mul_f64s(left, *right);
            }
        }
        return;
    }
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
            let left = self.left.entries::<R>(row, inner);
            for (sums, left) in sums.iter_mut().zip(&left) {
                let left = simd.splat_f64s(*left);
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

/// `out = left · rightᵀ`, for so many rows of the left factor and of the right one; both have the stride of
/// the sizes, `inner` is how many rows of the right factor there are, and of the result's rows the rest is
/// left alone.
#[inline(always)]
pub(super) fn multiply_by_rows<S: Simd>(
    simd: S,
    out: &mut [f64],
    out_stride: usize,
    left: &[f64],
    right: &[f64],
    sizes: Sizes,
) {
    let width = sizes.stride / S::F64_LANES;
    let left = &S::as_simd_f64s(left).0[..sizes.rows * width];
    let right = &S::as_simd_f64s(right).0[..sizes.inner * width];
    let outs = out.chunks_mut(2 * out_stride);
    for (out, left) in outs.zip(left.chunks(2 * width)) {
        if left.len() > width {
            rows_by_rows::<S, 2>(simd, out, out_stride, left, right, width);
        } else {
            rows_by_rows::<S, 1>(simd, out, out_stride, left, right, width);
        }
    }
}

/// `L` rows of the result.
#[inline(always)]
fn rows_by_rows<S: Simd, const L: usize>(
    simd: S,
    out: &mut [f64],
    out_stride: usize,
    left: &[S::f64s],
    right: &[S::f64s],
    width: usize,
) {
    let mut column = 0;
    let mut fours = right.chunks_exact(4 * width);
    for right in fours.by_ref() {
        let sums = dots::<S, L, 4>(simd, left, right, width);
        for (l, sums) in sums.iter().enumerate() {
            out[l * out_stride + column..][..4].copy_from_slice(sums);
        }
        column += 4;
    }
    for right in fours.remainder().chunks_exact(width) {
        let sums = dots::<S, L, 1>(simd, left, right, width);
        for (l, [sum]) in sums.iter().enumerate() {
            out[l * out_stride + column] = *sum;
        }
        column += 1;
    }
}

/// Sums of products of `L` rows with `R` rows.
#[inline(always)]
fn dots<S: Simd, const L: usize, const R: usize>(
    simd: S,
    left: &[S::f64s],
    right: &[S::f64s],
    width: usize,
) -> [[f64; R]; L] {
    let left: [&[S::f64s]; L] = std::array::from_fn(|l| &left[l * width..][..width]);
    let right: [&[S::f64s]; R] = std::array::from_fn(|r| &right[r * width..][..width]);
    let mut sums = [[simd.splat_f64s(0.0); R]; L];
    for at in 0..width {
        for (sums, left) in sums.iter_mut().zip(&left) {
            for (sum, right) in sums.iter_mut().zip(&right) {
                *sum = simd.mul_add_e_f64s(left[at], right[at], *sum);
            }
        }
    }
    let mut totals = [[0.0; R]; L];
    for (totals, sums) in totals.iter_mut().zip(&sums) {
        for (total, sum) in totals.iter_mut().zip(sums) {
            *total = simd.reduce_sum_f64s(*sum);
        }
    }
    totals
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
            let sizes = Sizes {
                rows,
                inner: columns,
                stride: pad(inner),
            };
            multiply_by_rows(simd, &mut dots, columns, &left, &by_rows, sizes);
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

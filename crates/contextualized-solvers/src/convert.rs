//! The passage between ndarray and faer.

use crate::check::below_the_diagonal;
use faer::{Mat, MatRef};
use ndarray::{Array2, ArrayView2, Axis, CowArray, Ix2};

/// The same matrix in standard layout: borrowed if it has it, copied once if not.
pub(crate) fn standard<'a>(view: &'a ArrayView2<f64>) -> CowArray<'a, f64, Ix2> {
    view.as_standard_layout()
}

/// The same matrix in one slice, row by row or column by column: borrowed if it is, copied once if not.
pub(crate) fn contiguous<'a>(view: &'a ArrayView2<f64>) -> CowArray<'a, f64, Ix2> {
    if view.t().is_standard_layout() {
        CowArray::from(view.reborrow())
    } else {
        standard(view)
    }
}

/// faer's view of a matrix in one slice, which [`standard`] and [`contiguous`] guarantee.
pub(crate) fn as_faer<'a>(matrix: ArrayView2<'a, f64>) -> MatRef<'a, f64> {
    let (rows, columns) = matrix.dim();
    if let Some(values) = matrix.to_slice() {
        MatRef::from_row_major_slice(values, rows, columns)
    } else {
        let values = matrix.reversed_axes().to_slice();
        let values = values.expect("a contiguous matrix is one slice");
        MatRef::from_column_major_slice(values, rows, columns)
    }
}

/// The values of a matrix row by row, copied only if they are not so already.
pub(crate) fn in_rows(matrix: Array2<f64>) -> Vec<f64> {
    let standard = if matrix.is_standard_layout() {
        matrix
    } else {
        matrix.as_standard_layout().into_owned()
    };
    let count = standard.len();
    let (values, offset) = standard.into_raw_vec_and_offset();
    if values.len() == count {
        values
    } else {
        // A part of what was allocated once.
        let first = offset.unwrap_or_default();
        values[first..first + count].to_vec()
    }
}

/// A copy that faer owns, to be overwritten in place.
pub(crate) fn to_faer(view: ArrayView2<f64>) -> Mat<f64> {
    as_faer(standard(&view).view()).to_owned()
}

/// A copy that ndarray owns, made tile by tile: faer's columns are contiguous, the rows here.
pub(crate) fn to_ndarray(matrix: MatRef<'_, f64>) -> Array2<f64> {
    const TILE: usize = 16;
    let mut copy = Array2::zeros(matrix.shape());
    for (tiles, mut rows) in copy.axis_chunks_iter_mut(Axis(0), TILE).enumerate() {
        for (tile, mut block) in rows.axis_chunks_iter_mut(Axis(1), TILE).enumerate() {
            for ((row, column), entry) in block.indexed_iter_mut() {
                *entry = matrix[(tiles * TILE + row, tile * TILE + column)];
            }
        }
    }
    copy
}

/// A symmetric matrix of which faer computed the lower triangle.
pub(crate) fn symmetric_from_lower(lower: MatRef<'_, f64>) -> Array2<f64> {
    let size = lower.nrows();
    let mut values = vec![0.0; size * size];
    // A column of the lower triangle is contiguous in faer and a row of the upper one here.
    for (column, row) in values.chunks_exact_mut(size.max(1)).enumerate() {
        let own = lower.col(column).iter().skip(column);
        row[column..]
            .iter_mut()
            .zip(own)
            .for_each(|(to, from)| *to = *from);
    }
    mirror_upper(&mut values, size);
    square(values, size)
}

/// Copies what is above the diagonal of a square matrix below it, given its values row by row.
pub(crate) fn mirror_upper(values: &mut [f64], size: usize) {
    below_the_diagonal(size, |row, column| {
        values[row * size + column] = values[column * size + row];
    });
}

/// Copies what is below the diagonal of a square matrix above it; other matrices are left as they are.
///
/// ```
/// use ndarray::array;
///
/// let mut matrix = array![[1.0, 0.0], [2.0, 3.0]];
/// contextualized_solvers::mirror_lower(&mut matrix);
/// assert_eq!(matrix, array![[1.0, 2.0], [2.0, 3.0]]);
/// ```
pub fn mirror_lower(matrix: &mut Array2<f64>) {
    let size = matrix.nrows();
    let is_square = matrix.is_square();
    match matrix.as_slice_mut() {
        Some(values) if is_square => below_the_diagonal(size, |row, column| {
            values[column * size + row] = values[row * size + column];
        }),
        Some(_) => {}
        None if is_square => below_the_diagonal(size, |row, column| {
            matrix[[column, row]] = matrix[[row, column]];
        }),
        None => {}
    }
}

/// A square matrix of so many values, row by row.
pub(crate) fn square(values: Vec<f64>, size: usize) -> Array2<f64> {
    Array2::from_shape_vec((size, size), values).expect("as many values as entries")
}

#[cfg(test)]
mod tests {
    use ndarray::{array, s};

    use super::*;

    #[test]
    fn standard_layout_is_borrowed_and_other_layouts_copied() {
        let matrix = array![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]];
        assert!(standard(&matrix.view()).is_view());
        assert!(!standard(&matrix.t()).is_view());
        assert!(!standard(&matrix.slice(s![.., ..;2])).is_view());
    }

    #[test]
    fn values_are_in_rows_whatever_the_layout() {
        let matrix = array![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]];
        assert_eq!(in_rows(matrix.clone()), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        let turned = matrix.clone().reversed_axes();
        assert!(contiguous(&turned.view()).is_view());
        assert_eq!(in_rows(turned), [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
        let part = matrix.slice_move(s![1.., ..]);
        assert_eq!(in_rows(part), [4.0, 5.0, 6.0]);
    }

    #[test]
    fn every_layout_survives_the_round_trip() {
        let matrix = array![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]];
        for view in [
            matrix.view(),
            matrix.t(),
            matrix.slice(s![.., ..;-1]),
            matrix.slice(s![..1, 1..]),
            matrix.slice(s![.., 1..2]),
        ] {
            assert_eq!(to_ndarray(to_faer(view).as_ref()), view);
        }
    }
}

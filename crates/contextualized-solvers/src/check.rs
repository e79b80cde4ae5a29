//! Checks shared by every public function: of what comes in and of what goes out.

use ndarray::ArrayView2;

use crate::{Error, Result, vectorized};

/// Mirrored entries may differ by this, relative to the larger of them and √(aᵢᵢ aⱼⱼ): far above
/// the rounding of a matrix computed twice over, far below a mistake.
const SYMMETRY_TOLERANCE: f64 = 1e-10;

/// At least one row and one column, all values finite.
pub(crate) fn matrix(argument: &'static str, matrix: ArrayView2<f64>) -> Result<()> {
    not_empty(argument, matrix)?;
    finite(argument, matrix)
}

/// At least one row and one column.
fn not_empty(argument: &'static str, matrix: ArrayView2<f64>) -> Result<()> {
    let (rows, columns) = matrix.dim();
    if rows == 0 || columns == 0 {
        return Err(Error::Empty {
            argument,
            rows,
            columns,
        });
    }
    Ok(())
}

/// All values finite.
pub(crate) fn finite(argument: &'static str, matrix: ArrayView2<f64>) -> Result<()> {
    match first_not_finite(matrix) {
        Some((row, column)) => Err(Error::NotFinite {
            argument,
            row,
            column,
            value: matrix[[row, column]],
        }),
        None => Ok(()),
    }
}

/// A [`matrix`] with as many rows as columns.
pub(crate) fn square(argument: &'static str, matrix: ArrayView2<f64>) -> Result<()> {
    shape(argument, matrix)?;
    finite(argument, matrix)
}

/// As many rows as columns, one at least.
pub(crate) fn shape(argument: &'static str, matrix: ArrayView2<f64>) -> Result<()> {
    not_empty(argument, matrix)?;
    let (rows, columns) = matrix.dim();
    if rows != columns {
        return Err(Error::NotSquare {
            argument,
            rows,
            columns,
        });
    }
    Ok(())
}

/// A square matrix that equals its transpose up to rounding.
pub(crate) fn symmetric(argument: &'static str, matrix: ArrayView2<f64>) -> Result<()> {
    let size = matrix.nrows();
    let roots = matrix.diag().mapv(|a| a.abs().sqrt()).to_vec();
    let standard = matrix.as_standard_layout();
    let values = standard.as_slice().unwrap_or_default();
    let mut found: Option<(usize, usize)> = None;
    below_the_diagonal(size, |row, column| {
        let (value, mirrored) = (values[row * size + column], values[column * size + row]);
        if value != mirrored {
            let larger = value.abs().max(mirrored.abs());
            let scale = larger.max(roots[row] * roots[column]);
            if (value - mirrored).abs() > SYMMETRY_TOLERANCE * scale {
                found = Some(found.map_or((row, column), |first| first.min((row, column))));
            }
        }
    });
    match found {
        Some((row, column)) => Err(Error::NotSymmetric {
            argument,
            row,
            column,
            value: matrix[[row, column]],
            mirrored: matrix[[column, row]],
        }),
        None => Ok(()),
    }
}

/// Visits row and column of all entries below the diagonal, tile by tile: those mirrored are near each other, too.
#[inline(always)]
pub(crate) fn below_the_diagonal(size: usize, mut visit: impl FnMut(usize, usize)) {
    const TILE: usize = 16;
    for rows in (0..size).step_by(TILE) {
        for columns in (0..=rows).step_by(TILE) {
            for row in rows..size.min(rows + TILE) {
                for column in columns..row.min(columns + TILE) {
                    visit(row, column);
                }
            }
        }
    }
}

/// `found` equals `expected`.
pub(crate) fn size(
    argument: &'static str,
    dimension: &'static str,
    expected: usize,
    found: usize,
) -> Result<()> {
    if found != expected {
        return Err(Error::Shape {
            argument,
            dimension,
            expected,
            found,
        });
    }
    Ok(())
}

/// Computed values are finite: with finite input, anything else is an overflow.
pub(crate) fn computed(quantity: &'static str, values: ArrayView2<f64>) -> Result<()> {
    match first_not_finite(values) {
        Some((row, column)) => Err(Error::Overflow {
            quantity,
            row,
            column,
        }),
        None => Ok(()),
    }
}

fn first_not_finite(values: ArrayView2<f64>) -> Option<(usize, usize)> {
    // All at once, as nearly always none is found.
    if let Some(values) = values.as_slice_memory_order()
        && vectorized(
            #[inline(always)]
            || {
                values
                    .iter()
                    .fold(true, |all, value| all & value.is_finite())
            },
        )
    {
        return None;
    }
    values
        .indexed_iter()
        .find(|(_, value)| !value.is_finite())
        .map(|(place, _)| place)
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;

    #[test]
    fn all_entries_below_the_diagonal_are_visited_once() {
        for size in [0, 1, 5, 16, 17, 40] {
            let mut visited = Vec::new();
            below_the_diagonal(size, |row, column| visited.push((row, column)));
            visited.sort_unstable();
            let all = (0..size).flat_map(|row| (0..row).map(move |column| (row, column)));
            assert_eq!(visited, all.collect::<Vec<_>>());
        }
    }

    #[test]
    fn empty_matrices_are_named() {
        for (rows, columns) in [(0, 0), (0, 3), (3, 0)] {
            assert_eq!(
                matrix("design", Array2::zeros((rows, columns)).view()),
                Err(Error::Empty {
                    argument: "design",
                    rows,
                    columns
                })
            );
        }
    }

    #[test]
    fn the_first_value_that_is_not_finite_is_named() {
        let values = array![[0.0, 1.0], [f64::INFINITY, f64::NEG_INFINITY]];
        assert_eq!(
            matrix("design", values.view()),
            Err(Error::NotFinite {
                argument: "design",
                row: 1,
                column: 0,
                value: f64::INFINITY
            })
        );
        assert!(matches!(
            matrix("targets", array![[0.0, f64::NAN]].view()),
            Err(Error::NotFinite { row: 0, column: 1, value, .. }) if value.is_nan()
        ));
        assert_eq!(
            computed("coefficient", values.view()),
            Err(Error::Overflow {
                quantity: "coefficient",
                row: 1,
                column: 0
            })
        );
    }

    #[test]
    fn asymmetry_beyond_rounding_is_refused() {
        let mut matrix = array![[2.0, 1.0, 0.0], [1.0, 3.0, 0.5], [0.0, 0.5, 1.0]];
        matrix[[2, 0]] = 1e-12;
        assert_eq!(symmetric("matrix", matrix.view()), Ok(()));
        matrix[[2, 1]] = 0.75;
        assert_eq!(
            symmetric("matrix", matrix.view()),
            Err(Error::NotSymmetric {
                argument: "matrix",
                row: 2,
                column: 1,
                value: 0.75,
                mirrored: 0.5
            })
        );
    }

    #[test]
    fn shapes_are_compared() {
        assert_eq!(
            square("matrix", Array2::zeros((2, 3)).view()),
            Err(Error::NotSquare {
                argument: "matrix",
                rows: 2,
                columns: 3
            })
        );
        assert_eq!(size("targets", "rows", 3, 3), Ok(()));
        assert!(size("targets", "rows", 3, 2).is_err());
    }
}

//! Whether a direction of the coefficients raises the likelihood for ever.

use contextualized_solvers as solvers;
use ndarray::{Array1, Array2, Axis};

/// What a unit vector's product may owe to rounding, relative to the terms summed.
const ROUNDING: f64 = 16.0 * f64::EPSILON;

/// Rows to try per column, a few of which are usual, before the answer is no.
const ROUNDS: usize = 100;

/// Whether some direction δ of the coefficients moves no row against its side and some towards it:
/// `sᵢ xᵢ · δ ≥ 0` for all rows and not always zero, with `xᵢ` row i of the design and `sᵢ` its side,
/// 1 or −1; rows of side 0 must not move at all. Sides are those on which the likelihood of a target
/// rises for ever, such as that of the class of a binary target. The maximum-likelihood estimate is
/// then infinite, and only then (Albert and Anderson 1984, doi:10.1093/biomet/71.1.1).
///
/// Either there is such a direction or positive multiples of all rows sum to zero (Stiemke's
/// theorem). So minimise `‖Σ_i (1 + v_i) a_i‖` over `v ≥ 0`, `a_i` the rows times their sides: a
/// remainder that is not zero is itself the direction, by the conditions of the minimum. The
/// active-set method for non-negative least squares is that of Lawson and Hanson (1995,
/// doi:10.1137/1.9781611971217, chapter 23).
///
/// Rows are scaled to unit length, so that one far out does not hide the others. A row that misses
/// its side by no more than rounding counts as lying between the classes.
///
/// # Errors
///
/// Those of the solver, where a product overflows.
pub(crate) fn is_separated(design: &Array2<f64>, sides: &Array1<f64>) -> solvers::Result<bool> {
    let (fixed, movable): (Vec<usize>, Vec<usize>) =
        (0..sides.len()).partition(|&row| sides[row] == 0.0);
    if fixed.is_empty() {
        return is_separated_by_any(design, sides);
    }
    let free = directions_without(&design.select(Axis(0), &fixed))?;
    if free.ncols() == 0 || movable.is_empty() {
        return Ok(false);
    }
    let design = design.select(Axis(0), &movable).dot(&free);
    is_separated_by_any(&design, &sides.select(Axis(0), &movable))
}

/// A basis (columns × directions) of the directions that move none of these rows.
fn directions_without(rows: &Array2<f64>) -> solvers::Result<Array2<f64>> {
    let eigen = solvers::symmetric_eigen(rows.t().dot(rows).view())?;
    let largest = eigen
        .values
        .iter()
        .fold(0.0_f64, |most, value| most.max(value.abs()));
    let none = largest * ROUNDING * rows.nrows() as f64;
    let free: Vec<usize> = (0..eigen.values.len())
        .filter(|&direction| eigen.values[direction] <= none)
        .collect();
    Ok(eigen.vectors.select(Axis(1), &free))
}

/// The same of rows that all have a side, which those that no direction moves do not have.
fn is_separated_by_any(design: &Array2<f64>, sides: &Array1<f64>) -> solvers::Result<bool> {
    let mut rows = design * &sides.view().insert_axis(Axis(1));
    for mut row in rows.rows_mut() {
        let length = row.dot(&row).sqrt();
        if length > ROUNDING {
            row /= length;
        } else {
            row.fill(0.0);
        }
    }
    let sum = rows.sum_axis(Axis(0));
    let mut multipliers = Array1::<f64>::zeros(rows.nrows());
    let mut positive: Vec<usize> = Vec::new();
    for _ in 0..ROUNDS * rows.ncols() {
        let remainder = &sum + &rows.t().dot(&multipliers);
        let rounding = ROUNDING * (rows.nrows() as f64 + multipliers.sum());
        if remainder.dot(&remainder).sqrt() <= rounding {
            return Ok(false);
        }
        let gains = rows.dot(&remainder);
        let worst = (0..rows.nrows())
            .filter(|row| !positive.contains(row))
            .min_by(|&a, &b| gains[a].total_cmp(&gains[b]));
        match worst {
            Some(row) if gains[row] < -rounding => positive.push(row),
            _ => return Ok(true),
        }
        minimise(&rows, &sum, &mut positive, &mut multipliers)?;
    }
    Ok(false)
}

/// Minimises over the multipliers of the given rows, from which those that reach zero are struck.
fn minimise(
    rows: &Array2<f64>,
    sum: &Array1<f64>,
    positive: &mut Vec<usize>,
    multipliers: &mut Array1<f64>,
) -> solvers::Result<()> {
    let target = (-sum).insert_axis(Axis(1));
    while !positive.is_empty() {
        let design = rows.select(Axis(0), positive).reversed_axes();
        let free = solvers::least_squares(design.view(), target.view(), None)?.into_solution();
        // The row whose multiplier is the first to reach zero on the way to the free minimum.
        let (mut step, mut first) = (1.0, None);
        for (&row, &free) in positive.iter().zip(&free) {
            if free <= 0.0 {
                let reach = if multipliers[row] > 0.0 {
                    multipliers[row] / (multipliers[row] - free)
                } else {
                    0.0
                };
                if first.is_none() || reach < step {
                    (step, first) = (reach, Some(row));
                }
            }
        }
        for (&row, &free) in positive.iter().zip(&free) {
            multipliers[row] = (multipliers[row] + step * (free - multipliers[row])).max(0.0);
        }
        let Some(first) = first else {
            return Ok(());
        };
        multipliers[first] = 0.0;
        positive.retain(|&row| multipliers[row] > 0.0);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{array, concatenate};

    fn separated(x: &[f64], sides: &[f64]) -> bool {
        let x = Array2::from_shape_vec((x.len(), 1), x.to_vec()).unwrap();
        let design = concatenate![Axis(1), Array2::ones(x.dim()), x];
        is_separated(&design, &Array1::from_vec(sides.to_vec())).unwrap()
    }

    #[test]
    fn a_threshold_separates_or_not() {
        let sides = [-1.0, -1.0, 1.0, 1.0];
        assert!(separated(&[0.0, 1.0, 2.0, 3.0], &sides));
        assert!(separated(&[0.0, 1.0, 1.0, 3.0], &sides));
        assert!(separated(&[3.0, 1.0, 1.0, 0.0], &sides));
        assert!(!separated(&[0.0, 2.0, 1.0, 3.0], &sides));
        assert!(!separated(&[1.0, 1.0, 1.0, 1.0], &sides));
        assert!(separated(&[0.0, 2.0, 1.0, 3.0], &[1.0; 4]));
    }

    #[test]
    fn a_row_far_out_does_not_hide_the_others() {
        let sides = [-1.0, -1.0, 1.0, 1.0, 1.0];
        assert!(separated(&[0.0, 1.0, 2.0, 3.0, 1e9], &sides));
        assert!(!separated(&[0.0, 2.0, 1.0, 3.0, 1e9], &sides));
        assert!(!separated(&[0.0, 1.0, 2.0, 3.0, -1e9], &sides));
    }

    /// Many rows and columns: noise overlaps, and a dummy that one class alone has separates.
    #[test]
    fn one_column_of_many_may_separate() {
        let (rows, columns) = (600, 12);
        let noise = |i: usize, j: usize| (1.7 * ((i + 1) * (j + 2)) as f64).sin();
        let sides = Array1::from_shape_fn(rows, |i| if (i * i) % 7 < 3 { 1.0 } else { -1.0 });
        let mut design = Array2::from_shape_fn((rows, columns), |(i, j)| match j {
            0 => 1.0,
            _ => noise(i, j),
        });
        assert!(!is_separated(&design, &sides).unwrap());
        let dummy = sides.mapv(|side| f64::from(u8::from(side > 0.0)));
        for (i, has) in dummy.iter().enumerate() {
            design[[i, 5]] = has * f64::from(u8::from(i % 20 == 0));
        }
        assert!(is_separated(&design, &sides).unwrap());
    }

    #[test]
    fn rows_of_zeros_belong_to_neither_side() {
        let design = array![[0.0], [1.0], [2.0]];
        assert!(is_separated(&design, &array![-1.0, 1.0, 1.0]).unwrap());
        assert!(!is_separated(&design, &array![-1.0, 1.0, -1.0]).unwrap());
    }
}

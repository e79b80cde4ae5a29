//! Bases of functions of a number, as R's `poly`, `bs`, `ns` and `scale` make them, with what they found in the
//! training rows.

use crate::error::{Error, Result};
use crate::formula::Basis;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2};
use serde::{Deserialize, Serialize};
use std::f64::consts::TAU;

/// A basis whose constants are known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Trained {
    /// Polynomials p₀ = 1, p₁, … by the recurrence pₖ₊₁ = (x − αₖ) pₖ − (νₖ / νₖ₋₁) pₖ₋₁ with ν₀ = 1 at first,
    /// over the roots of their sums of squares ν over the training rows.
    Orthogonal {
        alpha: Vec<f64>,
        squares: Vec<f64>,
    },
    Powers {
        degree: usize,
    },
    /// All B-splines of these knots but the first.
    BSpline {
        knots: Vec<f64>,
        degree: usize,
    },
    /// Cubic B-splines times a matrix that leaves those without curvature at the ends, and straight lines beyond.
    Natural {
        knots: Vec<f64>,
        matrix: Array2<f64>,
    },
    Scaled {
        center: f64,
        scale: f64,
    },
    Cyclic {
        period: f64,
    },
}

impl Trained {
    /// Finds the constants of a basis from numbers, of which `name` is the term.
    pub(super) fn new(basis: &Basis, values: &[f64], name: &str) -> Result<Self> {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        sorted.dedup();
        let distinct = sorted.len();
        let too_few = |needed: usize| {
            Error::failure(format!(
                "{name} needs {needed} different values, and there are {distinct}; use fewer functions"
            ))
        };
        match basis {
            Basis::Polynomial { degree, .. } if *degree >= distinct => Err(too_few(degree + 1)),
            Basis::Polynomial { degree, raw: true } => Ok(Self::Powers { degree: *degree }),
            Basis::Polynomial { degree, raw: false } => Ok(orthogonal(values, *degree)),
            Basis::BSpline {
                functions,
                knots,
                degree,
            } => {
                let fewest = *degree;
                let functions = functions.unwrap_or(fewest + knots.len());
                let Some(inside) = functions.checked_sub(fewest) else {
                    return Err(Error::usage(format!(
                        "{name} in the formula needs df of at least its degree {degree}"
                    )));
                };
                if functions >= distinct {
                    return Err(too_few(functions + 1));
                }
                Ok(Self::BSpline {
                    knots: all_knots(values, knots, inside, *degree, name)?,
                    degree: *degree,
                })
            }
            Basis::NaturalSpline { functions, knots } => {
                let functions = functions.unwrap_or(1 + knots.len());
                if functions >= distinct {
                    return Err(too_few(functions + 1));
                }
                let knots = all_knots(values, knots, functions - 1, 3, name)?;
                let matrix = without_curvature(&knots);
                Ok(Self::Natural { knots, matrix })
            }
            Basis::Scale { center, scale } => scaled(values, *center, *scale, name),
            Basis::Cyclic { period } => Ok(Self::Cyclic { period: *period }),
        }
    }

    /// What its columns are called; one that is alone needs no name.
    pub(super) fn parts(&self) -> Vec<String> {
        if let Self::Cyclic { .. } = self {
            return vec!["sin".to_owned(), "cos".to_owned()];
        }
        (1..=self.columns()).map(|part| part.to_string()).collect()
    }

    /// How many columns it has.
    pub fn columns(&self) -> usize {
        match self {
            Self::Orthogonal { alpha, .. } => alpha.len(),
            Self::Powers { degree } => *degree,
            Self::BSpline { knots, degree } => knots.len().saturating_sub(degree + 2),
            Self::Natural { matrix, .. } => matrix.ncols(),
            Self::Scaled { .. } => 1,
            Self::Cyclic { .. } => 2,
        }
    }

    /// Whether stored constants fit together.
    pub(super) fn is_consistent(&self) -> bool {
        let ascending = |knots: &[f64]| {
            knots.iter().all(|knot| knot.is_finite())
                && knots.windows(2).all(|pair| pair[0] <= pair[1])
        };
        let spline = |knots: &[f64], order: usize| {
            ascending(knots)
                && order <= 102
                && knots.len() >= 2 * order
                && knots[order - 1] < knots[knots.len() - order]
        };
        match self {
            Self::Orthogonal { alpha, squares } => {
                !alpha.is_empty()
                    && squares.len() == alpha.len() + 2
                    && squares.iter().all(|square| *square > 0.0)
            }
            Self::Powers { degree } => (1..=100).contains(degree),
            Self::BSpline { knots, degree } => spline(knots, degree + 1),
            Self::Natural { knots, matrix } => {
                spline(knots, 4) && matrix.nrows() == knots.len() - 5 && matrix.ncols() > 0
            }
            Self::Scaled { center, scale } => center.is_finite() && *scale != 0.0,
            Self::Cyclic { period } => *period > 0.0,
        }
    }

    /// The numbers at which the functions have these values (rows × columns), where these say so: the columns of a
    /// spline do not, at once.
    pub fn arguments(&self, table: ArrayView2<'_, f64>) -> Vec<f64> {
        let argument = |row: ArrayView1<'_, f64>| match self {
            Self::Orthogonal { alpha, squares } => Some(alpha[0] + row[0] * squares[2].sqrt()),
            Self::Powers { .. } => Some(row[0]),
            Self::Scaled { center, scale } => Some(center + row[0] * scale),
            Self::Cyclic { period } => {
                let turn = row[0].atan2(row[1]) / TAU;
                Some(period * turn.rem_euclid(1.0))
            }
            Self::BSpline { .. } | Self::Natural { .. } => None,
        };
        table.rows().into_iter().filter_map(argument).collect()
    }

    /// Numbers, evenly spaced, over the range that a basis was made from: of the rows that it was, of a spline that
    /// between its outer knots, and one period.
    pub fn grid(&self, rows: &[f64], points: usize) -> Vec<f64> {
        let (low, high) = match self {
            Self::BSpline { knots, .. } | Self::Natural { knots, .. } => {
                (knots[0], knots[knots.len() - 1])
            }
            Self::Cyclic { period } => (0.0, *period),
            Self::Orthogonal { .. } | Self::Powers { .. } | Self::Scaled { .. } => {
                let ends = (f64::INFINITY, f64::NEG_INFINITY);
                rows.iter()
                    .fold(ends, |(low, high), row| (low.min(*row), high.max(*row)))
            }
        };
        let step = (high - low) / (points.max(2) - 1) as f64;
        (0..points).map(|point| low + point as f64 * step).collect()
    }

    /// The functions at these numbers (rows × columns); missing where a number is.
    pub fn table(&self, values: &[f64]) -> Array2<f64> {
        let mut table = Array2::from_elem((values.len(), self.columns()), f64::NAN);
        for (mut row, &value) in table.rows_mut().into_iter().zip(values) {
            if value.is_finite() {
                row.assign(&self.at(value));
            }
        }
        table
    }

    fn at(&self, x: f64) -> Array1<f64> {
        match self {
            Self::Orthogonal { alpha, squares } => {
                let mut polynomials = vec![1.0, x - alpha[0]];
                for k in 1..alpha.len() {
                    let ratio = squares[k + 1] / squares[k];
                    let next = (x - alpha[k]) * polynomials[k] - ratio * polynomials[k - 1];
                    polynomials.push(next);
                }
                let own = polynomials[1..].iter().zip(&squares[2..]);
                own.map(|(value, square)| value / square.sqrt()).collect()
            }
            Self::Powers { degree } => (1..=*degree).map(|power| x.powi(power as i32)).collect(),
            Self::BSpline { knots, degree } => {
                Array1::from_vec(b_splines(knots, degree + 1, x, 0).split_off(1))
            }
            Self::Natural { knots, matrix } => {
                let (low, high) = (knots[0], knots[knots.len() - 1]);
                let inside = x.clamp(low, high);
                let mut row = Array1::from_vec(b_splines(knots, 4, inside, 0).split_off(1));
                if x != inside {
                    let slopes = Array1::from_vec(b_splines(knots, 4, inside, 1).split_off(1));
                    row.scaled_add(x - inside, &slopes);
                }
                row.dot(matrix)
            }
            Self::Scaled { center, scale } => Array1::from_elem(1, (x - center) / scale),
            Self::Cyclic { period } => {
                let angle = TAU * x / period;
                Array1::from_vec(vec![angle.sin(), angle.cos()])
            }
        }
    }
}

/// Forsythe's recurrence, as in R's `poly`.
fn orthogonal(values: &[f64], degree: usize) -> Trained {
    let mut before = vec![0.0; values.len()];
    let mut current = vec![1.0; values.len()];
    let mut alpha = Vec::with_capacity(degree);
    let mut squares = vec![1.0, values.len() as f64];
    for k in 0..degree {
        let total: f64 = values.iter().zip(&current).map(|(x, p)| x * p * p).sum();
        alpha.push(total / squares[k + 1]);
        let ratio = if k == 0 {
            0.0
        } else {
            squares[k + 1] / squares[k]
        };
        let rows = values.iter().zip(current.iter().zip(&before));
        let next: Vec<f64> = rows
            .map(|(x, (p, q))| (x - alpha[k]) * p - ratio * q)
            .collect();
        squares.push(next.iter().map(|p| p * p).sum());
        before = std::mem::replace(&mut current, next);
    }
    Trained::Orthogonal { alpha, squares }
}

fn scaled(values: &[f64], center: bool, scale: bool, name: &str) -> Result<Trained> {
    let rows = values.len() as f64;
    let center = if center {
        values.iter().sum::<f64>() / rows
    } else {
        0.0
    };
    let square: f64 = values.iter().map(|value| (value - center).powi(2)).sum();
    let scale = if scale {
        (square / (rows - 1.0).max(1.0)).sqrt()
    } else {
        1.0
    };
    if scale > 0.0 {
        Ok(Trained::Scaled { center, scale })
    } else {
        Err(Error::failure(format!(
            "{name} has the same value in all rows and can explain nothing; leave it out of the formula"
        )))
    }
}

/// Boundary knots as often as the order, and those inside: given, or so many quantiles.
fn all_knots(
    values: &[f64],
    given: &[f64],
    inside: usize,
    degree: usize,
    name: &str,
) -> Result<Vec<f64>> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (low, high) = (sorted[0], sorted[sorted.len() - 1]);
    let quantile = |share: f64| {
        let place = share * (sorted.len() - 1) as f64;
        let below = place.floor() as usize;
        let above = (below + 1).min(sorted.len() - 1);
        sorted[below] + (place - below as f64) * (sorted[above] - sorted[below])
    };
    let mut knots: Vec<f64> = if given.is_empty() {
        let shares = (1..=inside).map(|knot| knot as f64 / (inside + 1) as f64);
        shares.map(quantile).collect()
    } else {
        given.to_vec()
    };
    knots.sort_by(f64::total_cmp);
    if let Some(outside) = knots.iter().find(|knot| **knot <= low || **knot >= high) {
        return Err(Error::failure(format!(
            "{name} has a knot at {outside}, and its values go from {low} to {high}; use fewer functions, or knots within"
        )));
    }
    let ends = |end: f64| std::iter::repeat_n(end, degree + 1);
    Ok(ends(low).chain(knots).chain(ends(high)).collect())
}

/// All B-splines of an order at a number, or their derivatives; beyond the ends the polynomials go on.
fn b_splines(knots: &[f64], order: usize, x: f64, derivative: usize) -> Vec<f64> {
    let count = knots.len() - order;
    // The last span that begins at or below x and is not empty.
    let spans = order - 1..count;
    let mut span = order - 1;
    for place in spans {
        if knots[place] <= x && knots[place] < knots[place + 1] {
            span = place;
        }
    }
    if knots[span] >= knots[span + 1] {
        span = (order - 1..count)
            .find(|&place| knots[place] < knots[place + 1])
            .unwrap_or(span);
    }
    let mut values = vec![0.0; knots.len() - 1];
    values[span] = 1.0;
    let ratio = |value: f64, width: f64| if width > 0.0 { value / width } else { 0.0 };
    for current in 2..=order {
        let differentiate = current > order - derivative;
        for place in 0..knots.len() - current {
            let left = knots[place + current - 1] - knots[place];
            let right = knots[place + current] - knots[place + 1];
            let (rising, falling) = if differentiate {
                (current as f64 - 1.0, 1.0 - current as f64)
            } else {
                (x - knots[place], knots[place + current] - x)
            };
            values[place] =
                ratio(rising * values[place], left) + ratio(falling * values[place + 1], right);
        }
    }
    values.truncate(count);
    values
}

/// The matrix that leaves combinations of cubic B-splines (but the first) without curvature at both ends: the
/// last columns of the orthogonal matrix by which Householder's reflections make the two curvatures triangular,
/// with the signs of LINPACK, which are R's.
fn without_curvature(knots: &[f64]) -> Array2<f64> {
    let ends = [knots[0], knots[knots.len() - 1]];
    let mut constraints = ends.map(|end| b_splines(knots, 4, end, 2).split_off(1));
    let size = constraints[0].len();
    let mut reflections: Vec<Vec<f64>> = Vec::new();
    let reflect = |by: &[f64], first: usize, row: &mut [f64]| {
        let product: f64 = by.iter().zip(&row[first..]).map(|(a, b)| a * b).sum();
        let factor = -product / by[0];
        for (value, by) in row[first..].iter_mut().zip(by) {
            *value += factor * by;
        }
    };
    for first in 0..2 {
        let column = constraints[first].clone();
        let norm = column[first..]
            .iter()
            .map(|value| value * value)
            .sum::<f64>()
            .sqrt();
        let norm = if column[first] < 0.0 { -norm } else { norm };
        let mut by: Vec<f64> = column[first..].iter().map(|value| value / norm).collect();
        by[0] += 1.0;
        for other in &mut constraints[first..] {
            reflect(&by, first, other);
        }
        reflections.push(by);
    }
    let mut matrix = Array2::zeros((size, size - 2));
    for place in 0..size {
        let mut row = vec![0.0; size];
        row[place] = 1.0;
        for (first, by) in reflections.iter().enumerate() {
            reflect(by, first, &mut row);
        }
        matrix
            .row_mut(place)
            .assign(&Array1::from_vec(row.split_off(2)));
    }
    matrix
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn values() -> Vec<f64> {
        (0..25)
            .map(|i| f64::from(i * i % 23) + f64::from(i) / 10.0)
            .collect()
    }

    fn is(basis: &Basis, at: f64, expected: &[f64]) {
        let trained = Trained::new(basis, &values(), "x").unwrap();
        assert!(trained.is_consistent());
        assert_eq!(trained.columns(), trained.parts().len());
        let found = trained.at(at);
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(expected) {
            assert!(
                (found - expected).abs() < 1e-9,
                "{basis:?} at {at}: {found} {expected}"
            );
        }
    }

    /// Right values: R 4.2, `i <- 0:24; x <- (i*i) %% 23 + i/10`, `predict(poly(x, 3), 3.7)` and so on.
    #[test]
    fn bases_are_those_of_r() {
        let poly = Basis::Polynomial {
            degree: 3,
            raw: false,
        };
        is(
            &poly,
            3.7,
            &[-0.169368776805969, 0.013688671242777, 0.145463413681617],
        );
        is(
            &poly,
            26.0,
            &[0.60143198294365, 1.56268331835738, 4.14277633886500],
        );
        let bs = Basis::BSpline {
            functions: Some(5),
            knots: vec![],
            degree: 3,
        };
        is(
            &bs,
            3.7,
            &[
                0.470067282061716,
                0.472020648903766,
                0.056224886224886,
                0.0,
                0.0,
            ],
        );
        is(
            &bs,
            22.0,
            &[
                0.0,
                -0.0061613383412691,
                0.172324176666398,
                -1.3334740534686258,
                2.167311215143497,
            ],
        );
        is(
            &bs,
            -1.0,
            &[
                -0.9699075747313224,
                0.0731663718676706,
                -0.0011100011100011,
                0.0,
                0.0,
            ],
        );
        let quadratic = Basis::BSpline {
            functions: Some(4),
            knots: vec![],
            degree: 2,
        };
        is(
            &quadratic,
            3.7,
            &[0.68950731807875, 0.29632034632035, 0.0, 0.0],
        );
        is(
            &quadratic,
            26.0,
            &[0.0, 0.32487504805844, -2.43906189926951, 3.11418685121107],
        );
        let knots = Basis::BSpline {
            functions: None,
            knots: vec![5.0, 12.0],
            degree: 3,
        };
        is(
            &knots,
            3.7,
            &[
                0.537118722222222,
                0.402012115384615,
                0.043293162393162,
                0.0,
                0.0,
            ],
        );
        let ns = Basis::NaturalSpline {
            functions: Some(4),
            knots: vec![],
        };
        is(
            &ns,
            3.7,
            &[
                0.14189469320066,
                -0.17663001216806,
                0.53278561047414,
                -0.35615559830608,
            ],
        );
        is(
            &ns,
            26.0,
            &[0.0, -1.27818464690927, 0.65878647592304, 1.61939817098623],
        );
        is(
            &ns,
            -1.0,
            &[
                0.0,
                0.069248938684181,
                -0.208882044555564,
                0.139633105871382,
            ],
        );
        let ns = Basis::NaturalSpline {
            functions: None,
            knots: vec![5.0, 12.0],
        };
        is(
            &ns,
            22.0,
            &[-0.50966022651566, 0.49500333111259, 1.01465689540306],
        );
        let scale = |center| Basis::Scale {
            center,
            scale: true,
        };
        is(&scale(true), 3.7, &[-0.82973416306791]);
        is(&scale(false), 3.7, &[0.34974727605936]);
        is(
            &Basis::Polynomial {
                degree: 2,
                raw: true,
            },
            3.0,
            &[3.0, 9.0],
        );
        is(&Basis::Cyclic { period: 24.0 }, 6.0, &[1.0, 0.0]);
    }

    #[test]
    fn functions_say_where_they_are_taken() {
        let data: Vec<f64> = (0..12).map(|i| f64::from(i * i) / 7.0).collect();
        for basis in [
            Basis::Polynomial {
                degree: 3,
                raw: false,
            },
            Basis::Polynomial {
                degree: 2,
                raw: true,
            },
            Basis::Cyclic { period: 24.0 },
        ] {
            let trained = Trained::new(&basis, &data, "c").unwrap();
            let found = trained.arguments(trained.table(&data).view());
            for (found, value) in found.iter().zip(&data) {
                assert!((found - value).abs() < 1e-9, "{basis:?}");
            }
            let grid = trained.grid(&found, 5);
            assert_eq!(grid.len(), 5);
        }
        let spline = Basis::NaturalSpline {
            functions: Some(3),
            knots: vec![],
        };
        let trained = Trained::new(&spline, &data, "c").unwrap();
        assert!(trained.arguments(trained.table(&data).view()).is_empty());
        let grid = trained.grid(&[], 3);
        assert_eq!((grid[0], grid[2]), (data[0], data[11]));
    }

    #[test]
    fn what_data_cannot_carry_is_said() {
        let few = [1.0, 2.0, 2.0, 1.0];
        for basis in [
            Basis::Polynomial {
                degree: 2,
                raw: false,
            },
            Basis::BSpline {
                functions: Some(4),
                knots: vec![],
                degree: 3,
            },
            Basis::NaturalSpline {
                functions: Some(3),
                knots: vec![],
            },
            Basis::BSpline {
                functions: None,
                knots: vec![5.0],
                degree: 0,
            },
        ] {
            assert!(Trained::new(&basis, &few, "f(x)").is_err(), "{basis:?}");
        }
        let scale = Basis::Scale {
            center: true,
            scale: true,
        };
        assert!(Trained::new(&scale, &[3.0, 3.0], "scale(x)").is_err());
    }

    proptest! {
        /// B-splines add up to one, and so do not their derivatives; natural splines are straight beyond the ends.
        #[test]
        fn splines_are_what_they_are_called(x in -5.0..30.0_f64, functions in 3..9_usize) {
            let knots = all_knots(&values(), &[], functions - 3, 3, "x").unwrap();
            let sum: f64 = b_splines(&knots, 4, x, 0).iter().sum();
            prop_assert!((sum - 1.0).abs() < 1e-6 * (1.0 + x.abs().powi(3)));
            let slopes: f64 = b_splines(&knots, 4, x, 1).iter().sum();
            prop_assert!(slopes.abs() < 1e-6 * (1.0 + x.abs().powi(3)));
            let natural = Trained::new(&Basis::NaturalSpline { functions: Some(functions), knots: vec![] }, &values(), "x").unwrap();
            let far = |x: f64| natural.at(x);
            let curvature = far(40.0) + far(60.0) - 2.0 * far(50.0);
            prop_assert!(curvature.iter().all(|value| value.abs() < 1e-8));
        }
    }
}

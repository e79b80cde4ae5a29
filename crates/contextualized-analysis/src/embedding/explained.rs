//! How much of the variation of coefficients each covariate explains.

use super::check_rows_and_columns;
use contextualized_core::validate::check_rows;
use contextualized_core::{Error, Result};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};
use std::collections::{BTreeMap, BTreeSet};

/// What may explain how rows differ: a context, or anything else that is known of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Covariate {
    name: String,
    /// The group of each row, numbered from zero; none where the value is missing.
    groups: Vec<Option<usize>>,
}

/// Numbers are cut into this many groups of about equal size.
const GROUPS: usize = 10;

impl Covariate {
    /// A number for each row. It is cut at its deciles into ten groups; one with ten values or fewer has
    /// a group for each value. Equal numbers are never parted.
    ///
    /// # Errors
    ///
    /// [`Error::NotFinite`] for a number that is not finite; `None` is missing.
    pub fn numbers(name: impl Into<String>, values: &[Option<f64>]) -> Result<Self> {
        for (row, value) in values.iter().enumerate() {
            if let Some(value) = value.filter(|value| !value.is_finite()) {
                return Err(Error::NotFinite {
                    argument: "a covariate",
                    row,
                    column: 0,
                    value,
                });
            }
        }
        let mut known: Vec<(f64, usize)> = values
            .iter()
            .enumerate()
            .filter_map(|(row, value)| value.map(|value| (value, row)))
            .collect();
        known.sort_by(|a, b| a.0.total_cmp(&b.0));
        let distinct: Vec<&[(f64, usize)]> = known.chunk_by(|a, b| a.0 == b.0).collect();
        let mut groups = vec![None; values.len()];
        let mut before = 0;
        for (value, rows) in distinct.iter().enumerate() {
            // Rows of one value go where the middle one belongs.
            let group = if distinct.len() <= GROUPS {
                value
            } else {
                (2 * before + rows.len()) * GROUPS / (2 * known.len())
            };
            before += rows.len();
            for &(_, row) in *rows {
                groups[row] = Some(group);
            }
        }
        Ok(Self {
            name: name.into(),
            groups,
        })
    }

    /// A column of numbers, none missing. See [`Covariate::numbers`].
    ///
    /// # Errors
    ///
    /// [`Error::NotFinite`].
    pub fn column(name: impl Into<String>, values: ArrayView1<'_, f64>) -> Result<Self> {
        let values: Vec<Option<f64>> = values.iter().copied().map(Some).collect();
        Self::numbers(name, &values)
    }

    /// A level, such as a diagnosis, for each row; `None` is missing.
    pub fn levels<S: AsRef<str>>(name: impl Into<String>, levels: &[Option<S>]) -> Self {
        let text = |level: &Option<S>| level.as_ref().map(|level| level.as_ref().to_owned());
        let mut numbers: BTreeMap<String, usize> =
            levels.iter().flat_map(text).map(|t| (t, 0)).collect();
        for (number, (_, place)) in numbers.iter_mut().enumerate() {
            *place = number;
        }
        let groups = levels
            .iter()
            .map(|level| text(level).and_then(|level| numbers.get(&level).copied()));
        Self {
            name: name.into(),
            groups: groups.collect(),
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Rows whose group is known, and groups that have rows.
    fn known(&self) -> Result<(usize, usize)> {
        let rows = self.groups.iter().flatten().count();
        let groups = self.groups.iter().flatten().collect::<BTreeSet<_>>().len();
        if rows > groups {
            return Ok((rows, groups));
        }
        Err(Error::TooFewRows {
            purpose: format!("the {groups} groups of {}", self.name),
            needed: groups + 1,
            found: rows,
        })
    }
}

/// How much of the variance of each column each covariate explains alone.
#[derive(Debug, Clone, PartialEq)]
pub struct ExplainedVariance {
    /// The covariates.
    pub covariates: Vec<String>,
    /// The columns, such as coefficients.
    pub columns: Vec<String>,
    /// The share of each column's variance (columns × covariates), between 0 and 1.
    pub shares: Array2<f64>,
    /// The share of the variance of all columns together, one for each covariate.
    pub overall: Array1<f64>,
    /// The standard deviation of each column over the rows. A column that does not vary has nothing to
    /// explain: its shares are 0.
    pub deviations: Array1<f64>,
}

/// How much of the variance of each column of a table (n × columns) over the rows each covariate
/// explains alone: that of the means of its groups.
///
/// ```text
/// ε² = 1 − (n − 1) / (n − groups) · variance within groups / variance
/// ```
///
/// This is the correlation ratio η² corrected for the number of groups (Kelley 1935,
/// doi:10.1073/pnas.21.9.554), and 0 where it would be negative. Rows whose value of a covariate is
/// missing do not count for it. Covariates that go together explain the same: shares need not add up to
/// one, in either direction. Ten groups of a number leave about a hundredth of a straight line unexplained.
///
/// ```
/// use contextualized_analysis::{Covariate, explained_variance};
/// use ndarray::array;
///
/// let slopes = array![[1.0, 0.3], [1.1, -0.2], [3.0, -0.3], [3.1, 0.2]];
/// let ward = Covariate::levels("ward", &[Some("A"), Some("A"), Some("B"), Some("B")]);
/// let explained = explained_variance(slopes.view(), &["dose", "age"], &[ward])?;
/// assert!(explained.shares[[0, 0]] > 0.99 && explained.shares[[1, 0]] == 0.0);
/// # Ok::<(), contextualized_core::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::NoRows`], [`Error::NoColumns`], [`Error::NotFinite`]; [`Error::RowCount`] for names that
/// are not one for each column, or covariates of other rows; [`Error::TooFewRows`] for a covariate
/// with as many groups as rows that are not missing.
pub fn explained_variance<S: AsRef<str>>(
    table: ArrayView2<'_, f64>,
    names: &[S],
    covariates: &[Covariate],
) -> Result<ExplainedVariance> {
    check_rows_and_columns(table)?;
    check_rows("names of columns", table.ncols(), names.len())?;
    let mut shares = Array2::zeros((table.ncols(), covariates.len()));
    let mut overall = Array1::zeros(covariates.len());
    for (number, covariate) in covariates.iter().enumerate() {
        check_rows("a covariate", table.nrows(), covariate.groups.len())?;
        let (rows, groups) = covariate.known()?;
        let all: Vec<_> = covariate
            .groups
            .iter()
            .map(|group| group.map(|_| 0))
            .collect();
        let (total, within) = (squares(table, &all), squares(table, &covariate.groups));
        let degrees = (rows - 1) as f64 / (rows - groups) as f64;
        let share = |total: f64, within: f64| {
            if total > 0.0 {
                (1.0 - degrees * within / total).clamp(0.0, 1.0)
            } else {
                0.0
            }
        };
        for column in 0..table.ncols() {
            shares[[column, number]] = share(total[column], within[column]);
        }
        overall[number] = share(total.sum(), within.sum());
    }
    Ok(ExplainedVariance {
        covariates: covariates.iter().map(|one| one.name.clone()).collect(),
        columns: names.iter().map(|name| name.as_ref().to_owned()).collect(),
        shares,
        overall,
        deviations: table.std_axis(Axis(0), 0.0),
    })
}

/// Squared deviations of each column from its means over groups, of rows whose group is known.
fn squares(table: ArrayView2<'_, f64>, group_of: &[Option<usize>]) -> Array1<f64> {
    let count = group_of.iter().flatten().max().map_or(0, |most| most + 1);
    let mut means = Array2::<f64>::zeros((count, table.ncols()));
    let mut sizes = Array1::<f64>::zeros(count);
    let members = || {
        let rows = table.rows().into_iter().zip(group_of);
        rows.filter_map(|(row, group)| group.map(|group| (row, group)))
    };
    for (row, group) in members() {
        let mut sum = means.row_mut(group);
        sum += &row;
        sizes[group] += 1.0;
    }
    means /= &sizes.mapv(|size| size.max(1.0)).insert_axis(Axis(1));
    let mut squares = Array1::<f64>::zeros(table.ncols());
    for (row, group) in members() {
        squares += &(&row - &means.row(group)).mapv(|v| v * v);
    }
    // Equal numbers differ from their mean by rounding.
    let rows = members().count() as f64;
    let rounding = |column: usize| {
        let most = table.column(column).fold(0.0_f64, |m, v| m.max(v.abs()));
        let error = 1e-14 * most;
        rows * error * error
    };
    Array1::from_shape_fn(squares.len(), |column| match squares[column] {
        small if small <= rounding(column) => 0.0,
        squares => squares,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;
    use proptest::prelude::*;

    #[test]
    fn by_hand() {
        // Means 2 and 6; squares 4 within, 4 · 4 between: η² = 0.8, ε² = 1 − 3/2 · 0.2.
        let table = array![[1.0], [3.0], [5.0], [7.0]];
        let covariate = Covariate::column("c", array![0.0, 0.0, 1.0, 1.0].view()).unwrap();
        let found = explained_variance(table.view(), &["b"], std::slice::from_ref(&covariate));
        let found = found.unwrap();
        assert!((found.shares[[0, 0]] - 0.7).abs() < 1e-12);
        assert!((found.overall[0] - 0.7).abs() < 1e-12);
        assert!((found.deviations[0] - 5.0_f64.sqrt()).abs() < 1e-12);
        // A row whose value is missing does not count.
        let more = array![[1.0], [3.0], [5.0], [7.0], [90.0]];
        let values = [Some("a"), Some("a"), Some("b"), Some("b"), None];
        let levels = Covariate::levels("c", &values);
        let with = explained_variance(more.view(), &["b"], &[levels]).unwrap();
        assert!((with.shares[[0, 0]] - 0.7).abs() < 1e-12);
        // Nothing to explain.
        let flat = Array2::from_elem((4, 1), 0.1);
        let none = explained_variance(flat.view(), &["b"], &[covariate]).unwrap();
        assert_eq!((none.shares[[0, 0]], none.overall[0]), (0.0, 0.0));
    }

    #[test]
    fn bad_input_is_named() {
        let table = Array2::<f64>::zeros((3, 1));
        let each = Covariate::levels("name", &[Some("a"), Some("b"), Some("c")]);
        assert!(matches!(
            explained_variance(table.view(), &["b"], &[each]),
            Err(Error::TooFewRows {
                needed: 4,
                found: 3,
                ..
            })
        ));
        let missing = Covariate::levels("name", &[None::<&str>; 3]);
        assert!(explained_variance(table.view(), &["b"], &[missing]).is_err());
        let short = Covariate::levels("name", &[Some("a")]);
        assert!(matches!(
            explained_variance(table.view(), &["b"], &[short]),
            Err(Error::RowCount {
                expected: 3,
                found: 1,
                ..
            })
        ));
        assert!(matches!(
            Covariate::numbers("c", &[None, Some(f64::NAN)]),
            Err(Error::NotFinite { row: 1, .. })
        ));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        /// A function of the covariate is explained but for the width of the groups; shares do not depend
        /// on units, and equal numbers share a group.
        #[test]
        fn functions_are_explained(
            values in prop::collection::vec(-1.0..1.0_f64, 200),
            scale in 0.01..100.0_f64,
        ) {
            let covariate = Covariate::column("c", Array1::from(values.clone()).view()).unwrap();
            let groups = covariate.groups.iter().flatten().max().unwrap() + 1;
            prop_assert_eq!(groups, 10);
            let table = Array2::from_shape_fn((200, 2), |(row, column)| {
                scale * if column == 0 { 3.0 * values[row] + 1.0 } else { values[row].powi(2) }
            });
            let found = explained_variance(table.view(), &["line", "bowl"], &[covariate]).unwrap();
            prop_assert!(found.shares[[0, 0]] > 0.97, "{}", found.shares);
            prop_assert!(found.shares[[1, 0]] > 0.85, "{}", found.shares);
            let halves: Vec<f64> = values.iter().map(|value| (value * 6.0).round()).collect();
            let rounded = Covariate::column("c", Array1::from(halves.clone()).view()).unwrap();
            for row in 1..200 {
                if halves[row] == halves[0] {
                    prop_assert_eq!(rounded.groups[row], rounded.groups[0]);
                }
            }
        }
    }
}

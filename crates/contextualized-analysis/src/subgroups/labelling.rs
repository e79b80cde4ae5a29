//! Which subgroup each row is in.

use contextualized_core::validate::check_finite;
use contextualized_core::{Error, Result};
use ndarray::{ArrayView1, Axis};
use std::collections::{BTreeSet, HashMap};
use std::fmt::Display;

/// A subgroup for each row, by a label or by a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subgroups {
    names: Vec<String>,
    of_rows: Vec<usize>,
}

impl Subgroups {
    /// One subgroup for each distinct label, in the order in which they first appear.
    ///
    /// # Errors
    ///
    /// [`Error::NoRows`].
    pub fn by_label<L: Display>(labels: &[L]) -> Result<Self> {
        if labels.is_empty() {
            return Err(Error::NoRows { argument: "labels" });
        }
        let mut names = Vec::new();
        let mut numbers = HashMap::new();
        let of_rows = labels
            .iter()
            .map(|label| {
                let name = label.to_string();
                *numbers.entry(name.clone()).or_insert_with(|| {
                    names.push(name);
                    names.len() - 1
                })
            })
            .collect();
        Ok(Self { names, of_rows })
    }

    /// Cuts the rows into parts of nearly equal size by a number each has, such as an age, from small
    /// to large: at its quantiles, equal numbers together. Where many are equal there are fewer parts.
    ///
    /// Parts are named by where they begin and end, the end exclusive: "below 40", "40 to 65", "65 and
    /// above".
    ///
    /// # Errors
    ///
    /// [`Error::NoRows`], [`Error::NotFinite`]; [`Error::InvalidParameter`] for no part.
    pub fn by_quantile(values: ArrayView1<'_, f64>, parts: usize) -> Result<Self> {
        if values.is_empty() {
            return Err(Error::NoRows { argument: "values" });
        }
        check_finite("values", values.insert_axis(Axis(1)))?;
        if parts == 0 {
            return Err(Error::invalid_parameter("parts", 0, "at least 1"));
        }
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        // Each cut is the first value of a part; where the smallest value is that of many rows, the
        // next one.
        let second = sorted.partition_point(|value| *value <= sorted[0]);
        let mut cuts: Vec<f64> = (1..parts)
            .filter_map(|part| {
                sorted
                    .get((part * sorted.len() / parts).max(second))
                    .copied()
            })
            .collect();
        cuts.dedup();
        let of_rows = values
            .iter()
            .map(|value| cuts.partition_point(|cut| cut <= value))
            .collect();
        let ends = written(&cuts);
        let names = match &ends[..] {
            [] => vec!["all".to_owned()],
            [first, .., last] | [first @ last] => std::iter::once(format!("below {first}"))
                .chain(
                    ends.windows(2)
                        .map(|pair| format!("{} to {}", pair[0], pair[1])),
                )
                .chain([format!("{last} and above")])
                .collect(),
        };
        Ok(Self { names, of_rows })
    }

    /// All rows as one subgroup.
    pub fn all(rows: usize) -> Self {
        Self {
            names: vec!["all".to_owned()],
            of_rows: vec![0; rows],
        }
    }

    /// Names of the subgroups, in order.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// For each row the position of its subgroup among the names.
    pub fn of_rows(&self) -> &[usize] {
        &self.of_rows
    }

    pub(super) fn rows(&self) -> usize {
        self.of_rows.len()
    }

    /// The rows of every subgroup.
    pub(super) fn members(&self) -> Vec<Vec<usize>> {
        let mut members = vec![Vec::new(); self.names.len()];
        for (row, &subgroup) in self.of_rows.iter().enumerate() {
            members[subgroup].push(row);
        }
        members
    }
}

/// Four significant digits, or all where that would make two numbers the same.
fn written(numbers: &[f64]) -> Vec<String> {
    let short = |number: &f64| match format!("{number:.3e}").parse::<f64>() {
        Ok(rounded) => rounded.to_string(),
        Err(_) => number.to_string(),
    };
    let rounded: Vec<String> = numbers.iter().map(short).collect();
    if rounded.iter().collect::<BTreeSet<_>>().len() == numbers.len() {
        rounded
    } else {
        numbers.iter().map(f64::to_string).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array1, array};

    #[test]
    fn labels_keep_the_order_of_first_appearance() {
        let subgroups = Subgroups::by_label(&["b", "a", "b"]).unwrap();
        assert_eq!(subgroups.names(), ["b", "a"]);
        assert_eq!(subgroups.members(), [vec![0, 2], vec![1]]);
        assert_eq!(Subgroups::by_label(&[3, 1, 3]).unwrap().names(), ["3", "1"]);
        assert!(Subgroups::by_label::<&str>(&[]).is_err());
    }

    #[test]
    fn numbers_are_cut_at_quantiles() {
        let ages = array![70.0, 20.0, 65.0, 30.0, 50.0, 40.0];
        let subgroups = Subgroups::by_quantile(ages.view(), 3).unwrap();
        assert_eq!(subgroups.names(), ["below 40", "40 to 65", "65 and above"]);
        assert_eq!(subgroups.of_rows(), [2, 0, 2, 0, 1, 1]);
        assert!(Subgroups::by_quantile(ages.view(), 0).is_err());
        assert!(matches!(
            Subgroups::by_quantile(array![1.0, f64::NAN].view(), 2),
            Err(Error::NotFinite { row: 1, .. })
        ));
    }

    #[test]
    fn equal_numbers_stay_together() {
        let names = |values: &[f64], parts| {
            let subgroups = Subgroups::by_quantile(ArrayView1::from(values), parts).unwrap();
            assert!(subgroups.members().iter().all(|rows| !rows.is_empty()));
            subgroups.names().to_vec()
        };
        assert_eq!(
            names(&[1.0, 1.0, 1.0, 1.0, 2.0], 4),
            ["below 2", "2 and above"]
        );
        assert_eq!(names(&[1.0, 1.0], 4), ["all"]);
        assert_eq!(names(&[1.0, 2.0, 3.0], 1), ["all"]);
        let close = Array1::from_iter((0..4).map(|k| 1.0 + 1e-9 * f64::from(k)));
        assert_eq!(
            Subgroups::by_quantile(close.view(), 4).unwrap().names()[1],
            "1.000000001 to 1.000000002"
        );
    }
}

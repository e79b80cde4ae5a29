//! Contexts as a reader knows them: numbers, and categories whatever columns they are coded in.

use contextualized_core::{Error, Result, Samples};
use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewMut2, Axis};

/// One context: what varies together.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ContextAxis {
    /// A number in a column.
    Number {
        /// The column of the contexts.
        column: usize,
    },
    /// A category in one or more columns.
    Category {
        /// Its name.
        name: String,
        /// Its columns of the contexts.
        columns: Vec<usize>,
        /// Names of its levels.
        levels: Vec<String>,
        /// What the columns hold for each level (levels × columns).
        codes: Array2<f64>,
    },
}

impl ContextAxis {
    /// Every column by itself, as a number.
    #[cfg(test)]
    pub(crate) fn of_columns(contexts: usize) -> Vec<Self> {
        (0..contexts)
            .map(|column| Self::Number { column })
            .collect()
    }

    pub(crate) fn name<'a>(&'a self, samples: &'a Samples) -> &'a str {
        match self {
            Self::Number { column } => &samples.names().contexts[*column],
            Self::Category { name, .. } => name,
        }
    }

    /// The columns of the contexts that it is coded in.
    pub(crate) fn columns(&self) -> Vec<usize> {
        match self {
            Self::Number { column } => vec![*column],
            Self::Category { columns, .. } => columns.clone(),
        }
    }

    /// Gives all these rows of contexts the value that has this code.
    pub(crate) fn set(&self, mut contexts: ArrayViewMut2<'_, f64>, code: ArrayView1<'_, f64>) {
        for (column, code) in self.columns().into_iter().zip(code) {
            contexts.column_mut(column).fill(*code);
        }
    }

    /// Checks that columns exist and codes fit.
    pub(crate) fn check(&self, contexts: usize) -> Result<()> {
        let columns = self.columns();
        if let Some(column) = columns.iter().find(|column| **column >= contexts) {
            let requirement = format!("below {contexts}, the number of contexts");
            return Err(Error::invalid_parameter("context", column, requirement));
        }
        if let Self::Category { levels, codes, .. } = self
            && (codes.dim() != (levels.len(), columns.len()) || levels.is_empty())
        {
            return Err(Error::invalid_parameter(
                "codes of a category",
                format!("{:?}", codes.dim()),
                format!("{} levels × {} columns", levels.len(), columns.len()),
            ));
        }
        Ok(())
    }

    /// The level that each row of contexts is nearest to; of a number there is none.
    pub(crate) fn level_of_rows(&self, contexts: ArrayView2<'_, f64>) -> Option<Vec<usize>> {
        let Self::Category { columns, codes, .. } = self else {
            return None;
        };
        let level = |row: ArrayView1<'_, f64>| {
            let distance = |code: ArrayView1<'_, f64>| -> f64 {
                let own = columns.iter().map(|&column| row[column]);
                own.zip(code).map(|(own, code)| (own - code).powi(2)).sum()
            };
            let distances: Vec<f64> = codes.rows().into_iter().map(distance).collect();
            let nearest = distances
                .iter()
                .enumerate()
                .min_by(|a, b| a.1.total_cmp(b.1));
            nearest.map_or(0, |(level, _)| level)
        };
        Some(contexts.rows().into_iter().map(level).collect())
    }
}

/// A typical context (1 × c): medians of numbers, the most frequent levels of categories.
pub(crate) fn typical(axes: &[ContextAxis], contexts: ArrayView2<'_, f64>) -> Array2<f64> {
    let median = |column: ArrayView1<'_, f64>| quantile(&column.to_vec(), 0.5);
    let mut typical = contexts.map_axis(Axis(0), median).insert_axis(Axis(0));
    for axis in axes {
        if let (Some(rows), ContextAxis::Category { codes, .. }) =
            (axis.level_of_rows(contexts), axis)
        {
            let mut counts = vec![0_usize; codes.nrows()];
            rows.iter().for_each(|&level| counts[level] += 1);
            // The first of equally frequent ones.
            let most = (0..counts.len()).rev().max_by_key(|&level| counts[level]);
            axis.set(typical.view_mut(), codes.row(most.unwrap_or(0)));
        }
    }
    typical
}

/// Positions below `count`, those of the largest values first.
pub(crate) fn descending(count: usize, value: impl Fn(usize) -> f64) -> Vec<usize> {
    let values: Vec<f64> = (0..count).map(value).collect();
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by(|&a, &b| values[b].total_cmp(&values[a]));
    order
}

/// A quantile by linear interpolation between order statistics; NaN of nothing.
pub(crate) fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let Some(last) = sorted.len().checked_sub(1) else {
        return f64::NAN;
    };
    let place = share.clamp(0.0, 1.0) * last as f64;
    let (below, above) = (place.floor() as usize, place.ceil() as usize);
    sorted[below] + (place - below as f64) * (sorted[above] - sorted[below])
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn site() -> ContextAxis {
        ContextAxis::Category {
            name: "site".into(),
            columns: vec![1, 2],
            levels: vec!["a".into(), "b".into(), "c".into()],
            codes: array![[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]],
        }
    }

    #[test]
    fn typical_contexts_are_possible_ones() {
        let contexts = array![
            [1.0, 0.0, 0.0],
            [2.0, 1.0, 0.0],
            [9.0, 0.0, 1.0],
            [3.0, 0.0, 1.0]
        ];
        let axes = [ContextAxis::Number { column: 0 }, site()];
        assert_eq!(typical(&axes, contexts.view()), array![[2.5, 0.0, 1.0]]);
        assert_eq!(
            site().level_of_rows(contexts.view()),
            Some(vec![0, 1, 2, 2])
        );
    }

    #[test]
    fn columns_and_codes_are_checked() {
        assert!(site().check(3).is_ok());
        let message = site().check(2).unwrap_err().to_string();
        assert_eq!(
            message,
            "context is 2, but must be below 2, the number of contexts"
        );
        let ContextAxis::Category {
            name,
            columns,
            codes,
            ..
        } = site()
        else {
            unreachable!()
        };
        let short = ContextAxis::Category {
            name,
            columns,
            codes,
            levels: vec!["a".into()],
        };
        assert!(short.check(3).is_err());
    }

    #[test]
    fn quantiles_by_hand() {
        let values = [4.0, 1.0, 3.0, 2.0];
        assert_eq!(quantile(&values, 0.0), 1.0);
        assert_eq!(quantile(&values, 0.5), 2.5);
        assert_eq!(quantile(&values, 1.0), 4.0);
        assert!(quantile(&[], 0.5).is_nan());
    }
}

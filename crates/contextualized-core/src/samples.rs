//! The data every estimator takes: contexts, features, targets, weights and their names.

mod random;
mod variables;

use crate::copies::numbered;
use crate::validate::{
    check_columns, check_finite, check_offsets, check_rows, check_table, check_weights,
};
use crate::{Error, Monitor, Result};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::hash::Hash;

pub use random::RandomTerm;
pub use variables::ContextVariable;

/// The names of the columns of each table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnNames {
    /// One name per context column.
    pub contexts: Vec<String>,
    /// One name per feature column.
    pub features: Vec<String>,
    /// One name per target column.
    pub targets: Vec<String>,
    /// Those of the contexts that are factors, each in columns of its own.
    #[serde(default)]
    pub factors: Vec<ContextVariable>,
}

/// A validated data set: rows are samples, every entry is finite.
///
/// ```
/// use contextualized_core::Samples;
/// use ndarray::array;
///
/// let samples = Samples::new(
///     array![[0.1], [0.7], [0.4]].view(),                // contexts, n × c
///     array![[1.0, 0.0], [0.5, 2.0], [0.0, 1.0]].view(), // features, n × x
///     array![[3.0], [1.0], [2.0]].view(),                // targets, n × y
/// )?
/// .with_feature_names(["dose", "age"])?;
/// assert_eq!(samples.names().features, ["dose", "age"]);
/// # Ok::<(), contextualized_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Samples {
    contexts: Array2<f64>,
    features: Array2<f64>,
    targets: Array2<f64>,
    weights: Option<Array1<f64>>,
    offsets: Option<Array1<f64>>,
    groups: Option<Vec<usize>>,
    /// Whether rows of a subject, which are its group, are correlated; none where rows are subjects.
    subjects: Option<bool>,
    random_terms: Vec<RandomTerm>,
    names: ColumnNames,
    monitor: Monitor,
}

impl Samples {
    /// Copies and validates contexts (n × c), features (n × x) and targets (n × y). There may be no features: a
    /// regression then has nothing but its intercept.
    ///
    /// Columns are named `c0, c1, …`, `x0, x1, …` and `y` (or `y0, y1, …`) until named otherwise.
    ///
    /// # Errors
    ///
    /// [`Error::NoRows`], [`Error::NoColumns`], [`Error::RowCount`], [`Error::NotFinite`].
    pub fn new(
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
        targets: ArrayView2<'_, f64>,
    ) -> Result<Self> {
        check_table("contexts", contexts, None)?;
        Self::of_tables(contexts, features, targets)
    }

    /// Samples whose coefficients are the same everywhere: features (n × x) and targets (n × y) alone, as
    /// constant-coefficient and linear mixed models take them. Others refuse samples without contexts.
    ///
    /// # Errors
    ///
    /// Those of [`Samples::new`].
    pub fn without_contexts(
        features: ArrayView2<'_, f64>,
        targets: ArrayView2<'_, f64>,
    ) -> Result<Self> {
        let contexts = Array2::zeros((targets.nrows(), 0));
        Self::of_tables(contexts.view(), features, targets)
    }

    fn of_tables(
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
        targets: ArrayView2<'_, f64>,
    ) -> Result<Self> {
        for (argument, table) in [
            ("contexts", contexts.view()),
            ("features", features.view()),
            ("targets", targets.view()),
        ] {
            check_rows(argument, contexts.nrows(), table.nrows())?;
            if table.nrows() == 0 {
                return Err(Error::NoRows { argument });
            }
            // Without features there is nothing but an intercept.
            if argument == "targets" {
                check_table(argument, table, None)?;
            } else {
                check_finite(argument, table)?;
            }
        }
        let numbered = |prefix: &str, count: usize| -> Vec<String> {
            (0..count)
                .map(|column| format!("{prefix}{column}"))
                .collect()
        };
        let names = ColumnNames {
            contexts: numbered("c", contexts.ncols()),
            factors: Vec::new(),
            features: numbered("x", features.ncols()),
            targets: match targets.ncols() {
                1 => vec!["y".to_owned()],
                count => numbered("y", count),
            },
        };
        Ok(Self {
            contexts: contexts.as_standard_layout().into_owned(),
            features: features.as_standard_layout().into_owned(),
            targets: targets.as_standard_layout().into_owned(),
            weights: None,
            offsets: None,
            groups: None,
            subjects: None,
            random_terms: Vec::new(),
            names,
            monitor: Monitor::default(),
        })
    }

    /// Samples for networks, whose nodes are the features (n × p): the targets are the features once
    /// more, under the same names.
    ///
    /// ```
    /// use contextualized_core::Samples;
    /// use ndarray::array;
    ///
    /// let (contexts, nodes) = (array![[0.1], [0.7]], array![[1.0, 0.0], [0.5, 2.0]]);
    /// let samples = Samples::of_nodes(contexts.view(), nodes.view())?;
    /// assert_eq!(samples.targets(), samples.features());
    /// # Ok::<(), contextualized_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`Samples::new`].
    pub fn of_nodes(contexts: ArrayView2<'_, f64>, nodes: ArrayView2<'_, f64>) -> Result<Self> {
        let mut samples = Self::new(contexts, nodes, nodes)?;
        samples.names.targets = samples.names.features.clone();
        Ok(samples)
    }

    /// Sets row weights (n): in every sum over rows a row of weight 2 counts as two rows, and a row of
    /// weight 0 not at all.
    ///
    /// How much is known, and so how much is shrunken, depends on the weights relative to each other
    /// where their unit may be any: for networks, and for kernels that estimate their noise.
    ///
    /// # Errors
    ///
    /// [`Error::RowCount`], [`Error::InvalidWeight`], [`Error::NoWeight`].
    pub fn with_weights(mut self, weights: ArrayView1<'_, f64>) -> Result<Self> {
        check_weights(weights, self.rows())?;
        self.weights = Some(weights.to_owned());
        Ok(self)
    }

    /// Sets groups, a label for each row: rows that depend on others of their group, such as those of one
    /// person. They are held out, resampled and tested together.
    ///
    /// # Errors
    ///
    /// [`Error::RowCount`].
    pub fn with_groups<L: Hash + Eq>(mut self, labels: &[L]) -> Result<Self> {
        check_rows("groups", self.rows(), labels.len())?;
        self.groups = Some(numbered(labels));
        Ok(self)
    }

    /// Sets the subject of each row, where rows are parts of subjects, such as its intervals of time: they are held out
    /// and resampled together, as [groups](Samples::with_groups) are, and equal rows are not taken for
    /// [copies](Samples::copies). Unless rows of a subject are correlated given the model, standard errors and tests take
    /// all rows for independent: see [`Samples::correlated_rows`].
    ///
    /// # Errors
    ///
    /// [`Error::RowCount`].
    pub fn with_subjects<L: Hash + Eq>(self, labels: &[L], correlated: bool) -> Result<Self> {
        Ok(Self {
            subjects: Some(correlated),
            ..self.with_groups(labels)?
        })
    }

    /// Whether rows of a subject are correlated, where rows are parts of [subjects](Samples::with_subjects).
    pub fn subjects_are_correlated(&self) -> Option<bool> {
        self.subjects
    }

    /// Sets offsets (n): known terms of every target's linear predictor, on the link scale, such as
    /// the logarithm of an exposure. They have no coefficient.
    ///
    /// # Errors
    ///
    /// [`Error::RowCount`], [`Error::NotFinite`].
    pub fn with_offsets(mut self, offsets: ArrayView1<'_, f64>) -> Result<Self> {
        check_offsets(offsets, self.rows())?;
        self.offsets = Some(offsets.to_owned());
        Ok(self)
    }

    /// Lets somebody watch what is fitted to them, and end it.
    pub fn with_monitor(mut self, monitor: Monitor) -> Self {
        self.monitor = monitor;
        self
    }

    /// Who watches what is fitted to them.
    pub fn monitor(&self) -> &Monitor {
        &self.monitor
    }

    /// Names the context columns.
    ///
    /// # Errors
    ///
    /// [`Error::ColumnCount`] when the number of names differs from the number of
    /// columns, [`Error::DuplicateName`].
    pub fn with_context_names<S: Into<String>>(
        mut self,
        names: impl IntoIterator<Item = S>,
    ) -> Result<Self> {
        self.names.contexts = checked_names("context names", names, self.contexts.ncols())?;
        Ok(self)
    }

    /// Names the feature columns; errors as for [`Samples::with_context_names`].
    ///
    /// # Errors
    ///
    /// [`Error::ColumnCount`], [`Error::DuplicateName`].
    pub fn with_feature_names<S: Into<String>>(
        mut self,
        names: impl IntoIterator<Item = S>,
    ) -> Result<Self> {
        self.names.features = checked_names("feature names", names, self.features.ncols())?;
        Ok(self)
    }

    /// Names the target columns; errors as for [`Samples::with_context_names`].
    ///
    /// # Errors
    ///
    /// [`Error::ColumnCount`], [`Error::DuplicateName`].
    pub fn with_target_names<S: Into<String>>(
        mut self,
        names: impl IntoIterator<Item = S>,
    ) -> Result<Self> {
        self.names.targets = checked_names("target names", names, self.targets.ncols())?;
        Ok(self)
    }

    /// Number of samples.
    pub fn rows(&self) -> usize {
        self.contexts.nrows()
    }

    /// Contexts, n × c.
    pub fn contexts(&self) -> ArrayView2<'_, f64> {
        self.contexts.view()
    }

    /// Features, n × x.
    pub fn features(&self) -> ArrayView2<'_, f64> {
        self.features.view()
    }

    /// Targets, n × y.
    pub fn targets(&self) -> ArrayView2<'_, f64> {
        self.targets.view()
    }

    /// Row weights (n), if any were set.
    pub fn weights(&self) -> Option<ArrayView1<'_, f64>> {
        self.weights.as_ref().map(|weights| weights.view())
    }

    /// The group of each row, as a number, where there are groups.
    pub fn groups(&self) -> Option<&[usize]> {
        self.groups.as_deref()
    }

    /// Offsets of the linear predictor (n), if any were set.
    pub fn offsets(&self) -> Option<ArrayView1<'_, f64>> {
        self.offsets.as_ref().map(|offsets| offsets.view())
    }

    /// Targets less the offsets (n × y): what a model of real-valued targets with an identity link is
    /// fitted to.
    pub fn targets_without_offsets(&self) -> Cow<'_, Array2<f64>> {
        match &self.offsets {
            Some(offsets) => Cow::Owned(&self.targets - &offsets.view().insert_axis(Axis(1))),
            None => Cow::Borrowed(&self.targets),
        }
    }

    /// Names of all columns.
    pub fn names(&self) -> &ColumnNames {
        &self.names
    }

    /// The rows whose weight is not zero: those that are split into folds or held out.
    ///
    /// # Errors
    ///
    /// None; samples with weights have a row that counts.
    pub fn rows_that_count(&self) -> Result<Cow<'_, Self>> {
        let Some(weights) = &self.weights else {
            return Ok(Cow::Borrowed(self));
        };
        let counted: Vec<usize> = (0..self.rows()).filter(|&row| weights[row] > 0.0).collect();
        if counted.len() == self.rows() {
            Ok(Cow::Borrowed(self))
        } else {
            self.select(&counted).map(Cow::Owned)
        }
    }

    /// These columns of the contexts alone, in this order.
    ///
    /// # Errors
    ///
    /// [`Error::NoColumns`] for an empty selection; [`Error::InvalidParameter`] for a column that is
    /// not there.
    pub fn select_contexts(&self, columns: &[usize]) -> Result<Self> {
        let all = self.contexts.ncols();
        if let Some(column) = columns.iter().find(|column| **column >= all) {
            let requirement = format!("below {all}, the number of contexts");
            return Err(Error::invalid_parameter("context", column, requirement));
        }
        let contexts = self.contexts.select(Axis(1), columns);
        check_table("contexts", contexts.view(), None)?;
        let name = |&column: &usize| self.names.contexts[column].clone();
        // A factor of which not all is selected is so many columns.
        let kept = |factor: &ContextVariable| {
            let position = |column: &usize| columns.iter().position(|own| own == column);
            let columns: Option<Vec<usize>> = factor.columns.iter().map(position).collect();
            columns
                .filter(|own| own.is_sorted())
                .map(|columns| ContextVariable {
                    columns,
                    ..factor.clone()
                })
        };
        Ok(Self {
            contexts,
            names: ColumnNames {
                contexts: columns.iter().map(name).collect(),
                factors: self.names.factors.iter().filter_map(kept).collect(),
                ..self.names.clone()
            },
            ..self.clone()
        })
    }

    /// The same samples with other contexts of the same names.
    ///
    /// # Errors
    ///
    /// [`Error::RowCount`], [`Error::ColumnCount`], [`Error::NotFinite`].
    pub fn replace_contexts(&self, contexts: ArrayView2<'_, f64>) -> Result<Self> {
        check_table("contexts", contexts, Some(self.contexts.ncols()))?;
        check_rows("contexts", self.rows(), contexts.nrows())?;
        Ok(Self {
            contexts: contexts.as_standard_layout().into_owned(),
            ..self.clone()
        })
    }

    /// The same samples with other targets of the same names.
    ///
    /// # Errors
    ///
    /// [`Error::RowCount`], [`Error::ColumnCount`], [`Error::NotFinite`].
    pub fn replace_targets(&self, targets: ArrayView2<'_, f64>) -> Result<Self> {
        check_table("targets", targets, Some(self.targets.ncols()))?;
        check_rows("targets", self.rows(), targets.nrows())?;
        Ok(Self {
            targets: targets.as_standard_layout().into_owned(),
            ..self.clone()
        })
    }

    /// The same samples with other features (n × x) of these names; there may be none.
    ///
    /// # Errors
    ///
    /// [`Error::RowCount`], [`Error::NotFinite`], [`Error::ColumnCount`], [`Error::DuplicateName`].
    pub fn replace_features<S: Into<String>>(
        &self,
        features: ArrayView2<'_, f64>,
        names: impl IntoIterator<Item = S>,
    ) -> Result<Self> {
        check_rows("features", self.rows(), features.nrows())?;
        check_finite("features", features)?;
        let names = checked_names("feature names", names, features.ncols())?;
        Ok(Self {
            features: features.as_standard_layout().into_owned(),
            names: ColumnNames {
                features: names,
                ..self.names.clone()
            },
            ..self.clone()
        })
    }

    /// The same samples with other targets (n × y) of these names.
    ///
    /// # Errors
    ///
    /// [`Error::NoColumns`], [`Error::RowCount`], [`Error::NotFinite`], [`Error::ColumnCount`],
    /// [`Error::DuplicateName`].
    pub fn replace_all_targets<S: Into<String>>(
        &self,
        targets: ArrayView2<'_, f64>,
        names: impl IntoIterator<Item = S>,
    ) -> Result<Self> {
        check_table("targets", targets, None)?;
        check_rows("targets", self.rows(), targets.nrows())?;
        let names = checked_names("target names", names, targets.ncols())?;
        Ok(Self {
            targets: targets.as_standard_layout().into_owned(),
            names: ColumnNames {
                targets: names,
                ..self.names.clone()
            },
            ..self.clone()
        })
    }

    /// The same samples without offsets.
    pub fn without_offsets(&self) -> Self {
        Self {
            offsets: None,
            ..self.clone()
        }
    }

    /// The given rows, in the given order; a row may be repeated, as in a bootstrap.
    ///
    /// # Errors
    ///
    /// [`Error::RowOutOfRange`]; [`Error::NoRows`] for an empty selection;
    /// [`Error::NoWeight`] when every selected row has weight zero.
    pub fn select(&self, rows: &[usize]) -> Result<Self> {
        if rows.is_empty() {
            return Err(Error::NoRows { argument: "rows" });
        }
        if let Some(&row) = rows.iter().find(|&&row| row >= self.rows()) {
            return Err(Error::RowOutOfRange {
                row,
                rows: self.rows(),
            });
        }
        let weights = self.weights.as_ref().map(|w| w.select(Axis(0), rows));
        if let Some(weights) = &weights {
            check_weights(weights.view(), rows.len())?;
        }
        Ok(Self {
            contexts: self.contexts.select(Axis(0), rows),
            features: self.features.select(Axis(0), rows),
            targets: self.targets.select(Axis(0), rows),
            weights,
            offsets: self.offsets.as_ref().map(|o| o.select(Axis(0), rows)),
            groups: self
                .groups
                .as_ref()
                .map(|all| rows.iter().map(|&row| all[row]).collect()),
            subjects: self.subjects,
            random_terms: self
                .random_terms
                .iter()
                .map(|term| term.select(rows))
                .collect::<Result<_>>()?,
            names: self.names.clone(),
            monitor: self.monitor.clone(),
        })
    }
}

fn checked_names<S: Into<String>>(
    argument: &'static str,
    names: impl IntoIterator<Item = S>,
    columns: usize,
) -> Result<Vec<String>> {
    let names: Vec<String> = names.into_iter().map(Into::into).collect();
    check_columns(argument, columns, names.len())?;
    for (second, name) in names.iter().enumerate() {
        if let Some(first) = names[..second].iter().position(|other| other == name) {
            return Err(Error::DuplicateName {
                argument,
                name: name.clone(),
                first,
                second,
            });
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn samples() -> Samples {
        Samples::new(
            array![[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]].view(),
            array![[1.0], [2.0], [3.0]].view(),
            array![[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]].view(),
        )
        .unwrap()
    }

    #[test]
    fn default_names_number_the_columns() {
        let names = samples().names().clone();
        assert_eq!(names.contexts, ["c0", "c1"]);
        assert_eq!(names.features, ["x0"]);
        assert_eq!(names.targets, ["y0", "y1"]);
    }

    #[test]
    fn tables_must_agree_in_rows_and_be_finite_and_not_empty() {
        let (two, three) = (array![[1.0], [2.0]], array![[1.0], [2.0], [3.0]]);
        let new = |c: &Array2<f64>, x: &Array2<f64>, y: &Array2<f64>| {
            Samples::new(c.view(), x.view(), y.view()).unwrap_err()
        };
        assert_eq!(
            new(&two, &three, &two).to_string(),
            "features: the number of rows is 3, expected 2"
        );
        assert_eq!(
            new(&two, &two, &array![[1.0], [f64::NAN]]).to_string(),
            "targets contains NaN at row 2, column 1"
        );
        let no_rows = Array2::zeros((0, 1));
        assert!(matches!(
            new(&no_rows, &no_rows, &no_rows),
            Error::NoRows {
                argument: "contexts"
            }
        ));
        assert!(matches!(
            new(&Array2::zeros((2, 0)), &two, &two),
            Error::NoColumns {
                argument: "contexts"
            }
        ));
    }

    #[test]
    fn names_must_be_complete_and_distinct() {
        assert!(matches!(
            samples().with_context_names(["a"]),
            Err(Error::ColumnCount {
                expected: 2,
                found: 1,
                ..
            })
        ));
        assert_eq!(
            samples()
                .with_target_names(["a", "a"])
                .unwrap_err()
                .to_string(),
            "target names has two columns named \"a\", at positions 1 and 2"
        );
    }

    #[test]
    fn selection_keeps_rows_weights_and_names_together() {
        let all = samples()
            .with_weights(array![1.0, 0.0, 2.0].view())
            .unwrap();
        let some = all.select(&[2, 0, 2]).unwrap();
        assert_eq!(some.contexts(), array![[4.0, 5.0], [0.0, 1.0], [4.0, 5.0]]);
        assert_eq!(some.weights().unwrap(), array![2.0, 1.0, 2.0]);
        assert!(matches!(all.select(&[1]), Err(Error::NoWeight)));
        let counted = all.rows_that_count().unwrap();
        assert_eq!(counted.contexts(), array![[0.0, 1.0], [4.0, 5.0]]);
        assert!(matches!(
            all.select(&[3]),
            Err(Error::RowOutOfRange { row: 3, rows: 3 })
        ));
        assert!(matches!(all.select(&[]), Err(Error::NoRows { .. })));
    }

    #[test]
    fn columns_and_tables_are_exchanged_under_their_names() {
        let all = samples().with_context_names(["a", "b"]).unwrap();
        let second = all.select_contexts(&[1]).unwrap();
        assert_eq!(second.contexts(), array![[1.0], [3.0], [5.0]]);
        assert_eq!(second.names().contexts, ["b"]);
        assert_eq!(second.targets(), all.targets());
        assert!(matches!(
            all.select_contexts(&[]),
            Err(Error::NoColumns { .. })
        ));
        assert!(matches!(
            all.select_contexts(&[0, 2]),
            Err(Error::InvalidParameter { .. })
        ));

        let (contexts, targets) = (
            array![[9.0, 8.0], [7.0, 6.0], [5.0, 4.0]],
            Array2::ones((3, 2)),
        );
        let other = all.replace_contexts(contexts.view()).unwrap();
        let other = other.replace_targets(targets.view()).unwrap();
        assert_eq!(
            (other.contexts(), other.targets()),
            (contexts.view(), targets.view())
        );
        assert_eq!(other.names(), all.names());
        assert!(matches!(
            all.replace_targets(Array2::ones((3, 1)).view()),
            Err(Error::ColumnCount { .. })
        ));
        assert!(matches!(
            all.replace_contexts(Array2::ones((2, 2)).view()),
            Err(Error::RowCount { .. })
        ));
    }
}

//! Random effects: which rows are of one subject, and what of the linear predictor is each subject's own.

use super::Samples;
use crate::copies::numbered;
use crate::validate::{check_columns, check_finite, check_rows};
use crate::{Error, Result};
use ndarray::{Array2, ArrayView2, Axis};
use std::collections::HashSet;

/// Random effects of the levels of a grouping factor, such as subjects: `(1 + x | subject)`.
///
/// The linear predictor of row i has the term `z_iᵀ b_{g(i)}` with `b_g ~ N(0, Σ)` for each level g.
///
/// ```
/// use contextualized_core::RandomTerm;
/// use ndarray::array;
///
/// // An intercept and a slope for each of two subjects.
/// let design = array![[1.0, 0.0], [1.0, 1.0], [1.0, 0.0], [1.0, 1.0]];
/// let term = RandomTerm::new("subject", &["ann", "ann", "bob", "bob"], design.view())?
///     .with_effect_names(["(intercept)", "days"])?;
/// assert_eq!((term.level_count(), term.effects()), (2, 2));
/// # Ok::<(), contextualized_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct RandomTerm {
    group: String,
    levels: Vec<Option<usize>>,
    level_count: usize,
    design: Array2<f64>,
    effect_names: Vec<String>,
    correlated: bool,
}

impl RandomTerm {
    /// The grouping factor's name, the label of each row's level (n), and what each level's effects are multiplied
    /// by (n × q); effects of one level are correlated. Levels are numbered in the order in which they come.
    ///
    /// # Errors
    ///
    /// [`Error::RowCount`], [`Error::NoColumns`], [`Error::NotFinite`].
    pub fn new<L: std::hash::Hash + Eq>(
        group: impl Into<String>,
        labels: &[L],
        design: ArrayView2<'_, f64>,
    ) -> Result<Self> {
        let numbers = numbered(labels);
        let count = numbers.iter().max().map_or(0, |most| most + 1);
        let levels = numbers.into_iter().map(Some).collect();
        Self::of_levels(group, levels, count, design)
    }

    /// The same with levels that are numbered already, below `level_count`; none is a level that is not among them.
    ///
    /// # Errors
    ///
    /// Those of [`RandomTerm::new`]; [`Error::InvalidParameter`] for a number that is too large.
    pub fn of_levels(
        group: impl Into<String>,
        levels: Vec<Option<usize>>,
        level_count: usize,
        design: ArrayView2<'_, f64>,
    ) -> Result<Self> {
        if design.ncols() == 0 {
            return Err(Error::NoColumns {
                argument: "random effects",
            });
        }
        check_rows("random effects", levels.len(), design.nrows())?;
        check_finite("random effects", design)?;
        if let Some(level) = levels.iter().flatten().find(|own| **own >= level_count) {
            return Err(Error::invalid_parameter(
                "level of a random term",
                level,
                format!("below {level_count}, the number of levels"),
            ));
        }
        let effect_names = match design.ncols() {
            1 => vec!["z".to_owned()],
            several => (0..several).map(|effect| format!("z{effect}")).collect(),
        };
        Ok(Self {
            group: group.into(),
            levels,
            level_count,
            design: design.as_standard_layout().into_owned(),
            effect_names,
            correlated: true,
        })
    }

    /// Names the effects of a level.
    ///
    /// # Errors
    ///
    /// [`Error::ColumnCount`] for another number of names than of effects.
    pub fn with_effect_names<S: Into<String>>(
        mut self,
        names: impl IntoIterator<Item = S>,
    ) -> Result<Self> {
        let names: Vec<String> = names.into_iter().map(Into::into).collect();
        check_columns("names of random effects", self.effects(), names.len())?;
        self.effect_names = names;
        Ok(self)
    }

    /// Effects of one level are independent of each other.
    pub fn uncorrelated(mut self) -> Self {
        self.correlated = false;
        self
    }

    /// Name of the grouping factor.
    pub fn group(&self) -> &str {
        &self.group
    }

    /// Level of each row; none where it is not among those that are numbered.
    pub fn levels(&self) -> &[Option<usize>] {
        &self.levels
    }

    /// Number of levels, some of which may have no row.
    pub fn level_count(&self) -> usize {
        self.level_count
    }

    /// What the effects are multiplied by, n × q.
    pub fn design(&self) -> ArrayView2<'_, f64> {
        self.design.view()
    }

    /// Effects of each level (q).
    pub fn effects(&self) -> usize {
        self.design.ncols()
    }

    /// Their names.
    pub fn effect_names(&self) -> &[String] {
        &self.effect_names
    }

    /// Whether effects of one level are correlated.
    pub fn is_correlated(&self) -> bool {
        self.correlated && self.effects() > 1
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.levels.len()
    }

    /// These rows, in this order; levels keep their numbers.
    ///
    /// # Errors
    ///
    /// [`Error::RowOutOfRange`].
    pub fn select(&self, rows: &[usize]) -> Result<Self> {
        if let Some(&row) = rows.iter().find(|&&row| row >= self.rows()) {
            return Err(Error::RowOutOfRange {
                row,
                rows: self.rows(),
            });
        }
        Ok(Self {
            levels: rows.iter().map(|&row| self.levels[row]).collect(),
            design: self.design.select(Axis(0), rows),
            ..self.clone()
        })
    }

    /// Levels that have rows.
    fn present(&self) -> usize {
        let present: HashSet<_> = self.levels.iter().collect();
        present.len()
    }
}

impl Samples {
    /// Sets random effects. Without [groups](Samples::with_groups) rows of a level of the innermost term, that of
    /// most levels, depend on each other.
    ///
    /// # Errors
    ///
    /// [`Error::RowCount`].
    pub fn with_random_terms(mut self, terms: Vec<RandomTerm>) -> Result<Self> {
        for term in &terms {
            check_rows("random effects", self.rows(), term.rows())?;
        }
        if self.groups.is_none() {
            // Of equals the first.
            let innermost = terms.iter().rev().max_by_key(|term| term.present());
            self.groups = innermost.map(|term| numbered(&term.levels));
        }
        self.random_terms = terms;
        Ok(self)
    }

    /// Random effects, none unless they were set.
    pub fn random_terms(&self) -> &[RandomTerm] {
        &self.random_terms
    }

    /// The same samples without random effects; rows that depended on each other still do.
    pub fn without_random_terms(&self) -> Self {
        Self {
            random_terms: Vec::new(),
            ..self.clone()
        }
    }

    /// Refuses random effects, and rows without contexts, for an estimator of coefficients that vary with the
    /// context alone.
    ///
    /// # Errors
    ///
    /// [`Error::RandomEffects`], [`Error::NoColumns`].
    pub fn check_contexts_alone(&self, estimator: &str) -> Result<()> {
        self.check_no_random_effects(estimator)?;
        if self.contexts.ncols() == 0 {
            return Err(Error::NoColumns {
                argument: "contexts",
            });
        }
        Ok(())
    }

    /// Refuses random effects for an estimator that has none.
    ///
    /// # Errors
    ///
    /// [`Error::RandomEffects`].
    pub fn check_no_random_effects(&self, estimator: &str) -> Result<()> {
        match self.random_terms.first() {
            None => Ok(()),
            Some(term) => Err(Error::RandomEffects {
                estimator: estimator.to_owned(),
                group: term.group.clone(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn samples() -> Samples {
        let (x, y) = (
            array![[1.0], [2.0], [3.0], [4.0]],
            array![[1.0], [0.0], [2.0], [1.0]],
        );
        Samples::without_contexts(x.view(), y.view()).unwrap()
    }

    fn term(labels: [&str; 4]) -> RandomTerm {
        RandomTerm::new("s", &labels, Array2::ones((4, 1)).view()).unwrap()
    }

    #[test]
    fn rows_of_the_innermost_term_belong_together() {
        let outer = term(["a", "a", "a", "b"]);
        let inner = term(["p", "q", "q", "r"]);
        let both = samples().with_random_terms(vec![outer, inner]).unwrap();
        assert_eq!(both.groups().unwrap(), [0, 1, 1, 2]);
        let some = both.select(&[3, 1]).unwrap();
        assert_eq!(some.random_terms()[1].levels(), [Some(2), Some(1)]);
        assert_eq!(some.random_terms()[1].level_count(), 3);
        let named = samples().with_groups(&[0, 0, 1, 1]).unwrap();
        let named = named
            .with_random_terms(vec![term(["p", "q", "q", "r"])])
            .unwrap();
        assert_eq!(named.groups().unwrap(), [0, 0, 1, 1]);
        assert!(named.without_random_terms().random_terms().is_empty());
    }

    #[test]
    fn who_cannot_use_them_says_who_can() {
        let with = samples()
            .with_random_terms(vec![term(["p", "q", "q", "r"])])
            .unwrap();
        let message = with.check_contexts_alone("trees").unwrap_err().to_string();
        assert!(
            message.contains("trees") && message.contains("mixed"),
            "{message}"
        );
        assert!(matches!(
            samples().check_contexts_alone("gp"),
            Err(Error::NoColumns { .. })
        ));
        samples().check_no_random_effects("population").unwrap();
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let ones = Array2::ones((2, 1));
        assert!(matches!(
            RandomTerm::new("s", &["a"], ones.view()),
            Err(Error::RowCount { .. })
        ));
        assert!(RandomTerm::of_levels("s", vec![Some(0), Some(2)], 2, ones.view()).is_err());
        assert!(RandomTerm::of_levels("s", vec![Some(0), None], 2, ones.view()).is_ok());
        let short = RandomTerm::new("s", &["a", "b"], ones.view()).unwrap();
        assert!(matches!(
            samples().with_random_terms(vec![short]),
            Err(Error::RowCount { .. })
        ));
    }
}

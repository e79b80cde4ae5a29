//! What coefficients may depend on: numbers and factors among the contexts, and their units of training.

use super::{ColumnNames, Samples};
use crate::warp::wild_values;
use crate::{Error, Result, Standardization, Warp, WildValue};
use ndarray::{Array2, ArrayView1, ArrayView2, Axis};
use serde::{Deserialize, Serialize};

/// What coefficients may depend on: a number, which is one column of the contexts, or a factor.
///
/// A factor is in indicators of levels: one column for each level, or for each but the first, in order. One of very
/// many levels is in codes: one column of the numbers of levels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContextVariable {
    /// Its name.
    pub name: String,
    /// Its columns among the contexts, in order.
    pub columns: Vec<usize>,
    /// Whether it is a factor.
    pub factor: bool,
    /// How many levels a factor in codes has, which are 0, 1, … up to one less; none of all others.
    #[serde(default)]
    pub coded_levels: Option<usize>,
}

impl ContextVariable {
    /// The column that stands for the variable where it needs but one: see [`ColumnNames::coded`].
    pub fn first(&self) -> usize {
        self.columns[0]
    }
}

/// What an indicator is divided by where a factor is in one column, and where it is in one for each level: so
/// that any two levels are as far apart as those of a balanced standardised pair.
const INDICATOR: f64 = 0.5;
const INDICATORS: f64 = std::f64::consts::FRAC_1_SQRT_2;

impl ColumnNames {
    /// The factor that a column of the contexts is an indicator of, if it is one.
    pub fn factor_of(&self, column: usize) -> Option<&ContextVariable> {
        self.factors
            .iter()
            .find(|own| own.columns.contains(&column))
    }

    /// What coefficients may depend on, in the order of the columns.
    pub fn context_variables(&self) -> Vec<ContextVariable> {
        let of_column = |column: usize| match self.factor_of(column) {
            Some(factor) if factor.first() == column => Some(factor.clone()),
            Some(_) => None,
            None => Some(ContextVariable {
                name: self.contexts[column].clone(),
                columns: vec![column],
                factor: false,
                coded_levels: None,
            }),
        };
        (0..self.contexts.len()).filter_map(of_column).collect()
    }

    /// Whether a column of the contexts holds the codes of a factor, which are no quantities.
    pub fn is_coded(&self, column: usize) -> bool {
        self.factor_of(column)
            .is_some_and(|factor| factor.coded_levels.is_some())
    }

    /// Columns of the contexts that do not hold codes: numbers and indicators, between which there are distances.
    pub fn measured_contexts(&self) -> Vec<usize> {
        let columns = 0..self.contexts.len();
        columns.filter(|&column| !self.is_coded(column)).collect()
    }

    /// Contexts in units of training (n × c) as kernels take them: instead of indicators each factor has the
    /// number of its level in its first column, and zeros in the others. Zero stands for a level without an
    /// indicator. Codes stay as they are. `raw` are the same contexts as they are in the data.
    pub fn coded(&self, raw: ArrayView2<'_, f64>, mut standardized: Array2<f64>) -> Array2<f64> {
        for factor in &self.factors {
            if factor.coded_levels.is_some() {
                let column = factor.first();
                standardized.column_mut(column).assign(&raw.column(column));
                continue;
            }
            for (row, mut own) in raw.rows().into_iter().zip(standardized.rows_mut()) {
                let indicated = |column: &usize| row[*column] > 0.5;
                let level = factor.columns.iter().position(indicated);
                for &column in &factor.columns {
                    own[column] = 0.0;
                }
                own[factor.first()] = level.map_or(0.0, |level| (level + 1) as f64);
            }
        }
        standardized
    }
}

impl Samples {
    /// Says which columns of the contexts are the indicators of a factor's levels. A factor is one thing that
    /// coefficients may depend on: its levels are equally far apart however frequent they are, and it is tested
    /// as a whole. Factors in codes stay.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for columns that are not there, in two factors, or not in ascending order,
    /// and for values other than 0 and 1.
    pub fn with_factors<S: Into<String>>(
        mut self,
        factors: impl IntoIterator<Item = (S, Vec<usize>)>,
    ) -> Result<Self> {
        let others = self.names.factors.drain(..);
        self.names.factors = others.filter(|own| own.coded_levels.is_some()).collect();
        for (name, columns) in factors {
            let name = name.into();
            if columns.is_empty() || !columns.is_sorted_by(|a, b| a < b) {
                return refused(&name, format!("{columns:?}"), "columns in ascending order");
            }
            for &column in &columns {
                let values = self.free_column(&name, column)?;
                if let Some(other) = values.iter().find(|value| **value != 0.0 && **value != 1.0) {
                    return refused(&name, format!("{other} in column {column}"), "0 or 1");
                }
            }
            self.names.factors.push(ContextVariable {
                name,
                columns,
                factor: true,
                coded_levels: None,
            });
        }
        Ok(self)
    }

    /// Says which columns of the contexts hold the codes of a factor's levels, and how many levels it has: numbers
    /// 0, 1, … up to one less. So may a factor of many thousands of levels be given, whose indicators would not fit
    /// in memory. Gaussian processes and constant-coefficient models take it as they do indicators; estimators that
    /// need distances between contexts refuse it by [`Samples::check_distances`]. A code that no row of the fit had
    /// is a level that nothing is known of. Factors in indicators stay.
    ///
    /// ```
    /// use contextualized_core::Samples;
    /// use ndarray::array;
    ///
    /// let (sites, x) = (array![[0.0], [2.0], [1.0]], array![[1.0], [0.5], [0.0]]);
    /// let samples = Samples::new(sites.view(), x.view(), x.view())?
    ///     .with_coded_factors([("site", 0, 3)])?;
    /// assert!(samples.names().is_coded(0));
    /// # Ok::<(), contextualized_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for a column that is not there or in two factors, and for values that are not
    /// whole numbers from 0 to one less than the number of levels.
    pub fn with_coded_factors<S: Into<String>>(
        mut self,
        factors: impl IntoIterator<Item = (S, usize, usize)>,
    ) -> Result<Self> {
        self.names.factors.retain(|own| own.coded_levels.is_none());
        for (name, column, levels) in factors {
            let name = name.into();
            let is_code =
                |value: f64| value >= 0.0 && value < levels as f64 && value.fract() == 0.0;
            let values = self.free_column(&name, column)?;
            if let Some(other) = values.iter().find(|value| !is_code(**value)) {
                let requirement = format!("a whole number from 0 and below {levels}, the levels");
                return refused(&name, format!("{other} in column {column}"), requirement);
            }
            self.names.factors.push(ContextVariable {
                name,
                columns: vec![column],
                factor: true,
                coded_levels: Some(levels),
            });
        }
        Ok(self)
    }

    /// A column of the contexts that no factor has yet.
    fn free_column(&self, name: &str, column: usize) -> Result<ArrayView1<'_, f64>> {
        if column >= self.contexts.ncols() || self.names.factor_of(column).is_some() {
            return refused(name, format!("in column {column}"), "a column of its own");
        }
        Ok(self.contexts.column(column))
    }

    /// Refuses factors in codes, for an estimator that needs distances between contexts.
    ///
    /// # Errors
    ///
    /// [`Error::CodedFactor`], which names the estimator and the first such factor.
    pub fn check_distances(&self, estimator: impl Into<String>) -> Result<()> {
        let estimator = estimator.into();
        self.check_contexts_alone(&estimator)?;
        let factors = self.names.factors.iter();
        let mut coded = factors.filter_map(|own| Some((own, own.coded_levels?)));
        match coded.next() {
            None => Ok(()),
            Some((factor, levels)) => Err(Error::CodedFactor {
                estimator,
                factor: factor.name.clone(),
                levels,
            }),
        }
    }

    /// The same factors as in other samples of these columns.
    pub(crate) fn with_variables_of(mut self, names: &ColumnNames) -> Self {
        self.names.factors.clone_from(&names.factors);
        self
    }

    /// How contexts are standardised: numbers by their (weighted) means and population deviations, indicators of
    /// a factor so that its levels are equally far apart. Codes are left as they are.
    ///
    /// # Errors
    ///
    /// Those of [`Standardization::fit`].
    pub fn context_scaling(&self, weights: Option<ArrayView1<'_, f64>>) -> Result<Standardization> {
        let mut scaling = Standardization::fit(self.contexts(), weights)?;
        for factor in &self.names.factors {
            if factor.coded_levels.is_some() {
                scaling = scaling.with_unit(factor.first(), 0.0, 1.0);
                continue;
            }
            let scale = if factor.columns.len() == 1 {
                INDICATOR
            } else {
                INDICATORS
            };
            for &column in &factor.columns {
                scaling = scaling.with_scale(column, scale);
            }
        }
        Ok(scaling)
    }

    /// The same of contexts that are transformed where they are skewed or have values far from all others
    /// ([`Warp`]).
    ///
    /// # Errors
    ///
    /// Those of [`Standardization::fit`].
    pub fn warped_context_scaling(
        &self,
        weights: Option<ArrayView1<'_, f64>>,
    ) -> Result<Standardization> {
        let warps: Vec<Warp> = (0..self.contexts.ncols())
            .map(|column| {
                if self.names.factor_of(column).is_some() {
                    Warp::None
                } else {
                    Warp::of_column(self.contexts.column(column))
                }
            })
            .collect();
        if warps.iter().all(|warp| *warp == Warp::None) {
            return self.context_scaling(weights);
        }
        let mut transformed = self.contexts.clone();
        for (mut column, warp) in transformed.columns_mut().into_iter().zip(&warps) {
            column.mapv_inplace(|value| warp.apply(value));
        }
        let transformed = self.replace_contexts(transformed.view())?;
        let mut scaling = transformed.context_scaling(weights)?;
        for (column, warp) in warps.iter().enumerate() {
            // Values that stand alone do not set the unit of the others.
            if let Warp::Beyond { low, high, .. } = warp {
                let values = self.contexts.column(column);
                let inside: Vec<usize> = (0..values.len())
                    .filter(|&row| (*low..=*high).contains(&values[row]))
                    .collect();
                let own = values.select(Axis(0), &inside).insert_axis(Axis(1));
                let weights = weights.map(|weights| weights.select(Axis(0), &inside));
                let unit =
                    Standardization::fit(own.view(), weights.as_ref().map(|own| own.view()))?;
                scaling = scaling.with_unit(column, unit.centers()[0], unit.scales()[0]);
            }
        }
        Ok(scaling.with_warps(warps))
    }

    /// Values of contexts that are far from all others: more than thirty robust standard deviations from the
    /// median, of at most one row in a hundred. Codes of levels are not far from each other.
    pub fn wild_contexts(&self) -> Vec<WildValue> {
        let mut found = wild_values(self.contexts());
        found.retain(|wild| !self.names.is_coded(wild.context));
        found
    }
}

fn refused<T>(name: &str, value: String, requirement: impl Into<String>) -> Result<T> {
    let value = format!("{name} with {value}");
    Err(Error::invalid_parameter("factor", value, requirement))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    /// A number between the three indicators of one factor and the only one of another.
    fn with_factors() -> Samples {
        let contexts = array![
            [1.0, 0.0, 0.0, 0.3, 1.0],
            [0.0, 1.0, 0.0, 0.9, 0.0],
            [0.0, 0.0, 1.0, 0.1, 1.0],
            [1.0, 0.0, 0.0, 0.5, 1.0],
        ];
        let ones = Array2::ones((4, 1));
        Samples::new(contexts.view(), ones.view(), ones.view())
            .unwrap()
            .with_factors([("site", vec![0, 1, 2]), ("sex", vec![4])])
            .unwrap()
    }

    #[test]
    fn factors_are_one_variable_with_levels_equally_far_apart() {
        let samples = with_factors();
        let variables = samples.names().context_variables();
        let names: Vec<&str> = variables.iter().map(|own| own.name.as_str()).collect();
        assert_eq!(names, ["site", "c3", "sex"]);
        assert_eq!(variables[0].columns, [0, 1, 2]);

        let scaling = samples.context_scaling(None).unwrap();
        let standardized = scaling.apply(samples.contexts()).unwrap();
        let distance = |columns: std::ops::Range<usize>, a: usize, b: usize| {
            let own = standardized.slice(ndarray::s![.., columns]);
            let difference = &own.row(a) - &own.row(b);
            difference.dot(&difference).sqrt()
        };
        for (a, b) in [(0, 1), (0, 2), (1, 2)] {
            assert!((distance(0..3, a, b) - 2.0).abs() < 1e-12);
        }
        assert!((distance(4..5, 0, 1) - 2.0).abs() < 1e-12);

        let coded = samples
            .names()
            .coded(samples.contexts(), standardized.clone());
        assert_eq!(coded.column(0), array![1.0, 2.0, 3.0, 1.0]);
        assert_eq!(coded.column(3), standardized.column(3));
        assert_eq!(coded.column(4), array![1.0, 0.0, 1.0, 1.0]);
        assert!(
            coded
                .column(1)
                .iter()
                .chain(coded.column(2))
                .all(|v| *v == 0.0)
        );
    }

    #[test]
    fn selected_columns_keep_the_factors_that_are_whole() {
        let some = with_factors().select_contexts(&[3, 4, 0]).unwrap();
        assert_eq!(some.names().factors.len(), 1);
        assert_eq!(some.names().factors[0].columns, [1]);
        assert_eq!(some.names().context_variables().len(), 3);
    }

    #[test]
    fn a_factor_in_codes_is_one_column_without_a_unit() {
        let contexts = array![[0.0, 5.0], [3.0, -1.0], [1.0, 2.0], [3.0, 400.0]];
        let ones = Array2::ones((4, 1));
        let samples = Samples::new(contexts.view(), ones.view(), ones.view())
            .unwrap()
            .with_coded_factors([("site", 0, 4)])
            .unwrap();
        let names = samples.names();
        assert!(names.is_coded(0) && !names.is_coded(1));
        assert_eq!(names.measured_contexts(), [1]);
        for scaling in [
            samples.context_scaling(None).unwrap(),
            samples.warped_context_scaling(None).unwrap(),
        ] {
            let standardized = scaling.apply(contexts.view()).unwrap();
            assert_eq!(standardized.column(0), contexts.column(0));
            let coded = names.coded(contexts.view(), standardized.clone());
            assert_eq!(coded, standardized);
        }
        assert_eq!(
            samples.check_distances("trees").unwrap_err().to_string(),
            "trees cannot use the factor site, which has 4 levels in codes: take population or, of a regression, gp, or group its levels"
        );
        assert!(with_factors().check_distances("trees").is_ok());
        let kept = samples.select_contexts(&[1, 0]).unwrap();
        assert!(kept.names().is_coded(1));
    }

    #[test]
    fn codes_are_numbers_of_levels_in_columns_of_their_own() {
        for (column, levels, words) in [
            (0, 2, "column of its own"),
            (5, 2, "column of its own"),
            (3, 2, "whole number"),
        ] {
            let coded = with_factors().with_coded_factors([("a", column, levels)]);
            let error = coded.unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
        let both = with_factors()
            .with_factors([("sex", vec![4])])
            .unwrap()
            .with_coded_factors([("first", 0, 2)])
            .unwrap();
        assert_eq!(both.names().factors.len(), 2);
        assert!(both.clone().with_coded_factors([("first", 0, 1)]).is_err());
        // What is in codes is no indicator as well.
        assert!(both.with_factors([("site", vec![0, 1, 2])]).is_err());
    }

    #[test]
    fn factors_are_indicators_in_columns_of_their_own() {
        for (columns, words) in [
            (vec![], "ascending"),
            (vec![1, 0], "ascending"),
            (vec![5], "column of its own"),
            (vec![3], "0 or 1"),
        ] {
            let error = with_factors().with_factors([("a", columns)]).unwrap_err();
            assert!(error.to_string().contains(words), "{error}");
        }
        let twice = [("a", vec![0, 1]), ("b", vec![1, 2])];
        assert!(with_factors().with_factors(twice).is_err());
    }
}

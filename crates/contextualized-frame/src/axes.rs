//! Contexts as a reader knows them: numbers and categories, whatever columns they are coded in.

use crate::data::Clock;
use crate::design::{Design, Variable};
use crate::values::{ends, number, quantile};
use contextualized_core::{Error, Result, Samples};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut2, Axis, s};
use std::cmp::Reverse;

/// Values of a context, in order.
#[derive(Debug, Clone, PartialEq)]
pub enum Points {
    /// Values of a number, and those of the rows.
    Numbers {
        /// The values, ascending.
        values: Vec<f64>,
        /// Those of the rows.
        rows: Vec<f64>,
        /// What they count, of dates and times.
        clock: Option<Clock>,
    },
    /// Levels of a category: all of them, or of very many those that most rows have.
    Levels(Vec<String>),
}

impl Points {
    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Numbers { values, .. } => values.len(),
            Self::Levels(names) => names.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// One of them as a program reads it.
    pub fn plain_text(&self, place: usize) -> String {
        match self {
            Self::Numbers {
                values,
                clock: None,
                ..
            } => values[place].to_string(),
            Self::Numbers { .. } | Self::Levels(_) => self.text(place),
        }
    }

    /// One of them as a text.
    pub fn text(&self, place: usize) -> String {
        match self {
            Self::Numbers { values, clock, .. } => value_text(values[place], *clock),
            Self::Levels(names) => names[place].clone(),
        }
    }
}

/// A value of a number, or of a date or time, as a text.
fn value_text(value: f64, clock: Option<Clock>) -> String {
    match clock {
        Some(clock) => clock.written(value),
        None => written(value),
    }
}

/// Enough digits to tell years with their months apart, without zeros at the end.
fn written(value: f64) -> String {
    let size = value.abs();
    if !(1e-3..1e9).contains(&size) {
        return number(value);
    }
    let decimals = (3.0 - size.log10().floor()).clamp(2.0, 6.0) as usize;
    let text = format!("{size:.decimals$}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if value < 0.0 {
        format!("−{text}")
    } else {
        text.to_owned()
    }
}

/// One context: what varies together.
#[derive(Debug, Clone, PartialEq)]
pub enum ContextAxis {
    /// A number in a column.
    Number {
        /// The column of the contexts.
        column: usize,
        /// What it counts, of dates and times.
        clock: Option<Clock>,
    },
    /// A category, or a number that a basis is made of, in one or more columns.
    Coded {
        /// Its name.
        name: String,
        /// Its columns of the contexts.
        columns: Vec<usize>,
        /// Its levels, or some of its values.
        at: Points,
        /// What the columns hold for each of these (points × columns).
        codes: Array2<f64>,
    },
}

impl ContextAxis {
    /// Contexts as the formula names them: a variable with levels is one context, whatever its columns, and so is
    /// one with a basis.
    pub fn of(design: &Design, training: &Samples) -> Vec<Self> {
        let mut axes = Vec::new();
        for (position, variable) in design.variables.iter().enumerate() {
            let own: Vec<(usize, Option<usize>)> = design
                .contexts
                .iter()
                .enumerate()
                .flat_map(|(column, context)| {
                    let factors = context.factors.iter();
                    factors
                        .filter(|(variable, _)| *variable == position)
                        .map(move |(_, part)| (column, *part))
                })
                .collect();
            if own.is_empty() {
                continue;
            }
            let columns: Vec<usize> = own.iter().map(|(column, _)| *column).collect();
            let basis = variable.made.as_ref().and_then(|made| made.basis.as_ref());
            if let (Some(levels), &[(column, None)]) = (&variable.levels, &own[..]) {
                axes.push(Self::of_codes(&variable.name, levels, column, training));
            } else if let Some(levels) = &variable.levels {
                axes.push(Self::Coded {
                    name: variable.name.clone(),
                    codes: Array2::from_shape_fn((levels.len(), own.len()), |(level, column)| {
                        f64::from(own[column].1 == Some(level))
                    }),
                    columns,
                    at: Points::Levels(levels.clone()),
                });
            } else if let (Some(basis), [first, _, ..]) = (basis, &columns[..]) {
                let rows = basis.arguments(
                    training
                        .contexts()
                        .slice(s![.., *first..first + basis.columns()]),
                );
                let values = basis.grid(&rows, POINTS);
                axes.push(Self::Coded {
                    name: made_of(variable),
                    codes: basis.table(&values),
                    columns,
                    at: Points::Numbers {
                        values,
                        rows,
                        clock: None,
                    },
                });
            } else {
                let number = |column| Self::Number {
                    column,
                    clock: variable.clock,
                };
                axes.extend(columns.into_iter().map(number));
            }
        }
        // In the order of the formula.
        axes.sort_by_key(|axis| axis.columns().into_iter().min());
        axes
    }

    /// The most levels that are shown of a category in codes.
    pub const MOST_CODED: usize = 20;

    /// A category whose column holds the numbers of its levels: those that most rows have, in their order.
    fn of_codes(name: &str, levels: &[String], column: usize, training: &Samples) -> Self {
        let mut counts = vec![0_usize; levels.len()];
        for code in training.contexts().column(column) {
            counts[*code as usize] += 1;
        }
        let mut shown: Vec<usize> = (0..levels.len()).collect();
        shown.sort_by_key(|&level| Reverse(counts[level]));
        shown.truncate(Self::MOST_CODED);
        shown.sort_unstable();
        Self::Coded {
            name: name.to_owned(),
            columns: vec![column],
            codes: Array2::from_shape_fn((shown.len(), 1), |(place, _)| shown[place] as f64),
            at: Points::Levels(shown.iter().map(|&level| levels[level].clone()).collect()),
        }
    }

    /// Every column by itself, as a number.
    pub fn of_columns(contexts: usize) -> Vec<Self> {
        (0..contexts)
            .map(|column| Self::Number {
                column,
                clock: None,
            })
            .collect()
    }

    /// Its name.
    pub fn name<'a>(&'a self, samples: &'a Samples) -> &'a str {
        match self {
            Self::Number { column, .. } => &samples.names().contexts[*column],
            Self::Coded { name, .. } => name,
        }
    }

    /// The columns of the contexts that it is coded in.
    pub fn columns(&self) -> Vec<usize> {
        match self {
            Self::Number { column, .. } => vec![*column],
            Self::Coded { columns, .. } => columns.clone(),
        }
    }

    /// Its value in the first of these rows of contexts as a text, of one with codes the nearest point.
    pub fn value(&self, contexts: ArrayView2<'_, f64>) -> String {
        let place = self.point_of_rows(contexts).first().copied().flatten();
        match (self, place) {
            (Self::Number { column, clock }, _) => value_text(contexts[[0, *column]], *clock),
            (Self::Coded { .. }, None) => "another level".to_owned(),
            (Self::Coded { at, .. }, Some(place)) => match at {
                Points::Levels(_) => at.text(place),
                Points::Numbers { .. } if self.is_beyond(contexts.row(0)) => {
                    "outside the training range".to_owned()
                }
                Points::Numbers { .. } => format!("about {}", at.text(place)),
            },
        }
    }

    /// Whether a row of contexts is further from all points of a number with codes than these are from each other.
    pub fn is_beyond(&self, row: ArrayView1<'_, f64>) -> bool {
        let Self::Coded {
            at: Points::Numbers { .. },
            columns,
            codes,
            ..
        } = self
        else {
            return false;
        };
        let own = row.select(Axis(0), columns);
        let distance =
            |a: ArrayView1<'_, f64>, b: ArrayView1<'_, f64>| (&a - &b).mapv(|d| d * d).sum();
        let points = || codes.rows().into_iter();
        let apart = points().zip(points().skip(1)).map(|(a, b)| distance(a, b));
        let apart = apart.fold(0.0, f64::max);
        points().all(|point| distance(point, own.view()) > apart)
    }

    /// A value of a number as a text.
    pub fn written(&self, value: f64) -> String {
        match self {
            Self::Number { clock, .. } => value_text(value, *clock),
            Self::Coded { .. } => value_text(value, None),
        }
    }

    /// Gives all these rows of contexts the value that has this code.
    pub fn set(&self, mut contexts: ArrayViewMut2<'_, f64>, code: ArrayView1<'_, f64>) {
        for (column, code) in self.columns().into_iter().zip(code) {
            contexts.column_mut(column).fill(*code);
        }
    }

    /// Checks that columns exist and codes fit.
    pub fn check(&self, contexts: usize) -> Result<()> {
        let columns = self.columns();
        if let Some(column) = columns.iter().find(|column| **column >= contexts) {
            let requirement = format!("below {contexts}, the number of contexts");
            return Err(Error::invalid_parameter("context", column, requirement));
        }
        if let Self::Coded { at, codes, .. } = self
            && (codes.dim() != (at.len(), columns.len()) || at.is_empty())
        {
            return Err(Error::invalid_parameter(
                "codes of a context",
                format!("{:?}", codes.dim()),
                format!("{} points × {} columns", at.len(), columns.len()),
            ));
        }
        Ok(())
    }

    /// Values with their codes (points × columns) from one end of these contexts to the other: so many of a number in a
    /// column, else those that there are codes for.
    pub fn values(&self, contexts: ArrayView2<'_, f64>, points: usize) -> (Points, Array2<f64>) {
        match self {
            Self::Number { column, clock } => {
                let rows = contexts.column(*column).to_vec();
                let (low, high) = ends(&rows);
                let step = (high - low) / (points.max(2) - 1) as f64;
                let values: Vec<f64> = (0..points).map(|k| low + step * k as f64).collect();
                let codes = Array2::from_shape_fn((points, 1), |(point, _)| values[point]);
                let clock = *clock;
                (
                    Points::Numbers {
                        values,
                        rows,
                        clock,
                    },
                    codes,
                )
            }
            Self::Coded { at, codes, .. } => (at.clone(), codes.clone()),
        }
    }

    /// Up to `most` values with their codes, that stand for those of these contexts: the median and quantiles
    /// either side of a number, the first levels of a category.
    pub fn some_values(
        &self,
        contexts: ArrayView2<'_, f64>,
        most: usize,
    ) -> Vec<(String, Array1<f64>)> {
        const SHARES: [f64; 3] = [0.1, 0.5, 0.9];
        match self {
            Self::Number { column, clock } => {
                let values = contexts.column(*column).to_vec();
                let mut shown = SHARES.map(|share| quantile(&values, share)).to_vec();
                shown.dedup();
                shown.truncate(most);
                let code = |value| (value_text(value, *clock), Array1::from_elem(1, value));
                shown.into_iter().map(code).collect()
            }
            Self::Coded { at, codes, .. } => {
                let places: Vec<usize> = match at {
                    Points::Levels(names) => (0..names.len().min(most)).collect(),
                    Points::Numbers { values, .. } => {
                        let last = values.len().saturating_sub(1) as f64;
                        let place = |share: f64| (share * last).round() as usize;
                        let mut places = SHARES.map(place).to_vec();
                        places.dedup();
                        places.truncate(most);
                        places
                    }
                };
                let coded = |place: usize| (at.text(place), codes.row(place).to_owned());
                places.into_iter().map(coded).collect()
            }
        }
    }

    /// The point that each row of contexts is nearest to, of one with codes; none of a number in a column, and of a
    /// level that is not among the points.
    pub fn point_of_rows(&self, contexts: ArrayView2<'_, f64>) -> Vec<Option<usize>> {
        let Self::Coded {
            columns, codes, at, ..
        } = self
        else {
            return vec![None; contexts.nrows()];
        };
        let point = |row: ArrayView1<'_, f64>| {
            let distance = |code: ArrayView1<'_, f64>| -> f64 {
                let own = columns.iter().map(|&column| row[column]);
                own.zip(code).map(|(own, code)| (own - code).powi(2)).sum()
            };
            let distances = codes.rows().into_iter().map(distance).enumerate();
            let nearest = distances.min_by(|a, b| a.1.total_cmp(&b.1));
            // Levels are the same or not.
            let is_it = |distance: f64| matches!(at, Points::Numbers { .. }) || distance < 0.5;
            nearest.and_then(|(point, distance)| is_it(distance).then_some(point))
        };
        contexts.rows().into_iter().map(point).collect()
    }
}

/// Points of a curve along a number that a basis is made of.
const POINTS: usize = 20;

/// What a basis is made of, as the formula says it.
fn made_of(variable: &Variable) -> String {
    match &variable.made {
        Some(made) => made.of.to_string(),
        None => variable.name.clone(),
    }
}

/// A typical context (1 × c): medians of numbers, the most frequent levels of categories.
pub fn typical(axes: &[ContextAxis], contexts: ArrayView2<'_, f64>) -> Array2<f64> {
    let median = |column: ArrayView1<'_, f64>| quantile(&column.to_vec(), 0.5);
    let mut typical = contexts.map_axis(Axis(0), median).insert_axis(Axis(0));
    for axis in axes {
        if let ContextAxis::Coded { codes, .. } = axis {
            let mut counts = vec![0_usize; codes.nrows()];
            let points = axis.point_of_rows(contexts).into_iter().flatten();
            points.for_each(|level| counts[level] += 1);
            // The first of equally frequent ones.
            let most = (0..counts.len()).rev().max_by_key(|&level| counts[level]);
            axis.set(typical.view_mut(), codes.row(most.unwrap_or(0)));
        }
    }
    typical
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn site() -> ContextAxis {
        ContextAxis::Coded {
            name: "site".into(),
            columns: vec![1, 2],
            at: Points::Levels(["a", "b", "c"].map(Into::into).to_vec()),
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
        let axes = [ContextAxis::of_columns(1).remove(0), site()];
        assert_eq!(typical(&axes, contexts.view()), array![[2.5, 0.0, 1.0]]);
        assert_eq!(
            site().point_of_rows(contexts.view()),
            [Some(0), Some(1), Some(2), Some(2)]
        );
        let no_level = array![[1.0, 1.0, 1.0]];
        assert_eq!(site().point_of_rows(no_level.view()), [None]);
    }

    #[test]
    fn columns_and_codes_are_checked() {
        assert!(site().check(3).is_ok());
        let message = site().check(2).unwrap_err().to_string();
        assert_eq!(
            message,
            "context is 2, but must be below 2, the number of contexts"
        );
        let mut short = site();
        if let ContextAxis::Coded { at, .. } = &mut short {
            *at = Points::Levels(vec!["a".into()]);
        }
        assert!(short.check(3).is_err());
    }

    #[test]
    fn some_values_stand_for_all() {
        let contexts = Array2::from_shape_fn((11, 3), |(row, column)| match column {
            0 => row as f64,
            _ => 0.0,
        });
        let texts = |axis: ContextAxis, most: usize| -> Vec<String> {
            let values = axis.some_values(contexts.view(), most);
            values.into_iter().map(|(text, _)| text).collect()
        };
        assert_eq!(written(2007.034), "2007.03");
        assert_eq!(written(-19.0), "−19");
        assert_eq!(written(0.458_333_3), "0.4583");
        assert_eq!(
            texts(ContextAxis::of_columns(1).remove(0), 3),
            ["1", "5", "9"]
        );
        assert_eq!(texts(site(), 2), ["a", "b"]);
        let days = ContextAxis::Number {
            column: 0,
            clock: Some(Clock::Days),
        };
        assert_eq!(texts(days, 1), ["1970-01-02"]);
    }
}

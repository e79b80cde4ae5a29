//! Survival times of a formula: `Surv(time, event)` and `Surv(start, stop, event)`.

use super::{Design, DesignColumn, Made, Variable};
use crate::data::{Column, level_key};
use crate::error::{Error, Result};
use crate::formula::Expression;
use contextualized_core::{Family, Samples, SurvivalPart, SurvivalTimes, TimeIntervals};
use ndarray::{Array1, ArrayView1, ArrayView2, s};
use serde::{Deserialize, Serialize};
use std::str::FromStr;

/// What users name as the kind of an outcome: a family, or survival times, which are given by `Surv()`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum OutcomeKind {
    /// The distribution of a target.
    Family(Family),
    /// Times until an event, some of them censored.
    Survival,
}

impl OutcomeKind {
    const SURVIVAL: &'static str = "survival";

    /// Names of all kinds, each with what it is.
    pub fn all() -> Vec<(&'static str, &'static str)> {
        let families = Family::ALL.iter();
        let families = families.map(|family| (family.name(), family.description()));
        let survival = "times until an event, Surv(time, event), piecewise exponential, log link";
        families.chain([(Self::SURVIVAL, survival)]).collect()
    }

    /// The family, if it is one.
    pub fn family(self) -> Option<Family> {
        match self {
            Self::Family(family) => Some(family),
            Self::Survival => None,
        }
    }
}

impl From<Family> for OutcomeKind {
    fn from(family: Family) -> Self {
        Self::Family(family)
    }
}

impl FromStr for OutcomeKind {
    type Err = contextualized_core::Error;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        if name == Self::SURVIVAL {
            return Ok(Self::Survival);
        }
        name.parse().map(Self::Family).map_err(|_| {
            let names: Vec<&str> = Self::all().into_iter().map(|(name, _)| name).collect();
            let requirement = format!("one of {}", names.join(", "));
            contextualized_core::Error::invalid_parameter("family", name, requirement)
        })
    }
}

/// How survival times become rows of a Poisson regression: see [`TimeIntervals`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SurvivalDesign {
    /// The columns: time and event, or start, stop and event.
    pub columns: Vec<Variable>,
    /// Intervals of time within which hazards are constant.
    pub intervals: TimeIntervals,
    /// The variable of the design that is time. In new rows it is the constant at which coefficients are given.
    pub time: usize,
    /// Number of rows with survival times.
    pub subjects: usize,
    /// Number of events.
    pub events: usize,
}

/// Numbers of survival times as they are in a file.
pub(super) struct Observed {
    columns: Vec<Variable>,
    times: SurvivalTimes,
}

impl Observed {
    /// Checks the columns of `Surv` at these rows of a file.
    pub(super) fn new(
        mut columns: Vec<Variable>,
        values: &[Column],
        kept: &[usize],
        file: &str,
    ) -> Result<Self> {
        let last = columns.len().saturating_sub(1);
        let mut numbers = Vec::new();
        for (position, (variable, column)) in columns.iter_mut().zip(values).enumerate() {
            numbers.push(match column {
                Column::Levels { levels, codes } => {
                    let is_truth = |level: &String| ["true", "false"].contains(&&*level_key(level));
                    if position != last || !levels.iter().all(is_truth) {
                        return Err(not_numbers(variable, levels, position == last, file));
                    }
                    let truth =
                        |row: &usize| f64::from(level_key(&levels[codes[*row] as usize]) == "true");
                    let found = kept.iter().map(truth).collect::<Array1<f64>>();
                    variable.levels = Some(vec!["FALSE".to_owned(), "TRUE".to_owned()]);
                    found
                }
                Column::Numbers(_) | Column::Times(..) | Column::Table(_) => {
                    super::encode::outcome_of(column, kept)
                }
            });
        }
        let times = times_of(&columns, &numbers, file, |row| kept[row])?;
        Ok(Self { columns, times })
    }

    /// Stops, which copies of subjects have in common.
    pub(super) fn stops(&self) -> Array1<f64> {
        self.times.stops().to_owned()
    }

    /// The rows of the Poisson regression of these subjects, and the design of them: time becomes the last context.
    pub(super) fn reduced(
        self,
        mut design: Design,
        subjects: &Samples,
    ) -> Result<(Design, Samples)> {
        let weights = subjects.weights();
        let intervals = TimeIntervals::at_quantiles(&self.times, weights, TimeIntervals::DEFAULT)
            .map_err(|_| {
            Error::failure(format!(
                "{} has no event in the rows used: {} is 0 in all of them, and nothing is known of hazards",
                design.formula,
                self.columns.last().map_or("the event", |own| own.name.as_str())
            ))
        })?;
        let name = time_name(&self.columns);
        if design.context_names().contains(&name) {
            return Err(Error::usage(format!(
                "time would be the context {name}, and the formula has another of that name; rename it"
            )));
        }
        let median = median_event(&self.times, weights.map(|own| own.to_vec()).as_deref());
        let reference = intervals.times()[intervals.of(median)];
        let time = design.variables.len();
        design.variables.push(Variable {
            name: name.clone(),
            levels: None,
            clock: None,
            made: Some(Made {
                of: Expression::Constant(reference),
                basis: None,
            }),
        });
        design.contexts.push(DesignColumn {
            name: name.clone(),
            factors: vec![(time, None)],
        });
        let samples = intervals.samples(subjects, &self.times, &name)?;
        design.survival = Some(SurvivalDesign {
            subjects: self.times.rows(),
            events: self.times.event_count(),
            columns: self.columns,
            intervals,
            time,
        });
        Ok((design, samples))
    }
}

impl SurvivalDesign {
    /// The rows of the Poisson regression of subjects in a file, whose columns of `Surv` have these values; `data_row`
    /// says which row of the file each is.
    pub(super) fn samples(
        &self,
        subjects: &Samples,
        columns: &[Array1<f64>],
        file: &str,
        data_row: impl Fn(usize) -> usize,
    ) -> Result<Samples> {
        let times = times_of(&self.columns, columns, file, data_row)?;
        let name = time_name(&self.columns);
        Ok(self.intervals.samples(subjects, &times, &name)?)
    }

    /// Whether the parts fit a design, of which this is its own.
    pub(super) fn fits(&self, design: &Design) -> bool {
        let is_time = |column: &DesignColumn| column.factors[..] == [(self.time, None)];
        let variable = design.variables.get(self.time);
        (2..=3).contains(&self.columns.len())
            && design.targets.len() == 1
            && design.family == Family::Poisson
            && variable.is_some_and(|own| constant(own).is_some())
            && design.contexts.last().is_some_and(is_time)
    }
}

impl Design {
    /// The columns that outcomes are read from: targets, those of survival times, or that of classes.
    pub(super) fn columns_of_outcomes(&self) -> &[Variable] {
        match (&self.survival, &self.classes) {
            (Some(survival), _) => &survival.columns,
            (None, Some(classes)) => std::slice::from_ref(classes),
            (None, None) => &self.targets,
        }
    }

    /// Subjects with survival times: those of [`Design::samples`], with contexts that do not have their last column,
    /// time, yet, and stops for targets.
    pub(super) fn subjects(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
        columns: ArrayView2<'_, f64>,
        offsets: Option<ArrayView1<'_, f64>>,
    ) -> contextualized_core::Result<Samples> {
        let mut before = self.clone();
        before.contexts.pop();
        before.survival = None;
        let contexts = contexts.slice_move(s![.., ..before.contexts.len()]);
        let stop = columns.ncols().saturating_sub(2);
        let stops = columns.slice_move(s![.., stop..=stop]);
        before.samples(contexts, features, stops, offsets)
    }

    /// The time at which coefficients of new rows are given, of survival times.
    pub fn reference_time(&self) -> Option<f64> {
        let survival = self.survival.as_ref()?;
        constant(&self.variables[survival.time])
    }

    /// The same design, with coefficients of new rows at another time.
    ///
    /// # Errors
    ///
    /// [`Error::Request`] for a design without survival times, and for a time that is negative or behind the last one
    /// observed.
    pub fn with_reference_time(&self, time: f64) -> Result<Self> {
        let survival = self.required_survival("--at")?;
        survival.check_time("--at", time)?;
        let mut design = self.clone();
        design.variables[survival.time].made = Some(Made {
            of: Expression::Constant(time),
            basis: None,
        });
        Ok(design)
    }

    /// The survival times that an option is about.
    ///
    /// # Errors
    ///
    /// [`Error::Request`] for a design without.
    pub fn required_survival(&self, option: &str) -> Result<&SurvivalDesign> {
        self.survival.as_ref().ok_or_else(|| {
            Error::usage(format!(
                "{option} is about survival times, and the formula {} has none; those of Surv(time, event) do",
                self.formula
            ))
        })
    }

    /// What an outcome is called among the families.
    pub fn outcome_name(&self) -> &'static str {
        if self.survival.is_some() {
            OutcomeKind::SURVIVAL
        } else {
            self.family.name()
        }
    }

    /// What an outcome is, in words.
    pub fn outcome_description(&self) -> String {
        let Some(survival) = &self.survival else {
            return self.family.description().to_owned();
        };
        let SurvivalDesign {
            subjects, events, ..
        } = survival;
        let name = &self.variables[survival.time].name;
        let reference = self.reference_time().unwrap_or_default();
        format!(
            "survival times, {events} events in {subjects} rows; piecewise exponential: hazards are constant within {} intervals of {name}, each with events, and censoring says nothing of them. Coefficients may depend on {name}; those of new rows are at {name} = {reference:.5}",
            survival.intervals.count()
        )
    }

    /// What exponentials of coefficients are.
    pub fn ratio_name(&self) -> Option<&'static str> {
        if self.survival.is_some() {
            Some("hazard ratio")
        } else {
            self.family.ratio_name()
        }
    }

    /// What coefficients are, in a sentence.
    pub fn coefficient_description(&self) -> &'static str {
        if self.survival.is_some() {
            "Coefficients are logarithms of hazard ratios per unit of a feature."
        } else {
            self.family.coefficient_description()
        }
    }
}

impl SurvivalDesign {
    /// Refuses a time that nothing is known of.
    ///
    /// # Errors
    ///
    /// [`Error::Request`].
    pub fn check_time(&self, option: &str, time: f64) -> Result<()> {
        let last = self.intervals.last();
        if time >= 0.0 && time <= last {
            return Ok(());
        }
        Err(Error::usage(format!(
            "{option} {time}: survival is known from time 0 to {last}, the last time in training"
        )))
    }
}

/// The number that a variable is in all rows, if it is one.
fn constant(variable: &Variable) -> Option<f64> {
    match &variable.made {
        Some(Made {
            of: Expression::Constant(value),
            basis: None,
        }) => Some(*value),
        _ => None,
    }
}

/// What time is called: as the column of stops.
fn time_name(columns: &[Variable]) -> String {
    let stop = columns.len().checked_sub(2).and_then(|at| columns.get(at));
    stop.map_or_else(String::new, |own| own.name.clone())
}

/// The time before and at which half of the events are.
fn median_event(times: &SurvivalTimes, weights: Option<&[f64]>) -> f64 {
    let weight = |row: usize| weights.map_or(1.0, |weights| weights[row]);
    let mut events: Vec<(f64, f64)> = (0..times.rows())
        .filter(|&row| times.events()[row])
        .map(|row| (times.stops()[row], weight(row)))
        .collect();
    events.sort_by(|a, b| a.0.total_cmp(&b.0));
    let half = events.iter().map(|own| own.1).sum::<f64>() / 2.0;
    let mut sum = 0.0;
    for (time, weight) in &events {
        sum += weight;
        if sum >= half {
            return *time;
        }
    }
    0.0
}

/// Columns of `Surv` as survival times; what cannot be is said with the column, the row of the file and the value.
fn times_of(
    columns: &[Variable],
    values: &[Array1<f64>],
    file: &str,
    data_row: impl Fn(usize) -> usize,
) -> Result<SurvivalTimes> {
    let (entry, stop, event) = match values {
        [stop, event] => (None, stop, event),
        [start, stop, event] => (Some(start), stop, event),
        _ => {
            return Err(Error::failure(
                "survival times have two or three columns: a time and an event, or a start before them",
            ));
        }
    };
    let found = match entry {
        None => SurvivalTimes::new(stop.view(), event.view()),
        Some(start) => SurvivalTimes::with_entry(start.view(), stop.view(), event.view()),
    };
    found.map_err(|error| match error {
        contextualized_core::Error::InvalidSurvival {
            part,
            row,
            value,
            requirement,
        } => {
            let column = match part {
                SurvivalPart::Start => 0,
                SurvivalPart::Stop => values.len() - 2,
                SurvivalPart::Event => values.len() - 1,
            };
            let name = columns.get(column).map_or("", |own| own.name.as_str());
            Error::failure(format!(
                "the {part} {name} of {file} is {value} in data row {}, but must be {requirement}",
                data_row(row) + 1
            ))
        }
        other => other.into(),
    })
}

fn not_numbers(variable: &Variable, levels: &[String], is_event: bool, file: &str) -> Error {
    const LISTED: usize = 5;
    let listed: Vec<&str> = levels.iter().take(LISTED).map(String::as_str).collect();
    let more = if levels.len() > LISTED { ", …" } else { "" };
    let needed = if is_event {
        "an event is 1 or 0, or TRUE or FALSE"
    } else {
        "Surv() needs numbers"
    };
    Error::failure(format!(
        "column {} of {file} contains text ({}{more}); {needed}",
        variable.name,
        listed.join(", ")
    ))
}

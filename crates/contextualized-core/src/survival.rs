//! Survival times, and their reduction to Poisson rows: the piecewise exponential model.
//!
//! A subject that is at risk from `start` to `stop`, with or without an event at `stop`, has the log-likelihood
//!
//! ```text
//! event × η(stop) − ∫ exp η(t) dt over start < t ≤ stop,        η(t) the log-hazard at time t
//! ```
//!
//! If η is constant within intervals of time, this is a sum over the intervals: with the exposure eⱼ, the time at risk
//! within interval j, and dⱼ, 1 where the event is and 0 elsewhere, each term dⱼ ηⱼ − eⱼ exp ηⱼ is the log-likelihood of
//! a Poisson count dⱼ with the mean eⱼ exp ηⱼ, but for dⱼ ln eⱼ, which no parameter changes (Holford 1980,
//! [doi:10.2307/2529982](https://doi.org/10.2307/2529982); Laird and Olivier 1981,
//! [doi:10.1080/01621459.1981.10477634](https://doi.org/10.1080/01621459.1981.10477634)). So every estimator of Poisson
//! regressions with offsets, ln eⱼ, is one of hazards; with time as one more context coefficients may change with time,
//! which under proportional hazards they do not.
//!
//! It is assumed that censoring and late entry say nothing of the hazard, given features and contexts. Rows of one
//! subject are then uncorrelated, as increments of a martingale are (Andersen and Gill 1982,
//! [doi:10.1214/aos/1176345976](https://doi.org/10.1214/aos/1176345976)): standard errors take them for independent.

use crate::validate::{check_rows, check_weights};
use crate::{Checked, Error, Result, Samples, checked_serde};
use ndarray::{Array1, Array2, ArrayView1, Axis, concatenate};
use serde::{Deserialize, Serialize};

/// Times at which subjects come under observation and leave it, with or without an event: R's `Surv`.
#[derive(Debug, Clone, PartialEq)]
pub struct SurvivalTimes {
    start: Array1<f64>,
    stop: Array1<f64>,
    event: Vec<bool>,
}

impl SurvivalTimes {
    /// Subjects (n) that are at risk from time 0 until `stop`, where `event` is 1 if there was an event and 0 if the
    /// time is censored.
    ///
    /// # Errors
    ///
    /// [`Error::RowCount`]; [`Error::InvalidSurvival`] for a time that is not finite or not above 0, and for an event
    /// that is neither 0 nor 1.
    pub fn new(stop: ArrayView1<'_, f64>, event: ArrayView1<'_, f64>) -> Result<Self> {
        Self::with_entry(Array1::zeros(stop.len()).view(), stop, event)
    }

    /// The same with times (n) after which subjects are at risk.
    ///
    /// # Errors
    ///
    /// Those of [`SurvivalTimes::new`]; [`Error::InvalidSurvival`] for a start that is negative, and for a stop that is
    /// not above its start.
    pub fn with_entry(
        start: ArrayView1<'_, f64>,
        stop: ArrayView1<'_, f64>,
        event: ArrayView1<'_, f64>,
    ) -> Result<Self> {
        check_rows("starts", stop.len(), start.len())?;
        check_rows("events", stop.len(), event.len())?;
        let wrong = |part, row, value, requirement: String| Error::InvalidSurvival {
            part,
            row,
            value,
            requirement,
        };
        for (row, (&start, (&stop, &event))) in start.iter().zip(stop.iter().zip(event)).enumerate()
        {
            if !(start.is_finite() && start >= 0.0) {
                let requirement = "a time of at least 0".to_owned();
                return Err(wrong(SurvivalPart::Start, row, start, requirement));
            }
            if !(stop.is_finite() && stop > start) {
                let requirement = if start == 0.0 {
                    "a time above 0 (of subjects that left on the day that they came, add half a day)"
                        .to_owned()
                } else {
                    format!("a time above the start, {start}")
                };
                return Err(wrong(SurvivalPart::Stop, row, stop, requirement));
            }
            if event != 0.0 && event != 1.0 {
                let requirement = "1 for an event or 0 for a censored time".to_owned();
                return Err(wrong(SurvivalPart::Event, row, event, requirement));
            }
        }
        Ok(Self {
            start: start.to_owned(),
            stop: stop.to_owned(),
            event: event.iter().map(|event| *event == 1.0).collect(),
        })
    }

    /// Number of subjects, or of their rows.
    pub fn rows(&self) -> usize {
        self.stop.len()
    }

    /// Times (n) after which each is at risk.
    pub fn starts(&self) -> ArrayView1<'_, f64> {
        self.start.view()
    }

    /// Times (n) of events, or of leaving without one.
    pub fn stops(&self) -> ArrayView1<'_, f64> {
        self.stop.view()
    }

    /// Whether there is an event at the end (n).
    pub fn events(&self) -> &[bool] {
        &self.event
    }

    /// Number of events.
    pub fn event_count(&self) -> usize {
        self.event.iter().filter(|event| **event).count()
    }
}

/// What of a survival time is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SurvivalPart {
    /// The time after which a subject is at risk.
    Start,
    /// The time of its event, or of leaving without one.
    Stop,
    /// Whether there is an event.
    Event,
}

impl std::fmt::Display for SurvivalPart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Start => "start",
            Self::Stop => "time",
            Self::Event => "event",
        })
    }
}

/// Intervals of time within which the hazard is taken for constant, closed on the right: the first begins at the
/// smallest start, the last ends at the largest time observed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub struct TimeIntervals {
    /// Ends of intervals, the beginning of the first before them: one more than there are intervals.
    ends: Vec<f64>,
    /// The time that stands for each interval among the contexts.
    times: Vec<f64>,
}

checked_serde!(TimeIntervals);

impl Checked for TimeIntervals {
    fn check(&self) -> Result<()> {
        let increasing = self.ends.windows(2).all(|pair| pair[0] < pair[1]);
        let finite = self.ends.iter().all(|end| end.is_finite());
        if !increasing || !finite || self.ends.len() < 2 || self.ends[0] < 0.0 {
            let requirement = "at least two finite times from 0, each above the one before";
            let ends = format!("{:?}", self.ends);
            return Err(Error::invalid_parameter(
                "ends of intervals",
                ends,
                requirement,
            ));
        }
        let inside = |(interval, time): (usize, &f64)| {
            self.ends[interval] <= *time && *time <= self.ends[interval + 1]
        };
        if self.times.len() + 1 != self.ends.len() || !self.times.iter().enumerate().all(inside) {
            let requirement = "one time within each interval";
            let times = format!("{:?}", self.times);
            return Err(Error::invalid_parameter(
                "times of intervals",
                times,
                requirement,
            ));
        }
        Ok(())
    }
}

impl TimeIntervals {
    /// The number of intervals there are at most, unless it is said.
    pub const DEFAULT: usize = 12;

    /// At most so many intervals, cut at quantiles of the event times, so that each has about as many events as the
    /// others and none is without. An interval stands among the contexts as the mean time of its events. Subjects of
    /// weight zero count for nothing.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for no intervals, and where there is no event; [`Error::RowCount`] and
    /// [`Error::InvalidWeight`] for weights.
    pub fn at_quantiles(
        times: &SurvivalTimes,
        weights: Option<ArrayView1<'_, f64>>,
        most: usize,
    ) -> Result<Self> {
        if most == 0 {
            return Err(Error::invalid_parameter(
                "number of time intervals",
                most,
                "at least 1",
            ));
        }
        if let Some(weights) = weights {
            check_weights(weights, times.rows())?;
        }
        let counts = |row: &usize| weights.is_none_or(|weights| weights[*row] > 0.0);
        let counted: Vec<usize> = (0..times.rows()).filter(counts).collect();
        let with_event = counted.iter().filter(|&&row| times.event[row]);
        let mut events: Vec<f64> = with_event.map(|&row| times.stop[row]).collect();
        events.sort_by(f64::total_cmp);
        let Some(&last_event) = events.last() else {
            return Err(Error::invalid_parameter(
                "number of events",
                0,
                "at least 1: without events nothing is known of hazards",
            ));
        };
        let quantile = |cut: usize| events[(cut * events.len()).div_ceil(most).max(1) - 1];
        // The last interval has the last event.
        let mut cuts: Vec<f64> = (1..most).map(quantile).collect();
        cuts.retain(|cut| *cut < last_event);
        cuts.dedup();
        let of =
            |column: &Array1<f64>| -> Vec<f64> { counted.iter().map(|&row| column[row]).collect() };
        let first = of(&times.start).into_iter().fold(f64::INFINITY, f64::min);
        let last = of(&times.stop)
            .into_iter()
            .fold(f64::NEG_INFINITY, f64::max);
        let mut ends = vec![first];
        ends.extend(cuts);
        ends.push(last);
        let means = ends.windows(2).map(|pair| {
            let own = events
                .iter()
                .filter(|time| pair[0] < **time && **time <= pair[1]);
            let (sum, count) = own.fold((0.0, 0.0), |(sum, count), time| (sum + time, count + 1.0));
            // Rounding must not take it out of the interval.
            (sum / count).clamp(pair[0], pair[1])
        });
        let times = means.collect();
        let intervals = Self { ends, times };
        intervals.check()?;
        Ok(intervals)
    }

    /// Intervals between these times, which stand among the contexts as their midpoints.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for fewer than two times, and for times that are negative, not finite or not
    /// increasing.
    pub fn between(ends: &[f64]) -> Result<Self> {
        let intervals = Self {
            times: ends
                .windows(2)
                .map(|pair| f64::midpoint(pair[0], pair[1]))
                .collect(),
            ends: ends.to_vec(),
        };
        intervals.check()?;
        Ok(intervals)
    }

    /// Number of intervals.
    pub fn count(&self) -> usize {
        self.times.len()
    }

    /// Ends of the intervals, the beginning of the first before them.
    pub fn ends(&self) -> &[f64] {
        &self.ends
    }

    /// The time that stands for each interval among the contexts.
    pub fn times(&self) -> &[f64] {
        &self.times
    }

    /// The last time that anything is known of.
    pub fn last(&self) -> f64 {
        self.ends.last().copied().unwrap_or(0.0)
    }

    /// The interval in which a time is: the first or the last of times before or behind all.
    pub fn of(&self, time: f64) -> usize {
        let inside = self.ends[1..self.ends.len() - 1].iter();
        inside.filter(|cut| **cut < time).count()
    }

    /// How long each interval is, up to a time.
    pub fn widths_until(&self, time: f64) -> Vec<f64> {
        let intervals = self.ends.windows(2);
        let width = |pair: &[f64]| (time.min(pair[1]) - pair[0]).max(0.0);
        intervals.map(width).collect()
    }

    /// A row for every subject in every interval in which it is at risk, subject by subject. Time at risk outside of
    /// the intervals counts as that of the first or of the last.
    pub fn split(&self, times: &SurvivalTimes) -> PiecewiseRows {
        let mut rows = PiecewiseRows::default();
        let count = self.count();
        for subject in 0..times.rows() {
            let (start, stop) = (times.start[subject], times.stop[subject]);
            for interval in 0..count {
                let from = if interval == 0 {
                    start
                } else {
                    start.max(self.ends[interval])
                };
                let is_last = interval + 1 == count || stop <= self.ends[interval + 1];
                let until = if is_last {
                    stop
                } else {
                    self.ends[interval + 1]
                };
                if until > from {
                    rows.subjects.push(subject);
                    rows.intervals.push(interval);
                    rows.exposures.push(until - from);
                    let event = is_last && times.event[subject];
                    rows.events.push(f64::from(event));
                }
                if is_last {
                    break;
                }
            }
        }
        rows
    }

    /// The Poisson regression of survival times: the rows of [`TimeIntervals::split`], with the contexts, features,
    /// weights, groups and random effects of their subjects, time as the last context, under this name, events as the
    /// one target, and logarithms of exposures as offsets, which are added to those of the subjects. Targets of the
    /// subjects, such as their stops, only tell which subjects are copies of each other; their name is kept.
    ///
    /// Rows of a subject are held out and resampled together. They count as uncorrelated, unless subjects have groups,
    /// are copies of each other ([`Samples::copies`]) or have random effects: see [`Samples::with_subjects`].
    ///
    /// # Errors
    ///
    /// [`Error::RowCount`] for other than one time for each subject; [`Error::ColumnCount`] for several targets;
    /// [`Error::DuplicateName`] for a context that is called as time is.
    pub fn samples(
        &self,
        subjects: &Samples,
        times: &SurvivalTimes,
        time_name: &str,
    ) -> Result<Samples> {
        check_rows("survival times", subjects.rows(), times.rows())?;
        crate::validate::check_columns("targets", 1, subjects.targets().ncols())?;
        let split = self.split(times);
        let together = subjects.dependent_rows().map(|labels| {
            let labels = split.subjects.iter().map(|&subject| labels[subject]);
            labels.collect::<Vec<usize>>()
        });
        let names = subjects.names();
        let chosen = |table: ndarray::ArrayView2<'_, f64>| table.select(Axis(0), &split.subjects);
        let time = split.intervals.iter().map(|&interval| self.times[interval]);
        let time = Array1::from_iter(time).insert_axis(Axis(1));
        let own = chosen(subjects.contexts());
        let joined = concatenate(Axis(1), &[own.view(), time.view()])
            .map_err(|source| Error::numerical("joining contexts", source))?;
        let mut offsets: Array1<f64> = split.exposures.iter().map(|own| own.ln()).collect();
        if let Some(own) = subjects.offsets() {
            offsets += &own.select(Axis(0), &split.subjects);
        }
        let events = Array2::from_shape_vec((split.events.len(), 1), split.events)
            .map_err(|source| Error::numerical("shaping events", source))?;
        let mut samples = Samples::new(
            joined.view(),
            chosen(subjects.features()).view(),
            events.view(),
        )?
        .with_context_names(names.contexts.iter().map(String::as_str).chain([time_name]))?
        .with_feature_names(&names.features)?
        .with_target_names(&names.targets)?
        .with_variables_of(names)
        .with_offsets(offsets.view())?
        .with_monitor(subjects.monitor().clone());
        if let Some(weights) = subjects.weights() {
            samples = samples.with_weights(weights.select(Axis(0), &split.subjects).view())?;
        }
        let correlated = together.is_some() || !subjects.random_terms().is_empty();
        let random = subjects.random_terms().iter();
        let random = random.map(|term| term.select(&split.subjects));
        let labels = together.as_deref().unwrap_or(&split.subjects);
        samples
            .with_subjects(labels, correlated)?
            .with_random_terms(random.collect::<Result<_>>()?)
    }
}

/// Rows of subjects within intervals of time.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PiecewiseRows {
    /// The subject of each row.
    pub subjects: Vec<usize>,
    /// The interval of time of each row.
    pub intervals: Vec<usize>,
    /// How long the subject is at risk within the interval.
    pub exposures: Vec<f64>,
    /// 1 where the event is, 0 elsewhere.
    pub events: Vec<f64>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, array};
    use proptest::prelude::*;

    fn by_hand() -> SurvivalTimes {
        SurvivalTimes::with_entry(
            array![0.0, 1.0, 0.0].view(),
            array![2.0, 5.0, 3.0].view(),
            array![1.0, 1.0, 0.0].view(),
        )
        .unwrap()
    }

    #[test]
    fn rows_by_hand() {
        let intervals = TimeIntervals::between(&[0.0, 2.0, 4.0]).unwrap();
        let rows = intervals.split(&by_hand());
        assert_eq!(rows.subjects, [0, 1, 1, 2, 2]);
        assert_eq!(rows.intervals, [0, 0, 1, 0, 1]);
        // What is behind the last end counts as the last interval's.
        assert_eq!(rows.exposures, [2.0, 1.0, 3.0, 2.0, 1.0]);
        assert_eq!(rows.events, [1.0, 0.0, 1.0, 0.0, 0.0]);
        assert_eq!(intervals.times(), [1.0, 3.0]);
        assert_eq!(intervals.widths_until(3.0), [2.0, 1.0]);
        assert_eq!(
            [0.0, 2.0, 2.5, 9.0].map(|at| intervals.of(at)),
            [0, 0, 1, 1]
        );
    }

    #[test]
    fn invalid_times_are_refused_by_row_and_value() {
        let of = |start: f64, stop: f64, event: f64| {
            let found = SurvivalTimes::with_entry(
                array![0.0, start].view(),
                array![1.0, stop].view(),
                array![0.0, event].view(),
            );
            found.unwrap_err().to_string()
        };
        assert_eq!(
            of(3.0, 3.0, 1.0),
            "time is 3 at row 2, but must be a time above the start, 3"
        );
        assert!(of(0.0, 0.0, 1.0).contains("time is 0 at row 2"));
        assert!(of(0.0, f64::INFINITY, 1.0).contains("time is inf"));
        assert!(of(-1.0, 3.0, 1.0).contains("start is -1 at row 2"));
        assert!(of(0.0, 3.0, 2.0).contains("event is 2 at row 2"));
        let none = SurvivalTimes::new(array![1.0].view(), array![0.0].view()).unwrap();
        let error = TimeIntervals::at_quantiles(&none, None, 3).unwrap_err();
        assert!(error.to_string().contains("number of events is 0"));
        assert!(TimeIntervals::at_quantiles(&by_hand(), None, 0).is_err());
        assert!(TimeIntervals::between(&[1.0]).is_err());
        assert!(TimeIntervals::between(&[0.0, 2.0, 2.0]).is_err());
        let stored = r#"{"ends":[0.0,1.0],"times":[2.0]}"#;
        assert!(serde_json::from_str::<TimeIntervals>(stored).is_err());
    }

    /// Weights, offsets and names go with the subject; standard errors take its rows for independent.
    #[test]
    fn samples_of_subjects() {
        let (contexts, features) = (array![[0.1], [0.2], [0.3]], array![[1.0], [2.0], [3.0]]);
        let none = Array2::zeros((3, 1));
        let subjects = Samples::new(contexts.view(), features.view(), none.view())
            .unwrap()
            .with_weights(array![1.0, 2.0, 3.0].view())
            .unwrap()
            .with_offsets(array![0.0, 0.5, 0.0].view())
            .unwrap();
        let intervals = TimeIntervals::between(&[0.0, 2.0, 5.0]).unwrap();
        let samples = intervals.samples(&subjects, &by_hand(), "time").unwrap();
        assert_eq!(samples.names().contexts, ["c0", "time"]);
        assert_eq!(
            samples.contexts(),
            array![[0.1, 1.0], [0.2, 1.0], [0.2, 3.5], [0.3, 1.0], [0.3, 3.5]]
        );
        assert_eq!(samples.weights().unwrap(), array![1.0, 2.0, 2.0, 3.0, 3.0]);
        assert_eq!(samples.offsets().unwrap()[1], 1.0_f64.ln() + 0.5);
        assert_eq!(samples.targets().column(0), array![1.0, 0.0, 1.0, 0.0, 0.0]);
        assert_eq!(samples.dependent_rows().unwrap()[..], [0, 1, 1, 2, 2]);
        assert!(samples.correlated_rows().is_none());
        let grouped = subjects.clone().with_groups(&[7, 7, 8]).unwrap();
        let grouped = intervals.samples(&grouped, &by_hand(), "time").unwrap();
        assert_eq!(grouped.correlated_rows().unwrap()[..], [0, 0, 0, 1, 1]);
        assert!(intervals.samples(&subjects, &by_hand(), "c0").is_err());
    }

    fn times() -> impl Strategy<Value = SurvivalTimes> {
        let one = (0.0..3.0, 0.1..9.0, any::<bool>());
        proptest::collection::vec(one, 2..40).prop_map(|all| {
            let start: Array1<f64> = all.iter().map(|own| own.0).collect();
            let length: Array1<f64> = all.iter().map(|own| own.1).collect();
            let mut event: Array1<f64> = all.iter().map(|own| f64::from(own.2)).collect();
            event[0] = 1.0;
            SurvivalTimes::with_entry(start.view(), (&start + &length).view(), event.view())
                .unwrap()
        })
    }

    /// Poisson's log-likelihood of rows whose log-hazard depends on their interval.
    fn poisson(rows: &PiecewiseRows, hazard: impl Fn(usize) -> f64) -> f64 {
        let all = rows.intervals.iter().zip(&rows.exposures).zip(&rows.events);
        all.map(|((interval, exposure), event)| {
            let predictor = hazard(*interval) + exposure.ln();
            let derivatives = crate::Family::Poisson.derivatives(*event, predictor);
            derivatives.log_likelihood - event * exposure.ln()
        })
        .sum()
    }

    proptest! {
        /// Σ event × η(stop) − ∫ exp η, with the integral taken over the intervals' edges.
        #[test]
        fn the_likelihood_is_that_of_piecewise_constant_hazards(
            times in times(),
            hazards in proptest::collection::vec(-2.0..1.0, 12),
            most in 1_usize..12,
        ) {
            let intervals = TimeIntervals::at_quantiles(&times, None, most).unwrap();
            let rows = intervals.split(&times);
            let cumulative = |time: f64| -> f64 {
                let widths = intervals.widths_until(time);
                widths.iter().zip(&hazards).map(|(width, own): (&f64, &f64)| width * own.exp()).sum()
            };
            let exact: f64 = (0..times.rows()).map(|subject| {
                let (start, stop) = (times.starts()[subject], times.stops()[subject]);
                let event = f64::from(times.events()[subject]);
                event * hazards[intervals.of(stop)] - (cumulative(stop) - cumulative(start))
            }).sum();
            let found = poisson(&rows, |interval| hazards[interval]);
            prop_assert!((found - exact).abs() < 1e-9 * (1.0 + exact.abs()), "{found} {exact}");
        }

        #[test]
        fn finer_cuts_of_a_constant_hazard_change_nothing(times in times(), hazard in -2.0..1.0_f64) {
            let of = |most| {
                let intervals = TimeIntervals::at_quantiles(&times, None, most).unwrap();
                poisson(&intervals.split(&times), |_| hazard)
            };
            let whole = of(1);
            for most in [2, 5, 30] {
                prop_assert!((of(most) - whole).abs() < 1e-9 * (1.0 + whole.abs()));
            }
        }

        /// Every interval has an event; exposures and events add up to those of the subjects.
        #[test]
        fn no_interval_is_without_events(times in times(), most in 1_usize..30) {
            let intervals = TimeIntervals::at_quantiles(&times, None, most).unwrap();
            prop_assert!(intervals.count() <= most);
            let rows = intervals.split(&times);
            for interval in 0..intervals.count() {
                let all = rows.intervals.iter().zip(&rows.events);
                let events: f64 = all.filter(|(own, _)| **own == interval).map(|(_, event)| event).sum();
                prop_assert!(events >= 1.0);
            }
            prop_assert_eq!(rows.events.iter().sum::<f64>() as usize, times.event_count());
            let exposure: f64 = (&times.stops() - &times.starts()).sum();
            prop_assert!((rows.exposures.iter().sum::<f64>() - exposure).abs() < 1e-9);
        }
    }
}

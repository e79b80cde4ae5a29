//! Dates and times as numbers of days.

use arrow_schema::{DataType, TimeUnit};
use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime};
use serde::{Deserialize, Serialize};

/// What the numbers of a column of dates or times count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Clock {
    /// Days since the beginning of 1970, in universal time where a zone is given.
    Days,
    /// The part of a day that has passed since midnight.
    TimeOfDay,
}

impl Clock {
    /// The unit in words.
    pub fn unit(self) -> &'static str {
        match self {
            Self::Days => "days since 1970-01-01",
            Self::TimeOfDay => "days since midnight",
        }
    }

    /// What its texts are.
    pub fn description(self) -> &'static str {
        match self {
            Self::Days => "dates",
            Self::TimeOfDay => "times of day",
        }
    }

    /// What a column of the file is by its type.
    pub fn of_type(data_type: &DataType) -> Option<Self> {
        match data_type {
            DataType::Date32 | DataType::Date64 | DataType::Timestamp(..) => Some(Self::Days),
            DataType::Time32(_) | DataType::Time64(_) => Some(Self::TimeOfDay),
            _ => None,
        }
    }

    /// A number as a text, to the minute: a date, with a time unless that is midnight, or a time.
    pub fn written(self, value: f64) -> String {
        const DAY: i64 = 24 * 60;
        let minutes = (value * DAY as f64).round();
        let of_day = (minutes as i64).rem_euclid(DAY);
        let time = format!("{:02}:{:02}", of_day / 60, of_day % 60);
        let date = date((minutes / DAY as f64).floor());
        match (self, date) {
            (Self::TimeOfDay, _) => time,
            (Self::Days, None) => value.to_string(),
            (Self::Days, Some(date)) if of_day == 0 => date.to_string(),
            (Self::Days, Some(date)) => format!("{date} {time}"),
        }
    }

    /// Numbers in a range to mark on an axis, with texts: at most `most`, and few where that is not possible.
    pub fn marks(self, low: f64, high: f64, most: usize) -> Vec<(f64, String)> {
        // Steps in minutes, then in days, then in months.
        const MINUTES: [f64; 9] = [1.0, 5.0, 15.0, 30.0, 60.0, 120.0, 180.0, 360.0, 720.0];
        const DAYS: [f64; 4] = [1.0, 2.0, 7.0, 14.0];
        const MONTHS: [i32; 10] = [1, 2, 3, 6, 12, 24, 60, 120, 240, 600];
        let few = |marks: &Vec<(f64, String)>| marks.len() <= most;
        let minutes = MINUTES.iter().map(|minutes| minutes / (24.0 * 60.0));
        let mut even = minutes.chain(DAYS).map(|step| {
            let (first, last) = ((low / step).ceil() as i64, (high / step).floor() as i64);
            // More than can be marked are not written out.
            let last = last.min(first.saturating_add(most as i64));
            let values = (first..=last).map(|multiple| multiple as f64 * step);
            values.map(|value| (value, self.written(value))).collect()
        });
        let mut by_month = MONTHS.iter().map(|step| months(low, high, *step, most));
        let found = match self {
            Self::Days => even.find(few).or_else(|| by_month.find(few)),
            Self::TimeOfDay => even.find(few),
        };
        found.unwrap_or_default()
    }

    /// The number that a text stands for: a date (`2021-03-31`), with a time behind it or not
    /// (`2021-03-31T08:15:00Z`), or a time (`08:15`, `08:15:30.5`).
    pub fn parse(text: &str) -> Option<(Self, f64)> {
        // All of these begin with two digits.
        if !text.bytes().take(2).all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        if let Ok(date) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
            // Shorter years and months without zeros are written by nobody who means this.
            return (text.len() == 10).then(|| (Self::Days, days(date.into())));
        }
        for format in ["%H:%M", "%H:%M:%S%.f"] {
            if let Ok(time) = NaiveTime::parse_from_str(text, format) {
                let since = time.signed_duration_since(NaiveTime::MIN);
                return Some((Self::TimeOfDay, since.as_seconds_f64() / SECONDS));
            }
        }
        if let Ok(time) = DateTime::parse_from_rfc3339(text) {
            return Some((Self::Days, days(time.naive_utc())));
        }
        for format in [
            "%Y-%m-%dT%H:%M:%S%.f",
            "%Y-%m-%d %H:%M:%S%.f",
            "%Y-%m-%dT%H:%M",
            "%Y-%m-%d %H:%M",
        ] {
            if let Ok(time) = NaiveDateTime::parse_from_str(text, format) {
                return Some((Self::Days, days(time)));
            }
        }
        let zoned = [
            "%Y-%m-%dT%H:%M:%S%.f%#z",
            "%Y-%m-%d %H:%M:%S%.f%#z",
            "%Y-%m-%d %H:%M:%S%.f %#z",
        ];
        let zoned = zoned
            .iter()
            .find_map(|format| DateTime::parse_from_str(text, format).ok());
        zoned.map(|time| (Self::Days, days(time.naive_utc())))
    }
}

const SECONDS: f64 = 86_400.0;

/// The date of a whole number of days, if there is one.
fn date(days: f64) -> Option<NaiveDate> {
    let date = DateTime::from_timestamp((days * SECONDS) as i64, 0)?;
    Some(date.date_naive())
}

/// First days of months that are so many months apart, at most one more than `most`.
fn months(low: f64, high: f64, step: i32, most: usize) -> Vec<(f64, String)> {
    let Some(start) = date(low.ceil()) else {
        return Vec::new();
    };
    let first = start.year() * 12 + start.month0() as i32;
    let from = first - first.rem_euclid(step);
    let marks = (0..).map(|number| from + number * step).map(|month| {
        let (year, month) = (month.div_euclid(12), month.rem_euclid(12) + 1);
        let date = NaiveDate::from_ymd_opt(year, month as u32, 1)?;
        let text = if step % 12 == 0 {
            format!("{year}")
        } else {
            format!("{year}-{month:02}")
        };
        Some((days(date.into()), text))
    });
    let inside = marks
        .map_while(|mark| mark)
        .skip_while(|(value, _)| *value < low)
        .take_while(|(value, _)| *value <= high);
    inside.take(most + 1).collect()
}

fn days(time: NaiveDateTime) -> f64 {
    time.signed_duration_since(DateTime::UNIX_EPOCH.naive_utc())
        .as_seconds_f64()
        / SECONDS
}

/// How many of a type's integers make a day.
pub(super) fn per_day(data_type: &DataType) -> f64 {
    let per_second = |unit: &TimeUnit| match unit {
        TimeUnit::Second => 1.0,
        TimeUnit::Millisecond => 1e3,
        TimeUnit::Microsecond => 1e6,
        TimeUnit::Nanosecond => 1e9,
    };
    match data_type {
        DataType::Date64 => SECONDS * 1e3,
        DataType::Timestamp(unit, _) | DataType::Time32(unit) | DataType::Time64(unit) => {
            SECONDS * per_second(unit)
        }
        // Dates are days, and no other type is asked for.
        _ => 1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_they_were() {
        for text in ["2021-03-31", "1969-12-31 23:59", "06:05"] {
            let (clock, value) = Clock::parse(text).unwrap();
            assert_eq!(clock.written(value), text);
        }
        assert_eq!(Clock::Days.written(1e300), 1e300.to_string());
    }

    #[test]
    fn axes_are_marked_at_whole_dates() {
        let marks = |clock: Clock, low: &str, high: &str| -> Vec<String> {
            let [low, high] = [low, high].map(|text| Clock::parse(text).unwrap().1);
            let marks = clock.marks(low, high, 4);
            assert!(marks.iter().all(|(value, _)| (low..=high).contains(value)));
            marks.into_iter().map(|(_, text)| text).collect()
        };
        assert_eq!(
            marks(Clock::Days, "1999-05-01", "2022-01-01"),
            ["2000", "2010", "2020"]
        );
        assert_eq!(
            marks(Clock::Days, "2021-02-03", "2021-11-30"),
            ["2021-04", "2021-07", "2021-10"]
        );
        assert_eq!(
            marks(Clock::Days, "2021-03-01", "2021-03-08"),
            ["2021-03-02", "2021-03-04", "2021-03-06", "2021-03-08"]
        );
        assert_eq!(
            marks(Clock::TimeOfDay, "00:30", "23:00"),
            ["06:00", "12:00", "18:00"]
        );
        assert!(Clock::Days.marks(f64::NAN, 1.0, 4).len() <= 4);
    }

    #[test]
    fn dates_and_times_are_days() {
        for (text, value) in [
            ("1970-01-01", Some((Clock::Days, 0.0))),
            ("2021-03-01", Some((Clock::Days, 18_687.0))),
            ("1969-12-31", Some((Clock::Days, -1.0))),
            ("1970-01-02T12:00:00Z", Some((Clock::Days, 1.5))),
            ("1970-01-02 12:00", Some((Clock::Days, 1.5))),
            ("1970-01-02T12:00:00+06:00", Some((Clock::Days, 1.25))),
            ("1970-01-02 12:00:00.000-0600", Some((Clock::Days, 1.75))),
            ("06:00", Some((Clock::TimeOfDay, 0.25))),
            ("18:00:00.0", Some((Clock::TimeOfDay, 0.75))),
            ("2021-02-30", None),
            ("25:00", None),
            ("2021-3-1", None),
            ("12", None),
            ("noon", None),
            ("", None),
        ] {
            assert_eq!(Clock::parse(text), value, "{text}");
        }
    }
}

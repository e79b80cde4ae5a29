//! Dates and times as numbers of days.

use arrow_schema::{DataType, TimeUnit};
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime};
use serde::{Deserialize, Serialize};

/// What the numbers of a column of dates or times count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Clock {
    /// Days since the beginning of 1970, in universal time where a zone is given.
    Days,
    /// The part of a day that has passed since midnight.
    TimeOfDay,
}

impl Clock {
    /// The unit in words.
    pub(crate) fn unit(self) -> &'static str {
        match self {
            Self::Days => "days since 1970-01-01",
            Self::TimeOfDay => "days since midnight",
        }
    }

    /// What its texts are.
    pub(crate) fn description(self) -> &'static str {
        match self {
            Self::Days => "dates",
            Self::TimeOfDay => "times of day",
        }
    }

    /// What a column of the file is by its type.
    pub(crate) fn of_type(data_type: &DataType) -> Option<Self> {
        match data_type {
            DataType::Date32 | DataType::Date64 | DataType::Timestamp(..) => Some(Self::Days),
            DataType::Time32(_) | DataType::Time64(_) => Some(Self::TimeOfDay),
            _ => None,
        }
    }

    /// The number that a text stands for: a date (`2021-03-31`), with a time behind it or not
    /// (`2021-03-31T08:15:00Z`), or a time (`08:15`, `08:15:30.5`).
    pub(crate) fn parse(text: &str) -> Option<(Self, f64)> {
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

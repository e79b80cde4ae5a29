//! From numbers to positions along an axis.

use crate::ticks::{self, Tick};
use crate::{Error, Result};

/// How an axis maps numbers to positions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Scale {
    /// Equal differences take equal room.
    #[default]
    Linear,
    /// Equal ratios take equal room (base 10); every number must be positive.
    Log10,
}

/// Beyond this size, or below its inverse on a logarithmic axis, nothing is drawn.
const LIMIT: f64 = 1e250;

/// The share of the range left free at either end of an automatic range.
const MARGIN: f64 = 0.04;

/// The settings of an axis.
#[derive(Debug, Clone, Default)]
pub(crate) struct AxisRequest {
    pub(crate) label: String,
    pub(crate) scale: Scale,
    pub(crate) range: Option<(f64, f64)>,
    /// Whether an automatic range ends where the data do.
    pub(crate) tight: bool,
    pub(crate) ticks: Option<Vec<Tick>>,
}

/// The smallest and the largest of some numbers; `None` of none.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Span(pub(crate) Option<(f64, f64)>);

impl Extend<f64> for Span {
    fn extend<T: IntoIterator<Item = f64>>(&mut self, values: T) {
        for value in values {
            let (low, high) = self.0.unwrap_or((value, value));
            self.0 = Some((low.min(value), high.max(value)));
        }
    }
}

impl Span {
    pub(crate) fn join(&mut self, other: Self) {
        self.extend(other.0.into_iter().flat_map(|(low, high)| [low, high]));
    }
}

/// An axis with its range and ticks settled.
#[derive(Debug, Clone)]
pub(crate) struct Axis {
    scale: Scale,
    low: f64,
    high: f64,
    pub(crate) ticks: Vec<Tick>,
}

impl Axis {
    /// Settles an axis: the range asked for, or else that of the data with a margin; at most
    /// `most` ticks unless they are given.
    pub(crate) fn new(
        request: &AxisRequest,
        data: Span,
        most: usize,
        panel: &str,
        axis: &'static str,
    ) -> Result<Self> {
        let scale = request.scale;
        let logarithmic = scale == Scale::Log10;
        let (low, high) = request.range.or(data.0).ok_or_else(|| Error::EmptyPanel {
            panel: panel.to_owned(),
            axis,
        })?;
        let ends = if request.range.is_some() {
            (low, high)
        } else {
            scale.padded(low, high, if request.tight { 0.0 } else { MARGIN })
        };
        let faults = [
            (!(low.is_finite() && high.is_finite()), "is not finite"),
            (
                low > high || (request.range.is_some() && low == high),
                "does not increase",
            ),
            (
                logarithmic && low <= 0.0,
                "is not positive, but its axis is logarithmic",
            ),
            (low.abs().max(high.abs()) > LIMIT, "is too large to draw"),
            (
                logarithmic && low < 1.0 / LIMIT,
                "is too close to zero for a logarithmic axis",
            ),
            (
                degenerate(scale.forward(ends.0), scale.forward(ends.1)),
                "is too narrow to draw",
            ),
        ];
        if let Some((_, reason)) = faults.into_iter().find(|(found, _)| *found) {
            return Err(Error::BadRange {
                panel: panel.to_owned(),
                axis,
                low,
                high,
                reason,
            });
        }
        let mut settled = Self {
            scale,
            low: ends.0,
            high: ends.1,
            ticks: Vec::new(),
        };
        settled.ticks = match (&request.ticks, scale) {
            (Some(ticks), _) => {
                if let Some(tick) = ticks.iter().find(|tick| !tick.value.is_finite()) {
                    return Err(Error::BadSetting {
                        setting: "an axis tick",
                        value: tick.value,
                        requirement: "finite",
                    });
                }
                let inside = ticks.iter().filter(|tick| settled.contains(tick.value));
                inside.cloned().collect()
            }
            (None, Scale::Linear) => ticks::linear(ends.0, ends.1, most),
            (None, Scale::Log10) => ticks::logarithmic(ends.0, ends.1, most),
        };
        Ok(settled)
    }

    /// Where a number lies along the axis: 0 at its lower and 1 at its upper end.
    pub(crate) fn position(&self, value: f64) -> f64 {
        let (low, high) = (self.scale.forward(self.low), self.scale.forward(self.high));
        // Far outside, the exact position does not matter, but it has to stay finite.
        ((self.scale.forward(value) - low) / (high - low)).clamp(-1e6, 1e6)
    }

    /// Whether a number lies within the range.
    pub(crate) fn contains(&self, value: f64) -> bool {
        (-1e-9..=1.0 + 1e-9).contains(&self.position(value))
    }
}

impl Scale {
    /// A number on the scale of positions.
    fn forward(self, value: f64) -> f64 {
        match self {
            Self::Linear => value,
            Self::Log10 => value.log10(),
        }
    }

    /// A position as a number.
    fn back(self, position: f64) -> f64 {
        match self {
            Self::Linear => position,
            Self::Log10 => 10f64.powf(position),
        }
    }

    /// A range with a margin, a share of it, at either end; around a single value, a range that it is
    /// the middle of.
    fn padded(self, low: f64, high: f64, margin: f64) -> (f64, f64) {
        let (start, end) = (self.forward(low), self.forward(high));
        let room = if degenerate(start, end) {
            match self {
                Self::Linear if start.abs() > 1e-200 => start.abs() / 10.0,
                Self::Linear | Self::Log10 => 0.5,
            }
        } else if margin == 0.0 {
            return (low, high);
        } else {
            margin * (end - start)
        };
        (self.back(start - room), self.back(end + room))
    }
}

/// Whether two ends are equal, or too close for numbers between them to be distinguished.
fn degenerate(low: f64, high: f64) -> bool {
    high - low <= 1e-12 * low.abs().max(high.abs()) || high - low < 1e-200
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn axis(scale: Scale, low: f64, high: f64) -> Result<Axis> {
        let request = AxisRequest {
            scale,
            ..AxisRequest::default()
        };
        Axis::new(&request, Span(Some((low, high))), 5, "p", "x")
    }

    fn fixed(scale: Scale, low: f64, high: f64) -> Result<Axis> {
        let request = AxisRequest {
            scale,
            range: Some((low, high)),
            ..AxisRequest::default()
        };
        Axis::new(&request, Span::default(), 5, "p", "x")
    }

    #[test]
    fn positions_run_from_zero_to_one() {
        let linear = fixed(Scale::Linear, -1.0, 3.0).unwrap();
        assert_eq!(linear.position(-1.0), 0.0);
        assert_eq!(linear.position(0.0), 0.25);
        assert_eq!(linear.position(3.0), 1.0);
        let log = fixed(Scale::Log10, 0.01, 100.0).unwrap();
        assert_eq!(log.position(1.0), 0.5);
        assert!(log.contains(0.01) && log.contains(100.0) && !log.contains(101.0));
    }

    #[test]
    fn a_single_value_is_the_middle_of_its_range() {
        for value in [0.0, 5.0, -3.0, 1e-12, 1e200, -1e-300] {
            let axis = axis(Scale::Linear, value, value).unwrap();
            assert!((axis.position(value) - 0.5).abs() < 1e-9, "{value}");
            assert!(axis.ticks.len() >= 2, "{value}");
        }
        let axis = axis(Scale::Log10, 0.02, 0.02).unwrap();
        assert!((axis.position(0.02) - 0.5).abs() < 1e-9);
    }

    #[test]
    fn given_ticks_are_kept_where_they_lie_within() {
        let request = AxisRequest {
            ticks: Some([-1.0, 0.0, 1.0, 9.0].map(ticks::explicit).to_vec()),
            range: Some((-1.0, 1.0)),
            ..AxisRequest::default()
        };
        let axis = Axis::new(&request, Span::default(), 5, "p", "x").unwrap();
        let labels: Vec<_> = axis.ticks.iter().map(|tick| tick.label.as_str()).collect();
        assert_eq!(labels, ["−1", "0", "1"]);
    }

    #[test]
    fn ranges_that_cannot_be_drawn_are_errors() {
        for (scale, low, high) in [
            (Scale::Linear, 1.0, 1.0),
            (Scale::Linear, 2.0, 1.0),
            (Scale::Linear, f64::NAN, 1.0),
            (Scale::Linear, 0.0, f64::INFINITY),
            (Scale::Linear, -1e300, 1e300),
            (Scale::Linear, 1.0, 1.0 + 1e-15),
            (Scale::Log10, 0.0, 1.0),
            (Scale::Log10, -1.0, 1.0),
            (Scale::Log10, 1e-300, 1.0),
        ] {
            assert!(
                matches!(
                    fixed(scale, low, high),
                    Err(Error::BadRange { axis: "x", .. })
                ),
                "{scale:?} {low} {high}"
            );
        }
    }

    proptest! {
        /// Any two finite numbers of moderate size make an axis that contains them both.
        #[test]
        fn data_lie_inside_their_own_axis(a in -1e12..1e12f64, b in -1e12..1e12f64) {
            let linear = axis(Scale::Linear, a.min(b), a.max(b)).unwrap();
            prop_assert!(linear.contains(a) && linear.contains(b));
            let (a, b) = (a.abs().max(1e-9), b.abs().max(1e-9));
            let log = axis(Scale::Log10, a.min(b), a.max(b)).unwrap();
            prop_assert!(log.contains(a) && log.contains(b));
        }
    }
}

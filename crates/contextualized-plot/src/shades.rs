//! Numbers shown as colours.

use crate::axis::{Axis, AxisRequest, Span};
use crate::{Colour, ColourMap, Result};

/// Numbers, how they become colours, and whether a bar explains them.
#[derive(Debug, Clone)]
pub(crate) struct Shades {
    pub(crate) values: Vec<f64>,
    pub(crate) map: ColourMap,
    /// The numbers at the ends of the map; by default, the smallest and the largest.
    pub(crate) range: Option<(f64, f64)>,
    /// The label of the bar, if there is one.
    pub(crate) bar: Option<String>,
}

impl Shades {
    pub(crate) fn new(values: &[f64], map: ColourMap) -> Self {
        Self {
            values: values.to_vec(),
            map,
            range: None,
            bar: None,
        }
    }

    /// The settled axis of the colours, which no margins make longer.
    pub(crate) fn axis(&self, panel: &str) -> Result<Axis> {
        let mut data = Span::default();
        data.extend(self.values.iter().copied());
        let request = AxisRequest {
            range: self.range,
            tight: true,
            ..AxisRequest::default()
        };
        let data = Span(data.0.or(Some((0.0, 1.0))));
        Axis::new(&request, data, 5, panel, "colour")
    }

    /// The colour of the number at an index.
    pub(crate) fn colour(&self, axis: &Axis, index: usize) -> Colour {
        self.map.at(axis.position(self.values[index]))
    }
}

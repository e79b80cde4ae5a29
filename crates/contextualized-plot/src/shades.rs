//! Numbers shown as colours, and the bar that explains them.

use crate::axis::{Axis, AxisRequest, Span};
use crate::{ColourMap, Result};

/// How numbers become colours.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shades {
    pub(crate) map: ColourMap,
    pub(crate) range: Option<(f64, f64)>,
    pub(crate) bar: Option<String>,
}

/// A colour bar to be drawn beside the panel.
#[derive(Debug)]
pub(crate) struct Bar {
    pub(crate) label: String,
    pub(crate) map: ColourMap,
    pub(crate) axis: Axis,
}

impl Shades {
    /// The settled scale of the colours of these numbers.
    pub(crate) fn axis(&self, values: &[f64], panel: &str) -> Result<Axis> {
        let mut data = Span::default();
        values.iter().for_each(|&value| data.include(value));
        // Unlike the axes of a panel, that of the colours has no margins.
        let range = self.range.or(data.0.filter(|(low, high)| {
            let size = low.abs().max(high.abs());
            high - low > 1e-11 * size && high - low > 1e-199
        }));
        let request = AxisRequest {
            range: range.or(data.0.is_none().then_some((0.0, 1.0))),
            ..AxisRequest::default()
        };
        Axis::new(&request, data, 5, panel, "colour")
    }

    /// The bar, if one was asked for.
    pub(crate) fn bar(&self, values: &[f64], panel: &str) -> Result<Option<Bar>> {
        // Settled even without a bar, so that a range that cannot be drawn is found.
        let axis = self.axis(values, panel)?;
        Ok(self.bar.clone().map(|label| Bar {
            label,
            map: self.map,
            axis,
        }))
    }
}

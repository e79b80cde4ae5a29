//! What can go wrong between numbers and a picture.

/// What is wrong with a figure.
///
/// Panels are named by their title, or by their number in brackets when they have none;
/// layers and entries are counted from zero.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The figure has no panels.
    #[error("the figure has no panels")]
    EmptyFigure,

    /// A panel has neither data nor a fixed range to place an axis by.
    #[error("panel {panel:?} has neither data nor a fixed range for its {axis} axis")]
    EmptyPanel {
        /// The panel.
        panel: String,
        /// The axis, `x` or `y`.
        axis: &'static str,
    },

    /// A number is NaN or infinite.
    #[error("panel {panel:?}, layer {layer}: {quantity} is {value} at index {index}")]
    NotFinite {
        /// The panel.
        panel: String,
        /// The layer, counted from zero.
        layer: usize,
        /// What the number is, such as `x` or `value`.
        quantity: &'static str,
        /// Its position, counted from zero.
        index: usize,
        /// The number found.
        value: f64,
    },

    /// A number on a logarithmic axis is zero or negative.
    #[error(
        "panel {panel:?}, layer {layer}: {quantity} is {value} at index {index}, but its axis is logarithmic"
    )]
    NotPositive {
        /// The panel.
        panel: String,
        /// The layer, counted from zero.
        layer: usize,
        /// What the number is, such as `y`.
        quantity: &'static str,
        /// Its position, counted from zero.
        index: usize,
        /// The number found.
        value: f64,
    },

    /// Two lists that describe the same points differ in length.
    #[error("{quantity}: the length is {found}, expected {expected}")]
    LengthsDiffer {
        /// The list at fault, with the panel and layer it was given for.
        quantity: String,
        /// Length of the lists it belongs with.
        expected: usize,
        /// Its length.
        found: usize,
    },

    /// A range cannot be drawn.
    #[error("panel {panel:?}: the {axis} range {low} to {high} {reason}")]
    BadRange {
        /// The panel.
        panel: String,
        /// The axis: `x`, `y` or `colour`.
        axis: &'static str,
        /// Its lower end.
        low: f64,
        /// Its upper end.
        high: f64,
        /// What is wrong with it.
        reason: &'static str,
    },

    /// A setting is outside its range.
    #[error("{setting} is {value}, but must be {requirement}")]
    BadSetting {
        /// The setting's name.
        setting: &'static str,
        /// The value given.
        value: f64,
        /// What is allowed.
        requirement: &'static str,
    },
}

/// A result whose error is [`enum@Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Checks that a list, which `quantity` names, is as long as the lists it belongs with.
pub(crate) fn same_length(
    quantity: impl FnOnce() -> String,
    expected: usize,
    found: usize,
) -> Result<()> {
    if expected == found {
        Ok(())
    } else {
        Err(Error::LengthsDiffer {
            quantity: quantity(),
            expected,
            found,
        })
    }
}

/// Checks that a setting is a finite number from `low` to `high`.
pub(crate) fn within(
    setting: &'static str,
    value: f64,
    low: f64,
    high: f64,
    requirement: &'static str,
) -> Result<()> {
    if (low..=high).contains(&value) {
        Ok(())
    } else {
        Err(Error::BadSetting {
            setting,
            value,
            requirement,
        })
    }
}

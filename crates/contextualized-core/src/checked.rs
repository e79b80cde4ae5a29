//! Stored models that contradict themselves are refused when they are read.

use crate::Result;

/// A type whose values, read from a file, are checked before anything uses them.
///
/// Derive `Serialize` and `Deserialize` with `#[serde(remote = "Self")]`, write [`Checked::check`],
/// and let [`checked_serde!`](crate::checked_serde) make the two traits from these: reading then
/// calls `check`.
///
/// ```
/// use contextualized_core::{Checked, Error, Result, checked_serde};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Debug, Serialize, Deserialize)]
/// #[serde(remote = "Self")]
/// struct Share {
///     value: f64,
/// }
///
/// checked_serde!(Share);
///
/// impl Checked for Share {
///     fn check(&self) -> Result<()> {
///         if (0.0..=1.0).contains(&self.value) {
///             return Ok(());
///         }
///         Err(Error::invalid_parameter("share", self.value, "between 0 and 1"))
///     }
/// }
///
/// assert!(serde_json::from_str::<Share>(r#"{"value":0.5}"#).is_ok());
/// let error = serde_json::from_str::<Share>(r#"{"value":1.5}"#).unwrap_err();
/// assert!(error.to_string().contains("share is 1.5"));
/// ```
pub trait Checked {
    /// Whether the parts of the value fit together.
    ///
    /// # Errors
    ///
    /// The first contradiction found, naming the part and its value or shape.
    fn check(&self) -> Result<()>;
}

/// `Serialize` and `Deserialize` of a [`Checked`](crate::Checked) type that derives both with
/// `#[serde(remote = "Self")]`; a generic type is given with its parameters and their bounds, as in
/// `checked_serde!(Model<M: Debug>)`.
#[macro_export]
macro_rules! checked_serde {
    ($name:ident $(<$($parameter:ident $(: $bound:path)?),+>)?) => {
        impl $(<$($parameter: serde::Serialize $(+ $bound)?),+>)? serde::Serialize
            for $name $(<$($parameter),+>)?
        {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> ::std::result::Result<S::Ok, S::Error> {
                Self::serialize(self, serializer)
            }
        }

        impl<'de, $($($parameter: serde::Deserialize<'de> $(+ $bound)?),+)?> serde::Deserialize<'de>
            for $name $(<$($parameter),+>)?
        {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> ::std::result::Result<Self, D::Error> {
                let value = Self::deserialize(deserializer)?;
                $crate::Checked::check(&value).map_err(serde::de::Error::custom)?;
                Ok(value)
            }
        }
    };
}

//! Models that mix archetypes.

use crate::{Coefficients, Networks, Result, VaryingCoefficients, VaryingNetworks};
use ndarray::{Array2, ArrayView2};

/// A model whose coefficients are mixtures of a few, its archetypes.
///
/// ```text
/// [B(c), m(c)] = base + Σ_k w_k(c) A_k
/// ```
///
/// Without a base the weights of a context are at least zero and sum to one, and archetypes are
/// whole models, in the users' units: soft clusters. With one, archetypes are deviations from it, and
/// their weights are any numbers. Such a mixture is not unique: archetypes may be multiplied by a
/// number, or mixed with each other, if the weights are changed the other way. Only what they add
/// up to has a meaning.
pub trait WithArchetypes: VaryingCoefficients {
    /// The archetypes' coefficients, a row for each.
    ///
    /// # Errors
    ///
    /// [`crate::Error::InvalidParameter`] for a model that turned out to have none;
    /// [`crate::Error::NotFinite`] for coefficients that overflow in the users' units.
    fn archetypes(&self) -> Result<Coefficients>;

    /// What the weighted archetypes are added to, one row, where they are deviations.
    ///
    /// # Errors
    ///
    /// Those of [`WithArchetypes::archetypes`].
    fn archetype_base(&self) -> Result<Option<Coefficients>>;

    /// The weight of every archetype at every row of contexts, n × archetypes.
    ///
    /// # Errors
    ///
    /// Those of [`VaryingCoefficients::coefficients`] and of [`WithArchetypes::archetypes`].
    fn archetype_weights(&self, contexts: ArrayView2<'_, f64>) -> Result<Array2<f64>>;
}

/// A model whose networks are mixtures of a few, its archetypes. See [`WithArchetypes`].
///
/// A model that constrains its networks, to have no cycles for instance, does so after mixing: then
/// mixtures are what it starts from, and its documentation says where they are to be had.
pub trait WithNetworkArchetypes: VaryingNetworks {
    /// The archetypes, a network for each.
    ///
    /// # Errors
    ///
    /// [`crate::Error::NotFinite`].
    fn archetypes(&self) -> Result<Networks>;

    /// The network that the weighted archetypes are added to, where they are deviations.
    ///
    /// # Errors
    ///
    /// [`crate::Error::NotFinite`].
    fn archetype_base(&self) -> Result<Option<Networks>>;

    /// The weight of every archetype at every row of contexts, n × archetypes.
    ///
    /// # Errors
    ///
    /// Those of [`VaryingNetworks::networks`].
    fn archetype_weights(&self, contexts: ArrayView2<'_, f64>) -> Result<Array2<f64>>;
}

//! Figures that the examples draw: patients with contexts and effects, models and networks next to each
//! other, training, and effects as functions of a context.
//!
//! Each is a function from plain slices to a [`Figure`](contextualized_plot::Figure), whose title,
//! description and panel size can still be set before it is drawn. Rows are patients throughout, but for
//! networks: entry i of every list is about patient i.

mod archetypes;
mod curves;
mod effects;
mod embedding;
mod networks;
mod patients;
#[cfg(test)]
mod tests;
mod training;
mod variation;

pub use archetypes::{ArchetypeWeights, archetype_bands, archetype_table};
pub use curves::{
    EffectPanel, GroupCurve, ShapeFunction, context_effects, effect_curves, shape_functions,
};
pub use effects::{ModelEffects, TrueEffects, all_models, predicted_effects};
pub use embedding::{Colouring, EmbeddingPanel, embedding};
pub use networks::{NetworkPanel, network_graphs, network_tables};
pub use patients::{
    OfInterest, Patients, Wording, contexts_effects_outcomes, observed_and_unobserved,
};
pub use training::{TrainingCurve, training_curves};
pub use variation::variation_table;

use contextualized_plot::{Colour, Error, Result};

/// Patients that no model was trained on.
const UNOBSERVED: Colour = Colour::rgb(188, 210, 232);
/// Patients that models were trained on.
const OBSERVED: Colour = Colour::BLUE;
/// What a model predicts.
const PREDICTED: Colour = Colour::VERMILLION;
/// Patients that are followed by name.
const OF_INTEREST: Colour = Colour::ORANGE;
/// What a model predicts for them.
const OF_INTEREST_PREDICTED: Colour = Colour::YELLOW;

/// Checks that a list is as long as the lists it belongs with.
fn same_length(quantity: impl Into<String>, expected: usize, found: usize) -> Result<()> {
    if expected == found {
        Ok(())
    } else {
        Err(Error::LengthsDiffer {
            quantity: quantity.into(),
            expected,
            found,
        })
    }
}

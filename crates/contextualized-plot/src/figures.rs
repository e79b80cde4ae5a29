//! Ready-made figures: patients with contexts and effects, models beside each other, training,
//! effects as functions of a context, and networks.
//!
//! Each is a function from plain slices to a [`Figure`](crate::Figure), whose title,
//! description and panel size can still be set before it is drawn:
//!
//! | figure | shows |
//! |---|---|
//! | [`contexts_effects_outcomes`] | a simulated population: who the patients are, what a treatment does to them, what is seen of it |
//! | [`observed_and_unobserved`] | which of the patients were observed |
//! | [`predicted_effects`] | one model's effects over the true ones, with patients of interest |
//! | [`all_models`] | the same for many models, in small |
//! | [`training_curves`] | losses against epochs |
//! | [`effect_curves`] | how each effect varies with a context, by group |
//! | [`shape_functions`] | estimated curves against the truth |
//! | [`context_effects`], [`outcome_effects`] | what each context does to each coefficient, and contexts and predictors to the outcome, with bands |
//! | [`variation_table`] | how much each coefficient varies with each context, and with what evidence |
//! | [`distributions`] | how coefficients, or other numbers, are distributed over rows |
//! | [`extrapolation`] | rows further from the training contexts than those from each other |
//! | [`embedding`] | rows in the plane, coloured by what is known of them |
//! | [`archetype_bands`], [`archetype_lines`], [`archetype_table`] | how archetypes are mixed along a context, and what they are |
//! | [`reliability_curves`], [`subgroup_errors`] | calibration and error by subgroup |
//! | [`network_tables`], [`network_graphs`] | networks beside each other, as heat maps and as graphs |
//!
//! Rows are patients throughout, but for networks: entry i of every list is about patient i.

mod archetypes;
mod calibration;
mod curves;
mod distributions;
mod effects;
mod embedding;
mod extrapolation;
mod networks;
mod patients;
mod training;
mod variation;

pub use archetypes::{ArchetypeWeights, archetype_bands, archetype_lines, archetype_table};
pub use calibration::{ReliabilityCurve, SubgroupError, reliability_curves, subgroup_errors};
pub use curves::{
    EffectPanel, GroupCurve, ShapeFunction, context_effects, effect_curves, outcome_effects,
    shape_functions,
};
pub use distributions::{Distribution, distributions};
pub use effects::{ModelEffects, TrueEffects, all_models, predicted_effects};
pub use embedding::{Colouring, EmbeddingPanel, embedding};
pub use extrapolation::extrapolation;
pub use networks::{NetworkPanel, network_graphs, network_tables};
pub use patients::{
    OfInterest, Patients, Wording, contexts_effects_outcomes, observed_and_unobserved,
};
pub use training::{TrainingCurve, training_curves};
pub use variation::variation_table;

use crate::Colour;

/// Patients that no model was trained on.
const UNOBSERVED: Colour = Colour::rgb(188, 210, 232);
/// Patients that models were trained on.
const OBSERVED: Colour = Colour::BLUE;
/// What a model says.
const PREDICTED: Colour = Colour::VERMILLION;
/// Patients that are followed by name.
const OF_INTEREST: Colour = Colour::ORANGE;
/// What a model says of them.
const OF_INTEREST_PREDICTED: Colour = Colour::YELLOW;

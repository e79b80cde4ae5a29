//! A model in words and tables: what its summary and its report say of it.

mod effects;
mod model;
mod random;
mod summary;
mod treatment;

pub use effects::effects;
pub use model::{choice_section, family_in_words, rows_in_words};
pub use random::random_effects;
pub use summary::{Account, summary};
pub use treatment::treatment_sections;

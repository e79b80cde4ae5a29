//! Does a coefficient vary with a context?

mod probe;
mod table;
mod test;

pub use probe::{Variations, variations};
pub use table::{Variation, VariationTable, wald_table};
pub use test::VariationTest;

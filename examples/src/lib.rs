//! What the examples share: the rows of the demo's first section, and how they are printed.

pub mod section1;
pub mod table;

//! x

mod codes;
mod sampler;
/// Measuring.
pub mod measure;

//! What the examples share: the parts of the demo's two sections, their tables and figures, and
//! what is claimed of every estimator.

pub mod claims;
pub mod diabetes;
pub mod figures;
pub mod figures1;
pub mod figures2;
pub mod large;
pub mod run;
pub mod run2;
pub mod say;
pub mod section1;
pub mod section2;
pub mod statistics;
pub mod table;

/// The Rust of the README and of the book, run as documentation tests.
#[cfg(doctest)]
mod documents {
    #[doc = include_str!("../../README.md")]
    struct Readme;

    #[doc = include_str!("../../docs/src/traits.md")]
    struct Traits;

    #[doc = include_str!("../../docs/src/estimators.md")]
    struct Estimators;

    #[doc = include_str!("../../docs/src/auto.md")]
    struct Auto;

    #[doc = include_str!("../../docs/src/gp.md")]
    struct Kernels;

    #[doc = include_str!("../../docs/src/bridge.md")]
    struct Bridge;

    #[doc = include_str!("../../docs/src/treatment.md")]
    struct Treatment;

    #[doc = include_str!("../../docs/src/effects.md")]
    struct Effects;

    #[doc = include_str!("../../docs/src/inference.md")]
    struct Inference;
}

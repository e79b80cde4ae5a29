//! Tests of implicit regression through its public surface.
#![allow(clippy::unwrap_used)]

mod averages;
mod chain;
mod derivatives;
mod distillation;
mod estimator;
mod explicit;
mod lime;
mod minimisers;
mod networks;
mod shrinkage;
mod taylor;
mod varying;

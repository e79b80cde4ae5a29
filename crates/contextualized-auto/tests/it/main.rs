//! Tests of the public interface.
#![allow(clippy::unwrap_used)]

mod data;
mod invariance;
mod networks;
mod regression;
mod treatment;

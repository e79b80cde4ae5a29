//! Tests of the public interface.
#![allow(clippy::unwrap_used)]

mod data;
mod networks;
mod regression;

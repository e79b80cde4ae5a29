//! Tests of variation.

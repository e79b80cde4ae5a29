//! Correlation networks.

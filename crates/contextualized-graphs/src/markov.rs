//! Markov networks.

//! Markov networks: entry (i, j) of a network is the precision of nodes i and j at its context, zero
//! where they are independent given all others. Every network is a precision matrix: symmetric,
//! with a Cholesky factor.

#[cfg(feature = "kernel")]
mod kernel;

#[cfg(feature = "kernel")]
pub use kernel::{KernelMarkov, KernelMarkovModel};

#[cfg(feature = "neural")]
mod neural;
#[cfg(feature = "neural")]
pub use neural::{EdgeRule, NeuralMarkov, NeuralMarkovModel};

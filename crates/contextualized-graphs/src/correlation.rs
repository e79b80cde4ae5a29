//! Correlation networks: entry (i, j) of a network is the correlation of nodes i and j at its
//! context. Every network is a correlation matrix: symmetric, with ones on its diagonal and no
//! negative eigenvalue.

#[cfg(feature = "kernel")]
mod kernel;

#[cfg(feature = "kernel")]
pub use kernel::{KernelCorrelation, KernelCorrelationModel};

#[cfg(feature = "neural")]
mod neural;
#[cfg(feature = "neural")]
pub use neural::{NeuralCorrelation, NeuralCorrelationModel};

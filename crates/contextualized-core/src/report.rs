//! What a fitted model says of its own fitting.

use serde::{Deserialize, Serialize};

/// Why an estimator stopped, and where.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FitReport {
    /// Why it stopped.
    pub termination: Termination,
    /// Iterations or epochs made; 0 for a direct solve.
    pub iterations: usize,
    /// The estimator's own objective at the returned model; its model says which.
    pub objective: f64,
    /// Where validation data chose among epochs, the one whose weights were kept, counted from one.
    pub best_epoch: Option<usize>,
}

/// Why an estimator stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Termination {
    /// The solution is direct: nothing was iterated.
    DirectSolve,
    /// The iteration met its tolerance.
    Converged,
    /// All iterations that were allowed were made, and the tolerance was not met.
    IterationLimit,
    /// All epochs that were asked for were made.
    EpochsCompleted,
    /// The validation loss stopped falling.
    EarlyStopped,
    /// The observer asked to stop.
    Interrupted,
}

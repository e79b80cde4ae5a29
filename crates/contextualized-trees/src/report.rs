//! What a fit says of its chains.

use crate::diagnostics::Convergence;
use serde::{Deserialize, Serialize};

/// How the chains of a fit went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TreeReport {
    /// Number of chains.
    pub chains: usize,
    /// Sweeps of each chain before draws were kept.
    pub burn_in: usize,
    /// Sweeps of each chain of which draws were kept.
    pub sweeps: usize,
    /// Whether the chains agree, for each target.
    pub targets: Vec<TargetConvergence>,
}

/// Whether the chains of one target agree.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TargetConvergence {
    /// Of the noise's standard deviation, of a family that has one.
    pub noise: Option<Convergence>,
    /// The 95th percentile of R̂ over all coefficients at the contexts of up to 100 rows fitted.
    pub coefficients_r_hat: f64,
    /// The median of their effective sample sizes.
    pub coefficients_effective_size: f64,
}

/// The largest R̂ of chains that agree.
pub(crate) const LARGEST_R_HAT: f64 = 1.1;

impl TreeReport {
    /// What to beware of, where chains do not agree: the R̂ of the noise, or the 95th percentile of those of the
    /// coefficients, is above 1.1.
    pub fn warning(&self) -> Option<String> {
        let of_noise = |target: &TargetConvergence| target.noise.map_or(1.0, |noise| noise.r_hat);
        let largest = |of: &dyn Fn(&TargetConvergence) -> f64| {
            self.targets.iter().map(of).fold(1.0, f64::max)
        };
        let noise = largest(&of_noise);
        let coefficients = largest(&|target| target.coefficients_r_hat);
        (noise.max(coefficients) > LARGEST_R_HAT).then(|| {
            format!(
                "the chains do not agree: R-hat is {noise:.2} for the noise and {coefficients:.2} for coefficients \
                 (95th percentile), and should be at most {LARGEST_R_HAT}; more sweeps would help"
            )
        })
    }
}

//! The network problem of the demo.

use crate::{NetworkSimulator, SimulatedNetworks};
use contextualized_core::{Result, Split};
use ndarray::{Array2, array};

/// Four nodes whose graph varies with one context, and a gap in the contexts to be filled.
///
/// ```text
/// C = 1, …, 2 in 1000 equal steps
/// W₀₁ = C − 2    W₂₁ = C²    W₃₁ = C³    W₃₂ = C          noise N(0, 1), no intercepts
/// ```
///
/// The 200 samples with a context strictly between 1.7 and 1.9 are held out. Nodes 0 and 3 are causes,
/// node 1 is the effect of all others. This is the second section of the published demo of
/// contextualized regression, from the time when it had one.
///
/// ```
/// use contextualized_simulation::NetworkProblem;
///
/// let problem = NetworkProblem::new(0)?;
/// assert_eq!((problem.train().rows(), problem.test().rows()), (800, 200));
/// // What a model without any edge is off by, a fourth of the mean square of each row's weights.
/// let squares: f64 = problem.test().networks.edges().iter().map(|w| w * w).sum();
/// assert_eq!(format!("{:.2}", squares / 200.0 / 16.0), "3.03");
/// # Ok::<(), contextualized_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct NetworkProblem {
    all: SimulatedNetworks,
    train: SimulatedNetworks,
    test: SimulatedNetworks,
}

impl NetworkProblem {
    /// Number of samples, held-out ones included.
    pub const ROWS: usize = 1000;

    /// Contexts strictly between these are held out.
    pub const HELD_OUT: (f64, f64) = (1.7, 1.9);

    /// Draws the noise; all else is fixed.
    ///
    /// # Errors
    ///
    /// None for any seed: a `Result` because its tables pass the checks every table passes.
    pub fn new(seed: u64) -> Result<Self> {
        let last = (Self::ROWS - 1) as f64;
        let contexts = Array2::from_shape_fn((Self::ROWS, 1), |(row, _)| 1.0 + row as f64 / last);
        let mut all = NetworkSimulator::at_contexts(contexts.view())
            .networks(|c| Self::network(c[0]))
            .simulate(seed)?;
        all.samples = all.samples.with_context_names(["C"])?;
        let (low, high) = Self::HELD_OUT;
        let (test, train) =
            (0..Self::ROWS).partition(|&row| contexts[[row, 0]] > low && contexts[[row, 0]] < high);
        let (train, test) = all.split(&Split { train, test })?;
        Ok(Self { all, train, test })
    }

    /// The true weights at a context.
    pub fn network(context: f64) -> Array2<f64> {
        let c = context;
        array![
            [0.0, c - 2.0, 0.0, 0.0],
            [0.0, 0.0, 0.0, 0.0],
            [0.0, c * c, 0.0, 0.0],
            [0.0, c * c * c, c, 0.0],
        ]
    }

    /// All samples, by context.
    pub fn all(&self) -> &SimulatedNetworks {
        &self.all
    }

    /// The 800 samples to learn from.
    pub fn train(&self) -> &SimulatedNetworks {
        &self.train
    }

    /// The 200 samples to be judged by.
    pub fn test(&self) -> &SimulatedNetworks {
        &self.test
    }
}

//! Many noisy rows of a smooth field over two contexts, for comparisons and claims about size.

use contextualized_simulation::Simulator;

/// The distribution of both contexts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contexts {
    /// Uniform on [−1, 1].
    Uniform,
    /// Standard normal.
    Normal,
}

/// Three slopes and an intercept:
///
/// ```text
/// w0 = sin(3 c0) + c1    w1 = c0 c1    w2 = 1    intercept = cos(2 c1)
/// y = w0 x0 + w1 x1 + w2 x2 + intercept + 0.5 ε,    x, ε ~ N(0, 1)
/// ```
pub fn large(rows: usize, contexts: Contexts) -> Simulator {
    let simulator = match contexts {
        Contexts::Uniform => Simulator::new(rows).uniform_contexts(2, -1.0, 1.0),
        Contexts::Normal => Simulator::new(rows).normal_contexts(2),
    };
    simulator
        .slopes(|c| vec![(3.0 * c[0]).sin() + c[1], c[0] * c[1], 1.0])
        .intercept(|c| (2.0 * c[1]).cos())
        .noise(0.5)
}

//! The search for hyperparameters.

use crate::engine::Engine;
use crate::hyperparameters::{Kind, Layout, SMALLEST};
use crate::minimise::QuasiNewton;
use crate::numerical;
use crate::priors::Priors;
use contextualized_core::Result;
use contextualized_solvers::symmetric_eigen;
use ndarray::{Array1, Array2, ArrayView1, Axis};
use rayon::prelude::*;

/// Minus the second derivatives of the density's logarithm by the free logarithms, from differences
/// of its gradient.
pub(crate) fn information(
    density: &Posterior<'_>,
    logs: &[f64],
    free: &[usize],
) -> Result<Array2<f64>> {
    let size = free.len();
    let gradients = (0..2 * size)
        .into_par_iter()
        .map(|index| {
            let mut logs = logs.to_vec();
            logs[free[index / 2]] += if index % 2 == 0 { STEP } else { -STEP };
            Ok(density.value_and_gradient(&logs)?.1)
        })
        .collect::<Result<Vec<_>>>()?;
    let slope = |a: usize, b: usize| {
        let (up, down) = (&gradients[2 * a], &gradients[2 * a + 1]);
        (down[free[b]] - up[free[b]]) / (2.0 * STEP)
    };
    Ok(Array2::from_shape_fn((size, size), |(a, b)| {
        (slope(a, b) + slope(b, a)) / 2.0
    }))
}

/// Step of the differences of the gradient.
const STEP: f64 = 0.01;

/// Axes along which a density with this information falls alike; where there is next to no information, steps
/// of about one.
pub(crate) fn axes_of(information: &Array2<f64>) -> Result<Array2<f64>> {
    let eigen = numerical(symmetric_eigen(information.view()))?;
    let lengths = eigen
        .values
        .mapv(|value| value.max(LEAST_CURVATURE).sqrt().recip());
    Ok(eigen.vectors * lengths)
}

const LEAST_CURVATURE: f64 = 1.0;

/// The posterior density of hyperparameters, up to a constant.
pub(crate) struct Posterior<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) priors: &'a Priors,
    pub(crate) layout: Layout,
    /// Whether the density is that of the logarithms.
    pub(crate) of_logs: bool,
}

/// Where a search ended.
#[derive(Debug, Clone)]
pub(crate) struct Optimum {
    pub(crate) logs: Vec<f64>,
    pub(crate) log_density: f64,
    pub(crate) iterations: usize,
    pub(crate) converged: bool,
    /// Whether it is near the mode itself ([`climb_near`](crate::polish::climb_near)).
    pub(crate) near: bool,
}

/// The largest hyperparameter searched. Beyond, and below [`SMALLEST`], an inverse length scale or an amplitude is
/// as good as infinite or as zero; the noise stays where the covariance of the rows can be factored to rounding.
const LARGEST: f64 = 1e3;

impl Posterior<'_> {
    /// Within the bounds of the search.
    pub(crate) fn clamp(&self, logs: &[f64]) -> Vec<f64> {
        let (low, high) = (SMALLEST.ln(), LARGEST.ln());
        let bounds = self.layout.kinds().map(|kind| match kind {
            Kind::Scale => (low * 2.0, high * 2.0),
            Kind::InverseLengthScale | Kind::Amplitude | Kind::Noise => (low, high),
        });
        logs.iter()
            .zip(bounds)
            .map(|(log, (low, high))| log.clamp(low, high))
            .collect()
    }

    /// The logarithm of the density.
    pub(crate) fn value(&self, logs: &[f64]) -> Result<f64> {
        self.engine.monitor().check()?;
        let inside = self.clamp(logs);
        let hyper = self.layout.hyperparameters(&inside, self.engine.targets());
        let prior = self
            .priors
            .log_density(&self.layout, &inside, self.of_logs)
            .0;
        Ok(self.engine.value(&hyper)? + prior - self.penalty(logs, &inside))
    }

    /// The logarithm of the density and its gradient.
    pub(crate) fn value_and_gradient(&self, logs: &[f64]) -> Result<(f64, Vec<f64>)> {
        self.engine.monitor().check()?;
        let inside = self.clamp(logs);
        let hyper = self.layout.hyperparameters(&inside, self.engine.targets());
        let (value, mut gradient) = self.engine.value_and_gradient(&hyper, &self.layout)?;
        let (prior, slopes) = self.priors.log_density(&self.layout, &inside, self.of_logs);
        let unit = self.unit();
        for (index, slope) in slopes.into_iter().enumerate() {
            let beyond = logs[index] - inside[index];
            gradient[index] = if beyond == 0.0 {
                gradient[index] + slope
            } else {
                -2.0 * unit * beyond
            };
        }
        Ok((value + prior - self.penalty(logs, &inside), gradient))
    }

    /// About the information at logarithms near the mode by the free ones, at the cost of one gradient where
    /// the engine has it: the average information, and what follows from the covariance being linear in
    /// squares. The derivative of the likelihood by the logarithm of such a square is what the prior's falls by,
    /// less one if the density is that of the logarithms; the prior's curvature cancels the former, and twice the
    /// one remains.
    pub(crate) fn quick_information(
        &self,
        logs: &[f64],
        free: &[usize],
    ) -> Result<Option<Array2<f64>>> {
        let inside = self.clamp(logs);
        let hyper = self.layout.hyperparameters(&inside, self.engine.targets());
        let all = self.engine.average_information(&hyper, &self.layout)?;
        Ok(all.map(|all| {
            let mut information = all.select(Axis(0), free).select(Axis(1), free);
            let added = if self.of_logs { 2.0 } else { 0.0 };
            information.diag_mut().mapv_inplace(|value| value + added);
            information
        }))
    }

    /// Positions that are not at the lower end of what is searched.
    pub(crate) fn free(&self, logs: &[f64]) -> Vec<usize> {
        let low = SMALLEST.ln() + 0.01;
        let kinds = self.layout.kinds().enumerate();
        kinds
            .filter(|(at, kind)| *kind == Kind::Scale || logs[*at] > low)
            .map(|(at, _)| at)
            .collect()
    }

    /// Inverse length scales and amplitudes raised to at least this.
    pub(crate) fn lifted(&self, logs: &[f64], least: f64) -> Vec<f64> {
        let kinds = self.layout.kinds().zip(logs);
        kinds
            .map(|(kind, &log)| match kind {
                Kind::InverseLengthScale | Kind::Amplitude => log.max(least.ln()),
                Kind::Noise | Kind::Scale => log,
            })
            .collect()
    }

    /// Brings the search back from beyond the bounds.
    fn penalty(&self, logs: &[f64], inside: &[f64]) -> f64 {
        let beyond = logs.iter().zip(inside).map(|(a, b)| (a - b).powi(2));
        self.unit() * beyond.sum::<f64>()
    }

    /// The density's unit: it grows with the rows.
    fn unit(&self) -> f64 {
        (self.engine.rows() * self.engine.targets()) as f64
    }
}

/// Corrections that L-BFGS remembers.
pub(crate) const MEMORY: usize = 10;

/// Climbs from `start` towards a maximum of the density, until an iteration gains less than `tolerance`
/// in its logarithm.
///
/// With axes by the density's information near the start ([`axes_of`]) the first steps are Newton's.
pub(crate) fn maximize(
    posterior: &Posterior<'_>,
    start: Vec<f64>,
    axes: Option<&Array2<f64>>,
    tolerance: f64,
    max_iterations: usize,
) -> Result<Optimum> {
    let (axes, unit) = match axes {
        Some(axes) => (axes.clone(), 1.0),
        None => (Array2::eye(start.len()), posterior.unit()),
    };
    let size = axes.ncols();
    let origin = Array1::from_vec(start);
    let logs = |z: &[f64]| (&origin + &axes.dot(&ArrayView1::from(z))).to_vec();
    let search = QuasiNewton {
        purpose: "the search for hyperparameters",
        criterion: "gain in the log-posterior",
        memory: MEMORY,
        tolerance,
        unit,
        gradient_tolerance: 1e-3 * tolerance.sqrt() / unit.sqrt(),
        max_iterations,
    };
    let found = search.minimize(vec![0.0; size], |z| {
        let (value, gradient) = posterior.value_and_gradient(&logs(z))?;
        let gradient = axes.t().dot(&Array1::from_vec(gradient)) / -unit;
        Ok((-value / unit, gradient.to_vec()))
    })?;
    Ok(Optimum {
        logs: posterior.clamp(&logs(&found.point)),
        log_density: -found.cost * unit,
        iterations: found.iterations,
        converged: found.converged,
        near: false,
    })
}

//! The covariance of the nodes, which is all that any search needs of the rows.

use contextualized_core::{Error, Result, Samples, Standardization, normalized_weights};
use contextualized_solvers::{cholesky, gram};
use ndarray::{Array1, Array2};

/// Second moments of the nodes about their means, in one unit for all nodes.
pub(crate) struct Moments {
    /// p × p.
    pub(crate) covariance: Array2<f64>,
    /// Means in the users' units, or zeros without intercepts.
    pub(crate) centers: Array1<f64>,
    /// The unit: the root of the nodes' mean variance.
    pub(crate) unit: f64,
    /// Rows that count.
    pub(crate) rows: f64,
    /// The effective number of them, (Σw)² / Σw².
    pub(crate) effective: f64,
}

/// A node given others.
pub(crate) struct Regression {
    /// One for each parent.
    pub(crate) weights: Vec<f64>,
    /// The mean square of the residuals, above zero.
    pub(crate) left: f64,
    /// Of freedom, that the weights took.
    pub(crate) degrees: f64,
}

/// A node whose variance is less than this share of the mean is constant to rounding, and no parent.
const CONSTANT: f64 = 1e-24;

impl Moments {
    pub(crate) fn of(samples: &Samples, intercept: bool) -> Result<Self> {
        let features = samples.features();
        let mut scaling = Standardization::fit(features, samples.weights())?;
        if !intercept {
            scaling = scaling.without_centering();
        }
        let centered = &features - &scaling.centers();
        let largest = centered.fold(0.0_f64, |largest, value| largest.max(value.abs()));
        let largest = if largest > 0.0 { largest } else { 1.0 };
        let rows = samples.rows() as f64;
        let weights = normalized_weights(samples.weights(), samples.rows())?;
        let effective = rows * rows / weights.dot(&weights);
        let roots = weights.mapv(f64::sqrt);
        let weighted = &centered / largest * &roots.insert_axis(ndarray::Axis(1));
        let covariance = gram(weighted.view())
            .map_err(|error| Error::numerical("the covariance of the nodes", error))?
            / rows;
        let mean = covariance.diag().mean().unwrap_or(1.0);
        let mean = if mean > 0.0 { mean } else { 1.0 };
        Ok(Self {
            covariance: covariance / mean,
            centers: scaling.centers().to_owned(),
            unit: largest * mean.sqrt(),
            rows,
            effective,
        })
    }

    pub(crate) fn nodes(&self) -> usize {
        self.covariance.nrows()
    }

    /// The weights of the parents of a node, zero for constant ones, by least squares with a ridge on
    /// the parents' own scales, and what is left.
    pub(crate) fn regress(&self, node: usize, parents: &[usize], ridge: f64) -> Result<Regression> {
        let whole = self.covariance[[node, node]];
        let varies = |&parent: &usize| self.covariance[[parent, parent]] > CONSTANT;
        let all = parents;
        let parents: Vec<usize> = all.iter().copied().filter(varies).collect();
        if parents.is_empty() {
            return Ok(Regression {
                weights: vec![0.0; all.len()],
                left: whole.max(CONSTANT),
                degrees: 0.0,
            });
        }
        let size = parents.len();
        let shrink = 1.0 + ridge / self.rows;
        let among = Array2::from_shape_fn((size, size), |(a, b)| {
            let value = self.covariance[[parents[a], parents[b]]];
            if a == b { value * shrink } else { value }
        });
        let with = Array2::from_shape_fn((size, 1), |(a, _)| self.covariance[[parents[a], node]]);
        let numerical = |error| Error::numerical("the regression of a node on others", error);
        let factor = cholesky(among.view()).map_err(numerical)?;
        let weights = factor.solve(with.view()).map_err(numerical)?;
        let weights: Vec<f64> = weights.column(0).to_vec();
        // The last pivot of the factor of parents and node, squared.
        let explained = factor.solve_lower(with.view()).map_err(numerical)?;
        let mut left = whole - explained.iter().map(|entry| entry * entry).sum::<f64>();
        let mut degrees = size as f64;
        if ridge > 0.0 {
            let inverse = factor.inverse().map_err(numerical)?;
            for (a, &parent) in parents.iter().enumerate() {
                let penalty = ridge / self.rows * self.covariance[[parent, parent]];
                // The mean square of the residuals is the objective without the penalty, and the trace
                // of A (A + R)⁻¹ the coefficients that are left of them all.
                left -= penalty * weights[a] * weights[a];
                degrees -= penalty * inverse[[a, a]];
            }
        }
        // What is below the rounding of the node's own variance says nothing.
        let rounding = (size + 1) as f64 * f64::EPSILON * whole;
        let mut of_all = vec![0.0; all.len()];
        let mut weights = weights.into_iter();
        for (weight, _) in of_all
            .iter_mut()
            .zip(all)
            .filter(|(_, parent)| varies(parent))
        {
            *weight = weights.next().unwrap_or_default();
        }
        Ok(Regression {
            weights: of_all,
            left: left.max(rounding).max(CONSTANT),
            degrees,
        })
    }

    /// Half the variance that weights leave, `½ tr (I − W)ᵀ S (I − W)`, and its gradient `S W − S`.
    pub(crate) fn loss(&self, weights: &Array2<f64>) -> (f64, Array2<f64>) {
        let rest = Array2::eye(self.nodes()) - weights;
        let product = self.covariance.dot(&rest);
        let loss = 0.5 * (&rest * &product).sum();
        (loss, -product)
    }
}

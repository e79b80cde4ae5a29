//! A basis with the prior of its weights, for models that have other terms besides.

use crate::basis::{Basis, Pivots, Prior};
use crate::hyperparameters::Hyperparameters;
use crate::kernel::Kernel;
use contextualized_core::Result;
use ndarray::{Array1, Array2, ArrayView2, s};
use serde::{Deserialize, Serialize};

/// The most contexts that inducing ones are chosen among.
const MOST_CANDIDATES: usize = 2000;

/// Functions of the context that stand in for a kernel, with the prior of their weights at any length scales.
///
/// ```text
/// g(c) = φ(c)ᵀ w,    w ~ N(0, s² R Rᵀ),    φ(c)ᵀ R Rᵀ φ(c') ≈ k(c, c')
/// ```
///
/// One for each term of the kernel, one behind the other. The functions are those of inducing contexts at the
/// inverse length scales that the basis is made for; other length scales move R alone.
///
/// ```
/// use contextualized_gp::{Kernel, PriorBasis};
/// use ndarray::Array2;
///
/// let contexts = Array2::from_shape_fn((50, 1), |(i, _)| i as f64 / 25.0 - 1.0);
/// let kernel = Kernel::squared_exponential([0]);
/// let basis = PriorBasis::new(&kernel, 2.0, contexts.view(), 1e-10, 30)?;
/// let half = basis.at(contexts.view())?.dot(&basis.roots(&[1.0])?[0]);
/// let (a, b) = (half.row(3), half.row(20));
/// let apart = contexts[[3, 0]] - contexts[[20, 0]];
/// let expected = (-0.5 * apart * apart).exp();
/// assert!((a.dot(&b) - expected).abs() < 1e-3);
/// # Ok::<(), contextualized_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PriorBasis {
    basis: Basis,
}

impl PriorBasis {
    /// Chooses inducing contexts among these (n × c), at most `limit` for each term, until what they leave out of the
    /// variance is below `tolerance` on average, for this inverse length scale in every context.
    ///
    /// # Errors
    ///
    /// [`contextualized_core::Error::InvalidParameter`] for a kernel on columns that are not there.
    pub fn new(
        kernel: &Kernel,
        inverse_length_scale: f64,
        contexts: ArrayView2<'_, f64>,
        tolerance: f64,
        limit: usize,
    ) -> Result<Self> {
        kernel.validate(contexts.ncols())?;
        let squares = vec![inverse_length_scale.powi(2); kernel.inverse_length_scales()];
        let step = contexts.nrows().div_ceil(MOST_CANDIDATES).max(1);
        let candidates = contexts.slice(s![..;step, ..]);
        let basis = Basis::choose(
            kernel,
            &squares,
            candidates,
            tolerance,
            limit,
            Pivots::Random,
        );
        Ok(Self { basis })
    }

    /// The largest share of the variance that is left out of any term, on average over the contexts.
    pub fn residual(&self) -> f64 {
        self.basis.residual()
    }

    /// Functions of all terms.
    pub fn functions(&self) -> usize {
        self.basis.functions() - 1
    }

    /// Number of terms.
    pub fn terms(&self) -> usize {
        self.basis.terms.len()
    }

    /// Inverse length scales of the kernel.
    pub fn inverse_length_scales(&self) -> usize {
        self.basis.kernel().inverse_length_scales()
    }

    /// The functions at these contexts (n × functions).
    ///
    /// # Errors
    ///
    /// [`contextualized_core::Error::Numerical`].
    pub fn at(&self, contexts: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        Ok(self.basis.at(contexts)?.slice_move(s![.., 1..]))
    }

    /// The root R of the weights' prior covariance for each term, at an amplitude of one and these inverse length
    /// scales.
    ///
    /// # Errors
    ///
    /// [`contextualized_core::Error::Numerical`].
    pub fn roots(&self, inverse_length_scales: &[f64]) -> Result<Vec<Array2<f64>>> {
        let hyper = Hyperparameters {
            inverse_length_scales: Array2::from_shape_fn(
                (1, inverse_length_scales.len()),
                |(_, k)| inverse_length_scales[k],
            ),
            amplitudes: Array2::ones((1, self.terms())),
            noise: 1.0,
            scales: Array1::ones(1),
        };
        let prior = Prior::new(&self.basis, &hyper)?;
        let root = prior.root(1.0, 0, |_| 1.0);
        let mut start = 1;
        let of_term = self.basis.terms.iter().map(|term| {
            let own = start..start + term.len();
            start = own.end;
            root.slice(s![own.clone(), own]).to_owned()
        });
        Ok(of_term.collect())
    }
}

use faer::Mat;
use faer::Par;
use faer::diag::Diag;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::evd::{ComputeEigenvectors, self_adjoint_evd, self_adjoint_evd_scratch};
use ndarray::{Array1, Array2, ArrayView2};

use crate::convert::{to_faer, to_ndarray};
use crate::{Error, Result, check};

/// Eigenvalues in ascending order, and orthonormal eigenvectors. See [`symmetric_eigen`].
#[derive(Clone, Debug, PartialEq)]
pub struct SymmetricEigen {
    /// Eigenvalues (n), ascending.
    pub values: Array1<f64>,
    /// Eigenvectors (n × n) in the columns.
    pub vectors: Array2<f64>,
}

/// The eigendecomposition of a symmetric matrix, `A = V diag(λ) Vᵀ`.
///
/// # Errors
///
/// [`Error::Empty`], [`Error::NotSquare`], [`Error::NotFinite`] and [`Error::NotSymmetric`] as of
/// [`crate::cholesky`]; [`Error::NoConvergence`] if the iteration fails, which no matrix is known to
/// cause.
///
/// ```
/// use contextualized_solvers::symmetric_eigen;
/// use ndarray::array;
///
/// let eigen = symmetric_eigen(array![[2.0, 1.0], [1.0, 2.0]].view())?;
/// assert!((eigen.values[0] - 1.0).abs() < 1e-14 && (eigen.values[1] - 3.0).abs() < 1e-14);
/// # Ok::<(), contextualized_solvers::Error>(())
/// ```
pub fn symmetric_eigen(matrix: ArrayView2<f64>) -> Result<SymmetricEigen> {
    check::square("matrix", matrix)?;
    check::symmetric("matrix", matrix)?;
    let size = matrix.nrows();
    let mut values = Diag::zeros(size);
    let mut vectors = Mat::zeros(size, size);
    let scratch = self_adjoint_evd_scratch::<f64>(
        size,
        ComputeEigenvectors::Yes,
        Par::Seq,
        Default::default(),
    );
    self_adjoint_evd(
        to_faer(matrix).as_ref(),
        values.as_mut(),
        Some(vectors.as_mut()),
        Par::Seq,
        MemStack::new(&mut MemBuffer::new(scratch)),
        Default::default(),
    )
    .map_err(|_| Error::NoConvergence { size })?;
    let values: Array1<f64> = values.column_vector().iter().copied().collect();
    let vectors = to_ndarray(vectors.as_ref());
    check::computed("an eigenvector", vectors.view())?;
    Ok(SymmetricEigen { values, vectors })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::assert_close;
    use ndarray::array;

    #[test]
    fn the_parts_make_the_matrix_again() {
        let matrix = Array2::from_shape_fn((30, 30), |(i, j)| {
            ((i * j + i + j) % 7) as f64 + if i == j { 3.0 } else { 0.0 }
        });
        let eigen = symmetric_eigen(matrix.view()).unwrap();
        let rebuilt = (&eigen.vectors * &eigen.values).dot(&eigen.vectors.t());
        assert_close(&rebuilt, &matrix, 1e-13);
        assert_close(
            &eigen.vectors.t().dot(&eigen.vectors),
            &Array2::eye(30),
            1e-13,
        );
        assert!(
            eigen
                .values
                .windows(2)
                .into_iter()
                .all(|pair| pair[0] <= pair[1])
        );
    }

    #[test]
    fn bad_input_is_named() {
        assert!(matches!(
            symmetric_eigen(array![[1.0, 2.0], [0.0, 1.0]].view()),
            Err(Error::NotSymmetric { .. })
        ));
        assert!(symmetric_eigen(Array2::zeros((0, 0)).view()).is_err());
    }
}

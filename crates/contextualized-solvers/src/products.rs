use faer::linalg::matmul::matmul;
use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::{Accum, Mat, MatMut, Par};
use ndarray::{Array2, ArrayView1, ArrayView2, Axis};

use crate::convert::{as_faer, standard, symmetric_from_lower, to_ndarray};
use crate::{Result, check};

/// The Gram matrix `Aᵀ A` (m × m) of `matrix` A (n × m), symmetric to the last bit.
///
/// Half the work of a product, since one triangle is computed.
///
/// # Errors
///
/// [`crate::Error::Empty`] and [`crate::Error::NotFinite`] for a matrix that is empty or not
/// finite; [`crate::Error::Overflow`] if an entry does not fit into a float.
///
/// ```
/// use contextualized_solvers::gram;
/// use ndarray::array;
///
/// let gram = gram(array![[1.0, 2.0], [0.0, 1.0], [1.0, 0.0]].view())?;
/// assert_eq!(gram, array![[2.0, 2.0], [2.0, 5.0]]);
/// # Ok::<(), contextualized_solvers::Error>(())
/// ```
pub fn gram(matrix: ArrayView2<f64>) -> Result<Array2<f64>> {
    check::matrix("matrix", matrix)?;
    triangle_of_product(matrix, matrix)
}

/// The product `A B` (n × m) of `left` A (n × k) and `right` B (k × m).
///
/// # Errors
///
/// [`crate::Error::Empty`] and [`crate::Error::NotFinite`] for a matrix that is empty or not
/// finite; [`crate::Error::Shape`] if the inner sizes differ; [`crate::Error::Overflow`] if an
/// entry does not fit into a float.
pub fn product(left: ArrayView2<f64>, right: ArrayView2<f64>) -> Result<Array2<f64>> {
    check::matrix("left", left)?;
    check::matrix("right", right)?;
    check::size("right", "rows", left.ncols(), right.nrows())?;
    let (left, right) = (standard(&left), standard(&right));
    let mut out = Mat::zeros(left.nrows(), right.ncols());
    matmul(
        &mut out,
        Accum::Replace,
        as_faer(left.view()),
        as_faer(right.view()),
        1.0,
        Par::Seq,
    );
    let product = to_ndarray(out.as_ref());
    check::computed("the product", product.view())?;
    Ok(product)
}

/// Adds the product `A B` (n × m) of `left` A (n × k) and `right` B (k × m) to `sum`, in place.
///
/// # Errors
///
/// Those of [`product`]; [`crate::Error::Shape`] also if the sum has other rows or columns.
pub fn add_product(
    sum: &mut Array2<f64>,
    left: ArrayView2<f64>,
    right: ArrayView2<f64>,
) -> Result<()> {
    check::matrix("left", left)?;
    check::matrix("right", right)?;
    check::size("right", "rows", left.ncols(), right.nrows())?;
    check::size("sum", "rows", left.nrows(), sum.nrows())?;
    check::size("sum", "columns", right.ncols(), sum.ncols())?;
    if !sum.is_standard_layout() {
        *sum = sum.as_standard_layout().into_owned();
    }
    let (rows, columns) = sum.dim();
    let Some(values) = sum.as_slice_mut() else {
        return Ok(());
    };
    let (left, right) = (standard(&left), standard(&right));
    matmul(
        MatMut::from_row_major_slice_mut(values, rows, columns),
        Accum::Add,
        as_faer(left.view()),
        as_faer(right.view()),
        1.0,
        Par::Seq,
    );
    check::computed("the sum of products", sum.view())
}

/// The product `Aᵀ B` (n × m) of `left` A (k × n) and `right` B (k × m).
///
/// # Errors
///
/// Those of [`product`].
pub fn transposed_product(left: ArrayView2<f64>, right: ArrayView2<f64>) -> Result<Array2<f64>> {
    check::matrix("left", left)?;
    check::matrix("right", right)?;
    check::size("right", "rows", left.nrows(), right.nrows())?;
    let (left, right) = (standard(&left), standard(&right));
    let mut out = Mat::zeros(left.ncols(), right.ncols());
    matmul(
        &mut out,
        Accum::Replace,
        as_faer(left.view()).transpose(),
        as_faer(right.view()),
        1.0,
        Par::Seq,
    );
    let product = to_ndarray(out.as_ref());
    check::computed("the product", product.view())?;
    Ok(product)
}

/// The weighted Gram matrix `Aᵀ diag(w) A` (m × m) of `matrix` A (n × m), symmetric to the last bit.
/// Weights may be negative.
///
/// # Errors
///
/// Those of [`gram`], and [`crate::Error::Shape`] for other than n weights.
pub fn weighted_gram(matrix: ArrayView2<f64>, weights: ArrayView1<f64>) -> Result<Array2<f64>> {
    check::matrix("matrix", matrix)?;
    check::size("weights", "rows", matrix.nrows(), weights.len())?;
    let weighted = &matrix * &weights.insert_axis(Axis(1));
    check::matrix("the weighted matrix", weighted.view())?;
    triangle_of_product(matrix, weighted.view())
}

/// `Aᵀ B`, known to be symmetric, of which one triangle is computed.
fn triangle_of_product(left: ArrayView2<f64>, right: ArrayView2<f64>) -> Result<Array2<f64>> {
    let (left, right) = (standard(&left), standard(&right));
    let mut out = Mat::zeros(left.ncols(), right.ncols());
    triangular::matmul(
        &mut out,
        BlockStructure::TriangularLower,
        Accum::Replace,
        as_faer(left.view()).transpose(),
        BlockStructure::Rectangular,
        as_faer(right.view()),
        BlockStructure::Rectangular,
        1.0,
        Par::Seq,
    );
    let gram = symmetric_from_lower(out.as_ref());
    check::computed("the Gram matrix", gram.view())?;
    Ok(gram)
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;
    use crate::Error;
    use crate::testing::assert_close;

    fn pseudo(rows: usize, columns: usize) -> Array2<f64> {
        Array2::from_shape_fn((rows, columns), |(i, j)| {
            ((3 * i + 7 * j * j) % 11) as f64 - 5.0
        })
    }

    #[test]
    fn products_agree_with_the_definition_in_every_layout() {
        let (a, b) = (pseudo(13, 5), pseudo(5, 9));
        assert_close(&product(a.view(), b.view()).unwrap(), &a.dot(&b), 1e-14);
        assert_close(&product(b.t(), a.t()).unwrap(), &b.t().dot(&a.t()), 1e-14);
        let mut sum = product(a.view(), b.view()).unwrap();
        add_product(&mut sum, a.view(), b.view()).unwrap();
        assert_close(&sum, &(2.0 * a.dot(&b)), 1e-14);
        assert_close(&gram(a.view()).unwrap(), &a.t().dot(&a), 1e-14);
        assert_close(&gram(a.t()).unwrap(), &a.dot(&a.t()), 1e-14);
        let transposed = transposed_product(a.view(), a.slice(ndarray::s![.., 1..3])).unwrap();
        assert_close(
            &transposed,
            &a.t().dot(&a.slice(ndarray::s![.., 1..3])),
            1e-14,
        );
        let weights = ndarray::Array1::from_shape_fn(13, |i| i as f64 - 6.0);
        let expected = a.t().dot(&(&a * &weights.view().insert_axis(Axis(1))));
        assert_close(
            &weighted_gram(a.view(), weights.view()).unwrap(),
            &expected,
            1e-14,
        );
    }

    #[test]
    fn a_gram_matrix_is_symmetric_to_the_last_bit() {
        let gram = gram(pseudo(40, 33).mapv(|v| v / 3.0).view()).unwrap();
        assert_eq!(gram, gram.t());
    }

    #[test]
    fn bad_input_is_named() {
        let nan = array![[f64::NAN]];
        assert!(matches!(gram(nan.view()), Err(Error::NotFinite { .. })));
        assert!(matches!(
            product(pseudo(2, 3).view(), pseudo(2, 3).view()),
            Err(Error::Shape {
                argument: "right",
                expected: 3,
                found: 2,
                ..
            })
        ));
        let huge = array![[1e200]];
        assert!(matches!(gram(huge.view()), Err(Error::Overflow { .. })));
        assert!(product(huge.view(), huge.view()).is_err());
    }
}

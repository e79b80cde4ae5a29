//! Dense linear algebra for statistical models, which says when an answer would be worth nothing.
//! Matrices come in as `ndarray` views, results go out as owned arrays, and every failure is an
//! [`Error`] that names the argument, the row and the column.
//!
//! # The mathematics
//!
//! Rows `i` are samples, `X` is the design (n × p), `Y` holds the targets (n × m), `W = diag(w)`
//! the weights.
//!
//! **Least squares** minimises `Σᵢ wᵢ ‖yᵢ − Bᵀxᵢ‖²`. With the columns of `√W X` scaled to unit
//! length by `D`, column-pivoted Householder QR gives `√W X D⁻¹ P = Q R`, and
//! `B = D⁻¹ P R⁻¹ Qᵀ √W Y`. The diagonal of `R` falls, and where it falls to rounding error the
//! rank ends: the columns pivoted to the end are linear combinations of the others. The normal
//! equations, which square the condition number, are never formed.
//!
//! **Ridge** minimises `Σᵢ wᵢ ‖yᵢ − Bᵀxᵢ‖² + Σⱼ λⱼ ‖Bⱼ‖²`, which is least squares with the rows
//! `diag(√λ)` below `√W X` and zeros below `√W Y`.
//!
//! **Cholesky** finds the lower triangular `L` with `L Lᵀ = A + δ I`, where the jitter `δ` is zero
//! if `A` is positive definite, otherwise the smallest of a short ladder that suffices, and is
//! reported.
//!
//! **Log-determinants** come as a sign and a logarithm, from `L` or from an LU factorisation, so
//! that neither 10⁴⁰⁰ nor 10⁻⁴⁰⁰ leaves the range of a float.
//!
//! # Example
//!
//! The second and the third column say the same thing in different units, and the report says so.
//!
//! ```
//! use contextualized_solvers::{Error, least_squares, ridge};
//! use ndarray::array;
//!
//! let design = array![
//!     [1.0, 2.0, 2000.0],
//!     [1.0, 3.0, 3000.0],
//!     [1.0, 5.0, 5000.0],
//!     [1.0, 7.0, 7000.0],
//! ];
//! let targets = array![[5.0], [7.0], [11.0], [15.0]]; // 1 + 2 x
//!
//! let fit = least_squares(design.view(), targets.view(), None)?;
//! assert_eq!(fit.rank(), 2);
//! assert_eq!(fit.dependent_columns().len(), 1);
//! assert!(matches!(fit.full_rank(), Err(Error::RankDeficient { rank: 2, columns: 3, .. })));
//!
//! let slim = design.slice(ndarray::s![.., ..2]);
//! let fit = least_squares(slim, targets.view(), None)?.full_rank()?;
//! assert!((fit.solution()[[0, 0]] - 1.0).abs() < 1e-12);
//! assert!((fit.solution()[[1, 0]] - 2.0).abs() < 1e-12);
//!
//! // A penalty on the slope alone shrinks it and leaves the intercept free.
//! let shrunken = ridge(slim, targets.view(), None, array![0.0, 10.0].view())?;
//! assert!(shrunken[[1, 0]] < 2.0);
//! # Ok::<(), Error>(())
//! ```
//!
//! # Map
//!
//! | idea | here |
//! |---|---|
//! | weighted least squares with a rank report | [`least_squares`], [`LeastSquares`] |
//! | ridge with a penalty for each column | [`ridge`] |
//! | positive definite matrices, jitter reported | [`cholesky`], [`cholesky_in_place`], [`cholesky_with_limit`], [`Cholesky`], [`solve_lower`] |
//! | eigenvalues of symmetric matrices | [`symmetric_eigen`], [`SymmetricEigen`] |
//! | products on one thread | [`product`], [`add_product`], [`transposed_product`], [`gram`], [`weighted_gram`] |
//! | the upper triangle of a symmetric matrix from the lower one | [`mirror_lower`] |
//! | loops with the machine's vector instructions, exponentials in them | [`vectorized`], [`exponential`], [`inner_product`], [`lanes`] |
//! | penalties on cycles, with gradients | [`Acyclicity`] |
//! | acyclic graphs: a test, an order, the heaviest acyclic part | [`is_acyclic`], [`topological_order`], [`acyclic_part`], [`Projection`], [`AcyclicPart`] |
//! | orders of nodes by cost | [`exact_order`], [`greedy_order`], [`Order`] |
//! | correlation matrices: shrunken, nearest to a given matrix | [`correlation`], [`shrunken_covariance`], [`nearest_correlation`] |
//! | multivariate normal distributions | [`Normal`] |
//! | sparse precision matrices | [`graphical_lasso`], [`GraphicalLasso`] |
//! | what can go wrong | [`Error`] |
//!
//! # Always
//!
//! - The same input gives the same bits on any number of threads: every factorisation runs on the
//!   thread that asked for it. Run many of them side by side instead.
//! - No input causes a panic, and no result contains a NaN or an infinity.
//! - A matrix in standard (row-major) layout is read where it lies, any other is copied once.

mod acyclic;
mod check;
mod cholesky;
mod convert;
mod correlation;
mod eigen;
mod error;
mod graphical_lasso;
mod least_squares;
mod normal;
mod pivoted_qr;
mod products;
mod ridge;
#[cfg(test)]
mod testing;
mod vectorized;
mod weights;

pub use acyclic::{
    AcyclicPart, Acyclicity, MOST_ORDERED_NODES, MOST_PROJECTED_NODES, Order, Projection,
    acyclic_part, exact_order, greedy_order, is_acyclic, topological_order,
};
pub use cholesky::{
    Cholesky, DEFAULT_JITTER_LIMIT, cholesky, cholesky_in_place, cholesky_with_limit, solve_lower,
};
pub use convert::mirror_lower;
pub use correlation::{ShrunkenCovariance, correlation, nearest_correlation, shrunken_covariance};
pub use eigen::{SymmetricEigen, symmetric_eigen};
pub use error::{Error, Result};
pub use graphical_lasso::{GraphicalLasso, graphical_lasso};
pub use least_squares::{LeastSquares, least_squares};
pub use normal::Normal;
pub use products::{add_product, gram, product, transposed_product, weighted_gram};
pub use ridge::ridge;
pub use vectorized::{exponential, inner_product, lanes, vectorized};

//! Samples whose covariances vary with context.

use crate::Draws;
use crate::contexts::{Contexts, context_setters};
use crate::draws::Stream;
use crate::rows::table;
use contextualized_core::validate::{check_columns, check_table};
use contextualized_core::{Error, Networks, Result, Samples, partial_correlations};
use contextualized_solvers::{cholesky, cholesky_with_limit, correlation};
use ndarray::{Array1, Array2, Array3, ArrayView2, ArrayView3, Axis};
use std::sync::Arc;

type Field = dyn Fn(&[f64]) -> Array2<f64> + Send + Sync;
type Means = dyn Fn(&[f64]) -> Vec<f64> + Send + Sync;

#[derive(Clone)]
enum Truth {
    Missing,
    Factors(Arc<Field>),
    Covariance(Arc<Field>),
    Precision(Arc<Field>),
}

/// A recipe for nodes whose covariance is a function of context.
///
/// For each row a context `c` is drawn, then `x ~ N(m(c), Σ(c))`, with the covariance given as
///
/// ```text
/// Σ(c) = L(c) L(c)ᵀ + I        by factors L(c), p × r: valid whatever they are
/// Σ(c)                         itself, or
/// Σ(c) = Ω(c)⁻¹                by its precision, where a zero is an edge that is not there
/// ```
///
/// One of the three is required, and contexts, drawn or given; means are zero unless set. The same
/// seed gives the same data; contexts and nodes have random streams of their own.
///
/// ```
/// use contextualized_simulation::CovarianceSimulator;
/// use ndarray::array;
///
/// // Two nodes that go together at one end of the context, and against each other at the other.
/// let data = CovarianceSimulator::new(500)
///     .uniform_contexts(1, -1.0, 1.0)
///     .covariance(|c| array![[1.0, 0.9 * c[0]], [0.9 * c[0], 1.0]])
///     .simulate(3)?;
/// assert_eq!(data.samples.features().dim(), (500, 2));
/// let correlation = data.correlations()?[[0, 0, 1]];
/// assert!((correlation - 0.9 * data.samples.contexts()[[0, 0]]).abs() < 1e-12);
/// # Ok::<(), contextualized_core::Error>(())
/// ```
#[derive(Clone)]
pub struct CovarianceSimulator {
    contexts: Contexts,
    truth: Truth,
    means: Option<Arc<Means>>,
}

impl CovarianceSimulator {
    /// A simulation of this many rows, whose contexts are still to be chosen.
    pub fn new(rows: usize) -> Self {
        Self {
            contexts: Contexts::missing(rows),
            truth: Truth::Missing,
            means: None,
        }
    }

    context_setters!();

    /// Factors L(c), p × r: the covariance is `L Lᵀ + I`.
    pub fn factors(
        mut self,
        field: impl Fn(&[f64]) -> Array2<f64> + Send + Sync + 'static,
    ) -> Self {
        self.truth = Truth::Factors(Arc::new(field));
        self
    }

    /// The covariance Σ(c), p × p, positive definite.
    pub fn covariance(
        mut self,
        field: impl Fn(&[f64]) -> Array2<f64> + Send + Sync + 'static,
    ) -> Self {
        self.truth = Truth::Covariance(Arc::new(field));
        self
    }

    /// The precision Ω(c), p × p, positive definite: the covariance is its inverse.
    pub fn precision(
        mut self,
        field: impl Fn(&[f64]) -> Array2<f64> + Send + Sync + 'static,
    ) -> Self {
        self.truth = Truth::Precision(Arc::new(field));
        self
    }

    /// The means m(c), one for each node.
    pub fn means(mut self, field: impl Fn(&[f64]) -> Vec<f64> + Send + Sync + 'static) -> Self {
        self.means = Some(Arc::new(field));
        self
    }

    /// Draws the data: the same seed gives the same data.
    ///
    /// # Errors
    ///
    /// - [`Error::NoRows`] for no rows;
    /// - [`Error::InvalidParameter`] when contexts or a covariance were not set;
    /// - [`Error::NoColumns`] when a function returns nothing;
    /// - [`Error::ColumnCount`] when a function returns other sizes for one row than for the first,
    ///   or means do not fit the covariance;
    /// - [`Error::NotFinite`] for a value that is not finite;
    /// - [`Error::Numerical`], naming the row, for a matrix that is not symmetric and positive
    ///   definite.
    pub fn simulate(&self, seed: u64) -> Result<SimulatedCovariances> {
        let contexts = self.contexts.draw(seed)?;
        let rows = contexts.nrows();
        let mut draws = Draws::new(seed, Stream::Features);
        let mut features = Vec::new();
        let mut covariances = Vec::new();
        let mut nodes = None;
        for (row, context) in contexts.rows().into_iter().enumerate() {
            let covariance = self.covariance_at(row, &context.to_vec())?;
            let expected = *nodes.get_or_insert(covariance.nrows());
            check_columns("covariance", expected, covariance.nrows())?;
            let factor = cholesky_with_limit(covariance.view(), 0.0)
                .map_err(|error| Error::numerical(at_row("the covariance", row), error))?;
            let standard: Array1<f64> = (0..expected).map(|_| draws.normal(0.0, 1.0)).collect();
            features.extend(factor.lower().dot(&standard));
            covariances.extend(covariance);
        }
        let nodes = nodes.unwrap_or(0);
        let means = match &self.means {
            None => Array2::zeros((rows, nodes)),
            Some(field) => table("means", rows, Some(nodes), |row| {
                field(&contexts.row(row).to_vec())
            })?,
        };
        let shape = |error| Error::numerical("collecting rows", error);
        let features = Array2::from_shape_vec((rows, nodes), features).map_err(shape)? + &means;
        let covariances =
            Array3::from_shape_vec((rows, nodes, nodes), covariances).map_err(shape)?;
        let visible = self.contexts.with_irrelevant(contexts.view(), seed);
        let samples = Samples::of_nodes(visible.view(), features.view())?;
        Ok(SimulatedCovariances {
            samples: self.contexts.name(samples)?,
            means,
            covariances,
        })
    }

    fn covariance_at(&self, row: usize, context: &[f64]) -> Result<Array2<f64>> {
        match &self.truth {
            Truth::Missing => Err(Error::invalid_parameter(
                "covariance",
                "missing",
                "factors, a covariance or a precision as a function of the context",
            )),
            Truth::Factors(field) => {
                let factors = field(context);
                check_table("factors", factors.view(), None)?;
                let product = factors.dot(&factors.t());
                // Mirrored, since sums need not be symmetric to the last bit.
                Ok(Array2::from_shape_fn(product.dim(), |(i, j)| {
                    product[[i.max(j), i.min(j)]] + f64::from(i == j)
                }))
            }
            Truth::Covariance(field) => {
                let covariance = field(context);
                check_table("covariance", covariance.view(), Some(covariance.nrows()))?;
                Ok(covariance)
            }
            Truth::Precision(field) => {
                let precision = field(context);
                check_table("precision", precision.view(), Some(precision.nrows()))?;
                cholesky_with_limit(precision.view(), 0.0)
                    .and_then(|factor| factor.inverse())
                    .map_err(|error| Error::numerical(at_row("the precision", row), error))
            }
        }
    }
}

fn at_row(what: &str, row: usize) -> String {
    format!("the factorisation of {what} at row {}", row + 1)
}

/// Samples of nodes beside the true means and covariances of their rows.
#[derive(Debug, Clone, PartialEq)]
pub struct SimulatedCovariances {
    /// What an estimator may see: contexts and, as features, nodes.
    pub samples: Samples,
    /// The true mean of each node, rows × nodes.
    pub means: Array2<f64>,
    /// The true covariances, rows × nodes × nodes.
    pub covariances: Array3<f64>,
}

impl SimulatedCovariances {
    /// Number of samples.
    pub fn rows(&self) -> usize {
        self.samples.rows()
    }

    /// The true correlations, rows × nodes × nodes.
    ///
    /// # Errors
    ///
    /// [`Error::Numerical`] for covariances that were replaced by others that are none.
    pub fn correlations(&self) -> Result<Array3<f64>> {
        of_each(self.covariances.view(), correlation)
    }

    /// The true precisions, the inverses of the covariances.
    ///
    /// # Errors
    ///
    /// Those of [`SimulatedCovariances::correlations`].
    pub fn precisions(&self) -> Result<Array3<f64>> {
        of_each(self.covariances.view(), |covariance| {
            cholesky(covariance)?.inverse()
        })
    }

    /// The true partial correlations, with ones on the diagonal.
    ///
    /// # Errors
    ///
    /// Those of [`SimulatedCovariances::correlations`].
    pub fn partial_correlations(&self) -> Result<Array3<f64>> {
        partial_correlations(&Networks::new(self.precisions()?)?)
    }
}

fn of_each(
    matrices: ArrayView3<'_, f64>,
    of: impl Fn(ArrayView2<'_, f64>) -> contextualized_solvers::Result<Array2<f64>>,
) -> Result<Array3<f64>> {
    let mut out = Array3::zeros(matrices.dim());
    for (row, (matrix, mut result)) in matrices
        .axis_iter(Axis(0))
        .zip(out.axis_iter_mut(Axis(0)))
        .enumerate()
    {
        let value =
            of(matrix).map_err(|error| Error::numerical(at_row("the covariance", row), error))?;
        result.assign(&value);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_abs_diff_eq;
    use ndarray::array;

    fn simulator(rows: usize) -> CovarianceSimulator {
        CovarianceSimulator::new(rows)
            .uniform_contexts(1, -1.0, 1.0)
            .factors(|c| array![[1.0], [c[0]], [-1.0]])
    }

    #[test]
    fn factors_make_the_covariance() {
        let data = simulator(4).simulate(0).unwrap();
        let c = data.samples.contexts()[[2, 0]];
        let covariance = data.covariances.index_axis(Axis(0), 2);
        let expected = array![[2.0, c, -1.0], [c, 1.0 + c * c, -c], [-1.0, -c, 2.0]];
        assert!((&covariance - &expected).iter().all(|v| v.abs() < 1e-15));
        assert_abs_diff_eq!(
            data.correlations().unwrap()[[2, 0, 2]],
            -0.5,
            epsilon = 1e-15
        );
    }

    #[test]
    fn a_precision_is_the_inverse_of_a_covariance() {
        let precision = array![[2.0, -0.5, 0.0], [-0.5, 1.0, 0.3], [0.0, 0.3, 1.5]];
        let given = precision.clone();
        let data = simulator(3)
            .precision(move |_| given.clone())
            .simulate(1)
            .unwrap();
        let found = data.precisions().unwrap();
        assert!(
            (&found.index_axis(Axis(0), 1) - &precision)
                .iter()
                .all(|v| v.abs() < 1e-12)
        );
        let partial = data.partial_correlations().unwrap();
        assert_abs_diff_eq!(partial[[0, 0, 1]], 0.5 / 2.0_f64.sqrt(), epsilon = 1e-12);
        assert_abs_diff_eq!(partial[[0, 0, 2]], 0.0, epsilon = 1e-12);
    }

    /// Moments of many rows at one context, to five standard errors.
    #[test]
    fn nodes_have_the_moments_that_are_asked_for() {
        let rows = 40_000;
        let contexts = Array2::from_elem((rows, 1), 0.5);
        let data = CovarianceSimulator::at_contexts(contexts.view())
            .covariance(|c| array![[2.0, c[0]], [c[0], 1.0]])
            .means(|c| vec![c[0], -3.0])
            .simulate(5)
            .unwrap();
        let x = data.samples.features();
        let n = rows as f64;
        let mean = x.sum_axis(Axis(0)) / n;
        assert_abs_diff_eq!(mean[0], 0.5, epsilon = 5.0 * (2.0 / n).sqrt());
        assert_abs_diff_eq!(mean[1], -3.0, epsilon = 5.0 / n.sqrt());
        let centred = &x - &data.means;
        let second = centred.t().dot(&centred) / n;
        assert_abs_diff_eq!(second[[0, 1]], 0.5, epsilon = 5.0 * (2.25 / n).sqrt());
        assert_abs_diff_eq!(second[[0, 0]], 2.0, epsilon = 5.0 * (8.0 / n).sqrt());
    }

    #[test]
    fn irrelevant_contexts_change_nothing_else() {
        let plain = simulator(10).simulate(2).unwrap();
        let more = simulator(10).irrelevant_contexts(2).simulate(2).unwrap();
        assert_eq!(plain.samples.features(), more.samples.features());
        assert_eq!(more.samples.names().contexts, ["c0", "noise0", "noise1"]);
    }

    #[test]
    fn streams_are_pinned() {
        let data = simulator(100).simulate(7).unwrap();
        let again = simulator(100).simulate(7).unwrap();
        assert_eq!(data, again);
        // A longer simulation begins with the rows of the shorter one.
        let longer = simulator(150).simulate(7).unwrap();
        assert_eq!(
            longer.samples.features().slice(ndarray::s![..100, ..]),
            data.samples.features()
        );
    }

    #[test]
    fn bad_fields_are_named() {
        let fails = |simulator: CovarianceSimulator| simulator.simulate(0).unwrap_err();
        assert!(matches!(
            fails(CovarianceSimulator::new(0)),
            Error::NoRows { .. }
        ));
        assert!(matches!(
            fails(CovarianceSimulator::new(2)),
            Error::InvalidParameter {
                parameter: "contexts",
                ..
            }
        ));
        assert!(matches!(
            fails(CovarianceSimulator::new(2).uniform_contexts(1, 0.0, 1.0)),
            Error::InvalidParameter {
                parameter: "covariance",
                ..
            }
        ));
        let indefinite = fails(simulator(2).covariance(|_| array![[1.0, 2.0], [2.0, 1.0]]));
        assert_eq!(
            indefinite.to_string(),
            "the factorisation of the covariance at row 1 failed"
        );
        assert!(matches!(
            fails(simulator(2).means(|_| vec![0.0])),
            Error::ColumnCount {
                argument: "means",
                ..
            }
        ));
    }
}

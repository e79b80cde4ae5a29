//! Weighted sums over contexts, with standard errors.
//!
//! Effects are such sums: an average over rows of which one context is changed, less the average
//! over the rows as they are.

use crate::validate::{check_columns, check_finite, check_query, check_rows, check_table};
use crate::{Coefficients, Error, Monitor, Result, VaryingCoefficients};
use ndarray::{Array2, Array3, Array4, ArrayView2, ArrayView3, Axis, concatenate};

/// Contexts (q × c) and sums over them: a row of weights for each sum (s × q), which may be negative.
///
/// Sums share their contexts, so that a model is asked once for each, and knows how the sums hang
/// together.
#[derive(Debug, Clone, PartialEq)]
pub struct WeightedContexts {
    contexts: Array2<f64>,
    weights: Array2<f64>,
    monitor: Monitor,
}

impl WeightedContexts {
    /// Joins contexts and weights.
    ///
    /// # Errors
    ///
    /// [`Error::NoColumns`]; [`Error::ColumnCount`] for other than one weight for each context;
    /// [`Error::NotFinite`].
    pub fn new(contexts: Array2<f64>, weights: Array2<f64>) -> Result<Self> {
        check_finite("contexts", contexts.view())?;
        check_columns("weights", contexts.nrows(), weights.ncols())?;
        check_finite("weights", weights.view())?;
        Ok(Self {
            contexts: contexts.as_standard_layout().into_owned(),
            weights,
            monitor: Monitor::default(),
        })
    }

    /// Lets somebody watch what is summed over them, and end it.
    pub fn with_monitor(mut self, monitor: Monitor) -> Self {
        self.monitor = monitor;
        self
    }

    /// Who watches what is summed over them.
    pub fn monitor(&self) -> &Monitor {
        &self.monitor
    }

    /// One sum, with the same share of the whole for every row: a mean.
    ///
    /// # Errors
    ///
    /// [`Error::NoRows`], and those of [`WeightedContexts::new`].
    pub fn mean_of(contexts: Array2<f64>) -> Result<Self> {
        let rows = contexts.nrows();
        if rows == 0 {
            return Err(Error::NoRows {
                argument: "contexts",
            });
        }
        Self::new(contexts, Array2::from_elem((1, rows), 1.0 / rows as f64))
    }

    /// Each of these sums less another's sum of the same position: the contexts of both, those of the
    /// other with weights reversed.
    ///
    /// # Errors
    ///
    /// [`Error::ColumnCount`] when the two differ in their number of contexts, [`Error::RowCount`]
    /// in their number of sums.
    pub fn minus(&self, other: &Self) -> Result<Self> {
        check_table("contexts", other.contexts(), Some(self.contexts.ncols()))?;
        check_rows("weights", self.sums(), other.sums())?;
        let join = |source| Error::numerical("joining contexts", source);
        let reversed = -&other.weights;
        Ok(Self {
            contexts: concatenate(Axis(0), &[self.contexts(), other.contexts()]).map_err(join)?,
            weights: concatenate(Axis(1), &[self.weights(), reversed.view()]).map_err(join)?,
            monitor: self.monitor.clone(),
        })
    }

    /// Number of sums.
    pub fn sums(&self) -> usize {
        self.weights.nrows()
    }

    /// The contexts, q × c, in standard layout.
    pub fn contexts(&self) -> ArrayView2<'_, f64> {
        self.contexts.view()
    }

    /// Their weights, s × q.
    pub fn weights(&self) -> ArrayView2<'_, f64> {
        self.weights.view()
    }

    /// The weighted sums of a model's coefficients, one row for each sum.
    ///
    /// # Errors
    ///
    /// Those of [`VaryingCoefficients::coefficients`]; [`Error::Cancelled`].
    pub fn coefficients(
        &self,
        model: &(impl VaryingCoefficients + ?Sized),
    ) -> Result<Coefficients> {
        self.monitor.check()?;
        let all = model.coefficients(self.contexts())?;
        let slopes = weighted(self.weights(), all.slopes())?;
        Coefficients::new(slopes, self.weights.dot(&all.intercepts()))
    }

    /// The weighted sums of a model's linear predictors at these features (q × x), sums × targets.
    ///
    /// # Errors
    ///
    /// Those of [`VaryingCoefficients::coefficients`] and of [`Coefficients::linear_predictor`];
    /// [`Error::Cancelled`].
    pub fn predictor(
        &self,
        model: &(impl VaryingCoefficients + ?Sized),
        features: ArrayView2<'_, f64>,
    ) -> Result<Array2<f64>> {
        self.monitor.check()?;
        let coefficients = model.coefficients(self.contexts())?;
        check_query(
            self.contexts(),
            self.contexts.ncols(),
            features,
            coefficients.features(),
        )?;
        Ok(self.weights.dot(&coefficients.linear_predictor(features)?))
    }
}

/// Weighted sums (s × y × x) of tables (q × y × x).
fn weighted(weights: ArrayView2<'_, f64>, tables: ArrayView3<'_, f64>) -> Result<Array3<f64>> {
    let (rows, targets, features) = tables.dim();
    let shaped = |source| Error::numerical("reshaping coefficients", source);
    let tables = tables.as_standard_layout();
    let flat = tables
        .to_shape((rows, targets * features))
        .map_err(shaped)?;
    weights
        .dot(&flat)
        .into_shape_with_order((weights.nrows(), targets, features))
        .map_err(shaped)
}

/// Weighted sums of coefficients, one row for each sum.
#[derive(Debug, Clone, PartialEq)]
pub struct CoefficientSums {
    /// Estimates.
    pub values: Coefficients,
    /// Standard errors, or posterior standard deviations.
    pub standard_errors: Coefficients,
    /// Lower ends of intervals.
    pub lower: Coefficients,
    /// Upper ends of intervals.
    pub upper: Coefficients,
}

/// Weighted sums of linear predictors, sums × targets.
#[derive(Debug, Clone, PartialEq)]
pub struct PredictorSums {
    /// Estimates.
    pub values: Array2<f64>,
    /// Standard errors, or posterior standard deviations.
    pub standard_errors: Array2<f64>,
    /// Lower ends of intervals.
    pub lower: Array2<f64>,
    /// Upper ends of intervals.
    pub upper: Array2<f64>,
}

/// A model that knows its coefficients at all contexts jointly, and so the standard errors of sums of
/// them: a posterior does, and a bootstrap.
pub trait WithSums: VaryingCoefficients {
    /// Weighted sums of every coefficient, with pointwise intervals of probability `level`.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for a level outside (0, 1), and those of
    /// [`VaryingCoefficients::coefficients`].
    fn coefficient_sums(&self, sums: &WeightedContexts, level: f64) -> Result<CoefficientSums>;

    /// Weighted sums of the linear predictor, every context with features of its own (q × x), with
    /// pointwise intervals of probability `level`.
    ///
    /// # Errors
    ///
    /// Those of [`WithSums::coefficient_sums`]; [`Error::RowCount`] and [`Error::ColumnCount`] for
    /// features that do not fit their contexts or the model.
    fn predictor_sums(
        &self,
        sums: &WeightedContexts,
        features: ArrayView2<'_, f64>,
        level: f64,
    ) -> Result<PredictorSums>;

    /// Covariances of the slopes' weighted sums among each other, for each sum and target: sums × targets ×
    /// features × features. On their diagonals are the squares of [`CoefficientSums::standard_errors`].
    ///
    /// # Errors
    ///
    /// Those of [`WithSums::coefficient_sums`].
    fn slope_covariances(&self, sums: &WeightedContexts) -> Result<Array4<f64>>;
}

impl<M: WithSums + ?Sized> WithSums for Box<M> {
    fn coefficient_sums(&self, sums: &WeightedContexts, level: f64) -> Result<CoefficientSums> {
        (**self).coefficient_sums(sums, level)
    }

    fn predictor_sums(
        &self,
        sums: &WeightedContexts,
        features: ArrayView2<'_, f64>,
        level: f64,
    ) -> Result<PredictorSums> {
        (**self).predictor_sums(sums, features, level)
    }

    fn slope_covariances(&self, sums: &WeightedContexts) -> Result<Array4<f64>> {
        (**self).slope_covariances(sums)
    }
}

impl CoefficientSums {
    /// Joins tables of slopes (sums × y × x) and intercepts (sums × y): of values, standard errors,
    /// lower and upper ends.
    ///
    /// # Errors
    ///
    /// Those of [`Coefficients::new`].
    pub fn new(tables: [(Array3<f64>, Array2<f64>); 4]) -> Result<Self> {
        let [values, standard_errors, lower, upper] =
            tables.map(|(slopes, intercepts)| Coefficients::new(slopes, intercepts));
        Ok(Self {
            values: values?,
            standard_errors: standard_errors?,
            lower: lower?,
            upper: upper?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Family, LocalCoefficients};
    use ndarray::array;

    /// One slope, twice the context, and the context as intercept.
    struct Doubling;

    impl LocalCoefficients for Doubling {
        fn coefficients_at(
            &self,
            contexts: ArrayView2<'_, f64>,
            _: ArrayView2<'_, f64>,
        ) -> Result<Coefficients> {
            self.coefficients(contexts)
        }

        fn family(&self) -> Family {
            Family::Gaussian
        }
    }

    impl VaryingCoefficients for Doubling {
        fn coefficients(&self, contexts: ArrayView2<'_, f64>) -> Result<Coefficients> {
            let slopes = 2.0 * &contexts.to_owned().insert_axis(Axis(2));
            Coefficients::new(slopes, contexts.to_owned())
        }
    }

    #[test]
    fn sums_by_hand() {
        let mean = WeightedContexts::mean_of(array![[1.0], [3.0]]).unwrap();
        let other = WeightedContexts::new(array![[5.0]], array![[2.0]]).unwrap();
        let difference = mean.minus(&other).unwrap();
        assert_eq!(difference.weights(), array![[0.5, 0.5, -2.0]]);
        let found = difference.coefficients(&Doubling).unwrap();
        assert_eq!(found.slopes(), array![[[4.0 - 20.0]]]);
        assert_eq!(found.intercepts(), array![[2.0 - 10.0]]);
        let predictor = difference
            .predictor(&Doubling, array![[0.0], [1.0], [1.0]].view())
            .unwrap();
        // (1 + 0) / 2 + (3 + 6) / 2 − 2 (5 + 10)
        assert_eq!(predictor, array![[5.0 - 30.0]]);
    }

    #[test]
    fn sums_share_contexts() {
        let contexts = array![[1.0], [3.0]];
        let sums = WeightedContexts::new(contexts, array![[1.0, 0.0], [1.0, 1.0], [-1.0, 1.0]]);
        let found = sums.unwrap().coefficients(&Doubling).unwrap();
        assert_eq!(found.slopes(), array![[[2.0]], [[8.0]], [[4.0]]]);
        assert_eq!(found.intercepts(), array![[1.0], [4.0], [2.0]]);
    }

    #[test]
    fn shapes_and_values_are_checked() {
        assert!(matches!(
            WeightedContexts::new(array![[1.0]], array![[1.0, 2.0]]),
            Err(Error::ColumnCount {
                argument: "weights",
                expected: 1,
                found: 2
            })
        ));
        assert!(matches!(
            WeightedContexts::new(array![[1.0]], array![[f64::NAN]]),
            Err(Error::NotFinite { .. })
        ));
        assert!(matches!(
            WeightedContexts::mean_of(Array2::zeros((0, 1))),
            Err(Error::NoRows { .. })
        ));
        let mean = WeightedContexts::mean_of(array![[1.0]]).unwrap();
        assert!(
            mean.predictor(&Doubling, array![[1.0, 2.0]].view())
                .is_err()
        );
        assert!(
            mean.minus(&WeightedContexts::mean_of(array![[1.0, 2.0]]).unwrap())
                .is_err()
        );
        let two = WeightedContexts::new(array![[1.0]], array![[1.0], [2.0]]).unwrap();
        assert!(matches!(mean.minus(&two), Err(Error::RowCount { .. })));
    }
}

//! How much the coefficients of a fitted model vary with each context.

use contextualized_core::{
    ContextVariable, Error, LocalCoefficients, Result, Samples, Standardization,
};
use ndarray::{Array1, Array2, Array3, ArrayView1, ArrayView2, Axis, concatenate, s};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

/// Standard deviations of coefficients over contexts, in the coefficients' units.
///
/// The last coefficient is the intercept at average features.
#[derive(Debug, Clone, PartialEq)]
pub struct Variations {
    /// Over contexts of which one variable alone changes, a number or a factor
    /// ([`contextualized_core::ColumnNames::context_variables`]), the others staying as they are in the data:
    /// the root of Sobol's total effect (targets × coefficients × variables). Zero if and only if the
    /// coefficient does not depend on the context, whatever the shape, at the contexts compared.
    pub by_context: Array3<f64>,
    /// Over all contexts as they are in the data (targets × coefficients).
    pub overall: Array2<f64>,
}

/// How much the coefficients of a model vary with each context, over the rows of the samples.
///
/// Each of at most 300 rows, chosen by chance and the same each time, is compared with itself under the
/// context of another row (Jansen 1999, doi:10.1016/S0010-4655(98)00154-4). A model whose
/// coefficients depend on the features is asked at average features.
///
/// # Errors
///
/// Those of [`LocalCoefficients::coefficients_at`].
pub fn variations(
    model: &(impl LocalCoefficients + ?Sized),
    samples: &Samples,
) -> Result<Variations> {
    Probe::new(samples)?.variations(model)
}

/// The most rows that are compared.
const MOST: usize = 300;

/// Contexts to compare coefficients at.
pub(super) struct Probe {
    /// Rows as they are, then the same with the first context of other rows, the second, and so on.
    contexts: Array2<f64>,
    /// Average features, as often as there are contexts.
    features: Array2<f64>,
    rows: usize,
    variables: usize,
}

impl Probe {
    pub(super) fn new(samples: &Samples) -> Result<Self> {
        let samples = samples.rows_that_count()?;
        let means = Standardization::fit(samples.features(), samples.weights())?;
        let variables = samples.names().context_variables();
        Self::at(samples.contexts(), &variables, means.centers())
    }

    /// The same whatever the order of the contexts' rows, as a permutation test needs.
    fn at(
        contexts: ArrayView2<'_, f64>,
        variables: &[ContextVariable],
        means: ArrayView1<'_, f64>,
    ) -> Result<Self> {
        let mut order: Vec<usize> = (0..contexts.nrows()).collect();
        order.sort_by(|&a, &b| {
            let pairs = contexts.row(a).into_iter().zip(contexts.row(b));
            pairs
                .map(|(a, b)| a.total_cmp(b))
                .find(|order| order.is_ne())
                .unwrap_or(std::cmp::Ordering::Equal)
        });
        order.shuffle(&mut ChaCha8Rng::seed_from_u64(0));
        order.truncate(MOST);
        let base = contexts.select(Axis(0), &order);
        let rows = base.nrows();
        let changed: Vec<Array2<f64>> = variables
            .iter()
            .map(|variable| {
                let mut changed = base.clone();
                for row in 0..rows {
                    for &column in &variable.columns {
                        changed[[row, column]] = base[[(row + 1) % rows, column]];
                    }
                }
                changed
            })
            .collect();
        let mut all = vec![base.view()];
        all.extend(changed.iter().map(|table| table.view()));
        let contexts = concatenate(Axis(0), &all)
            .map_err(|source| Error::numerical("joining contexts", source))?;
        let mut features = Array2::zeros((contexts.nrows(), means.len()));
        features.assign(&means);
        Ok(Self {
            contexts,
            features,
            rows,
            variables: variables.len(),
        })
    }

    pub(super) fn variations(
        &self,
        model: &(impl LocalCoefficients + ?Sized),
    ) -> Result<Variations> {
        let found = model.coefficients_at(self.contexts.view(), self.features.view())?;
        let (targets, slopes) = (found.targets(), found.features());
        let at_average = found.linear_predictor(self.features.view())?;
        let mut by_context = Array3::zeros((targets, slopes + 1, self.variables));
        let mut overall = Array2::zeros((targets, slopes + 1));
        for target in 0..targets {
            for coefficient in 0..=slopes {
                let values = match coefficient {
                    intercept if intercept == slopes => at_average.column(target),
                    slope => found.slopes().slice_move(s![.., target, slope]),
                };
                let base = values.slice(s![..self.rows]);
                overall[[target, coefficient]] = deviation(base);
                for context in 0..self.variables {
                    let start = (1 + context) * self.rows;
                    let differences = &values.slice(s![start..start + self.rows]) - &base;
                    let square = differences.dot(&differences) / (2.0 * self.rows as f64);
                    by_context[[target, coefficient, context]] = square.sqrt();
                }
            }
        }
        Ok(Variations {
            by_context,
            overall,
        })
    }
}

fn deviation(values: ArrayView1<'_, f64>) -> f64 {
    let mean = values.sum() / values.len() as f64;
    let squares: Array1<f64> = values.mapv(|value| (value - mean).powi(2));
    (squares.sum() / values.len() as f64).sqrt()
}

//! Functions of Python as implicit models: coefficients are their derivatives in the features.

use crate::errors::exception;
use crate::interrupt::calling;
use contextualized_bridge::{
    Distillation, DistilledModel, EncoderStudent, KernelShape, TaylorSurrogate, linearity,
    neighbours,
};
use contextualized_core::validate::{check_columns, check_rows};
use contextualized_core::{
    Coefficients, Error, Family, LocalCoefficients, Monitor, Result, Samples, Standardization,
    VaryingCoefficients,
};
use ndarray::{Array2, Array3, ArrayView2, Axis};
use numpy::{IntoPyArray, PyArray2, PyArray3, PyReadonlyArray2, PyReadonlyArray3};
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use serde_json::json;
use std::sync::mpsc::{Sender, channel};

/// A function g(c, x) of Python: called with contexts (n × c), features (n × x) and whether derivatives are wanted, it
/// gives the linear predictors (n × y) and ∂g/∂x (n × y × x) or None.
#[pyclass(module = "contextualized_rs._core", frozen)]
pub(crate) struct Implicit {
    function: Py<PyAny>,
}

/// Linear predictors (n × y), and ∂g/∂x (n × y × x) where it was wanted.
type Values = (Array2<f64>, Option<Array3<f64>>);

/// A call of the function that is wanted, and where its answer goes.
struct Wanted {
    contexts: Array2<f64>,
    features: Array2<f64>,
    derivatives: bool,
    answer: Sender<Values>,
}

/// The function as a model: the thread that holds Python calls it.
struct Asked<'a> {
    ask: &'a (dyn Fn(Wanted) + Sync),
}

/// Numbers by which coefficients at a row are judged: each n × y × (x + 1), then n × y.
type Judged<'py> = (
    [Bound<'py, PyArray3<f64>>; 4],
    [Bound<'py, PyArray2<f64>>; 3],
);

#[pymethods]
impl Implicit {
    #[new]
    fn new(function: Py<PyAny>) -> Self {
        Self { function }
    }

    /// ∂g/∂x at every row, and behind it the intercept g − (∂g/∂x) x.
    fn coefficients<'py>(
        &self,
        py: Python<'py>,
        contexts: PyReadonlyArray2<'_, f64>,
        features: PyReadonlyArray2<'_, f64>,
    ) -> PyResult<Bound<'py, PyArray3<f64>>> {
        let (contexts, features) = (contexts.as_array(), features.as_array());
        let found = self.asked(py, |model, _| model.coefficients_at(contexts, features))?;
        Ok(found.joined().into_pyarray(py))
    }

    /// How well the line at each row stands for g near it: the share of the variance of g over normal draws around the
    /// row that it explains, and the root of its mean squared remainder (n × y). Standard deviations of the draws are
    /// `width` times those of the features.
    fn taylor<'py>(
        &self,
        py: Python<'py>,
        contexts: PyReadonlyArray2<'_, f64>,
        features: PyReadonlyArray2<'_, f64>,
        width: f64,
        draws: usize,
        seed: u64,
    ) -> PyResult<[Bound<'py, PyArray2<f64>>; 2]> {
        let (contexts, features) = (contexts.as_array(), features.as_array());
        let found = self.asked(py, |model, _| {
            let scales = Standardization::fit(features, None)?;
            let mut shares = Vec::new();
            let mut remainders = Vec::new();
            for (context, own) in contexts.outer_iter().zip(features.outer_iter()) {
                let near = neighbours(own, scales.scales(), width, draws, seed)?;
                let taylor = TaylorSurrogate::at(model, context, own)?;
                shares.push(taylor.local_r_squared(model, near.view())?);
                let squares = taylor
                    .remainders(model, near.view())?
                    .mapv(|left| left * left);
                let means = squares.mean_axis(Axis(0));
                remainders.push(means.map(|means| means.mapv(f64::sqrt)));
            }
            let targets = shares.first().map_or(0, Vec::len);
            let shape = (shares.len(), targets);
            Ok([
                Array2::from_shape_fn(shape, |(row, y)| shares[row][y].unwrap_or(f64::NAN)),
                Array2::from_shape_fn(shape, |(row, y)| {
                    remainders[row].as_ref().map_or(f64::NAN, |own| own[y])
                }),
            ])
        })?;
        Ok(found.map(|table| table.into_pyarray(py)))
    }

    /// How linear in the features g is at every row, over reference features: coefficients at the row, at features of
    /// zero, averaged and by least squares; how far they disagree, the spread of g, and the share of it that is linear.
    fn linearity<'py>(
        &self,
        py: Python<'py>,
        contexts: PyReadonlyArray2<'_, f64>,
        features: PyReadonlyArray2<'_, f64>,
        reference: PyReadonlyArray2<'_, f64>,
    ) -> PyResult<Judged<'py>> {
        let (contexts, features) = (contexts.as_array(), features.as_array());
        let reference = reference.as_array();
        let found = self.asked(py, |model, _| {
            // Threads of the function's own, which it may need, must not be those that wait for it.
            let alone = rayon::ThreadPoolBuilder::new().num_threads(1).build();
            let alone = alone.map_err(|error| Error::numerical("starting a thread", error))?;
            alone.install(|| linearity(model, contexts, features, reference, None))
        })?;
        let shares = found.r_squared.mapv(|share| share.unwrap_or(f64::NAN));
        let estimators = [
            &found.at_features,
            &found.at_zero,
            &found.averaged,
            &found.least_squares,
        ];
        Ok((
            estimators.map(|own| own.joined().into_pyarray(py)),
            [found.disagreement, found.spread, shares].map(|table| table.into_pyarray(py)),
        ))
    }

    /// Coefficients as a function of the context alone, by a Gaussian process (`"gp"`) or by an encoder (`"encoder"`).
    fn distil(
        &self,
        py: Python<'_>,
        contexts: PyReadonlyArray2<'_, f64>,
        features: PyReadonlyArray2<'_, f64>,
        student: &str,
        seed: u64,
    ) -> PyResult<Distilled> {
        let distillation = match student {
            "gp" => Distillation::Kernel(KernelShape::SquaredExponential),
            "encoder" => Distillation::Encoder(EncoderStudent::new().seed(seed)),
            other => {
                return Err(PyValueError::new_err(format!(
                    "student is {other:?}, but must be \"gp\" or \"encoder\""
                )));
            }
        };
        let (contexts, features) = (contexts.as_array(), features.as_array());
        // A function has no outcomes, and none have a part in it.
        let none = Array2::zeros((contexts.nrows(), 1));
        let model = self.asked(py, |model, monitor| {
            let samples = Samples::new(contexts, features, none.view())?;
            distillation.distil(model, &samples.with_monitor(monitor))
        })?;
        Ok(Distilled { model })
    }
}

impl Implicit {
    /// What work finds that asks for the function's values, and that Ctrl-C ends.
    fn asked<T: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&Asked<'_>, Monitor) -> Result<T> + Send,
    ) -> PyResult<T> {
        let call = |py: Python<'_>, wanted| self.call(py, wanted);
        calling(py, call, |monitor, ask| work(&Asked { ask }, monitor))
    }

    fn call(&self, py: Python<'_>, wanted: Wanted) -> PyResult<()> {
        let Wanted {
            contexts,
            features,
            derivatives,
            answer,
        } = wanted;
        let arguments = (
            contexts.into_pyarray(py),
            features.into_pyarray(py),
            derivatives,
        );
        let found = self.function.call1(py, arguments)?;
        let (values, slopes): (PyReadonlyArray2<'_, f64>, Option<PyReadonlyArray3<'_, f64>>) =
            found.extract(py)?;
        let slopes = slopes.map(|slopes| slopes.as_array().to_owned());
        // Nobody waits for what others already ended.
        let _ = answer.send((values.as_array().to_owned(), slopes));
        Ok(())
    }
}

impl Asked<'_> {
    /// Linear predictors, and derivatives if they are wanted.
    fn values(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
        derivatives: bool,
    ) -> Result<Values> {
        let (answer, answered) = channel();
        (self.ask)(Wanted {
            contexts: contexts.to_owned(),
            features: features.to_owned(),
            derivatives,
            answer,
        });
        // There is no answer where the function raised something, which is told in its place.
        answered.recv().map_err(|_| Error::Cancelled)
    }
}

impl LocalCoefficients for Asked<'_> {
    fn coefficients_at(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
    ) -> Result<Coefficients> {
        check_rows("features", contexts.nrows(), features.nrows())?;
        let (mut intercepts, slopes) = self.values(contexts, features, true)?;
        let slopes = slopes.ok_or_else(|| failed("it gave no derivatives"))?;
        check_rows(
            "values of the function",
            features.nrows(),
            intercepts.nrows(),
        )?;
        check_rows("derivatives", features.nrows(), slopes.dim().0)?;
        check_columns("derivatives", features.ncols(), slopes.dim().2)?;
        for (row, mut own) in intercepts.outer_iter_mut().enumerate() {
            own -= &slopes.index_axis(Axis(0), row).dot(&features.row(row));
        }
        Coefficients::new(slopes, intercepts)
    }

    fn linear_predictor(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
    ) -> Result<Array2<f64>> {
        let (values, _) = self.values(contexts, features, false)?;
        check_rows("values of the function", features.nrows(), values.nrows())?;
        Ok(values)
    }

    /// Values are on the scale of the link, whatever that is.
    fn family(&self) -> Family {
        Family::Gaussian
    }
}

/// What is said of a call that failed, to those who do not see what was raised.
fn failed(why: impl Into<String>) -> Error {
    Error::numerical("calling the function", std::io::Error::other(why.into()))
}

/// Coefficients as a function of the context alone, distilled from an implicit model.
#[pyclass(module = "contextualized_rs._core", frozen)]
pub(crate) struct Distilled {
    model: DistilledModel,
}

#[pymethods]
impl Distilled {
    /// Coefficients at contexts (n × y × (x + 1), the intercept last).
    fn coefficients<'py>(
        &self,
        py: Python<'py>,
        contexts: PyReadonlyArray2<'_, f64>,
    ) -> PyResult<Bound<'py, PyArray3<f64>>> {
        let contexts = contexts.as_array();
        let found = py.detach(|| self.model.coefficients(contexts));
        Ok(found.map_err(exception)?.joined().into_pyarray(py))
    }

    /// How well it stands for the function at the rows it was distilled at, as JSON: the share of the variance of each
    /// target that is explained, and mean squared differences of slopes.
    fn fidelity(&self) -> String {
        let fidelity = self.model.fidelity();
        let errors: Vec<Vec<f64>> = fidelity
            .slope_errors
            .outer_iter()
            .map(|row| row.to_vec())
            .collect();
        json!({"r_squared": fidelity.r_squared, "slope_errors": errors}).to_string()
    }

    /// The bytes of a pickle.
    fn to_bytes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let bytes = serde_json::to_vec(&self.model)
            .map_err(|error| PyRuntimeError::new_err(error.to_string()))?;
        Ok(PyBytes::new(py, &bytes))
    }

    /// The model in the bytes of a pickle.
    #[staticmethod]
    fn from_bytes(bytes: &[u8]) -> PyResult<Self> {
        let model = serde_json::from_slice(bytes)
            .map_err(|error| PyValueError::new_err(format!("the pickle is damaged: {error}")))?;
        Ok(Self { model })
    }
}

//! Functions of Python as implicit models: coefficients are their derivatives in the features.

use crate::errors::exception;
use contextualized_bridge::{
    Distillation, DistilledModel, EncoderStudent, KernelShape, TaylorSurrogate, linearity,
    neighbours,
};
use contextualized_core::validate::{check_columns, check_rows};
use contextualized_core::{
    Coefficients, Error, Family, LocalCoefficients, Result, Standardization, VaryingCoefficients,
};
use ndarray::{Array2, Array3, ArrayView2, Axis};
use numpy::{IntoPyArray, PyArray2, PyArray3, PyReadonlyArray2, PyReadonlyArray3};
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use serde_json::json;
use std::sync::Mutex;

/// A function g(c, x) of Python: called with contexts (n × c), features (n × x) and whether derivatives are wanted, it
/// gives the linear predictors (n × y) and ∂g/∂x (n × y × x) or None.
#[pyclass(module = "contextualized_rs._core", frozen)]
pub(crate) struct Implicit {
    function: Py<PyAny>,
    /// What the function raised.
    raised: Mutex<Option<PyErr>>,
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
        Self {
            function,
            raised: Mutex::new(None),
        }
    }

    /// ∂g/∂x at every row, and behind it the intercept g − (∂g/∂x) x.
    fn coefficients<'py>(
        &self,
        py: Python<'py>,
        contexts: PyReadonlyArray2<'_, f64>,
        features: PyReadonlyArray2<'_, f64>,
    ) -> PyResult<Bound<'py, PyArray3<f64>>> {
        let (contexts, features) = (contexts.as_array(), features.as_array());
        let found = py.detach(|| self.coefficients_at(contexts, features));
        Ok(self.answer(found)?.joined().into_pyarray(py))
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
        let found = py.detach(|| {
            let scales = Standardization::fit(features, None)?;
            let mut shares = Vec::new();
            let mut remainders = Vec::new();
            for (context, own) in contexts.outer_iter().zip(features.outer_iter()) {
                let near = neighbours(own, scales.scales(), width, draws, seed)?;
                let taylor = TaylorSurrogate::at(self, context, own)?;
                shares.push(taylor.local_r_squared(self, near.view())?);
                let squares = taylor
                    .remainders(self, near.view())?
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
        });
        Ok(self.answer(found)?.map(|table| table.into_pyarray(py)))
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
        let found = py.detach(|| linearity(self, contexts, features, reference, None));
        let found = self.answer(found)?;
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
        let found = py.detach(|| distillation.distil(self, contexts, features));
        Ok(Distilled {
            model: self.answer(found)?,
        })
    }
}

impl Implicit {
    /// What was found; where the function raised something, that.
    fn answer<T>(&self, found: Result<T>) -> PyResult<T> {
        let raised = self.raised.lock().ok().and_then(|mut own| own.take());
        match (found, raised) {
            (Err(_), Some(raised)) => Err(raised),
            (found, _) => found.map_err(exception),
        }
    }

    /// Linear predictors, and derivatives if they are wanted.
    fn call(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
        derivatives: bool,
    ) -> Result<(Array2<f64>, Option<Array3<f64>>)> {
        let found = Python::attach(|py| {
            let arguments = (
                contexts.to_owned().into_pyarray(py),
                features.to_owned().into_pyarray(py),
                derivatives,
            );
            let found = self.function.call1(py, arguments)?;
            let (values, slopes): (PyReadonlyArray2<'_, f64>, Option<PyReadonlyArray3<'_, f64>>) =
                found.extract(py)?;
            let slopes = slopes.map(|slopes| slopes.as_array().to_owned());
            Ok::<_, PyErr>((values.as_array().to_owned(), slopes))
        });
        found.map_err(|raised| {
            let error = failed(raised.to_string());
            if let Ok(mut kept) = self.raised.lock() {
                kept.get_or_insert(raised);
            }
            error
        })
    }
}

impl LocalCoefficients for Implicit {
    fn coefficients_at(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
    ) -> Result<Coefficients> {
        check_rows("features", contexts.nrows(), features.nrows())?;
        let (mut intercepts, slopes) = self.call(contexts, features, true)?;
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
        let (values, _) = self.call(contexts, features, false)?;
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

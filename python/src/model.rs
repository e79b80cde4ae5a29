//! Fitted models: what a model file contains, and the numbers it gives for rows.

use crate::arguments::{interval_of, unknown_levels};
use crate::errors::exception;
use crate::facts;
use crate::interrupt::interruptible;
use crate::naming::in_python;
use crate::table::Given;
use contextualized_core::validate::check_rows;
use contextualized_core::{Error, Monitor, NetworkDensity, NodeDistribution, VaryingNetworks};
use contextualized_frame::curves::{map, typical_contexts};
use contextualized_frame::edges::edge_matrices;
use contextualized_frame::prediction::{Asked, Estimates, Predicted, Rows};
use contextualized_frame::saved::{Fitted, Networks, Regression, Saved};
use ndarray::{Array2, Array3, Array4, ArrayView2, Axis, s};
use numpy::{IntoPyArray, PyArray2, PyArray3, PyArray4, PyReadonlyArray1, PyReadonlyArray2};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use std::ops::Range;

/// A fitted model.
#[pyclass(module = "contextualized_rs._core", frozen)]
pub(crate) struct Model {
    saved: Saved,
}

impl From<Saved> for Model {
    fn from(saved: Saved) -> Self {
        Self { saved }
    }
}

/// Coefficients (n × targets × (features + 1), the intercept last), ends of their intervals, standard errors.
type Coefficients<'py> = (
    Bound<'py, PyArray3<f64>>,
    Option<[Bound<'py, PyArray3<f64>>; 2]>,
    Option<Bound<'py, PyArray3<f64>>>,
);

/// Means (n × targets), and lower and upper ends of intervals.
type Outcomes<'py> = (
    Bound<'py, PyArray2<f64>>,
    Option<[Bound<'py, PyArray2<f64>>; 2]>,
);

impl Model {
    fn regression(&self) -> PyResult<&Regression> {
        match &self.saved.fitted {
            Fitted::Regression(regression) => Ok(regression),
            Fitted::Networks(_) => Err(PyValueError::new_err(
                "the model is of networks, which have no coefficients; ask for networks()",
            )),
        }
    }

    fn of_networks(&self) -> PyResult<&Networks> {
        match &self.saved.fitted {
            Fitted::Networks(networks) => Ok(networks),
            Fitted::Regression(_) => Err(PyValueError::new_err(
                "the model is a regression, which has no networks; ask for coefficients()",
            )),
        }
    }

    /// Coefficients with what is asked for besides, which is refused where there is none.
    fn asked_of_coefficients(&self, level: Option<f64>, errors: bool) -> PyResult<Asked> {
        let regression = self.regression()?;
        if level.is_some() || errors {
            regression.required_uncertainty().map_err(exception)?;
        }
        Ok(Asked {
            level,
            standard_errors: errors,
            ..Asked::COEFFICIENTS
        })
    }
}

fn coefficients(py: Python<'_>, found: Predicted) -> PyResult<Coefficients<'_>> {
    let Estimates {
        values,
        interval,
        standard_errors,
    } = found.coefficients.ok_or_else(nothing)?;
    Ok((
        values.into_pyarray(py),
        interval.map(|ends| ends.map(|end| end.into_pyarray(py))),
        standard_errors.map(|errors| errors.into_pyarray(py)),
    ))
}

fn outcomes(py: Python<'_>, found: Predicted) -> PyResult<Outcomes<'_>> {
    let of_one = |table: Array3<f64>| table.index_axis_move(Axis(2), 0).into_pyarray(py);
    let found = found.outcomes.ok_or_else(nothing)?;
    Ok((
        of_one(found.values),
        found.interval.map(|ends| ends.map(of_one)),
    ))
}

/// Draws of all coefficients at contexts (draws × n × targets × (features + 1)).
fn drawn(
    regression: &Regression,
    contexts: ArrayView2<'_, f64>,
    draws: usize,
    seed: u64,
    monitor: &Monitor,
) -> contextualized_frame::Result<Array4<f64>> {
    let model = regression.required_draws()?;
    let found = model.coefficient_draws(contexts, draws, seed, Some(monitor))?;
    let (targets, columns) = found
        .first()
        .map_or((0, 0), |own| (own.targets(), own.features() + 1));
    let mut all = Array4::zeros((found.len(), contexts.nrows(), targets, columns));
    for (mut own, draw) in all.outer_iter_mut().zip(&found) {
        own.assign(&draw.joined());
    }
    Ok(all)
}

/// Rows whose networks are found before anyone can end it.
fn blocks(rows: usize) -> impl Iterator<Item = Range<usize>> {
    const BLOCK: usize = 256;
    (0..rows)
        .step_by(BLOCK)
        .map(move |start| start..rows.min(start + BLOCK))
}

fn nothing() -> PyErr {
    PyValueError::new_err("nothing was asked for")
}

fn said(remarks: &[String]) -> Vec<String> {
    remarks.iter().map(|remark| in_python(remark)).collect()
}

#[pymethods]
impl Model {
    /// The model in the bytes of a model file.
    #[staticmethod]
    fn from_bytes(py: Python<'_>, bytes: &[u8], name: &str) -> PyResult<Self> {
        let mut bytes = bytes.to_vec();
        let saved = py.detach(|| Saved::from_bytes(&mut bytes, name));
        Ok(saved.map_err(exception)?.into())
    }

    /// The bytes of a model file.
    fn to_bytes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let bytes = py.detach(|| self.saved.to_bytes());
        Ok(PyBytes::new(py, &bytes.map_err(exception)?))
    }

    /// Coefficients at contexts, with ends of their intervals and standard errors if these are asked for.
    #[pyo3(signature = (contexts, level=None, errors=false))]
    fn coefficients<'py>(
        &self,
        py: Python<'py>,
        contexts: PyReadonlyArray2<'_, f64>,
        level: Option<f64>,
        errors: bool,
    ) -> PyResult<Coefficients<'py>> {
        let asked = self.asked_of_coefficients(level, errors)?;
        let regression = self.regression()?;
        let contexts = contexts.as_array();
        let found = interruptible(py, None, |monitor| {
            let rows = Rows {
                contexts: contexts.view(),
                features: contexts.slice(s![.., ..0]),
                offsets: None,
                random: &[],
                monitor: Some(&monitor),
            };
            regression.predict(&asked, rows)
        })?;
        coefficients(py, found)
    }

    /// The same at the rows of a data frame or a file, NaN where one is incomplete, and remarks on them.
    #[pyo3(signature = (data, level=None, errors=false, unknown="error"))]
    fn coefficients_of<'py>(
        &self,
        py: Python<'py>,
        data: &Bound<'_, PyAny>,
        level: Option<f64>,
        errors: bool,
        unknown: &str,
    ) -> PyResult<(Coefficients<'py>, Vec<String>)> {
        let asked = self.asked_of_coefficients(level, errors)?;
        let (found, remarks) = self.of_table(py, &asked, data, unknown)?;
        Ok((coefficients(py, found)?, remarks))
    }

    /// Expected outcomes, and intervals of them (`"mean"`) or of new outcomes (`"outcome"`).
    #[pyo3(signature = (contexts, features, offsets=None, interval=None, level=0.95))]
    fn predict<'py>(
        &self,
        py: Python<'py>,
        contexts: PyReadonlyArray2<'_, f64>,
        features: PyReadonlyArray2<'_, f64>,
        offsets: Option<PyReadonlyArray1<'_, f64>>,
        interval: Option<&str>,
        level: f64,
    ) -> PyResult<Outcomes<'py>> {
        let regression = self.regression()?;
        let asked = interval_of(interval, level)?;
        let (contexts, features) = (contexts.as_array(), features.as_array());
        let offsets = offsets.as_ref().map(|offsets| offsets.as_array());
        let found = interruptible(py, None, |monitor| {
            let rows = Rows {
                contexts: contexts.view(),
                features: features.view(),
                offsets: offsets.as_ref().map(|offsets| offsets.view()),
                random: &[],
                monitor: Some(&monitor),
            };
            regression.predict(&asked, rows)
        })?;
        outcomes(py, found)
    }

    /// The same of the rows of a data frame or a file, NaN where one is incomplete, and remarks on them.
    #[pyo3(signature = (data, interval=None, level=0.95, unknown="error"))]
    fn predict_of<'py>(
        &self,
        py: Python<'py>,
        data: &Bound<'_, PyAny>,
        interval: Option<&str>,
        level: f64,
        unknown: &str,
    ) -> PyResult<(Outcomes<'py>, Vec<String>)> {
        self.regression()?;
        let asked = interval_of(interval, level)?;
        let (found, remarks) = self.of_table(py, &asked, data, unknown)?;
        Ok((outcomes(py, found)?, remarks))
    }

    /// Probabilities of no event until these times at the rows of a data frame or a file (n × times), NaN where one is
    /// incomplete, with ends of intervals if a level is given, and remarks on the rows.
    #[pyo3(signature = (data, times, level=None, unknown="error"))]
    fn survival_of<'py>(
        &self,
        py: Python<'py>,
        data: &Bound<'_, PyAny>,
        times: Vec<f64>,
        level: Option<f64>,
        unknown: &str,
    ) -> PyResult<(Outcomes<'py>, Vec<String>)> {
        self.regression()?;
        let (given, unknown) = (Given::new(data)?, unknown_levels(unknown)?);
        let (found, remarks) = interruptible(py, None, |monitor| {
            let table = given.open(&self.saved.reading, monitor)?;
            self.saved.survival_of_table(&times, level, &table, unknown)
        })?;
        let of_times = |table: Array3<f64>| table.index_axis_move(Axis(1), 0).into_pyarray(py);
        let ends = found.interval.map(|ends| ends.map(of_times));
        Ok(((of_times(found.values), ends), said(&remarks)))
    }

    /// The same model of survival times, with coefficients and hazards at another time.
    fn at(&self, time: f64) -> PyResult<Self> {
        let design = self.saved.design.with_reference_time(time);
        Ok(Self {
            saved: Saved {
                design: design.map_err(exception)?,
                ..self.saved.clone()
            },
        })
    }

    /// Draws of all coefficients at contexts (draws × n × targets × (features + 1)), the intercept last.
    fn draws<'py>(
        &self,
        py: Python<'py>,
        contexts: PyReadonlyArray2<'_, f64>,
        draws: usize,
        seed: u64,
    ) -> PyResult<Bound<'py, PyArray4<f64>>> {
        let regression = self.regression()?;
        let contexts = contexts.as_array();
        let found = interruptible(py, None, |monitor| {
            drawn(regression, contexts, draws, seed, &monitor)
        })?;
        Ok(found.into_pyarray(py))
    }

    /// The same at the rows of a data frame or a file, NaN where one is incomplete, and remarks on them.
    fn draws_of<'py>(
        &self,
        py: Python<'py>,
        data: &Bound<'_, PyAny>,
        draws: usize,
        seed: u64,
    ) -> PyResult<(Bound<'py, PyArray4<f64>>, Vec<String>)> {
        let regression = self.regression()?;
        let given = Given::new(data)?;
        let (all, remarks) = interruptible(py, None, |monitor| {
            let table = given.open(&self.saved.reading, monitor.clone())?;
            let at = self.saved.contexts_of_table(&table)?;
            let known = drawn(regression, at.contexts.view(), draws, seed, &monitor)?;
            let (_, _, targets, columns) = known.dim();
            let mut all = Array4::from_elem((draws, at.rows, targets, columns), f64::NAN);
            for (from, &to) in at.complete.iter().enumerate() {
                let own = known.index_axis(Axis(1), from);
                all.index_axis_mut(Axis(1), to).assign(&own);
            }
            Ok::<_, contextualized_frame::Error>((all, at.remarks))
        })?;
        Ok((all.into_pyarray(py), said(&remarks)))
    }

    /// Edges of the networks at contexts (n × nodes × nodes): correlations, partial correlations or weights.
    fn networks<'py>(
        &self,
        py: Python<'py>,
        contexts: PyReadonlyArray2<'_, f64>,
    ) -> PyResult<Bound<'py, PyArray3<f64>>> {
        let model = &self.of_networks()?.model;
        let contexts = contexts.as_array();
        let found = interruptible(py, None, |monitor| {
            let nodes = self.saved.design.features.len();
            let mut all = Array3::zeros((contexts.nrows(), nodes, nodes));
            for rows in blocks(contexts.nrows()) {
                monitor.check()?;
                let own = contexts.slice(s![rows.clone(), ..]);
                all.slice_mut(s![rows, .., ..])
                    .assign(&edge_matrices(model, own)?);
            }
            Ok::<_, contextualized_frame::Error>(all)
        })?;
        Ok(found.into_pyarray(py))
    }

    /// The same of the rows of a data frame or a file, NaN where one is incomplete, and remarks on them.
    #[pyo3(signature = (data, unknown="error"))]
    fn networks_of<'py>(
        &self,
        py: Python<'py>,
        data: &Bound<'_, PyAny>,
        unknown: &str,
    ) -> PyResult<(Bound<'py, PyArray3<f64>>, Vec<String>)> {
        self.of_networks()?;
        let (given, unknown) = (Given::new(data)?, unknown_levels(unknown)?);
        let (networks, remarks) = interruptible(py, None, |monitor| {
            let table = given.open(&self.saved.reading, monitor)?;
            self.saved.networks_of_table(&table, unknown)
        })?;
        Ok((networks.into_pyarray(py), said(&remarks)))
    }

    /// Precision matrices of the nodes at contexts (n × nodes × nodes), in the inverse of the nodes' units.
    fn precisions<'py>(
        &self,
        py: Python<'py>,
        contexts: PyReadonlyArray2<'_, f64>,
    ) -> PyResult<Bound<'py, PyArray3<f64>>> {
        let model = &self.of_networks()?.model;
        let contexts = contexts.as_array();
        if model.kind().is_directed() {
            return Err(PyValueError::new_err(
                "a directed network has no precision matrix; ask for networks()",
            ));
        }
        let found = interruptible(py, None, |monitor| {
            let nodes = self.saved.design.features.len();
            let mut all = Array3::zeros((contexts.nrows(), nodes, nodes));
            for rows in blocks(contexts.nrows()) {
                monitor.check()?;
                let own = model.distributions(contexts.slice(s![rows.clone(), ..]))?;
                for (mut to, distribution) in
                    all.slice_mut(s![rows, .., ..]).outer_iter_mut().zip(&own)
                {
                    match distribution {
                        NodeDistribution::Normal(normal) => to.assign(&normal.precision()),
                        // Of directed networks, which are refused above.
                        NodeDistribution::Structural(_) => (),
                    }
                }
            }
            Ok::<_, Error>(all)
        })?;
        Ok(found.into_pyarray(py))
    }

    /// The mean of each node given the others (given its parents, of a directed network) at contexts (n × nodes).
    fn reconstruct<'py>(
        &self,
        py: Python<'py>,
        contexts: PyReadonlyArray2<'_, f64>,
        nodes: PyReadonlyArray2<'_, f64>,
    ) -> PyResult<Bound<'py, PyArray2<f64>>> {
        let model = &self.of_networks()?.model;
        let (contexts, nodes) = (contexts.as_array(), nodes.as_array());
        let found = interruptible(py, None, |monitor| {
            check_rows("nodes", contexts.nrows(), nodes.nrows())?;
            let mut all = Array2::zeros(nodes.dim());
            for rows in blocks(contexts.nrows()) {
                monitor.check()?;
                let of_rows = contexts.slice(s![rows.clone(), ..]);
                let found = model.reconstruct(of_rows, nodes.slice(s![rows.clone(), ..]))?;
                all.slice_mut(s![rows, ..]).assign(&found);
            }
            Ok::<_, Error>(all)
        })?;
        Ok(found.into_pyarray(py))
    }

    /// Coefficients over two contexts (pairs × targets × (features + 1), the intercept at average features last), the
    /// other contexts typical, and the values of both as JSON.
    fn map<'py>(
        &self,
        py: Python<'py>,
        first: &str,
        second: &str,
        points: usize,
    ) -> PyResult<(Bound<'py, PyArray3<f64>>, String)> {
        let found = py.detach(|| {
            let training = self.saved.training.samples(&self.saved.design)?;
            map(&self.saved, &training, [first, second], points)
        });
        let found = found.map_err(exception)?;
        let values = facts::points(&[&found.first, &found.second]);
        Ok((found.values.into_pyarray(py), values))
    }

    /// Contexts that are typical but for one of them, and these in words.
    #[pyo3(signature = (context=None, most=3))]
    fn typical<'py>(
        &self,
        py: Python<'py>,
        context: Option<&str>,
        most: usize,
    ) -> PyResult<(Vec<String>, Bound<'py, PyArray2<f64>>)> {
        let found: contextualized_frame::Result<(Vec<String>, Array2<f64>)> = py.detach(|| {
            let training = self.saved.training.samples(&self.saved.design)?;
            typical_contexts(&self.saved, &training, context, most)
        });
        let (words, contexts) = found.map_err(exception)?;
        Ok((words, contexts.into_pyarray(py)))
    }

    /// What is known without computing, as JSON.
    fn facts(&self) -> String {
        facts::facts(&self.saved)
    }

    /// Average coefficients with their evidence, how well the model fits, and all of it in words, as JSON.
    fn summary(
        &self,
        py: Python<'_>,
        level: f64,
        exponentiate: bool,
        marginal: bool,
    ) -> PyResult<String> {
        let regression = self.regression()?;
        interruptible(py, None, |monitor| {
            let shown = [exponentiate, marginal];
            facts::summary(&self.saved, regression, level, shown, monitor)
        })
    }

    /// Which coefficient, or which edge, varies with which context, in words and tables, as JSON.
    fn effects(&self, py: Python<'_>) -> PyResult<String> {
        interruptible(py, None, |monitor| facts::effects(&self.saved, monitor))
    }

    /// Tests of which coefficients vary with which contexts, as JSON.
    fn test_variation(&self) -> PyResult<String> {
        facts::variation(self.regression()?)
    }

    /// Coefficients, or edges, against each context, as JSON.
    fn curves(&self, py: Python<'_>, level: f64) -> PyResult<String> {
        interruptible(py, None, |monitor| {
            facts::curves(&self.saved, level, monitor)
        })
    }
}

impl Model {
    fn of_table(
        &self,
        py: Python<'_>,
        asked: &Asked,
        data: &Bound<'_, PyAny>,
        unknown: &str,
    ) -> PyResult<(Predicted, Vec<String>)> {
        let (given, unknown) = (Given::new(data)?, unknown_levels(unknown)?);
        let (found, remarks) = interruptible(py, None, |monitor| {
            let table = given.open(&self.saved.reading, monitor)?;
            self.saved.predict_table(asked, &table, unknown)
        })?;
        Ok((found, said(&remarks)))
    }
}

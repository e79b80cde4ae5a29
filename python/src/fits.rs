//! Fits to arrays, data frames and files.

use crate::arguments::Arguments;
use crate::errors::exception;
use crate::interrupt::interruptible;
use crate::model::Model;
use crate::table::{Given, IN_MEMORY};
use contextualized_core::{Family, Monitor};
use contextualized_frame::design::{Arrays, OutcomeKind, Request, Training, read_training};
use contextualized_frame::fitting::{NetworksFit, Origin};
use contextualized_frame::formula;
use contextualized_frame::saved::Saved;
use ndarray::Array2;
use numpy::{PyReadonlyArray1, PyReadonlyArray2};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// Fits a regression to arrays.
#[pyfunction]
#[expect(
    clippy::too_many_arguments,
    reason = "they are called by name, from one place"
)]
#[pyo3(signature = (contexts, features, targets, names, arguments, classes=None, weights=None, groups=None, progress=None))]
pub(crate) fn fit_arrays(
    py: Python<'_>,
    contexts: PyReadonlyArray2<'_, f64>,
    features: PyReadonlyArray2<'_, f64>,
    targets: PyReadonlyArray2<'_, f64>,
    names: (Vec<String>, Vec<String>, Vec<String>),
    arguments: &str,
    classes: Option<Vec<String>>,
    weights: Option<PyReadonlyArray1<'_, f64>>,
    groups: Option<PyReadonlyArray1<'_, u64>>,
    progress: Option<Py<PyAny>>,
) -> PyResult<Model> {
    let arguments = Arguments::parse(arguments)?;
    let fit = arguments.regression()?;
    let family = match arguments.family()? {
        Some(OutcomeKind::Family(family)) => family,
        Some(OutcomeKind::Survival) => {
            return Err(PyValueError::new_err(
                "family is \"survival\", and survival times are given by formulas: fit(\"Surv(time, event) ~ x | c\", data)",
            ));
        }
        None => Family::default(),
    };
    let groups = groups.map(|groups| groups.as_array().to_vec());
    let arrays = Arrays {
        contexts: contexts.as_array(),
        features: features.as_array(),
        targets: targets.as_array(),
        context_names: &names.0,
        feature_names: &names.1,
        target_names: &names.2,
        classes,
        family,
        intercept: arguments.flag("fit_intercept", true)?,
        weights: weights.as_ref().map(|weights| weights.as_array()),
        groups: groups.as_deref(),
    };
    fit_to(py, &arrays, progress.as_ref(), |training, origin| {
        fit.fit(training, origin)
    })
}

/// Fits networks to arrays.
#[pyfunction]
#[expect(
    clippy::too_many_arguments,
    reason = "they are called by name, from one place"
)]
#[pyo3(signature = (contexts, nodes, names, arguments, weights=None, groups=None, progress=None))]
pub(crate) fn fit_networks(
    py: Python<'_>,
    contexts: PyReadonlyArray2<'_, f64>,
    nodes: PyReadonlyArray2<'_, f64>,
    names: (Vec<String>, Vec<String>),
    arguments: &str,
    weights: Option<PyReadonlyArray1<'_, f64>>,
    groups: Option<PyReadonlyArray1<'_, u64>>,
    progress: Option<Py<PyAny>>,
) -> PyResult<Model> {
    let arguments = Arguments::parse(arguments)?;
    let fit = arguments.networks()?;
    let groups = groups.map(|groups| groups.as_array().to_vec());
    let none = Array2::zeros((nodes.as_array().nrows(), 0));
    let arrays = Arrays {
        contexts: contexts.as_array(),
        features: nodes.as_array(),
        targets: none.view(),
        context_names: &names.0,
        feature_names: &names.1,
        target_names: &[],
        classes: None,
        family: Family::default(),
        intercept: true,
        weights: weights.as_ref().map(|weights| weights.as_array()),
        groups: groups.as_deref(),
    };
    fit_to(py, &arrays, progress.as_ref(), |training, origin| {
        fit.fit(training, origin)
    })
}

/// Fits whatever it is to arrays, until Ctrl-C ends it.
fn fit_to(
    py: Python<'_>,
    arrays: &Arrays<'_>,
    progress: Option<&Py<PyAny>>,
    fit: impl FnOnce(Training, &Origin<'_>) -> contextualized_frame::Result<Saved> + Send,
) -> PyResult<Model> {
    let origin = Origin {
        file: IN_MEMORY,
        weights: arrays.weights.map(|_| "sample_weight"),
        groups: arrays.groups.map(|_| "groups"),
    };
    let saved = interruptible(py, progress, |monitor| {
        let mut training = arrays.training()?;
        training.samples = training.samples.with_monitor(monitor);
        fit(training, &origin)
    })?;
    Ok(saved.into())
}

/// Fits a formula to a data frame or a file: a regression, or networks where it has no target.
#[pyfunction]
#[pyo3(signature = (formula, data, arguments, progress=None))]
pub(crate) fn fit_formula(
    py: Python<'_>,
    formula: &str,
    data: &Bound<'_, PyAny>,
    arguments: &str,
    progress: Option<Py<PyAny>>,
) -> PyResult<Model> {
    let arguments = Arguments::parse(arguments)?;
    let formula = formula::parse(formula).map_err(exception)?;
    let table = Given::new(data)?;
    let reading = arguments.reading()?;
    let origin = Origin {
        file: table.origin(),
        weights: arguments.column("weights")?,
        groups: arguments.column("groups")?,
    };
    let request = Request {
        weights: origin.weights,
        groups: origin.groups,
        offset: arguments.column("offset")?,
        treatment: arguments.column("treatment")?,
        family: arguments.family()?,
        drop_missing: arguments.flag("drop_missing", false)?,
        ..Request::of(&formula)
    };
    let progress = progress.as_ref();
    let read = |monitor: Monitor| {
        let table = table.open(&reading, monitor.clone())?;
        let mut training = read_training(&table, &request)?;
        training.samples = training.samples.with_monitor(monitor);
        Ok::<_, contextualized_frame::Error>(training)
    };
    let saved = if formula.targets.is_empty() {
        NetworksFit::check_formula(&formula).map_err(exception)?;
        let fit = arguments.networks()?;
        interruptible(py, progress, |monitor| fit.fit(read(monitor)?, &origin))?
    } else {
        let fit = arguments.regression()?;
        interruptible(py, progress, |monitor| fit.fit(read(monitor)?, &origin))?
    };
    Ok(saved.into())
}

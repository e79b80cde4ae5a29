//! Settings as Python gives them: one JSON object.

use crate::errors::exception;
use contextualized_auto::{NetworkChoice, NetworkMethod, RegressionMethod};
use contextualized_core::Family;
use contextualized_frame::data::{Reading, ReadingOptions};
use contextualized_frame::design::{OutcomeKind, UnknownLevels};
use contextualized_frame::fitting::{NetworksFit, RegressionFit};
use contextualized_frame::prediction::{Asked, Interval};
use contextualized_frame::settings::{AUTO, Estimate, EstimatorSettings, NeuralSettings};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use serde_json::{Map, Value, json};
use std::str::FromStr;

/// The names that users choose from, as JSON: estimators, families, kinds of networks and settings.
#[pyfunction]
pub(crate) fn registry() -> PyResult<String> {
    let names = |settings: Result<Value, serde_json::Error>| {
        let settings = settings.map_err(|error| PyValueError::new_err(error.to_string()))?;
        let names = settings
            .as_object()
            .map(|known| known.keys().cloned().collect());
        Ok::<Vec<String>, PyErr>(names.unwrap_or_default())
    };
    let methods = RegressionMethod::ALL.iter();
    let estimators: Map<String, Value> = methods
        .map(|method| (method.name().to_owned(), method.description().into()))
        .collect();
    let families: Map<String, Value> = Family::ALL
        .into_iter()
        .map(|family| (family.name().to_owned(), family.description().into()))
        .collect();
    let names_of = |is_of: fn(Family) -> bool| -> Vec<&str> {
        let own = Family::ALL.into_iter().filter(|family| is_of(*family));
        own.map(Family::name).collect()
    };
    let methods = NetworkMethod::ALL.iter().map(|method| method.name());
    let kinds = NetworkChoice::ALL.iter().map(|kind| kind.name());
    let registry = json!({
        "auto": AUTO,
        "estimators": estimators,
        "families": families,
        "binary_families": names_of(Family::is_binary),
        "class_families": names_of(Family::has_classes),
        "network_estimators": methods.collect::<Vec<_>>(),
        "network_kinds": kinds.collect::<Vec<_>>(),
        "settings": names(serde_json::to_value(EstimatorSettings::default()))?,
        "network_settings": names(serde_json::to_value(NeuralSettings::default()))?,
    });
    Ok(registry.to_string())
}

/// Outcomes, with intervals of the mean, of new outcomes, or none.
pub(crate) fn interval_of(interval: Option<&str>, level: f64) -> PyResult<Asked> {
    let interval = match interval {
        None => return Ok(Asked::OUTCOMES),
        Some("mean") => Interval::Mean,
        Some("outcome") => Interval::Outcome,
        Some(other) => {
            return Err(PyValueError::new_err(format!(
                "interval is {other:?}, but must be None, \"mean\" or \"outcome\""
            )));
        }
    };
    Ok(Asked {
        interval,
        level: Some(level),
        ..Asked::OUTCOMES
    })
}

/// What to do with levels that training did not have.
pub(crate) fn unknown_levels(name: &str) -> PyResult<UnknownLevels> {
    match name {
        "error" => Ok(UnknownLevels::Error),
        "population" => Ok(UnknownLevels::Population),
        other => Err(PyValueError::new_err(format!(
            "unknown_levels is {other:?}, but must be \"error\" or \"population\""
        ))),
    }
}

/// Arguments of a fit.
pub(crate) struct Arguments(Map<String, Value>);

impl Arguments {
    pub(crate) fn parse(text: &str) -> PyResult<Self> {
        match serde_json::from_str(text) {
            Ok(Value::Object(arguments)) => Ok(Self(arguments)),
            Ok(_) | Err(_) => Err(PyTypeError::new_err(
                "the arguments of a fit are a JSON object",
            )),
        }
    }

    fn text(&self, name: &str) -> PyResult<Option<&str>> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(PyTypeError::new_err(format!(
                "{name} is {other}, and a text is needed"
            ))),
        }
    }

    fn count(&self, name: &str, default: u64) -> PyResult<u64> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(default),
            Some(value) => value.as_u64().ok_or_else(|| {
                PyValueError::new_err(format!(
                    "{name} is {value}, and an integer of at least 0 is needed"
                ))
            }),
        }
    }

    pub(crate) fn flag(&self, name: &str, default: bool) -> PyResult<bool> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(default),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(other) => Err(PyTypeError::new_err(format!(
                "{name} is {other}, and True or False is needed"
            ))),
        }
    }

    fn dict(&self, name: &str) -> PyResult<Map<String, Value>> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(Map::new()),
            Some(Value::Object(dict)) => Ok(dict.clone()),
            Some(other) => Err(PyTypeError::new_err(format!(
                "{name} is {other}, and a dict is needed"
            ))),
        }
    }

    /// How a file is read.
    pub(crate) fn reading(&self) -> PyResult<Reading> {
        let mut options = ReadingOptions::default();
        for (name, value) in self.dict("reading")? {
            options = options.with(&name, &value).map_err(exception)?;
        }
        options.like(&Reading::default()).map_err(exception)
    }

    fn estimate<M: FromStr<Err = contextualized_core::Error>>(&self) -> PyResult<Estimate<M>> {
        let name = self.text("estimator")?.unwrap_or(AUTO);
        name.parse().map_err(|error: contextualized_core::Error| {
            let message = error
                .to_string()
                .replace("one of ", &format!("one of {AUTO}, "));
            PyValueError::new_err(message)
        })
    }

    /// The family that was named, or survival times.
    pub(crate) fn family(&self) -> PyResult<Option<OutcomeKind>> {
        let name = self.text("family")?.map(str::parse);
        name.transpose()
            .map_err(|error: contextualized_core::Error| PyValueError::new_err(error.to_string()))
    }

    /// The name of a column with a part of its own.
    pub(crate) fn column(&self, name: &str) -> PyResult<Option<&str>> {
        self.text(name)
    }

    pub(crate) fn regression(&self) -> PyResult<RegressionFit> {
        let mut settings = EstimatorSettings::default();
        for (name, value) in self.dict("settings")? {
            settings = settings.with(&name, value).map_err(exception)?;
        }
        let fit = RegressionFit {
            estimator: self.estimate()?,
            settings,
            folds: self.count("folds", 5)? as usize,
            seed: self.count("seed", 0)?,
            bootstraps: self.count("bootstraps", 0)? as usize,
            tests: self.flag("tests", true)?,
        };
        fit.check().map_err(exception)?;
        Ok(fit)
    }

    pub(crate) fn networks(&self) -> PyResult<NetworksFit> {
        let mut settings = NeuralSettings::default();
        for (name, value) in self.dict("settings")? {
            settings = settings.with(&name, value).map_err(exception)?;
        }
        let kind = self.text("kind")?.unwrap_or("correlation");
        Ok(NetworksFit {
            kind: kind.parse().map_err(|error: contextualized_core::Error| {
                PyValueError::new_err(error.to_string())
            })?,
            estimator: self.estimate()?,
            settings,
            folds: self.count("folds", 5)? as usize,
            seed: self.count("seed", 0)?,
        })
    }
}

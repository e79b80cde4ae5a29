//! Fitted models: what a model file contains.

use crate::arguments::Arguments;
use crate::errors::{exception, in_python};
use crate::interrupt::interruptible;
use crate::table::batches;
use contextualized_analysis::average_coefficients;
use contextualized_auto::CandidateOutcome;
use contextualized_core::{
    Coefficients, LocalCoefficients, NetworkKind, VaryingCoefficients, VaryingNetworks,
    partial_correlations,
};
use contextualized_frame::data::Table;
use contextualized_frame::design::{
    Arrays, Encoded, Encoder, Request, Training, UnknownLevels, read_training,
};
use contextualized_frame::fitting::{NetworksFit, Origin};
use contextualized_frame::formula;
use contextualized_frame::saved::{Baseline, Fitted, Networks, Regression, Saved};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, concatenate};
use numpy::{IntoPyArray, PyArray1, PyArray2, PyArray3, PyReadonlyArray1, PyReadonlyArray2};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use serde_json::{Value, json};

/// What training data in memory are called in a model file.
const IN_MEMORY: &str = "data in memory";

/// A fitted model.
#[pyclass(module = "contextualized_rs._core", frozen)]
pub(crate) struct Model {
    saved: Saved,
}

/// Slopes (n × y × x) and intercepts (n × y).
type CoefficientArrays<'py> = (Bound<'py, PyArray3<f64>>, Bound<'py, PyArray2<f64>>);

/// Means (n × y), and lower and upper ends of intervals.
type Predicted<'py> = (
    Bound<'py, PyArray2<f64>>,
    Option<(Bound<'py, PyArray2<f64>>, Bound<'py, PyArray2<f64>>)>,
);

/// Contexts, features, offsets, targets, positions of the rows that are complete, and the number of rows.
type Coded<'py> = (
    Bound<'py, PyArray2<f64>>,
    Bound<'py, PyArray2<f64>>,
    Option<Bound<'py, PyArray1<f64>>>,
    Vec<usize>,
    usize,
    Vec<String>,
);

/// Fits a regression to arrays.
#[pyfunction]
#[expect(
    clippy::too_many_arguments,
    reason = "they are called by name, from one place"
)]
#[pyo3(signature = (contexts, features, targets, names, arguments, classes=None, weights=None, groups=None))]
pub(crate) fn fit_arrays(
    py: Python<'_>,
    contexts: PyReadonlyArray2<'_, f64>,
    features: PyReadonlyArray2<'_, f64>,
    targets: PyReadonlyArray2<'_, f64>,
    names: (Vec<String>, Vec<String>, Vec<String>),
    arguments: &str,
    classes: Option<[String; 2]>,
    weights: Option<PyReadonlyArray1<'_, f64>>,
    groups: Option<PyReadonlyArray1<'_, u64>>,
) -> PyResult<Model> {
    let arguments = Arguments::parse(arguments)?;
    let fit = arguments.regression()?;
    let family = arguments.family()?.unwrap_or_default();
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
    fit_to(py, &arrays, |training, origin| fit.fit(training, origin))
}

/// Fits networks to arrays.
#[pyfunction]
#[pyo3(signature = (contexts, nodes, names, arguments, weights=None, groups=None))]
pub(crate) fn fit_networks(
    py: Python<'_>,
    contexts: PyReadonlyArray2<'_, f64>,
    nodes: PyReadonlyArray2<'_, f64>,
    names: (Vec<String>, Vec<String>),
    arguments: &str,
    weights: Option<PyReadonlyArray1<'_, f64>>,
    groups: Option<PyReadonlyArray1<'_, u64>>,
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
        family: contextualized_core::Family::default(),
        intercept: true,
        weights: weights.as_ref().map(|weights| weights.as_array()),
        groups: groups.as_deref(),
    };
    fit_to(py, &arrays, |training, origin| fit.fit(training, origin))
}

/// Fits whatever it is to arrays, until Ctrl-C ends it.
fn fit_to(
    py: Python<'_>,
    arrays: &Arrays<'_>,
    fit: impl FnOnce(Training, &Origin<'_>) -> contextualized_frame::Result<Saved> + Send,
) -> PyResult<Model> {
    let origin = Origin {
        file: IN_MEMORY,
        weights: arrays.weights.map(|_| "sample_weight"),
        groups: arrays.groups.map(|_| "groups"),
    };
    let saved = interruptible(py, |monitor| {
        let mut training = arrays.training()?;
        training.samples = training.samples.with_monitor(monitor);
        fit(training, &origin)
    })?;
    Ok(Model { saved })
}

/// Fits a formula to a data frame: a regression, or networks where it has no target.
#[pyfunction]
pub(crate) fn fit_formula(
    py: Python<'_>,
    formula: &str,
    data: &Bound<'_, PyAny>,
    arguments: &str,
) -> PyResult<Model> {
    let arguments = Arguments::parse(arguments)?;
    let formula = formula::parse(formula).map_err(exception)?;
    let origin = Origin {
        file: IN_MEMORY,
        weights: arguments.column("weights")?,
        groups: arguments.column("groups")?,
    };
    let request = Request {
        weights: origin.weights,
        groups: origin.groups,
        offset: arguments.column("offset")?,
        family: arguments.family()?,
        drop_missing: arguments.flag("drop_missing", false)?,
        ..Request::of(&formula)
    };
    let table = batches(data)?;
    let read = |monitor| {
        let mut training = read_training(&table, &request)?;
        training.samples = training.samples.with_monitor(monitor);
        Ok::<_, contextualized_frame::Error>(training)
    };
    let saved = if formula.targets.is_empty() {
        NetworksFit::check_formula(&formula).map_err(exception)?;
        let fit = arguments.networks()?;
        interruptible(py, |monitor| fit.fit(read(monitor)?, &origin))?
    } else {
        let fit = arguments.regression()?;
        interruptible(py, |monitor| fit.fit(read(monitor)?, &origin))?
    };
    Ok(Model { saved })
}

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
}

fn arrays<'py>(py: Python<'py>, coefficients: &Coefficients) -> CoefficientArrays<'py> {
    (
        coefficients.slopes().to_owned().into_pyarray(py),
        coefficients.intercepts().to_owned().into_pyarray(py),
    )
}

#[pymethods]
impl Model {
    /// The model in the bytes of a model file.
    #[staticmethod]
    fn from_bytes(py: Python<'_>, bytes: &[u8], name: &str) -> PyResult<Self> {
        let mut bytes = bytes.to_vec();
        let saved = py.detach(|| Saved::from_bytes(&mut bytes, name));
        Ok(Self {
            saved: saved.map_err(exception)?,
        })
    }

    /// The bytes of a model file.
    fn to_bytes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let bytes = py.detach(|| self.saved.to_bytes());
        Ok(PyBytes::new(py, &bytes.map_err(exception)?))
    }

    /// Slopes and intercepts at contexts.
    fn coefficients<'py>(
        &self,
        py: Python<'py>,
        contexts: PyReadonlyArray2<'_, f64>,
    ) -> PyResult<CoefficientArrays<'py>> {
        let model = &self.regression()?.model;
        let contexts = contexts.as_array();
        let found = py.detach(|| model.coefficients(contexts));
        Ok(arrays(py, &found.map_err(exception)?))
    }

    /// Lower and upper ends of intervals of slopes and intercepts.
    fn intervals<'py>(
        &self,
        py: Python<'py>,
        contexts: PyReadonlyArray2<'_, f64>,
        level: f64,
    ) -> PyResult<(CoefficientArrays<'py>, CoefficientArrays<'py>)> {
        let model = &self.regression()?.model;
        let contexts = contexts.as_array();
        let Some(uncertain) = model.as_uncertain() else {
            return Err(exception(without_intervals(model.describe())));
        };
        let found = py.detach(|| uncertain.intervals(contexts, level));
        let found = found.map_err(exception)?;
        Ok((arrays(py, &found.lower), arrays(py, &found.upper)))
    }

    /// Standard errors of slopes and intercepts.
    fn standard_errors<'py>(
        &self,
        py: Python<'py>,
        contexts: PyReadonlyArray2<'_, f64>,
    ) -> PyResult<CoefficientArrays<'py>> {
        let model = &self.regression()?.model;
        let contexts = contexts.as_array();
        let Some(uncertain) = model.as_uncertain() else {
            return Err(exception(without_intervals(model.describe())));
        };
        let found = py.detach(|| uncertain.standard_errors(contexts));
        Ok(arrays(py, &found.map_err(exception)?))
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
    ) -> PyResult<Predicted<'py>> {
        let model = &self.regression()?.model;
        let of_mean = match interval {
            None => None,
            Some("mean") => Some(true),
            Some("outcome") => Some(false),
            Some(other) => {
                return Err(PyValueError::new_err(format!(
                    "interval is {other:?}, but must be None, \"mean\" or \"outcome\""
                )));
            }
        };
        let (contexts, features) = (contexts.as_array(), features.as_array());
        let offsets = offsets.as_ref().map(|offsets| offsets.as_array());
        let found = py.detach(|| predicted(model, contexts, features, offsets, of_mean, level));
        let (means, ends) = found.map_err(exception)?;
        let ends = ends.map(|(lower, upper)| (lower.into_pyarray(py), upper.into_pyarray(py)));
        Ok((means.into_pyarray(py), ends))
    }

    /// A data frame as contexts, features and offsets, by the formula of the model.
    fn encode<'py>(&self, py: Python<'py>, data: &Bound<'_, PyAny>) -> PyResult<Coded<'py>> {
        let table = batches(data)?.with_reading(&self.saved.reading);
        let coded = py.detach(|| {
            let design = &self.saved.design;
            let mut encoder = Encoder::new(design, &table, UnknownLevels::Error, false);
            let (mut rows, mut blocks) = (Vec::new(), Vec::new());
            for chunk in table.chunks(&encoder.columns()?)? {
                let chunk = chunk?;
                let block = encoder.encode(&chunk)?;
                rows.extend(block.rows.iter().map(|row| chunk.first_row + row));
                blocks.push(block);
            }
            Ok::<_, contextualized_frame::Error>((rows, blocks, encoder.remarks()))
        });
        let (rows, blocks, remarks) = coded.map_err(exception)?;
        let design = &self.saved.design;
        let joined = |columns: usize, table: fn(&Encoded) -> ArrayView2<'_, f64>| {
            let tables: Vec<ArrayView2<'_, f64>> = blocks.iter().map(table).collect();
            if tables.is_empty() {
                return Ok(Array2::zeros((0, columns)));
            }
            concatenate(Axis(0), &tables).map_err(|error| PyValueError::new_err(error.to_string()))
        };
        let contexts = joined(design.contexts.len(), |block| block.contexts.view())?;
        let features = joined(design.features.len(), |block| block.features.view())?;
        let offsets = design.offset.map(|_| {
            let blocks = blocks
                .iter()
                .flat_map(|block| block.offsets.iter().flatten());
            let offsets: Array1<f64> = blocks.copied().collect();
            offsets.into_pyarray(py)
        });
        Ok((
            contexts.into_pyarray(py),
            features.into_pyarray(py),
            offsets,
            rows,
            table.rows(),
            remarks.iter().map(|remark| in_python(remark)).collect(),
        ))
    }

    /// Edges of the networks at contexts (n × nodes × nodes): correlations, partial correlations or weights.
    fn networks<'py>(
        &self,
        py: Python<'py>,
        contexts: PyReadonlyArray2<'_, f64>,
    ) -> PyResult<Bound<'py, PyArray3<f64>>> {
        let model = &self.of_networks()?.model;
        let contexts = contexts.as_array();
        let found = py.detach(|| {
            let networks = model.networks(contexts)?;
            match model.kind() {
                NetworkKind::Precision => Ok(partial_correlations(&networks)?),
                NetworkKind::Correlation | NetworkKind::Directed => Ok(networks.into_edges()),
            }
        });
        let found = found.map_err(|error: contextualized_core::Error| exception(error))?;
        Ok(found.into_pyarray(py))
    }

    /// What is known without computing, as JSON.
    fn facts(&self) -> String {
        let Saved {
            design,
            data,
            fitted,
            ..
        } = &self.saved;
        let choice = fitted.choice();
        let candidates = choice.candidates().iter().map(|candidate| {
            let (score, note) = match &candidate.outcome {
                CandidateOutcome::Compared(score) => (Some(score), None),
                CandidateOutcome::StoppedEarly(_) => (None, Some("stopped early".to_owned())),
                CandidateOutcome::NotCompared(_) => (None, None),
                CandidateOutcome::Failed(reason) => (None, Some(format!("failed: {reason}"))),
            };
            json!({
                "estimator": candidate.name,
                "loss": score.map(|score| score.loss),
                "standard_error": score.and_then(|score| score.standard_error),
                "note": note,
            })
        });
        let method = match fitted {
            Fitted::Regression(regression) => regression.model.model().method().name(),
            Fitted::Networks(networks) => networks.model.model().method().name(),
        };
        let kind = match fitted {
            Fitted::Regression(_) => None,
            Fitted::Networks(networks) => Some(match networks.model.kind() {
                NetworkKind::Correlation => "correlation",
                NetworkKind::Precision => "markov",
                NetworkKind::Directed => "bayesian",
            }),
        };
        let mut facts = json!({
            "formula": design.formula,
            "kind": kind,
            "family": design.family.name(),
            "intercept": design.intercept,
            "contexts": design.context_names(),
            "features": design.feature_names(),
            "targets": design.target_names(),
            "classes": design.targets.first().and_then(|target| target.levels.clone()),
            "rows": data.rows,
            "rows_left_out": data.dropped,
            "estimator": fitted.describe(),
            "method": method,
            "chosen": choice.chosen(),
            "loss": choice.loss(),
            "candidates": candidates.collect::<Vec<_>>(),
        });
        facts["notes"] = self.notes();
        facts.to_string()
    }

    /// Average coefficients with their evidence, and how well the model fits, as JSON.
    fn summary(&self, py: Python<'_>, level: f64) -> PyResult<String> {
        let regression = self.regression()?;
        let averages = py.detach(|| {
            let training = self.saved.training.samples(&self.saved.design)?;
            average_coefficients(&regression.model, &training, Some(level))
        });
        let averages = averages.map_err(exception)?;
        let averages = averages.iter().map(|line| {
            let evidence = line.evidence.as_ref();
            json!({
                "target": line.target,
                "coefficient": line.coefficient,
                "average": line.average,
                "standard_error": evidence.map(|own| own.standard_error),
                "lower": evidence.map(|own| own.lower),
                "upper": evidence.map(|own| own.upper),
                "statistic": evidence.map(|own| own.statistic),
                "p_value": evidence.map(|own| own.p_value),
                "deviation": line.deviation,
                "effective_df": line.effective_degrees,
            })
        });
        let goodness = regression.goodness.iter().map(|fit| {
            json!({
                "target": fit.target,
                "deviance_explained": fit.deviance_explained,
                "log_likelihood": fit.log_likelihood,
            })
        });
        let summary = json!({
            "averages": averages.collect::<Vec<_>>(),
            "fit": goodness.collect::<Vec<_>>(),
        });
        Ok(summary.to_string())
    }

    /// Tests of which coefficients vary with which contexts, as JSON.
    fn test_variation(&self) -> PyResult<String> {
        let tests = match &self.regression()?.variation {
            Baseline::Fitted(tests) => tests,
            Baseline::Failed(reason) => {
                return Err(PyValueError::new_err(format!(
                    "there are no tests of variation: {}",
                    in_python(reason)
                )));
            }
        };
        let lines = tests.table.pairs.iter().chain(&tests.table.coefficients);
        let lines = lines.map(|line| {
            json!({
                "target": line.target,
                "coefficient": line.coefficient,
                "context": line.context,
                "deviation": line.deviation,
                "p_value": line.p_value,
                "holm": line.holm,
                "benjamini_hochberg": line.benjamini_hochberg,
            })
        });
        let table = json!({
            "rows": tests.rows,
            "omnibus_p": tests.table.omnibus,
            "lines": lines.collect::<Vec<_>>(),
        });
        Ok(table.to_string())
    }
}

impl Model {
    /// What there is to say of the data, in sentences.
    fn notes(&self) -> Value {
        let data = &self.saved.data;
        let said = data.remarks.iter().chain(&data.wild);
        let said = said.map(|text| Value::from(in_python(text)));
        said.collect()
    }
}

fn without_intervals(model: String) -> contextualized_core::Error {
    contextualized_core::Error::NoIntervals {
        model,
        remedy: Some("fit it with --bootstraps 100, or with --estimator gp"),
    }
}

/// Ends of intervals.
type Ends = Option<(Array2<f64>, Array2<f64>)>;

fn predicted(
    model: &contextualized_auto::AutoModel,
    contexts: ArrayView2<'_, f64>,
    features: ArrayView2<'_, f64>,
    offsets: Option<ArrayView1<'_, f64>>,
    of_mean: Option<bool>,
    level: f64,
) -> contextualized_core::Result<(Array2<f64>, Ends)> {
    let family = model.family();
    let mut predictor = model.linear_predictor(contexts, features)?;
    if let Some(offsets) = offsets {
        predictor += &offsets.insert_axis(Axis(1));
    }
    let means = family.link().inverse_table(predictor.view());
    let Some(of_mean) = of_mean else {
        return Ok((means, None));
    };
    // An interval of the mean needs more than the errors of held-out rows.
    if of_mean && model.as_predictive().is_none() && model.as_sums().is_none() {
        return Err(without_intervals(model.describe()));
    }
    let known = model.predictor_distribution(contexts, features)?;
    let ends = if of_mean || family.is_binary() {
        known.mean_intervals(family, offsets, level)?
    } else {
        known.outcome_intervals(family, offsets, level)?
    };
    Ok((means, Some((ends.lower, ends.upper))))
}

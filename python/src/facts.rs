//! What a model says of itself, as JSON.

use crate::naming::in_python;
use contextualized_auto::CandidateOutcome;
use contextualized_core::{Monitor, NetworkKind, VaryingNetworks};
use contextualized_frame::account::Account;
use contextualized_frame::axes::Points;
use contextualized_frame::saved::{Baseline, Fitted, Regression, Saved};
use contextualized_frame::tables::{Cell, Section, text};
use contextualized_frame::{Result, account, curves as dependence};
use pyo3::PyResult;
use pyo3::exceptions::PyValueError;
use serde_json::{Map, Value, json};

/// What is known without computing.
pub(crate) fn facts(saved: &Saved) -> String {
    let Saved {
        design,
        data,
        fitted,
        ..
    } = saved;
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
    let notes = data.remarks.iter().chain(&data.wild);
    let facts = json!({
        "formula": design.formula,
        "kind": kind,
        "family": design.outcome_name(),
        "intercept": design.intercept,
        "contexts": design.context_names(),
        "features": design.feature_names(),
        "targets": design.target_names(),
        "classes": design
            .class_names()
            .or_else(|| design.targets.first()?.levels.as_deref()),
        "rows": saved.rows(),
        "rows_left_out": data.dropped,
        "estimator": fitted.describe(),
        "method": method,
        "chosen": choice.chosen(),
        "loss": choice.loss(),
        "candidates": candidates.collect::<Vec<_>>(),
        "notes": notes.map(|text| in_python(text)).collect::<Vec<_>>(),
    });
    facts.to_string()
}

/// Average coefficients with their evidence, how well the model fits, and all of it in words and tables.
pub(crate) fn summary(
    saved: &Saved,
    regression: &Regression,
    level: f64,
    [exponentiate, marginal]: [bool; 2],
    monitor: Monitor,
) -> Result<String> {
    let training = saved.training.samples(&saved.design)?;
    let training = training.with_monitor(monitor);
    let mut account = Account::new(saved, regression, &training, level)?;
    if exponentiate {
        account = account.exponentiated()?;
    }
    if marginal {
        account = account.with_marginal_effects()?;
    }
    let averages = account.averages.iter().map(|line| {
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
    let marginal = account.marginal.iter().map(|line| {
        let evidence = line.evidence.as_ref();
        json!({
            "target": line.target,
            "feature": line.feature,
            "difference": line.is_difference,
            "effect": line.average,
            "standard_error": evidence.map(|own| own.standard_error),
            "lower": evidence.map(|own| own.lower),
            "upper": evidence.map(|own| own.upper),
            "statistic": evidence.map(|own| own.statistic),
            "p_value": evidence.map(|own| own.p_value),
        })
    });
    let goodness = regression.goodness.iter().map(|fit| {
        json!({
            "target": fit.target,
            "deviance_explained": fit.deviance_explained,
            "log_likelihood": fit.log_likelihood,
        })
    });
    let mut summary = told(account::summary(&account)?);
    summary.insert("averages".to_owned(), averages.collect());
    summary.insert("marginal".to_owned(), marginal.collect());
    summary.insert("fit".to_owned(), goodness.collect());
    Ok(Value::from(summary).to_string())
}

/// Which coefficient, or which edge, varies with which context.
pub(crate) fn effects(saved: &Saved, monitor: Monitor) -> Result<String> {
    Ok(Value::from(told(account::effects(saved, monitor)?)).to_string())
}

/// Sections as one text, and as texts with tables of what is shown in each cell and of what it is.
fn told(sections: Vec<Section>) -> Map<String, Value> {
    let sections: Vec<Section> = sections
        .into_iter()
        .map(|(note, table)| (in_python(&note), table))
        .collect();
    let shown = sections.iter().map(|(note, table)| {
        let table = table.as_ref().map(|table| {
            let rows = table.rows.iter();
            let rows = rows.map(|row| row.iter().map(Cell::shown).collect::<Vec<_>>());
            json!({
                "columns": table.columns,
                "rows": rows.collect::<Vec<_>>(),
                "lines": table.json(),
            })
        });
        json!({"note": note, "table": table})
    });
    let mut told = Map::new();
    told.insert("sections".to_owned(), shown.collect());
    let text = text(&[], &sections, false);
    told.insert("text".to_owned(), text.trim_end().into());
    told
}

/// Tests of which coefficients vary with which contexts.
pub(crate) fn variation(regression: &Regression) -> PyResult<String> {
    let tests = match &regression.variation {
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

/// Coefficients, or edges, against each context.
pub(crate) fn curves(saved: &Saved, level: f64, monitor: Monitor) -> Result<String> {
    let training = saved.training.samples(&saved.design)?;
    let training = training.with_monitor(monitor);
    let found = dependence::curves(saved, &training, level)?;
    let curves = found.iter().map(|curve| {
        let ends = curve.average.interval.as_ref();
        json!({
            "target": curve.target,
            "coefficient": curve.name,
            "quantity": curve.quantity,
            "context": curve.context,
            "at": at(&curve.at),
            "average": curve.average.values,
            "lower": ends.map(|(lower, _)| lower),
            "upper": ends.map(|(_, upper)| upper),
            "population": curve.population,
        })
    });
    Ok(Value::from(curves.collect::<Vec<_>>()).to_string())
}

/// Values of contexts.
pub(crate) fn points(contexts: &[&Points]) -> String {
    let values = contexts.iter().map(|points| at(points));
    Value::from(values.collect::<Vec<_>>()).to_string()
}

/// Values as texts, as numbers where they are some, and those of the rows.
fn at(points: &Points) -> Value {
    let texts = (0..points.len()).map(|place| points.plain_text(place));
    let texts: Vec<String> = texts.collect();
    match points {
        Points::Numbers { values, rows, .. } => {
            json!({"texts": texts, "values": values, "rows": rows})
        }
        Points::Levels(_) => json!({"texts": texts, "values": null, "rows": null}),
    }
}

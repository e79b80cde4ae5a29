//! Curves of a model against each context (partial dependence), and maps over two of them.

use crate::axes::{ContextAxis, Points, typical};
use crate::dependence::{
    Average, coefficient_table, coefficients_at_average_features, dependences_with_bands,
};
use crate::design::INTERCEPT;
use crate::edges::EdgeValues;
use crate::error::{Error, Result};
use crate::saved::{Fitted, Networks, Regression, Saved};
use contextualized_core::{LocalCoefficients, Samples};
use ndarray::{Array2, Array3, s};

/// What a coefficient, or an edge, is on average at values of one context.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundCurve {
    /// Of a regression, the target of this coefficient.
    pub target: Option<String>,
    /// The coefficient or the edge.
    pub name: String,
    /// What the vertical axis is called.
    pub quantity: String,
    /// The context.
    pub context: String,
    /// Its values.
    pub at: Points,
    /// The coefficient, or the edge, at each of them.
    pub average: Average,
    /// That of the constant-coefficient model.
    pub population: Option<f64>,
}

/// All curves of a model, with bands of this probability where it has them.
pub fn curves(saved: &Saved, training: &Samples, level: f64) -> Result<Vec<FoundCurve>> {
    saved.require_contexts("a curve")?;
    let contexts = ContextAxis::of(&saved.design, training);
    match &saved.fitted {
        Fitted::Regression(regression) => {
            of_regression(saved, regression, training, &contexts, level)
        }
        Fitted::Networks(networks) => of_networks(networks, training, &contexts),
    }
}

fn of_regression(
    saved: &Saved,
    regression: &Regression,
    training: &Samples,
    contexts: &[ContextAxis],
    level: f64,
) -> Result<Vec<FoundCurve>> {
    let model = &regression.model;
    let bands = model.as_sums();
    let (found, _) = dependences_with_bands(model, bands, training, contexts, level)?;
    let population = match regression.population.fitted() {
        Some(model) => Some(coefficient_table(model, training)?),
        None => None,
    };
    let names = training.names();
    let mut coefficients = names.features.clone();
    coefficients.extend(saved.design.intercept.then(|| INTERCEPT.to_owned()));
    let mut curves = Vec::new();
    for (target, name_of_target) in names.targets.iter().enumerate() {
        for (coefficient, name) in coefficients.iter().enumerate() {
            for (axis, found) in contexts.iter().zip(&found) {
                curves.push(FoundCurve {
                    target: Some(name_of_target.clone()),
                    name: name.clone(),
                    quantity: match name.as_str() {
                        INTERCEPT => format!("intercept of {name_of_target}"),
                        name => format!("coefficient of {name}"),
                    },
                    context: axis.name(training).to_owned(),
                    at: found.at.clone(),
                    average: found.of(target, coefficient),
                    population: population.as_ref().map(|all| all[[0, target, coefficient]]),
                });
            }
        }
    }
    Ok(curves)
}

fn of_networks(
    networks: &Networks,
    training: &Samples,
    contexts: &[ContextAxis],
) -> Result<Vec<FoundCurve>> {
    let edges = EdgeValues::new(&networks.model, training);
    let population = match networks.population.fitted() {
        Some(model) => Some(edges.of_population(model)?),
        None => None,
    };
    let mut curves = Vec::new();
    for axis in contexts {
        let found = edges.against(axis)?;
        for (edge, name) in edges.names().into_iter().enumerate() {
            curves.push(FoundCurve {
                target: None,
                quantity: format!("{} of {name}", edges.quantity()),
                name,
                context: axis.name(training).to_owned(),
                at: found.at.clone(),
                average: Average {
                    values: found.values.column(edge).to_vec(),
                    interval: None,
                },
                population: population.as_ref().map(|all| all[edge]),
            });
        }
    }
    Ok(curves)
}

/// Coefficients over values of two contexts, the others typical: medians of numbers, the most frequent levels.
#[derive(Debug, Clone, PartialEq)]
pub struct CoefficientMap {
    /// Values of the first context.
    pub first: Points,
    /// Values of the second context.
    pub second: Points,
    /// Coefficients (pairs × targets × coefficients), the second context changing from one pair to the next. The last
    /// coefficient is the intercept at average features.
    pub values: Array3<f64>,
}

/// The coefficients of a regression over two contexts, each at up to so many values.
///
/// # Errors
///
/// [`Error::Data`] for a model of networks, a name that no context has, and the same context twice.
pub fn map(
    saved: &Saved,
    training: &Samples,
    contexts: [&str; 2],
    points: usize,
) -> Result<CoefficientMap> {
    let Fitted::Regression(regression) = &saved.fitted else {
        return Err(Error::failure(
            "the model is of networks, which have no coefficients",
        ));
    };
    let axes = ContextAxis::of(&saved.design, training);
    let [first, second] = [
        named(&axes, training, contexts[0])?,
        named(&axes, training, contexts[1])?,
    ];
    if first == second {
        return Err(Error::failure(format!(
            "a map is over two contexts, and {:?} is named twice",
            contexts[0]
        )));
    }
    let (of_first, of_second) = (
        first.values(training.contexts(), points),
        second.values(training.contexts(), points),
    );
    let rows = of_first.1.nrows() * of_second.1.nrows();
    let mut at = Array2::zeros((rows, training.contexts().ncols()));
    at.assign(&typical(&axes, training.contexts()));
    for (row, mut context) in at.outer_iter_mut().enumerate() {
        let (i, j) = (row / of_second.1.nrows(), row % of_second.1.nrows());
        for (axis, code) in [(first, of_first.1.row(i)), (second, of_second.1.row(j))] {
            for (column, value) in axis.columns().into_iter().zip(code) {
                context[column] = *value;
            }
        }
    }
    let values = coefficients_at_average_features(&regression.model, training, at.view())?;
    Ok(CoefficientMap {
        first: of_first.0,
        second: of_second.0,
        values,
    })
}

/// Contexts (values × c) that are typical but for one of them, the first unless it is named, at up to so many values,
/// and these in words.
///
/// # Errors
///
/// [`Error::Data`] for a name that no context has.
pub fn typical_contexts(
    saved: &Saved,
    training: &Samples,
    context: Option<&str>,
    most: usize,
) -> Result<(Vec<String>, Array2<f64>)> {
    let axes = ContextAxis::of(&saved.design, training);
    let axis = match (context, axes.first()) {
        (Some(name), _) => named(&axes, training, name)?,
        (None, Some(first)) => first,
        (None, None) => return Err(Error::failure("the model has no context")),
    };
    let values = axis.some_values(training.contexts(), most);
    let mut at = Array2::zeros((values.len(), training.contexts().ncols()));
    at.assign(&typical(&axes, training.contexts()));
    for (row, (_, code)) in values.iter().enumerate() {
        axis.set(at.slice_mut(s![row..=row, ..]), code.view());
    }
    let name = axis.name(training);
    let words = values.iter().map(|(value, _)| format!("{name} {value}"));
    Ok((words.collect(), at))
}

/// The context of this name.
fn named<'a>(axes: &'a [ContextAxis], training: &Samples, name: &str) -> Result<&'a ContextAxis> {
    let found = axes.iter().find(|axis| axis.name(training) == name);
    found.ok_or_else(|| {
        let names: Vec<&str> = axes.iter().map(|axis| axis.name(training)).collect();
        Error::failure(format!(
            "there is no context {name:?}; the contexts are {}",
            names.join(", ")
        ))
    })
}

//! Section 1 of the demo: each model's line, beside the published figures and the anchors.

use contextualized_baselines::{ClusterRegression, PopulationRegression};
use contextualized_core::comparison::score_on_test;
use contextualized_core::metrics::{Loss, effect_mse};
use contextualized_core::{
    Coefficients, DynEstimator, Error, Estimator, Result, Samples, VaryingCoefficients,
};
use contextualized_linear::{ContextualizedRegression, Parameterization};
use contextualized_simulation::{SimulatedData, TreatmentContexts, TreatmentProblem};
use ndarray::{Array1, Array2, Array3, ArrayView1, Axis};
use serde::Serialize;
use std::time::Instant;

/// One line of the table; errors are on the unobserved rows.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// Section of the demo.
    pub section: &'static str,
    /// Which model, or which anchor.
    pub model: &'static str,
    /// Mean squared error of the response.
    pub response_mse: f64,
    /// Mean squared error of both treatment effects.
    pub effect_mse: f64,
    /// Wall-clock seconds of the fit alone.
    pub seconds: f64,
    /// Response error printed in the demo.
    pub published_response_mse: Option<f64>,
    /// Effect error printed in the demo.
    pub published_effect_mse: Option<f64>,
}

/// All lines for one seed, which decides the data and the models.
///
/// # Errors
///
/// Those of the estimators; there are none for these data.
pub fn rows(seed: u64) -> Result<Vec<Row>> {
    let problem = TreatmentProblem::new(seed)?;
    // The truth has no offset, so no model is given one.
    let population = PopulationRegression::new().intercept(false);
    let clusters = |count| {
        ClusterRegression::new()
            .clusters(count)
            .regression(population.clone())
            .seed(seed)
    };
    let neural = ContextualizedRegression::new()
        .encoder(25, 2)
        .parameterization(Parameterization::Archetypes(10))
        .intercept(false)
        .batch_size(1)
        .epochs(50)
        .learning_rate(1e-3)
        .without_early_stopping()
        .seed(seed);
    let informative = TreatmentContexts::Informative;
    let score = |section, model, contexts, estimator: &dyn DynEstimator, published| {
        fitted(&problem, section, model, contexts, estimator, published)
    };
    Ok(vec![
        constant(&problem, "mean", problem.observed(informative))?,
        constant(&problem, "best-constant", problem.unobserved(informative))?,
        score(
            "1.6",
            "population",
            informative,
            &population,
            (0.305552877655347, 0.47044335846852314),
        )?,
        score(
            "1.7",
            "cluster",
            informative,
            &clusters(15),
            (0.09804566490294826, 0.14753732945470655),
        )?,
        score(
            "1.7-noise",
            "cluster",
            TreatmentContexts::WithNoise,
            &clusters(10),
            (0.13130704087803433, 0.1945579837643261),
        )?,
        score(
            "1.8",
            "neural",
            informative,
            &neural,
            (0.03208527599262986, 0.048352510692922),
        )?,
        oracle_basis(&problem)?,
    ])
}

fn fitted(
    problem: &TreatmentProblem,
    section: &'static str,
    model: &'static str,
    contexts: TreatmentContexts,
    estimator: &dyn DynEstimator,
    (published_response, published_effect): (f64, f64),
) -> Result<Row> {
    let test = problem.unobserved(contexts);
    let score = score_on_test(
        estimator,
        &problem.observed(contexts).samples,
        &test.samples,
        Some(&test.coefficients),
        Loss::Squared,
    )?;
    Ok(Row {
        section,
        model,
        response_mse: score.response.mean,
        effect_mse: score.effect_mse.unwrap_or(f64::NAN),
        seconds: score.fit_time.as_secs_f64(),
        published_response_mse: Some(published_response),
        published_effect_mse: Some(published_effect),
    })
}

/// Both effects constant, at their true means among the rows given: what a model that knows the
/// truth but not the context would say.
fn constant(problem: &TreatmentProblem, model: &'static str, known: &SimulatedData) -> Result<Row> {
    let slopes = known
        .coefficients
        .slopes()
        .mean_axis(Axis(0))
        .ok_or(Error::NoRows { argument: "known" })?;
    let test = problem.unobserved(TreatmentContexts::Informative);
    let estimate = Coefficients::constant(slopes.view(), Array1::zeros(1).view(), test.rows())?;
    anchor("1.6", model, test, &estimate, 0.0)
}

fn anchor(
    section: &'static str,
    model: &'static str,
    test: &SimulatedData,
    estimate: &Coefficients,
    seconds: f64,
) -> Result<Row> {
    let predictions = estimate.linear_predictor(test.samples.features())?;
    Ok(Row {
        section,
        model,
        response_mse: Loss::Squared.mean(test.samples.targets(), predictions.view(), None)?,
        effect_mse: effect_mse(&test.coefficients, estimate)?,
        seconds,
        published_response_mse: None,
        published_effect_mse: None,
    })
}

/// Least squares on the true basis: each effect is a quadratic of the two contexts, so the response
/// is linear in the twelve products of a dose with 1, c0, c1, c0², c0 c1, c1².
fn oracle_basis(problem: &TreatmentProblem) -> Result<Row> {
    let informative = TreatmentContexts::Informative;
    let (train, test) = (
        problem.observed(informative),
        problem.unobserved(informative),
    );
    let products = Array2::from_shape_fn((train.rows(), 2 * BASIS), |(row, column)| {
        let basis = quadratics(train.samples.contexts().row(row));
        train.samples.features()[[row, column / BASIS]] * basis[column % BASIS]
    });
    let expanded = Samples::new(
        train.samples.contexts(),
        products.view(),
        train.samples.targets(),
    )?;
    let start = Instant::now();
    let model = PopulationRegression::new()
        .intercept(false)
        .fit(&expanded)?;
    let seconds = start.elapsed().as_secs_f64();
    let weights = model.coefficients(test.samples.contexts().slice(ndarray::s![..1, ..]))?;
    let slopes = Array3::from_shape_fn((test.rows(), 1, 2), |(row, _, dose)| {
        let basis = quadratics(test.samples.contexts().row(row));
        (0..BASIS)
            .map(|term| weights.slopes()[[0, 0, dose * BASIS + term]] * basis[term])
            .sum()
    });
    let estimate = Coefficients::new(slopes, Array2::zeros((test.rows(), 1)))?;
    anchor("1.8", "oracle-basis", test, &estimate, seconds)
}

const BASIS: usize = 6;

fn quadratics(context: ArrayView1<'_, f64>) -> [f64; BASIS] {
    let (a, b) = (context[0], context[1]);
    [1.0, a, b, a * a, a * b, b * b]
}

//! Section 1 of the demo: what is fitted in each part of it, and what comes out.

use contextualized_baselines::{ClusterRegression, PopulationRegression};
use contextualized_bridge::ImplicitRegression;
use contextualized_core::metrics::effect_mse;
use contextualized_core::{
    Coefficients, DynEstimator, Error, Estimator, Family, LocalCoefficients, Result, Samples,
    VaryingCoefficients,
};
use contextualized_linear::{
    EncoderKind, GaussianProcessRegression, MlpSettings, NeuralModel, NeuralRegression,
    Parameterization, Progress,
};
use contextualized_simulation::{SimulatedData, TreatmentContexts, TreatmentProblem};
use ndarray::{Array1, Array2, Array3, ArrayView1, Axis, s};
use serde::Serialize;
use std::ops::ControlFlow;
use std::time::Instant;

/// Parts of the demo's first section that fit a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// One regression for all, with the anchors that know the truth but not the context.
    Population,
    /// A regression in each of 15 clusters.
    Clusters,
    /// 10 clusters, with two contexts of noise added.
    ClustersWithNoise,
    /// Contextualized regression, and the anchor that knows the form of the effects.
    Contextualized,
    /// Contextualized regression on nothing but noise.
    NoiseOnly,
    /// Contextualized regression with two contexts of noise added.
    SomeNoise,
    /// A plain network of contexts and doses, differentiated.
    Implicit,
}

impl Part {
    /// All parts, in the demo's order.
    pub const ALL: [Self; 7] = [
        Self::Population,
        Self::Clusters,
        Self::ClustersWithNoise,
        Self::Contextualized,
        Self::NoiseOnly,
        Self::SomeNoise,
        Self::Implicit,
    ];

    /// The demo's number for it.
    pub fn section(self) -> &'static str {
        match self {
            Self::Population => "1.6",
            Self::Clusters => "1.7",
            Self::ClustersWithNoise => "1.7-noise",
            Self::Contextualized => "1.8",
            Self::NoiseOnly => "1.9-noise-only",
            Self::SomeNoise => "1.9-some-noise",
            Self::Implicit => "1.10",
        }
    }

    /// The contexts its models are given.
    pub fn contexts(self) -> TreatmentContexts {
        match self {
            Self::ClustersWithNoise | Self::SomeNoise => TreatmentContexts::WithNoise,
            Self::NoiseOnly => TreatmentContexts::NoiseOnly,
            _ => TreatmentContexts::Informative,
        }
    }

    /// The response and effect errors printed in the demo.
    pub fn published(self) -> (f64, f64) {
        match self {
            Self::Population => (0.305552877655347, 0.47044335846852314),
            Self::Clusters => (0.09804566490294826, 0.14753732945470655),
            Self::ClustersWithNoise => (0.13130704087803433, 0.1945579837643261),
            Self::Contextualized => (0.03208527599262986, 0.048352510692922),
            Self::NoiseOnly => (0.3573628158868011, 0.5470865212417153),
            Self::SomeNoise => (0.027921555869152726, 0.042549092390428395),
            Self::Implicit => (0.05015714094042778, 0.10352998226881027),
        }
    }
}

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

/// A line, and what the figures need of the model behind it.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The line.
    pub row: Row,
    /// Estimated effects of the unobserved.
    pub effects: Vec<(f64, f64)>,
    /// Estimated effects of the two patients of interest, for a fitted model.
    pub patients: Vec<(f64, f64)>,
    /// Training loss of each epoch, for a trained model.
    pub training: Vec<f64>,
    /// The model itself where it has shape functions to show.
    pub additive: Option<NeuralModel>,
}

/// The Gaussian process regression of every part that has one: the default, without an intercept.
pub fn kernel() -> GaussianProcessRegression {
    GaussianProcessRegression::new().intercept(false)
}

/// The plain network of Section 1.10; the demo's own is not shrunken.
pub fn implicit(seed: u64) -> ImplicitRegression {
    ImplicitRegression::new()
        .mlp(50, 2)
        .standardize_contexts_only()
        .epochs(1000)
        .batch_size(usize::MAX)
        .learning_rate(1e-3)
        .without_early_stopping()
        .seed(seed)
}

/// Everything one part of the demo fits, on the data given and with models of the seed given.
///
/// # Errors
///
/// Those of the estimators; there are none for these data.
pub fn outcomes(part: Part, problem: &TreatmentProblem, seed: u64) -> Result<Vec<Outcome>> {
    // The truth has no intercept, so no explicit model is given one.
    let population = PopulationRegression::new().intercept(false);
    let clusters = |count| {
        let clusters = ClusterRegression::new().clusters(count).seed(seed);
        Fit::Direct(Box::new(clusters.regression(population.clone())))
    };
    let neural = |width: usize, epochs: usize| {
        NeuralRegression::new()
            .mlp(width, 2)
            .parameterization(Parameterization::Archetypes(10))
            .intercept(false)
            .batch_size(1)
            .epochs(epochs)
            .learning_rate(1e-3)
            .without_early_stopping()
            .seed(seed)
    };
    let additive = || {
        // One sub-network a column: 25 units are enough for a function of one variable.
        let size = MlpSettings::new(25, 2);
        Fit::Trained(neural(25, 50).encoder(EncoderKind::Additive(size)))
    };
    let kernel = || Fit::Direct(Box::new(kernel()));
    let known = |row: Row| row.known(part);
    let run = |model, fit| fitted(problem, part, model, fit);
    let informative = TreatmentContexts::Informative;
    Ok(match part {
        Part::Population => vec![
            constant(problem, "mean", problem.observed(informative))?,
            constant(problem, "best-constant", problem.unobserved(informative))?,
            run("population", Fit::Direct(Box::new(population.clone())))?.map_row(known),
        ],
        Part::Clusters => vec![run("cluster", clusters(15))?.map_row(known)],
        Part::ClustersWithNoise => vec![run("cluster", clusters(10))?.map_row(known)],
        Part::Contextualized => vec![
            run("neural", Fit::Trained(neural(25, 50)))?.map_row(known),
            run("gp", kernel())?,
            run("additive", additive())?,
            oracle_basis(problem)?,
        ],
        Part::NoiseOnly => vec![
            run("neural", Fit::Trained(neural(50, 2)))?.map_row(known),
            run("gp", kernel())?,
            run("neural-50-epochs", Fit::Trained(neural(50, 50)))?,
        ],
        Part::SomeNoise => vec![
            run("neural", Fit::Trained(neural(50, 50)))?.map_row(known),
            run("gp", kernel())?,
            run("additive", additive())?,
        ],
        Part::Implicit => {
            let implicit = implicit(seed).without_shrinkage();
            vec![run("implicit", Fit::Implicit(implicit))?.map_row(known)]
        }
    })
}

impl Row {
    fn known(mut self, part: Part) -> Self {
        let (response, effect) = part.published();
        self.published_response_mse = Some(response);
        self.published_effect_mse = Some(effect);
        self
    }
}

impl Outcome {
    fn map_row(mut self, change: impl Fn(Row) -> Row) -> Self {
        self.row = change(self.row);
        self
    }
}

/// What is fitted, and whether its epochs can be watched.
enum Fit {
    Direct(Box<dyn DynEstimator>),
    Trained(NeuralRegression),
    Implicit(ImplicitRegression),
}

fn fitted(
    problem: &TreatmentProblem,
    part: Part,
    model: &'static str,
    fit: Fit,
) -> Result<Outcome> {
    let contexts = part.contexts();
    let train = &problem.observed(contexts).samples;
    let test = problem.unobserved(contexts);
    let mut training = Vec::new();
    let mut watch = |progress: Progress| {
        training.push(progress.training_loss);
        ControlFlow::Continue(())
    };
    let start = Instant::now();
    let mut additive = None;
    let fitted: Box<dyn LocalCoefficients> = match fit {
        Fit::Direct(estimator) => estimator.fit_boxed(train)?,
        Fit::Implicit(estimator) => Box::new(estimator.fit_observed(train, &mut watch)?),
        Fit::Trained(estimator) => {
            let fitted = estimator.fit_observed(train, &mut watch)?;
            additive = (model == "additive").then(|| fitted.clone());
            Box::new(fitted)
        }
    };
    let seconds = start.elapsed().as_secs_f64();
    let estimate = fitted.coefficients_at(test.samples.contexts(), test.samples.features())?;
    let predictions = fitted.predict(test.samples.contexts(), test.samples.features())?;
    let patients = &problem.patients(contexts).contexts;
    let no_doses = Array2::zeros((patients.nrows(), 2));
    let of_patients = fitted.coefficients_at(patients.view(), no_doses.view())?;
    Ok(Outcome {
        row: Row {
            section: part.section(),
            model,
            response_mse: Family::Gaussian.mean_loss(
                test.samples.targets(),
                predictions.view(),
                None,
            )?,
            effect_mse: effect_mse(&test.coefficients, &estimate)?,
            seconds,
            published_response_mse: None,
            published_effect_mse: None,
        },
        effects: pairs(&estimate),
        patients: pairs(&of_patients),
        training,
        additive,
    })
}

/// Both effects of each row.
pub fn pairs(coefficients: &Coefficients) -> Vec<(f64, f64)> {
    coefficients
        .slopes()
        .outer_iter()
        .map(|slopes| (slopes[[0, 0]], slopes[[0, 1]]))
        .collect()
}

/// Both effects constant, at their true means among the rows given: what a model that knows the
/// truth but not the context would say.
fn constant(
    problem: &TreatmentProblem,
    model: &'static str,
    known: &SimulatedData,
) -> Result<Outcome> {
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
) -> Result<Outcome> {
    let predictions = estimate.linear_predictor(test.samples.features())?;
    Ok(Outcome {
        row: Row {
            section,
            model,
            response_mse: Family::Gaussian.mean_loss(
                test.samples.targets(),
                predictions.view(),
                None,
            )?,
            effect_mse: effect_mse(&test.coefficients, estimate)?,
            seconds,
            published_response_mse: None,
            published_effect_mse: None,
        },
        effects: pairs(estimate),
        patients: Vec::new(),
        training: Vec::new(),
        additive: None,
    })
}

/// Least squares on the true basis: each effect is a quadratic of the two contexts, so the response
/// is linear in the twelve products of a dose with 1, c0, c1, c0², c0 c1, c1².
fn oracle_basis(problem: &TreatmentProblem) -> Result<Outcome> {
    let informative = TreatmentContexts::Informative;
    let train = problem.observed(informative);
    let test = problem.unobserved(informative);
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
    let weights = model.coefficients(test.samples.contexts().slice(s![..1, ..]))?;
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

/// What holds for every seed, whatever the draw of the doses.
///
/// # Panics
///
/// If it does not.
pub fn assert_order(outcomes: &[Outcome]) {
    let effect = |section: &str, model: &str| {
        outcomes
            .iter()
            .find(|outcome| outcome.row.section == section && outcome.row.model == model)
            .map(|outcome| outcome.row.effect_mse)
    };
    let below = |lower: Option<f64>, upper: Option<f64>, claim: &str| {
        if let (Some(lower), Some(upper)) = (lower, upper) {
            assert!(lower < upper, "{claim}: {lower} against {upper}");
        }
    };
    let population = effect("1.6", "population");
    let clusters = effect("1.7", "cluster");
    below(
        effect("1.8", "oracle-basis"),
        Some(1e-20),
        "the true basis recovers the effects",
    );
    below(
        effect("1.6", "best-constant"),
        population,
        "no constant beats the best",
    );
    below(clusters, population, "clusters beat the population");
    below(
        clusters,
        effect("1.7-noise", "cluster"),
        "noise contexts cost the clusters",
    );
    below(
        effect("1.8", "neural"),
        clusters,
        "a function of the context beats clusters",
    );
    below(
        effect("1.9-some-noise", "neural"),
        clusters,
        "it does so among noise contexts",
    );
    below(
        effect("1.10", "implicit"),
        population,
        "derivatives beat the population",
    );
    for section in ["1.8", "1.9-some-noise"] {
        let kernel = effect(section, "gp");
        below(
            kernel,
            Some(1e-4),
            "a Gaussian process finds smooth effects",
        );
        below(
            kernel,
            effect(section, "neural"),
            "a Gaussian process beats the network",
        );
    }
    let tolerated = population.map(|population| 1.15 * population);
    for model in ["neural", "gp", "neural-50-epochs"] {
        below(
            effect("1.9-noise-only", model),
            tolerated,
            "noise alone costs next to nothing",
        );
    }
}

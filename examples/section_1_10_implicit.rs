//! Section 1.10 of the demo: a plain network of contexts and doses, differentiated.
//!
//! ```text
//! Y ≈ g([c, x]),  g a perceptron 4 → 50 → 50 → 1
//! W(c) ≈ ∂g/∂x             the effects
//! W'(c)ᵀ x ≈ ∂g/∂c         how responses change with the contexts: two numbers as well, and not effects
//! ```
//!
//! Contexts are standardised, doses and response are in their own units. Beside the demo's line stand
//! what else can be taken for the effects where g is not quite linear in the doses, the same of a network
//! that is shrunken to the population, the derivatives by the contexts, and effects of the context alone
//! distilled from the network. Asserts that derivatives by the doses are better than any one pair of
//! effects for all, that averaged over doses they are better still, and that those by the contexts are
//! worse.
//!
//! ```sh
//! cargo run --release --example section_1_10_implicit
//! ```

use clap::Parser;
use contextualized_bridge::{
    Distillation, EncoderStudent, ImplicitModel, KernelShape, Linearity, linearity,
};
use contextualized_core::metrics::effect_mse;
use contextualized_core::{Coefficients, Estimator, LocalCoefficients, VaryingCoefficients};
use contextualized_examples::figures::{ModelEffects, TrueEffects, Wording, all_models};
use contextualized_examples::figures1::Folder;
use contextualized_examples::run::{Flags, parts};
use contextualized_examples::say;
use contextualized_examples::section1::{Part, implicit, pairs};
use contextualized_examples::statistics::median;
use contextualized_examples::table::{number, table};
use contextualized_simulation::{SimulatedData, TreatmentContexts, TreatmentProblem};
use ndarray::{Array2, Array3, Axis};
use std::error::Error;

const CONTEXTS: TreatmentContexts = TreatmentContexts::Informative;

fn main() -> Result<(), Box<dyn Error>> {
    let flags = Flags::parse();
    parts(&[Part::Implicit], &flags, false)?;
    if flags.json {
        return Ok(());
    }
    let problem = TreatmentProblem::new(flags.seed)?;
    let observed = problem.observed(CONTEXTS);
    let estimator = implicit(flags.seed);
    let shrunken = estimator.fit(&observed.samples)?;
    let models = Models {
        network: estimator.without_shrinkage().fit(&observed.samples)?,
        shrunken,
    };
    say!(
        "\nShrunken by five folds, {:.1} % of what the network adds to the population fit is kept.\n",
        100.0 * models.shrunken.shares()[0]
    );
    let unobserved = problem.unobserved(CONTEXTS);
    let places = [
        Place::new(&problem, &models, observed, problem.observed_contexts())?,
        Place::new(&problem, &models, unobserved, problem.unobserved_contexts())?,
    ];
    print(&places)?;
    draw(&problem, &places[1], &flags)?;

    let truth = &places[1].truth;
    let constant = truth.slopes().mean_axis(Axis(0)).unwrap_or_default();
    let intercept = ndarray::Array1::zeros(1);
    let constant = Coefficients::constant(constant.view(), intercept.view(), truth.rows())?;
    let best_constant = effect_mse(truth, &constant)?;
    let error = |index: usize| effect_mse(truth, &places[1].estimates[index].1);
    assert!(error(AT_ROW)? < best_constant, "derivatives by doses");
    assert!(error(AVERAGED)? < error(AT_ROW)?, "averages over doses");
    assert!(error(BY_CONTEXTS)? > best_constant, "those by contexts");
    Ok(())
}

/// Where in [`Place::estimates`] stand derivatives by the doses, their averages, and those by the
/// contexts.
const AT_ROW: usize = 0;
const AVERAGED: usize = 2;
const BY_CONTEXTS: usize = 7;

/// The demo's network, and what shrinking makes of it.
struct Models {
    network: ImplicitModel,
    shrunken: ImplicitModel,
}

/// Observed patients, or the others.
struct Place {
    truth: Coefficients,
    /// What may be taken for the effects, the last of which is not.
    estimates: Vec<(&'static str, Coefficients)>,
    linearity: Linearity,
    /// ∂g/∂c, and what it estimates.
    by_contexts: (Array2<f64>, Array2<f64>),
}

impl Place {
    fn new(
        problem: &TreatmentProblem,
        models: &Models,
        data: &SimulatedData,
        original_contexts: Array2<f64>,
    ) -> Result<Self, Box<dyn Error>> {
        let train = &problem.observed(CONTEXTS).samples;
        let model = &models.network;
        let (c, x) = (data.samples.contexts(), data.samples.features());
        let linearity = linearity(model, c, x, train.features(), None)?;
        let distilled = |student: Distillation| -> Result<Coefficients, Box<dyn Error>> {
            let explicit = student.distil(model, train)?;
            Ok(explicit.coefficients(c)?)
        };
        let encoder = distilled(Distillation::Encoder(EncoderStudent::new()))?;
        let kernel = distilled(Distillation::Kernel(KernelShape::SquaredExponential))?;
        let sensitivities = model.context_sensitivities(c, x)?;
        let by_contexts = sensitivities.values().index_axis(Axis(1), 0).to_owned();
        // W_A = diet + exercise², W_B = diet² + exercise, and contexts are in units of their scales.
        let scales = problem.standardization(CONTEXTS).scales().to_owned();
        let truly = Array2::from_shape_fn((data.rows(), 2), |(row, context)| {
            let (diet, exercise) = (original_contexts[[row, 0]], original_contexts[[row, 1]]);
            let (a, b) = (x[[row, 0]], x[[row, 1]]);
            scales[context]
                * match context {
                    0 => a + 2.0 * diet * b,
                    _ => 2.0 * exercise * a + b,
                }
        });
        let as_effects = Array3::from_shape_fn((data.rows(), 1, 2), |(row, _, context)| {
            by_contexts[[row, context]]
        });
        Ok(Self {
            truth: data.coefficients.clone(),
            estimates: vec![
                ("∂g/∂x at own doses", linearity.at_features.clone()),
                ("∂g/∂x at doses of zero", linearity.at_zero.clone()),
                ("∂g/∂x averaged over doses", linearity.averaged.clone()),
                (
                    "least-squares line of g over doses",
                    linearity.least_squares.clone(),
                ),
                ("distilled by an encoder", encoder),
                ("distilled by a gp", kernel),
                (
                    "∂g/∂x at own doses, shrunken",
                    models.shrunken.coefficients_at(c, x)?,
                ),
                (
                    "∂g/∂c, not an effect",
                    Coefficients::new(as_effects, Array2::zeros((data.rows(), 1)))?,
                ),
            ],
            linearity,
            by_contexts: (by_contexts, truly),
        })
    }
}

fn print(places: &[Place; 2]) -> Result<(), Box<dyn Error>> {
    say!("Mean squared errors of what may be taken for the effects; doses are those observed.\n");
    let lines = (0..=BY_CONTEXTS)
        .map(|index| {
            let error = |place: &Place| effect_mse(&place.truth, &place.estimates[index].1);
            let name = places[0].estimates[index].0.to_owned();
            Ok([name, number(error(&places[0])?), number(error(&places[1])?)])
        })
        .collect::<Result<Vec<_>, Box<dyn Error>>>()?;
    say!("{}", table(["", "observed", "unobserved"], 1, lines));
    say!();
    for (place, name) in places.iter().zip(["observed", "unobserved"]) {
        let (found, truth) = &place.by_contexts;
        let mean_square = |of: Array2<f64>| of.mapv(|d| d * d).mean().unwrap_or(f64::NAN);
        let (error, size) = (mean_square(found - truth), mean_square(truth.clone()));
        say!("∂g/∂c against W'(c)ᵀx, {name}: mean squared error {error:.4} of {size:.4}.");
    }
    say!();
    for (place, name) in places.iter().zip(["observed", "unobserved"]) {
        let middle = |of: &Array2<f64>| median(&of.iter().copied().collect::<Vec<_>>());
        let explained: Vec<f64> = place
            .linearity
            .r_squared
            .iter()
            .flatten()
            .copied()
            .collect();
        say!(
            "How linear g is in the doses, {name}, medians: the four estimators disagree by {:.3}, where g\n\
             has a standard deviation of {:.3}; a line explains {:.1} % of its variance.",
            middle(&place.linearity.disagreement),
            middle(&place.linearity.spread),
            100.0 * median(&explained),
        );
    }
    Ok(())
}

/// True and predicted effects of the unobserved, for each of the estimators.
fn draw(problem: &TreatmentProblem, place: &Place, flags: &Flags) -> Result<(), Box<dyn Error>> {
    let named: Vec<_> = place
        .estimates
        .iter()
        .map(|(name, estimate)| (*name, pairs(estimate)))
        .collect();
    let effects: Vec<ModelEffects<'_>> = named
        .iter()
        .filter(|(name, _)| !name.starts_with("least") && !name.ends_with("shrunken"))
        .map(|(name, predicted)| ModelEffects {
            name,
            predicted,
            errors: None,
        })
        .collect();
    let truth = TrueEffects {
        unobserved: &pairs(&place.truth),
        observed: &pairs(&problem.observed(CONTEXTS).coefficients),
    };
    let figure = all_models(&truth, &effects, 3, &Wording::default())?;
    Folder::new(&flags.figures)?.write("section_1_10_implicit", &figure)
}

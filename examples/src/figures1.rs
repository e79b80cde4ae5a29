//! The figures of Section 1.

use crate::figures::{
    ModelEffects, OfInterest, Patients, ShapeFunction, TrainingCurve, TrueEffects, Wording,
    all_models, contexts_effects_outcomes, observed_and_unobserved, predicted_effects,
    shape_functions, training_curves,
};
use crate::section1::{Outcome, pairs};
use contextualized_plot::Figure;
use contextualized_simulation::{TreatmentContexts, TreatmentProblem};
use ndarray::{Array1, ArrayView2};
use std::error::Error;
use std::path::{Path, PathBuf};

/// A folder that figures are written to.
#[derive(Debug, Clone)]
pub struct Folder(PathBuf);

impl Folder {
    /// Makes the folder if it is not there.
    ///
    /// # Errors
    ///
    /// What the file system says.
    pub fn new(path: &Path) -> Result<Self, Box<dyn Error>> {
        std::fs::create_dir_all(path)
            .map_err(|error| format!("cannot make {}: {error}", path.display()))?;
        Ok(Self(path.to_owned()))
    }

    /// Draws a figure into `NAME.svg`.
    ///
    /// # Errors
    ///
    /// What the figure or the file system says.
    pub fn write(&self, name: &str, figure: &Figure) -> Result<(), Box<dyn Error>> {
        let path = self.0.join(format!("{name}.svg"));
        std::fs::write(&path, figure.to_svg()?)
            .map_err(|error| format!("cannot write {}: {error}", path.display()).into())
    }
}

/// All 5625 patients: contexts, effects and outcomes.
///
/// # Errors
///
/// See [`Folder::write`].
pub fn simulation(folder: &Folder, problem: &TreatmentProblem) -> Result<(), Box<dyn Error>> {
    let all = problem.all();
    let outcomes: Vec<f64> = all.samples.targets().iter().copied().collect();
    let patients = Patients {
        contexts: &points(all.samples.contexts()),
        effects: &pairs(&all.coefficients),
        doses: &points(all.samples.features()),
        outcomes: &outcomes,
    };
    let figure = contexts_effects_outcomes(&patients, &Wording::default())?;
    folder.write("section_1_1_simulation", &figure)
}

/// Who of them was observed, and the two patients of interest.
///
/// # Errors
///
/// See [`Folder::write`].
pub fn observed(folder: &Folder, problem: &TreatmentProblem) -> Result<(), Box<dyn Error>> {
    let all = problem.all();
    let outcomes: Vec<f64> = all.samples.targets().iter().copied().collect();
    let mut observed = vec![false; all.rows()];
    for &row in problem.observed_rows() {
        observed[row] = true;
    }
    let of_interest = problem.patients(TreatmentContexts::Informative);
    let figure = observed_and_unobserved(
        &Patients {
            contexts: &points(all.samples.contexts()),
            effects: &pairs(&all.coefficients),
            doses: &points(all.samples.features()),
            outcomes: &outcomes,
        },
        &observed,
        &OfInterest {
            contexts: &points(of_interest.original_contexts.view()),
            truth: &pairs(&of_interest.coefficients),
            predicted: &[],
        },
        &Wording::default(),
    )?;
    folder.write("section_1_3_observed_populations", &figure)
}

/// Each fitted model's effects over the true ones; shape functions where there are some.
///
/// # Errors
///
/// See [`Folder::write`].
pub fn models(
    folder: &Folder,
    problem: &TreatmentProblem,
    outcomes: &[Outcome],
) -> Result<(), Box<dyn Error>> {
    let (unobserved, observed, patients) = truth(problem);
    for outcome in outcomes
        .iter()
        .filter(|outcome| !outcome.patients.is_empty())
    {
        let row = &outcome.row;
        let figure = predicted_effects(
            &TrueEffects {
                unobserved: &unobserved,
                observed: &observed,
            },
            &ModelEffects {
                name: &format!("{} {}", row.section, row.model),
                predicted: &outcome.effects,
                errors: Some((row.response_mse, row.effect_mse)),
            },
            &OfInterest {
                contexts: &[],
                truth: &patients,
                predicted: &outcome.patients,
            },
            &Wording::default(),
        )?;
        folder.write(&format!("effects_{}_{}", row.section, row.model), &figure)?;
        if outcome.additive.is_some() {
            shapes(folder, problem, outcome)?;
        }
    }
    Ok(())
}

/// All fitted models side by side, and the training curves.
///
/// # Errors
///
/// See [`Folder::write`].
pub fn overview(
    folder: &Folder,
    problem: &TreatmentProblem,
    outcomes: &[Outcome],
) -> Result<(), Box<dyn Error>> {
    let (unobserved, observed, _) = truth(problem);
    let named: Vec<(String, &Outcome)> = outcomes
        .iter()
        .filter(|outcome| !outcome.patients.is_empty())
        .map(|outcome| {
            (
                format!("{} {}", outcome.row.section, outcome.row.model),
                outcome,
            )
        })
        .collect();
    let effects: Vec<ModelEffects<'_>> = named
        .iter()
        .map(|(name, outcome)| ModelEffects {
            name,
            predicted: &outcome.effects,
            errors: Some((outcome.row.response_mse, outcome.row.effect_mse)),
        })
        .collect();
    let truth = TrueEffects {
        unobserved: &unobserved,
        observed: &observed,
    };
    folder.write(
        "all_models",
        &all_models(&truth, &effects, 3, &Wording::default())?,
    )?;
    let curves: Vec<TrainingCurve<'_>> = named
        .iter()
        .filter(|(_, outcome)| outcome.training.len() > 2 && outcome.training.len() <= 50)
        .map(|(name, outcome)| TrainingCurve {
            name,
            training: &outcome.training,
            validation: &[],
        })
        .collect();
    folder.write("training_curves", &training_curves(&curves))
}

/// What each context does to each effect, as an additive model sees it, over the truth.
fn shapes(
    folder: &Folder,
    problem: &TreatmentProblem,
    outcome: &Outcome,
) -> Result<(), Box<dyn Error>> {
    let Some(model) = &outcome.additive else {
        return Ok(());
    };
    let contexts = match outcome.row.section {
        "1.9-some-noise" => TreatmentContexts::WithNoise,
        _ => TreatmentContexts::Informative,
    };
    let scaling = problem.standardization(contexts);
    let observed = scaling.invert(problem.observed(contexts).samples.contexts())?;
    let mut curves = Vec::new();
    for (column, context) in ["diet", "exercise", "noise A", "noise B"]
        .into_iter()
        .take(observed.ncols())
        .enumerate()
    {
        let of_observed = observed.column(column).to_vec();
        let (low, high) = match column {
            0 | 1 => (-1.0, 1.0),
            _ => (-2.5, 2.5),
        };
        let values = Array1::linspace(low, high, 81);
        let (center, scale) = (scaling.centers()[column], scaling.scales()[column]);
        let shape = model.shape_function(column, values.mapv(|v| (v - center) / scale).view())?;
        for (effect, treatment) in ["A", "B"].into_iter().enumerate() {
            // W_A = diet + exercise², W_B = diet² + exercise; noise adds nothing.
            let term = move |value: f64| match (column, effect) {
                (0, 0) | (1, 1) => value,
                (0, 1) | (1, 0) => value * value,
                _ => 0.0,
            };
            let mean = of_observed.iter().map(|&v| term(v)).sum::<f64>() / of_observed.len() as f64;
            curves.push((
                format!("{context} on the effect of {treatment}"),
                context,
                values.to_vec(),
                shape.slopes().slice(ndarray::s![.., 0, effect]).to_vec(),
                values.iter().map(|&v| term(v) - mean).collect::<Vec<f64>>(),
                of_observed.clone(),
            ));
        }
    }
    let shapes: Vec<ShapeFunction<'_>> = curves
        .iter()
        .map(
            |(title, context_name, context, estimate, truth, observed)| ShapeFunction {
                title,
                context_name,
                context,
                estimate,
                interval: None,
                truth,
                observed,
            },
        )
        .collect();
    let name = format!("shapes_{}", outcome.row.section);
    folder.write(&name, &shape_functions(&shapes, 2)?)
}

/// True effects of the unobserved, the observed, and the two patients of interest.
type Effects = Vec<(f64, f64)>;

fn truth(problem: &TreatmentProblem) -> (Effects, Effects, Effects) {
    let informative = TreatmentContexts::Informative;
    (
        pairs(&problem.unobserved(informative).coefficients),
        pairs(&problem.observed(informative).coefficients),
        pairs(&problem.patients(informative).coefficients),
    )
}

/// The first two columns of a table.
fn points(table: ArrayView2<'_, f64>) -> Vec<(f64, f64)> {
    table
        .rows()
        .into_iter()
        .map(|row| (row[0], row[1]))
        .collect()
}

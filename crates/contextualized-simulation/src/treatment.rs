//! The treatment-effect problem of the demo.
//!
//! "The demo" is the published demo of contextualized regression, *Death to Cluster Models; Long
//! Live Context Encoders*. A patient's diet `c0` and exercise `c1` decide how much a unit dose of
//! treatments A and B does for them:
//!
//! ```text
//! w0 = c0 + c1²        w1 = c0² + c1        y = w0 x0 + w1 x1,  without noise or intercept
//! ```
//!
//! Contexts fill a 75 × 75 grid on [−1, 1]², doses are uniform on [−1, 1]². Responses are
//! observed in five discs of radius 0.1 only, around (0, 0) and (±½, ±½): 221 patients,
//! 45 in the middle and 44 in each of the others. Effects are wanted for the 5404 unobserved.
//!
//! # Where the demo's text and code disagree
//!
//! | the demo | here |
//! |---|---|
//! | calls the five discs gaps, but trains on what lies inside them | inside is *observed* |
//! | decides who is observed on the grid, then applies that to the reversed grid; right only because grid and discs are symmetric about the origin | decided on the contexts themselves, in grid order |
//! | says contexts are uniform | a grid, as in its code |
//! | has no seed, so that its figures cannot be repeated exactly | every draw follows from the seed |
//! | gives the patients of interest doses and responses of zero as placeholders, and noise contexts of other patients | patients have contexts, effects and noise contexts of their own, and no doses |
//! | says a population model learns the average of all models | it learns that of the *observed*, about (0.20, 0.20); the average of all is (0.34, 0.34) |
//! | numbers two sections 1.7 and two 1.9 | variants have names, see [`TreatmentContexts`] |

use crate::draws::Stream;
use crate::{Draws, SimulatedData, Simulator};
use contextualized_core::{Coefficients, Result, Samples, Standardization};
use ndarray::{Array2, Array3, ArrayView2, Axis, array, concatenate, s};
use std::ops::Range;

/// What an estimator is told about a patient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TreatmentContexts {
    /// Diet and exercise.
    Informative,
    /// Diet, exercise and two columns of standard normal noise.
    WithNoise,
    /// The two columns of noise alone.
    NoiseOnly,
}

impl TreatmentContexts {
    /// All variants, in the order of the demo.
    pub const ALL: [Self; 3] = [Self::Informative, Self::WithNoise, Self::NoiseOnly];

    /// Their columns among diet, exercise, noise A, noise B.
    fn columns(self) -> Range<usize> {
        match self {
            Self::Informative => 0..2,
            Self::WithNoise => 0..4,
            Self::NoiseOnly => 2..4,
        }
    }
}

/// The demo's two patients of interest: one near the observed, at (0.6, −0.6), with effects
/// (0.96, −0.24), and one far from them, at (−1, 0), with effects (−1, 1).
#[derive(Debug, Clone, PartialEq)]
pub struct Patients {
    /// Diet and exercise in their own units, 2 × 2, whatever the variant.
    pub original_contexts: Array2<f64>,
    /// Standardised contexts of the variant, 2 × c.
    pub contexts: Array2<f64>,
    /// Their true effects; intercepts are zero.
    pub coefficients: Coefficients,
}

/// Effects of two treatments that vary with diet and exercise, known where responses were
/// observed and wanted everywhere; see the [module](self).
///
/// Contexts come standardised by the mean and the population standard deviation (0.44908 for
/// diet and exercise) of the observed patients. Doses and noise are the same in all variants.
///
/// ```
/// use contextualized_core::Coefficients;
/// use contextualized_core::metrics::effect_mse;
/// use contextualized_simulation::{TreatmentContexts, TreatmentProblem};
/// use ndarray::{Axis, array};
///
/// let problem = TreatmentProblem::new(0)?;
/// let observed = problem.observed(TreatmentContexts::Informative);
/// let unobserved = problem.unobserved(TreatmentContexts::Informative);
/// assert_eq!((observed.rows(), unobserved.rows()), (221, 5404));
/// assert_eq!(observed.samples.names().contexts, ["diet", "exercise"]);
///
/// // What any contextualized model has to beat: the mean effects of the observed, for everyone.
/// let zeros = Coefficients::constant(array![[0.0, 0.0]].view(), array![0.0].view(), 5404)?;
/// let mean = observed.coefficients.slopes().mean_axis(Axis(0)).unwrap_or_default();
/// let mean = Coefficients::constant(mean.view(), array![0.0].view(), 5404)?;
/// let error = |guess| effect_mse(&unobserved.coefficients, guess);
/// assert_eq!(format!("{:.4} {:.4}", error(&zeros)?, error(&mean)?), "0.5655 0.4657");
/// # Ok::<(), contextualized_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct TreatmentProblem {
    all: SimulatedData,
    observed: Vec<usize>,
    unobserved: Vec<usize>,
    informative: Variant,
    with_noise: Variant,
    noise_only: Variant,
}

#[derive(Debug, Clone)]
struct Variant {
    standardization: Standardization,
    observed: SimulatedData,
    unobserved: SimulatedData,
    patients: Patients,
}

impl TreatmentProblem {
    /// Grid points along each context; the grid has its square, 5625.
    pub const GRID_SIDE: usize = 75;

    /// Centres of the observed discs: diet, exercise.
    pub const DISC_CENTERS: [[f64; 2]; 5] = [
        [0.0, 0.0],
        [0.5, 0.5],
        [0.5, -0.5],
        [-0.5, 0.5],
        [-0.5, -0.5],
    ];

    /// Radius of the observed discs; a patient at this distance would be unobserved.
    pub const DISC_RADIUS: f64 = 0.1;

    /// Draws doses and noise contexts; all else is fixed.
    ///
    /// # Errors
    ///
    /// None for any seed: a `Result` because its tables pass the checks every table passes.
    pub fn new(seed: u64) -> Result<Self> {
        let mut all = Simulator::at_contexts(grid().view())
            .irrelevant_contexts(2)
            .uniform_features(-1.0, 1.0)
            .slopes(|c| Self::effects([c[0], c[1]]).to_vec())
            .simulate(seed)?;
        all.samples = all
            .samples
            .with_context_names(["diet", "exercise", "noise A", "noise B"])?
            .with_feature_names(["dose A", "dose B"])?
            .with_target_names(["response"])?;

        let contexts = all.samples.contexts();
        let (observed, unobserved): (Vec<usize>, Vec<usize>) =
            (0..all.rows()).partition(|&row| is_observed([contexts[[row, 0]], contexts[[row, 1]]]));

        let mut draws = Draws::new(seed, Stream::Patients);
        let noise = Array2::from_shape_simple_fn((2, 2), || draws.normal(0.0, 1.0));
        let patients = concatenate![Axis(1), array![[0.6, -0.6], [-1.0, 0.0]], noise];

        let variant = |contexts: TreatmentContexts| {
            let columns = contexts.columns();
            Variant::new(&all, columns, &observed, &unobserved, patients.view())
        };
        Ok(Self {
            informative: variant(TreatmentContexts::Informative)?,
            with_noise: variant(TreatmentContexts::WithNoise)?,
            noise_only: variant(TreatmentContexts::NoiseOnly)?,
            all,
            observed,
            unobserved,
        })
    }

    /// The true effects of treatments A and B, per unit of dose, at a diet and an exercise.
    pub fn effects([diet, exercise]: [f64; 2]) -> [f64; 2] {
        [diet + exercise.powi(2), diet.powi(2) + exercise]
    }

    /// The 221 patients to learn from.
    pub fn observed(&self, contexts: TreatmentContexts) -> &SimulatedData {
        &self.variant(contexts).observed
    }

    /// The 5404 patients to be judged by.
    pub fn unobserved(&self, contexts: TreatmentContexts) -> &SimulatedData {
        &self.variant(contexts).unobserved
    }

    /// The two patients of interest.
    pub fn patients(&self, contexts: TreatmentContexts) -> &Patients {
        &self.variant(contexts).patients
    }

    /// What takes contexts of a variant from their own units to those estimators see.
    pub fn standardization(&self, contexts: TreatmentContexts) -> &Standardization {
        &self.variant(contexts).standardization
    }

    /// All 5625 patients with diet, exercise and noise in their own units, diet changing slowest.
    pub fn all(&self) -> &SimulatedData {
        &self.all
    }

    /// Rows of [`TreatmentProblem::all`] that are observed, ascending.
    pub fn observed_rows(&self) -> &[usize] {
        &self.observed
    }

    /// Rows of [`TreatmentProblem::all`] that are unobserved, ascending.
    pub fn unobserved_rows(&self) -> &[usize] {
        &self.unobserved
    }

    /// Diet and exercise of the observed in their own units, 221 × 2.
    pub fn observed_contexts(&self) -> Array2<f64> {
        self.original_contexts(&self.observed)
    }

    /// Diet and exercise of the unobserved in their own units, 5404 × 2.
    pub fn unobserved_contexts(&self) -> Array2<f64> {
        self.original_contexts(&self.unobserved)
    }

    fn original_contexts(&self, rows: &[usize]) -> Array2<f64> {
        let contexts = self.all.samples.contexts();
        contexts.slice(s![.., ..2]).select(Axis(0), rows)
    }

    fn variant(&self, contexts: TreatmentContexts) -> &Variant {
        match contexts {
            TreatmentContexts::Informative => &self.informative,
            TreatmentContexts::WithNoise => &self.with_noise,
            TreatmentContexts::NoiseOnly => &self.noise_only,
        }
    }
}

impl Variant {
    fn new(
        all: &SimulatedData,
        columns: Range<usize>,
        observed: &[usize],
        unobserved: &[usize],
        patients: ArrayView2<'_, f64>,
    ) -> Result<Self> {
        let contexts = all.samples.contexts().slice_move(s![.., columns.clone()]);
        let standardization =
            Standardization::fit(contexts.select(Axis(0), observed).view(), None)?;
        let names = all.samples.names();
        let at = |rows: &[usize]| -> Result<SimulatedData> {
            let data = all.select(rows)?;
            let contexts = standardization.apply(contexts.select(Axis(0), rows).view())?;
            let samples = Samples::new(
                contexts.view(),
                data.samples.features(),
                data.samples.targets(),
            )?
            .with_context_names(&names.contexts[columns.clone()])?
            .with_feature_names(&names.features)?
            .with_target_names(&names.targets)?;
            Ok(SimulatedData { samples, ..data })
        };
        Ok(Self {
            observed: at(observed)?,
            unobserved: at(unobserved)?,
            patients: Patients::new(patients, columns, &standardization)?,
            standardization,
        })
    }
}

impl Patients {
    /// From diet, exercise and noise in their own units (2 × 4).
    fn new(
        all: ArrayView2<'_, f64>,
        columns: Range<usize>,
        standardization: &Standardization,
    ) -> Result<Self> {
        let slopes = Array3::from_shape_fn((all.nrows(), 1, 2), |(row, _, treatment)| {
            TreatmentProblem::effects([all[[row, 0]], all[[row, 1]]])[treatment]
        });
        Ok(Self {
            contexts: standardization.apply(all.slice(s![.., columns]))?,
            coefficients: Coefficients::new(slopes, Array2::zeros((all.nrows(), 1)))?,
            original_contexts: all.slice(s![.., ..2]).to_owned(),
        })
    }
}

/// Diet and exercise, each −1, −36/37, …, 1: the grid is exactly symmetric about the origin.
fn grid() -> Array2<f64> {
    let side = TreatmentProblem::GRID_SIDE;
    let half = (side - 1) as f64 / 2.0;
    Array2::from_shape_fn((side * side, 2), |(row, column)| {
        let step = [row / side, row % side][column];
        (step as f64 - half) / half
    })
}

/// Strictly within a disc. No grid point is nearer to a circle than 0.0025, so that rounding
/// decides nothing.
fn is_observed([diet, exercise]: [f64; 2]) -> bool {
    TreatmentProblem::DISC_CENTERS
        .iter()
        .any(|[x, y]| (diet - x).hypot(exercise - y) < TreatmentProblem::DISC_RADIUS)
}

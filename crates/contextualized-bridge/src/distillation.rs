//! From implicit to explicit: coefficients as a function of the context alone.

use crate::context_function::ContextFunction;
use crate::explained::shares_explained;
use crate::sensitivities::check_pairs;
use contextualized_core::validate::{check_columns, check_query};
use contextualized_core::{
    Checked, Coefficients, Error, Estimator, Family, LocalCoefficients, Result, Samples,
    VaryingCoefficients, checked_serde,
};
use contextualized_encoders::{Activation, MlpSettings, Training, training_setters};
#[cfg(feature = "gp")]
use contextualized_gp::KernelShape;
use ndarray::{Array2, Array3, ArrayView2, Axis, s};
use serde::{Deserialize, Serialize};

/// How coefficients as a function of the context are learned from a model's derivatives.
///
/// A network's coefficients ∂g/∂x depend on context and features. Distilled, they depend on the
/// context alone:
///
/// ```text
/// B(c) = E[∂g/∂x(C, X) | C = c]            fitted by squared error to the Jacobians at the rows
/// m(c) = E[g(C, X) − B(C) X | C = c]       fitted to what is left of the network's predictor
/// ```
///
/// B is the average derivative at a context (see [`crate::averaged_coefficients`]) over the features
/// seen with contexts like it, and B(c) itself where g = B(c) x + m(c). The errors of single
/// Jacobians, as of a network whose coefficients jump, average out; what the network has wrong on
/// average, the distilled model has wrong too: its [`Fidelity`] is to the network, not to the truth.
///
/// ```
/// use contextualized_bridge::{Distillation, EncoderStudent, ImplicitRegression};
/// use contextualized_core::{Estimator, VaryingCoefficients};
/// use contextualized_simulation::Simulator;
/// use ndarray::array;
///
/// let simulator = Simulator::new(500).uniform_contexts(1, -1.0, 1.0).slopes(|c| vec![c[0]]);
/// let data = simulator.simulate(1)?.samples;
/// let teacher = ImplicitRegression::new().fit(&data)?;
/// let student = Distillation::Encoder(EncoderStudent::new());
/// let explicit = student.distil(&teacher, &data)?;
/// let slope = explicit.coefficients(array![[0.5]].view())?.slopes()[[0, 0, 0]];
/// assert!((slope - 0.5).abs() < 0.15);
/// assert!(explicit.fidelity().r_squared[0] > Some(0.95));
/// # Ok::<(), contextualized_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub enum Distillation {
    /// By an encoder: many contexts, jumps, any number of rows.
    Encoder(EncoderStudent),
    /// By Gaussian processes with kernels of this family, in closed form, one for each coefficient.
    #[cfg(feature = "gp")]
    Kernel(KernelShape),
}

/// An encoder that learns coefficients.
///
/// | setting | default | range |
/// |---|---|---|
/// | size | 2 hidden layers of 25 | 1 or more of either |
/// | activation | tanh | any |
/// | epochs | 200 | 1 or more |
/// | batch size | 16 | 1 or more |
/// | learning rate | 0.003 | above 0 |
/// | early stopping | on a random fifth of the rows, patience 20 epochs | fraction in (0, 1), patience 1 or more |
/// | seed | 0 | |
#[derive(Debug, Clone, PartialEq)]
pub struct EncoderStudent {
    pub(crate) network: MlpSettings,
    pub(crate) training: Training,
}

impl Default for EncoderStudent {
    fn default() -> Self {
        Self {
            network: MlpSettings::default().activation(Activation::Tanh),
            training: Training {
                epochs: 200,
                batch_size: 16,
                learning_rate: 3e-3,
                patience: 20,
                ..Training::default()
            },
        }
    }
}

impl EncoderStudent {
    training_setters!();

    /// The default settings.
    pub fn new() -> Self {
        Self::default()
    }

    /// Width and number of the hidden layers.
    pub fn mlp(mut self, width: usize, layers: usize) -> Self {
        (self.network.width, self.network.layers) = (width, layers);
        self
    }

    /// The function between layers.
    pub fn activation(mut self, activation: Activation) -> Self {
        self.network.activation = activation;
        self
    }
}

/// How well an explicit model stands for the one it was distilled from, on given rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fidelity {
    /// For every target the share of the variance of the teacher's linear predictor that the
    /// distilled one explains; nothing where the teacher's does not vary.
    pub r_squared: Vec<Option<f64>>,
    /// Mean squared difference between the teacher's slopes and the distilled ones, targets ×
    /// features, in the users' units: what a function of the context alone cannot follow, and what
    /// the student did not learn.
    pub slope_errors: Array2<f64>,
}

impl Fidelity {
    /// Measures an explicit model against another on rows of contexts and features: those it was
    /// distilled from, or new ones.
    ///
    /// # Errors
    ///
    /// [`Error::NoRows`]; [`Error::ColumnCount`] when the two differ in features or targets; those of
    /// the models.
    pub fn between<T, S>(
        teacher: &T,
        distilled: &S,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
    ) -> Result<Self>
    where
        T: LocalCoefficients + ?Sized,
        S: VaryingCoefficients + ?Sized,
    {
        check_pairs(contexts, features)?;
        if contexts.nrows() == 0 {
            return Err(Error::NoRows {
                argument: "contexts",
            });
        }
        let local = teacher.coefficients_at(contexts, features)?;
        let explicit = distilled.coefficients(contexts)?;
        check_columns("distilled targets", local.targets(), explicit.targets())?;
        check_columns("distilled features", local.features(), explicit.features())?;
        let values = teacher.linear_predictor(contexts, features)?;
        let residuals = &values - &explicit.linear_predictor(features)?;
        let squares = (&local.slopes() - &explicit.slopes()).mapv(|d| d * d);
        Ok(Self {
            r_squared: shares_explained(&values, &residuals),
            slope_errors: squares.sum_axis(Axis(0)) / contexts.nrows() as f64,
        })
    }
}

impl Distillation {
    /// Distils a model at the contexts and features of samples, those it was fitted to for example, with their weights.
    /// Their targets have no part in it; whoever watches the samples can end it.
    ///
    /// # Errors
    ///
    /// [`Error::TooFewRows`], [`Error::InvalidParameter`] and [`Error::Diverged`] of an encoder that
    /// cannot be trained; those of a kernel fit; those of the teacher; [`Error::Cancelled`].
    pub fn distil<M: LocalCoefficients + ?Sized>(
        &self,
        teacher: &M,
        samples: &Samples,
    ) -> Result<DistilledModel> {
        let samples = samples.rows_that_count()?;
        let (contexts, features) = (samples.contexts(), samples.features());
        let local = teacher.coefficients_at(contexts, features)?;
        let (rows, targets, width) = local.slopes().dim();
        let outputs = local
            .slopes()
            .to_shape((rows, targets * width))
            .map_err(|error| Error::numerical("arranging slopes", error))?
            .to_owned();
        let slopes = ContextFunction::fit(self, &samples, outputs.view())?;
        let distilled = slopes.evaluate(contexts)?;
        let linear = Array2::from_shape_fn((rows, targets), |(row, target)| {
            let slope = distilled.slice(s![row, target * width..(target + 1) * width]);
            slope.dot(&features.row(row))
        });
        let left = teacher.linear_predictor(contexts, features)? - linear;
        let intercepts = ContextFunction::fit(self, &samples, left.view())?;
        let mut model = DistilledModel {
            family: teacher.family(),
            features: width,
            slopes,
            intercepts,
            fidelity: Fidelity {
                r_squared: Vec::new(),
                slope_errors: Array2::zeros((0, 0)),
            },
        };
        model.fidelity = Fidelity::between(teacher, &model, contexts, features)?;
        Ok(model)
    }

    fn name(&self) -> String {
        match self {
            Self::Encoder(student) => {
                format!("MLP {} × {}", student.network.width, student.network.layers)
            }
            #[cfg(feature = "gp")]
            Self::Kernel(family) => family.to_string(),
        }
    }
}

/// An explicit model that was distilled from another: its coefficients are functions of the context.
///
/// Reloaded through serde it predicts the same bits; numbers that contradict each other are refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub struct DistilledModel {
    family: Family,
    features: usize,
    /// Targets × features, target after target.
    slopes: ContextFunction,
    intercepts: ContextFunction,
    fidelity: Fidelity,
}

checked_serde!(DistilledModel);

impl Checked for DistilledModel {
    fn check(&self) -> Result<()> {
        self.slopes.check()?;
        self.intercepts.check()?;
        let ((contexts, slopes), (found, targets)) =
            (self.slopes.widths(), self.intercepts.widths());
        check_columns("contexts of intercepts", contexts, found)?;
        check_columns("slopes", targets.saturating_mul(self.features), slopes)
    }
}

impl DistilledModel {
    /// How well it stands for its teacher, on the rows it was distilled at. For other rows there is
    /// [`Fidelity::between`].
    pub fn fidelity(&self) -> &Fidelity {
        &self.fidelity
    }
}

impl VaryingCoefficients for DistilledModel {
    fn coefficients(&self, contexts: ArrayView2<'_, f64>) -> Result<Coefficients> {
        let slopes = self.slopes.evaluate(contexts)?;
        let intercepts = self.intercepts.evaluate(contexts)?;
        let (rows, targets) = intercepts.dim();
        let slopes = Array3::from_shape_vec(
            (rows, targets, self.features),
            slopes.iter().copied().collect(),
        )
        .map_err(|error| Error::numerical("arranging slopes", error))?;
        Coefficients::new(slopes, intercepts)
    }
}

impl LocalCoefficients for DistilledModel {
    fn coefficients_at(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
    ) -> Result<Coefficients> {
        check_query(contexts, self.slopes.widths().0, features, self.features)?;
        self.coefficients(contexts)
    }

    fn family(&self) -> Family {
        self.family
    }

    fn as_varying(&self) -> Option<&dyn VaryingCoefficients> {
        Some(self)
    }
}

/// An estimator whose model is distilled at the rows it was fitted to.
///
/// ```
/// use contextualized_bridge::{Distillation, DistilledRegression, EncoderStudent, ImplicitRegression};
/// use contextualized_core::Estimator;
///
/// let student = Distillation::Encoder(EncoderStudent::new());
/// let estimator = DistilledRegression::new(ImplicitRegression::new(), student);
/// assert_eq!(estimator.name(), "implicit (MLP 50 × 2), distilled (MLP 25 × 2)");
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct DistilledRegression<E> {
    teacher: E,
    distillation: Distillation,
}

impl<E> DistilledRegression<E> {
    /// Fits this estimator, then distils its model.
    pub fn new(teacher: E, distillation: Distillation) -> Self {
        Self {
            teacher,
            distillation,
        }
    }
}

impl<E> Estimator for DistilledRegression<E>
where
    E: Estimator,
    E::Model: LocalCoefficients,
{
    type Model = DistilledModel;

    fn name(&self) -> String {
        format!(
            "{}, distilled ({})",
            self.teacher.name(),
            self.distillation.name()
        )
    }

    /// # Errors
    ///
    /// Those of the teacher, and of [`Distillation::distil`].
    fn fit(&self, samples: &Samples) -> Result<DistilledModel> {
        let teacher = self.teacher.fit(samples)?;
        self.distillation.distil(&teacher, samples)
    }
}

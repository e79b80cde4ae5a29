//! The parameter that a distribution has besides its mean, and how fits estimate it.

use super::Family;
use crate::validate::check_rows;
use crate::{Error, LocalCoefficients, Result, Samples};
use ndarray::{Array1, ArrayView1, Axis};
use serde::{Deserialize, Serialize};

/// A positive parameter of a distribution, such as the size of a negative binomial one: given, or to be
/// estimated by the fit.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(try_from = "Option<f64>", into = "Option<f64>")]
pub struct Shape(Option<f64>);

impl Shape {
    pub(super) const TO_BE_ESTIMATED: Self = Self(None);

    /// A known value.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for a number that is not positive and finite.
    pub fn known(value: f64) -> Result<Self> {
        if value.is_finite() && value > 0.0 {
            Ok(Self(Some(value)))
        } else {
            let requirement = "a positive number";
            Err(Error::invalid_parameter("shape", value, requirement))
        }
    }

    /// The value, once it is known.
    pub fn get(self) -> Option<f64> {
        self.0
    }

    /// The value; one until it is known.
    pub(super) fn value(self) -> f64 {
        self.0.unwrap_or(1.0)
    }
}

impl TryFrom<Option<f64>> for Shape {
    type Error = Error;

    fn try_from(value: Option<f64>) -> Result<Self> {
        value.map_or(Ok(Self(None)), Self::known)
    }
}

impl From<Shape> for Option<f64> {
    fn from(shape: Shape) -> Self {
        shape.0
    }
}

/// What a fit says of the linear predictors of its rows, from which a shape is estimated.
#[derive(Debug, Clone, PartialEq)]
pub struct FittedPredictors {
    /// Without offsets (n).
    pub means: Array1<f64>,
    /// Posterior standard deviations (n), if the fit has any.
    pub deviations: Option<Array1<f64>>,
    /// Coefficients estimated without a prior, each of which takes a degree of freedom.
    pub coefficients: usize,
}

impl FittedPredictors {
    /// Of a model at its own rows, without standard deviations.
    ///
    /// # Errors
    ///
    /// Those of [`LocalCoefficients::linear_predictor`].
    pub fn of(model: &dyn LocalCoefficients, samples: &Samples) -> Result<Self> {
        let predictors = model.linear_predictor(samples.contexts(), samples.features())?;
        Ok(Self {
            means: predictors.index_axis_move(Axis(1), 0),
            deviations: None,
            coefficients: 0,
        })
    }
}

/// Outcomes of one target with what is known of their linear predictors, offsets included.
pub(super) struct Fitted<'a> {
    targets: ArrayView1<'a, f64>,
    means: Array1<f64>,
    deviations: Option<&'a Array1<f64>>,
    weights: Option<ArrayView1<'a, f64>>,
    coefficients: usize,
}

/// Points and weights of Gauss-Hermite's rule for the standard normal distribution.
const NODES: [(f64, f64); 5] = [
    (-2.856_970_013_872_806, 0.011_257_411_327_720_69),
    (-1.355_626_179_974_266, 0.222_075_922_005_612_6),
    (0.0, 0.533_333_333_333_333_3),
    (1.355_626_179_974_266, 0.222_075_922_005_612_6),
    (2.856_970_013_872_806, 0.011_257_411_327_720_69),
];

impl Fitted<'_> {
    /// The sum over rows, by weight, of the mean of a function of target and predictor, and the sum of weights.
    fn sum(&self, of: impl Fn(f64, f64) -> f64) -> (f64, f64) {
        let (mut sum, mut whole) = (0.0, 0.0);
        for (row, (&target, &mean)) in self.targets.iter().zip(&self.means).enumerate() {
            let weight = self.weights.map_or(1.0, |weights| weights[row]);
            let deviation = self.deviations.map_or(0.0, |deviations| deviations[row]);
            let own = if deviation == 0.0 {
                of(target, mean)
            } else {
                NODES
                    .iter()
                    .map(|(node, share)| share * of(target, mean + deviation * node))
                    .sum()
            };
            if weight > 0.0 {
                sum += weight * own;
                whole += weight;
            }
        }
        (sum, whole)
    }

    /// The mean over rows, by weight, of a function of target and predictor.
    pub(super) fn mean(&self, of: impl Fn(f64, f64) -> f64) -> f64 {
        let (sum, whole) = self.sum(of);
        sum / whole
    }

    /// The sum over rows, by weight, of a function of target and predictor, over the degrees of freedom that are
    /// left: a positive number.
    pub(super) fn per_degree(&self, of: impl Fn(f64, f64) -> f64) -> f64 {
        let (sum, _) = self.sum(of);
        let counted = |weight: &&f64| **weight > 0.0;
        let rows = self.weights.map_or(self.targets.len(), |weights| {
            weights.iter().filter(counted).count()
        });
        let degrees = rows.saturating_sub(self.coefficients).max(1);
        (sum / degrees as f64).clamp(LEAST, LEAST.recip())
    }
}

/// The least shape that is estimated.
const LEAST: f64 = 1e-12;

/// Where a function of a positive number that falls through zero does so, or the end of the range that is nearest.
pub(super) fn root(range: (f64, f64), function: impl Fn(f64) -> f64) -> f64 {
    const HALVINGS: usize = 60;
    let (mut low, mut high) = (range.0.ln(), range.1.ln());
    for _ in 0..HALVINGS {
        let middle = 0.5 * (low + high);
        if middle == low || middle == high {
            break;
        }
        if function(middle.exp()) > 0.0 {
            low = middle;
        } else {
            high = middle;
        }
    }
    (0.5 * (low + high)).exp()
}

impl Family {
    /// The parameter of the distribution besides its mean, if it has one.
    pub fn shape(self) -> Option<Shape> {
        self.outcome().shape()
    }

    /// What the shape is called, once it is known its value, and what the variance is by it.
    pub fn shape_in_words(self) -> Option<String> {
        let (name, variance) = self.outcome().shape_description();
        let value = self.shape()?.get()?;
        Some(format!("{name} = {value:.4} ({variance})"))
    }

    /// Whether the other is the same but for the value of its shape.
    pub fn is_of(self, other: Self) -> bool {
        self.name() == other.name()
    }

    /// The same with a shape; others than those with one as they are.
    ///
    /// # Errors
    ///
    /// Those of [`Shape::known`].
    pub fn with_shape(self, shape: f64) -> Result<Self> {
        let shape = Shape::known(shape)?;
        Ok(self.outcome().with_shape(shape).unwrap_or(self))
    }

    /// Whether nothing is left to be estimated besides linear predictors.
    pub fn is_known(self) -> bool {
        self.outcome()
            .shape()
            .is_none_or(|shape| shape.get().is_some())
    }

    /// Checks that nothing is left to be estimated besides linear predictors.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for a family whose shape is not known.
    pub fn require_known(self) -> Result<()> {
        if self.is_known() {
            return Ok(());
        }
        let (name, _) = self.outcome().shape_description();
        let requirement = format!("one whose {name} is known, as by Family::with_shape");
        Err(Error::invalid_parameter("family", self, requirement))
    }

    /// Fits with the shape estimated from where `start`, the same family, has one: by turns, the fit for a shape, and the shape for what it says of the rows, until
    /// the shape changes by less than the relative tolerance or `rounds` are over. One fit where there is nothing to
    /// be estimated. With posterior standard deviations these are the steps of an EM algorithm (Dempster, Laird and
    /// Rubin 1977, doi:10.1111/j.2517-6161.1977.tb01600.x).
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for several targets, whose shapes differ; those of the fit.
    pub fn fit_with_shape<M>(
        self,
        samples: &Samples,
        start: Option<Self>,
        (tolerance, rounds): (f64, usize),
        fit: impl Fn(Self) -> Result<M>,
        predictors: impl Fn(&M) -> Result<FittedPredictors>,
    ) -> Result<M> {
        if self.is_known() {
            return fit(self);
        }
        self.require_one_target(samples)?;
        let mut family = match start {
            Some(start) => start,
            None => self.estimated(samples, self.without_features(samples))?,
        };
        let mut model = fit(family)?;
        for _ in 1..rounds {
            let next = family.estimated(samples, predictors(&model)?)?;
            let change = match (family.outcome().shape(), next.outcome().shape()) {
                (Some(before), Some(after)) => (after.value() / before.value()).ln().abs(),
                (None, _) | (_, None) => 0.0,
            };
            if change <= tolerance {
                break;
            }
            family = next;
            model = fit(family)?;
        }
        Ok(model)
    }

    fn require_one_target(self, samples: &Samples) -> Result<()> {
        let targets = samples.targets().ncols();
        if targets == 1 {
            return Ok(());
        }
        Err(Error::invalid_parameter(
            "targets",
            targets,
            format!(
                "one, as the {} family has a parameter of its own for each",
                self.name()
            ),
        ))
    }

    /// Predictors that are the same for all rows, as those of the mean.
    fn without_features(self, samples: &Samples) -> FittedPredictors {
        let targets = samples.targets().column(0).to_owned();
        let weights = samples.weights();
        let weight = |row: usize| weights.map_or(1.0, |weights| weights[row]);
        let exposure = |row: usize| {
            let offset = samples.offsets().map_or(0.0, |offsets| offsets[row]);
            self.link().inverse(offset) / self.link().inverse(0.0)
        };
        let rows = 0..targets.len();
        let total: f64 = rows.clone().map(|row| weight(row) * targets[row]).sum();
        let whole: f64 = rows.map(|row| weight(row) * exposure(row)).sum();
        let predictor = self.link().apply(total / whole);
        FittedPredictors {
            means: Array1::from_elem(targets.len(), predictor),
            deviations: None,
            coefficients: 1,
        }
    }

    /// The same with the shape that what is known of the rows of the samples suggests.
    ///
    /// # Errors
    ///
    /// [`Error::RowCount`]; [`Error::InvalidParameter`] where predictors leave no shape.
    pub fn estimated(self, samples: &Samples, predictors: FittedPredictors) -> Result<Self> {
        let targets = samples.targets().index_axis_move(Axis(1), 0);
        check_rows("predictors", targets.len(), predictors.means.len())?;
        let mut means = predictors.means;
        if let Some(offsets) = samples.offsets() {
            means += &offsets;
        }
        let fitted = Fitted {
            targets,
            means,
            deviations: predictors.deviations.as_ref(),
            weights: samples.weights(),
            coefficients: predictors.coefficients,
        };
        match self.outcome().estimate_shape(&fitted) {
            Some(shape) => self.with_shape(shape),
            None => Ok(self),
        }
    }
}

//! Effects of contexts and predictors.

mod grid;

pub use grid::{EffectGrid, EffectSummary};

use crate::flat::{flat, unflat};
use contextualized_core::{
    CoefficientSums, Coefficients, ContextVariable, Error, Link, LocalCoefficients, PredictorSums,
    Result, Samples, WeightedContexts, WithSums,
};
use grid::Plan;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, s};

/// Curves along a grid.
#[derive(Debug, Clone, PartialEq)]
pub struct Effect<C> {
    /// The values of what is varied at which the curves are known, and those of the rows.
    pub grid: EffectGrid,
    /// The curves, a row for each value of the grid.
    pub curves: C,
}

/// How much one coefficient varies with one context.
#[derive(Debug, Clone, PartialEq)]
pub struct Importance {
    /// Name of the target.
    pub target: String,
    /// Name of the feature, or `(intercept)`.
    pub coefficient: String,
    /// Name of the context.
    pub context: String,
    /// Numbers of the curve.
    pub summary: EffectSummary,
}

/// How one curve is made of many rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Averaging {
    PartialDependence,
    AccumulatedLocal,
}

/// What is varied.
#[derive(Debug, Clone, Copy)]
enum Varied {
    Context(usize),
    Feature(usize),
}

/// What contexts do to coefficients, and what contexts and predictors do to the outcome, over real
/// rows.
///
/// Every row keeps its other contexts, and its features. With f the coefficient or the outcome,
/// w the weights of the rows, which sum to one, and z the values of the grid, the curves are
///
/// - partial dependence (Friedman 2001, doi:10.1214/aos/1013203451): `Σᵢ wᵢ f(z, cᵢ)`, every row at
///   every value, also at values that never come with its other contexts;
/// - accumulated local effects (Apley and Zhu 2020, doi:10.1111/rssb.12377): sums over the intervals
///   of the grid up to z of the mean of `f(end, cᵢ) − f(start, cᵢ)` over the rows in the interval,
///   so that no row is moved further than to the ends of its own.
///
/// They agree where f is additive, and then are its own terms. Curves have mean zero over the rows,
/// between values of the grid by linear interpolation, unless they are [`Effects::uncentred`].
///
/// The grid consists of quantiles of the rows, from the smallest to the largest value. If there are no
/// more distinct values than points, as of a code for groups, it is all of them; local effects are
/// then differences between neighbouring values, over the rows that have either of the two, and so
/// depend on the order of codes.
///
/// ```
/// use contextualized_analysis::Effects;
/// use contextualized_core::{Estimator, Samples};
/// use contextualized_linear::GaussianProcessRegression;
/// use ndarray::Array2;
///
/// let contexts = Array2::from_shape_fn((80, 2), |(i, k)| ((7 + 4 * k) * i % 40) as f64 / 20.0 - 1.0);
/// let features = Array2::from_shape_fn((80, 1), |(i, _)| (3 * i % 11) as f64 / 5.0 - 1.0);
/// let targets = Array2::from_shape_fn((80, 1), |(i, _)| {
///     contexts[[i, 0]].powi(2) * features[[i, 0]] + ((31 * i % 17) as f64 - 8.0) / 80.0
/// });
/// let samples = Samples::new(contexts.view(), features.view(), targets.view())?;
/// let model = GaussianProcessRegression::new().fit(&samples)?;
///
/// // The slope against the first context, with bands: a parabola less its mean.
/// let effect = Effects::new().context_on_coefficients_with_bands(&model, &samples, 0)?;
/// let (slopes, at_start) = (effect.curves.values.slopes(), effect.grid.points()[0]);
/// assert_eq!(at_start, -1.0);
/// assert!((slopes[[0, 0, 0]] - 2.0 / 3.0).abs() < 0.1);
/// # Ok::<(), contextualized_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Effects {
    averaging: Averaging,
    points: usize,
    rows: usize,
    seed: u64,
    centred: bool,
    means: bool,
    level: f64,
}

impl Default for Effects {
    fn default() -> Self {
        Self {
            averaging: Averaging::PartialDependence,
            points: 20,
            rows: 200,
            seed: 0,
            centred: true,
            means: false,
            level: 0.95,
        }
    }
}

/// Rows for which a model is asked at once.
const BLOCK: usize = 4096;

impl Effects {
    /// Centred partial dependence at 20 points over at most 200 rows, bands of probability 0.95.
    pub fn new() -> Self {
        Self::default()
    }

    /// Accumulates local effects.
    pub fn accumulated_local(mut self) -> Self {
        self.averaging = Averaging::AccumulatedLocal;
        self
    }

    /// Most points of a grid, at least 2.
    pub fn points(mut self, points: usize) -> Self {
        self.points = points;
        self
    }

    /// Most rows to average over, at least 2: of more samples as many are drawn, without replacement.
    pub fn rows(mut self, rows: usize) -> Self {
        self.rows = rows;
        self
    }

    /// Which rows are drawn.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Leaves curves where they are: averages over rows of coefficients or outcomes, of accumulated
    /// local effects the change since the smallest value.
    pub fn uncentred(mut self) -> Self {
        self.centred = false;
        self
    }

    /// Effects on the mean of the outcome, as averages of predictions, and not on the scale of the link:
    /// of binary targets, on probabilities.
    pub fn on_means(mut self) -> Self {
        self.means = true;
        self
    }

    /// The probability with which a band should hold the effect at any one point.
    pub fn level(mut self, level: f64) -> Self {
        self.level = level;
        self
    }

    /// Of one context on every coefficient; where coefficients depend on features too, at the rows'
    /// own.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for a column that is not there or has the codes of a factor, and for settings out
    /// of range; those of [`LocalCoefficients::coefficients_at`].
    pub fn context_on_coefficients(
        &self,
        model: &(impl LocalCoefficients + ?Sized),
        samples: &Samples,
        context: usize,
    ) -> Result<Effect<Coefficients>> {
        let query = self.query(samples, Varied::Context(context))?;
        let table = query
            .sums(|contexts, features, _| flat(&model.coefficients_at(contexts, features)?))?;
        Ok(Effect {
            curves: unflat(table.view(), samples.features().ncols())?,
            grid: query.plan.grid,
        })
    }

    /// The same with bands.
    ///
    /// # Errors
    ///
    /// Those of [`Effects::context_on_coefficients`] and [`WithSums::coefficient_sums`].
    pub fn context_on_coefficients_with_bands(
        &self,
        model: &(impl WithSums + ?Sized),
        samples: &Samples,
        context: usize,
    ) -> Result<Effect<CoefficientSums>> {
        let query = self.query(samples, Varied::Context(context))?;
        let sums = WeightedContexts::new(query.contexts, query.plan.weights)?;
        let sums = sums.with_monitor(samples.monitor().clone());
        Ok(Effect {
            curves: model.coefficient_sums(&sums, self.level)?,
            grid: query.plan.grid,
        })
    }

    /// Of one context on every target (points × y).
    ///
    /// # Errors
    ///
    /// Those of [`Effects::context_on_coefficients`].
    pub fn context_on_outcome(
        &self,
        model: &(impl LocalCoefficients + ?Sized),
        samples: &Samples,
        context: usize,
    ) -> Result<Effect<Array2<f64>>> {
        self.on_outcome(model, samples, Varied::Context(context))
    }

    /// The same with bands.
    ///
    /// # Errors
    ///
    /// Those of [`Effects::context_on_outcome`] and [`WithSums::predictor_sums`];
    /// [`Error::InvalidParameter`] for effects [`Effects::on_means`] by a link other than the identity,
    /// whose bands are not those of sums of linear predictors.
    pub fn context_on_outcome_with_bands(
        &self,
        model: &(impl WithSums + ?Sized),
        samples: &Samples,
        context: usize,
    ) -> Result<Effect<PredictorSums>> {
        self.on_outcome_with_bands(model, samples, Varied::Context(context))
    }

    /// Of one feature, as a predictor, on every target (points × y).
    ///
    /// # Errors
    ///
    /// Those of [`Effects::context_on_coefficients`].
    pub fn feature_on_outcome(
        &self,
        model: &(impl LocalCoefficients + ?Sized),
        samples: &Samples,
        feature: usize,
    ) -> Result<Effect<Array2<f64>>> {
        self.on_outcome(model, samples, Varied::Feature(feature))
    }

    /// The same with bands.
    ///
    /// # Errors
    ///
    /// Those of [`Effects::context_on_outcome_with_bands`].
    pub fn feature_on_outcome_with_bands(
        &self,
        model: &(impl WithSums + ?Sized),
        samples: &Samples,
        feature: usize,
    ) -> Result<Effect<PredictorSums>> {
        self.on_outcome_with_bands(model, samples, Varied::Feature(feature))
    }

    /// How much every coefficient varies with every context: targets slowest, then coefficients, the
    /// intercept last. A factor is one context, whose curve has a point for each level that rows have, at 0, 1, …
    /// in the order of its columns, or at its codes, by partial dependence.
    ///
    /// # Errors
    ///
    /// Those of [`Effects::context_on_coefficients`].
    pub fn importance(
        &self,
        model: &(impl LocalCoefficients + ?Sized),
        samples: &Samples,
    ) -> Result<Vec<Importance>> {
        let names = samples.names();
        let variables = names.context_variables();
        let effects = variables
            .iter()
            .map(|variable| match variable.columns[..] {
                [column] if variable.coded_levels.is_none() => {
                    self.context_on_coefficients(model, samples, column)
                }
                _ => self.factor_on_coefficients(model, samples, variable),
            })
            .collect::<Result<Vec<_>>>()?;
        let mut table = Vec::new();
        for (target, target_name) in names.targets.iter().enumerate() {
            let features = names.features.iter().map(Some).chain([None]);
            for (coefficient, name) in features.enumerate() {
                for (effect, context) in effects.iter().zip(&variables) {
                    let curve = match name {
                        Some(_) => effect
                            .curves
                            .slopes()
                            .slice(s![.., target, coefficient])
                            .to_owned(),
                        None => effect.curves.intercepts().column(target).to_owned(),
                    };
                    table.push(Importance {
                        target: target_name.clone(),
                        coefficient: name.cloned().unwrap_or_else(|| "(intercept)".to_owned()),
                        context: context.name.clone(),
                        summary: effect.grid.summary(curve.view())?,
                    });
                }
            }
        }
        Ok(table)
    }

    /// Of a factor in several columns or in codes on every coefficient: averages over rows that are given each level.
    fn factor_on_coefficients(
        &self,
        model: &(impl LocalCoefficients + ?Sized),
        samples: &Samples,
        factor: &ContextVariable,
    ) -> Result<Effect<Coefficients>> {
        self.check()?;
        let grid = EffectGrid::of_factor(self, samples, factor);
        let mut means = Vec::new();
        for level in &grid.levels {
            let mut contexts = samples.contexts().select(Axis(0), &grid.sources);
            let features = samples.features().select(Axis(0), &grid.sources);
            for (&column, &code) in factor.columns.iter().zip(level) {
                contexts.column_mut(column).fill(code);
            }
            let all = flat(&model.coefficients_at(contexts.view(), features.view())?)?;
            means.extend(grid.grid.weights().dot(&all));
        }
        let levels = grid.levels.len();
        let table = Array2::from_shape_vec((levels, means.len() / levels.max(1)), means)
            .map_err(|source| Error::numerical("joining the levels of a factor", source))?;
        Ok(Effect {
            curves: unflat(table.view(), samples.features().ncols())?,
            grid: grid.grid,
        })
    }

    fn on_outcome(
        &self,
        model: &(impl LocalCoefficients + ?Sized),
        samples: &Samples,
        varied: Varied,
    ) -> Result<Effect<Array2<f64>>> {
        let query = self.query(samples, varied)?;
        let link = model.family().link();
        let curves = query.sums(|contexts, features, offsets| {
            let mut predictor = model.linear_predictor(contexts, features)?;
            if let Some(offsets) = offsets {
                predictor += &offsets.insert_axis(Axis(1));
            }
            Ok(if self.means {
                link.inverse_table(predictor.view())
            } else {
                predictor
            })
        })?;
        Ok(Effect {
            curves,
            grid: query.plan.grid,
        })
    }

    fn on_outcome_with_bands(
        &self,
        model: &(impl WithSums + ?Sized),
        samples: &Samples,
        varied: Varied,
    ) -> Result<Effect<PredictorSums>> {
        if self.means && model.family().link() != Link::Identity {
            return Err(Error::invalid_parameter(
                "scale of the outcome",
                "that of means",
                "that of the link, for bands",
            ));
        }
        let query = self.query(samples, varied)?;
        let known = query
            .offsets
            .map(|offsets| query.plan.weights.dot(&offsets).insert_axis(Axis(1)));
        let sums = WeightedContexts::new(query.contexts, query.plan.weights)?;
        let sums = sums.with_monitor(samples.monitor().clone());
        let mut curves = model.predictor_sums(&sums, query.features.view(), self.level)?;
        if let Some(known) = known {
            for table in [&mut curves.values, &mut curves.lower, &mut curves.upper] {
                *table += &known;
            }
        }
        Ok(Effect {
            curves,
            grid: query.plan.grid,
        })
    }

    fn check(&self) -> Result<()> {
        for (parameter, value) in [("points", self.points), ("rows", self.rows)] {
            if value < 2 {
                return Err(Error::invalid_parameter(parameter, value, "at least 2"));
            }
        }
        Ok(())
    }

    /// The rows a model is asked for, and how the curves are sums of what it says of them.
    fn query(&self, samples: &Samples, varied: Varied) -> Result<Query> {
        self.check()?;
        let (parameter, table, column) = match varied {
            Varied::Context(column) => ("context", samples.contexts(), column),
            Varied::Feature(column) => ("feature", samples.features(), column),
        };
        if column >= table.ncols() {
            return Err(Error::invalid_parameter(
                parameter,
                column,
                format!("below {}, the number of columns", table.ncols()),
            ));
        }
        if matches!(varied, Varied::Context(_)) && samples.names().is_coded(column) {
            return Err(Error::invalid_parameter(
                parameter,
                &samples.names().contexts[column],
                "a number or an indicator: the codes of a factor are in no order",
            ));
        }
        let plan = Plan::new(self, table.column(column), samples.weights())?;
        let mut contexts = samples.contexts().select(Axis(0), &plan.sources);
        let mut features = samples.features().select(Axis(0), &plan.sources);
        let table = match varied {
            Varied::Context(_) => &mut contexts,
            Varied::Feature(_) => &mut features,
        };
        table.column_mut(column).assign(&plan.values);
        let offsets = samples.offsets();
        Ok(Query {
            contexts,
            features,
            offsets: offsets.map(|offsets| offsets.select(Axis(0), &plan.sources)),
            plan,
        })
    }
}

struct Query {
    contexts: Array2<f64>,
    features: Array2<f64>,
    /// Known terms of the linear predictor.
    offsets: Option<Array1<f64>>,
    plan: Plan,
}

impl Query {
    /// The sums of what is said (questions × values) of all rows, asked in blocks.
    fn sums(
        &self,
        said: impl Fn(
            ArrayView2<'_, f64>,
            ArrayView2<'_, f64>,
            Option<ArrayView1<'_, f64>>,
        ) -> Result<Array2<f64>>,
    ) -> Result<Array2<f64>> {
        let rows = self.contexts.nrows();
        let mut total: Option<Array2<f64>> = None;
        for start in (0..rows).step_by(BLOCK) {
            let range = start..rows.min(start + BLOCK);
            let block = s![range.clone(), ..];
            let offsets = self.offsets.as_ref();
            let values = said(
                self.contexts.slice(block),
                self.features.slice(block),
                offsets.map(|offsets| offsets.slice(s![range.clone()])),
            )?;
            let sums = self.plan.weights.slice(s![.., range]).dot(&values);
            total = Some(match total {
                Some(total) => total + sums,
                None => sums,
            });
        }
        total.ok_or(Error::NoRows { argument: "rows" })
    }
}

//! The estimator: settings, and how they become a fitted model.

use crate::degrees::{Uncertain, satterthwaite};
use crate::factors::{Factor, factors};
use crate::functions::Functions;
use crate::laplace::Laplace;
use crate::model::{ContextFunctions, FittedTarget, MixedModel, scaled_contexts};
use crate::numerical;
use crate::problem::{Problem, Rows};
use crate::rows::{FixedUnits, dense, without_fixed};
use crate::structure::{Criterion, Structure};
use contextualized_core::{
    Error, Estimator, Family, FitReport, RandomEffects, RegressionEstimator, RegressionSettings,
    Result, Samples, Termination,
};
use contextualized_gp::{Kernel, KernelShape, QuasiNewton};
use contextualized_solvers::cholesky_with_limit;
use ndarray::{Array1, Array2, Array3, ArrayView2, Axis};
use std::collections::HashSet;

/// How coefficients that all levels have in common depend on the context.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Variation {
    /// Not at all: a linear mixed model.
    Constant,
    /// By Gaussian processes of all contexts, with a kernel of this shape; without contexts not at all.
    Smooth(KernelShape),
}

impl Default for Variation {
    fn default() -> Self {
        Self::Smooth(KernelShape::SquaredExponential)
    }
}

/// A linear or generalised linear mixed model: regression with the random effects of the
/// [samples](Samples::with_random_terms).
///
/// ```text
/// ℓ(E[y | x, c, b]) = B(c) x + m(c) + Σ_t z_tᵀ b_{t,g(t)},    b_tg ~ N(0, Σ_t)
/// ```
///
/// Gaussian models are fitted by restricted maximum likelihood, others by Laplace's approximation of the likelihood.
/// A shape that is to be estimated, as the size of the negative binomial family, is sought with the fixed effects and
/// covariances, by the same approximation. Features
/// and random effects may have any units and origins. Terms of one grouping factor are independent of each other,
/// effects of one term correlated unless the term says otherwise. Several targets are fitted one by one.
///
/// Row weights are inverse variances up to a factor, as in lme4; for a family without dispersion they are counts, so
/// that shares of successes with numbers of trials as weights are fitted as the trials one by one.
///
/// | setting | default | range |
/// |---|---|---|
/// | variation with the context | smooth, squared exponential | see [`Variation`] |
/// | family | Gaussian | any; of several targets one without a shape to be estimated |
/// | intercept | yes | |
///
/// ```
/// use contextualized_core::{Estimator, LocalCoefficients, RandomTerm, Samples, WithRandomEffects};
/// use contextualized_mixed::MixedRegression;
/// use ndarray::{Array2, array};
///
/// // Four subjects of three measurements each, with an intercept of their own.
/// let subjects = ["a", "a", "a", "b", "b", "b", "c", "c", "c", "d", "d", "d"];
/// let days = Array2::from_shape_fn((12, 1), |(i, _)| (i % 3) as f64);
/// let own = [1.0, -2.0, 3.0, -2.0];
/// let noise = [0.1, -0.3, 0.2, 0.0, 0.1, -0.1, -0.2, 0.2, 0.1, 0.3, -0.2, -0.1];
/// let targets = Array2::from_shape_fn((12, 1), |(i, _)| own[i / 3] + days[[i, 0]] + noise[i]);
/// let intercepts = RandomTerm::new("subject", &subjects, Array2::ones((12, 1)).view())?;
/// let samples = Samples::without_contexts(days.view(), targets.view())?
///     .with_random_terms(vec![intercepts])?;
///
/// let model = MixedRegression::new().fit(&samples)?;
/// let effects = model.as_random_effects().expect("it has some").random_effects();
/// assert!((effects[0].covariances[[0, 0, 0]] - 5.9).abs() < 0.2);
/// # Ok::<(), contextualized_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MixedRegression {
    variation: Variation,
    family: Family,
    no_intercept: bool,
}

/// The search for covariances.
const SEARCH: QuasiNewton = QuasiNewton {
    purpose: "the search for variances of random effects",
    criterion: "the gain in the restricted likelihood",
    memory: 12,
    tolerance: 1e-12,
    unit: 1.0,
    gradient_tolerance: 1e-7,
    max_iterations: 300,
};

/// The gain that ends the search where functions of the context are sought too, which priors leave rough.
const TOLERANCE_OF_FUNCTIONS: f64 = 1e-4;

/// A root this small is that of a variance of zero.
const NO_VARIANCE: f64 = 1e-4;

/// The most numbers in a table of levels and dense columns.
const MOST_NUMBERS: usize = 200_000_000;

impl MixedRegression {
    /// The default settings.
    pub fn new() -> Self {
        Self::default()
    }

    /// How coefficients vary with the context.
    pub fn variation(mut self, variation: Variation) -> Self {
        self.variation = variation;
        self
    }

    /// The family of the targets.
    pub fn family(mut self, family: Family) -> Self {
        self.family = family;
        self
    }

    /// Whether there is an intercept that all levels have in common.
    pub fn intercept(mut self, intercept: bool) -> Self {
        self.no_intercept = !intercept;
        self
    }

    fn functions(
        &self,
        samples: &Samples,
        coefficients: usize,
    ) -> Result<Option<(ContextFunctions, Array2<f64>)>> {
        let shape = match self.variation {
            Variation::Smooth(shape) if samples.contexts().ncols() > 0 => shape,
            Variation::Smooth(_) | Variation::Constant => return Ok(None),
        };
        let scaling = samples.warped_context_scaling(samples.weights())?;
        let variables = samples.names().context_variables();
        let kernel = Kernel::of_variables(shape, &variables).rescaled(&scaling.scales().to_vec());
        let contexts = scaled_contexts(&scaling, samples.names(), samples.contexts())?;
        let functions = Functions::new(&kernel, contexts.view(), coefficients)?;
        let own = ContextFunctions {
            functions,
            scaling,
            names: samples.names().clone(),
        };
        Ok(Some((own, contexts)))
    }
}

impl Estimator for MixedRegression {
    type Model = MixedModel;

    fn name(&self) -> String {
        let mut settings = Vec::new();
        match self.variation {
            Variation::Constant => settings.push("constant coefficients".to_owned()),
            Variation::Smooth(KernelShape::SquaredExponential) => {}
            Variation::Smooth(shape) => settings.push(shape.to_string()),
        }
        settings.extend(self.family.qualifier().map(str::to_owned));
        if self.no_intercept {
            settings.push("no intercept".to_owned());
        }
        if settings.is_empty() {
            "mixed".to_owned()
        } else {
            format!("mixed ({})", settings.join(", "))
        }
    }

    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for samples without random terms, a family that it does not fit, and features that
    /// explain a target exactly; [`Error::TooFewRows`] for as many levels as rows; [`Error::RankDeficient`];
    /// [`Error::InvalidTarget`];
    /// [`Error::NotConverged`] and [`Error::Numerical`] if the search fails.
    fn fit(&self, samples: &Samples) -> Result<MixedModel> {
        let samples = samples.rows_that_count()?;
        let samples = &*samples;
        self.family.check_single(samples)?;
        let quadratic = self.family.is_quadratic();
        let has_noise = self.family.has_dispersion() || !self.family.is_known();
        if !quadratic && self.family.has_dispersion() {
            return Err(Error::invalid_parameter(
                "family of a mixed model",
                self.family,
                "gaussian, or one without a dispersion, such as binomial or poisson",
            ));
        }
        let terms = samples.random_terms();
        if terms.is_empty() {
            return Err(Error::invalid_parameter(
                "random terms",
                0,
                "at least one: a mixed model has random effects, as (1 | subject)",
            ));
        }
        let relative = samples.weights().map(|weights| {
            let mean = weights.mean().unwrap_or(1.0);
            &weights / mean
        });
        let factors = factors(terms, relative.as_ref().map(Array1::view))?;
        let fixed = FixedUnits::new(samples, !self.no_intercept)?;
        let coefficients = fixed.count();
        check_rows(samples, &factors, coefficients, has_noise)?;
        let functions = self.functions(samples, coefficients)?;
        let columns = fixed.design(samples.features())?;
        let of_contexts = functions.as_ref();
        let of_contexts = of_contexts.map(|(own, contexts)| (&own.functions, contexts.view()));
        let leading = &factors[0];
        let structure = Structure {
            factors: &factors,
            functions: of_contexts.map(|(own, _)| own),
            coefficients,
        };
        check_size(&structure, leading)?;
        let dense = dense(samples, columns.view(), &factors, of_contexts)?;
        let levels: Vec<usize> = leading.levels(terms).iter().flatten().copied().collect();
        let design = leading.design(terms);
        let rows = Rows {
            levels: &levels,
            level_count: leading.level_count,
            design: design.view(),
            dense: dense.view(),
        };
        let found = (0..samples.targets().ncols()).map(|target| {
            samples.monitor().check()?;
            if quadratic {
                let fitted = self.gaussian(samples, &columns, structure, rows, target)?;
                Ok((self.family, fitted))
            } else {
                // Columns that depend on each other are named.
                without_fixed(samples, &columns, samples.targets().column(target))?;
                let laplace = Laplace::new(self.family, samples, structure, rows, target)?;
                laplace.fit(&columns)
            }
        });
        let (families, targets): (Vec<Family>, Vec<FittedTarget>) =
            found.collect::<Result<Vec<_>>>()?.into_iter().unzip();
        // With a shape to be estimated there is one target.
        let family = families.first().copied().unwrap_or(self.family);
        let effects = random_effects(samples, &factors, &targets);
        MixedModel::new(
            family,
            samples.contexts().ncols(),
            fixed,
            functions.map(|(own, _)| own),
            factors,
            targets,
            effects,
        )
    }
}

impl MixedRegression {
    fn gaussian(
        &self,
        samples: &Samples,
        columns: &Array2<f64>,
        structure: Structure<'_>,
        rows: Rows<'_>,
        target: usize,
    ) -> Result<FittedTarget> {
        let all = samples.targets_without_offsets();
        let (residuals, start) = without_fixed(samples, columns, all.column(target))?;
        let weights = match samples.weights() {
            Some(weights) => weights.to_owned(),
            None => Array1::ones(samples.rows()),
        };
        let mean_weight = weights.mean().unwrap_or(1.0);
        let relative = &weights / mean_weight;
        let square = (&residuals * &residuals).dot(&relative) / samples.rows() as f64;
        let size = all
            .column(target)
            .iter()
            .fold(0.0_f64, |most, y| most.max(y.abs()));
        let unit = square.sqrt();
        if unit <= 64.0 * f64::EPSILON * size || unit == 0.0 {
            return Err(Error::invalid_parameter(
                "target",
                samples.names().targets[target].as_str(),
                "one that the features do not explain exactly: nothing is left for random effects",
            ));
        }
        let response = &residuals / unit;
        let moments = &response * &relative;
        let total = response.dot(&moments);
        let problem = Problem::gather(rows, relative.view(), moments.view(), total)?;
        let criterion = Criterion {
            problem: &problem,
            structure,
            rows: samples.rows(),
        };
        let (parameters, iterations, converged) = search(&criterion, samples)?;
        let solved = criterion.solve(&parameters)?;
        let noise = criterion.noise(&solved);
        let first = structure.penalised();
        let mut means = &solved.means * unit;
        for (mean, start) in means.iter_mut().skip(first).zip(&start) {
            *mean += start;
        }
        let levels = solved.level_effects();
        let uncertain = match structure.functions {
            None => satterthwaite(&criterion, &parameters, noise)?,
            // Between levels there are so many.
            Some(_) => Uncertain::of_levels(present(rows.levels), structure.coefficients),
        };
        // In units of the target and of rows of weight one.
        let log_weights: f64 = relative.iter().map(|own| own.ln()).sum();
        let scales = 2.0 * samples_scales(samples, !self.no_intercept)?;
        let deviance = criterion.value(&solved, None) - log_weights
            + 2.0 * criterion.degrees() * unit.ln()
            + scales;
        Ok(FittedTarget {
            means,
            half_covariance: solved.half_covariance()?,
            level_means: levels.means * unit,
            level_covariances: levels.covariances,
            gains: levels.gains,
            noise: noise * unit * unit,
            dispersion: noise * unit * unit * mean_weight,
            parameters,
            uncertain: Some(uncertain),
            report: FitReport {
                termination: if converged {
                    Termination::Converged
                } else {
                    Termination::IterationLimit
                },
                iterations,
                objective: deviance,
                best_epoch: None,
            },
        })
    }
}

/// The sum of the logarithms of the features' scales, by which the determinant of Xᵀ V⁻¹ X follows their units.
fn samples_scales(samples: &Samples, intercept: bool) -> Result<f64> {
    let units = FixedUnits::new(samples, intercept)?;
    Ok(units.scaling.scales().iter().map(|scale| scale.ln()).sum())
}

/// Searches from several starts where functions are sought, and again from where a variance was lost that would have
/// raised the likelihood.
fn search(criterion: &Criterion<'_>, samples: &Samples) -> Result<(Vec<f64>, usize, bool)> {
    let structure = criterion.structure;
    let with_functions = structure.functions.is_some();
    let tolerance = if with_functions {
        TOLERANCE_OF_FUNCTIONS
    } else {
        SEARCH.tolerance
    };
    let climb = |start: Vec<f64>, tolerance: f64| {
        let search = QuasiNewton {
            tolerance,
            gradient_tolerance: if with_functions {
                1e-3
            } else {
                SEARCH.gradient_tolerance
            },
            ..SEARCH
        };
        search.minimize(start, |parameters| {
            samples.monitor().check()?;
            criterion.value_and_gradient(parameters, None)
        })
    };
    let mut best = climb(structure.start(), tolerance)?;
    let mut iterations = best.iterations;
    // Where a root is zero its derivative is too, whatever the variance's own is.
    const MOST_RESTARTS: usize = 3;
    for _ in 0..MOST_RESTARTS {
        let mut start = best.point.clone();
        let mut lost = false;
        let mut at = 0;
        for factor in structure.factors {
            for (row, column) in factor.entries() {
                if row == column && start[at].abs() < NO_VARIANCE {
                    start[at] = 0.2;
                    lost = true;
                }
                at += 1;
            }
        }
        if !lost {
            break;
        }
        let again = climb(start, tolerance)?;
        iterations += again.iterations;
        let gained = best.cost - again.cost;
        if gained > 0.0 {
            best = again;
        }
        if gained < 1e-6 {
            break;
        }
    }
    if with_functions {
        return Ok((best.point, iterations, best.converged));
    }
    let (point, steps) = polished(criterion, best.point)?;
    Ok((point, iterations + steps, best.converged))
}

/// Newton's steps with second derivatives from differences of exact first ones: a search by values ends where these
/// are rounded, which is half of the digits before its gradient is.
fn polished(criterion: &Criterion<'_>, mut point: Vec<f64>) -> Result<(Vec<f64>, usize)> {
    const STEP: f64 = 1e-5;
    const MOST_STEPS: usize = 4;
    let gradient_at = |point: &[f64]| -> Result<Array1<f64>> {
        Ok(Array1::from(criterion.value_and_gradient(point, None)?.1))
    };
    let length = |own: &Array1<f64>| own.dot(own).sqrt();
    let mut gradient = gradient_at(&point)?;
    for taken in 0..MOST_STEPS {
        let mut second = Array2::zeros((point.len(), point.len()));
        for at in 0..point.len() {
            let moved = |step: f64| {
                let mut moved = point.clone();
                moved[at] += step;
                gradient_at(&moved)
            };
            let line = (moved(STEP)? - moved(-STEP)?) / (2.0 * STEP);
            second.row_mut(at).assign(&line);
        }
        let symmetric = (&second + &second.t()) * 0.5;
        // Where a root may have either sign, or is of no consequence, there is nothing to gain.
        let Ok(factor) = cholesky_with_limit(symmetric.view(), 0.0) else {
            return Ok((point, taken));
        };
        let step = numerical(factor.solve(gradient.view().insert_axis(Axis(1))))?;
        let tried: Vec<f64> = point.iter().zip(step.iter()).map(|(p, s)| p - s).collect();
        let next = gradient_at(&tried)?;
        if length(&next) >= length(&gradient) {
            return Ok((point, taken));
        }
        (point, gradient) = (tried, next);
    }
    Ok((point, MOST_STEPS))
}

/// Levels that have rows.
fn present(levels: &[usize]) -> usize {
    levels.iter().collect::<HashSet<_>>().len()
}

/// As lme4 has it: a level's effects are not determined beside noise, or a shape, where every row is a level.
fn check_rows(
    samples: &Samples,
    factors: &[Factor],
    coefficients: usize,
    has_noise: bool,
) -> Result<()> {
    let rows = samples.rows();
    let too_few = |purpose: String, needed: usize| {
        Err(Error::TooFewRows {
            purpose,
            needed,
            found: rows,
        })
    };
    if rows <= coefficients {
        return too_few("a mixed model".to_owned(), coefficients + 1);
    }
    for factor in factors {
        let term = &samples.random_terms()[factor.blocks[0].term];
        let levels: HashSet<_> = term.levels().iter().collect();
        if levels.len() < 2 {
            return Err(Error::invalid_parameter(
                "levels of a grouping factor",
                format!("{} of {}", levels.len(), term.group()),
                "at least 2",
            ));
        }
        if has_noise && levels.len() >= rows {
            let purpose = format!("random effects of {}", term.group());
            return too_few(purpose, levels.len() + 1);
        }
    }
    Ok(())
}

/// Refuses factors that are crossed with each other and have too many levels.
fn check_size(structure: &Structure<'_>, leading: &Factor) -> Result<()> {
    let width = structure.penalised() + structure.coefficients + 1;
    let numbers = leading.level_count * leading.effects() * width + width * width;
    if numbers > MOST_NUMBERS {
        return Err(Error::invalid_parameter(
            "effects of all grouping factors but the largest",
            structure.functions_start(),
            format!(
                "few enough that a table of them with the {} levels of the largest has at most {MOST_NUMBERS} numbers",
                leading.level_count
            ),
        ));
    }
    Ok(())
}

/// Of every term in the users' units.
fn random_effects(
    samples: &Samples,
    factors: &[Factor],
    targets: &[FittedTarget],
) -> Vec<RandomEffects> {
    let of_term = |position: usize| {
        let term = &samples.random_terms()[position];
        let levels: HashSet<_> = term.levels().iter().collect();
        let q = term.effects();
        let mut covariances = Array3::zeros((targets.len(), q, q));
        let mut predicted = Array3::zeros((targets.len(), term.level_count(), q));
        for (target, fitted) in targets.iter().enumerate() {
            let (mut parameter, mut column) = (0, 0);
            for (index, factor) in factors.iter().enumerate() {
                let end = parameter + factor.parameters();
                let root = factor.root(&fitted.parameters[parameter..end]);
                parameter = end;
                let size = factor.level_count * factor.effects();
                let own: ArrayView2<'_, f64> = if index == 0 {
                    fitted.level_means.view()
                } else {
                    let own = fitted.means.slice(ndarray::s![column..column + size]);
                    column += size;
                    own.into_shape_with_order((factor.level_count, factor.effects()))
                        .expect("a slice of a vector is contiguous")
                };
                let Some(block) = factor.blocks.iter().find(|own| own.term == position) else {
                    continue;
                };
                let covariance = factor.covariance(&root, fitted.noise, block);
                covariances
                    .index_axis_mut(Axis(0), target)
                    .assign(&covariance);
                let effects = own.dot(&factor.units.t());
                let range = block.start..block.start + q;
                predicted
                    .index_axis_mut(Axis(0), target)
                    .assign(&effects.slice(ndarray::s![.., range]));
            }
        }
        RandomEffects {
            group: term.group().to_owned(),
            effect_names: term.effect_names().to_vec(),
            correlated: term.is_correlated(),
            levels_fitted: levels.len(),
            covariances,
            predicted,
        }
    };
    (0..samples.random_terms().len()).map(of_term).collect()
}

impl RegressionEstimator for MixedRegression {
    const KNOWS_DISPERSION: bool = true;

    fn with_settings(settings: &RegressionSettings) -> Self {
        Self::new()
            .family(settings.family)
            .intercept(settings.intercept)
    }

    fn candidates(settings: &RegressionSettings, contexts: usize) -> Vec<Self> {
        let smooth = Self::with_settings(settings);
        if contexts == 0 {
            return vec![smooth];
        }
        vec![smooth.clone().variation(Variation::Constant), smooth]
    }
}

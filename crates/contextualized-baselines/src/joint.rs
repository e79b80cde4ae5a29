//! Maximum likelihood of outcomes that take all targets of a row together, such as classes.

use crate::design::Design;
use crate::population::{Covariance, Fit, clustered, offsets_of, weights_of};
use crate::separation::is_separated;
use contextualized_core::{Error, Family, FitReport, Result, RowDerivatives, Samples, Termination};
use contextualized_solvers as solvers;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, concatenate, s};

/// Most iterations; a concave likelihood needs about ten.
const ITERATIONS: usize = 100;

/// Converged when no row's linear predictor moves by more than this, relative to its size.
const TOLERANCE: f64 = 1e-10;

/// What rows of so many targets say of the coefficients of all, target by target.
struct Sums {
    log_likelihood: f64,
    /// By coefficient.
    score: Array1<f64>,
    /// Minus the second derivatives, coefficients square.
    information: Array2<f64>,
}

/// The rows of a regression of several targets.
struct Problem<'a> {
    family: Family,
    matrix: Array2<f64>,
    targets: Array2<f64>,
    weights: Array1<f64>,
    offsets: Array1<f64>,
    /// Of the coefficients of one target.
    penalties: ArrayView1<'a, f64>,
}

impl Problem<'_> {
    /// Linear predictors (n × y) of coefficients (columns × y), with offsets.
    fn predictors(&self, coefficients: &Array2<f64>) -> Array2<f64> {
        self.matrix.dot(coefficients) + self.offsets.view().insert_axis(Axis(1))
    }

    fn derivatives(&self, row: usize, predictors: ArrayView2<'_, f64>) -> RowDerivatives {
        self.family
            .row_derivatives(self.targets.row(row), predictors.row(row))
    }

    /// The penalised log-likelihood: half of what the penalties of the deviance take is what they take of it.
    fn objective(&self, coefficients: &Array2<f64>) -> f64 {
        let predictors = self.predictors(coefficients);
        let rows = (0..self.weights.len())
            .map(|row| self.weights[row] * self.derivatives(row, predictors.view()).log_likelihood);
        let squares = (coefficients * coefficients).sum_axis(Axis(1));
        rows.sum::<f64>() - 0.5 * squares.dot(&self.penalties)
    }

    fn sums(&self, coefficients: &Array2<f64>) -> Sums {
        let predictors = self.predictors(coefficients);
        let (columns, targets) = coefficients.dim();
        let count = columns * targets;
        let mut sums = Sums {
            log_likelihood: 0.0,
            score: Array1::zeros(count),
            information: Array2::zeros((count, count)),
        };
        // Second derivatives of the rows by each pair of targets, whose sums are products of matrices.
        let mut curvatures = vec![Array1::<f64>::zeros(self.weights.len()); targets * targets];
        let mut slopes = Array2::<f64>::zeros(self.targets.dim());
        for (row, &weight) in self.weights.iter().enumerate() {
            let at = self.derivatives(row, predictors.view());
            sums.log_likelihood += weight * at.log_likelihood;
            slopes.row_mut(row).assign(&(at.first * weight));
            for ((one, other), second) in at.second.indexed_iter() {
                curvatures[one * targets + other][row] = -weight * second;
            }
        }
        let of_target = |target: usize| target * columns..(target + 1) * columns;
        for one in 0..targets {
            let own = self.matrix.t().dot(&slopes.column(one))
                - &self.penalties * &coefficients.column(one);
            sums.score.slice_mut(s![of_target(one)]).assign(&own);
            for other in 0..=one {
                let weighted = &self.matrix
                    * &curvatures[one * targets + other]
                        .view()
                        .insert_axis(Axis(1));
                let mut block = self.matrix.t().dot(&weighted);
                if one == other {
                    let mut diagonal = block.diag_mut();
                    diagonal += &self.penalties;
                }
                sums.information
                    .slice_mut(s![of_target(one), of_target(other)])
                    .assign(&block);
                sums.information
                    .slice_mut(s![of_target(other), of_target(one)])
                    .assign(&block.t());
            }
        }
        sums
    }

    /// Whether some direction of the coefficients makes what happened in some rows ever more likely, and in none less:
    /// every predictor of a class that did not happen falls behind that of the one that did.
    fn is_separated(&self) -> solvers::Result<bool> {
        let (rows, targets) = self.targets.dim();
        let columns = self.matrix.ncols();
        let mut differences = Array2::zeros((rows * targets, columns * targets));
        let mut next = 0;
        for (row, features) in self.matrix.rows().into_iter().enumerate() {
            let happened = self.targets.row(row).iter().position(|own| *own > 0.5);
            let classes = std::iter::once(None).chain((0..targets).map(Some));
            for other in classes.filter(|other| *other != happened) {
                for (class, sign) in [(happened, 1.0), (other, -1.0)] {
                    let Some(class) = class else { continue };
                    differences
                        .slice_mut(s![next, class * columns..(class + 1) * columns])
                        .scaled_add(sign, &features);
                }
                next += 1;
            }
        }
        is_separated(&differences, &Array1::ones(rows * targets))
    }
}

/// The joint fit of all targets of a family with [classes](Family::has_classes), by Newton's method with step halving.
///
/// Under a penalty a class without rows gets half a row of average features, as does every other one then, so that its
/// intercept is finite.
pub(crate) fn fit(
    design: &Design<'_>,
    samples: &Samples,
    family: Family,
    ridge: f64,
    groups: Option<&[usize]>,
) -> Result<Fit> {
    let penalties = design.penalties(Array1::from_elem(samples.features().ncols(), ridge).view());
    let mut problem = Problem {
        family,
        matrix: design.matrix.clone(),
        targets: samples.targets().to_owned(),
        weights: weights_of(samples),
        offsets: offsets_of(samples),
        penalties: penalties.view(),
    };
    let targets = problem.targets.ncols();
    let sizes = problem.targets.sum_axis(Axis(0));
    let reference = samples.rows() as f64 - sizes.sum();
    if ridge > 0.0 && (reference == 0.0 || sizes.iter().any(|size| *size == 0.0)) {
        problem = problem.with_half_rows()?;
    }
    let columns = design.coefficients();
    let mut coefficients = Array2::<f64>::zeros((columns, targets));
    let mut value = problem.objective(&coefficients);
    let mut movement = f64::INFINITY;
    let mut iterations = 0;
    let mut found = None;
    for iteration in 1..=ITERATIONS {
        let sums = problem.sums(&coefficients);
        // A separated class makes probabilities certain, and the information singular.
        let Ok(factor) = solvers::cholesky_with_limit(sums.information.view(), 0.0) else {
            break;
        };
        let score = sums.score.view().insert_axis(Axis(1));
        let Ok(step) = factor.solve(score) else { break };
        iterations = iteration;
        let step = by_target(step.column(0), columns);
        let mut share = 1.0;
        loop {
            let moved = &coefficients + &(&step * share);
            let moved_value = problem.objective(&moved);
            // Close to the maximum the objective is flat to rounding; a full step is safe.
            if moved_value >= value - 1e-12 * value.abs() || share < 1e-6 {
                (coefficients, value) = (moved, moved_value);
                break;
            }
            share /= 2.0;
        }
        let shift = problem.matrix.dot(&step);
        let predictors = problem.predictors(&coefficients);
        let moves = shift.iter().zip(&predictors);
        movement = moves
            .map(|(shift, eta)| shift.abs() / (1.0 + eta.abs()))
            .fold(0.0, f64::max);
        if movement <= TOLERANCE {
            found = Some(problem.sums(&coefficients));
            break;
        }
    }
    let certain = |sums: &Sums| sums.log_likelihood > -1e-6;
    let in_doubt = found.as_ref().is_none_or(certain);
    let separated = || {
        let found = problem.is_separated();
        found.map_err(|error| Error::numerical("looking for separated classes", error))
    };
    if in_doubt && ridge == 0.0 && separated()? {
        return Err(Error::Separated {
            target: samples.names().targets.join(", "),
        });
    }
    let Some(sums) = found else {
        return Err(Error::NotConverged {
            algorithm: "Newton's method",
            iterations,
            criterion: "the relative change of the linear predictor",
            value: movement,
            tolerance: TOLERANCE,
        });
    };
    let (slopes, intercepts) = design.to_original_units(coefficients.view())?;
    let (errors, covariances) = if ridge > 0.0 {
        (None, Vec::new())
    } else {
        let covariance = problem.covariance(&sums, &coefficients, groups)?;
        let mut errors = Array2::zeros((columns, targets));
        let mut covariances = Vec::with_capacity(targets);
        for target in 0..targets {
            let own = target * columns..(target + 1) * columns;
            let own = covariance.slice(s![own.clone(), own]).to_owned();
            errors.column_mut(target).assign(&design.deviations(&own));
            covariances.push(Covariance::new(design, own));
        }
        (Some(errors), covariances)
    };
    Ok(Fit {
        slopes,
        intercepts,
        errors,
        covariances,
        degrees_of_freedom: None,
        report: FitReport {
            termination: Termination::Converged,
            iterations,
            objective: -2.0 * value,
            best_epoch: None,
        },
    })
}

/// Coefficients of all targets, one behind the other, as a table (columns × targets).
fn by_target(all: ArrayView1<'_, f64>, columns: usize) -> Array2<f64> {
    let targets = all.len() / columns;
    Array2::from_shape_fn((columns, targets), |(column, target)| {
        all[target * columns + column]
    })
}

impl Problem<'_> {
    /// The inverse information, or the covariance that allows for rows of a group that depend on each other.
    fn covariance(
        &self,
        sums: &Sums,
        coefficients: &Array2<f64>,
        groups: Option<&[usize]>,
    ) -> Result<Array2<f64>> {
        let inverse = solvers::cholesky(sums.information.view())
            .and_then(|factor| factor.solve(Array2::eye(sums.score.len()).view()))
            .map_err(|error| Error::numerical("the inverse of the information", error))?;
        let Some(groups) = groups else {
            return Ok(inverse);
        };
        let predictors = self.predictors(coefficients);
        let columns = self.matrix.ncols();
        let mut scores = Array2::zeros((self.weights.len(), sums.score.len()));
        for (row, features) in self.matrix.rows().into_iter().enumerate() {
            let first = self.derivatives(row, predictors.view()).first;
            for (target, slope) in first.iter().enumerate() {
                scores
                    .slice_mut(s![row, target * columns..(target + 1) * columns])
                    .scaled_add(self.weights[row] * slope, &features);
            }
        }
        let ones = Array1::ones(self.weights.len());
        let robust = clustered(&inverse, scores.view(), ones.view(), groups);
        Ok(robust.unwrap_or(inverse))
    }

    /// With a row of average features and weight one half for every class.
    fn with_half_rows(self) -> Result<Self> {
        let targets = self.targets.ncols();
        let joined = |error| Error::numerical("joining half a row for each class", error);
        let average = self.matrix.mean_axis(Axis(0)).unwrap_or_default();
        let rows = targets + 1;
        let average = Array2::from_shape_fn((rows, average.len()), |(_, column)| average[column]);
        let classes =
            Array2::from_shape_fn((rows, targets), |(row, target)| f64::from(row == target));
        let halves = Array1::from_elem(rows, 0.5);
        let offsets = Array1::zeros(rows);
        Ok(Self {
            matrix: concatenate(Axis(0), &[self.matrix.view(), average.view()]).map_err(joined)?,
            targets: concatenate(Axis(0), &[self.targets.view(), classes.view()])
                .map_err(joined)?,
            weights: concatenate(Axis(0), &[self.weights.view(), halves.view()]).map_err(joined)?,
            offsets: concatenate(Axis(0), &[self.offsets.view(), offsets.view()])
                .map_err(joined)?,
            ..self
        })
    }
}

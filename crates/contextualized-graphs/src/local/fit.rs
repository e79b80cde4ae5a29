//! From samples to covariances as functions of context.

use super::covariance::{Bandwidths, LocalCovariance, LocalReport};
use super::definite::definite;
use super::products::{Terms, pack_gradient, unpack};
use super::search::{Objective, Scores, Settings, search};
use super::smoother::{LocalWeights, Order, Smoother, bending};
use crate::numerical::numerical;
use contextualized_core::{
    Checked, Error, FitReport, Monitor, Result, Samples, Standardization, Termination,
    normalized_weights,
};
use contextualized_solvers::{cholesky, shrunken_covariance, weighted_gram};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, s};
use rayon::prelude::*;

/// What kernel networks of either kind are fitted with.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LocalSettings {
    pub(crate) order: Order,
    pub(crate) bandwidths: Option<Bandwidths>,
    /// The most rows; by the number of nodes if none is given.
    pub(crate) evaluation_rows: Option<usize>,
    pub(crate) seed: u64,
}

impl Default for LocalSettings {
    fn default() -> Self {
        Self {
            order: Order::Quadratic,
            bandwidths: None,
            evaluation_rows: None,
            seed: 0,
        }
    }
}

/// Rows that local covariances need: two, and one to leave out.
const FEWEST_ROWS: usize = 3;

/// Contexts whose sums are made together; fixed, so that results do not depend on the machine.
const BLOCK: usize = 64;

/// A row's residual is blown up by at most 1 / √(this) for the part of itself in its mean.
const LEAST_REMAINDER: f64 = 0.1;

impl LocalSettings {
    pub(crate) fn validate(&self) -> Result<()> {
        match self.evaluation_rows {
            Some(rows @ (0 | 1)) => Err(Error::invalid_parameter(
                "evaluation_rows",
                rows,
                "at least 2",
            )),
            Some(_) | None => Ok(()),
        }
    }

    pub(crate) fn fit(&self, samples: &Samples) -> Result<LocalCovariance> {
        self.validate()?;
        let samples = samples.rows_that_count()?;
        let rows = samples.rows();
        if rows < FEWEST_ROWS {
            return Err(Error::TooFewRows {
                purpose: "covariances that vary with context".to_owned(),
                needed: FEWEST_ROWS,
                found: rows,
            });
        }
        samples.check_distances("kernel")?;
        check_varying(&samples)?;
        let context_scaling = samples.context_scaling(samples.weights())?;
        let scaling = Standardization::fit(samples.features(), samples.weights())?;
        let contexts = context_scaling.apply(samples.contexts())?;
        let features = scaling.apply(samples.features())?;
        let weights = normalized_weights(samples.weights(), rows)?;
        let log_weights = weights.mapv(f64::ln);
        let given = match &self.bandwidths {
            Some(given) => Some(given.standardized(&context_scaling)?),
            None => None,
        };
        let evaluated = self.evaluated(rows, samples.features().ncols())?;
        let problem = Problem {
            contexts: contexts.view(),
            weights: weights.view(),
            log_weights: log_weights.view(),
            order: self.order,
            bending: &bending(contexts.view()),
            evaluated: &evaluated,
            monitor: samples.monitor(),
        };

        let variables: Vec<Vec<usize>> = samples
            .names()
            .context_variables()
            .into_iter()
            .map(|variable| variable.columns)
            .collect();
        let mut iterations = 0;
        let mut converged = true;
        let mean_bandwidths = match &given {
            Some(given) => given.means.clone(),
            None => {
                let means = Means {
                    problem,
                    features: features.view(),
                };
                let found = search(&means, &variables)?;
                iterations += found.iterations;
                converged &= found.converged;
                found.settings.bandwidths
            }
        };
        let residuals = problem.residuals(features.view(), &mean_bandwidths)?;
        let shrunken = numerical(
            "the population's covariance",
            shrunken_covariance(residuals.view(), Some(weights.view())),
        )?;
        let (bandwidths, pseudo_rows, score) = match &given {
            Some(given) => (
                given.covariances.clone(),
                [given.pseudo_rows, given.independent_rows],
                None,
            ),
            None => {
                let covariances = Covariances::new(problem, residuals.view(), shrunken.intensity)?;
                let found = search(&covariances, &variables)?;
                iterations += found.iterations;
                converged &= found.converged;
                let score = found.scores.iter().sum::<f64>()
                    / evaluated.iter().map(|&row| weights[row]).sum::<f64>();
                (
                    found.settings.bandwidths,
                    found.settings.pseudo_rows,
                    Some(score),
                )
            }
        };
        let found = Bandwidths {
            means: mean_bandwidths,
            covariances: bandwidths,
            pseudo_rows: pseudo_rows[0],
            independent_rows: pseudo_rows[1],
        };
        let report = LocalReport {
            bandwidths: found.in_units(&context_scaling),
            evaluated_rows: match given {
                Some(_) => Vec::new(),
                None => evaluated,
            },
            intensity: shrunken.intensity,
            fit: FitReport {
                termination: match (&given, converged) {
                    (Some(_), _) => Termination::DirectSolve,
                    (None, true) => Termination::Converged,
                    (None, false) => Termination::IterationLimit,
                },
                iterations,
                objective: score.unwrap_or(0.0),
                best_epoch: None,
            },
        };
        let local = LocalCovariance {
            order: self.order,
            context_scaling,
            scaling,
            contexts,
            features,
            residuals,
            weights,
            bandwidths: found,
            target: shrunken.matrix,
            report,
        };
        local.check()?;
        Ok(local)
    }

    /// Rows by which bandwidths are chosen, in ascending order.
    fn evaluated(&self, rows: usize, nodes: usize) -> Result<Vec<usize>> {
        // A row's likelihood is a sum over nodes: with many of them fewer rows say as much.
        let most = self
            .evaluation_rows
            .unwrap_or((10_000 / nodes).clamp(100, 500));
        if rows <= most {
            return Ok((0..rows).collect());
        }
        // A split holds out a random share: that share is the sample.
        let share = most as f64 / rows as f64;
        Ok(contextualized_core::Split::holdout(rows, share, self.seed)?.test)
    }
}

fn check_varying(samples: &Samples) -> Result<()> {
    let features = samples.features();
    for (column, name) in features
        .columns()
        .into_iter()
        .zip(&samples.names().features)
    {
        if column.iter().all(|value| *value == column[0]) {
            return Err(Error::invalid_parameter(
                "features",
                format!("{} in every row of {name}", column[0]),
                "a feature that varies, to have correlations",
            ));
        }
    }
    Ok(())
}

/// Contexts, weights, and rows to evaluate at.
#[derive(Clone, Copy)]
struct Problem<'a> {
    contexts: ArrayView2<'a, f64>,
    weights: ArrayView1<'a, f64>,
    log_weights: ArrayView1<'a, f64>,
    order: Order,
    bending: &'a [bool],
    evaluated: &'a [usize],
    monitor: &'a Monitor,
}

impl Problem<'_> {
    fn smoother<'b>(&'b self, bandwidths: &'b Array1<f64>) -> Smoother<'b> {
        Smoother {
            contexts: self.contexts.view(),
            log_weights: self.log_weights.view(),
            order: self.order,
            bending: self.bending,
            bandwidths: bandwidths.view(),
        }
    }

    /// Weights at some rows without those rows, and the same as a table (rows × n).
    fn left_out(
        &self,
        smoother: &Smoother<'_>,
        rows: &[usize],
    ) -> (Vec<LocalWeights>, Array2<f64>) {
        let local: Vec<LocalWeights> = rows
            .iter()
            .map(|&row| smoother.at(self.contexts.row(row), Some(row)))
            .collect();
        let mut table = Array2::zeros((rows.len(), self.contexts.nrows()));
        for (mut weights, own) in table.rows_mut().into_iter().zip(&local) {
            weights.assign(&own.weights);
        }
        (local, table)
    }

    /// Features less their local means, which are shrunk towards zero as if by one row; each is divided by √(1 − its own part in its mean), so that
    /// squares are not too small by what the mean has followed of the row itself.
    fn residuals(&self, features: ArrayView2<'_, f64>, bandwidths: &[f64]) -> Result<Array2<f64>> {
        let bandwidths = Array1::from_vec(bandwidths.to_vec());
        let smoother = self.smoother(&bandwidths);
        let rows: Vec<usize> = (0..features.nrows()).collect();
        let blocks: Vec<&[usize]> = rows.chunks(BLOCK).collect();
        let residuals = blocks
            .into_par_iter()
            .map(|block| {
                let table = smoother.table(self.contexts.select(Axis(0), block).view());
                let mut out = Terms::Entries(features).sums(table.view())?;
                for (place, &row) in block.iter().enumerate() {
                    let share = mean_share(table.row(place));
                    let own = share * table[[place, row]];
                    let remainder = (1.0 - own).max(LEAST_REMAINDER).sqrt();
                    let residual = (&features.row(row) - &(&out.row(place) * share)) / remainder;
                    out.row_mut(place).assign(&residual);
                }
                Ok(out)
            })
            .collect::<Result<Vec<_>>>()?;
        let views: Vec<_> = residuals.iter().map(|block| block.view()).collect();
        ndarray::concatenate(Axis(0), &views)
            .map_err(|error| Error::numerical("collecting residuals", error))
    }

    /// Scores of the evaluated rows, block by block in parallel, and the sum of their gradients in
    /// the order of the blocks.
    fn over_blocks(
        &self,
        parameters: usize,
        of: impl Fn(&[usize]) -> Result<Scores> + Send + Sync,
    ) -> Result<Scores> {
        let blocks: Vec<&[usize]> = self.evaluated.chunks(BLOCK).collect();
        let parts = blocks
            .into_par_iter()
            .map(|block| {
                self.monitor.check()?;
                of(block)
            })
            .collect::<Result<Vec<_>>>()?;
        let mut all = Scores {
            rows: Vec::with_capacity(self.evaluated.len()),
            gradient: vec![0.0; parameters],
        };
        for part in parts {
            all.rows.extend(part.rows);
            for (sum, slope) in all.gradient.iter_mut().zip(part.gradient) {
                *sum += slope;
            }
        }
        Ok(all)
    }
}

/// Means, shrunk towards the population's as they will be, are scored by minus half the squared error of
/// standardised features.
struct Means<'a> {
    problem: Problem<'a>,
    features: ArrayView2<'a, f64>,
}

impl Objective for Means<'_> {
    fn scores(&self, at: &Settings, gradient: bool) -> Result<Scores> {
        let bandwidths = Array1::from_vec(at.bandwidths.clone());
        let smoother = self.problem.smoother(&bandwidths);
        let terms = Terms::Entries(self.features);
        self.problem.over_blocks(self.columns(), |block| {
            let (local, table) = self.problem.left_out(&smoother, block);
            let means = terms.sums(table.view())?;
            let mut residuals = Array2::zeros(means.dim());
            for (place, &row) in block.iter().enumerate() {
                // As means are when they are asked for.
                let share = mean_share(table.row(place));
                let difference = &self.features.row(row) - &(&means.row(place) * share);
                residuals.row_mut(place).assign(&difference);
            }
            let weight = |place: usize| self.problem.weights[block[place]];
            let rows = (0..block.len())
                .map(|place| {
                    let residual = residuals.row(place);
                    -0.5 * weight(place) * residual.dot(&residual)
                })
                .collect();
            let mut sum = Array1::zeros(self.columns());
            if gradient {
                let by_weights = terms.by_weights(residuals.view())?;
                for (place, &row) in block.iter().enumerate() {
                    let context = self.problem.contexts.row(row);
                    let own = table.row(place);
                    let effective = effective_rows(own);
                    let share = effective / (effective + 1.0);
                    // The share, which is n / (n + 1), by the local weights, of which n is made.
                    let pull = -2.0 * share * share * residuals.row(place).dot(&means.row(place));
                    let mut slopes = &by_weights.row(place) * share + &own * pull;
                    slopes *= weight(place);
                    sum += &smoother.gradient(context, &local[place], slopes.view());
                }
            }
            Ok(Scores {
                rows,
                gradient: sum.to_vec(),
            })
        })
    }

    fn columns(&self) -> usize {
        self.problem.contexts.ncols()
    }

    fn pseudo_rows(&self) -> Option<[f64; 2]> {
        None
    }
}

/// Covariances are scored by the normal log-density of a row's residual under the covariance that
/// the other rows make at its context.
struct Covariances<'a> {
    problem: Problem<'a>,
    residuals: ArrayView2<'a, f64>,
    /// Σ vᵢ rᵢ rᵢᵀ.
    total: Array2<f64>,
    rows: f64,
    intensity: f64,
}

impl<'a> Covariances<'a> {
    fn new(problem: Problem<'a>, residuals: ArrayView2<'a, f64>, intensity: f64) -> Result<Self> {
        Ok(Self {
            problem,
            residuals,
            total: numerical(
                "the population's covariance",
                weighted_gram(residuals, problem.weights),
            )?,
            rows: problem.weights.sum(),
            intensity,
        })
    }

    /// The population's shrunken covariance without one row.
    fn target_without(&self, row: usize) -> Array2<f64> {
        let residual = self.residuals.row(row);
        let weight = self.problem.weights[row];
        let rest = self.rows - weight;
        Array2::from_shape_fn(self.total.dim(), |(i, j)| {
            let value = (self.total[[i, j]] - weight * residual[i] * residual[j]) / rest;
            if i == j {
                value.max(1e-9 * self.total[[i, i]] / self.rows)
            } else {
                (1.0 - self.intensity) * value
            }
        })
    }
}

/// log 2π
const LOG_TWO_PI: f64 = 1.837_877_066_409_345_3;

impl Objective for Covariances<'_> {
    fn scores(&self, at: &Settings, gradient: bool) -> Result<Scores> {
        let bandwidths = Array1::from_vec(at.bandwidths.clone());
        let smoother = self.problem.smoother(&bandwidths);
        let terms = Terms::Products(self.residuals);
        let (columns, size) = (self.columns(), self.residuals.ncols());
        let pseudo_rows: f64 = at.pseudo_rows.iter().sum();
        let independent = at.pseudo_rows[1] / pseudo_rows;
        self.problem.over_blocks(columns + 2, |block| {
            let (local, table) = self.problem.left_out(&smoother, block);
            let sums = terms.sums(table.view())?;
            let mut rows = Vec::with_capacity(block.len());
            let mut by_sums = Array2::zeros(sums.dim());
            let mut by_effective = Vec::with_capacity(block.len());
            let mut sum = Array1::zeros(columns + 2);
            for (place, &row) in block.iter().enumerate() {
                let weight = self.problem.weights[row];
                let effective = effective_rows(table.row(place));
                let own = unpack(sums.row(place), size);
                let population = self.target_without(row);
                let target = less_dependent(&population, independent);
                let share = effective / (effective + pseudo_rows);
                let mixed = &own * share + &target * (1.0 - share);
                let (mixed, pulled) = definite(mixed, &target)?;
                let factor =
                    numerical("the factorisation of a covariance", cholesky(mixed.view()))?;
                let residual = self.residuals.row(row);
                let solved = numerical(
                    "the solution by a covariance",
                    factor.solve(residual.insert_axis(Axis(1))),
                )?;
                let solved = solved.column(0);
                let density = -0.5
                    * (factor.log_determinant() + residual.dot(&solved) + size as f64 * LOG_TWO_PI);
                rows.push(weight * density);
                if gradient {
                    let inverse = numerical("the inverse of a covariance", factor.inverse())?;
                    let by_covariance = Array2::from_shape_fn((size, size), |(i, j)| {
                        0.5 * weight * (solved[i] * solved[j] - inverse[[i, j]])
                    });
                    let (by_covariance, by_target) = match pulled {
                        None => (by_covariance, None),
                        Some(pulled) => {
                            let [by_matrix, by_target] = pulled.gradients(&by_covariance)?;
                            (by_matrix, Some(by_target))
                        }
                    };
                    let packed = Array1::from_vec(pack_gradient(&by_covariance)) * share;
                    by_sums.row_mut(place).assign(&packed);
                    let by_share = (&by_covariance * &(&own - &target)).sum();
                    let both = effective + pseudo_rows;
                    by_effective.push(by_share * pseudo_rows / (both * both));
                    // Off the diagonal the target is (1 − its independent part) of the population.
                    let mut by_target = by_target.unwrap_or_else(|| Array2::zeros((size, size)));
                    by_target += &(&by_covariance * (1.0 - share));
                    let by_independent = (&by_target.diag() * &population.diag()).sum()
                        - (&by_target * &population).sum();
                    let moved = by_independent * independent * (1.0 - independent);
                    for (which, sign) in [(0, -1.0), (1, 1.0)] {
                        let rows = at.pseudo_rows[which];
                        sum[columns + which] +=
                            sign * moved - by_share * effective * rows / (both * both);
                    }
                }
            }
            if gradient {
                let by_weights = terms.by_weights(by_sums.view())?;
                for (place, &row) in block.iter().enumerate() {
                    let own = table.row(place);
                    let effective = effective_rows(own);
                    let scale = -2.0 * effective * effective * by_effective[place];
                    let slopes: Array1<f64> = (0..own.len())
                        .map(|i| by_weights[[place, i]] + scale * own[i])
                        .collect();
                    let context = self.problem.contexts.row(row);
                    let own = smoother.gradient(context, &local[place], slopes.view());
                    let mut part = sum.slice_mut(s![..columns]);
                    part += &own;
                }
            }
            Ok(Scores {
                rows,
                gradient: sum.to_vec(),
            })
        })
    }

    fn columns(&self) -> usize {
        self.problem.contexts.ncols()
    }

    fn pseudo_rows(&self) -> Option<[f64; 2]> {
        Some([0.5 * self.residuals.ncols() as f64; 2])
    }
}

/// 1 / Σ lᵢ²: how many rows, equally weighted, would say as much.
pub(super) fn effective_rows(local: ArrayView1<'_, f64>) -> f64 {
    local.dot(&local).recip()
}

/// The population's covariance with this share of its correlations taken away.
pub(super) fn less_dependent(population: &Array2<f64>, independent: f64) -> Array2<f64> {
    let mut target = population * (1.0 - independent);
    target.diag_mut().assign(&population.diag());
    target
}

/// How much of a local mean of standardised features is kept: the rows it is made of, by those and
/// one more at the population's mean. Far from the data there are none.
pub(super) fn mean_share(local: ArrayView1<'_, f64>) -> f64 {
    let effective = effective_rows(local);
    effective / (effective + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tables(rows: usize) -> (Array2<f64>, Array2<f64>, Array1<f64>) {
        let wave = |i: usize, a: usize| ((i * (a + 3) * 7919 + 17 * a) % 101) as f64 / 50.0 - 1.0;
        let contexts = Array2::from_shape_fn((rows, 2), |(i, k)| wave(i, k));
        let residuals = Array2::from_shape_fn((rows, 3), |(i, j)| {
            wave(i, j + 4) + 0.7 * wave(i, 2) * contexts[[i, 0]]
        });
        let weights = Array1::from_shape_fn(rows, |i| 1.0 + (i % 2) as f64);
        (contexts, residuals, weights)
    }

    proptest! {
        /// Of both objectives, against central differences, pseudo-rows included.
        #[test]
        fn gradients_are_differences(
            logs in prop::collection::vec(-1.0..1.5_f64, 4),
            order in prop::sample::select(vec![Order::Constant, Order::Linear, Order::Quadratic]),
        ) {
            let (contexts, residuals, weights) = tables(50);
            let log_weights = weights.mapv(f64::ln);
            let evaluated: Vec<usize> = (0..50).step_by(3).collect();
            let problem = Problem {
                contexts: contexts.view(),
                weights: weights.view(),
                log_weights: log_weights.view(),
                order,
                bending: &[true; 2],
                evaluated: &evaluated,
                monitor: &Monitor::default(),
            };
            let covariances = Covariances::new(problem, residuals.view(), 0.2).unwrap();
            let means = Means { problem, features: residuals.view() };
            for objective in [&covariances as &dyn Objective, &means] {
                let at = |logs: &[f64]| Settings {
                    bandwidths: vec![logs[0].exp(), logs[1].exp()],
                    pseudo_rows: [logs[2].exp() * 5.0, logs[3].exp() * 5.0],
                };
                let gradient = objective.scores(&at(&logs), true).unwrap().gradient;
                for (k, slope) in gradient.into_iter().enumerate() {
                    let (mut up, mut down) = (logs.clone(), logs.clone());
                    up[k] += 1e-5;
                    down[k] -= 1e-5;
                    let value = |logs: &[f64]| -> f64 {
                        objective.scores(&at(logs), false).unwrap().rows.iter().sum()
                    };
                    let difference = (value(&up) - value(&down)) / 2e-5;
                    prop_assert!((slope - difference).abs() < 1e-5 * (1.0 + difference.abs()),
                        "{k}: {slope} {difference}");
                }
            }
        }
    }
}

//! The fitted model: coefficients, their uncertainty, and predictions.

use crate::codes::ContextCodes;
use crate::diagnostics::Convergence;
use crate::draws::{Percentiles, mean, standard_deviation};
use crate::estimator::likelihood;
use crate::forest::Forest;
use crate::report::{LARGEST_R_HAT, TargetConvergence, TreeReport};
use contextualized_core::validate::{check_columns, check_query, check_rows, check_table};
use contextualized_core::{
    Checked, CoefficientIntervals, Coefficients, ColumnNames, Error, Family, LocalCoefficients,
    Monitor, PredictorDistribution, Result, Standardization, VaryingCoefficients, WithDraws,
    WithPredictions, WithSums, WithUncertainty, checked_serde,
};
use ndarray::{Array1, Array2, Array3, ArrayView2, Axis, s};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// A fitted [`TreeRegression`](crate::TreeRegression): draws of all trees from their posterior.
///
/// Coefficients are means over the draws, and intervals quantiles. Reloaded through serde it predicts the same bits;
/// numbers that contradict each other are refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub struct TreeModel {
    pub(crate) family: Family,
    pub(crate) intercept: bool,
    pub(crate) names: ColumnNames,
    pub(crate) contexts: ContextCodes,
    /// How features and targets were standardised.
    pub(crate) features: Standardization,
    pub(crate) targets: Standardization,
    /// Of each target.
    pub(crate) forests: Vec<Forest>,
    /// Of each target for a row of weight one, in its units.
    pub(crate) dispersions: Array1<f64>,
    /// Contexts that stand for those fitted, in an order of chance.
    pub(crate) typical: Array2<f64>,
    pub(crate) report: TreeReport,
}

checked_serde!(TreeModel);

impl Checked for TreeModel {
    fn check(&self) -> Result<()> {
        let names = &self.names;
        check_columns(
            "feature scaling",
            names.features.len(),
            self.features.columns(),
        )?;
        check_columns(
            "target scaling",
            names.targets.len(),
            self.targets.columns(),
        )?;
        check_columns("dispersions", names.targets.len(), self.dispersions.len())?;
        check_columns("trees", names.targets.len(), self.forests.len())?;
        let coefficients = names.features.len() + usize::from(self.intercept);
        if !self.contexts.fit(names) {
            let requirement = "those of the contexts' names";
            return Err(Error::invalid_parameter(
                "codes of contexts",
                "others",
                requirement,
            ));
        }
        check_table(
            "typical contexts",
            self.typical.view(),
            Some(names.contexts.len()),
        )?;
        check_chains(self.report.chains, self.draws())?;
        if likelihood(self.family).is_none() {
            let requirement = "one that trees are fitted to";
            return Err(Error::invalid_parameter("family", self.family, requirement));
        }
        let draws = self.draws();
        for forest in &self.forests {
            check_columns("coefficients of trees", coefficients, forest.coefficients())?;
            forest.check(&self.contexts)?;
            check_rows("draws of trees", draws, forest.draws())?;
        }
        match self
            .dispersions
            .iter()
            .find(|own| !(own.is_finite() && **own >= 0.0))
        {
            Some(dispersion) => Err(Error::invalid_parameter(
                "dispersion",
                dispersion,
                "finite and not negative",
            )),
            None => Ok(()),
        }
    }
}

/// Whether so many chains can have so many draws together.
fn check_chains(chains: usize, draws: usize) -> Result<()> {
    if chains > 0 && draws > 0 && draws.is_multiple_of(chains) {
        return Ok(());
    }
    let requirement = format!("as many as have {draws} draws together");
    Err(Error::invalid_parameter("chains", chains, requirement))
}

/// Rows for which draws are held at once, if there are few draws and coefficients.
const ROWS: usize = 512;

/// Numbers of all draws that are held at once by a thread: 8 megabytes.
const HELD: usize = 1 << 20;

impl TreeModel {
    /// How the chains went, and whether they agree.
    pub fn report(&self) -> &TreeReport {
        &self.report
    }

    /// Number of draws from the posterior.
    pub fn draws(&self) -> usize {
        self.forests.first().map_or(0, Forest::draws)
    }

    /// Estimated standard deviation of each target's noise, for a row of weight one; what the rows of a group have in
    /// common is part of it.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for a family without dispersion.
    pub fn noise(&self) -> Result<Array1<f64>> {
        if self.family.has_dispersion() {
            return Ok(self.dispersions.mapv(f64::sqrt));
        }
        let requirement = "one with a dispersion";
        Err(Error::invalid_parameter("family", self.family, requirement))
    }

    /// All coefficients at contexts (n × c) in one draw, counted from zero: functions of the context that the data
    /// leave possible. Draws of one chain follow each other.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for a draw that is not there, and those of [`VaryingCoefficients::coefficients`].
    pub fn draw(&self, contexts: ArrayView2<'_, f64>, draw: usize) -> Result<Coefficients> {
        if draw >= self.draws() {
            let requirement = format!("below {}, the number of draws", self.draws());
            return Err(Error::invalid_parameter("draw", draw, requirement));
        }
        let positions = self.positions(contexts)?;
        self.in_units(self.of_draws(draw..draw + 1, &positions, contexts.nrows()))
    }

    pub(crate) fn positions(&self, contexts: ArrayView2<'_, f64>) -> Result<Vec<Vec<f32>>> {
        check_table("contexts", contexts, Some(self.names.contexts.len()))?;
        Ok(self.contexts.positions(contexts))
    }

    /// Mean coefficients of some draws in units of the fit (n × targets × coefficients).
    fn of_draws(
        &self,
        draws: std::ops::Range<usize>,
        positions: &[Vec<f32>],
        rows: usize,
    ) -> Array3<f64> {
        let coefficients = self.forests.first().map_or(0, Forest::coefficients);
        let mut sums = Array3::zeros((rows, self.forests.len(), coefficients));
        let mut values = vec![0.0; rows];
        let count = draws.len() as f64;
        for (target, forest) in self.forests.iter().enumerate() {
            for coefficient in 0..coefficients {
                let mut sum = sums.slice_mut(s![.., target, coefficient]);
                for draw in draws.clone() {
                    forest.coefficient(draw, coefficient, &self.contexts, positions, &mut values);
                    sum += &ndarray::ArrayView1::from(values.as_slice());
                }
                sum /= count;
            }
        }
        sums
    }

    fn in_units(&self, coefficients: Array3<f64>) -> Result<Coefficients> {
        let features = self.names.features.len();
        let slopes = coefficients.slice(s![.., .., ..features]).to_owned();
        let intercepts = if self.intercept {
            coefficients.slice(s![.., .., features]).to_owned()
        } else {
            Array2::zeros((coefficients.dim().0, coefficients.dim().1))
        };
        Coefficients::new(slopes, intercepts)?.to_original_units(&self.features, &self.targets)
    }

    /// Coefficients of one draw, one row for each context: of each target slopes, then the intercept.
    pub(crate) fn flat_draw(
        &self,
        draw: usize,
        positions: &[Vec<f32>],
        rows: usize,
    ) -> Result<Array2<f64>> {
        let coefficients = self.in_units(self.of_draws(draw..draw + 1, positions, rows))?;
        let (slopes, intercepts) = (coefficients.slopes(), coefficients.intercepts());
        let width = coefficients.features() + 1;
        let shape = (rows, coefficients.targets() * width);
        Ok(Array2::from_shape_fn(shape, |(row, cell)| {
            let (target, coefficient) = (cell / width, cell % width);
            if coefficient + 1 == width {
                intercepts[[row, target]]
            } else {
                slopes[[row, target, coefficient]]
            }
        }))
    }

    /// Linear predictors of one draw (n × targets).
    pub(crate) fn predictor_of_draw(
        &self,
        draw: usize,
        positions: &[Vec<f32>],
        features: ArrayView2<'_, f64>,
    ) -> Result<Array2<f64>> {
        self.in_units(self.of_draws(draw..draw + 1, positions, features.nrows()))?
            .linear_predictor(features)
    }

    /// Coefficients from a table like that of [`TreeModel::flat_draw`].
    pub(crate) fn unflat(&self, table: ArrayView2<'_, f64>) -> Result<Coefficients> {
        let features = self.names.features.len();
        let (targets, width) = (self.forests.len(), features + 1);
        let slopes = Array3::from_shape_fn((table.nrows(), targets, features), |(row, t, x)| {
            table[[row, t * width + x]]
        });
        let intercepts = Array2::from_shape_fn((table.nrows(), targets), |(row, t)| {
            table[[row, t * width + features]]
        });
        Coefficients::new(slopes, intercepts)
    }

    /// A table of every draw (rows × width) to K tables of figures of each cell. `table` is given a draw, the ranks and
    /// levels of a block of rows, and the block.
    fn summarized<const K: usize>(
        &self,
        contexts: ArrayView2<'_, f64>,
        width: usize,
        table: impl Fn(usize, &[Vec<f32>], std::ops::Range<usize>) -> Result<Array2<f64>> + Sync,
        summary: impl Fn(&mut [f64]) -> [f64; K] + Sync,
    ) -> Result<[Array2<f64>; K]> {
        check_table("contexts", contexts, Some(self.names.contexts.len()))?;
        let (rows, draws) = (contexts.nrows(), self.draws());
        let block = (HELD / (draws * width.max(1))).clamp(1, ROWS);
        let starts: Vec<usize> = (0..rows).step_by(block).collect();
        let blocks = starts
            .into_par_iter()
            .map(|start| {
                let range = start..rows.min(start + block);
                let positions = self
                    .contexts
                    .positions(contexts.slice(s![range.clone(), ..]));
                let tables = (0..draws)
                    .map(|draw| table(draw, &positions, range.clone()))
                    .collect::<Result<Vec<_>>>()?;
                Ok((range, crate::draws::summarize(&tables, &summary)))
            })
            .collect::<Result<Vec<_>>>()?;
        let mut out = [(); K].map(|()| Array2::zeros((rows, width)));
        for (range, figures) in blocks {
            for (out, figures) in out.iter_mut().zip(figures) {
                out.slice_mut(s![range.clone(), ..]).assign(&figures);
            }
        }
        Ok(out)
    }

    /// Figures of every coefficient over the draws.
    fn of_coefficients<const K: usize>(
        &self,
        contexts: ArrayView2<'_, f64>,
        summary: impl Fn(&mut [f64]) -> [f64; K] + Sync,
    ) -> Result<[Array2<f64>; K]> {
        let width = self.forests.len() * (self.names.features.len() + 1);
        self.summarized(
            contexts,
            width,
            |draw, positions, rows| self.flat_draw(draw, positions, rows.len()),
            summary,
        )
    }

    /// How well chains agree on the noise, whose variances in every draw these are, and on coefficients at typical
    /// contexts.
    pub(crate) fn convergence(&self, noise_variances: &[Vec<f64>]) -> Vec<TargetConvergence> {
        let positions = self.contexts.positions(self.typical.view());
        let (rows, draws, chains) = (self.typical.nrows(), self.draws(), self.report.chains);
        self.forests
            .iter()
            .zip(noise_variances)
            .map(|(forest, noise_variances)| {
                let of_coefficient = |coefficient: usize| {
                    let mut by_draw = Array2::zeros((draws, rows));
                    for (draw, mut own) in by_draw.rows_mut().into_iter().enumerate() {
                        let mut values = vec![0.0; rows];
                        forest.coefficient(
                            draw,
                            coefficient,
                            &self.contexts,
                            &positions,
                            &mut values,
                        );
                        own.assign(&Array1::from_vec(values));
                    }
                    let of_row =
                        |row: usize| Convergence::of(&by_draw.column(row).to_vec(), chains);
                    (0..rows).map(of_row).collect::<Vec<_>>()
                };
                let all: Vec<Convergence> = (0..forest.coefficients())
                    .into_par_iter()
                    .flat_map_iter(of_coefficient)
                    .collect();
                let quantile = |of: fn(&Convergence) -> f64, share: f64| {
                    let mut values: Vec<f64> = all.iter().map(of).collect();
                    values.sort_unstable_by(f64::total_cmp);
                    values[((values.len() - 1) as f64 * share).round() as usize]
                };
                TargetConvergence {
                    noise: self.family.has_dispersion().then(|| {
                        let roots: Vec<f64> =
                            noise_variances.iter().map(|own| own.sqrt()).collect();
                        Convergence::of(&roots, chains)
                    }),
                    coefficients_r_hat: quantile(|own| own.r_hat, 0.95),
                    coefficients_effective_size: quantile(|own| own.effective_size, 0.5),
                }
            })
            .collect()
    }
}

impl VaryingCoefficients for TreeModel {
    /// Means over the draws.
    fn coefficients(&self, contexts: ArrayView2<'_, f64>) -> Result<Coefficients> {
        check_table("contexts", contexts, Some(self.names.contexts.len()))?;
        let blocks: Vec<ArrayView2<'_, f64>> = contexts.axis_chunks_iter(Axis(0), ROWS).collect();
        let means = blocks
            .into_par_iter()
            .map(|block| {
                self.of_draws(
                    0..self.draws(),
                    &self.contexts.positions(block),
                    block.nrows(),
                )
            })
            .collect::<Vec<_>>();
        let coefficients = self.forests.first().map_or(0, Forest::coefficients);
        let mut all = Array3::zeros((contexts.nrows(), self.forests.len(), coefficients));
        for (mut own, means) in all.axis_chunks_iter_mut(Axis(0), ROWS).zip(means) {
            own.assign(&means);
        }
        self.in_units(all)
    }
}

impl WithUncertainty for TreeModel {
    /// Standard deviations of the draws.
    fn standard_errors(&self, contexts: ArrayView2<'_, f64>) -> Result<Coefficients> {
        let [errors] = self.of_coefficients(contexts, |values| [standard_deviation(values)])?;
        self.unflat(errors.view())
    }

    /// Quantiles of the draws.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] also for a level too fine for the number of draws.
    fn intervals(&self, contexts: ArrayView2<'_, f64>, level: f64) -> Result<CoefficientIntervals> {
        let percentiles = Percentiles::new(level, self.draws())?;
        let [lower, upper] = self.of_coefficients(contexts, |values| percentiles.ends(values))?;
        Ok(CoefficientIntervals {
            lower: self.unflat(lower.view())?,
            upper: self.unflat(upper.view())?,
        })
    }
}

impl WithPredictions for TreeModel {
    /// Means and standard deviations of the draws. A new row is of no group that is known: what groups have in common
    /// is part of the dispersion.
    fn predictor_distribution(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
    ) -> Result<PredictorDistribution> {
        let widths = (self.names.contexts.len(), self.names.features.len());
        check_query(contexts, widths.0, features, widths.1)?;
        let [means, standard_errors] = self.summarized(
            contexts,
            self.forests.len(),
            |draw, positions, rows| {
                self.predictor_of_draw(draw, positions, features.slice(s![rows, ..]))
            },
            |values| [mean(values), standard_deviation(values)],
        )?;
        Ok(PredictorDistribution {
            means,
            standard_errors,
            dispersions: self.dispersions.clone(),
            degrees_of_freedom: None,
        })
    }
}

impl LocalCoefficients for TreeModel {
    fn coefficients_at(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
    ) -> Result<Coefficients> {
        let widths = (self.names.contexts.len(), self.names.features.len());
        check_query(contexts, widths.0, features, widths.1)?;
        self.coefficients(contexts)
    }

    fn family(&self) -> Family {
        self.family
    }

    /// That the chains do not agree, where they do not.
    fn found(&self) -> Option<String> {
        let warning = self.report.warning();
        warning.map(|_| format!("R-hat above {LARGEST_R_HAT}"))
    }

    fn as_varying(&self) -> Option<&dyn VaryingCoefficients> {
        Some(self)
    }

    fn as_uncertain(&self) -> Option<&dyn WithUncertainty> {
        Some(self)
    }

    fn as_predictive(&self) -> Option<&dyn WithPredictions> {
        Some(self)
    }

    fn as_sums(&self) -> Option<&dyn WithSums> {
        Some(self)
    }

    fn as_draws(&self) -> Option<&dyn WithDraws> {
        Some(self)
    }
}

/// The draws of the chains, each taken by chance.
impl WithDraws for TreeModel {
    fn coefficient_draws(
        &self,
        contexts: ArrayView2<'_, f64>,
        draws: usize,
        seed: u64,
        monitor: Option<&Monitor>,
    ) -> Result<Vec<Coefficients>> {
        let positions = self.positions(contexts)?;
        let mut generator = ChaCha8Rng::seed_from_u64(seed);
        let drawn = (0..draws).map(|_| generator.gen_range(0..self.draws()));
        let drawn: Vec<usize> = drawn.collect();
        drawn
            .into_par_iter()
            .map(|draw| {
                monitor.map_or(Ok(()), Monitor::check)?;
                let own = self.of_draws(draw..draw + 1, &positions, contexts.nrows());
                self.in_units(own)
            })
            .collect()
    }
}

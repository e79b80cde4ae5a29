//! The fit under the hypothesis: what may vary, with variances by restricted maximum likelihood.

use super::functions::Nuisance;
use crate::laplace::Outcomes;
use crate::numerical;
use contextualized_core::Result;
use contextualized_solvers::{Cholesky, cholesky, least_squares, product, transposed_product};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, concatenate, s};
use std::ops::Range;

/// Constants (n × p, without a prior) and functions in blocks, each with a variance of its own.
pub(super) struct Model<'a> {
    /// n × (p + m).
    columns: Array2<f64>,
    constants: ArrayView2<'a, f64>,
    /// Number of constants that do not depend on others.
    pub(super) rank: usize,
    functions: &'a [Nuisance],
    blocks: Vec<Range<usize>>,
    /// The intercept, if it is tested.
    origin: Option<usize>,
}

/// The residual maker of the fit under the hypothesis, of rows times the roots of their precisions.
///
/// With V the rows' covariance over the noise's variance and Z the constants it is
/// `P = V⁻¹ − V⁻¹ Z (Zᵀ V⁻¹ Z)⁻¹ Zᵀ V⁻¹`, here as `I − Wᵀ W`.
pub(super) struct Null {
    /// Roots of the rows' precisions.
    pub(super) roots: Array1<f64>,
    /// Targets times the roots.
    pub(super) targets: Array1<f64>,
    /// How many rows each row stands for: ones where weights are inverse variances.
    pub(super) counts: Array1<f64>,
    /// W (k × n).
    half: Array2<f64>,
    rank: usize,
}

/// Iterations to the variances, which are taken from the likelihood's working responses at the same time.
const MAX_ITERATIONS: usize = 50;
/// Change of what a block adds to the degrees of freedom at which its variance counts as found.
const CHANGE: f64 = 0.01;
/// What variances are multiplied with in the end: what a smooth fit leaves of functions that vary would be
/// found in what is tested, and rougher ones cost it little.
const UNDERSMOOTHING: f64 = 10.0;
/// The largest ratio: with less noise sums of squares have no digits left.
const MOST: f64 = 1e8;
/// Degrees of freedom below which a block whose variance falls is nothing.
const LEAST: f64 = 0.02;

impl<'a> Model<'a> {
    /// Of the design (n × p), in which `origin` is the position of an intercept that is tested.
    ///
    /// Such an intercept is the one at the means of the other columns, which are known by their rows alone:
    /// where a slope varies, the wrong mean makes the intercept vary with it.
    pub(super) fn new(
        constants: &'a Array2<f64>,
        functions: &'a [Nuisance],
        origin: Option<usize>,
    ) -> Result<Self> {
        let mut tables = vec![constants.to_owned()];
        let mut start = constants.ncols();
        let mut blocks = Vec::with_capacity(functions.len());
        for Nuisance {
            coefficient,
            functions,
        } in functions
        {
            tables.push(functions * &constants.column(*coefficient).insert_axis(Axis(1)));
            blocks.push(start..start + functions.ncols());
            start += functions.ncols();
        }
        let views: Vec<_> = tables.iter().map(Array2::view).collect();
        let any = constants.slice(s![.., ..1]);
        Ok(Self {
            blocks,
            columns: concatenate(Axis(1), &views).expect("all have the same rows"),
            constants: constants.view(),
            rank: numerical(least_squares(constants.view(), any, None))?.rank(),
            functions,
            origin,
        })
    }

    /// Fits normal targets of known relative precisions.
    pub(super) fn fit(
        &self,
        targets: ArrayView1<'_, f64>,
        precisions: ArrayView1<'_, f64>,
    ) -> Result<Null> {
        let rows = Weighted::new(self, targets, precisions)?;
        let degrees = targets.len().saturating_sub(self.rank).max(1);
        let mut ratios = self.first_ratios();
        let mut noise = 1.0;
        let mut path = Path::new(&ratios);
        for _ in 0..MAX_ITERATIONS {
            let solved = rows.solve(self, &ratios)?;
            noise = solved.quadratic / degrees as f64;
            if solved.update(noise, &mut ratios)? {
                break;
            }
            path.extrapolate(&mut ratios);
        }
        let counts = Array1::ones(targets.len());
        rows.null(self, &ratios, noise, counts)
    }

    /// Fits targets of a family without dispersion, from linear predictors near theirs.
    pub(super) fn fit_outcomes(
        &self,
        outcomes: &Outcomes<'_>,
        mut predictors: Array1<f64>,
    ) -> Result<Null> {
        let mut ratios = self.first_ratios();
        let working = |predictors: &Array1<f64>| {
            let working = outcomes.working(predictors);
            Weighted::new(self, working.responses.view(), working.precisions.view())
        };
        let mut path = Path::new(&ratios);
        for _ in 0..MAX_ITERATIONS {
            let solved = working(&predictors)?.solve(self, &ratios)?;
            let active = &solved.active;
            let columns = self.columns.select(Axis(1), &active.columns);
            predictors = columns.dot(&(&solved.scaled * &active.scales));
            if solved.update(1.0, &mut ratios)? {
                break;
            }
            path.extrapolate(&mut ratios);
        }
        let counts = outcomes.weights.clone();
        working(&predictors)?.null(self, &ratios, 1.0, counts)
    }

    /// What the intercept may vary by because the means of the other columns are not known, in deviations of
    /// the noise: their covariance is that of the rows divided by the number of these.
    fn of_means(&self, solved: &Solved, noise: f64) -> Result<Array2<f64>> {
        let (rows, count) = self.constants.dim();
        let Some(origin) = self.origin.filter(|_| noise > 0.0) else {
            return Ok(Array2::zeros((rows, 0)));
        };
        let mut slopes = Array2::<f64>::zeros((rows, count));
        for (block, nuisance) in solved.active.blocks.iter().zip(self.functions) {
            let block = s![block.clone()];
            let weights = &solved.scaled.slice(block) * &solved.active.scales.slice(block);
            if !weights.is_empty() {
                let mut slope = slopes.column_mut(nuisance.coefficient);
                slope += &nuisance.functions.dot(&weights);
            }
        }
        let is_zero = |j: usize| self.constants.column(j).iter().all(|v| *v == 0.0);
        let others = (0..count).filter(|&j| j != origin && !is_zero(j));
        let others: Vec<usize> = others.collect();
        if others.is_empty() {
            return Ok(Array2::zeros((rows, 0)));
        }
        let design = self.constants.select(Axis(1), &others);
        let mut covariance = numerical(transposed_product(design.view(), design.view()))?;
        covariance /= (rows * rows) as f64 * noise;
        let root = numerical(cholesky(covariance.view()))?;
        let varied = slopes.select(Axis(1), &others).dot(root.lower());
        Ok(varied * self.constants.column(origin).insert_axis(Axis(1)))
    }

    /// Of the blocks' variances to the noise's: as much as the noise together.
    fn first_ratios(&self) -> Vec<f64> {
        vec![1.0 / self.blocks.len().max(1) as f64; self.blocks.len()]
    }
}

/// The logarithms of ratios after the last steps. Each step is about the same share of the one before, so that two
/// of them tell where they lead (Aitken's extrapolation).
struct Path {
    logs: Vec<Vec<f64>>,
}

impl Path {
    fn new(ratios: &[f64]) -> Self {
        let logs = ratios.iter().map(|ratio| ratio.ln()).collect();
        Self { logs: vec![logs] }
    }

    /// After every second step goes on to where the steps lead.
    fn extrapolate(&mut self, ratios: &mut [f64]) {
        self.logs
            .push(ratios.iter().map(|ratio| ratio.ln()).collect());
        let [first, second, third] = self.logs.as_slice() else {
            return;
        };
        for (block, ratio) in ratios.iter_mut().enumerate() {
            let (before, last) = (second[block] - first[block], third[block] - second[block]);
            let share = last / before;
            if (0.0..1.0).contains(&share) {
                let beyond = last * share / (1.0 - share);
                *ratio = (*ratio * beyond.clamp(-FARTHEST, FARTHEST).exp()).min(MOST);
            }
        }
        *self = Self::new(ratios);
    }
}

/// The farthest that a logarithm is extrapolated.
const FARTHEST: f64 = 3.0;

/// Rows times the roots of their precisions, in products.
struct Weighted {
    roots: Array1<f64>,
    columns: Array2<f64>,
    targets: Array1<f64>,
    gram: Array2<f64>,
    cross: Array1<f64>,
}

/// The columns of blocks that have a variance, and what they are multiplied with to have that of the noise.
struct Active {
    columns: Vec<usize>,
    scales: Array1<f64>,
    /// Positions of each block among the columns; empty where its variance is zero.
    blocks: Vec<Range<usize>>,
}

/// The penalised solution in units of the blocks' deviations.
struct Solved {
    active: Active,
    factor: Cholesky,
    scaled: Array1<f64>,
    /// yᵀ P y.
    quadratic: f64,
}

impl Active {
    fn new(model: &Model<'_>, ratios: &[f64]) -> Self {
        let mut columns: Vec<usize> = (0..model.constants.ncols()).collect();
        let mut scales = vec![1.0; columns.len()];
        let mut blocks = Vec::with_capacity(model.blocks.len());
        for (block, ratio) in model.blocks.iter().zip(ratios) {
            let start = columns.len();
            if *ratio > 0.0 {
                columns.extend(block.clone());
                scales.resize(columns.len(), ratio.sqrt());
            }
            blocks.push(start..columns.len());
        }
        Self {
            columns,
            scales: scales.into(),
            blocks,
        }
    }
}

impl Weighted {
    fn new(
        model: &Model<'_>,
        targets: ArrayView1<'_, f64>,
        precisions: ArrayView1<'_, f64>,
    ) -> Result<Self> {
        let roots = precisions.mapv(f64::sqrt);
        let columns = &model.columns * &roots.view().insert_axis(Axis(1));
        let targets = &targets * &roots;
        Ok(Self {
            gram: numerical(transposed_product(columns.view(), columns.view()))?,
            cross: columns.t().dot(&targets),
            roots,
            columns,
            targets,
        })
    }

    fn factor(&self, model: &Model<'_>, active: &Active) -> Result<Cholesky> {
        let own = self.gram.select(Axis(0), &active.columns);
        let mut system = own.select(Axis(1), &active.columns);
        system *= &active.scales;
        system *= &active.scales.view().insert_axis(Axis(1));
        let mut penalty = system.diag_mut();
        let mut penalty = penalty.slice_mut(s![model.constants.ncols()..]);
        penalty += 1.0;
        numerical(cholesky(system.view()))
    }

    fn solve(&self, model: &Model<'_>, ratios: &[f64]) -> Result<Solved> {
        let active = Active::new(model, ratios);
        let factor = self.factor(model, &active)?;
        let cross = self.cross.select(Axis(0), &active.columns) * &active.scales;
        let scaled = numerical(factor.solve(cross.view().insert_axis(Axis(1))))?;
        let scaled = scaled.remove_axis(Axis(1));
        let whole = self.targets.dot(&self.targets);
        let quadratic = (whole - cross.dot(&scaled)).max(f64::EPSILON * whole);
        Ok(Solved {
            active,
            factor,
            scaled,
            quadratic,
        })
    }

    fn null(
        self,
        model: &Model<'_>,
        ratios: &[f64],
        noise: f64,
        counts: Array1<f64>,
    ) -> Result<Null> {
        let ratios: Vec<f64> = ratios.iter().map(|ratio| ratio * UNDERSMOOTHING).collect();
        let solved = self.solve(model, &ratios)?;
        let mut of_means = model.of_means(&solved, noise)?;
        of_means *= &self.roots.view().insert_axis(Axis(1));
        let Solved { active, factor, .. } = solved;
        let columns = self.columns.select(Axis(1), &active.columns) * &active.scales;
        let mut half = numerical(factor.solve_lower(columns.t()))?;
        if of_means.ncols() > 0 {
            // P with the columns M added to what may vary: P − P M (I + Mᵀ P M)⁻¹ Mᵀ P.
            let taken = numerical(product(half.view(), of_means.view()))?;
            let left = &of_means - &numerical(transposed_product(half.view(), taken.view()))?;
            let mut system = numerical(transposed_product(of_means.view(), left.view()))?;
            system.diag_mut().mapv_inplace(|value| value + 1.0);
            let factor = numerical(cholesky(((&system + &system.t()) / 2.0).view()))?;
            let more = numerical(factor.solve_lower(left.t()))?;
            half =
                concatenate(Axis(0), &[half.view(), more.view()]).expect("all have the same rows");
        }
        Ok(Null {
            half,
            roots: self.roots,
            targets: self.targets,
            counts,
            rank: model.rank,
        })
    }
}

impl Solved {
    /// Schall's step for the ratios of the blocks' variances to the noise's (1991,
    /// doi:10.1093/biomet/78.4.719), and whether it was a short one.
    fn update(&self, noise: f64, ratios: &mut [f64]) -> Result<bool> {
        let size = self.scaled.len();
        // The diagonal of L⁻ᵀ L⁻¹.
        let lower = numerical(self.factor.solve_lower(Array2::eye(size).view()))?;
        let unknown_of = lower.map_axis(Axis(0), |column| column.dot(&column));
        let mut settled = true;
        for (block, ratio) in self.active.blocks.iter().zip(ratios) {
            if block.is_empty() {
                continue;
            }
            let own = self.scaled.slice(s![block.clone()]);
            let unknown: f64 = unknown_of.slice(s![block.clone()]).sum();
            let degrees = block.len() as f64 - unknown;
            let step = own.dot(&own) / (noise * degrees);
            if degrees < LEAST && (step.is_nan() || step <= 1.0) {
                *ratio = 0.0;
                continue;
            }
            settled &= (step.ln() * degrees).abs() < CHANGE || *ratio * step > MOST;
            *ratio = (*ratio * step).min(MOST);
        }
        Ok(settled)
    }
}

impl Null {
    /// Degrees of freedom left by the constants.
    pub(super) fn degrees(&self) -> usize {
        (self.counts.sum() as usize).saturating_sub(self.rank)
    }

    /// P times some columns (n × k).
    pub(super) fn residuals(&self, columns: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        let taken = numerical(product(self.half.view(), columns))?;
        Ok(&columns - &numerical(transposed_product(self.half.view(), taken.view()))?)
    }

    /// The diagonal of P.
    pub(super) fn remains(&self) -> Array1<f64> {
        let taken = self.half.map_axis(Axis(0), |column| column.dot(&column));
        taken.mapv(|taken| (1.0 - taken).max(0.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    /// A design, functions of its intercept, targets and weights.
    fn data(rows: usize) -> (Array2<f64>, [Array2<f64>; 2], Array1<f64>, Array1<f64>) {
        let mut generator = ChaCha8Rng::seed_from_u64(7);
        let mut uniform = |columns| {
            Array2::from_shape_fn((rows, columns), |_| generator.gen_range(-1.0..1.0_f64))
        };
        let mut design = uniform(2);
        design.column_mut(0).fill(1.0);
        let blocks = [uniform(3), uniform(4)];
        let weights = uniform(1).column(0).mapv(|u| 1.0 + 0.5 * u);
        let noise = uniform(1).column(0).to_owned();
        let targets = blocks[0].sum_axis(Axis(1)) + 0.4 * blocks[1].sum_axis(Axis(1)) + noise;
        (design, blocks, targets, weights)
    }

    /// V over the variance of the noise.
    fn covariance(blocks: &[Array2<f64>], weights: &Array1<f64>, ratios: [f64; 2]) -> Array2<f64> {
        let mut covariance = Array2::from_diag(&weights.mapv(f64::recip));
        for (block, ratio) in blocks.iter().zip(ratios) {
            covariance = covariance + block.dot(&block.t()) * ratio;
        }
        covariance
    }

    fn inverse(matrix: &Array2<f64>) -> Array2<f64> {
        cholesky(matrix.view()).unwrap().inverse().unwrap()
    }

    #[test]
    fn variances_maximise_the_restricted_likelihood_and_residuals_are_dense_ones() {
        let (design, blocks, targets, weights) = data(40);
        let functions = blocks.clone().map(|functions| Nuisance {
            coefficient: 0,
            functions,
        });
        let model = Model::new(&design, &functions, None).unwrap();
        let rows = Weighted::new(&model, targets.view(), weights.view()).unwrap();
        let mut ratios = model.first_ratios();
        for _ in 0..2000 {
            let solved = rows.solve(&model, &ratios).unwrap();
            solved.update(solved.quadratic / 38.0, &mut ratios).unwrap();
        }
        let projection = |ratios| {
            let precision = inverse(&covariance(&blocks, &weights, ratios));
            let solved = precision.dot(&design);
            let middle = inverse(&design.t().dot(&solved));
            &precision - &solved.dot(&middle).dot(&solved.t())
        };
        let likelihood = |ratios: [f64; 2]| {
            let covariance = covariance(&blocks, &weights, ratios);
            let factor = cholesky(covariance.view()).unwrap();
            let of_constants = design.t().dot(&inverse(&covariance).dot(&design));
            let quadratic = targets.dot(&projection(ratios).dot(&targets));
            -0.5 * (38.0 * quadratic.ln()
                + factor.log_determinant()
                + cholesky(of_constants.view()).unwrap().log_determinant())
        };
        let best = [ratios[0], ratios[1]];
        for changed in [[1.05, 1.0], [0.95, 1.0], [1.0, 1.05], [1.0, 0.95]] {
            let other = [best[0] * changed[0], best[1] * changed[1]];
            assert!(likelihood(best) >= likelihood(other), "{best:?} {other:?}");
        }
        let undersmoothed = ratios.iter().map(|ratio| ratio / UNDERSMOOTHING);
        let null = rows
            .null(
                &model,
                &undersmoothed.collect::<Vec<_>>(),
                1.0,
                Array1::ones(40),
            )
            .unwrap();
        let roots = weights.mapv(f64::sqrt);
        let scaled = (&roots * &targets).insert_axis(Axis(1));
        let found = null.residuals(scaled.view()).unwrap();
        let dense = projection(best);
        let expected = dense.dot(&targets) / &roots;
        assert_relative_eq!(found.column(0).to_owned(), expected, max_relative = 1e-8);
        let diagonal = dense.diag().to_owned() / &weights;
        assert_relative_eq!(null.remains(), diagonal, max_relative = 1e-8);
    }

    /// An intercept at means that are not known varies by as much as slopes do times the error of the means.
    #[test]
    fn errors_of_means_are_a_part_of_what_may_vary() {
        let (mut design, blocks, targets, weights) = data(40);
        let mean = design.column(1).mean().unwrap();
        design.column_mut(1).mapv_inplace(|x| x - mean);
        let functions = [Nuisance {
            coefficient: 1,
            functions: blocks[0].clone(),
        }];
        let fit = |origin| {
            let model = Model::new(&design, &functions, origin).unwrap();
            let rows = Weighted::new(&model, targets.view(), weights.view()).unwrap();
            let null = rows.null(&model, &[0.1], 0.3, Array1::ones(40)).unwrap();
            (
                Weighted::new(&model, targets.view(), weights.view()).unwrap(),
                model,
                null,
            )
        };
        let (rows, model, plain) = fit(None);
        let (_, _, with_means) = fit(Some(0));
        let solved = rows.solve(&model, &[0.1 * UNDERSMOOTHING]).unwrap();
        let weights_of_slope =
            solved.scaled.slice(s![2..]).to_owned() * (0.1 * UNDERSMOOTHING).sqrt();
        let slope = blocks[0].dot(&weights_of_slope);
        let variance = design.column(1).dot(&design.column(1)) / (40.0 * 40.0 * 0.3);
        // P' = P − P m (1 + mᵀ P m)⁻¹ mᵀ P with the one column m.
        let m = (&slope * variance.sqrt() * weights.mapv(f64::sqrt)).insert_axis(Axis(1));
        let pm = plain.residuals(m.view()).unwrap();
        let scale = 1.0 + m.column(0).dot(&pm.column(0));
        let eye = Array2::eye(40);
        let expected = plain.residuals(eye.view()).unwrap() - pm.dot(&pm.t()) / scale;
        let found = with_means.residuals(eye.view()).unwrap();
        assert_relative_eq!(found, expected, epsilon = 1e-10);
    }
}

//! Penalised least squares with the levels of one factor eliminated.
//!
//! ```text
//! y = Z b + D w + ε,   b_j = Λ u_j,  w = T v,   u, v ~ N(0, σ² I) but for the last of v, which are free
//! A_j = I + Λᵀ Z_jᵀ W Z_j Λ                    of every level j, q × q
//! S   = Dᵀ W D − Σ_j Dᵀ W Z_j Λ A_j⁻¹ Λᵀ Z_jᵀ W D
//! N   = Tᵀ S T + diag(1, …, 1, 0, …, 0)
//! ```
//!
//! D contains what is penalised besides (random effects of other factors, functions of the context), then the fixed
//! effects, and then the response. Given S, everything costs as much as a dense system of its size; S costs O(L q d²)
//! for L levels and d columns. With P = V⁻¹ − V⁻¹ X (Xᵀ V⁻¹ X)⁻¹ Xᵀ V⁻¹ and V = W⁻¹ + Z Λ Λᵀ Zᵀ + …, the derivative of
//! the criterion by a covariance Σ of effects with design Z is tr((Zᵀ P Z − Zᵀ P y yᵀ P Z / σ²) dΣ); both matrices
//! follow from the same system.

use crate::numerical;
use contextualized_core::Result;
use contextualized_solvers::{Cholesky, add_product, cholesky, gram, product};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, s};

/// Rows whose products are formed at once.
const BLOCK: usize = 1024;

/// Rows as the eliminated factor and the dense columns see them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rows<'a> {
    /// Level of each row of the eliminated factor.
    pub(crate) levels: &'a [usize],
    pub(crate) level_count: usize,
    /// n × q.
    pub(crate) design: ArrayView2<'a, f64>,
    /// n × d, without the response.
    pub(crate) dense: ArrayView2<'a, f64>,
}

/// Sums over rows.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    levels: usize,
    effects: usize,
    /// `Z_jᵀ W Z_j` below each other (L q × q).
    own: Array2<f64>,
    /// `Z_jᵀ W D` below each other (L q × (d + 1)), the response last.
    cross: Array2<f64>,
    /// `Dᵀ W D`, the response last.
    gram: Array2<f64>,
}

/// A diagonal block of T: the same root for several groups of columns, one behind the other.
#[derive(Debug, Clone)]
pub(crate) struct Penalty {
    pub(crate) start: usize,
    pub(crate) repeats: usize,
    pub(crate) root: Array2<f64>,
}

impl Penalty {
    /// Columns of each group.
    fn ranges(&self) -> impl Iterator<Item = std::ops::Range<usize>> + '_ {
        let width = self.root.nrows();
        (0..self.repeats).map(move |own| {
            let start = self.start + own * width;
            start..start + width
        })
    }

    /// Columns of all groups.
    pub(crate) fn columns(&self) -> usize {
        self.repeats * self.root.nrows()
    }
}

impl Problem {
    /// Sums with these weights, moments (the weighted response) and the weighted sum of squares of the response.
    pub(crate) fn gather(
        rows: Rows<'_>,
        weights: ArrayView1<'_, f64>,
        moments: ArrayView1<'_, f64>,
        square: f64,
    ) -> Result<Self> {
        let (n, q) = rows.design.dim();
        let d = rows.dense.ncols();
        let mut own = Array2::zeros((rows.level_count * q, q));
        let mut cross = Array2::zeros((rows.level_count * q, d + 1));
        let mut inner = Array2::zeros((d, d));
        for start in (0..n).step_by(BLOCK) {
            if d == 0 {
                break;
            }
            let range = s![start..n.min(start + BLOCK), ..];
            let block = rows.dense.slice(range);
            let scale = weights.slice(s![start..n.min(start + BLOCK)]);
            let weighted = &block * &scale.insert_axis(Axis(1));
            numerical(add_product(&mut inner, block.t(), weighted.view()))?;
        }
        for row in 0..n {
            let (weight, moment) = (weights[row], moments[row]);
            let (z, dense) = (rows.design.row(row), rows.dense.row(row));
            let first = rows.levels[row] * q;
            for (effect, &value) in z.iter().enumerate() {
                if value == 0.0 {
                    continue;
                }
                own.row_mut(first + effect).scaled_add(weight * value, &z);
                let mut line = cross.row_mut(first + effect);
                line.slice_mut(s![..d]).scaled_add(weight * value, &dense);
                line[d] += moment * value;
            }
        }
        let mut all = Array2::zeros((d + 1, d + 1));
        // Symmetric to the last bit.
        let symmetric = (&inner + &inner.t()) * 0.5;
        all.slice_mut(s![..d, ..d]).assign(&symmetric);
        let right = rows.dense.t().dot(&moments);
        all.slice_mut(s![..d, d]).assign(&right);
        all.slice_mut(s![d, ..d]).assign(&right);
        all[[d, d]] = square;
        Ok(Self {
            levels: rows.level_count,
            effects: q,
            own,
            cross,
            gram: all,
        })
    }

    fn block(&self, level: usize) -> std::ops::Range<usize> {
        level * self.effects..(level + 1) * self.effects
    }

    /// Solves with this root of the covariance of a level's effects and these penalties, relative to the noise.
    pub(crate) fn solve<'a>(
        &'a self,
        lambda: &Array2<f64>,
        penalties: &[Penalty],
    ) -> Result<Solved<'a>> {
        let (q, width) = (self.effects, self.gram.ncols());
        let mut factors = Array2::zeros((self.levels * q, q));
        let mut half = Array2::zeros((self.levels * q, width));
        let mut log_determinant = 0.0;
        for level in 0..self.levels {
            let range = self.block(level);
            let own = self.own.slice(s![range.clone(), ..]);
            let mut lower = lambda.t().dot(&own.dot(lambda));
            lower.diag_mut().mapv_inplace(|value| value + 1.0);
            log_determinant += cholesky_of_level(&mut lower);
            let mut moved = lambda.t().dot(&self.cross.slice(s![range.clone(), ..]));
            solve_lower_in_place(&lower, &mut moved);
            half.slice_mut(s![range.clone(), ..]).assign(&moved);
            factors.slice_mut(s![range, ..]).assign(&lower);
        }
        let reduced = &self.gram - &numerical(gram(half.view()))?;
        let size = width - 1;
        let penalised = penalties.iter().map(Penalty::columns).sum();
        let mut system = reduced.slice(s![..size, ..]).to_owned();
        for penalty in penalties {
            for range in penalty.ranges() {
                let moved = system.slice(s![.., range.clone()]).dot(&penalty.root);
                system.slice_mut(s![.., range.clone()]).assign(&moved);
                let moved = penalty.root.t().dot(&system.slice(s![range.clone(), ..]));
                system.slice_mut(s![range, ..]).assign(&moved);
            }
        }
        for column in 0..penalised {
            system[[column, column]] += 1.0;
        }
        let (factor, whitened, means) = if size == 0 {
            (None, Array1::zeros(0), Array1::zeros(0))
        } else {
            let square = system.slice(s![.., ..size]);
            let square = (&square + &square.t()) * 0.5;
            let factor = numerical(cholesky(square.view()))?;
            let right = system.slice(s![.., size..]);
            let whitened = numerical(factor.solve_lower(right))?;
            let mut means = numerical(factor.solve_upper(whitened.view()))?;
            for penalty in penalties {
                for range in penalty.ranges() {
                    let moved = penalty.root.dot(&means.slice(s![range.clone(), ..]));
                    means.slice_mut(s![range, ..]).assign(&moved);
                }
            }
            (
                Some(factor),
                whitened.column(0).to_owned(),
                means.column(0).to_owned(),
            )
        };
        let residual = reduced[[size, size]] - whitened.dot(&whitened);
        log_determinant += factor.as_ref().map_or(0.0, Cholesky::log_determinant);
        Ok(Solved {
            problem: self,
            lambda: lambda.clone(),
            penalties: penalties.to_vec(),
            factors,
            half,
            reduced,
            factor,
            whitened,
            means,
            residual: residual.max(0.0),
            log_determinant,
        })
    }
}

/// What a solve leaves behind.
pub(crate) struct Solved<'a> {
    problem: &'a Problem,
    lambda: Array2<f64>,
    penalties: Vec<Penalty>,
    /// Cholesky factors of all A_j.
    factors: Array2<f64>,
    /// `L_j⁻¹ Λᵀ Z_jᵀ W D`.
    half: Array2<f64>,
    reduced: Array2<f64>,
    factor: Option<Cholesky>,
    /// `R⁻¹ Tᵀ` times the reduced moments, with N = R Rᵀ.
    whitened: Array1<f64>,
    /// Means of the dense weights.
    pub(crate) means: Array1<f64>,
    /// The penalised sum of squares.
    pub(crate) residual: f64,
    /// That of all A_j and of N.
    pub(crate) log_determinant: f64,
}

/// Derivatives by covariances, see the module.
pub(crate) struct Slopes {
    /// By that of a level's effects (q × q).
    pub(crate) levels: Array2<f64>,
    /// By that of each penalty.
    pub(crate) penalties: Vec<Array2<f64>>,
}

/// What predictions need of the eliminated levels, relative to the noise.
pub(crate) struct LevelEffects {
    /// Means (L × q).
    pub(crate) means: Array2<f64>,
    /// Covariances given the dense weights, below each other (L q × q).
    pub(crate) covariances: Array2<f64>,
    /// How means follow the dense weights, with the sign reversed, below each other (L q × d).
    pub(crate) gains: Array2<f64>,
}

impl Solved<'_> {
    /// `T R⁻ᵀ` transposed: the root of the covariance of the dense weights, relative to the noise.
    pub(crate) fn half_covariance(&self) -> Result<Array2<f64>> {
        let Some(factor) = &self.factor else {
            return Ok(Array2::zeros((0, 0)));
        };
        let identity = Array2::eye(self.means.len());
        let mut half = numerical(factor.solve_lower(identity.view()))?;
        for penalty in &self.penalties {
            for range in penalty.ranges() {
                let moved = half.slice(s![.., range.clone()]).dot(&penalty.root.t());
                half.slice_mut(s![.., range]).assign(&moved);
            }
        }
        Ok(half)
    }

    /// Derivatives at this noise variance.
    pub(crate) fn slopes(&self, noise: f64) -> Result<Slopes> {
        let problem = self.problem;
        let (q, size) = (problem.effects, self.means.len());
        let half = self.half_covariance()?;
        // E = Zᵀ V₀⁻¹ D, of every level; V₀ is V without what is dense.
        let mut moved = self.half.clone();
        for level in 0..problem.levels {
            let range = problem.block(level);
            let lower = self.factors.slice(s![range.clone(), ..]);
            let mut own = moved.slice(s![range.clone(), ..]).to_owned();
            solve_upper_in_place(&lower, &mut own);
            let own = problem
                .own
                .slice(s![range.clone(), ..])
                .dot(&self.lambda.dot(&own));
            moved.slice_mut(s![range, ..]).assign(&own);
        }
        let seen = &problem.cross - &moved;
        let (uncertain, of_response) = if size == 0 {
            (Array2::zeros((seen.nrows(), 0)), seen.column(0).to_owned())
        } else {
            let dense = seen.slice(s![.., ..size]);
            let uncertain = numerical(product(dense, half.t()))?;
            let fitted = uncertain.dot(&self.whitened);
            (uncertain, &seen.column(size) - &fitted)
        };
        let mut levels = Array2::zeros((q, q));
        for level in 0..problem.levels {
            let range = problem.block(level);
            let own = problem.own.slice(s![range.clone(), ..]);
            let mut root = self.lambda.t().dot(&own);
            solve_lower_in_place(&self.factors.slice(s![range.clone(), ..]), &mut root);
            levels += &own;
            levels -= &root.t().dot(&root);
            let response = of_response.slice(s![range]);
            for a in 0..q {
                for b in 0..q {
                    levels[[a, b]] -= response[a] * response[b] / noise;
                }
            }
        }
        if size > 0 {
            for effect in 0..q {
                for other in 0..q {
                    let a = uncertain.slice(s![effect..;q, ..]);
                    let b = uncertain.slice(s![other..;q, ..]);
                    levels[[effect, other]] -= (&a * &b).sum();
                }
            }
        }
        let mut penalties = Vec::with_capacity(self.penalties.len());
        for penalty in &self.penalties {
            let first = penalty.start..penalty.start + penalty.columns();
            let dense = self.reduced.slice(s![first.clone(), ..size]);
            let uncertain = numerical(product(dense, half.t()))?;
            let response =
                &self.reduced.slice(s![first.clone(), size]) - &uncertain.dot(&self.whitened);
            let width = penalty.root.nrows();
            let mut slope = Array2::zeros((width, width));
            for range in penalty.ranges() {
                let here = range.start - first.start..range.end - first.start;
                let own = uncertain.slice(s![here.clone(), ..]);
                let response = response.slice(s![here]);
                slope += &self.reduced.slice(s![range.clone(), range]);
                slope -= &own.dot(&own.t());
                let response = response.insert_axis(Axis(1));
                slope -= &(response.dot(&response.t()) / noise);
            }
            penalties.push(slope);
        }
        Ok(Slopes { levels, penalties })
    }

    /// Means in units in which the priors are standard normal: of the levels (L × q), and of the dense weights, those
    /// without a penalty as they are.
    pub(crate) fn unit_effects(&self) -> Result<(Array2<f64>, Array1<f64>)> {
        let problem = self.problem;
        let size = self.means.len();
        let mut levels = Array2::zeros((problem.levels, problem.effects));
        for level in 0..problem.levels {
            let range = problem.block(level);
            let half = self.half.slice(s![range.clone(), ..]);
            let own = &half.column(size) - &half.slice(s![.., ..size]).dot(&self.means);
            let mut own = own.insert_axis(Axis(1));
            solve_upper_in_place(&self.factors.slice(s![range, ..]), &mut own);
            levels.row_mut(level).assign(&own.column(0));
        }
        let dense = match &self.factor {
            None => Array1::zeros(0),
            Some(factor) => {
                let right = self.whitened.view().insert_axis(Axis(1));
                numerical(factor.solve_upper(right))?.column(0).to_owned()
            }
        };
        Ok((levels, dense))
    }

    /// Effects of the eliminated levels.
    pub(crate) fn level_effects(&self) -> LevelEffects {
        let problem = self.problem;
        let (q, size) = (problem.effects, self.means.len());
        let mut means = Array2::zeros((problem.levels, q));
        let mut covariances = Array2::zeros((problem.levels * q, q));
        let mut gains = Array2::zeros((problem.levels * q, size));
        for level in 0..problem.levels {
            let range = problem.block(level);
            let lower = self.factors.slice(s![range.clone(), ..]);
            let mut own = self.half.slice(s![range.clone(), ..]).to_owned();
            solve_upper_in_place(&lower, &mut own);
            let own = self.lambda.dot(&own);
            let gain = own.slice(s![.., ..size]);
            means
                .row_mut(level)
                .assign(&(&own.column(size) - &gain.dot(&self.means)));
            gains.slice_mut(s![range.clone(), ..]).assign(&gain);
            let mut root = self.lambda.t().to_owned();
            solve_lower_in_place(&lower, &mut root);
            covariances
                .slice_mut(s![range, ..])
                .assign(&root.t().dot(&root));
        }
        LevelEffects {
            means,
            covariances,
            gains,
        }
    }
}

/// The Cholesky factor of a matrix that is the identity and something positive semidefinite; gives the logarithm of
/// its determinant. A pivot is at least one up to rounding.
fn cholesky_of_level(matrix: &mut Array2<f64>) -> f64 {
    let size = matrix.nrows();
    let mut log_determinant = 0.0;
    for column in 0..size {
        for row in column..size {
            let mut value = matrix[[row, column]];
            for before in 0..column {
                value -= matrix[[row, before]] * matrix[[column, before]];
            }
            matrix[[row, column]] = if row == column {
                value.max(0.5).sqrt()
            } else {
                value / matrix[[column, column]]
            };
        }
        for row in 0..column {
            matrix[[row, column]] = 0.0;
        }
        log_determinant += 2.0 * matrix[[column, column]].ln();
    }
    log_determinant
}

fn solve_lower_in_place<S>(lower: &ndarray::ArrayBase<S, ndarray::Ix2>, right: &mut Array2<f64>)
where
    S: ndarray::Data<Elem = f64>,
{
    for row in 0..lower.nrows() {
        let (known, mut rest) = right.view_mut().split_at(Axis(0), row);
        let mut line = rest.row_mut(0);
        for (before, known) in known.rows().into_iter().enumerate() {
            line.scaled_add(-lower[[row, before]], &known);
        }
        line /= lower[[row, row]];
    }
}

/// With the transpose of a lower triangle.
fn solve_upper_in_place<S>(lower: &ndarray::ArrayBase<S, ndarray::Ix2>, right: &mut Array2<f64>)
where
    S: ndarray::Data<Elem = f64>,
{
    let size = lower.nrows();
    for row in (0..size).rev() {
        let (mut first, known) = right.view_mut().split_at(Axis(0), row + 1);
        let mut line = first.row_mut(row);
        for (after, known) in known.rows().into_iter().enumerate() {
            line.scaled_add(-lower[[row + 1 + after, row]], &known);
        }
        line /= lower[[row, row]];
    }
}

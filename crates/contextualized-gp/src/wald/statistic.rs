//! A robust Wald statistic and its distribution by a wild bootstrap.

use super::WaldStatistic;
use super::functions::Tested;
use super::null::Null;
use super::tail::Tail;
use crate::numerical;
use contextualized_core::Result;
use contextualized_solvers::{cholesky, gram, product, symmetric_eigen, transposed_product};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};
use rand::{RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use std::collections::HashMap;

/// Share of the tested functions' variance, given everything else, that the directions have to have.
const SHARE: f64 = 0.95;
/// The most directions for each coefficient tested.
const DIRECTIONS: usize = 10;
/// Rows for each direction that are left when the constants are known.
const ROWS_PER_DIRECTION: usize = 5;
/// What counts as nothing of a row that its own target determines.
const LEAST_REMAINS: f64 = 1e-3;
/// Replicates of the wild bootstrap, and how many of them are made at once.
const REPLICATES: usize = 499;
const AT_ONCE: usize = 64;
/// Rows from which the limit distribution serves instead, if as many share what is tested.
const MANY_ROWS: usize = 5000;
const MANY_SHARING: f64 = 1000.0;

/// Signs of chance.
fn signs(rows: usize, columns: usize, generator: &mut ChaCha8Rng) -> Array2<f64> {
    let (mut bits, mut left) = (0, 0);
    Array2::from_shape_simple_fn((rows, columns), || {
        if left == 0 {
            (bits, left) = (generator.next_u64(), 64);
        }
        let sign = if bits & 1 == 0 { 1.0 } else { -1.0 };
        (bits, left) = (bits >> 1, left - 1);
        sign
    })
}

/// Which rows have errors that may depend on each other.
#[derive(Debug, Clone)]
pub(super) struct Clusters {
    /// The cluster of each row, numbered in their order.
    of_rows: Vec<usize>,
    count: usize,
}

impl Clusters {
    /// Groups of rows by their labels; without labels every row is one.
    pub(super) fn new(groups: Option<&[usize]>, rows: usize) -> Self {
        let mut known = HashMap::new();
        let mut number = |label| {
            let next = known.len();
            *known.entry(label).or_insert(next)
        };
        let of_rows = match groups {
            Some(labels) => labels.iter().map(|&label| number(label)).collect(),
            None => (0..rows).map(&mut number).collect(),
        };
        Self {
            of_rows,
            count: known.len(),
        }
    }

    fn are_rows(&self) -> bool {
        self.count == self.of_rows.len()
    }

    /// Sums of the rows (n × k) of every cluster.
    fn sums(&self, table: ArrayView2<'_, f64>) -> Array2<f64> {
        let mut sums = Array2::zeros((self.count, table.ncols()));
        for (&cluster, row) in self.of_rows.iter().zip(table.rows()) {
            let mut sum = sums.row_mut(cluster);
            sum += &row;
        }
        sums
    }
}

/// A statistic where there is no noise: no product with it overflows.
const LARGEST: f64 = 1e100;

/// The directions tested, given the fit under the hypothesis.
struct Directions<'a> {
    null: &'a Null,
    /// U = P F, scaled to `Fᵀ P F = I` (n × d).
    columns: Array2<f64>,
    /// I − Uᵀ U: the share of the variance of Uᵀ y that is not the noise's.
    of_functions: Array2<f64>,
    /// What the directions are of the coefficients at the rows, less its mean (n × d).
    of_coefficients: Array2<f64>,
    /// Products of each pair of columns (n × d (d + 1) / 2).
    pairs: Array2<f64>,
    /// What the rows' own targets leave of them once the directions are fitted as well.
    remains: Array1<f64>,
    known_noise: bool,
    clusters: Clusters,
}

impl WaldStatistic {
    /// Where there is nothing to test, or no row left to test it by.
    pub(super) const NOTHING: Self = Self {
        value: 0.0,
        degrees: 0,
        residual_degrees: f64::INFINITY,
        deviation: 0.0,
    };

    /// Tests functions of so many coefficients, given the fit under the hypothesis.
    pub(super) fn new(
        null: &Null,
        functions: &Tested,
        coefficients: usize,
        known_noise: bool,
        clusters: Clusters,
    ) -> Result<Self> {
        let units = clusters.count;
        let most = DIRECTIONS * coefficients;
        let Some(directions) = Directions::choose(null, functions, most, known_noise, clusters)?
        else {
            return Ok(Self::NOTHING);
        };
        let targets = null.targets.view().insert_axis(Axis(1));
        let degrees = directions.columns.ncols();
        let observed = directions.observed(targets.to_owned())?;
        let many = units >= MANY_ROWS && directions.sharing() >= MANY_SHARING;
        let tail = if many {
            Tail {
                scale: 1.0,
                residual_degrees: (null.degrees().min(units) - degrees) as f64,
            }
        } else {
            Tail::fit(degrees, directions.replicates(REPLICATES)?)
        };
        let value = observed / tail.scale;
        Ok(Self {
            value,
            degrees,
            residual_degrees: tail.residual_degrees,
            deviation: directions.deviation(null.targets.view(), value)?,
        })
    }
}

impl<'a> Directions<'a> {
    /// The leading ones; none where there is nothing to test or no row left to test it by.
    fn choose(
        null: &'a Null,
        tested: &Tested,
        most: usize,
        known_noise: bool,
        clusters: Clusters,
    ) -> Result<Option<Self>> {
        let units = null.degrees().min(clusters.count);
        let most = most.min(units.div_ceil(ROWS_PER_DIRECTION));
        if tested.of_predictors.is_empty() {
            return Ok(None);
        }
        let functions = &tested.of_predictors * &null.roots.view().insert_axis(Axis(1));
        let left = null.residuals(functions.view())?;
        let explained = numerical(transposed_product(functions.view(), left.view()))?;
        let eigen = numerical(symmetric_eigen(
            ((&explained + &explained.t()) / 2.0).view(),
        ))?;
        let mut order: Vec<usize> = (0..eigen.values.len()).collect();
        order.sort_by(|a, b| eigen.values[*b].total_cmp(&eigen.values[*a]));
        let total: f64 = eigen.values.iter().filter(|value| **value > 0.0).sum();
        let whole: f64 = functions.iter().map(|v| v * v).sum();
        let mut seen = 0.0;
        let mut chosen = Vec::new();
        for direction in order {
            let value = eigen.values[direction];
            if seen >= SHARE * total || value <= f64::EPSILON.sqrt() * whole {
                break;
            }
            seen += value;
            chosen.push(direction);
        }
        // What takes a direction for every other group, as a factor of the groups does, cannot be distinguished from
        // the groups themselves.
        let of_groups = !clusters.are_rows() && 2 * chosen.len() >= clusters.count;
        if chosen.is_empty() || of_groups {
            return Ok(None);
        }
        chosen.truncate(most);
        let scales = Array1::from_iter(chosen.iter().map(|&at| eigen.values[at].sqrt().recip()));
        let vectors = eigen.vectors.select(Axis(1), &chosen) * &scales;
        let columns = numerical(product(left.view(), vectors.view()))?;
        let values = numerical(product(tested.of_coefficients.view(), vectors.view()))?;
        let means = values.mean_axis(Axis(0)).unwrap_or_default();
        let squares = numerical(gram(columns.view()))?;
        let count = columns.ncols();
        let mut pairs = Array2::zeros((columns.nrows(), count * (count + 1) / 2));
        let mut at = 0;
        for a in 0..count {
            for b in 0..=a {
                let both = &columns.column(a) * &columns.column(b);
                pairs.column_mut(at).assign(&both);
                at += 1;
            }
        }
        let own = columns.map_axis(Axis(1), |row| row.dot(&row));
        Ok(Some(Self {
            remains: (null.remains() - own).mapv(|left| left.max(LEAST_REMAINS)),
            of_functions: Array2::eye(count) - squares,
            of_coefficients: values - means,
            null,
            columns,
            pairs,
            known_noise,
            clusters,
        }))
    }

    /// How many clusters the directions rest on: all of them if each has the same part.
    fn sharing(&self) -> f64 {
        let rows = self.columns.map_axis(Axis(1), |row| row.dot(&row));
        let own = self.clusters.sums(rows.view().insert_axis(Axis(1)));
        let own = own.column(0);
        own.sum().powi(2) / own.dot(&own).max(f64::MIN_POSITIVE)
    }

    /// Standard deviation over the rows of what is tested: of the least-squares estimate, of whose mean square
    /// chance has the part that it has in the statistic, 1 in `value`.
    fn deviation(&self, targets: ArrayView1<'_, f64>, value: f64) -> Result<f64> {
        let targets = targets.insert_axis(Axis(1));
        let estimate = numerical(transposed_product(self.columns.view(), targets))?;
        let varied = numerical(product(self.of_coefficients.view(), estimate.view()))?;
        let square = varied.iter().map(|v| v * v).sum::<f64>() / varied.nrows() as f64;
        let by_chance = value.max(1.0).recip();
        Ok((square * (1.0 - by_chance)).sqrt())
    }

    fn observed(&self, targets: Array2<f64>) -> Result<f64> {
        let (scores, weights, noise) = self.scores(&targets)?;
        let covariance = self.covariances(&(weights / &self.within()))?;
        self.length(scores.column(0).to_owned(), covariance.column(0), noise[0])
    }

    /// Statistics of the wild bootstrap (Wu 1986, doi:10.1214/aos/1176350142): targets are the residuals under
    /// the hypothesis, enlarged for what their own rows have taken, each with a sign of chance, the same for
    /// the rows of a cluster and for every hypothesis; functions that may vary are drawn, too.
    fn replicates(&self, count: usize) -> Result<Vec<f64>> {
        let targets = self.null.targets.view().insert_axis(Axis(1));
        let residuals = self.null.residuals(targets)?;
        let remains = self.null.remains().mapv(|r| r.max(LEAST_REMAINS));
        let residuals = residuals / &remains.mapv(f64::sqrt).insert_axis(Axis(1)) / &self.within();
        let root = self.root_of_functions()?;
        let mut found = Vec::with_capacity(count);
        for start in (0..count).step_by(AT_ONCE) {
            let mut generator = ChaCha8Rng::seed_from_u64(0);
            generator.set_stream(start as u64);
            let size = AT_ONCE.min(count - start);
            let signs = signs(self.clusters.count, size, &mut generator);
            let mut drawn = signs.select(Axis(0), &self.clusters.of_rows);
            drawn *= &residuals;
            let (mut scores, weights, noise) = self.scores(&drawn)?;
            let normal = || -> f64 { StandardNormal.sample(&mut generator) };
            let normals = Array2::from_shape_simple_fn(scores.dim(), normal);
            let deviations = Array1::from_iter(noise.iter().map(|noise| noise.sqrt()));
            scores += &(root.dot(&normals) * &deviations);
            let covariances = self.covariances(&weights)?;
            for (k, noise) in noise.into_iter().enumerate() {
                let score = scores.column(k).to_owned();
                found.push(self.length(score, covariances.column(k), noise)?);
            }
        }
        Ok(found)
    }

    /// For each column of targets (n × k), times the roots of the precisions: Uᵀ y (d × k), residuals once the
    /// directions are fitted as well over what the rows' own targets leave of them (n × k), and the variance
    /// of the noise.
    fn scores(&self, targets: &Array2<f64>) -> Result<(Array2<f64>, Array2<f64>, Vec<f64>)> {
        let left = self.null.residuals(targets.view())?;
        let scores = numerical(transposed_product(self.columns.view(), targets.view()))?;
        let fitted = numerical(product(self.columns.view(), scores.view()))?;
        let noise = (0..targets.ncols()).map(|k| {
            if self.known_noise {
                return 1.0;
            }
            let whole = targets.column(k).dot(&left.column(k));
            let explained = scores.column(k).dot(&scores.column(k));
            let degrees = self.null.degrees().saturating_sub(self.columns.ncols());
            ((whole - explained) / degrees.max(1) as f64).max(0.0)
        });
        let noise = noise.collect();
        let mut weights = left - fitted;
        weights /= &self.remains.view().insert_axis(Axis(1));
        Ok((scores, weights, noise))
    }

    /// What residuals of rows that stand for several are divided by (n × 1): these are as uneven as each of
    /// several, unless their errors depend on each other.
    fn within(&self) -> Array2<f64> {
        let counts = self.null.counts.mapv(f64::sqrt).insert_axis(Axis(1));
        if self.clusters.are_rows() {
            counts
        } else {
            Array2::ones(counts.dim())
        }
    }

    /// Covariances of Uᵀ y for noise that may be uneven, and dependent within clusters, by residuals (n × k), as
    /// entries below the diagonal (HC3, MacKinnon and White 1985, doi:10.1016/0304-4076(85)90158-7; Liang and
    /// Zeger 1986, doi:10.1093/biomet/73.1.13).
    fn covariances(&self, residuals: &Array2<f64>) -> Result<Array2<f64>> {
        if self.clusters.are_rows() {
            let squares = residuals.mapv(|r| r * r);
            return numerical(transposed_product(self.pairs.view(), squares.view()));
        }
        let count = self.columns.ncols();
        let mut covariances = Array2::zeros((count * (count + 1) / 2, residuals.ncols()));
        for (residuals, mut pairs) in residuals
            .columns()
            .into_iter()
            .zip(covariances.columns_mut())
        {
            let scores = &self.columns * &residuals.insert_axis(Axis(1));
            let covariance = numerical(gram(self.clusters.sums(scores.view()).view()))?;
            let below = (0..count).flat_map(|a| (0..=a).map(move |b| [a, b]));
            for (pair, entry) in pairs.iter_mut().zip(below) {
                *pair = covariance[entry];
            }
        }
        Ok(covariances)
    }

    /// The squared length of Uᵀ y in the inverse of its covariance, to which that of the functions which may
    /// vary is added, for each degree of freedom.
    fn length(&self, score: Array1<f64>, pairs: ArrayView1<'_, f64>, noise: f64) -> Result<f64> {
        let count = score.len();
        let mut covariance = &self.of_functions * noise;
        let mut at = 0;
        for a in 0..count {
            for b in 0..=a {
                covariance[[a, b]] += pairs[at];
                if a != b {
                    covariance[[b, a]] += pairs[at];
                }
                at += 1;
            }
        }
        let whole = covariance.diag().sum();
        if whole <= 0.0 {
            // Neither noise nor anything that the directions explain.
            let explained = score.dot(&score);
            return Ok(if explained > 0.0 { LARGEST } else { 0.0 });
        }
        let factor = numerical(cholesky(covariance.view()))?;
        let half = numerical(factor.solve_lower(score.insert_axis(Axis(1)).view()))?;
        Ok(half.iter().map(|v| v * v).sum::<f64>() / count as f64)
    }

    /// H with `H Hᵀ = I − Uᵀ U`.
    fn root_of_functions(&self) -> Result<Array2<f64>> {
        let eigen = numerical(symmetric_eigen(self.of_functions.view()))?;
        let roots = eigen.values.mapv(|value| value.max(0.0).sqrt());
        Ok(&eigen.vectors * &roots)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wald::null::Model;
    use approx::assert_relative_eq;
    use contextualized_solvers::least_squares;
    use rand::Rng;
    use statrs::distribution::{ContinuousCDF, FisherSnedecor};

    /// Uneven noise about a line, and a parabola to be tested.
    fn data(rows: usize) -> [Array2<f64>; 3] {
        let mut generator = ChaCha8Rng::seed_from_u64(1);
        let x: Vec<f64> = (0..rows).map(|_| generator.gen_range(-2.0..2.0)).collect();
        let design = Array2::from_shape_fn((rows, 2), |(i, j)| if j == 0 { 1.0 } else { x[i] });
        let tested = Array2::from_shape_fn((rows, 1), |(i, _)| x[i] * x[i]);
        let targets = Array2::from_shape_fn((rows, 1), |(i, _)| {
            let normal: f64 = StandardNormal.sample(&mut generator);
            1.0 + x[i] + (0.3 + x[i].abs()) * normal
        });
        [design, tested, targets]
    }

    /// Functions of the intercept.
    fn tested_functions(functions: &Array2<f64>) -> Tested {
        Tested {
            of_coefficients: functions.clone(),
            of_predictors: functions.clone(),
        }
    }

    /// The fit of targets (n × 1) in which nothing varies.
    fn null(design: &Array2<f64>, targets: &Array2<f64>) -> Null {
        let model = Model::new(design, &[], None).unwrap();
        let weights = Array1::ones(targets.nrows());
        model.fit(targets.column(0), weights.view()).unwrap()
    }

    fn directions<'a>(null: &'a Null, tested: &Array2<f64>) -> Directions<'a> {
        let clusters = Clusters::new(None, null.targets.len());
        let chosen = Directions::choose(null, &tested_functions(tested), 5, false, clusters);
        chosen.unwrap().unwrap()
    }

    #[test]
    fn without_other_functions_it_is_the_statistic_of_least_squares() {
        let [design, tested, targets] = data(30);
        let null = null(&design, &targets);
        let directions = directions(&null, &tested);
        let found = directions.observed(targets.clone()).unwrap();

        let all = ndarray::concatenate![Axis(1), design, tested];
        let fit = least_squares(all.view(), targets.view(), None).unwrap();
        let covariance = fit.unscaled_covariance().unwrap();
        let residuals = &targets - &all.dot(fit.solution());
        let mut middle = Array2::<f64>::zeros((3, 3));
        for (row, residual) in all.rows().into_iter().zip(&residuals) {
            let leverage = row.dot(&covariance.dot(&row));
            let row = row.insert_axis(Axis(1));
            middle = middle + &row.dot(&row.t()) * (residual / (1.0 - leverage)).powi(2);
        }
        let sandwich = covariance.dot(&middle).dot(&covariance);
        let expected = fit.solution()[[2, 0]].powi(2) / sandwich[[2, 2]];
        assert_relative_eq!(found, expected, max_relative = 1e-9);
    }

    #[test]
    fn the_deviation_is_that_of_the_rows_and_zero_where_nothing_is_found() {
        let [design, tested, noise] = data(300);
        let spread = tested.std(0.0);
        for size in [0.0, 1.0, 3.0] {
            let targets = &noise + &(&tested * size);
            let null = null(&design, &targets);
            let clusters = Clusters::new(None, 300);
            let found =
                WaldStatistic::new(&null, &tested_functions(&tested), 1, false, clusters).unwrap();
            assert_relative_eq!(found.deviation, size * spread, epsilon = 0.25);
            assert_eq!(found.deviation > 0.0, found.value > 1.0);
        }
    }

    #[test]
    fn the_tail_is_that_of_a_hundred_thousand_replicates() {
        let rows = 60;
        let [design, _, targets] = data(rows);
        let x = design.column(1);
        let tested = Array2::from_shape_fn((rows, 3), |(i, k)| x[i].powi(2 + k as i32));
        let null = null(&design, &targets);
        let directions = directions(&null, &tested);
        let degrees = directions.columns.ncols();
        let tail = Tail::fit(degrees, directions.replicates(REPLICATES).unwrap());
        let mut replicates = directions.replicates(100_000).unwrap();
        replicates.sort_by(f64::total_cmp);
        let fitted = FisherSnedecor::new(degrees as f64, tail.residual_degrees).unwrap();
        for (rank, factor) in [(5_000, 1.3), (1_000, 1.6), (100, 2.5), (10, 5.0)] {
            let quantile = replicates[replicates.len() - rank];
            let p = fitted.sf(quantile / tail.scale);
            let ratio = p * 100_000.0 / rank as f64;
            assert!((1.0 / factor..factor).contains(&ratio), "{rank} {ratio}");
        }
    }
}

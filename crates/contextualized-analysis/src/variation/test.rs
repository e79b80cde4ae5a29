//! Tests by replicates of the data in which nothing varies.

use super::probe::{Probe, Variations};
use super::table::{Subject, VariationTable, lines};
use crate::bootstrap::Failure;
use crate::draws::Drawn;
use crate::resampling::by_label;
use contextualized_core::validate::check_rows;
use contextualized_core::{
    DynEstimator, Error, Estimator, Family, LocalCoefficients, Result, Samples, Standardization,
};
use ndarray::{Array1, Array2, Axis, concatenate};
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use std::sync::Arc;

/// Tests whether coefficients vary, by an estimator fitted anew to replicates of the data in which they
/// do not.
///
/// What is compared with the replicates is the standard deviation of each coefficient over contexts
/// ([`crate::Variations`]), so that every shape counts, a U as much as a line. A p-value is
/// `(1 + replicates at least as large) / (1 + replicates)`.
///
/// | replicates | hypothesis they are made under | exact |
/// |---|---|---|
/// | [`VariationTest::permutation`] | (x, y) is independent of the contexts: neither intercept nor slopes vary, and features do not depend on contexts | for any number of rows |
/// | [`VariationTest::bootstrap`] | the targets follow a model of the null that is fitted first, whatever the features do | with many rows |
///
/// Where some coefficients do vary, the hypothesis of a permutation is wrong as a whole, and the p-values
/// of the others are not exact: too large where what varies is noise to them, too small where the
/// estimator lets all of them vary together. A bootstrap from a null model that has this variation is
/// better then, and [`crate::wald_table`] accounts for it without fitting a model anew.
///
/// ```
/// use contextualized_analysis::VariationTest;
/// use contextualized_linear::{KernelShape, GaussianProcessRegression};
/// use contextualized_simulation::Simulator;
///
/// // The slope is the square of context 0; context 1 says nothing.
/// let data = Simulator::new(150)
///     .uniform_contexts(2, -1.0, 1.0)
///     .slopes(|c| vec![c[0] * c[0]])
///     .noise(0.2)
///     .simulate(0)?;
/// let kernel = GaussianProcessRegression::new().additive(KernelShape::SquaredExponential);
/// let table = VariationTest::permutation(kernel).replicates(39).test(&data.samples)?;
/// let p = |line: usize| table.pairs[line].p_value;
/// assert!(p(0) < 0.05 && p(1) > 0.05);
/// # Ok::<(), contextualized_core::Error>(())
/// ```
#[derive(Clone)]
pub struct VariationTest<E> {
    estimator: E,
    replicates: usize,
    null: Null,
    each_alone: bool,
    within: Option<Vec<usize>>,
    seed: u64,
}

/// Where replicates come from.
#[derive(Clone)]
enum Null {
    Permuted,
    Fitted(Arc<dyn DynEstimator>),
}

impl<E> VariationTest<E>
where
    E: Estimator,
    E::Model: LocalCoefficients,
{
    /// Replicates are the data with the rows of the contexts in another order.
    ///
    /// 199 replicates unless set otherwise.
    pub fn permutation(estimator: E) -> Self {
        Self::new(estimator, Null::Permuted)
    }

    /// Replicates have the contexts and features of the data, and targets from a model in which nothing
    /// varies, such as the population regression: its predictions plus its residuals, each with a sign
    /// of chance (the wild bootstrap, Wu 1986, doi:10.1214/aos/1176350142, valid whatever the noise
    /// depends on), or, where targets are not any real number, outcomes of the family with its means.
    ///
    /// Residuals are enlarged by √(n / (n − p)), p one more than the number of features.
    pub fn bootstrap(estimator: E, null: impl DynEstimator + 'static) -> Self {
        Self::new(estimator, Null::Fitted(Arc::new(null)))
    }

    fn new(estimator: E, null: Null) -> Self {
        Self {
            estimator,
            replicates: 199,
            null,
            each_alone: false,
            within: None,
            seed: 0,
        }
    }

    /// The number of replicates. P-values are multiples of one over one more; 19 at least.
    pub fn replicates(mut self, replicates: usize) -> Self {
        self.replicates = replicates;
        self
    }

    /// Fits a model of each context alone, instead of one of all of them: what varies with a context
    /// where the others are not known, and so also what varies with another that goes along with it.
    pub fn each_context_alone(mut self) -> Self {
        self.each_alone = true;
        self
    }

    /// Permutes contexts only among rows of the same label, such as the centre of a study.
    pub fn within(mut self, labels: &[usize]) -> Self {
        self.within = Some(labels.to_vec());
        self
    }

    /// The seed of the replicates.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Fits the estimator to the data and to every replicate.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for fewer than 19 replicates or labels without a permutation;
    /// [`Error::RowCount`] for labels that are not one a row; what the estimators fail with on the data,
    /// and on the replicates if they fail on all of them.
    pub fn test(&self, samples: &Samples) -> Result<VariationTable> {
        if self.replicates < 19 {
            return Err(Error::invalid_parameter(
                "replicates",
                self.replicates,
                "at least 19, below which no p-value is 0.05",
            ));
        }
        let strata = self.strata(samples)?;
        let samples = samples.rows_that_count()?;
        let arms = self.arms(&samples)?;
        let observed = self.measured(&samples, &arms)?;
        let null = match &self.null {
            Null::Permuted => None,
            Null::Fitted(estimator) => Some(NullModel::fit(estimator.as_ref(), &samples)?),
        };
        let outcomes: Vec<Result<Variations>> = (0..self.replicates)
            .into_par_iter()
            .map(|replicate| {
                samples.monitor().check()?;
                let mut generator = ChaCha8Rng::seed_from_u64(self.seed);
                generator.set_stream(replicate as u64);
                let data = match &null {
                    None => permuted(&samples, &strata, &mut generator),
                    Some(null) => null.draw(&samples, &mut generator),
                }?;
                self.measured(&data, &arms)
            })
            .collect();
        let (measured, failures) = Failure::apart(outcomes)?;
        let measured: Vec<Variations> = measured.into_iter().map(|(_, found)| found).collect();
        self.table(&samples, observed, &measured, failures)
    }

    /// Rows that contexts may be exchanged between, counted among those that count.
    fn strata(&self, samples: &Samples) -> Result<Vec<Vec<usize>>> {
        let rows = samples.rows();
        let labels = match &self.within {
            None => vec![0; rows],
            Some(labels) => labels.clone(),
        };
        check_rows("labels", rows, labels.len())?;
        let weights = samples.weights();
        let counts = |row: usize| weights.is_none_or(|weights| weights[row] > 0.0);
        let counted = (0..rows).filter(|&row| counts(row));
        let labels: Vec<usize> = counted.map(|row| labels[row]).collect();
        let strata = by_label(&labels, 0..labels.len());
        if strata.iter().all(|stratum| stratum.len() < 2) {
            return Err(Error::invalid_parameter(
                "labels",
                "another one in every row",
                "shared by rows whose contexts can be exchanged",
            ));
        }
        Ok(strata)
    }

    /// The contexts that each model is given, with what it is measured at.
    fn arms(&self, samples: &Samples) -> Result<Vec<Arm>> {
        let columns: Vec<Vec<usize>> = if self.each_alone {
            let variables = samples.names().context_variables();
            variables.into_iter().map(|own| own.columns).collect()
        } else {
            vec![(0..samples.contexts().ncols()).collect()]
        };
        let arm = |columns: Vec<usize>| {
            let probe = Probe::new(&samples.select_contexts(&columns)?)?;
            Ok(Arm { columns, probe })
        };
        columns.into_iter().map(arm).collect()
    }

    /// The variations of the estimator on some data: contexts of all arms beside each other.
    fn measured(&self, data: &Samples, arms: &[Arm]) -> Result<Variations> {
        let mut found = Vec::with_capacity(arms.len());
        for arm in arms {
            let model = if self.each_alone {
                self.estimator.fit(&data.select_contexts(&arm.columns)?)?
            } else {
                self.estimator.fit(data)?
            };
            found.push(arm.probe.variations(&model)?);
        }
        let views: Vec<_> = found.iter().map(|one| one.by_context.view()).collect();
        let by_context = concatenate(Axis(2), &views)
            .map_err(|source| Error::numerical("joining variations", source))?;
        let mut squares = Array2::zeros(found[0].overall.dim());
        for one in &found {
            squares += &one.overall.mapv(|deviation| deviation * deviation);
        }
        Ok(Variations {
            by_context,
            overall: squares.mapv(f64::sqrt),
        })
    }

    fn table(
        &self,
        samples: &Samples,
        observed: Variations,
        measured: &[Variations],
        failures: Vec<Failure>,
    ) -> Result<VariationTable> {
        // In units of the targets, so that one maximum is fair to all.
        let scales = scales(samples)?;
        let failed = failures.len();
        let table = |of: &dyn Fn(&Variations) -> Vec<f64>| {
            let replicates: Vec<Vec<f64>> = measured.iter().map(of).collect();
            PValues::new(&of(&observed), &replicates, failed)
        };
        let pairs = table(&|found| {
            let scaled = &found.by_context * &scales.view().insert_axis(Axis(2));
            scaled.iter().copied().collect()
        });
        let overall = |found: &Variations| (&found.overall * &scales).into_iter().collect();
        let coefficients = table(&overall);
        let omnibus = table(&|found| vec![overall(found).iter().map(|v: &f64| v * v).sum()]);
        let lines = |subjects: Vec<Subject>, p: &PValues| {
            lines(&subjects, samples.names(), &p.single, Some(&p.maximum))
        };
        Ok(VariationTable {
            pairs: lines(Subject::pairs(&observed), &pairs)?,
            coefficients: if self.each_alone {
                Vec::new()
            } else {
                lines(Subject::coefficients(&observed), &coefficients)?
            },
            omnibus: omnibus.single[0],
            replicates: self.replicates,
            failures,
        })
    }
}

/// Contexts of one model, and what it is measured at.
struct Arm {
    columns: Vec<usize>,
    probe: Probe,
}

/// P-values of several statistics at once.
struct PValues {
    single: Vec<f64>,
    maximum: Vec<f64>,
}

impl PValues {
    /// By statistics of the data and of replicates, of which some failed.
    fn new(observed: &[f64], replicates: &[Vec<f64>], failed: usize) -> Self {
        let all = (1 + replicates.len() + failed) as f64;
        let p_value = |value: f64, of: &dyn Fn(&[f64]) -> f64| {
            // Equal but for rounding counts as equal.
            let least = value * (1.0 - 1e-9);
            // So does a statistic that is not a number, of the data or of a replicate.
            let smaller = |one: &f64| one.partial_cmp(&least) == Some(std::cmp::Ordering::Less);
            let values = replicates.iter().map(|one| of(one));
            let larger = values.filter(|one| !smaller(one)).count();
            (1 + larger + failed) as f64 / all
        };
        let single = (0..observed.len())
            .map(|index| p_value(observed[index], &|one| one[index]))
            .collect();
        let largest = |one: &[f64]| {
            let larger = |most: f64, &value: &f64| if value <= most { most } else { value };
            one.iter().fold(0.0, larger)
        };
        let maximum = (0..observed.len())
            .map(|index| p_value(observed[index], &largest))
            .collect();
        Self { single, maximum }
    }
}

/// A fitted model in which nothing varies.
struct NullModel {
    family: Family,
    means: Array2<f64>,
    /// Residuals, enlarged for the degrees of freedom that the model has taken.
    residuals: Array2<f64>,
}

impl NullModel {
    fn fit(estimator: &dyn DynEstimator, samples: &Samples) -> Result<Self> {
        let model = estimator.fit_boxed(samples)?;
        let means = model.predict_samples(samples)?;
        let (rows, parameters) = (samples.rows(), samples.features().ncols() + 1);
        if rows <= parameters {
            return Err(Error::TooFewRows {
                purpose: format!("residuals of {parameters} coefficients"),
                needed: parameters + 1,
                found: rows,
            });
        }
        let enlarged = (rows as f64 / (rows - parameters) as f64).sqrt();
        Ok(Self {
            family: model.family(),
            residuals: (&samples.targets() - &means) * enlarged,
            means,
        })
    }

    fn draw(&self, samples: &Samples, generator: &mut ChaCha8Rng) -> Result<Samples> {
        let mut targets = self.means.clone();
        if self.family.is_quadratic() {
            // One sign a row: targets stay as correlated as they are.
            for (mut target, residual) in targets.rows_mut().into_iter().zip(self.residuals.rows())
            {
                let sign = if generator.gen_bool(0.5) { 1.0 } else { -1.0 };
                target.scaled_add(sign, &residual);
            }
        } else {
            let mut random = Drawn(generator);
            // Shares are drawn as the means of as many trials as their weight.
            let trials = samples.weights().filter(|_| {
                let shared = |share: &f64| *share > 0.0 && *share < 1.0;
                self.family.is_binary() && samples.targets().iter().any(shared)
            });
            for (row, mut means) in targets.rows_mut().into_iter().enumerate() {
                let dispersion = trials.map_or(1.0, |trials| trials[row].recip());
                let drawn = self.family.draw_row(means.view(), dispersion, &mut random);
                means.assign(&drawn);
            }
        }
        samples.replace_targets(targets.view())
    }
}

/// The samples with the rows of their contexts in another order, within strata.
fn permuted(
    samples: &Samples,
    strata: &[Vec<usize>],
    generator: &mut ChaCha8Rng,
) -> Result<Samples> {
    let mut sources: Vec<usize> = (0..samples.rows()).collect();
    for stratum in strata {
        let mut shuffled = stratum.clone();
        shuffled.shuffle(generator);
        for (&row, source) in stratum.iter().zip(shuffled) {
            sources[row] = source;
        }
    }
    let contexts = samples.contexts().select(Axis(0), &sources);
    samples.replace_contexts(contexts.view())
}

/// What a coefficient is multiplied with to be in standard deviations of its target (targets ×
/// coefficients, the intercept last).
fn scales(samples: &Samples) -> Result<Array2<f64>> {
    let features = Standardization::fit(samples.features(), samples.weights())?;
    let targets = Standardization::fit(samples.targets(), samples.weights())?;
    let own = concatenate(Axis(0), &[features.scales(), Array1::ones(1).view()])
        .map_err(|source| Error::numerical("joining scales", source))?;
    Ok(&own.insert_axis(Axis(0)) / &targets.scales().insert_axis(Axis(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p_values_by_hand() {
        let replicates = vec![vec![1.0, 0.0], vec![3.0, 0.5], vec![2.0, 4.0]];
        let p = PValues::new(&[2.0, 0.1], &replicates, 0);
        assert_eq!((p.single, p.maximum), (vec![0.75, 0.75], vec![0.75, 1.0]));
    }

    #[test]
    fn what_is_not_a_number_is_no_evidence() {
        let replicates = vec![vec![1.0], vec![2.0], vec![f64::NAN]];
        let p = PValues::new(&[f64::NAN], &replicates, 0);
        assert_eq!((p.single[0], p.maximum[0]), (1.0, 1.0));
        let p = PValues::new(&[3.0], &replicates, 0);
        assert_eq!((p.single[0], p.maximum[0]), (0.5, 0.5));
    }
}

//! The fitted model.

use crate::degrees::Uncertain;
use crate::factors::Factor;
use crate::functions::Functions;
use crate::rows::FixedUnits;
use contextualized_core::validate::{
    check_columns, check_finite, check_query, check_rows, check_table,
};
use contextualized_core::{
    Assumptions, Checked, CoefficientIntervals, CoefficientSums, Coefficients, ColumnNames, Error,
    Family, FitReport, LocalCoefficients, PredictorDistribution, PredictorSums, RandomEffects,
    RandomTerm, Result, Samples, Standardization, Tail, VaryingCoefficients, WeightedContexts,
    WithPredictions, WithRandomEffects, WithSums, WithUncertainty, checked_serde,
};
use ndarray::{Array1, Array2, Array3, Array4, ArrayView1, ArrayView2, Axis, s};
use serde::{Deserialize, Serialize};

/// A fitted mixed model.
///
/// Its coefficients are what all levels have in common, predictions from contexts and features alone those of a level
/// whose effects are zero; [`WithRandomEffects`] has the levels' own. Standard errors allow for random effects. Those
/// of constant coefficients of normal outcomes have Student's t with Satterthwaite's degrees of freedom, those of
/// coefficients that vary as many as there are levels of the largest factor less the coefficients, and those of other
/// families the normal distribution.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub struct MixedModel {
    family: Family,
    contexts: usize,
    fixed: FixedUnits,
    functions: Option<ContextFunctions>,
    factors: Vec<Factor>,
    targets: Vec<FittedTarget>,
    effects: Vec<RandomEffects>,
}

checked_serde!(MixedModel);

/// Functions of contexts in units of the fit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ContextFunctions {
    pub(crate) functions: Functions,
    pub(crate) scaling: Standardization,
    pub(crate) names: ColumnNames,
}

/// Contexts in units of the fit, as kernels take them.
pub(crate) fn scaled_contexts(
    scaling: &Standardization,
    names: &ColumnNames,
    contexts: ArrayView2<'_, f64>,
) -> Result<Array2<f64>> {
    let scaled = scaling.apply_to_contexts(contexts)?;
    Ok(names.coded(contexts, scaled))
}

/// What was found of one target; effects and coefficients in its units, of standardised columns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct FittedTarget {
    /// Means of the dense weights.
    pub(crate) means: Array1<f64>,
    /// Its rows times each other are their covariance over that of the noise: Hᵀ H.
    pub(crate) half_covariance: Array2<f64>,
    /// Effects of the eliminated factor (L × q), their covariance given the dense weights over that of the noise
    /// (L q × q), and how they follow these (L q × d).
    pub(crate) level_means: Array2<f64>,
    pub(crate) level_covariances: Array2<f64>,
    pub(crate) gains: Array2<f64>,
    /// The variance that covariances are relative to.
    pub(crate) noise: f64,
    /// The dispersion of a row of weight one.
    pub(crate) dispersion: f64,
    /// Roots of covariances over the noise, and what functions have.
    pub(crate) parameters: Vec<f64>,
    /// None for normal distributions.
    pub(crate) uncertain: Option<Uncertain>,
    pub(crate) report: FitReport,
}

impl Checked for MixedModel {
    fn check(&self) -> Result<()> {
        let coefficients = self.fixed.count();
        let first = self.first_fixed();
        let size = first + coefficients;
        let inconsistent = || {
            Error::invalid_parameter(
                "stored mixed model",
                "of parts that do not fit together",
                "as it was written",
            )
        };
        let fits = !self.factors.is_empty()
            && !self.targets.is_empty()
            && self.factors.iter().all(|factor| {
                let q = factor.effects();
                !factor.blocks.is_empty()
                    && factor.units.is_square()
                    && factor.blocks.iter().all(|block| {
                        block.start + block.effects <= q && block.term < self.effects.len()
                    })
            });
        if !fits {
            return Err(inconsistent());
        }
        let leading = &self.factors[0];
        let (levels, q) = (leading.level_count, leading.effects());
        let numbers: usize = self.factors.iter().map(Factor::parameters).sum();
        let of_functions = self.functions.as_ref();
        let numbers = numbers + of_functions.map_or(0, |own| coefficients * own.functions.width());
        for target in &self.targets {
            let fits = target.means.len() == size
                && target.half_covariance.dim() == (size, size)
                && target.level_means.dim() == (levels, q)
                && target.level_covariances.dim() == (levels * q, q)
                && target.gains.dim() == (levels * q, size)
                && target.parameters.len() == numbers
                && target.noise > 0.0
                && target.dispersion > 0.0
                && target.means.iter().all(|own| own.is_finite());
            if !fits {
                return Err(inconsistent());
            }
            check_finite("covariances", target.half_covariance.view())?;
            check_finite("random effects", target.level_means.view())?;
        }
        let of_targets = self.targets.len();
        let fit = self.effects.iter().all(|own| {
            let q = own.effect_names.len();
            own.covariances.dim() == (of_targets, q, q)
                && own.predicted.dim().0 == of_targets
                && own.predicted.dim().2 == q
        });
        if fit { Ok(()) } else { Err(inconsistent()) }
    }
}

impl MixedModel {
    pub(crate) fn new(
        family: Family,
        contexts: usize,
        fixed: FixedUnits,
        functions: Option<ContextFunctions>,
        factors: Vec<Factor>,
        targets: Vec<FittedTarget>,
        effects: Vec<RandomEffects>,
    ) -> Result<Self> {
        let model = Self {
            family,
            contexts,
            fixed,
            functions,
            factors,
            targets,
            effects,
        };
        model.check()?;
        Ok(model)
    }

    /// How the fit of each target went; the objective is minus twice the logarithm of its restricted likelihood or, of
    /// other families than the Gaussian, of the approximate likelihood without terms of the outcomes alone.
    pub fn reports(&self) -> impl Iterator<Item = &FitReport> {
        self.targets.iter().map(|target| &target.report)
    }

    /// The variance of the noise of a row of weight one, of every target; one for a family without dispersion.
    pub fn dispersions(&self) -> Array1<f64> {
        self.targets
            .iter()
            .map(|target| target.dispersion)
            .collect()
    }

    /// Degrees of freedom of every coefficient (y × (x + 1), the intercept last), none where standard errors are of
    /// normal distributions.
    pub fn degrees_of_freedom(&self) -> Option<Array2<f64>> {
        let map = self.fixed.to_original();
        let features = self.fixed.scaling.columns();
        let mut degrees = Array2::zeros((self.targets.len(), features + 1));
        for (target, mut line) in self.targets.iter().zip(degrees.rows_mut()) {
            let uncertain = target.uncertain.as_ref()?;
            for (own, combination) in line.iter_mut().zip(map.rows()) {
                *own = uncertain.degrees(combination);
            }
            if !self.fixed.intercept {
                line[features] = line.iter().fold(f64::INFINITY, |least, own| {
                    if *own > 0.0 { least.min(*own) } else { least }
                });
            }
        }
        Some(degrees)
    }

    fn functions_start(&self) -> usize {
        let others = self.factors.iter().skip(1);
        others.map(|own| own.level_count * own.effects()).sum()
    }

    fn first_fixed(&self) -> usize {
        let functions = self.functions.as_ref();
        let functions = functions.map_or(0, |own| own.functions.count());
        self.functions_start() + functions * self.fixed.count()
    }

    /// Values of the functions (n × functions) at contexts in the users' units.
    fn values(&self, contexts: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        check_table("contexts", contexts, Some(self.contexts))?;
        match &self.functions {
            None => Ok(Array2::zeros((contexts.nrows(), 0))),
            Some(own) => {
                let scaled = scaled_contexts(&own.scaling, &own.names, contexts)?;
                own.functions.at(scaled.view())
            }
        }
    }

    /// Dense columns of linear combinations of the coefficients in standard units: at the values of the functions (n ×
    /// functions) those of the coefficients in a row of `combinations` (n × p).
    fn dense(&self, values: ArrayView2<'_, f64>, combinations: ArrayView2<'_, f64>) -> Array2<f64> {
        let (first, p, m) = (self.first_fixed(), self.fixed.count(), values.ncols());
        let mut dense = Array2::zeros((combinations.nrows(), first + p));
        let mut start = self.functions_start();
        for column in combinations.columns() {
            let own = &values * &column.insert_axis(Axis(1));
            dense.slice_mut(s![.., start..start + m]).assign(&own);
            start += m;
        }
        dense.slice_mut(s![.., first..]).assign(&combinations);
        dense
    }

    /// Combinations in standard units that are the coefficients in the users' (p × p).
    fn coefficient_map(&self) -> Array2<f64> {
        self.fixed.to_original()
    }

    /// Each coefficient of each target at values of the functions, with its standard error, the intercept last
    /// (n × y × p); weighted sums of them by the rows of weights.
    fn estimates(
        &self,
        contexts: ArrayView2<'_, f64>,
        weights: Option<ArrayView2<'_, f64>>,
    ) -> Result<(Array3<f64>, Array3<f64>)> {
        let values = self.values(contexts)?;
        let map = self.coefficient_map();
        let (p, y) = (self.fixed.count(), self.targets.len());
        let sums = weights.map_or(contexts.nrows(), |own| own.nrows());
        let mut estimates = Array3::zeros((sums, y, p));
        let mut errors = Array3::zeros((sums, y, p));
        for coefficient in 0..p {
            let combination = map.row(coefficient);
            let combinations =
                Array2::from_shape_fn((contexts.nrows(), p), |(_, k)| combination[k]);
            let dense = self.dense(values.view(), combinations.view());
            let dense = match weights {
                Some(weights) => weights.dot(&dense),
                None => dense,
            };
            for (index, target) in self.targets.iter().enumerate() {
                let own = dense.dot(&target.means);
                let mut variances = target.variances(dense.view());
                if let Some(left) = self.left_out(target, values.view())? {
                    let squares = combination.mapv(|own| own * own);
                    let left = left.dot(&squares) * target.noise;
                    variances += &match weights {
                        Some(weights) => (&weights * &weights).dot(&left),
                        None => left,
                    };
                }
                estimates.slice_mut(s![.., index, coefficient]).assign(&own);
                errors
                    .slice_mut(s![.., index, coefficient])
                    .assign(&variances.mapv(f64::sqrt));
            }
        }
        Ok((estimates, errors))
    }

    /// What the basis leaves out of the variance of each coefficient, in units of the noise.
    fn left_out(
        &self,
        target: &FittedTarget,
        values: ArrayView2<'_, f64>,
    ) -> Result<Option<Array2<f64>>> {
        let Some(own) = &self.functions else {
            return Ok(None);
        };
        let first: usize = self.factors.iter().map(Factor::parameters).sum();
        let numbers = &target.parameters[first..];
        let left = own
            .functions
            .left_out(numbers, self.fixed.count(), values)?;
        Ok(Some(left))
    }

    /// A table with the intercept last as coefficients; zero where there is none.
    fn coefficients_of(&self, table: &Array3<f64>) -> Result<Coefficients> {
        let features = self.fixed.scaling.columns();
        let (rows, targets, _) = table.dim();
        let intercepts = if self.fixed.intercept {
            table.index_axis(Axis(2), features).to_owned()
        } else {
            Array2::zeros((rows, targets))
        };
        Coefficients::new(table.slice(s![.., .., ..features]).to_owned(), intercepts)
    }

    /// Quantiles for two-sided intervals of every coefficient (y × p).
    fn quantiles(&self, level: f64) -> Result<Array2<f64>> {
        let p = self.fixed.count();
        let degrees = self.degrees_of_freedom();
        let mut quantiles = Array2::zeros((self.targets.len(), p));
        for ((target, coefficient), quantile) in quantiles.indexed_iter_mut() {
            let own = degrees.as_ref().map(|own| own[[target, coefficient]]);
            *quantile = Tail::new(level, own)?.quantile;
        }
        Ok(quantiles)
    }

    fn ends(
        &self,
        estimates: &Array3<f64>,
        errors: &Array3<f64>,
        level: f64,
    ) -> Result<[Array3<f64>; 2]> {
        let half = errors * &self.quantiles(level)?.insert_axis(Axis(0));
        Ok([estimates - &half, estimates + &half])
    }

    /// The fewest degrees of freedom of any coefficient: of sums of them, and of effects, there are no fewer.
    fn fewest_degrees(&self) -> Option<f64> {
        let degrees = self.degrees_of_freedom()?;
        Some(
            degrees
                .iter()
                .fold(f64::INFINITY, |least, own| least.min(*own)),
        )
    }

    /// What is known of linear predictors, with the effects of levels where terms are given.
    fn distribution(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
        terms: Option<&[RandomTerm]>,
    ) -> Result<PredictorDistribution> {
        check_query(
            contexts,
            self.contexts,
            features,
            self.fixed.scaling.columns(),
        )?;
        let values = self.values(contexts)?;
        let combinations = self.fixed.design(features)?;
        let mut dense = self.dense(values.view(), combinations.view());
        let rows = dense.nrows();
        let mut designs = Vec::new();
        if let Some(terms) = terms {
            check_columns("random terms", self.effects.len(), terms.len())?;
            for (term, own) in terms.iter().zip(&self.effects) {
                check_columns("random effects", own.effect_names.len(), term.effects())?;
                check_rows("random effects", rows, term.rows())?;
            }
            let mut start = 0;
            for (index, factor) in self.factors.iter().enumerate() {
                let design = factor.design(terms);
                let q = factor.effects();
                if index > 0 {
                    for (row, level) in factor.levels(terms).iter().enumerate() {
                        if let Some(level) = level.filter(|own| *own < factor.level_count) {
                            let first = start + level * q;
                            dense
                                .slice_mut(s![row, first..first + q])
                                .assign(&design.row(row));
                        }
                    }
                    start += factor.level_count * q;
                }
                designs.push(design);
            }
        }
        let mut means = Array2::zeros((rows, self.targets.len()));
        let mut standard_errors = means.clone();
        for (index, target) in self.targets.iter().enumerate() {
            let mut mean = dense.dot(&target.means);
            let mut seen = dense.clone();
            let mut variances = Array1::<f64>::zeros(rows);
            let mut parameter = 0;
            for (position, design) in designs.iter().enumerate() {
                let factor = &self.factors[position];
                let end = parameter + factor.parameters();
                let root = factor.root(&target.parameters[parameter..end]);
                parameter = end;
                let q = factor.effects();
                let levels = factor.levels(terms.unwrap_or_default());
                for (row, (level, z)) in levels.iter().zip(design.rows()).enumerate() {
                    match level.filter(|own| *own < factor.level_count) {
                        Some(level) if position == 0 => {
                            let own = s![level * q..(level + 1) * q, ..];
                            mean[row] += z.dot(&target.level_means.row(level));
                            let covariance = target.level_covariances.slice(own);
                            variances[row] += z.dot(&covariance.dot(&z));
                            let gain = z.dot(&target.gains.slice(own));
                            let mut line = seen.row_mut(row);
                            line -= &gain;
                        }
                        // Among the dense columns.
                        Some(_) => {}
                        None => {
                            let half = z.dot(&root);
                            variances[row] += half.dot(&half);
                        }
                    }
                }
            }
            variances *= target.noise;
            variances += &target.variances(seen.view());
            if let Some(left) = self.left_out(target, values.view())? {
                let squares = &combinations * &combinations;
                variances += &((&left * &squares).sum_axis(Axis(1)) * target.noise);
            }
            means.column_mut(index).assign(&mean);
            standard_errors
                .column_mut(index)
                .assign(&variances.mapv(f64::sqrt));
        }
        check_finite("the linear predictor", means.view())?;
        Ok(PredictorDistribution {
            means,
            standard_errors,
            dispersions: self.dispersions(),
            degrees_of_freedom: self.fewest_degrees(),
        })
    }
}

impl FittedTarget {
    /// Variances of combinations of the dense weights (n × d).
    fn variances(&self, dense: ArrayView2<'_, f64>) -> Array1<f64> {
        let half = dense.dot(&self.half_covariance.t());
        let square = |line: ArrayView1<'_, f64>| line.dot(&line) * self.noise;
        half.rows().into_iter().map(square).collect()
    }
}

impl VaryingCoefficients for MixedModel {
    fn coefficients(&self, contexts: ArrayView2<'_, f64>) -> Result<Coefficients> {
        let values = self.values(contexts)?;
        let map = self.coefficient_map();
        let (p, y) = (self.fixed.count(), self.targets.len());
        let (first, start) = (self.first_fixed(), self.functions_start());
        let m = values.ncols();
        let mut table = Array3::zeros((contexts.nrows(), y, p));
        for (index, target) in self.targets.iter().enumerate() {
            let mut own = Array2::zeros((contexts.nrows(), p));
            for (coefficient, mut column) in own.columns_mut().into_iter().enumerate() {
                let from = start + coefficient * m;
                column.assign(&values.dot(&target.means.slice(s![from..from + m])));
                column += target.means[first + coefficient];
            }
            table
                .index_axis_mut(Axis(1), index)
                .assign(&own.dot(&map.t()));
        }
        self.coefficients_of(&table)
    }
}

impl LocalCoefficients for MixedModel {
    fn coefficients_at(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
    ) -> Result<Coefficients> {
        check_query(
            contexts,
            self.contexts,
            features,
            self.fixed.scaling.columns(),
        )?;
        self.coefficients(contexts)
    }

    fn family(&self) -> Family {
        self.family
    }

    fn context_scaling(&self) -> Option<&Standardization> {
        self.functions.as_ref().map(|own| &own.scaling)
    }

    /// Of the first target; of several each has its own.
    fn length_scales(&self) -> Option<Array2<f64>> {
        let own = self.functions.as_ref()?;
        let first: usize = self.factors.iter().map(Factor::parameters).sum();
        let numbers = &self.targets.first()?.parameters[first..];
        let p = self.fixed.count();
        let mut scales = own.functions.length_scales(numbers, p);
        let variables = own.names.context_variables();
        // The kernel has numbers first and then factors.
        let order = variables.iter().enumerate().filter(|(_, own)| !own.factor);
        let order = order.chain(variables.iter().enumerate().filter(|(_, own)| own.factor));
        let mut ordered = Array2::from_elem(
            (self.fixed.scaling.columns() + 1, variables.len()),
            f64::INFINITY,
        );
        for (column, (position, variable)) in order.enumerate() {
            let unit = if variable.factor {
                1.0
            } else {
                own.scaling.scales()[variable.first()]
            };
            scales.column_mut(column).mapv_inplace(|scale| scale * unit);
            let mut line = ordered.slice_mut(s![..p, position]);
            line.assign(&scales.column(column));
        }
        Some(ordered)
    }

    fn effective_degrees(&self, _samples: &Samples) -> Result<Option<Array2<f64>>> {
        if self.functions.is_some() {
            return Ok(None);
        }
        let features = self.fixed.scaling.columns();
        let mut degrees = Array2::ones((self.targets.len(), features + 1));
        if !self.fixed.intercept {
            degrees.column_mut(features).fill(0.0);
        }
        Ok(Some(degrees))
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

    fn as_random_effects(&self) -> Option<&dyn WithRandomEffects> {
        Some(self)
    }
}

impl WithUncertainty for MixedModel {
    fn assumes(&self) -> Assumptions {
        Assumptions {
            independent_rows: false,
            even_noise: true,
        }
    }

    fn standard_errors(&self, contexts: ArrayView2<'_, f64>) -> Result<Coefficients> {
        self.coefficients_of(&self.estimates(contexts, None)?.1)
    }

    fn intervals(&self, contexts: ArrayView2<'_, f64>, level: f64) -> Result<CoefficientIntervals> {
        let (estimates, errors) = self.estimates(contexts, None)?;
        let [lower, upper] = self.ends(&estimates, &errors, level)?;
        Ok(CoefficientIntervals {
            lower: self.coefficients_of(&lower)?,
            upper: self.coefficients_of(&upper)?,
        })
    }
}

impl WithPredictions for MixedModel {
    /// Of a level whose effects are zero.
    fn predictor_distribution(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
    ) -> Result<PredictorDistribution> {
        self.distribution(contexts, features, None)
    }
}

impl WithRandomEffects for MixedModel {
    fn random_effects(&self) -> &[RandomEffects] {
        &self.effects
    }

    fn predictor_distribution_with(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
        terms: &[RandomTerm],
    ) -> Result<PredictorDistribution> {
        self.distribution(contexts, features, Some(terms))
    }
}

impl WithSums for MixedModel {
    fn coefficient_sums(&self, sums: &WeightedContexts, level: f64) -> Result<CoefficientSums> {
        sums.monitor().check()?;
        let (estimates, errors) = self.estimates(sums.contexts(), Some(sums.weights()))?;
        let [lower, upper] = self.ends(&estimates, &errors, level)?;
        let split = |table: &Array3<f64>| {
            let own = self.coefficients_of(table)?;
            Ok::<_, Error>((own.slopes().to_owned(), own.intercepts().to_owned()))
        };
        CoefficientSums::new([
            split(&estimates)?,
            split(&errors)?,
            split(&lower)?,
            split(&upper)?,
        ])
    }

    fn predictor_sums(
        &self,
        sums: &WeightedContexts,
        features: ArrayView2<'_, f64>,
        level: f64,
    ) -> Result<PredictorSums> {
        let values = sums.predictor(self, features)?;
        let functions = self.values(sums.contexts())?;
        let combinations = self.fixed.design(features)?;
        let dense = sums
            .weights()
            .dot(&self.dense(functions.view(), combinations.view()));
        let mut standard_errors = Array2::zeros(values.dim());
        for (index, target) in self.targets.iter().enumerate() {
            let mut variances = target.variances(dense.view());
            if let Some(left) = self.left_out(target, functions.view())? {
                let squares = &combinations * &combinations;
                let of_rows = (&left * &squares).sum_axis(Axis(1)) * target.noise;
                variances += &(&sums.weights() * &sums.weights()).dot(&of_rows);
            }
            standard_errors
                .column_mut(index)
                .assign(&variances.mapv(f64::sqrt));
        }
        check_finite("standard errors", standard_errors.view())?;
        let quantile = Tail::new(level, self.fewest_degrees())?.quantile;
        Ok(PredictorSums {
            lower: &values - &standard_errors * quantile,
            upper: &values + &standard_errors * quantile,
            values,
            standard_errors,
        })
    }

    fn slope_covariances(&self, sums: &WeightedContexts) -> Result<Array4<f64>> {
        let values = self.values(sums.contexts())?;
        let summed = sums.weights().dot(&values);
        let totals = sums.weights().sum_axis(Axis(1));
        let map = self.coefficient_map();
        let features = self.fixed.scaling.columns();
        let shape = (sums.sums(), self.targets.len(), features, features);
        let mut covariances = Array4::zeros(shape);
        for sum in 0..sums.sums() {
            // Constants count as often as there are weights, functions as their values say.
            let one = summed.slice(s![sum..sum + 1, ..]);
            let lines = (0..features).map(|feature| {
                let combination = map.slice(s![feature..feature + 1, ..]);
                let mut dense = self.dense(one, combination);
                let first = self.first_fixed();
                let mut constants = dense.slice_mut(s![.., first..]);
                constants *= totals[sum];
                dense.row(0).to_owned()
            });
            let lines: Vec<Array1<f64>> = lines.collect();
            for (index, target) in self.targets.iter().enumerate() {
                let halves = lines.iter().map(|line| target.half_covariance.dot(line));
                let halves: Vec<Array1<f64>> = halves.collect();
                for a in 0..features {
                    for b in 0..features {
                        covariances[[sum, index, a, b]] = halves[a].dot(&halves[b]) * target.noise;
                    }
                }
            }
            if self.functions.is_some() {
                let squares = sums.weights().row(sum).mapv(|own| own * own);
                for (index, target) in self.targets.iter().enumerate() {
                    let Some(left) = self.left_out(target, values.view())? else {
                        continue;
                    };
                    let left = squares.dot(&left) * target.noise;
                    for feature in 0..features {
                        let own = map.row(feature).mapv(|own| own * own);
                        covariances[[sum, index, feature, feature]] += own.dot(&left);
                    }
                }
            }
        }
        Ok(covariances)
    }
}

//! An ensemble of regressions is a regression with standard errors of its coefficients.

use super::Ensemble;
use super::members::{mean, standard_deviation, summarize};
use crate::flat::{flat, unflat};
use contextualized_core::validate::check_rows;
use contextualized_core::{
    Assumptions, CoefficientIntervals, CoefficientSums, Coefficients, Error, Family,
    LocalCoefficients, Monitor, PredictorSums, Result, Standardization, VaryingCoefficients,
    WeightedContexts, WithDraws, WithSums, WithUncertainty,
};
use ndarray::{Array2, Array3, Array4, ArrayView2, s};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

impl<M: LocalCoefficients> LocalCoefficients for Ensemble<M> {
    fn coefficients_at(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
    ) -> Result<Coefficients> {
        check_rows("features", contexts.nrows(), features.nrows())?;
        let [means] = self.summarized(
            contexts.nrows(),
            |model, rows| {
                flat(&model.coefficients_at(
                    contexts.slice(s![rows.clone(), ..]),
                    features.slice(s![rows, ..]),
                )?)
            },
            |values: &mut [f64]| [mean(values)],
        )?;
        unflat(means.view(), features.ncols())
    }

    fn family(&self) -> Family {
        self.original.family()
    }

    fn context_scaling(&self) -> Option<&Standardization> {
        self.original.context_scaling()
    }

    fn as_varying(&self) -> Option<&dyn VaryingCoefficients> {
        self.original.as_varying().map(|_| self as _)
    }

    fn as_uncertain(&self) -> Option<&dyn WithUncertainty> {
        self.original.as_varying().map(|_| self as _)
    }

    fn as_sums(&self) -> Option<&dyn WithSums> {
        self.original.as_varying().map(|_| self as _)
    }

    fn as_draws(&self) -> Option<&dyn WithDraws> {
        self.original.as_varying().map(|_| self as _)
    }
}

/// The coefficients of a member as functions of the context alone.
pub(super) fn varying<M: LocalCoefficients>(model: &M) -> Result<&dyn VaryingCoefficients> {
    model.as_varying().ok_or_else(|| {
        let requirement = "of a model whose coefficients depend on the context alone";
        Error::invalid_parameter("ensemble", "of a model of local coefficients", requirement)
    })
}

/// Of models that have such coefficients: see [`LocalCoefficients::as_varying`].
impl<M: LocalCoefficients> VaryingCoefficients for Ensemble<M> {
    fn coefficients(&self, contexts: ArrayView2<'_, f64>) -> Result<Coefficients> {
        let ([means], features) = self.of_coefficients(contexts, None, |values| [mean(values)])?;
        unflat(means.view(), features)
    }
}

impl<M: LocalCoefficients> WithUncertainty for Ensemble<M> {
    /// Nothing of both: rows are resampled, those that depend on each other together.
    fn assumes(&self) -> Assumptions {
        Assumptions {
            independent_rows: false,
            even_noise: false,
        }
    }

    fn standard_errors(&self, contexts: ArrayView2<'_, f64>) -> Result<Coefficients> {
        self.check_spread()?;
        let stretch = self.stretch()?;
        let ([errors], features) = self.of_coefficients(contexts, None, |values| {
            [stretch * standard_deviation(values)]
        })?;
        unflat(errors.view(), features)
    }

    fn intervals(&self, contexts: ArrayView2<'_, f64>, level: f64) -> Result<CoefficientIntervals> {
        let percentiles = self.percentiles(level)?;
        let ([lower, upper], features) =
            self.of_coefficients(contexts, None, |values| percentiles.ends(values))?;
        Ok(CoefficientIntervals {
            lower: unflat(lower.view(), features)?,
            upper: unflat(upper.view(), features)?,
        })
    }
}

/// The coefficients of members, each drawn by chance.
impl<M: LocalCoefficients> WithDraws for Ensemble<M> {
    fn coefficient_draws(
        &self,
        contexts: ArrayView2<'_, f64>,
        draws: usize,
        seed: u64,
        monitor: Option<&Monitor>,
    ) -> Result<Vec<Coefficients>> {
        self.check_spread()?;
        let stretch = self.stretch()?;
        let ([means], features) =
            self.of_coefficients(contexts, monitor, |values| [mean(values)])?;
        let center = unflat(means.view(), features)?;
        let mut generator = ChaCha8Rng::seed_from_u64(seed);
        let drawn = (0..draws).map(|_| generator.gen_range(0..self.members.len()));
        let drawn: Vec<usize> = drawn.collect();
        drawn
            .into_par_iter()
            .map(|member| {
                monitor.map_or(Ok(()), Monitor::check)?;
                let own = varying(&self.members[member].model)?.coefficients(contexts)?;
                Coefficients::new(
                    stretch * (&own.slopes() - &center.slopes()) + center.slopes(),
                    stretch * (&own.intercepts() - &center.intercepts()) + center.intercepts(),
                )
            })
            .collect()
    }
}

/// The mean of every member's sum, and how much their sums vary.
impl<M: LocalCoefficients> WithSums for Ensemble<M> {
    fn coefficient_sums(&self, sums: &WeightedContexts, level: f64) -> Result<CoefficientSums> {
        let figures = self.figures(level)?;
        let features = sums.coefficients(varying(&self.original)?)?.features();
        let tables = self.by_member(|model| flat(&sums.coefficients(varying(model)?)?))?;
        let [values, standard_errors, lower, upper] = summarize(&tables, &figures);
        Ok(CoefficientSums {
            values: unflat(values.view(), features)?,
            standard_errors: unflat(standard_errors.view(), features)?,
            lower: unflat(lower.view(), features)?,
            upper: unflat(upper.view(), features)?,
        })
    }

    fn predictor_sums(
        &self,
        sums: &WeightedContexts,
        features: ArrayView2<'_, f64>,
        level: f64,
    ) -> Result<PredictorSums> {
        let figures = self.figures(level)?;
        let tables = self.by_member(|model| sums.predictor(varying(model)?, features))?;
        let [values, standard_errors, lower, upper] = summarize(&tables, &figures);
        Ok(PredictorSums {
            values,
            standard_errors,
            lower,
            upper,
        })
    }

    fn slope_covariances(&self, sums: &WeightedContexts) -> Result<Array4<f64>> {
        self.check_spread()?;
        let stretch = self.stretch()?;
        let of_members = self.members.par_iter();
        let slopes = of_members
            .map(|member| {
                Ok(sums
                    .coefficients(varying(member.model())?)?
                    .slopes()
                    .to_owned())
            })
            .collect::<Result<Vec<_>>>()?;
        let (sums, targets, features) = slopes[0].dim();
        let center = slopes
            .iter()
            .fold(Array3::<f64>::zeros(slopes[0].dim()), |sum, own| sum + own)
            / slopes.len() as f64;
        let share = stretch * stretch / (slopes.len() - 1) as f64;
        let mut covariances = Array4::zeros((sums, targets, features, features));
        for own in slopes {
            let away = own - &center;
            for ((sum, target, a, b), covariance) in covariances.indexed_iter_mut() {
                *covariance += share * away[[sum, target, a]] * away[[sum, target, b]];
            }
        }
        Ok(covariances)
    }
}

impl<M: LocalCoefficients> Ensemble<M> {
    /// How far the mean over members is from the fit to all rows: the bootstrap's estimate of bias.
    ///
    /// # Errors
    ///
    /// Those of [`VaryingCoefficients::coefficients`].
    pub fn bias(&self, contexts: ArrayView2<'_, f64>) -> Result<Coefficients> {
        let means = self.coefficients(contexts)?;
        let original = varying(&self.original)?.coefficients(contexts)?;
        Coefficients::new(
            &means.slopes() - &original.slopes(),
            &means.intercepts() - &original.intercepts(),
        )
    }

    /// A table for each member, in their order.
    pub(super) fn by_member(
        &self,
        table: impl Fn(&M) -> Result<Array2<f64>> + Sync,
    ) -> Result<Vec<Array2<f64>>> {
        self.members
            .par_iter()
            .map(|member| table(member.model()))
            .collect()
    }

    /// Figures of each cell of the members' [`flat`] coefficients, and the number of features.
    fn of_coefficients<const K: usize>(
        &self,
        contexts: ArrayView2<'_, f64>,
        monitor: Option<&Monitor>,
        summary: impl Fn(&mut [f64]) -> [f64; K] + Sync,
    ) -> Result<([Array2<f64>; K], usize)> {
        let first = contexts.slice(s![..contexts.nrows().min(1), ..]);
        let features = varying(&self.original)?.coefficients(first)?.features();
        let figures = self.summarized(
            contexts.nrows(),
            |model, rows| {
                monitor.map_or(Ok(()), Monitor::check)?;
                flat(&varying(model)?.coefficients(contexts.slice(s![rows, ..]))?)
            },
            summary,
        )?;
        Ok((figures, features))
    }

    /// Mean, standard error and ends of the interval of values.
    fn figures(&self, level: f64) -> Result<impl Fn(&mut [f64]) -> [f64; 4] + Sync + use<M>> {
        let percentiles = self.percentiles(level)?;
        let stretch = self.stretch()?;
        Ok(move |values: &mut [f64]| {
            let error = stretch * standard_deviation(values);
            let center = mean(values);
            let [lower, upper] = percentiles.ends(values);
            [center, error, lower, upper]
        })
    }
}

//! The fitted covariances: plain numbers.

use super::definite::definite;
use super::fit::{effective_rows, less_dependent, mean_share};
use super::products::{Terms, unpack};
use super::smoother::{Order, Smoother, bending};
use crate::checks::check_not_negative;
use crate::numerical::numerical;
use crate::rows::stacked_vectors;
use contextualized_core::validate::{check_columns, check_rows, check_table, check_weights};
use contextualized_core::{Checked, Error, FitReport, Result, Standardization, checked_serde};
use contextualized_solvers::{Normal, cholesky};
use ndarray::{Array1, Array2, ArrayView2, Axis};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// How far local estimates look.
///
/// Bandwidths are standard deviations of the Gaussian kernel, one a context column, in the units of
/// the contexts; infinite where a column is switched off, as JSON `null`. Found ones are the same for all columns
/// of a factor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Bandwidths {
    /// Of the means.
    #[serde(with = "or_infinite")]
    pub means: Vec<f64>,
    /// Of the covariances.
    #[serde(with = "or_infinite")]
    pub covariances: Vec<f64>,
    /// How many rows the population's covariance counts for in every local one.
    pub pseudo_rows: f64,
    /// How many rows a covariance without correlations counts for.
    pub independent_rows: f64,
}

/// JSON has no infinity.
mod or_infinite {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(
        values: &[f64],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let finite = |value: &f64| value.is_finite().then_some(*value);
        let values: Vec<Option<f64>> = values.iter().map(finite).collect();
        values.serialize(serializer)
    }

    pub(super) fn deserialize<'d, D: Deserializer<'d>>(
        deserializer: D,
    ) -> Result<Vec<f64>, D::Error> {
        let values = Vec::<Option<f64>>::deserialize(deserializer)?;
        Ok(values
            .into_iter()
            .map(|value| value.unwrap_or(f64::INFINITY))
            .collect())
    }
}

/// Below this, in standard deviations of a context, kernels are of no use and overflow.
const NARROWEST: f64 = 1e-6;

impl Bandwidths {
    /// No column matters: the population's mean and covariance everywhere.
    pub fn population(contexts: usize) -> Self {
        Self {
            means: vec![f64::INFINITY; contexts],
            covariances: vec![f64::INFINITY; contexts],
            pseudo_rows: 1.0,
            independent_rows: 0.0,
        }
    }

    /// Checks the numbers, and takes them to units of standardised contexts.
    pub(super) fn standardized(&self, scaling: &Standardization) -> Result<Self> {
        let standardized = self.scaled(scaling, |bandwidth, scale| bandwidth / scale);
        standardized.check(scaling.columns())?;
        Ok(standardized)
    }

    /// Takes bandwidths of standardised contexts to the units of the contexts.
    pub(super) fn in_units(&self, scaling: &Standardization) -> Self {
        self.scaled(scaling, |bandwidth, scale| bandwidth * scale)
    }

    fn scaled(&self, scaling: &Standardization, by: impl Fn(f64, f64) -> f64) -> Self {
        let scaled = |bandwidths: &[f64]| {
            // Bandwidths of columns that there are not stay, so that they are found.
            let scales = scaling.scales().into_iter().chain(std::iter::repeat(&1.0));
            bandwidths
                .iter()
                .zip(scales)
                .map(|(h, s)| by(*h, *s))
                .collect()
        };
        Self {
            means: scaled(&self.means),
            covariances: scaled(&self.covariances),
            pseudo_rows: self.pseudo_rows,
            independent_rows: self.independent_rows,
        }
    }

    fn check(&self, contexts: usize) -> Result<()> {
        for (parameter, values) in [
            ("bandwidths of means", &self.means),
            ("bandwidths of covariances", &self.covariances),
        ] {
            check_columns(parameter, contexts, values.len())?;
            if let Some(value) = values
                .iter()
                .find(|&&value| value.is_nan() || value < NARROWEST)
            {
                return Err(Error::invalid_parameter(
                    parameter,
                    value,
                    format!("at least {NARROWEST} standard deviations of the context"),
                ));
            }
        }
        check_not_negative("independent_rows", self.independent_rows)?;
        if self.pseudo_rows > 0.0 && self.pseudo_rows.is_finite() {
            Ok(())
        } else {
            Err(Error::invalid_parameter(
                "pseudo_rows",
                self.pseudo_rows,
                "a finite number above zero",
            ))
        }
    }
}

/// How local covariances were fitted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LocalReport {
    /// The bandwidths, in the units of the contexts.
    pub bandwidths: Bandwidths,
    /// The training rows, among those whose weight is not zero, that bandwidths were chosen by;
    /// none where they were given.
    pub evaluated_rows: Vec<usize>,
    /// The share that the population's correlations lost before local ones were mixed with them.
    pub intensity: f64,
    /// Why the search ended. The objective is the mean log-density of an evaluated row's
    /// standardised features, less their means, by covariances without it; 0 where bandwidths were
    /// given.
    pub fit: FitReport,
}

/// Means and covariances at any context, from the training rows themselves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub(crate) struct LocalCovariance {
    pub(super) order: Order,
    pub(super) context_scaling: Standardization,
    pub(crate) scaling: Standardization,
    /// n × c, standardised.
    pub(super) contexts: Array2<f64>,
    /// n × p, standardised.
    pub(super) features: Array2<f64>,
    /// Features less their local means.
    pub(super) residuals: Array2<f64>,
    pub(super) weights: Array1<f64>,
    /// In units of standardised contexts.
    pub(super) bandwidths: Bandwidths,
    /// The population's covariance, of standardised features.
    pub(super) target: Array2<f64>,
    pub(crate) report: LocalReport,
}

checked_serde!(LocalCovariance);

impl Checked for LocalCovariance {
    fn check(&self) -> Result<()> {
        let rows = self.contexts.nrows();
        if rows == 0 {
            return Err(Error::NoRows {
                argument: "contexts",
            });
        }
        let (columns, nodes) = (self.context_scaling.columns(), self.scaling.columns());
        for (argument, table, columns, expected) in [
            ("contexts", &self.contexts, columns, rows),
            ("features", &self.features, nodes, rows),
            ("residuals", &self.residuals, nodes, rows),
            ("the population's covariance", &self.target, nodes, nodes),
        ] {
            check_table(argument, table.view(), Some(columns))?;
            check_rows(argument, expected, table.nrows())?;
        }
        check_weights(self.weights.view(), rows)?;
        if let Some(row) = self.weights.iter().position(|&weight| weight == 0.0) {
            return Err(Error::InvalidWeight { row, value: 0.0 });
        }
        numerical(
            "the factorisation of the population's covariance",
            cholesky(self.target.view()),
        )?;
        self.bandwidths.check(columns)
    }
}

/// The mean and the covariance at one context, of standardised features.
pub(crate) struct LocalNormal {
    pub(crate) mean: Array1<f64>,
    pub(crate) covariance: Array2<f64>,
    /// How many rows the covariance is made of.
    pub(crate) effective_rows: f64,
}

impl LocalNormal {
    /// With its precision.
    pub(crate) fn factorised(self) -> Result<Normal> {
        numerical(
            "the inverse of a covariance",
            Normal::from_covariance(self.mean, self.covariance.view()),
        )
    }
}

/// Contexts whose sums are made together; fixed, so that results do not depend on the machine.
const BLOCK: usize = 128;

/// Standardised contexts are moved to within this: beyond it there is nothing but the population.
const FARTHEST: f64 = 20.0;

impl LocalCovariance {
    pub(crate) fn nodes(&self) -> usize {
        self.scaling.columns()
    }

    /// Does something with the mean and the covariance at every context, block by block in parallel;
    /// the results come in the order of the contexts.
    pub(crate) fn map<T: Send>(
        &self,
        contexts: ArrayView2<'_, f64>,
        of: impl Fn(LocalNormal) -> Result<T> + Sync,
    ) -> Result<Vec<T>> {
        self.map_parts(contexts, true, of)
    }

    /// The same with means that are zero, where they do not matter.
    pub(crate) fn map_covariances<T: Send>(
        &self,
        contexts: ArrayView2<'_, f64>,
        of: impl Fn(LocalNormal) -> Result<T> + Sync,
    ) -> Result<Vec<T>> {
        self.map_parts(contexts, false, of)
    }

    fn map_parts<T: Send>(
        &self,
        contexts: ArrayView2<'_, f64>,
        with_means: bool,
        of: impl Fn(LocalNormal) -> Result<T> + Sync,
    ) -> Result<Vec<T>> {
        let standardized = self
            .context_scaling
            .apply_to_contexts(contexts)?
            .mapv(|value| value.clamp(-FARTHEST, FARTHEST));
        let blocks: Vec<_> = standardized.axis_chunks_iter(Axis(0), BLOCK).collect();
        let results = blocks
            .into_par_iter()
            .map(|contexts| {
                let normals = self.block(contexts, with_means)?.into_iter();
                normals.map(&of).collect::<Result<Vec<T>>>()
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(results.into_iter().flatten().collect())
    }

    fn block(&self, contexts: ArrayView2<'_, f64>, with_means: bool) -> Result<Vec<LocalNormal>> {
        let log_weights = self.weights.mapv(f64::ln);
        let bending = bending(self.contexts.view());
        let weights = |bandwidths: &[f64]| {
            let bandwidths = Array1::from_vec(bandwidths.to_vec());
            let smoother = Smoother {
                contexts: self.contexts.view(),
                log_weights: log_weights.view(),
                order: self.order,
                bending: &bending,
                bandwidths: bandwidths.view(),
            };
            smoother.table(contexts)
        };
        let mut means = Array2::zeros((contexts.nrows(), self.nodes()));
        if with_means {
            let of_means = weights(&self.bandwidths.means);
            means = Terms::Entries(self.features.view()).sums(of_means.view())?;
            for (mut mean, own) in means.rows_mut().into_iter().zip(of_means.rows()) {
                mean *= mean_share(own);
            }
        }
        let local = weights(&self.bandwidths.covariances);
        let sums = Terms::Products(self.residuals.view()).sums(local.view())?;
        let size = self.nodes();
        let pseudo_rows = self.bandwidths.pseudo_rows + self.bandwidths.independent_rows;
        let independent = self.bandwidths.independent_rows / pseudo_rows;
        let target = less_dependent(&self.target, independent);
        (0..contexts.nrows())
            .map(|place| {
                let effective = effective_rows(local.row(place));
                let share = effective / (effective + pseudo_rows);
                let own = unpack(sums.row(place), size);
                let mixed = own * share + &target * (1.0 - share);
                Ok(LocalNormal {
                    mean: means.row(place).to_owned(),
                    covariance: definite(mixed, &target)?.0,
                    effective_rows: effective,
                })
            })
            .collect()
    }

    /// The means at every context (n × p), in the units of the features.
    pub(crate) fn means(&self, contexts: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        let means = self.map(contexts, |normal| Ok(normal.mean))?;
        self.scaling
            .invert(stacked_vectors(means, self.nodes())?.view())
    }
}

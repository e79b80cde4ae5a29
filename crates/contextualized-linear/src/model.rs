//! The fitted model: plain numbers, serialised as they are.

use crate::head::{AnyHead, HeadWeights};
use crate::scaling::Scaling;
use contextualized_core::validate::{check_query, check_table};
use contextualized_core::{
    Coefficients, FitReport, Link, LocalCoefficients, Result, VaryingCoefficients,
};
use contextualized_encoders::{Contextualized, Mlp, MlpWeights};
use ndarray::{Array2, Array3, ArrayView2, Axis};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Encoder and head with run-time widths.
pub(crate) type RegressionNetwork =
    Contextualized<usize, usize, usize, usize, Mlp<usize, usize>, AnyHead>;

/// A fitted contextualized regression.
///
/// Reloaded through serde it predicts the same bits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ContextualizedModel {
    scaling: Scaling,
    encoder: MlpWeights,
    head: HeadWeights,
    report: FitReport,
}

/// Rows encoded at once, in parallel over blocks; fixed, so that results do not depend on the
/// number of threads.
const BLOCK: usize = 1024;

impl ContextualizedModel {
    pub(crate) fn new(
        scaling: Scaling,
        network: &RegressionNetwork,
        report: FitReport,
    ) -> Result<Self> {
        Ok(Self {
            scaling,
            encoder: network.encoder().to_weights()?,
            head: network.head().to_weights()?,
            report,
        })
    }

    /// Why training stopped, after how many epochs, and the mean squared error of the
    /// standardised targets that it reached on the rows trained on.
    pub fn report(&self) -> &FitReport {
        &self.report
    }

    fn network(&self) -> Result<RegressionNetwork> {
        Contextualized::new(
            Mlp::from_weights(&self.encoder)?,
            AnyHead::from_weights(&self.head)?,
        )
    }
}

impl VaryingCoefficients for ContextualizedModel {
    fn coefficients(&self, contexts: ArrayView2<'_, f64>) -> Result<Coefficients> {
        check_table("contexts", contexts, Some(self.scaling.contexts.columns()))?;
        let network = self.network()?;
        let rows = contexts.nrows();
        let (targets, features) = (
            self.scaling.targets.columns(),
            self.scaling.features.columns(),
        );
        let mut slopes = Array3::zeros((rows, targets, features));
        let mut offsets = Array2::zeros((rows, targets));
        let blocks: Vec<_> = contexts
            .axis_chunks_iter(Axis(0), BLOCK)
            .zip(slopes.axis_chunks_iter_mut(Axis(0), BLOCK))
            .zip(offsets.axis_chunks_iter_mut(Axis(0), BLOCK))
            .collect();
        blocks
            .into_par_iter()
            .try_for_each(|((contexts, mut slopes), mut offsets)| {
                let standardized = self.scaling.contexts.apply(contexts)?;
                let block = network.coefficients_at(standardized.view())?;
                slopes.assign(&block.slopes());
                offsets.assign(&block.offsets());
                Ok(())
            })?;
        Coefficients::new(slopes, offsets)?
            .to_original_units(&self.scaling.features, &self.scaling.targets)
    }
}

impl LocalCoefficients for ContextualizedModel {
    fn coefficients_at(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
    ) -> Result<Coefficients> {
        check_query(
            contexts,
            self.scaling.contexts.columns(),
            features,
            self.scaling.features.columns(),
        )?;
        self.coefficients(contexts)
    }

    fn link(&self) -> Link {
        Link::Identity
    }
}

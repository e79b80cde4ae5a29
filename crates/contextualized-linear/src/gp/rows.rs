//! Samples as the process takes them.

use contextualized_core::{Family, Result, Samples, Scaling, typical_weight};
use contextualized_gp::Observations;
use ndarray::{Array1, Array2, ArrayView2, Axis, concatenate};
use std::borrow::Cow;

/// The same samples, offsets taken from the targets where that is all they are: the process then sees
/// targets of unit scale.
pub(super) fn with_known_terms(
    samples: Cow<'_, Samples>,
    family: Family,
) -> Result<Cow<'_, Samples>> {
    if !family.is_quadratic() || samples.offsets().is_none() {
        return Ok(samples);
    }
    let targets = samples.targets_without_offsets();
    Ok(Cow::Owned(samples.replace_targets(targets.view())?))
}

/// Features, and a column of ones where there is an intercept.
pub(super) fn design(features: ArrayView2<'_, f64>, intercept: bool) -> Array2<f64> {
    let ones = Array2::ones((features.nrows(), usize::from(intercept)));
    concatenate(Axis(1), &[features.view(), ones.view()])
        .expect("features and ones have the same rows")
}

/// Samples in units of the fit.
pub(super) struct ScaledRows {
    samples: Samples,
    design: Array2<f64>,
    /// Of typical weight one where there is noise, since the search expects data of unit scale. The noise is then
    /// that of a row of average weight.
    weights: Option<Array1<f64>>,
    /// Those that are not taken from the targets.
    offsets: Option<Array1<f64>>,
    groups: Option<Vec<usize>>,
}

impl ScaledRows {
    /// Of samples from [`with_known_terms`].
    pub(super) fn new(
        samples: &Samples,
        family: Family,
        intercept: bool,
        scaling: &Scaling,
    ) -> Result<Self> {
        let scaled = scaling.apply(samples)?;
        let coded = samples
            .names()
            .coded(samples.contexts(), scaled.contexts().to_owned());
        let scaled = scaled.replace_contexts(coded.view())?;
        let weights = match samples.weights() {
            Some(weights) if family.has_dispersion() => Some(&weights / typical_weight(weights)),
            weights => weights.map(|weights| weights.to_owned()),
        };
        let groups = samples.correlated_rows().map(Cow::into_owned);
        let offsets = samples.offsets().filter(|_| !family.is_quadratic());
        Ok(Self {
            design: design(scaled.features(), intercept),
            samples: scaled,
            weights,
            offsets: offsets.map(|offsets| offsets.to_owned()),
            groups,
        })
    }

    pub(super) fn contexts(&self) -> ArrayView2<'_, f64> {
        self.samples.contexts()
    }

    pub(super) fn observations(&self) -> Observations<'_> {
        let targets = self.samples.targets();
        Observations::new(self.contexts(), self.design.view(), targets)
            .with_weights(self.weights.as_ref().map(Array1::view))
            .with_offsets(self.offsets.as_ref().map(Array1::view))
            .with_groups(self.groups.as_deref())
            .with_monitor(Some(self.samples.monitor()))
    }
}

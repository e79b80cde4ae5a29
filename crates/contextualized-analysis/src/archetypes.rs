//! Which archetypes the rows are mixed of.

use crate::embedding::{CoefficientColumns, NetworkColumns};
use contextualized_core::validate::{check_finite, check_rows, check_table};
use contextualized_core::{Error, Result, Samples, WithArchetypes, WithNetworkArchetypes};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};

/// The archetypes of a model, and which of them its rows are mixed of.
///
/// Shares say how much of a row each archetype is: between 0 and 1, adding up to one. Where weights
/// are at least zero and add up to one (clusters, a softmax link) they are the shares. Where archetypes
/// are deviations from a base, and weights any numbers, an archetype's share is that of its contribution
/// |weight| · ‖archetype‖ in the units of the table, which does not change when an archetype is doubled
/// and its weights are halved; but other archetypes could have given the same coefficients
/// ([`WithArchetypes`]), so that such tables are to be read with care.
#[derive(Debug, Clone, PartialEq)]
pub struct ArchetypeSummary {
    /// What the columns of the table are.
    pub names: Vec<String>,
    /// Archetypes × columns, in the units of [`CoefficientColumns`] or [`NetworkColumns`].
    pub table: Array2<f64>,
    /// What archetypes are deviations from, if they are.
    pub base: Option<Array1<f64>>,
    /// The weights of the model, rows × archetypes.
    pub weights: Array2<f64>,
    /// Shares, rows × archetypes; zeros in a row to which no archetype contributes.
    pub shares: Array2<f64>,
    /// The sum of each archetype's shares: of how many rows it is the equal.
    pub sizes: Array1<f64>,
    /// The mean context of each archetype, archetypes × contexts, its shares being the weights of the
    /// rows; the mean of all rows for an archetype of size zero.
    pub mean_contexts: Array2<f64>,
    /// How many archetypes matter: the exponential of the entropy of their sizes, between 1 and their
    /// number; 0 where none contributes to any row.
    pub effective: f64,
}

impl ArchetypeSummary {
    /// The archetypes of a regression, at the contexts of samples.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for a model without archetypes, and those of
    /// [`CoefficientColumns::table`] and [`WithArchetypes::archetype_weights`].
    pub fn new(
        model: &dyn WithArchetypes,
        samples: &Samples,
        columns: &CoefficientColumns,
    ) -> Result<Self> {
        let base = model.archetype_base()?.map(|base| columns.table(&base));
        Self::of_parts(
            columns.names(),
            columns.table(&model.archetypes()?)?,
            base.transpose()?,
            model.archetype_weights(samples.contexts())?,
            samples.contexts(),
        )
    }

    /// The archetypes of networks, at any contexts (n × c).
    ///
    /// # Errors
    ///
    /// Those of [`NetworkColumns::table`] and [`WithNetworkArchetypes::archetype_weights`].
    pub fn of_networks(
        model: &dyn WithNetworkArchetypes,
        contexts: ArrayView2<'_, f64>,
        columns: &NetworkColumns,
    ) -> Result<Self> {
        let base = model.archetype_base()?.map(|base| columns.table(&base));
        Self::of_parts(
            columns.names(),
            columns.table(&model.archetypes()?)?,
            base.transpose()?,
            model.archetype_weights(contexts)?,
            contexts,
        )
    }

    fn of_parts(
        names: &[String],
        table: Array2<f64>,
        base: Option<Array2<f64>>,
        weights: Array2<f64>,
        contexts: ArrayView2<'_, f64>,
    ) -> Result<Self> {
        check_table("contexts", contexts, None)?;
        if contexts.nrows() == 0 {
            return Err(Error::NoRows {
                argument: "contexts",
            });
        }
        check_finite("archetype weights", weights.view())?;
        check_rows("archetype weights", contexts.nrows(), weights.nrows())?;
        check_rows("archetypes", weights.ncols(), table.nrows())?;
        if let Some(base) = &base {
            check_rows("archetype base", 1, base.nrows())?;
        }
        let base = base.map(|base| base.row(0).to_owned());
        let shares = match base {
            None => weights.clone(),
            Some(_) => {
                let lengths = table.map_axis(Axis(1), |archetype| archetype.dot(&archetype).sqrt());
                let contributions = weights.mapv(f64::abs) * &lengths;
                let mut totals = contributions.sum_axis(Axis(1));
                totals.mapv_inplace(|total| if total > 0.0 { total } else { 1.0 });
                contributions / &totals.insert_axis(Axis(1))
            }
        };
        check_finite("archetype shares", shares.view())?;
        let sizes = shares.sum_axis(Axis(0));
        let overall = contexts.sum_axis(Axis(0)) / contexts.nrows() as f64;
        let mut mean_contexts = shares.t().dot(&contexts);
        for (mut mean, &size) in mean_contexts.rows_mut().into_iter().zip(&sizes) {
            if size > 0.0 {
                mean /= size
            } else {
                mean.assign(&overall)
            }
        }
        Ok(Self {
            names: names.to_vec(),
            effective: effective_number(sizes.view()),
            table,
            base,
            weights,
            shares,
            sizes,
            mean_contexts,
        })
    }

    /// Number of archetypes.
    pub fn archetypes(&self) -> usize {
        self.table.nrows()
    }

    /// The `count` rows of which an archetype has the largest shares, the largest first; the earlier
    /// row where shares are equal.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for an archetype there is not.
    pub fn most_typical(&self, archetype: usize, count: usize) -> Result<Vec<usize>> {
        if archetype >= self.archetypes() {
            return Err(Error::invalid_parameter(
                "archetype",
                archetype,
                format!("below the number of archetypes, {}", self.archetypes()),
            ));
        }
        let shares = self.shares.column(archetype);
        let mut rows: Vec<usize> = (0..shares.len()).collect();
        rows.sort_by(|&a, &b| shares[b].total_cmp(&shares[a]));
        rows.truncate(count);
        Ok(rows)
    }

    /// The archetype with the largest share of each row, and that share; the earlier archetype where
    /// shares are equal, and none in a row to which none contributes.
    pub fn dominant(&self) -> Vec<Option<(usize, f64)>> {
        let largest = |shares: ArrayView1<'_, f64>| {
            let mut best: Option<(usize, f64)> = None;
            for (archetype, &share) in shares.iter().enumerate() {
                if share > best.map_or(0.0, |(_, most)| most) {
                    best = Some((archetype, share));
                }
            }
            best
        };
        self.shares.rows().into_iter().map(largest).collect()
    }

    /// How many archetypes each row is mixed of: the exponential of the entropy of its shares.
    pub fn effective_by_row(&self) -> Array1<f64> {
        self.shares.map_axis(Axis(1), effective_number)
    }
}

/// exp(−Σ p ln p) of sizes scaled to add up to one, the Hill number of order one (Hill 1973,
/// doi:10.2307/1934352); 0 when all are zero.
fn effective_number(sizes: ArrayView1<'_, f64>) -> f64 {
    let total: f64 = sizes.iter().sum();
    if total <= 0.0 {
        return 0.0;
    }
    let entropy: f64 = sizes
        .iter()
        .map(|size| size / total)
        .filter(|share| *share > 0.0)
        .map(|share| -share * share.ln())
        .sum();
    entropy.exp()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;
    use proptest::prelude::*;

    fn summary(
        base: Option<Array1<f64>>,
        table: Array2<f64>,
        weights: Array2<f64>,
    ) -> ArchetypeSummary {
        let contexts = Array2::from_shape_fn((weights.nrows(), 1), |(row, _)| row as f64);
        let names = vec!["slope".to_owned(); table.ncols()];
        ArchetypeSummary::of_parts(
            &names,
            table,
            base.map(|base| base.insert_axis(Axis(0))),
            weights,
            contexts.view(),
        )
        .unwrap()
    }

    #[test]
    fn whole_models_by_hand() {
        let weights = array![[1.0, 0.0], [0.5, 0.5], [0.25, 0.75], [0.25, 0.75]];
        let found = summary(None, array![[1.0], [2.0]], weights.clone());
        assert_eq!(found.shares, weights);
        assert_eq!(found.sizes, array![2.0, 2.0]);
        assert!((found.effective - 2.0).abs() < 1e-12);
        // (0 · 1 + 1 · 0.5 + 2 · 0.25 + 3 · 0.25) / 2 and (0.5 + 1.5 + 2.25) / 2.
        assert_eq!(found.mean_contexts, array![[0.875], [2.125]]);
        assert_eq!(found.most_typical(1, 2).unwrap(), [2, 3]);
        assert_eq!(found.most_typical(0, 9).unwrap(), [0, 1, 2, 3]);
        assert!(found.most_typical(2, 1).is_err());
        assert_eq!(found.dominant()[1], Some((0, 0.5)));
        assert_eq!(found.dominant()[3], Some((1, 0.75)));
        let rows = found.effective_by_row();
        assert!((rows[0] - 1.0).abs() < 1e-12 && (rows[1] - 2.0).abs() < 1e-12);
    }

    #[test]
    fn deviations_share_by_what_they_contribute() {
        let table = array![[3.0, 4.0], [0.0, 1.0]];
        let weights = array![[1.0, -5.0], [0.0, 2.0], [0.0, 0.0]];
        let found = summary(Some(array![1.0, 1.0]), table, weights);
        assert_eq!(found.shares, array![[0.5, 0.5], [0.0, 1.0], [0.0, 0.0]]);
        assert_eq!(found.dominant()[2], None);
        let nothing = summary(Some(array![1.0]), array![[0.0]], array![[4.0], [1.0]]);
        assert_eq!((nothing.effective, nothing.sizes[0]), (0.0, 0.0));
        assert_eq!(nothing.mean_contexts, array![[0.5]]);
    }

    proptest! {
        /// Shares do not notice archetypes that are multiplied while their weights are divided.
        #[test]
        fn shares_have_no_unit(
            values in prop::collection::vec(-2.0..2.0_f64, 6 * 3 + 3 * 2),
            factors in prop::collection::vec(0.1..10.0_f64, 3),
        ) {
            let weights = Array2::from_shape_vec((6, 3), values[..18].to_vec()).unwrap();
            let table = Array2::from_shape_vec((3, 2), values[18..].to_vec()).unwrap();
            let factors = Array1::from(factors);
            let base = Some(array![0.0, 0.0]);
            let found = summary(base.clone(), table.clone(), weights.clone());
            let by_archetype = factors.view().insert_axis(Axis(1));
            let scaled = summary(base, table * by_archetype, weights / &factors);
            for (a, b) in found.shares.iter().zip(&scaled.shares) {
                prop_assert!((a - b).abs() < 1e-10);
            }
            prop_assert!(found.effective >= 1.0 && found.effective <= 3.0 + 1e-12);
        }
    }
}

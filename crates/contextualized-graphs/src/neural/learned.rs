//! A linear model whose coefficients are a population's plus a share of what an encoder learned.

use super::settings::NeuralSettings;
use contextualized_core::validate::{check_finite, check_rows, check_table};
use contextualized_core::{Error, FitReport, KFold, Result, Split};
use contextualized_encoders::{
    ArchetypeWeights, Archetypes, Contextualized, LogVarianceLoss, Masked, Mlp, MlpWeights,
    Network, ParameterKind, ParameterVisitor, Parameters, Penalized, Penalties, SquaredError, Tape,
    TrainingData, Values, unobserved,
};
use ndarray::{Array1, Array2, Array3, ArrayView1, ArrayView2, Axis};
use rand::{RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

type Head = Masked<Archetypes<usize, usize, usize>, usize, usize>;
type Inner = Contextualized<usize, usize, usize, usize, Mlp<usize, usize>, Head>;

/// What is learned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Means of the targets.
    Means,
    /// Logarithms of variances; targets are squared residuals.
    LogVariances,
}

/// What to learn, from standardised tables.
#[derive(Clone, Copy)]
pub(crate) struct Task<'a> {
    pub(crate) wanted: Wanted,
    pub(crate) contexts: ArrayView2<'a, f64>,
    pub(crate) features: ArrayView2<'a, f64>,
    pub(crate) targets: ArrayView2<'a, f64>,
    pub(crate) weights: ArrayView1<'a, f64>,
    /// Which slopes there are, targets × features.
    pub(crate) mask: &'a Array2<bool>,
    /// Of the population; slopes are zero where the mask is not true.
    pub(crate) slopes: &'a Array2<f64>,
    pub(crate) offsets: &'a Array1<f64>,
    /// How far archetypes of slopes are drawn to zero after each epoch, in units of the learning rate
    /// times its steps.
    pub(crate) lasso: f64,
}

/// Coefficients as a function of standardised contexts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub(crate) struct Learned {
    encoder: MlpWeights,
    head: ArchetypeWeights,
    mask: Array2<bool>,
    slopes: Array2<f64>,
    offsets: Array1<f64>,
    share: f64,
}

/// What a file may hold, before it is checked.
#[derive(Deserialize)]
struct Unchecked {
    encoder: MlpWeights,
    head: ArchetypeWeights,
    mask: Array2<bool>,
    slopes: Array2<f64>,
    offsets: Array1<f64>,
    share: f64,
}

impl TryFrom<Unchecked> for Learned {
    type Error = Error;

    fn try_from(file: Unchecked) -> Result<Self> {
        let learned = Self {
            encoder: file.encoder,
            head: file.head,
            mask: file.mask,
            slopes: file.slopes,
            offsets: file.offsets,
            share: file.share,
        };
        let (_, features, targets) = learned.network()?.widths();
        check_table("slopes", learned.slopes.view(), Some(features))?;
        check_rows("slopes", targets, learned.slopes.nrows())?;
        check_rows("offsets", targets, learned.offsets.len())?;
        check_finite("offsets", learned.offsets.view().insert_axis(Axis(0)))?;
        match (0.0..=1.0).contains(&learned.share) {
            true => Ok(learned),
            false => Err(Error::invalid_parameter(
                "share",
                learned.share,
                "between 0 and 1",
            )),
        }
    }
}

/// What came of a task.
pub(crate) struct Fitted {
    pub(crate) learned: Learned,
    /// Predictions of every row by models that have not seen it, rows × targets.
    pub(crate) held_out: Array2<f64>,
    pub(crate) report: FitReport,
}

/// Folds by which the share is chosen.
const FOLDS: usize = 5;

/// Rows encoded at once, in parallel over blocks; fixed, so that results do not depend on the number
/// of threads.
const BLOCK: usize = 256;

/// The network with a group lasso on the archetypes of every slope, applied where the trainer shrinks
/// columns: after each epoch.
struct Sparse {
    inner: Inner,
    lasso: bool,
}

impl Parameters for Sparse {
    fn visit<V: ParameterVisitor>(&mut self, visitor: &mut V) -> Result<()> {
        self.inner.visit(visitor)
    }
}

impl Network<usize, usize, usize> for Sparse {
    fn widths(&self) -> (usize, usize, usize) {
        self.inner.widths()
    }

    fn predictor<B: contextualized_encoders::Dim, T: Tape>(
        &self,
        contexts: Values<(B, usize), T>,
        features: Values<(B, usize), T>,
    ) -> Result<Values<(B, usize), T>> {
        self.inner.predictor(contexts, features)
    }

    fn penalized<B: contextualized_encoders::Dim, T: Tape>(
        &self,
        contexts: Values<(B, usize), T>,
        features: Values<(B, usize), T>,
        penalties: &Penalties,
    ) -> Result<Penalized<B, usize, T>> {
        self.inner.penalized(contexts, features, penalties)
    }

    fn shrink_columns(&mut self, threshold: f64) -> Result<()> {
        if !self.lasso {
            return Ok(());
        }
        let (_, features, targets) = self.inner.widths();
        let head = self.inner.head().head().to_weights()?;
        let mut slopes = head.slopes;
        shrink_slopes(&mut slopes, threshold);
        debug_assert_eq!(slopes.dim().1 * slopes.dim().2, features * targets);
        self.inner.visit(&mut WriteFirstArchetypes {
            values: Some(slopes.iter().copied().collect()),
        })
    }
}

/// The proximal map of threshold · √K · Σ ‖A_{·yx}‖ over the slopes' vectors of K archetypes.
fn shrink_slopes(slopes: &mut Array3<f64>, threshold: f64) {
    let (archetypes, targets, features) = slopes.dim();
    let length = threshold * (archetypes as f64).sqrt();
    for target in 0..targets {
        for feature in 0..features {
            let mut group = slopes.slice_mut(ndarray::s![.., target, feature]);
            let norm = group.dot(&group).sqrt();
            match norm > length {
                true => group *= 1.0 - length / norm,
                false => group.fill(0.0),
            }
        }
    }
}

/// The slopes of a head come first among its archetypes.
struct WriteFirstArchetypes {
    values: Option<Vec<f64>>,
}

impl ParameterVisitor for WriteFirstArchetypes {
    fn visit<S: contextualized_encoders::Shape>(
        &mut self,
        kind: ParameterKind,
        parameter: &mut Values<S>,
    ) -> Result<()> {
        if kind == ParameterKind::Archetype
            && let Some(values) = self.values.take()
        {
            parameter.copy_from(&values);
        }
        Ok(())
    }
}

impl Task<'_> {
    /// Trains on all rows, and keeps the share of what was learned that predicts best on held-out
    /// folds.
    pub(crate) fn fit(&self, settings: &NeuralSettings, seed: u64) -> Result<Fitted> {
        let rows = self.contexts.nrows();
        let folds = KFold::new(FOLDS, seed).splits(rows)?;
        let all: Vec<usize> = (0..rows).collect();
        let mut jobs: Vec<(&[usize], &[usize])> = folds
            .iter()
            .map(|split| (&split.train[..], &split.test[..]))
            .collect();
        jobs.push((&all, &[]));
        let results = jobs
            .into_par_iter()
            .map(|(train, test)| {
                let (learned, report) = self.train(settings, train, seed)?;
                let contexts = self.contexts.select(Axis(0), test);
                let features = self.features.select(Axis(0), test);
                let deviation = match test.is_empty() {
                    true => Array2::zeros((0, self.targets.ncols())),
                    false => learned.predictions(contexts.view(), features.view())?,
                };
                Ok((learned, report, test, deviation))
            })
            .collect::<Result<Vec<_>>>()?;
        let base = self.features.dot(&self.slopes.t()) + self.offsets;
        let mut deviations = Array2::zeros(base.dim());
        let mut last = None;
        for (learned, report, test, predictions) in results {
            for (place, &row) in test.iter().enumerate() {
                deviations
                    .row_mut(row)
                    .assign(&(&predictions.row(place) - &base.row(row)));
            }
            last = Some((learned, report));
        }
        let Some((mut learned, report)) = last else {
            return Err(Error::NoRows {
                argument: "contexts",
            });
        };
        let share = self.best_share(&base, &deviations);
        learned.share = share;
        Ok(Fitted {
            learned,
            held_out: base + deviations * share,
            report,
        })
    }

    /// The share s in [0, 1] of the deviations that minimises the held-out loss, which is convex in s.
    fn best_share(&self, base: &Array2<f64>, deviations: &Array2<f64>) -> f64 {
        let slope = |share: f64| -> f64 {
            let mut sum = 0.0;
            for ((row, column), &deviation) in deviations.indexed_iter() {
                let predictor = base[[row, column]] + share * deviation;
                let target = self.targets[[row, column]];
                let by_predictor = match self.wanted {
                    Wanted::Means => predictor - target,
                    Wanted::LogVariances => 0.5 * (1.0 - target * (-predictor).exp()),
                };
                sum += self.weights[row] * by_predictor * deviation;
            }
            sum
        };
        // Not-a-number counts as no help.
        if slope(0.0) < 0.0 {
            if slope(1.0) <= 0.0 {
                return 1.0;
            }
            let (mut low, mut high) = (0.0, 1.0);
            for _ in 0..50 {
                let middle = 0.5 * (low + high);
                if slope(middle) < 0.0 {
                    low = middle;
                } else {
                    high = middle;
                }
            }
            return 0.5 * (low + high);
        }
        0.0
    }

    fn train(
        &self,
        settings: &NeuralSettings,
        rows: &[usize],
        seed: u64,
    ) -> Result<(Learned, FitReport)> {
        let mut seeds = ChaCha8Rng::seed_from_u64(seed);
        let (split, encoder, head, batches) = (
            seeds.next_u64(),
            seeds.next_u64(),
            seeds.next_u64(),
            seeds.next_u64(),
        );
        let split = Split::holdout(rows.len(), settings.validation, split)?;
        let data = |places: &[usize]| -> Result<TrainingData<usize, usize, usize>> {
            let rows: Vec<usize> = places.iter().map(|&place| rows[place]).collect();
            let features = self.features.select(Axis(0), &rows);
            let base = features.dot(&self.slopes.t()) + self.offsets;
            TrainingData::new(
                self.contexts.select(Axis(0), &rows).view(),
                features.view(),
                self.targets.select(Axis(0), &rows).view(),
                Some(self.weights.select(Axis(0), &rows).view()),
            )?
            .with_base(base.view())
        };
        let (train, validation) = (data(&split.train)?, data(&split.test)?);
        let mlp = Mlp::new(
            self.contexts.ncols(),
            settings.archetypes,
            settings.size,
            encoder,
        )?;
        let archetypes = Archetypes::new(
            settings.archetypes,
            self.features.ncols(),
            self.targets.ncols(),
            true,
            head,
        )?;
        let mut network = Sparse {
            inner: Contextualized::new(mlp, Masked::new(archetypes, self.mask.view())?)?,
            lasso: self.lasso > 0.0,
        };
        let mut trainer = settings.trainer;
        trainer.seed = batches;
        trainer.penalties.context_lasso = self.lasso;
        let observer = &mut unobserved;
        let validation = Some(&validation);
        let report = match self.wanted {
            Wanted::Means => {
                trainer.train(&mut network, &SquaredError, &train, validation, observer)?
            }
            Wanted::LogVariances => {
                trainer.train(&mut network, &LogVarianceLoss, &train, validation, observer)?
            }
        };
        let learned = Learned {
            encoder: network.inner.encoder().to_weights()?,
            head: network.inner.head().head().to_weights()?,
            mask: self.mask.clone(),
            slopes: self.slopes.clone(),
            offsets: self.offsets.clone(),
            share: 1.0,
        };
        Ok((learned, report))
    }
}

impl Learned {
    fn network(&self) -> Result<Inner> {
        let head = Archetypes::from_weights(&self.head)?;
        Contextualized::new(
            Mlp::from_weights(&self.encoder)?,
            Masked::new(head, self.mask.view())?,
        )
    }

    /// Widths of contexts, features and targets.
    pub(crate) fn widths(&self) -> Result<(usize, usize, usize)> {
        Ok(self.network()?.widths())
    }

    pub(crate) fn share(&self) -> f64 {
        self.share
    }

    /// Does something with the slopes (targets × features) and offsets at every standardised context,
    /// block by block in parallel.
    pub(crate) fn map<T: Send>(
        &self,
        contexts: ArrayView2<'_, f64>,
        of: impl Fn(usize, Array2<f64>, Array1<f64>) -> Result<T> + Sync,
    ) -> Result<Vec<T>> {
        if contexts.nrows() == 0 {
            return Ok(Vec::new());
        }
        let network = self.network()?;
        let blocks: Vec<_> = contexts
            .axis_chunks_iter(Axis(0), BLOCK)
            .enumerate()
            .collect();
        let results = blocks
            .into_par_iter()
            .map(|(block, contexts)| {
                let deviation = network.coefficients_at(contexts)?;
                (0..contexts.nrows())
                    .map(|place| {
                        let slopes = deviation.slopes();
                        let slopes = slopes.index_axis(Axis(0), place);
                        let slopes = &self.slopes + &(&slopes * self.share);
                        let offsets = deviation.offsets();
                        let offsets = offsets.index_axis(Axis(0), place);
                        let offsets = &self.offsets + &(&offsets * self.share);
                        of(block * BLOCK + place, slopes, offsets)
                    })
                    .collect::<Result<Vec<T>>>()
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(results.into_iter().flatten().collect())
    }

    /// The linear predictor of every row, rows × targets.
    pub(crate) fn predictions(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
    ) -> Result<Array2<f64>> {
        let rows = self.map(contexts, |row, slopes, offsets| {
            Ok(slopes.dot(&features.index_axis(Axis(0), row)) + offsets)
        })?;
        crate::rows::stacked_vectors(rows, self.offsets.len())
    }

    /// The offsets alone, rows × targets.
    pub(crate) fn offsets(&self, contexts: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        let rows = self.map(contexts, |_, _, offsets| Ok(offsets))?;
        crate::rows::stacked_vectors(rows, self.offsets.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_of_archetypes_are_shortened_together() {
        let mut slopes = Array3::zeros((2, 1, 2));
        slopes[[0, 0, 0]] = 3.0;
        slopes[[1, 0, 0]] = 4.0;
        slopes[[0, 0, 1]] = 0.1;
        shrink_slopes(&mut slopes, 1.0 / 2.0_f64.sqrt());
        assert!((slopes[[0, 0, 0]] - 2.4).abs() < 1e-14 && (slopes[[1, 0, 0]] - 3.2).abs() < 1e-14);
        assert_eq!(slopes[[0, 0, 1]], 0.0);
    }
}

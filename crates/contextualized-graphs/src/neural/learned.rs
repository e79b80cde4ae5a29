//! A linear model whose coefficients are a population's plus a share of what an encoder learned.

use super::nodes::Nodes;
use super::settings::NeuralSettings;
use super::task::Task;
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
        if (0.0..=1.0).contains(&learned.share) {
            Ok(learned)
        } else {
            Err(Error::invalid_parameter(
                "share",
                learned.share,
                "between 0 and 1",
            ))
        }
    }
}

/// What came of a task.
pub(crate) struct Fitted {
    pub(crate) learned: Learned,
    /// Predictions of every row by models that know nothing of it, not even by a mean; rows × targets.
    pub(crate) held_out: Array2<f64>,
    pub(crate) report: FitReport,
}

/// Folds by which the share is chosen.
const FOLDS: usize = 5;

/// Rows encoded at once, in parallel over blocks: at most [`BLOCK`], fewer where the slopes of one row
/// are many, so that those of a block are no more than [`SLOPES`], or of one row. By the sizes alone,
/// so that results do not depend on the number of threads.
fn block(features: usize, targets: usize) -> usize {
    (SLOPES / (features * targets).max(1)).clamp(1, BLOCK)
}

const BLOCK: usize = 256;
const SLOPES: usize = 1 << 20;

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
            if norm > length {
                group *= 1.0 - length / norm
            } else {
                group.fill(0.0)
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

/// Predictions of held-out rows by a model of the others, rows × targets, in the units of all rows.
struct HeldOut {
    /// By the population of the others.
    base: Array2<f64>,
    /// What the encoder adds.
    deviations: Array2<f64>,
}

/// What is learned from some rows.
struct Fold<'a> {
    task: &'a Task<'a>,
    data: &'a Nodes,
    rows: &'a [usize],
}

impl Task<'_> {
    /// Trains on all rows, and keeps the share of what was learned that predicts best on held-out
    /// folds. Whatever a fold's model is made of comes from the other folds: scalings and the
    /// population, too.
    pub(crate) fn fit(&self, data: &Nodes, settings: &NeuralSettings) -> Result<Fitted> {
        let rows = data.nodes.nrows();
        let mut seeds = ChaCha8Rng::seed_from_u64(settings.seed);
        seeds.set_stream(self.stream());
        let (folds, training) = (seeds.next_u64(), seeds.next_u64());
        let folds = KFold::new(FOLDS, folds).splits(rows)?;
        let all: Vec<usize> = (0..rows).collect();
        let mut jobs: Vec<(&[usize], &[usize])> = folds
            .iter()
            .map(|split| (&split.train[..], &split.test[..]))
            .collect();
        jobs.push((&all, &[]));
        let results = jobs
            .into_par_iter()
            .map(|(train, test)| {
                let some;
                let of_train = if test.is_empty() {
                    data
                } else {
                    some = data.of_rows(train)?;
                    &some
                };
                let fold = Fold {
                    task: self,
                    data: of_train,
                    rows: train,
                };
                let (learned, report) = fold.train(settings, training)?;
                let held_out = if test.is_empty() {
                    None
                } else {
                    Some(fold.held_out(&learned, data, test)?)
                };
                Ok((learned, report, test, held_out))
            })
            .collect::<Result<Vec<_>>>()?;
        let (_, targets) = self.tables(data.nodes.view(), &all);
        let mut base = Array2::zeros(targets.dim());
        let mut deviations = Array2::zeros(targets.dim());
        let mut last = None;
        for (learned, report, test, held_out) in results {
            if let Some(held_out) = held_out {
                for (place, &row) in test.iter().enumerate() {
                    base.row_mut(row).assign(&held_out.base.row(place));
                    deviations
                        .row_mut(row)
                        .assign(&held_out.deviations.row(place));
                }
            }
            last = Some((learned, report));
        }
        let Some((mut learned, report)) = last else {
            return Err(Error::NoRows {
                argument: "contexts",
            });
        };
        let share = self.best_share(&targets, &base, &deviations, data.weights.view());
        learned.share = share;
        Ok(Fitted {
            learned,
            held_out: base + deviations * share,
            report,
        })
    }

    /// The share s in [0, 1] of the deviations that minimises the held-out loss, which is convex in s.
    fn best_share(
        &self,
        targets: &Array2<f64>,
        base: &Array2<f64>,
        deviations: &Array2<f64>,
        weights: ArrayView1<'_, f64>,
    ) -> f64 {
        let slope = |share: f64| -> f64 {
            let mut sum = 0.0;
            for ((row, column), &deviation) in deviations.indexed_iter() {
                let predictor = base[[row, column]] + share * deviation;
                let target = targets[[row, column]];
                let by_predictor = match self {
                    Self::LogVariances(_) => 0.5 * (1.0 - target * (-predictor).exp()),
                    _ => predictor - target,
                };
                sum += weights[row] * by_predictor * deviation;
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
}

impl Fold<'_> {
    /// What rows that are not among these are under a model of these.
    fn held_out(&self, learned: &Learned, all: &Nodes, rows: &[usize]) -> Result<HeldOut> {
        let scaling = &self.data.scaling;
        let nodes = scaling.apply(all.nodes.select(Axis(0), rows).view())?;
        let contexts = all.contexts.select(Axis(0), rows);
        let contexts = self.data.context_scaling.apply(contexts.view())?;
        let (features, _) = self.task.tables(nodes.view(), rows);
        let base = features.dot(&learned.slopes.t()) + &learned.offsets;
        let deviations = learned.predictions(contexts.view(), features.view())? - &base;
        let (centers, scales) = self.task.units(scaling);
        Ok(HeldOut {
            base: base * &scales + &centers,
            deviations: deviations * &scales,
        })
    }

    fn train(&self, settings: &NeuralSettings, seed: u64) -> Result<(Learned, FitReport)> {
        let mut seeds = ChaCha8Rng::seed_from_u64(seed);
        let (split, encoder, head, batches) = (
            seeds.next_u64(),
            seeds.next_u64(),
            seeds.next_u64(),
            seeds.next_u64(),
        );
        let Self { task, data, rows } = self;
        let (slopes, offsets) = task.population(data, rows);
        let (features, targets) = task.tables(data.nodes.view(), rows);
        let mask = task.mask(data.nodes.ncols());
        let split = Split::holdout(rows.len(), settings.validation, split)?;
        let tables = |places: &[usize]| -> Result<TrainingData<usize, usize, usize>> {
            let features = features.select(Axis(0), places);
            let base = features.dot(&slopes.t()) + &offsets;
            TrainingData::new(
                data.contexts.select(Axis(0), places).view(),
                features.view(),
                targets.select(Axis(0), places).view(),
                Some(data.weights.select(Axis(0), places).view()),
            )?
            .with_base(base.view())
        };
        let (train, validation) = (tables(&split.train)?, tables(&split.test)?);
        let mlp = Mlp::new(
            data.contexts.ncols(),
            settings.archetypes,
            settings.size,
            encoder,
        )?;
        let archetypes = Archetypes::new(
            settings.archetypes,
            features.ncols(),
            targets.ncols(),
            true,
            head,
        )?;
        let mut network = Sparse {
            inner: Contextualized::new(mlp, Masked::new(archetypes, mask.view())?)?,
            lasso: task.lasso() > 0.0,
        };
        let mut trainer = settings.trainer;
        trainer.seed = batches;
        trainer.penalties.context_lasso = task.lasso();
        let observer = &mut unobserved;
        let validation = Some(&validation);
        let report = match task {
            Task::LogVariances(_) => {
                trainer.train(&mut network, &LogVarianceLoss, &train, validation, observer)?
            }
            _ => trainer.train(&mut network, &SquaredError, &train, validation, observer)?,
        };
        let learned = Learned {
            encoder: network.inner.encoder().to_weights()?,
            head: network.inner.head().head().to_weights()?,
            mask,
            slopes,
            offsets,
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
        let (targets, features) = self.slopes.dim();
        let size = block(features, targets);
        let blocks: Vec<_> = contexts
            .axis_chunks_iter(Axis(0), size)
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
                        of(block * size + place, slopes, offsets)
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

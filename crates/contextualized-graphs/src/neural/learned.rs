//! A linear model whose coefficients are a population's plus a share of what an encoder learned.

use super::nodes::Nodes;
use super::settings::NeuralSettings;
use super::task::Task;
use crate::checks::check_share;
use crate::rows::stacked_vectors;
use contextualized_core::validate::check_columns;
use contextualized_core::{Checked, FitReport, Result, Samples, checked_serde};
use contextualized_encoders::{
    ConstantCoefficients, EncoderKind, EncoderLink, HeldOutDeviation, Network, NetworkSettings,
    Parameterization, StoredNetwork, Training, TrainingData, seeds, unobserved,
};
use ndarray::{Array1, Array2, ArrayView2, Axis};
use rand::{RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Coefficients as a function of standardised contexts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub(crate) struct Learned {
    network: StoredNetwork,
    population: ConstantCoefficients,
    share: f64,
}

checked_serde!(Learned);

impl Checked for Learned {
    fn check(&self) -> Result<()> {
        let (_, features, targets) = self.network.network()?.widths();
        self.population.check(features, targets)?;
        check_share(self.share)
    }
}

/// Checks what was learned against the widths of contexts, features and targets that are due.
pub(crate) fn check_learned(
    parts: &[(&'static str, &Learned, (usize, usize, usize))],
) -> Result<()> {
    for (argument, learned, expected) in parts {
        let found = learned.network.widths();
        check_columns(argument, expected.0, found.0)?;
        check_columns(argument, expected.1, found.1)?;
        check_columns(argument, expected.2, found.2)?;
    }
    Ok(())
}

/// What came of a task.
pub(crate) struct Fitted {
    pub(crate) learned: Learned,
    /// Predictions of every row by models that know nothing of it, not even by a mean; rows × targets.
    pub(crate) held_out: Array2<f64>,
    pub(crate) report: FitReport,
}

/// Rows encoded at once, in parallel over blocks: at most [`BLOCK`], fewer where the slopes of one row
/// are many, so that those of a block are no more than [`SLOPES`], or of one row. By the sizes alone,
/// so that results do not depend on the number of threads.
fn block(features: usize, targets: usize) -> usize {
    (SLOPES / (features * targets).max(1)).clamp(1, BLOCK)
}

const BLOCK: usize = 256;
const SLOPES: usize = 1 << 20;

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
    pub(crate) fn fit(
        &self,
        data: &Nodes,
        settings: &NeuralSettings,
        training: &Training,
    ) -> Result<Fitted> {
        let mut generator = ChaCha8Rng::seed_from_u64(training.seed);
        generator.set_stream(self.stream());
        let (folds, seed) = (generator.next_u64(), generator.next_u64());
        let all: Vec<usize> = (0..data.nodes.nrows()).collect();
        let (_, targets) = self.tables(data.nodes.view(), &all);
        let (held_out, fit) = rayon::join(
            || {
                HeldOutDeviation::by_folds(targets.dim(), data.folds(folds)?, |train, test| {
                    let fold = Fold {
                        task: self,
                        data: &data.of_rows(train)?,
                        rows: train,
                    };
                    let (learned, _) = fold.train(settings, training, seed)?;
                    fold.held_out(&learned, data, test)
                })
            },
            || {
                let fold = Fold {
                    task: self,
                    data,
                    rows: &all,
                };
                fold.train(settings, training, seed)
            },
        );
        let (held_out, (mut learned, report)) = (held_out?, fit?);
        if training.shrinkage {
            learned.share = held_out.share(self.loss(), Some(data.weights.view()));
        }
        Ok(Fitted {
            held_out: held_out.base + held_out.deviation * learned.share,
            learned,
            report,
        })
    }
}

impl Fold<'_> {
    /// What rows that are not among these are under a model of these, in the units of all rows.
    fn held_out(&self, learned: &Learned, all: &Nodes, rows: &[usize]) -> Result<HeldOutDeviation> {
        let nodes = all.nodes.select(Axis(0), rows);
        let (_, targets) = self.task.tables(nodes.view(), rows);
        let scaling = &self.data.scaling;
        let nodes = scaling.apply(nodes.view())?;
        let contexts = all.contexts.select(Axis(0), rows);
        let contexts = self.data.context_scaling.apply(contexts.view())?;
        let (features, _) = self.task.tables(nodes.view(), rows);
        let base = learned.population.linear_predictor(features.view())?;
        let deviation = learned.predictions(contexts.view(), features.view())? - &base;
        let (centers, scales) = self.task.units(scaling);
        Ok(HeldOutDeviation {
            targets,
            base: base * &scales + &centers,
            deviation: deviation * &scales,
        })
    }

    fn train(
        &self,
        settings: &NeuralSettings,
        training: &Training,
        seed: u64,
    ) -> Result<(Learned, FitReport)> {
        let [split, encoder, head, batches] = seeds(seed);
        let Self { task, data, rows } = self;
        let population = task.population(data, rows);
        let (features, targets) = task.tables(data.nodes.view(), rows);
        let mut samples = Samples::new(data.contexts.view(), features.view(), targets.view())?
            .with_weights(data.weights.view())?
            .with_monitor(data.monitor.clone());
        if let Some(groups) = &data.groups {
            samples = samples.with_groups(groups)?;
        }
        let (train, validation) = training.hold_out(&samples, split)?;
        let over_population = |samples: &Samples| {
            let base = population.linear_predictor(samples.features())?;
            TrainingData::of(samples)?.with_base(base.view())
        };
        let settings = NetworkSettings {
            encoder: EncoderKind::Mlp(settings.encoder),
            link: EncoderLink::Identity,
            head: Parameterization::Archetypes(settings.archetypes),
            intercept: true,
            mask: Some(task.mask(data.nodes.ncols())),
        };
        let widths = (data.contexts.ncols(), features.ncols(), targets.ncols());
        let mut network = settings.build(widths, (encoder, head))?;
        let mut training = *training;
        training.penalties.slope_lasso = task.lasso();
        let report = training.train_on(
            batches,
            &mut network,
            task.loss(),
            (&train, validation.as_ref()),
            over_population,
            &mut unobserved,
        )?;
        let learned = Learned {
            network: StoredNetwork::of(&settings, &mut network, encoder)?,
            population,
            share: 1.0,
        };
        Ok((learned, report))
    }
}

impl Learned {
    pub(crate) fn share(&self) -> f64 {
        self.share
    }

    /// Does something with the slopes (targets × features) and intercepts at every standardised context,
    /// block by block in parallel.
    pub(crate) fn map<T: Send>(
        &self,
        contexts: ArrayView2<'_, f64>,
        of: impl Fn(usize, Array2<f64>, Array1<f64>) -> Result<T> + Sync,
    ) -> Result<Vec<T>> {
        if contexts.nrows() == 0 {
            return Ok(Vec::new());
        }
        let network = self.network.network()?;
        let (_, features, targets) = self.network.widths();
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
                        let slopes = &self.population.slopes + &(&slopes * self.share);
                        let intercepts = deviation.intercepts();
                        let intercepts = intercepts.index_axis(Axis(0), place);
                        let intercepts = &self.population.intercepts + &(&intercepts * self.share);
                        of(block * size + place, slopes, intercepts)
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
        let rows = self.map(contexts, |row, slopes, intercepts| {
            Ok(slopes.dot(&features.index_axis(Axis(0), row)) + intercepts)
        })?;
        stacked_vectors(rows, self.population.intercepts.len())
    }

    /// The intercepts alone, rows × targets.
    pub(crate) fn intercepts(&self, contexts: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        let rows = self.map(contexts, |_, _, intercepts| Ok(intercepts))?;
        stacked_vectors(rows, self.population.intercepts.len())
    }
}

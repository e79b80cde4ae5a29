//! A chain: all ensembles, the constants, and the noise, drawn in turn.

use super::ensemble::{Ensemble, Scratch, SweepData, TreePrior};
use super::scale::HalfCauchyScale;
use crate::codes::ContextCodes;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// Rows in units of the fit.
pub(crate) struct Rows<'a> {
    pub(crate) contexts: &'a ContextCodes,
    /// Codes by variable.
    pub(crate) codes: Vec<Vec<u16>>,
    /// By coefficient: features, and ones for the intercept.
    pub(crate) features: Vec<Vec<f64>>,
    pub(crate) targets: Vec<f64>,
    pub(crate) weights: Option<Vec<f64>>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct ChainSettings {
    pub(crate) trees: usize,
    pub(crate) prior: TreePrior,
    pub(crate) seed: u64,
    /// Sweeps after which split weights are drawn.
    pub(crate) equal_weights: usize,
}

impl Default for ChainSettings {
    fn default() -> Self {
        Self {
            trees: env("TREES", 50.0) as usize,
            prior: TreePrior {
                base: env("BASE", 0.95),
                power: env("POWER", 2.0),
                fewest_rows: env("MIN", 5.0),
                soft: env("SOFT", 1.0) > 0.0,
            },
            seed: 0,
            equal_weights: 100,
        }
    }
}

pub(crate) struct Chain<'a> {
    rows: &'a Rows<'a>,
    settings: ChainSettings,
    random: ChaCha8Rng,
    pub(crate) ensembles: Vec<Ensemble>,
    pub(crate) constants: Vec<f64>,
    pub(crate) noise: HalfCauchyScale,
    squares: Vec<Vec<f64>>,
    residual: Vec<f64>,
    scratch: Scratch,
    sweeps: usize,
}

impl<'a> Chain<'a> {
    pub(crate) fn new(rows: &'a Rows<'a>, settings: ChainSettings) -> Self {
        let squares: Vec<Vec<f64>> = rows
            .features
            .iter()
            .map(|feature| feature.iter().map(|x| x * x).collect())
            .collect();
        let scale = 1.0 / (settings.trees as f64).sqrt();
        let ensembles = squares
            .iter()
            .map(|squares| {
                Ensemble::stumps(
                    settings.trees,
                    squares,
                    rows.contexts.len(),
                    settings.prior,
                    HalfCauchyScale::new(scale, 0.25 * scale * scale),
                )
            })
            .collect();
        Self {
            rows,
            settings,
            random: ChaCha8Rng::seed_from_u64(settings.seed),
            ensembles,
            constants: vec![0.0; rows.features.len()],
            noise: HalfCauchyScale::new(1.0, 1.0),
            squares,
            residual: rows.targets.clone(),
            scratch: Scratch::default(),
            sweeps: 0,
        }
    }

    pub(crate) fn sweep(&mut self) {
        let noise_precision = self.noise.variance.recip();
        for (ensemble, (feature, squares)) in self.ensembles.iter_mut().zip(self.rows.features.iter().zip(&self.squares)) {
            let data = SweepData {
                variables: self.rows.contexts.variables(),
                codes: &self.rows.codes,
                feature,
                squares,
                noise_precision,
            };
            ensemble.sweep(data, &mut self.residual, &mut self.scratch, &mut self.random);
            if self.sweeps >= self.settings.equal_weights {
                ensemble.weights.update(&mut self.random);
            }
        }
        let squares: f64 = self.residual.iter().map(|r| r * r).sum();
        let n = self.residual.len() as f64;
        self.noise.update(n, squares, &mut self.random);
        self.sweeps += 1;
    }
}

pub(crate) fn env(name: &str, default: f64) -> f64 {
    std::env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(default)
}

//! A chain: all ensembles, the constants, the groups and the noise, drawn in turn.

use super::ensemble::{Ensemble, SweepData, TreePrior};
use super::log_gamma;
use super::member::Scratch;
use super::normal::{NormalPosterior, NormalPrior, NormalSums};
use super::polya_gamma;
use super::scale::HalfCauchyScale;
use crate::codes::ContextCodes;
use crate::forest::Forest;
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

/// Rows of one target, in units of the fit.
#[derive(Clone)]
pub(crate) struct Rows<'a> {
    pub(crate) contexts: &'a ContextCodes,
    /// Codes by variable.
    pub(crate) codes: &'a [Vec<u16>],
    /// By coefficient: features, and ones for the intercept.
    pub(crate) features: &'a [Vec<f64>],
    pub(crate) targets: Vec<f64>,
    pub(crate) weights: &'a [f64],
    /// Known terms of the linear predictor, of a likelihood that is augmented.
    pub(crate) offsets: Vec<f64>,
    pub(crate) groups: Option<&'a Groups>,
    pub(crate) likelihood: Likelihood,
}

/// The group of every row, below so many.
pub(crate) struct Groups {
    pub(crate) of_rows: Vec<usize>,
    pub(crate) count: usize,
}

/// How targets follow from the linear predictor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Likelihood {
    /// With normal errors of unknown variance, divided by the row's weight.
    Normal,
    /// 0 or 1, by the logistic function, as often as the row's weight says.
    Logistic,
    /// Counts, by the exponential function, as often as the row's weight says.
    Poisson,
}

/// What a chain is made of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct ChainSettings {
    /// Trees of each coefficient.
    pub(crate) trees: usize,
    pub(crate) prior: TreePrior,
    /// The median of a coefficient's standard deviation over contexts before data are seen: that of its leaf values,
    /// times the root of the number of trees.
    pub(crate) typical_variation: f64,
    /// Variance of the constants before data are seen.
    pub(crate) constant_variance: f64,
    /// The first sweeps, in which the prior of split contexts is not sparse.
    pub(crate) dense_sweeps: usize,
}

/// The state of a chain.
pub(crate) struct Chain<'a> {
    rows: &'a Rows<'a>,
    settings: ChainSettings,
    random: ChaCha8Rng,
    pub(crate) ensembles: Vec<Ensemble>,
    /// What every coefficient has besides its trees.
    pub(crate) constants: Vec<f64>,
    /// What the rows of each group have in common.
    pub(super) group_effects: Vec<f64>,
    group_scale: HalfCauchyScale,
    pub(super) noise: HalfCauchyScale,
    pub(super) working: Working,
    scratch: Scratch,
    sums: NormalSums,
    posterior: NormalPosterior,
    draws: Vec<f64>,
    sweeps: usize,
}

/// Rows times the roots of their weights, so that all noise is of one size.
pub(super) struct Working {
    /// Outcomes as they are.
    pub(super) outcomes: Vec<f64>,
    /// Roots of weights, which augmentation draws where the likelihood is not normal.
    roots: Vec<f64>,
    features: Vec<Vec<f64>>,
    pub(super) squares: Vec<Vec<f64>>,
    /// What is added up to the linear predictor, with an error.
    targets: Vec<f64>,
    /// Targets less the linear predictor, times the root of the weight.
    pub(super) residual: Vec<f64>,
    /// Sums of products of the features.
    gram: Vec<f64>,
}

impl Working {
    fn new(rows: &Rows<'_>) -> Self {
        let mut own = Self {
            outcomes: rows.targets.clone(),
            roots: rows.weights.iter().map(|weight| weight.sqrt()).collect(),
            features: rows.features.to_vec(),
            squares: rows.features.to_vec(),
            targets: rows.targets.clone(),
            residual: rows.targets.clone(),
            gram: vec![0.0; rows.features.len().pow(2)],
        };
        own.scale(rows);
        for (r, root) in own.residual.iter_mut().zip(&own.roots) {
            *r *= root;
        }
        own
    }

    /// What is added up to the linear predictor of a row, without its offset.
    pub(super) fn predictor(&self, row: usize) -> f64 {
        self.targets[row] - self.residual[row] / self.roots[row]
    }

    /// Features in units of the noise.
    fn scale(&mut self, rows: &Rows<'_>) {
        let columns = self.features.iter_mut().zip(&mut self.squares);
        for ((feature, squares), raw) in columns.zip(rows.features) {
            for (((x, square), raw), root) in
                feature.iter_mut().zip(squares).zip(raw).zip(&self.roots)
            {
                *x = raw * root;
                *square = *x * *x;
            }
        }
        let coefficients = self.features.len();
        for one in 0..coefficients {
            for other in 0..=one {
                let product = inner_product(&self.features[one], &self.features[other]);
                self.gram[one * coefficients + other] = product;
                self.gram[other * coefficients + one] = product;
            }
        }
    }
}

impl<'a> Chain<'a> {
    pub(crate) fn new(rows: &'a Rows<'a>, settings: ChainSettings, random: ChaCha8Rng) -> Self {
        let working = Working::new(rows);
        let scale = settings.typical_variation / (settings.trees as f64).sqrt();
        let ensemble = |squares: &Vec<f64>| {
            Ensemble::stumps(
                settings.trees,
                squares,
                rows.contexts.len(),
                settings.prior,
                HalfCauchyScale::new(scale, scale * scale / 4.0),
            )
        };
        Self {
            ensembles: working.squares.iter().map(ensemble).collect(),
            constants: vec![0.0; rows.features.len()],
            group_effects: vec![0.0; rows.groups.map_or(0, |groups| groups.count)],
            group_scale: HalfCauchyScale::new(1.0, 0.01),
            noise: HalfCauchyScale::new(1.0, 1.0),
            scratch: Scratch::default(),
            sums: NormalSums::default(),
            posterior: NormalPosterior::default(),
            draws: Vec::new(),
            sweeps: 0,
            random,
            rows,
            settings,
            working,
        }
    }

    /// Variance of the noise of a row of weight one; one where the likelihood has none.
    pub(crate) fn noise_variance(&self) -> f64 {
        match self.rows.likelihood {
            Likelihood::Normal => self.noise.variance,
            Likelihood::Logistic | Likelihood::Poisson => 1.0,
        }
    }

    /// Variance of what groups have in common; zero without groups.
    pub(crate) fn group_variance(&self) -> f64 {
        if self.rows.groups.is_some() {
            self.group_scale.variance
        } else {
            0.0
        }
    }

    /// Keeps the trees as they are now.
    pub(crate) fn keep(&self, forest: &mut Forest) {
        for (ensemble, constant) in self.ensembles.iter().zip(&self.constants) {
            forest.push(*constant, ensemble.trees());
        }
    }

    /// Draws everything once.
    pub(crate) fn sweep(&mut self) {
        match self.rows.likelihood {
            Likelihood::Normal => {}
            Likelihood::Logistic => self.augment(|outcome, weight, predictor, random| {
                let precision = polya_gamma::draw(weight, predictor, random);
                let target = weight * (outcome - 0.5) / precision;
                (target, precision)
            }),
            Likelihood::Poisson => self.augment(|outcome, weight, predictor, random| {
                log_gamma::draw(weight * outcome, weight, predictor, random)
            }),
        }
        self.draw_constants();
        let noise_precision = self.noise_variance().recip();
        let columns = self.working.features.iter().zip(&self.working.squares);
        for (ensemble, (feature, squares)) in self.ensembles.iter_mut().zip(columns) {
            let data = SweepData {
                variables: self.rows.contexts.variables(),
                codes: self.rows.codes,
                feature,
                squares,
                noise_precision,
            };
            let residual = &mut self.working.residual;
            ensemble.sweep(data, residual, &mut self.scratch, &mut self.random);
            if self.sweeps >= self.settings.dense_sweeps {
                ensemble
                    .weights
                    .variables
                    .draw_concentration(&mut self.random);
            }
        }
        self.draw_group_effects();
        if self.rows.likelihood == Likelihood::Normal {
            let residual = &self.working.residual;
            let squares = inner_product(residual, residual);
            self.noise
                .update(residual.len() as f64, squares, &mut self.random);
        }
        self.sweeps += 1;
    }

    /// Targets and weights by which the likelihood is a normal one, drawn given outcome, weight and linear predictor of
    /// each row.
    fn augment(&mut self, draw: impl Fn(f64, f64, f64, &mut ChaCha8Rng) -> (f64, f64)) {
        let (rows, working) = (self.rows, &mut self.working);
        for row in 0..rows.targets.len() {
            let predictor = if self.sweeps == 0 {
                0.0
            } else {
                working.predictor(row)
            };
            let offset = rows.offsets[row];
            let (target, precision) = draw(
                working.outcomes[row],
                rows.weights[row],
                predictor + offset,
                &mut self.random,
            );
            working.roots[row] = precision.sqrt();
            working.targets[row] = target - offset;
            working.residual[row] = working.roots[row] * (working.targets[row] - predictor);
        }
        working.scale(rows);
        for (ensemble, squares) in self.ensembles.iter_mut().zip(&working.squares) {
            ensemble.reweight(squares);
        }
    }

    /// The constants of all coefficients, jointly.
    fn draw_constants(&mut self) {
        let working = &mut self.working;
        let coefficients = self.constants.len();
        self.sums.gram.clone_from(&working.gram);
        self.sums.products.clear();
        for (coefficient, feature) in working.features.iter().enumerate() {
            let own = &working.gram[coefficient * coefficients..(coefficient + 1) * coefficients];
            let fitted = inner_product(own, &self.constants);
            let product = inner_product(feature, &working.residual);
            self.sums.products.push(product + fitted);
        }
        let prior = NormalPrior {
            variances: &vec![self.settings.constant_variance; coefficients],
            noise_precision: self.noise_variance().recip(),
        };
        self.posterior.solve(prior, &self.sums);
        self.posterior.draw(&mut self.random, &mut self.draws);
        let drawn = self.constants.iter_mut().zip(&self.draws);
        let working = &mut self.working;
        for ((constant, draw), feature) in drawn.zip(&working.features) {
            let change = draw - *constant;
            *constant = *draw;
            for (r, x) in working.residual.iter_mut().zip(feature) {
                *r -= change * x;
            }
        }
    }

    /// What the rows of each group have in common, and how much groups differ.
    fn draw_group_effects(&mut self) {
        let Some(groups) = self.rows.groups else {
            return;
        };
        let noise_precision = self.noise_variance().recip();
        let working = &mut self.working;
        let mut sums = vec![[0.0; 2]; groups.count];
        for ((group, root), r) in groups
            .of_rows
            .iter()
            .zip(&working.roots)
            .zip(&working.residual)
        {
            let [weights, products] = sums[*group];
            sums[*group] = [weights + root * root, products + root * r];
        }
        // The sums become changes.
        for ([weights, products], effect) in sums.iter_mut().zip(&mut self.group_effects) {
            let precision = noise_precision * *weights + self.group_scale.variance.recip();
            let mean = noise_precision * (*products + *weights * *effect) / precision;
            let normal: f64 = self.random.sample(StandardNormal);
            let drawn = mean + normal / precision.sqrt();
            *products = drawn - *effect;
            *effect = drawn;
        }
        for ((group, root), r) in groups
            .of_rows
            .iter()
            .zip(&working.roots)
            .zip(&mut working.residual)
        {
            *r -= root * sums[*group][1];
        }
        let squares = inner_product(&self.group_effects, &self.group_effects);
        self.group_scale
            .update(groups.count as f64, squares, &mut self.random);
    }
}

fn inner_product(a: &[f64], b: &[f64]) -> f64 {
    contextualized_solvers::vectorized(
        #[inline(always)]
        || contextualized_solvers::inner_product(a, b),
    )
}

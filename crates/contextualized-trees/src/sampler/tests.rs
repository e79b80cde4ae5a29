//! The sampler draws from the posterior it says.

use super::chain::{Chain, ChainSettings, Groups, Likelihood, Rows};
use super::ensemble::TreePrior;
use super::moves::{Proposals, WIDTHS};
use super::scale::HalfCauchyScale;
use super::split_weights::SplitWeights;
use super::tree::{NodeId, ROOT, Tree};
use crate::codes::ContextCodes;
use crate::diagnostics::Convergence;
use contextualized_core::Samples;
use ndarray::{Array2, array};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

/// Rows with a number and a factor of three levels, two coefficients, and three groups.
struct Case {
    contexts: ContextCodes,
    codes: Vec<Vec<u16>>,
    features: Vec<Vec<f64>>,
    weights: Vec<f64>,
    groups: Groups,
}

impl Case {
    fn new(rows: usize, seed: u64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut contexts = Array2::zeros((rows, 4));
        for mut row in contexts.rows_mut() {
            row[0] = random.r#gen::<f64>();
            row[random.gen_range(1..4)] = 1.0;
        }
        let ones = Array2::ones((rows, 1));
        let samples = Samples::new(contexts.view(), ones.view(), ones.view())
            .unwrap()
            .with_factors([("site", vec![1, 2, 3])])
            .unwrap();
        let contexts = ContextCodes::observed(&samples);
        let feature = (0..rows).map(|_| random.sample(StandardNormal)).collect();
        Self {
            codes: contexts.of_observed(samples.contexts()),
            contexts,
            features: vec![feature, vec![1.0; rows]],
            weights: (0..rows).map(|row| 0.5 + (row % 3) as f64).collect(),
            groups: Groups {
                of_rows: (0..rows).map(|row| row % 3).collect(),
                count: 3,
            },
        }
    }

    fn rows(&self, targets: Vec<f64>, grouped: bool) -> Rows<'_> {
        Rows {
            contexts: &self.contexts,
            codes: &self.codes,
            features: &self.features,
            offsets: vec![0.0; targets.len()],
            targets,
            weights: &self.weights,
            groups: grouped.then_some(&self.groups),
            likelihood: Likelihood::Normal,
        }
    }
}

fn settings(trees: usize, base: f64) -> ChainSettings {
    ChainSettings {
        trees,
        prior: TreePrior {
            base,
            power: 1.0,
            // Many sums of shares are at this bound but for rounding.
            fewest_rows: 1.0,
            soft: true,
        },
        typical_variation: 0.5,
        constant_variance: 0.5,
        dense_sweeps: 0,
    }
}

/// Numbers of a state that are compared; all are bounded, for half-Cauchy scales have no moments.
fn figures(chain: &Chain<'_>) -> Vec<f64> {
    let below = |value: f64, bound: f64| f64::from(u8::from(value < bound));
    let mut figures = vec![
        below(chain.noise.variance, 1.0),
        below(chain.group_variance(), 1.0),
        chain.constants[0].tanh(),
        chain.constants[1].tanh().powi(2),
        chain.group_effects[0].tanh().powi(2),
    ];
    for ensemble in &chain.ensembles {
        let median = ensemble.scale.median;
        figures.push(below(ensemble.scale.variance, median * median));
        figures.push(below(ensemble.weights.variables.concentration(), 2.0));
        let trees: Vec<&Tree> = ensemble.trees().collect();
        let leaves: usize = trees.iter().map(|tree| tree.leaves().len()).sum();
        figures.push(leaves as f64);
        figures.push(f64::from(ensemble.weights.variables.count(0)));
        figures.push(f64::from(ensemble.weights.variables.count(1)));
        figures.push(f64::from(ensemble.weights.widths.count(0)));
        let scales = ensemble.leaf_scales();
        figures.push(scales.map(|scale| 1.0 - below(scale, 1.0)).sum());
        let values = trees.iter().flat_map(|tree| {
            let value = |&leaf: &NodeId| (2.0 * tree.node(leaf).value).tanh().powi(2);
            tree.leaves().iter().map(value)
        });
        figures.push(values.sum::<f64>());
    }
    figures
}

/// A half-Cauchy standard deviation, squared.
fn half_cauchy_variance(median: f64, random: &mut ChaCha8Rng) -> f64 {
    let [a, b]: [f64; 2] = [random.sample(StandardNormal), random.sample(StandardNormal)];
    (median * a / b).powi(2)
}

/// The share of every row that a node has.
fn share(tree: &Tree, node: NodeId, case: &Case) -> Vec<f32> {
    let mut shares = vec![1.0; case.codes[0].len()];
    for (split, on_right) in tree.splits_above(node) {
        let mut right = vec![1.0; shares.len()];
        super::send_right(split.rule(), &case.codes[split.variable()], &mut right);
        for (share, right) in shares.iter_mut().zip(right) {
            *share *= if on_right { right } else { 1.0 - right };
        }
    }
    shares
}

/// A tree from its prior, but for leaf values; none if it is impossible.
fn tree_of_prior(
    case: &Case,
    settings: &ChainSettings,
    weights: &mut SplitWeights,
    random: &mut ChaCha8Rng,
) -> Option<Tree> {
    let mut tree = Tree::stump();
    let mut undecided = vec![ROOT];
    while let Some(node) = undecided.pop() {
        let depth = f64::from(tree.node(node).depth);
        let prior = settings.prior;
        if random.r#gen::<f64>() >= prior.base * (1.0 + depth).powf(-prior.power) {
            continue;
        }
        let proposals = Proposals {
            variables: case.contexts.variables(),
            weights,
            soft: true,
        };
        let split = proposals.split_at(&tree, node, None, random)?;
        weights.add(&split);
        tree.grow(node, split);
        let children = tree.node(node).children;
        for child in children {
            let rows: f32 = share(&tree, child, case).iter().sum();
            if !prior.admits(f64::from(rows)) {
                return None;
            }
        }
        undecided.extend(children);
    }
    Some(tree)
}

/// What [`figures`] are of a draw from the prior; none if a tree is impossible, for then all is drawn anew.
fn figures_of_prior(
    case: &Case,
    settings: &ChainSettings,
    random: &mut ChaCha8Rng,
) -> Option<Vec<f64>> {
    let below = |value: f64, bound: f64| f64::from(u8::from(value < bound));
    let normal = |random: &mut ChaCha8Rng| -> f64 { random.sample(StandardNormal) };
    let noise = half_cauchy_variance(1.0, random);
    let of_groups = half_cauchy_variance(1.0, random);
    let mut figures = vec![
        below(noise, 1.0),
        below(of_groups, 1.0),
        (settings.constant_variance.sqrt() * normal(random)).tanh(),
        (settings.constant_variance.sqrt() * normal(random))
            .tanh()
            .powi(2),
        (of_groups.sqrt() * normal(random)).tanh().powi(2),
    ];
    for _ in 0..2 {
        let median = settings.typical_variation / (settings.trees as f64).sqrt();
        let variance = half_cauchy_variance(median, random);
        let mut weights = SplitWeights::new(2, WIDTHS.len());
        weights.variables.draw_concentration(random);
        let concentration = weights.variables.concentration();
        let (mut leaves, mut values, mut large) = (0, 0.0, 0.0);
        for _ in 0..settings.trees {
            let tree = tree_of_prior(case, settings, &mut weights, random)?;
            leaves += tree.leaves().len();
            for _ in tree.leaves() {
                let own = half_cauchy_variance(1.0, random);
                large += 1.0 - below(own, 1.0);
                values += (2.0 * (variance * own).sqrt() * normal(random))
                    .tanh()
                    .powi(2);
            }
        }
        figures.extend([
            below(variance, median * median),
            below(concentration, 2.0),
            leaves as f64,
            f64::from(weights.variables.count(0)),
            f64::from(weights.variables.count(1)),
            f64::from(weights.widths.count(0)),
            large,
            values,
        ]);
    }
    Some(figures)
}

/// Parameters and data from the prior have the same joint distribution as those of a chain whose data are drawn anew
/// before every sweep: Geweke (2004), doi:10.1198/016214504000001132.
fn check_joint_distribution(
    case: &Case,
    likelihood: Likelihood,
    outcomes_anew: impl Fn(&mut Chain<'_>, &mut ChaCha8Rng),
) {
    const DRAWS: usize = 40_000;
    /// Sweeps for a draw that is compared.
    const SWEEPS: usize = 4;
    let settings = settings(2, 0.6);
    let rows = Rows {
        offsets: (0..8).map(|row| 0.3 * (row % 2) as f64).collect(),
        likelihood,
        ..case.rows(vec![0.0; 8], true)
    };

    let mut random = ChaCha8Rng::seed_from_u64(2);
    let mut prior: Vec<Vec<f64>> = Vec::new();
    while prior.len() < DRAWS {
        prior.extend(figures_of_prior(case, &settings, &mut random));
    }

    let mut chain = Chain::new(&rows, settings, ChaCha8Rng::seed_from_u64(3));
    let mut joint: Vec<Vec<f64>> = Vec::new();
    for sweep in 0..SWEEPS * DRAWS + 1000 {
        outcomes_anew(&mut chain, &mut random);
        chain.sweep();
        if sweep >= 1000 && sweep % SWEEPS == 0 {
            joint.push(figures(&chain));
        }
    }

    // The first figure is that of the noise, which a likelihood without one does not draw.
    for figure in usize::from(likelihood != Likelihood::Normal)..prior[0].len() {
        let moments = |draws: &[Vec<f64>]| {
            let values: Vec<f64> = draws.iter().map(|draw| draw[figure]).collect();
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
            let size = Convergence::of(&values, 1).effective_size;
            (mean, squares / values.len() as f64 / size, size)
        };
        let (expected, variance, _) = moments(&prior);
        let (found, other, size) = moments(&joint);
        let score = (found - expected) / (variance + other).sqrt();
        assert!(size > 200.0, "figure {figure}: {size} independent draws");
        assert!(
            score.abs() < 4.0,
            "figure {figure}: {found} instead of {expected}, {score} errors"
        );
    }
}

#[test]
fn the_joint_distribution_of_parameters_and_data_is_the_priors() {
    let case = Case::new(8, 1);
    check_joint_distribution(&case, Likelihood::Normal, |chain, random| {
        // Noise around whatever is fitted.
        let noise = chain.noise_variance().sqrt();
        for r in &mut chain.working.residual {
            let normal: f64 = random.sample(StandardNormal);
            *r = noise * normal;
        }
    });
}

/// The same of shares of successes in one to three trials.
#[test]
fn the_joint_distribution_of_parameters_and_binary_outcomes_is_the_priors() {
    let mut case = Case::new(8, 1);
    for (row, weight) in case.weights.iter_mut().enumerate() {
        *weight = 1.0 + (row % 3) as f64;
    }
    let weights = case.weights.clone();
    check_joint_distribution(&case, Likelihood::Logistic, |chain, random| {
        for (row, weight) in weights.iter().enumerate() {
            let predictor = chain.working.predictor(row) + 0.3 * (row % 2) as f64;
            let probability = 1.0 / (1.0 + (-predictor).exp());
            let trials = 0..*weight as usize;
            let successes = trials.filter(|_| random.r#gen::<f64>() < probability);
            chain.working.outcomes[row] = successes.count() as f64 / weight;
        }
    });
}

/// Without splits and with known variances, coefficients are those of ridge regression.
#[test]
fn trees_of_one_leaf_are_ridge_regression() {
    const SWEEPS: usize = 20_000;
    let (noise, variance) = (0.3, 0.02);
    let case = Case::new(12, 4);
    let mut random = ChaCha8Rng::seed_from_u64(5);
    let targets: Vec<f64> = case.features[0]
        .iter()
        .map(|x| {
            let normal: f64 = random.sample(StandardNormal);
            2.0 * x - 1.0 + normal
        })
        .collect();
    let rows = case.rows(targets.clone(), false);
    let settings = settings(3, 0.0);
    let mut chain = Chain::new(&rows, settings, ChaCha8Rng::seed_from_u64(6));
    let mut draws = [Vec::new(), Vec::new()];
    for _ in 0..SWEEPS {
        for ensemble in &mut chain.ensembles {
            ensemble.fix_scales(variance);
        }
        chain.noise = HalfCauchyScale::new(1.0, noise);
        chain.sweep();
        for (coefficient, draws) in draws.iter_mut().enumerate() {
            let trees = chain.ensembles[coefficient].trees();
            let sum: f64 = trees.map(|tree| tree.node(ROOT).value).sum();
            draws.push(chain.constants[coefficient] + sum);
        }
    }

    // (X' W X / σ² + I / v) β = X' W y / σ², where v is the variance of a constant and three values together.
    let together = settings.constant_variance + 3.0 * variance;
    let sum = |of: &dyn Fn(usize) -> f64| -> f64 {
        (0..12).map(|row| case.weights[row] * of(row) / noise).sum()
    };
    let x = &case.features[0];
    let (a, b, c) = (
        sum(&|row| x[row] * x[row]) + 1.0 / together,
        sum(&|row| x[row]),
        sum(&|_| 1.0) + 1.0 / together,
    );
    let (p, q) = (sum(&|row| x[row] * targets[row]), sum(&|row| targets[row]));
    let determinant = a * c - b * b;
    let expected = [(c * p - b * q) / determinant, (a * q - b * p) / determinant];
    let variances = [c / determinant, a / determinant];
    for coefficient in 0..2 {
        let draws = &draws[coefficient];
        let mean = draws.iter().sum::<f64>() / SWEEPS as f64;
        let spread = draws.iter().map(|draw| (draw - mean).powi(2)).sum::<f64>() / SWEEPS as f64;
        let size = Convergence::of(draws, 1).effective_size;
        let error = (variances[coefficient] / size).sqrt();
        assert!(
            (mean - expected[coefficient]).abs() < 4.0 * error,
            "{mean} {expected:?} {error}"
        );
        let ratio = spread / variances[coefficient];
        assert!(
            (ratio - 1.0).abs() < 5.0 * (2.0 / size).sqrt(),
            "{ratio}, {size} draws"
        );
    }
}

/// What is kept up to date from sweep to sweep is what would be found anew.
#[test]
fn residuals_sums_and_counts_are_those_of_the_trees() {
    let case = Case::new(60, 7);
    let targets: Vec<f64> = (0..60).map(|row| (row as f64 * 0.37).sin() * 2.0).collect();
    let rows = case.rows(targets.clone(), true);
    let mut chain = Chain::new(&rows, settings(4, 0.9), ChaCha8Rng::seed_from_u64(8));
    for _ in 0..300 {
        chain.sweep();
    }
    let mut fitted: Vec<f64> = (0..60).map(|row| chain.group_effects[row % 3]).collect();
    for (coefficient, ensemble) in chain.ensembles.iter().enumerate() {
        let mut weights = SplitWeights::new(2, WIDTHS.len());
        let mut values = vec![chain.constants[coefficient]; 60];
        for tree in ensemble.trees() {
            for &leaf in tree.leaves() {
                for (value, share) in values.iter_mut().zip(share(tree, leaf, &case)) {
                    *value += f64::from(share) * tree.node(leaf).value;
                }
            }
            add_splits(tree, ROOT, &mut weights);
        }
        for category in 0..2 {
            let counted = ensemble.weights.variables.count(category);
            assert_eq!(weights.variables.count(category), counted);
        }
        for width in 0..WIDTHS.len() {
            assert_eq!(
                weights.widths.count(width),
                ensemble.weights.widths.count(width)
            );
        }
        assert!(ensemble.bookkeeping_error(&chain.working.squares[coefficient]) < 1e-4);
        let terms = fitted.iter_mut().zip(&case.features[coefficient]);
        for ((fitted, x), value) in terms.zip(values) {
            *fitted += x * value;
        }
    }
    for row in 0..60 {
        let expected = case.weights[row].sqrt() * (targets[row] - fitted[row]);
        let found = chain.working.residual[row];
        assert!(
            (found - expected).abs() < 1e-4,
            "row {row}: {found} instead of {expected}"
        );
    }
}

fn add_splits(tree: &Tree, node: NodeId, weights: &mut SplitWeights) {
    if let Some(split) = &tree.node(node).split {
        weights.add(split);
        for child in tree.node(node).children {
            add_splits(tree, child, weights);
        }
    }
}

/// A new value between two that were observed has a rank between theirs, and splits are as sharp as they can be.
#[test]
fn ranks_of_new_values() {
    let contexts = array![[1.0], [3.0], [3.0], [7.0]];
    let ones = Array2::ones((4, 1));
    let samples = Samples::new(contexts.view(), ones.view(), ones.view()).unwrap();
    let codes = ContextCodes::observed(&samples);
    assert_eq!(codes.of_observed(samples.contexts()), [[0, 1, 1, 2]]);
    let new = array![[0.0], [1.0], [2.0], [3.0], [5.0], [7.0], [9.0]];
    assert_eq!(
        codes.positions(new.view()),
        [[-0.5, 0.0, 0.5, 1.0, 1.5, 2.0, 2.5]]
    );
}

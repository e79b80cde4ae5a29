//! Weights of contexts that repeat, put together.

use crate::kernel::{KernelShape, Term};
use ndarray::{Array2, ArrayView1, ArrayView2, Axis};
use std::collections::{BTreeSet, HashMap};

/// The contexts of a sum as one term sees them.
///
/// The term may be a product `k(c, c') = g(l, l') h(r, r')` of a function of some columns, l, and one of
/// the others, r. Contexts that are each of a few l with each of many r, such as a grid over rows, then
/// ask for two small tables of covariances instead of a large one. Columns the term does not have do
/// not tell contexts apart.
pub(super) struct Folded {
    /// Which of the term's inverse length scales are of l; none if there is no product.
    on_left: Vec<bool>,
    /// Distinct l, in rows of all columns.
    pub(super) left: Array2<f64>,
    /// Distinct r, in rows of all columns.
    pub(super) right: Array2<f64>,
    /// Of every coefficient, or one for all.
    pub(super) pieces: Vec<Pieces>,
}

/// The weights of one coefficient: for each sum and l that has any, those of all r.
pub(super) struct Pieces {
    /// The sum and the l.
    pub(super) of: Vec<(usize, usize)>,
    pub(super) weights: Array2<f64>,
}

impl Folded {
    /// With the weights of the sums (s × q), a table for each coefficient or one for all.
    pub(super) fn new(term: &Term, contexts: ArrayView2<'_, f64>, sums: &[Array2<f64>]) -> Self {
        let columns: BTreeSet<usize> = term.columns().into_iter().collect();
        let sets = independent_sets(term);
        let mut candidates = vec![BTreeSet::new()];
        if sets.len() > 1 {
            candidates.extend(sets);
        }
        let mut best: Option<(f64, Split)> = None;
        for left in candidates {
            let split = Split::new(contexts, &left, &columns);
            let cost = split.cost(sums);
            if best.as_ref().is_none_or(|(least, _)| cost < *least) {
                best = Some((cost, split));
            }
        }
        let (_, split) = best.expect("there is always the candidate without a product");
        let inverse_length_scales = term.factors.iter().flat_map(|factor| &factor.columns);
        Self {
            on_left: inverse_length_scales
                .map(|k| split.columns.contains(k))
                .collect(),
            left: contexts.select(Axis(0), &split.left.first),
            right: contexts.select(Axis(0), &split.right.first),
            pieces: sums
                .iter()
                .map(|weights| split.pieces(weights.view()))
                .collect(),
        }
    }

    pub(super) fn is_product(&self) -> bool {
        self.on_left.contains(&true)
    }

    /// The squared inverse length scales with which the term is the function of l: no others.
    pub(super) fn left_squares(&self, squares: &[f64]) -> Vec<f64> {
        self.squares(squares, true)
    }

    /// The squared inverse length scales with which the term is the function of r.
    pub(super) fn right_squares(&self, squares: &[f64]) -> Vec<f64> {
        self.squares(squares, false)
    }

    fn squares(&self, squares: &[f64], left: bool) -> Vec<f64> {
        let own = self.on_left.iter().zip(squares);
        own.map(|(is_left, square)| if *is_left == left { *square } else { 0.0 })
            .collect()
    }
}

/// Sets of columns such that the term is a product of functions of each, which are one where the
/// inverse length scales of the set are zero.
fn independent_sets(term: &Term) -> Vec<BTreeSet<usize>> {
    let columns: BTreeSet<usize> = term.columns().into_iter().collect();
    let mut sets: Vec<BTreeSet<usize>> = columns.iter().map(|&k| BTreeSet::from([k])).collect();
    for factor in &term.factors {
        let together = match factor.family {
            // Exponentials of sums.
            KernelShape::SquaredExponential
            | KernelShape::Periodic { .. }
            | KernelShape::Categorical => continue,
            KernelShape::Matern32 | KernelShape::Matern52 | KernelShape::Polynomial { .. } => {
                &factor.columns
            }
            // Zero without inverse length scales.
            KernelShape::Linear => return vec![columns],
        };
        let (joined, mut apart): (Vec<_>, Vec<_>) = sets
            .into_iter()
            .partition(|set| together.iter().any(|k| set.contains(k)));
        apart.push(joined.into_iter().flatten().collect());
        sets = apart;
    }
    sets
}

/// Contexts by the values of some columns.
struct Distinct {
    /// The first context of each kind.
    first: Vec<usize>,
    /// The kind of each context.
    kinds: Vec<usize>,
}

impl Distinct {
    fn new(contexts: ArrayView2<'_, f64>, columns: &BTreeSet<usize>) -> Self {
        let mut known: HashMap<Vec<u64>, usize> = HashMap::new();
        let mut first = Vec::new();
        let kind = |(row, context): (usize, ArrayView1<'_, f64>)| {
            let key: Vec<u64> = columns.iter().map(|&k| context[k].to_bits()).collect();
            *known.entry(key).or_insert_with(|| {
                first.push(row);
                first.len() - 1
            })
        };
        let kinds = contexts.rows().into_iter().enumerate().map(kind).collect();
        Self { first, kinds }
    }
}

struct Split {
    columns: BTreeSet<usize>,
    left: Distinct,
    right: Distinct,
}

impl Split {
    fn new(
        contexts: ArrayView2<'_, f64>,
        left: &BTreeSet<usize>,
        columns: &BTreeSet<usize>,
    ) -> Self {
        Self {
            left: Distinct::new(contexts, left),
            right: Distinct::new(contexts, &(columns - left)),
            columns: left.clone(),
        }
    }

    /// Time for the covariances, each worth some products with weights.
    fn cost(&self, sums: &[Array2<f64>]) -> f64 {
        const COVARIANCE: f64 = 16.0;
        let (left, right) = (self.left.first.len() as f64, self.right.first.len() as f64);
        let pieces: usize = sums
            .iter()
            .map(|weights| self.places(weights.view()).0.len())
            .sum();
        right * (COVARIANCE * (left + right) + pieces as f64 * right)
    }

    /// Each sum and l that has a weight, and where in this list it stands (s × l).
    fn places(&self, weights: ArrayView2<'_, f64>) -> (Vec<(usize, usize)>, Array2<usize>) {
        let mut of = Vec::new();
        let mut places = Array2::from_elem((weights.nrows(), self.left.first.len()), usize::MAX);
        for (sum, line) in weights.rows().into_iter().enumerate() {
            for (weight, &left) in line.iter().zip(&self.left.kinds) {
                if *weight != 0.0 && places[[sum, left]] == usize::MAX {
                    places[[sum, left]] = of.len();
                    of.push((sum, left));
                }
            }
        }
        (of, places)
    }

    fn pieces(&self, weights: ArrayView2<'_, f64>) -> Pieces {
        let (of, places) = self.places(weights);
        let mut table = Array2::zeros((of.len(), self.right.first.len()));
        for ((sum, context), &weight) in weights.indexed_iter() {
            if weight != 0.0 {
                let place = places[[sum, self.left.kinds[context]]];
                table[[place, self.right.kinds[context]]] += weight;
            }
        }
        Pieces { of, weights: table }
    }
}

//! Random terms by grouping factor, in units in which they are of the size of the noise.

use contextualized_core::{Error, RandomTerm, Result};
use contextualized_solvers::cholesky_with_limit;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, s};
use serde::{Deserialize, Serialize};

/// Effects of one term among those of its factor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Block {
    /// Which of the samples' terms it is.
    pub(crate) term: usize,
    pub(crate) start: usize,
    pub(crate) effects: usize,
    pub(crate) correlated: bool,
}

/// All terms of one grouping factor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Factor {
    pub(crate) blocks: Vec<Block>,
    pub(crate) level_count: usize,
    /// What turns effects of standardised columns into those of the columns themselves (q × q): b = U b̃.
    pub(crate) units: Array2<f64>,
}

impl Factor {
    /// Effects of a level.
    pub(crate) fn effects(&self) -> usize {
        self.units.nrows()
    }

    /// Numbers that determine the root of the effects' covariance.
    pub(crate) fn parameters(&self) -> usize {
        self.blocks.iter().map(Block::parameters).sum()
    }

    /// The root Λ (q × q), lower triangular, of so many numbers: the covariance is Λ Λᵀ.
    pub(crate) fn root(&self, parameters: &[f64]) -> Array2<f64> {
        let mut root = Array2::zeros(self.units.dim());
        for ((row, column), value) in self.entries().zip(parameters) {
            root[[row, column]] = *value;
        }
        root
    }

    /// Entries of the root that are numbers of their own, in order.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        self.blocks.iter().flat_map(|block| {
            let range = block.start..block.start + block.effects;
            let correlated = block.correlated;
            let end = range.end;
            range.flat_map(move |column| {
                let last = if correlated { end } else { column + 1 };
                (column..last).map(move |row| (row, column))
            })
        })
    }

    /// Columns of all effects (n × q), standardised.
    pub(crate) fn design(&self, terms: &[RandomTerm]) -> Array2<f64> {
        let rows = terms[self.blocks[0].term].rows();
        let mut design = Array2::zeros((rows, self.effects()));
        for block in &self.blocks {
            let own = s![.., block.start..block.start + block.effects];
            design.slice_mut(own).assign(&terms[block.term].design());
        }
        design.dot(&self.units)
    }

    /// Levels of rows; none where a level was not fitted.
    pub(crate) fn levels<'t>(&self, terms: &'t [RandomTerm]) -> &'t [Option<usize>] {
        terms[self.blocks[0].term].levels()
    }

    /// The covariance of the effects of a block in the users' units, of its root in units of the noise.
    pub(crate) fn covariance(&self, root: &Array2<f64>, noise: f64, block: &Block) -> Array2<f64> {
        let range = block.start..block.start + block.effects;
        let own = self.units.dot(root);
        let own = own.slice(s![range, ..]);
        own.dot(&own.t()) * noise
    }
}

impl Block {
    fn parameters(&self) -> usize {
        if self.correlated {
            self.effects * (self.effects + 1) / 2
        } else {
            self.effects
        }
    }
}

/// Factors, that of the most levels first.
pub(crate) fn factors(
    terms: &[RandomTerm],
    weights: Option<ArrayView1<'_, f64>>,
) -> Result<Vec<Factor>> {
    let mut factors: Vec<Factor> = Vec::new();
    for (position, term) in terms.iter().enumerate() {
        if let Some(row) = term.levels().iter().position(Option::is_none) {
            return Err(Error::invalid_parameter(
                "level of a random term",
                format!("that of {} in row {}", term.group(), row + 1),
                "known in every row that is fitted",
            ));
        }
        let effects = term.effects();
        let of_same = |factor: &&mut Factor| {
            let other = &terms[factor.blocks[0].term];
            other.group() == term.group() && other.levels() == term.levels()
        };
        let mut block = Block {
            term: position,
            start: 0,
            effects,
            correlated: term.is_correlated(),
        };
        match factors.iter_mut().find(of_same) {
            Some(factor) => {
                block.start = factor.effects();
                factor.units = Array2::zeros((block.start + effects, block.start + effects));
                factor.blocks.push(block);
            }
            None => factors.push(Factor {
                blocks: vec![block],
                level_count: term.level_count(),
                units: Array2::zeros((effects, effects)),
            }),
        }
    }
    for factor in &mut factors {
        for block in &factor.blocks {
            let own = block.start..block.start + block.effects;
            let units = units(terms[block.term].design(), weights, block.correlated);
            factor.units.slice_mut(s![own.clone(), own]).assign(&units);
        }
    }
    factors.sort_by_key(|factor| std::cmp::Reverse(factor.level_count));
    Ok(factors)
}

/// What columns are multiplied by so that their mean products are the identity or, of effects that are independent
/// of each other or depend linearly on each other, their mean squares one.
fn units(
    design: ArrayView2<'_, f64>,
    weights: Option<ArrayView1<'_, f64>>,
    correlated: bool,
) -> Array2<f64> {
    let weighted = match weights {
        Some(weights) => &design * &weights.insert_axis(Axis(1)),
        None => design.to_owned(),
    };
    let products = weighted.t().dot(&design) / design.nrows() as f64;
    let scales: Array1<f64> = products.diag().mapv(|square| {
        if square > 0.0 {
            square.sqrt().recip()
        } else {
            1.0
        }
    });
    let separate = Array2::from_diag(&scales);
    if !correlated {
        return separate;
    }
    let scaled = separate.dot(&products).dot(&separate);
    // Independent up to rounding by far.
    const LEAST_PIVOT: f64 = 1e-5;
    match cholesky_with_limit(scaled.view(), 0.0) {
        Ok(factor) if factor.lower().diag().iter().all(|own| *own > LEAST_PIVOT) => {
            match factor.solve_lower(Array2::eye(scaled.nrows()).view()) {
                Ok(inverse) => separate.dot(&inverse.t()),
                Err(_) => separate,
            }
        }
        Ok(_) | Err(_) => separate,
    }
}

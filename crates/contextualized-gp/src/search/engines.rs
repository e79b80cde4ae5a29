//! Which engine some rows are given: all rows kept, a basis, or levels that are eliminated.

use super::SEARCH;
use crate::basis::{Basis, Pivots};
use crate::constants::ConstantPrior;
use crate::engine::{Engine, Part};
use crate::exact::Exact;
use crate::hyperparameters::Hyperparameters;
use crate::kernel::Term;
use crate::levels::{Factor, Levels};
use crate::low_rank::LowRank;
use crate::observations::{Observations, OwnedObservations};
use crate::process::{CoefficientProcess, Size};
use contextualized_core::Result;
use ndarray::{Array2, Axis};
use rand::SeedableRng;
use rand::seq::index::sample;
use rand_chacha::ChaCha8Rng;
use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

impl CoefficientProcess {
    pub(super) fn exact_rows(&self) -> usize {
        match self.settings.size {
            Size::Exact => usize::MAX,
            Size::Auto | Size::LowRank { .. } if self.family.is_quadratic() => Self::EXACT_ROWS,
            Size::Auto | Size::LowRank { .. } => Self::EXACT_LAPLACE_ROWS,
        }
    }

    /// All rows kept.
    pub(super) fn exact(&self, rows: Observations<'_>) -> Result<Engine> {
        self.engine_of(rows, |rows| {
            let exact = Exact::new(self.kernel.clone(), self.family, rows)?;
            Ok(Part::Exact(Arc::new(exact)))
        })
    }

    /// An engine of one part for all targets or, unless the likelihood is quadratic, of one for each.
    fn engine_of(
        &self,
        rows: Observations<'_>,
        part: impl Fn(Observations<'_>) -> Result<Part>,
    ) -> Result<Engine> {
        let parts = if self.family.is_quadratic() {
            vec![part(rows)?]
        } else {
            let targets = 0..rows.targets.ncols();
            let parts = targets.map(|target| part(rows.target(target)));
            parts.collect::<Result<_>>()?
        };
        Ok(Engine::new(parts).with_monitor(rows.monitor))
    }

    /// The engine for all rows at once where every context is a factor: a basis that is complete need not be made
    /// for hyperparameters found on fewer rows, and an evaluation costs less than theirs.
    pub(super) fn of_factors_alone(&self, rows: Observations<'_>) -> Result<Option<Engine>> {
        let numeric = self.kernel.are_categorical().contains(&false);
        if numeric || !self.family.is_quadratic() || self.settings.size != Size::Auto {
            return Ok(None);
        }
        let starts = self.starts(rows).shared;
        let Some(start) = starts.first() else {
            return Ok(None);
        };
        let engine = self.engine_for(rows, &start.hyper)?;
        let complete = engine
            .left_out()
            .is_some_and(|left| left <= SEARCH.rounding);
        Ok((complete && engine.size() <= SEARCH.curvature_size).then_some(engine))
    }

    /// The factor whose levels are eliminated, if there is one.
    fn factor(&self, rows: Observations<'_>) -> Option<Factor> {
        (self.settings.size == Size::Auto)
            .then(|| Factor::leading(&self.kernel, rows.contexts))
            .flatten()
    }

    /// The engine for these rows, its basis, if it has one, made for these hyperparameters.
    pub(crate) fn engine_for(
        &self,
        rows: Observations<'_>,
        hyper: &Hyperparameters,
    ) -> Result<Engine> {
        let count = rows.rows();
        let exact_allowed = self.settings.size == Size::Auto && count <= self.exact_rows();
        let factor = self.factor(rows);
        let blocks = rows.design.ncols() * self.kernel.terms.len();
        let (tolerance, limit) = match self.settings.size {
            Size::Exact => return self.exact(rows),
            Size::LowRank { functions } => (SEARCH.rounding, functions),
            Size::Auto if exact_allowed => (SEARCH.rounding, count / 3 / blocks),
            Size::Auto => {
                let weights = match &factor {
                    Some(factor) => most_weights_of_levels(factor, rows),
                    None => SEARCH.max_weights,
                };
                (
                    SEARCH.mean_residual,
                    (weights / blocks).max(SEARCH.min_functions),
                )
            }
        };
        let small = count <= SEARCH.small_rows || !self.family.is_quadratic();
        if exact_allowed && (limit == 0 || small) {
            return self.exact(rows);
        }
        let candidates = self.candidates(rows, factor.as_ref());
        let choose = |squares: &[f64], pivots| {
            let contexts = candidates.view();
            Basis::choose(&self.kernel, squares, contexts, tolerance, limit, pivots)
        };
        // The levels of the factor are told apart by the engine.
        let reference = |least: f64| {
            let squares = reference(hyper, least);
            match &factor {
                Some(factor) => factor.rest_of_squares(squares),
                None => squares,
            }
        };
        let mut squares = reference(SEARCH.active_inverse_length_scale);
        let basis = if tolerance == SEARCH.rounding {
            // Intervals ask for rougher functions than those found, if they have room.
            let rough = reference(SEARCH.rough_inverse_length_scale);
            let rough = exact_allowed.then(|| choose(&rough, Pivots::Largest));
            rough
                .filter(|rough| rough.residual() <= tolerance)
                .unwrap_or_else(|| choose(&squares, Pivots::Largest))
        } else {
            let own = choose(&squares, Pivots::Random);
            let smoother = |_| {
                let smoother = |square: &mut f64| *square *= SEARCH.smoothing;
                squares.iter_mut().for_each(smoother);
                choose(&squares, Pivots::Random)
            };
            // If a term is no simpler at any scale, as a trend in many contexts, all keep what there is room for.
            let small = |basis: &Basis| basis.residual() <= SEARCH.max_residual;
            let steps = (0..SEARCH.most_smoothings).map(smoother);
            if small(&own) {
                own
            } else {
                steps.into_iter().find(small).unwrap_or(own)
            }
        };
        if exact_allowed && basis.residual() > tolerance {
            return self.exact(rows);
        }
        let (family, basis) = (self.family, &basis);
        self.engine_of(rows, |rows| {
            let constants = || ConstantPrior::of(family, rows);
            let basis = basis.clone();
            Ok(match (&factor, family.is_quadratic()) {
                (None, true) => {
                    let sums = LowRank::gather(basis, constants()?, rows)?;
                    Part::LowRank(Arc::new(sums))
                }
                (None, false) => {
                    let sums = LowRank::at_mode(&basis, family, rows, hyper)?;
                    Part::LowRank(Arc::new(sums))
                }
                (Some(factor), true) => {
                    let levels = Levels::gather(factor.clone(), basis, constants()?, rows)?;
                    Part::Levels(Arc::new(levels))
                }
                (Some(factor), false) => {
                    let levels = Levels::at_mode(factor, &basis, family, rows, hyper)?;
                    Part::Levels(Arc::new(levels))
                }
            })
        })
    }

    /// Contexts among which inducing ones are chosen: those of rows drawn at random or, where the levels of a factor
    /// are eliminated, those that differ in another column of the kernel.
    fn candidates(&self, rows: Observations<'_>, factor: Option<&Factor>) -> Array2<f64> {
        let Some(factor) = factor else {
            let some = subset(rows, SEARCH.candidates);
            return some.rows().contexts.to_owned();
        };
        let columns = self.kernel.terms.iter().flat_map(Term::columns);
        let columns: BTreeSet<usize> = columns.filter(|own| *own != factor.column).collect();
        let mut known = HashSet::new();
        let contexts = rows.contexts.rows().into_iter().enumerate();
        let distinct = contexts.filter(|(_, own)| {
            let key: Vec<u64> = columns.iter().map(|&k| own[k].to_bits()).collect();
            known.insert(key)
        });
        let distinct: Vec<usize> = distinct.map(|(row, _)| row).collect();
        rows.contexts
            .select(Axis(0), &drawn(&distinct, SEARCH.candidates))
    }

    /// So many of the rows, drawn at random and the same each time, in their order: of a factor with many levels all
    /// rows of some of these, which say how alike rows of a level are.
    pub(super) fn subset(&self, rows: Observations<'_>, count: usize) -> OwnedObservations {
        let factor = Factor::leading(&self.kernel, rows.contexts);
        let few = factor.and_then(|factor| {
            let each = (rows.rows() / factor.levels()).clamp(1, SEARCH.rows_of_level);
            let wanted = count.div_ceil(each);
            (wanted < factor.levels()).then(|| {
                let all: Vec<usize> = (0..factor.levels()).collect();
                let chosen: HashSet<usize> = drawn(&all, wanted).into_iter().collect();
                let codes = rows.contexts.column(factor.column);
                let own = codes.iter().enumerate().filter(|(_, code)| {
                    let level = factor.level(**code);
                    level.is_some_and(|level| chosen.contains(&level))
                });
                own.map(|(row, _)| row).collect::<Vec<usize>>()
            })
        });
        match few {
            // Where a few levels have most rows, others have next to none.
            Some(few) if 2 * few.len() >= count => rows.select(&drawn(&few, count)),
            Some(_) | None => subset(rows, count),
        }
    }
}

/// Squares of the inverse length scales a basis is made for: those of the roughest coefficient and more, and at
/// least these.
pub(super) fn reference(hyper: &Hyperparameters, least: f64) -> Vec<f64> {
    hyper
        .inverse_length_scales
        .map_axis(Axis(0), |column| {
            column.iter().fold(0.0, |most: f64, &r| r.max(most))
        })
        .mapv(|r| (SEARCH.roughness * r.max(least)).powi(2))
        .to_vec()
}

/// The most weights that levels may have in common, each having as many rows or weights of its own, so that an
/// evaluation takes no longer than one without levels.
fn most_weights_of_levels(factor: &Factor, rows: Observations<'_>) -> usize {
    let counts = factor.counts(rows.contexts);
    let most = (SEARCH.max_weights as f64).powi(3);
    let time = |weights: usize| {
        let of_level = |count: &usize| (weights.min(*count) * weights * weights) as f64;
        counts.iter().map(of_level).sum::<f64>()
    };
    // The time rises with the weights.
    let (mut least, mut beyond) = (1, SEARCH.max_weights + 1);
    while beyond - least > 1 {
        let middle = (least + beyond) / 2;
        if time(middle) <= most {
            least = middle;
        } else {
            beyond = middle;
        }
    }
    least
}

/// So many of the rows, drawn at random and the same each time, in their order.
fn subset(rows: Observations<'_>, count: usize) -> OwnedObservations {
    let all: Vec<usize> = (0..rows.rows()).collect();
    rows.select(&drawn(&all, count))
}

/// So many of these, drawn at random and the same each time, in their order.
fn drawn(all: &[usize], count: usize) -> Vec<usize> {
    if count >= all.len() {
        return all.to_vec();
    }
    let mut generator = ChaCha8Rng::seed_from_u64(0);
    let mut places = sample(&mut generator, all.len(), count).into_vec();
    places.sort_unstable();
    places.into_iter().map(|place| all[place]).collect()
}

//! The search for hyperparameters, from few rows to all.

use crate::basis::{Basis, Pivots};
use crate::engine::Engine;
use crate::exact::Exact;
use crate::hyperparameters::{Hyperparameters, Layout};
use crate::low_rank::{LowRank, Rows};
use crate::optimise::{Optimum, Posterior, SMALLEST, axes_of, information, maximize};
use crate::priors::Priors;
use crate::process::{CoefficientProcess, Likelihood, Sharing, Size};
use contextualized_core::{Error, Result};
use ndarray::{Array1, Array2, Axis};
use rand::SeedableRng;
use rand::seq::index::sample;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

impl CoefficientProcess {
    /// From few rows to all: each stage starts where the one before ended, and takes its first steps
    /// by the curvature found there.
    pub(crate) fn search(&self, rows: Rows<'_>) -> Result<Found> {
        let count = rows.contexts.nrows();
        let pilot_rows = match self.likelihood {
            Likelihood::Gaussian => PILOT_ROWS,
            Likelihood::Bernoulli => self.exact_rows(),
        };
        if count <= pilot_rows && !matches!(self.size, Size::LowRank { .. }) {
            let engine = Engine::Exact(Box::new(self.exact(rows)));
            return Ok(self.choose(engine, self.starts(rows))?.chosen());
        }
        let subset = Subset::draw(rows, pilot_rows);
        let pilot = Engine::Exact(Box::new(self.exact(subset.rows())));
        let mut found = self.choose(pilot, self.starts(rows))?;
        if self.likelihood == Likelihood::Bernoulli {
            let mut found = found.chosen();
            found.engine = self.engine_for(rows, &found.hyper)?;
            return Ok(found);
        }
        for (stage, least) in STAGES {
            if count > least {
                let subset = Subset::draw(rows, stage);
                let engine = self.engine_for(subset.rows(), found.hyper())?;
                let starts = self.and_cold(found.starts()?, &engine, rows);
                found = self.choose(engine, starts)?;
            }
        }
        // A basis made for smoother functions than the rows turn out to show is made again, unless it
        // was as large as it may be.
        for _ in 0..MAX_REBUILDS {
            let engine = self.engine_for(rows, found.hyper())?;
            let reference = reference(found.hyper());
            let starts = self.and_cold(found.starts()?, &engine, rows);
            found = self.choose(engine, starts)?;
            let rougher = found
                .hyper()
                .inverse_length_scales
                .rows()
                .into_iter()
                .any(|set| set.iter().zip(&reference).any(|(r, most)| r * r > *most));
            if found.engine.residual() > RESIDUAL || !rougher {
                break;
            }
        }
        Ok(found.chosen())
    }

    /// Where evaluations cost little, the starts of the first stage once more: it may have ended in
    /// the wrong place.
    fn and_cold(&self, mut starts: Starts, engine: &Engine, rows: Rows<'_>) -> Starts {
        if matches!(engine, Engine::LowRank(_))
            && engine.size() <= CHEAP
            && !starts.shared.is_empty()
        {
            starts.shared.extend(self.starts(rows).shared);
        }
        starts
    }

    fn exact_rows(&self) -> usize {
        match (self.size, self.likelihood) {
            (Size::Exact, _) => usize::MAX,
            (_, Likelihood::Gaussian) => Self::EXACT_ROWS,
            (_, Likelihood::Bernoulli) => Self::EXACT_BINARY_ROWS,
        }
    }

    fn exact(&self, rows: Rows<'_>) -> Exact {
        Exact::new(
            self.kernel.clone(),
            self.likelihood,
            self.priors.constant,
            rows.contexts,
            rows.design,
            rows.targets,
            rows.weights,
        )
    }

    /// The engine for these rows, its basis, if it has one, made for these hyperparameters.
    pub(crate) fn engine_for(&self, rows: Rows<'_>, hyper: &Hyperparameters) -> Result<Engine> {
        let count = rows.contexts.nrows();
        let exact_allowed = count <= self.exact_rows();
        let most = MOST_WEIGHTS / rows.design.ncols() / self.kernel.terms.len();
        let (tolerance, limit) = match self.size {
            Size::Exact => return Ok(Engine::Exact(Box::new(self.exact(rows)))),
            Size::LowRank { functions } => (ROUNDING, functions),
            Size::Auto if exact_allowed => (
                ROUNDING,
                count / 3 / rows.design.ncols() / self.kernel.terms.len(),
            ),
            Size::Auto => (RESIDUAL, most.max(FEWEST_FUNCTIONS)),
        };
        if exact_allowed
            && (limit == 0 || self.likelihood == Likelihood::Bernoulli)
            && self.size == Size::Auto
        {
            return Ok(Engine::Exact(Box::new(self.exact(rows))));
        }
        let candidates = Subset::draw(rows, CANDIDATES);
        let choose = |squares: &[f64], pivots| {
            let contexts = candidates.rows().contexts;
            Basis::choose(&self.kernel, squares, contexts, tolerance, limit, pivots)
        };
        let mut squares = reference(hyper);
        let basis = if tolerance == ROUNDING {
            choose(&squares, Pivots::Largest)
        } else {
            loop {
                let basis = choose(&squares, Pivots::Random);
                if basis.residual() <= TOO_ROUGH {
                    break basis;
                }
                squares.iter_mut().for_each(|square| *square *= SMOOTHER);
            }
        };
        if exact_allowed && self.size == Size::Auto && basis.residual() > tolerance {
            return Ok(Engine::Exact(Box::new(self.exact(rows))));
        }
        let constant = self.priors.constant;
        Ok(Engine::LowRank(match self.likelihood {
            Likelihood::Gaussian => vec![LowRank::gather(basis, constant, rows)?],
            Likelihood::Bernoulli => LowRank::at_modes(&basis, constant, rows, hyper)?,
        }))
    }

    /// The best optimum from these starts, inverse length scales shared, own, or both to choose from, as the
    /// settings say.
    fn choose(&self, engine: Engine, starts: Starts) -> Result<Optima> {
        let coefficients = engine.coefficients();
        let (want_shared, want_own) = match self.sharing {
            _ if coefficients == 1 => (true, false),
            Sharing::Shared => (true, false),
            Sharing::PerCoefficient => (false, true),
            // Own inverse length scales that were preferred on many rows are so on more.
            Sharing::Auto => (!starts.shared.is_empty(), true),
        };
        let shared = || {
            if want_shared {
                self.best_of(&engine, 1, &starts.shared).map(Some)
            } else {
                Ok(None)
            }
        };
        let own = |starts: &[Start]| {
            if want_own {
                self.best_of(&engine, coefficients, starts).map(Some)
            } else {
                Ok(None)
            }
        };
        let (shared, own) = if !starts.own.is_empty() {
            let (shared, own) = rayon::join(shared, || own(&starts.own));
            (shared?, own?)
        } else {
            let shared = shared()?;
            let from = match &shared {
                Some(shared) => vec![shared.hyper.clone()],
                None => starts
                    .shared
                    .iter()
                    .map(|start| start.hyper.clone())
                    .collect(),
            };
            let from: Vec<_> = from
                .into_iter()
                .map(|hyper| Start {
                    hyper: lifted(hyper.with_own_inverse_length_scales()),
                    curvature: None,
                })
                .collect();
            let own = own(&from)?;
            (shared, own)
        };
        let prefer_own = match (&shared, &own) {
            (Some(shared), Some(own)) => {
                let added = self.active(&own.hyper) as f64 - self.active(&shared.hyper) as f64;
                own.evidence - shared.evidence > GAIN * added.max(1.0)
            }
            (_, own) => own.is_some(),
        };
        let (chosen, other) = if prefer_own {
            (own, shared)
        } else {
            (shared, own)
        };
        let chosen = chosen.ok_or_else(|| Error::invalid_parameter("starts", 0, "1 or more"))?;
        Ok(Optima {
            engine,
            priors: self.priors,
            chosen,
            other,
        })
    }

    /// The best optimum from these starts.
    fn best_of(&self, engine: &Engine, sets: usize, starts: &[Start]) -> Result<Best> {
        let evidence = engine.evidence();
        let layout = self.layout(engine, sets);
        let density = Posterior {
            evidence,
            priors: &self.priors,
            layout,
            of_logs: false,
        };
        let optima = starts
            .par_iter()
            .map(|start| {
                let logs = layout.logs(&start.hyper, SMALLEST);
                let axes = match &start.curvature {
                    Some(curvature) => Some(curvature.axes(evidence.rows())?),
                    None => None,
                };
                let axes = axes.as_ref();
                maximize(&density, logs, axes, self.tolerance, self.max_iterations)
            })
            .collect::<Result<Vec<_>>>()?;
        let iterations = optima.iter().map(|optimum| optimum.iterations).sum();
        let best = optima
            .into_iter()
            .reduce(|best, next| {
                if next.log_density > best.log_density {
                    next
                } else {
                    best
                }
            })
            .ok_or_else(|| Error::invalid_parameter("starts", 0, "1 or more"))?;
        let prior = self.priors.log_density(&layout, &best.logs, false).0;
        Ok(Best {
            hyper: layout.hyperparameters(&best.logs, evidence.targets()),
            layout,
            evidence: best.log_density - prior,
            optimum: Optimum { iterations, ..best },
            curvature: starts.first().and_then(|start| start.curvature.clone()),
        })
    }

    /// VariationsExplained that change anything: those of a coefficient that varies, and not next to zero.
    fn active(&self, hyper: &Hyperparameters) -> usize {
        let mut count = 0;
        for (index, (_, range)) in self.kernel.with_ranges().enumerate() {
            for (set, inverse_length_scales) in
                hyper.inverse_length_scales.rows().into_iter().enumerate()
            {
                let varies = hyper
                    .amplitudes
                    .column(index)
                    .iter()
                    .enumerate()
                    .any(|(j, &s)| hyper.set_of(j) == set && s > ACTIVE_AMPLITUDE);
                if varies {
                    let inverse_length_scales =
                        inverse_length_scales.slice(ndarray::s![range.clone()]);
                    count += inverse_length_scales
                        .iter()
                        .filter(|r| **r > ACTIVE_INVERSE_LENGTH_SCALE)
                        .count();
                }
            }
        }
        count
    }

    /// Coefficients that vary, and next to none that do.
    fn starts(&self, rows: Rows<'_>) -> Starts {
        let terms = self.kernel.terms.len();
        let start = |inverse_length_scale: f64, amplitude: f64, noise: f64| Hyperparameters {
            inverse_length_scales: Array2::from_elem(
                (1, self.kernel.inverse_length_scales()),
                inverse_length_scale,
            ),
            amplitudes: Array2::from_elem(
                (rows.design.ncols(), terms),
                amplitude / (terms as f64).sqrt(),
            ),
            noise: match self.likelihood {
                Likelihood::Gaussian => noise,
                Likelihood::Bernoulli => 1.0,
            },
            scales: Array1::ones(rows.targets.ncols()),
        };
        let shared = [start(0.5, 0.5, 0.5), start(0.5, 0.05, 0.5)];
        Starts {
            shared: shared
                .map(|hyper| Start {
                    hyper,
                    curvature: None,
                })
                .into(),
            own: Vec::new(),
        }
    }
}

/// Away from zero, where there is no slope to climb.
fn lifted(mut hyper: Hyperparameters) -> Hyperparameters {
    hyper.amplitudes.mapv_inplace(|s| s.max(ACTIVE_AMPLITUDE));
    hyper
        .inverse_length_scales
        .mapv_inplace(|r| r.max(ACTIVE_INVERSE_LENGTH_SCALE));
    hyper
}

/// Where searches begin, with inverse length scales shared and with own ones.
struct Starts {
    shared: Vec<Start>,
    own: Vec<Start>,
}

/// Where one search begins, and what is known of the density there.
struct Start {
    hyper: Hyperparameters,
    curvature: Option<Curvature>,
}

/// The information in so many rows about the logarithms of hyperparameters.
#[derive(Clone)]
struct Curvature {
    rows: usize,
    information: Array2<f64>,
}

impl Curvature {
    /// Axes of the first steps with other rows: the information grows with their number.
    fn axes(&self, rows: usize) -> Result<Array2<f64>> {
        axes_of(&self.information, rows as f64 / self.rows as f64)
    }
}

/// The optimum of shared inverse length scales or of own ones.
struct Best {
    layout: Layout,
    hyper: Hyperparameters,
    /// Logarithm of the marginal likelihood.
    evidence: f64,
    optimum: Optimum,
    /// That of an earlier stage.
    curvature: Option<Curvature>,
}

/// The optimum that was chosen and, of two, the other.
struct Optima {
    engine: Engine,
    priors: Priors,
    chosen: Best,
    other: Option<Best>,
}

impl Optima {
    fn hyper(&self) -> &Hyperparameters {
        &self.chosen.hyper
    }

    fn chosen(self) -> Found {
        Found {
            engine: self.engine,
            layout: self.chosen.layout,
            hyper: self.chosen.hyper,
            optimum: self.chosen.optimum,
        }
    }

    /// Starts for a fit of more rows, with the curvature here if it is cheaply had.
    fn starts(&self) -> Result<Starts> {
        let evidence = self.engine.evidence();
        let mut starts = Starts {
            shared: Vec::new(),
            own: Vec::new(),
        };
        let preferred_for_good = self.chosen.layout.sets > 1 && evidence.rows() >= DECISIVE_ROWS;
        let other = self.other.as_ref().filter(|_| !preferred_for_good);
        for best in [Some(&self.chosen), other].into_iter().flatten() {
            // Next to no noise makes a landscape of cliffs, which is entered from above.
            let quiet = self.engine.is_gaussian() && best.hyper.noise < QUIET;
            let curvature = if quiet {
                None
            } else if self.engine.size() <= CHEAP {
                let density = Posterior {
                    evidence,
                    priors: &self.priors,
                    layout: best.layout,
                    of_logs: false,
                };
                let all: Vec<_> = (0..best.layout.len()).collect();
                Some(Curvature {
                    rows: evidence.rows(),
                    information: information(&density, &best.optimum.logs, &all)?,
                })
            } else {
                best.curvature.clone()
            };
            let mut hyper = best.hyper.clone();
            if quiet {
                hyper.noise = FROM_ABOVE;
            }
            let start = Start { hyper, curvature };
            match best.layout.sets {
                1 => starts.shared.push(start),
                _ => starts.own.push(start),
            }
        }
        Ok(starts)
    }
}

/// Where a search ended.
pub(crate) struct Found {
    pub(crate) engine: Engine,
    pub(crate) layout: Layout,
    pub(crate) hyper: Hyperparameters,
    pub(crate) optimum: Optimum,
}

/// Below these, in standard deviations, a coefficient does not vary and a context is irrelevant.
const ACTIVE_AMPLITUDE: f64 = 0.05;
const ACTIVE_INVERSE_LENGTH_SCALE: f64 = 0.1;
/// What each inverse length scale that own ones add has to gain in the logarithm of the marginal likelihood.
const GAIN: f64 = 2.0;
/// Rows on which the search begins.
const PILOT_ROWS: usize = 256;
/// Rows of the stages between, each for data of more rows than the second number.
const STAGES: [(usize, usize); 2] = [(1024, 2048), (16_384, 65_536)];
/// Rows from which own inverse length scales, once preferred, stay.
const DECISIVE_ROWS: usize = 1000;
/// A noise below this is next to none, in standard deviations of the target, and one to begin from.
const QUIET: f64 = 0.05;
const FROM_ABOVE: f64 = 0.5;
/// Size of the systems up to which curvature costs little.
const CHEAP: usize = 400;
/// Contexts among which inducing ones are chosen.
const CANDIDATES: usize = 4096;
/// Weights of all coefficients and terms together, at most.
const MOST_WEIGHTS: usize = 1000;
const FEWEST_FUNCTIONS: usize = 8;
const MAX_REBUILDS: usize = 3;
/// Relative residual of a kernel that is reproduced to rounding.
const ROUNDING: f64 = 1e-9;
/// Mean relative residual at which a basis for many rows is large enough.
const RESIDUAL: f64 = 1e-6;
/// Mean relative residual above which a basis is made of smoother functions, by this factor of the
/// squared inverse length scales.
const TOO_ROUGH: f64 = 1e-5;
const SMOOTHER: f64 = 0.7;
/// The basis is made for functions rougher than those found by this factor of the inverse length scales.
const ROUGHER: f64 = 1.25;

/// Squares of the inverse length scales a basis is made for: those of the roughest coefficient and more, and at
/// least enough to tell that a context has some.
fn reference(hyper: &Hyperparameters) -> Vec<f64> {
    hyper
        .inverse_length_scales
        .map_axis(Axis(0), |column| {
            column.iter().fold(0.0, |most: f64, &r| r.max(most))
        })
        .mapv(|r| (ROUGHER * r.max(ACTIVE_INVERSE_LENGTH_SCALE)).powi(2))
        .to_vec()
}

/// Some of the rows, drawn at random and the same each time, in their order.
struct Subset {
    contexts: Array2<f64>,
    design: Array2<f64>,
    targets: Array2<f64>,
    weights: Option<Array1<f64>>,
}

impl Subset {
    fn draw(rows: Rows<'_>, count: usize) -> Self {
        let all = rows.contexts.nrows();
        let mut chosen = if count >= all {
            (0..all).collect()
        } else {
            sample(&mut ChaCha8Rng::seed_from_u64(0), all, count).into_vec()
        };
        chosen.sort_unstable();
        Self {
            contexts: rows.contexts.select(Axis(0), &chosen),
            design: rows.design.select(Axis(0), &chosen),
            targets: rows.targets.select(Axis(0), &chosen),
            weights: rows.weights.map(|w| w.select(Axis(0), &chosen)),
        }
    }

    fn rows(&self) -> Rows<'_> {
        Rows {
            contexts: self.contexts.view(),
            design: self.design.view(),
            targets: self.targets.view(),
            weights: self.weights.as_ref().map(Array1::view),
        }
    }
}

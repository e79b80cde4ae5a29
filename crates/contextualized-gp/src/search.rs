//! The search for hyperparameters, from few rows to all.

mod engines;

use crate::engine::Engine;
use crate::hyperparameters::{Hyperparameters, Layout};
use crate::observations::Observations;
use crate::optimise::{Optimum, Posterior, axes_of, information, maximize};
use crate::polish::{climb_near, polish};
use crate::priors::Priors;
use crate::process::{CoefficientProcess, Sharing, Size};
use contextualized_core::{Error, Result};
use engines::reference;
use ndarray::{Array1, Array2};
use rayon::prelude::*;

impl CoefficientProcess {
    /// From few rows to all: each stage starts where the one before ended, and takes its first steps
    /// by the curvature found there.
    pub(crate) fn search(&self, rows: Observations<'_>) -> Result<Found> {
        let count = rows.rows();
        let quadratic = self.family.is_quadratic();
        let pilot_rows = if quadratic {
            SEARCH.pilot_rows
        } else {
            self.exact_rows()
        };
        if count <= pilot_rows && !matches!(self.settings.size, Size::LowRank { .. }) {
            return self
                .choose(self.exact(rows)?, self.starts(rows))?
                .chosen(self.settings.tolerance);
        }
        if let Some(engine) = self.of_factors_alone(rows)? {
            return self
                .choose(engine, self.starts(rows))?
                .chosen(self.settings.tolerance);
        }
        let pilot = self.subset(rows, pilot_rows);
        let mut found = self.choose(self.exact(pilot.rows())?, self.starts(rows))?;
        if !quadratic {
            let mut found = found.chosen(self.settings.tolerance)?;
            found.engine = self.engine_for(rows, &found.hyper)?;
            return Ok(found);
        }
        for (stage, least) in SEARCH.stages {
            if count > least {
                let some = self.subset(rows, stage);
                let engine = self.engine_for(some.rows(), found.hyper())?;
                let starts = self.and_cold(found.starts()?, &engine, rows);
                found = self.choose(engine, starts)?;
            }
        }
        // A basis made for smoother functions than the rows turn out to show is made again, unless it
        // was as large as it may be.
        for _ in 0..SEARCH.max_rebuilds {
            let engine = self.engine_for(rows, found.hyper())?;
            let mut reference = reference(found.hyper(), SEARCH.active_inverse_length_scale);
            if let Some(made_for) = engine.made_for() {
                let pairs = reference.iter_mut().zip(made_for);
                pairs.for_each(|(most, made_for)| *most = most.max(made_for));
            }
            let starts = self.and_cold(found.starts()?, &engine, rows);
            found = self.choose(engine, starts)?;
            if self.has_last_climb(&found.engine) {
                found = self.last_climb(found)?;
            }
            // How unlike the levels of a factor are has no part in how many functions it takes.
            let numeric = self.kernel.are_categorical().into_iter().map(|own| !own);
            let numeric: Vec<bool> = numeric.collect();
            let rougher = found
                .hyper()
                .inverse_length_scales
                .rows()
                .into_iter()
                .any(|set| {
                    let each = set.iter().zip(&reference).zip(&numeric);
                    each.into_iter()
                        .any(|((r, most), numeric)| *numeric && r * r > *most)
                });
            let left_out = found.engine.left_out();
            if !rougher || left_out.is_none_or(|left| left > SEARCH.mean_residual) {
                break;
            }
        }
        found.chosen(self.settings.tolerance)
    }

    /// Where evaluations cost little, the starts of the first stage once more: it may have ended in
    /// the wrong place.
    fn and_cold(&self, mut starts: Starts, engine: &Engine, rows: Observations<'_>) -> Starts {
        if engine.left_out().is_some()
            && engine.size() <= SEARCH.curvature_size
            && !starts.shared.is_empty()
        {
            starts.shared.extend(self.starts(rows).shared);
        }
        starts
    }

    /// The best optimum from these starts, inverse length scales shared, own, or both to choose from, as the
    /// settings say.
    fn choose(&self, engine: Engine, starts: Starts) -> Result<Optima> {
        let coefficients = engine.coefficients();
        let several = coefficients > 1;
        let (want_shared, want_own) = match self.settings.sharing {
            Sharing::Shared => (true, false),
            Sharing::PerCoefficient => (!several, several),
            // Own inverse length scales that were preferred on many rows are so on more.
            Sharing::Auto => (!several || !starts.shared.is_empty(), several),
        };
        let best = |wanted: bool, sets: usize, starts: &[Start]| {
            let best = wanted.then(|| self.best_of(&engine, sets, starts));
            best.transpose()
        };
        let shared = || best(want_shared, 1, &starts.shared);
        let own = |starts: &[Start]| best(want_own, coefficients, starts);
        let (shared, own) = if !starts.own.is_empty() {
            let (shared, own) = rayon::join(shared, || own(&starts.own));
            (shared?, own?)
        } else {
            let shared = shared()?;
            // From the shared ones, which own ones cannot be worse than; and afresh, because a context that the shared
            // ones leave out has hardly a slope to climb from there.
            let own_of = |hyper: &Hyperparameters| hyper.with_own_inverse_length_scales();
            let lift = |best: &Best| Start::cold(lifted(own_of(&best.hyper)));
            let afresh = starts.shared.iter();
            let afresh = afresh.map(|start| Start::cold(own_of(&start.hyper)));
            let from: Vec<Start> = shared.iter().map(lift).chain(afresh).collect();
            let own = own(&from)?;
            (shared, own)
        };
        let mut found = shared.into_iter().chain(own);
        let first = found.next();
        let first = first.ok_or_else(|| Error::invalid_parameter("starts", 0, "1 or more"))?;
        let (chosen, other) = self.preferred(first, found.next());
        Ok(Optima {
            engine,
            priors: self.settings.priors,
            chosen,
            other,
        })
    }

    /// The best optimum from these starts.
    fn best_of(&self, engine: &Engine, sets: usize, starts: &[Start]) -> Result<Best> {
        let layout = self.layout(engine, sets);
        let density = Posterior {
            engine,
            priors: &self.settings.priors,
            layout,
            of_logs: false,
        };
        let tolerance = if self.has_last_climb(engine) {
            SEARCH.rough_tolerance
        } else {
            self.settings.tolerance
        };
        let optima = starts
            .par_iter()
            .map(|start| {
                let logs = layout.logs(&start.hyper);
                let curvature = start.curvature.as_ref();
                let axes = curvature.map(|own| axes_of(&own.of_rows(engine.rows())));
                let axes = axes.transpose()?;
                maximize(
                    &density,
                    logs,
                    axes.as_ref(),
                    tolerance,
                    self.settings.max_iterations,
                )
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
        let best = Optimum { iterations, ..best };
        let curvature = starts.first().and_then(|start| start.curvature.clone());
        Ok(Best::new(&density, best, curvature))
    }

    /// Whether the search ends by a climb of its own ([`climb_near`]), before which a rough one is enough: it takes
    /// fewer evaluations, which cost much.
    fn has_last_climb(&self, engine: &Engine) -> bool {
        engine.size() > SEARCH.curvature_size
            && engine.left_out().is_none()
            && engine.targets() == 1
            && self.family.is_quadratic()
            && self.settings.tolerance <= SEARCH.polished
    }

    /// The optima near their modes, the one ahead first, the other unless it then is too far behind; and which of
    /// them is then preferred.
    fn last_climb(&self, optima: Optima) -> Result<Optima> {
        let Optima {
            engine,
            priors,
            chosen,
            other,
        } = optima;
        let climb = |best: Best| {
            let density = Posterior {
                engine: &engine,
                priors: &priors,
                layout: best.layout,
                of_logs: false,
            };
            let optimum = climb_near(&density, best.optimum)?;
            Ok(Best::new(&density, optimum, best.curvature))
        };
        let height = |best: &Best| best.optimum.log_density;
        let (ahead, behind) = match other {
            Some(other) if height(&other) > height(&chosen) => (other, Some(chosen)),
            other => (chosen, other),
        };
        let ahead = climb(ahead)?;
        let behind = match behind {
            Some(best) if height(&best) > height(&ahead) - SEARCH.largest_deficit => {
                Some(climb(best)?)
            }
            behind => behind,
        };
        let (chosen, other) = self.preferred(ahead, behind);
        Ok(Optima {
            engine,
            priors,
            chosen,
            other,
        })
    }

    /// Of an optimum and, where there are two, that of the other sharing, the one that is preferred and the other.
    fn preferred(&self, one: Best, two: Option<Best>) -> (Best, Option<Best>) {
        let Some(two) = two else {
            return (one, None);
        };
        let (shared, own) = if one.layout.sets == 1 {
            (one, two)
        } else {
            (two, one)
        };
        let added = self.active(&own.hyper) as f64 - self.active(&shared.hyper) as f64;
        if own.evidence - shared.evidence > SEARCH.min_gain * added.max(1.0) {
            (own, Some(shared))
        } else {
            (shared, Some(own))
        }
    }

    /// Inverse length scales that change anything: those of a coefficient that varies, and not next to zero.
    fn active(&self, hyper: &Hyperparameters) -> usize {
        let mut count = 0;
        for (index, (_, range)) in self.kernel.with_ranges().enumerate() {
            for (set, inverse_length_scales) in
                hyper.inverse_length_scales.rows().into_iter().enumerate()
            {
                let mut amplitudes = hyper.amplitudes.column(index).into_iter().enumerate();
                if amplitudes.any(|(j, s)| hyper.set_of(j) == set && *s > SEARCH.active_amplitude) {
                    let own = inverse_length_scales
                        .iter()
                        .skip(range.start)
                        .take(range.len());
                    count += own
                        .filter(|r| **r > SEARCH.active_inverse_length_scale)
                        .count();
                }
            }
        }
        count
    }

    /// Coefficients that vary, and next to none that do.
    fn starts(&self, rows: Observations<'_>) -> Starts {
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
            noise: if self.family.is_quadratic() {
                noise
            } else {
                1.0
            },
            scales: Array1::ones(rows.targets.ncols()),
        };
        let shared = [start(0.5, 0.5, 0.5), start(0.5, 0.05, 0.5)];
        Starts {
            shared: shared.map(Start::cold).into(),
            own: Vec::new(),
        }
    }
}

/// Away from zero, where there is no slope to climb.
fn lifted(mut hyper: Hyperparameters) -> Hyperparameters {
    hyper
        .amplitudes
        .mapv_inplace(|s| s.max(SEARCH.active_amplitude));
    hyper
        .inverse_length_scales
        .mapv_inplace(|r| r.max(SEARCH.active_inverse_length_scale));
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

impl Start {
    /// Without what an earlier stage knows of the density.
    fn cold(hyper: Hyperparameters) -> Self {
        Self {
            hyper,
            curvature: None,
        }
    }
}

/// The information in so many rows about the logarithms of hyperparameters.
#[derive(Clone)]
struct Curvature {
    rows: usize,
    information: Array2<f64>,
}

impl Curvature {
    /// That in other rows: it grows with their number.
    fn of_rows(&self, rows: usize) -> Array2<f64> {
        &self.information * (rows as f64 / self.rows as f64)
    }
}

/// The optimum of shared inverse length scales or of own ones.
#[derive(Clone)]
struct Best {
    layout: Layout,
    hyper: Hyperparameters,
    /// Logarithm of the marginal likelihood.
    evidence: f64,
    optimum: Optimum,
    /// That of an earlier stage.
    curvature: Option<Curvature>,
}

impl Best {
    fn new(density: &Posterior<'_>, optimum: Optimum, curvature: Option<Curvature>) -> Self {
        let layout = density.layout;
        let prior = density.priors.log_density(&layout, &optimum.logs, false).0;
        Self {
            layout,
            hyper: layout.hyperparameters(&optimum.logs, density.engine.targets()),
            evidence: optimum.log_density - prior,
            optimum,
            curvature,
        }
    }
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

    /// The chosen one, at the mode itself or, by a large tolerance, where its search ended.
    fn chosen(self, tolerance: f64) -> Result<Found> {
        let (engine, layout) = (self.engine, self.chosen.layout);
        let density = Posterior {
            engine: &engine,
            priors: &self.priors,
            layout,
            of_logs: false,
        };
        let optimum = if tolerance <= SEARCH.polished {
            polish(&density, self.chosen.optimum)?
        } else {
            self.chosen.optimum
        };
        Ok(Found {
            hyper: layout.hyperparameters(&optimum.logs, engine.targets()),
            engine,
            layout,
            optimum,
        })
    }

    /// Starts for a fit of more rows, with the curvature here if it is cheaply had.
    fn starts(&self) -> Result<Starts> {
        let mut starts = Starts {
            shared: Vec::new(),
            own: Vec::new(),
        };
        let preferred_for_good =
            self.chosen.layout.sets > 1 && self.engine.rows() >= SEARCH.decisive_rows;
        let other = self.other.as_ref().filter(|_| !preferred_for_good);
        for best in [Some(&self.chosen), other].into_iter().flatten() {
            // Next to no noise makes a landscape of cliffs, which is entered from above.
            let too_little_noise = best.layout.noise && best.hyper.noise < SEARCH.min_start_noise;
            let mut hyper = best.hyper.clone();
            if too_little_noise {
                hyper.noise = SEARCH.restart_noise;
            }
            let curvature = if self.engine.size() <= SEARCH.curvature_size {
                let density = Posterior {
                    engine: &self.engine,
                    priors: &self.priors,
                    layout: best.layout,
                    of_logs: false,
                };
                let all: Vec<_> = (0..best.layout.len()).collect();
                let logs = &best.layout.logs(&hyper);
                let quick = density.quick_information(logs, &all)?;
                Some(Curvature {
                    rows: self.engine.rows(),
                    information: quick.map_or_else(|| information(&density, logs, &all), Ok)?,
                })
            } else {
                best.curvature.clone()
            };
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

/// What the search is tuned by, for tables of unit scale.
struct SearchSettings {
    /// Amplitude below which a coefficient counts as constant.
    active_amplitude: f64,
    /// Inverse length scale below which a context counts as irrelevant.
    active_inverse_length_scale: f64,
    /// That of functions which are still looked for when the uncertainty of hyperparameters is.
    rough_inverse_length_scale: f64,
    /// What each inverse length scale that own ones add has to gain in the logarithm of the marginal
    /// likelihood.
    min_gain: f64,
    /// The largest tolerance from which the search goes on to the mode itself.
    polished: f64,
    /// The tolerance of a search that a last climb follows.
    rough_tolerance: f64,
    /// The largest difference of log-densities at which the lower of two optima is still climbed from.
    largest_deficit: f64,
    /// Rows on which the search begins.
    pilot_rows: usize,
    /// Rows up to which no basis is worth its while.
    small_rows: usize,
    /// Rows of the stages between, each for data of more rows than the second number.
    stages: [(usize, usize); 3],
    /// Rows from which own inverse length scales, once preferred, stay.
    decisive_rows: usize,
    /// Noise below which a search does not begin, in standard deviations of the target.
    min_start_noise: f64,
    /// The noise from which it begins instead.
    restart_noise: f64,
    /// Size of the systems up to which the curvature of the density is found.
    curvature_size: usize,
    /// Contexts among which inducing ones are chosen.
    candidates: usize,
    /// Rows of each level on which the search begins where there are many levels.
    rows_of_level: usize,
    /// The most weights of all coefficients and terms together.
    max_weights: usize,
    /// The fewest functions of each coefficient and term.
    min_functions: usize,
    /// The most bases that are made of all rows.
    max_rebuilds: usize,
    /// Relative residual of a kernel that is reproduced to rounding.
    rounding: f64,
    /// Mean relative residual at which a basis for many rows is large enough.
    mean_residual: f64,
    /// Mean relative residual above which a basis is made of smoother functions.
    max_residual: f64,
    /// By this factor of the squared inverse length scales.
    smoothing: f64,
    /// The most times.
    most_smoothings: usize,
    /// The basis is made for functions rougher than those found by this factor of the inverse length
    /// scales.
    roughness: f64,
}

const SEARCH: SearchSettings = SearchSettings {
    active_amplitude: 0.05,
    active_inverse_length_scale: 0.1,
    rough_inverse_length_scale: 3.0,
    min_gain: 1.0,
    polished: 0.01,
    rough_tolerance: 1.0,
    largest_deficit: 50.0,
    pilot_rows: 256,
    small_rows: 512,
    stages: [(512, 768), (1024, 2048), (16_384, 65_536)],
    decisive_rows: 1000,
    min_start_noise: 0.05,
    restart_noise: 0.5,
    curvature_size: 400,
    candidates: 4096,
    rows_of_level: 10,
    max_weights: 1000,
    min_functions: 8,
    max_rebuilds: 3,
    rounding: 1e-9,
    mean_residual: 1e-6,
    max_residual: 1e-5,
    smoothing: 0.7,
    most_smoothings: 40,
    roughness: 1.25,
};

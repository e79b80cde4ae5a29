//! Intervals and errors where truths are rough or faint, contexts skewed or wild, features collinear, and rows
//! outside those fitted.

use super::{Bar, Claim, Findings, findings};
use contextualized_baselines::PopulationRegression;
use contextualized_core::{
    Estimator, Family, Result, Samples, VaryingCoefficients, WithUncertainty,
};
use contextualized_linear::GaussianProcessRegression;
use ndarray::{Array1, Array2, ArrayView2, Axis};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;
use std::ops::RangeInclusive;

const LEVEL: f64 = 0.95;

/// Intervals of one slope over the rows fitted.
#[derive(Clone, Copy)]
struct Slopes {
    /// Per cent of rows whose interval holds the truth.
    held: f64,
    /// Mean width of the intervals.
    width: f64,
    /// Root mean squared error.
    error: f64,
}

/// What the contexts are.
#[derive(Clone, Copy)]
enum Contexts {
    Normal,
    /// exp(σ N).
    LogNormal(f64),
    /// Normal, but for one of 1000.
    Wild,
}

#[derive(Clone, Copy)]
struct Study {
    contexts: Contexts,
    /// The slope at a context, and at its logarithm for lognormal contexts.
    slope: fn(f64, f64) -> f64,
    noise: f64,
    rows: usize,
    family: Family,
}

/// Measures all of this over so many data sets.
///
/// # Errors
///
/// Those of the estimators; there are none for these data.
pub fn measure(data_sets: u64) -> Result<Findings> {
    let base = Study {
        contexts: Contexts::Normal,
        slope: |_, _| 1.0,
        noise: 1.0,
        rows: 200,
        family: Family::Gaussian,
    };
    let mut claims = Vec::new();
    let mut held = |data: String, bar: Option<RangeInclusive<f64>>, found: &[Slopes]| {
        let mean = found.iter().map(|own| own.held).sum::<f64>() / found.len() as f64;
        claims.push(Claim {
            data,
            what: "slopes held, %",
            bar: bar.map_or(Bar::Reported, Bar::Within),
            values: vec![mean],
        });
    };
    for (name, study, bar) in [
        (
            "1 + 0.5 sin 3c, 200 rows",
            Study {
                slope: |c, _| 1.0 + 0.5 * (3.0 * c).sin(),
                ..base
            },
            88.0..=98.0,
        ),
        (
            "1 + 0.2 sin 3c, 300 rows",
            Study {
                slope: |c, _| 1.0 + 0.2 * (3.0 * c).sin(),
                rows: 300,
                ..base
            },
            88.0..=98.0,
        ),
        (
            "logit, sin 2c, 100 rows",
            Study {
                slope: |c, _| (2.0 * c).sin(),
                rows: 100,
                family: Family::Binomial,
                ..base
            },
            91.0..=98.0,
        ),
    ] {
        held(name.to_owned(), Some(bar), &study.over(data_sets, false)?);
    }
    let mut ratios = Vec::new();
    for sigma in [1.5, 2.0] {
        for (name, slope, judged) in [
            (
                "sin(log c)",
                (|_, log| f64::sin(log)) as fn(f64, f64) -> f64,
                true,
            ),
            ("0.3 c", |c, _| 0.3 * c, true),
            ("sin c", |c, _| f64::sin(c), false),
        ] {
            let study = Study {
                contexts: Contexts::LogNormal(sigma),
                slope,
                noise: 0.5,
                ..base
            };
            let own = study.over(data_sets, false)?;
            let logged = study.over(data_sets, true)?;
            let data = format!("{name}, c = exp({sigma} N)");
            held(data.clone(), judged.then_some(92.0..=100.0), &own);
            let ratio = |of: fn(&Slopes) -> f64| {
                let total = |found: &[Slopes]| found.iter().map(of).sum::<f64>();
                total(&own) / total(&logged)
            };
            for (what, value) in [
                ("width over that of log c", ratio(|own| own.width)),
                ("error over that of log c", ratio(|own| own.error)),
            ] {
                ratios.push(Claim {
                    data: data.clone(),
                    what,
                    bar: if judged {
                        Bar::Within(0.0..=1.3)
                    } else {
                        Bar::Reported
                    },
                    values: vec![value],
                });
            }
        }
    }
    claims.extend(ratios);
    let wild = Study {
        contexts: Contexts::Wild,
        slope: |c, _| (3.0 * c).sin(),
        noise: 0.3,
        ..base
    };
    let tame = Study {
        contexts: Contexts::Normal,
        ..wild
    };
    let error = |found: Vec<Slopes>| found.iter().map(|own| own.error).sum::<f64>();
    claims.push(Claim {
        data: "sin 3c, one context of 1000".to_owned(),
        what: "error over that without",
        bar: Bar::Within(0.0..=1.1),
        values: vec![error(wild.over(data_sets, false)?) / error(tame.over(data_sets, false)?)],
    });
    for (data, held) in ["population", "gp"].iter().zip(collinear(5 * data_sets)?) {
        claims.push(Claim {
            data: format!("x, x + 0.01 N, {data}"),
            what: "second slope held, %",
            bar: Bar::Within(92.5..=97.5),
            values: vec![held],
        });
    }
    claims.push(Claim {
        data: "polynomials, |c| to 1.6".to_owned(),
        what: "MSE of coefficients",
        bar: Bar::Within(0.0..=0.035),
        values: outside(data_sets.div_ceil(10))?,
    });
    Ok(findings(
        &format!(
            "Intervals of {:.0} % of a Gaussian process over {data_sets} data sets (collinear features {}, polynomials {}).",
            100.0 * LEVEL,
            5 * data_sets,
            data_sets.div_ceil(10)
        ),
        &claims,
    ))
}

impl Study {
    fn over(&self, data_sets: u64, logged: bool) -> Result<Vec<Slopes>> {
        (0..data_sets)
            .into_par_iter()
            .map(|seed| self.of_seed(seed, logged))
            .collect::<Vec<_>>()
            .into_iter()
            .collect()
    }

    /// With the logarithms of the contexts in their place, or as they are.
    fn of_seed(&self, seed: u64, logged: bool) -> Result<Slopes> {
        let mut generator = ChaCha8Rng::seed_from_u64(seed);
        let mut normals = || -> Vec<f64> {
            (0..self.rows)
                .map(|_| StandardNormal.sample(&mut generator))
                .collect()
        };
        let (mut z, x, errors) = (normals(), normals(), normals());
        let truth: Vec<f64> = z
            .iter()
            .map(|&z| match self.contexts {
                Contexts::Normal | Contexts::Wild => (self.slope)(z, z),
                Contexts::LogNormal(sigma) => (self.slope)((sigma * z).exp(), sigma * z),
            })
            .collect();
        let y: Vec<f64> = (0..self.rows)
            .map(|row| {
                let predictor = truth[row] * x[row];
                if self.family == Family::Binomial {
                    let mean = Family::Binomial.link().inverse(predictor);
                    f64::from(u8::from(generator.r#gen::<f64>() < mean))
                } else {
                    predictor + self.noise * errors[row]
                }
            })
            .collect();
        match self.contexts {
            Contexts::Normal => {}
            Contexts::Wild => z[0] = 1000.0,
            Contexts::LogNormal(sigma) => z.iter_mut().for_each(|z| {
                *z = if logged {
                    sigma * *z
                } else {
                    (sigma * *z).exp()
                };
            }),
        }
        let [c, x, y] = [z, x, y].map(column);
        let samples = Samples::new(c.view(), x.view(), y.view())?;
        let model = GaussianProcessRegression::new()
            .family(self.family)
            .fit(&samples)?;
        let found = model.coefficients(c.view())?;
        let ends = model.intervals(c.view(), LEVEL)?;
        let (mut held, mut width, mut square, mut counted) = (0, 0.0, 0.0, 0);
        for (row, truth) in truth.iter().enumerate() {
            if matches!(self.contexts, Contexts::Wild) && row == 0 {
                continue;
            }
            let at = [row, 0, 0];
            let (lower, upper) = (ends.lower.slopes()[at], ends.upper.slopes()[at]);
            held += usize::from(lower <= *truth && *truth <= upper);
            width += upper - lower;
            square += (found.slopes()[at] - truth).powi(2);
            counted += 1;
        }
        let counted = f64::from(counted);
        Ok(Slopes {
            held: 100.0 * held as f64 / counted,
            width: width / counted,
            error: (square / counted).sqrt(),
        })
    }
}

fn column(values: Vec<f64>) -> Array2<f64> {
    Array1::from_vec(values).insert_axis(Axis(1))
}

/// `y = 100 x − 99 x2 + N` with x2 = x + 0.01 N and a context that matters to nothing: per cent of data sets in
/// which the interval of the second slope holds −99, by the population and by the process.
fn collinear(data_sets: u64) -> Result<[f64; 2]> {
    const ROWS: usize = 200;
    let held = (0..data_sets)
        .into_par_iter()
        .map(|seed| {
            let mut generator = ChaCha8Rng::seed_from_u64(seed);
            let draw = || -> f64 { StandardNormal.sample(&mut generator) };
            let normals = Array2::from_shape_simple_fn((ROWS, 4), draw);
            let features = Array2::from_shape_fn((ROWS, 2), |(row, of)| {
                normals[[row, 0]]
                    + if of == 1 {
                        0.01 * normals[[row, 1]]
                    } else {
                        0.0
                    }
            });
            let targets = Array2::from_shape_fn((ROWS, 1), |(row, _)| {
                100.0 * features[[row, 0]] - 99.0 * features[[row, 1]] + normals[[row, 2]]
            });
            let contexts = normals.slice(ndarray::s![.., 3..]);
            let samples = Samples::new(contexts, features.view(), targets.view())?;
            let holds = |model: &dyn WithUncertainty| -> Result<bool> {
                let at = contexts.slice(ndarray::s![..1, ..]);
                let ends = model.intervals(at, LEVEL)?;
                let at = [0, 0, 1];
                Ok(ends.lower.slopes()[at] <= -99.0 && -99.0 <= ends.upper.slopes()[at])
            };
            Ok([
                holds(&PopulationRegression::new().fit(&samples)?)?,
                holds(&GaussianProcessRegression::new().fit(&samples)?)?,
            ])
        })
        .collect::<Result<Vec<[bool; 2]>>>()?;
    let share = |of: usize| {
        let count = held.iter().filter(|held| held[of]).count();
        100.0 * count as f64 / held.len() as f64
    };
    Ok([share(0), share(1)])
}

/// Mean squared errors of both coefficients over |c| < 1.6, of processes that have seen |c| < 1: one for each
/// seed. The slope is c0 + c1², the intercept sin c1 + c0².
fn outside(seeds: u64) -> Result<Vec<f64>> {
    let truth = |contexts: ArrayView2<'_, f64>| {
        Array2::from_shape_fn((contexts.nrows(), 2), |(row, of)| {
            let (a, b) = (contexts[[row, 0]], contexts[[row, 1]]);
            if of == 0 { a + b * b } else { b.sin() + a * a }
        })
    };
    (0..seeds)
        .into_par_iter()
        .map(|seed| {
            let mut generator = ChaCha8Rng::seed_from_u64(seed);
            let mut uniform = |rows: usize, most: f64| {
                Array2::from_shape_simple_fn((rows, 2), || generator.gen_range(-most..most))
            };
            let (contexts, new) = (uniform(450, 1.0), uniform(2000, 1.6));
            let mut normals = || {
                Array2::from_shape_simple_fn((450, 1), || -> f64 {
                    StandardNormal.sample(&mut generator)
                })
            };
            let (features, errors) = (normals(), normals());
            let own = truth(contexts.view());
            let targets = Array2::from_shape_fn((450, 1), |(row, _)| {
                own[[row, 0]] * features[[row, 0]] + own[[row, 1]] + 0.2 * errors[[row, 0]]
            });
            let samples = Samples::new(contexts.view(), features.view(), targets.view())?;
            let model = GaussianProcessRegression::new().fit(&samples)?;
            let found = model.coefficients(new.view())?;
            let truth = truth(new.view());
            let slopes =
                &found.slopes().index_axis_move(Axis(1), 0) - &truth.slice(ndarray::s![.., ..1]);
            let intercepts = &found.intercepts() - &truth.slice(ndarray::s![.., 1..]);
            let squares = |off: &Array2<f64>| off.iter().map(|v| v * v).sum::<f64>();
            Ok((squares(&slopes) + squares(&intercepts)) / (2 * new.nrows()) as f64)
        })
        .collect()
}

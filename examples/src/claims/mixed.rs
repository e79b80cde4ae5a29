//! Intervals and tests where rows are of few subjects, and what a large study takes.

use super::{Bar, Claim, Findings, findings};
use contextualized_analysis::wald_table;
use contextualized_core::{
    CoefficientIntervals, Estimator, Family, RandomNumbers, RandomTerm, Result, Samples,
    VaryingCoefficients, WithUncertainty,
};
use contextualized_linear::{GaussianProcessRegression, KernelShape, Sharing};
use contextualized_mixed::{MixedRegression, Variation};
use ndarray::{Array1, Array2};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;
use std::time::Instant;

const LEVEL: f64 = 0.95;
const SUBJECTS: usize = 40;
const ROWS: usize = 5;
/// What the coefficients in common are multiplied by where nothing varies: that of rows, that of subjects, the
/// intercept.
const CONSTANT: [f64; 3] = [0.5, 0.0, 0.3];

/// What a context belongs to.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Context {
    Rows,
    Subjects,
}

struct Study {
    samples: Samples,
    /// The coefficients in common of every row: that of rows, that of subjects, the intercept.
    truth: [Array1<f64>; 3],
}

struct Random(ChaCha8Rng);

impl RandomNumbers for Random {
    fn uniform(&mut self) -> f64 {
        self.0.r#gen()
    }

    fn standard_normal(&mut self) -> f64 {
        StandardNormal.sample(&mut self.0)
    }
}

/// Subjects with correlated intercepts (standard deviation 0.8) and slopes (0.5) of a feature of rows, x0, a feature
/// of subjects, x1, that matters to nothing, and a context, uniform on [−1.5, 1.5]:
///
/// ```text
/// η = 0.3 + b0 + (f(c) + b1) x0,    f(c) = 0.5, or sin 2c
/// ```
fn study(
    family: Family,
    context: Context,
    varies: bool,
    size: [usize; 2],
    seed: u64,
) -> Result<Study> {
    let mut random = Random(ChaCha8Rng::seed_from_u64(seed));
    let [subjects, each] = size;
    let rows = subjects * each;
    let subject = |row: usize| row / each;
    let own: Vec<[f64; 4]> = (0..subjects)
        .map(|_| {
            let (a, b) = (random.standard_normal(), random.standard_normal());
            let between = random.standard_normal();
            [
                0.8 * a,
                0.3 * a + 0.4 * b,
                between,
                3.0 * random.uniform() - 1.5,
            ]
        })
        .collect();
    let contexts = Array2::from_shape_fn((rows, 1), |(row, _)| match context {
        Context::Rows => 3.0 * random.uniform() - 1.5,
        Context::Subjects => own[subject(row)][3],
    });
    let features = Array2::from_shape_fn((rows, 2), |(row, column)| match column {
        0 => random.standard_normal(),
        _ => own[subject(row)][2],
    });
    let slope = |row: usize| {
        if varies {
            (2.0 * contexts[[row, 0]]).sin()
        } else {
            CONSTANT[0]
        }
    };
    let targets = Array2::from_shape_fn((rows, 1), |(row, _)| {
        let [intercept, of_slope, ..] = own[subject(row)];
        let predictor = CONSTANT[2] + intercept + (slope(row) + of_slope) * features[[row, 0]];
        family.draw(family.link().inverse(predictor), 1.0, &mut random)
    });
    let design = Array2::from_shape_fn((rows, 2), |(row, column)| match column {
        0 => 1.0,
        _ => features[[row, 0]],
    });
    let labels: Vec<usize> = (0..rows).map(subject).collect();
    let term = RandomTerm::new("subject", &labels, design.view())?;
    let samples = Samples::new(contexts.view(), features.view(), targets.view())?;
    Ok(Study {
        truth: [
            Array1::from_shape_fn(rows, slope),
            Array1::from_elem(rows, CONSTANT[1]),
            Array1::from_elem(rows, CONSTANT[2]),
        ],
        samples: samples.with_random_terms(vec![term])?,
    })
}

/// Of every coefficient the share of rows whose interval contains it.
fn contained(study: &Study, ends: &CoefficientIntervals) -> [f64; 3] {
    let share = |coefficient: usize, at: &dyn Fn(usize) -> [f64; 2]| {
        let truth = &study.truth[coefficient];
        let inside = (0..truth.len()).filter(|&row| {
            let [low, high] = at(row);
            low <= truth[row] && truth[row] <= high
        });
        inside.count() as f64 / truth.len() as f64
    };
    let slope = |k: usize| {
        move |row: usize| {
            [
                ends.lower.slopes()[[row, 0, k]],
                ends.upper.slopes()[[row, 0, k]],
            ]
        }
    };
    [
        share(0, &slope(0)),
        share(1, &slope(1)),
        share(2, &|row| {
            [
                ends.lower.intercepts()[[row, 0]],
                ends.upper.intercepts()[[row, 0]],
            ]
        }),
    ]
}

/// The mean over data sets of what is found in each.
fn means<const N: usize>(
    data_sets: u64,
    found: impl Fn(u64) -> Result<[f64; N]> + Sync + Send,
) -> Result<[f64; N]> {
    let all = (0..data_sets).into_par_iter().map(found);
    let all = all.collect::<Vec<Result<[f64; N]>>>();
    let mut sums = [0.0; N];
    for own in all {
        for (sum, own) in sums.iter_mut().zip(own?) {
            *sum += own / data_sets as f64;
        }
    }
    Ok(sums)
}

/// Coverage and levels over this many data sets.
///
/// # Errors
///
/// Those of the estimators; there are none for these data.
pub fn measure(data_sets: u64) -> Result<Findings> {
    const WHAT: [&str; 3] = [
        "slope of rows: share in 95 % intervals",
        "slope of subjects: share in 95 % intervals",
        "intercept: share in 95 % intervals",
    ];
    let size = [SUBJECTS, ROWS];
    let mut claims = Vec::new();
    for name in ["gaussian", "binomial", "poisson"] {
        let family: Family = name.parse()?;
        let estimator = MixedRegression::new()
            .family(family)
            .variation(Variation::Constant);
        let shares = means(data_sets, |seed| {
            let study = study(family, Context::Rows, false, size, seed)?;
            let model = estimator.fit(&study.samples)?;
            let ends = model.intervals(study.samples.contexts(), LEVEL)?;
            Ok(contained(&study, &ends))
        })?;
        for (what, share) in WHAT.into_iter().zip(shares) {
            claims.push(Claim {
                data: format!("{name}, constant coefficients"),
                what,
                bar: Bar::Within(0.92..=0.98),
                values: vec![share],
            });
        }
    }
    for context in [Context::Rows, Context::Subjects] {
        let whose = match context {
            Context::Rows => "rows",
            Context::Subjects => "subjects",
        };
        let shares = means(data_sets, |seed| {
            let study = study(Family::Gaussian, context, true, size, seed)?;
            let model = MixedRegression::new().fit(&study.samples)?;
            let ends = model.intervals(study.samples.contexts(), LEVEL)?;
            Ok(contained(&study, &ends))
        })?;
        for (what, share) in WHAT.into_iter().zip(shares) {
            claims.push(Claim {
                data: format!("gaussian, functions of a context of {whose}"),
                what,
                bar: Bar::Within(0.92..=0.98),
                values: vec![share],
            });
        }
        let rejected = means(data_sets, |seed| {
            let study = study(Family::Gaussian, context, false, size, seed)?;
            // As the program tests: rows of a subject belong together.
            let samples = study.samples.without_random_terms();
            let estimator = GaussianProcessRegression::new()
                .additive(KernelShape::SquaredExponential)
                .sharing(Sharing::PerCoefficient);
            let table = wald_table(&estimator.fit(&samples)?, &samples)?;
            let below = |p: f64| f64::from(u8::from(p <= 1.0 - LEVEL));
            let of = |coefficient: usize| below(table.coefficients[coefficient].p_value);
            Ok([of(0), of(1), of(2)])
        })?;
        for (what, share) in [
            "slope of rows: share of tests of variation below 5 %",
            "slope of subjects: share of tests of variation below 5 %",
            "intercept: share of tests of variation below 5 %",
        ]
        .into_iter()
        .zip(rejected)
        {
            claims.push(Claim {
                data: format!("gaussian, nothing varies, context of {whose}"),
                what,
                bar: Bar::Within(0.02..=0.08),
                values: vec![share],
            });
        }
    }
    claims.extend(large()?);
    Ok(findings(
        &format!(
            "Random intercepts and slopes of {SUBJECTS} subjects of {ROWS} rows, over {data_sets} data sets, and one of 5,000\n\
             subjects of 10 rows."
        ),
        &claims,
    ))
}

/// 50,000 rows of 5,000 subjects.
fn large() -> Result<Vec<Claim>> {
    const MOST_SECONDS: f64 = 10.0;
    let study = study(Family::Gaussian, Context::Rows, true, [5_000, 10], 1)?;
    let begun = Instant::now();
    let model = MixedRegression::new().fit(&study.samples)?;
    let seconds = begun.elapsed().as_secs_f64();
    let found = model.coefficients(study.samples.contexts())?;
    let error = &found.slopes().slice(ndarray::s![.., 0, 0]) - &study.truth[0];
    let claim = |what, bar, value| Claim {
        data: "50,000 rows, 5,000 subjects".to_owned(),
        what,
        bar,
        values: vec![value],
    };
    Ok(vec![
        claim("seconds", Bar::Seconds(MOST_SECONDS), seconds),
        claim(
            "root mean squared error of the slope",
            Bar::Within(0.0..=0.05),
            (&error * &error).mean().unwrap_or(f64::NAN).sqrt(),
        ),
    ])
}

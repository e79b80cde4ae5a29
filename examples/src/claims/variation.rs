//! How often tests of variation reject, where nothing varies and where something does.

use super::{Findings, verdict};
use crate::table::table;
use contextualized_analysis::{VariationTable, VariationTest};
use contextualized_baselines::PopulationRegression;
use contextualized_core::{Result, Samples};
use contextualized_linear::{GaussianProcessRegression, KernelShape, Sharing};
use ndarray::Array2;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;
use std::ops::RangeInclusive;

/// Replicates of a test: the fewest but one that make 5 % a possible p-value, so that it can be rejected
/// at exactly that level.
const REPLICATES: usize = 39;
const LEVEL: f64 = 0.05;
/// Per cent of true hypotheses that may be rejected at 5 %.
const NULL: RangeInclusive<f64> = 4.0..=6.0;
/// Per cent of data sets in which a U-shape has to be found.
const POWER: RangeInclusive<f64> = 90.0..=100.0;

/// Two contexts uniform on [−1, 1]; y = a(c) + b(c) x + ε.
#[derive(Clone, Copy)]
enum Truth {
    /// y = 1 + x + ε / 2, x normal.
    Constant,
    /// The same, but x has mean c₀ and the noise the deviation e^{c₀} / 2.
    Uneven,
    /// The same as the first with an intercept of 2 sin(2 c₁), the slope constant.
    Intercept,
    /// The slope is c₀², the noise 1/2.
    UShape,
}

#[derive(Clone, Copy)]
enum Method {
    Permutation,
    PermutationAlone,
    Bootstrap,
    BootstrapAlone,
}

/// What is measured of a method on some data.
struct Study {
    truth: Truth,
    rows: usize,
    method: Method,
    /// For every data set asked for.
    data_sets: u64,
    bar: Option<RangeInclusive<f64>>,
}

/// P-values of one data set: of the slope with each context, the smaller of the two by the largest
/// statistic, and the omnibus test.
struct PValues {
    slope: [f64; 2],
    family: f64,
    omnibus: f64,
}

/// Tests of the slope of one feature with two contexts: over 5 null data sets for every one asked for,
/// and over half as many as asked for with a U-shape.
///
/// # Errors
///
/// Those of the estimators; there are none for these data.
pub fn measure(data_sets: u64) -> Result<Findings> {
    let null = |truth, rows, method, bar: Option<RangeInclusive<f64>>| Study {
        truth,
        rows,
        method,
        data_sets: 5 * data_sets,
        bar,
    };
    let power = |method| Study {
        truth: Truth::UShape,
        rows: 400,
        method,
        data_sets: data_sets.div_ceil(2),
        bar: Some(POWER),
    };
    let studies = [
        null(Truth::Constant, 80, Method::Permutation, Some(NULL)),
        null(Truth::Constant, 80, Method::PermutationAlone, Some(NULL)),
        null(Truth::Constant, 80, Method::Bootstrap, Some(NULL)),
        null(Truth::Constant, 80, Method::BootstrapAlone, Some(NULL)),
        null(Truth::Uneven, 80, Method::Permutation, None),
        null(Truth::Uneven, 80, Method::Bootstrap, None),
        null(Truth::Intercept, 80, Method::Permutation, None),
        power(Method::Permutation),
        power(Method::Bootstrap),
    ];
    let (mut lines, mut failed) = (Vec::new(), 0);
    for study in &studies {
        let (line, met) = study.line()?;
        lines.push(line);
        failed += usize::from(!met);
    }
    let header = [
        "truth",
        "test",
        "rows",
        "data sets",
        "bar, %",
        "slope, c0",
        "slope, c1",
        "family",
        "omnibus",
        "",
    ];
    Ok(Findings {
        text: format!(
            "Per cent of data sets in which a hypothesis is rejected at {:.0} %: that the slope does not \
             vary with a context,\nthat nothing varies with anything by the smallest adjusted p-value \
             (family) and by one statistic (omnibus).\nAn additive Gaussian process regression, {REPLICATES} \
             replicates. Bars hold for single slopes and the omnibus test, for the slope that varies if one \
             does.\n\n{}",
            100.0 * LEVEL,
            table(header, 2, lines)
        ),
        failed,
    })
}

impl Study {
    /// A line of the table, and whether its bar is met.
    fn line(&self) -> Result<([String; 10], bool)> {
        let p_values = (0..self.data_sets)
            .into_par_iter()
            .map(|seed| self.p_values(seed))
            .collect::<Vec<Result<PValues>>>()
            .into_iter()
            .collect::<Result<Vec<PValues>>>()?;
        let rejected = |of: &dyn Fn(&PValues) -> f64| {
            // P-values are fractions: their rounding is not evidence.
            let count = p_values.iter().filter(|p| of(p) <= LEVEL + 1e-9).count();
            100.0 * count as f64 / p_values.len() as f64
        };
        let slope = [0, 1].map(|context| rejected(&|p| p.slope[context]));
        let (family, omnibus) = (rejected(&|p| p.family), rejected(&|p| p.omnibus));
        let judged = match self.truth {
            Truth::UShape => vec![slope[0]],
            _ if self.method.is_alone() => slope.to_vec(),
            _ => vec![slope[0], slope[1], omnibus],
        };
        let met = self
            .bar
            .as_ref()
            .is_none_or(|bar| judged.iter().all(|share| bar.contains(share)));
        let share = |share: f64| format!("{share:.1}");
        let line = [
            match self.truth {
                Truth::Constant => "nothing varies",
                Truth::Uneven => "nothing; uneven x and noise",
                Truth::Intercept => "intercept sin(2 c1)",
                Truth::UShape => "slope c0²",
            }
            .to_owned(),
            match self.method {
                Method::Permutation => "permutation",
                Method::PermutationAlone => "permutation, contexts alone",
                Method::Bootstrap => "bootstrap",
                Method::BootstrapAlone => "bootstrap, contexts alone",
            }
            .to_owned(),
            self.rows.to_string(),
            self.data_sets.to_string(),
            match &self.bar {
                Some(bar) => format!("{} to {}", bar.start(), bar.end()),
                None => String::new(),
            },
            share(slope[0]),
            share(slope[1]),
            share(family),
            share(omnibus),
            match &self.bar {
                Some(_) => verdict(met).to_owned(),
                None => String::new(),
            },
        ];
        Ok((line, met))
    }

    fn p_values(&self, seed: u64) -> Result<PValues> {
        let samples = simulate(self.truth, self.rows, seed)?;
        let kernel = quick_kernel();
        let replicates = |test: VariationTest<GaussianProcessRegression>| {
            let test = if self.method.is_alone() {
                test.each_context_alone()
            } else {
                test
            };
            test.replicates(REPLICATES).seed(seed).test(&samples)
        };
        let table: VariationTable = match self.method {
            Method::Permutation | Method::PermutationAlone => {
                replicates(VariationTest::permutation(kernel))
            }
            Method::Bootstrap | Method::BootstrapAlone => replicates(VariationTest::bootstrap(
                kernel,
                PopulationRegression::new(),
            )),
        }?;
        // The slope comes before the intercept.
        let adjusted = table
            .pairs
            .iter()
            .map(|line| line.maximum.unwrap_or(line.holm));
        Ok(PValues {
            slope: [table.pairs[0].p_value, table.pairs[1].p_value],
            family: adjusted.fold(1.0, f64::min),
            omnibus: table.omnibus,
        })
    }
}

/// One set of inverse length scales, and a coarse search for it: a test is right with any estimator, and forty
/// fits are made for each.
fn quick_kernel() -> GaussianProcessRegression {
    GaussianProcessRegression::new()
        .additive(KernelShape::SquaredExponential)
        .sharing(Sharing::Shared)
        .tolerance(0.1)
}

impl Method {
    fn is_alone(self) -> bool {
        matches!(self, Self::PermutationAlone | Self::BootstrapAlone)
    }
}

fn simulate(truth: Truth, rows: usize, seed: u64) -> Result<Samples> {
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    let contexts = Array2::from_shape_fn((rows, 2), |_| generator.gen_range(-1.0..1.0_f64));
    let mut normal = || -> f64 { StandardNormal.sample(&mut generator) };
    let mut features = Array2::from_shape_fn((rows, 1), |_| normal());
    let mut noise = Array2::from_shape_fn((rows, 1), |_| 0.5 * normal());
    if let Truth::Uneven = truth {
        let first = contexts.column(0).insert_axis(ndarray::Axis(1));
        features += &first;
        noise *= &first.mapv(f64::exp);
    }
    let targets = Array2::from_shape_fn((rows, 1), |(row, _)| {
        let (c, x) = (contexts.row(row), features[[row, 0]]);
        let mean = match truth {
            Truth::Constant | Truth::Uneven => 1.0 + x,
            Truth::Intercept => 2.0 * (2.0 * c[1]).sin() + x,
            Truth::UShape => 1.0 + c[0] * c[0] * x,
        };
        mean + noise[[row, 0]]
    });
    Samples::new(contexts.view(), features.view(), targets.view())
}

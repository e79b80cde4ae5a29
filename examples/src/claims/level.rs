//! How often tests of variation reject what does not vary, where something else does and easy assumptions
//! fail; and what they find.

use super::{Findings, verdict};
use crate::table::table;
use contextualized_analysis::wald_table;
use contextualized_core::{Estimator, Result, Samples};
use contextualized_linear::{GaussianProcessRegression, KernelShape, Sharing};
use ndarray::Array2;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal, StudentT};
use rayon::prelude::*;
use std::ops::RangeInclusive;

/// Per cent that may be rejected at 5 %, and at most at 1 %.
const AT_FIVE: RangeInclusive<f64> = 3.0..=7.5;
const AT_ONE: f64 = 2.5;
/// Per cent of data sets in which a variation has to be found at 5 %.
const POWER: f64 = 90.0;

/// What is constant, the other one being varied.
#[derive(Clone, Copy, PartialEq)]
enum Constant {
    Slope,
    Intercept,
    Both,
    Neither,
}

#[derive(Clone, Copy)]
enum Contexts {
    Normal,
    /// The first of two matters.
    Two,
    /// exp(N); what varies does so with the logarithm.
    LogNormal,
    /// Dummies of four of five levels.
    Factor,
    /// The same in the rows of a group of four, which have an intercept of their own with a standard deviation
    /// of 1.
    Groups,
}

#[derive(Clone, Copy)]
enum Feature {
    Independent,
    /// 0.7 c + 0.7 N.
    Correlated,
    /// c² − 1 + 0.3 N.
    Square,
}

#[derive(Clone, Copy)]
enum Noise {
    Even,
    /// 0.3 + |c|.
    Distance,
    /// exp(0.5 x).
    OfFeature,
    /// exp(0.35 c).
    OfContext,
    /// Student's t with 3 degrees of freedom.
    Heavy,
}

/// How the coefficient that is not constant varies.
#[derive(Clone, Copy)]
enum Shape {
    /// a (c² − 1), or a times standard normal effects of the levels.
    Square(f64),
    /// sin 2c.
    Wave,
    /// 0.5 sin 3c, noise 0.5.
    Fast,
}

#[derive(Clone, Copy)]
struct Study {
    name: &'static str,
    constant: Constant,
    contexts: Contexts,
    feature: Feature,
    noise: Noise,
    shape: Shape,
    rows: usize,
}

/// P-values of the coefficient with the first context, with all of them, and the omnibus test.
type PValues = [f64; 3];

/// Tests of one constant coefficient over 5 data sets for every one asked for.
///
/// # Errors
///
/// Those of the estimators; there are none for these data.
pub fn measure(data_sets: u64) -> Result<Findings> {
    let base = Study {
        name: "",
        constant: Constant::Slope,
        contexts: Contexts::Normal,
        feature: Feature::Independent,
        noise: Noise::Even,
        shape: Shape::Square(1.0),
        rows: 100,
    };
    let mut studies = Vec::new();
    for constant in [Constant::Slope, Constant::Intercept] {
        let base = Study { constant, ..base };
        for (a, rows) in [(0.25, 100), (1.0, 100), (0.25, 300), (1.0, 300)] {
            studies.push(Study {
                name: if a == 1.0 {
                    "x with c, a = 1"
                } else {
                    "x with c, a = 0.25"
                },
                feature: Feature::Correlated,
                shape: Shape::Square(a),
                rows,
                ..base
            });
        }
        studies.extend([
            Study {
                name: "x near c²",
                feature: Feature::Square,
                ..base
            },
            Study {
                name: "two contexts",
                contexts: Contexts::Two,
                feature: Feature::Correlated,
                ..base
            },
            Study {
                name: "other sin 2c",
                shape: Shape::Wave,
                ..base
            },
            Study {
                name: "noise 0.3 + |c|",
                noise: Noise::Distance,
                ..base
            },
            Study {
                name: "noise exp(0.5 x)",
                noise: Noise::OfFeature,
                ..base
            },
            Study {
                name: "noise exp(0.35 c)",
                noise: Noise::OfContext,
                ..base
            },
            Study {
                name: "noise t, 3 degrees",
                noise: Noise::Heavy,
                ..base
            },
            Study {
                name: "lognormal contexts",
                contexts: Contexts::LogNormal,
                ..base
            },
            Study {
                name: "factor of five levels",
                contexts: Contexts::Factor,
                ..base
            },
            Study {
                name: "50 groups of 4",
                contexts: Contexts::Groups,
                rows: 200,
                ..base
            },
        ]);
    }
    let nothing = Study {
        constant: Constant::Both,
        ..base
    };
    studies.extend([
        Study {
            name: "even",
            ..nothing
        },
        Study {
            name: "noise 0.3 + |c|",
            noise: Noise::Distance,
            ..nothing
        },
        Study {
            name: "noise exp(0.5 x)",
            noise: Noise::OfFeature,
            ..nothing
        },
        Study {
            name: "lognormal contexts",
            contexts: Contexts::LogNormal,
            ..nothing
        },
        Study {
            name: "50 groups of 4",
            contexts: Contexts::Groups,
            rows: 200,
            ..nothing
        },
        Study {
            name: "power, 0.5 sin 3c",
            constant: Constant::Neither,
            shape: Shape::Fast,
            rows: 300,
            ..base
        },
    ]);
    let (mut lines, mut failed) = (Vec::new(), 0);
    for study in &studies {
        let (line, met) = study.line(5 * data_sets)?;
        lines.push(line);
        failed += usize::from(!met);
    }
    let header = [
        "constant",
        "data",
        "rows",
        "c, 5 %",
        "c, 1 %",
        "all, 5 %",
        "all, 1 %",
        "omnibus, 5 %",
        "1 %",
        "",
    ];
    Ok(Findings {
        text: format!(
            "Per cent of {} data sets a line in which the hypothesis is rejected that the coefficient does not \
             vary with its context\n(c), with any context (all), or that nothing varies with anything \
             (omnibus). The other coefficient varies as a (c² − 1).\nBars: {} to {} at 5 %, at most {AT_ONE} at \
             1 %, {POWER} of what varies.\n\n{}",
            5 * data_sets,
            AT_FIVE.start(),
            AT_FIVE.end(),
            table(header, 2, lines)
        ),
        failed,
    })
}

impl Study {
    fn line(&self, data_sets: u64) -> Result<([String; 10], bool)> {
        let p_values = (0..data_sets)
            .into_par_iter()
            .map(|seed| self.p_values(seed))
            .collect::<Vec<Result<PValues>>>()
            .into_iter()
            .collect::<Result<Vec<PValues>>>()?;
        let share = |of: usize, level: f64| {
            let count = p_values.iter().filter(|p| p[of] <= level).count();
            100.0 * count as f64 / p_values.len() as f64
        };
        let shares = [0, 1, 2].map(|of| [share(of, 0.05), share(of, 0.01)]);
        // The omnibus hypothesis is wrong where the other coefficient varies.
        let judged = match self.constant {
            Constant::Both => 3,
            _ => 2,
        };
        let met = match self.constant {
            Constant::Neither => shares[0][0] >= POWER && shares[2][0] >= POWER,
            _ => shares[..judged]
                .iter()
                .all(|[five, one]| AT_FIVE.contains(five) && *one <= AT_ONE),
        };
        let [c, all, omnibus] = shares.map(|shares| shares.map(|share| format!("{share:.1}")));
        let [c5, c1] = c;
        let [all5, all1] = all;
        let [omnibus5, omnibus1] = omnibus;
        let constant = match self.constant {
            Constant::Slope => "slope",
            Constant::Intercept => "intercept",
            Constant::Both => "both (slope tested)",
            Constant::Neither => "none",
        };
        let line = [
            constant.to_owned(),
            self.name.to_owned(),
            self.rows.to_string(),
            c5,
            c1,
            all5,
            all1,
            omnibus5,
            omnibus1,
            verdict(met).to_owned(),
        ];
        Ok((line, met))
    }

    fn p_values(&self, seed: u64) -> Result<PValues> {
        let samples = self.simulate(seed)?;
        let estimator = GaussianProcessRegression::new()
            .additive(KernelShape::SquaredExponential)
            .sharing(Sharing::PerCoefficient);
        let table = wald_table(&estimator.fit(&samples)?, &samples)?;
        let coefficient = usize::from(self.constant == Constant::Intercept);
        let contexts = table.pairs.len() / table.coefficients.len();
        Ok([
            table.pairs[coefficient * contexts].p_value,
            table.coefficients[coefficient].p_value,
            table.omnibus,
        ])
    }

    fn simulate(&self, seed: u64) -> Result<Samples> {
        let mut generator = ChaCha8Rng::seed_from_u64(seed);
        let mut normal = || -> f64 { StandardNormal.sample(&mut generator) };
        let rows = self.rows;
        let group = |row: usize| match self.contexts {
            Contexts::Groups => row / 4,
            _ => row,
        };
        let drawn: Vec<f64> = (0..rows).map(|_| normal()).collect();
        let z: Vec<f64> = (0..rows).map(|row| drawn[group(row)]).collect();
        let other: Vec<f64> = (0..rows).map(|_| normal()).collect();
        let own: Vec<f64> = (0..rows).map(|_| normal()).collect();
        let effects: Vec<f64> = (0..5).map(|_| normal()).collect();
        let errors: Vec<f64> = match self.noise {
            Noise::Heavy => {
                let t = StudentT::new(3.0).expect("3 is positive");
                (0..rows).map(|_| t.sample(&mut generator)).collect()
            }
            _ => (0..rows).map(|_| normal()).collect(),
        };
        let levels: Vec<usize> = (0..rows).map(|_| generator.gen_range(0..5)).collect();
        let contexts = match self.contexts {
            Contexts::Normal | Contexts::Groups => Array2::from_shape_fn((rows, 1), |(i, _)| z[i]),
            Contexts::LogNormal => Array2::from_shape_fn((rows, 1), |(i, _)| z[i].exp()),
            Contexts::Two => {
                Array2::from_shape_fn((rows, 2), |(i, k)| if k == 0 { z[i] } else { other[i] })
            }
            Contexts::Factor => {
                Array2::from_shape_fn((rows, 4), |(i, k)| f64::from(u8::from(levels[i] == k + 1)))
            }
        };
        let features = Array2::from_shape_fn((rows, 1), |(i, _)| match self.feature {
            Feature::Independent => own[i],
            Feature::Correlated => 0.7 * z[i] + 0.7 * own[i],
            Feature::Square => z[i] * z[i] - 1.0 + 0.3 * own[i],
        });
        let targets = Array2::from_shape_fn((rows, 1), |(i, _)| {
            let x = features[[i, 0]];
            let varied = match (self.shape, self.contexts) {
                (Shape::Square(a), Contexts::Factor) => a * effects[levels[i]],
                (Shape::Square(a), _) => a * (z[i] * z[i] - 1.0),
                (Shape::Wave, _) => (2.0 * z[i]).sin(),
                (Shape::Fast, _) => 0.5 * (3.0 * z[i]).sin(),
            };
            let mean = match self.constant {
                Constant::Slope => x + varied,
                Constant::Intercept => x * (1.0 + varied),
                Constant::Both => x,
                Constant::Neither => x * (1.0 + varied),
            };
            let deviation = match (self.noise, self.shape) {
                (_, Shape::Fast) => 0.5,
                (Noise::Even | Noise::Heavy, _) => 1.0,
                (Noise::Distance, _) => 0.3 + z[i].abs(),
                (Noise::OfFeature, _) => (0.5 * x).exp(),
                (Noise::OfContext, _) => (0.35 * z[i]).exp(),
            };
            let shared = match self.contexts {
                Contexts::Groups => other[group(i)],
                _ => 0.0,
            };
            mean + shared + deviation * errors[i]
        });
        let samples = Samples::new(contexts.view(), features.view(), targets.view())?;
        match self.contexts {
            Contexts::Groups => samples.with_groups(&(0..rows).map(group).collect::<Vec<_>>()),
            _ => Ok(samples),
        }
    }
}

//! Where true coefficients lie in their posterior distributions: evenly, if these are right (simulation-based
//! calibration; Talts, Betancourt, Simpson, Vehtari and Gelman 2018, arXiv:1804.06788).

use super::truth::{DataSet, Truth};
use super::{Bar, Claim, Findings, findings};
use contextualized_core::{Coefficients, Estimator, Result, VaryingCoefficients, WithUncertainty};
use contextualized_linear::{GaussianProcessModel, GaussianProcessRegression};
use rayon::prelude::*;
use statrs::distribution::{ContinuousCDF, Normal};

const ROWS: usize = 60;
/// Contexts at which each data set is judged.
const CONTEXTS: usize = 3;
const COEFFICIENTS: usize = 3;
/// Kolmogorov's p-value that one test among so many has to exceed.
const LEAST: f64 = 0.01 / (CONTEXTS * COEFFICIENTS) as f64;

/// Probabilities that the posterior gives to smaller values than the true one, of every data set for each context
/// and coefficient.
#[derive(Debug, Clone)]
pub struct Ranks {
    /// With the hyperparameters that the truth was drawn with.
    pub known: Vec<Vec<f64>>,
    /// With estimated ones.
    pub estimated: Vec<Vec<f64>>,
}

impl Ranks {
    /// Of so many data sets of 60 rows and one context, with functions drawn from the prior about constants.
    ///
    /// # Errors
    ///
    /// Those of the estimators; there are none for these data.
    pub fn simulate(data_sets: u64) -> Result<Self> {
        let all = (0..data_sets)
            .into_par_iter()
            .map(|seed| {
                let data = DataSet::simulate(Truth::Prior, 1, ROWS, CONTEXTS, seed)?;
                let estimator = GaussianProcessRegression::new();
                let known = estimator.clone().hyperparameters(data.known()?);
                Ok([
                    ranks(&known.fit(&data.samples)?, &data)?,
                    ranks(&estimator.fit(&data.samples)?, &data)?,
                ])
            })
            .collect::<Result<Vec<[Vec<f64>; 2]>>>()?;
        let by_test = |which: usize| {
            (0..CONTEXTS * COEFFICIENTS)
                .map(|at| all.iter().map(|own| own[which][at]).collect())
                .collect()
        };
        Ok(Self {
            known: by_test(0),
            estimated: by_test(1),
        })
    }
}

/// Posterior probabilities below the truth: contexts slowest.
fn ranks(model: &GaussianProcessModel, data: &DataSet) -> Result<Vec<f64>> {
    let means = model.coefficients(data.new.view())?;
    let errors = model.standard_errors(data.new.view())?;
    let value = |table: &Coefficients, row: usize, coefficient: usize| {
        if coefficient < table.features() {
            table.slopes()[[row, 0, coefficient]]
        } else {
            table.intercepts()[[row, 0]]
        }
    };
    let normal = Normal::standard();
    let mut found = Vec::with_capacity(CONTEXTS * COEFFICIENTS);
    for row in 0..CONTEXTS {
        for coefficient in 0..COEFFICIENTS {
            let of = |table| value(table, row, coefficient);
            found.push(normal.cdf((of(&data.truth) - of(&means)) / of(&errors)));
        }
    }
    Ok(found)
}

/// The p-value of the largest distance of shares from an even distribution (Kolmogorov 1933).
pub fn kolmogorov(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let count = sorted.len() as f64;
    let distance = sorted
        .iter()
        .enumerate()
        .fold(0.0, |most: f64, (at, value)| {
            let (below, above) = (at as f64 / count, (at + 1) as f64 / count);
            most.max(value - below).max(above - value)
        });
    // Stephens (1970) has the small numbers right, too.
    let scaled = distance * (count.sqrt() + 0.12 + 0.11 / count.sqrt());
    let terms = (1..=100).map(|k| {
        let k = f64::from(k);
        let sign = if k % 2.0 == 1.0 { 1.0 } else { -1.0 };
        2.0 * sign * (-2.0 * (k * scaled).powi(2)).exp()
    });
    terms.sum::<f64>().clamp(0.0, 1.0)
}

/// Whether true coefficients lie evenly in their posterior distributions, over 5 data sets for every one asked
/// for.
///
/// # Errors
///
/// Those of [`Ranks::simulate`].
pub fn measure(data_sets: u64) -> Result<Findings> {
    let data_sets = 5 * data_sets;
    let ranks = Ranks::simulate(data_sets)?;
    let mut claims = Vec::new();
    for (data, tests, bar) in [
        ("known", &ranks.known, Bar::Within(LEAST..=1.0)),
        ("estimated", &ranks.estimated, Bar::Reported),
    ] {
        let smallest = tests
            .iter()
            .map(|test| kolmogorov(test))
            .fold(1.0, f64::min);
        let all = || tests.iter().flatten();
        let share = |held: fn(f64) -> bool| {
            let count = all().filter(|rank| held(**rank)).count();
            100.0 * count as f64 / all().count() as f64
        };
        let own = |what, bar, value| Claim {
            data: format!("{data} hyperparameters"),
            what,
            bar,
            values: vec![value],
        };
        claims.extend([
            own("smallest p-value of nine", bar, smallest),
            own(
                "below the middle, %",
                Bar::Reported,
                share(|rank| rank < 0.5),
            ),
            own(
                "in the outer tenth, %",
                Bar::Reported,
                share(|rank| (rank - 0.5).abs() > 0.45),
            ),
        ]);
    }
    Ok(findings(
        &format!(
            "Ranks of true coefficients in their posterior distributions, at {CONTEXTS} contexts of {data_sets} data sets of \
             {ROWS} rows: tests by Kolmogorov that they are even."
        ),
        &claims,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p_values_are_those_of_even_distributions() {
        let even: Vec<f64> = (0..200).map(|i| (f64::from(i) + 0.5) / 200.0).collect();
        assert!(kolmogorov(&even) > 0.999);
        let shifted: Vec<f64> = even.iter().map(|v| v.powf(1.2)).collect();
        let p = kolmogorov(&shifted);
        assert!((0.1..0.8).contains(&p), "{p}");
        let squared: Vec<f64> = even.iter().map(|v| v * v).collect();
        assert!(kolmogorov(&squared) < 1e-9);
    }

    /// A miniature of the claim.
    #[test]
    fn ranks_are_even_where_hyperparameters_are_known() {
        let ranks = Ranks::simulate(60).unwrap();
        for test in &ranks.known {
            assert!(kolmogorov(test) > LEAST, "{test:?}");
        }
    }
}

//! Effects of a treatment under confounding: the settings of Nie and Wager.

use super::{Bar, Claim, Findings, findings};
use crate::statistics::quartiles;
use contextualized_auto::TreatmentRegression;
use contextualized_core::{Result, WithUncertainty};
use contextualized_simulation::{ConfoundedData, ConfoundedSetting};
use ndarray::{ArrayView3, Axis};
use rayon::prelude::*;

const ROWS: usize = 500;
const CONTEXTS: usize = 6;
const NEW_ROWS: usize = 1000;
const NOISES: [f64; 4] = [0.5, 1.0, 2.0, 4.0];

/// How much larger than that of the best published learner an error may be.
const MARGIN: f64 = 1.1;

/// The lowest mean error of the six lasso learners of Nie and Wager (2021, doi:10.1093/biomet/asaa076), tables 1 to
/// 4 of their supplement, at each noise.
fn published(setting: ConfoundedSetting) -> [f64; 4] {
    match setting {
        ConfoundedSetting::A => [0.0552, 0.0740, 0.1190, 0.2596],
        ConfoundedSetting::B => [0.2173, 0.3751, 0.7063, 1.2920],
        ConfoundedSetting::C => [0.0191, 0.0346, 0.0941, 0.2614],
        ConfoundedSetting::D => [0.3707, 0.6551, 1.2267, 1.9050],
    }
}

/// Mean of the effect over contexts, to four digits: by integration of a normal variable.
fn average_effect(setting: ConfoundedSetting) -> f64 {
    match setting {
        ConfoundedSetting::A => 0.5,
        // E ln(1 + exp z).
        ConfoundedSetting::B => 0.806_059,
        ConfoundedSetting::C => 1.0,
        // E max(0, s z) = s / √(2 π).
        ConfoundedSetting::D => (3.0_f64.sqrt() - 2.0_f64.sqrt()) / std::f64::consts::TAU.sqrt(),
    }
}

/// What one fit found.
struct Measured {
    error: f64,
    /// Share of the new rows whose interval contains their effect, of a model with intervals.
    covered: Option<f64>,
    /// Whether the interval of the average effect contains it.
    average_covered: bool,
    /// Whether the effect was taken to be constant.
    constant: bool,
}

/// The default fits to one data set at all noises. Contexts, treatment and so the model of the treatment are the same at all of them.
fn fits(setting: ConfoundedSetting, seed: u64, seeds: u64) -> Result<Vec<Measured>> {
    let new = setting.simulate(NEW_ROWS, CONTEXTS, 0.0, seeds + seed)?;
    let estimator = TreatmentRegression::new();
    let mut means = None;
    NOISES
        .iter()
        .map(|noise| {
            let data = setting.simulate(ROWS, CONTEXTS, *noise, seed)?;
            let treatment = data.treatment.view();
            let means = match &means {
                Some(known) => known,
                None => means.insert(estimator.means_of_treatment(&data.samples, treatment)?),
            };
            let residuals = estimator.residuals_given(&data.samples, treatment, means)?;
            let model = estimator.fit_effect(residuals)?;
            let average = model.average_effects()[0].interval(0.95)?;
            let truth = average_effect(setting);
            let contexts = new.samples.contexts();
            let errors = &model.effects(contexts)?.index_axis(Axis(1), 0) - &new.effects;
            let covered = match model.effect().intervals(contexts, 0.95) {
                Ok(ends) => Some(share_inside(&new, ends.lower.slopes(), ends.upper.slopes())),
                Err(_) => None,
            };
            Ok(Measured {
                error: errors
                    .mapv(|error| error * error)
                    .mean()
                    .unwrap_or(f64::NAN),
                covered,
                average_covered: average[0] <= truth && truth <= average[1],
                constant: model.effect().report().chosen() == 0,
            })
        })
        .collect()
}

fn share_inside(
    new: &ConfoundedData,
    lower: ArrayView3<'_, f64>,
    upper: ArrayView3<'_, f64>,
) -> f64 {
    let inside =
        |row: &usize| (lower[[*row, 0, 0]]..=upper[[*row, 0, 0]]).contains(&new.effects[*row]);
    (0..NEW_ROWS).filter(inside).count() as f64 / NEW_ROWS as f64
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Errors of the effect at new rows, and coverage of 95 % intervals, over data seeds.
///
/// # Errors
///
/// Those of the estimators; there are none for these data.
pub fn measure(seeds: u64) -> Result<Findings> {
    let mut claims = Vec::new();
    let mut within = 0;
    for setting in ConfoundedSetting::ALL {
        let all = (0..seeds)
            .into_par_iter()
            .map(|seed| fits(setting, seed, seeds))
            .collect::<Result<Vec<_>>>()?;
        for (at, noise) in NOISES.iter().enumerate() {
            let of = |value: fn(&Measured) -> f64| -> Vec<f64> {
                all.iter().map(|fits| value(&fits[at])).collect()
            };
            let mut claim = |what, bar, values| {
                let data = format!("{}, noise {noise}", setting.name());
                claims.push(Claim {
                    data,
                    what,
                    bar,
                    values,
                });
            };
            let errors = of(|fit| fit.error);
            let best = published(setting)[at];
            let bar = Bar::Within(0.0..=MARGIN * best);
            within += usize::from(mean(&errors) <= MARGIN * best);
            claim(
                "mean squared error of effects, mean",
                bar,
                vec![mean(&errors)],
            );
            claim("its median", Bar::Reported, vec![quartiles(&errors)[1]]);
            claim(
                "the same over the best published",
                Bar::Reported,
                vec![mean(&errors) / best],
            );
            let covered: Vec<f64> = all.iter().filter_map(|fits| fits[at].covered).collect();
            claim("coverage of effects", Bar::Reported, vec![mean(&covered)]);
            let average = of(|fit| f64::from(u8::from(fit.average_covered)));
            claim(
                "coverage of the average effect",
                Bar::Reported,
                vec![mean(&average)],
            );
            let constant = of(|fit| f64::from(u8::from(fit.constant)));
            claim(
                "share of constant effects",
                Bar::Reported,
                vec![mean(&constant)],
            );
        }
    }
    let cells = 4 * NOISES.len();
    let mut found = findings(
        &format!(
            "Treatment effects under confounding: {ROWS} rows, {CONTEXTS} contexts, {seeds} data sets for each setting of Nie and Wager; \
             bars are {MARGIN} times the best of their lasso learners"
        ),
        &claims,
    );
    // What is claimed is the number of settings.
    const LEAST: usize = 12;
    found.failed = usize::from(within < LEAST);
    found.text += &format!(
        "\n{within} of {cells} means within {MARGIN} times the best published; at least {LEAST} are claimed\n"
    );
    Ok(found)
}

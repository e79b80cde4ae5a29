//! Random effects in numbers.

use crate::saved::Regression;
use crate::tables::{Cell, Section, Table};
use contextualized_core::{LocalCoefficients, Samples};
use ndarray::Axis;

/// Titles of correlations with the effects above in the same term, of the most that are shown.
const CORRELATIONS: [&str; 6] = [
    "correlation",
    "correlation 2",
    "correlation 3",
    "correlation 4",
    "correlation 5",
    "correlation 6",
];

/// Variances of random effects and of the noise, as R's `VarCorr` has them; nothing of a model without random effects.
pub fn random_effects(regression: &Regression, training: &Samples) -> Option<Section> {
    let model = regression.model.as_random_effects()?;
    let targets = &training.names().targets;
    let effects = model.random_effects();
    let correlations = effects.iter().filter(|own| own.correlated);
    let most = correlations.map(|own| own.effect_names.len() - 1).max();
    let mut columns = vec!["term", "name", "variance", "standard deviation"];
    let with_correlation = most.unwrap_or(0).min(CORRELATIONS.len());
    columns.extend(&CORRELATIONS[..with_correlation]);
    if targets.len() > 1 {
        columns.insert(0, "target");
    }
    let mut table = Table::new("random_effects", &columns);
    let dispersions = known_dispersions(regression, training);
    for (target, target_name) in targets.iter().enumerate() {
        let mut push = |mut row: Vec<Cell>| {
            if targets.len() > 1 {
                row.insert(0, target_name.as_str().into());
            }
            table.push(row);
        };
        for own in effects {
            let covariance = own.covariances.index_axis(Axis(0), target);
            for (effect, name) in own.effect_names.iter().enumerate() {
                let variance = covariance[[effect, effect]];
                let mut row: Vec<Cell> = vec![
                    own.group.as_str().into(),
                    name.as_str().into(),
                    variance.into(),
                    variance.sqrt().into(),
                ];
                // With the effects above it in the same term.
                row.extend((0..with_correlation).map(|other| {
                    let product =
                        (variance * covariance[[other.min(effect), other.min(effect)]]).sqrt();
                    if own.correlated && other < effect && product > 0.0 {
                        (covariance[[effect, other]] / product).into()
                    } else {
                        Cell::Missing
                    }
                }));
                push(row);
            }
        }
        if let Some(dispersion) = dispersions.as_ref().map(|all| all[target]) {
            let mut row: Vec<Cell> = vec![
                "residual".into(),
                Cell::Missing,
                dispersion.into(),
                dispersion.sqrt().into(),
            ];
            row.extend((0..with_correlation).map(|_| Cell::Missing));
            push(row);
        }
    }
    let mut levels: Vec<String> = Vec::new();
    for own in effects {
        let text = format!("{} {}", own.group, own.levels_fitted);
        if !levels.contains(&text) {
            levels.push(text);
        }
    }
    let which = if most.is_some() {
        " Correlations are with the effects above in the same term."
    } else {
        ""
    };
    let note = format!(
        "Random effects. Levels: {}. Coefficients are what all levels have in common.{which}",
        levels.join(", ")
    );
    Some((note, Some(table)))
}

/// Variances of the noise, of a family that has some.
fn known_dispersions(regression: &Regression, training: &Samples) -> Option<ndarray::Array1<f64>> {
    if !regression.model.family().has_dispersion() {
        return None;
    }
    let model = regression.model.as_predictive()?;
    let nobody = ndarray::s![..0, ..];
    let contexts = training.contexts().slice_move(nobody);
    let features = training.features().slice_move(nobody);
    let known = model.predictor_distribution(contexts, features).ok()?;
    Some(known.dispersions)
}

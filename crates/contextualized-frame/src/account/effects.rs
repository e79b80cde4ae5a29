//! Which coefficient varies, with which context, and with what evidence; of networks, which edge.

use super::model::rows_in_words;
use crate::edges::{edge_columns, edge_values};
use crate::error::Result;
use crate::saved::{Baseline, Fitted, Networks, Regression, Saved};
use crate::tables::{Cell, STARS, Section, Table};
use contextualized_analysis::{
    NoiseFinding, Variation, average_coefficients, noise_findings, variations,
};
use contextualized_core::{LocalCoefficients, Monitor, NetworkKind, Samples, VaryingNetworks};

/// A deviation, unless it is what rounding leaves of a constant of this size.
fn without_rounding(deviation: f64, mean: f64) -> f64 {
    const ROUNDING: f64 = 1e-12;
    if deviation > ROUNDING * mean.abs() {
        deviation
    } else {
        0.0
    }
}

/// What is said of a model. Whoever watches can end it.
pub fn effects(saved: &Saved, monitor: Monitor) -> Result<Vec<Section>> {
    let training = saved.training.samples(&saved.design)?;
    let training = training.with_monitor(monitor);
    let mut sections = vec![
        (rows_in_words(saved), None),
        (format!("Fitted: {}", saved.fitted.describe()), None),
    ];
    match &saved.fitted {
        Fitted::Regression(regression) => {
            sections.extend(coefficients(regression, &training, saved)?)
        }
        Fitted::Networks(networks) => sections.push(edges(networks, &training)?),
    }
    Ok(sections)
}

/// Every coefficient, and every coefficient with every context: how much it varies and with what evidence, in
/// the account of the tests where there are some, else of the model.
pub(super) fn coefficients(
    regression: &Regression,
    training: &Samples,
    saved: &Saved,
) -> Result<Vec<Section>> {
    let data = &saved.data;
    let names = training.names();
    let tests = regression.variation.fitted();
    let found = match tests {
        Some(_) => None,
        None => Some(variations(&regression.model, training)?),
    };
    let averages = average_coefficients(&regression.model, training, None)?;
    let variables = names.context_variables();
    let length_scales = regression.model.length_scales();
    let several = names.targets.len() > 1;
    let mut columns = vec!["coefficient", "context", "mean", "deviation"];
    if several {
        columns.insert(0, "target");
    }
    if length_scales.is_some() {
        columns.push("length scale");
    }
    columns.extend(["p", "Holm p", "BH p", STARS]);
    let mut table = Table::new("effects", &columns);
    for average in &averages {
        let position = |names: &[String], name: &str| names.iter().position(|own| own == name);
        let target = position(&names.targets, &average.target).unwrap_or_default();
        // The intercept is behind the features.
        let coefficient =
            position(&names.features, &average.coefficient).unwrap_or(names.features.len());
        let contexts = variables.iter().enumerate();
        for context in std::iter::once(None).chain(contexts.map(Some)) {
            let line = tests.and_then(|tests| {
                let table = &tests.table;
                let mut lines = table.pairs.iter().chain(&table.coefficients);
                lines.find(|line| {
                    line.target == average.target
                        && line.coefficient == average.coefficient
                        && line.context.as_ref() == context.map(|(_, variable)| &variable.name)
                })
            });
            let deviation = match (&found, context) {
                (None, _) => line.map(|line| line.deviation),
                (Some(found), None) => Some(found.overall[[target, coefficient]]),
                (Some(found), Some((context, _))) => {
                    Some(found.by_context[[target, coefficient, context]])
                }
            };
            let deviation = deviation.map(|own| without_rounding(own, average.average));
            let p_value = |of: fn(&Variation) -> f64| {
                let tested = line.filter(|line| line.tested);
                tested.map_or(Cell::Missing, |line| Cell::PValue(of(line)))
            };
            let mut row: Vec<Cell> = vec![
                average.coefficient.as_str().into(),
                context
                    .map_or("(all)", |(_, variable)| variable.name.as_str())
                    .into(),
                context.is_none().then_some(average.average).into(),
                deviation.into(),
            ];
            if several {
                row.insert(0, average.target.as_str().into());
            }
            if let Some(length_scales) = &length_scales {
                let own = context.map(|(context, _)| length_scales[[coefficient, context]]);
                row.push(own.into());
            }
            row.extend([
                p_value(|line| line.p_value),
                p_value(|line| line.holm),
                p_value(|line| line.benjamini_hochberg),
                line.map_or("", |line| stars(line.holm)).into(),
            ]);
            table.push(row);
        }
    }
    let whose = if tests.is_some() {
        "as estimated by the tests; 0 where the estimate is no larger than expected by chance"
    } else {
        "in the model"
    };
    let deviations = format!(
        "{} Mean: over training rows, the intercept at average features. Deviation: standard deviation of the coefficient over training rows when this context alone varies, or all of them, {whose}.",
        saved.design.coefficient_description()
    );
    let tested = match &regression.variation {
        Baseline::Fitted(tests) => format!(
            "Wald tests of an additive Gaussian process on {} rows, with an HC3 covariance: noise may be uneven, {}. Holm and BH adjust within two families of tests: those with all contexts, and those with one. *, **, ***: Holm p at most 0.05, 0.01, 0.001. Does anything vary at all? p = {}",
            tests.rows,
            data.independence(),
            Cell::PValue(tests.table.omnibus).shown()
        ),
        Baseline::Failed(reason) => format!("No tests of variation: {reason}"),
    };
    let mut sections = vec![(deviations, Some(table)), (tested, None)];
    if let Some(text) = proportional_hazards(saved) {
        // Events are 0 or 1, once for each subject: how much they vary says nothing.
        sections.push((text, None));
        return Ok(sections);
    }
    sections.extend(noise_in_words(regression, training)?.map(|text| (text, None)));
    Ok(sections)
}

/// Where hazards are seen to be proportional or not.
fn proportional_hazards(saved: &Saved) -> Option<String> {
    let survival = saved.design.survival.as_ref()?;
    let time = &saved.design.variables[survival.time].name;
    Some(format!(
        "Hazards are proportional in a feature whose coefficient does not vary with {time}: its line with the context {time} tests that. The intercept is the logarithm of the hazard of average features, which is free to vary with {time}."
    ))
}

/// What was seen of the noise that the family does not expect.
fn noise_in_words(regression: &Regression, training: &Samples) -> Result<Option<String>> {
    let several = training.names().targets.len() > 1;
    let of = |target: &str| {
        if several {
            format!(" of {target}")
        } else {
            String::new()
        }
    };
    let p = |value: f64| match Cell::PValue(value).shown() {
        small if small.starts_with('<') => format!("p {small}"),
        shown => format!("p = {shown}"),
    };
    let said: Vec<String> = noise_findings(&regression.model, training)?
        .into_iter()
        .map(|finding| match finding {
            NoiseFinding::Uneven {
                target,
                column,
                p_value,
            } => format!(
                "The noise{} is uneven: squared residuals depend on {column} ({}).",
                of(&target),
                p(p_value)
            ),
            NoiseFinding::ExcessZeros {
                target,
                observed,
                expected,
                p_value,
            } => format!(
                "{observed} outcomes{} are zero, where {expected:.0} are expected ({}).",
                of(&target),
                p(p_value)
            ),
            NoiseFinding::Overdispersed {
                target,
                dispersion,
                p_value,
            } => format!(
                "Outcomes{} vary {dispersion:.2} times as much as those of a {} family ({}): standard errors are too small{}.",
                of(&target),
                regression.model.family(),
                p(p_value),
                regression
                    .model
                    .family()
                    .wider()
                    .map_or(String::new(), |wider| format!(
                        "; `--family {wider}` estimates how much they vary"
                    ))
            ),
        })
        .collect();
    if said.is_empty() {
        return Ok(None);
    }
    let even = regression
        .model
        .as_uncertain()
        .is_some_and(|model| model.assumes().even_noise);
    let advice = match (even, regression.variation.fitted()) {
        (true, Some(_)) => {
            " The tests of variation allow for uneven noise; standard errors and intervals do not: those by `--bootstraps 100` do."
        }
        (true, None) => {
            " Standard errors and intervals do not allow for uneven noise: those by `--bootstraps 100` do."
        }
        (false, _) => "",
    };
    Ok(Some(said.join(" ") + advice))
}

fn stars(p: f64) -> &'static str {
    match p {
        p if p <= 0.001 => "***",
        p if p <= 0.01 => "**",
        p if p <= 0.05 => "*",
        _ => "",
    }
}

/// Every edge: its mean over training rows, how much it varies, and with which context most.
fn edges(networks: &Networks, training: &Samples) -> Result<Section> {
    let columns = edge_columns(&networks.model, &training.names().features);
    let values = edge_values(&networks.model, training.contexts())?;
    let contexts = training.contexts();
    let mut table = Table::new(
        "edges",
        &[
            "edge",
            "mean",
            "deviation",
            "smallest",
            "largest",
            "closest context",
            "correlation with it",
        ],
    );
    for (name, edge) in columns.iter().zip(values.columns()) {
        let of = |own: ndarray::ArrayView1<'_, f64>| {
            let mean = own.mean().unwrap_or(f64::NAN);
            let deviation = own
                .mapv(|value| (value - mean).powi(2))
                .mean()
                .unwrap_or(0.0)
                .sqrt();
            (mean, without_rounding(deviation, mean))
        };
        let (mean, deviation) = of(edge.view());
        if edge.iter().all(|value| *value == 0.0) {
            continue;
        }
        let correlation = |context: usize| {
            let column = contexts.column(context);
            let (other, spread) = of(column);
            let product: f64 = edge
                .iter()
                .zip(column)
                .map(|(a, b)| (a - mean) * (b - other))
                .sum();
            product / (edge.len() as f64 * deviation * spread)
        };
        let closest = training
            .names()
            .measured_contexts()
            .into_iter()
            .map(|context| (context, correlation(context)))
            .filter(|(_, correlation)| correlation.is_finite() && deviation > 0.0)
            .max_by(|(_, a), (_, b)| a.abs().total_cmp(&b.abs()));
        let smallest = edge.iter().copied().fold(f64::INFINITY, f64::min);
        let largest = edge.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        table.push(vec![
            name.trim_start_matches("edge.").into(),
            mean.into(),
            deviation.into(),
            smallest.into(),
            largest.into(),
            closest.map_or(Cell::Missing, |(context, _)| {
                training.names().contexts[context].as_str().into()
            }),
            closest.map(|(_, correlation)| correlation).into(),
        ]);
    }
    let kind = match networks.model.kind() {
        NetworkKind::Correlation => "Correlations",
        NetworkKind::Precision => "Partial correlations",
        NetworkKind::Directed => "Weights of directed edges",
    };
    Ok((
        format!(
            "{kind} over {} training rows; edges that are zero everywhere are left out. They are estimates, without a test of variation.",
            training.rows()
        ),
        Some(table),
    ))
}

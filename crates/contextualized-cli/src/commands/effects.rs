//! `effects`: which coefficient varies, with which context, and with what evidence; of networks, which edge.

use super::fit::rows_in_words;
use crate::arguments::{Effects, Global};
use crate::error::Result;
use crate::model_file;
use crate::output::{Cell, Section, Table, print};
use crate::saved::{Baseline, DataSummary, Fitted, Networks, Regression, Saved};
use contextualized_analysis::{Variation, variations};
use contextualized_core::{
    LocalCoefficients, NetworkKind, Samples, VaryingCoefficients, VaryingNetworks,
};

/// A deviation, unless it is what rounding leaves of a constant of this size.
fn without_rounding(deviation: f64, mean: f64) -> f64 {
    const ROUNDING: f64 = 1e-12;
    if deviation > ROUNDING * mean.abs() {
        deviation
    } else {
        0.0
    }
}

pub(crate) fn run(arguments: &Effects, global: &Global) -> Result<()> {
    let saved: Saved = model_file::load(&arguments.model)?;
    let training = saved.training.samples(&saved.design)?;
    let mut sections = vec![
        (rows_in_words(&saved), None),
        (format!("Fitted: {}", saved.fitted.describe()), None),
    ];
    match &saved.fitted {
        Fitted::Regression(regression) => {
            sections.extend(coefficients(regression, &training, &saved.data)?)
        }
        Fitted::Networks(networks) => sections.push(edges(networks, &training)?),
    }
    print(&sections, global.json)
}

/// Every coefficient, and every coefficient with every context, with how much it varies in the model and
/// the p-values of the tests.
fn coefficients(
    regression: &Regression,
    training: &Samples,
    data: &DataSummary,
) -> Result<[Section; 2]> {
    let found = variations(&regression.model, training)?;
    let all = regression.model.coefficients(training.contexts())?;
    let names = training.names();
    let tests = regression.variation.fitted();
    let several = names.targets.len() > 1;
    let mut columns = vec![
        "coefficient",
        "context",
        "mean",
        "deviation",
        "p",
        "Holm p",
        "BH p",
        "",
    ];
    if several {
        columns.insert(0, "target");
    }
    let mut table = Table::new("effects", &columns);
    let rows = all.rows() as f64;
    for (target, target_name) in names.targets.iter().enumerate() {
        for coefficient in 0..=names.features.len() {
            let (name, mean) = match names.features.get(coefficient) {
                Some(name) => {
                    let slopes = all.slopes();
                    let own = (0..all.rows()).map(|row| slopes[[row, target, coefficient]]);
                    (name.as_str(), own.sum::<f64>() / rows)
                }
                None => {
                    let intercepts = all.intercepts();
                    ("(intercept)", intercepts.column(target).sum() / rows)
                }
            };
            // A model without an intercept has no line for it.
            let line_of = |context: Option<&str>| {
                let table = &tests?.table;
                let mut lines = table.pairs.iter().chain(&table.coefficients);
                lines.find(|line| {
                    line.target == *target_name
                        && line.coefficient == name
                        && line.context.as_deref() == context
                })
            };
            if name == "(intercept)" && tests.is_some() && line_of(None).is_none() {
                continue;
            }
            let contexts = names.contexts.iter().enumerate();
            let overall = without_rounding(found.overall[[target, coefficient]], mean);
            let each = contexts.map(|(context, name)| {
                let deviation = found.by_context[[target, coefficient, context]];
                (Some(name.as_str()), deviation)
            });
            let together = (None, overall);
            for (context, deviation) in std::iter::once(together).chain(each) {
                let line = line_of(context);
                let p_value = |of: fn(&Variation) -> f64| {
                    line.map_or(Cell::Missing, |line| Cell::PValue(of(line)))
                };
                let mut row: Vec<Cell> = vec![
                    name.into(),
                    context.unwrap_or("(all)").into(),
                    context.is_none().then_some(mean).into(),
                    deviation.into(),
                    p_value(|line| line.p_value),
                    p_value(|line| line.holm),
                    p_value(|line| line.benjamini_hochberg),
                    line.map_or("", |line| stars(line.holm)).into(),
                ];
                if several {
                    row.insert(0, target_name.as_str().into());
                }
                table.push(row);
            }
        }
    }
    let deviations = format!(
        "{} Deviation: standard deviation of the coefficient over training rows when this context alone changes, or all of them.",
        regression.model.family().coefficient_description()
    );
    let tested = match &regression.variation {
        Baseline::Fitted(tests) => format!(
            "Wald tests of an additive Gaussian process on {} rows, with an HC3 covariance: noise may be uneven, {}. Holm and BH adjust for the number of tests. *, **, ***: Holm p at most 0.05, 0.01, 0.001. Does anything vary at all? p = {}",
            tests.rows,
            data.independence(),
            Cell::PValue(tests.table.omnibus).shown()
        ),
        Baseline::Failed(reason) => format!("No tests of variation: {reason}"),
    };
    Ok([(deviations, Some(table)), (tested, None)])
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
    use super::predict::{edge_columns, edge_values};
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
        let closest = (0..contexts.ncols())
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

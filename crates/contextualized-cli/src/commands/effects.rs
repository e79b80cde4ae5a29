//! `effects`: which coefficient varies, with which context, and with what evidence; of networks, which edge.

use super::fit::rows_in_words;
use crate::arguments::{Effects, Global};
use crate::error::Result;
use crate::model_file;
use crate::output::{Cell, Table, print};
use crate::saved::{Baseline, Fitted, Networks, Regression, Saved};
use contextualized_analysis::variations;
use contextualized_core::{Samples, VaryingCoefficients, VaryingNetworks};

/// What rounding leaves of the variation of a constant, of its size at most.
const ROUNDING: f64 = 1e-12;

type Sections = Vec<(String, Option<Table>)>;

pub(crate) fn run(arguments: &Effects, global: &Global) -> Result<()> {
    let saved: Saved = model_file::load(&arguments.model)?;
    let training = saved.training.samples(&saved.design)?;
    let mut sections = vec![(rows_in_words(&saved), None)];
    match &saved.fitted {
        Fitted::Regression(regression) => {
            sections.push((format!("Fitted: {}", regression.model.describe()), None));
            sections.extend(coefficients(regression, &training)?);
        }
        Fitted::Networks(networks) => {
            sections.push((format!("Fitted: {}", networks.model.describe()), None));
            sections.extend(edges(networks, &training)?);
        }
    }
    print(&sections, global.json)
}

/// Every coefficient, and every coefficient with every context, with how much it varies in the model and
/// the p-values of the tests.
fn coefficients(regression: &Regression, training: &Samples) -> Result<Sections> {
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
                    let offsets = all.offsets();
                    ("(intercept)", offsets.column(target).sum() / rows)
                }
            };
            // A model without an intercept has no line for it.
            let line_of = |context: Option<&str>| {
                let lines = tests.map(|tests| match context {
                    Some(_) => &tests.table.pairs,
                    None => &tests.table.coefficients,
                });
                lines.into_iter().flatten().find(|line| {
                    line.target == *target_name
                        && line.coefficient == name
                        && line.context.as_deref() == context
                })
            };
            if name == "(intercept)" && tests.is_some() && line_of(None).is_none() {
                continue;
            }
            let contexts = names.contexts.iter().enumerate();
            // What rounding leaves of a constant is no variation.
            let overall = found.overall[[target, coefficient]];
            let overall = if overall > ROUNDING * mean.abs() {
                overall
            } else {
                0.0
            };
            let each = contexts.map(|(context, name)| {
                let deviation = found.by_context[[target, coefficient, context]];
                (Some(name.as_str()), deviation)
            });
            let together = (None, overall);
            for (context, deviation) in std::iter::once(together).chain(each) {
                let mut row: Vec<Cell> = if several {
                    vec![target_name.as_str().into()]
                } else {
                    Vec::new()
                };
                row.extend([
                    name.into(),
                    context.unwrap_or("(all)").into(),
                    match context {
                        None => mean.into(),
                        Some(_) => Cell::Missing,
                    },
                    deviation.into(),
                ]);
                match line_of(context) {
                    Some(line) => row.extend([
                        Cell::PValue(line.p_value),
                        Cell::PValue(line.holm),
                        Cell::PValue(line.benjamini_hochberg),
                        stars(line.holm).into(),
                    ]),
                    None => row.extend([Cell::Missing, Cell::Missing, Cell::Missing, "".into()]),
                }
                table.push(row);
            }
        }
    }
    let mut sections = vec![(
        "Deviation: standard deviation of the coefficient over training rows when this context alone changes, or all of them.".to_owned(),
        Some(table),
    )];
    sections.push((
        match &regression.variation {
            Baseline::Fitted(tests) => format!(
                "Wald tests of an additive Gaussian process on {} rows; Holm and BH adjust for the number of tests. *, **, ***: Holm p at most 0.05, 0.01, 0.001. Does anything vary at all? p = {}",
                tests.rows,
                Cell::PValue(tests.table.omnibus).shown()
            ),
            Baseline::Failed(reason) => format!("No tests of variation: {reason}"),
        },
        None,
    ));
    Ok(sections)
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
fn edges(networks: &Networks, training: &Samples) -> Result<Sections> {
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
            if deviation > ROUNDING * mean.abs() {
                (mean, deviation)
            } else {
                (mean, 0.0)
            }
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
        contextualized_core::NetworkKind::Correlation => "Correlations",
        contextualized_core::NetworkKind::Precision => "Partial correlations",
        _ => "Weights of directed edges",
    };
    Ok(vec![(
        format!(
            "{kind} over {} training rows; edges that are zero everywhere are left out. They are estimates, without a test of variation.",
            training.rows()
        ),
        Some(table),
    )])
}

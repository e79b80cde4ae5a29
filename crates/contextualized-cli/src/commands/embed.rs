//! `embed`: rows that are near each other where their coefficients, or networks, are alike.

use crate::arguments::{Embed, EmbeddingMethod, Global};
use crate::data::Table as _;
use crate::design::{Encoder, UnknownLevels, a_row_for_each};
use crate::error::{Error, Result};
use crate::model_files;
use crate::output::{Cell, Section, Table, remark_on, say};
use crate::progress::Progress;
use crate::saved::{Fitted, Networks, Regression, Saved};
use contextualized_analysis::{CoefficientColumns, NetworkColumns, PrincipalComponents, Tsne};
use contextualized_core::{
    LocalCoefficients, NetworkKind, Samples, VaryingCoefficients, VaryingNetworks,
};
use contextualized_files::Source;
use contextualized_frame::account::rows_in_words;
use contextualized_frame::values::{ends, is_flat};
use ndarray::{Array2, ArrayView1, ArrayView2, Axis, concatenate};

/// Rows that t-SNE embeds in reasonable time.
const MOST_ROWS: usize = 20_000;

pub(crate) fn run(arguments: &Embed, global: &Global) -> Result<()> {
    check_settings(arguments)?;
    let saved = model_files::load(&arguments.model)?;
    let progress = Progress::new(global, "reading");
    let mut output = arguments.output.rows(global)?;
    let reading = arguments.flags.reading_like(&saved.reading)?;
    let source = Source::open(&arguments.data, &reading)?;
    let drop_missing = arguments.flags.drop_missing;
    let unknown = UnknownLevels::Error;
    let mut encoder = Encoder::of_contexts(&saved.design, &source, unknown, drop_missing);
    let (mut blocks, mut rows, mut read) = (Vec::new(), Vec::new(), 0);
    for chunk in source.chunks(&encoder.columns()?)? {
        let chunk = chunk?;
        let encoded = encoder.encode(&chunk)?;
        rows.extend(encoded.rows.iter().map(|row| read + row));
        blocks.push(encoded.contexts);
        read += chunk.rows;
    }
    let blocks: Vec<ArrayView2<'_, f64>> = blocks.iter().map(Array2::view).collect();
    let contexts = concatenate(Axis(0), &blocks).unwrap_or_default();
    if contexts.nrows() == 0 {
        return Err(Error::failure(format!(
            "{} has no complete rows",
            source.name()
        )));
    }
    progress.say("embedding");
    let training = saved.training.samples(&saved.design)?;
    let compared = Compared::new(&saved, &training)?;
    let (mut values, section) = match arguments.method {
        EmbeddingMethod::Pca => {
            let dimensions = arguments.dimensions.unwrap_or(2);
            components(&compared, &training, &contexts, dimensions)?
        }
        EmbeddingMethod::Tsne => neighbours(&compared, &contexts, arguments)?,
    };
    if !drop_missing {
        values = a_row_for_each(read, &rows, values.view());
    }
    let names: Vec<String> = (1..=values.ncols())
        .map(|place| format!("{}{place}", arguments.method.axis()))
        .collect();
    output.write(&[], Vec::new(), &names, &values, Vec::new())?;
    output.finish()?;
    drop(progress);
    for remark in encoder.remarks() {
        remark_on(global, &format!("{}: {remark}", source.name()));
    }
    if arguments.output.is_standard() {
        return Ok(());
    }
    say(
        &saved.facts(),
        &[(rows_in_words(&saved), None), section],
        global,
    )
}

/// A usage error for a setting of the other method, which would be ignored.
fn check_settings(arguments: &Embed) -> Result<()> {
    let (other, settings) = match arguments.method {
        EmbeddingMethod::Pca => (
            "tsne",
            vec![
                ("--perplexity", arguments.perplexity.is_some()),
                ("--seed", arguments.seed.is_some()),
            ],
        ),
        EmbeddingMethod::Tsne => (
            "pca",
            vec![("--dimensions", arguments.dimensions.is_some())],
        ),
    };
    match settings.into_iter().find(|(_, given)| *given) {
        Some((flag, _)) => Err(Error::usage(format!(
            "{flag} is a setting of --method {other}; leave it out, or ask for that method"
        ))),
        None => Ok(()),
    }
}

/// What is compared between rows.
enum Compared<'a> {
    Coefficients(&'a Regression, CoefficientColumns),
    Networks(&'a Networks, NetworkColumns),
}

impl<'a> Compared<'a> {
    fn new(saved: &'a Saved, training: &Samples) -> Result<Self> {
        Ok(match &saved.fitted {
            Fitted::Regression(regression) => {
                let columns = CoefficientColumns::new(training, regression.model.family())?;
                Self::Coefficients(regression, columns.with_levels())
            }
            Fitted::Networks(networks) => {
                let nodes = &training.names().features;
                let columns = match networks.model.kind() {
                    NetworkKind::Correlation | NetworkKind::Precision => {
                        NetworkColumns::undirected(nodes)
                    }
                    NetworkKind::Directed => {
                        let deviation = |node: ArrayView1<'_, f64>| node.std(1.0);
                        let deviations = training.features().map_axis(Axis(0), deviation);
                        NetworkColumns::directed(nodes).scaled(deviations.view())?
                    }
                };
                Self::Networks(networks, columns)
            }
        })
    }

    fn names(&self) -> &[String] {
        match self {
            Self::Coefficients(_, columns) => columns.names(),
            Self::Networks(_, columns) => columns.names(),
        }
    }

    /// Coefficients or edges at contexts, in units in which they compare (rows × columns).
    fn table(&self, contexts: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        Ok(match self {
            Self::Coefficients(regression, columns) => {
                columns.table(&regression.model.coefficients(contexts)?)?
            }
            Self::Networks(networks, columns) => columns.of_model(&networks.model, contexts)?,
        })
    }
}

/// Principal components of the training rows, at these contexts.
fn components(
    compared: &Compared<'_>,
    training: &Samples,
    contexts: &Array2<f64>,
    dimensions: usize,
) -> Result<(Array2<f64>, Section)> {
    let table = compared.table(training.contexts())?;
    let flat = |column: ArrayView1<'_, f64>| is_flat(ends(column.iter()));
    if table.columns().into_iter().all(flat) {
        return Err(Error::failure(
            "the model gives all rows the same coefficients, so that no coordinates tell them apart",
        ));
    }
    let model = PrincipalComponents::new()
        .components(dimensions.min(table.ncols()))
        .fit(table.view(), compared.names())?;
    let points = model.transform(compared.table(contexts.view())?.view())?;
    let explained = model.explained();
    let mut loadings = Table::new("loadings", &["component", "of", "loading"]);
    for (component, column) in model.loadings().columns().into_iter().enumerate() {
        for (name, loading) in compared.names().iter().zip(column) {
            loadings.push(vec![
                (component + 1).to_string().into(),
                name.as_str().into(),
                (*loading).into(),
            ]);
        }
    }
    let shares: Vec<String> = explained
        .iter()
        .map(|share| format!("{:.1} %", 100.0 * share))
        .collect();
    let text = format!(
        "Principal components of the coefficients or edges of the training rows, in units in which they compare, explain {} of their variance; loadings:",
        shares.join(", ")
    );
    Ok((points, (text, Some(loadings))))
}

/// A plane in which rows are near their neighbours.
fn neighbours(
    compared: &Compared<'_>,
    contexts: &Array2<f64>,
    arguments: &Embed,
) -> Result<(Array2<f64>, Section)> {
    if contexts.nrows() > MOST_ROWS {
        return Err(Error::failure(format!(
            "t-SNE of {} rows would take very long; use at most {MOST_ROWS}, or --method pca",
            contexts.nrows()
        )));
    }
    let table = compared.table(contexts.view())?;
    let rows = table.nrows() as f64;
    // A perplexity of more than a third of the rows is none.
    let perplexity = arguments
        .perplexity
        .unwrap_or(30.0)
        .min(((rows - 1.0) / 3.0).floor().max(1.0));
    let embedding = Tsne::new()
        .perplexity(perplexity)
        .seed(arguments.seed.unwrap_or(0))
        .fit(table.view())?;
    let mut reached = Table::new("tsne", &["perplexity", "divergence"]);
    reached.push(vec![perplexity.into(), Cell::from(embedding.divergence)]);
    let text = "t-SNE of the coefficients or edges, in units in which they compare. Distances between clusters mean little, and other seeds give other pictures.".to_owned();
    Ok((embedding.points, (text, Some(reached))))
}

//! The report of networks.

use super::axes::{ContextAxis, descending, quantile, typical};
use super::comparison::{self, Comparison, Losses, models};
use super::dependence::ends;
use super::edges::Edges;
use super::page::{Page, Table};
use super::pictures;
use super::samples::{self, Beyond, beyond};
use super::study::Study;
use super::words::{count, listed, number, whole, with_error};
use contextualized_core::metrics::Score;
use contextualized_core::{
    Error, NetworkDensity, NetworkKind, Networks, Result, partial_correlations,
};
use ndarray::{Array1, Array3, ArrayView2, Axis, s};

/// A report of networks. The nodes are the features of the samples.
pub(crate) struct NetworkReport<'a> {
    pub(crate) study: &'a Study,
    /// The fitted model.
    pub(crate) model: &'a dyn NetworkDensity,
    /// One network for all, fitted to the same rows.
    pub(crate) population: &'a dyn NetworkDensity,
    /// A network for each cluster, fitted to the same rows.
    pub(crate) clusters: Option<&'a dyn NetworkDensity>,
}

/// Edges in the table.
const EDGES: usize = 30;
/// Contexts that networks are drawn along, and those that edges are shown against.
const DRAWN_CONTEXTS: usize = 3;
const CONTEXTS: usize = 12;
/// Nodes of a drawing, the strongest first.
const NODES: usize = 20;
/// Weaker edges are not drawn.
const WEAKEST: f64 = 0.1;

impl NetworkReport<'_> {
    /// The report as an HTML document. The same input gives the same bytes.
    ///
    /// # Errors
    ///
    /// [`contextualized_core::Error::ColumnCount`] for test rows that do not fit the training rows, and
    /// [`contextualized_core::Error::InvalidParameter`] for contexts that are not there; those of the
    /// models.
    pub(crate) fn html(&self) -> Result<String> {
        let study = self.study;
        study.check()?;
        let beyond = beyond(&study.training, &study.test)?;
        let comparison = self.comparison()?;
        let edges = Edges::new(self)?;
        let mut page = Page::new(&study.title);
        self.write_short(&mut page, &comparison, &edges, beyond.as_ref())?;
        study.write_data(&mut page, true);
        study.write_model(&mut page);
        self.write_comparison(&mut page, &comparison)?;
        self.write_edges(&mut page, &edges);
        self.write_dependence(&mut page, &edges)?;
        self.write_graphs(&mut page, &edges)?;
        study.write_extrapolation(&mut page, beyond.as_ref())?;
        write_reading(&mut page);
        Ok(page.html(&study.lead()))
    }

    pub(super) fn directed(&self) -> bool {
        self.model.kind() == NetworkKind::Directed
    }

    /// What the numbers of edges are.
    fn quantity(&self) -> &'static str {
        match self.model.kind() {
            NetworkKind::Correlation => "correlation",
            NetworkKind::Precision => "partial correlation",
            NetworkKind::Directed => "standardised weight",
        }
    }

    fn comparison(&self) -> Result<Comparison<'_>> {
        let test = &self.study.test;
        let losses = models(self.model, self.population, self.clusters)
            .into_iter()
            .map(|(name, model)| {
                Ok(Losses {
                    name: name.to_owned(),
                    rows: -model.log_densities(test.contexts(), test.features())?,
                })
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(Comparison::new(losses, test.weights()))
    }

    fn write_short(
        &self,
        page: &mut Page,
        comparison: &Comparison<'_>,
        edges: &Edges,
        beyond: Option<&Beyond>,
    ) -> Result<()> {
        let mut findings = comparison.sentences(LOSS, false)?;
        let most: Vec<String> = edges
            .by_spread()
            .into_iter()
            .take(3)
            .filter(|&edge| edges.spread[edge] > 0.0)
            .map(|edge| {
                format!(
                    "{} ({} ± {})",
                    edges.names[edge],
                    number(edges.mean[edge]),
                    number(edges.spread[edge])
                )
            })
            .collect();
        findings.push(if most.is_empty() {
            "The model gives every row the same network.".to_owned()
        } else {
            format!(
                "Edges that vary most over training rows, mean ± standard deviation of the {}: {}.",
                self.quantity(),
                listed(&most)
            )
        });
        let mut warnings = Vec::new();
        if comparison.shows_no_gain()? {
            warnings.push(
                "Weak evidence of variation: held-out rows do not show that networks vary with context. \
                 Read the curves and drawings below as what the model says, not as findings."
                    .to_owned(),
            );
        }
        let nodes = self.study.training.features().ncols();
        let warnings = self.study.warnings(warnings, beyond, (nodes, "nodes"));
        self.study.write_short(page, &findings, &warnings);
        Ok(())
    }

    fn write_comparison(&self, page: &mut Page, comparison: &Comparison<'_>) -> Result<()> {
        page.section("Held-out comparison");
        page.paragraph(&format!(
            "All models were fitted to the training rows and are compared on the same {}: by the \
             density that they give them (minus its logarithm, so that smaller is better, and \
             differences alone mean something), and by how closely each node is predicted from the others \
             (reconstruction error). SE is the standard error over test rows; differences are taken row \
             by row.",
            self.study.test_rows()
        ));
        let test = &self.study.test;
        let errors = models(self.model, self.population, self.clusters)
            .into_iter()
            .map(|(_, model)| {
                let rows = model.reconstruction_errors(test.contexts(), test.features())?;
                Ok(with_error(Score::of_rows(rows.view(), test.weights())?))
            })
            .collect::<Result<Vec<_>>>()?;
        page.table(&comparison.table(
            "Losses on held-out rows; difference: this model less the other.",
            LOSS,
            &[("reconstruction error ± SE", errors)],
        )?);
        page.pictures(&[comparison.picture(LOSS)?], comparison::PICTURED);
        self.study.write_cluster_sizes(page);
        Ok(())
    }

    fn write_edges(&self, page: &mut Page, edges: &Edges) {
        page.section("Edges");
        page.paragraph(match self.model.kind() {
            NetworkKind::Correlation => {
                "Edges are correlations of two nodes, given the context."
            }
            NetworkKind::Precision => {
                "Edges are partial correlations: those of two nodes given all others and the context."
            }
            NetworkKind::Directed => {
                "Edges are weights of linear structural equations, standardised so that they compare: \
                 by how many standard deviations the second node changes for one of the first. That an \
                 arrow points one way and not the other rests on the assumptions of the model."
            }
        });
        let mut table = Table::new(
            format!(
                "The {} of each edge over training rows, most varying first.",
                self.quantity()
            ),
            [
                "Edge",
                "Population",
                "Mean",
                "SD",
                "5 %",
                "95 %",
                "changes most with",
                "by up to",
            ],
        )
        .words(&[6]);
        let shown = edges.that_are();
        for &edge in shown.iter().take(EDGES) {
            let strongest = (0..edges.curves.len())
                .max_by(|&a, &b| edges.change(a, edge).total_cmp(&edges.change(b, edge)));
            let (context, change) = match strongest {
                Some(axis) if edges.change(axis, edge) > 0.0 => (
                    self.study.context_name(axis).to_owned(),
                    number(edges.change(axis, edge)),
                ),
                _ => ("–".to_owned(), "–".to_owned()),
            };
            table.row([
                edges.names[edge].clone(),
                number(edges.population[edge]),
                number(edges.mean[edge]),
                number(edges.spread[edge]),
                number(edges.low[edge]),
                number(edges.high[edge]),
                context,
                change,
            ]);
        }
        table.row_of_more(shown.len().saturating_sub(EDGES), "");
        page.table(&table);
        let none = edges.names.len() - shown.len();
        if none > 0 {
            page.paragraph(&format!(
                "{} of {} pairs are an edge in none of these rows, nor in the population.",
                whole(none),
                whole(edges.names.len())
            ));
        }
    }

    fn write_dependence(&self, page: &mut Page, edges: &Edges) -> Result<()> {
        page.section("Edges across contexts");
        page.paragraph(
            "The average of each edge over training rows at values of one context, each row keeping its \
             other contexts. Shown are the edges that change most with any context. These averages come without bands.",
        );
        let chosen = edges.most_changing();
        let axes: Vec<usize> = edges.axes_by_change().into_iter().take(CONTEXTS).collect();
        let curve = |axis: usize, edge: usize| edges.curves[axis].values.column(edge).to_vec();
        let all: Vec<f64> = axes
            .iter()
            .flat_map(|&axis| chosen.iter().flat_map(move |&edge| curve(axis, edge)))
            .collect();
        let range = ends(all.iter().chain([&0.0]));
        let mut drawn = Vec::new();
        for &axis in &axes {
            let curves: Vec<(String, Vec<f64>)> = chosen
                .iter()
                .map(|&edge| (edges.names[edge].clone(), curve(axis, edge)))
                .collect();
            drawn.push(pictures::edges(
                self.quantity(),
                self.study.context_name(axis),
                &edges.curves[axis].at,
                &curves,
                range,
            )?);
        }
        let left_out = match edges.curves.len().saturating_sub(CONTEXTS) {
            0 => String::new(),
            more => format!(
                " {} that change edges less are not drawn.",
                count(more, "context", "contexts")
            ),
        };
        page.pictures(
            &drawn,
            &format!(
                "The {} of the edges that change most against each context, the strongest first, in the \
                 same colours and on one vertical axis; strokes: training rows.{left_out}",
                self.quantity()
            ),
        );
        Ok(())
    }

    fn write_graphs(&self, page: &mut Page, edges: &Edges) -> Result<()> {
        page.section("Networks at a few contexts");
        let axes: Vec<usize> = edges
            .axes_by_change()
            .into_iter()
            .filter(|&axis| edges.largest_change(axis) >= WEAKEST)
            .take(DRAWN_CONTEXTS)
            .collect();
        let study = self.study;
        let base = typical(&study.contexts, study.training.contexts());
        let mut contexts = base.clone();
        let mut places = Vec::new();
        for &axis in &axes {
            let context = &study.contexts[axis];
            for (value, code) in self.shown_values(context) {
                contexts
                    .append(Axis(0), base.view())
                    .map_err(|source| Error::numerical("joining contexts", source))?;
                let last = contexts.nrows() - 1;
                context.set(contexts.slice_mut(s![last.., ..]), code.view());
                places.push((axis, value));
            }
        }
        let own = self.shown(&self.model.networks(contexts.view())?)?;
        let population = self.shown(&self.population.networks(contexts.slice(s![..1, ..]))?)?;
        let nodes = strongest_nodes(&own, &population);
        let all_names = &study.training.names().features;
        let names: Vec<&str> = nodes.iter().map(|&node| all_names[node].as_str()).collect();
        let weights = |table: ArrayView2<'_, f64>| -> Vec<f64> {
            let kept = table.select(Axis(0), &nodes).select(Axis(1), &nodes);
            let strong = |((i, j), value): ((usize, usize), &f64)| {
                if i != j && value.abs() >= WEAKEST {
                    *value
                } else {
                    0.0
                }
            };
            kept.indexed_iter().map(strong).collect()
        };
        let tables: Vec<Vec<f64>> = own.outer_iter().map(weights).collect();
        let of_all = weights(population.index_axis(Axis(0), 0));
        let widest = tables
            .iter()
            .chain([&of_all])
            .flatten()
            .fold(0.0_f64, |most, value| most.max(value.abs()));
        let draw = |title: &str, subtitle: &str, weights: &[f64]| {
            pictures::graph(title, subtitle, &names, weights, self.directed(), widest)
        };
        page.paragraph(&format!(
            "Networks at contexts that are typical but for one: numbers at their medians, categories at \
             their most frequent level. Edges are as wide as they are strong in all drawings alike, \
             vermillion where positive, blue and dashed where negative; those below {WEAKEST} are left \
             out, and so are contexts along which no edge changes by as much on average.{}",
            if nodes.len() < all_names.len() { format!(
                " Of {} nodes the {} with the strongest edges are drawn.",
                all_names.len(),
                nodes.len()
            ) } else { String::new() }
        ));
        let labels = pictures::node_labels(&names);
        if labels.iter().zip(&names).any(|(label, name)| label != name) {
            let key: Vec<String> = labels
                .iter()
                .zip(&names)
                .map(|(label, name)| format!("{label} {name}"))
                .collect();
            page.paragraph(&format!("Nodes: {}.", key.join(", ")));
        }
        page.pictures(
            &[
                draw("population", "one network for all", &of_all)?,
                draw("a typical context", "all contexts typical", &tables[0])?,
            ],
            "The population’s network, and the model’s at a typical context.",
        );
        for &axis in &axes {
            let name = study.context_name(axis);
            let own = places.iter().zip(&tables[1..]);
            let drawn = own
                .filter(|((of, _), _)| *of == axis)
                .map(|((_, value), weights)| draw(&format!("{name} = {value}"), "", weights))
                .collect::<Result<Vec<_>>>()?;
            page.subsection(&format!("Along {name}"));
            page.pictures(
                &drawn,
                &format!("Networks along {name}, all other contexts typical."),
            );
        }
        Ok(())
    }

    /// Values of a context that networks are drawn at, with their codes: quantiles of a number, the first
    /// levels of a category.
    fn shown_values(&self, axis: &ContextAxis) -> Vec<(String, Array1<f64>)> {
        const LEVELS: usize = 6;
        match axis {
            ContextAxis::Number { column } => {
                let values = self.study.training.contexts().column(*column).to_vec();
                let mut shown = [0.1, 0.5, 0.9]
                    .map(|share| quantile(&values, share))
                    .to_vec();
                shown.dedup();
                let code = |value| (number(value), Array1::from_elem(1, value));
                shown.into_iter().map(code).collect()
            }
            ContextAxis::Category { levels, codes, .. } => {
                let codes = codes.rows().into_iter().map(|code| code.to_owned());
                levels.iter().cloned().zip(codes).take(LEVELS).collect()
            }
        }
    }

    /// Networks as they are shown: correlations, partial correlations or standardised weights.
    pub(super) fn shown(&self, networks: &Networks) -> Result<Array3<f64>> {
        match self.model.kind() {
            NetworkKind::Precision => partial_correlations(networks),
            NetworkKind::Correlation => Ok(networks.edges().to_owned()),
            NetworkKind::Directed => {
                let columns = self.study.training.features();
                let deviation = |node: usize| samples::moments(columns.column(node)).1;
                let deviations: Vec<f64> = (0..columns.ncols()).map(deviation).collect();
                let mut shown = networks.edges().to_owned();
                for ((_, from, to), weight) in shown.indexed_iter_mut() {
                    if deviations[to] > 0.0 {
                        *weight *= deviations[from] / deviations[to];
                    }
                }
                Ok(shown)
            }
        }
    }
}

fn write_reading(page: &mut Page) {
    page.section("How to read this");
    page.list(&[
        "Nothing here was estimated from the test rows: models, scales and clusters know the training \
         rows alone."
            .to_owned(),
        "Averages along a context are partial dependence (Friedman 2001, \
         doi:10.1214/aos/1013203451): where contexts depend on each other they also ask for \
         combinations that do not occur."
            .to_owned(),
        "Spreads are standard deviations over the fitted networks, not standard errors of edges. \
         Compare models on held-out rows first."
            .to_owned(),
    ]);
}

const LOSS: &str = "negative log-likelihood";

/// Nodes whose edges are strongest in any of the networks, in their own order.
fn strongest_nodes(networks: &Array3<f64>, population: &Array3<f64>) -> Vec<usize> {
    let count = networks.dim().1;
    let mut strength = vec![0.0_f64; count];
    for ((_, i, j), weight) in networks.indexed_iter().chain(population.indexed_iter()) {
        if i != j {
            strength[i] = strength[i].max(weight.abs());
            strength[j] = strength[j].max(weight.abs());
        }
    }
    let mut order = descending(count, |node| strength[node]);
    order.truncate(NODES);
    order.sort_unstable();
    order
}

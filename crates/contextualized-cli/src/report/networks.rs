//! The report of networks.

use super::axes::typical;
use super::comparison::{self, Comparison, Losses, models};
use super::edges::Edges;
use super::page::{Page, Table};
use super::pictures::{self, Curve, Curves, Size};
use super::samples::{Beyond, beyond};
use super::study::{Study, write_short};
use super::words::{count, listed, number, whole, with_error};
use contextualized_core::metrics::Score;
use contextualized_core::{Error, NetworkDensity, NetworkKind, Result};
use contextualized_frame::edges::EdgeValues;
use contextualized_frame::values::{descending, ends};
use ndarray::{Array3, ArrayView2, Axis, s};

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
/// Levels of a context that networks are drawn at.
const LEVELS: usize = 6;
/// Edges below this are not drawn, of few rows.
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
        self.write_comparison(&mut page, &comparison)?;
        self.write_edges(&mut page, &edges);
        self.write_dependence(&mut page, &edges)?;
        self.write_graphs(&mut page, &edges)?;
        study.write_extrapolation(&mut page, beyond.as_ref())?;
        study.write_model(&mut page);
        study.write_data(&mut page, true);
        write_reading(&mut page);
        Ok(page.html(&study.lead()))
    }

    pub(super) fn edge_values(&self) -> EdgeValues<'_> {
        EdgeValues::new(self.model, &self.study.training)
    }

    /// What the numbers of edges are.
    fn quantity(&self) -> &'static str {
        self.edge_values().quantity()
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
        page.section("In short");
        self.write_headline(page, edges)?;
        write_short(page, &findings, &warnings);
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
        page.table_and_picture(
            &comparison.table(
                "Losses on held-out rows; difference: this model less the other.",
                LOSS,
                &[("reconstruction error ± SE", errors)],
            )?,
            &comparison.picture(LOSS)?,
            comparison::PICTURED,
        );
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
            drawn.push(self.edges_against(edges, axis, &chosen, range, pictures::WITH_LEGEND)?);
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

    /// Edges against one context, a curve for each.
    fn edges_against(
        &self,
        edges: &Edges,
        axis: usize,
        chosen: &[usize],
        range: (f64, f64),
        size: Size,
    ) -> Result<String> {
        let own = &edges.curves[axis];
        let values: Vec<Vec<f64>> = chosen
            .iter()
            .map(|&edge| own.values.column(edge).to_vec())
            .collect();
        let curves = chosen.iter().zip(&values);
        Curves {
            quantity: self.quantity(),
            context: self.study.context_name(axis),
            at: &own.at,
            curves: curves
                .map(|(&edge, values)| Curve {
                    name: &edges.names[edge],
                    values,
                    interval: None,
                })
                .collect(),
            population: None,
            range,
        }
        .picture(size)
    }

    /// The edges that change most against the context that changes them most, as large as there is room.
    fn write_headline(&self, page: &mut Page, edges: &Edges) -> Result<()> {
        let strongest = edges.axes_by_change().into_iter().next();
        let chosen = edges.most_changing();
        let Some(axis) = strongest.filter(|&axis| edges.largest_change(axis) > 0.0) else {
            return Ok(());
        };
        let values = chosen
            .iter()
            .map(|&edge| edges.curves[axis].values.column(edge));
        let values: Vec<f64> = values.flat_map(|values| values.to_vec()).collect();
        let range = ends(values.iter().chain([&0.0]));
        let draw = |size| self.edges_against(edges, axis, &chosen, range, size);
        page.large_picture(
            &draw(pictures::LARGE)?,
            &draw(pictures::NARROW)?,
            &format!(
                "The {} of the edges that change most, against the context that changes them most: averages \
                 over training rows, without bands.",
                self.quantity()
            ),
        );
        Ok(())
    }

    fn write_graphs(&self, page: &mut Page, edges: &Edges) -> Result<()> {
        page.section("Networks at a few contexts");
        let weakest = weakest(self.study.training_rows);
        let axes: Vec<usize> = edges
            .axes_by_change()
            .into_iter()
            .filter(|&axis| edges.largest_change(axis) >= weakest)
            .take(DRAWN_CONTEXTS)
            .collect();
        let study = self.study;
        let base = typical(&study.contexts, study.training.contexts());
        let mut contexts = base.clone();
        let mut places = Vec::new();
        for &axis in &axes {
            let context = &study.contexts[axis];
            for (value, code) in context.some_values(study.training.contexts(), LEVELS) {
                contexts
                    .append(Axis(0), base.view())
                    .map_err(|source| Error::numerical("joining contexts", source))?;
                let last = contexts.nrows() - 1;
                context.set(contexts.slice_mut(s![last.., ..]), code.view());
                places.push((axis, value));
            }
        }
        let own = self
            .edge_values()
            .of_nodes(&self.model.networks(contexts.view())?)?;
        let population = self
            .edge_values()
            .of_nodes(&self.population.networks(contexts.slice(s![..1, ..]))?)?;
        let nodes = strongest_nodes(&own, &population);
        let all_names = &study.training.names().features;
        let names: Vec<&str> = nodes.iter().map(|&node| all_names[node].as_str()).collect();
        let weights = |table: ArrayView2<'_, f64>| -> Vec<f64> {
            let kept = table.select(Axis(0), &nodes).select(Axis(1), &nodes);
            let strong = |((i, j), value): ((usize, usize), &f64)| {
                if i != j && value.abs() >= weakest {
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
            pictures::graph(
                title,
                subtitle,
                &names,
                weights,
                self.edge_values().is_directed(),
                widest,
            )
        };
        page.paragraph(&format!(
            "Networks at contexts that are typical but for one: numbers at their medians, categories at \
             their most frequent level. Edges are as wide as they are strong in all drawings alike, \
             vermillion where positive, blue and dashed where negative; those below {} are left \
             out, and so are contexts along which no edge changes by as much on average.{}",
            number(weakest),
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

/// The weakest edge that is drawn: with many rows, two standard errors of a correlation of zero.
fn weakest(rows: usize) -> f64 {
    (2.0 / (rows.max(1) as f64).sqrt()).min(WEAKEST)
}

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

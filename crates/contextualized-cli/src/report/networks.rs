//! The report of networks.

use super::axes::{ContextAxis, quantile, typical};
use super::comparison::{
    self, Clusters, Comparison, Losses, Verdict, sizes_sentence, small_clusters,
};
use super::edges::Edges;
use super::page::{Note, Page, Table};
use super::pictures;
use super::samples::{self, Beyond, beyond, columns_table};
use super::sections::{Candidate, lead, write_choice, write_extrapolation};
use super::words::{count, listed, number, percent, whole, with_error};
use contextualized_core::metrics::Score;
use contextualized_core::validate::check_table;
use contextualized_core::{
    NetworkDensity, NetworkKind, Networks, Result, Samples, partial_correlations,
};
use ndarray::{Array1, Array2, Array3, ArrayView2, Axis};

/// What a report of networks is about. The nodes are the features of the samples, and names of columns
/// are those of the training rows.
pub(crate) struct NetworkReport<'a> {
    /// The title of the page.
    pub(crate) title: &'a str,
    /// The formula fitted.
    pub(crate) formula: &'a str,
    /// Where the data come from, as labels with values.
    pub(crate) data: &'a [(String, String)],
    /// The estimator and its settings, as labels with values.
    pub(crate) estimator: &'a [(String, String)],
    /// The fitted model.
    pub(crate) model: &'a dyn NetworkDensity,
    /// One network for all, fitted to the same rows.
    pub(crate) population: &'a dyn NetworkDensity,
    /// A network for each cluster, fitted to the same rows.
    pub(crate) clusters: Option<Clusters<'a, dyn NetworkDensity>>,
    /// Rows the model was fitted to; a sample of them will do.
    pub(crate) training: &'a Samples,
    /// How many there were in all.
    pub(crate) training_rows: usize,
    /// Rows that no model was fitted to.
    pub(crate) test: &'a Samples,
    /// What varies together, every column of the contexts in one of them.
    pub(crate) contexts: &'a [ContextAxis],
    /// The candidates that an automatic choice compared; empty without one.
    pub(crate) choice: &'a [Candidate],
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
        let (own, test) = (self.training, self.test);
        check_table(
            "test contexts",
            test.contexts(),
            Some(own.contexts().ncols()),
        )?;
        check_table(
            "test features",
            test.features(),
            Some(own.features().ncols()),
        )?;
        let contexts = own.contexts().ncols();
        self.contexts
            .iter()
            .try_for_each(|axis| axis.check(contexts))?;

        let beyond = beyond(self.training, self.test)?;
        let comparison = self.comparison()?;
        let edges = Edges::new(self)?;
        let mut page = Page::new(self.title);
        self.write_short(&mut page, &comparison, &edges, beyond.as_ref())?;
        self.write_data(&mut page);
        self.write_model(&mut page);
        self.write_comparison(&mut page, &comparison)?;
        self.write_edges(&mut page, &edges);
        self.write_dependence(&mut page, &edges)?;
        self.write_graphs(&mut page, &edges)?;
        write_extrapolation(
            &mut page,
            beyond.as_ref(),
            self.training,
            self.test,
            self.contexts,
        )?;
        self.write_reading(&mut page);
        Ok(page.html(&lead(self.formula, self.training_rows, self.test.rows())))
    }

    pub(super) fn directed(&self) -> bool {
        self.model.kind() == NetworkKind::Directed
    }

    /// What the numbers of edges are.
    fn quantity(&self) -> &'static str {
        match self.model.kind() {
            NetworkKind::Correlation => "correlation",
            NetworkKind::Precision => "partial correlation",
            _ => "standardised weight",
        }
    }

    fn models(&self) -> Vec<(&'static str, &dyn NetworkDensity)> {
        let mut models = vec![("this model", self.model), ("population", self.population)];
        if let Some(clusters) = self.clusters {
            models.push(("clusters", clusters.model));
        }
        models
    }

    fn comparison(&self) -> Result<Comparison<'_>> {
        let (contexts, features) = (self.test.contexts(), self.test.features());
        let mut losses = self
            .models()
            .into_iter()
            .map(|(name, model)| {
                Ok(Losses {
                    name: name.to_owned(),
                    rows: -model.log_densities(contexts, features)?,
                })
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(Comparison {
            own: losses.remove(0),
            others: losses,
            weights: self.test.weights(),
        })
    }

    fn write_short(
        &self,
        page: &mut Page,
        comparison: &Comparison<'_>,
        edges: &Edges,
        beyond: Option<&Beyond>,
    ) -> Result<()> {
        page.section("In short");
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
        page.list(&findings);
        let warnings = self.warnings(comparison, beyond)?;
        if warnings.is_empty() {
            page.note(
                Note::Fine,
                "No sign of extrapolation, of clusters that are too small, of weak evidence of \
             variation, or of test rows that were fitted to.",
            )
        } else {
            warnings
                .iter()
                .for_each(|warning| page.note(Note::Warning, warning))
        }
        Ok(())
    }

    fn warnings(
        &self,
        comparison: &Comparison<'_>,
        beyond: Option<&Beyond>,
    ) -> Result<Vec<String>> {
        let mut warnings = samples::warnings(self.training, self.training_rows, self.test);
        let population = &comparison.others[0];
        if matches!(
            comparison.verdict(population)?,
            Verdict::Unclear | Verdict::Worse
        ) {
            warnings.push(
                "Weak evidence of variation: held-out rows do not show that networks vary with context. \
                 Read the curves and drawings below as what the model says, not as findings."
                    .to_owned(),
            );
        }
        if let Some(beyond) = beyond.filter(|beyond| beyond.too_many()) {
            warnings.push(format!(
                "Extrapolation: the contexts of {} of the test rows lie beyond the training rows, \
                 where about {} are expected by chance. What the model says there is its assumption.",
                percent(beyond.rows() as f64 / self.test.rows() as f64),
                percent(beyond.share),
            ));
        }
        if let Some(clusters) = self.clusters {
            let nodes = self.training.features().ncols();
            warnings.extend(small_clusters(clusters.sizes, nodes, "nodes"));
        }
        Ok(warnings)
    }

    fn write_data(&self, page: &mut Page) {
        page.section("Data");
        page.facts(self.data);
        page.table(&columns_table(self.training, self.test, true));
    }

    fn write_model(&self, page: &mut Page) {
        page.section("Model");
        let mut facts = vec![("Formula".to_owned(), self.formula.to_owned())];
        facts.extend_from_slice(self.estimator);
        page.facts(&facts);
        write_choice(page, self.choice);
    }

    fn write_comparison(&self, page: &mut Page, comparison: &Comparison<'_>) -> Result<()> {
        page.section("Held-out comparison");
        page.paragraph(&format!(
            "All models were fitted to the training rows and are compared on the same {}: by the \
             density that they give them (minus its logarithm, so that smaller is better, and \
             differences alone mean something), and by how closely each node is predicted from the others \
             (reconstruction error). SE is the standard error over test rows; differences are taken row \
             by row.",
            count(self.test.rows(), "test row", "test rows")
        ));
        let (contexts, features) = (self.test.contexts(), self.test.features());
        let errors = self
            .models()
            .into_iter()
            .map(|(_, model)| {
                let rows = model.reconstruction_errors(contexts, features)?;
                let score = Score::of_rows(rows.view(), self.test.weights())?;
                Ok(with_error(score.mean, Some(score.standard_error)))
            })
            .collect::<Result<Vec<_>>>()?;
        page.table(&comparison.table(
            "Losses on held-out rows; difference: this model less the other.",
            LOSS,
            &[("reconstruction error ± SE", errors)],
        )?);
        page.pictures(&[comparison.picture(LOSS)?], comparison::PICTURED);
        if let Some(clusters) = self.clusters {
            page.paragraph(&sizes_sentence(clusters.sizes));
        }
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
            _ => {
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
                    self.contexts[axis].name(self.training).to_owned(),
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
        if shown.len() > EDGES {
            table.row([format!("… and {} more", shown.len() - EDGES)]);
        }
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
        let ends = axes
            .iter()
            .flat_map(|&axis| chosen.iter().flat_map(move |&edge| curve(axis, edge)));
        let range = ends.fold((0.0_f64, 0.0_f64), |(low, high), value| {
            (low.min(value), high.max(value))
        });
        let mut drawn = Vec::new();
        for &axis in &axes {
            let curves: Vec<(String, Vec<f64>)> = chosen
                .iter()
                .map(|&edge| (edges.names[edge].clone(), curve(axis, edge)))
                .collect();
            drawn.push(pictures::edges(
                self.quantity(),
                self.contexts[axis].name(self.training),
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
        let base = typical(self.contexts, self.training.contexts());
        let mut places = Vec::new();
        for &axis in &axes {
            places.extend(self.places_along(axis, &base));
        }
        let mut contexts = Array2::zeros((places.len() + 1, base.len()));
        contexts.row_mut(0).assign(&Array1::from(base));
        for (mut row, (_, place)) in contexts.rows_mut().into_iter().skip(1).zip(&places) {
            row.assign(&Array1::from(place.clone()));
        }
        let own = self.shown(&self.model.networks(contexts.view())?)?;
        let population = self.shown(
            &self
                .population
                .networks(contexts.slice(ndarray::s![..1, ..]))?,
        )?;
        let nodes = strongest_nodes(&own, &population);
        let all_names = &self.training.names().features;
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
        let mut next = 1;
        for &axis in &axes {
            let name = self.contexts[axis].name(self.training);
            let own = places
                .iter()
                .filter(|(of, _)| of.0 == axis)
                .map(|(of, _)| &of.1);
            let mut drawn = Vec::new();
            for value in own {
                drawn.push(draw(&format!("{name} = {value}"), "", &tables[next])?);
                next += 1;
            }
            page.subsection(&format!("Along {name}"));
            page.pictures(
                &drawn,
                &format!("Networks along {name}, all other contexts typical."),
            );
        }
        Ok(())
    }

    /// Typical contexts with other values of one: quantiles of a number, the first levels of a category.
    fn places_along(&self, axis: usize, base: &[f64]) -> Vec<((usize, String), Vec<f64>)> {
        const LEVELS: usize = 6;
        match &self.contexts[axis] {
            ContextAxis::Number { column } => {
                let values = self.training.contexts().column(*column).to_vec();
                let mut shown: Vec<f64> = [0.1, 0.5, 0.9]
                    .map(|share| quantile(&values, share))
                    .to_vec();
                shown.dedup();
                shown
                    .into_iter()
                    .map(|value| {
                        let mut place = base.to_vec();
                        place[*column] = value;
                        ((axis, number(value)), place)
                    })
                    .collect()
            }
            ContextAxis::Category {
                columns,
                levels,
                codes,
                ..
            } => levels
                .iter()
                .zip(codes.rows())
                .take(LEVELS)
                .map(|(level, code)| {
                    let mut place = base.to_vec();
                    for (&column, &code) in columns.iter().zip(code) {
                        place[column] = code;
                    }
                    ((axis, level.clone()), place)
                })
                .collect(),
        }
    }

    /// Networks as they are shown: correlations, partial correlations or standardised weights.
    pub(super) fn shown(&self, networks: &Networks) -> Result<Array3<f64>> {
        match self.model.kind() {
            NetworkKind::Precision => partial_correlations(networks),
            NetworkKind::Correlation => Ok(networks.edges().to_owned()),
            _ => {
                let deviations: Vec<f64> = self
                    .training
                    .features()
                    .columns()
                    .into_iter()
                    .map(|column| samples::moments(column).1)
                    .collect();
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

    fn write_reading(&self, page: &mut Page) {
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
}

const LOSS: &str = "negative log-density";

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
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by(|&a, &b| strength[b].total_cmp(&strength[a]));
    order.truncate(NODES);
    order.sort_unstable();
    order
}

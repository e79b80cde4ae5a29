//! The figures of Section 2.

use crate::figures::{
    NetworkPanel, ShapeFunction, network_graphs, network_tables, shape_functions,
};
use crate::figures1::Folder;
use crate::section2::NetworkOutcome;
use contextualized_core::Networks;
use contextualized_plot::Figure;
use contextualized_simulation::NetworkProblem;
use ndarray::Axis;
use std::error::Error;

const NODES: [&str; 4] = ["X0", "X1", "X2", "X3"];

/// Contexts at which networks are drawn; the last but one was held out.
const SHOWN: [f64; 4] = [1.0, 1.4, 1.8, 2.0];

/// The edges there are.
const EDGES: [(usize, usize); 4] = [(0, 1), (2, 1), (3, 1), (3, 2)];

/// The true networks as graphs, and their weights against the context.
///
/// # Errors
///
/// See [`Folder::write`].
pub fn truth(folder: &Folder, problem: &NetworkProblem) -> Result<(), Box<dyn Error>> {
    let networks = &problem.all().networks;
    let graphs = graphs(&[("truth", networks)], problem)?;
    folder.write("section_2_1_networks", &graphs.title("The true networks"))?;
    let curves = curves(None, problem)?;
    folder.write("section_2_1_weights", &curves.title("The true weights"))
}

/// Each model's weights against the context, over the true ones.
///
/// # Errors
///
/// See [`Folder::write`].
pub fn models(
    folder: &Folder,
    problem: &NetworkProblem,
    outcomes: &[NetworkOutcome],
) -> Result<(), Box<dyn Error>> {
    for outcome in outcomes.iter().filter(|outcome| fitted(outcome)) {
        let row = &outcome.row;
        let title = format!(
            "{} {}: weights by context, held out between 1.7 and 1.9",
            row.section, row.model
        );
        let figure = curves(Some(&outcome.networks), problem)?.title(&title);
        folder.write(&format!("weights_{}_{}", row.section, row.model), &figure)?;
    }
    Ok(())
}

/// The true and the estimated networks beside each other, at several contexts: as tables and as graphs.
///
/// # Errors
///
/// See [`Folder::write`].
pub fn side_by_side(
    folder: &Folder,
    problem: &NetworkProblem,
    outcomes: &[NetworkOutcome],
) -> Result<(), Box<dyn Error>> {
    let mut shown = vec![("truth", &problem.all().networks)];
    let fitted = outcomes.iter().filter(|outcome| fitted(outcome));
    shown.extend(fitted.map(|outcome| (outcome.row.model, &outcome.networks)));
    let title = "Networks by context; 1.8 was held out";
    let panels = panels(&shown, problem);
    let tables = network_tables(&views(&panels), &NODES, SHOWN.len())?.title(title);
    folder.write("section_2_4_tables", &tables)?;
    folder.write("section_2_4_graphs", &graphs(&shown, problem)?.title(title))
}

fn fitted(outcome: &NetworkOutcome) -> bool {
    !["empty", "oracle"].contains(&outcome.row.model)
}

fn graphs(shown: &[(&str, &Networks)], problem: &NetworkProblem) -> Result<Figure, Box<dyn Error>> {
    let panels = panels(shown, problem);
    Ok(network_graphs(&views(&panels), &NODES, true, SHOWN.len())?)
}

/// One panel's network, and what it is called.
struct Owned {
    title: String,
    subtitle: String,
    weights: Vec<f64>,
}

impl Owned {
    fn view(&self) -> NetworkPanel<'_> {
        NetworkPanel {
            title: &self.title,
            subtitle: &self.subtitle,
            weights: &self.weights,
        }
    }
}

/// Every network at every context shown.
fn panels(shown: &[(&str, &Networks)], problem: &NetworkProblem) -> Vec<Owned> {
    let contexts = problem.all().samples.contexts();
    let nearest = |wanted: f64| {
        let distances = contexts.column(0).mapv(|context| (context - wanted).abs());
        let rows = distances.iter().enumerate();
        let nearest = rows.min_by(|a, b| a.1.total_cmp(b.1));
        nearest.map_or(0, |(row, _)| row)
    };
    let of = |&(name, networks): &(&str, &Networks)| {
        SHOWN.map(|context| {
            let network = networks.edges().index_axis_move(Axis(0), nearest(context));
            Owned {
                title: name.to_owned(),
                subtitle: format!("C = {context:.1}"),
                weights: network.iter().copied().collect(),
            }
        })
    };
    shown.iter().flat_map(of).collect()
}

fn views(panels: &[Owned]) -> Vec<NetworkPanel<'_>> {
    panels.iter().map(Owned::view).collect()
}

/// The weights of the true edges against the context, over them those that a model estimates.
fn curves(
    estimated: Option<&Networks>,
    problem: &NetworkProblem,
) -> Result<Figure, Box<dyn Error>> {
    let contexts = problem.all().samples.contexts().column(0).to_vec();
    let observed = problem.train().samples.contexts().column(0).to_vec();
    let weights = |networks: &Networks, (from, to): (usize, usize)| -> Vec<f64> {
        let edges = networks.edges();
        edges
            .outer_iter()
            .map(|network| network[[from, to]])
            .collect()
    };
    let titles = EDGES.map(|(from, to)| format!("{} → {}", NODES[from], NODES[to]));
    let estimates = estimated.map(|networks| EDGES.map(|edge| weights(networks, edge)));
    let truths = EDGES.map(|edge| weights(&problem.all().networks, edge));
    // Every tenth stroke is enough to show where samples are.
    let strokes: Vec<f64> = observed.into_iter().step_by(10).collect();
    let functions: Vec<ShapeFunction<'_>> = (0..EDGES.len())
        .map(|edge| ShapeFunction {
            title: &titles[edge],
            context_name: "C",
            context: &contexts,
            estimate: estimates.as_ref().map_or(&[], |all| &all[edge]),
            interval: None,
            truth: &truths[edge],
            observed: &strokes,
        })
        .collect();
    Ok(shape_functions(&functions, EDGES.len())?)
}

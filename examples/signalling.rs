//! Cell signalling: how the dependences between eleven proteins change with what a cell is treated
//! with.
//!
//! ```text
//! nodes      logarithms of the abundances of 11 proteins in single cells
//! contexts   eight 0/1 columns that describe 14 stimulations: activators and inhibitors
//! ```
//!
//! The data of Sachs et al. (2005, doi:10.1126/science.1105809), all 14 conditions, are not part of
//! this project. The file has a header; the columns read are the proteins, `condition`, and the eight
//! treatments, under the names below.
//!
//! Half of the cells are learned from. Asked are: which model explains the other half, which partial
//! correlations an inhibitor changes, and how much of the published consensus network is found.
//!
//! ```sh
//! cargo run --release --example signalling -- sachs.csv
//! ```

use clap::Parser;
use contextualized_baselines::PopulationMarkov;
use contextualized_core::edge_metrics::{edge_auroc, edge_counts};
use contextualized_core::{
    Estimator, MarkovNetworks, NetworkDensity, Networks, Samples, Split, Standardization,
    VaryingNetworks,
};
use contextualized_examples::figures::{NetworkPanel, network_graphs, network_tables};
use contextualized_examples::figures1::Folder;
use contextualized_examples::say;
use contextualized_examples::table::table;
use contextualized_graphs::Order;
use contextualized_graphs::bayesian::{GaussianProcessBayesianNetwork, OrderScore};
use contextualized_graphs::markov::KernelMarkov;
use ndarray::{Array2, Array3, ArrayView2, Axis, s};
use statrs::distribution::{ContinuousCDF, Normal};
use std::collections::BTreeMap;
use std::error::Error;
use std::path::PathBuf;
use std::time::Instant;

const PROTEINS: [&str; 11] = [
    "Raf", "Mek", "Plcg", "PIP2", "PIP3", "Erk", "Akt", "PKA", "PKC", "P38", "Jnk",
];

/// Activators and inhibitors; a cell treated with none of them was stimulated by anti-CD3/CD28 alone.
const TREATMENTS: [&str; 8] = [
    "icam2",
    "akt_inhibitor",
    "g0076",
    "psitectorigenin",
    "u0126",
    "ly294002",
    "pma",
    "b2camp",
];

/// Inhibitors, given with and without ICAM-2: their columns, and that of ICAM-2.
const INHIBITORS: std::ops::Range<usize> = 1..6;
const ICAM2: usize = 0;

/// The consensus network, parents and child.
const CONSENSUS: [(&[&str], &str); 9] = [
    (&["PKA", "PKC"], "P38"),
    (&["PKA", "PKC"], "Jnk"),
    (&["PKA", "PIP3"], "Akt"),
    (&["PKA", "Mek"], "Erk"),
    (&["PKA", "PKC", "Raf"], "Mek"),
    (&["PKA", "PKC"], "Raf"),
    (&["PIP2", "Plcg"], "PKC"),
    (&["PIP3", "Plcg"], "PIP2"),
    (&["PIP3"], "Plcg"),
];

/// Networks of signalling proteins by stimulation.
#[derive(Parser)]
struct Arguments {
    /// The data, a CSV file.
    data: PathBuf,
    /// Seed of the split into halves.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Folder that figures are written to, as SVG.
    #[arg(long, value_name = "DIR", default_value = "target/figures")]
    figures: PathBuf,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let cells = Cells::read(&arguments.data)?;
    let split = Split::holdout(cells.samples.rows(), 0.5, arguments.seed)?;
    let train = cells.select(&split.train)?;
    let test = cells.select(&split.test)?;
    // Standardised by the cells learned from.
    let scaling = Standardization::fit(train.samples.features(), None)?;
    let (train, test) = (train.scaled(&scaling)?, test.scaled(&scaling)?);
    say!(
        "{} cells under {} conditions; half of them learned from (seed {}).\n",
        cells.samples.rows(),
        cells.conditions.len(),
        arguments.seed
    );

    let kernel = compare(&train, &test)?;
    changes(&train, &kernel)?;
    consensus(&train, &kernel)?;
    draw(&arguments, &train, &kernel)?;
    say!("\nFigures are in {}.", arguments.figures.display());
    Ok(())
}

/// Cells, and which condition each belongs to.
struct Cells {
    samples: Samples,
    labels: Vec<usize>,
    /// Name and context of every condition.
    conditions: Vec<(String, Vec<f64>)>,
}

impl Cells {
    fn read(path: &PathBuf) -> Result<Self, Box<dyn Error>> {
        let named = |error: csv::Error| format!("cannot read {}: {error}", path.display());
        let mut reader = csv::Reader::from_path(path).map_err(named)?;
        let header = reader.headers().map_err(named)?.clone();
        let column = |name: &str| {
            let found = header.iter().position(|found| found.trim() == name);
            found.ok_or_else(|| format!("{} has no column {name:?}", path.display()))
        };
        let proteins = PROTEINS.map(column);
        let proteins: Vec<usize> = proteins.into_iter().collect::<Result<_, _>>()?;
        let treatments = TREATMENTS.map(column);
        let treatments: Vec<usize> = treatments.into_iter().collect::<Result<_, _>>()?;
        let condition = column("condition")?;

        let (mut nodes, mut contexts, mut names) = (Vec::new(), Vec::new(), Vec::new());
        for (row, record) in reader.records().enumerate() {
            let record = record.map_err(named)?;
            let number = |column: usize| {
                let text = record.get(column).unwrap_or_default().trim();
                text.parse::<f64>().map_err(|_| {
                    format!(
                        "row {}, column {:?}: {text:?} is not a number",
                        row + 2,
                        &header[column]
                    )
                })
            };
            for &protein in &proteins {
                let abundance = number(protein)?;
                if abundance <= 0.0 {
                    let name = &header[protein];
                    return Err(format!("row {}, column {name:?}: not positive", row + 2).into());
                }
                nodes.push(abundance.ln());
            }
            for &treatment in &treatments {
                contexts.push(number(treatment)?);
            }
            names.push(record.get(condition).unwrap_or_default().to_owned());
        }
        let rows = names.len();
        let nodes = Array2::from_shape_vec((rows, PROTEINS.len()), nodes)?;
        let contexts = Array2::from_shape_vec((rows, TREATMENTS.len()), contexts)?;
        let mut by_name = BTreeMap::new();
        for (row, name) in names.iter().enumerate() {
            by_name
                .entry(name.clone())
                .or_insert(contexts.row(row).to_vec());
        }
        let conditions: Vec<_> = by_name.into_iter().collect();
        let labels = names
            .iter()
            .filter_map(|name| conditions.iter().position(|(other, _)| other == name))
            .collect();
        Ok(Self {
            samples: Samples::of_nodes(contexts.view(), nodes.view())?
                .with_context_names(TREATMENTS)?
                .with_feature_names(PROTEINS)?,
            labels,
            conditions,
        })
    }

    fn select(&self, rows: &[usize]) -> Result<Self, Box<dyn Error>> {
        Ok(Self {
            samples: self.samples.select(rows)?,
            labels: rows.iter().map(|&row| self.labels[row]).collect(),
            conditions: self.conditions.clone(),
        })
    }

    fn scaled(&self, scaling: &Standardization) -> Result<Self, Box<dyn Error>> {
        let nodes = scaling.apply(self.samples.features())?;
        Ok(Self {
            samples: Samples::of_nodes(self.samples.contexts(), nodes.view())?,
            labels: self.labels.clone(),
            conditions: self.conditions.clone(),
        })
    }

    fn of_condition(&self, label: usize) -> Result<Samples, Box<dyn Error>> {
        let rows = (0..self.labels.len()).filter(|&row| self.labels[row] == label);
        Ok(self.samples.select(&rows.collect::<Vec<_>>())?)
    }

    /// The contexts of all conditions, one a row.
    fn contexts(&self) -> Result<Array2<f64>, Box<dyn Error>> {
        let contexts = self
            .conditions
            .iter()
            .flat_map(|(_, context)| context.iter().copied());
        let shape = (self.conditions.len(), TREATMENTS.len());
        Ok(Array2::from_shape_vec(shape, contexts.collect())?)
    }
}

/// Log-likelihood and reconstruction of the cells not learned from, by model; the contextualized one
/// is returned.
fn compare(
    train: &Cells,
    test: &Cells,
) -> Result<<KernelMarkov as Estimator>::Model, Box<dyn Error>> {
    let mut lines = Vec::new();
    let mut line = |name: &str, judged: (f64, f64), seconds: f64| {
        lines.push([
            name.to_owned(),
            format!("{:.3}", judged.0),
            format!("{:.3}", judged.1),
            format!("{seconds:.2}"),
        ]);
    };
    let start = Instant::now();
    let population = PopulationMarkov::new().fit(&train.samples)?;
    let seconds = start.elapsed().as_secs_f64();
    line("population", judge(&population, &test.samples)?, seconds);

    let start = Instant::now();
    let mut sums = (0.0, 0.0);
    for label in 0..train.conditions.len() {
        let of_condition = PopulationMarkov::new().fit(&train.of_condition(label)?)?;
        let cells = test.of_condition(label)?;
        let (density, error) = judge(&of_condition, &cells)?;
        sums.0 += density * cells.rows() as f64;
        sums.1 += error * cells.rows() as f64;
    }
    let seconds = start.elapsed().as_secs_f64();
    let rows = test.samples.rows() as f64;
    line("one per condition", (sums.0 / rows, sums.1 / rows), seconds);

    let start = Instant::now();
    let kernel = KernelMarkov::new()
        .order(Order::Constant)
        .fit(&train.samples)?;
    let seconds = start.elapsed().as_secs_f64();
    line(
        "contextualized (kernel)",
        judge(&kernel, &test.samples)?,
        seconds,
    );

    say!(
        "Cells not learned from: log-likelihood a cell, and error of each protein given the others.\n"
    );
    let header = [
        "precision matrices",
        "log-likelihood",
        "neighbourhood MSE",
        "fit, s",
    ];
    say!("{}", table(header, 1, lines));
    Ok(kernel)
}

/// The mean log-density, and the mean squared error of nodes given the others.
fn judge(model: &impl NetworkDensity, cells: &Samples) -> Result<(f64, f64), Box<dyn Error>> {
    let (contexts, nodes) = (cells.contexts(), cells.features());
    let densities = model.log_densities(contexts, nodes)?;
    let errors = model.reconstruction_errors(contexts, nodes)?;
    Ok((
        densities.mean().unwrap_or(f64::NAN),
        errors.mean().unwrap_or(f64::NAN),
    ))
}

/// Edges that an inhibitor changes: with it and without, with and without ICAM-2.
fn changes(
    train: &Cells,
    kernel: &<KernelMarkov as Estimator>::Model,
) -> Result<(), Box<dyn Error>> {
    let contexts = train.contexts()?;
    let smooth = kernel.partial_correlations(contexts.view())?;
    // Fisher's z of each condition's own partial correlations, and its variance.
    let mut own = Vec::new();
    for label in 0..train.conditions.len() {
        let cells = train.of_condition(label)?;
        let partial = PopulationMarkov::new()
            .fit(&cells)?
            .partial_correlations(contexts.slice(s![label..=label, ..]))?;
        let freedom = cells.rows() as f64 - PROTEINS.len() as f64 - 1.0;
        own.push((
            partial.index_axis_move(Axis(0), 0).mapv(f64::atanh),
            1.0 / freedom,
        ));
    }
    let label_of = |treatments: &[usize]| {
        train.conditions.iter().position(|(_, context)| {
            let given =
                |&(column, value): &(usize, &f64)| *value != 0.0 || treatments.contains(&column);
            context
                .iter()
                .enumerate()
                .filter(given)
                .all(|(column, value)| *value != 0.0 && treatments.contains(&column))
        })
    };
    let mut found = Vec::new();
    for inhibitor in INHIBITORS {
        let pairs: Vec<(usize, usize)> = [vec![], vec![ICAM2]]
            .into_iter()
            .filter_map(|others| {
                let with: Vec<usize> = others.iter().copied().chain([inhibitor]).collect();
                Some((label_of(&with)?, label_of(&others)?))
            })
            .collect();
        let count = pairs.len() as f64;
        for i in 0..PROTEINS.len() {
            for j in i + 1..PROTEINS.len() {
                let mean = |values: &dyn Fn(usize) -> f64| {
                    let differences = pairs
                        .iter()
                        .map(|&(with, without)| values(with) - values(without));
                    differences.sum::<f64>() / count
                };
                let of_side = |side: &dyn Fn(&(usize, usize)) -> usize| {
                    let values = pairs.iter().map(|pair| smooth[[side(pair), i, j]]);
                    values.sum::<f64>() / count
                };
                let variance: f64 = pairs
                    .iter()
                    .map(|&(with, without)| own[with].1 + own[without].1)
                    .sum();
                let z = mean(&|label| own[label].0[[i, j]]) / (variance.sqrt() / count);
                found.push(Change {
                    inhibitor,
                    edge: (i, j),
                    without: of_side(&|pair| pair.1),
                    with: of_side(&|pair| pair.0),
                    z,
                });
            }
        }
    }
    let tests = found.len();
    // Two-sided at 5 % by Bonferroni's bound.
    let significant = found
        .iter()
        .filter(|change| change.z.abs() > threshold(tests))
        .count();
    found.sort_by(|a, b| b.z.abs().total_cmp(&a.z.abs()));
    say!(
        "\nOf {tests} changes of a partial correlation by an inhibitor, {significant} are beyond chance (|z| > {:.1}: 5 %\n\
         for all of them together). The largest, contextualized estimates without and with it:\n",
        threshold(tests)
    );
    let lines = found
        .iter()
        .take(12)
        .map(|change| {
            [
                TREATMENTS[change.inhibitor].to_owned(),
                format!("{} – {}", PROTEINS[change.edge.0], PROTEINS[change.edge.1]),
                format!("{:.2}", change.without),
                format!("{:.2}", change.with),
                format!("{:.1}", change.z),
            ]
        })
        .collect();
    let header = ["inhibitor", "edge", "without", "with", "z"];
    say!("{}", table(header, 2, lines));
    Ok(())
}

/// One partial correlation, without and with an inhibitor.
struct Change {
    inhibitor: usize,
    edge: (usize, usize),
    without: f64,
    with: f64,
    z: f64,
}

/// What the largest of this many standard normal values exceeds with a probability of at most 5 %.
fn threshold(tests: usize) -> f64 {
    Normal::standard().inverse_cdf(1.0 - 0.025 / tests as f64)
}

/// How much of the consensus network is found: by partial correlations, whatever their direction, and
/// by contextualized Bayesian networks.
fn consensus(
    train: &Cells,
    kernel: &<KernelMarkov as Estimator>::Model,
) -> Result<(), Box<dyn Error>> {
    let directed = consensus_network()?;
    let mirrored = &directed.edges() + &directed.edges().permuted_axes([0, 2, 1]);
    let skeleton = Networks::new(mirrored)?;
    let contexts = train.contexts()?;
    let population = PopulationMarkov::new().fit(&train.samples)?;
    let mean = |partial: Array3<f64>| -> Result<Networks, Box<dyn Error>> {
        let strengths = partial.mapv(f64::abs);
        let mean = strengths.mean_axis(Axis(0)).ok_or("no condition")?;
        Ok(Networks::new(mean.insert_axis(Axis(0)))?)
    };
    let edges = directed.edges().iter().filter(|edge| **edge != 0.0).count();
    let mut lines = Vec::new();
    for (name, partial) in [
        (
            "population",
            population.partial_correlations(contexts.view())?,
        ),
        (
            "contextualized, mean of |r|",
            kernel.partial_correlations(contexts.view())?,
        ),
    ] {
        let strengths = mean(partial)?;
        let strongest = strongest(&strengths, edges)?;
        let counts = edge_counts(&skeleton, &strongest, 0.0)?;
        let auroc = edge_auroc(&skeleton, &strengths)?.unwrap_or(f64::NAN);
        // Undirected edges count twice.
        lines.push([
            name.to_owned(),
            format!("{} of {edges}", counts.found / 2),
            format!("{auroc:.2}"),
        ]);
    }
    say!(
        "\nThe consensus network has {edges} edges among {} pairs. Of as many strongest partial correlations,\n\
         those that are edges of it, in whatever direction, and the area under the curve:\n",
        PROTEINS.len() * (PROTEINS.len() - 1) / 2
    );
    say!(
        "{}",
        table(["partial correlations", "edges found", "AUROC"], 1, lines)
    );

    let mut lines = Vec::new();
    for (name, score) in [
        ("equal variances", OrderScore::EqualVariances),
        ("likelihood", OrderScore::GaussianLikelihood),
    ] {
        let start = Instant::now();
        let model = GaussianProcessBayesianNetwork::new()
            .score(score)
            .fit(&train.samples)?;
        let seconds = start.elapsed().as_secs_f64();
        let networks = model.networks(contexts.view())?;
        let strengths = mean(networks.edges().to_owned())?;
        let strongest = strongest_directed(&strengths, edges)?;
        let counts = edge_counts(&directed, &strongest, 0.0)?;
        lines.push([
            name.to_owned(),
            format!("{} of {edges}", counts.found),
            counts.reversed.to_string(),
            counts.wrong.to_string(),
            format!("{seconds:.1}"),
        ]);
    }
    say!(
        "\nOf as many strongest edges of contextualized Bayesian networks, by the score of the order:\n"
    );
    let header = [
        "score",
        "right",
        "reversed",
        "wrong, reversed included",
        "fit, s",
    ];
    say!("{}", table(header, 1, lines));
    Ok(())
}

/// Ones for the edges of the consensus.
fn consensus_network() -> Result<Networks, Box<dyn Error>> {
    let index = |name: &str| {
        let found = PROTEINS.iter().position(|protein| *protein == name);
        found.ok_or_else(|| format!("no protein is called {name}"))
    };
    let mut edges = Array3::zeros((1, PROTEINS.len(), PROTEINS.len()));
    for (parents, child) in CONSENSUS {
        for parent in parents {
            edges[[0, index(parent)?, index(child)?]] = 1.0;
        }
    }
    Ok(Networks::new(edges)?)
}

/// This many of the strongest undirected edges, in both directions.
fn strongest(strengths: &Networks, edges: usize) -> Result<Networks, Box<dyn Error>> {
    let nodes = strengths.nodes();
    let pairs = (0..nodes).flat_map(|i| (i + 1..nodes).map(move |j| (i, j)));
    let kept = largest(strengths, pairs.collect(), edges);
    let mut found = Array3::zeros((1, nodes, nodes));
    for (i, j) in kept {
        found[[0, i, j]] = 1.0;
        found[[0, j, i]] = 1.0;
    }
    Ok(Networks::new(found)?)
}

/// This many of the strongest directed edges.
fn strongest_directed(strengths: &Networks, edges: usize) -> Result<Networks, Box<dyn Error>> {
    let nodes = strengths.nodes();
    let pairs = (0..nodes).flat_map(|i| (0..nodes).map(move |j| (i, j)));
    let mut found = Array3::zeros((1, nodes, nodes));
    for (i, j) in largest(strengths, pairs.filter(|(i, j)| i != j).collect(), edges) {
        found[[0, i, j]] = 1.0;
    }
    Ok(Networks::new(found)?)
}

fn largest(
    strengths: &Networks,
    mut pairs: Vec<(usize, usize)>,
    edges: usize,
) -> Vec<(usize, usize)> {
    let strength = |&(i, j): &(usize, usize)| strengths.edges()[[0, i, j]];
    pairs.retain(|pair| strength(pair) > 0.0);
    pairs.sort_by(|a, b| strength(b).total_cmp(&strength(a)));
    pairs.truncate(edges);
    pairs
}

/// Partial correlations under every condition: as tables, and the stronger ones as graphs.
fn draw(
    arguments: &Arguments,
    train: &Cells,
    kernel: &<KernelMarkov as Estimator>::Model,
) -> Result<(), Box<dyn Error>> {
    let folder = Folder::new(&arguments.figures)?;
    let partial = kernel.partial_correlations(train.contexts()?.view())?;
    let tables: Vec<Vec<f64>> = partial
        .outer_iter()
        .map(|network| off_diagonal(network, 0.0))
        .collect();
    let strong: Vec<Vec<f64>> = partial
        .outer_iter()
        .map(|network| off_diagonal(network, DRAWN))
        .collect();
    for (name, weights, graph) in [
        ("signalling_tables", &tables, false),
        ("signalling_graphs", &strong, true),
    ] {
        let shown: Vec<NetworkPanel<'_>> = weights
            .iter()
            .zip(&train.conditions)
            .map(|(weights, (condition, _))| NetworkPanel {
                title: condition,
                subtitle: "",
                weights,
            })
            .collect();
        let figure = if graph {
            network_graphs(&shown, &PROTEINS, false, 5)?
                .title(&format!("Partial correlations above {DRAWN}, by condition"))
        } else {
            network_tables(&shown, &PROTEINS, 5)?.title("Partial correlations by condition")
        };
        folder.write(name, &figure)?;
    }
    Ok(())
}

/// Partial correlations below this are left out of the graphs.
const DRAWN: f64 = 0.15;

/// What is off the diagonal and above a threshold.
fn off_diagonal(network: ArrayView2<'_, f64>, least: f64) -> Vec<f64> {
    let mut network = network.to_owned();
    network.diag_mut().fill(0.0);
    network.mapv_inplace(|weight| if weight.abs() < least { 0.0 } else { weight });
    network.into_iter().collect()
}

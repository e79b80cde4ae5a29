//! `simulate`: data whose truth is known.

use crate::arguments::{Part, Problem, Simulate};
use crate::error::{Error, Result};
use crate::rows::{Rows, format_of};
use contextualized_core::Samples;
use contextualized_simulation::{
    CovarianceSimulator, NetworkProblem, NetworkSimulator, SimulatedData, Simulator,
    TreatmentProblem,
};
use ndarray::{Array1, Array2, Array3, ArrayView2, Axis, array, concatenate};

/// A table that grows by named columns.
#[derive(Default)]
struct Columns {
    names: Vec<String>,
    values: Vec<Array1<f64>>,
}

impl Columns {
    fn push(&mut self, name: impl Into<String>, values: Array1<f64>) {
        self.names.push(name.into());
        self.values.push(values);
    }

    fn extend(&mut self, names: &[String], values: ArrayView2<'_, f64>) {
        for (name, column) in names.iter().zip(values.columns()) {
            self.push(name.as_str(), column.to_owned());
        }
    }
}

pub(crate) fn run(arguments: &Simulate) -> Result<()> {
    if arguments.rows == 0 {
        return Err(Error::usage("--rows 0 leaves nothing to simulate"));
    }
    let columns = match arguments.problem {
        Problem::Treatment => treatment(arguments)?,
        Problem::Regression => regression(arguments)?,
        Problem::Sem => sem(arguments)?,
        Problem::Correlation => correlation(arguments)?,
    };
    let mut output = Rows::create(&arguments.out, format_of(arguments.format, &arguments.out))?;
    let views: Vec<_> = columns
        .values
        .iter()
        .map(|column| column.view().insert_axis(Axis(1)))
        .collect();
    let table = concatenate(Axis(1), &views)
        .map_err(|source| Error::failure(format!("columns of different lengths: {source}")))?;
    output.write(&[], Vec::new(), &columns.names, &table)?;
    output.finish()
}

fn treatment(arguments: &Simulate) -> Result<Columns> {
    let problem = TreatmentProblem::new(arguments.seed)?;
    let rows: Vec<usize> = match arguments.part {
        Part::Observed => problem.observed_rows().to_vec(),
        Part::Unobserved => problem.unobserved_rows().to_vec(),
        Part::All => (0..problem.all().rows()).collect(),
    };
    of_regression(&problem.all().select(&rows)?, arguments.truth)
}

fn regression(arguments: &Simulate) -> Result<Columns> {
    let simulator = Simulator::new(arguments.rows)
        .uniform_contexts(2, -1.0, 1.0)
        .irrelevant_contexts(arguments.irrelevant)
        .slopes(|c| vec![c[0] * c[0], (3.0 * c[1]).sin(), 1.0])
        .offset(|c| c[0])
        .noise(arguments.noise)
        .family(arguments.family);
    of_regression(&simulator.simulate(arguments.seed)?, arguments.truth)
}

fn of_regression(data: &SimulatedData, truth: bool) -> Result<Columns> {
    let mut columns = of_samples(&data.samples);
    let names = data.samples.names();
    columns.extend(&names.targets, data.samples.targets());
    if truth {
        let slopes = data.coefficients.slopes();
        for (feature, name) in names.features.iter().enumerate() {
            let own = slopes.slice(ndarray::s![.., 0, feature]).to_owned();
            columns.push(format!("true.coef.{name}"), own);
        }
        let offsets = data.coefficients.offsets().column(0).to_owned();
        columns.push("true.coef.(intercept)", offsets);
        columns.push(
            format!("true.pred.{}", names.targets[0]),
            data.means.column(0).to_owned(),
        );
    }
    Ok(columns)
}

fn of_samples(samples: &Samples) -> Columns {
    let mut columns = Columns::default();
    columns.extend(&samples.names().contexts, samples.contexts());
    columns.extend(&samples.names().features, samples.features());
    columns
}

fn sem(arguments: &Simulate) -> Result<Columns> {
    let data = NetworkSimulator::new(arguments.rows)
        .uniform_contexts(1, 1.0, 2.0)
        .irrelevant_contexts(arguments.irrelevant)
        .networks(|c| NetworkProblem::network(c[0]))
        .simulate(arguments.seed)?;
    let mut columns = of_samples(&data.samples);
    if arguments.truth {
        let edges = data.networks.edges().to_owned();
        push_edges(&mut columns, &data.samples.names().features, &edges, "->");
    }
    Ok(columns)
}

fn correlation(arguments: &Simulate) -> Result<Columns> {
    // Each node follows a factor as strongly as the context says.
    let data = CovarianceSimulator::new(arguments.rows)
        .uniform_contexts(1, -1.0, 1.0)
        .irrelevant_contexts(arguments.irrelevant)
        .covariance(|c| {
            let loadings = array![c[0], 0.8, c[0] * c[0], 0.5 - c[0], 0.0];
            let column = loadings.view().insert_axis(Axis(1));
            let row = loadings.view().insert_axis(Axis(0));
            column.dot(&row) + Array2::<f64>::eye(5)
        })
        .simulate(arguments.seed)?;
    let mut columns = of_samples(&data.samples);
    if arguments.truth {
        let edges = data.correlations()?;
        push_edges(&mut columns, &data.samples.names().features, &edges, "--");
    }
    Ok(columns)
}

fn push_edges(columns: &mut Columns, nodes: &[String], edges: &Array3<f64>, arrow: &str) {
    for from in 0..nodes.len() {
        for to in 0..nodes.len() {
            if from < to || (arrow == "->" && from != to) {
                columns.push(
                    format!("true.edge.{}{arrow}{}", nodes[from], nodes[to]),
                    edges.slice(ndarray::s![.., from, to]).to_owned(),
                );
            }
        }
    }
}

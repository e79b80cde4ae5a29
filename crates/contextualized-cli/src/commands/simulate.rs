//! `simulate`: data whose truth is known.

use crate::arguments::{Global, Part, Problem, Simulate};
use crate::error::{Error, Result};
use contextualized_core::Samples;
use contextualized_frame::pairs::{column_name, pairs};
use contextualized_simulation::{
    ConfoundedSetting, CovarianceSimulator, NetworkProblem, NetworkSimulator, SimulatedData,
    Simulator, TreatmentProblem,
};
use ndarray::{Array1, Array2, Array3, ArrayView2, Axis, array, s, stack};

/// Columns with their names.
type Columns = Vec<(String, Array1<f64>)>;

fn named(names: &[String], values: ArrayView2<'_, f64>) -> Columns {
    let columns = values.columns().into_iter().map(|column| column.to_owned());
    names.iter().cloned().zip(columns).collect()
}

pub(crate) fn run(arguments: &Simulate, global: &Global) -> Result<()> {
    if arguments.rows == 0 {
        return Err(Error::usage("--rows 0 leaves nothing to simulate"));
    }
    // Columns that every problem has, the truth among them, are not many.
    const COLUMNS: usize = 32;
    const MOST: usize = 1_000_000_000;
    let cells = arguments
        .irrelevant
        .saturating_add(COLUMNS)
        .saturating_mul(arguments.rows);
    if cells > MOST {
        return Err(Error::usage(format!(
            "--rows {} and --irrelevant {} make more than {MOST} numbers, which is more than {} GB; simulate less",
            arguments.rows,
            arguments.irrelevant,
            8 * MOST / 1_000_000_000
        )));
    }
    let columns = match arguments.problem {
        Problem::Treatment => treatment(arguments)?,
        Problem::Regression => regression(arguments)?,
        Problem::Sem => sem(arguments)?,
        Problem::Correlation => correlation(arguments)?,
        Problem::Confounded => confounded(arguments)?,
    };
    let mut output = arguments.output.rows(global)?;
    let (names, values): (Vec<String>, Vec<Array1<f64>>) = columns.into_iter().unzip();
    let views: Vec<_> = values.iter().map(Array1::view).collect();
    let table = stack(Axis(1), &views)
        .map_err(|source| Error::failure(format!("columns of different lengths: {source}")))?;
    output.write(&[], Vec::new(), &names, &table, Vec::new())?;
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
        .intercept(|c| c[0])
        .noise(arguments.noise)
        .family(arguments.family);
    of_regression(&simulator.simulate(arguments.seed)?, arguments.truth)
}

fn of_regression(data: &SimulatedData, truth: bool) -> Result<Columns> {
    let mut columns = of_samples(&data.samples);
    let names = data.samples.names();
    columns.extend(named(&names.targets, data.samples.targets()));
    if truth {
        let slopes = data.coefficients.slopes();
        for (feature, name) in names.features.iter().enumerate() {
            let own = slopes.slice(s![.., 0, feature]).to_owned();
            columns.push((format!("true.coef.{name}"), own));
        }
        let intercepts = data.coefficients.intercepts().column(0).to_owned();
        columns.push(("true.coef.(intercept)".to_owned(), intercepts));
        let means = data.means.column(0).to_owned();
        columns.push((format!("true.pred.{}", names.targets[0]), means));
    }
    Ok(columns)
}

fn confounded(arguments: &Simulate) -> Result<Columns> {
    let setting = ConfoundedSetting::A;
    let contexts = ConfoundedSetting::LEAST_CONTEXTS + arguments.irrelevant;
    let data = setting.simulate(arguments.rows, contexts, arguments.noise, arguments.seed)?;
    let mut columns = of_samples(&data.samples);
    columns.push(("w".to_owned(), data.treatment));
    let names = data.samples.names();
    columns.extend(named(&names.targets, data.samples.targets()));
    if arguments.truth {
        columns.push(("true.coef.w".to_owned(), data.effects));
        columns.push(("true.probability".to_owned(), data.propensities));
    }
    Ok(columns)
}

fn of_samples(samples: &Samples) -> Columns {
    let names = samples.names();
    let mut columns = named(&names.contexts, samples.contexts());
    columns.extend(named(&names.features, samples.features()));
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
        push_edges(&mut columns, &data.samples.names().features, &edges, true);
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
        push_edges(&mut columns, &data.samples.names().features, &edges, false);
    }
    Ok(columns)
}

fn push_edges(columns: &mut Columns, nodes: &[String], edges: &Array3<f64>, directed: bool) {
    for (from, to) in pairs(nodes.len(), directed) {
        let name = column_name(nodes, (from, to), directed);
        let edge = edges.slice(s![.., from, to]).to_owned();
        columns.push((format!("true.{name}"), edge));
    }
}

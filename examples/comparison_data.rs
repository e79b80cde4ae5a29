//! Data for comparisons with other programs, as CSV beside the truth: what
//! `docs/comparisons/mgcv.R` reads.
//!
//! ```text
//! treatment_SEED_observed.csv     the 221 patients of Section 1.8 to learn from
//! treatment_SEED_unobserved.csv   the 5404 to be judged by
//! large_train.csv                 many noisy rows of a smooth field, simulated with seed 0
//! large_new.csv                   20,000 rows of the same field, simulated with seed 1
//! FAMILY_SEED.csv                 500 rows of outcomes of a family, which `families.R` reads
//! survival_SEED.csv               500 survival times, with the column `event`
//! ```
//!
//! Columns are contexts `c0`, `c1`, features `x0`, …, the target `y` and the true slopes `w0`, …; the
//! large tables end with the true `offset`, which is zero in the others. Contexts of patients are
//! standardised, as estimators see them. The large tables follow
//!
//! ```text
//! w0 = sin(3 c0) + c1    w1 = c0 c1    w2 = 1    offset = cos(2 c1)
//! y = w0 x0 + w1 x1 + w2 x2 + offset + 0.5 ε,    c uniform on [−1, 1]²,    x, ε ~ N(0, 1)
//! ```
//!
//! Numbers have as many digits as it takes to read the same bits back.
//!
//! ```sh
//! cargo run --release --example comparison_data -- target/comparison
//! Rscript docs/comparisons/mgcv.R target/comparison
//! ```

use clap::Parser;
use contextualized_core::SurvivalTimes;
use contextualized_examples::claims::families;
use contextualized_examples::large::{Contexts, large};
use contextualized_examples::say;
use contextualized_simulation::{SimulatedData, TreatmentContexts, TreatmentProblem};
use ndarray::s;
use std::error::Error;
use std::path::{Path, PathBuf};

/// Rows of `large_new.csv`.
const NEW_ROWS: usize = 20_000;

/// Write the data that other programs are compared on.
#[derive(Parser)]
struct Arguments {
    /// Folder that the tables are written to.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Number of data seeds of the treatment problem, from 0.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,
    /// Rows of the large table to learn from.
    #[arg(long, default_value_t = 1_000_000)]
    rows: usize,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let folder = &arguments.folder;
    std::fs::create_dir_all(folder)?;
    for seed in 0..arguments.seeds {
        let problem = TreatmentProblem::new(seed)?;
        for (name, data) in [
            ("observed", problem.observed(TreatmentContexts::Informative)),
            (
                "unobserved",
                problem.unobserved(TreatmentContexts::Informative),
            ),
        ] {
            let path = folder.join(format!("treatment_{seed}_{name}.csv"));
            write(&path, data, Offset::Omitted)?;
        }
    }
    let train = large(arguments.rows, Contexts::Uniform).simulate(0)?;
    write(&folder.join("large_train.csv"), &train, Offset::Written)?;
    let new = large(NEW_ROWS, Contexts::Uniform).simulate(1)?;
    write(&folder.join("large_new.csv"), &new, Offset::Written)?;
    for family in families::simulated()? {
        for seed in 0..20 {
            let data = families::data(family, 500, seed)?;
            let path = folder.join(format!("{}_{seed}.csv", family.name()));
            write(&path, &data, Offset::Written)?;
        }
    }
    for seed in 0..20 {
        let (data, times) = families::survival(500, seed)?;
        let path = folder.join(format!("survival_{seed}.csv"));
        write_survival(&path, &data, &times)?;
    }
    say!(
        "Treatment effects of {} seeds and {} + {NEW_ROWS} large rows are in {}.",
        arguments.seeds,
        arguments.rows,
        folder.display()
    );
    Ok(())
}

/// Whether a table has a column for the true offset.
#[derive(Clone, Copy, PartialEq)]
enum Offset {
    Omitted,
    Written,
}

/// Writes data of one target beside their true coefficients.
fn write(path: &Path, data: &SimulatedData, offset: Offset) -> Result<(), Box<dyn Error>> {
    let (samples, truth) = (&data.samples, &data.coefficients);
    let features = samples.features().ncols();
    let numbered = |letter: &'static str, columns: usize| {
        (0..columns).map(move |column| format!("{letter}{column}"))
    };
    let header = numbered("c", samples.contexts().ncols())
        .chain(numbered("x", features))
        .chain(["y".to_owned()])
        .chain(numbered("w", features))
        .chain((offset == Offset::Written).then(|| "offset".to_owned()));
    let mut writer = csv::Writer::from_path(path)?;
    writer.write_record(header)?;
    let mut line: Vec<f64> = Vec::new();
    for row in 0..data.rows() {
        line.clear();
        line.extend(samples.contexts().row(row));
        line.extend(samples.features().row(row));
        line.push(samples.targets()[[row, 0]]);
        line.extend((0..features).map(|feature| truth.slopes()[[row, 0, feature]]));
        if offset == Offset::Written {
            line.push(truth.intercepts()[[row, 0]]);
        }
        // Floats are serialised with the fewest digits that are read back to the same bits.
        writer.serialize(&line)?;
    }
    writer.flush()?;
    Ok(())
}

/// Writes survival times beside true coefficients.
fn write_survival(
    path: &Path,
    data: &SimulatedData,
    times: &SurvivalTimes,
) -> Result<(), Box<dyn Error>> {
    let mut writer = csv::Writer::from_path(path)?;
    writer.write_record(["c0", "c1", "x0", "x1", "y", "event", "w0", "w1"])?;
    for row in 0..data.rows() {
        let mut line: Vec<f64> = Vec::new();
        line.extend(data.samples.contexts().row(row));
        line.extend(data.samples.features().row(row));
        line.extend([times.stops()[row], f64::from(u8::from(times.events()[row]))]);
        line.extend(data.coefficients.slopes().slice(s![row, 0, ..]));
        writer.serialize(&line)?;
    }
    writer.flush()?;
    Ok(())
}

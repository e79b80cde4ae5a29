//! Which effects vary, with what, and with what evidence.
//!
//! First with a known answer: three contexts, three treatments,
//!
//! ```text
//! slope of x0   c0², a U that differences between the ends of c0 would miss
//! slope of x1   sin(3 c1)
//! slope of x2   1, whatever the context
//! intercept        c0; c2 has no influence on anything
//! ```
//!
//! Then 442 patients with diabetes, where nobody knows. Wald tests of a Gaussian process regression are set beside
//! permutations of the contexts, and p-values adjusted for the number of tests beside those of each test
//! alone. Figures show both tables.
//!
//! ```sh
//! cargo run --release --example which_effects_vary
//! ```

use clap::Parser;
use contextualized_analysis::{Variation, VariationTable, VariationTest, wald_table};
use contextualized_core::{Estimator, Result, Samples};
use contextualized_examples::diabetes;
use contextualized_examples::figures::variation_table;
use contextualized_examples::figures1::Folder;
use contextualized_examples::say;
use contextualized_examples::table::table;
use contextualized_linear::{
    GaussianProcessModel, GaussianProcessRegression, KernelShape, Sharing,
};
use contextualized_plot::Figure;
use contextualized_simulation::Simulator;
use std::path::PathBuf;

/// Tests of which effects vary.
#[derive(Parser)]
struct Arguments {
    /// Seed of the data and of the replicates.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Permutations of the contexts.
    #[arg(long, default_value_t = 99)]
    permutations: usize,
    /// Folder that the figures are written to, as SVG.
    #[arg(long, value_name = "DIR", default_value = "target/figures")]
    figures: PathBuf,
}

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let arguments = Arguments::parse();
    let folder = Folder::new(&arguments.figures)?;
    let simulated = simulate(arguments.seed)?;
    say!("Simulated: 250 rows, noise of 0.5.\n");
    let found = tested(&simulated, &arguments)?;
    folder.write("which_effects_vary_simulated", &figure(&found, &simulated)?)?;
    // What was put in.
    let significant: Vec<_> = found
        .pairs
        .iter()
        .filter(|line| line.holm <= 0.05)
        .map(|line| (line.coefficient.as_str(), line.context.as_deref()))
        .collect();
    assert!(significant.contains(&("x0", Some("c0"))) && significant.contains(&("x1", Some("c1"))));

    let patients = diabetes::read()?;
    say!(
        "\nDiabetes: progression in {} patients, by age and sex.\n",
        patients.rows()
    );
    let found = tested(&patients, &arguments)?;
    folder.write("which_effects_vary_diabetes", &figure(&found, &patients)?)?;
    say!("\nThe figures are in {}.", arguments.figures.display());
    Ok(())
}

fn simulate(seed: u64) -> Result<Samples> {
    let data = Simulator::new(250)
        .uniform_contexts(3, -1.0, 1.0)
        .slopes(|c| vec![c[0] * c[0], (3.0 * c[1]).sin(), 1.0])
        .intercept(|c| c[0])
        .noise(0.5)
        .simulate(seed)?;
    Ok(data.samples)
}

/// Prints the tables of both kinds of tests, and returns that of the Wald tests.
fn tested(samples: &Samples, arguments: &Arguments) -> Result<VariationTable> {
    // What varies with what is the question, so every coefficient has length scales of its own.
    let kernel = GaussianProcessRegression::new()
        .additive(KernelShape::SquaredExponential)
        .sharing(Sharing::PerCoefficient);
    let model: GaussianProcessModel = kernel.fit(samples)?;
    let wald = wald_table(&model, samples)?;
    // Tests by replicates are right with any estimator: a coarse search for hyperparameters will do.
    let permutations = VariationTest::permutation(kernel.sharing(Sharing::Shared).tolerance(0.1))
        .replicates(arguments.permutations)
        .seed(arguments.seed)
        .test(samples)?;
    let lines = wald
        .pairs
        .iter()
        .zip(&permutations.pairs)
        .map(|(wald, permuted)| line(wald, permuted))
        .collect();
    let header = [
        "coefficient",
        "context",
        "deviation",
        "Wald p",
        "Holm",
        "BH",
        "permutation p",
        "maximum",
        "",
    ];
    say!("{}", table(header, 2, lines));
    say!(
        "\nDoes anything vary? Wald p = {}, permutation p = {}. Stars: Holm's p-value is at most 0.05 (*), 0.01 (**), \
         0.001 (***).",
        p_value(wald.omnibus),
        p_value(permutations.omnibus)
    );
    Ok(wald)
}

fn line(wald: &Variation, permuted: &Variation) -> [String; 9] {
    [
        wald.coefficient.clone(),
        wald.context.clone().unwrap_or_default(),
        format!("{:.3}", wald.deviation),
        p_value(wald.p_value),
        p_value(wald.holm),
        p_value(wald.benjamini_hochberg),
        p_value(permuted.p_value),
        permuted.maximum.map(p_value).unwrap_or_default(),
        match wald.holm {
            p if p <= 0.001 => "***",
            p if p <= 0.01 => "**",
            p if p <= 0.05 => "*",
            _ => "",
        }
        .to_owned(),
    ]
}

/// Deviations and Holm's p-values as two tables.
fn figure(found: &VariationTable, samples: &Samples) -> contextualized_plot::Result<Figure> {
    let names = samples.names();
    let coefficients: Vec<&str> = names
        .features
        .iter()
        .map(String::as_str)
        .chain(["(intercept)"])
        .collect();
    let contexts: Vec<&str> = names.contexts.iter().map(String::as_str).collect();
    let of = |value: fn(&Variation) -> f64| -> Vec<f64> { found.pairs.iter().map(value).collect() };
    variation_table(
        &coefficients,
        &contexts,
        &of(|line| line.deviation),
        &of(|line| line.holm),
        0.05,
    )
}

fn p_value(p: f64) -> String {
    match p {
        small if small < 1e-4 => "< 0.0001".to_owned(),
        p => format!("{p:.4}"),
    }
}

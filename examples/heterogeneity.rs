//! How patients differ, and what explains it.
//!
//! First with a known answer: three kinds of patients, each with effects of its own, and contexts that
//! say how much of each kind a patient is,
//!
//! ```text
//! B(c) = Σ_k w_k(c) A_k,      w(c) = softmax(5 D c),      k = 1, 2, 3
//! ```
//!
//! with directions D 120° apart. A contextualized regression with a softmax link looks for the kinds and
//! the weights. Then the diabetes data, where nobody knows: coefficients in the plane by principal
//! components and by t-SNE, how faithful these pictures are, and what the covariates explain.
//!
//! ```sh
//! cargo run --release --example heterogeneity
//! ```

use clap::Parser;
use contextualized_analysis::{
    ArchetypeSummary, CoefficientColumns, Covariate, PrincipalComponents, Tsne, explained_variance,
    faithfulness,
};
use contextualized_core::{
    Estimator, Family, LocalCoefficients, Result, Samples, VaryingCoefficients, WithArchetypes,
};
use contextualized_examples::diabetes;
use contextualized_examples::figures::{
    ArchetypeWeights, Colouring, EmbeddingPanel, archetype_bands, archetype_table, embedding,
};
use contextualized_examples::figures1::Folder;
use contextualized_examples::say;
use contextualized_examples::table::table;
use contextualized_linear::{
    EncoderLink, GaussianProcessRegression, NeuralRegression, Parameterization,
};
use contextualized_simulation::Simulator;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, array};
use std::path::PathBuf;
use std::time::Instant;

type Outcome<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Archetypes, embeddings and what explains how coefficients vary.
#[derive(Parser)]
struct Arguments {
    /// Seed of the data and the models.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Also times t-SNE of 1000 and 5000 simulated patients.
    #[arg(long)]
    timing: bool,
    /// Folder that the figures are written to, as SVG.
    #[arg(long, value_name = "DIR", default_value = "target/figures")]
    figures: PathBuf,
}

fn main() -> Outcome<()> {
    let arguments = Arguments::parse();
    let folder = Folder::new(&arguments.figures)?;
    three_kinds(arguments.seed, &folder)?;
    if arguments.timing {
        time_tsne(arguments.seed)?;
    }
    patients_with_diabetes(arguments.seed, &folder)?;
    say!("\nThe figures are in {}.", arguments.figures.display());
    Ok(())
}

/// Effects of four treatments on each kind of patient.
fn kinds() -> Array2<f64> {
    array![
        [2.0, 0.0, -1.0, 0.5],
        [-1.0, 1.5, 0.0, 0.5],
        [0.0, -1.0, 2.0, 0.5]
    ]
}

/// How much of each kind a patient is.
fn kind_weights(context: &[f64]) -> Vec<f64> {
    let turns = (0..3).map(|kind| f64::from(kind) * std::f64::consts::TAU / 3.0);
    let scores: Vec<f64> = turns
        .map(|turn| (5.0 * (turn.cos() * context[0] + turn.sin() * context[1])).exp())
        .collect();
    let total: f64 = scores.iter().sum();
    scores.into_iter().map(|score| score / total).collect()
}

fn softmax_regression(archetypes: usize, seed: u64) -> NeuralRegression {
    NeuralRegression::new()
        .parameterization(Parameterization::Archetypes(archetypes))
        .encoder_link(EncoderLink::Softmax)
        .batch_size(16)
        .learning_rate(5e-3)
        .seed(seed)
}

fn three_kinds(seed: u64, folder: &Folder) -> Outcome<()> {
    let samples = Simulator::new(2000)
        .uniform_contexts(2, -1.0, 1.0)
        .features(|draws, _| (0..4).map(|_| draws.normal(0.0, 1.0)).collect())
        .slopes(|c| Array1::from(kind_weights(c)).dot(&kinds()).to_vec())
        .noise(0.5)
        .simulate(seed)?
        .samples
        .with_context_names(["diet", "exercise"])?
        .with_feature_names(["drug A", "drug B", "drug C", "drug D"])?;
    let mut truth = Array2::zeros((samples.rows(), 3));
    for (row, context) in samples.contexts().rows().into_iter().enumerate() {
        truth
            .row_mut(row)
            .assign(&Array1::from(kind_weights(&context.to_vec())));
    }
    let model = softmax_regression(3, seed).fit(&samples)?;
    let columns = CoefficientColumns::new(&samples, model.family())?;
    let summary = ArchetypeSummary::new(&model, &samples, &columns)?;
    let order = matched(summary.weights.view(), truth.view());
    let slopes = model.archetypes()?.slopes().to_owned();
    say!(
        "Three kinds of patients, 2000 of them, noise 0.5: true effects and those of the archetypes.\n"
    );
    let mut lines = Vec::new();
    for (kind, &archetype) in order.iter().enumerate() {
        let correlation = correlation(truth.column(kind), summary.weights.column(archetype));
        let effect = |j: usize| {
            format!(
                "{:.2} / {:.2}",
                kinds()[[kind, j]],
                slopes[[archetype, 0, j]]
            )
        };
        lines.push([
            (kind + 1).to_string(),
            effect(0),
            effect(1),
            effect(2),
            effect(3),
            format!("{:.0}", summary.sizes[archetype]),
            format!("{correlation:.3}"),
        ]);
    }
    let header = [
        "kind",
        "drug A",
        "drug B",
        "drug C",
        "drug D",
        "size",
        "r of weights",
    ];
    say!("{}", table(header, 1, lines));
    say!("\nAsked for another number of archetypes:\n");
    let mut lines = Vec::new();
    for archetypes in [2, 3, 4, 6] {
        let model = softmax_regression(archetypes, seed).fit(&samples)?;
        let summary = ArchetypeSummary::new(&model, &samples, &columns)?;
        let error = field_error(&model, &samples, truth.view())?;
        lines.push([
            archetypes.to_string(),
            format!("{:.2}", summary.effective),
            format!(
                "{:.2}",
                summary.effective_by_row().mean().unwrap_or(f64::NAN)
            ),
            format!("{error:.4}"),
        ]);
    }
    let header = ["archetypes", "effective", "per patient", "MSE of effects"];
    say!("{}", table(header, 1, lines));

    let effects = columns.table(&model.coefficients(samples.contexts())?)?;
    let components = PrincipalComponents::new().fit(effects.view(), columns.names())?;
    let names = ["archetype 1", "archetype 2", "archetype 3"];
    let dominant: Vec<Option<usize>> = summary
        .dominant()
        .into_iter()
        .map(|found| found.and_then(|(k, _)| order.iter().position(|&other| other == k)))
        .collect();
    let context = |k: usize| -> Vec<Option<f64>> {
        samples
            .contexts()
            .column(k)
            .iter()
            .copied()
            .map(Some)
            .collect()
    };
    let (diet, exercise) = (context(0), context(1));
    let panels = [
        EmbeddingPanel {
            title: "largest share",
            colouring: Colouring::Levels {
                names: &names,
                levels: &dominant,
            },
        },
        EmbeddingPanel {
            title: "diet",
            colouring: Colouring::Numbers(&diet),
        },
        EmbeddingPanel {
            title: "exercise",
            colouring: Colouring::Numbers(&exercise),
        },
    ];
    let scores = components.transform(effects.view())?;
    let figure = embedding(&pairs(&scores), &panels, ("PC 1", "PC 2"), 3)?;
    folder.write("heterogeneity_kinds", &figure)?;
    let names = ["archetype 1", "archetype 2", "archetype 3"];
    let found = summary.table.select(Axis(0), &order);
    let columns: Vec<&str> = summary.names.iter().map(String::as_str).collect();
    let values: Vec<f64> = found.iter().copied().collect();
    let figure = archetype_table(&names, &columns, &values, "per deviation")?;
    folder.write("heterogeneity_archetypes", &figure)?;
    let figure = bands(&model, &order, &names)?;
    folder.write("heterogeneity_weights", &figure)?;
    Ok(())
}

/// Seconds that t-SNE of the true effects takes, and what it keeps.
fn time_tsne(seed: u64) -> Outcome<()> {
    say!("\nt-SNE of simulated patients' true effects, perplexity 30, 1000 iterations:\n");
    let mut lines = Vec::new();
    for rows in [1000, 5000] {
        let data = Simulator::new(rows)
            .uniform_contexts(2, -1.0, 1.0)
            .slopes(|c| Array1::from(kind_weights(c)).dot(&kinds()).to_vec())
            .simulate(seed)?;
        let columns = CoefficientColumns::new(&data.samples, Family::Gaussian)?;
        let effects = columns.table(&data.coefficients)?;
        let start = Instant::now();
        let found = Tsne::new().seed(seed).fit(effects.view())?;
        let fitted = start.elapsed().as_secs_f64();
        let kept = faithfulness(effects.view(), found.points.view(), 15)?;
        let compared = start.elapsed().as_secs_f64() - fitted;
        lines.push([
            rows.to_string(),
            format!("{fitted:.1}"),
            format!("{compared:.1}"),
            format!("{:.3}", found.divergence),
            format!("{:.4}", kept.trustworthiness),
            format!("{:.4}", kept.continuity),
            format!("{:.2}", kept.overlap),
        ]);
    }
    let header = [
        "rows",
        "s",
        "s of comparison",
        "divergence",
        "trustworthiness",
        "continuity",
        "kept",
    ];
    say!("{}", table(header, 0, lines));
    Ok(())
}

/// Weights along diet, at three levels of exercise.
fn bands(
    model: &impl WithArchetypes,
    order: &[usize],
    names: &[&str],
) -> Outcome<contextualized_plot::Figure> {
    let diet = Array1::linspace(-1.0, 1.0, 81);
    let mut panels = Vec::new();
    for exercise in [-0.7, 0.0, 0.7] {
        let contexts = Array2::from_shape_fn(
            (81, 2),
            |(row, k)| if k == 0 { diet[row] } else { exercise },
        );
        let weights = model.archetype_weights(contexts.view())?;
        let each: Vec<Vec<f64>> = order.iter().map(|&k| weights.column(k).to_vec()).collect();
        panels.push((format!("exercise {exercise}").replace('-', "−"), each));
    }
    let context = diet.to_vec();
    let slices: Vec<Vec<&[f64]>> = panels
        .iter()
        .map(|(_, each)| each.iter().map(Vec::as_slice).collect())
        .collect();
    let shown: Vec<ArchetypeWeights<'_>> = panels
        .iter()
        .zip(&slices)
        .map(|((title, _), weights)| ArchetypeWeights {
            title,
            context: &context,
            weights,
        })
        .collect();
    Ok(archetype_bands(&shown, names, "diet", 3)?)
}

/// The archetype of each kind: the assignment with the largest sum of correlations of weights.
fn matched(weights: ArrayView2<'_, f64>, truth: ArrayView2<'_, f64>) -> Vec<usize> {
    let score = |order: &[usize; 3]| -> f64 {
        let pairs = order.iter().enumerate();
        pairs
            .map(|(kind, &k)| correlation(truth.column(kind), weights.column(k)))
            .sum()
    };
    let mut orders = [
        [0, 1, 2],
        [0, 2, 1],
        [1, 0, 2],
        [1, 2, 0],
        [2, 0, 1],
        [2, 1, 0],
    ];
    orders.sort_by(|a, b| score(b).total_cmp(&score(a)));
    orders[0].to_vec()
}

fn correlation(a: ArrayView1<'_, f64>, b: ArrayView1<'_, f64>) -> f64 {
    let centred = |v: ArrayView1<'_, f64>| &v - v.mean().unwrap_or(0.0);
    let (a, b) = (centred(a), centred(b));
    a.dot(&b) / (a.dot(&a) * b.dot(&b)).sqrt()
}

/// Mean squared error of the effects.
fn field_error(
    model: &impl VaryingCoefficients,
    samples: &Samples,
    truth: ArrayView2<'_, f64>,
) -> Result<f64> {
    let coefficients = model.coefficients(samples.contexts())?;
    let differences = &coefficients.slopes().index_axis(Axis(1), 0) - &truth.dot(&kinds());
    Ok((&differences * &differences).mean().unwrap_or(f64::NAN))
}

fn patients_with_diabetes(seed: u64, folder: &Folder) -> Outcome<()> {
    let samples = diabetes::read()?;
    let model = GaussianProcessRegression::new().fit(&samples)?;
    let columns = CoefficientColumns::new(&samples, model.family())?.with_levels();
    let coefficients = model.coefficients(samples.contexts())?;
    let effects = columns.table(&coefficients)?;
    let components = PrincipalComponents::new().fit(effects.view(), columns.names())?;
    let scores = components.transform(effects.view())?;
    let tsne = Tsne::new().seed(seed).fit(effects.view())?;

    say!(
        "\n{} patients with diabetes, Gaussian process regression. Effects per standard deviation of each\n\
         measurement, in standard deviations of progression: how much they vary, along which principal\n\
         components, and what explains it (adjusted correlation ratio, %; blank where next to nothing varies).\n",
        samples.rows()
    );
    let mut covariates = Vec::new();
    for (name, values) in samples
        .names()
        .contexts
        .iter()
        .zip(samples.contexts().columns())
    {
        covariates.push(Covariate::column(name, values)?);
    }
    let (bmi, progression) = (
        samples.features().column(0).to_owned(),
        samples.targets().column(0).to_owned(),
    );
    covariates.push(Covariate::column("bmi", bmi.view())?);
    covariates.push(Covariate::column("progression", progression.view())?);
    let explained = explained_variance(effects.view(), columns.names(), &covariates)?;
    let percent = |share: f64| format!("{:.0}", 100.0 * share);
    // What explains a variation of next to nothing is of no interest.
    let explaining = |j: usize, k: usize| {
        if explained.deviations[j] < 0.001 {
            String::new()
        } else {
            percent(explained.shares[[j, k]])
        }
    };
    let mut lines: Vec<[String; 8]> = (0..effects.ncols())
        .map(|j| {
            [
                columns.names()[j].clone(),
                format!("{:.4}", explained.deviations[j]),
                format!("{:.2}", components.loadings()[[j, 0]]),
                format!("{:.2}", components.loadings()[[j, 1]]),
                explaining(j, 0),
                explaining(j, 1),
                explaining(j, 2),
                explaining(j, 3),
            ]
        })
        .collect();
    let shares = components.explained();
    lines.push([
        "all".to_owned(),
        format!("{:.4}", explained.deviations.mapv(|d| d * d).sum().sqrt()),
        format!("{} %", percent(shares[0])),
        format!("{} %", percent(shares[1])),
        percent(explained.overall[0]),
        percent(explained.overall[1]),
        percent(explained.overall[2]),
        percent(explained.overall[3]),
    ]);
    let header = [
        "effect of",
        "deviation",
        "PC 1",
        "PC 2",
        "age",
        "sex",
        "bmi",
        "progression",
    ];
    say!("{}", table(header, 1, lines));

    say!(
        "\nHow faithful pictures of {} effects in the plane are, by the 15 nearest patients:\n",
        effects.ncols()
    );
    let mut lines = Vec::new();
    for (name, points) in [("principal components", &scores), ("t-SNE", &tsne.points)] {
        let kept = faithfulness(effects.view(), points.view(), 15)?;
        lines.push([
            name.to_owned(),
            format!("{:.4}", kept.trustworthiness),
            format!("{:.4}", kept.continuity),
            format!("{:.2}", kept.overlap),
        ]);
    }
    let header = [
        "picture",
        "trustworthiness",
        "continuity",
        "neighbours kept",
    ];
    say!("{}", table(header, 1, lines));

    let ages: Vec<Option<f64>> = samples
        .contexts()
        .column(0)
        .iter()
        .copied()
        .map(Some)
        .collect();
    let bmis: Vec<Option<f64>> = bmi.iter().copied().map(Some).collect();
    let sexes: Vec<Option<usize>> = samples
        .contexts()
        .column(1)
        .iter()
        .map(|&sex| Some(usize::from(sex > 1.5)))
        .collect();
    let panels = [
        EmbeddingPanel {
            title: "age (years)",
            colouring: Colouring::Numbers(&ages),
        },
        EmbeddingPanel {
            title: "sex",
            colouring: Colouring::Levels {
                names: &["sex 1", "sex 2"],
                levels: &sexes,
            },
        },
        EmbeddingPanel {
            title: "body mass index",
            colouring: Colouring::Numbers(&bmis),
        },
    ];
    let axes = [0, 1].map(|k| format!("PC {} ({} %)", k + 1, percent(shares[k])));
    let figure = embedding(&pairs(&scores), &panels, (&axes[0], &axes[1]), 3)?;
    folder.write(
        "heterogeneity_components",
        &figure.title("Effects on the progression of diabetes: principal components"),
    )?;
    let figure = embedding(&pairs(&tsne.points), &panels, ("", ""), 3)?;
    folder.write(
        "heterogeneity_tsne",
        &figure.title("Effects on the progression of diabetes: t-SNE"),
    )?;
    Ok(())
}

/// The first two columns.
fn pairs(table: &Array2<f64>) -> Vec<(f64, f64)> {
    table
        .rows()
        .into_iter()
        .map(|row| (row[0], row[1]))
        .collect()
}

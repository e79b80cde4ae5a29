//! Real data: does the effect of clinical measurements on the progression of diabetes vary with age
//! and sex?
//!
//! ```text
//! contexts   age (years), sex (coded 1 and 2, without a published key)
//! features   body mass index, blood pressure, six blood-serum measurements
//! target     disease progression one year after baseline
//! ```
//!
//! 442 patients of Efron, Hastie, Johnstone and Tibshirani (2004, doi:10.1214/009053604000000067),
//! in original units. Every estimator is cross-validated on the same folds; whichever wins is
//! reported. A figure shows how each effect varies with age, as a Gaussian process regression sees it, with
//! 95 % bands.
//!
//! ```sh
//! cargo run --release --example diabetes
//! ```

use clap::Parser;
use contextualized_baselines::{ClusterRegression, PopulationRegression};
use contextualized_core::comparison::cross_validate;
use contextualized_core::cross_validation::FoldScores;
use contextualized_core::metrics::Score;
use contextualized_core::{
    Coefficients, DynEstimator, Estimator, Family, KFold, LocalCoefficients, Result, Samples,
    VaryingCoefficients, WithUncertainty,
};
use contextualized_examples::diabetes::read;
use contextualized_examples::figures::{EffectPanel, GroupCurve, effect_curves};
use contextualized_examples::figures1::Folder;
use contextualized_examples::say;
use contextualized_examples::table::table;
use contextualized_linear::{
    GaussianProcessModel, GaussianProcessRegression, KernelShape, NeuralRegression,
    Parameterization,
};
use contextualized_plot::Figure;
use ndarray::{Array1, Array2, ArrayView2, Axis, array, concatenate, s};
use std::path::PathBuf;

/// Population, cluster and contextualized regression of diabetes progression, cross-validated.
#[derive(Parser)]
struct Arguments {
    /// Seed of the folds and the models.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Folds of each cross-validation.
    #[arg(long, default_value_t = 5)]
    folds: usize,
    /// Cross-validations, each on folds of its own.
    #[arg(long, default_value_t = 10)]
    repeats: usize,
    /// Folder that the figure is written to, as SVG.
    #[arg(long, value_name = "DIR", default_value = "target/figures")]
    figures: PathBuf,
}

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let arguments = Arguments::parse();
    let samples = read()?;
    let population = PopulationRegression::new();
    let neural = NeuralRegression::new().seed(arguments.seed);
    let kernel = GaussianProcessRegression::new();
    let estimators: Vec<Box<dyn DynEstimator>> = vec![
        Box::new(population.clone()),
        Box::new(WithContextsAsFeatures(population)),
        Box::new(ClusterRegression::new().clusters(3).seed(arguments.seed)),
        Box::new(ClusterRegression::new().seed(arguments.seed)),
        Box::new(neural.clone().parameterization(Parameterization::Direct)),
        Box::new(neural.clone()),
        Box::new(kernel.clone()),
        Box::new(kernel.clone().additive(KernelShape::SquaredExponential)),
    ];
    let folds = KFold::new(arguments.folds, arguments.seed).with_repeats(arguments.repeats);
    let compared = cross_validate(&estimators, &samples, &folds, Family::Gaussian)?;
    let scores = compared
        .into_iter()
        .map(|line| Ok((line.name, line.outcome?)))
        .collect::<Result<Vec<(String, FoldScores)>>>()?;
    print_comparison(&scores, &samples, &arguments)?;
    print_effects(&neural, &samples)?;
    let figure = draw_effects(&kernel.fit(&samples)?, &samples)?;
    Folder::new(&arguments.figures)?.write("diabetes_effects", &figure)?;
    say!(
        "\nThe figure, of the Gaussian process with 95 % bands, is in {}.",
        arguments.figures.display()
    );

    // The features say something of progression whatever the context.
    let variance = samples.targets().var(0.0);
    assert!(
        scores
            .iter()
            .all(|(_, scores)| scores.score().mean < 0.75 * variance)
    );
    Ok(())
}

fn print_comparison(
    scores: &[(String, FoldScores)],
    samples: &Samples,
    arguments: &Arguments,
) -> Result<()> {
    let Some((_, reference)) = scores.first() else {
        return Ok(());
    };
    let variance = samples.targets().var(0.0);
    let plus_minus = |score: Score| format!("{:.0} ± {:.0}", score.mean, score.standard_error);
    let lines = scores
        .iter()
        .enumerate()
        .map(|(index, (name, scores))| {
            Ok([
                name.clone(),
                plus_minus(scores.score()),
                format!("{:.3}", 1.0 - scores.score().mean / variance),
                match index {
                    0 => String::new(),
                    _ => plus_minus(scores.minus(reference)?),
                },
            ])
        })
        .collect::<Result<Vec<_>>>()?;
    say!(
        "Progression of diabetes in {} patients: {}-fold cross-validation, {} times, ± one standard error.\n",
        samples.rows(),
        arguments.folds,
        arguments.repeats
    );
    let header = ["estimator", "held-out MSE", "R²", "MSE minus population's"];
    say!("{}", table(header, 1, lines));
    Ok(())
}

/// The contextualized slopes of a younger and an older patient of either sex.
fn print_effects(estimator: &NeuralRegression, samples: &Samples) -> Result<()> {
    let model = estimator.fit(samples)?;
    let patients = array![[30.0, 1.0], [65.0, 1.0], [30.0, 2.0], [65.0, 2.0]];
    let coefficients = model.coefficients(patients.view())?;
    let population = PopulationRegression::new().fit(samples)?;
    let deviations = samples.features().std_axis(Axis(0), 0.0);
    let names = &samples.names().features;
    let lines = names
        .iter()
        .enumerate()
        .map(|(j, name)| {
            let per_deviation = |slope: f64| format!("{:.1}", slope * deviations[j]);
            let of_patient = |row: usize| per_deviation(coefficients.slopes()[[row, 0, j]]);
            [
                name.clone(),
                per_deviation(population.slopes()[[0, j]]),
                of_patient(0),
                of_patient(1),
                of_patient(2),
                of_patient(3),
            ]
        })
        .collect();
    say!(
        "\nEffects on progression, per standard deviation of each measurement (contextualized, fitted\n\
         to all patients, with {:.0} % of the learned deviation from the population kept).\n",
        100.0 * model.shares()[0]
    );
    let header = ["", "population", "age 30, sex 1", "65, 1", "30, 2", "65, 2"];
    say!("{}", table(header, 1, lines));
    Ok(())
}

/// The slopes of either sex against age, with 95 % bands.
fn draw_effects(
    model: &GaussianProcessModel,
    samples: &Samples,
) -> std::result::Result<Figure, Box<dyn std::error::Error>> {
    let population = PopulationRegression::new().fit(samples)?;
    let deviations = samples.features().std_axis(Axis(0), 0.0);
    let names = &samples.names().features;
    let ages = Array1::linspace(20.0, 78.0, 59).to_vec();
    let of_sex = |sex: f64| -> Result<[Coefficients; 3]> {
        let contexts =
            Array2::from_shape_fn(
                (ages.len(), 2),
                |(row, column)| {
                    if column == 0 { ages[row] } else { sex }
                },
            );
        let intervals = model.intervals(contexts.view(), 0.95)?;
        let middle = model.coefficients(contexts.view())?;
        Ok([middle, intervals.lower, intervals.upper])
    };
    let sexes = [of_sex(1.0)?, of_sex(2.0)?];
    // By measurement, sex and middle, lower, upper.
    let curves: Vec<[[Vec<f64>; 3]; 2]> = (0..names.len())
        .map(|j| {
            sexes.each_ref().map(|ends| {
                ends.each_ref()
                    .map(|c| (&c.slopes().slice(s![.., 0, j]) * deviations[j]).to_vec())
            })
        })
        .collect();
    let groups: Vec<[GroupCurve<'_>; 2]> = curves
        .iter()
        .map(|[one, two]| {
            [("sex 1", one), ("sex 2", two)].map(|(name, [effect, lower, upper])| GroupCurve {
                name,
                context: &ages,
                effect,
                interval: Some((lower, upper)),
            })
        })
        .collect();
    let panels: Vec<EffectPanel<'_>> = names
        .iter()
        .zip(&groups)
        .enumerate()
        .map(|(j, (title, groups))| EffectPanel {
            title,
            groups,
            population: Some(population.slopes()[[0, j]] * deviations[j]),
        })
        .collect();
    Ok(effect_curves(&panels, "age, years", 4)?
        .title(
            "Effects on the progression of diabetes, per standard deviation: Gaussian process, 95 % bands",
        )
        .y_label("effect on progression"))
}

/// An estimator that is given the contexts as further features: effects that do not vary, but
/// main effects of age and sex.
struct WithContextsAsFeatures<E>(E);

struct Extended<M>(M);

impl<E: Estimator> Estimator for WithContextsAsFeatures<E> {
    type Model = Extended<E::Model>;

    fn name(&self) -> String {
        format!("{}, age and sex as features", self.0.name())
    }

    fn fit(&self, samples: &Samples) -> Result<Self::Model> {
        let features = concatenate![Axis(1), samples.features(), samples.contexts()];
        let extended = Samples::new(samples.contexts(), features.view(), samples.targets())?;
        Ok(Extended(self.0.fit(&extended)?))
    }
}

impl<M: LocalCoefficients> LocalCoefficients for Extended<M> {
    fn coefficients_at(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
    ) -> Result<Coefficients> {
        let extended = concatenate![Axis(1), features, contexts];
        let inner = self.0.coefficients_at(contexts, extended.view())?;
        let own = features.ncols();
        let mut intercepts = inner.intercepts().to_owned();
        for (row, context) in contexts.rows().into_iter().enumerate() {
            let of_contexts = inner
                .slopes()
                .index_axis(Axis(0), row)
                .slice(s![.., own..])
                .dot(&context);
            let mut intercept = intercepts.row_mut(row);
            intercept += &of_contexts;
        }
        Coefficients::new(
            inner.slopes().slice(s![.., .., ..own]).to_owned(),
            intercepts,
        )
    }

    fn family(&self) -> Family {
        self.0.family()
    }
}

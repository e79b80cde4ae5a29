//! A regression in numbers.

use super::effects::coefficients;
use super::model::{family_in_words, rows_in_words};
use super::random::random_effects;
use super::treatment::treatment_sections;
use crate::error::{Error, Result};
use crate::saved::{Regression, Saved};
use crate::tables::{Cell, Section, Table, capital};
use contextualized_analysis::{
    AverageCoefficient, Evidence, GoodnessOfFit, JointTest, MarginalEffect, average_coefficients,
    average_marginal_effects, joint_tests,
};
use contextualized_core::{LocalCoefficients, PredictorDistribution, Samples};
use ndarray::s;

/// What is said of a regression.
pub fn summary(account: &Account<'_>) -> Result<Vec<Section>> {
    let Account {
        saved,
        regression,
        training,
        ..
    } = *account;
    let mut sections = vec![(rows_in_words(saved), None)];
    let said = [saved.data.kept_together(), family_in_words(&saved.design)];
    sections.extend(
        said.into_iter()
            .flatten()
            .map(|text| (capital(&text), None)),
    );
    sections.extend(saved.data.remarks.iter().map(|text| (text.clone(), None)));
    sections.push((format!("Fitted: {}", saved.fitted.describe()), None));
    sections.extend(saved.transformed().map(|text| (text, None)));
    sections.extend(treatment_sections(saved, regression, account.level)?);
    sections.push(account.averages_table());
    sections.extend(account.marginal_table());
    sections.extend(random_effects(regression, training));
    sections.extend(coefficients(regression, training, saved)?);
    sections.push(account.fit_table());
    Ok(sections)
}

/// What a regression's summary and its report say of it.
pub struct Account<'a> {
    saved: &'a Saved,
    regression: &'a Regression,
    training: &'a Samples,
    level: f64,
    /// Average coefficients.
    pub averages: Vec<AverageCoefficient>,
    /// Average marginal effects, where these are asked for.
    pub marginal: Vec<MarginalEffect>,
    factors: Vec<Factor>,
    /// Of no rows: its dispersions and degrees of freedom.
    known: Option<PredictorDistribution>,
    /// What exponentials of coefficients are, where these are shown.
    ratio: Option<&'static str>,
}

impl<'a> Account<'a> {
    /// Of the training rows, with intervals of this probability.
    pub fn new(
        saved: &'a Saved,
        regression: &'a Regression,
        training: &'a Samples,
        level: f64,
    ) -> Result<Self> {
        let known = match regression.model.as_predictive() {
            Some(model) => {
                let nobody = s![..0, ..];
                let contexts = training.contexts().slice_move(nobody);
                let features = training.features().slice_move(nobody);
                Some(model.predictor_distribution(contexts, features)?)
            }
            None => None,
        };
        Ok(Self {
            saved,
            regression,
            training,
            level,
            averages: average_coefficients(&regression.model, training, Some(level))?,
            marginal: Vec::new(),
            factors: factors(saved, regression, training)?,
            known,
            ratio: None,
        })
    }

    /// With average marginal effects: what features do to the mean of the outcome, in its own unit.
    pub fn with_marginal_effects(mut self) -> Result<Self> {
        if self.saved.design.survival.is_some() {
            return Err(Error::failure(
                "marginal effects are of means, and models of survival times have hazards: exponentials of their coefficients are hazard ratios",
            ));
        }
        let factors = self.saved.design.feature_factors().into_iter();
        let factors: Vec<Vec<usize>> = factors.map(|(_, columns)| columns).collect();
        let model = &self.regression.model;
        self.marginal = average_marginal_effects(model, self.training, &factors, self.level)?;
        Ok(self)
    }

    /// With exponentials of average coefficients in their place: odds ratios, rate ratios and the like.
    pub fn exponentiated(mut self) -> Result<Self> {
        let family = self.regression.model.family();
        self.ratio = self.saved.design.ratio_name();
        if self.ratio.is_some() {
            return Ok(self);
        }
        Err(Error::failure(format!(
            "exponentials of coefficients say nothing of a {family} outcome; those of families with a log or logit link are ratios"
        )))
    }

    /// Without standard errors, intervals and tests.
    pub fn without_evidence(
        saved: &'a Saved,
        regression: &'a Regression,
        training: &'a Samples,
    ) -> Result<Self> {
        Ok(Self {
            saved,
            regression,
            training,
            level: 0.95,
            averages: average_coefficients(&regression.model, training, None)?,
            marginal: Vec::new(),
            factors: Vec::new(),
            known: None,
            ratio: None,
        })
    }

    /// Average coefficients with their evidence, a factor's own line before those of its levels.
    pub fn averages_table(&self) -> Section {
        let Self {
            saved,
            regression,
            training,
            level,
            averages,
            factors,
            known,
            ratio,
            ..
        } = self;
        let rows = saved.data.rows;
        let several = training.names().targets.len() > 1;
        let degrees = known.as_ref().and_then(|known| known.degrees_of_freedom);
        let statistic = if degrees.is_some() { "t" } else { "z" };
        let mut columns = vec![
            "coefficient",
            ratio.unwrap_or("average"),
            "SE",
            "lower",
            "upper",
            statistic,
            "p",
        ];
        columns.push("effective df");
        if several {
            columns.insert(0, "target");
        }
        let scaled = |value: f64| if ratio.is_some() { value.exp() } else { value };
        let mut table = Table::new("averages", &columns);
        for line in averages {
            let first = |factor: &&Factor| factor.levels.first() == Some(&line.coefficient);
            if let Some(factor) = factors.iter().find(first) {
                let tests = factor.tests.iter().flatten();
                let test = tests.into_iter().find(|test| test.target == line.target);
                let levels = averages.iter().filter(|own| {
                    own.target == line.target && factor.levels.contains(&own.coefficient)
                });
                let degrees: Option<f64> = levels.map(|level| level.effective_degrees).sum();
                let mut row = vec![Cell::from(factor.name.as_str())];
                row.extend([const { Cell::Missing }; 5]);
                row.push(test.map_or(Cell::Missing, |test| Cell::PValue(test.p_value)));
                row.push(degrees.into());
                if several {
                    row.insert(0, line.target.as_str().into());
                }
                table.push(row);
            }
            let evidence = line.evidence.map(|own| match ratio {
                // The standard error by the delta method.
                Some(_) => Evidence {
                    standard_error: own.standard_error * line.average.exp(),
                    lower: own.lower.exp(),
                    upper: own.upper.exp(),
                    ..own
                },
                None => own,
            });
            let mut row: Vec<Cell> = vec![
                line.coefficient.as_str().into(),
                scaled(line.average).into(),
            ];
            row.extend(evidence_cells(evidence));
            row.push(line.effective_degrees.into());
            if several {
                row.insert(0, line.target.as_str().into());
            }
            table.push(row);
        }
        let over = if training.rows() == rows {
            format!("{rows} training rows")
        } else {
            format!("{} of {rows} training rows", training.rows())
        };
        let over = match &saved.design.survival {
            Some(survival) => format!("{over}, intervals of {} subjects", survival.subjects),
            None => over,
        };
        let evidence = if averages.iter().all(|line| line.evidence.is_none()) {
            "This model has no standard errors: fit it with `--bootstraps 100`.".to_owned()
        } else {
            let distribution = match degrees {
                Some(degrees) => format!("Student's t with {degrees:.1} degrees of freedom"),
                None => "the normal distribution".to_owned(),
            };
            format!(
                "Intervals of {} % and p-values of the hypothesis that the average is zero are by {distribution}; {}.{}",
                100.0 * level,
                assumed(regression, saved),
                if factors.is_empty() {
                    ""
                } else {
                    " The line of a factor tests its levels together."
                }
            )
        };
        (
            format!(
                "{} averaged over the contexts of {over}, the intercept at average features. {evidence}",
                if ratio.is_some() {
                    "Exponentials of coefficients"
                } else {
                    "Coefficients"
                }
            ),
            Some(table),
        )
    }

    /// Average marginal effects, where these were asked for.
    fn marginal_table(&self) -> Option<Section> {
        if self.marginal.is_empty() {
            return None;
        }
        let known = self.known.as_ref();
        let degrees = known.and_then(|known| known.degrees_of_freedom);
        let statistic = if degrees.is_some() { "t" } else { "z" };
        let mut columns = vec!["feature", "effect", "SE", "lower", "upper", statistic, "p"];
        let several = self.training.names().targets.len() > 1;
        if several {
            columns.insert(0, "target");
        }
        let mut table = Table::new("marginal effects", &columns);
        for line in &self.marginal {
            let mut row: Vec<Cell> = vec![line.feature.as_str().into(), line.average.into()];
            row.extend(evidence_cells(line.evidence));
            if several {
                row.insert(0, line.target.as_str().into());
            }
            table.push(row);
        }
        let compared = if self.marginal.iter().any(|line| line.is_difference) {
            "; of a feature of 0 and 1, or a level of a factor, the mean with it less the mean without"
        } else {
            ""
        };
        let note = format!(
            "Average marginal effects: change of the mean of the outcome per unit of a feature, averaged over the training rows{compared}. Standard errors by the delta method, rows taken as they are."
        );
        Some((note, Some(table)))
    }

    /// How well the model fits each target.
    pub fn fit_table(&self) -> Section {
        let Self {
            regression,
            averages,
            known,
            saved,
            ..
        } = self;
        let rows = saved.data.rows;
        let family = regression.model.family();
        let mut table = Table::new(
            "fit",
            &[
                "target",
                "rows",
                "effective df",
                "residual SD",
                "deviance explained",
                "log-likelihood",
            ],
        );
        for (target, fit) in regression.goodness.iter().enumerate() {
            let GoodnessOfFit {
                target: name,
                deviance_explained,
                log_likelihood,
            } = fit;
            // The classes are one outcome.
            let all = regression.goodness.len() == 1;
            let own = averages.iter().filter(|line| all || line.target == *name);
            let degrees: Option<f64> = own.map(|line| line.effective_degrees).sum();
            let dispersion = known.as_ref().map(|known| known.dispersions[target]);
            let residual = dispersion.filter(|_| family.has_dispersion());
            table.push(vec![
                name.as_str().into(),
                rows.to_string().into(),
                degrees.into(),
                residual.map(f64::sqrt).into(),
                (*deviance_explained).into(),
                (*log_likelihood).into(),
            ]);
        }
        let explained = "Fit to the training rows. Deviance explained: 1 less the deviance of the model over that of a constant (R² of a Gaussian outcome)."
            .to_owned();
        let unit = if family.has_dispersion() {
            " Residual SD: residual standard deviation of a row of average weight."
        } else {
            ""
        };
        let random = if self.regression.model.as_random_effects().is_some() {
            " Deviance and log-likelihood are those of what all levels have in common, without random effects."
        } else {
            ""
        };
        let shape = family.shape_in_words();
        let shape = shape.map_or(String::new(), |shape| format!(" Estimated: {shape}."));
        (explained + unit + &shape + random, Some(table))
    }
}

/// Standard error, interval, statistic and p-value.
fn evidence_cells(evidence: Option<Evidence>) -> [Cell; 5] {
    [
        evidence.map(|own| own.standard_error).into(),
        evidence.map(|own| own.lower).into(),
        evidence.map(|own| own.upper).into(),
        evidence.map(|own| own.statistic).into(),
        evidence.map_or(Cell::Missing, |own| Cell::PValue(own.p_value)),
    ]
}

/// A factor among the features: its levels, tested together.
struct Factor {
    name: String,
    /// Names of its coefficients.
    levels: Vec<String>,
    /// A test for each target, of a model with standard errors.
    tests: Option<Vec<JointTest>>,
}

fn factors(saved: &Saved, regression: &Regression, training: &Samples) -> Result<Vec<Factor>> {
    let names = &training.names().features;
    let terms = saved.design.feature_factors().into_iter();
    terms
        .map(|(name, columns)| {
            Ok(Factor {
                name,
                levels: columns
                    .iter()
                    .map(|&column| names[column].clone())
                    .collect(),
                tests: joint_tests(&regression.model, training, &columns)?,
            })
        })
        .collect()
}

/// What the standard errors assume of the rows.
fn assumed(regression: &Regression, saved: &Saved) -> String {
    if saved.data.subjects.is_some() {
        return "they assume independent subjects".to_owned();
    }
    let assumed = regression.model.as_uncertain().map(|model| model.assumes());
    let independent = assumed.is_none_or(|assumed| assumed.independent_rows);
    match (saved.data.kept_together(), independent) {
        (None, _) => "they assume independent rows".to_owned(),
        (Some(_), false) => format!("they assume that {}", saved.data.independence()),
        (Some(_), true) => "they assume independent rows, but rows kept together may be correlated: intervals by `--bootstraps 100` allow for that".to_owned(),
    }
}

//! The report of a regression.

use super::comparison;
use super::page::{Page, Table};
use super::parts::Parts;
use super::pictures;
use super::study::{Study, write_short};
use super::variation::{LEVEL, of_target};
use super::words::{level as written_level, number, percent, whole, with_error};
use crate::output::Section;
use crate::saved::Tests;
use contextualized_analysis::{AverageCoefficient, SubgroupAccuracy};
use contextualized_core::validate::check_probability;
use contextualized_core::{Family, PredictorDistribution, Result, VaryingCoefficients, WithSums};

/// A report of a regression.
pub(crate) struct RegressionReport<'a> {
    pub(crate) study: &'a Study,
    /// The fitted model.
    pub(crate) model: &'a dyn VaryingCoefficients,
    /// The same model, if it has standard errors of averages of coefficients.
    pub(crate) bands: Option<&'a dyn WithSums>,
    /// Whether an intercept was fitted.
    pub(crate) intercept: bool,
    /// The same coefficients for all, fitted to the same rows.
    pub(crate) population: &'a dyn VaryingCoefficients,
    /// Coefficients by cluster, fitted to the same rows.
    pub(crate) clusters: Option<&'a dyn VaryingCoefficients>,
    /// Tests of variation, if there are any.
    pub(crate) variation: Option<&'a Tests>,
    /// Average coefficients over the training rows.
    pub(crate) averages: &'a [AverageCoefficient],
    /// Tables as the program's `summary` prints them.
    pub(crate) summary: &'a [Section],
    /// What is known of the linear predictors of the test rows.
    pub(crate) known: Option<&'a PredictorDistribution>,
    /// The probability of bands.
    pub(crate) level: f64,
    /// The test row whose coefficients are shown.
    pub(crate) row: usize,
}

impl RegressionReport<'_> {
    /// The report as an HTML document. The same input gives the same bytes.
    ///
    /// # Errors
    ///
    /// [`contextualized_core::Error::ColumnCount`] for test rows that do not fit the training rows, and
    /// [`contextualized_core::Error::InvalidParameter`] for contexts that are not there; those of the models.
    pub(crate) fn html(&self) -> Result<String> {
        let study = self.study;
        study.check()?;
        check_probability("level", self.level)?;
        let parts = Parts::new(self)?;
        let mut page = Page::new(&study.title);
        self.write_short(&mut page, &parts)?;
        self.write_summary(&mut page);
        self.write_comparison(&mut page, &parts)?;
        self.write_coefficients(&mut page, &parts)?;
        self.write_variation(&mut page, &parts);
        if parts.family.has_probabilities() {
            self.write_calibration(&mut page, &parts)?;
        } else if study.training.subjects_are_correlated().is_none() {
            // Whether there is an event within an interval has no residuals of a distribution of its own.
            self.write_diagnostics(&mut page, &parts)?;
        }
        self.write_one_row(&mut page, &parts)?;
        study.write_extrapolation(&mut page, parts.beyond.as_ref())?;
        study.write_model(&mut page);
        study.write_data(&mut page, false);
        self.write_sample_note(&mut page);
        write_reading(
            &mut page,
            self.level,
            parts.family,
            parts.no_bands.is_none(),
        );
        Ok(page.html(&study.lead()))
    }

    pub(super) fn target_names(&self) -> &[String] {
        &self.study.training.names().targets
    }

    fn write_short(&self, page: &mut Page, parts: &Parts<'_>) -> Result<()> {
        let mut findings = Vec::new();
        for (target, comparison) in self.target_names().iter().zip(&parts.comparisons) {
            let loss = parts.family.loss_name();
            let loss = if parts.several {
                format!("{loss} of {target}")
            } else {
                loss.to_owned()
            };
            findings.extend(comparison.sentences(&loss, true)?);
        }
        findings.push(parts.varying.summary(parts.several));
        if let Some(beyond) = &parts.beyond {
            findings.push(format!(
                "{} of {} ({}) have contexts far from all training rows (extrapolation); about {} are \
                 expected by chance.",
                whole(beyond.rows()),
                self.study.test_rows(),
                percent(beyond.rows() as f64 / self.study.test.rows() as f64),
                percent(beyond.share),
            ));
        }
        let mut warnings = Vec::new();
        for (name, comparison) in self.target_names().iter().zip(&parts.comparisons) {
            if comparison.shows_no_gain()? {
                warnings.push(format!(
                    "Held-out rows do not show that contexts improve predictions of {name}: the curves below \
                     may show noise."
                ));
            }
        }
        warnings.extend(parts.varying.warnings());
        if parts.varying.found_any() && !parts.varies() {
            warnings.push(
                "The tests find coefficients that vary, but this model has the same coefficients for all \
                 rows. A Gaussian process (`--estimator gp`) shows how they vary."
                    .to_owned(),
            );
        }
        let coefficients = self.coefficients().len();
        let estimated = (coefficients, "coefficients");
        let warnings = self
            .study
            .warnings(warnings, parts.beyond.as_ref(), estimated);
        page.section("In short");
        self.write_headline(page, parts)?;
        write_short(page, &findings, &warnings);
        Ok(())
    }

    /// What the program's `summary` says.
    fn write_summary(&self, page: &mut Page) {
        page.section("Summary");
        self.summary
            .iter()
            .for_each(|section| page.printed(section));
    }

    fn write_sample_note(&self, page: &mut Page) {
        let (shown, all) = (self.study.training.rows(), self.study.training_rows);
        if shown < all {
            page.paragraph(&format!(
                "What is said of training rows here, and the curves below, are of {} of all {} \
                 training rows.",
                whole(shown),
                whole(all)
            ));
        }
    }

    fn write_comparison(&self, page: &mut Page, parts: &Parts<'_>) -> Result<()> {
        page.section("Held-out comparison");
        page.paragraph(&format!(
            "All models were fitted to the training rows{} and are compared on the same {}. Smaller is \
             better. SE is the standard error over test rows; differences are taken row by row, so \
             theirs is smaller than those of the losses.",
            match self.study.cluster_sizes.iter().sum::<usize>() {
                rows if rows > 0 && rows < self.study.training_rows => {
                    format!(" (the clusters to {} of them)", whole(rows))
                }
                _ => String::new(),
            },
            self.study.test_rows()
        ));
        let targets = self.target_names().iter().zip(&parts.accuracy);
        for ((name, accuracy), comparison) in targets.zip(&parts.comparisons) {
            if parts.several {
                page.subsection(name);
            }
            let cells = |of: fn(&SubgroupAccuracy) -> String| accuracy.iter().map(of).collect();
            let more: Vec<(_, Vec<String>)> = if parts.family.has_probabilities() {
                vec![
                    ("Brier ± SE", cells(|line| with_error(line.squared_error))),
                    ("AUROC ± SE", cells(|line| or_dash(line.auroc, with_error))),
                ]
            } else if parts.family.is_quadratic() {
                vec![("R²", cells(|line| or_dash(line.r_squared, number)))]
            } else {
                Vec::new()
            };
            let caption = format!(
                "Loss of predictions of {name} on held-out rows; difference: this model less the other."
            );
            page.table_and_picture(
                &comparison.table(&caption, parts.family.loss_name(), &more)?,
                &comparison.picture(parts.family.loss_name())?,
                comparison::PICTURED,
            );
        }
        self.study.write_cluster_sizes(page);
        self.write_subgroups(page, parts)
    }

    fn write_calibration(&self, page: &mut Page, parts: &Parts<'_>) -> Result<()> {
        page.section("Calibration");
        page.paragraph(
            "Test rows in up to ten bins of as many rows each, by predicted probability: how often the outcome was 1 against the \
             mean prediction, with 95 % intervals (Wilson). On the dashed line probabilities are as \
             said. The calibration line is that of logit P(y = 1) on the logit of the prediction: \
             intercept 0 and slope 1 are perfect; a slope below 1 says that predictions are too \
             extreme.",
        );
        let mut table = Table::new(
            "Calibration on held-out rows.",
            [
                "Model",
                "Target",
                "mean prediction",
                "mean outcome",
                "intercept ± SE",
                "slope ± SE",
            ],
        )
        .words(&[1]);
        let mut drawn = Vec::new();
        for (target, accuracy) in self.target_names().iter().zip(&parts.accuracy) {
            for line in accuracy {
                table.row([
                    line.name.clone(),
                    target.clone(),
                    number(line.mean_prediction),
                    number(line.mean_outcome),
                    or_dash(line.calibration, |line| with_error(line.intercept)),
                    or_dash(line.calibration, |line| with_error(line.slope)),
                ]);
                let name = of_target(&line.name, target, parts.several);
                drawn.push(pictures::reliability(&name, line)?);
            }
        }
        page.table(&table);
        page.pictures(
            &drawn,
            "Share of ones against predicted probability on held-out rows, with 95 % intervals; dashed: \
             as predicted.",
        );
        let targets = self.target_names().iter();
        let probabilities = targets
            .zip(parts.predictions.columns())
            .map(|(name, predicted)| {
                let quantity = format!("probability of {name}");
                pictures::distribution(&quantity, &predicted.to_vec(), None)
            })
            .collect::<Result<Vec<_>>>()?;
        page.pictures(
            &probabilities,
            "The probabilities that this model gives to held-out rows.",
        );
        Ok(())
    }

    fn write_variation(&self, page: &mut Page, parts: &Parts<'_>) {
        page.section("What varies with what");
        page.paragraph(&parts.varying.summary(parts.several));
        parts
            .varying
            .write(page, &self.study.independence, parts.several);
    }
}

/// What is written of a number that may not be known.
fn or_dash<T>(known: Option<T>, written: impl Fn(T) -> String) -> String {
    known.map_or_else(|| "–".to_owned(), written)
}

fn write_reading(page: &mut Page, level: f64, family: Family, bands: bool) {
    page.section("How to read this");
    let mut items = vec![
        "Nothing here was estimated from the test rows: models, scales, clusters and tests know the \
         training rows alone."
            .to_owned(),
        family.loss_description().to_owned(),
        "Partial dependence (Friedman 2001, doi:10.1214/aos/1013203451) averages over rows as they \
         are; where contexts depend on each other it also asks for combinations that do not occur."
            .to_owned(),
        format!("Evidence is an adjusted p-value of at most {LEVEL}."),
        "Coefficients describe association given what else is in the model. They are effects of \
         changing a feature only where the design of the study makes them so."
            .to_owned(),
    ];
    if bands {
        items.insert(
            3,
            format!(
                "Bands contain the average at any one value of a context with probability {}, not the \
                 whole curve, and not the coefficient of any single row.",
                written_level(level)
            ),
        );
    }
    page.list(&items);
}

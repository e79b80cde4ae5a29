//! The report of a regression.

use super::axes::{ContextAxis, quantile};
use super::comparison::{self, Clusters, Verdict, sizes_sentence, small_clusters};
use super::page::{Note, Page, Table};
use super::parts::Parts;
use super::pictures;
use super::samples::{self, columns_table};
use super::sections::{Candidate, lead, write_choice, write_extrapolation};
use super::variation::{LEVEL, Tested};
use super::words::{count, number, percent, whole, with_error};
use contextualized_analysis::{Calibration, Measured, SubgroupAccuracy};
use contextualized_core::validate::check_table;
use contextualized_core::{Error, Family, Result, Samples, VaryingCoefficients, WithSums};

/// What a report of a regression is about. Names of columns are those of the training rows.
pub(crate) struct RegressionReport<'a> {
    /// The title of the page.
    pub(crate) title: &'a str,
    /// The formula fitted.
    pub(crate) formula: &'a str,
    /// Where the data come from, as labels with values: files, rows, rows dropped.
    pub(crate) data: &'a [(String, String)],
    /// The estimator and its settings, as labels with values.
    pub(crate) estimator: &'a [(String, String)],
    /// The fitted model.
    pub(crate) model: &'a dyn VaryingCoefficients,
    /// The same model, if it has standard errors of averages of coefficients.
    pub(crate) bands: Option<&'a dyn WithSums>,
    /// Whether an intercept was fitted.
    pub(crate) intercept: bool,
    /// The same coefficients for all, fitted to the same rows.
    pub(crate) population: &'a dyn VaryingCoefficients,
    /// Coefficients by cluster, fitted to the same rows.
    pub(crate) clusters: Option<Clusters<'a, dyn VaryingCoefficients>>,
    /// Rows the model was fitted to; a sample of them will do.
    pub(crate) training: &'a Samples,
    /// How many there were in all.
    pub(crate) training_rows: usize,
    /// Rows that no model was fitted to, with their targets.
    pub(crate) test: &'a Samples,
    /// What varies together, every column of the contexts in one of them.
    pub(crate) contexts: &'a [ContextAxis],
    /// Tests of variation, if there are any.
    pub(crate) variation: Option<Tested<'a>>,
    /// The candidates that an automatic choice compared; empty without one.
    pub(crate) choice: &'a [Candidate],
    /// The probability of bands.
    pub(crate) level: f64,
}

impl RegressionReport<'_> {
    /// The report as an HTML document. The same input gives the same bytes.
    ///
    /// # Errors
    ///
    /// [`Error::ColumnCount`] for test rows that do not fit the training rows, and
    /// [`Error::InvalidParameter`] for contexts that are not there; those of the models.
    pub(crate) fn html(&self) -> Result<String> {
        self.check()?;
        let parts = Parts::new(self)?;
        let mut page = Page::new(self.title);
        self.write_short(&mut page, &parts)?;
        self.write_data(&mut page);
        self.write_model(&mut page);
        self.write_comparison(&mut page, &parts)?;
        if parts.family.is_binary() {
            self.write_calibration(&mut page, &parts)?;
        }
        self.write_coefficients(&mut page, &parts)?;
        self.write_variation(&mut page, &parts);
        write_extrapolation(
            &mut page,
            parts.beyond.as_ref(),
            self.training,
            self.test,
            self.contexts,
        )?;
        write_reading(
            &mut page,
            self.level,
            parts.family,
            parts.no_bands.is_none(),
        );
        Ok(page.html(&lead(self.formula, self.training_rows, self.test.rows())))
    }

    fn check(&self) -> Result<()> {
        let (own, test) = (self.training, self.test);
        check_table(
            "test contexts",
            test.contexts(),
            Some(own.contexts().ncols()),
        )?;
        check_table(
            "test features",
            test.features(),
            Some(own.features().ncols()),
        )?;
        check_table("test targets", test.targets(), Some(own.targets().ncols()))?;
        if !(self.level > 0.0 && self.level < 1.0) {
            return Err(Error::invalid_parameter(
                "level",
                self.level,
                "between 0 and 1, exclusive",
            ));
        }
        let contexts = own.contexts().ncols();
        self.contexts
            .iter()
            .try_for_each(|axis| axis.check(contexts))
    }

    fn write_short(&self, page: &mut Page, parts: &Parts<'_>) -> Result<()> {
        page.section("In short");
        let mut findings = Vec::new();
        for (target, comparison) in parts.comparisons.iter().enumerate() {
            let loss = parts.family.loss_name();
            let loss = if parts.several {
                format!("{loss} of {}", self.training.names().targets[target])
            } else {
                loss.to_owned()
            };
            findings.extend(comparison.sentences(&loss, true)?);
        }
        findings.push(parts.varying.summary(parts.several));
        if let Some(beyond) = &parts.beyond {
            findings.push(format!(
                "{} of {} ({}) lie beyond the training rows in their contexts, where about {} would \
                 by chance.",
                whole(beyond.rows()),
                count(self.test.rows(), "test row", "test rows"),
                percent(beyond.rows() as f64 / self.test.rows() as f64),
                percent(beyond.share),
            ));
        }
        page.list(&findings);
        let warnings = self.warnings(parts)?;
        if warnings.is_empty() {
            page.note(
                Note::Fine,
                "No sign of extrapolation, of clusters that are too small, of weak evidence of \
             variation, or of test rows that were fitted to.",
            )
        } else {
            warnings
                .iter()
                .for_each(|warning| page.note(Note::Warning, warning))
        }
        Ok(())
    }

    fn warnings(&self, parts: &Parts<'_>) -> Result<Vec<String>> {
        let mut warnings = samples::warnings(self.training, self.training_rows, self.test);
        for (target, comparison) in parts.comparisons.iter().enumerate() {
            let name = &self.training.names().targets[target];
            let population = &comparison.others[0];
            if matches!(
                comparison.verdict(population)?,
                Verdict::Unclear | Verdict::Worse
            ) {
                warnings.push(format!(
                    "Held-out rows do not show that contexts help to predict {name}: read the curves \
                     below as what the model says, not as findings."
                ));
            }
        }
        warnings.extend(parts.varying.warnings());
        if parts.varying.found_any() && !parts.varies() {
            warnings.push(
                "Tests find coefficients that vary, but this model gives every row the same: it leaves \
                 out what they found."
                    .to_owned(),
            );
        }
        if let Some(beyond) = parts.beyond.as_ref().filter(|beyond| beyond.too_many()) {
            warnings.push(format!(
                "Extrapolation: the contexts of {} of the test rows lie beyond the training rows, \
                 where about {} are expected by chance. What the model says there is its assumption.",
                percent(beyond.rows() as f64 / self.test.rows() as f64),
                percent(beyond.share),
            ));
        }
        if let Some(clusters) = self.clusters {
            let coefficients = self.training.features().ncols() + usize::from(self.intercept);
            warnings.extend(small_clusters(clusters.sizes, coefficients, "coefficients"));
        }
        Ok(warnings)
    }

    fn write_data(&self, page: &mut Page) {
        page.section("Data");
        page.facts(self.data);
        page.table(&columns_table(self.training, self.test, false));
        self.sample_note(page);
    }

    fn sample_note(&self, page: &mut Page) {
        if self.training.rows() < self.training_rows {
            page.paragraph(&format!(
                "What is said of training rows here, and the curves below, are of {} of all {} \
                 training rows.",
                whole(self.training.rows()),
                whole(self.training_rows)
            ));
        }
    }

    fn write_model(&self, page: &mut Page) {
        page.section("Model");
        let mut facts = vec![("Formula".to_owned(), self.formula.to_owned())];
        facts.extend_from_slice(self.estimator);
        page.facts(&facts);
        write_choice(page, self.choice);
    }

    fn write_comparison(&self, page: &mut Page, parts: &Parts<'_>) -> Result<()> {
        page.section("Held-out comparison");
        page.paragraph(&format!(
            "All models were fitted to the training rows and are compared on the same {}. Smaller is \
             better. SE is the standard error over test rows; differences are taken row by row, so \
             theirs is smaller than those of the losses.",
            count(self.test.rows(), "test row", "test rows")
        ));
        for (target, comparison) in parts.comparisons.iter().enumerate() {
            let name = &self.training.names().targets[target];
            if parts.several {
                page.subsection(name);
            }
            let accuracy = &parts.accuracy[target];
            let measured = |of: fn(&SubgroupAccuracy) -> Option<Measured>| -> Vec<String> {
                let cells = accuracy.iter().map(|line| match of(line) {
                    Some(Measured {
                        value,
                        standard_error,
                    }) => with_error(value, standard_error),
                    None => "–".to_owned(),
                });
                cells.collect()
            };
            let more = if parts.family.is_binary() {
                vec![
                    ("Brier ± SE", measured(|line| Some(line.squared_error))),
                    ("AUROC ± SE", measured(|line| line.auroc)),
                ]
            } else {
                vec![(
                    "R²",
                    accuracy
                        .iter()
                        .map(|line| line.r_squared.map_or_else(|| "–".to_owned(), number))
                        .collect(),
                )]
            };
            page.table(&comparison.table(
                &format!("Loss of predictions of {name} on held-out rows; difference: this model less the other."),
                parts.family.loss_name(),
                &more,
            )?);
            page.pictures(
                &[comparison.picture(parts.family.loss_name())?],
                comparison::PICTURED,
            );
        }
        if let Some(clusters) = self.clusters {
            page.paragraph(&sizes_sentence(clusters.sizes));
        }
        Ok(())
    }

    fn write_calibration(&self, page: &mut Page, parts: &Parts<'_>) -> Result<()> {
        page.section("Calibration");
        page.paragraph(
            "Test rows in ten bins by predicted probability: how often the outcome was 1 against the \
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
        for (target, accuracy) in parts.accuracy.iter().enumerate() {
            for line in accuracy {
                let of = |measured: fn(&Calibration) -> Measured| {
                    line.calibration.map_or_else(
                        || "–".to_owned(),
                        |line| {
                            let found = measured(&line);
                            with_error(found.value, found.standard_error)
                        },
                    )
                };
                table.row([
                    line.name.clone(),
                    self.training.names().targets[target].clone(),
                    number(line.mean_prediction),
                    number(line.mean_outcome),
                    of(|line| line.intercept),
                    of(|line| line.slope),
                ]);
                let name = if parts.several {
                    format!("{}: {}", self.training.names().targets[target], line.name)
                } else {
                    line.name.clone()
                };
                drawn.push(pictures::reliability(&name, line)?);
            }
        }
        page.table(&table);
        page.pictures(
            &drawn,
            "Share of ones against predicted probability on held-out rows, with 95 % intervals; dashed: \
             as predicted.",
        );
        let names = &self.training.names().targets;
        let probabilities = names
            .iter()
            .zip(parts.predictions.columns())
            .map(|(name, predicted)| {
                let values = predicted.to_vec();
                let ends = [0.05, 0.5, 0.95].map(|share| number(quantile(&values, share)));
                pictures::distribution(
                    &format!("probability of {name}"),
                    &values,
                    None,
                    &format!(
                        "Median {}; nine in ten rows between {} and {}.",
                        ends[1], ends[0], ends[2]
                    ),
                )
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
        parts.varying.write(page, parts.several);
    }
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
                percent(level)
            ),
        );
    }
    page.list(&items);
}

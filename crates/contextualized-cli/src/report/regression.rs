//! The report of a regression.

use super::axes::{ContextAxis, quantile};
use super::comparison::{
    self, Clusters, Comparison, Losses, Verdict, sizes_sentence, small_clusters,
};
use super::dependence::{Average, Dependence, coefficient_table, dependences};
use super::page::{Note, Page, Table};
use super::pictures::{self, Curve};
use super::samples::{self, BEYOND, Beyond, beyond, columns_table};
use super::variation::{INTERCEPT, LEVEL, Varying, of_target};
use super::words::{count, listed, number, percent, whole, with_error};
use contextualized_analysis::{
    Measured, SubgroupAccuracy, SubgroupAnalysis, Subgroups, VariationTable,
};
use contextualized_core::metrics::{Loss, Score};
use contextualized_core::validate::check_table;
use contextualized_core::{Error, Link, Result, Samples, VaryingCoefficients, WithSums};
use ndarray::{Array2, Array3, Axis, s};

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
    /// The same model, if it knows how surely it knows averages of coefficients.
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
    pub(crate) variation: Option<&'a VariationTable>,
    /// The candidates that an automatic choice compared; empty without one.
    pub(crate) choice: &'a [Candidate],
    /// The probability of bands.
    pub(crate) level: f64,
}

/// One line of an automatic choice.
pub(crate) struct Candidate {
    /// Its name.
    pub(crate) name: String,
    /// What it achieved, or why there is nothing to compare.
    pub(crate) outcome: std::result::Result<Achieved, String>,
    /// Whether it was chosen.
    pub(crate) chosen: bool,
}

/// What a candidate achieved on held-out folds of the training rows.
pub(crate) struct Achieved {
    /// Its loss.
    pub(crate) loss: Score,
    /// How much larger it is than the smallest of all, with the error of the paired difference.
    pub(crate) excess: Score,
}

/// Most panels of curves on a page; the surest coefficients and the strongest contexts come first.
const PANELS: usize = 72;
/// Most contexts a coefficient is shown against.
const CONTEXTS: usize = 9;

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
        if parts.binary {
            self.write_calibration(&mut page, &parts)?;
        }
        self.write_coefficients(&mut page, &parts)?;
        self.write_variation(&mut page, &parts);
        self.write_extrapolation(&mut page, &parts)?;
        write_reading(&mut page, self.level, parts.binary, self.bands.is_some());
        Ok(page.html(&format!(
            "{} · {} training rows, {} test rows",
            self.formula,
            whole(self.training_rows),
            whole(self.test.rows())
        )))
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

    /// Positions and names of the coefficients, the intercept last.
    fn coefficients(&self) -> Vec<(usize, &str)> {
        let names = &self.training.names().features;
        let mut all: Vec<(usize, &str)> = names.iter().map(String::as_str).enumerate().collect();
        if self.intercept {
            all.push((names.len(), INTERCEPT));
        }
        all
    }

    fn write_short(&self, page: &mut Page, parts: &Parts<'_>) -> Result<()> {
        page.section("In short");
        let mut findings = Vec::new();
        for (target, comparison) in parts.comparisons.iter().enumerate() {
            let loss = parts.loss_name();
            let loss = match parts.several {
                true => format!("{loss} of {}", self.training.names().targets[target]),
                false => loss.to_owned(),
            };
            findings.extend(comparison.sentences(&loss, true)?);
        }
        findings.push(parts.varying.summary());
        if let Some(beyond) = &parts.beyond {
            findings.push(format!(
                "{} of {} ({}) lie beyond the training rows in their contexts, where about {} would \
                 by chance.",
                whole(beyond.rows()),
                count(self.test.rows(), "test row", "test rows"),
                percent(beyond.rows() as f64 / self.test.rows() as f64),
                percent(BEYOND),
            ));
        }
        page.list(&findings);
        let warnings = self.warnings(parts)?;
        match warnings.is_empty() {
            true => page.note(
                Note::Fine,
                "No sign of extrapolation, of clusters that are too small, of weak evidence of \
                 variation, or of test rows that were fitted to.",
            ),
            false => warnings
                .iter()
                .for_each(|warning| page.note(Note::Warning, warning)),
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
        if let Some(beyond) = parts.beyond.as_ref().filter(|beyond| beyond.too_many()) {
            warnings.push(format!(
                "Extrapolation: the contexts of {} of the test rows lie beyond the training rows, \
                 where about {} are expected by chance. What the model says there is its assumption.",
                percent(beyond.rows() as f64 / self.test.rows() as f64),
                percent(BEYOND),
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
            let more = match parts.binary {
                true => vec![
                    ("Brier ± SE", measured(|line| Some(line.squared_error))),
                    ("AUROC ± SE", measured(|line| line.auroc)),
                ],
                false => vec![(
                    "R²",
                    accuracy
                        .iter()
                        .map(|line| line.r_squared.map_or_else(|| "–".to_owned(), number))
                        .collect(),
                )],
            };
            page.table(&comparison.table(
                &format!("Loss of predictions of {name} on held-out rows; difference: this model less the other."),
                parts.loss_name(),
                &more,
            )?);
            page.pictures(
                &[comparison.picture(parts.loss_name())?],
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
                let of = |measured: fn(&contextualized_analysis::Calibration) -> Measured| {
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
                let name = match parts.several {
                    true => format!("{}: {}", self.training.names().targets[target], line.name),
                    false => line.name.clone(),
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

    fn write_coefficients(&self, page: &mut Page, parts: &Parts<'_>) -> Result<()> {
        page.section("Coefficients");
        let bands = match self.bands {
            Some(_) => format!(" with {} pointwise bands", percent(self.level)),
            None => ", without bands, which this estimator does not have".to_owned(),
        };
        page.paragraph(&format!(
            "For each coefficient: how it is distributed over training rows, and its average over rows \
             at values of one context, each row keeping its other contexts (partial \
             dependence){bands}. {}{}",
            match parts.binary {
                true => "Coefficients are log-odds ratios per unit of a feature. ",
                false => "Coefficients are changes of the outcome per unit of a feature. ",
            },
            match self.intercept {
                true => "The intercept is shown at average features.",
                false => "",
            }
        ));
        page.table(&self.coefficients_table(parts));
        let order = self.ordered(parts);
        let contexts = self.contexts.len().min(CONTEXTS);
        let shown = (PANELS / (contexts + 1)).max(1);
        for &(target, position, name) in order.iter().take(shown) {
            self.write_coefficient(page, parts, (target, position, name))?;
        }
        if order.len() > shown {
            let rest: Vec<String> = order[shown..]
                .iter()
                .map(|(target, _, name)| {
                    of_target(name, &self.training.names().targets[*target], parts.several)
                })
                .collect();
            page.paragraph(&format!(
                "Not drawn, as less sure to vary: {}.",
                listed(&rest)
            ));
        }
        Ok(())
    }

    /// Coefficients of all targets, the surest to vary first, then those that vary most for their
    /// size, the intercept among them.
    fn ordered<'n>(&'n self, parts: &Parts<'_>) -> Vec<(usize, usize, &'n str)> {
        let targets = &self.training.names().targets;
        let mut all: Vec<(usize, usize, &str)> = (0..targets.len())
            .flat_map(|target| {
                let own = self.coefficients();
                own.into_iter()
                    .map(move |(position, name)| (target, position, name))
            })
            .collect();
        let p =
            |target: usize, name: &str| parts.varying.p_of(&targets[target], name).unwrap_or(1.0);
        all.sort_by(|a, b| p(a.0, a.2).total_cmp(&p(b.0, b.2)));
        all
    }

    fn coefficients_table(&self, parts: &Parts<'_>) -> Table {
        let mut table = Table::new(
            "Coefficients over training rows, beside those of the population.",
            [
                "Coefficient",
                "Population",
                "Mean",
                "SD",
                "5 %",
                "Median",
                "95 %",
                "Positive",
            ],
        );
        for (target, name_of_target) in self.training.names().targets.iter().enumerate() {
            for (position, name) in self.coefficients() {
                let values = parts.of_rows.slice(s![.., target, position]);
                let (mean, deviation) = samples::moments(values);
                let all = values.to_vec();
                let positive = all.iter().filter(|value| **value > 0.0).count();
                table.row([
                    of_target(name, name_of_target, parts.several),
                    number(parts.population[[0, target, position]]),
                    number(mean),
                    number(deviation),
                    number(quantile(&all, 0.05)),
                    number(quantile(&all, 0.5)),
                    number(quantile(&all, 0.95)),
                    percent(positive as f64 / all.len() as f64),
                ]);
            }
        }
        table
    }

    fn write_coefficient(
        &self,
        page: &mut Page,
        parts: &Parts<'_>,
        (target, position, name): (usize, usize, &str),
    ) -> Result<()> {
        let name_of_target = &self.training.names().targets[target];
        let title = of_target(name, name_of_target, parts.several);
        page.subsection(&title);
        let quantity = match name {
            INTERCEPT => "intercept".to_owned(),
            feature => format!("coefficient of {feature}"),
        };
        let values = parts.of_rows.slice(s![.., target, position]).to_vec();
        let population = parts.population[[0, target, position]];
        let curves: Vec<Average> = parts
            .dependences
            .iter()
            .map(|found| found.of(target, position))
            .collect();
        let range = curves
            .iter()
            .map(Average::ends)
            .fold((population, population), |(low, high), (lower, upper)| {
                (low.min(lower), high.max(upper))
            });
        let mut order: Vec<usize> = (0..curves.len()).collect();
        order.sort_by(|&a, &b| curves[b].span().total_cmp(&curves[a].span()));
        let mut drawn = vec![pictures::distribution(
            &quantity,
            &values,
            Some(population),
            &format!(
                "Median {}; nine in ten rows between {} and {}; population {}.",
                number(quantile(&values, 0.5)),
                number(quantile(&values, 0.05)),
                number(quantile(&values, 0.95)),
                number(population)
            ),
        )?];
        let mut words = String::new();
        for (rank, &axis) in order.iter().enumerate().take(CONTEXTS) {
            let Average { values, interval } = &curves[axis];
            let curve = Curve {
                quantity: &quantity,
                context: self.contexts[axis].name(self.training),
                at: &parts.dependences[axis].at,
                values,
                interval: interval.as_ref().map(|(low, high)| (&low[..], &high[..])),
                population: Some(population),
                range,
            };
            if rank == 0 {
                words = match curves[axis].is_level() {
                    true => format!(
                        "Its average is much the same at all values of every context: {}.",
                        number(curve.values[0])
                    ),
                    false => format!(
                        "On average it changes most with {}: {}",
                        curve.context,
                        curve.words()
                    ),
                };
            }
            drawn.push(curve.picture()?);
        }
        let verdict = parts.varying.sentence(name_of_target, name);
        let constant = pictures::is_flat(range);
        let text = match (constant, verdict.is_empty()) {
            (true, _) => "The model gives every row the same value.".to_owned(),
            (false, true) => words,
            (false, false) => format!("{verdict} {words}"),
        };
        page.paragraph(text.trim());
        let left_out = match self.contexts.len().saturating_sub(CONTEXTS) {
            0 => String::new(),
            more => format!(
                " {} with flatter curves are not drawn.",
                count(more, "context", "contexts")
            ),
        };
        page.pictures(
            &drawn,
            &format!(
                "First: the {quantity} over training rows. Then: its average against each context, \
                 steepest first, on one vertical axis; dashed: the population’s value; strokes: \
                 training rows.{left_out}"
            ),
        );
        Ok(())
    }

    fn write_variation(&self, page: &mut Page, parts: &Parts<'_>) {
        page.section("What varies with what");
        page.paragraph(&parts.varying.summary());
        parts.varying.write(page, parts.several);
    }

    fn write_extrapolation(&self, page: &mut Page, parts: &Parts<'_>) -> Result<()> {
        write_extrapolation(
            page,
            parts.beyond.as_ref(),
            self.training,
            self.test,
            self.contexts,
        )
    }
}

/// The lines of an automatic choice.
pub(crate) fn write_choice(page: &mut Page, choice: &[Candidate]) {
    if choice.is_empty() {
        return;
    }
    page.subsection("Automatic choice");
    let mut table = Table::new(
        "Loss of each candidate on held-out folds of the training rows, and how far it is above the \
         smallest; marked: chosen.",
        ["Candidate", "Loss ± SE", "above the smallest ± SE"],
    );
    for line in choice {
        let (loss, above) = match &line.outcome {
            Ok(Achieved { loss, excess }) => (
                with_error(loss.mean, Some(loss.standard_error)),
                match excess.mean == 0.0 {
                    true => "–".to_owned(),
                    false => with_error(excess.mean, Some(excess.standard_error)),
                },
            ),
            Err(reason) => (format!("none: {reason}"), "–".to_owned()),
        };
        match line.chosen {
            true => table.marked_row([line.name.clone(), loss, above]),
            false => table.row([line.name.clone(), loss, above]),
        }
    }
    page.table(&table);
}

/// How far test rows are from the training rows.
pub(crate) fn write_extrapolation(
    page: &mut Page,
    beyond: Option<&Beyond>,
    training: &Samples,
    test: &Samples,
    axes: &[ContextAxis],
) -> Result<()> {
    page.section("Extrapolation");
    let Some(beyond) = beyond else {
        page.paragraph("There are too few training rows to say what lies beyond them.");
        return Ok(());
    };
    page.paragraph(&format!(
        "How far the contexts of test rows are from those of training rows: the distance to the fifth \
         nearest of them, in units of a typical training row’s own. {} of {} are as far as at most {} \
         of training rows are from each other.",
        whole(beyond.rows()),
        count(test.rows(), "test row", "test rows"),
        percent(BEYOND),
    ));
    let outside = samples::outside(training, test, axes);
    if !outside.is_empty() {
        page.paragraph(&samples::outside_sentence(&outside));
    }
    let picture =
        pictures::extrapolation(&beyond.training, &beyond.scores.distances.to_vec(), BEYOND)?;
    page.pictures(
        &[picture],
        "Share of rows at least so far from the training rows. A line far right of that of the training \
         rows says that the model is asked where it saw nothing.",
    );
    Ok(())
}

fn write_reading(page: &mut Page, level: f64, binary: bool, bands: bool) {
    page.section("How to read this");
    let mut items = vec![
        "Nothing here was estimated from the test rows: models, scales, clusters and tests know the \
         training rows alone."
            .to_owned(),
        match binary {
            true => "Loss is the log-loss −y ln p − (1 − y) ln(1 − p): 0.693 is that of always saying \
                     one half. The Brier score is the mean squared error of probabilities."
                .to_owned(),
            false => "Loss is the mean squared error, in squared units of the target. R² is the share \
                      of variance among test rows that predictions explain; it can be below zero."
                .to_owned(),
        },
        "Partial dependence (Friedman 2001, doi:10.1214/aos/1013203451) averages over rows as they \
         are; where contexts depend on each other it also asks for combinations that do not occur."
            .to_owned(),
        format!(
            "Evidence is an adjusted p-value of at most {LEVEL}. P-values take the kind of model as \
             given; where it was chosen on the same rows they are somewhat too small."
        ),
        "Coefficients describe association given what else is in the model. They are effects of \
         changing a feature only where the design of the study makes them so."
            .to_owned(),
    ];
    if bands {
        items.insert(
            3,
            format!(
                "Bands hold the average at any one value of a context with probability {}, not the \
                 whole curve, and not the coefficient of any single row.",
                percent(level)
            ),
        );
    }
    page.list(&items);
}

/// What several sections need.
struct Parts<'a> {
    binary: bool,
    several: bool,
    /// One for each target.
    comparisons: Vec<Comparison<'a>>,
    /// For each target, a line for each model in the order of the comparison.
    accuracy: Vec<Vec<SubgroupAccuracy>>,
    /// The model's predictions of test rows, rows × targets.
    predictions: Array2<f64>,
    varying: Varying<'a>,
    dependences: Vec<Dependence>,
    /// Coefficients of training rows, rows × targets × coefficients.
    of_rows: Array3<f64>,
    /// The population's, the same in every row.
    population: Array3<f64>,
    beyond: Option<Beyond>,
}

impl<'a> Parts<'a> {
    fn new(report: &RegressionReport<'a>) -> Result<Self> {
        let (training, test) = (report.training, report.test);
        let binary = report.model.link() == Link::Logit;
        let mut models = vec![
            ("this model", report.model),
            ("population", report.population),
        ];
        if let Some(clusters) = report.clusters {
            models.push(("clusters", clusters.model));
        }
        let mut predictions = models
            .iter()
            .map(|(_, model)| model.predict(test.contexts(), test.features()))
            .collect::<Result<Vec<_>>>()?;
        let everyone = Subgroups::by_label(&vec!["all"; test.rows()])?;
        let (mut comparisons, mut accuracy) = (Vec::new(), Vec::new());
        for (target, outcomes) in test.targets().columns().into_iter().enumerate() {
            let (mut losses, mut lines) = (Vec::new(), Vec::new());
            for ((name, _), predicted) in models.iter().zip(&predictions) {
                let predicted = predicted.column(target);
                let loss = if binary { Loss::Log } else { Loss::Squared };
                losses.push(Losses {
                    name: (*name).to_owned(),
                    rows: loss.rows(
                        outcomes.insert_axis(Axis(1)),
                        predicted.insert_axis(Axis(1)),
                    )?,
                });
                let own = SubgroupAnalysis::new().of_predictions(
                    &everyone,
                    outcomes,
                    predicted,
                    test.weights(),
                    report.model.link(),
                )?;
                lines.extend(own.into_iter().map(|line| SubgroupAccuracy {
                    name: (*name).to_owned(),
                    ..line
                }));
            }
            let mut losses = losses.into_iter();
            let own = losses.next().ok_or(Error::NoRows { argument: "models" })?;
            comparisons.push(Comparison {
                own,
                others: losses.collect(),
                weights: test.weights(),
            });
            accuracy.push(lines);
        }
        Ok(Self {
            binary,
            several: training.targets().ncols() > 1,
            comparisons,
            accuracy,
            predictions: predictions.swap_remove(0),
            varying: Varying::new(report.variation, report.model, training, report.intercept)?,
            dependences: dependences(
                report.model,
                report.bands,
                training,
                report.contexts,
                report.level,
            )?,
            of_rows: coefficient_table(report.model, training)?,
            population: coefficient_table(report.population, training)?,
            beyond: beyond(training, test)?,
        })
    }

    fn loss_name(&self) -> &'static str {
        match self.binary {
            true => "log-loss",
            false => "mean squared error",
        }
    }
}

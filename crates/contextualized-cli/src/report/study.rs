//! What reports of regressions and of networks have in common, and the sections about it.

use super::axes::ContextAxis;
use super::comparison::{sizes_sentence, small_clusters};
use super::page::{Note, Page, Table};
use super::pictures;
use super::samples::{self, Beyond, columns_table};
use super::words::{count, percent, whole, with_error};
use contextualized_analysis::Measured;
use contextualized_auto::{CandidateOutcome, CandidateReport};
use contextualized_core::validate::check_table;
use contextualized_core::{Result, Samples};

/// What a report is about, whatever was fitted. Names of columns are those of the training rows.
pub(crate) struct Study {
    /// The title of the page.
    pub(crate) title: String,
    /// The formula fitted.
    pub(crate) formula: String,
    /// Where the data come from, as labels with values: files, rows, rows dropped.
    pub(crate) data: Vec<(String, String)>,
    /// What tests assume of the training rows.
    pub(crate) independence: String,
    /// What coefficients are, in a sentence.
    pub(crate) coefficients: &'static str,
    /// The estimator and its settings, as labels with values.
    pub(crate) estimator: Vec<(String, String)>,
    /// Rows the model was fitted to; a sample of them will do.
    pub(crate) training: Samples,
    /// How many there were in all.
    pub(crate) training_rows: usize,
    /// Rows that no model was fitted to, with their targets.
    pub(crate) test: Samples,
    /// What varies together, every column of the contexts in one of them.
    pub(crate) contexts: Vec<ContextAxis>,
    /// Training rows of each cluster of the cluster model; empty without one.
    pub(crate) cluster_sizes: Vec<usize>,
    /// The candidates that an automatic choice compared; a single one was not a choice.
    pub(crate) candidates: Vec<CandidateReport>,
    /// The position of the one that was chosen.
    pub(crate) chosen: usize,
}

impl Study {
    /// Checks that test rows fit the training rows, and that contexts are there.
    ///
    /// # Errors
    ///
    /// [`contextualized_core::Error::ColumnCount`] and
    /// [`contextualized_core::Error::InvalidParameter`].
    pub(crate) fn check(&self) -> Result<()> {
        let (own, test) = (&self.training, &self.test);
        for (argument, own, test) in [
            ("test contexts", own.contexts(), test.contexts()),
            ("test features", own.features(), test.features()),
            ("test targets", own.targets(), test.targets()),
        ] {
            check_table(argument, test, Some(own.ncols()))?;
        }
        let contexts = own.contexts().ncols();
        self.contexts
            .iter()
            .try_for_each(|axis| axis.check(contexts))
    }

    /// The name of a context.
    pub(crate) fn context_name(&self, axis: usize) -> &str {
        self.contexts[axis].name(&self.training)
    }

    /// What stands below the title: the formula, unless it is long, and how many rows there are.
    pub(crate) fn lead(&self) -> String {
        const MOST: usize = 120;
        let rows = format!(
            "{}, {}",
            count(self.training_rows, "training row", "training rows"),
            self.test_rows()
        );
        if self.formula.chars().count() <= MOST {
            format!("{} · {rows}", self.formula)
        } else {
            rows
        }
    }

    /// How many test rows there are, in words.
    pub(crate) fn test_rows(&self) -> String {
        count(self.test.rows(), "test row", "test rows")
    }

    /// What readers should not miss: of the rows, what the caller adds, of extrapolation, and of clusters
    /// from which this many coefficients or nodes are estimated each.
    pub(crate) fn warnings(
        &self,
        own: Vec<String>,
        beyond: Option<&Beyond>,
        (estimated, of): (usize, &str),
    ) -> Vec<String> {
        let mut warnings = samples::warnings(&self.training, self.training_rows, &self.test);
        warnings.extend(own);
        if let Some(beyond) = beyond.filter(|beyond| beyond.too_many()) {
            warnings.push(format!(
                "Extrapolation: the contexts of {} of the test rows lie beyond the training rows, \
                 where about {} are expected by chance. Predictions there rest on the model’s assumptions, not on data.",
                percent(beyond.rows() as f64 / self.test.rows() as f64),
                percent(beyond.share),
            ));
        }
        warnings.extend(small_clusters(&self.cluster_sizes, estimated, of));
        warnings
    }

    /// The columns; features of networks are nodes.
    pub(crate) fn write_data(&self, page: &mut Page, networks: bool) {
        page.section("Data");
        page.facts(&self.data);
        page.details("Columns of the data", |page| {
            page.table(&columns_table(&self.training, &self.test, networks));
        });
    }

    pub(crate) fn write_model(&self, page: &mut Page) {
        page.section("Model");
        let mut facts = vec![("Formula".to_owned(), self.formula.clone())];
        facts.extend_from_slice(&self.estimator);
        page.facts(&facts);
        if self.candidates.len() > 1 {
            page.subsection("Automatic choice");
            page.table(&self.choice());
            let reasons: Vec<String> = self.candidates.iter().filter_map(not_compared).collect();
            if !reasons.is_empty() {
                page.list(&reasons);
            }
        }
    }

    fn choice(&self) -> Table {
        let mut table = Table::new(
            "Loss of each candidate on held-out folds of the training rows, and how far it is above the \
             smallest; marked: chosen.",
            ["Candidate", "Loss ± SE", "above the smallest ± SE"],
        );
        for (position, CandidateReport { name, outcome }) in self.candidates.iter().enumerate() {
            let nothing = "–".to_owned();
            let (loss, above) = match outcome {
                CandidateOutcome::Compared(score) => {
                    let measured = |value, standard_error| {
                        with_error(Measured {
                            value,
                            standard_error,
                        })
                    };
                    let above = if score.excess == 0.0 {
                        nothing
                    } else {
                        measured(score.excess, score.excess_error)
                    };
                    (measured(score.loss, score.standard_error), above)
                }
                CandidateOutcome::Failed(_) => ("failed".to_owned(), nothing),
                CandidateOutcome::StoppedEarly(_) => ("stopped early".to_owned(), nothing),
                CandidateOutcome::NotCompared(_) => ("not compared".to_owned(), nothing),
            };
            table.row_marked_if(position == self.chosen, [name.clone(), loss, above]);
        }
        table
    }

    /// How many rows clusters have, where there are any.
    pub(crate) fn write_cluster_sizes(&self, page: &mut Page) {
        if !self.cluster_sizes.is_empty() {
            page.paragraph(&sizes_sentence(&self.cluster_sizes));
        }
    }

    /// How far test rows are from the training rows.
    pub(crate) fn write_extrapolation(
        &self,
        page: &mut Page,
        beyond: Option<&Beyond>,
    ) -> Result<()> {
        page.section("Extrapolation");
        let Some(beyond) = beyond else {
            page.paragraph("There are too few training rows to say what lies beyond them.");
            return Ok(());
        };
        page.paragraph(&format!(
            "Distance of the contexts of each test row to those of the fifth-nearest training row, divided by \
             the typical distance among training rows. {} of {} are as far away as at most {} of the \
             training rows are.",
            whole(beyond.rows()),
            self.test_rows(),
            percent(beyond.share),
        ));
        let outside = samples::outside(&self.training, &self.test, &self.contexts);
        if !outside.is_empty() {
            page.paragraph(&samples::outside_sentence(&outside));
        }
        let distances = beyond.scores.distances.to_vec();
        let picture = pictures::extrapolation(&beyond.training, &distances, beyond.share)?;
        page.pictures(
            &[picture],
            "Share of rows at least so far from the training rows. A line far right of that of the training \
             rows says that the model is asked where it saw nothing.",
        );
        Ok(())
    }
}

/// Why a candidate has no loss.
fn not_compared(candidate: &CandidateReport) -> Option<String> {
    match &candidate.outcome {
        CandidateOutcome::Compared(_) => None,
        CandidateOutcome::Failed(reason)
        | CandidateOutcome::StoppedEarly(reason)
        | CandidateOutcome::NotCompared(reason) => Some(format!("{}: {reason}", candidate.name)),
    }
}

/// What was found, and what readers should not miss.
pub(super) fn write_short(page: &mut Page, findings: &[String], warnings: &[String]) {
    page.list(findings);
    if warnings.is_empty() {
        page.note(
            Note::Fine,
            "No sign of extrapolation, of clusters that are too small, of weak evidence of variation, or of \
             test rows that were fitted to.",
        );
    }
    for warning in warnings {
        page.note(Note::Warning, warning);
    }
}

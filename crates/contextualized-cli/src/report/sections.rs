//! Sections that reports of regressions and of networks share.

use super::axes::ContextAxis;
use super::page::{Page, Table};
use super::pictures;
use super::samples::{self, Beyond};
use super::words::{count, percent, whole, with_error};
use contextualized_core::metrics::Score;
use contextualized_core::{Result, Samples};

/// What stands below the title: the formula, unless it is long, and how many rows there are.
pub(crate) fn lead(formula: &str, training: usize, test: usize) -> String {
    const MOST: usize = 120;
    let rows = format!(
        "{}, {}",
        count(training, "training row", "training rows"),
        count(test, "test row", "test rows")
    );
    if formula.chars().count() <= MOST {
        format!("{formula} · {rows}")
    } else {
        rows
    }
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
                if excess.mean == 0.0 {
                    "–".to_owned()
                } else {
                    with_error(excess.mean, Some(excess.standard_error))
                },
            ),
            Err(reason) => (format!("none: {reason}"), "–".to_owned()),
        };
        if line.chosen {
            table.marked_row([line.name.clone(), loss, above])
        } else {
            table.row([line.name.clone(), loss, above])
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
        percent(beyond.share),
    ));
    let outside = samples::outside(training, test, axes);
    if !outside.is_empty() {
        page.paragraph(&samples::outside_sentence(&outside));
    }
    let picture = pictures::extrapolation(
        &beyond.training,
        &beyond.scores.distances.to_vec(),
        beyond.share,
    )?;
    page.pictures(
        &[picture],
        "Share of rows at least so far from the training rows. A line far right of that of the training \
         rows says that the model is asked where it saw nothing.",
    );
    Ok(())
}

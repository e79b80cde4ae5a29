//! What was fitted to which rows, and what it was chosen from.

use crate::design::Design;
use crate::saved::{DataSummary, Saved};
use crate::tables::{Cell, Section, Table};
use contextualized_auto::{AutoReport, CandidateOutcome, CandidateReport};

/// How many rows of which file, and what they are.
pub fn rows_in_words(saved: &Saved) -> String {
    let DataSummary { file, dropped, .. } = &saved.data;
    let rows = saved.rows();
    let left_out = match dropped {
        0 => String::new(),
        dropped => format!(" ({dropped} with missing values left out)"),
    };
    format!("{rows} rows of {file}{left_out}: {}", saved.design.formula)
}

/// What outcomes are, and of a binary one what it is the probability of.
pub fn family_in_words(design: &Design) -> Option<String> {
    if design.family.is_quadratic() && design.offset.is_none() {
        return None;
    }
    let mut text = format!("Outcome: {}", design.outcome_description());
    if design.family.is_binary() {
        let targets: Vec<String> = design
            .targets
            .iter()
            .map(|target| match &target.levels {
                Some(levels) => format!("{} is {:?}", target.name, levels[1]),
                None if target.made.is_some() => {
                    format!("a trial succeeds, whose share is {}", target.name)
                }
                None => format!("{} is 1", target.name),
            })
            .collect();
        text = format!(
            "Binary outcome: probabilities that {}",
            targets.join(", that ")
        );
    }
    if design.family.has_levels() {
        let order = (0..design.targets.len()).filter_map(|target| {
            let levels = design.target_levels(target)?.join(" < ");
            Some(format!("{}: {levels}", design.targets[target].name))
        });
        text = format!("{text}; {}", order.collect::<Vec<_>>().join("; "));
    }
    if let (Some(classes), Some(column)) = (design.class_names(), &design.classes) {
        let [reference, others @ ..] = classes else {
            return Some(text);
        };
        let others = others.join(", ");
        text = format!("{text}; {}: {others}, against {reference}", column.name);
    }
    if let Some(offset) = design.offset {
        text = format!("{text}; offset {}", design.variables[offset].name);
    }
    Some(text)
}

/// The table an automatic choice was made from, if there was a choice.
pub fn choice_section(report: &AutoReport) -> Option<Section> {
    if report.candidates().len() < 2 {
        return None;
    }
    let mut table = Table::new(
        "choice",
        &[
            "estimator",
            "loss",
            "standard error",
            "difference",
            "SE of difference",
            "chosen",
        ],
    );
    for (position, candidate) in report.candidates().iter().enumerate() {
        let mut row: Vec<Cell> = vec![candidate.name.as_str().into()];
        let chosen = if position == report.chosen() { "*" } else { "" };
        let (score, note) = match &candidate.outcome {
            CandidateOutcome::Compared(score) => (Some(score), chosen.to_owned()),
            CandidateOutcome::StoppedEarly(_) => (None, "stopped early".to_owned()),
            CandidateOutcome::NotCompared(_) => (None, chosen.to_owned()),
            CandidateOutcome::Failed(reason) => (None, format!("failed: {reason}")),
        };
        row.extend([
            score.map(|score| score.loss).into(),
            score.and_then(|score| score.standard_error).into(),
            score.map(|score| score.excess).into(),
            score.and_then(|score| score.excess_error).into(),
            note.into(),
        ]);
        table.push(row);
    }
    let stopped = |candidate: &CandidateReport| {
        matches!(candidate.outcome, CandidateOutcome::StoppedEarly(_))
    };
    let early = if report.candidates().iter().any(stopped) {
        " Candidates far behind after the first folds were stopped early."
    } else {
        ""
    };
    let note = format!(
        "Held-out {} in {} folds of {} rows. Chosen (*): {}{early}",
        report.loss(),
        report.folds(),
        report.rows(),
        report.reason()
    );
    Some((note, Some(table)))
}

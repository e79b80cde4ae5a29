//! Calibration and error by subgroup.

use super::{OBSERVED, PREDICTED};
use crate::error::same_length;
use crate::{Colour, Figure, Line, Panel, Points, Reference, Result};

/// Mean outcomes against mean predictions, bin by bin.
#[derive(Debug, Clone, Copy)]
pub struct ReliabilityCurve<'a> {
    /// What the rows are, such as the subgroup's name.
    pub title: &'a str,
    /// Mean prediction of every bin.
    pub predictions: &'a [f64],
    /// Mean outcome of every bin.
    pub outcomes: &'a [f64],
    /// An interval around every mean outcome, where there is one.
    pub intervals: &'a [Option<(f64, f64)>],
}

/// Small multiples on the same axes: a reliability curve for each subgroup, with intervals, over the
/// dashed line on which outcomes are as predicted.
///
/// # Errors
///
/// [`Error::LengthsDiffer`](crate::Error::LengthsDiffer) when a curve's lists are not of one length.
pub fn reliability_curves(curves: &[ReliabilityCurve<'_>], columns: usize) -> Result<Figure> {
    let mut figure = Figure::new(columns)
        .description(
            "Mean outcomes against mean predictions with intervals, a panel for each subgroup; on \
             the dashed line outcomes are as predicted.",
        )
        .x_label("Mean prediction")
        .y_label("Mean outcome")
        .panel_size(230.0, 230.0)
        .shared_ranges();
    let ends = |curve: &ReliabilityCurve<'_>| {
        let intervals = curve.intervals.iter().flatten();
        let values: Vec<f64> = curve
            .predictions
            .iter()
            .chain(curve.outcomes)
            .copied()
            .chain(intervals.flat_map(|(lower, upper)| [*lower, *upper]))
            .collect();
        values
    };
    let values: Vec<f64> = curves.iter().flat_map(ends).collect();
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    for curve in curves {
        let bins = curve.predictions.len();
        let named = |what: &str| format!("{}: {what}", curve.title);
        same_length(named("mean outcomes"), bins, curve.outcomes.len())?;
        same_length(named("intervals"), bins, curve.intervals.len())?;
        let mut panel = Panel::new(curve.title).equal_ranges();
        if low < high {
            let diagonal = Line::new(&[(low, low), (high, high)]).colour(Colour::GREY);
            panel = panel.layer(diagonal.width(1.2).dashed().label("as predicted"));
        }
        for (x, interval) in curve.predictions.iter().zip(curve.intervals) {
            if let Some((lower, upper)) = interval {
                panel = panel.layer(interval_line((*x, *lower), (*x, *upper)));
            }
        }
        let pairs = curve.predictions.iter().zip(curve.outcomes);
        let points: Vec<_> = pairs.map(|(x, y)| (*x, *y)).collect();
        let through = Line::new(&points).colour(OBSERVED).width(1.0);
        figure = figure.panel(panel.layer(through).layer(dots(&points)));
    }
    Ok(figure)
}

/// An error in one subgroup.
#[derive(Debug, Clone, Copy)]
pub struct SubgroupError<'a> {
    /// The subgroup's name.
    pub name: &'a str,
    /// Its error, or any other figure.
    pub value: f64,
    /// An interval around it, if there is one.
    pub interval: Option<(f64, f64)>,
}

/// Errors as dots with intervals, a row for each subgroup, the first on top; and the error of all rows
/// as a line, if it is given. Of no subgroup there is nothing to draw, which drawing will report.
pub fn subgroup_errors(error: &str, subgroups: &[SubgroupError<'_>], all: Option<f64>) -> Figure {
    let names: Vec<&str> = subgroups.iter().map(|subgroup| subgroup.name).collect();
    let mut panel = Panel::new("").x_label(error).y_names(&names);
    if !subgroups.is_empty() {
        panel = panel.y_range(0.6 - subgroups.len() as f64, 0.6);
    }
    if let Some(all) = all {
        let line = Reference::vertical(all).colour(PREDICTED);
        panel = panel.layer(line.label("all rows"));
    }
    let height = |row: usize| -(row as f64);
    for (row, subgroup) in subgroups.iter().enumerate() {
        if let Some((lower, upper)) = subgroup.interval {
            panel = panel.layer(interval_line((lower, height(row)), (upper, height(row))));
        }
    }
    let values = subgroups.iter().enumerate();
    let points: Vec<_> = values
        .map(|(row, subgroup)| (subgroup.value, height(row)))
        .collect();
    Figure::new(1)
        .description("An error as dots with intervals, a row for each subgroup.")
        .panel_size(420.0, 30.0 * subgroups.len().clamp(2, 40) as f64)
        .panel(panel.layer(dots(&points)))
}

fn interval_line(from: (f64, f64), to: (f64, f64)) -> Line {
    Line::new(&[from, to]).colour(OBSERVED).width(1.6)
}

fn dots(points: &[(f64, f64)]) -> Points {
    Points::new(points).colour(OBSERVED).radius(4.0)
}

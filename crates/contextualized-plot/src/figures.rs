//! Ready-made panels: what rows and models are like, drawn from plain slices.
//!
//! | panel | shows |
//! |---|---|
//! | [`histogram`] | how a quantity is distributed over rows |
//! | [`reliability`] | mean outcomes against mean predictions |
//! | [`extrapolation`] | rows that are further from the training contexts than those from each other |

use crate::error::same_length;
use crate::{Band, Colour, Error, Line, Panel, Points, Result, Scale};

/// A histogram as shares of the values, with the value of the constant-coefficient model (population) as
/// a dashed line where it is given.
///
/// The number of bins is that of Freedman and Diaconis (1981, doi:10.1007/BF01025868), at least 5 and
/// at most 40; equal values have a single one.
pub fn histogram(quantity: &str, values: &[f64], population: Option<f64>) -> Panel {
    let mut panel = Panel::new("").x_label(quantity).y_label("share of rows");
    let bars = bins(values).into_iter();
    let outline: Vec<(f64, f64)> = bars
        .flat_map(|Bin { low, high, share }| [(low, 0.0), (low, share), (high, share), (high, 0.0)])
        .collect();
    let (x, tops): (Vec<f64>, Vec<f64>) = outline.iter().copied().unzip();
    if let Some(most) = tops.iter().copied().reduce(f64::max) {
        panel = panel.y_range(0.0, 1.06 * most);
    }
    panel = panel
        .layer(Band::new(&x, &vec![0.0; x.len()], &tops).opacity(0.45))
        .layer(Line::new(&outline).width(1.0));
    match population {
        Some(value) => panel.layer(Line::vertical(value).label("population")),
        None => panel,
    }
}

/// A bar of a histogram.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Bin {
    low: f64,
    high: f64,
    /// The share of the values inside; the last bin contains its upper end.
    share: f64,
}

/// Equal bins from the smallest value to the largest. Numbers that are not finite are left in, for
/// drawing to report them.
fn bins(values: &[f64]) -> Vec<Bin> {
    const FEWEST: f64 = 5.0;
    const MOST: f64 = 40.0;
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (Some(&low), Some(&high)) = (sorted.first(), sorted.last()) else {
        return Vec::new();
    };
    let span = high - low;
    if span <= 1e-9 * low.abs().max(high.abs()) || !span.is_finite() {
        let half = 0.02 * low.abs().max(1e-3);
        return vec![Bin {
            low: low - half,
            high: high + half,
            share: 1.0,
        }];
    }
    let quantile = |share: f64| sorted[((sorted.len() - 1) as f64 * share).round() as usize];
    let width = 2.0 * (quantile(0.75) - quantile(0.25)) / (values.len() as f64).cbrt();
    // A width of zero makes the number infinite, and so the largest.
    let count = (span / width).ceil().clamp(FEWEST, MOST) as usize;
    let mut members = vec![0.0; count];
    for value in &sorted {
        let bin = ((value - low) / span * count as f64) as usize;
        members[bin.min(count - 1)] += 1.0;
    }
    let edge = |bin: usize| low + span * bin as f64 / count as f64;
    let bins = members.iter().enumerate().map(|(bin, members)| Bin {
        low: edge(bin),
        high: edge(bin + 1),
        share: members / values.len() as f64,
    });
    bins.collect()
}

/// The mean outcome against the mean prediction of every bin, with an interval around each outcome that
/// has one, over the dashed line on which outcomes are as predicted.
///
/// # Errors
///
/// [`Error::LengthsDiffer`] unless there are an outcome and a place for an interval for every prediction.
pub fn reliability(
    predictions: &[f64],
    outcomes: &[f64],
    intervals: &[Option<(f64, f64)>],
) -> Result<Panel> {
    let bins = predictions.len();
    same_length(|| "mean outcomes".to_owned(), bins, outcomes.len())?;
    same_length(|| "intervals".to_owned(), bins, intervals.len())?;
    let mut panel = Panel::new("")
        .x_label("mean prediction")
        .y_label("mean outcome")
        .equal_ranges();
    let ends = intervals
        .iter()
        .flatten()
        .flat_map(|(low, high)| [low, high]);
    let values = || predictions.iter().chain(outcomes).chain(ends.clone());
    let low = values().copied().fold(f64::INFINITY, f64::min);
    let high = values().copied().fold(f64::NEG_INFINITY, f64::max);
    if low < high {
        let diagonal = Line::new(&[(low, low), (high, high)]).colour(Colour::GREY);
        panel = panel.layer(diagonal.width(1.2).dashed().label("as predicted"));
    }
    for (&x, interval) in predictions.iter().zip(intervals) {
        if let Some((low, high)) = *interval {
            panel = panel.layer(Line::new(&[(x, low), (x, high)]).width(1.6));
        }
    }
    let pairs = predictions.iter().zip(outcomes);
    let points: Vec<_> = pairs.map(|(&x, &y)| (x, y)).collect();
    Ok(panel
        .layer(Line::new(&points).width(1.0))
        .layer(Points::new(&points).radius(4.0)))
}

/// For every distance, the share of rows that are at least as far: of the training rows from each other,
/// and of groups of new rows, each a name and distances, from the training rows.
///
/// At the dashed line the share is that of a training row drawn anew: (1 + those at least as far) over
/// (1 + all) is at most `share` beyond it. With too few training rows for that there is no line. The
/// legend says how many of each group are beyond. Distances are on a logarithmic axis if none is zero.
///
/// # Errors
///
/// [`Error::BadSetting`] for a share outside (0, 1).
pub fn extrapolation(training: &[f64], groups: &[(&str, &[f64])], share: f64) -> Result<Panel> {
    if !(share > 0.0 && share < 1.0) {
        return Err(Error::BadSetting {
            setting: "the share of training rows that are as far",
            value: share,
            requirement: "between 0 and 1",
        });
    }
    let mut panel = Panel::new("")
        .x_label("distance from the training rows")
        .y_label("share of rows at least as far")
        .y_range(0.0, 1.0);
    let others = groups.iter().flat_map(|(_, distances)| *distances);
    if training
        .iter()
        .chain(others)
        .all(|distance| *distance > 0.0)
    {
        panel = panel.x_scale(Scale::Log10);
    }
    let threshold = threshold(training, share);
    if let Some(threshold) = threshold {
        let name = format!("{} of training rows", percent(share));
        panel = panel.layer(Line::vertical(threshold).label(&name));
    }
    let line = steps(training).colour(Colour::GREY).width(2.4);
    panel = panel.layer(line.label("training rows"));
    for (number, (name, distances)) in groups.iter().enumerate() {
        let label = match threshold {
            Some(threshold) if !distances.is_empty() => {
                let beyond = distances.iter().filter(|own| **own > threshold).count();
                let beyond = percent(beyond as f64 / distances.len() as f64);
                format!("{name}: {beyond} beyond")
            }
            _ => (*name).to_owned(),
        };
        let line = steps(distances).colour(Colour::qualitative(number));
        panel = panel.layer(line.width(2.0).label(&label));
    }
    Ok(panel)
}

/// The distance beyond which there are too few training rows, if there are enough of them to say.
fn threshold(training: &[f64], share: f64) -> Option<f64> {
    let mut sorted = training.to_vec();
    sorted.sort_by(|a, b| b.total_cmp(a));
    let whole = training.len() as f64 + 1.0;
    let allowed = (1..=training.len()).take_while(|&rows| rows as f64 / whole <= share);
    sorted.get(allowed.count().checked_sub(1)?).copied()
}

/// The share of values at least as large as x.
fn steps(values: &[f64]) -> Line {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let after = |rows: usize| 1.0 - rows as f64 / sorted.len() as f64;
    let corners = sorted.iter().enumerate();
    let corners = corners.flat_map(|(row, &x)| [(x, after(row)), (x, after(row + 1))]);
    Line::new(&corners.collect::<Vec<_>>())
}

fn percent(share: f64) -> String {
    format!("{:.0} %", 100.0 * share)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Figure;
    use proptest::prelude::*;

    #[test]
    fn bins_by_hand() {
        // Quartiles 2 and 6, so bins of 2 · 4 / 2 = 4; at least five of them all the same.
        let values: Vec<f64> = (0..9).map(f64::from).collect();
        let found = bins(&values[..]);
        assert_eq!(found.len(), 5);
        assert_eq!((found[0].low, found[0].high), (0.0, 1.6));
        let shares: Vec<f64> = found.iter().map(|bin| 9.0 * bin.share).collect();
        assert_eq!(shares, [2.0, 2.0, 1.0, 2.0, 2.0]);
        assert_eq!(bins(&[3.0; 4]).len(), 1);
        assert!(bins(&[]).is_empty());
        // Quartiles that are equal leave the width to the largest number of bins.
        assert_eq!(bins(&[0.0, 0.0, 0.0, 0.0, 1.0]).len(), 40);
    }

    #[test]
    fn no_values_and_values_that_are_none_are_reported() {
        let draw = |values: &[f64]| Figure::new(1).panel(histogram("b", values, None)).to_svg();
        assert!(draw(&[1.0, 2.0, 5.0]).is_ok() && draw(&[0.0]).is_ok());
        assert!(draw(&[]).is_err() && draw(&[f64::NAN, 1.0]).is_err());
    }

    proptest! {
        #[test]
        fn every_value_is_in_one_bin(values in prop::collection::vec(-1e3..1e3f64, 1..80)) {
            let found = bins(&values);
            let total: f64 = found.iter().map(|bin| bin.share).sum();
            prop_assert!((total - 1.0).abs() < 1e-9);
            prop_assert!(found.windows(2).all(|pair| pair[0].high == pair[1].low));
        }
    }
}

//! How numbers are distributed.

use crate::{Band, Colour, Figure, Line, Panel, Reference};

/// Some numbers.
#[derive(Debug, Clone, Copy)]
pub struct Distribution<'a> {
    /// What they are; may be empty.
    pub title: &'a str,
    /// The quantity on the axis.
    pub quantity: &'a str,
    /// The numbers.
    pub values: &'a [f64],
    /// The same quantity in the population as a whole, if it is to be shown.
    pub population: Option<f64>,
}

/// Small multiples: histograms as shares of the values, with the population's value as a dashed line
/// where given.
///
/// The number of bins is that of Freedman and Diaconis (1981, doi:10.1007/BF01025868), at least 5 and
/// at most 40; equal values have a single one.
pub fn distributions(distributions: &[Distribution<'_>], columns: usize) -> Figure {
    let panels = distributions.iter().map(|shown| {
        let mut panel = Panel::new(shown.title)
            .x_label(shown.quantity)
            .y_label("share of rows");
        let bins = bins(shown.values);
        if let Some(most) = bins.iter().map(|bin| bin.share).reduce(f64::max) {
            panel = panel.y_range(0.0, 1.06 * most);
        }
        for bin in &bins {
            let (x, top) = ([bin.low, bin.high], [bin.share; 2]);
            let bar = Band::new(&x, &[0.0; 2], &top).colour(Colour::BLUE);
            panel = panel.layer(bar.opacity(0.45));
        }
        let outline: Vec<(f64, f64)> = bins
            .iter()
            .flat_map(|bin| {
                let (low, high) = (bin.low, bin.high);
                [(low, 0.0), (low, bin.share), (high, bin.share), (high, 0.0)]
            })
            .collect();
        panel = panel.layer(Line::new(&outline).width(1.0));
        if let Some(population) = shown.population {
            panel = panel.layer(Reference::vertical(population).label("population"));
        }
        panel
    });
    Figure::new(columns)
        .description("Histograms: the share of rows by value.")
        .panel_size(240.0, 150.0)
        .panels(panels)
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Bin {
    low: f64,
    high: f64,
    /// The share of the values inside; the last bin holds its upper end.
    share: f64,
}

const FEWEST: f64 = 5.0;
const MOST: f64 = 40.0;

/// Equal bins from the smallest value to the largest. Numbers that are not finite are left in, for
/// drawing to report them.
fn bins(values: &[f64]) -> Vec<Bin> {
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
    let count = if width > 0.0 {
        (span / width).ceil().clamp(FEWEST, MOST)
    } else {
        MOST
    } as usize;
    let edge = |bin: usize| low + span * bin as f64 / count as f64;
    let mut members = vec![0.0; count];
    for value in &sorted {
        let bin = ((value - low) / span * count as f64) as usize;
        members[bin.min(count - 1)] += 1.0;
    }
    let bins = members.iter().enumerate().map(|(bin, members)| Bin {
        low: edge(bin),
        high: edge(bin + 1),
        share: members / values.len() as f64,
    });
    bins.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
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
    }

    #[test]
    fn no_values_and_values_that_are_none_are_reported() {
        let draw = |values: &[f64]| {
            let shown = Distribution {
                title: "a",
                quantity: "b",
                values,
                population: None,
            };
            distributions(&[shown], 1).to_svg()
        };
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

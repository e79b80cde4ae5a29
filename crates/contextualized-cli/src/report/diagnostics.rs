//! Whether the model's assumptions hold on rows that it was not fitted to.

use super::page::{Page, Table};
use super::parts::Parts;
use super::pictures;
use super::regression::RegressionReport;
use super::variation::of_target;
use super::words::{level as written_level, number, percent, whole};
use contextualized_analysis::wilson_interval;
use contextualized_core::{Result, Tail};
use contextualized_frame::values::moments;
use ndarray::{Array1, ArrayView1, Axis, Zip};

/// Points in one picture, spread over all rows.
const POINTS: usize = 1000;
/// The fractional part of the golden ratio.
const GOLDEN: f64 = 0.618_033_988_749_894_8;
/// Probabilities of intervals that are looked at.
const LEVELS: [f64; 4] = [0.5, 0.8, 0.9, 0.95];

impl RegressionReport<'_> {
    /// Residuals of held-out rows and how many of them intervals contain. Binary outcomes have neither: their
    /// section is that on calibration.
    pub(super) fn write_diagnostics(&self, page: &mut Page, parts: &Parts<'_>) -> Result<()> {
        page.section("Residuals and coverage");
        let normal = parts.family.is_quadratic();
        page.paragraph(&format!(
            "Of held-out rows. Predictions that are right on average lie on the dashed lines; residuals that \
             spread with the prediction, or bend, say that something is left out.{}",
            if normal {
                " The quantiles of residuals lie on a line if they are normal."
            } else {
                " Residuals are randomised quantile residuals (Dunn and Smyth): standard normal, whatever the outcome, if \
                 its distribution is as assumed; their quantiles then lie on the line."
            }
        ));
        for (target, name) in self.target_names().iter().enumerate() {
            let outcomes = self.study.test.targets().index_axis_move(Axis(1), target);
            let predicted = parts.predictions.column(target);
            if parts.several {
                page.subsection(name);
            }
            let mut residuals = &outcomes - &predicted;
            if !normal {
                // Numbers spread evenly over the rows, the same in every report.
                let spread = |row: usize| (row as f64 * GOLDEN).fract();
                residuals =
                    Zip::indexed(outcomes)
                        .and(predicted)
                        .map_collect(|row, &outcome, &mean| {
                            parts.family.quantile_residual(outcome, mean, spread(row))
                        });
            }
            let mut drawn = vec![
                observed(name, predicted, outcomes)?,
                against_predicted(name, predicted, &residuals)?,
            ];
            drawn.extend(quantiles(&residuals)?);
            page.pictures(
                &drawn,
                if normal {
                    "Outcomes against predictions; residuals against predictions; residuals in standard \
                     deviations against normal quantiles."
                } else {
                    "Outcomes against predictions; residuals against predictions."
                },
            );
        }
        self.write_coverage(page, parts)
    }

    fn write_coverage(&self, page: &mut Page, parts: &Parts<'_>) -> Result<()> {
        let test = &self.study.test;
        let Some(known) = self.known.filter(|_| parts.family.has_outcome_intervals()) else {
            page.paragraph(
                "This model has no intervals of outcomes, so there is no coverage to look at.",
            );
            return Ok(());
        };
        let mut table = Table::new(
            "Intervals of outcomes on held-out rows: how many contain the outcome, with an interval of 95 % \
             (Wilson), and how wide they are on average.",
            ["Interval", "contain", "from", "to", "mean width"],
        );
        for level in LEVELS {
            let ends = known.outcome_intervals(parts.family, test.offsets(), level)?;
            for (target, name) in self.target_names().iter().enumerate() {
                let outcomes = test.targets().index_axis_move(Axis(1), target);
                let (lower, upper) = (ends.lower.column(target), ends.upper.column(target));
                let inside = outcomes
                    .iter()
                    .zip(lower.iter().zip(upper))
                    .filter(|(value, (low, high))| (*low..=*high).contains(value));
                let rows = outcomes.len() as f64;
                let share = inside.count() as f64 / rows;
                let (from, to) = wilson_interval(share, rows, 0.95)?;
                let width = (&upper - &lower).mean().unwrap_or(f64::NAN);
                table.row([
                    of_target(&written_level(level), name, parts.several),
                    percent(share),
                    percent(from),
                    percent(to),
                    number(width),
                ]);
            }
        }
        page.table(&table);
        if parts.family.is_discrete() {
            page.paragraph(
                "Counts are whole numbers, so that intervals contain somewhat more of them than they say.",
            );
        }
        Ok(())
    }
}

/// At most so many pairs, spread over all of them.
fn some(points: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    let step = points.len().div_ceil(POINTS).max(1);
    points.into_iter().step_by(step).collect()
}

fn pairs(across: ArrayView1<'_, f64>, upwards: ArrayView1<'_, f64>) -> Vec<(f64, f64)> {
    some(
        across
            .iter()
            .copied()
            .zip(upwards.iter().copied())
            .collect(),
    )
}

fn observed(
    name: &str,
    predicted: ArrayView1<'_, f64>,
    outcomes: ArrayView1<'_, f64>,
) -> Result<String> {
    let correlation = correlation(predicted, outcomes);
    pictures::scatter(
        (&format!("predicted {name}"), &format!("observed {name}")),
        &pairs(predicted, outcomes),
        true,
        &format!("Correlation {}.", number(correlation)),
    )
}

fn against_predicted(
    name: &str,
    predicted: ArrayView1<'_, f64>,
    residuals: &Array1<f64>,
) -> Result<String> {
    let (mean, deviation) = moments(residuals.view());
    let spread = correlation(predicted, residuals.mapv(f64::abs).view());
    pictures::scatter(
        (&format!("predicted {name}"), "residual"),
        &pairs(predicted, residuals.view()),
        false,
        &format!(
            "Residuals of mean {} and standard deviation {}; correlation of their size with the prediction {}.",
            number(mean),
            number(deviation),
            number(spread)
        ),
    )
}

/// Quantiles of residuals against those of a normal distribution; none of residuals that are all the same.
fn quantiles(residuals: &Array1<f64>) -> Result<Option<String>> {
    let (mean, deviation) = moments(residuals.view());
    if deviation == 0.0 || !deviation.is_finite() {
        return Ok(None);
    }
    let mut sorted: Vec<f64> = residuals
        .iter()
        .map(|residual| (residual - mean) / deviation)
        .collect();
    sorted.sort_by(f64::total_cmp);
    let rows = sorted.len() as f64;
    let points = sorted
        .iter()
        .enumerate()
        .map(|(place, value)| Ok((normal_quantile((place as f64 + 0.5) / rows)?, *value)))
        .collect::<Result<Vec<_>>>()?;
    let beyond = sorted.iter().filter(|value| value.abs() > 3.0).count();
    let picture = pictures::scatter(
        ("normal quantile", "residual in standard deviations"),
        &some(points),
        true,
        &format!(
            "{} of {} residuals are beyond three standard deviations.",
            whole(beyond),
            whole(sorted.len())
        ),
    )?;
    Ok(Some(picture))
}

/// A quantile of the standard normal distribution.
fn normal_quantile(share: f64) -> Result<f64> {
    // A two-sided interval leaves out twice the smaller tail.
    let level = (1.0 - 2.0 * share).abs();
    if level == 0.0 {
        return Ok(0.0);
    }
    Ok((share - 0.5).signum() * Tail::new(level, None)?.quantile)
}

fn correlation(a: ArrayView1<'_, f64>, b: ArrayView1<'_, f64>) -> f64 {
    let ((mean_a, deviation_a), (mean_b, deviation_b)) = (moments(a), moments(b));
    let products = a.iter().zip(b).map(|(a, b)| (a - mean_a) * (b - mean_b));
    products.sum::<f64>() / ((a.len() as f64 - 1.0) * deviation_a * deviation_b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn few_points_stand_for_many() {
        let points: Vec<(f64, f64)> = (0..2500).map(|row| (f64::from(row), 0.0)).collect();
        let kept = some(points);
        assert_eq!((kept.len(), kept[1].0), (834, 3.0));
        assert_eq!(some(vec![(1.0, 2.0)]), [(1.0, 2.0)]);
    }

    #[test]
    fn correlations_by_hand() {
        let a = array![1.0, 2.0, 3.0];
        assert!((correlation(a.view(), array![2.0, 4.0, 6.0].view()) - 1.0).abs() < 1e-12);
        assert!((correlation(a.view(), array![1.0, 0.0, 1.0].view())).abs() < 1e-12);
        assert!(quantiles(&array![1.0, 1.0]).unwrap().is_none());
    }

    #[test]
    fn normal_quantiles_are_those_of_r() {
        for (share, quantile) in [
            (0.5, 0.0),
            (0.975, 1.959_963_984_540_054),
            (0.1, -1.281_551_565_545),
        ] {
            assert!((normal_quantile(share).unwrap() - quantile).abs() < 1e-9);
        }
    }
}

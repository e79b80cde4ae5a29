//! Rows that lie further from the training contexts than these from each other.

use crate::{Colour, Error, Figure, Line, Panel, Reference, Result, Scale};

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
pub fn extrapolation(training: &[f64], groups: &[(&str, &[f64])], share: f64) -> Result<Figure> {
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
    let mut all = training
        .iter()
        .chain(groups.iter().flat_map(|(_, own)| *own));
    if all.all(|distance| *distance > 0.0) {
        panel = panel.x_scale(Scale::Log10);
    }
    let threshold = threshold(training, share);
    if let Some(threshold) = threshold {
        let name = format!("{} of training rows", percent(share));
        panel = panel.layer(Reference::vertical(threshold).label(&name));
    }
    let training = steps(training).colour(Colour::GREY).width(2.4);
    panel = panel.layer(training.label("training rows"));
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
    Ok(Figure::new(1)
        .description(
            "Shares of rows that are at least so far from the training rows, as step curves: of the \
             training rows themselves, and of new ones.",
        )
        .panel_size(420.0, 280.0)
        .panel(panel))
}

/// The distance beyond which there are too few training rows, if so many can be told apart.
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

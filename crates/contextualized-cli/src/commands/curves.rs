//! Curves of a model against each context, written as a table and as figures.

use crate::arguments::OutputFormat;
use crate::error::{Error, Result};
use crate::output::{OutputFile, png};
use crate::report::{Curve, Curves, FIGURE};
use crate::rows::Rows;
use arrow_array::{ArrayRef, StringArray};
use contextualized_files::shown;
use contextualized_frame::axes::Points;
use contextualized_frame::curves::FoundCurve;
use contextualized_frame::dependence::Average;
use contextualized_frame::values::ends;
use ndarray::Array2;
use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

/// The most figures that are drawn.
const MOST_FIGURES: usize = 2_000;

/// A table of all points: one line for each.
pub(super) fn write_table(curves: &[FoundCurve], path: &Path) -> Result<()> {
    let mut rows = Rows::create(path, OutputFormat::of_name(path))?;
    let mut texts: [Vec<Option<String>>; 4] = Default::default();
    let mut numbers = Vec::new();
    for curve in curves {
        for place in 0..curve.at.len() {
            let own = [
                curve.target.clone(),
                Some(curve.name.clone()),
                Some(curve.context.clone()),
                Some(curve.at.plain_text(place)),
            ];
            texts
                .iter_mut()
                .zip(own)
                .for_each(|(all, own)| all.push(own));
            let number = match &curve.at {
                Points::Numbers { values, .. } => values[place],
                Points::Levels(_) => f64::NAN,
            };
            let ends = curve.average.interval.as_ref();
            let (lower, upper) = ends.map_or((f64::NAN, f64::NAN), |(lower, upper)| {
                (lower[place], upper[place])
            });
            numbers.extend([
                number,
                curve.average.values[place],
                lower,
                upper,
                curve.population.unwrap_or(f64::NAN),
            ]);
        }
    }
    let values = Array2::from_shape_vec((numbers.len() / 5, 5), numbers)
        .map_err(|source| Error::failure(format!("cannot write {}: {source}", shown(path))))?;
    let names = |names: &[&str]| {
        names
            .iter()
            .map(|name| (*name).to_owned())
            .collect::<Vec<_>>()
    };
    let texts = texts.map(|all| Arc::new(StringArray::from(all)) as ArrayRef);
    rows.write(
        &names(&["target", "coefficient", "context", "at"]),
        texts.into(),
        &names(&["value", "average", "lower", "upper", "population"]),
        &values,
        Vec::new(),
    )?;
    rows.finish()
}

/// A figure of each curve as SVG and as PNG, and how many there are.
pub(super) fn write_figures(curves: &[FoundCurve], folder: &Path) -> Result<usize> {
    if curves.len() > MOST_FIGURES {
        return Err(Error::failure(format!(
            "{} curves are too many to draw; --curves FILE writes them as a table",
            curves.len()
        )));
    }
    let mut taken = HashSet::new();
    let mut drawn = Vec::new();
    for curve in curves {
        // Panels of one coefficient have one vertical axis.
        let own = curves
            .iter()
            .filter(|other| (&other.target, &other.name) == (&curve.target, &curve.name));
        let heights: Vec<f64> = own
            .flat_map(|other| {
                let (low, high) = other.average.ends();
                [low, high]
            })
            .chain(curve.population)
            .collect();
        let Average { values, interval } = &curve.average;
        let svg = Curves {
            quantity: &curve.quantity,
            context: &curve.context,
            at: &curve.at,
            curves: vec![Curve {
                name: "",
                values,
                interval: interval.as_ref().map(|(low, high)| (&low[..], &high[..])),
            }],
            population: curve.population,
            range: ends(&heights),
        }
        .document(FIGURE)?;
        let several = curves.iter().any(|other| other.target != curve.target);
        let target = curve.target.as_ref().filter(|_| several);
        let parts: Vec<&str> = target
            .map(String::as_str)
            .into_iter()
            .chain([curve.name.as_str(), "by", curve.context.as_str()])
            .collect();
        drawn.push((file_stem(&parts, &mut taken), svg));
    }
    let path = |stem: &str, ending: &str| folder.join(format!("{stem}.{ending}"));
    for (stem, svg) in &drawn {
        OutputFile::write_whole(&path(stem, "svg"), svg.as_bytes())?;
    }
    for (stem, svg) in &drawn {
        OutputFile::write_whole(&path(stem, "png"), &png(svg)?)?;
    }
    Ok(drawn.len())
}

/// A name that files may have everywhere, and that no other has.
fn file_stem(parts: &[&str], taken: &mut HashSet<String>) -> String {
    let safe = |character: char| {
        if character.is_alphanumeric() || "-.".contains(character) {
            character
        } else {
            '_'
        }
    };
    let joined = parts.join(" ");
    let plain: String = joined
        .replace('→', "to")
        .replace('–', "and")
        .chars()
        .map(safe)
        .collect();
    let plain = plain.trim_matches(['_', '.']).to_owned();
    let mut stem = plain.clone();
    let mut number = 2;
    // Some file systems do not tell letters from capitals.
    while !taken.insert(stem.to_lowercase()) {
        stem = format!("{plain}-{number}");
        number += 1;
    }
    stem
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_are_safe_and_different() {
        let mut taken = HashSet::new();
        let mut stem = |parts: &[&str]| file_stem(parts, &mut taken);
        assert_eq!(stem(&["x/../y", "by", "age"]), "x_.._y_by_age");
        assert_eq!(stem(&["(intercept)", "by", "age"]), "intercept__by_age");
        assert_eq!(stem(&["X", "by", "age"]), "X_by_age");
        assert_eq!(stem(&["x", "by", "age"]), "x_by_age-2");
        assert_eq!(stem(&["Raf → Mek", "by", "dose"]), "Raf_to_Mek_by_dose");
    }
}

//! The large picture that a report of a regression begins with: for whom is which effect how strong?

use super::dependence::{Average, dependences};
use super::page::Page;
use super::parts::Parts;
use super::pictures::{self, Curve, Curves, Estimate, intervals};
use super::regression::RegressionReport;
use super::variation::of_target;
use super::words::level;
use contextualized_core::{Result, Samples};
use contextualized_frame::design::INTERCEPT;
use contextualized_frame::values::{ends, moments};
use ndarray::s;

/// Curves in one picture, and coefficients in a picture of those that do not vary.
const CURVES: usize = 3;
const COEFFICIENTS: usize = 30;

/// The coefficient that is drawn, against a context, and for values of another.
struct Headline<'n> {
    target: usize,
    coefficient: usize,
    name: &'n str,
    axis: usize,
    second: Option<usize>,
}

impl RegressionReport<'_> {
    pub(super) fn write_headline(&self, page: &mut Page, parts: &Parts<'_>) -> Result<()> {
        match self.headline(parts) {
            Some(headline) => self.write_curves(page, parts, &headline),
            None => self.write_averages(page, parts),
        }
    }

    /// The coefficient and the context that it changes most with, in units of the outcome for a typical
    /// difference of the feature: of those found to vary if there are any, a slope rather than the intercept.
    fn headline(&self, parts: &Parts<'_>) -> Option<Headline<'_>> {
        let training = &self.study.training;
        let features = training.features().ncols();
        let size = |column: usize| moments(training.features().column(column)).1;
        let mut best: Option<((bool, bool, f64), Headline<'_>)> = None;
        for (target, own) in self.target_names().iter().enumerate() {
            let unit = moments(training.targets().column(target))
                .1
                .max(f64::MIN_POSITIVE);
            for (coefficient, name) in self.coefficients() {
                let is_slope = coefficient < features;
                let scale = if is_slope { size(coefficient) } else { 1.0 };
                let found = |axis| parts.varying.found(own, name, &self.names_of(axis));
                let values = parts.of_rows.slice(s![.., target, coefficient]);
                let deviation = moments(values).1;
                let spans: Vec<f64> = parts
                    .dependences
                    .iter()
                    .map(|dependence| dependence.of(target, coefficient).span())
                    .collect();
                for (axis, dependence) in parts.dependences.iter().enumerate() {
                    if dependence.of(target, coefficient).is_level(deviation) {
                        continue;
                    }
                    let strength = (found(axis), is_slope, spans[axis] * scale / unit);
                    if best.as_ref().is_some_and(|(before, _)| *before >= strength) {
                        continue;
                    }
                    let others = (0..spans.len()).filter(|&other| {
                        other != axis
                            && (found(other)
                                || (!parts.varying.is_tested() && spans[other] > spans[axis] / 2.0))
                    });
                    let second = others.max_by(|&a, &b| spans[a].total_cmp(&spans[b]));
                    let headline = Headline {
                        target,
                        coefficient,
                        name,
                        axis,
                        second,
                    };
                    best = Some((strength, headline));
                }
            }
        }
        best.map(|(_, headline)| headline)
    }

    fn write_curves(
        &self,
        page: &mut Page,
        parts: &Parts<'_>,
        headline: &Headline<'_>,
    ) -> Result<()> {
        let Headline {
            target,
            coefficient,
            name,
            axis,
            second,
        } = *headline;
        let study = self.study;
        let name_of_target = &self.target_names()[target];
        let quantity = self.quantity(name);
        let curves = match second {
            None => vec![(
                String::new(),
                parts.dependences[axis].of(target, coefficient),
            )],
            Some(second) => self.curves_at(parts, headline, second)?,
        };
        let population = parts.population[[0, target, coefficient]];
        let all = curves.iter().map(|(_, curve)| curve.ends());
        let all: Vec<f64> = all.flat_map(|(low, high)| [low, high]).collect();
        let drawn = Curves {
            quantity: &of_target(&quantity, name_of_target, parts.several),
            context: study.context_name(axis),
            at: &parts.dependences[axis].at,
            curves: curves
                .iter()
                .map(|(name, Average { values, interval })| Curve {
                    name,
                    values,
                    interval: interval.as_ref().map(|(low, high)| (&low[..], &high[..])),
                })
                .collect(),
            population: Some(population),
            range: ends(all.iter().chain([&population])),
        };
        let bands = match &parts.no_bands {
            None => format!("bands: {} pointwise", level(self.level)),
            Some(_) => "without bands".to_owned(),
        };
        let split = second.map_or_else(String::new, |second| {
            format!(", for values of {}", study.context_name(second))
        });
        page.large_picture(
            &drawn.picture(pictures::LARGE)?,
            &drawn.picture(pictures::NARROW)?,
            &format!(
                "The {quantity} against {}{split}: averages over training rows that keep their other \
                 contexts; {bands}; strokes: training rows. {}",
                study.context_name(axis),
                parts.varying.sentence(name_of_target, name),
            ),
        );
        Ok(())
    }

    /// The coefficient where the other context has some of its values.
    fn curves_at(
        &self,
        parts: &Parts<'_>,
        headline: &Headline<'_>,
        second: usize,
    ) -> Result<Vec<(String, Average)>> {
        let study = self.study;
        let training = &study.training;
        let other = &study.contexts[second];
        let bands = self.bands.filter(|_| parts.no_bands.is_none());
        let axis = std::slice::from_ref(&study.contexts[headline.axis]);
        let values = other.some_values(training.contexts(), CURVES).into_iter();
        values
            .map(|(value, code)| {
                let mut contexts = training.contexts().to_owned();
                other.set(contexts.view_mut(), code.view());
                let mut there =
                    Samples::new(contexts.view(), training.features(), training.targets())?;
                if let Some(weights) = training.weights() {
                    there = there.with_weights(weights)?;
                }
                let found = dependences(self.model, bands, &there, axis, self.level)?;
                let curve = found[0].of(headline.target, headline.coefficient);
                let name = format!("{} = {value}", study.context_name(second));
                Ok((name, curve))
            })
            .collect()
    }

    /// Coefficients that are the same for all, for typical differences of their features.
    fn write_averages(&self, page: &mut Page, parts: &Parts<'_>) -> Result<()> {
        let training = &self.study.training;
        let names = &training.names().features;
        let mut lines = Vec::new();
        for average in self.averages {
            let Some(column) = names.iter().position(|own| *own == average.coefficient) else {
                continue;
            };
            let size = moments(training.features().column(column)).1;
            lines.push(Estimate {
                name: of_target(&average.coefficient, &average.target, parts.several),
                value: size * average.average,
                interval: average
                    .evidence
                    .as_ref()
                    .map(|own| (size * own.lower, size * own.upper)),
            });
        }
        if lines.is_empty() {
            return Ok(());
        }
        lines.truncate(COEFFICIENTS);
        let quantity = "coefficient × standard deviation of its feature";
        page.large_picture(
            &intervals(quantity, &lines, pictures::LARGE)?,
            &intervals(quantity, &lines, pictures::NARROW)?,
            &format!(
                "Average coefficients{}, times the standard deviation of their feature, so that they compare; \
                 intervals: {}. {}",
                if parts.varies() {
                    ""
                } else {
                    ", which this model has for all rows"
                },
                level(self.level),
                self.study.coefficients
            ),
        );
        Ok(())
    }

    /// The names that tests may have of a context: its own, or those of the columns of a basis.
    fn names_of(&self, axis: usize) -> Vec<&str> {
        let context = &self.study.contexts[axis];
        let all = &self.study.training.names().contexts;
        let columns = context.columns().into_iter();
        let columns = columns.map(|column| all[column].as_str());
        columns.chain([self.study.context_name(axis)]).collect()
    }

    /// What a coefficient is called on an axis.
    pub(super) fn quantity(&self, name: &str) -> String {
        if name == INTERCEPT {
            "intercept".to_owned()
        } else {
            format!("coefficient of {name}")
        }
    }
}

//! The section on coefficients: how each is distributed, and how it depends on contexts.

use super::dependence::Average;
use super::page::{Page, Table};
use super::parts::Parts;
use super::pictures::{self, Curve, Curves, SMALL};
use super::regression::RegressionReport;
use super::samples;
use super::variation::of_target;
use super::words::{count, level, listed, number, percent};
use contextualized_core::Result;
use contextualized_frame::design::INTERCEPT;
use contextualized_frame::values::{descending, ends, is_flat, moments, quantile};
use ndarray::{ArrayView1, s};

/// Most panels of curves on a page; the surest coefficients and the strongest contexts come first.
const PANELS: usize = 72;
/// Most contexts a coefficient is shown against.
const CONTEXTS: usize = 9;
/// How many of them are not folded away.
const UNFOLDED: usize = 2;
/// Coefficients that are not folded away.
const OPEN: usize = 4;

impl RegressionReport<'_> {
    /// Positions and names of the coefficients, the intercept last.
    pub(super) fn coefficients(&self) -> Vec<(usize, &str)> {
        let names = &self.study.training.names().features;
        let mut all: Vec<(usize, &str)> = names.iter().map(String::as_str).enumerate().collect();
        if self.intercept {
            all.push((names.len(), INTERCEPT));
        }
        all
    }

    pub(super) fn write_coefficients(&self, page: &mut Page, parts: &Parts<'_>) -> Result<()> {
        page.section("Coefficients");
        let bands = match &parts.no_bands {
            None => format!(" with {} pointwise bands", level(self.level)),
            Some(reason) => format!(", without bands: {reason}"),
        };
        page.paragraph(&format!(
            "For each coefficient: how it is distributed over training rows, and its average over rows \
             at values of one context, each row keeping its other contexts (partial \
             dependence){bands}. {} {}",
            self.study.coefficients,
            if self.intercept { "The intercept is shown at average features." } else { "" }
        ));
        page.details(
            "How coefficients are distributed over training rows",
            |page| {
                page.table(&self.coefficients_table(parts));
            },
        );
        if !parts.varies() {
            page.paragraph(
                "The model gives every row the same coefficients: there are no curves to draw.",
            );
            return Ok(());
        }
        let order = self.ordered(parts);
        let contexts = self.study.contexts.len().min(CONTEXTS);
        let shown = (PANELS / (contexts + 1)).max(1);
        // What does not vary, or is not known to, is there for those who ask.
        let mut folded: Vec<(String, Page)> = Vec::new();
        let mut open = 0;
        for &(target, position, name) in order.iter().take(shown) {
            let name_of_target = &self.target_names()[target];
            let values = parts.of_rows.slice(s![.., target, position]).to_vec();
            let faint = parts.varying.no_evidence(name_of_target, name);
            if faint || open >= OPEN || is_flat(ends(&values)) {
                let mut part = Page::new("");
                self.write_coefficient(&mut part, parts, (target, position, name))?;
                folded.push((of_target(name, name_of_target, parts.several), part));
            } else {
                open += 1;
                self.write_coefficient(page, parts, (target, position, name))?;
            }
        }
        if !folded.is_empty() {
            let names: Vec<String> = folded.iter().map(|(name, _)| name.clone()).collect();
            let tested = parts.varying.is_tested() && open < OPEN;
            let what = if tested {
                "Without evidence of variation"
            } else {
                "Further coefficients"
            };
            let summary = format!("{what}: {}", listed(&names));
            page.details(&summary, |page| {
                folded.into_iter().for_each(|(_, part)| page.append(part));
            });
        }
        if order.len() > shown {
            let rest: Vec<String> = order[shown..]
                .iter()
                .map(|(target, _, name)| {
                    of_target(name, &self.target_names()[*target], parts.several)
                })
                .collect();
            page.paragraph(&format!(
                "Not drawn, with larger p-values: {}.",
                listed(&rest)
            ));
        }
        Ok(())
    }

    /// Coefficients of all targets, the smallest p-value first, then those that vary most for their
    /// size, the intercept among them.
    fn ordered<'n>(&'n self, parts: &Parts<'_>) -> Vec<(usize, usize, &'n str)> {
        let targets = self.target_names();
        let mut all: Vec<(usize, usize, &str)> = (0..targets.len())
            .flat_map(|target| {
                let own = self.coefficients();
                own.into_iter()
                    .map(move |(position, name)| (target, position, name))
            })
            .collect();
        let p =
            |target: usize, name: &str| parts.varying.p_of(&targets[target], name).unwrap_or(1.0);
        all.sort_by(|a, b| p(a.0, a.2).total_cmp(&p(b.0, b.2)));
        all
    }

    fn coefficients_table(&self, parts: &Parts<'_>) -> Table {
        let mut table = Table::new(
            "Coefficients over training rows, and those of the population.",
            [
                "Coefficient",
                "Population",
                "Mean",
                "SD",
                "5 %",
                "Median",
                "95 %",
                "Positive",
            ],
        );
        for (target, name_of_target) in self.target_names().iter().enumerate() {
            for (position, name) in self.coefficients() {
                let values = parts.of_rows.slice(s![.., target, position]);
                let (mean, deviation) =
                    samples::weighted_moments(values, self.study.training.weights());
                let all = values.to_vec();
                // What rounding adds to equal values is no spread.
                let deviation = if is_flat(ends(&all)) { 0.0 } else { deviation };
                let positive = all.iter().filter(|value| **value > 0.0).count();
                table.row([
                    of_target(name, name_of_target, parts.several),
                    number(parts.population[[0, target, position]]),
                    number(mean),
                    number(deviation),
                    number(quantile(&all, 0.05)),
                    number(quantile(&all, 0.5)),
                    number(quantile(&all, 0.95)),
                    percent(positive as f64 / all.len() as f64),
                ]);
            }
        }
        table
    }

    fn write_coefficient(
        &self,
        page: &mut Page,
        parts: &Parts<'_>,
        (target, position, name): (usize, usize, &str),
    ) -> Result<()> {
        let name_of_target = &self.target_names()[target];
        let title = of_target(name, name_of_target, parts.several);
        page.subsection(&title);
        let quantity = self.quantity(name);
        let values = parts.of_rows.slice(s![.., target, position]).to_vec();
        let deviation = moments(ArrayView1::from(&values)).1;
        let population = parts.population[[0, target, position]];
        let curves: Vec<Average> = parts
            .dependences
            .iter()
            .map(|found| found.of(target, position))
            .collect();
        let all = curves.iter().map(Average::ends);
        let all: Vec<f64> = all.flat_map(|(low, high)| [low, high]).collect();
        let range = ends(all.iter().chain([&population]));
        let order = descending(curves.len(), |axis| curves[axis].span());
        let verdict = parts.varying.sentence(name_of_target, name);
        if is_flat(ends(&values)) {
            page.paragraph(&format!(
                "The model gives every row the same value, {}. {verdict}",
                number(quantile(&values, 0.5))
            ));
            return Ok(());
        }
        let mut drawn = vec![pictures::distribution(
            &quantity,
            &values,
            Some(population),
        )?];
        let mut words = String::new();
        for (rank, &axis) in order.iter().enumerate().take(CONTEXTS) {
            let Average { values, interval } = &curves[axis];
            let curve = Curves {
                quantity: &quantity,
                context: self.study.context_name(axis),
                at: &parts.dependences[axis].at,
                curves: vec![Curve {
                    name: "",
                    values,
                    interval: interval.as_ref().map(|(low, high)| (&low[..], &high[..])),
                }],
                population: Some(population),
                range,
            };
            if rank == 0 {
                words = if curves[axis].is_level(deviation) {
                    format!(
                        "Its average is much the same at all values of every context: {}.",
                        number(values[0])
                    )
                } else {
                    format!(
                        "On average it changes most with {}: {}",
                        curve.context,
                        curve.words()
                    )
                };
            }
            drawn.push(curve.picture(SMALL)?);
        }
        page.paragraph(format!("{verdict} {words}").trim());
        if parts.varying.no_evidence(name_of_target, name) {
            page.paragraph("What the curves show of it may be chance.");
        }
        let folded = drawn.split_off(drawn.len().min(1 + UNFOLDED));
        page.pictures(
            &drawn,
            &format!(
                "First: the {quantity} over training rows. Then: its average against each context, \
                 steepest first, on one vertical axis; dashed: the population’s value; strokes: \
                 training rows."
            ),
        );
        if !folded.is_empty() {
            let summary = format!(
                "Against {} with flatter curves",
                count(folded.len(), "more context", "more contexts")
            );
            page.details(&summary, |page| {
                page.pictures(&folded, &format!("The {quantity}, drawn as above."));
            });
        }
        let left_out = self.study.contexts.len().saturating_sub(CONTEXTS);
        if left_out > 0 {
            page.paragraph(&format!(
                "Not drawn, as flatter still: {}.",
                count(left_out, "context", "contexts")
            ));
        }
        Ok(())
    }
}

//! Which coefficients vary with which context, and with what evidence: tables and sentences.

use super::page::{Note, Page, Table};
use super::words::{count, listed, number, p_is, p_value, percent};
use crate::saved::Tests;
use contextualized_analysis::{Variation, variations};
use contextualized_core::{Result, Samples, VaryingCoefficients};
use contextualized_frame::design::INTERCEPT;

/// An adjusted p-value up to this is evidence.
pub(crate) const LEVEL: f64 = 0.05;

/// Most lines of a table that is not folded away.
const MOST: usize = 30;

/// What is known of the variation of coefficients: tests where there are any, else standard deviations
/// alone.
pub(crate) enum Varying<'a> {
    Tested(&'a Tests),
    /// Every coefficient with every context, by the model alone.
    Untested(Vec<Untested>),
}

/// How much a coefficient of a fitted model varies with a context.
pub(crate) struct Untested {
    target: String,
    coefficient: String,
    context: String,
    deviation: f64,
}

impl<'a> Varying<'a> {
    pub(crate) fn new(
        tested: Option<&'a Tests>,
        model: &dyn VaryingCoefficients,
        training: &Samples,
        intercept: bool,
    ) -> Result<Self> {
        if let Some(tested) = tested {
            return Ok(Self::Tested(tested));
        }
        let found = variations(model, training)?;
        let names = training.names();
        let variables = names.context_variables();
        let mut lines: Vec<Untested> = found
            .by_context
            .indexed_iter()
            .filter(|((_, coefficient, _), _)| intercept || *coefficient < names.features.len())
            .map(|((target, coefficient, context), deviation)| Untested {
                target: names.targets[target].clone(),
                coefficient: names
                    .features
                    .get(coefficient)
                    .map_or_else(|| INTERCEPT.to_owned(), Clone::clone),
                context: variables[context].name.clone(),
                deviation: *deviation,
            })
            .collect();
        lines.sort_by(|a, b| b.deviation.total_cmp(&a.deviation));
        Ok(Self::Untested(lines))
    }

    /// The smallest adjusted p-value of any test of one coefficient, with all contexts together where
    /// that was tested.
    pub(crate) fn p_of(&self, target: &str, coefficient: &str) -> Option<f64> {
        let Self::Tested(Tests { table, .. }) = self else {
            return None;
        };
        let own = |line: &&Variation| line.target == target && line.coefficient == coefficient;
        let lines = if table.coefficients.is_empty() {
            &table.pairs
        } else {
            &table.coefficients
        };
        lines
            .iter()
            .filter(own)
            .map(|line| line.holm)
            .reduce(f64::min)
    }

    /// Whether a coefficient was tested and not found to vary.
    pub(crate) fn no_evidence(&self, target: &str, coefficient: &str) -> bool {
        let p = self.p_of(target, coefficient);
        p.is_some_and(|p| p > LEVEL) && self.contexts_of(target, coefficient).is_empty()
    }

    pub(crate) fn is_tested(&self) -> bool {
        matches!(self, Self::Tested(_))
    }

    /// Whether a coefficient was found to vary with a context that has one of these names.
    pub(crate) fn found(&self, target: &str, coefficient: &str, names: &[&str]) -> bool {
        let contexts = self.contexts_of(target, coefficient);
        let mut found = contexts.iter().filter_map(|line| line.context.as_deref());
        found.any(|context| names.contains(&context))
    }

    /// The contexts that a coefficient was found to vary with, in order of p.
    fn contexts_of(&self, target: &str, coefficient: &str) -> Vec<&Variation> {
        let Self::Tested(Tests { table, .. }) = self else {
            return Vec::new();
        };
        let mut found: Vec<&Variation> = table
            .pairs
            .iter()
            .filter(|line| {
                line.target == target && line.coefficient == coefficient && line.holm <= LEVEL
            })
            .collect();
        found.sort_by(|a, b| a.holm.total_cmp(&b.holm));
        found
    }

    /// What is known of one coefficient, in a sentence.
    pub(crate) fn sentence(&self, target: &str, coefficient: &str) -> String {
        let Some(p) = self.p_of(target, coefficient) else {
            return String::new();
        };
        let contexts = self.contexts_of(target, coefficient);
        let with: Vec<String> = contexts
            .iter()
            .map(|line| {
                format!(
                    "{} ({})",
                    line.context.as_deref().unwrap_or("any context"),
                    p_is("p", line.holm)
                )
            })
            .collect();
        match (p <= LEVEL, with.is_empty()) {
            (_, false) => format!(
                "There is evidence, after Holm’s adjustment, that it varies with {}.",
                listed(&with)
            ),
            (true, true) => format!(
                "There is evidence that it varies ({}), but not with which single context.",
                p_is("Holm-adjusted p", p)
            ),
            (false, true) => format!(
                "There is no evidence that it varies ({}).",
                p_is("Holm-adjusted p", p)
            ),
        }
    }

    /// What was found over all, in a sentence.
    pub(crate) fn summary(&self, several_targets: bool) -> String {
        let Self::Tested(Tests { table, .. }) = self else {
            return "Whether the coefficients vary more than by chance was not tested.".to_owned();
        };
        let found: Vec<String> = by_evidence(&table.pairs)
            .into_iter()
            .filter(|line| line.holm <= LEVEL)
            .map(|line| named(line, several_targets))
            .collect();
        let omnibus = p_is("omnibus p", table.omnibus);
        let others = table.pairs.len() - found.len();
        match (table.omnibus <= LEVEL, found.is_empty()) {
            (_, false) => format!(
                "There is evidence of variation ({omnibus}) of {}, after Holm’s adjustment for {}; \
                 for the other {others} there is none.",
                listed(&found),
                count(table.pairs.len(), "test", "tests"),
            ),
            (true, true) => format!(
                "There is evidence that something varies ({omnibus}), but of no coefficient with one \
                 context after adjustment for {}.",
                count(table.pairs.len(), "test", "tests")
            ),
            (false, true) => format!(
                "There is no evidence that any coefficient varies with any context ({omnibus})."
            ),
        }
    }

    /// Whether any coefficient was found to vary with any context.
    pub(crate) fn found_any(&self) -> bool {
        match self {
            Self::Tested(tests) => tests.table.pairs.iter().any(|line| line.holm <= LEVEL),
            Self::Untested(_) => false,
        }
    }

    /// What readers should not miss.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let Self::Tested(Tests { table, .. }) = self else {
            return vec![
                "Variation of coefficients was not tested. The curves below may show chance; the \
                 held-out comparison is the only evidence here."
                    .to_owned(),
            ];
        };
        let mut warnings = Vec::new();
        if table.omnibus > LEVEL {
            warnings.push(format!(
                "Weak evidence of variation ({}). That is no evidence that nothing varies: too few \
                 rows, or too much noise, look the same.",
                p_is("omnibus p", table.omnibus)
            ));
        }
        let smallest = 1.0 / (table.replicates as f64 + 1.0);
        let tests = table.pairs.len().max(table.coefficients.len());
        if table.replicates > 0 && smallest * tests as f64 > LEVEL {
            warnings.push(format!(
                "P-values come from {} replicates, so that none is below {}. After Holm’s adjustment \
                 for {tests} tests none can be at most {LEVEL}: test with more replicates.",
                table.replicates,
                number(smallest)
            ));
        }
        if !table.failures.is_empty() {
            warnings.push(format!(
                "{} of {} replicates of the test failed ({} of them), and count as more extreme than \
                 the data: p-values are too large rather than too small.",
                table.failures.len(),
                table.replicates,
                percent(table.failures.len() as f64 / table.replicates.max(1) as f64)
            ));
        }
        warnings
    }

    /// The section of tests, which assume so much of the rows.
    pub(crate) fn write(&self, page: &mut Page, independence: &str, several_targets: bool) {
        match self {
            Self::Tested(tested) => write_tests(page, tested, independence, several_targets),
            Self::Untested(lines) => {
                page.paragraph(
                    "Standard deviations of fitted coefficients over rows of which one context alone \
                     changes. They include what chance adds.",
                );
                let mut table = Table::new(
                    "How much fitted coefficients vary with each context, most first.",
                    ["Coefficient", "Context", "Standard deviation"],
                )
                .words(&[1]);
                for line in lines.iter().take(MOST) {
                    let name = of_target(&line.coefficient, &line.target, several_targets);
                    table.row([name, line.context.clone(), number(line.deviation)]);
                }
                table.row_of_more(lines.len().saturating_sub(MOST), "");
                page.table(&table);
            }
        }
    }
}

/// A coefficient with its target, where there are several.
pub(crate) fn of_target(coefficient: &str, target: &str, several_targets: bool) -> String {
    if several_targets {
        format!("{target}: {coefficient}")
    } else {
        coefficient.to_owned()
    }
}

fn named(line: &Variation, several_targets: bool) -> String {
    let coefficient = of_target(&line.coefficient, &line.target, several_targets);
    match &line.context {
        Some(context) => format!("{coefficient} with {context}"),
        None => coefficient,
    }
}

/// The smallest p-value first; of equal ones, the largest deviation.
fn by_evidence(lines: &[Variation]) -> Vec<&Variation> {
    let mut sorted: Vec<&Variation> = lines.iter().collect();
    sorted.sort_by(|a, b| {
        let p = (a.holm, a.p_value);
        let other = (b.holm, b.p_value);
        p.0.total_cmp(&other.0)
            .then(p.1.total_cmp(&other.1))
            .then(b.deviation.total_cmp(&a.deviation))
    });
    sorted
}

fn write_tests(page: &mut Page, tested: &Tests, independence: &str, several_targets: bool) {
    let found = &tested.table;
    let (note, found_that) = if found.omnibus <= LEVEL {
        (Note::Fine, "Something varies")
    } else {
        (Note::Warning, "No evidence that anything varies")
    };
    let omnibus = p_is("omnibus p", found.omnibus);
    page.note(
        note,
        &format!("{found_that}: {omnibus} for no variation of any coefficient."),
    );
    page.table(&tests_table(
        "Every coefficient with every context, in order of p. Marked: Holm-adjusted p at most 0.05.",
        &found.pairs,
        several_targets,
        MOST,
    ));
    if found.pairs.len() > MOST {
        page.details("All tests", |page| {
            page.table(&tests_table(
                "Every coefficient with every context, in order of p.",
                &found.pairs,
                several_targets,
                found.pairs.len(),
            ));
        });
    }
    if !found.coefficients.is_empty() {
        page.table(&tests_table(
            "Every coefficient with all contexts together.",
            &found.coefficients,
            several_targets,
            MOST,
        ));
    }
    page.paragraph(&format!(
        "Wald tests of a Gaussian process of its own, whatever the estimator, of {} training rows, with an HC3 covariance: the noise may be uneven, {independence}. SD is the standard deviation of the coefficient over rows of which this context alone \
         changes, as these tests estimate it. Holm’s adjustment keeps the probability of any false finding in a table at most the \
         level; Benjamini and Hochberg’s (BH) the expected share of false ones among the findings. A \
         large p-value is no evidence that nothing varies.",
        tested.rows
    ));
}

fn tests_table(caption: &str, lines: &[Variation], several_targets: bool, most: usize) -> Table {
    let pairs = lines.iter().any(|line| line.context.is_some());
    let maxima = lines.iter().any(|line| line.maximum.is_some());
    let mut head = vec!["Coefficient"];
    if pairs {
        head.push("Context");
    }
    head.extend(["SD", "p", "Holm", "BH"]);
    if maxima {
        head.push("largest of all");
    }
    let mut table = Table::new(caption, head).words(if pairs { &[1] } else { &[] });
    for line in by_evidence(lines).into_iter().take(most) {
        let mut row = vec![of_target(&line.coefficient, &line.target, several_targets)];
        if pairs {
            row.push(line.context.clone().unwrap_or_else(|| "all".to_owned()));
        }
        row.push(number(line.deviation));
        let shown = |p: f64| {
            if line.tested {
                p_value(p)
            } else {
                "–".to_owned()
            }
        };
        row.extend([line.p_value, line.holm, line.benjamini_hochberg].map(shown));
        if maxima {
            row.push(line.maximum.map_or_else(|| "–".to_owned(), p_value));
        }
        table.row_marked_if(line.holm <= LEVEL, row);
    }
    table.row_of_more(lines.len().saturating_sub(most), "");
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use contextualized_analysis::VariationTable;

    fn line(coefficient: &str, context: Option<&str>, holm: f64) -> Variation {
        Variation {
            target: "y".into(),
            coefficient: coefficient.into(),
            context: context.map(Into::into),
            deviation: 1.0,
            tested: true,
            p_value: holm / 4.0,
            maximum: None,
            holm,
            benjamini_hochberg: holm / 2.0,
        }
    }

    fn tests(pairs: Vec<Variation>, omnibus: f64, replicates: usize) -> Tests {
        Tests {
            table: VariationTable {
                pairs,
                coefficients: Vec::new(),
                omnibus,
                replicates,
                failures: Vec::new(),
            },
            rows: 100,
        }
    }

    #[test]
    fn sentences_claim_no_more_than_the_tests() {
        let pairs = vec![
            line("x0", Some("c0"), 0.0004),
            line("x0", Some("c1"), 0.9),
            line("x1", Some("c0"), 0.4),
            line("x1", Some("c1"), 1.0),
        ];
        let found = tests(pairs, 0.001, 0);
        let varying = Varying::Tested(&found);
        assert_eq!(
            varying.sentence("y", "x0"),
            "There is evidence, after Holm’s adjustment, that it varies with c0 (p < 0.001)."
        );
        assert!(
            varying
                .sentence("y", "x1")
                .starts_with("There is no evidence that it varies (Holm-adjusted p = 0.40)")
        );
        let summary = varying.summary(false);
        assert!(
            summary.contains("of x0 with c0, after Holm’s adjustment for 4 tests"),
            "{summary}"
        );
        assert!(
            summary.ends_with("for the other 3 there is none."),
            "{summary}"
        );
        assert!(varying.warnings().is_empty());
        let mut page = Page::new("t");
        varying.write(&mut page, "rows are independent", false);
        assert_eq!(page.html("").matches("<tr class=\"marked\">").count(), 1);
    }

    #[test]
    fn weak_evidence_and_few_replicates_are_warned_of() {
        let found = tests(vec![line("x0", Some("c0"), 0.6)], 0.3, 9);
        let varying = Varying::Tested(&found);
        let warnings = varying.warnings();
        assert_eq!(warnings.len(), 2);
        assert!(warnings[0].contains("no evidence that nothing varies"));
        assert!(warnings[1].contains("9 replicates"));
        assert!(
            varying
                .summary(false)
                .starts_with("There is no evidence that any")
        );
        let enough = tests(vec![line("x0", Some("c0"), 0.02)], 0.02, 99);
        assert!(Varying::Tested(&enough).warnings().is_empty());
    }
}

//! The model beside a population and cluster models, on rows that none of them was fitted to.

use super::page::Table;
use super::pictures::{self, Estimate};
use super::words::{listed, number, percent, whole, with_error};
use contextualized_core::Result;
use contextualized_core::metrics::Score;
use ndarray::{Array1, ArrayView1};

/// A cluster should have this many rows for each coefficient or node that is estimated from it.
const ROWS_FOR_EACH: usize = 10;

/// What is wrong with the sizes of clusters from which this many coefficients or nodes are estimated
/// each, if anything is. A single cluster is the population.
pub(crate) fn small_clusters(sizes: &[usize], estimated: usize, of: &str) -> Option<String> {
    let needed = ROWS_FOR_EACH * estimated;
    let small: Vec<usize> = sizes
        .iter()
        .copied()
        .filter(|size| *size < needed)
        .collect();
    let least = *small.iter().min().filter(|_| sizes.len() > 1)?;
    Some(format!(
        "{} of {} clusters of the cluster model {} fewer than {} training rows, {ROWS_FOR_EACH} for \
         each of its {estimated} {of} (the smallest has {}). What is estimated for so few \
         rows is uncertain, and so is the comparison with clusters.",
        small.len(),
        sizes.len(),
        if small.len() == 1 { "has" } else { "have" },
        whole(needed),
        whole(least),
    ))
}

/// The caption of [`Comparison::picture`].
pub(crate) const PICTURED: &str = "This model’s loss less that of the others, with two standard errors \
     either way. Left of the dashed line at zero this model is better.";

/// How many rows clusters have.
pub(crate) fn sizes_sentence(sizes: &[usize]) -> String {
    if let [all] = sizes {
        return format!(
            "The cluster model has a single cluster of {} training rows, and so constant coefficients.",
            whole(*all)
        );
    }
    let sizes: Vec<String> = sizes.iter().map(|size| whole(*size)).collect();
    format!(
        "The cluster model has {} clusters of {} training rows.",
        sizes.len(),
        listed(&sizes)
    )
}

/// Losses of one model on the same rows as the others'.
pub(crate) struct Losses {
    pub(crate) name: String,
    pub(crate) rows: Array1<f64>,
}

/// The model's losses and those of others, the first of which is the population's.
pub(crate) struct Comparison<'a> {
    pub(crate) own: Losses,
    pub(crate) others: Vec<Losses>,
    pub(crate) weights: Option<ArrayView1<'a, f64>>,
}

/// How a paired difference reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The predictions are the same.
    Same,
    /// More than two standard errors below zero.
    Better,
    /// More than two standard errors above zero.
    Worse,
    /// Anything else.
    Unclear,
}

/// The models that are compared, each with its name: that of the report first.
pub(crate) fn models<'a, M: ?Sized>(
    model: &'a M,
    population: &'a M,
    clusters: Option<&'a M>,
) -> Vec<(&'static str, &'a M)> {
    let mut models = vec![("this model", model), ("population", population)];
    models.extend(clusters.map(|clusters| ("clusters", clusters)));
    models
}

impl<'a> Comparison<'a> {
    /// Compares the first of these with the others.
    pub(crate) fn new(mut losses: Vec<Losses>, weights: Option<ArrayView1<'a, f64>>) -> Self {
        Self {
            own: losses.remove(0),
            others: losses,
            weights,
        }
    }

    pub(crate) fn score(&self, losses: &Losses) -> Result<Score> {
        Score::of_rows(losses.rows.view(), self.weights)
    }

    /// How much larger the model's loss is than another's, row by row.
    pub(crate) fn difference(&self, other: &Losses) -> Result<Score> {
        Score::of_rows((&self.own.rows - &other.rows).view(), self.weights)
    }

    /// Whether the model is not shown to be better than the population.
    pub(crate) fn shows_no_gain(&self) -> Result<bool> {
        let verdict = self.verdict(&self.others[0])?;
        Ok(matches!(verdict, Verdict::Unclear | Verdict::Worse))
    }

    pub(crate) fn verdict(&self, other: &Losses) -> Result<Verdict> {
        let difference = self.difference(other)?;
        let margin = 2.0 * difference.standard_error;
        Ok(match () {
            () if self.own.rows == other.rows => Verdict::Same,
            () if difference.mean < -margin => Verdict::Better,
            () if difference.mean > margin => Verdict::Worse,
            () => Verdict::Unclear,
        })
    }

    /// What the comparison with each other model says; one that predicts as the population does is
    /// passed over.
    pub(crate) fn sentences(&self, loss: &str, from_zero: bool) -> Result<Vec<String>> {
        let (population, others) = match &self.others[..] {
            [population, others @ ..] => (population, others),
            [] => return Ok(Vec::new()),
        };
        let others = others.iter().filter(|other| other.rows != population.rows);
        [population]
            .into_iter()
            .chain(others)
            .map(|other| self.sentence(other, loss, from_zero))
            .collect()
    }

    /// What the comparison with one other model says. `loss` is what smaller is better of; shares of it
    /// mean something if it is measured from zero.
    fn sentence(&self, other: &Losses, loss: &str, from_zero: bool) -> Result<String> {
        let (own, theirs) = (self.score(&self.own)?, self.score(other)?);
        let difference = self.difference(other)?;
        let name = &other.name;
        let change = difference.mean / theirs.mean.abs();
        let figures = format!(
            "{} against {}; paired difference {}, standard error {}",
            number(own.mean),
            number(theirs.mean),
            number(difference.mean),
            number(difference.standard_error),
        );
        Ok(match self.verdict(other)? {
            Verdict::Same => format!(
                "The model’s predictions are exactly those of the {name}, with a {loss} of {} on held-out rows.",
                number(own.mean)
            ),
            Verdict::Better if from_zero && change.is_finite() => format!(
                "On held-out rows the model's {loss} is {} below that of the {name} ({figures}).",
                percent(-change)
            ),
            Verdict::Better => format!(
                "On held-out rows the model's {loss} is below that of the {name} ({figures})."
            ),
            Verdict::Worse => format!(
                "On held-out rows the model's {loss} is above that of the {name} ({figures}): \
                 prefer the {name} for prediction."
            ),
            Verdict::Unclear => format!(
                "On held-out rows the model's {loss} cannot be distinguished from that of the {name} \
                 ({figures})."
            ),
        })
    }

    /// Differences to the other models, drawn.
    pub(crate) fn picture(&self, loss: &str) -> Result<String> {
        let lines = self
            .others
            .iter()
            .map(|other| {
                let difference = self.difference(other)?;
                let half = 2.0 * difference.standard_error;
                Ok(Estimate {
                    name: format!("less {}", other.name),
                    value: difference.mean,
                    interval: half
                        .is_finite()
                        .then_some((difference.mean - half, difference.mean + half)),
                })
            })
            .collect::<Result<Vec<_>>>()?;
        pictures::intervals(&format!("difference in {loss}"), &lines, pictures::SMALL)
    }

    /// The losses with their differences, and columns of the caller's for each model, own first.
    pub(crate) fn table(
        &self,
        caption: &str,
        loss: &str,
        more: &[(&str, Vec<String>)],
    ) -> Result<Table> {
        let mut head = vec![
            "Model".to_owned(),
            format!("{loss} ± SE"),
            "difference ± SE".to_owned(),
        ];
        head.extend(more.iter().map(|(name, _)| (*name).to_owned()));
        let mut table = Table::new(caption, head);
        let models = std::iter::once(&self.own).chain(&self.others);
        for (place, losses) in models.enumerate() {
            let mut row = vec![
                losses.name.clone(),
                with_error(self.score(losses)?),
                match place {
                    0 => "–".to_owned(),
                    _ if losses.rows == self.own.rows => "the same".to_owned(),
                    _ => with_error(self.difference(losses)?),
                },
            ];
            row.extend(more.iter().map(|(_, cells)| cells[place].clone()));
            table.row_marked_if(place == 0, row);
        }
        Ok(table)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn compare(own: Array1<f64>, other: Array1<f64>) -> (Verdict, String) {
        let comparison = Comparison {
            own: Losses {
                name: "model".into(),
                rows: own,
            },
            others: vec![Losses {
                name: "population".into(),
                rows: other,
            }],
            weights: None,
        };
        let other = &comparison.others[0];
        (
            comparison.verdict(other).unwrap(),
            comparison.sentence(other, "error", true).unwrap(),
        )
    }

    #[test]
    fn differences_within_their_noise_are_not_read_as_better() {
        let (verdict, text) = compare(array![1.0, 3.0, 1.0], array![2.0, 1.0, 2.5]);
        assert_eq!(verdict, Verdict::Unclear);
        assert!(text.contains("cannot be distinguished from"), "{text}");
        let (verdict, text) = compare(array![1.0, 1.1, 0.9], array![2.0, 2.0, 2.0]);
        assert_eq!(verdict, Verdict::Better);
        assert!(text.contains("50 % below"), "{text}");
        let (verdict, text) = compare(array![3.0, 3.1, 2.9], array![2.0, 2.0, 2.0]);
        assert_eq!(verdict, Verdict::Worse);
        assert!(text.contains("prefer the population"), "{text}");
        assert_eq!(compare(array![1.0, 2.0], array![1.0, 2.0]).0, Verdict::Same);
        // One row has no standard error.
        assert_eq!(compare(array![1.0], array![2.0]).0, Verdict::Unclear);
    }

    #[test]
    fn small_clusters_are_counted() {
        assert_eq!(small_clusters(&[30, 40], 3, "nodes"), None);
        assert_eq!(small_clusters(&[12], 3, "nodes"), None);
        let text = small_clusters(&[29, 40, 12], 3, "coefficients").unwrap();
        assert!(text.starts_with("2 of 3 clusters"), "{text}");
        assert!(text.contains("30 training rows") && text.contains("smallest has 12"));
        assert!(sizes_sentence(&[40]).contains("constant coefficients"));
        assert_eq!(
            sizes_sentence(&[7, 9]),
            "The cluster model has 2 clusters of 7 and 9 training rows."
        );
    }

    #[test]
    fn a_model_that_is_the_population_is_not_compared_twice() {
        let losses = |name: &str, rows: [f64; 3]| Losses {
            name: name.into(),
            rows: rows.into_iter().collect(),
        };
        let mut comparison = Comparison {
            own: losses("model", [1.0, 2.0, 3.0]),
            others: vec![
                losses("population", [2.0, 4.0, 3.0]),
                losses("clusters", [2.0, 4.0, 3.0]),
            ],
            weights: None,
        };
        assert_eq!(comparison.sentences("error", true).unwrap().len(), 1);
        comparison.others[1].rows[0] = 2.5;
        assert_eq!(comparison.sentences("error", true).unwrap().len(), 2);
    }
}

//! What several sections of a report of a regression need, worked out once.

use super::comparison::{Comparison, Losses, models};
use super::dependence::{Dependence, coefficient_table, dependences_with_bands};
use super::regression::RegressionReport;
use super::samples::{Beyond, beyond};
use super::study::Study;
use super::variation::Varying;
use contextualized_analysis::{SubgroupAccuracy, SubgroupAnalysis, Subgroups};
use contextualized_core::{Family, Result};
use contextualized_frame::values::{ends, is_flat};
use ndarray::{Array2, Array3, Axis};

/// Comparisons, tests, curves and distances.
pub(super) struct Parts<'a> {
    pub(super) family: Family,
    pub(super) several: bool,
    /// One for each target.
    pub(super) comparisons: Vec<Comparison<'a>>,
    /// For each target, a line for each model in the order of the comparison.
    pub(super) accuracy: Vec<Vec<SubgroupAccuracy>>,
    /// The model's predictions of test rows, rows × targets.
    pub(super) predictions: Array2<f64>,
    pub(super) varying: Varying<'a>,
    pub(super) dependences: Vec<Dependence>,
    /// Why curves have no bands, if they have none.
    pub(super) no_bands: Option<String>,
    /// Coefficients of training rows, rows × targets × coefficients.
    pub(super) of_rows: Array3<f64>,
    /// The population's, the same in every row.
    pub(super) population: Array3<f64>,
    pub(super) beyond: Option<Beyond>,
}

impl<'a> Parts<'a> {
    pub(super) fn new(report: &RegressionReport<'a>) -> Result<Self> {
        let Study {
            training,
            test,
            contexts,
            ..
        } = report.study;
        let family = report.model.family();
        let models = models(report.model, report.population, report.clusters);
        let mut predictions = models
            .iter()
            .map(|(_, model)| model.predict_samples(test))
            .collect::<Result<Vec<_>>>()?;
        let (mut comparisons, mut accuracy) = (Vec::new(), Vec::new());
        for (target, outcomes) in test.targets().columns().into_iter().enumerate() {
            let (mut losses, mut lines) = (Vec::new(), Vec::new());
            for ((name, _), predicted) in models.iter().zip(&predictions) {
                let predicted = predicted.column(target);
                losses.push(Losses {
                    name: (*name).to_owned(),
                    rows: family.losses(
                        outcomes.insert_axis(Axis(1)),
                        predicted.insert_axis(Axis(1)),
                    )?,
                });
                // All rows are one subgroup, which has the model's name.
                lines.extend(SubgroupAnalysis::new().of_predictions(
                    &Subgroups::by_label(&vec![*name; test.rows()])?,
                    outcomes,
                    predicted,
                    test.weights(),
                    family,
                )?);
            }
            comparisons.push(Comparison::new(losses, test.weights()));
            accuracy.push(lines);
        }
        let (dependences, no_bands) =
            dependences_with_bands(report.model, report.bands, training, contexts, report.level)?;
        Ok(Self {
            family,
            several: training.targets().ncols() > 1,
            comparisons,
            accuracy,
            predictions: predictions.swap_remove(0),
            varying: Varying::new(report.variation, report.model, training, report.intercept)?,
            dependences,
            no_bands,
            of_rows: coefficient_table(report.model, training)?,
            population: coefficient_table(report.population, training)?,
            beyond: beyond(training, test)?,
        })
    }

    /// Whether the model gives any two rows different coefficients.
    pub(super) fn varies(&self) -> bool {
        let mut coefficients = self.of_rows.lanes(Axis(0)).into_iter();
        !coefficients.all(|values| is_flat(ends(values)))
    }
}

//! A column of classes as targets: an indicator of each class besides the first, the reference.

use super::{Design, Variable};
use crate::data::Column;
use crate::error::{Error, Result};
use ndarray::{Array2, ArrayView1};

/// The most classes: coefficients of each are fitted.
const MOST_CLASSES: usize = 30;

/// The fewest rows of a class.
const LEAST_ROWS: usize = 2;

/// The column of classes among the outcomes of a formula.
///
/// # Errors
///
/// [`Error::Data`] for several outcomes, one class alone, more than can be fitted, and a class with too few rows.
pub(super) fn classes_of<'a>(
    targets: &'a [Variable],
    outcomes: &[Column],
    kept: &[usize],
) -> Result<&'a Variable> {
    let all: Vec<_> = targets.iter().zip(outcomes).collect();
    let [(variable, Column::Levels { levels, codes })] = all[..] else {
        let names: Vec<&str> = targets.iter().map(|own| own.name.as_str()).collect();
        return Err(Error::failure(format!(
            "the multinomial family has one target, a column of classes, and the formula has {}",
            names.join(", ")
        )));
    };
    let name = &variable.name;
    if levels.len() < 2 {
        let only = levels.first().map_or("", String::as_str);
        return Err(Error::failure(format!(
            "the target {name} is {only:?} in all {} rows used: there is nothing to explain",
            kept.len()
        )));
    }
    if levels.len() > MOST_CLASSES {
        return Err(Error::failure(format!(
            "the target {name} has {} values, and a multinomial target has at most {MOST_CLASSES} classes; join rare ones, or choose a family of numbers",
            levels.len()
        )));
    }
    let mut sizes = vec![0; levels.len()];
    for &row in kept {
        sizes[codes[row] as usize] += 1;
    }
    match levels
        .iter()
        .zip(sizes)
        .find(|(_, size)| *size < LEAST_ROWS)
    {
        Some((level, size)) => Err(Error::failure(format!(
            "the class {level:?} of the target {name} has {size} row, and every class needs at least {LEAST_ROWS}; leave it out, or join it with another"
        ))),
        None => Ok(variable),
    }
}

/// Indicators (n × classes − 1) of the classes of rows, numbered from the reference, 0.
pub(super) fn indicators(codes: ArrayView1<'_, f64>, classes: usize) -> Array2<f64> {
    Array2::from_shape_fn((codes.len(), classes - 1), |(row, target)| {
        f64::from(codes[row] == (target + 1) as f64)
    })
}

/// The targets of classes: an indicator of each besides the reference, which has its name.
pub(super) fn targets_of(classes: &Variable) -> Vec<Variable> {
    let levels = classes.levels.iter().flatten().skip(1);
    let target = |level: &String| Variable {
        name: level.clone(),
        levels: None,
        clock: None,
        made: None,
    };
    levels.map(target).collect()
}

impl Design {
    /// Whether the targets are the indicators of these classes.
    pub(super) fn has_indicators_of(&self, classes: &Variable) -> bool {
        self.family.has_classes() && !self.targets.is_empty() && targets_of(classes) == self.targets
    }

    /// The names of the classes, the reference first, of a design that has some.
    pub fn class_names(&self) -> Option<&[String]> {
        self.classes.as_ref()?.levels.as_deref()
    }

    /// Probabilities of all classes, the reference first, by those of the others.
    pub fn class_probabilities(of_targets: ArrayView1<'_, f64>) -> Vec<f64> {
        let reference = (1.0 - of_targets.sum()).max(0.0);
        std::iter::once(reference)
            .chain(of_targets.iter().copied())
            .collect()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use crate::account::Account;
    use crate::data::Batches;
    use crate::design::{Encoder, OutcomeKind, Request, Training, UnknownLevels, read_training};
    use crate::error::Result;
    use crate::fitting::{Origin, RegressionFit};
    use crate::formula;
    use crate::prediction::{Asked, Scale};
    use crate::saved::Fitted;
    use arrow_array::{ArrayRef, Float64Array, RecordBatch, StringArray};
    use contextualized_core::Family;
    use ndarray::s;
    use std::sync::Arc;

    fn table(modes: &[&str]) -> Batches {
        let number = |of: fn(f64) -> f64| {
            let values: Vec<f64> = (0..modes.len()).map(|row| of(row as f64)).collect();
            Arc::new(Float64Array::from(values)) as ArrayRef
        };
        let modes = Arc::new(StringArray::from(modes.to_vec())) as ArrayRef;
        let columns = [
            ("mode", modes),
            ("cost", number(|row| (1.3 * row).sin())),
            ("age", number(|row| (row * 0.381_966).fract())),
        ];
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        Batches::new("the data", &batch.schema(), vec![batch]).unwrap()
    }

    fn modes() -> Vec<&'static str> {
        let mode = |row: usize| ["bus", "car", "walk"][(row * row + row / 3) % 3];
        (0..90).map(mode).collect()
    }

    fn training(formula: &str, modes: &[&str], family: bool) -> Result<Training> {
        let formula = formula::parse(formula).unwrap();
        let request = Request {
            family: family.then_some(OutcomeKind::Family(Family::Multinomial)),
            ..Request::of(&formula)
        };
        read_training(&table(modes), &request)
    }

    #[test]
    fn rows_are_indicators_of_all_but_the_reference() {
        let modes = modes();
        let found = training("mode ~ cost | age", &modes, true).unwrap();
        assert_eq!(found.design.target_names(), ["car", "walk"]);
        let targets = found.samples.targets();
        for (row, mode) in modes.iter().enumerate() {
            let own = ["car", "walk"].map(|class| f64::from(class == *mode));
            assert_eq!(targets.row(row).to_vec(), own);
        }
        let other = "relevel(mode, ref = \"walk\") ~ cost | age";
        let found = training(other, &modes, true).unwrap();
        assert_eq!(found.design.class_names().unwrap(), ["walk", "bus", "car"]);
    }

    /// Fitted, put into words, predicted and compared with rows of another table.
    #[test]
    fn probabilities_are_those_of_all_predictors() {
        for estimator in ["population", "gp"] {
            let training = training("mode ~ cost | age", &modes(), true).unwrap();
            let fit = RegressionFit {
                estimator: estimator.parse().unwrap(),
                ..RegressionFit::default()
            };
            let saved = fit.fit(training, &Origin::default()).unwrap();
            let Fitted::Regression(regression) = &saved.fitted else {
                panic!("a regression was fitted");
            };
            let rows = saved.training.samples(&saved.design).unwrap();
            let account = Account::new(&saved, regression, &rows, 0.95).unwrap();
            let (_, fitted) = account.fit_table();
            assert!(fitted.is_some());
            let new = table(&["bus", "walk"]);
            let ask = |scale| {
                let asked = Asked {
                    scale,
                    coefficients: true,
                    level: Some(0.9),
                    ..Asked::OUTCOMES
                };
                saved
                    .predict_table(&asked, &new, UnknownLevels::Error)
                    .unwrap()
                    .0
            };
            let (means, link) = (ask(Scale::Response), ask(Scale::Link));
            let coefficients = means.coefficients.unwrap();
            let [lower, upper] = coefficients.interval.unwrap();
            assert!(lower.iter().zip(&upper).all(|(lower, upper)| lower < upper));
            let (means, link) = (means.outcomes.unwrap(), link.outcomes.unwrap());
            assert!(means.interval.unwrap()[0].iter().all(|own| own.is_nan()));
            assert!(link.interval.unwrap()[0].iter().all(|own| own.is_finite()));
            let odds = link.values.mapv(f64::exp);
            for row in 0..2 {
                let sum = 1.0 + odds.slice(s![row, .., 0]).sum();
                for target in 0..2 {
                    let expected = odds[[row, target, 0]] / sum;
                    assert!((means.values[[row, target, 0]] - expected).abs() < 1e-12);
                }
            }
            let (samples, _) = Encoder::samples(&saved.design, &new, false, false).unwrap();
            assert_eq!(samples.targets().row(1).to_vec(), [0.0, 1.0]);
            let error = Encoder::samples(&saved.design, &table(&["tram"]), false, false);
            assert!(error.unwrap_err().to_string().contains("\"tram\""));
            let stored = serde_json::to_string(&saved.design).unwrap();
            let broken = stored.replacen("\"walk\"", "\"ship\"", 1);
            assert!(serde_json::from_str::<crate::design::Design>(&stored).is_ok());
            assert!(serde_json::from_str::<crate::design::Design>(&broken).is_err());
        }
    }

    #[test]
    fn columns_that_are_no_classes_are_refused() {
        let error = |formula: &str, modes: &[&str], family: bool| {
            let found = training(formula, modes, family);
            found.err().unwrap().to_string()
        };
        let mut modes = modes();
        let formula = "mode ~ cost | age";
        let text = error(formula, &modes, false);
        assert!(text.contains("--family multinomial") && text.contains("--family ordinal"));
        let text = error("cost ~ 1 | age", &modes, true);
        assert!(text.contains("90 values"), "{text}");
        let text = error("cbind(mode, cost) ~ 1 | age", &modes, true);
        assert!(text.contains("one target"), "{text}");
        let text = error(formula, &["bus"; 20], true);
        assert!(text.contains("nothing to explain"), "{text}");
        modes[5] = "tram";
        let text = error(formula, &modes, true);
        assert!(
            text.contains("\"tram\"") && text.contains("1 row"),
            "{text}"
        );
    }
}

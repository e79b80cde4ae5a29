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

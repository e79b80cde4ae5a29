//! Kernels on contexts: how alike two contexts are.

mod evaluate;
mod factors;

pub(crate) use evaluate::Room;

use contextualized_core::{ContextVariable, Error, Result};
use serde::{Deserialize, Serialize};
use std::ops::{Add, Mul, Range};

/// How the likeness of two contexts falls with their distance.
///
/// `Δₖ` is the difference of the contexts in column k, `rₖ` the column's inverse length scale, which is one
/// over its length scale, and `d² = Σₖ rₖ² Δₖ²`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum KernelShape {
    /// `exp(−d² / 2)`: functions with all derivatives.
    SquaredExponential,
    /// `(1 + √3 d) exp(−√3 d)`: functions with one derivative.
    Matern32,
    /// `(1 + √5 d + 5 d² / 3) exp(−√5 d)`: functions with two derivatives.
    Matern52,
    /// `Σₖ rₖ² cₖ cₖ'`: functions linear in the contexts.
    Linear,
    /// `(1 + Σₖ rₖ² cₖ cₖ')^degree`: polynomials.
    Polynomial {
        /// Degree, 1 or more.
        degree: u8,
    },
    /// `exp(−2 Σₖ rₖ² sin²(π Δₖ / period))`: functions that repeat.
    Periodic {
        /// The period, in the units of the context.
        period: f64,
    },
    /// `exp(−Σₖ rₖ² [Δₖ ≠ 0])`: a value for every level, the more alike the smaller the inverse length scale.
    Categorical,
}

impl std::fmt::Display for KernelShape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::SquaredExponential => write!(f, "squared exponential"),
            Self::Matern32 => write!(f, "Matérn 3/2"),
            Self::Matern52 => write!(f, "Matérn 5/2"),
            Self::Linear => write!(f, "linear"),
            Self::Polynomial { degree } => write!(f, "polynomial of degree {degree}"),
            Self::Periodic { period } => write!(f, "periodic of period {period}"),
            Self::Categorical => write!(f, "categorical"),
        }
    }
}

/// A kernel of some context columns, one inverse length scale for each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Factor {
    pub(crate) family: KernelShape,
    pub(crate) columns: Vec<usize>,
}

/// A product of kernels; each coefficient has an amplitude for every term.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Term {
    pub(crate) factors: Vec<Factor>,
}

/// A sum of products of kernels on context columns.
///
/// Kernels are added and multiplied by `+` and `*`. Every term of the sum has an amplitude for each
/// coefficient, and every column of a factor an inverse length scale, all of them estimated.
///
/// ```
/// use contextualized_gp::Kernel;
///
/// // A smooth effect of column 0, a seasonal one of column 1 for each level of column 2.
/// let kernel = Kernel::squared_exponential([0]) + Kernel::periodic(1, 12.0) * Kernel::categorical([2]);
/// assert_eq!(kernel.terms().len(), 2);
/// assert_eq!(kernel.terms()[1].columns(), [1, 2]);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Kernel {
    pub(crate) terms: Vec<Term>,
}

impl Kernel {
    /// One kernel of the family on these context columns.
    pub fn new(family: KernelShape, columns: impl IntoIterator<Item = usize>) -> Self {
        let columns = columns.into_iter().collect();
        Self {
            terms: vec![Term {
                factors: vec![Factor { family, columns }],
            }],
        }
    }

    /// [`KernelShape::SquaredExponential`].
    pub fn squared_exponential(columns: impl IntoIterator<Item = usize>) -> Self {
        Self::new(KernelShape::SquaredExponential, columns)
    }

    /// [`KernelShape::Matern32`].
    pub fn matern32(columns: impl IntoIterator<Item = usize>) -> Self {
        Self::new(KernelShape::Matern32, columns)
    }

    /// [`KernelShape::Matern52`].
    pub fn matern52(columns: impl IntoIterator<Item = usize>) -> Self {
        Self::new(KernelShape::Matern52, columns)
    }

    /// [`KernelShape::Linear`].
    pub fn linear(columns: impl IntoIterator<Item = usize>) -> Self {
        Self::new(KernelShape::Linear, columns)
    }

    /// [`KernelShape::Polynomial`].
    pub fn polynomial(columns: impl IntoIterator<Item = usize>, degree: u8) -> Self {
        Self::new(KernelShape::Polynomial { degree }, columns)
    }

    /// [`KernelShape::Periodic`] in one column.
    pub fn periodic(column: usize, period: f64) -> Self {
        Self::new(KernelShape::Periodic { period }, [column])
    }

    /// [`KernelShape::Categorical`], for columns that hold codes.
    pub fn categorical(columns: impl IntoIterator<Item = usize>) -> Self {
        Self::new(KernelShape::Categorical, columns)
    }

    /// A sum of one-column kernels, for functions that add up over the columns `0..contexts`.
    pub fn additive(family: KernelShape, contexts: usize) -> Self {
        Self {
            terms: (0..contexts)
                .flat_map(|column| Self::new(family, [column]).terms)
                .collect(),
        }
    }

    /// The shape in all numbers at once, times a categorical kernel of every factor: one product, which may be
    /// any function of the context. Columns of factors hold codes.
    /// Of no variables it is the empty sum, which no process is fitted with.
    pub fn of_variables(shape: KernelShape, variables: &[ContextVariable]) -> Self {
        let columns = |factor: bool| {
            let own = variables.iter().filter(move |own| own.factor == factor);
            own.map(ContextVariable::first)
        };
        let numbers: Vec<usize> = columns(false).collect();
        let of_numbers = (!numbers.is_empty()).then(|| Self::new(shape, numbers));
        let of_factors = columns(true).map(|column| Self::categorical([column]));
        let factors = of_numbers.into_iter().chain(of_factors);
        let empty = Self { terms: Vec::new() };
        factors.reduce(Mul::mul).unwrap_or(empty)
    }

    /// A sum of kernels of one variable each: of the shape for numbers, categorical for factors, whose columns
    /// hold codes.
    pub fn additive_of_variables(shape: KernelShape, variables: &[ContextVariable]) -> Self {
        let of = |variable: &ContextVariable| {
            let shape = if variable.factor {
                KernelShape::Categorical
            } else {
                shape
            };
            Self::new(shape, [variable.first()]).terms
        };
        Self {
            terms: variables.iter().flat_map(of).collect(),
        }
    }

    /// This sum, and a product of the two for each pair of its terms.
    ///
    /// Of an additive kernel these are the pairwise interactions.
    pub fn with_interactions(mut self) -> Self {
        let alone = self.terms.clone();
        for (index, first) in alone.iter().enumerate() {
            for second in &alone[index + 1..] {
                self.terms.push(first.times(second));
            }
        }
        self
    }

    /// The terms of the sum.
    pub fn terms(&self) -> &[Term] {
        &self.terms
    }

    /// The same kernel for contexts divided by these scales, one per column.
    ///
    /// Only periods are in the units of a context; inverse length scales are estimated.
    pub fn rescaled(&self, scales: &[f64]) -> Self {
        let mut kernel = self.clone();
        for factor in kernel.terms.iter_mut().flat_map(|term| &mut term.factors) {
            if let KernelShape::Periodic { period } = &mut factor.family {
                let scale = factor
                    .columns
                    .first()
                    .and_then(|&column| scales.get(column));
                *period /= scale.copied().unwrap_or(1.0);
            }
        }
        kernel
    }

    /// Whether the kernel can be used with so many context columns.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for a kernel without terms or a factor without columns, a column
    /// that is not there or named twice in a factor, a degree of zero, or a period that is not a
    /// positive number.
    pub fn validate(&self, contexts: usize) -> Result<()> {
        let invalid = |value: &str, requirement: &str| {
            Err(Error::invalid_parameter("kernel", value, requirement))
        };
        if self.terms.is_empty() {
            return invalid("without terms", "a sum of one term or more");
        }
        for factor in self.terms.iter().flat_map(|term| &term.factors) {
            if factor.columns.is_empty() {
                return invalid("on no context column", "on one column or more");
            }
            for (position, column) in factor.columns.iter().enumerate() {
                if *column >= contexts {
                    return invalid(
                        &format!("on context column {column}"),
                        &format!("on columns below {contexts}, the number of them"),
                    );
                }
                if factor.columns[..position].contains(column) {
                    return invalid(
                        &format!("on context column {column} twice in one factor"),
                        "on different columns",
                    );
                }
            }
            if factor.family == (KernelShape::Polynomial { degree: 0 }) {
                return invalid("of degree 0", "of degree 1 or more");
            }
            if let KernelShape::Periodic { period } = factor.family
                && !(period.is_finite() && period > 0.0)
            {
                return invalid(&format!("of period {period}"), "of a positive period");
            }
        }
        Ok(())
    }

    /// The number of inverse length scales.
    pub(crate) fn inverse_length_scales(&self) -> usize {
        self.terms.iter().map(Term::inverse_length_scales).sum()
    }

    /// Each term with the range of its inverse length scales.
    pub(crate) fn with_ranges(&self) -> impl Iterator<Item = (&Term, Range<usize>)> {
        let mut start = 0;
        self.terms.iter().map(move |term| {
            let range = start..start + term.inverse_length_scales();
            start = range.end;
            (term, range)
        })
    }
}

impl Add for Kernel {
    type Output = Self;

    fn add(mut self, other: Self) -> Self {
        self.terms.extend(other.terms);
        self
    }
}

impl Mul for Kernel {
    type Output = Self;

    /// The products of every term of the one with every term of the other.
    fn mul(self, other: Self) -> Self {
        Self {
            terms: self
                .terms
                .iter()
                .flat_map(|first| other.terms.iter().map(|second| first.times(second)))
                .collect(),
        }
    }
}

impl Term {
    /// The context column of each inverse length scale, in order.
    pub fn columns(&self) -> Vec<usize> {
        self.factors
            .iter()
            .flat_map(|factor| factor.columns.iter().copied())
            .collect()
    }

    fn times(&self, other: &Self) -> Self {
        Self {
            factors: [self.factors.as_slice(), &other.factors].concat(),
        }
    }

    pub(crate) fn inverse_length_scales(&self) -> usize {
        self.factors.iter().map(|factor| factor.columns.len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use ndarray::Array2;
    use proptest::prelude::*;

    fn families() -> Vec<KernelShape> {
        vec![
            KernelShape::SquaredExponential,
            KernelShape::Matern32,
            KernelShape::Matern52,
            KernelShape::Linear,
            KernelShape::Polynomial { degree: 3 },
            KernelShape::Periodic { period: 1.3 },
            KernelShape::Categorical,
        ]
    }

    fn value(term: &Term, squares: &[f64], a: &[f64], b: &[f64]) -> f64 {
        let others = Array2::from_shape_fn((b.len(), 1), |(k, _)| b[k]);
        let mut out = [0.0];
        term.values(squares, a, others.view(), &mut out, &mut [0.0]);
        out[0]
    }

    #[test]
    fn values_by_hand() {
        let value = |kernel: Kernel, a: f64, b: f64| value(&kernel.terms[0], &[4.0], &[a], &[b]);
        let one = 1.0_f64;
        assert_relative_eq!(
            value(Kernel::squared_exponential([0]), 1.0, 1.5),
            (-0.5 * one).exp()
        );
        assert_relative_eq!(
            value(Kernel::matern32([0]), 1.0, 1.5),
            (1.0 + 3_f64.sqrt()) * (-3_f64.sqrt()).exp()
        );
        assert_relative_eq!(
            value(Kernel::matern52([0]), 1.0, 1.5),
            (1.0 + 5_f64.sqrt() + 5.0 / 3.0) * (-5_f64.sqrt()).exp()
        );
        assert_relative_eq!(value(Kernel::linear([0]), 1.0, 1.5), 6.0);
        assert_relative_eq!(value(Kernel::polynomial([0], 2), 1.0, 1.5), 49.0);
        assert_relative_eq!(value(Kernel::periodic(0, 1.0), 1.0, 3.0), 1.0);
        assert_relative_eq!(
            value(Kernel::periodic(0, 1.0), 1.0, 1.5),
            (-8.0 * one).exp()
        );
        assert_relative_eq!(value(Kernel::categorical([0]), 2.0, 2.0), 1.0);
        assert_relative_eq!(
            value(Kernel::categorical([0]), 2.0, 3.0),
            (-4.0 * one).exp()
        );
    }

    #[test]
    fn sums_of_kernels_are_terms_and_products_distribute() {
        let a = || Kernel::squared_exponential([0]);
        let b = || Kernel::linear([1]);
        let kernel = (a() + b()) * Kernel::categorical([2]);
        assert_eq!(kernel.terms().len(), 2);
        assert_eq!(kernel.terms()[0].columns(), [0, 2]);
        assert_eq!(kernel.terms()[1].columns(), [1, 2]);
        assert_eq!(
            Kernel::additive(KernelShape::Matern52, 3)
                .with_interactions()
                .terms()
                .len(),
            6
        );
    }

    #[test]
    fn kernels_that_cannot_be_used_are_named() {
        for (kernel, words) in [
            (Kernel { terms: vec![] }, "without terms"),
            (Kernel::linear([]), "no context column"),
            (Kernel::linear([2]), "column 2"),
            (Kernel::linear([1, 1]), "twice"),
            (Kernel::polynomial([0], 0), "degree 0"),
            (Kernel::periodic(0, -1.0), "period -1"),
        ] {
            let error = kernel.validate(2).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
        assert!(Kernel::periodic(1, 2.0).validate(2).is_ok());
    }

    #[test]
    fn periods_follow_the_units() {
        let kernel = Kernel::periodic(1, 12.0).rescaled(&[7.0, 4.0]);
        assert_eq!(kernel, Kernel::periodic(1, 3.0));
    }

    proptest! {
        #[test]
        fn gradients_are_those_of_central_differences(
            first in 0_usize..7,
            second in 0_usize..7,
            logs in prop::collection::vec(-1.0_f64..0.5, 3),
            a in prop::collection::vec(-1.5_f64..1.5, 3),
            b in prop::collection::vec(-1.5_f64..1.5, 3),
        ) {
            let kernel = Kernel::new(families()[first], [0, 2]) * Kernel::new(families()[second], [1]);
            let term = &kernel.terms[0];
            let squares = |logs: &[f64]| logs.iter().map(|l| (2.0 * l).exp()).collect::<Vec<_>>();
            let mut gradient = [0.0; 3];
            let others = Array2::from_shape_fn((3, 1), |(k, _)| b[k]);
            let mut room = Room::default();
            term.values_and_slopes(&squares(&logs), &a, others.view(), &[1.0], &mut room, &mut gradient);
            let both = room.values(1)[0];
            let value = |logs: &[f64]| value(term, &squares(logs), &a, &b);
            prop_assert!((both - value(&logs)).abs() <= 1e-12 * both.abs().max(1.0));
            for k in 0..3 {
                let shifted = |h: f64| {
                    let mut logs = logs.clone();
                    logs[k] += h;
                    value(&logs)
                };
                let difference = (shifted(1e-5) - shifted(-1e-5)) / 2e-5;
                let scale = 1.0 + both.abs() + difference.abs();
                prop_assert!((gradient[k] - difference).abs() < 1e-7 * scale);
            }
        }
    }
}

//! The functions that a test is about, and those that it has to allow for.

use super::Constancy;
use crate::basis::{Basis, Pivots};
use crate::hyperparameters::Hyperparameters;
use crate::kernel::{Factor, Kernel, Term};
use crate::numerical;
use contextualized_core::Result;
use contextualized_solvers::least_squares;
use ndarray::{Array2, Axis, concatenate};

/// Inverse length scale of a context where the fit's own is smaller: functions as smooth as contexts are
/// wide, of which a parabola is one.
const REFERENCE: f64 = 1.0;
/// What a basis may leave out of a kernel.
const TOLERANCE: f64 = 1e-3;
/// The most functions for a term of one coefficient.
const FUNCTIONS: usize = 50;
/// Functions of all nuisance terms together, of which each has at least the fewest.
const MOST: usize = 250;
const FEWEST: usize = 3;

/// The rows' contexts and design with the kernel of the fit.
pub(super) struct Functions<'a> {
    pub(super) kernel: &'a Kernel,
    pub(super) contexts: Array2<f64>,
    pub(super) design: Array2<f64>,
    /// Inverse length scales of every coefficient in a row of its own.
    pub(super) hyper: Hyperparameters,
}

/// Functions of the contexts (n × m) that one coefficient may be made of.
pub(super) struct Nuisance {
    pub(super) coefficient: usize,
    pub(super) functions: Array2<f64>,
}

/// Functions of the contexts (n × m) that are tested.
pub(super) struct Tested {
    /// As parts of coefficients.
    pub(super) of_coefficients: Array2<f64>,
    /// The same times the coefficients' columns of the design.
    pub(super) of_predictors: Array2<f64>,
}

/// A term with the squares of its inverse length scales.
struct Scaled {
    term: Term,
    squares: Vec<f64>,
}

impl Functions<'_> {
    /// What may vary although the hypothesis holds: functions of each coefficient and term, at unit variance.
    ///
    /// Beside the terms of the fit every coefficient has a function of each context, which need not be among
    /// them: what one coefficient does the fit may have taken for the variation of another.
    pub(super) fn nuisance(&self, hypothesis: &Constancy) -> Result<Vec<Nuisance>> {
        let coefficients = 0..self.design.ncols();
        let (tested, contexts) = (&hypothesis.coefficients, &hypothesis.contexts);
        let mut terms = Vec::new();
        for coefficient in coefficients.clone() {
            let without: &[usize] = if tested.contains(&coefficient) {
                contexts
            } else {
                &[]
            };
            let own = self.of_several(coefficient, without).into_iter();
            terms.extend(own.map(|term| (coefficient, term)));
        }
        for column in self.columns() {
            for coefficient in coefficients.clone() {
                if !(tested.contains(&coefficient) && contexts.contains(&column)) {
                    terms.push((coefficient, self.of_one(coefficient, column)));
                }
            }
        }
        // Of many terms each has fewer functions, the smoothest ones.
        let limit = (MOST / terms.len().max(1)).clamp(FEWEST, FUNCTIONS);
        terms
            .into_iter()
            .map(|(coefficient, term)| {
                Ok(Nuisance {
                    coefficient,
                    functions: self.at_rows(&term, limit)?,
                })
            })
            .collect()
    }

    /// Functions of the coefficients tested that depend on the contexts tested.
    pub(super) fn tested(&self, hypothesis: &Constancy) -> Result<Tested> {
        let nothing = Array2::zeros((self.design.nrows(), 0));
        let (mut of_coefficients, mut of_predictors) = (vec![nothing.clone()], vec![nothing]);
        for &coefficient in &hypothesis.coefficients {
            for (term, squares) in self.terms(coefficient) {
                let tested = |column: &usize| hypothesis.contexts.contains(column);
                let columns = term.columns();
                if !columns.iter().any(tested) {
                    continue;
                }
                let with = |square: &dyn Fn(f64, bool) -> f64| Scaled {
                    squares: (squares.iter().zip(&columns))
                        .map(|(own, column)| square(*own, tested(column)))
                        .collect(),
                    term: term.clone(),
                };
                let rough = with(&|own, tested| if tested { own.max(REFERENCE) } else { own });
                let column = self.design.column(coefficient).insert_axis(Axis(1));
                let functions = self.at_rows(&rough, FUNCTIONS)?;
                let in_predictor = &functions * &column;
                // A function of the other contexts alone is no part of the hypothesis.
                let others = with(&|own, tested| if tested { 0.0 } else { own });
                let others = self.at_rows(&others, FUNCTIONS)?;
                if others.is_empty() || functions.is_empty() {
                    of_coefficients.push(functions);
                    of_predictors.push(in_predictor);
                    continue;
                }
                let others_in_predictor = &others * &column;
                let fit = numerical(least_squares(
                    others_in_predictor.view(),
                    in_predictor.view(),
                    None,
                ))?;
                of_coefficients.push(functions - others.dot(fit.solution()));
                of_predictors.push(in_predictor - others_in_predictor.dot(fit.solution()));
            }
        }
        let joined = |tables: &[Array2<f64>]| {
            let views: Vec<_> = tables.iter().map(Array2::view).collect();
            concatenate(Axis(1), &views).expect("all have the same rows")
        };
        Ok(Tested {
            of_coefficients: joined(&of_coefficients),
            of_predictors: joined(&of_predictors),
        })
    }

    /// Contexts that the kernel has.
    fn columns(&self) -> impl Iterator<Item = usize> + Clone {
        let terms = self.kernel.terms().iter();
        let has: Vec<usize> = terms.flat_map(Term::columns).collect();
        (0..self.contexts.ncols()).filter(move |column| has.contains(column))
    }

    fn terms(&self, coefficient: usize) -> impl Iterator<Item = (&Term, Vec<f64>)> {
        let all = self.hyper.squares(coefficient);
        let terms = self.kernel.with_ranges();
        terms.map(move |(term, range)| (term, all[range].to_vec()))
    }

    /// The fit's terms of several contexts, without some of them.
    fn of_several(&self, coefficient: usize, without: &[usize]) -> Vec<Scaled> {
        let terms = self.terms(coefficient).filter_map(|(term, mut squares)| {
            let columns = term.columns();
            for (square, column) in squares.iter_mut().zip(&columns) {
                if without.contains(column) {
                    *square = 0.0;
                }
            }
            let active = squares.iter().filter(|square| **square > 0.0).count();
            (active > 1).then(|| Scaled {
                term: term.clone(),
                squares,
            })
        });
        terms.collect()
    }

    /// A function of one context, of the shape that the kernel has in it.
    fn of_one(&self, coefficient: usize, column: usize) -> Scaled {
        let mut found: Option<(Factor, f64)> = None;
        for (term, squares) in self.terms(coefficient) {
            let factors = term.factors.iter().flat_map(|factor| {
                let columns = factor.columns.iter();
                columns.map(move |own| (factor, *own))
            });
            for ((factor, own), square) in factors.zip(squares) {
                if own == column {
                    let (factor, most) = found.get_or_insert((factor.clone(), REFERENCE.powi(2)));
                    factor.columns = vec![column];
                    *most = square.max(*most);
                }
            }
        }
        let (factor, square) = found.expect("the kernel has the context");
        Scaled {
            term: Term {
                factors: vec![factor],
            },
            squares: vec![square],
        }
    }

    /// A basis of the term at the rows.
    fn at_rows(&self, scaled: &Scaled, limit: usize) -> Result<Array2<f64>> {
        let kernel = Kernel {
            terms: vec![scaled.term.clone()],
        };
        let contexts = self.contexts.view();
        let basis = Basis::choose(
            &kernel,
            &scaled.squares,
            contexts,
            TOLERANCE,
            limit,
            Pivots::Largest,
        );
        basis.terms[0].at(contexts)
    }
}

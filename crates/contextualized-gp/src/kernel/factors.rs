//! Which columns a kernel takes for codes of levels.

use super::{Kernel, KernelShape, Term};

impl Kernel {
    /// Columns that are in categorical kernels and in no other, in order.
    pub(crate) fn factors(&self) -> Vec<usize> {
        let within = |categorical: bool| -> Vec<usize> {
            let factors = self.terms.iter().flat_map(|term| &term.factors);
            let of_kind =
                factors.filter(|own| (own.family == KernelShape::Categorical) == categorical);
            of_kind.flat_map(|own| own.columns.clone()).collect()
        };
        let numbers = within(false);
        let mut factors = within(true);
        factors.sort_unstable();
        factors.dedup();
        factors.retain(|column| !numbers.contains(column));
        factors
    }

    /// Whether each inverse length scale, in order, is that of a categorical kernel.
    pub(crate) fn are_categorical(&self) -> Vec<bool> {
        let factors = self.terms.iter().flat_map(|term| &term.factors);
        let each = factors.flat_map(|own| {
            let categorical = own.family == KernelShape::Categorical;
            own.columns.iter().map(move |_| categorical)
        });
        each.collect()
    }
}

impl Term {
    /// Positions of a column among the term's inverse length scales.
    pub(crate) fn positions(&self, column: usize) -> Vec<usize> {
        let columns = self.columns().into_iter().enumerate();
        let own = columns.filter(|(_, own)| *own == column);
        own.map(|(position, _)| position).collect()
    }
}

//! Contexts of a simulation: given, or drawn row by row.

use crate::Draws;
use crate::draws::Stream;
use crate::rows::table;
use contextualized_core::validate::check_table;
use contextualized_core::{Error, Result};
use ndarray::{Array2, ArrayView2, s};
use std::sync::Arc;

type DrawContexts = dyn Fn(&mut Draws) -> Vec<f64> + Send + Sync;

#[derive(Clone)]
pub(crate) enum Contexts {
    Missing,
    Drawn(Arc<DrawContexts>),
    Given(Array2<f64>),
}

impl Contexts {
    /// So many rows of contexts (n × c).
    pub(crate) fn draw(&self, rows: usize, seed: u64) -> Result<Array2<f64>> {
        if rows == 0 {
            return Err(Error::NoRows {
                argument: "contexts",
            });
        }
        match self {
            Self::Missing => Err(Error::invalid_parameter(
                "contexts",
                "missing",
                "drawn or given",
            )),
            Self::Drawn(draw) => {
                let mut draws = Draws::new(seed, Stream::Contexts);
                table("contexts", rows, None, |_| draw(&mut draws))
            }
            Self::Given(contexts) => {
                check_table("contexts", contexts.view(), None)?;
                Ok(contexts.clone())
            }
        }
    }
}

/// The contexts with this many columns of standard normal noise behind them.
pub(crate) fn with_irrelevant(
    contexts: ArrayView2<'_, f64>,
    irrelevant: usize,
    seed: u64,
) -> Array2<f64> {
    let (rows, relevant) = contexts.dim();
    let mut all = Array2::zeros((rows, relevant + irrelevant));
    all.slice_mut(s![.., ..relevant]).assign(&contexts);
    for column in 0..irrelevant {
        let mut draws = Draws::new(seed, Stream::Irrelevant(column));
        all.column_mut(relevant + column)
            .mapv_inplace(|_| draws.normal(0.0, 1.0));
    }
    all
}

/// Names of both.
pub(crate) fn names(relevant: usize, irrelevant: usize) -> impl Iterator<Item = String> {
    (0..relevant)
        .map(|column| format!("c{column}"))
        .chain((0..irrelevant).map(|column| format!("noise{column}")))
}

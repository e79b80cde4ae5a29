//! Contexts of a simulation: given, or drawn row by row; and those that nothing depends on.

use crate::Draws;
use crate::draws::Stream;
use crate::rows::table;
use contextualized_core::validate::check_table;
use contextualized_core::{Error, Result, Samples};
use ndarray::{Array2, ArrayView2, s};
use std::sync::Arc;

type DrawContexts = dyn Fn(&mut Draws) -> Vec<f64> + Send + Sync;

/// How many rows a simulation has, and their contexts.
#[derive(Clone)]
pub(crate) struct Contexts {
    rows: usize,
    relevant: Relevant,
    irrelevant: usize,
}

/// What anything may depend on.
#[derive(Clone)]
enum Relevant {
    Missing,
    Drawn(Arc<DrawContexts>),
    Given(Array2<f64>),
}

impl Contexts {
    pub(crate) fn missing(rows: usize) -> Self {
        Self {
            rows,
            relevant: Relevant::Missing,
            irrelevant: 0,
        }
    }

    pub(crate) fn give(&mut self, contexts: Array2<f64>) {
        self.relevant = Relevant::Given(contexts);
    }

    pub(crate) fn draw_by(
        &mut self,
        draw: impl Fn(&mut Draws) -> Vec<f64> + Send + Sync + 'static,
    ) {
        self.relevant = Relevant::Drawn(Arc::new(draw));
    }

    pub(crate) fn append_irrelevant(&mut self, columns: usize) {
        self.irrelevant = columns;
    }

    /// The contexts that anything may depend on (n × c).
    pub(crate) fn draw(&self, seed: u64) -> Result<Array2<f64>> {
        let rows = self.rows;
        if rows == 0 {
            return Err(Error::NoRows {
                argument: "contexts",
            });
        }
        match &self.relevant {
            Relevant::Missing => Err(Error::invalid_parameter(
                "contexts",
                "missing",
                "drawn or given",
            )),
            Relevant::Drawn(draw) => {
                let mut draws = Draws::new(seed, Stream::Contexts);
                table("contexts", rows, None, |_| draw(&mut draws))
            }
            Relevant::Given(contexts) => {
                check_table("contexts", contexts.view(), None)?;
                Ok(contexts.clone())
            }
        }
    }

    /// These contexts with the irrelevant ones, columns of standard normal noise, behind them.
    pub(crate) fn with_irrelevant(&self, contexts: ArrayView2<'_, f64>, seed: u64) -> Array2<f64> {
        let (rows, relevant) = contexts.dim();
        let mut all = Array2::zeros((rows, relevant + self.irrelevant));
        all.slice_mut(s![.., ..relevant]).assign(&contexts);
        for column in 0..self.irrelevant {
            let mut draws = Draws::new(seed, Stream::Irrelevant(column));
            all.column_mut(relevant + column)
                .mapv_inplace(|_| draws.normal(0.0, 1.0));
        }
        all
    }

    /// Names of both.
    pub(crate) fn name(&self, samples: Samples) -> Result<Samples> {
        let relevant = samples.contexts().ncols() - self.irrelevant;
        let names = (0..relevant).map(|column| format!("c{column}"));
        let noise = (0..self.irrelevant).map(|column| format!("noise{column}"));
        samples.with_context_names(names.chain(noise))
    }
}

/// The settings of contexts, of a simulator that has a field `contexts`.
macro_rules! context_setters {
    () => {
        /// A simulation at these contexts (n × c), one row each.
        pub fn at_contexts(contexts: ArrayView2<'_, f64>) -> Self {
            let mut simulator = Self::new(contexts.nrows());
            simulator.contexts.give(contexts.to_owned());
            simulator
        }

        /// Draws the contexts of a row.
        pub fn contexts(
            mut self,
            draw: impl Fn(&mut Draws) -> Vec<f64> + Send + Sync + 'static,
        ) -> Self {
            self.contexts.draw_by(draw);
            self
        }

        /// This many independent contexts, uniform between `low` and `high`.
        pub fn uniform_contexts(self, columns: usize, low: f64, high: f64) -> Self {
            self.contexts(move |draws| (0..columns).map(|_| draws.uniform(low, high)).collect())
        }

        /// This many independent standard normal contexts.
        pub fn normal_contexts(self, columns: usize) -> Self {
            self.contexts(move |draws| (0..columns).map(|_| draws.normal(0.0, 1.0)).collect())
        }

        /// Appends this many independent standard normal contexts, which nothing depends on.
        ///
        /// Their columns are named `noise0`, `noise1`, …
        pub fn irrelevant_contexts(mut self, columns: usize) -> Self {
            self.contexts.append_irrelevant(columns);
            self
        }
    };
}

pub(crate) use context_setters;

//! Rows with a level that training did not have: the constant-coefficient model or network predicts them.

use super::{Asked, Model, Predicted, Rows, uneven};
use crate::design::{Encoded, selected};
use crate::error::Result;
use crate::saved::{Networks, Regression};
use contextualized_core::{LocalCoefficients, RandomTerm, VaryingNetworks};
use ndarray::{Array, Array1, Array2, ArrayView2, Axis, RemoveAxis, concatenate, s};

impl Regression {
    /// What is asked of the complete rows of a block. Those with a level that training did not have are predicted by
    /// the constant-coefficient model, and their outcomes have no intervals: their error cannot be estimated.
    ///
    /// # Errors
    ///
    /// Those of [`Self::predict`]; [`Error::Data`](crate::Error::Data) if there is such a row, and no constant-coefficient model.
    pub fn predict_encoded(&self, asked: &Asked, encoded: &Encoded) -> Result<Predicted> {
        if !encoded.unknown.contains(&true) {
            return self.predict(asked, encoded.as_rows());
        }
        let population = self.required_population()?;
        let by_population = Model {
            coefficients: population,
            uncertain: population.as_uncertain(),
            regression: None,
        };
        let (known, unknown, places) = encoded.parted();
        let part = |rows: &[usize]| {
            Ok::<_, crate::Error>(Part {
                contexts: encoded.contexts.select(Axis(0), rows),
                features: encoded.features.select(Axis(0), rows),
                offsets: encoded
                    .offsets
                    .as_ref()
                    .map(|all| all.select(Axis(0), rows)),
                random: selected(&encoded.random, rows)?,
            })
        };
        let found = [
            self.predict(asked, part(&known)?.as_rows())?,
            by_population.predict(asked, part(&unknown)?.as_rows())?,
        ];
        let mut found = Predicted::joined(&found)?.map(|table| table.select(Axis(0), &places));
        // The coefficients are the population's, but what they multiply is not known.
        found.outcomes = found.outcomes.map(|own| {
            own.map(|table| {
                let mut table = table.clone();
                let unknown = encoded.unknown_features.iter().enumerate();
                for (row, _) in unknown.filter(|(_, unknown)| **unknown) {
                    table.slice_mut(s![row, .., ..]).fill(f64::NAN);
                }
                table
            })
        });
        Ok(found)
    }

    /// The constant-coefficient model, which predicts rows with levels that training did not have.
    ///
    /// # Errors
    ///
    /// [`Error::Data`](crate::Error::Data) if it could not be fitted.
    pub fn required_population(&self) -> Result<&contextualized_baselines::PopulationModel> {
        self.population
            .required("there are no coefficients of the population for --unknown-levels")
    }
}

impl Networks {
    /// What is asked of networks at the complete rows of a block, a row of values for each. Those with a level that
    /// training did not have are given the network of the population.
    ///
    /// # Errors
    ///
    /// Those of what is asked; [`Error::Data`](crate::Error::Data) if there is such a row, and no network of the population.
    pub fn at_encoded<D: RemoveAxis>(
        &self,
        encoded: &Encoded,
        of: impl Fn(&dyn VaryingNetworks, ArrayView2<'_, f64>) -> Result<Array<f64, D>>,
    ) -> Result<Array<f64, D>> {
        if !encoded.unknown.contains(&true) {
            return of(&self.model, encoded.contexts.view());
        }
        let population = self.required_population()?;
        let (known, unknown, places) = encoded.parted();
        let contexts = |rows: &[usize]| encoded.contexts.select(Axis(0), rows);
        let known = of(&self.model, contexts(&known).view())?;
        let unknown = of(population, contexts(&unknown).view())?;
        let both = concatenate(Axis(0), &[known.view(), unknown.view()]).map_err(uneven)?;
        Ok(both.select(Axis(0), &places))
    }

    /// The network of the population, which rows with levels that training did not have are given.
    ///
    /// # Errors
    ///
    /// [`Error::Data`](crate::Error::Data) if it could not be fitted.
    pub fn required_population(&self) -> Result<&contextualized_auto::NetworkModel> {
        self.population
            .required("there is no network of the population for --unknown-levels")
    }
}

/// Some rows of a block.
pub(super) struct Part {
    pub(super) contexts: Array2<f64>,
    pub(super) features: Array2<f64>,
    pub(super) offsets: Option<Array1<f64>>,
    pub(super) random: Vec<RandomTerm>,
}

impl Part {
    pub(super) fn as_rows(&self) -> Rows<'_> {
        Rows {
            contexts: self.contexts.view(),
            features: self.features.view(),
            offsets: self.offsets.as_ref().map(|offsets| offsets.view()),
            random: &self.random,
            monitor: None,
        }
    }
}

impl Encoded {
    /// Rows whose levels training had, the others, and where each is in a table of the former above the latter.
    pub(super) fn parted(&self) -> (Vec<usize>, Vec<usize>, Vec<usize>) {
        let (known, unknown): (Vec<usize>, Vec<usize>) =
            (0..self.rows.len()).partition(|&row| !self.unknown[row]);
        let mut places = vec![0; self.rows.len()];
        for (from, &to) in known.iter().chain(&unknown).enumerate() {
            places[to] = from;
        }
        (known, unknown, places)
    }
}

//! Coefficients as a function of context that are built from settings and stored as plain numbers.

use crate::encoder::{EncoderLink, EncoderSettings, Linked};
use crate::heads::Head;
use crate::kinds::{AnyHead, EncoderKind, Parameterization};
use crate::network::Contextualized;
use crate::parameters::Snapshot;
use crate::slope_penalty::Masked;
use contextualized_core::Result;
use ndarray::Array2;
use serde::{Deserialize, Serialize};

/// An encoder with its link, and a head some of whose slopes may be zero throughout.
pub type CoefficientNetwork<E> =
    Contextualized<usize, usize, usize, usize, Linked<E>, Masked<AnyHead, usize, usize>>;

/// What a network of coefficients is made of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NetworkSettings<S = EncoderKind> {
    /// The encoder.
    pub encoder: S,
    /// The function between the encoder's output and the code.
    pub link: EncoderLink,
    /// The head.
    pub head: Parameterization,
    /// Whether there are intercepts.
    pub intercept: bool,
    /// Which slopes there are (targets × features); none for all.
    pub mask: Option<Array2<bool>>,
}

impl<S: EncoderSettings> NetworkSettings<S> {
    /// A randomly initialised network of widths of contexts, features and targets, by one seed for the
    /// encoder and one for the head.
    ///
    /// # Errors
    ///
    /// [`contextualized_core::Error::InvalidParameter`] for settings out of range;
    /// [`contextualized_core::Error::ColumnCount`] for a mask of another size.
    pub fn build(
        &self,
        (contexts, features, targets): (usize, usize, usize),
        (encoder, head): (u64, u64),
    ) -> Result<CoefficientNetwork<S::Encoder>> {
        let head = self.head.build(features, targets, self.intercept, head)?;
        let encoder = self.encoder.build(contexts, head.code_width(), encoder)?;
        let mask = self.mask.as_ref().map(|mask| mask.view());
        Contextualized::new(Linked::new(encoder, self.link), Masked::new(head, mask)?)
    }
}

/// A trained network: its settings, and its numbers as they are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredNetwork<S = EncoderKind> {
    settings: NetworkSettings<S>,
    /// Of contexts, features and targets.
    widths: (usize, usize, usize),
    /// Of the encoder.
    seed: u64,
    numbers: Snapshot,
}

impl<S: EncoderSettings> StoredNetwork<S> {
    /// Takes the numbers out of a network that was built from these settings, the encoder by this seed.
    ///
    /// # Errors
    ///
    /// [`contextualized_core::Error::Numerical`] when memory runs out.
    pub fn of(
        settings: &NetworkSettings<S>,
        network: &mut CoefficientNetwork<S::Encoder>,
        seed: u64,
    ) -> Result<Self> {
        Ok(Self {
            settings: settings.clone(),
            widths: crate::network::Network::widths(network),
            seed,
            numbers: Snapshot::of(network)?,
        })
    }

    /// Its settings.
    pub fn settings(&self) -> &NetworkSettings<S> {
        &self.settings
    }

    /// Widths of contexts, features and targets.
    pub fn widths(&self) -> (usize, usize, usize) {
        self.widths
    }

    /// The network once more.
    ///
    /// # Errors
    ///
    /// Those of [`NetworkSettings::build`] and [`Snapshot::restore`], for settings and numbers that
    /// contradict each other.
    pub fn network(&self) -> Result<CoefficientNetwork<S::Encoder>> {
        let mut network = self.settings.build(self.widths, (self.seed, 0))?;
        self.numbers.restore(&mut network)?;
        Ok(network)
    }
}

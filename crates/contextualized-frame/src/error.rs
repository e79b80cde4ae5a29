//! What can go wrong between a table and a model.

/// Why a model, a prediction or a model file cannot be made; the message says what is wrong, where, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What was asked for is invalid, whatever the data: a formula, or settings.
    #[error("{0}")]
    Request(String),

    /// The data, or the bytes of a model file, do not allow it.
    #[error("{0}")]
    Data(String),

    /// A library crate refused or could not do it.
    #[error("{message}")]
    Model {
        /// The error with its causes, and what to do about it.
        message: String,
        /// The error itself.
        source: Box<contextualized_core::Error>,
    },
}

/// A result whose error is [`enum@Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::Request(message.into())
    }

    pub(crate) fn failure(message: impl Into<String>) -> Self {
        Self::Data(message.into())
    }
}

impl From<contextualized_core::Error> for Error {
    fn from(source: contextualized_core::Error) -> Self {
        let mut message = source.to_string();
        let mut cause = std::error::Error::source(&source);
        while let Some(inner) = cause {
            let text = inner.to_string();
            if !message.contains(&text) {
                message = format!("{message}: {text}");
            }
            cause = inner.source();
        }
        use contextualized_core::Error::{RankDeficient, Separated};
        if matches!(source, RankDeficient { .. } | Separated { .. }) {
            message += "; --estimator gp does";
        }
        Self::Model {
            message,
            source: Box::new(source),
        }
    }
}

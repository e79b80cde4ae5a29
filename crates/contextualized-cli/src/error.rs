//! What can go wrong, and the exit code it ends in.

use std::io::ErrorKind;
use std::process::ExitCode;

/// Why a command stopped: one line that says what, where and what to do.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The command line or the formula is invalid: exit code 2.
    #[error("{0}")]
    Usage(String),

    /// The data, a file or a fit stood in the way: exit code 1.
    #[error("{0}")]
    Failure(String),

    /// Whoever read the output has seen enough, such as `head`: no error.
    #[error("the output was closed")]
    ClosedPipe,
}

pub(crate) type Result<T> = std::result::Result<T, Error>;

impl Error {
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::Usage(message.into())
    }

    pub(crate) fn failure(message: impl Into<String>) -> Self {
        Self::Failure(message.into())
    }

    /// A failure to read or write a file of this name.
    pub(crate) fn file(action: &str, name: &str, source: &std::io::Error) -> Self {
        if source.kind() == ErrorKind::BrokenPipe {
            return Self::ClosedPipe;
        }
        let why = contextualized_files::why(action, source);
        Self::failure(format!("cannot {action} {name}: {why}"))
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::ClosedPipe => ExitCode::SUCCESS,
            Self::Failure(_) => ExitCode::from(1),
            Self::Usage(_) => ExitCode::from(2),
        }
    }
}

impl From<contextualized_frame::Error> for Error {
    fn from(source: contextualized_frame::Error) -> Self {
        use contextualized_frame::Error::{Data, Model, Request};
        match source {
            Request(message) => Self::Usage(message),
            Data(message) | Model { message, .. } => Self::Failure(message),
        }
    }
}

impl From<contextualized_core::Error> for Error {
    fn from(source: contextualized_core::Error) -> Self {
        contextualized_frame::Error::from(source).into()
    }
}

impl From<contextualized_plot::Error> for Error {
    fn from(source: contextualized_plot::Error) -> Self {
        Self::Failure(source.to_string())
    }
}

//! What can be wrong with a file.

use contextualized_frame::Error;
use std::io::ErrorKind;

/// Why a file cannot be read or written (the `action`), in words, with what to do about it.
pub fn why(action: &str, source: &std::io::Error) -> String {
    match source.kind() {
        ErrorKind::NotFound => "there is no such file or folder".to_owned(),
        ErrorKind::NotADirectory => "a part of the path is a file, not a folder".to_owned(),
        ErrorKind::PermissionDenied => {
            format!("permission denied; check who may {action} it")
        }
        ErrorKind::StorageFull => "the disk is full; make room or choose another place".to_owned(),
        _ => source.to_string(),
    }
}

/// That a file of this name cannot be read.
pub fn unreadable(name: &str, source: &std::io::Error) -> Error {
    failure(format!("cannot read {name}: {}", why("read", source)))
}

pub(crate) fn failure(message: impl Into<String>) -> Error {
    Error::Data(message.into())
}

//! Model files: safetensors whose one metadata key holds the model as JSON, its arrays as tensors.
//!
//! ```text
//! 8 bytes      length of the header
//! header       {"__metadata__": {"contextualized": "{\"sha256\":\"…\",\"format\":…,\"version\":…,\"model\":{…}}"},
//!               "name of an array": {"dtype": "F64", "shape": […], "data_intercepts": […]}, …}
//! numbers      those of all arrays
//! ```
//!
//! The checksum is that of the file with the checksum's own 64 digits as zeros, so that a file is
//! either what was written or refused. Any reader of safetensors can open it.

mod arrays;

use crate::error::{Error, Result};
use safetensors::SafeTensors;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::ops::Range;

/// The key of the metadata.
const KEY: &str = "contextualized";

/// What the metadata begins with, before the checksum: the header is JSON that holds JSON as text.
const BEFORE_CHECKSUM: &[u8] = br#"{"__metadata__":{"contextualized":"{\"sha256\":\""#;

/// Digits of the checksum.
const DIGITS: usize = 64;

/// Bytes before the header.
const LENGTH: usize = 8;

/// The format that is written; earlier ones can be read.
const VERSION: u32 = 1;

/// What the metadata holds, in this order.
#[derive(Serialize, Deserialize)]
struct Document {
    sha256: String,
    format: String,
    version: u32,
    model: Value,
}

const FORMAT: &str = "contextualized model";

/// Bytes at the beginning of a file that tell whether it is a model file.
pub const BEGINNING: usize = LENGTH + BEFORE_CHECKSUM.len();

/// Refuses a file that does not begin as model files do; its first [`BEGINNING`] bytes suffice.
///
/// # Errors
///
/// [`Error::Data`] with the name of the file.
pub fn check_beginning(bytes: &[u8], name: &str) -> Result<()> {
    match bytes.get(LENGTH..) {
        Some(rest) if rest.starts_with(BEFORE_CHECKSUM) => Ok(()),
        _ => Err(Error::failure(format!(
            "{name} is not a model file of this program; `contextualized fit` and `contextualized networks` write them"
        ))),
    }
}

/// The bytes of a model file.
///
/// # Errors
///
/// [`Error::Data`] for a value that serde cannot write.
pub fn to_bytes<M: Serialize>(model: &M) -> Result<Vec<u8>> {
    let failed = |source: &dyn std::error::Error| {
        Error::failure(format!("the model cannot be written: {source}"))
    };
    let mut value = serde_json::to_value(model).map_err(|source| failed(&source))?;
    let tensors = arrays::take_out(&mut value);
    let document = Document {
        sha256: "0".repeat(DIGITS),
        format: FORMAT.to_owned(),
        version: VERSION,
        model: value,
    };
    let text = serde_json::to_string(&document).map_err(|source| failed(&source))?;
    let views = tensors
        .iter()
        .map(|tensor| Ok((tensor.name.as_str(), tensor.view()?)))
        .collect::<std::result::Result<Vec<_>, safetensors::SafeTensorError>>()
        .map_err(|source| failed(&source))?;
    let metadata = HashMap::from([(KEY.to_owned(), text)]);
    let mut bytes =
        safetensors::serialize(views, Some(metadata)).map_err(|source| failed(&source))?;
    seal(&mut bytes);
    Ok(bytes)
}

/// Where the digits of the checksum are.
const SEAL: Range<usize> = BEGINNING..BEGINNING + DIGITS;

/// Writes the checksum of a file, of whatever is as long as one has to be, into it.
pub fn seal(bytes: &mut [u8]) {
    if let Some(digits) = bytes.get_mut(SEAL) {
        digits.fill(b'0');
        let digits = checksum(bytes);
        bytes[SEAL].copy_from_slice(digits.as_bytes());
    }
}

/// The model in the bytes of a file, which are changed. `name` is what messages call the file.
///
/// # Errors
///
/// [`Error::Data`] for bytes that are not a model file, are cut off or altered, or were written by a later version.
pub fn from_bytes<M: DeserializeOwned>(bytes: &mut [u8], name: &str) -> Result<M> {
    check_beginning(bytes, name)?;
    let altered = || {
        Error::failure(format!(
            "{name} is cut off or was altered: its checksum does not fit; copy it again, or fit the model again"
        ))
    };
    let stored = bytes.get_mut(SEAL).ok_or_else(altered)?;
    let digits = stored.to_vec();
    stored.fill(b'0');
    if checksum(bytes).as_bytes() != digits {
        return Err(altered());
    }
    // From here on the file is as some program wrote it, if not this one.
    let unreadable =
        |reason: &dyn std::fmt::Display| Error::failure(format!("{name} cannot be read: {reason}"));
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(|source| unreadable(&source))?;
    let text = header
        .metadata()
        .as_ref()
        .and_then(|metadata| metadata.get(KEY))
        .ok_or_else(|| unreadable(&"it has no model"))?;
    let mut document: Document =
        serde_json::from_str(text).map_err(|source| unreadable(&source))?;
    if document.format != FORMAT {
        return Err(unreadable(&format!("its format is {:?}", document.format)));
    }
    if document.version > VERSION {
        return Err(Error::failure(format!(
            "{name} was written by a later version of this program (format {}, and this one reads up to {VERSION}); install that",
            document.version
        )));
    }
    let tensors = SafeTensors::deserialize(bytes).map_err(|source| unreadable(&source))?;
    arrays::put_back(&mut document.model, &tensors).map_err(|reason| unreadable(&reason))?;
    serde_json::from_value(document.model).map_err(|source| unreadable(&source))
}

/// SHA-256 as hexadecimal digits.
fn checksum(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;

//! How a file is read, as users say it.

use super::numbers::NumberFormat;
use super::table::Reading;
use crate::error::{Error, Result};
use serde_json::Value;

/// What is said of how a file is read; what is not is as it was before.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReadingOptions {
    /// Column delimiter of a text file.
    pub delimiter: Option<u8>,
    /// Texts that mean a missing value.
    pub missing: Vec<String>,
    /// Decimal mark of numbers in texts.
    pub decimal: Option<char>,
    /// Thousands separator of numbers in texts.
    pub thousands: Option<char>,
    /// Lines of a text file that begin with it are left out.
    pub comment: Option<u8>,
    /// Number of lines before the header.
    pub skip: usize,
}

impl ReadingOptions {
    /// How data are read whose like were read as `before`.
    ///
    /// # Errors
    ///
    /// [`Error::Request`] for one mark with two meanings.
    pub fn like(&self, before: &Reading) -> Result<Reading> {
        let numbers = NumberFormat {
            decimal: self.decimal.unwrap_or(before.numbers.decimal),
            thousands: self.thousands.or(before.numbers.thousands),
        };
        if numbers.thousands == Some(numbers.decimal) {
            return Err(Error::usage(format!(
                "--decimal and --thousands are both {:?}; a number has one mark for each",
                numbers.decimal
            )));
        }
        Ok(Reading {
            delimiter: self.delimiter.or(before.delimiter),
            missing: if self.missing.is_empty() {
                before.missing.clone()
            } else {
                self.missing.iter().cloned().collect()
            },
            numbers,
            comment: self.comment.or(before.comment),
            skip: self.skip,
        })
    }

    /// These options with one more, by its name and its value in JSON.
    ///
    /// # Errors
    ///
    /// [`Error::Request`] for a name that no option has, or a value that it cannot have.
    pub fn with(mut self, name: &str, value: &Value) -> Result<Self> {
        let wrong =
            |needed: &str| Error::usage(format!("--{name} is {value}, and has to be {needed}"));
        let text = || value.as_str().ok_or_else(|| wrong("a text"));
        match name {
            "delimiter" => self.delimiter = Some(byte(text()?).map_err(|needed| wrong(&needed))?),
            "comment" => self.comment = Some(byte(text()?).map_err(|needed| wrong(&needed))?),
            "decimal" => self.decimal = Some(decimal(text()?).map_err(|needed| wrong(&needed))?),
            "thousands" => {
                self.thousands = Some(thousands(text()?).map_err(|needed| wrong(&needed))?);
            }
            "missing" => {
                let texts = value.as_array().into_iter().flatten();
                let texts: Option<Vec<String>> =
                    texts.map(|own| own.as_str().map(str::to_owned)).collect();
                let texts = texts.filter(|texts| !texts.is_empty());
                self.missing = texts.ok_or_else(|| wrong("a list of texts"))?;
            }
            "skip" => {
                let lines = value.as_u64().and_then(|lines| usize::try_from(lines).ok());
                self.skip = lines.ok_or_else(|| wrong("a number of lines"))?;
            }
            other => {
                return Err(Error::usage(format!(
                    "there is no option {other:?} of reading; there are delimiter, missing, decimal, thousands, comment and skip"
                )));
            }
        }
        Ok(self)
    }
}

/// A delimiter, or what a comment begins with, that a text names.
///
/// # Errors
///
/// What is needed, in words.
pub fn byte(text: &str) -> Result<u8, String> {
    match text.as_bytes() {
        b"\\t" => Ok(b'\t'),
        [byte] if *byte != b'"' && *byte != b'\n' && *byte != b'\r' => Ok(*byte),
        _ => Err("one character that is not a quote, such as ';' or '\\t'".to_owned()),
    }
}

/// A decimal mark that a text names.
///
/// # Errors
///
/// What is needed, in words.
pub fn decimal(text: &str) -> Result<char, String> {
    match text {
        "," => Ok(','),
        "." => Ok('.'),
        _ => Err("a comma or a point".to_owned()),
    }
}

/// A thousands separator that a text names.
///
/// # Errors
///
/// What is needed, in words.
pub fn thousands(text: &str) -> Result<char, String> {
    let mut characters = text.chars();
    match (characters.next(), characters.next()) {
        (Some('\u{a0}' | '\u{202f}' | '\u{2009}'), None) => Ok(' '),
        (Some(mark), None) if !mark.is_alphanumeric() && !"+-\"".contains(mark) => Ok(mark),
        _ => Err("one character that is not a letter or digit, such as ',' or ' '".to_owned()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn options_by_name() {
        let options = ReadingOptions::default();
        let options = options.with("delimiter", &json!(";")).unwrap();
        let options = options.with("decimal", &json!(",")).unwrap();
        let options = options.with("missing", &json!(["?"])).unwrap();
        let options = options.with("skip", &json!(2)).unwrap();
        let reading = options.like(&Reading::default()).unwrap();
        assert_eq!((reading.delimiter, reading.skip), (Some(b';'), 2));
        assert_eq!(reading.number("1,5"), Some(Some(1.5)));
        assert_eq!(reading.number("?"), Some(None));
        for (name, value) in [
            ("delimiter", json!("ab")),
            ("missing", json!("?")),
            ("skip", json!(-1)),
            ("quote", json!("'")),
        ] {
            assert!(
                ReadingOptions::default().with(name, &value).is_err(),
                "{name}"
            );
        }
        let both = options.with("thousands", &json!(",")).unwrap();
        assert!(both.like(&Reading::default()).is_err());
    }
}

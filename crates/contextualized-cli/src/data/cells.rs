//! The values of a column's block: numbers, or text.

use crate::error::{Error, Result};
use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal128Type, Float64Type};
use arrow_array::{Array, ArrayRef, StringArray};
use arrow_schema::DataType;
use std::collections::BTreeSet;

/// The largest integer up to which every integer is a number of its own in double precision.
const EXACT: u64 = 1 << 53;

/// Values of one column in a block of rows.
pub(crate) struct Cells<'a> {
    /// Column and file, for messages.
    pub(crate) column: &'a str,
    pub(crate) file: &'a str,
    pub(crate) array: &'a ArrayRef,
    pub(crate) first_row: usize,
    pub(crate) missing: &'a BTreeSet<String>,
}

/// A cell of a column of numbers that is none.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct NotNumber {
    pub(crate) text: String,
    /// Row of the file, counted from zero.
    pub(crate) row: usize,
}

impl Cells<'_> {
    /// Appends the cells as numbers, NaN where one is missing; the first cell that is not a number ends it.
    pub(crate) fn numbers(&self, into: &mut Vec<f64>) -> Result<Option<NotNumber>> {
        if let DataType::Utf8 = self.array.data_type() {
            return self.parsed(into);
        }
        if !self.array.data_type().is_numeric() {
            let texts = self.texts()?;
            let row = texts.iter().position(|text| text.is_some()).unwrap_or(0);
            let text = texts.iter().flatten().next().unwrap_or("");
            return Ok(Some(self.not_number(row, text)));
        }
        self.check_exact()?;
        let numbers = self.cast(&DataType::Float64)?;
        for (row, value) in numbers.as_primitive::<Float64Type>().iter().enumerate() {
            let value = value.unwrap_or(f64::NAN);
            if value.is_infinite() {
                return Err(self.at(row, "is infinite; correct it or leave it out"));
            }
            into.push(value);
        }
        Ok(None)
    }

    fn not_number(&self, row: usize, text: &str) -> NotNumber {
        NotNumber {
            text: text.to_owned(),
            row: self.first_row + row,
        }
    }

    fn parsed(&self, into: &mut Vec<f64>) -> Result<Option<NotNumber>> {
        for (row, text) in self.array.as_string::<i32>().iter().enumerate() {
            let text = text.unwrap_or("").trim();
            if text.is_empty() || self.missing.contains(text) {
                into.push(f64::NAN);
                continue;
            }
            match text.parse::<f64>() {
                Ok(value) if value.is_finite() => {
                    if text.len() > 15 && is_inexact_integer(text) {
                        return Err(self.at(row, &inexact(text)));
                    }
                    into.push(value);
                }
                Ok(_) if text.bytes().any(|byte| byte.is_ascii_digit()) => {
                    return Err(self.at(row, &format!("is {text}, larger than any number here")));
                }
                Ok(value) if value.is_infinite() => {
                    return Err(self.at(row, "is infinite; correct it or leave it out"));
                }
                _ => {
                    return Ok(Some(self.not_number(row, text)));
                }
            }
        }
        Ok(None)
    }

    /// The cells as text, none where one is missing.
    pub(crate) fn texts(&self) -> Result<StringArray> {
        let texts = self.cast(&DataType::Utf8)?;
        let texts = texts.as_string::<i32>();
        let present = |text: &&str| !text.is_empty() && !self.missing.contains(*text);
        Ok(texts
            .iter()
            .map(|text| text.map(str::trim).filter(present))
            .collect())
    }

    fn cast(&self, to: &DataType) -> Result<ArrayRef> {
        arrow_cast::cast(self.array, to).map_err(|_| {
            Error::failure(format!(
                "column {} of {} contains {}, which is neither numbers nor text",
                self.column,
                self.file,
                self.array.data_type()
            ))
        })
    }

    /// Integers that only nearly fit are ids, not quantities.
    fn check_exact(&self) -> Result<()> {
        if !matches!(self.array.data_type(), DataType::Int64 | DataType::UInt64) {
            return Ok(());
        }
        // Twenty digits hold any of them.
        let integers = self.cast(&DataType::Decimal128(20, 0))?;
        let integers = integers.as_primitive::<Decimal128Type>();
        for (row, value) in integers.iter().enumerate() {
            if let Some(value) = value
                && value.unsigned_abs() > u128::from(EXACT)
            {
                return Err(self.at(row, &inexact(&value.to_string())));
            }
        }
        Ok(())
    }

    fn at(&self, row: usize, what: &str) -> Error {
        Error::failure(format!(
            "column {} of {} {what} (data row {})",
            self.column,
            self.file,
            self.first_row + row + 1
        ))
    }
}

fn inexact(text: &str) -> String {
    format!(
        "contains {text}, an integer beyond 2^53 that a 64-bit float cannot represent; an identifier belongs in no formula, write factor() around a code or scale a quantity"
    )
}

fn is_inexact_integer(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let exact = |value: u64| value <= EXACT;
    digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.parse().is_ok_and(exact)
}

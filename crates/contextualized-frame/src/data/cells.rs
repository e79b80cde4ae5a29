//! The values of a column's block: numbers, dates, or text.

use super::table::Reading;
use super::times::{Clock, per_day};
use crate::error::{Error, Result};
use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal128Type, Float64Type, Int64Type};
use arrow_array::{Array, ArrayRef, StringArray};
use arrow_schema::DataType;

/// The largest integer up to which every integer is a number of its own in double precision.
const EXACT: u64 = 1 << 53;

/// Values of one column in a block of rows.
pub struct Cells<'a> {
    /// Column and file, for messages.
    pub column: &'a str,
    /// The table, for messages.
    pub file: &'a str,
    /// The values.
    pub array: &'a ArrayRef,
    /// Row of the table of the first value, counted from zero.
    pub first_row: usize,
    /// How texts are read.
    pub reading: &'a Reading,
}

/// A cell of a column of numbers that is none.
#[derive(Debug, Clone, PartialEq)]
pub struct NotNumber {
    pub text: String,
    /// Row of the file, counted from zero.
    pub row: usize,
}

impl Cells<'_> {
    /// Appends the cells as numbers, NaN where one is missing; the first cell that is not a number ends it.
    pub fn numbers(&self, into: &mut Vec<f64>) -> Result<Option<NotNumber>> {
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
        let codes = self.missing_numbers();
        let numbers = self.cast(&DataType::Float64)?;
        into.reserve(numbers.len());
        for (row, value) in numbers.as_primitive::<Float64Type>().iter().enumerate() {
            let value = value.filter(|value| !codes.contains(value));
            let value = value.unwrap_or(f64::NAN);
            if value.is_infinite() {
                return Err(self.at(row, "is infinite; correct it or leave it out"));
            }
            into.push(value);
        }
        Ok(None)
    }

    /// Appends dates or times as numbers of days, NaN where one is missing; the first cell that is neither, or
    /// not of this kind, ends it.
    pub fn times(&self, clock: Clock, into: &mut Vec<f64>) -> Result<Option<NotNumber>> {
        if Clock::of_type(self.array.data_type()) == Some(clock) {
            let unit = per_day(self.array.data_type());
            let wide = match self.array.data_type() {
                DataType::Date32 | DataType::Time32(_) => self.cast(&DataType::Int32)?,
                _ => self.array.clone(),
            };
            let integers = arrow_cast::cast(&wide, &DataType::Int64);
            let integers = integers.map_err(|_| self.neither())?;
            let values = integers.as_primitive::<Int64Type>().iter();
            into.extend(values.map(|value| value.map_or(f64::NAN, |value| value as f64 / unit)));
            return Ok(None);
        }
        for (row, text) in self.texts()?.iter().enumerate() {
            match text.map(Clock::parse) {
                None => into.push(f64::NAN),
                Some(Some((found, value))) if found == clock => into.push(value),
                Some(_) => return Ok(Some(self.not_number(row, text.unwrap_or("")))),
            }
        }
        Ok(None)
    }

    fn not_number(&self, row: usize, text: &str) -> NotNumber {
        NotNumber {
            text: shortened(text),
            row: self.first_row + row,
        }
    }

    /// Values that mean a missing one, where they are numbers.
    fn missing_numbers(&self) -> Vec<f64> {
        let texts = self.reading.missing.iter();
        let numbers = texts.filter_map(|text| text.trim().parse().ok());
        numbers.filter(|number: &f64| number.is_finite()).collect()
    }

    fn parsed(&self, into: &mut Vec<f64>) -> Result<Option<NotNumber>> {
        let codes = self.missing_numbers();
        let array = self.array.as_string::<i32>();
        into.reserve(array.len());
        for (row, text) in array.iter().enumerate() {
            let text = text.unwrap_or("").trim();
            match self.reading.number(text) {
                Some(value) => {
                    let value = value.filter(|value| !codes.contains(value));
                    into.push(value.unwrap_or(f64::NAN));
                }
                None if is_inexact_integer(text) => return Err(self.at(row, &inexact(text))),
                None => return Ok(Some(self.not_number(row, text))),
            }
        }
        Ok(None)
    }

    /// The cells as text, none where one is missing.
    pub fn texts(&self) -> Result<StringArray> {
        let texts = self.cast(&DataType::Utf8)?;
        let texts = texts.as_string::<i32>();
        let codes = self.missing_numbers();
        let missing = &self.reading.missing;
        let is_code = |text: &str| {
            !codes.is_empty() && text.parse().is_ok_and(|value: f64| codes.contains(&value))
        };
        let present = |text: &&str| !text.is_empty() && !missing.contains(*text) && !is_code(text);
        Ok(texts
            .iter()
            .map(|text| text.map(str::trim).filter(present))
            .collect())
    }

    fn cast(&self, to: &DataType) -> Result<ArrayRef> {
        if self.array.data_type().is_nested() {
            return Err(Error::failure(format!(
                "column {} of {} holds {}, and a cell is one number or one text; write their parts as columns of their own, or leave the column out of the formula",
                self.column,
                self.file,
                match self.array.data_type() {
                    DataType::Struct(_) => "structures",
                    DataType::Map(..) => "maps",
                    _ => "lists",
                }
            )));
        }
        arrow_cast::cast(self.array, to).map_err(|_| self.neither())
    }

    fn neither(&self) -> Error {
        Error::failure(format!(
            "column {} of {} contains {}, which is neither numbers nor text",
            self.column,
            self.file,
            self.array.data_type()
        ))
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

/// A text as messages show it.
pub(super) fn shortened(text: &str) -> String {
    const SHOWN: usize = 60;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn inexact(text: &str) -> String {
    format!(
        "contains {text}, an integer beyond 2^53 that a 64-bit float cannot represent; an identifier belongs in no formula, write factor() around a code or scale a quantity"
    )
}

/// Whether a text is an integer that is too large to be a float of its own.
pub(super) fn is_inexact_integer(text: &str) -> bool {
    if text.len() <= 15 {
        return false;
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let exact = |value: u64| value <= EXACT;
    digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.parse().is_ok_and(exact)
}

//! Files of rows, written in blocks: CSV, Parquet or JSON.

use crate::arguments::OutputFormat;
use crate::error::{Error, Result};
use crate::output::{Failure, OutputFile, output_name};
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, ArrayRef, Float64Array, RecordBatch};
use arrow_cast::display::array_value_to_string;
use arrow_schema::{ArrowError, Field, Schema};
use ndarray::Array2;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use serde_json::{Map, Number, Value};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

/// A file of rows that is being written.
pub(crate) struct Rows {
    name: String,
    format: OutputFormat,
    /// Until columns are known, with the first block.
    file: Option<OutputFile>,
    writer: Option<Writer>,
    failure: Failure,
}

enum Writer {
    Csv(Box<arrow_csv::Writer<OutputFile>>),
    Parquet(Box<ArrowWriter<OutputFile>>),
    /// The file, and whether a row was written to it.
    Json(OutputFile, bool),
}

impl Rows {
    pub(crate) fn create(path: &Path, format: OutputFormat) -> Result<Self> {
        let file = OutputFile::create(path)?;
        Ok(Self {
            name: output_name(path),
            format,
            failure: file.failure(),
            file: Some(file),
            writer: None,
        })
    }

    /// Writes a block of columns that are there already, of values behind them, missing where NaN, and of others
    /// behind these.
    pub(crate) fn write(
        &mut self,
        kept_names: &[String],
        kept: Vec<ArrayRef>,
        names: &[String],
        values: &Array2<f64>,
        behind: Vec<(String, ArrayRef)>,
    ) -> Result<()> {
        let mut arrays = kept;
        for column in values.columns() {
            let cells = column
                .iter()
                .map(|value| (!value.is_nan()).then_some(*value));
            arrays.push(Arc::new(cells.collect::<Float64Array>()));
        }
        let (last_names, last): (Vec<String>, Vec<ArrayRef>) = behind.into_iter().unzip();
        arrays.extend(last);
        let names = kept_names.iter().chain(names).chain(&last_names);
        let fields: Vec<Field> = names
            .zip(&arrays)
            .map(|(name, array)| Field::new(name, array.data_type().clone(), true))
            .collect();
        let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)
            .map_err(|source| self.error(&source))?;
        self.open(&batch)?;
        let outcome = match &mut self.writer {
            Some(Writer::Csv(writer)) => writer.write(&batch),
            Some(Writer::Parquet(writer)) => writer.write(&batch).map_err(ArrowError::from),
            Some(Writer::Json(file, begun)) => {
                write_json(file, begun, &batch).map_err(ArrowError::from)
            }
            None => Ok(()),
        };
        outcome.map_err(|source| self.error(&source))
    }

    fn open(&mut self, batch: &RecordBatch) -> Result<()> {
        let Some(file) = self.file.take() else {
            return Ok(());
        };
        self.writer = Some(match self.format {
            OutputFormat::Csv => Writer::Csv(Box::new(arrow_csv::Writer::new(file))),
            OutputFormat::Parquet => {
                let properties = WriterProperties::builder()
                    .set_compression(Compression::SNAPPY)
                    .build();
                let writer = ArrowWriter::try_new(file, batch.schema(), Some(properties))
                    .map_err(|source| self.error(&source))?;
                Writer::Parquet(Box::new(writer))
            }
            OutputFormat::Json => Writer::Json(file, false),
        });
        Ok(())
    }

    pub(crate) fn finish(mut self) -> Result<()> {
        let file = match self.writer.take() {
            Some(Writer::Csv(writer)) => Some(writer.into_inner()),
            Some(Writer::Parquet(writer)) => {
                Some(writer.into_inner().map_err(|source| self.error(&source))?)
            }
            Some(Writer::Json(mut file, begun)) => {
                let end: &[u8] = if begun { b"\n]\n" } else { b"[]\n" };
                file.write_all(end).map_err(|source| self.error(&source))?;
                Some(file)
            }
            None => self.file.take(),
        };
        file.map_or(Ok(()), OutputFile::finish)
    }

    fn error(&self, source: &dyn std::fmt::Display) -> Error {
        let failure = self.failure.lock().ok();
        match failure.and_then(|mut failure| failure.take()) {
            Some(failure) => Error::file("write", &self.name, &failure),
            None => Error::failure(format!("cannot write {}: {source}", self.name)),
        }
    }
}

/// An object for each row of a block; what is missing is null.
fn write_json(file: &mut OutputFile, begun: &mut bool, batch: &RecordBatch) -> std::io::Result<()> {
    let schema = batch.schema();
    for row in 0..batch.num_rows() {
        let fields = schema.fields().iter().zip(batch.columns());
        let object: Map<String, Value> = fields
            .map(|(field, array)| (field.name().clone(), json_cell(array, row)))
            .collect();
        file.write_all(if *begun { b",\n" } else { b"[\n" })?;
        *begun = true;
        serde_json::to_writer(&mut *file, &object)?;
    }
    Ok(())
}

/// A number as a number, also one that was read as a text, a truth value as one, and everything else as its
/// text.
fn json_cell(array: &ArrayRef, row: usize) -> Value {
    if array.is_null(row) {
        return Value::Null;
    }
    if let Some(numbers) = array.as_primitive_opt::<Float64Type>() {
        return Value::from(numbers.value(row));
    }
    if let Some(numbers) = array.as_primitive_opt::<Int64Type>() {
        return Value::from(numbers.value(row));
    }
    if let Some(truths) = array.as_boolean_opt() {
        return Value::from(truths.value(row));
    }
    match array_value_to_string(array, row) {
        Ok(text) => match text.parse::<Number>() {
            Ok(number) => Value::Number(number),
            Err(_) => Value::from(text),
        },
        Err(_) => Value::Null,
    }
}

//! Files of rows, written in blocks: CSV or Parquet.

use crate::arguments::OutputFormat;
use crate::error::{Error, Result};
use crate::output::{Failure, OutputFile};
use arrow_array::{ArrayRef, Float64Array, RecordBatch};
use arrow_schema::{ArrowError, DataType, Field, Schema};
use ndarray::Array2;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use std::sync::Arc;

/// The format that was asked for, or that of the name.
pub(crate) fn format_of(asked: Option<OutputFormat>, path: &str) -> OutputFormat {
    asked.unwrap_or(if path.to_lowercase().ends_with(".parquet") {
        OutputFormat::Parquet
    } else {
        OutputFormat::Csv
    })
}

/// A file of rows that is being written.
pub(crate) struct Rows {
    name: String,
    format: OutputFormat,
    state: State,
    failure: Failure,
}

enum State {
    /// Columns are known with the first block.
    Opened(OutputFile),
    Csv(Box<arrow_csv::Writer<OutputFile>>),
    Parquet(Box<ArrowWriter<OutputFile>>),
    Closed,
}

impl Rows {
    pub(crate) fn create(path: &str, format: OutputFormat) -> Result<Self> {
        let file = OutputFile::create(path)?;
        Ok(Self {
            name: match path {
                "-" => "standard output".to_owned(),
                path => path.to_owned(),
            },
            format,
            failure: file.failure(),
            state: State::Opened(file),
        })
    }

    /// Writes a block of columns that are there already, and of values behind them, missing where NaN.
    pub(crate) fn write(
        &mut self,
        kept_names: &[String],
        kept: Vec<ArrayRef>,
        names: &[String],
        values: &Array2<f64>,
    ) -> Result<()> {
        let own = kept_names.iter().zip(&kept);
        let mut fields: Vec<Field> = own
            .map(|(name, array)| Field::new(name, array.data_type().clone(), true))
            .collect();
        fields.extend(
            names
                .iter()
                .map(|name| Field::new(name, DataType::Float64, true)),
        );
        let mut arrays = kept;
        for column in values.columns() {
            let cells = column
                .iter()
                .map(|value| Some(*value).filter(|v| !v.is_nan()));
            arrays.push(Arc::new(cells.collect::<Float64Array>()));
        }
        let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)
            .map_err(|source| self.error(&source))?;
        self.open(&batch)?;
        let outcome = match &mut self.state {
            State::Csv(writer) => writer.write(&batch),
            State::Parquet(writer) => writer.write(&batch).map_err(ArrowError::from),
            State::Opened(_) | State::Closed => Ok(()),
        };
        outcome.map_err(|source| self.error(&source))
    }

    fn open(&mut self, batch: &RecordBatch) -> Result<()> {
        self.state = match std::mem::replace(&mut self.state, State::Closed) {
            State::Opened(file) => match self.format {
                OutputFormat::Csv => State::Csv(Box::new(arrow_csv::Writer::new(file))),
                OutputFormat::Parquet => {
                    let properties = WriterProperties::builder()
                        .set_compression(Compression::SNAPPY)
                        .build();
                    let writer = ArrowWriter::try_new(file, batch.schema(), Some(properties))
                        .map_err(|source| self.error(&source))?;
                    State::Parquet(Box::new(writer))
                }
            },
            opened => opened,
        };
        Ok(())
    }

    pub(crate) fn finish(mut self) -> Result<()> {
        match std::mem::replace(&mut self.state, State::Closed) {
            State::Opened(file) => file.finish(),
            State::Csv(writer) => writer.into_inner().finish(),
            State::Parquet(writer) => writer
                .into_inner()
                .map_err(|source| self.error(&source))?
                .finish(),
            State::Closed => Ok(()),
        }
    }

    fn error(&self, source: &dyn std::fmt::Display) -> Error {
        match self
            .failure
            .lock()
            .ok()
            .and_then(|mut failure| failure.take())
        {
            Some(failure) => Error::file("write", &self.name, &failure),
            None => Error::failure(format!("cannot write {}: {source}", self.name)),
        }
    }
}

//! Batches of Arrow in memory as a table.

use super::table::{Chunk, Chunks, ColumnRequest, Reading, Table};
use crate::error::{Error, Result};
use arrow_array::RecordBatch;
use arrow_schema::{DataType, Schema};
use unicode_normalization::UnicodeNormalization;

/// Batches of Arrow in memory as a [`Table`], of which no column is copied.
pub struct Batches {
    name: String,
    columns: Vec<String>,
    types: Vec<DataType>,
    batches: Vec<RecordBatch>,
    reading: Reading,
}

impl Batches {
    /// Batches of one schema. `name` is what messages call them.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] if a batch has other columns than the schema.
    pub fn new(
        name: impl Into<String>,
        schema: &Schema,
        batches: Vec<RecordBatch>,
    ) -> Result<Self> {
        let name = name.into();
        let fields = schema.fields();
        let types: Vec<DataType> = fields
            .iter()
            .map(|field| field.data_type().clone())
            .collect();
        let same = |batch: &RecordBatch| {
            let own = batch.columns().iter().map(|column| column.data_type());
            own.eq(&types)
        };
        if !batches.iter().all(same) {
            return Err(Error::failure(format!(
                "the batches of {name} have different columns"
            )));
        }
        Ok(Self {
            name,
            columns: fields
                .iter()
                .map(|field| field.name().nfc().collect())
                .collect(),
            types,
            batches,
            reading: Reading::default(),
        })
    }

    /// The same batches, read like data that a model was fitted to.
    pub fn with_reading(mut self, reading: &Reading) -> Self {
        self.reading = reading.clone();
        self
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }
}

impl Table for Batches {
    fn name(&self) -> &str {
        &self.name
    }

    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn data_type(&self, column: usize) -> &DataType {
        &self.types[column]
    }

    fn reading(&self) -> &Reading {
        &self.reading
    }

    fn chunks(&self, requests: &[ColumnRequest]) -> Result<Chunks<'_>> {
        let requests = requests.to_vec();
        let mut first_row = 0;
        Ok(Box::new(self.batches.iter().map(move |batch| {
            let chunk = Chunk {
                arrays: requests
                    .iter()
                    .map(|request| batch.column(request.column).clone())
                    .collect(),
                rows: batch.num_rows(),
                first_row,
            };
            first_row += chunk.rows;
            Ok(chunk)
        })))
    }
}

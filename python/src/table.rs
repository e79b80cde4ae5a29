//! Tables of Python that export a stream of Arrow batches, and data files.

use arrow_array::ffi_stream::{FFI_ArrowArrayStream, RecordBatchStreamReader};
use arrow_array::{Array, RecordBatch, RecordBatchReader};
use arrow_schema::{DataType, Schema};
use contextualized_core::Monitor;
use contextualized_files::{Source, shown};
use contextualized_frame::Result;
use contextualized_frame::data::{Batches, Chunk, Chunks, ColumnRequest, Reading, Table};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyCapsule;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What data in memory are called in a model file.
pub(crate) const IN_MEMORY: &str = "data in memory";

/// What data in memory are called in messages.
const FRAME: &str = "the data frame";

/// Data as they are given: batches of a data frame, of which no column of numbers is copied, or the path of a file.
pub(crate) enum Given {
    Batches(Arc<Schema>, Vec<RecordBatch>),
    File(PathBuf, String),
}

impl Given {
    pub(crate) fn new(data: &Bound<'_, PyAny>) -> PyResult<Self> {
        if let Ok(export) = data.getattr("__arrow_c_stream__") {
            let capsule = export.call0()?;
            let reader = reader(capsule.cast::<PyCapsule>()?)?;
            let schema = reader.schema();
            let batches: Result<Vec<RecordBatch>, _> = reader.collect();
            let batches = batches.map_err(|error| PyValueError::new_err(error.to_string()))?;
            return Ok(Self::Batches(schema, batches));
        }
        if let Ok(path) = data.extract::<PathBuf>() {
            let name = path
                .file_name()
                .map_or_else(|| shown(&path), |name| shown(name.as_ref()));
            // The program's sign for standard input is a name here.
            let path = Path::new(".").join(path);
            return Ok(Self::File(path, name));
        }
        Err(PyTypeError::new_err(format!(
            "the data are a {}, which gives no Arrow stream; use a data frame of pandas 2.2 or later, of polars, a pyarrow table, or the path of a CSV or Parquet file",
            data.get_type().name()?
        )))
    }

    /// What a model file says of where the data come from.
    pub(crate) fn origin(&self) -> &str {
        match self {
            Self::Batches(..) => IN_MEMORY,
            Self::File(_, name) => name,
        }
    }

    /// The table, whose cells are read like this, and whose rows end if this monitor is cancelled.
    pub(crate) fn open(&self, reading: &Reading, monitor: Monitor) -> Result<Watched> {
        let table: Box<dyn Table> = match self {
            Self::Batches(schema, batches) => {
                let batches = Batches::new(FRAME, schema, batches.clone())?;
                Box::new(batches.with_reading(reading))
            }
            Self::File(path, _) => Box::new(Source::open(path, reading)?),
        };
        Ok(Watched { table, monitor })
    }
}

/// Rows that are worked on before anyone can end it.
const BLOCK: usize = 1024;

/// A table in small blocks, before each of which its monitor is asked: whatever passes over its rows can be ended.
pub(crate) struct Watched {
    table: Box<dyn Table>,
    monitor: Monitor,
}

impl Table for Watched {
    fn name(&self) -> &str {
        self.table.name()
    }

    fn columns(&self) -> &[String] {
        self.table.columns()
    }

    fn data_type(&self, column: usize) -> &DataType {
        self.table.data_type(column)
    }

    fn is_text(&self) -> bool {
        self.table.is_text()
    }

    fn reading(&self) -> &Reading {
        self.table.reading()
    }

    fn chunks(&self, requests: &[ColumnRequest]) -> Result<Chunks<'_>> {
        let blocks = self.table.chunks(requests)?.flat_map(|chunk| match chunk {
            Ok(chunk) => blocks(&chunk).into_iter().map(Ok).collect(),
            Err(error) => vec![Err(error)],
        });
        Ok(Box::new(blocks.map(|block| {
            self.monitor.check()?;
            block
        })))
    }

    fn is_unnamed(&self, column: usize) -> bool {
        self.table.is_unnamed(column)
    }

    fn advice(&self) -> Option<String> {
        self.table.advice()
    }
}

/// The rows of a chunk in blocks, of which no column is copied.
fn blocks(chunk: &Chunk) -> Vec<Chunk> {
    let starts = (0..chunk.rows).step_by(BLOCK);
    let block = |start: usize| {
        let rows = BLOCK.min(chunk.rows - start);
        Chunk {
            arrays: chunk
                .arrays
                .iter()
                .map(|array| array.slice(start, rows))
                .collect(),
            rows,
            first_row: chunk.first_row + start,
        }
    };
    starts.map(block).collect()
}

/// Takes the stream out of its capsule.
#[expect(
    unsafe_code,
    reason = "the C interface of Arrow hands over a pointer to a stream"
)]
fn reader(capsule: &Bound<'_, PyCapsule>) -> PyResult<RecordBatchStreamReader> {
    let pointer = capsule.pointer_checked(Some(c"arrow_array_stream"))?;
    // SAFETY: a capsule of this name holds a pointer to an `ArrowArrayStream`, by the Arrow PyCapsule interface. The
    // reader takes the stream out and leaves a released one, which the capsule's destructor leaves alone.
    let reader = unsafe {
        RecordBatchStreamReader::from_raw(pointer.as_ptr().cast::<FFI_ArrowArrayStream>())
    };
    reader.map_err(|error| PyValueError::new_err(error.to_string()))
}

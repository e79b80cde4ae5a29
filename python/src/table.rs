//! Tables of Python that export a stream of Arrow batches.

use crate::errors::exception;
use arrow_array::ffi_stream::{FFI_ArrowArrayStream, RecordBatchStreamReader};
use arrow_array::{RecordBatch, RecordBatchReader};
use contextualized_frame::data::Batches;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyCapsule;

/// The batches that `__arrow_c_stream__` of a data frame gives, of which no column of numbers is copied.
pub(crate) fn batches(data: &Bound<'_, PyAny>) -> PyResult<Batches> {
    let Ok(export) = data.getattr("__arrow_c_stream__") else {
        return Err(PyTypeError::new_err(format!(
            "the data are a {}, which gives no Arrow stream; use a data frame of pandas 2.2 or later, of polars, or a pyarrow table",
            data.get_type().name()?
        )));
    };
    let capsule = export.call0()?;
    let capsule = capsule.cast::<PyCapsule>()?;
    let reader = reader(capsule)?;
    let schema = reader.schema();
    let batches: Result<Vec<RecordBatch>, _> = reader.collect();
    let batches = batches.map_err(|error| PyValueError::new_err(error.to_string()))?;
    Batches::new("the data frame", &schema, batches).map_err(exception)
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

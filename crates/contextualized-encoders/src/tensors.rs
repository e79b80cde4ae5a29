//! Names and conversions for the tensors of this crate: `f64`, on the processor.

use contextualized_core::validate::check_table;
use contextualized_core::{Error, Result};
use dfdx::shapes::{Dim, HasShape, Shape};
use dfdx::tensor::{Cpu, CpuError, NoneTape, OwnedTape, Tensor, TensorFromVec};
use ndarray::{Array2, Array3, ArrayView2};
use rand::Rng;
use rand_chacha::ChaCha8Rng;

/// A tensor of `f64` on the processor, with or without a tape.
pub type Values<S, T = NoneTape> = Tensor<S, f64, Cpu, T>;

/// The tape that records a forward pass for differentiation.
pub type Recording = OwnedTape<f64, Cpu>;

/// Either tape: [`NoneTape`] to evaluate, [`Recording`] to differentiate.
pub trait Tape: dfdx::tensor::Tape<f64, Cpu> {}

impl<T: dfdx::tensor::Tape<f64, Cpu>> Tape for T {}

pub(crate) fn device_error(error: CpuError) -> Error {
    Error::numerical("a tensor operation", error)
}

/// Puts row-major numbers into a tensor.
///
/// # Errors
///
/// [`Error::Numerical`] when the shape holds another number of elements.
pub(crate) fn tensor<S: Shape>(device: &Cpu, values: Vec<f64>, shape: S) -> Result<Values<S>> {
    device
        .try_tensor_from_vec(values, shape)
        .map_err(device_error)
}

/// A tensor of random numbers, uniform on ±`bound`.
pub(crate) fn uniform<S: Shape>(
    device: &Cpu,
    shape: S,
    bound: f64,
    generator: &mut ChaCha8Rng,
) -> Result<Values<S>> {
    let draw = |_| generator.gen_range(-bound..bound);
    tensor(device, (0..shape.num_elements()).map(draw).collect(), shape)
}

/// What a group lasso, a proximal step, keeps of each of `size` weights with this norm.
pub(crate) fn kept_by_lasso(norm: f64, size: usize, threshold: f64) -> f64 {
    let length = threshold * (size as f64).sqrt();
    if norm > length {
        1.0 - length / norm
    } else {
        0.0
    }
}

/// Copies a matrix into a tensor whose width may be known to the compiler.
///
/// # Errors
///
/// [`Error::ColumnCount`] when the matrix has another width.
pub(crate) fn matrix<C: Dim>(
    device: &Cpu,
    argument: &'static str,
    values: ArrayView2<'_, f64>,
    columns: C,
) -> Result<Values<(usize, C)>> {
    check_table(argument, values, Some(columns.size()))?;
    let shape = (values.nrows(), columns);
    tensor(device, values.iter().copied().collect(), shape)
}

/// Nothing here is of width zero.
///
/// # Errors
///
/// [`Error::InvalidParameter`].
pub(crate) fn check_width(parameter: &'static str, width: usize) -> Result<()> {
    match width {
        0 => Err(Error::invalid_parameter(parameter, 0, "at least 1")),
        _ => Ok(()),
    }
}

/// More numbers than this in one tensor or one stack of layers are a mistake: 2 GiB, and as much again for
/// each of gradients and moments.
const LARGEST: usize = 1 << 28;

/// Checks that a tensor of these widths, or a stack of them, can be built.
///
/// # Errors
///
/// [`Error::InvalidParameter`].
pub(crate) fn check_size(parameter: &'static str, widths: &[usize]) -> Result<()> {
    let size = widths
        .iter()
        .try_fold(1_usize, |size, &width| size.checked_mul(width));
    match size {
        Some(size) if size <= LARGEST => Ok(()),
        _ => Err(Error::invalid_parameter(
            parameter,
            widths
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(" × "),
            "of at most 2^28 numbers in all",
        )),
    }
}

/// A width read from data, as the dimension its type stands for.
///
/// # Errors
///
/// [`Error::InvalidParameter`] when the type is a constant of another size.
pub(crate) fn known_width<D: Dim>(argument: &'static str, found: usize) -> Result<D> {
    D::from_size(found).ok_or(Error::InvalidParameter {
        parameter: argument,
        value: found.to_string(),
        requirement: format!("the width that {} stands for", std::any::type_name::<D>()),
    })
}

pub(crate) fn to_array2<R: Dim, C: Dim, T>(values: &Values<(R, C), T>) -> Result<Array2<f64>> {
    let (rows, columns) = *values.shape();
    Array2::from_shape_vec((rows.size(), columns.size()), values.as_vec())
        .map_err(|error| Error::numerical("reading a tensor", error))
}

pub(crate) fn to_array3<A: Dim, B: Dim, C: Dim, T>(
    values: &Values<(A, B, C), T>,
) -> Result<Array3<f64>> {
    let (a, b, c) = *values.shape();
    Array3::from_shape_vec((a.size(), b.size(), c.size()), values.as_vec())
        .map_err(|error| Error::numerical("reading a tensor", error))
}

//! The additive encoder: one sub-network per context column.

use crate::encoder::Encoder;
use crate::mlp::{Mlp, MlpSettings};
use crate::parameters::{ParameterVisitor, Parameters};
use crate::structure::EncoderStructure;
use crate::tensors::{Tape, Values, check_size, check_width, device_error, matrix, to_array2};
use contextualized_core::{Error, Result};
use dfdx::shapes::{Const, Dim, HasShape};
use dfdx::tensor::{Cpu, WithEmptyTape};
use dfdx::tensor_ops::{ReshapeTo, TryAdd};
use ndarray::{Array2, ArrayView1, Axis};
use rand::{RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// z = Σ_j MLP_j(c_j), each MLP_j a perceptron of one input: a neural additive model
/// (Agarwal et al. 2021, arXiv:2004.13912).
///
/// Context columns do not interact, so that what each does to a coefficient can be read out as a
/// function of that column alone.
#[derive(Debug, Clone)]
pub struct Additive<C: Dim, Z: Dim> {
    contexts: C,
    columns: Vec<Mlp<Const<1>, Z>>,
}

impl<C: Dim, Z: Dim> Additive<C, Z> {
    /// Randomly initialised sub-networks, all of the same size.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for a size or width of zero or beyond all memory.
    pub fn new(contexts: C, code: Z, settings: MlpSettings, seed: u64) -> Result<Self> {
        check_width("context width", contexts.size())?;
        let MlpSettings { width, layers, .. } = settings;
        check_size(
            "all hidden layers",
            &[contexts.size(), width, width, layers],
        )?;
        let mut seeds = ChaCha8Rng::seed_from_u64(seed);
        Ok(Self {
            contexts,
            columns: (0..contexts.size())
                .map(|_| Mlp::new(Const, code, settings, seeds.next_u64()))
                .collect::<Result<_>>()?,
        })
    }
}

impl<C: Dim, Z: Dim> Encoder<C, Z> for Additive<C, Z> {
    fn encode<B: Dim, T: Tape>(&self, contexts: Values<(B, C), T>) -> Result<Values<(B, Z), T>> {
        let one = (contexts.shape().0, Const::<1>);
        let term = |contexts: Values<(B, C), T>, column: usize| {
            let values = contexts
                .try_slice((.., column..column + 1))
                .and_then(|values| values.try_reshape_like(&one))
                .map_err(device_error)?;
            self.columns[column].encode(values)
        };
        let others = contexts.with_empty_tape();
        let mut code = term(contexts, 0)?;
        for column in 1..self.columns.len() {
            let next = term(others.with_empty_tape(), column)?;
            code = code.try_add(next).map_err(device_error)?;
        }
        Ok(code)
    }

    fn context_width(&self) -> C {
        self.contexts
    }

    fn code_width(&self) -> Z {
        self.columns[0].code_width()
    }

    fn column_norms(&self) -> Vec<f64> {
        self.columns
            .iter()
            .flat_map(Encoder::column_norms)
            .collect()
    }

    fn shrink_columns(&mut self, threshold: f64) -> Result<()> {
        self.columns
            .iter_mut()
            .try_for_each(|column| column.shrink_columns(threshold))
    }

    fn column_codes(
        &self,
        column: usize,
        values: ArrayView1<'_, f64>,
    ) -> Result<Option<Array2<f64>>> {
        let Some(network) = self.columns.get(column) else {
            return Err(Error::invalid_parameter(
                "column",
                column,
                format!(
                    "below the number of context columns, {}",
                    self.columns.len()
                ),
            ));
        };
        let values = values.insert_axis(Axis(1));
        let values = matrix(&Cpu::default(), "values", values, Const::<1>)?;
        to_array2(&network.encode(values)?).map(Some)
    }

    fn structure(&self) -> Option<EncoderStructure> {
        let columns = self.columns.iter().enumerate();
        let perceptrons = columns.map(|(column, network)| network.perceptron(column));
        Some(EncoderStructure::of(perceptrons.collect()))
    }
}

impl<C: Dim, Z: Dim> Parameters for Additive<C, Z> {
    fn visit<V: ParameterVisitor>(&mut self, visitor: &mut V) -> Result<()> {
        self.columns
            .iter_mut()
            .try_for_each(|column| column.visit(visitor))
    }
}

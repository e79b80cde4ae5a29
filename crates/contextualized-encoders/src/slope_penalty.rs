//! Penalties on generated slopes that bring their own gradients.

use crate::encoder::Encoder;
use crate::heads::{Generated, Head};
use crate::network::{Contextualized, Network, Penalized};
use crate::parameters::{ParameterVisitor, Parameters};
use crate::penalties::Penalties;
use crate::structure::HeadStructure;
use crate::tensors::{Tape, Values, check_width, device_error, tensor, to_array3};
use contextualized_core::validate::check_columns;
use contextualized_core::{Error, Result};
use dfdx::shapes::{Axes3, Axis, Dim, HasShape};
use dfdx::tensor::{Cpu, WithEmptyTape};
use dfdx::tensor_ops::{BroadcastTo, SumTo, TryAdd, TryMul};
use ndarray::{Array3, ArrayView2, ArrayView3};

/// A penalty on slopes whose gradient is known in closed form, such as one on the cycles of a network.
///
/// Training adds `Σ G ∘ B` to its objective, with the gradient G at the current slopes B held constant:
/// another function than the penalty, with the same gradient.
pub trait SlopePenalty {
    /// The gradient (rows × targets × features) by the slopes of a batch, or nothing where there is no
    /// penalty on them. As the loss is a mean over rows, so the penalty should be.
    ///
    /// # Errors
    ///
    /// Whatever the penalty fails at; it ends the training.
    fn of_slopes(&self, slopes: ArrayView3<'_, f64>) -> Result<Option<Array3<f64>>>;

    /// The gradient (archetypes × targets × features) by a head's archetypes, or nothing where there is
    /// no penalty on them.
    ///
    /// # Errors
    ///
    /// Whatever the penalty fails at; it ends the training.
    fn of_archetypes(&self, archetypes: ArrayView3<'_, f64>) -> Result<Option<Array3<f64>>>;
}

/// A network trained with a [`SlopePenalty`].
#[derive(Debug, Clone)]
pub struct Regularized<N, P> {
    network: N,
    penalty: P,
}

impl<N, P> Regularized<N, P> {
    /// Adds a penalty to a network.
    pub fn new(network: N, penalty: P) -> Self {
        Self { network, penalty }
    }

    /// The network.
    pub fn network(&self) -> &N {
        &self.network
    }

    /// The penalty.
    pub fn penalty(&self) -> &P {
        &self.penalty
    }

    /// The network without its penalty.
    pub fn into_network(self) -> N {
        self.network
    }
}

/// `Σ G ∘ B` for a batch of slopes.
fn surrogate<A: Dim, Y: Dim, X: Dim, T: Tape>(
    slopes: Values<(A, Y, X), T>,
    gradient: Array3<f64>,
) -> Result<Values<(), T>> {
    let shape = *slopes.shape();
    let found = gradient.dim();
    let expected = (shape.0.size(), shape.1.size(), shape.2.size());
    if found != expected {
        return Err(Error::ColumnCount {
            argument: "gradient of the penalty",
            expected: expected.0 * expected.1 * expected.2,
            found: gradient.len(),
        });
    }
    let gradient = tensor(&Cpu::default(), gradient.iter().copied().collect(), shape)?;
    slopes
        .try_mul(gradient)
        .and_then(SumTo::try_sum::<(), Axes3<0, 1, 2>>)
        .map_err(device_error)
}

fn sum<T: Tape>(
    a: Option<Values<(), T>>,
    b: Option<Values<(), T>>,
) -> Result<Option<Values<(), T>>> {
    match (a, b) {
        (Some(a), Some(b)) => Ok(Some(a.try_add(b).map_err(device_error)?)),
        (a, b) => Ok(a.or(b)),
    }
}

impl<C, Z, X, Y, E, H, P> Network<C, X, Y> for Regularized<Contextualized<C, Z, X, Y, E, H>, P>
where
    C: Dim,
    Z: Dim,
    X: Dim,
    Y: Dim,
    E: Encoder<C, Z>,
    H: Head<Z, X, Y>,
    P: SlopePenalty,
{
    fn widths(&self) -> (C, X, Y) {
        self.network.widths()
    }

    fn predictor<B: Dim, T: Tape>(
        &self,
        contexts: Values<(B, C), T>,
        features: Values<(B, X), T>,
    ) -> Result<Values<(B, Y), T>> {
        self.network.predictor(contexts, features)
    }

    fn penalized<B: Dim, T: Tape>(
        &self,
        contexts: Values<(B, C), T>,
        features: Values<(B, X), T>,
        penalties: &Penalties,
    ) -> Result<Penalized<B, Y, T>> {
        let coefficients = self.network.coefficients(contexts)?;
        let mut penalty = penalties.of_coefficients(&coefficients)?;
        let gradient = self
            .penalty
            .of_slopes(to_array3(&coefficients.slopes)?.view())?;
        if let Some(gradient) = gradient {
            let term = surrogate(coefficients.slopes.with_empty_tape(), gradient)?;
            penalty = sum(penalty, Some(term))?;
        }
        if let Some(archetypes) = self.network.head().archetypes::<T>() {
            let gradient = self.penalty.of_archetypes(to_array3(&archetypes)?.view())?;
            if let Some(gradient) = gradient {
                penalty = sum(penalty, Some(surrogate(archetypes, gradient)?))?;
            }
        }
        Ok((coefficients.predictor(features)?, penalty))
    }

    fn shrink_columns(&mut self, threshold: f64) -> Result<()> {
        self.network.shrink_columns(threshold)
    }
}

impl<N: Parameters, P> Parameters for Regularized<N, P> {
    fn visit<V: ParameterVisitor>(&mut self, visitor: &mut V) -> Result<()> {
        self.network.visit(visitor)
    }
}

/// A head some of whose slopes are zero whatever the code, such as those of nodes on themselves.
#[derive(Debug, Clone)]
pub struct Masked<H, X: Dim, Y: Dim> {
    head: H,
    /// Ones where there are slopes; none for all.
    mask: Option<Values<(Y, X)>>,
}

impl<H, X: Dim, Y: Dim> Masked<H, X, Y> {
    /// Keeps the slopes for which the mask (targets × features) is true, or all without one.
    ///
    /// # Errors
    ///
    /// [`Error::ColumnCount`] for a mask of another size than the head's slopes.
    pub fn new<'a, Z: Dim>(head: H, mask: impl Into<Option<ArrayView2<'a, bool>>>) -> Result<Self>
    where
        H: Head<Z, X, Y>,
    {
        let Some(mask) = mask.into() else {
            return Ok(Self { head, mask: None });
        };
        let shape = (head.target_width(), head.feature_width());
        for (expected, found) in [
            (shape.0.size(), mask.nrows()),
            (shape.1.size(), mask.ncols()),
        ] {
            check_width("mask", found)?;
            check_columns("mask", expected, found)?;
        }
        let ones = mask.iter().map(|kept| f64::from(u8::from(*kept))).collect();
        Ok(Self {
            mask: Some(tensor(&Cpu::default(), ones, shape)?),
            head,
        })
    }

    /// The head without the mask.
    pub fn head(&self) -> &H {
        &self.head
    }

    fn apply<A: Dim, T: Tape>(&self, slopes: Values<(A, Y, X), T>) -> Result<Values<(A, Y, X), T>> {
        let Some(mask) = &self.mask else {
            return Ok(slopes);
        };
        let mask = mask
            .clone()
            .try_broadcast_like::<_, Axis<0>>(slopes.shape())
            .map_err(device_error)?;
        slopes.try_mul(mask).map_err(device_error)
    }
}

impl<Z: Dim, X: Dim, Y: Dim, H: Head<Z, X, Y>> Head<Z, X, Y> for Masked<H, X, Y> {
    fn generate<B: Dim, T: Tape>(&self, codes: Values<(B, Z), T>) -> Result<Generated<B, X, Y, T>> {
        let Generated { slopes, intercepts } = self.head.generate(codes)?;
        Ok(Generated {
            slopes: self.apply(slopes)?,
            intercepts,
        })
    }

    fn archetypes<T: Tape>(&self) -> Option<Values<(Z, Y, X), T>> {
        self.apply(self.head.archetypes()?).ok()
    }

    /// That of the head, unless it has a mask already.
    fn structure(&self) -> Option<HeadStructure> {
        let structure = self.head.structure()?;
        match (&self.mask, &structure.mask) {
            (None, _) => Some(structure),
            (Some(_), Some(_)) => None,
            (Some(mask), None) => Some(HeadStructure {
                mask: Some(mask.as_vec()),
                ..structure
            }),
        }
    }

    fn code_width(&self) -> Z {
        self.head.code_width()
    }

    fn feature_width(&self) -> X {
        self.head.feature_width()
    }

    fn target_width(&self) -> Y {
        self.head.target_width()
    }
}

impl<H: Parameters, X: Dim, Y: Dim> Parameters for Masked<H, X, Y> {
    fn visit<V: ParameterVisitor>(&mut self, visitor: &mut V) -> Result<()> {
        self.head.visit(visitor)
    }
}

//! Networks whose derivatives are known, and draws of random ones.

use contextualized_bridge::{Differentiable, Plain};
use contextualized_core::{Error, Result, Scaling, Standardization};
use contextualized_encoders::{
    Activation, ArchetypeWeights, Archetypes, Const, Contextualized, Dim, Mlp, MlpSettings,
    MlpWeights, Tape, Values,
};
use dfdx::shapes::HasShape;
use dfdx::tensor::{Cpu, TensorFromVec, WithEmptyTape};
use dfdx::tensor_ops::{BroadcastTo, ReshapeTo, TryAdd, TryDiv, TryMul, TrySub};
use ndarray::{Array1, Array2, Array3};
use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

pub(crate) fn uniform(seed: u64) -> impl FnMut(f64) -> f64 {
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    move |bound| generator.gen_range(-bound..bound)
}

/// A table of uniform numbers on ±bound.
pub(crate) fn table(rows: usize, columns: usize, bound: f64, seed: u64) -> Array2<f64> {
    let mut draw = uniform(seed);
    Array2::from_shape_simple_fn((rows, columns), || draw(bound))
}

fn failed(error: dfdx::tensor::CpuError) -> Error {
    Error::numerical("a test's network", error)
}

/// g(c, x) = x₀ sin(c₀) + x₁ c₀ c₁ + c₁², written by hand on typed tensors.
pub(crate) struct Known;

impl Known {
    pub(crate) fn slopes(c: &[f64]) -> [f64; 2] {
        [c[0].sin(), c[0] * c[1]]
    }
    pub(crate) fn intercept(c: &[f64]) -> f64 {
        c[1] * c[1]
    }
    /// f'(c), features × contexts.
    pub(crate) fn changes(c: &[f64]) -> [[f64; 2]; 2] {
        [[c[0].cos(), 0.0], [c[1], c[0]]]
    }
    /// m'(c).
    pub(crate) fn intercept_changes(c: &[f64]) -> [f64; 2] {
        [0.0, 2.0 * c[1]]
    }
}

impl Differentiable<Const<2>, Const<2>, Const<1>> for Known {
    fn sizes(&self) -> (Const<2>, Const<2>, Const<1>) {
        (Const, Const, Const)
    }

    fn forward<B: Dim, T: Tape>(
        &self,
        contexts: Values<(B, Const<2>), T>,
        features: Values<(B, Const<2>), T>,
    ) -> Result<Values<(B, Const<1>), T>> {
        let one = (contexts.shape().0, Const::<1>);
        // Each column is sliced once and the slice used twice: see `Differentiable`.
        let column = |of: Values<(B, Const<2>), T>, index: usize| {
            of.try_slice((.., index..index + 1))
                .and_then(|column| column.try_reshape_like(&one))
                .map_err(failed)
        };
        let (c0, c1) = (column(contexts.with_empty_tape(), 0)?, column(contexts, 1)?);
        let (x0, x1) = (column(features.with_empty_tape(), 0)?, column(features, 1)?);
        let sine = c0.with_empty_tape().try_sin();
        let square = c1.with_empty_tape().try_square();
        x1.try_mul(c0)
            .and_then(|g| g.try_mul(c1))
            .and_then(|g| g.try_add(x0.try_mul(sine?)?))
            .and_then(|g| g.try_add(square?))
            .map_err(failed)
    }
}

/// g(c, x) = b x + sin(c): a constant f.
pub(crate) struct ConstantSlope(pub(crate) f64);

impl Differentiable<Const<1>, Const<1>, Const<1>> for ConstantSlope {
    fn sizes(&self) -> (Const<1>, Const<1>, Const<1>) {
        (Const, Const, Const)
    }

    fn forward<B: Dim, T: Tape>(
        &self,
        contexts: Values<(B, Const<1>), T>,
        features: Values<(B, Const<1>), T>,
    ) -> Result<Values<(B, Const<1>), T>> {
        features
            .try_mul(self.0)
            .and_then(|g| g.try_add(contexts.try_sin()?))
            .map_err(failed)
    }
}

/// The sum of two networks of the same run-time widths.
pub(crate) struct Sum<M, N>(pub(crate) M, pub(crate) N);

impl<M, N> Differentiable<usize, usize, usize> for Sum<M, N>
where
    M: Differentiable<usize, usize, usize>,
    N: Differentiable<usize, usize, usize>,
{
    fn sizes(&self) -> (usize, usize, usize) {
        self.0.sizes()
    }

    fn forward<B: Dim, T: Tape>(
        &self,
        contexts: Values<(B, usize), T>,
        features: Values<(B, usize), T>,
    ) -> Result<Values<(B, usize), T>> {
        let other = self
            .1
            .forward(contexts.with_empty_tape(), features.with_empty_tape())?;
        self.0
            .forward(contexts, features)?
            .try_add(other)
            .map_err(failed)
    }
}

/// A network in the users' units: standardisation before it and after it, on the tape.
pub(crate) struct InUnits<N> {
    pub(crate) network: N,
    pub(crate) scaling: Scaling,
}

/// Subtracts and divides, or multiplies and adds.
pub(crate) fn standardized<B: Dim, T: Tape>(
    values: Values<(B, usize), T>,
    by: &Standardization,
    invert: bool,
) -> Result<Values<(B, usize), T>> {
    let row = |numbers: ndarray::ArrayView1<'_, f64>| {
        Cpu::default()
            .try_tensor_from_vec(numbers.to_vec(), (numbers.len(),))
            .and_then(|row| row.try_broadcast_like(values.shape()))
            .map_err(failed)
    };
    let (centers, scales) = (row(by.centers())?, row(by.scales())?);
    if invert {
        values.try_mul(scales).and_then(|v| v.try_add(centers))
    } else {
        values.try_sub(centers).and_then(|v| v.try_div(scales))
    }
    .map_err(failed)
}

impl<N: Differentiable<usize, usize, usize>> Differentiable<usize, usize, usize> for InUnits<N> {
    fn sizes(&self) -> (usize, usize, usize) {
        self.network.sizes()
    }

    fn forward<B: Dim, T: Tape>(
        &self,
        contexts: Values<(B, usize), T>,
        features: Values<(B, usize), T>,
    ) -> Result<Values<(B, usize), T>> {
        let contexts = standardized(contexts, &self.scaling.contexts, false)?;
        let features = standardized(features, &self.scaling.features, false)?;
        let output = self.network.forward(contexts, features)?;
        standardized(output, &self.scaling.targets, true)
    }
}

/// Sizes and weights of a random network.
#[derive(Debug, Clone)]
pub(crate) struct Drawn {
    pub(crate) contexts: usize,
    pub(crate) features: usize,
    pub(crate) targets: usize,
    pub(crate) code: usize,
    pub(crate) size: MlpSettings,
    pub(crate) seed: u64,
}

pub(crate) type Explicit =
    Contextualized<usize, usize, usize, usize, Mlp<usize, usize>, Archetypes<usize, usize, usize>>;

impl Drawn {
    /// g = B(c) x + m(c), by an encoder and archetypes on ±2.
    pub(crate) fn explicit(&self) -> Explicit {
        let mut draw = uniform(self.seed);
        let archetypes = ArchetypeWeights {
            slopes: Array3::from_shape_simple_fn((self.code, self.targets, self.features), || {
                draw(2.0)
            }),
            intercepts: Some(Array2::from_shape_simple_fn(
                (self.code, self.targets),
                || draw(2.0),
            )),
        };
        let encoder = Mlp::new(self.contexts, self.code, self.size, self.seed).unwrap();
        Contextualized::new(encoder, Archetypes::from_weights(&archetypes).unwrap()).unwrap()
    }

    /// g([c, x]), its weights twice what a network starts with.
    pub(crate) fn plain(&self) -> Plain {
        let mut weights = self.plain_weights();
        weights
            .layers
            .iter_mut()
            .for_each(|layer| layer.weights *= 2.0);
        Plain::from_weights(&weights, self.contexts, self.features).unwrap()
    }

    fn plain_weights(&self) -> MlpWeights {
        Plain::new(
            self.contexts,
            self.features,
            self.targets,
            self.size,
            self.seed,
        )
        .unwrap()
        .to_weights()
        .unwrap()
    }

    pub(crate) fn rows(&self, rows: usize) -> (Array2<f64>, Array2<f64>) {
        (
            table(rows, self.contexts, 2.0, self.seed ^ 1),
            table(rows, self.features, 2.0, self.seed ^ 2),
        )
    }

    /// Centres on ±10 and scales on a tenth to ten.
    pub(crate) fn scaling(&self) -> Scaling {
        let mut draw = uniform(self.seed ^ 3);
        let mut of = |columns: usize| -> Standardization {
            let centers: Array1<f64> = (0..columns).map(|_| draw(10.0)).collect();
            let scales: Array1<f64> = (0..columns).map(|_| 10.0_f64.powf(draw(1.0))).collect();
            // Two rows have their mean in the middle and deviate from it by half their distance.
            let rows = ndarray::stack(
                ndarray::Axis(0),
                &[(&centers - &scales).view(), (&centers + &scales).view()],
            )
            .unwrap();
            Standardization::fit(rows.view(), None).unwrap()
        };
        Scaling {
            contexts: of(self.contexts),
            features: of(self.features),
            targets: of(self.targets),
        }
    }
}

pub(crate) fn smooth() -> impl Strategy<Value = Activation> {
    prop_oneof![Just(Activation::Tanh), Just(Activation::Softplus)]
}

pub(crate) fn any_activation() -> impl Strategy<Value = Activation> {
    prop_oneof![Just(Activation::Relu), smooth()]
}

/// Random widths, depths and weights.
pub(crate) fn drawn(activation: impl Strategy<Value = Activation>) -> impl Strategy<Value = Drawn> {
    let widths = (1..4_usize, 1..4_usize, 1..3_usize, 1..4_usize);
    let size = (1..9_usize, 1..4_usize);
    (widths, size, activation, any::<u64>()).prop_map(
        |((contexts, features, targets, code), (width, layers), activation, seed)| Drawn {
            contexts,
            features,
            targets,
            code,
            size: MlpSettings::new(width, layers).activation(activation),
            seed,
        },
    )
}

//! From the objective's derivatives by the linear predictor of a block of rows to those by all weights.

use super::coefficients::{self, Coefficients, Row};
use super::products::{Ones, Sizes, Start, Transposed, multiply, multiply_by_rows};
use super::{BLOCK, Fused, Units, functions};
use crate::encoder::EncoderLink;
use pulp::{Simd, WithSimd};

/// Leaves the gradient.
pub(super) struct Backward<'a> {
    pub(super) fused: &'a mut Fused,
    /// Of the block.
    pub(super) rows: usize,
    /// Rows of the batch, over which penalties are means.
    pub(super) batch: usize,
    /// Whether the gradient adds to that of the blocks before.
    pub(super) adds: bool,
}

impl WithSimd for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self {
            fused,
            rows,
            batch,
            adds,
        } = self;
        let start = if adds { Start::There } else { Start::Zero };
        differentiate_head(simd, fused, rows, batch, start);
        differentiate_encoder(simd, fused, rows, start);
    }
}

/// From the derivatives by the linear predictor to those by archetypes and by what goes into the link.
#[inline(always)]
fn differentiate_head<S: Simd>(
    simd: S,
    fused: &mut Fused,
    rows: usize,
    batch: usize,
    start: Start<'_>,
) {
    let head = &fused.structure.head;
    let Coefficients {
        values,
        deltas,
        stride,
    } = &mut fused.coefficients;
    let stride = *stride;
    let features = fused.features.chunks_exact(head.features);
    let targets = fused.predictor.chunks_exact_mut(head.targets);
    let coefficients = values
        .chunks_exact(stride)
        .zip(deltas.chunks_exact_mut(stride));
    for ((features, targets), (values, deltas)) in
        features.zip(targets).zip(coefficients).take(rows)
    {
        let row = Row { features, targets };
        let count = head.coefficients();
        let (values, deltas) = (&values[..count], &mut deltas[..count]);
        coefficients::differentiate(head, &fused.penalties, batch, values, deltas, &row);
    }
    let code = &mut fused.code;
    let deltas = &deltas[..rows * stride];
    match &fused.layout.archetypes {
        Some(layer) => {
            let left = Transposed {
                values: &code.values,
                stride: code.stride,
            };
            let sizes = Sizes {
                rows: layer.inputs,
                inner: rows,
                stride,
            };
            let gradient = &mut fused.gradient[layer.weights.clone()];
            multiply(simd, gradient, start, left, deltas, sizes);
            let sizes = Sizes {
                rows,
                inner: layer.inputs,
                stride,
            };
            let archetypes = &fused.weights[layer.weights.clone()];
            multiply_by_rows(
                simd,
                &mut code.deltas,
                code.stride,
                deltas,
                archetypes,
                sizes,
            );
        }
        None => code.deltas[..rows * stride].copy_from_slice(deltas),
    }
    let used = ..rows * code.stride;
    let deltas = &mut code.deltas[used];
    match fused.structure.encoder.link {
        EncoderLink::Identity => {}
        EncoderLink::Logistic => {
            for (delta, slope) in deltas.iter_mut().zip(&code.slopes[used]) {
                *delta *= slope;
            }
        }
        EncoderLink::Softmax => {
            let columns = fused.structure.head.code();
            functions::differentiate_softmax(&code.values[used], deltas, columns, code.stride);
        }
    }
}

/// From the derivatives by what goes into the link to those by the encoder's weights.
#[inline(always)]
fn differentiate_encoder<S: Simd>(simd: S, fused: &mut Fused, rows: usize, start: Start<'_>) {
    let width = fused.contexts.len() / BLOCK;
    let perceptrons = fused.structure.encoder.perceptrons.iter();
    let layers = fused.layout.perceptrons.iter().zip(&mut fused.hidden);
    for (perceptron, (layers, hidden)) in perceptrons.zip(layers) {
        let mut above: &Units = &fused.code;
        let mut hidden = &mut hidden[..];
        for layer in layers.iter().rev() {
            let below = hidden.split_last_mut();
            let input = match &below {
                Some((units, _)) => Transposed {
                    values: &units.values,
                    stride: units.stride,
                },
                None => Transposed {
                    values: &fused.contexts[perceptron.first_column..],
                    stride: width,
                },
            };
            let deltas = &above.deltas[..rows * layer.stride];
            let sizes = Sizes {
                rows: layer.inputs,
                inner: rows,
                stride: layer.stride,
            };
            let gradient = &mut fused.gradient[layer.weights.clone()];
            multiply(simd, gradient, start, input, deltas, sizes);
            let gradient = &mut fused.gradient[layer.biases.clone()];
            multiply(
                simd,
                gradient,
                start,
                Ones,
                deltas,
                Sizes { rows: 1, ..sizes },
            );
            let Some((units, rest)) = below else { break };
            let weights = &fused.weights[layer.weights.clone()];
            let sizes = Sizes {
                rows,
                inner: layer.inputs,
                stride: layer.stride,
            };
            multiply_by_rows(
                simd,
                &mut units.deltas,
                units.stride,
                deltas,
                weights,
                sizes,
            );
            let slopes = &units.slopes[..rows * units.stride];
            for (delta, slope) in units.deltas.iter_mut().zip(slopes) {
                *delta *= slope;
            }
            above = units;
            hidden = rest;
        }
    }
}

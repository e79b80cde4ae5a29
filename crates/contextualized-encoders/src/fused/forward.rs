//! From contexts and features to the linear predictor of a block of rows.

use super::coefficients::{self, Row};
use super::products::{Rows, Sizes, Start, multiply};
use super::{BLOCK, Fused, Units, functions};
use crate::encoder::EncoderLink;
use pulp::{Simd, WithSimd};

/// Leaves the linear predictor, and what the way back needs.
pub(super) struct Forward<'a> {
    pub(super) fused: &'a mut Fused,
    /// Of the block.
    pub(super) rows: usize,
}

impl WithSimd for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { fused, rows } = self;
        encode(simd, fused, rows);
        let Fused {
            structure,
            layout,
            weights,
            code,
            coefficients,
            ..
        } = fused;
        let (head, stride) = (&structure.head, coefficients.stride);
        let values = &mut coefficients.values[..rows * stride];
        match &layout.archetypes {
            Some(layer) => multiply(
                simd,
                values,
                Start::Zero,
                Rows {
                    values: &code.values,
                    stride: code.stride,
                },
                &weights[layer.weights.clone()],
                Sizes {
                    rows,
                    inner: layer.inputs,
                    stride,
                },
            ),
            None => {
                let count = head.coefficients();
                let codes = code.values.chunks_exact(code.stride);
                for (values, code) in values.chunks_exact_mut(stride).zip(codes) {
                    values[..count].copy_from_slice(&code[..count]);
                }
            }
        }
        let features = fused.features.chunks_exact(head.features);
        let predictors = fused.predictor.chunks_exact_mut(head.targets);
        for ((values, features), targets) in values
            .chunks_exact_mut(stride)
            .zip(features)
            .zip(predictors)
        {
            coefficients::apply_mask(head, values);
            coefficients::predict(head, values, Row { features, targets });
        }
    }
}

/// From contexts to codes.
#[inline(always)]
fn encode<S: Simd>(simd: S, fused: &mut Fused, rows: usize) {
    let width = fused.contexts.len() / BLOCK;
    let perceptrons = &fused.structure.encoder.perceptrons;
    for (number, (perceptron, layers)) in perceptrons
        .iter()
        .zip(&fused.layout.perceptrons)
        .enumerate()
    {
        let mut input = Rows {
            values: &fused.contexts[perceptron.first_column..],
            stride: width,
        };
        let mut hidden = fused.hidden[number].iter_mut();
        for layer in layers {
            let weights = &fused.weights[layer.weights.clone()];
            let biases = &fused.weights[layer.biases.clone()];
            let sizes = Sizes {
                rows,
                inner: layer.inputs,
                stride: layer.stride,
            };
            let Some(units) = hidden.next() else {
                let start = match number {
                    0 => Start::Row(biases),
                    _ => Start::ThereAndRow(biases),
                };
                multiply(simd, &mut fused.code.values, start, input, weights, sizes);
                break;
            };
            let used = ..rows * layer.stride;
            let values = &mut units.values[used];
            multiply(simd, values, Start::Row(biases), input, weights, sizes);
            functions::activate(simd, perceptron.activation, values, &mut units.slopes[used]);
            input = Rows {
                values: &units.values,
                stride: layer.stride,
            };
        }
    }
    let Units {
        values,
        slopes,
        stride,
        ..
    } = &mut fused.code;
    let (used, columns) = (..rows * *stride, fused.structure.head.code());
    match fused.structure.encoder.link {
        EncoderLink::Identity => {}
        EncoderLink::Logistic => {
            functions::logistic(simd, &mut values[used], &mut slopes[used]);
        }
        EncoderLink::Softmax => functions::softmax(simd, &mut values[used], columns, *stride),
    }
}

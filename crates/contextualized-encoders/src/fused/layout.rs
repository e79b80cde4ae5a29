//! Where the trainable tensors of a network are in one flat array whose rows fill whole registers.

use crate::parameters::{ParameterKind, ParameterVisitor, Parameters};
use crate::structure::NetworkStructure;
use crate::tensors::Values;
use contextualized_core::{Error, Result};
use dfdx::shapes::Shape;
use std::ops::Range;

/// An affine layer, or archetypes, which have no biases. Padding is zero, its gradient too.
#[derive(Debug, Clone)]
pub(super) struct Layer {
    pub(super) inputs: usize,
    /// Outputs, with padding.
    pub(super) stride: usize,
    pub(super) weights: Range<usize>,
    pub(super) biases: Range<usize>,
}

/// All layers, in the order in which a network shows its tensors.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    /// Of each perceptron, from the contexts to the code.
    pub(super) perceptrons: Vec<Vec<Layer>>,
    /// Of a head that mixes archetypes: from the code to slopes and intercepts.
    pub(super) archetypes: Option<Layer>,
    blocks: Vec<Block>,
    length: usize,
}

/// A tensor, as a matrix inside the array.
#[derive(Debug, Clone)]
struct Block {
    kind: ParameterKind,
    start: usize,
    rows: usize,
    columns: usize,
    stride: usize,
}

impl Layout {
    /// For registers of so many numbers.
    pub(super) fn of(structure: &NetworkStructure, lanes: usize) -> Self {
        let mut layout = Self {
            perceptrons: Vec::new(),
            archetypes: None,
            blocks: Vec::new(),
            length: 0,
        };
        for perceptron in &structure.encoder.perceptrons {
            let layers = perceptron
                .widths
                .windows(2)
                .map(|widths| layout.affine(widths[0], widths[1], lanes))
                .collect();
            layout.perceptrons.push(layers);
        }
        let head = &structure.head;
        if let Some(archetypes) = head.archetypes {
            let stride = head.coefficients().next_multiple_of(lanes);
            let weights = layout.take(archetypes * stride);
            let mut block = |start, columns| {
                layout.blocks.push(Block {
                    kind: ParameterKind::Archetype,
                    start,
                    rows: archetypes,
                    columns,
                    stride,
                });
            };
            block(weights.start, head.slopes());
            if head.intercept {
                block(weights.start + head.slopes(), head.targets);
            }
            layout.archetypes = Some(Layer {
                inputs: archetypes,
                stride,
                biases: weights.end..weights.end,
                weights,
            });
        }
        layout
    }

    fn affine(&mut self, inputs: usize, outputs: usize, lanes: usize) -> Layer {
        let stride = outputs.next_multiple_of(lanes);
        let weights = self.take(inputs * stride);
        let biases = self.take(stride);
        for (kind, start, rows) in [
            (ParameterKind::Weight, weights.start, inputs),
            (ParameterKind::Bias, biases.start, 1),
        ] {
            self.blocks.push(Block {
                kind,
                start,
                rows,
                columns: outputs,
                stride,
            });
        }
        Layer {
            inputs,
            stride,
            weights,
            biases,
        }
    }

    fn take(&mut self, length: usize) -> Range<usize> {
        let start = self.length;
        self.length += length;
        start..self.length
    }

    /// Numbers in the array.
    pub(super) fn length(&self) -> usize {
        self.length
    }

    /// The array in stretches, each with what its squared weights are penalised by: the encoder's weights
    /// by this, all else by nothing.
    pub(super) fn decays(&self, of_weights: f64) -> Vec<(Range<usize>, f64)> {
        let mut stretches: Vec<(Range<usize>, f64)> = Vec::new();
        let layers = self.perceptrons.iter().flatten();
        let ranges = layers
            .flat_map(|layer| [(&layer.weights, of_weights), (&layer.biases, 0.0)])
            .chain(self.archetypes.iter().map(|layer| (&layer.weights, 0.0)));
        for (range, decay) in ranges {
            match stretches.last_mut() {
                Some((last, same)) if *same == decay => last.end = range.end,
                _ => stretches.push((range.clone(), decay)),
            }
        }
        stretches
    }

    /// Copies a network's numbers into the array.
    ///
    /// # Errors
    ///
    /// [`Error::ColumnCount`] for a network of another structure.
    pub(super) fn read<P: Parameters>(&self, network: &mut P, array: &mut [f64]) -> Result<()> {
        struct Read<'a>(Blocks<'a>, &'a mut [f64]);
        impl ParameterVisitor for Read<'_> {
            fn visit<S: Shape>(
                &mut self,
                kind: ParameterKind,
                parameter: &mut Values<S>,
            ) -> Result<()> {
                let values = parameter.as_vec();
                let block = self.0.next(kind, values.len())?;
                for (row, values) in values.chunks_exact(block.columns).enumerate() {
                    self.1[block.row(row)].copy_from_slice(values);
                }
                Ok(())
            }
        }
        let mut read = Read(Blocks(self.blocks.iter()), array);
        network.visit(&mut read)?;
        read.0.end()
    }

    /// Copies the array's numbers into a network.
    ///
    /// # Errors
    ///
    /// Those of [`Layout::read`].
    pub(super) fn write<P: Parameters>(&self, array: &[f64], network: &mut P) -> Result<()> {
        struct Write<'a>(Blocks<'a>, &'a [f64]);
        impl ParameterVisitor for Write<'_> {
            fn visit<S: Shape>(
                &mut self,
                kind: ParameterKind,
                parameter: &mut Values<S>,
            ) -> Result<()> {
                let mut values = parameter.as_vec();
                let block = self.0.next(kind, values.len())?;
                for (row, values) in values.chunks_exact_mut(block.columns).enumerate() {
                    values.copy_from_slice(&self.1[block.row(row)]);
                }
                parameter.copy_from(&values);
                Ok(())
            }
        }
        let mut write = Write(Blocks(self.blocks.iter()), array);
        network.visit(&mut write)?;
        write.0.end()
    }
}

impl Block {
    fn row(&self, row: usize) -> Range<usize> {
        let start = self.start + row * self.stride;
        start..start + self.columns
    }
}

/// The blocks that are still to come on a walk over a network's tensors.
struct Blocks<'a>(std::slice::Iter<'a, Block>);

impl<'a> Blocks<'a> {
    /// The next one, for a tensor of this kind and size.
    fn next(&mut self, kind: ParameterKind, size: usize) -> Result<&'a Block> {
        let block = self.0.next();
        let expected = block.map_or(0, |block| block.rows * block.columns);
        block
            .filter(|block| expected == size && block.kind == kind)
            .ok_or(Error::ColumnCount {
                argument: "a tensor of the network",
                expected,
                found: size,
            })
    }

    fn end(mut self) -> Result<()> {
        match self.0.next() {
            None => Ok(()),
            Some(block) => Err(Error::ColumnCount {
                argument: "a tensor of the network",
                expected: block.rows * block.columns,
                found: 0,
            }),
        }
    }
}

//! Tests of encoders, heads and trainer through the public surface.

mod gradients;
mod shapes;
mod training;

//! Numbers that begin where registers like to read.

use std::ops::{Deref, DerefMut};

/// Bytes of a cache line: no register is read from two of them.
const LINE: usize = 64;

/// So many numbers, the first at the beginning of a cache line.
pub(super) struct Buffer {
    values: Vec<f64>,
    start: usize,
    length: usize,
}

impl Buffer {
    pub(super) fn zeros(length: usize) -> Self {
        let spare = LINE / size_of::<f64>();
        let values = vec![0.0; length + spare];
        // Where a machine cannot say, the numbers begin anywhere.
        let start = values.as_ptr().align_offset(LINE).min(spare);
        Self {
            values,
            start,
            length,
        }
    }
}

impl Deref for Buffer {
    type Target = [f64];

    #[inline(always)]
    fn deref(&self) -> &[f64] {
        &self.values[self.start..self.start + self.length]
    }
}

impl DerefMut for Buffer {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut [f64] {
        &mut self.values[self.start..self.start + self.length]
    }
}

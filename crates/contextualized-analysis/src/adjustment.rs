//! P-values adjusted for many tests.

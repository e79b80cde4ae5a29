//! How far a context is from those fitted.

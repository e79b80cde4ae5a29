//! Coefficients and networks in the plane.

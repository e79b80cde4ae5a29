//! Effects of contexts and predictors.

//! Varying-coefficient models of tables: formulas, codings of columns, fits with their tests, model files.
//!
//! What the program `contextualized` and the Python package have in common. It reads and writes no files: a table is
//! whatever implements [`Table`](data::Table), such as batches of Arrow in memory, and a model file is bytes.
//!
//! # The mathematics
//!
//! A formula `y ~ x0 + x1 | c0 + c1` names the targets, features and contexts of
//!
//! ```text
//! link(E[y | x, c]) = B(c) x + m(c) + offset
//! ```
//!
//! Columns of text, and `factor(…)`, are indicators of their levels. As features they are coded by treatment
//! contrasts, so that the first level is part of the intercept; as contexts each of three or more levels has an
//! indicator of its own. Bases (`poly`, `bs`, `ns`, `scale`, `cyclic`) keep the constants that they found in the
//! training rows. What was found is a [`Design`](design::Design), which codes new rows likewise.
//!
//! # Example
//!
//! ```
//! use arrow_array::{ArrayRef, Float64Array, RecordBatch, StringArray};
//! use contextualized_core::VaryingCoefficients;
//! use contextualized_frame::data::Batches;
//! use contextualized_frame::design::{Request, read_training};
//! use contextualized_frame::fitting::{Origin, RegressionFit};
//! use contextualized_frame::saved::{Fitted, Saved};
//! use contextualized_frame::formula;
//! use std::sync::Arc;
//!
//! // The effect of a dose is 1 at one site and 3 at the other.
//! let dose: Vec<f64> = (0..40).map(f64::from).collect();
//! let site: Vec<&str> = (0..40).map(|row| if row % 2 == 0 { "A" } else { "B" }).collect();
//! let effect = |row: usize| if row % 2 == 0 { 1.0 } else { 3.0 };
//! let response: Vec<f64> = (0..40).map(|row| effect(row) * dose[row] + (row as f64).sin()).collect();
//! let batch = RecordBatch::try_from_iter([
//!     ("dose", Arc::new(Float64Array::from(dose)) as ArrayRef),
//!     ("site", Arc::new(StringArray::from(site)) as ArrayRef),
//!     ("response", Arc::new(Float64Array::from(response)) as ArrayRef),
//! ])?;
//! let table = Batches::new("the data", &batch.schema(), vec![batch.clone()])?;
//!
//! let formula = formula::parse("response ~ dose | site")?;
//! let training = read_training(&table, &Request::of(&formula))?;
//! let fit = RegressionFit { tests: false, estimator: "gp".parse()?, ..RegressionFit::default() };
//! let saved = fit.fit(training, &Origin::default())?;
//!
//! // What is written to a model file comes back.
//! let again = Saved::from_bytes(&mut saved.to_bytes()?, "model.ctx")?;
//! let Fitted::Regression(regression) = &again.fitted else { panic!() };
//! let effects = regression.model.coefficients(ndarray::array![[0.0], [1.0]].view())?;
//! assert!((effects.slopes()[[0, 0, 0]] - 1.0).abs() < 0.1); // at site A
//! assert!((effects.slopes()[[1, 0, 0]] - 3.0).abs() < 0.1); // at site B
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Map
//!
//! | module | for |
//! |---|---|
//! | [`formula`] | `y ~ x0 + x1 \| c0 + c1` |
//! | [`data`] | tables of Arrow columns, and their values as numbers, dates or levels |
//! | [`design`] | columns as contexts, features and targets |
//! | [`settings`] | settings of estimators |
//! | [`fitting`] | fits of regressions and networks, with their tests |
//! | [`saved`] | what a model file contains |
//! | [`model_file`] | how it is written |
//! | [`prediction`] | coefficients and outcomes of rows, with intervals |
//! | [`axes`], [`dependence`], [`edges`], [`curves`] | coefficients and edges against each context |
//! | [`account`], [`tables`] | a model in words and tables |
//! | [`pairs`], [`values`] | pairs of nodes; columns of numbers, and how they are written |

pub mod account;
pub mod axes;
pub mod curves;
pub mod data;
pub mod dependence;
pub mod design;
pub mod edges;
mod error;
pub mod fitting;
pub mod formula;
pub mod model_file;
pub mod pairs;
pub mod prediction;
pub mod saved;
pub mod settings;
pub mod tables;
pub mod values;

pub use error::{Error, Result};

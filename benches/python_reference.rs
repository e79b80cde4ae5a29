//! Fits and predictions of the Rust library, which `python/benchmarks/fit_and_predict.py` compares those of Python with.
//!
//! `python_reference FILE ROWS CONTEXTS FEATURES` reads rows of doubles, contexts first, then features and the target, and
//! for each line of its input, the name of an estimator, prints the seconds of a fit and of a prediction.

use contextualized_core::{Family, LocalCoefficients};
use contextualized_frame::design::Arrays;
use contextualized_frame::fitting::{Origin, RegressionFit};
use contextualized_frame::saved::Fitted;
use ndarray::{Array2, s};
use std::error::Error;
use std::hint::black_box;
use std::io::{BufRead, Write};
use std::time::Instant;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [file, sizes @ ..] = &arguments[..] else {
        return Err("FILE ROWS CONTEXTS FEATURES are needed".into());
    };
    let sizes: Vec<usize> = sizes
        .iter()
        .map(|size| size.parse())
        .collect::<Result<_, _>>()?;
    let [rows, contexts, features] = sizes[..] else {
        return Err("FILE ROWS CONTEXTS FEATURES are needed".into());
    };
    let bytes = std::fs::read(file)?;
    let numbers = bytes.chunks_exact(8).map(|own| {
        let mut eight = [0; 8];
        eight.copy_from_slice(own);
        f64::from_le_bytes(eight)
    });
    let all = Array2::from_shape_vec((rows, contexts + features + 1), numbers.collect())?;
    // Tables of their own, as in Python.
    let own = |columns: std::ops::Range<usize>| {
        all.slice(s![.., columns]).as_standard_layout().into_owned()
    };
    let (given, values) = (own(0..contexts), own(contexts..contexts + features));
    let targets = own(contexts + features..contexts + features + 1);
    let names = |prefix: &str, count: usize| -> Vec<String> {
        (0..count)
            .map(|column| format!("{prefix}{column}"))
            .collect()
    };
    let arrays = Arrays {
        contexts: given.view(),
        features: values.view(),
        targets: targets.view(),
        context_names: &names("c", contexts),
        feature_names: &names("x", features),
        target_names: &names("y", 1),
        classes: None,
        family: Family::Gaussian,
        intercept: true,
        weights: None,
        groups: None,
    };
    let mut out = std::io::stdout();
    for line in std::io::stdin().lock().lines() {
        let fit = RegressionFit {
            estimator: line?.trim().parse()?,
            tests: false,
            ..RegressionFit::default()
        };
        let begun = Instant::now();
        let saved = fit.fit(arrays.training()?, &Origin::default())?;
        let fitted = begun.elapsed().as_secs_f64();
        let Fitted::Regression(regression) = &saved.fitted else {
            return Err("a regression was fitted".into());
        };
        let begun = Instant::now();
        black_box(regression.model.predict(given.view(), values.view())?);
        let predicted = begun.elapsed().as_secs_f64();
        // Before Python goes on, so that memory is not given back while its fit is timed.
        drop(saved);
        writeln!(out, "{fitted} {predicted}")?;
        out.flush()?;
    }
    Ok(())
}

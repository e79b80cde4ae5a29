//! 442 patients with diabetes (Efron, Hastie, Johnstone and Tibshirani 2004,
//! doi:10.1214/009053604000000067), in original units.

use contextualized_core::Samples;
use ndarray::{Array2, s};
use std::error::Error;

/// Reads the columns age and sex as contexts, progression as the target, all others as features.
///
/// # Errors
///
/// None that the file as it is has.
pub fn read() -> Result<Samples, Box<dyn Error>> {
    let text = include_str!("../data/diabetes.csv");
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let names: Vec<String> = reader.headers()?.iter().map(str::to_owned).collect();
    let mut values = Vec::new();
    for record in reader.deserialize() {
        let row: Vec<f64> = record?;
        values.extend(row);
    }
    let table = Array2::from_shape_vec((values.len() / names.len(), names.len()), values)?;
    let last = names.len() - 1;
    let samples = Samples::new(
        table.slice(s![.., ..2]),
        table.slice(s![.., 2..last]),
        table.slice(s![.., last..]),
    )?
    .with_context_names(&names[..2])?
    .with_feature_names(&names[2..last])?
    .with_target_names(&names[last..])?;
    Ok(samples)
}

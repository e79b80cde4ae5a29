#![allow(clippy::unwrap_used)]

use super::*;
use ndarray::{Array1, Array2, Array3};
use proptest::prelude::*;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Example {
    title: String,
    count: usize,
    empty: Array2<f64>,
    table: Array2<f64>,
    cube: Array3<f64>,
    long: Vec<f64>,
    counts: Vec<usize>,
    short: Vec<f64>,
    inner: Vec<Inner>,
    choice: Choice,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Inner {
    weights: Option<Array1<f64>>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Choice {
    One(Array1<f64>),
    Other,
}

fn example(seed: f64) -> Example {
    let numbers = |n: usize| (0..n).map(move |i| (seed + i as f64).sin() / 3.0);
    Example {
        title: "a \"quoted\" sha256\\\":\\\" name".to_owned(),
        count: 7,
        empty: Array2::zeros((0, 3)),
        table: Array2::from_shape_vec((4, 5), numbers(20).collect()).unwrap(),
        cube: Array3::from_shape_vec((2, 3, 2), numbers(12).collect()).unwrap(),
        long: numbers(40).collect(),
        counts: (0..50).collect(),
        short: vec![-0.0, 5e-324, f64::MAX, 0.1 + 0.2],
        inner: vec![
            Inner {
                weights: Some(numbers(3).collect()),
            },
            Inner { weights: None },
        ],
        choice: if seed > 0.0 {
            Choice::One(numbers(2).collect())
        } else {
            Choice::Other
        },
    }
}

#[test]
fn what_is_written_is_read_to_the_bit() {
    for seed in [0.0, 1.0] {
        let mut bytes = to_bytes(&example(seed)).unwrap();
        assert_eq!(to_bytes(&example(seed)).unwrap(), bytes);
        let again: Example = from_bytes(&mut bytes, "a").unwrap();
        assert_eq!(again, example(seed));
        assert!(again.short[0].is_sign_negative());
    }
}

#[test]
fn arrays_are_tensors_in_their_shape() {
    let bytes = to_bytes(&example(1.0)).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    assert_eq!(tensors.tensor("table").unwrap().shape(), [4, 5]);
    assert_eq!(tensors.tensor("cube").unwrap().shape(), [2, 3, 2]);
    assert_eq!(tensors.tensor("inner.0.weights").unwrap().shape(), [3]);
    assert_eq!(tensors.tensor("choice.One").unwrap().shape(), [2]);
    assert_eq!(
        tensors.tensor("counts").unwrap().dtype(),
        safetensors::Dtype::U64
    );
    assert!(tensors.tensor("short").is_err());
}

fn error(mut bytes: Vec<u8>) -> String {
    match from_bytes::<Example>(&mut bytes, "model.ctx") {
        Err(Error::Data(message)) => message,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_changed_byte_and_every_cut_is_refused() {
    let bytes = to_bytes(&example(1.0)).unwrap();
    for position in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[position] ^= 1 << (position % 8);
        error(changed);
        let cut = bytes[..position].to_vec();
        let message = error(cut);
        assert!(message.contains("cut off") || message.contains("is not a model file"));
    }
    let mut longer = bytes.clone();
    longer.push(0);
    assert!(error(longer).contains("checksum"));
    assert!(error(b"y,x\n1,2\n".to_vec()).contains("is not a model file"));
}

/// The file with a new checksum, as a forger or a later version would write it.
fn resealed(mut bytes: Vec<u8>) -> Vec<u8> {
    seal(&mut bytes);
    bytes
}

#[test]
fn a_later_version_is_named() {
    let bytes = to_bytes(&example(1.0)).unwrap();
    let needle = br#"\"version\":1"#;
    let place = bytes
        .windows(needle.len())
        .position(|part| part == needle)
        .unwrap();
    let mut later = bytes.clone();
    later[place + needle.len() - 1] = b'2';
    assert!(error(resealed(later)).contains("later version"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Even with a checksum that fits, nothing that is read is a panic.
    #[test]
    fn forged_files_are_errors_or_models(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut bytes = to_bytes(&example(1.0)).unwrap();
        let start = SEAL.end;
        for (place, byte) in changes {
            let place = start + place.index(bytes.len() - start);
            bytes[place] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(start + cut.index(bytes.len() - start));
        }
        let _ = from_bytes::<Example>(&mut resealed(bytes), "model.ctx");
    }
}

/// Real models, changed as only a forger could, and asked for what they hold.
mod forged {
    use super::*;
    use crate::saved::{Fitted, Saved};
    use contextualized_core::{LocalCoefficients, VaryingCoefficients, VaryingNetworks};

    const MODELS: [&[u8]; 6] = [
        include_bytes!("../../../contextualized-cli/tests/models/population.ctx"),
        include_bytes!("../../../contextualized-cli/tests/models/cluster.ctx"),
        include_bytes!("../../../contextualized-cli/tests/models/gp.ctx"),
        include_bytes!("../../../contextualized-cli/tests/models/neural.ctx"),
        include_bytes!("../../../contextualized-cli/tests/models/binary.ctx"),
        include_bytes!("../../../contextualized-cli/tests/models/bayesian.ctx"),
    ];

    /// Whatever comes of it, but no panic.
    fn ask(saved: &Saved) {
        let Ok(training) = saved.training.samples(&saved.design) else {
            return;
        };
        match &saved.fitted {
            Fitted::Regression(regression) => {
                let (contexts, features) = (training.contexts(), training.features());
                let _ = regression.model.coefficients(contexts);
                let _ = regression.model.predict(contexts, features);
                if let Some(baseline) = regression.population.fitted() {
                    let _ = baseline.coefficients(contexts);
                }
            }
            Fitted::Networks(networks) => {
                let _ = networks.model.networks(training.contexts());
            }
        }
    }

    /// Pointers to the numbers in the JSON of a model; of a long list the first two and the last.
    fn numbers(value: &Value, pointer: String, found: &mut Vec<String>) {
        match value {
            Value::Array(list) => {
                let last = list.len().saturating_sub(1);
                for (i, value) in list.iter().enumerate() {
                    if i < 2 || i == last {
                        numbers(value, format!("{pointer}/{i}"), found);
                    }
                }
            }
            Value::Object(object) => object
                .iter()
                .for_each(|(key, value)| numbers(value, format!("{pointer}/{key}"), found)),
            Value::Number(_) => found.push(pointer),
            _ => {}
        }
    }

    #[test]
    fn stored_models_are_read() {
        for bytes in MODELS {
            ask(&from_bytes::<Saved>(&mut bytes.to_vec(), "stored").unwrap());
        }
    }

    /// Numbers that do not fit each other: shapes, counts, positions. Every one is tried.
    #[test]
    fn values() {
        for model in MODELS {
            let saved: Saved = from_bytes(&mut model.to_vec(), "stored").unwrap();
            let stored = serde_json::to_value(&saved).unwrap();
            let mut found = Vec::new();
            numbers(&stored, String::new(), &mut found);
            for pointer in found {
                for number in [0.0_f64, 1.0, 2.0, 7.0, -1.0, 1e15, 1e300, 0.5] {
                    let mut forged = stored.clone();
                    let place = forged.pointer_mut(&pointer).unwrap();
                    let whole = number.fract() == 0.0 && (0.0..1e16).contains(&number);
                    *place = if place.is_u64() && whole {
                        Value::from(number as u64)
                    } else {
                        Value::from(number)
                    };
                    if let Ok(forged) = serde_json::from_value(forged) {
                        ask(&forged);
                    }
                }
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1500))]

        #[test]
        fn bytes(
            model in 0..MODELS.len(),
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..3),
        ) {
            let mut bytes = MODELS[model].to_vec();
            let start = SEAL.end;
            for (place, byte) in changes {
                let place = start + place.index(bytes.len() - start);
                bytes[place] = byte;
            }
            if let Ok(saved) = from_bytes::<Saved>(&mut resealed(bytes), "forged") {
                ask(&saved);
            }
        }
    }
}

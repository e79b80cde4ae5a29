//! Model files.

use super::{bytes, happens, one_of, survives};
use crate::program::Folder;
use rand::Rng;
use rand_chacha::ChaCha8Rng;

/// Models of estimators that are quick to ask, whatever they were fitted to.
const STORED: [&[u8]; 3] = [
    include_bytes!("../../models/population.ctx"),
    include_bytes!("../../models/cluster.ctx"),
    include_bytes!("../../models/neural.ctx"),
];

/// Stored models, and others that are of few rows to be as quick.
fn seeds() -> Vec<Vec<u8>> {
    let folder = Folder::new();
    let simulate = |problem: &str, more: &[&str]| {
        folder.ok(&[
            &["simulate", problem, "--rows", "14", "--out", "data.csv"],
            more,
        ]
        .concat());
    };
    let mut seeds = STORED.map(<[u8]>::to_vec).to_vec();
    let mut keep = |command: &[&str]| {
        folder.ok(&[command, &["--out", "model.ctx", "--quiet"]].concat());
        seeds.push(std::fs::read(folder.path("model.ctx")).unwrap());
    };
    simulate("regression", &[]);
    let formula = "y ~ x0 + x1 + x2 | c0 + c1";
    let bootstraps = ["--bootstraps", "39", "--no-tests"];
    keep(&["fit", "data.csv", formula, "--estimator", "gp"]);
    keep(
        &[
            &["fit", "data.csv", formula, "--estimator", "population"],
            &bootstraps[..],
        ]
        .concat(),
    );
    simulate("regression", &["--family", "binomial"]);
    keep(&["fit", "data.csv", "y ~ x0 | c0", "--estimator", "gp"]);
    simulate("sem", &[]);
    for (kind, estimator) in [("correlation", "kernel"), ("bayesian", "gp")] {
        let nodes = "~ x0 + x1 + x2 | c0";
        keep(&[
            "networks",
            "data.csv",
            nodes,
            "--kind",
            kind,
            "--estimator",
            estimator,
        ]);
    }
    seeds
}

/// What may stand where a number or a word of JSON stood.
const WORDS: [&str; 18] = [
    "0",
    "1",
    "2",
    "-1",
    "7",
    "0.5",
    "1e308",
    "-1e308",
    "1e-300",
    "4294967296",
    "18446744073709551615",
    "1e999",
    "null",
    "true",
    "[]",
    "{}",
    "NaN",
    "[[[[0]]]]",
];

/// Bytes of the length of the header, before it.
const LENGTH: usize = 8;

#[test]
fn changed_models_are_refused_or_consistent() {
    let seeds = seeds();
    let seeds: Vec<&[u8]> = seeds.iter().map(Vec::as_slice).collect();
    survives("models", contextualized_cli::fuzzing::model, |random| {
        let model = one_of(random, &seeds);
        let length = u64::from_le_bytes(model[..LENGTH].try_into().unwrap()) as usize;
        let (header, numbers) = model[LENGTH..].split_at(length);
        let (mut header, mut numbers) = (header.to_vec(), numbers.to_vec());
        if happens(random, 0.8) {
            for _ in 0..random.gen_range(1..=2) {
                exchange_word(random, &mut header);
            }
        }
        if happens(random, 0.2) {
            let other = one_of(random, &seeds);
            bytes::change(random, &mut header, other);
        }
        if happens(random, 0.3) {
            exchange_number(random, &mut numbers);
        }
        if happens(random, 0.05) {
            bytes::change(random, &mut numbers, model);
        }
        [&(header.len() as u64).to_le_bytes()[..], &header, &numbers].concat()
    });
}

/// Puts something else where a number or a word stands in JSON, behind the checksum.
fn exchange_word(random: &mut ChaCha8Rng, header: &mut Vec<u8>) {
    const CHECKSUM: usize = 128;
    if header.len() <= CHECKSUM {
        return;
    }
    let is_of_word = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-._".contains(byte);
    let at = random.gen_range(CHECKSUM..header.len());
    let Some(begin) = header[at..].iter().position(is_of_word) else {
        return;
    };
    let begin = at + begin;
    let length = header[begin..]
        .iter()
        .take_while(|byte| is_of_word(byte))
        .count();
    let word = one_of(random, &WORDS);
    header.splice(begin..begin + length, word.bytes());
}

/// Another number in an array.
fn exchange_number(random: &mut ChaCha8Rng, numbers: &mut [u8]) {
    const OTHERS: [f64; 10] = [
        0.0,
        -0.0,
        1.0,
        -1.0,
        1e300,
        -1e300,
        5e-324,
        f64::NAN,
        f64::INFINITY,
        1e15,
    ];
    const WIDTH: usize = 8;
    if let Some(last) = (numbers.len() / WIDTH).checked_sub(1) {
        let at = WIDTH * random.gen_range(0..=last);
        let other = one_of(random, &OTHERS).to_le_bytes();
        numbers[at..at + WIDTH].copy_from_slice(&other);
    }
}

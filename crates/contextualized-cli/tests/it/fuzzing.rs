//! Files and formulas that nobody wrote: well-formed ones, changed at random.
//!
//! The numbers of `FUZZ_INPUTS` are tried for each kind of file, 2,000 unless it is set.

mod bytes;
mod models;
mod parquet;
mod texts;

use rand::Rng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

/// The longest that one input may take.
const LONGEST: Duration = Duration::from_secs(10);

/// The most memory that the process may have had, in KiB.
const MOST_MEMORY: usize = 1 << 20;

/// Tries a target on inputs made at random, the same each time. One that is not survived stays as a file.
fn survives(
    name: &str,
    target: fn(&[u8]) -> bool,
    mut input: impl FnMut(&mut ChaCha8Rng) -> Vec<u8>,
) {
    let inputs = std::env::var("FUZZ_INPUTS").map_or(2000, |number| number.parse().unwrap());
    let (to_try, next) = mpsc::channel::<Vec<u8>>();
    let (outcomes, outcome) = mpsc::channel();
    std::thread::spawn(move || {
        for input in next {
            let tried = catch_unwind(AssertUnwindSafe(|| target(&input)));
            if outcomes.send(tried.ok()).is_err() {
                return;
            }
        }
    });
    // Written before it is tried: not every end of a process can be caught.
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("fuzzing-{name}"));
    let mut random = ChaCha8Rng::seed_from_u64(0);
    let mut predicted = 0;
    for _ in 0..inputs {
        let input = input(&mut random);
        std::fs::write(&file, &input).unwrap();
        to_try.send(input).unwrap();
        match outcome.recv_timeout(LONGEST) {
            Ok(Some(came_to_predictions)) => predicted += usize::from(came_to_predictions),
            Ok(None) => panic!("{} ends in a panic", file.display()),
            Err(_) => panic!("{} takes longer than {LONGEST:?}", file.display()),
        }
        if let Some(memory) = peak_memory() {
            let file = file.display();
            assert!(memory < MOST_MEMORY, "{file} takes {memory} KiB of memory");
        }
    }
    std::fs::remove_file(&file).unwrap();
    // Mutations that no file survives would try little.
    assert!(10 * predicted >= inputs, "{predicted} of {inputs}");
}

/// The most memory that this process has had, in KiB, where the system says it.
fn peak_memory() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// One of these.
fn one_of<T: Copy>(random: &mut ChaCha8Rng, all: &[T]) -> T {
    *all.choose(random).unwrap()
}

/// Whether something of this probability happens.
fn happens(random: &mut ChaCha8Rng, probability: f64) -> bool {
    random.gen_bool(probability)
}

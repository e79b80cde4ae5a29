//! A model file; its checksum is made to fit.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    contextualized_cli::fuzzing::model(input);
});

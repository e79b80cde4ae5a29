//! A formula in the first line, and a text file behind it.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    contextualized_cli::fuzzing::text_file(input);
});

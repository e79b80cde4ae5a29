//! A Parquet file.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    contextualized_cli::fuzzing::parquet_file(input);
});

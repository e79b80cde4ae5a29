# What CI runs, step by step.
ci:
    bash .ci/run

# Formatting and lints.
check:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings

test:
    cargo test --workspace

# Reports made by the program, looked at in a headless browser; pictures in target/report-check.
report-check:
    bash .ci/report-check

demo *flags:
    cargo run --release --example demo -- {{flags}}

# Every figure the README quotes.
claims:
    cargo run --release --example claims

bench *filter:
    cargo bench -p contextualized-benches -- {{filter}}

# The API documentation and the book.
docs:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps
    mdbook build docs

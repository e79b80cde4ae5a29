# What CI runs, step by step. It installs what it needs: cargo-deny, cargo-hack and mdbook.
ci:
    bash .ci/run

# Formatting and lints, of benchmarks and examples too.
check:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings

# Licences, sources, and which crate names which library.
dependencies:
    cargo deny check bans licenses sources

featured := "-p contextualized -p contextualized-bridge -p contextualized-frame -p contextualized-graphs -p contextualized-linear"

# Each feature alone: it compiles, and its documentation has no broken link.
features:
    cargo hack check --each-feature {{featured}}
    RUSTDOCFLAGS="-D warnings" cargo hack doc --no-deps --each-feature {{featured}}

test:
    cargo test --workspace

# The Python package: its wheel in a fresh virtual environment, and its tests.
python:
    bash .ci/python

# The scripts of python/compat on contextualized-ml, whose torch is 4.5 GB, and on this package, side by side.
compat:
    python3 -m venv target/contextualized-ml
    target/contextualized-ml/bin/pip install --quiet contextualized-ml==0.2.9
    target/python/bin/python python/compat/both.py --theirs target/contextualized-ml/bin/python

# Reports made by the program, looked at in a headless browser; pictures in target/report-check.
report-check:
    bash .ci/report-check

demo *flags:
    cargo run --release --example demo -- {{flags}}

# Every figure the book quotes.
claims:
    cargo run --release --example claims

# The picture at the beginning of the README, and those of calibrated intervals and of families in the book.
pictures:
    cargo run --release --example partial_effects -- --rows 150
    cargo run --release --example calibration
    cargo run --release --example which_family -- --seeds 1
    cp target/figures/partial_effects.svg target/figures/calibration.svg target/figures/which_family.svg docs/src/

bench *filter:
    cargo bench -p contextualized-benches -- {{filter}}

# The API documentation and the book.
docs:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps
    mdbook build docs

# A rehearsal of publishing every crate.
publish:
    cargo publish --workspace --dry-run

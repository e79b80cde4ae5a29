#!/usr/bin/env python3
"""Fit and predict from Python against the Rust library on the same arrays, interleaved, medians.

    cargo build --release -p contextualized-benches --bin python_reference
    python fit_and_predict.py target/release/python_reference [--rows 1000000] [--repeats 5]

The reference reads the arrays from a file once, and then times a fit and a prediction each time it is asked to.
"""

import argparse
import pathlib
import statistics
import subprocess
import tempfile
import time

import contextualized_rs as cr
import numpy as np

parser = argparse.ArgumentParser()
parser.add_argument("reference")
parser.add_argument("--rows", type=int, default=1_000_000)
parser.add_argument("--repeats", type=int, default=5)
arguments = parser.parse_args()

rng = np.random.default_rng(0)
n = arguments.rows
contexts, features = rng.uniform(-1, 1, (n, 2)), rng.normal(size=(n, 3))
targets = contexts[:, 0] * features[:, 0] + np.sin(2 * contexts[:, 1]) + 0.5 * rng.normal(size=n)


def of_python(estimator):
    model = cr.ContextualizedRegressor(estimator=estimator)
    begun = time.perf_counter()
    model.fit(features, targets, contexts=contexts)
    fitted = time.perf_counter()
    model.predict(features, contexts=contexts)
    return fitted - begun, time.perf_counter() - fitted


with tempfile.TemporaryDirectory() as folder:
    path = pathlib.Path(folder) / "arrays.bin"
    np.column_stack([contexts, features, targets]).tofile(path)
    with subprocess.Popen(
        [arguments.reference, str(path), str(n), "2", "3"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as reference:

        def of_rust(estimator):
            reference.stdin.write(estimator + "\n")
            reference.stdin.flush()
            return tuple(float(word) for word in reference.stdout.readline().split())

        for estimator in ["population", "gp"]:
            seconds = {"Rust": [], "Python": []}
            for _ in range(arguments.repeats):
                seconds["Rust"].append(of_rust(estimator))
                seconds["Python"].append(of_python(estimator))
            for what, place in [("fit", 0), ("predict", 1)]:
                rust, python = (statistics.median(own[place] for own in seconds[name]) for name in ("Rust", "Python"))
                print(f"{estimator:12} {what:8} Rust {rust:8.3f} s   Python {python:8.3f} s   {100 * (python / rust - 1):+.1f} %")
        reference.stdin.close()

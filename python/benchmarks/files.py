#!/usr/bin/env python3
"""Parquet by path in Python against the program, interleaved, medians.

    python files.py target/release/contextualized [--rows 1000000] [--repeats 5]
"""

import argparse
import pathlib
import statistics
import subprocess
import tempfile
import time

import contextualized_rs as cr
import numpy as np
import pandas

parser = argparse.ArgumentParser()
parser.add_argument("program")
parser.add_argument("--rows", type=int, default=1_000_000)
parser.add_argument("--repeats", type=int, default=5)
arguments = parser.parse_args()

rng = np.random.default_rng(0)
n = arguments.rows
data = pandas.DataFrame(rng.normal(size=(n, 6)), columns=["y", "x0", "x1", "x2", "c0", "c1"])
data["y"] += data.c0 * data.x0
FORMULA = "y ~ x0 + x1 + x2 | c0 + c1"

with tempfile.TemporaryDirectory() as folder:
    path = pathlib.Path(folder) / "data.parquet"
    data.to_parquet(path)
    out = pathlib.Path(folder) / "model.ctx"
    seconds = {"program": [], "Python": []}
    for _ in range(arguments.repeats):
        begun = time.perf_counter()
        words = ["fit", str(path), FORMULA, "--estimator", "population", "--no-tests", "--out", str(out), "--quiet"]
        subprocess.run([arguments.program, *words], check=True)
        seconds["program"].append(time.perf_counter() - begun)
        begun = time.perf_counter()
        cr.fit(FORMULA, path, estimator="population", tests=False).save(out)
        seconds["Python"].append(time.perf_counter() - begun)
    program, python = (statistics.median(seconds[name]) for name in ("program", "Python"))
    print(f"program {program:.3f} s   Python {python:.3f} s   {100 * (python / program - 1):+.1f} %")

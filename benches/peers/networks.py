"""Bayesian networks of this package and DAGMA on the same data: time of a fit, and errors of the weights of edges.

    pip install dagma
    cargo build --release -p contextualized-cli
    python benches/peers/networks.py --repeats 5

Ten nodes, 1,000 rows, one context. Of the 45 possible edges a quarter have a weight: half of these .8, the others
.8 sin 2c. DAGMA (Bello, Aragam and Ravikumar 2022, doi:10.48550/arXiv.2209.08037) finds one network for all rows; it is
run as its manual shows for linear models. What times are of is as in compare.py. Prints a Markdown table of medians.
"""

import argparse
import subprocess
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd

from compare import PROGRAM

NODES, ROWS, NEW_ROWS = 10, 1000, 1000


def simulated(seed):
    """Contexts, nodes and true weights, from node (second axis) to node."""
    random = np.random.default_rng(seed)
    rows = ROWS + NEW_ROWS
    order, c = random.permutation(NODES), random.uniform(-1.5, 1.5, rows)
    weights, nodes = np.zeros((rows, NODES, NODES)), np.zeros((rows, NODES))
    for place, child in enumerate(order):
        nodes[:, child] = random.normal(size=rows)
        for parent in order[:place]:
            if random.uniform() < 0.25:
                weights[:, parent, child] = 0.8 * np.sin(2 * c) if random.uniform() < 0.5 else 0.8
                nodes[:, child] += weights[:, parent, child] * nodes[:, parent]
    return c, nodes, weights


def ours(estimator, c, nodes, folder):
    names = [f"x{node}" for node in range(NODES)]
    table = pd.DataFrame(np.column_stack([c, nodes]), columns=["c", *names])
    table[:ROWS].to_csv(folder / "train.csv", index=False)
    table[ROWS:].to_csv(folder / "new.csv", index=False)
    command = [PROGRAM, "networks", folder / "train.csv", f"~ {' + '.join(names)} | c", "--kind", "bayesian"]
    start = time.perf_counter()
    subprocess.run([*command, "--estimator", estimator, "--quiet", "--out", folder / "model.ctx"], check=True)
    seconds = time.perf_counter() - start
    predict = [PROGRAM, "predict", folder / "model.ctx", folder / "new.csv", "--quiet", "--out", folder / "edges.csv"]
    subprocess.run(predict, check=True)
    edges, found = pd.read_csv(folder / "edges.csv"), np.zeros((NEW_ROWS, NODES, NODES))
    for i, parent in enumerate(names):
        for j, child in enumerate(names):
            if i != j:
                found[:, i, j] = edges[f"edge.{parent}->{child}"]
    return seconds, found


def dagma(_, c, nodes, folder):
    from dagma.linear import DagmaLinear

    start = time.perf_counter()
    weights = DagmaLinear(loss_type="l2", verbose=False).fit(nodes[:ROWS], lambda1=0.02)
    return time.perf_counter() - start, np.broadcast_to(weights, (NEW_ROWS, NODES, NODES))


CONTENDERS = {
    "gp": (ours, "gp"),
    "population": (ours, "population"),
    "dagma": (dagma, None),
}

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--repeats", type=int, default=5)
arguments = parser.parse_args()

found, missing = defaultdict(list), {}
for seed in range(arguments.repeats):
    c, nodes, weights = simulated(seed)
    for name, (fit, estimator) in CONTENDERS.items():
        with tempfile.TemporaryDirectory() as folder:
            try:
                seconds, edges = fit(estimator, c, nodes, Path(folder))
            except ImportError as error:
                missing[name] = str(error)
                continue
        found[name].append((seconds, ((edges - weights[ROWS:]) ** 2).mean()))

print(f"{arguments.repeats} data sets.\n\n| | seconds | from | to | MSE of weights |\n|---|---:|---:|---:|---:|")
for name, measured in found.items():
    seconds, errors = zip(*measured)
    numbers = [median(seconds), min(seconds), max(seconds), median(errors)]
    print(f"| {name} | " + " | ".join(f"{number:.3g}" for number in numbers) + " |")
for name, why in missing.items():
    print(f"\n{name} is left out: {why}.")

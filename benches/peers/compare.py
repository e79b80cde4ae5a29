"""This package and its peers on the same data: time of a fit, errors of effects and of new outcomes.

    pip install -r benches/peers/requirements.txt        # and R with mgcv, if it is to be compared
    cargo build --release -p contextualized-cli
    python benches/peers/compare.py --problems smooth steps --repeats 5

Every repeat draws new data, and all contenders fit them one after another, so that what else the machine does
meets all alike. Times are of the fit in a warm process for peers, and of the whole command (start, reading the text
file, fitting, writing the model) for this package. Peers that are not installed are left out and named.
Prints a Markdown table: medians, and for times the smallest and largest and the ratio to `gp`.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from importlib import metadata
from pathlib import Path
from statistics import median

import pandas as pd

from peers import PEERS, errors
from problems import PROBLEMS

HERE = Path(__file__).parent
PROGRAM = Path(os.environ.get("CONTEXTUALIZED", HERE.parents[1] / "target/release/contextualized"))
OURS = {"gp": ["--estimator", "gp", "--no-tests"], "auto": ["--no-tests"]}
MGCV = ["gam", "bam"]
# What would take minutes of each repeat, or more memory than there is.
TOO_SLOW = {
    "many": ["gam", "bam", "sklearn_gp", "auto"],
    "large": ["gam", "gamfit", "sklearn_gp", "gpytorch", "contextualized_ml", "econml_forest", "auto"],
}


def ours(options, problem, folder):
    formula = f"y ~ {' + '.join(problem.features)} | {' + '.join(problem.contexts)}"
    model = folder / "model.ctx"
    start = time.perf_counter()
    fit = [PROGRAM, "fit", folder / "train.csv", formula, "--quiet", "--out", model, *options]
    subprocess.run(fit, check=True)
    seconds = time.perf_counter() - start
    predict = [PROGRAM, "predict", model, folder / "new.csv", "--quiet", "--out", folder / "rows.csv"]
    subprocess.run(predict, check=True)
    rows = pd.read_csv(folder / "rows.csv")
    found = rows[[name for name in rows if name.startswith("coef.")]].to_numpy()
    return {"seconds": seconds} | errors(problem, rows["pred.y"].to_numpy(), found)


def mgcv(kind, problem, folder):
    try:
        output = subprocess.run(["Rscript", HERE / "mgcv.R", kind, folder], check=True, capture_output=True, text=True)
    except FileNotFoundError:
        return {"missing": "R"}
    own = json.loads(output.stdout.splitlines()[-1])
    if "missing" in own:
        return own
    read = lambda name: pd.read_csv(folder / name).to_numpy()
    return own | errors(problem, read("predictions.csv")[:, 0], read("coefficients.csv"))


def peer(name, problem, seed):
    command = [sys.executable, HERE / "peers.py", name, problem, str(seed)]
    output = subprocess.run(command, capture_output=True, text=True)
    if output.returncode:
        return {"missing": output.stderr.strip().splitlines()[-1]}
    return json.loads(output.stdout.splitlines()[-1])


def measure(name, contenders, seeds):
    """All contenders on data of each seed: lists of what they report, by contender."""
    found, missing = defaultdict(list), {}
    for seed in seeds:
        problem = PROBLEMS[name](seed)
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder)
            problem.train.to_csv(folder / "train.csv", index=False)
            problem.new.to_csv(folder / "new.csv", index=False)
            for contender in contenders:
                if contender in missing or contender in TOO_SLOW.get(name, []):
                    continue
                if contender in OURS:
                    own = ours(OURS[contender], problem, folder)
                elif contender in MGCV:
                    own = mgcv(contender, problem, folder)
                else:
                    own = peer(contender, name, seed)
                if "missing" in own:
                    missing[contender] = own["missing"]
                else:
                    found[contender].append(own)
    return found, missing


def table(found):
    digits = lambda value: "" if value is None else f"{value:.3g}"
    lines = ["| | seconds | from | to | times gp | effect MSE | RMSE of outcomes |", "|---|---:|---:|---:|---:|---:|---:|"]
    reference = found.get("gp")
    for contender, runs in found.items():
        times = [run["seconds"] for run in runs]
        ratios = [run["seconds"] / own["seconds"] for run, own in zip(runs, reference)] if reference else []
        middle = lambda what: median(run[what] for run in runs) if what in runs[0] else None
        cells = [median(times), min(times), max(times), median(ratios) if ratios else None, middle("effects"), middle("outcomes")]
        lines.append(f"| {contender} | " + " | ".join(map(digits, cells)) + " |")
    return "\n".join(lines)


def main():
    everyone = [*OURS, *MGCV, *PEERS]
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--problems", nargs="+", choices=PROBLEMS, default=list(PROBLEMS))
    options.add_argument("--contenders", nargs="+", choices=everyone, default=everyone)
    options.add_argument("--repeats", type=int, default=5)
    options = options.parse_args()
    packages = ["gamfit", "scikit-learn", "gpytorch", "torch", "contextualized-ml", "econml", "numpy"]
    installed = {own.metadata["Name"].lower(): own.version for own in metadata.distributions()}
    versions = [f"{name} {installed[name]}" for name in packages if name in installed]
    print(f"{platform.machine()}, {platform.system()}, Python {platform.python_version()}; " + ", ".join(versions))
    missing = {}
    for name in options.problems:
        found, absent = measure(name, options.contenders, range(options.repeats))
        missing |= absent
        shown = PROBLEMS[name].__doc__.strip()
        print(f"\n### {name}\n\n{shown} {options.repeats} data sets.\n\n{table(found)}", flush=True)
    for contender, reason in missing.items():
        print(f"\n{contender} was left out: {reason}")


if __name__ == "__main__":
    main()

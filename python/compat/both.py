#!/usr/bin/env python3
"""Runs the scripts on contextualized-ml and on `contextualized_rs.compat`, and prints what both say side by side.

    python both.py                        ours alone, checked against interface.json
    python both.py --theirs PYTHON        both; PYTHON is an interpreter that has contextualized-ml
    python both.py --theirs PYTHON --record    stores their signatures and shapes in interface.json

A script changes nothing but its imports.
"""

import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

FOLDER = pathlib.Path(__file__).resolve().parent
SCRIPTS = sorted((FOLDER / "scripts").glob("*.py"))
INTERFACE = FOLDER / "interface.json"

SIGNATURES = """
import inspect, json
import contextualized.analysis as analysis
import contextualized.analysis.effects as effects
import contextualized.easy as easy
import contextualized.utils as utils

def names(function):
    return [name for name, own in inspect.signature(function).parameters.items() if name != "self"]

found = {}
for name in dir(easy):
    own = getattr(easy, name)
    if inspect.isclass(own):
        for method in dir(own):
            if not method.startswith("_"):
                found[f"easy.{name}.{method}"] = names(getattr(own, method))
for name in dir(analysis):
    if inspect.isfunction(getattr(analysis, name)):
        found[f"analysis.{name}"] = names(getattr(analysis, name))
for name in dir(effects):
    if name.startswith(("get_ho", "get_he", "plot_ho", "plot_he")):
        found[f"analysis.effects.{name}"] = names(getattr(effects, name))
for name in ["save", "load"]:
    found[f"utils.{name}"] = names(getattr(utils, name))
print(json.dumps(found))
"""


def on_ours(text):
    """A script with the imports of ours."""
    return re.sub(r"^(from|import) contextualized\b", r"\1 contextualized_rs.compat", text, flags=re.MULTILINE)


def run(python, text):
    """What a script reports, in order."""
    environment = {**os.environ, "PYTHONPATH": str(FOLDER), "MPLBACKEND": "Agg"}
    with tempfile.TemporaryDirectory() as folder:
        ended = subprocess.run(
            [python, "-W", "ignore", "-c", text], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
    lines = [json.loads(line[1:]) for line in ended.stdout.splitlines() if line.startswith("@")]
    if ended.returncode != 0:
        last = ended.stderr.strip().splitlines()[-1:] or ["?"]
        lines.append({"name": "the script", "error": last[0]})
    return {line.pop("name"): line for line in lines}


def signatures(python, text):
    return json.loads(subprocess.run([python, "-W", "ignore", "-c", text], capture_output=True, text=True, check=True).stdout)


def shown(found):
    if found is None:
        return "–"
    if "error" in found:
        return found["error"]
    if "value" in found:
        return f"{found['value']:.4g}"
    return json.dumps(found["shape"]).replace("null", "done")


def faults(expected, ours):
    """How shapes of ours differ from those that are stored; where theirs is an error ours may be anything."""
    found = []
    for name, their in expected.items():
        own = ours.get(name)
        if own is None or ("shape" in their and own.get("shape", own) != their["shape"]):
            found.append(f"{name}: {shown(own)}, and {shown(their)} is stored")
    if "the script" in ours:
        found.append(f"the script ended in {ours['the script']['error']}")
    return found


def missing(expected, ours):
    """Functions and parameters that ours does not have."""
    found = []
    for name, parameters in expected.items():
        own = ours.get(name)
        lacks = [p for p in parameters if p not in (own or []) and p not in ("args", "kwargs")]
        if own is None or lacks:
            found.append(f"{name}({', '.join(lacks)}) is missing")
    return found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--theirs")
    parser.add_argument("--record", action="store_true")
    arguments = parser.parse_args()
    stored = json.loads(INTERFACE.read_text()) if INTERFACE.exists() else {"signatures": {}, "shapes": {}}
    theirs = {}
    if arguments.theirs:
        theirs = {path.stem: run(arguments.theirs, path.read_text()) for path in SCRIPTS}
    if arguments.record:
        shapes = {
            script: {name: own for name, own in found.items() if "value" not in own} for script, found in theirs.items()
        }
        for found in shapes.values():
            for own in found.values():
                own.pop("message", None)
        stored = {"signatures": signatures(arguments.theirs, SIGNATURES), "shapes": shapes}
        INTERFACE.write_text(json.dumps(stored, indent=1) + "\n")
    wrong = missing(stored["signatures"], signatures(sys.executable, on_ours(SIGNATURES)))
    for path in SCRIPTS:
        ours = run(sys.executable, on_ours(path.read_text()))
        print(f"\n{path.stem}\n{'':44}{'contextualized-ml':>34}  {'contextualized_rs.compat':>34}")
        for name in dict.fromkeys([*theirs.get(path.stem, {}), *ours]):
            their = theirs.get(path.stem, stored["shapes"].get(path.stem, {})).get(name)
            print(f"{name:44}{shown(their):>34}  {shown(ours.get(name)):>34}")
        wrong += [f"{path.stem}: {fault}" for fault in faults(stored["shapes"].get(path.stem, {}), ours)]
    for fault in wrong:
        print(fault, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

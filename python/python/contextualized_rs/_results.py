"""What fitted models tell: coefficients, summaries, tests, model files."""

from __future__ import annotations

import html
import json
import os
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import _core
from ._arrays import frame

INTERCEPT = "(intercept)"


@dataclass(frozen=True)
class Summary:
    """A regression in numbers; printed, it is a table.

    ``averages`` has the coefficients averaged over the contexts of the training rows with standard errors, intervals
    and p-values, ``fit`` the deviance explained and the log-likelihood of each target: data frames if pandas is
    installed, else dicts of columns.
    """

    formula: str
    estimator: str
    rows: int
    level: float
    lines: list[dict[str, Any]]
    goodness: list[dict[str, Any]]

    @property
    def averages(self) -> Any:
        return _columns(self.lines)

    @property
    def fit(self) -> Any:
        return _columns(self.goodness)

    def __str__(self) -> str:
        several = len({line["target"] for line in self.lines}) > 1
        header = ["coefficient", "average", "SE", "lower", "upper", "p"]
        keys = ["coefficient", "average", "standard_error", "lower", "upper", "p_value"]
        if several:
            header, keys = ["target", *header], ["target", *keys]
        rows = [[_shown(line[key], key) for key in keys] for line in self.lines]
        parts = [
            f"{self.rows} rows: {self.formula}",
            f"Fitted: {self.estimator}",
            "",
            _table(header, rows),
            "",
            f"Coefficients averaged over the contexts of the training rows, the intercept at average features; "
            f"intervals of {100 * self.level:g} %.",
        ]
        for line in self.goodness:
            explained = _shown(line["deviance_explained"], "")
            likelihood = _shown(line["log_likelihood"], "")
            parts.append(f"{line['target']}: deviance explained {explained}, log-likelihood {likelihood}")
        return "\n".join(parts)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(str(self))}</pre>"


def _shown(value: Any, key: str) -> str:
    if value is None:
        return "-"
    if isinstance(value, str):
        return value
    if key == "p_value":
        return "<0.0001" if value < 1e-4 else f"{value:.4f}"
    return f"{value:.4g}"


def _table(header: list[str], rows: list[list[str]]) -> str:
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    texts = {"coefficient", "target"}
    lines = []
    for row in [header, *rows]:
        cells = [
            cell.ljust(width) if name in texts else cell.rjust(width)
            for cell, width, name in zip(row, widths, header)
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def _columns(lines: list[dict[str, Any]]) -> Any:
    keys = list(lines[0]) if lines else []
    return frame({key: [line[key] for line in lines] for key in keys})


def summary_of(core: _core.Model, level: float) -> Summary:
    found = json.loads(core.summary(float(level)))
    facts = json.loads(core.facts())
    return Summary(
        formula=facts["formula"],
        estimator=facts["estimator"],
        rows=facts["rows"],
        level=float(level),
        lines=found["averages"],
        goodness=found["fit"],
    )


def variation_of(core: _core.Model) -> Any:
    return _columns(json.loads(core.test_variation())["lines"])


def coefficient_columns(
    facts: dict[str, Any], slopes: np.ndarray, intercepts: np.ndarray
) -> dict[str, np.ndarray]:
    """Coefficients by name; those of several targets begin with the name of the target."""
    columns: dict[str, np.ndarray] = {}
    several = len(facts["targets"]) > 1
    for target, name in enumerate(facts["targets"]):
        prefix = f"{name}." if several else ""
        for feature, own in enumerate(facts["features"]):
            columns[prefix + own] = slopes[:, target, feature]
        if facts["intercept"]:
            columns[prefix + INTERCEPT] = intercepts[:, target]
    return columns


def write(core: _core.Model, path: str | os.PathLike[str]) -> None:
    """Writes a model file, whole or not at all."""
    path = os.fspath(path)
    unfinished = f"{path}.{os.getpid()}.unfinished"
    try:
        with open(unfinished, "wb") as file:
            file.write(core.to_bytes())
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    except BaseException:
        if os.path.exists(unfinished):
            os.unlink(unfinished)
        raise


def read(path: str | os.PathLike[str]) -> _core.Model:
    """Reads a model file."""
    path = os.fspath(path)
    with open(path, "rb") as file:
        return _core.Model.from_bytes(file.read(), path)

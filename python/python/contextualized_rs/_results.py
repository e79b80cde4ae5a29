"""Tables of results: coefficients, summaries, tests."""

from __future__ import annotations

import html
import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import _core
from ._arrays import frame

INTERCEPT = "(intercept)"


@dataclass(frozen=True)
class Account:
    """What is said of a model, in words and tables: printed it is the program's text, in a notebook the same as HTML."""

    text: str
    sections: list[dict[str, Any]]

    def __str__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        return "\n".join(_section(section) for section in self.sections)


@dataclass(frozen=True)
class Summary(Account):
    """A regression in numbers; printed, it is the summary of the program.

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
    changes: list[dict[str, Any]]

    @property
    def averages(self) -> Any:
        """Average coefficients with their evidence."""
        return columns_of(self.lines)

    @property
    def marginal(self) -> Any:
        """Average marginal effects with their evidence, where these were asked for."""
        return columns_of(self.changes)

    @property
    def fit(self) -> Any:
        """How well the model fits each target."""
        return columns_of(self.goodness)

    def __str__(self) -> str:
        return self.text

    __repr__ = __str__


def _section(section: dict[str, Any]) -> str:
    parts = []
    if section["note"]:
        parts.append(f"<p>{html.escape(section['note'])}</p>")
    table = section["table"]
    if table is not None:
        head = "".join(f"<th>{html.escape(name)}</th>" for name in table["columns"])
        rows = ("".join(f"<td>{html.escape(cell)}</td>" for cell in row) for row in table["rows"])
        body = "".join(f"<tr>{row}</tr>" for row in rows)
        parts.append(f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>")
    return "\n".join(parts)


def columns_of(lines: list[dict[str, Any]]) -> Any:
    """Lines as a table of columns."""
    keys = list(lines[0]) if lines else []
    return frame({key: [line[key] for line in lines] for key in keys})


def summary_of(core: _core.Model, level: float, exponentiate: bool = False, marginal: bool = False) -> Summary:
    """The summary of a regression, with intervals of this level."""
    found = json.loads(core.summary(float(level), exponentiate, marginal))
    facts = json.loads(core.facts())
    return Summary(
        text=found["text"],
        sections=found["sections"],
        formula=facts["formula"],
        estimator=facts["estimator"],
        rows=facts["rows"],
        level=float(level),
        lines=found["averages"],
        goodness=found["fit"],
        changes=found["marginal"],
    )


def effects_of(core: _core.Model) -> Account:
    """Which coefficient, or which edge, varies with which context."""
    found = json.loads(core.effects())
    return Account(text=found["text"], sections=found["sections"])


def variation_of(core: _core.Model) -> Any:
    """Tests of which coefficients vary, as a table."""
    return columns_of(json.loads(core.test_variation())["lines"])


def dependence_of(core: _core.Model, level: float, context: str | None, coefficient: str | None) -> Any:
    """Curves against contexts, a line for each point."""
    lines = [
        {
            "target": curve["target"],
            "coefficient": curve["coefficient"],
            "context": curve["context"],
            "at": curve["at"]["texts"][i],
            "value": curve["at"]["values"][i] if curve["at"]["values"] else np.nan,
            "average": curve["average"][i],
            "lower": curve["lower"][i] if curve["lower"] else np.nan,
            "upper": curve["upper"][i] if curve["upper"] else np.nan,
            "population": np.nan if curve["population"] is None else curve["population"],
        }
        for curve in curves_of(core, level, context, coefficient)
        for i in range(len(curve["average"]))
    ]
    return columns_of(lines)


def curves_of(
    core: _core.Model, level: float, context: str | None, coefficient: str | None
) -> list[dict[str, Any]]:
    """Curves against contexts: all, or those of one context or of one coefficient."""
    curves: list[dict[str, Any]] = json.loads(core.curves(float(level)))
    for key, wanted in [("context", context), ("coefficient", coefficient)]:
        if wanted is None:
            continue
        known = list(dict.fromkeys(curve[key] for curve in curves))
        if wanted not in known:
            raise ValueError(f"there is no {key} {wanted!r}; there are {', '.join(known)}")
        curves = [curve for curve in curves if curve[key] == wanted]
    return curves


def coefficient_columns(facts: dict[str, Any], values: np.ndarray) -> dict[str, np.ndarray]:
    """Coefficients (rows, targets, features and intercept) by name; those of several targets begin with the target's."""
    columns: dict[str, np.ndarray] = {}
    several = len(facts["targets"]) > 1
    for target, name in enumerate(facts["targets"]):
        prefix = f"{name}." if several else ""
        for feature, own in enumerate(facts["features"]):
            columns[prefix + own] = values[:, target, feature]
        if facts["intercept"]:
            columns[prefix + INTERCEPT] = values[:, target, -1]
    return columns

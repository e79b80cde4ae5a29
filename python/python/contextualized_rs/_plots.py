"""Which figures there are of a model."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from . import _core
from ._figures import Panel, drawn
from ._results import INTERCEPT, curves_of

# More panels than that are asked for one coefficient or one context at a time.
_MOST_PANELS = 60
_POINTS = 25
# What the program calls all contexts together.
_ALL = "(all)"


def plot(
    core: _core.Model,
    facts: dict[str, Any],
    kind: str | None,
    coefficient: str | None,
    context: str | None,
    contexts: Any,
    level: float,
    backend: str | None,
) -> Any:
    """The figure of a kind; see ``plot`` of the models."""
    networks = facts["kind"] is not None
    kind = kind or ("networks" if networks else "coefficients")
    if kind == "coefficients":
        return _coefficients(core, coefficient, context, level, backend)
    if kind == "map" and not networks:
        return _map(core, facts, coefficient, contexts, backend)
    if kind == "variation" and not networks:
        return _variation(core, backend)
    if kind == "networks" and networks:
        return _networks(core, facts, context, contexts, backend)
    known = "networks, coefficients" if networks else "coefficients, map, variation"
    raise ValueError(f"kind is {kind!r}, and this model has {known}")


def _coefficients(
    core: _core.Model, coefficient: str | None, context: str | None, level: float, backend: str | None
) -> Any:
    curves = curves_of(core, level, context, coefficient)
    if len(curves) > _MOST_PANELS:
        raise ValueError(
            f"{len(curves)} curves are too many for a figure; name a coefficient or a context"
        )
    across = len({curve["context"] for curve in curves})
    panels = []
    for curve in curves:
        panel = Panel(x_label=curve["context"], y_label=curve["quantity"])
        at = curve["at"]
        if curve["population"] is not None:
            panel.layers.append({"kind": "level", "y": curve["population"], "label": "population"})
        if at["values"]:
            x = at["values"]
            panel.layers.append({"kind": "rug", "x": at["rows"]})
            if curve["lower"]:
                band = {"kind": "band", "x": x, "lower": curve["lower"], "upper": curve["upper"], "colour": 0}
                panel.layers.append(band)
            panel.layers.append({"kind": "line", "x": x, "y": curve["average"], "label": "", "colour": 0})
        else:
            panel.x_names = at["texts"]
            for place in range(len(at["texts"])) if curve["lower"] else ():
                ends = [curve["lower"][place], curve["upper"][place]]
                panel.layers.append({"kind": "line", "x": [place] * 2, "y": ends, "label": "", "colour": 0})
            dots = {"kind": "dots", "x": list(range(len(at["texts"]))), "y": curve["average"], "label": "", "colour": 0}
            panel.layers.append(dots)
        panels.append(panel)
    return drawn(panels, across, (280, 200), backend)


def _map(
    core: _core.Model, facts: dict[str, Any], coefficient: str | None, contexts: Any, backend: str | None
) -> Any:
    if contexts is None or len(contexts) != 2 or not all(isinstance(name, str) for name in contexts):
        raise ValueError('a map is over two contexts; name them, contexts=("age", "sex")')
    names = [*facts["features"], *([INTERCEPT] if facts["intercept"] else [])]
    if coefficient is None and len(names) == 1:
        coefficient = names[0]
    if coefficient not in names:
        raise ValueError(f"coefficient is {coefficient!r}, and has to be one of {', '.join(names)}")
    values, points = core.map(contexts[0], contexts[1], _POINTS)
    first, second = json.loads(points)
    place = len(facts["features"]) if coefficient == INTERCEPT else names.index(coefficient)
    panels = []
    for target, name in enumerate(facts["targets"]):
        # The first context is across, the second upwards.
        table = values[:, target, place].reshape(len(first["texts"]), -1).T[::-1]
        panels.append(
            Panel(
                title=name if len(facts["targets"]) > 1 else "",
                x_label=contexts[0],
                y_label=contexts[1],
                x_names=_few(first["texts"]),
                y_names=_few(second["texts"][::-1]),
                layers=[_cells_of(table, f"coefficient of {coefficient}")],
            )
        )
    return drawn(panels, 2, (320, 300), backend)


def _variation(core: _core.Model, backend: str | None) -> Any:
    tables = [section["table"] for section in json.loads(core.effects())["sections"]]
    lines = [line for table in tables if table is not None for line in table["lines"] if "context" in line]
    lines = [line for line in lines if line["context"] != _ALL]
    targets = list(dict.fromkeys(line.get("target") for line in lines))
    panels = []
    for target in targets:
        own = [line for line in lines if line.get("target") == target]
        coefficients = list(dict.fromkeys(line["coefficient"] for line in own))
        contexts = list(dict.fromkeys(line["context"] for line in own))
        # Coefficients have units of their own: each is shown in shares of the largest deviation of its line.
        table = np.array([[line["deviation"] or 0.0 for line in own if line["coefficient"] == name] for name in coefficients])
        largest = table.max(axis=1, keepdims=True)
        shares = np.divide(table, largest, out=np.zeros_like(table), where=largest > 0)
        cells = _cells_of(shares, "deviation / largest of its line")
        cells.update(low=0.0, high=1.0, diverging=False)
        panels.append(Panel(title=target or "", x_names=contexts, y_names=coefficients, layers=[cells]))
    wide, high = len(panels[0].x_names or []), len(panels[0].y_names or [])
    return drawn(panels, 2, (max(160.0, 60.0 * wide), max(120.0, 40.0 * high)), backend)


def _networks(
    core: _core.Model, facts: dict[str, Any], context: str | None, contexts: Any, backend: str | None
) -> Any:
    if contexts is None:
        titles, at = core.typical(context)
    else:
        at = np.asarray(contexts, dtype=np.float64)
        at = at.reshape(1, -1) if at.ndim == 1 else at
        titles = [", ".join(f"{name} {value:g}" for name, value in zip(facts["contexts"], row)) for row in at]
    networks = core.networks(np.ascontiguousarray(at))
    away = networks * (1 - np.eye(networks.shape[1]))
    widest = float(np.abs(away).max()) or 1.0
    panels = [
        Panel(
            title=title,
            bare=True,
            layers=[
                {
                    "kind": "graph",
                    "names": facts["features"],
                    "weights": network.ravel().tolist(),
                    "directed": facts["kind"] == "bayesian",
                    "widest": widest,
                }
            ],
        )
        for title, network in zip(titles, away)
    ]
    return drawn(panels, 3, (300, 300), backend)


def _cells_of(table: np.ndarray, label: str) -> dict[str, Any]:
    """Cells on a scale around zero if there are values on both sides of it, else between the ends."""
    low, high = float(table.min()), float(table.max())
    diverging = low < 0 < high
    if diverging:
        high = max(high, -low)
        low = -high
    elif low == high:
        high = low + 1.0
    return {
        "kind": "cells",
        "values": table.ravel().tolist(),
        "columns": table.shape[1],
        "label": label,
        "low": low,
        "high": high,
        "diverging": diverging,
    }


def _few(texts: list[str]) -> list[str]:
    """Every fifth text, if there are many, with few digits."""
    if len(texts) <= 10:
        return texts
    return [_short(text) if i % 6 == 0 else "" for i, text in enumerate(texts)]


def _short(text: str) -> str:
    try:
        return f"{float(text):.3g}"
    except ValueError:
        return text

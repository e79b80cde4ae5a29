"""Figures as data, drawn by matplotlib or as SVG."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from . import _core

# Colours that colour-blind readers can distinguish (Okabe and Ito), those of the SVG figures.
COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"]


@dataclass
class Panel:
    """A pair of axes with layers, each a dict whose ``kind`` is line, level, band, dots, rug, cells or graph."""

    title: str = ""
    x_label: str = ""
    y_label: str = ""
    x_names: list[str] | None = None
    y_names: list[str] | None = None
    bare: bool = False
    layers: list[dict[str, Any]] = field(default_factory=list)


class Picture:
    """An SVG document, which notebooks show."""

    def __init__(self, svg: str) -> None:
        self.svg = svg

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the document."""
        with open(path, "w", encoding="utf-8") as file:
            file.write(self.svg)

    def _repr_svg_(self) -> str:
        return self.svg

    def __repr__(self) -> str:
        return f"<Picture of {len(self.svg)} bytes of SVG>"


def drawn(panels: list[Panel], columns: int, size: tuple[float, float], backend: str | None) -> Any:
    """A grid of panels, each so many px wide and high."""
    if backend not in (None, "matplotlib", "svg"):
        raise ValueError(f'backend is {backend!r}, and has to be None, "matplotlib" or "svg"')
    if backend is None:
        try:
            import matplotlib
        except ImportError:
            backend = "svg"
        else:
            backend = matplotlib.__name__
    columns = min(columns, len(panels))
    if backend == "matplotlib":
        return _by_matplotlib(panels, columns, size)
    figure = {
        "columns": columns,
        "width": size[0],
        "height": size[1],
        "panels": [asdict(panel) for panel in panels],
    }
    return Picture(_core.svg(json.dumps(figure)))


def _by_matplotlib(panels: list[Panel], columns: int, size: tuple[float, float]) -> Any:
    from matplotlib import pyplot

    rows = -(-len(panels) // columns)
    inches = (columns * (size[0] / 80 + 0.8), rows * (size[1] / 80 + 0.7))
    figure, axes = pyplot.subplots(rows, columns, figsize=inches, squeeze=False, layout="constrained")
    for axis in axes.flat[len(panels) :]:
        axis.set_axis_off()
    for panel, axis in zip(panels, axes.flat):
        axis.set_title(panel.title)
        axis.set_xlabel(panel.x_label)
        axis.set_ylabel(panel.y_label)
        for layer in panel.layers:
            _LAYERS[layer["kind"]](axis, layer)
        if panel.x_names is not None:
            axis.set_xticks(range(len(panel.x_names)), panel.x_names)
        if panel.y_names is not None:
            axis.set_yticks([-i for i in range(len(panel.y_names))], panel.y_names)
        if panel.bare:
            axis.set_axis_off()
        if any(layer.get("label") for layer in panel.layers if layer["kind"] != "cells"):
            axis.legend(frameon=False)
    return figure


def _line(axis: Any, layer: dict[str, Any]) -> None:
    axis.plot(layer["x"], layer["y"], color=_colour(layer), label=layer["label"] or None)


def _level(axis: Any, layer: dict[str, Any]) -> None:
    axis.axhline(layer["y"], color="#666666", linestyle="--", linewidth=1, label=layer["label"] or None)


def _band(axis: Any, layer: dict[str, Any]) -> None:
    axis.fill_between(layer["x"], layer["lower"], layer["upper"], color=_colour(layer), alpha=0.2, linewidth=0)


def _dots(axis: Any, layer: dict[str, Any]) -> None:
    axis.plot(layer["x"], layer["y"], "o", color=_colour(layer), label=layer["label"] or None)


def _rug(axis: Any, layer: dict[str, Any]) -> None:
    foot = np.zeros(len(layer["x"]))
    axis.plot(layer["x"], foot, "|", color="#666666", alpha=0.5, transform=axis.get_xaxis_transform())


def _cells(axis: Any, layer: dict[str, Any]) -> None:
    table = np.asarray(layer["values"]).reshape(-1, layer["columns"])
    rows, columns = table.shape
    shown = axis.imshow(
        table,
        cmap="RdBu_r" if layer["diverging"] else "viridis",
        vmin=layer["low"],
        vmax=layer["high"],
        extent=(-0.5, columns - 0.5, 0.5 - rows, 0.5),
        aspect="auto",
    )
    axis.figure.colorbar(shown, ax=axis, label=layer["label"])


def _graph(axis: Any, layer: dict[str, Any]) -> None:
    names, directed = layer["names"], layer["directed"]
    count = len(names)
    weights = np.asarray(layer["weights"]).reshape(count, count)
    angles = np.pi / 2 - 2 * np.pi * np.arange(count) / count
    places = np.column_stack([np.cos(angles), np.sin(angles)])
    for i in range(count):
        for j in range(count):
            if i == j or weights[i, j] == 0 or (not directed and j < i):
                continue
            axis.annotate(
                "",
                places[j],
                places[i],
                arrowprops={
                    "arrowstyle": "-|>" if directed else "-",
                    "linewidth": 4 * abs(weights[i, j]) / layer["widest"],
                    "color": COLOURS[1] if weights[i, j] > 0 else COLOURS[0],
                    "shrinkA": 12,
                    "shrinkB": 12,
                    "connectionstyle": "arc3,rad=0.1" if directed else "arc3",
                },
            )
    for place, name in zip(places, names):
        axis.text(*(1.15 * place), name, ha="center", va="center")
    axis.plot(*places.T, "o", color="#666666")
    axis.set_xlim(-1.4, 1.4)
    axis.set_ylim(-1.4, 1.4)
    axis.set_aspect("equal")


def _colour(layer: dict[str, Any]) -> str:
    place: int = layer["colour"]
    return COLOURS[place % len(COLOURS)]


_LAYERS = {
    "line": _line,
    "level": _level,
    "band": _band,
    "dots": _dots,
    "rug": _rug,
    "cells": _cells,
    "graph": _graph,
}

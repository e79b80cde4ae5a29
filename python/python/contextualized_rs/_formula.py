"""Formulas on data frames, and model files: the code of the program."""

from __future__ import annotations

import html
import json
import os
from typing import Any

import numpy as np

from . import _core
from ._arrays import frame, seed_of, warn_notes
from ._estimators import _plain
from ._results import Summary, coefficient_columns, read, summary_of, variation_of, write


class FormulaModel:
    """A model of a formula, fitted by :func:`fit` or read by :func:`load`; its methods take data frames."""

    def __init__(self, core: _core.Model) -> None:
        self._core = core
        self._facts: dict[str, Any] = json.loads(core.facts())

    @property
    def formula(self) -> str:
        """The formula, with ``.`` written out."""
        return str(self._facts["formula"])

    @property
    def family(self) -> str:
        """The outcome's family."""
        return str(self._facts["family"])

    @property
    def estimator(self) -> str:
        """The estimator that was fitted, in words."""
        return str(self._facts["estimator"])

    @property
    def rows(self) -> int:
        """Number of rows fitted."""
        return int(self._facts["rows"])

    @property
    def rows_left_out(self) -> int:
        """Number of rows left out for missing values."""
        return int(self._facts["rows_left_out"])

    def _encoded(self, data: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray | None, Any]:
        contexts, features, offsets, rows, count, remarks = self._core.encode(data)
        warn_notes(remarks)

        def whole(columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
            if len(rows) == count:
                return columns
            full = {}
            for name, values in columns.items():
                full[name] = np.full(count, np.nan)
                full[name][rows] = values
            return full

        return contexts, features, offsets, whole

    def coefficients(self, data: Any) -> Any:
        """Coefficients at the contexts of the rows of a data frame, NaN where a row is incomplete."""
        contexts, _, _, whole = self._encoded(data)
        found = self._core.coefficients(contexts)
        return frame(whole(coefficient_columns(self._facts, *found)))

    def intervals(self, data: Any, level: float = 0.95) -> tuple[Any, Any]:
        """Lower and upper ends of intervals of the coefficients, each as :meth:`coefficients`."""
        contexts, _, _, whole = self._encoded(data)
        lower, upper = self._core.intervals(contexts, float(level))
        return (
            frame(whole(coefficient_columns(self._facts, *lower))),
            frame(whole(coefficient_columns(self._facts, *upper))),
        )

    def predict(self, data: Any, *, interval: str | None = None, level: float = 0.95) -> Any:
        """Expected outcomes of the rows of a data frame, by target; probabilities of binary outcomes.

        With ``interval="mean"`` or ``"outcome"`` there are columns ``TARGET.lower`` and ``TARGET.upper`` too.
        """
        contexts, features, offsets, whole = self._encoded(data)
        means, ends = self._core.predict(contexts, features, offsets, interval, float(level))
        columns: dict[str, np.ndarray] = {}
        for target, name in enumerate(self._facts["targets"]):
            columns[name] = means[:, target]
            if ends is not None:
                columns[f"{name}.lower"] = ends[0][:, target]
                columns[f"{name}.upper"] = ends[1][:, target]
        return frame(whole(columns))

    def summary(self, level: float = 0.95) -> Summary:
        """Average coefficients with standard errors, intervals and p-values, and how well the model fits."""
        return summary_of(self._core, level)

    def test_variation(self) -> Any:
        """Wald tests of which coefficients vary with which contexts; lines without a context are of all together."""
        return variation_of(self._core)

    def networks(self, data: Any) -> np.ndarray:
        """Networks of the rows of a data frame (rows, nodes, nodes), of a formula without a target."""
        contexts, _, _, _ = self._encoded(data)
        return self._core.networks(contexts)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the model file that the program ``contextualized`` writes and reads."""
        write(self._core, path)

    def __getstate__(self) -> bytes:
        return self._core.to_bytes()

    def __setstate__(self, state: bytes) -> None:
        FormulaModel.__init__(self, _core.Model.from_bytes(state, "the pickle"))

    def __repr__(self) -> str:
        return f"<FormulaModel {self.formula}: {self.estimator}, {self.rows} rows>"

    def _repr_html_(self) -> str:
        text = repr(self) if self._facts["kind"] else str(self.summary())
        return f"<pre>{html.escape(text)}</pre>"


def fit(
    formula: str,
    data: Any,
    *,
    estimator: str = "auto",
    family: str | None = None,
    settings: dict[str, Any] | None = None,
    weights: str | None = None,
    groups: str | None = None,
    offset: str | None = None,
    drop_missing: bool = False,
    bootstraps: int = 0,
    folds: int = 5,
    tests: bool = True,
    kind: str = "correlation",
    random_state: Any = None,
) -> FormulaModel:
    """Fits a formula such as ``"y ~ dose | age + site"`` to a data frame of pandas, polars or pyarrow.

    The formula, the coding of columns and the estimators are the program's: columns of text are factors, an outcome of
    two levels is binary, and a formula without a target, ``"~ a + b + c | age"``, is of networks of the given ``kind``.
    ``weights``, ``groups`` and ``offset`` name columns. A missing value is an error unless ``drop_missing`` leaves such
    rows out. Columns of numbers are not copied before they are coded.
    """
    arguments = {
        "estimator": estimator,
        "family": family,
        "settings": settings,
        "weights": weights,
        "groups": groups,
        "offset": offset,
        "drop_missing": drop_missing,
        "bootstraps": bootstraps,
        "folds": folds,
        "tests": tests,
        "kind": kind,
        "seed": seed_of(random_state),
    }
    model = FormulaModel(_core.fit_formula(formula, data, json.dumps(arguments, default=_plain)))
    warn_notes(model._facts["notes"])
    return model


def load(path: str | os.PathLike[str]) -> FormulaModel:
    """Reads a model file, of the program or of :meth:`FormulaModel.save` and the estimators' ``save``."""
    return FormulaModel(read(path))

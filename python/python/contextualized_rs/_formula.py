"""Formulas on data frames, and model files: the code of the program."""

from __future__ import annotations

import json
import os
from typing import Any

import numpy as np

from . import _core
from ._answers import RegressionAnswers
from ._arrays import frame, seed_of, warn_notes
from ._estimators import _plain
from ._progress import progress
from ._results import coefficient_columns
from ._stored import read


class FormulaModel(RegressionAnswers):
    """A model of a formula, fitted by :func:`fit` or read by :func:`load`.

    Its methods take data frames of pandas, polars or pyarrow, or the paths of CSV and Parquet files. A level that
    training did not have is an error, or with ``unknown_levels="population"`` predicted by the constant-coefficient
    model.
    """

    def __init__(self, core: _core.Model) -> None:
        self._set_core(core)

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

    def coefficients(self, data: Any, *, unknown_levels: str = "error") -> Any:
        """Coefficients at the contexts of the rows, NaN where one is incomplete."""
        return self._coefficients(data, None, False, unknown_levels)[0]

    def intervals(self, data: Any, level: float = 0.95, *, unknown_levels: str = "error") -> tuple[Any, Any]:
        """Lower and upper ends of intervals of the coefficients, each as :meth:`coefficients`."""
        _, lower, upper = self._coefficients(data, float(level), False, unknown_levels)
        return lower, upper

    def standard_errors(self, data: Any, *, unknown_levels: str = "error") -> Any:
        """Standard errors of the coefficients, as :meth:`coefficients`."""
        return self._coefficients(data, None, True, unknown_levels)[1]

    def _coefficients(self, data: Any, level: float | None, errors: bool, unknown_levels: str) -> list[Any]:
        (values, ends, spread), remarks = self._core.coefficients_of(data, level, errors, unknown_levels)
        warn_notes(remarks)
        tables = [values, *(ends or ()), *(() if spread is None else (spread,))]
        return [frame(coefficient_columns(self._facts, table)) for table in tables]

    def draws(self, data: Any, draws: int = 100, *, random_state: Any = None) -> np.ndarray:
        """Draws of all coefficients at the contexts of the rows together, from the posterior or of the bootstrap's
        replicates.

        An array of shape (draws, rows, targets, features + 1), the intercept last, NaN where a row is incomplete.
        Gaussian processes, trees and fits with ``bootstraps`` have them, others raise ``NotImplementedError``.
        """
        found, remarks = self._core.draws_of(data, int(draws), seed_of(random_state))
        warn_notes(remarks)
        return found

    def predict(
        self, data: Any, *, interval: str | None = None, level: float = 0.95, unknown_levels: str = "error"
    ) -> Any:
        """Expected outcomes of the rows, by target; probabilities of binary outcomes.

        With ``interval="mean"`` or ``"outcome"`` there are columns ``TARGET.lower`` and ``TARGET.upper`` too. Rows that
        are incomplete are NaN.
        """
        (means, ends), remarks = self._core.predict_of(data, interval, float(level), unknown_levels)
        warn_notes(remarks)
        columns: dict[str, np.ndarray] = {}
        for target, name in enumerate(self._facts["targets"]):
            columns[name] = means[:, target]
            if ends is not None:
                columns[f"{name}.lower"] = ends[0][:, target]
                columns[f"{name}.upper"] = ends[1][:, target]
        return frame(columns)

    def survival(
        self, data: Any, times: Any, *, level: float | None = None, unknown_levels: str = "error"
    ) -> Any:
        """Probabilities of no event until each of these times, of a model of ``Surv(time, event)``.

        There is a column ``surv.TIME`` for each time, and with ``level`` there are columns ``surv.TIME.lower`` and
        ``surv.TIME.upper`` too. Rows that are incomplete are NaN.
        """
        asked = [float(time) for time in np.atleast_1d(np.asarray(times, dtype=float))]
        level = None if level is None else float(level)
        (values, ends), remarks = self._core.survival_of(data, asked, level, unknown_levels)
        warn_notes(remarks)
        columns: dict[str, np.ndarray] = {}
        for position, time in enumerate(asked):
            name = f"surv.{int(time) if time.is_integer() else time}"
            columns[name] = values[:, position]
            if ends is not None:
                columns[f"{name}.lower"] = ends[0][:, position]
                columns[f"{name}.upper"] = ends[1][:, position]
        return frame(columns)

    def at(self, time: float) -> FormulaModel:
        """The same model of survival times, whose coefficients and hazards are those at this time. By default they are
        those of the interval of time with the median event."""
        return FormulaModel(self._core.at(float(time)))

    def networks(self, data: Any, *, unknown_levels: str = "error") -> np.ndarray:
        """Networks of the rows (rows, nodes, nodes), of a formula without a target; NaN where a row is incomplete."""
        networks, remarks = self._core.networks_of(data, unknown_levels)
        warn_notes(remarks)
        return networks

    def __repr__(self) -> str:
        return f"<FormulaModel {self.formula}: {self.estimator}, {self.rows} rows>"

    def _repr_html_(self) -> str:
        account = self.effects() if self._facts["kind"] else self.summary()
        return account._repr_html_()


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
    treatment: str | None = None,
    drop_missing: bool = False,
    reading: dict[str, Any] | None = None,
    bootstraps: int = 0,
    folds: int = 5,
    tests: bool = True,
    kind: str = "correlation",
    random_state: Any = None,
) -> FormulaModel:
    """Fits a formula such as ``"y ~ dose | age + site"`` to a data frame of pandas, polars or pyarrow, or to a file.

    The formula, the coding of columns and the estimators are the program's: columns of text are factors, an outcome of
    two levels is binary, and a formula without a target, ``"~ a + b + c | age"``, is of networks of the given ``kind``.
    ``"Surv(time, event) ~ dose | age"`` is of survival times, whose hazards are constant within intervals of time.
    ``weights``, ``groups`` and ``offset`` name columns; with ``treatment``, a column that the formula does not name, the
    coefficient is its effect, adjusted for features and contexts by models of their own. A missing value is an error unless ``drop_missing`` leaves such
    rows out. Columns of numbers of a data frame are not copied before they are coded. A path (``str`` or ``os.PathLike``)
    names a CSV, TSV or Parquet file, of which only the columns of the formula are read; ``reading`` says how, as the flags
    of the program do: ``{"delimiter": ";", "decimal": ",", "thousands": ".", "missing": ["?"], "comment": "#", "skip": 1}``.
    The model keeps it for new data.

    >>> import pandas as pd
    >>> import contextualized_rs as cr
    >>> data = pd.DataFrame({"dose": [1.0, 2.0, 3.0, 4.0] * 10, "site": ["A", "B"] * 20})
    >>> data["y"] = 3 * data.dose + (data.site == "A")
    >>> model = cr.fit("y ~ dose | site", data, estimator="population", tests=False)
    >>> model.coefficients(data.head(1)).round(3).to_dict("records")
    [{'dose': 2.8, '(intercept)': 1.0}]
    """
    arguments = {
        "estimator": estimator,
        "family": family,
        "settings": settings,
        "weights": weights,
        "groups": groups,
        "offset": offset,
        "treatment": treatment,
        "drop_missing": drop_missing,
        "reading": reading,
        "bootstraps": bootstraps,
        "folds": folds,
        "tests": tests,
        "kind": kind,
        "seed": seed_of(random_state),
    }
    with progress() as told:
        core = _core.fit_formula(formula, data, json.dumps(arguments, default=_plain), told)
    model = FormulaModel(core)
    warn_notes(model._facts["notes"])
    return model


def load(path: str | os.PathLike[str]) -> FormulaModel:
    """Reads a model file, of the program or of :meth:`FormulaModel.save` and the estimators' ``save``."""
    return FormulaModel(read(path))

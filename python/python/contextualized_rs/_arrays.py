"""What is given as arrays or data frames, as arrays of doubles with names."""

from __future__ import annotations

import sys
import warnings
from typing import Any

import numpy as np


class NotFittedError(ValueError, AttributeError):
    """The estimator was not fitted yet."""


class DataWarning(UserWarning):
    """Something about the data that deserves a look."""


class _Conversion(UserWarning):
    pass


def not_fitted(estimator: object) -> Exception:
    """The exception of scikit-learn, where that is loaded."""
    message = (
        f"This {type(estimator).__name__} instance is not fitted yet. Call 'fit' with appropriate "
        "arguments before using this estimator."
    )
    loaded = sys.modules.get("sklearn.exceptions")
    if loaded is None:
        return NotFittedError(message)
    both = type("NotFittedError", (NotFittedError, loaded.NotFittedError), {})
    error: Exception = both(message)
    return error


def warn_conversion(message: str) -> None:
    """Warns as scikit-learn does, where that is loaded."""
    loaded = sys.modules.get("sklearn.exceptions")
    category = _Conversion if loaded is None else loaded.DataConversionWarning
    warnings.warn(message, category, stacklevel=4)


def warn_notes(notes: list[str]) -> None:
    """Warns of what a fit or a prediction has to say of the data."""
    for note in notes:
        warnings.warn(note, DataWarning, stacklevel=3)


def column_names(table: Any) -> list[str] | None:
    """Names of the columns of a data frame; none of an array, or if not all are texts."""
    names = getattr(table, "columns", None)
    if names is None or callable(names):
        return None
    names = getattr(table, "column_names", names)
    names = list(names)
    if not names or not all(isinstance(name, str) for name in names):
        if any(isinstance(name, str) for name in names):
            raise TypeError(
                "Feature names are only supported if all input features have string names, but your input "
                "has text and other types as feature name / column name types."
            )
        return None
    return [str(name) for name in names]


def _is_sparse(table: Any) -> bool:
    return type(table).__module__.startswith("scipy.sparse")


def matrix(table: Any, what: str, estimator: str) -> np.ndarray:
    """A table of doubles (rows, columns), with scikit-learn's words for what it cannot be."""
    if _is_sparse(table):
        raise TypeError(
            f"{what} is a sparse matrix, and dense data is required by {estimator}: use {what}.toarray()"
        )
    values = np.asarray(table)
    if np.iscomplexobj(values):
        raise ValueError(f"Complex data not supported\n{what} contains complex numbers")
    if values.ndim == 1:
        raise ValueError(
            f"Expected 2D array, got 1D array instead: {what} has shape {values.shape}. Reshape your data "
            "either using array.reshape(-1, 1) if your data has a single feature or array.reshape(1, -1) "
            "if it contains a single sample."
        )
    if values.ndim != 2:
        raise ValueError(f"Found array with dim {values.ndim}: {what} has to be 2D for {estimator}")
    try:
        values = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{what} has values that are not numbers: {error}") from error
    rows, columns = values.shape
    if rows == 0:
        raise ValueError(
            f"Found array with 0 sample(s) (shape={values.shape}) while a minimum of 1 is required by {estimator}."
        )
    if columns == 0:
        raise ValueError(
            f"Found array with 0 feature(s) (shape={values.shape}) while a minimum of 1 is required by {estimator}."
        )
    finite(values, what)
    return values


def finite(values: np.ndarray, what: str) -> None:
    """Refuses NaN and infinity, and names the first."""
    # The sum is finite unless a value is not, or values are so large that it overflows.
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(values.sum()):
            return
    wrong = np.argwhere(~np.isfinite(values))
    if len(wrong):
        first = wrong[0]
        kind = "NaN" if np.isnan(values[tuple(first)]) else "infinity"
        place = f"row {first[0] + 1}" + (f", column {first[1] + 1}" if len(first) > 1 else "")
        raise ValueError(
            f"Input {what} contains {kind}: {place} (rows and columns are counted from one). Leave such rows out, "
            "impute them, or use a formula, which can leave incomplete rows out."
        )


def vector(values: Any, what: str, rows: int) -> np.ndarray:
    """A vector of doubles, one for each row."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1:
        raise ValueError(f"{what} has shape {array.shape}, and a vector of {rows} values is needed")
    if len(array) != rows:
        raise ValueError(
            f"Found input variables with inconsistent numbers of samples: {what} has {len(array)}, X has {rows}"
        )
    finite(array, what)
    return array


def group_codes(groups: Any, rows: int) -> np.ndarray | None:
    """Numbers of the groups of rows."""
    if groups is None:
        return None
    array = np.asarray(groups)
    if array.shape != (rows,):
        raise ValueError(f"groups has shape {array.shape}, and a vector of {rows} labels is needed")
    return np.unique(array, return_inverse=True)[1].astype(np.uint64)


def seed_of(random_state: Any) -> int:
    """A seed: that which is given, one drawn by a generator, or 0."""
    if random_state is None:
        return 0
    if isinstance(random_state, (int, np.integer)) and not isinstance(random_state, bool):
        if random_state < 0:
            raise ValueError(f"random_state is {random_state}, and has to be at least 0")
        return int(random_state)
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(0, 2**32))
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(0, 2**31 - 1))
    raise ValueError(
        f"random_state is {random_state!r}, and has to be None, an integer or a generator of numpy"
    )


def frame(columns: dict[str, Any]) -> Any:
    """A data frame of pandas where that is installed, else the columns by name."""
    try:
        import pandas
    except ImportError:
        return columns
    return pandas.DataFrame(columns)

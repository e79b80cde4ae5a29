"""Accuracy in parts of the rows."""

from __future__ import annotations

from typing import Any

import numpy as np


def print_acc_by_covars(Y_true: Any, Y_pred: Any, covar_df: Any, **kwargs: Any) -> None:
    """Prints the area under the ROC curve for every level of every covariate with at most ``max_classes`` (20) levels.

    With ``train_idx`` and ``test_idx``, which are true for rows, that of training and of test rows.
    """
    truth, predicted = np.ravel(Y_true), np.ravel(Y_pred)
    parts = {"ROC": np.ones(len(truth), dtype=bool)}
    if kwargs.get("train_idx") is not None and kwargs.get("test_idx") is not None:
        parts = {"train ROC": np.asarray(kwargs["train_idx"]), "test ROC": np.asarray(kwargs["test_idx"])}
    for position, name in enumerate(covar_df.columns):
        values = _in_units(np.asarray(covar_df)[:, position], position, kwargs)
        levels = sorted(set(values.tolist()))
        if len(levels) > kwargs.get("max_classes", 20):
            continue
        print(name)
        for level in levels:
            of_level = values == level
            said = [f"{what} {_area(truth[of_level & rows], predicted[of_level & rows]):.2f}" for what, rows in parts.items()]
            print(f"  {level}: {', '.join(said)}")


def _in_units(values: np.ndarray, position: int, kwargs: dict[str, Any]) -> np.ndarray:
    """Values of a covariate that was standardised or coded."""
    for key, apply in [("covar_stds", np.multiply), ("covar_means", np.add)]:
        if kwargs.get(key) is not None:
            values = apply(values, kwargs[key][position])
    if kwargs.get("covar_encoders") is not None and kwargs["covar_encoders"][position] is not None:
        values = np.asarray(kwargs["covar_encoders"][position].inverse_transform(np.round(values).astype(int)))
    return values


def _area(truth: np.ndarray, scores: np.ndarray) -> float:
    """The share of pairs of a positive and a negative row that scores order rightly, half of ties; NaN without pairs."""
    positive, negative = scores[truth == 1], scores[truth != 1]
    pairs = len(positive) * len(negative)
    if pairs == 0:
        return float("nan")
    order = np.sort(negative)
    below = np.searchsorted(order, positive, side="left")
    not_above = np.searchsorted(order, positive, side="right")
    return float((below + not_above).sum() / (2 * pairs))

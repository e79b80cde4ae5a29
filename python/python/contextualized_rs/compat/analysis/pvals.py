"""P-values of effects from fits to resampled rows.

They are two-sided: twice the share of replicates on the rarer side of zero, counting one more. ``test_variation`` of the
estimators tests variation without replicates, and sees effects that rise and fall again, which a difference between the
ends of a context does not.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..._arrays import column_names, frame
from .._replicates import numbered
from .effects import (
    get_heterogeneous_predictor_effects,
    get_homogeneous_context_effects,
    get_homogeneous_predictor_effects,
)


def get_possible_pvals(num_bootstraps: int) -> list[float]:
    """The smallest and the largest p-value that so many replicates can give."""
    return [min(1.0, 2 / (num_bootstraps + 1)), 1.0]


def calc_homogeneous_context_effects_pvals(model: Any, C: Any, verbose: bool = True, **kwargs: Any) -> np.ndarray:
    """Whether the intercept differs between the ends of each context (contexts, targets)."""
    _check(model, verbose)
    effects = get_homogeneous_context_effects(model, C, **kwargs)[1]
    return _two_sided(effects[:, :, -1] - effects[:, :, 0])


def calc_homogeneous_predictor_effects_pvals(model: Any, C: Any, verbose: bool = True, **kwargs: Any) -> np.ndarray:
    """Whether average slopes are zero (features, targets)."""
    _check(model, verbose)
    return _two_sided(get_homogeneous_predictor_effects(model, C, **kwargs)[1])


def calc_heterogeneous_predictor_effects_pvals(model: Any, C: Any, verbose: bool = True, **kwargs: Any) -> np.ndarray:
    """Whether slopes differ between the ends of each context (contexts, features, targets)."""
    _check(model, verbose)
    effects = get_heterogeneous_predictor_effects(model, C, **kwargs)[1]
    differences = effects[:, :, :, -1] - effects[:, :, :, 0]
    return np.array([_two_sided(of_context) for of_context in differences])


def test_each_context(
    model_constructor: Any,
    C: Any,
    X: Any,
    Y: Any,
    verbose: bool = True,
    model_kwargs: dict[str, Any] = {"encoder_type": "linear"},
    fit_kwargs: dict[str, Any] = {"max_epochs": 3, "learning_rate": 1e-2, "n_bootstraps": 20},
) -> Any:
    """Models of one context each, and whether their slopes differ between its ends.

    A line for each context, feature and target, with the columns Context, Predictor, Target and Pvals.
    """
    tables = [np.asarray(values, dtype=np.float64) for values in (C, X, Y)]
    names = [
        column_names(values) or numbered(prefix, own.shape[1])
        for values, own, prefix in zip((C, X, Y), tables, ("c", "x", "y"))
    ]
    lines: list[tuple[str, str, str, float]] = []
    for position, context in enumerate(names[0]):
        own = tables[0][:, [position]]
        model = model_constructor(**model_kwargs)
        model.fit(own, tables[1], tables[2], **fit_kwargs)
        found = calc_heterogeneous_predictor_effects_pvals(model, own, verbose=verbose and position == 0)
        for i, predictor in enumerate(names[1]):
            lines.extend((context, predictor, target, float(found[0, i, j])) for j, target in enumerate(names[2]))
    columns = ["Context", "Predictor", "Target", "Pvals"]
    return frame({name: [line[i] for line in lines] for i, name in enumerate(columns)})


# It is no test, whatever its name.
test_each_context.__test__ = False  # type: ignore[attr-defined]


def _check(model: Any, verbose: bool) -> None:
    if model.n_bootstraps < 2:
        raise ValueError("p-values need at least 2 replicates: fit with n_bootstraps=20, for example")
    if verbose:
        least = get_possible_pvals(model.n_bootstraps)[0]
        print(f"{model.n_bootstraps} replicates: the smallest possible p-value is {least:.4g}")


def _two_sided(effects: np.ndarray) -> np.ndarray:
    """P-values (quantities, targets) of effects (quantities, replicates, targets)."""
    replicates = effects.shape[1]
    rarer = np.minimum((effects <= 0).sum(axis=1), (effects >= 0).sum(axis=1))
    found: np.ndarray = np.minimum(1.0, 2 * (rarer + 1) / (replicates + 1))
    return found

"""What contexts and predictors do, over a grid of contexts."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..._arrays import column_names
from .._replicates import numbered, table


def get_homogeneous_context_effects(model: Any, C: Any, **kwargs: Any) -> tuple[np.ndarray, np.ndarray]:
    """Intercepts where one context takes the values of a grid and the others their means.

    The grid (values, contexts) and intercepts (contexts, replicates, values, targets), without the dimension of
    replicates if ``individual_preds=False``. ``n_vis`` is the number of values, 1000 by default; ``C_vis`` is a grid.
    """
    grid, individual = _grid(C, kwargs), kwargs.get("individual_preds", True)
    found = [model.predict_params(at, individual_preds=individual)[1] for at in _one_at_a_time(C, grid)]
    return grid, np.array(found)


def get_homogeneous_predictor_effects(model: Any, C: Any, **kwargs: Any) -> tuple[np.ndarray, np.ndarray]:
    """Slopes averaged over the rows of ``C``.

    The grid (values, contexts) and averages (features, replicates, targets), without the dimension of replicates if
    ``individual_preds=False``.
    """
    grid, individual = _grid(C, kwargs), kwargs.get("individual_preds", True)
    slopes = model.predict_params(table(C, "C"), individual_preds=individual)[0]
    return grid, np.moveaxis(slopes.mean(axis=-3), -1, 0)


def get_heterogeneous_predictor_effects(model: Any, C: Any, **kwargs: Any) -> tuple[np.ndarray, np.ndarray]:
    """Slopes where one context takes the values of a grid and the others their means, less their average.

    The grid (values, contexts) and slopes (contexts, features, replicates, values, targets), without the dimension of
    replicates if ``individual_preds=False``.
    """
    grid, individual = _grid(C, kwargs), kwargs.get("individual_preds", True)
    found = []
    for at in _one_at_a_time(C, grid):
        slopes = model.predict_params(at, individual_preds=individual)[0]
        found.append(np.moveaxis(slopes - slopes.mean(axis=-3, keepdims=True), -1, 0))
    return grid, np.array(found)


def plot_homogeneous_context_effects(model: Any, C: Any, **kwargs: Any) -> None:
    """Curves of the intercept against each context, with bands of the replicates."""
    grid, effects = get_homogeneous_context_effects(model, C, **{**kwargs, "individual_preds": True})
    for position, name in enumerate(_names(C, "c")):
        _curves(grid[:, position], effects[position], name, "effect on the outcome", kwargs)


def plot_heterogeneous_predictor_effects(model: Any, C: Any, X: Any, **kwargs: Any) -> None:
    """Curves of every slope against each context, with bands of the replicates."""
    grid, effects = get_heterogeneous_predictor_effects(model, C, **{**kwargs, "individual_preds": True})
    for position, name in enumerate(_names(C, "c")):
        for feature, own in enumerate(_names(X, "x")):
            _curves(grid[:, position], effects[position, feature], name, f"effect of {own}", kwargs)


def plot_homogeneous_predictor_effects(model: Any, C: Any, X: Any, **kwargs: Any) -> None:
    """Average slopes, with bars of the replicates; of a classification odds ratios."""
    from matplotlib import pyplot

    _, effects = get_homogeneous_predictor_effects(model, C, **{**kwargs, "individual_preds": True})
    names = _names(X, "x")
    for target in range(effects.shape[-1]):
        middle, lower, upper = _summary(effects[:, :, target].T, kwargs)
        figure, axis = pyplot.subplots()
        axis.errorbar(middle, range(len(names)), xerr=[middle - lower, upper - middle], fmt="o")
        axis.set_yticks(range(len(names)), names)
        axis.set_xlabel(_quantity("average effect", kwargs))
        _shown(pyplot, figure, kwargs)


def _curves(x: np.ndarray, replicates: np.ndarray, context: str, quantity: str, kwargs: dict[str, Any]) -> None:
    """A figure for each target of replicates (replicates, values, targets)."""
    from matplotlib import pyplot

    for target in range(replicates.shape[-1]):
        middle, lower, upper = _summary(replicates[:, :, target], kwargs)
        figure, axis = pyplot.subplots()
        axis.plot(x, middle)
        axis.fill_between(x, lower, upper, alpha=0.2)
        axis.set_xlabel(f"{kwargs.get('xlabel_prefix', '')}{context}")
        axis.set_ylabel(_quantity(quantity, kwargs))
        _shown(pyplot, figure, kwargs)


def _summary(replicates: np.ndarray, kwargs: dict[str, Any]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Means and percentiles over replicates, of a classification as odds ratios."""
    ends = [kwargs.get("lower_pct", 2.5), kwargs.get("upper_pct", 97.5)]
    lower, upper = np.percentile(replicates, ends, axis=0)
    middle = replicates.mean(axis=0)
    if kwargs.get("classification", True):
        return np.exp(middle), np.exp(lower), np.exp(upper)
    return middle, lower, upper


def _quantity(quantity: str, kwargs: dict[str, Any]) -> str:
    ratio = " (odds ratio)" if kwargs.get("classification", True) else ""
    return str(kwargs.get("ylabel", quantity + ratio))


def _shown(pyplot: Any, figure: Any, kwargs: dict[str, Any]) -> None:
    if kwargs.get("figname") is not None:
        figure.savefig(kwargs["figname"], dpi=300, bbox_inches="tight")
    else:
        pyplot.show()
    pyplot.close(figure)


def _names(values: Any, prefix: str) -> list[str]:
    return column_names(values) or numbered(prefix, np.shape(values)[1])


def _grid(C: Any, kwargs: dict[str, Any]) -> np.ndarray:
    """Values of every context from its smallest to its largest (values, contexts)."""
    if kwargs.get("C_vis") is not None:
        return table(kwargs["C_vis"], "C_vis")
    contexts = table(C, "C")
    return np.linspace(contexts.min(axis=0), contexts.max(axis=0), int(kwargs.get("n_vis", 1000)))


def _one_at_a_time(C: Any, grid: np.ndarray) -> list[np.ndarray]:
    """For every context rows with its values of the grid, and means of the others."""
    means = table(C, "C").mean(axis=0)
    found = []
    for context in range(grid.shape[1]):
        at = np.tile(means, (len(grid), 1))
        at[:, context] = grid[:, context]
        found.append(at)
    return found

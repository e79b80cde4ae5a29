"""Coefficients of models that have none: derivatives of a function of contexts and features."""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from . import _core
from ._arrays import column_names, finite, frame, matrix, seed_of
from ._results import INTERCEPT

_Found = tuple[np.ndarray, "np.ndarray | None"]
_Local = Callable[[np.ndarray, np.ndarray, bool], _Found]

# Rows of features that a distribution is represented by, unless they are given.
_REFERENCE = 200


def implicit_coefficients(
    predict_fn: Any,
    contexts: Any,
    features: Any,
    *,
    step: float | None = None,
) -> ImplicitCoefficients:
    """The coefficients that a model g of contexts and features has at every row: its derivatives in the features.

    ``∂g/∂x`` are the slopes at a row, and ``g − (∂g/∂x) x`` is the intercept. If ``g(c, x) = B(c) x + m(c)``, they are
    ``B(c)`` and ``m(c)``.

    Parameters
    ----------
    predict_fn : callable or torch.nn.Module
        ``predict_fn(contexts, features)`` gives predictions of shape (rows,) or (rows, targets), on a scale where
        effects add up: log-odds rather than probabilities. One that takes a single argument is given contexts and
        features side by side, contexts first, such as ``model.predict`` of a regression of scikit-learn, or a
        ``torch.nn.Sequential``. Modules are differentiated by torch, in evaluation mode; rows may not depend on each
        other. Other functions are differentiated by central differences.
    contexts : array of shape (rows, contexts)
    features : array of shape (rows, features)
    step : float, optional
        Half the width of a difference, in standard deviations of a feature. By default it balances rounding and
        curvature for the precision of what the function returns; a function that jumps, such as a forest, needs a
        large one, 0.5 for example.

    Returns
    -------
    ImplicitCoefficients

    >>> import numpy as np
    >>> import contextualized_rs as cr
    >>> rng = np.random.default_rng(0)
    >>> c, x = rng.normal(size=(50, 1)), rng.normal(size=(50, 1))
    >>> found = cr.implicit_coefficients(lambda c, x: np.sin(c[:, 0]) * x[:, 0], c, x)
    >>> bool(np.allclose(found.slopes[:, 0, 0], np.sin(c[:, 0])))
    True
    """
    name = "implicit_coefficients"
    given, values = matrix(contexts, "contexts", name), matrix(features, "features", name)
    if len(given) != len(values):
        raise ValueError(f"contexts has {len(given)} rows, and features has {len(values)}")
    names = column_names(features) or [f"x{i}" for i in range(values.shape[1])]
    return ImplicitCoefficients(predict_fn, given, values, names, step)


class ImplicitCoefficients:
    """What :func:`implicit_coefficients` gives.

    ``slopes`` (rows, targets, features) and ``intercepts`` (rows, targets) are arrays, :meth:`frame` the same as a table.
    """

    def __init__(
        self, predict_fn: Any, contexts: np.ndarray, features: np.ndarray, names: list[str], step: float | None
    ) -> None:
        self._predict_fn, self._step = predict_fn, step
        self._contexts, self._features, self._names = contexts, features, names
        with self._core() as core:
            found = core.coefficients(contexts, features)
        self.slopes = found[:, :, :-1]
        self.intercepts = found[:, :, -1]

    @contextmanager
    def _core(self) -> Iterator[_core.Implicit]:
        """The function as the compiled part calls it."""
        scales = self._features.std(axis=0)
        with _differentiated(self._predict_fn, scales, self._step) as local:
            yield _core.Implicit(local)

    def frame(self) -> Any:
        """A column for each feature and ``(intercept)``; those of several targets begin with ``y0.``, ``y1.`` and so on."""
        return frame(_columns(self._names, self.slopes, self.intercepts))

    def taylor(self, width: float = 0.25, *, draws: int = 64, random_state: Any = None) -> Any:
        """How well the line at each row stands for the function near it: its first-order Taylor expansion.

        A line for each row and target: ``r_squared`` is the share of the variance of g over normal draws around the row
        that the line explains, 1 where g is linear in the features, and ``remainder`` the root of the mean square of what
        it misses. The draws have ``width`` standard deviations of each feature.
        """
        with self._core() as core:
            shares, remainders = core.taylor(
                self._contexts, self._features, float(width), int(draws), seed_of(random_state)
            )
        return frame({**_rows_and_targets(shares), "r_squared": shares.ravel(), "remainder": remainders.ravel()})

    def linearity(self, reference: Any = None) -> Any:
        """How far four estimators of the coefficients at a row disagree, which they do unless g is linear in the features.

        The estimators are the derivative at the row, at features of zero, averaged over ``reference`` features, and the
        least-squares line over these; without ``reference`` at most 200 rows of the features are taken. A line for each
        row and target: ``disagreement`` is the largest standard deviation of the difference of two predictors,
        ``spread`` the standard deviation of g, which it compares with, and ``r_squared`` the share of the variance of g
        that the least-squares line explains.
        """
        with self._core() as core:
            _, (disagreement, spread, shares) = core.linearity(
                self._contexts, self._features, self._reference(reference)
            )
        return frame(
            {
                **_rows_and_targets(disagreement),
                "disagreement": disagreement.ravel(),
                "spread": spread.ravel(),
                "r_squared": shares.ravel(),
            }
        )

    def averaged(self, reference: Any = None) -> Any:
        """Average derivatives over ``reference`` features at the context of each row, as :meth:`frame`."""
        with self._core() as core:
            (_, _, averaged, _), _ = core.linearity(self._contexts, self._features, self._reference(reference))
        return frame(_columns(self._names, averaged[:, :, :-1], averaged[:, :, -1]))

    def distil(self, student: str = "gp", *, random_state: Any = None) -> DistilledCoefficients:
        """Coefficients as a function of the context alone, learned from the derivatives at the rows.

        ``student`` is ``"gp"``, a Gaussian process for each coefficient, or ``"encoder"``, a network.
        """
        with self._core() as core:
            found = core.distil(self._contexts, self._features, student, seed_of(random_state))
        return DistilledCoefficients(found, self._names)

    def _reference(self, reference: Any) -> np.ndarray:
        if reference is not None:
            return matrix(reference, "reference", "linearity")
        # Evenly spread over the rows, which may be sorted.
        places = np.linspace(0, len(self._features) - 1, min(_REFERENCE, len(self._features))).round().astype(int)
        return np.ascontiguousarray(self._features[places])

    def __repr__(self) -> str:
        rows, targets, features = self.slopes.shape
        return f"<ImplicitCoefficients of {rows} rows, {targets} targets, {features} features>"


class DistilledCoefficients:
    """Coefficients as a function of the context alone, which :meth:`ImplicitCoefficients.distil` gives."""

    def __init__(self, core: _core.Distilled, names: list[str]) -> None:
        self._core, self._names = core, names

    def coefficients(self, contexts: Any) -> Any:
        """Coefficients at contexts (rows, contexts), as :meth:`ImplicitCoefficients.frame`."""
        found = self._core.coefficients(matrix(contexts, "contexts", "DistilledCoefficients"))
        return frame(_columns(self._names, found[:, :, :-1], found[:, :, -1]))

    @property
    def fidelity(self) -> dict[str, Any]:
        """How well they stand for the function at the rows they were learned from.

        ``r_squared`` has for each target the share of the variance of g that they explain, ``slope_errors`` (targets,
        features) the mean squared differences from its derivatives.
        """
        found: dict[str, Any] = json.loads(self._core.fidelity())
        return {"r_squared": found["r_squared"], "slope_errors": np.array(found["slope_errors"])}

    def __getstate__(self) -> dict[str, Any]:
        return {"core": self._core.to_bytes(), "names": self._names}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(_core.Distilled.from_bytes(state["core"]), state["names"])  # type: ignore[misc]


def _columns(names: list[str], slopes: np.ndarray, intercepts: np.ndarray) -> dict[str, np.ndarray]:
    columns: dict[str, np.ndarray] = {}
    for target in range(intercepts.shape[1]):
        prefix = f"y{target}." if intercepts.shape[1] > 1 else ""
        for feature, name in enumerate(names):
            columns[prefix + name] = slopes[:, target, feature]
        columns[prefix + INTERCEPT] = intercepts[:, target]
    return columns


def _rows_and_targets(table: np.ndarray) -> dict[str, np.ndarray]:
    rows, targets = np.indices(table.shape)
    return {"row": rows.ravel(), "target": targets.ravel()}


@contextmanager
def _differentiated(predict_fn: Any, scales: np.ndarray, step: float | None) -> Iterator[_Local]:
    """The function with its derivatives: by torch of a module of it, else by differences."""
    torch = sys.modules.get("torch")
    if torch is None or not isinstance(predict_fn, torch.nn.Module):
        yield _by_differences(_of_two(predict_fn, lambda c, x: np.concatenate([c, x], axis=1)), scales, step)
        return
    was_training = predict_fn.training
    predict_fn.eval()
    try:
        yield _by_torch(torch, predict_fn)
    finally:
        predict_fn.train(was_training)


def _of_two(function: Any, joined: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """A function of contexts and features, of one that may take both side by side."""
    if not callable(function):
        raise TypeError(f"predict_fn is a {type(function).__name__}, and a function or a module of torch is needed")
    asked = getattr(function, "forward", function)
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    needed = [
        parameter
        for parameter in inspect.signature(asked).parameters.values()
        if parameter.kind in kinds and parameter.default is inspect.Parameter.empty
    ]
    if len(needed) == 1:
        return lambda contexts, features: function(joined(contexts, features))
    return lambda contexts, features: function(contexts, features)


def _by_differences(predict: Callable[[Any, Any], Any], scales: np.ndarray, step: float | None) -> _Local:
    def values(contexts: np.ndarray, features: np.ndarray) -> np.ndarray:
        found = np.asarray(predict(contexts, features))
        if found.ndim not in (1, 2) or len(found) != len(features):
            raise ValueError(
                f"predict_fn gave an array of shape {found.shape} for {len(features)} rows, and (rows,) or "
                "(rows, targets) is needed"
            )
        return found.reshape(len(found), -1)

    def local(contexts: np.ndarray, features: np.ndarray, derivatives: bool) -> _Found:
        found = values(contexts, features)
        predicted = found.astype(np.float64)
        finite(predicted, "predictions of predict_fn")
        if not derivatives:
            return predicted, None
        # The error of a central difference is least at the third root of the precision of the values.
        precision = np.finfo(found.dtype if found.dtype.kind == "f" else np.float64).eps
        slopes = np.zeros((*predicted.shape, features.shape[1]))
        for feature, scale in enumerate(scales):
            half = (step or float(precision) ** (1 / 3)) * (scale if scale > 0 else 1.0)
            above, below = features.copy(), features.copy()
            above[:, feature] += half
            below[:, feature] -= half
            width = above[:, feature] - below[:, feature]
            difference = values(contexts, above).astype(np.float64) - values(contexts, below)
            slopes[:, :, feature] = difference / width[:, None]
        return predicted, slopes

    return local


def _by_torch(torch: Any, module: Any) -> _Local:
    predict = _of_two(module, lambda c, x: torch.cat([c, x], dim=1))
    first = next(module.parameters(), None)
    place = {"dtype": torch.float64} if first is None else {"dtype": first.dtype, "device": first.device}

    def local(contexts: np.ndarray, features: np.ndarray, derivatives: bool) -> _Found:
        at = torch.as_tensor(features, **place).requires_grad_(derivatives)
        with torch.set_grad_enabled(derivatives):
            found = predict(torch.as_tensor(contexts, **place), at)
            found = found.reshape(len(features), -1)
            slopes = None
            if derivatives:
                # Rows do not depend on each other, so that the derivative of their sum is that of each.
                of_targets = [
                    torch.autograd.grad(found[:, target].sum(), at, retain_graph=True)[0]
                    for target in range(found.shape[1])
                ]
                slopes = torch.stack(of_targets, dim=1).double().cpu().numpy()
        return found.detach().double().cpu().numpy(), slopes

    return local

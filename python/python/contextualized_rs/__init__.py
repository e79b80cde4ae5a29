"""Varying-coefficient models: regressions and networks whose parameters are functions of context.

>>> import numpy as np
>>> from contextualized_rs import ContextualizedRegressor
>>> age = np.linspace(30, 70, 200).reshape(-1, 1)
>>> dose = np.tile(np.arange(10.0), 20).reshape(-1, 1)
>>> response = ((50 - age) * dose / 10).ravel()
>>> model = ContextualizedRegressor(estimator="gp").fit(dose, response, contexts=age)
>>> np.round(np.asarray(model.coefficients([[35.0]]))[0, 0], 2)
np.float64(1.5)
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from ._arrays import DataWarning, NotFittedError
from ._estimators import ContextualizedClassifier, ContextualizedRegressor, registry
from ._figures import Picture
from ._formula import FormulaModel, fit, load
from ._implicit import DistilledCoefficients, ImplicitCoefficients, implicit_coefficients
from ._networks import BayesianNetworks, CorrelationNetworks, MarkovNetworks
from ._results import Account, Summary

try:
    __version__ = version("contextualized-rs")
except PackageNotFoundError:
    __version__ = "unknown"


def estimators() -> dict[str, str]:
    """The estimators of regressions by name, with what they are; ``"auto"`` chooses among them."""
    return dict(registry()["estimators"])


def families() -> dict[str, str]:
    """The families of outcomes by name, with what they are."""
    return dict(registry()["families"])


def settings() -> list[str]:
    """Names of the settings of estimators of regressions."""
    return list(registry()["settings"])


__all__ = [
    "Account",
    "BayesianNetworks",
    "ContextualizedClassifier",
    "ContextualizedRegressor",
    "CorrelationNetworks",
    "DataWarning",
    "DistilledCoefficients",
    "FormulaModel",
    "ImplicitCoefficients",
    "MarkovNetworks",
    "NotFittedError",
    "Picture",
    "Summary",
    "estimators",
    "families",
    "fit",
    "implicit_coefficients",
    "load",
    "settings",
]


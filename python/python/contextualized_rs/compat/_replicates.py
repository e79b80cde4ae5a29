"""Arguments of contextualized-ml as settings, and fits to resampled rows."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import _core
from .._arrays import DataWarning, matrix
from .._estimators import _plain
from .._progress import progress

# Arguments that are settings of ours.
_SETTINGS = {
    "num_archetypes": "archetypes",
    "encoder_type": "encoder",
    "encoder_width": "width",
    "width": "width",
    "encoder_layers": "layers",
    "layers": "layers",
    "max_epochs": "epochs",
    "train_batch_size": "batch_size",
    "learning_rate": "learning_rate",
}
_ENCODERS = {"mlp": "mlp", "ngam": "additive", "linear": "linear"}

# Arguments of training that need nothing here: rows are held out, training stops early and devices are found by itself.
_NOT_NEEDED = {
    "accelerator",
    "callback_constructors",
    "callbacks",
    "check_val_every_n_epoch",
    "checkpoint_path",
    "context_dim",
    "C_val",
    "es_min_delta",
    "es_mode",
    "es_monitor",
    "es_patience",
    "es_verbose",
    "normalize",
    "opt_params",
    "step",
    "test_batch_size",
    "univariate",
    "val_batch_size",
    "val_check_interval",
    "val_split",
    "X_val",
    "x_dim",
    "Y_val",
    "y_dim",
}

# Arguments that would change the model, and have no counterpart.
_WITHOUT = {
    "base_param_predictor",
    "base_y_predictor",
    "encoder_link_fn",
    "factor_mat_l1",
    "init_mat",
    "link_fn",
    "loss_fn",
    "model_regularizer",
    "num_factors",
    "subtype_probabilities",
}
_PENALTIES = {"alpha", "l1_ratio", "mu_ratio"}
_DIRECTED = ("archetype_", "sample_specific_")


class Replicates:
    """One fit to all rows, or several to rows drawn with replacement."""

    _default_penalty = 1.0
    _of_networks = False

    def __init__(self, **kwargs: Any) -> None:
        kwargs = _flat(kwargs)
        self._arguments = kwargs
        self._check(kwargs)
        self.n_bootstraps = int(kwargs.get("n_bootstraps", 1))
        self.models: list[_core.Model] | None = None
        # Numbers of columns, which a fit finds.
        self.context_dim: int | None = None
        self.x_dim: int | None = None
        self.y_dim: int | None = None

    def _check(self, arguments: dict[str, Any]) -> None:
        known = {*_SETTINGS, *_NOT_NEEDED, *_WITHOUT, *_PENALTIES, "n_bootstraps"}
        unknown = [name for name in arguments if name not in known and not name.startswith(_DIRECTED)]
        if unknown:
            raise TypeError(f"{type(self).__name__} takes no {', '.join(sorted(unknown))}")
        ignored = [name for name in arguments if name in _WITHOUT or name.startswith(_DIRECTED)]
        if self._of_networks:
            ignored += [name for name in arguments if name in _PENALTIES or name == "encoder_type"]
            ignored = [name for name in ignored if not (name == "encoder_type" and arguments[name] == "mlp")]
        if ignored:
            warnings.warn(
                f"{', '.join(sorted(ignored))} have no counterpart here and are left out", DataWarning, stacklevel=4
            )

    def _settings(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Settings of ours; what is not given has the defaults of this package."""
        settings = {ours: arguments[name] for name, ours in _SETTINGS.items() if arguments.get(name) is not None}
        encoder = settings.pop("encoder", None)
        if self._of_networks:
            return settings
        if encoder is not None:
            if encoder not in _ENCODERS:
                raise ValueError(f"encoder_type is {encoder!r}, and has to be one of {', '.join(_ENCODERS)}")
            settings["encoder"] = _ENCODERS[encoder]
            if encoder == "linear":
                settings.pop("width", None)
                settings.pop("layers", None)
        alpha = arguments.get("alpha", 0.0)
        if alpha > 0:
            share = arguments.get("l1_ratio", self._default_penalty)
            penalties = {"l1": alpha * share, "l2": alpha * (1 - share)}
            settings.update({name: penalty for name, penalty in penalties.items() if penalty > 0})
        return settings

    def _fit(
        self,
        arguments: dict[str, Any],
        tables: tuple[np.ndarray, np.ndarray, np.ndarray],
        fit: Callable[[np.ndarray | None, dict[str, Any]], _core.Model],
    ) -> None:
        """Fits to all rows, or to so many draws of them; ``fit`` takes rows and what an estimator needs."""
        arguments = _flat(arguments)
        self._check(arguments)
        rows = len(tables[0])
        self.context_dim, self.x_dim, self.y_dim = (own.shape[1] for own in tables)
        merged = {**self._arguments, **arguments}
        self.n_bootstraps = int(merged.get("n_bootstraps", self.n_bootstraps))
        settings = self._settings(merged)
        models = []
        for replicate in range(self.n_bootstraps):
            drawn = None
            if self.n_bootstraps > 1:
                drawn = np.random.default_rng(replicate).integers(0, rows, rows)
            models.append(fit(drawn, {"estimator": "neural", "settings": settings, "seed": replicate, "tests": False}))
        self.models = models

    def _fitted(self) -> list[_core.Model]:
        if self.models is None:
            raise ValueError(f"this {type(self).__name__} is not fitted yet")
        return self.models

    def _answers(self, of: Callable[[_core.Model], np.ndarray]) -> np.ndarray:
        """What every replicate says (replicates, …)."""
        return np.array([of(model) for model in self._fitted()])

    def __getstate__(self) -> dict[str, Any]:
        state = dict(self.__dict__)
        if self.models is not None:
            state["models"] = [model.to_bytes() for model in self.models]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if state["models"] is not None:
            self.models = [_core.Model.from_bytes(model, "the pickle") for model in state["models"]]


def _flat(arguments: dict[str, Any]) -> dict[str, Any]:
    """Arguments with those of the encoder, which may be in a dict of their own, among them."""
    own = {f"encoder_{name}": value for name, value in (arguments.get("encoder_kwargs") or {}).items()}
    return {**own, **{name: value for name, value in arguments.items() if name != "encoder_kwargs"}}


def averaged(replicates: np.ndarray, individual: bool) -> np.ndarray:
    """The replicates, or their mean."""
    return replicates if individual else replicates.mean(axis=0)


def table(values: Any, name: str) -> np.ndarray:
    """A table of doubles."""
    return np.ascontiguousarray(matrix(values, name, "contextualized_rs.compat"))


def numbered(prefix: str, count: int) -> list[str]:
    """Names of columns that have none."""
    return [f"{prefix}{i}" for i in range(count)]


def fit_regression(
    contexts: np.ndarray, features: np.ndarray, targets: np.ndarray, family: str, arguments: dict[str, Any]
) -> _core.Model:
    """A regression of the compiled part."""
    names = tuple(
        numbered(prefix, values.shape[1]) for prefix, values in [("c", contexts), ("x", features), ("y", targets)]
    )
    text = json.dumps({**arguments, "family": family}, default=_plain)
    with progress() as told:
        return _core.fit_arrays(contexts, features, targets, names, text, progress=told)  # type: ignore[arg-type]


def fit_networks(contexts: np.ndarray, nodes: np.ndarray, kind: str, arguments: dict[str, Any]) -> _core.Model:
    """Networks of the compiled part."""
    names = numbered("c", contexts.shape[1]), numbered("x", nodes.shape[1])
    text = json.dumps({**arguments, "kind": kind}, default=_plain)
    with progress() as told:
        return _core.fit_networks(contexts, nodes, names, text, progress=told)

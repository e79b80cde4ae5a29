"""Fitted models as pickles and model files."""

from __future__ import annotations

import json
import os
from typing import Any

from ._arrays import not_fitted
from ._core import Model
from ._results import write


class Stored:
    """What an estimator keeps of its fit: the compiled model, whose bytes are those of a model file."""

    _core: Model
    _facts: dict[str, Any]

    def _set_core(self, core: Model) -> None:
        self._core = core
        self._facts = json.loads(core.facts())

    def _fitted(self) -> Model:
        if not hasattr(self, "_core"):
            raise not_fitted(self)
        return self._core

    def __getstate__(self) -> dict[str, Any]:
        state = dict(self.__dict__)
        state.pop("_facts", None)
        if "_core" in state:
            state["_core"] = state["_core"].to_bytes()
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        state = dict(state)
        core = state.pop("_core", None)
        self.__dict__.update(state)
        if core is not None:
            self._set_core(Model.from_bytes(core, "the pickle"))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the model file that the program ``contextualized`` writes and reads."""
        write(self._fitted(), path)

"""Fitted models as pickles and model files."""

from __future__ import annotations

import json
import os
from typing import Any

from ._arrays import not_fitted
from ._core import Model


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
        """Writes the model file that the program ``contextualized`` writes and reads, whole or not at all."""
        core = self._fitted()
        path = os.fspath(path)
        unfinished = f"{path}.{os.getpid()}.unfinished"
        try:
            with open(unfinished, "wb") as file:
                file.write(core.to_bytes())
                file.flush()
                os.fsync(file.fileno())
            os.replace(unfinished, path)
        except BaseException:
            if os.path.exists(unfinished):
                os.unlink(unfinished)
            raise


def read(path: str | os.PathLike[str]) -> Model:
    """Reads a model file."""
    path = os.fspath(path)
    with open(path, "rb") as file:
        return Model.from_bytes(file.read(), path)

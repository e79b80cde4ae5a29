"""Models as files."""

from __future__ import annotations

import os
import pickle
from typing import Any


def save(model: Any, path: str | os.PathLike[str]) -> None:
    """Writes a pickle."""
    with open(path, "wb") as file:
        pickle.dump(model, file)


def load(path: str | os.PathLike[str]) -> Any:
    """Reads a pickle, which may run any code: only of those whom you trust."""
    with open(path, "rb") as file:
        return pickle.load(file)

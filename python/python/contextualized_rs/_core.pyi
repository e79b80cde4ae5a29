"""The compiled part of the package."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

_Array = NDArray[np.float64]

class Model:
    @staticmethod
    def from_bytes(bytes: bytes, name: str) -> Model: ...
    def to_bytes(self) -> bytes: ...
    def coefficients(self, contexts: _Array) -> tuple[_Array, _Array]: ...
    def intervals(
        self, contexts: _Array, level: float
    ) -> tuple[tuple[_Array, _Array], tuple[_Array, _Array]]: ...
    def standard_errors(self, contexts: _Array) -> tuple[_Array, _Array]: ...
    def predict(
        self,
        contexts: _Array,
        features: _Array,
        offsets: _Array | None = None,
        interval: str | None = None,
        level: float = 0.95,
    ) -> tuple[_Array, tuple[_Array, _Array] | None]: ...
    def encode(
        self, data: Any
    ) -> tuple[_Array, _Array, _Array | None, list[int], int, list[str]]: ...
    def networks(self, contexts: _Array) -> _Array: ...
    def facts(self) -> str: ...
    def summary(self, level: float) -> str: ...
    def test_variation(self) -> str: ...

def fit_arrays(
    contexts: _Array,
    features: _Array,
    targets: _Array,
    names: tuple[list[str], list[str], list[str]],
    arguments: str,
    classes: tuple[str, str] | None = None,
    weights: _Array | None = None,
    groups: NDArray[np.uint64] | None = None,
) -> Model: ...
def fit_networks(
    contexts: _Array,
    nodes: _Array,
    names: tuple[list[str], list[str]],
    arguments: str,
    weights: _Array | None = None,
    groups: NDArray[np.uint64] | None = None,
) -> Model: ...
def fit_formula(formula: str, data: Any, arguments: str) -> Model: ...
def registry() -> str: ...

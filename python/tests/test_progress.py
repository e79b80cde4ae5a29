"""Progress bars by tqdm."""

import sys
import types

import contextualized_rs as cr
import numpy as np
import pytest


class Bar:
    """What a progress bar is told."""

    made: list = []

    def __init__(self, total, unit, leave):
        self.total, self.n, self.closed = total, 0, False
        Bar.made.append(self)

    def update(self, more):
        self.n += more

    def close(self):
        self.closed = True


@pytest.fixture
def bars(monkeypatch):
    Bar.made = []
    module = types.ModuleType("tqdm.auto")
    module.tqdm = Bar
    monkeypatch.setitem(sys.modules, "tqdm", types.ModuleType("tqdm"))
    monkeypatch.setitem(sys.modules, "tqdm.auto", module)
    return Bar.made


def long_fit():
    rng = np.random.default_rng(0)
    contexts, X = rng.normal(size=(300, 2)), rng.normal(size=(300, 2))
    y = contexts[:, 0] * X[:, 0] + rng.normal(size=300)
    return cr.ContextualizedRegressor().fit(X, y, contexts=contexts)


def test_a_bar_where_somebody_looks(bars, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    long_fit()
    (bar,) = bars
    assert bar.closed and 0 < bar.n <= bar.total


def test_no_bar_elsewhere(bars):
    long_fit()
    assert bars == []

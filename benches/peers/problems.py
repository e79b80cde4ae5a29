"""Simulated problems whose effects are known, and one table of real data.

A problem is a training table and new rows; columns c0, c1, … are contexts, x0, x1, … features, y the target.
`effects` are the true coefficients at the new rows, slopes first and the intercept last.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

NEW_ROWS = 1000


@dataclass
class Problem:
    train: pd.DataFrame
    new: pd.DataFrame
    effects: np.ndarray | None

    @property
    def contexts(self):
        return [name for name in self.train if name.startswith("c")]

    @property
    def features(self):
        return [name for name in self.train if name.startswith("x")]


def simulated(rows, contexts, features, effects, noise, seed):
    """Rows of which `contexts` and `features` draw tables and `effects` says the coefficients."""
    random = np.random.default_rng(seed)
    total = rows + NEW_ROWS
    c, x = contexts(random, total), features(random, total)
    b = effects(c)
    y = (b[:, :-1] * x).sum(axis=1) + b[:, -1] + noise * random.normal(size=total)
    table = {f"c{k}": c[:, k] for k in range(c.shape[1])}
    table |= {f"x{j}": x[:, j] for j in range(x.shape[1])}
    table = pd.DataFrame(table | {"y": y})
    return Problem(table[:rows], table[rows:], b[rows:])


def uniform(columns):
    return lambda random, rows: random.uniform(-1, 1, (rows, columns))


def normal(columns):
    return lambda random, rows: random.normal(size=(rows, columns))


def columns(*functions):
    return np.column_stack(np.broadcast_arrays(*functions))


def smooth(seed, rows=900):
    """Five contexts, three features, smooth effects and an interaction."""
    effects = lambda c: columns(np.sin(2 * c[:, 0]), 0.5 + c[:, 1] ** 2, c[:, 2] * c[:, 3], 0.5 * c[:, 4])
    return simulated(rows, uniform(5), normal(3), effects, 0.5, seed)


def archetypes(seed, rows=1200):
    """Six contexts, four features; coefficients are mixtures of four archetypes, with weights by softmax."""
    random = np.random.default_rng(1000 + seed)
    directions, corners = random.normal(size=(6, 4)), random.normal(size=(4, 5))

    def effects(c):
        weights = np.exp(c @ directions)
        return weights / weights.sum(axis=1, keepdims=True) @ corners

    return simulated(rows, normal(6), normal(4), effects, 0.5, seed)


def steps(seed, rows=900):
    """Two contexts, and two coefficients that jump."""
    effects = lambda c: columns(
        np.where(c[:, 0] > 0.2, 1.5, -0.5), np.where((c[:, 0] < 0.5) & (c[:, 1] > -0.3), 1.0, -1.0), 0.0 * c[:, 0])
    return simulated(rows, uniform(2), normal(2), effects, 0.3, seed)


def many(seed, rows=1500):
    """Fifteen contexts, of which three matter, and eight features."""
    random = np.random.default_rng(1000 + seed)
    first, second = 0.7 * random.normal(size=(2, 8))
    effects = lambda c: np.column_stack(
        [np.outer(np.sin(1.5 * c[:, 0]), first) + np.outer(c[:, 1], second), 0.5 * c[:, 2]])
    return simulated(rows, normal(15), normal(8), effects, 0.5, seed)


def large(seed, rows=100_000):
    """Two contexts, three features and many rows."""
    effects = lambda c: columns(np.sin(2 * c[:, 0]), c[:, 1] ** 2, 1.0, 0.5 * c[:, 1])
    return simulated(rows, uniform(2), normal(3), effects, 0.5, seed)


def diabetes(seed):
    """442 patients (Efron and others 2004): age and sex are contexts. Three quarters of the rows are fitted."""
    path = Path(__file__).parents[2] / "examples/data/diabetes.csv"
    table = pd.read_csv(path).rename(columns={"age": "c0", "sex": "c1", "progression": "y"})
    features = [name for name in table if name not in ("c0", "c1", "y")]
    table = table.rename(columns={name: f"x{j}" for j, name in enumerate(features)})
    table = table.sample(frac=1.0, random_state=seed, ignore_index=True)
    return Problem(table[:332], table[332:], None)


PROBLEMS = {own.__name__: own for own in [diabetes, smooth, archetypes, steps, many, large]}

"""Networks whose edges are functions of context."""

from __future__ import annotations

import html
import json
from typing import Any, ClassVar

import numpy as np

from . import _core
from ._answers import Answers
from ._arrays import column_names, frame, group_codes, matrix, seed_of, vector, warn_notes
from ._estimators import _plain
from ._progress import progress


class _Networks(Answers):
    """What the kinds of networks have in common."""

    _kind: ClassVar[str]

    def __init__(
        self,
        *,
        estimator: str = "auto",
        settings: dict[str, Any] | None = None,
        folds: int = 5,
        random_state: Any = None,
    ) -> None:
        self.estimator = estimator
        self.settings = settings
        self.folds = folds
        self.random_state = random_state

    def fit(
        self, X: Any, y: Any = None, *, contexts: Any, sample_weight: Any = None, groups: Any = None
    ) -> Any:
        """Fits networks of the columns of ``X`` (rows, nodes) as functions of ``contexts`` (rows, contexts)."""
        name = type(self).__name__
        nodes, given = matrix(X, "X", name), matrix(contexts, "contexts", name)
        rows = len(nodes)
        own = column_names(X) or [f"x{i}" for i in range(nodes.shape[1])]
        names = column_names(contexts) or [f"c{i}" for i in range(given.shape[1])]
        arguments = {
            "kind": self._kind,
            "estimator": self.estimator,
            "settings": self.settings,
            "folds": self.folds,
            "seed": seed_of(self.random_state),
        }
        weights = None if sample_weight is None else vector(sample_weight, "sample_weight", rows)
        text = json.dumps(arguments, default=_plain)
        codes = group_codes(groups, rows)
        with progress() as told:
            core = _core.fit_networks(given, nodes, (names, own), text, weights, codes, told)
        self._set_core(core)
        warn_notes(self._facts["notes"])
        return self

    def _set_core(self, core: _core.Model) -> None:
        super()._set_core(core)
        self.nodes_ = list(self._facts["features"])
        self.estimator_ = self._facts["estimator"]

    def networks(self, contexts: Any) -> np.ndarray:
        """Edges at contexts (rows, nodes, nodes); of a directed network the entry [i, j] is the weight of i → j."""
        return self._fitted().networks(matrix(contexts, "contexts", type(self).__name__))

    def edges(self, contexts: Any) -> Any:
        """A line for each row of contexts and pair of nodes: a data frame if pandas is installed, else a dict."""
        networks = self.networks(contexts)
        rows, count, _ = networks.shape
        directed = self._kind == "bayesian"
        pairs = [(i, j) for i in range(count) for j in range(count) if i < j or (directed and i != j)]
        return frame(
            {
                "row": np.repeat(np.arange(rows), len(pairs)),
                "source": [self.nodes_[i] for i, _ in pairs] * rows,
                "target": [self.nodes_[j] for _, j in pairs] * rows,
                "weight": np.array([networks[row, i, j] for row in range(rows) for i, j in pairs]),
            }
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}(estimator={self.estimator!r})"

    def _repr_html_(self) -> str:
        text = f"<pre>{html.escape(repr(self))}</pre>"
        return f"{text}\n{self.effects()._repr_html_()}" if hasattr(self, "_core") else text

    def to_networkx(self, context: Any) -> Any:
        """The network at one context as a graph of networkx; edges of weight zero are left out."""
        import networkx

        network = self.networks(np.asarray(context, dtype=float).reshape(1, -1))[0]
        graph = networkx.DiGraph() if self._kind == "bayesian" else networkx.Graph()
        graph.add_nodes_from(self.nodes_)
        for i, source in enumerate(self.nodes_):
            for j, target in enumerate(self.nodes_):
                if (i < j or (self._kind == "bayesian" and i != j)) and network[i, j] != 0:
                    graph.add_edge(source, target, weight=float(network[i, j]))
        return graph


class CorrelationNetworks(_Networks):
    """Correlations of every pair of nodes, as functions of context.

    >>> import numpy as np
    >>> from contextualized_rs import CorrelationNetworks
    >>> rng = np.random.default_rng(0)
    >>> time, first = rng.uniform(-1, 1, (200, 1)), rng.normal(size=200)
    >>> nodes = np.column_stack([first, time[:, 0] * first + 0.5 * rng.normal(size=200)])
    >>> networks = CorrelationNetworks(estimator="kernel").fit(nodes, contexts=time)
    >>> early, late = networks.networks([[-0.9], [0.9]])[:, 0, 1]
    >>> bool(early < -0.5 and late > 0.5)
    True
    """

    _kind = "correlation"


class MarkovNetworks(_Networks):
    """Partial correlations of every pair of nodes, as functions of context."""

    _kind = "markov"


class BayesianNetworks(_Networks):
    """Weights of directed edges without cycles, as functions of context.

    >>> import numpy as np
    >>> from contextualized_rs import BayesianNetworks
    >>> rng = np.random.default_rng(0)
    >>> time, first = rng.uniform(-1, 1, (200, 1)), rng.normal(size=200)
    >>> nodes = np.column_stack([first, 2 * first + rng.normal(size=200)])
    >>> edges = BayesianNetworks(estimator="population").fit(nodes, contexts=time).edges([[0.0]])
    >>> [f"{source} -> {target}" for source, target, weight in zip(edges["source"], edges["target"], edges["weight"]) if weight]
    ['x0 -> x1']
    """

    _kind = "bayesian"

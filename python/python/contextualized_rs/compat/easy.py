"""Estimators with the constructors, methods and shapes of ``contextualized.easy``."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._estimators import registry
from ._replicates import Replicates, averaged, fit_networks, fit_regression, table


class ContextualizedRegressor(Replicates):
    """A regression whose coefficients are functions of context."""

    _family = "gaussian"

    def fit(self, C: Any, X: Any, Y: Any, **kwargs: Any) -> None:
        """Fits to contexts ``C`` (rows, contexts), features ``X`` (rows, features) and targets ``Y`` (rows,) or (rows,
        targets)."""
        contexts, features = table(C, "C"), table(X, "X")
        targets = np.asarray(Y, dtype=np.float64)
        targets = table(targets.reshape(-1, 1) if targets.ndim == 1 else targets, "Y")

        def fit(rows: np.ndarray | None, arguments: dict[str, Any]) -> Any:
            chosen = slice(None) if rows is None else rows
            return fit_regression(contexts[chosen], features[chosen], targets[chosen], self._family, arguments)

        self._fit(kwargs, (contexts, features, targets), fit)

    def _means(self, C: Any, X: Any) -> np.ndarray:
        contexts, features = table(C, "C"), table(X, "X")
        return self._answers(lambda model: model.predict(contexts, features)[0])

    def predict(self, C: Any, X: Any, individual_preds: bool = False, **kwargs: Any) -> np.ndarray:
        """Expected outcomes (rows, targets); of every replicate (replicates, rows, targets)."""
        return averaged(self._means(C, X), individual_preds)

    def predict_params(
        self, C: Any, individual_preds: bool = False, model_includes_mus: bool = True, **kwargs: Any
    ) -> Any:
        """Slopes (rows, targets, features) and intercepts (rows, targets), in the units of the data; of every replicate
        with a dimension of replicates in front."""
        contexts = table(C, "C")
        found = averaged(self._answers(lambda model: model.coefficients(contexts)[0]), individual_preds)
        slopes, intercepts = found[..., :-1], found[..., -1]
        return (slopes, intercepts) if model_includes_mus else slopes


class ContextualizedClassifier(ContextualizedRegressor):
    """A classification whose log-odds have coefficients that are functions of context; targets are 0 or 1."""

    _family = registry()["binary_families"][0]

    def predict(self, C: Any, X: Any, individual_preds: bool = False, **kwargs: Any) -> np.ndarray:
        """The more probable classes, 0 or 1 (rows, targets); of every replicate (replicates, rows, targets)."""
        return np.round(super().predict(C, X, individual_preds))

    def predict_proba(self, C: Any, X: Any, individual_preds: bool = False, **kwargs: Any) -> np.ndarray:
        """Probabilities of both classes (rows, targets, 2); of every replicate (replicates, rows, targets, 2)."""
        second = averaged(self._means(C, X), individual_preds)
        return np.stack([1 - second, second], axis=-1)


class ContextualGAMRegressor(ContextualizedRegressor):
    """A regression whose coefficients are sums of functions of one context each."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{**kwargs, "encoder_type": "ngam"})


class ContextualGAMClassifier(ContextualizedClassifier):
    """A classification whose coefficients are sums of functions of one context each."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{**kwargs, "encoder_type": "ngam"})


class _Networks(Replicates):
    """What the kinds of networks have in common."""

    _of_networks = True
    _kind: str

    def fit(self, C: Any, X: Any, **kwargs: Any) -> None:
        """Fits networks of the columns of ``X`` (rows, nodes) as functions of ``C`` (rows, contexts)."""
        contexts, nodes = table(C, "C"), table(X, "X")

        def fit(rows: np.ndarray | None, arguments: dict[str, Any]) -> Any:
            chosen = slice(None) if rows is None else rows
            return fit_networks(contexts[chosen], nodes[chosen], self._kind, arguments)

        self._nodes = nodes.shape[1]
        self._fit(kwargs, (contexts, nodes, nodes), fit)

    def _parameters(self, contexts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Slopes (replicates, rows, nodes, nodes) and intercepts of what each node is predicted by."""
        raise NotImplementedError

    def _zeros(self, contexts: np.ndarray) -> np.ndarray:
        return np.zeros((len(contexts), self._nodes))

    def predict_params(
        self, C: Any, individual_preds: bool = False, model_includes_mus: bool = True, **kwargs: Any
    ) -> Any:
        """As :meth:`predict_networks`, with offsets unless ``model_includes_mus=False``."""
        return self.predict_networks(C, with_offsets=model_includes_mus, individual_preds=individual_preds)

    def predict_networks(
        self, C: Any, with_offsets: bool = False, individual_preds: bool = False, **kwargs: Any
    ) -> Any:
        """Coefficients of every node (rows, nodes, nodes): ``[row, i, j]`` is that of node j in what node i is predicted as.
        With offsets a tuple of these and of intercepts."""
        betas, mus = self._parameters(table(C, "C"))
        networks = averaged(betas, individual_preds)
        return (networks, averaged(mus, individual_preds)) if with_offsets else networks

    def predict_X(self, C: Any, X: Any, individual_preds: bool = False, **kwargs: Any) -> np.ndarray:
        """The mean of every node given the others (rows, nodes)."""
        contexts, nodes = table(C, "C"), table(X, "X")
        return averaged(self._answers(lambda model: model.reconstruct(contexts, nodes)), individual_preds)

    def predict(self, C: Any, X: Any, individual_preds: bool = False, **kwargs: Any) -> np.ndarray:
        """As :meth:`predict_X`."""
        return self.predict_X(C, X, individual_preds, **kwargs)

    def measure_mses(self, C: Any, X: Any, individual_preds: bool = False, **kwargs: Any) -> np.ndarray:
        """Mean squared error of what every row's nodes are predicted as (rows,)."""
        difference = self.predict_X(C, X, individual_preds=True) - np.asarray(X, dtype=np.float64)
        return averaged((difference**2).mean(axis=-1), individual_preds)


class ContextualizedCorrelationNetworks(_Networks):
    """Correlations of every pair of nodes, as functions of context."""

    _kind = "correlation"

    def _parameters(self, contexts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Of the regression of every node on every other alone."""
        precisions = self._answers(lambda model: model.precisions(contexts))
        covariances = np.linalg.inv(precisions)
        betas = covariances / np.diagonal(covariances, axis1=2, axis2=3)[:, :, None, :]
        # Where all others are zero, a node is predicted as the precisions times the means over its own precision.
        zeros = self._zeros(contexts)
        at_zero = self._answers(lambda model: model.reconstruct(contexts, zeros))
        scaled = at_zero * np.diagonal(precisions, axis1=2, axis2=3)
        means = (covariances @ scaled[..., None])[..., 0]
        return betas, means[..., :, None] - betas * means[..., None, :]

    def predict_correlation(self, C: Any, individual_preds: bool = True, squared: bool = True) -> np.ndarray:
        """Correlations, or their squares (replicates, rows, nodes, nodes); averaged without the first dimension."""
        contexts = table(C, "C")
        found = averaged(self._answers(lambda model: model.networks(contexts)), individual_preds)
        return found**2 if squared else found

    def predict_X(self, C: Any, X: Any, individual_preds: bool = False, **kwargs: Any) -> np.ndarray:
        """What every node i is predicted as by every node j alone (rows, nodes, nodes)."""
        betas, mus = self._parameters(table(C, "C"))
        nodes = table(X, "X")
        return averaged(betas * nodes[:, None, :] + mus, individual_preds)

    def measure_mses(self, C: Any, X: Any, individual_preds: bool = False, **kwargs: Any) -> np.ndarray:
        """Mean squared error of what every row's nodes are predicted as by one other each (rows,)."""
        nodes = np.asarray(X, dtype=np.float64)
        difference = self.predict_X(C, X, individual_preds=True) - nodes[:, :, None]
        return averaged((difference**2).mean(axis=(-2, -1)), individual_preds)


class ContextualizedMarkovNetworks(_Networks):
    """Precision matrices as functions of context."""

    _kind = "markov"

    def _parameters(self, contexts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Of the regression of every node on all others."""
        precisions = self._answers(lambda model: model.precisions(contexts))
        diagonal = np.diagonal(precisions, axis1=2, axis2=3)
        betas = -precisions / diagonal[..., :, None]
        betas *= 1 - np.eye(self._nodes)
        zeros = self._zeros(contexts)
        return betas, self._answers(lambda model: model.reconstruct(contexts, zeros))

    def predict_precisions(self, C: Any, individual_preds: bool = True) -> np.ndarray:
        """Precision matrices, which are positive definite (replicates, rows, nodes, nodes); averaged without the first
        dimension."""
        contexts = table(C, "C")
        return averaged(self._answers(lambda model: model.precisions(contexts)), individual_preds)


class ContextualizedBayesianNetworks(_Networks):
    """Weights of directed edges without cycles, as functions of context: ``[row, i, j]`` is that of i → j."""

    _kind = "bayesian"

    def _parameters(self, contexts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        zeros = self._zeros(contexts)
        weights = self._answers(lambda model: model.networks(contexts))
        return weights, self._answers(lambda model: model.reconstruct(contexts, zeros))

    def predict_params(
        self, C: Any, individual_preds: bool = False, model_includes_mus: bool = False, **kwargs: Any
    ) -> np.ndarray:
        """As :meth:`predict_networks`; offsets are none of the weights."""
        return self.predict_networks(C, individual_preds=individual_preds)

    def predict_networks(  # type: ignore[override]
        self, C: Any, project_to_dag: bool = True, individual_preds: bool = False, **kwargs: Any
    ) -> np.ndarray:
        """Weights (rows, nodes, nodes), without cycles whether or not that is asked for. Of several replicates they are
        those of the mean that are left without the weakest edges of its cycles."""
        weights, _ = self._parameters(table(C, "C"))
        if individual_preds:
            return weights
        mean = weights.mean(axis=0)
        return mean if len(weights) == 1 else np.array([_acyclic(network) for network in mean])


def _acyclic(weights: np.ndarray) -> np.ndarray:
    """The network of the edges that fit, the strongest first."""
    nodes = len(weights)
    kept = np.zeros_like(weights)
    # Whether there is a way from one node to another, or it is the same.
    reached = np.eye(nodes, dtype=bool)
    for edge in np.argsort(-np.abs(weights), axis=None, kind="stable"):
        start, end = divmod(int(edge), nodes)
        if weights[start, end] == 0 or reached[end, start]:
            continue
        kept[start, end] = weights[start, end]
        reached |= np.outer(reached[:, start], reached[end])
    return kept

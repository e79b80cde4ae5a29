"""Networks."""

import pickle

import numpy as np
import pytest

import contextualized_rs as cr


@pytest.fixture(scope="module")
def nodes():
    rng = np.random.default_rng(0)
    context = rng.uniform(-1, 1, (150, 1))
    first = rng.normal(size=150)
    second = context[:, 0] * first + 0.5 * rng.normal(size=150)
    return np.column_stack([first, second, rng.normal(size=150)]), context


@pytest.mark.parametrize("kind", [cr.CorrelationNetworks, cr.MarkovNetworks, cr.BayesianNetworks])
def test_networks(nodes, kind):
    X, context = nodes
    model = kind(estimator="kernel" if kind is not cr.BayesianNetworks else "gp").fit(X, contexts=context)
    networks = model.networks([[-0.8], [0.8]])
    assert networks.shape == (2, 3, 3)
    assert networks[0, 0, 1] < -0.2 or networks[0, 1, 0] < -0.2
    assert networks[1, 0, 1] > 0.2 or networks[1, 1, 0] > 0.2
    edges = model.edges([[-0.8], [0.8]])
    assert len(edges) == 2 * (6 if kind is cr.BayesianNetworks else 3)
    graph = model.to_networkx([0.8])
    assert set(graph.nodes) == {"x0", "x1", "x2"} and graph.is_directed() == (kind is cr.BayesianNetworks)
    again = pickle.loads(pickle.dumps(model))
    assert np.array_equal(again.networks(context), model.networks(context))


def test_formulas_of_networks(nodes):
    import pandas

    X, context = nodes
    data = pandas.DataFrame(X, columns=["a", "b", "c"]).assign(t=context[:, 0])
    model = cr.fit("~ a + b + c | t", data, kind="correlation", estimator="kernel")
    own = cr.CorrelationNetworks(estimator="kernel").fit(X, contexts=context)
    assert np.allclose(model.networks(data), own.networks(context))
    with pytest.raises(ValueError, match="no coefficients"):
        model.summary()


def test_wrong_input(nodes):
    X, context = nodes
    with pytest.raises(ValueError, match="one node"):
        cr.CorrelationNetworks().fit(X[:, :1], contexts=context)
    with pytest.raises(cr.NotFittedError):
        cr.CorrelationNetworks().networks(context)
    with pytest.raises(ValueError, match="estimator"):
        cr.CorrelationNetworks(estimator="gp").fit(X, contexts=context)

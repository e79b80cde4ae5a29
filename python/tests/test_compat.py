"""The interface of contextualized-ml: our scripts run, and signatures and shapes are the stored ones."""

import json
import pickle
import runpy

import contextualized_rs as cr
import numpy as np
import pytest
from conftest import ROOT
from contextualized_rs.compat.analysis import calc_heterogeneous_predictor_effects_pvals, get_possible_pvals
from contextualized_rs.compat.easy import (
    ContextualizedBayesianNetworks,
    ContextualizedClassifier,
    ContextualizedCorrelationNetworks,
    ContextualizedMarkovNetworks,
    ContextualizedRegressor,
)

COMPAT = ROOT / "python" / "compat"
both = runpy.run_path(str(COMPAT / "both.py"))
stored = json.loads((COMPAT / "interface.json").read_text())


def test_signatures():
    import sys

    ours = both["signatures"](sys.executable, both["on_ours"](both["SIGNATURES"]))
    assert len(stored["signatures"]) > 40
    assert both["missing"](stored["signatures"], ours) == []


@pytest.mark.parametrize("script", sorted(path.stem for path in (COMPAT / "scripts").glob("*.py")))
def test_scripts(script):
    import sys

    text = (COMPAT / "scripts" / f"{script}.py").read_text()
    ours = both["run"](sys.executable, both["on_ours"](text))
    assert both["faults"](stored["shapes"][script], ours) == []
    # Where theirs fails, ours need not; it may refuse what cannot be done.
    errors = {name for name, found in ours.items() if "error" in found}
    assert errors <= {"predict before a fit"}, ours


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    C = rng.uniform(-1, 1, (200, 1))
    X = rng.normal(size=(200, 2))
    return C, X, C[:, 0] * X[:, 0] + 0.1 * rng.normal(size=200)


def test_replicates_and_their_mean(rows):
    C, X, y = rows
    model = ContextualizedRegressor(n_bootstraps=3, num_archetypes=5)
    model.fit(C, X, y, max_epochs=30)
    betas, mus = model.predict_params(C, individual_preds=True)
    assert betas.shape == (3, 200, 1, 2) and not np.allclose(betas[0], betas[1])
    assert np.allclose(model.predict_params(C)[0], betas.mean(axis=0))
    assert np.allclose(model.predict(C, X)[:, 0], (betas.mean(axis=0)[:, 0] * X).sum(axis=1) + mus.mean(axis=0)[:, 0])
    again = pickle.loads(pickle.dumps(model))
    assert np.array_equal(again.predict(C, X), model.predict(C, X))
    p = calc_heterogeneous_predictor_effects_pvals(model, C, verbose=False)
    assert p.shape == (1, 2, 1) and p[0, 0, 0] == get_possible_pvals(3)[0]


def test_networks_are_what_they_are_called(rows):
    C, X, _ = rows
    fit = {"max_epochs": 5}
    model = ContextualizedCorrelationNetworks(num_archetypes=3)
    model.fit(C, X, **fit)
    correlations = model.predict_correlation(C, individual_preds=False, squared=False)
    assert np.allclose(np.diagonal(correlations, axis1=1, axis2=2), 1) and np.abs(correlations).max() <= 1 + 1e-12
    betas, mus = model.predict_networks(C, with_offsets=True)
    # A node is predicted as itself by itself.
    assert np.allclose(np.diagonal(betas, axis1=1, axis2=2), 1) and np.allclose(np.diagonal(mus, axis1=1, axis2=2), 0)
    markov = ContextualizedMarkovNetworks(num_archetypes=3)
    markov.fit(C, X, **fit)
    assert np.linalg.eigvalsh(markov.predict_precisions(C)).min() > 0
    betas, mus = markov.predict_networks(C, with_offsets=True)
    expected = np.einsum("nij,nj->ni", betas, X) + mus
    assert np.allclose(markov.predict_X(C, X), expected)
    assert np.allclose(markov.measure_mses(C, X), ((expected - X) ** 2).mean(axis=1))
    directed = ContextualizedBayesianNetworks(n_bootstraps=2, num_archetypes=3)
    directed.fit(C, X, **fit)
    weights = directed.predict_networks(C)
    assert np.all((weights[:, 0, 1] == 0) | (weights[:, 1, 0] == 0))


def test_the_package_has_what_theirs_has():
    import contextualized_rs.compat as contextualized

    assert contextualized.easy.ContextualizedRegressor is ContextualizedRegressor
    assert contextualized.save is contextualized.utils.save and contextualized.load is contextualized.utils.load


def test_arguments(rows):
    C, X, y = rows
    with pytest.raises(TypeError, match="takes no num_archetype"):
        ContextualizedRegressor(num_archetype=3)
    with pytest.warns(cr.DataWarning, match="link_fn have no counterpart"):
        ContextualizedRegressor(link_fn=lambda x: x)
    with pytest.raises(ValueError, match="encoder_type"):
        ContextualizedRegressor(encoder_type="forest").fit(C, X, y)
    with pytest.raises(ValueError, match="not fitted yet"):
        ContextualizedRegressor().predict(C, X)
    model = ContextualizedRegressor(encoder_type="linear", width=25, alpha=1e-3, l1_ratio=0.5)
    model.fit(C, X, y, max_epochs=5)
    assert (model.context_dim, model.x_dim, model.y_dim) == (1, 2, 1)
    model = ContextualizedRegressor(encoder_kwargs={"width": 7, "layers": 1})
    model.fit(C, X, y, max_epochs=5)
    assert "MLP 7 × 1" in model.models[0].facts()
    with pytest.raises(TypeError, match="takes no encoder_depth"):
        ContextualizedRegressor(encoder_kwargs={"depth": 3})
    classifier = ContextualizedClassifier()
    classifier.fit(C, X, (y > 0).astype(int), max_epochs=5)
    assert set(np.unique(classifier.predict(C, X))) <= {0.0, 1.0}
    assert np.allclose(classifier.predict_proba(C, X).sum(axis=-1), 1)

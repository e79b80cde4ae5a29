"""Ctrl-C ends whatever takes long, within a second."""

import os
import signal
import sys
import threading
import time

import contextualized_rs as cr
import numpy as np
import pandas  # noqa: F401  (tables of results import it, and what is ended in an import stays half a module)
import pytest
from contextualized_rs.compat.easy import ContextualizedRegressor as EasyRegressor

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals are sent otherwise there")

# A second, and more where the package was built without optimisation or other work runs.
SOON = float(os.environ.get("INTERRUPT_SECONDS", "1"))


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    contexts, features = rng.uniform(-1, 1, (1000, 2)), rng.normal(size=(1000, 3))
    return contexts, features, contexts[:, 0] * features[:, 0] + rng.normal(size=1000)


def effect(contexts, features):
    return np.sin(3 * contexts[:, 0]) * features[:, 0] + np.tanh(features[:, 1] * contexts[:, 1])


def waits(contexts, features):
    for _ in range(1000):
        time.sleep(0.01)
    return effect(contexts, features)


def fit(**arguments):
    return lambda c, x, y: cr.ContextualizedRegressor(**arguments).fit(x, y, contexts=c)


def local(c, x):
    return cr.implicit_coefficients(effect, c, x)


# Each takes many seconds, if nothing ends it.
LONG = {
    "auto": lambda c, x, y: [fit(bootstraps=1000)(c, x, y) for _ in range(100)],
    "trees": lambda c, x, y: [fit(estimator="trees")(c, x, y) for _ in range(100)],
    "bootstrap of trees": fit(estimator="trees", bootstraps=5000),
    "bootstrap of gp": fit(estimator="gp", bootstraps=5000),
    "bootstrap of neural": fit(estimator="neural", bootstraps=5000),
    "bootstrap of cluster": fit(estimator="cluster", bootstraps=5000),
    "networks": lambda c, x, y: [cr.BayesianNetworks().fit(x, contexts=c) for _ in range(100)],
    "distillation": lambda c, x, y: [local(c, x).distil() for _ in range(100)],
    "distillation by an encoder": lambda c, x, y: [local(c, x).distil("encoder") for _ in range(100)],
    "linearity": lambda c, x, y: [local(c, x).linearity() for _ in range(100)],
    "taylor": lambda c, x, y: local(c, x).taylor(draws=100_000),
    "a function that waits": lambda c, x, y: cr.implicit_coefficients(waits, c, x),
    "linearity of a function that waits": lambda c, x, y: wait_later(c, x).linearity(),
    "replicates of compat": lambda c, x, y: EasyRegressor(n_bootstraps=1000).fit(c, x, y),
}


def wait_later(c, x):
    found = local(c, x)
    found._predict_fn = waits
    return found


def seconds_after_ctrl_c(call):
    sent = []

    def send():
        sent.append(time.perf_counter())
        os.kill(os.getpid(), signal.SIGINT)

    timer = threading.Timer(0.4, send)
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        call()
    took = time.perf_counter() - sent[0]
    timer.join()
    return took


@pytest.mark.parametrize("call", LONG.values(), ids=LONG.keys())
def test_ctrl_c(rows, call):
    assert seconds_after_ctrl_c(lambda: call(*rows)) < SOON


def test_ctrl_c_ends_predictions(rows):
    contexts, features, targets = rows
    model = cr.ContextualizedRegressor(estimator="gp").fit(features, targets, contexts=contexts)
    many = np.tile(features, (1000, 1)), np.tile(contexts, (1000, 1))
    assert seconds_after_ctrl_c(lambda: model.predict(many[0], contexts=many[1], interval="outcome")) < SOON


def test_blocks_of_predictions_are_the_whole(rows):
    contexts, features, targets = rows
    model = cr.ContextualizedRegressor(estimator="gp").fit(features, targets, contexts=contexts)
    many = np.tile(features, (20, 1)), np.tile(contexts, (20, 1))
    mean, lower, upper = model.predict(many[0], contexts=many[1], interval="mean")
    assert np.array_equal(mean[:1000], mean[-1000:]) and np.array_equal(upper[:1000], upper[-1000:])
    assert np.array_equal(model.predict(many[0], contexts=many[1])[-1000:], model.predict(features, contexts=contexts))


def test_another_fit_after_it(rows):
    contexts, features, targets = rows
    model = cr.ContextualizedRegressor(estimator="gp").fit(features[:100], targets[:100], contexts=contexts[:100])
    assert model.coefficients(contexts).shape == (1000, 4)

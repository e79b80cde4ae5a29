"""Ctrl-C ends whatever takes long, within a second."""

import os
import signal
import sys
import threading
import time

import contextualized_rs as cr
import numpy as np
import pandas  # Tables of results import it, and what is ended in an import stays half a module.
import pyarrow
import pyarrow.csv
import pyarrow.parquet
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


@pytest.fixture(scope="module")
def many(rows, tmp_path_factory):
    """A model by formula and by arrays, and a million rows of a data frame and of files."""
    contexts, features, targets = rows
    table = pandas.DataFrame({"u": contexts[:, 0], "v": contexts[:, 1], "x": features[:, 0], "y": targets})
    large = pandas.concat([table] * 1000, ignore_index=True)
    folder = tmp_path_factory.mktemp("many")
    arrow = pyarrow.Table.from_pandas(large)
    pyarrow.csv.write_csv(arrow, folder / "many.csv")
    pyarrow.parquet.write_table(arrow, folder / "many.parquet")
    frames = {"data frame": large, "csv": folder / "many.csv", "parquet": folder / "many.parquet"}
    return table, frames


@pytest.mark.parametrize("kind", ["data frame", "csv", "parquet"])
def test_ctrl_c_ends_what_is_asked_of_tables(many, kind):
    table, frames = many
    model = cr.fit("y ~ x | u + v", table, estimator="gp", tests=False)
    networks = cr.fit("~ x + y | u + v", table, estimator="kernel")
    for call in [
        lambda: model.predict(frames[kind], interval="outcome"),
        lambda: model.intervals(frames[kind]),
        lambda: networks.networks(frames[kind]),
        lambda: [cr.fit("y ~ x | u + v", frames[kind], estimator="population", tests=False) for _ in range(100)],
    ]:
        assert seconds_after_ctrl_c(call) < SOON


def test_ctrl_c_ends_what_is_asked_of_networks(rows):
    contexts, features, _ = rows
    more = np.tile(features, (1000, 1)), np.tile(contexts, (1000, 1))
    networks = cr.MarkovNetworks(estimator="kernel").fit(features, contexts=contexts)
    assert seconds_after_ctrl_c(lambda: networks.networks(more[1])) < SOON
    model = networks._core
    for call in [
        lambda: model.precisions(more[1]),
        lambda: model.reconstruct(more[1], more[0]),
        lambda: [networks.effects() for _ in range(1000)],
    ]:
        assert seconds_after_ctrl_c(call) < SOON


@pytest.mark.parametrize(
    ("arguments", "count"),
    [
        ({"estimator": "gp"}, 500),
        ({"estimator": "trees", "settings": {"chains": 1, "burn_in": 20, "sweeps": 50}}, 1_000_000),
        ({"estimator": "population", "bootstraps": 40}, 1_000_000),
    ],
    ids=["gp", "trees", "bootstrap"],
)
def test_ctrl_c_ends_draws(rows, arguments, count):
    contexts, features, targets = rows
    model = cr.ContextualizedRegressor(**arguments).fit(features, targets, contexts=contexts)
    at = np.tile(contexts, (1000, 1))[:count]
    assert seconds_after_ctrl_c(lambda: [model.draws(at, 20) for _ in range(100)]) < SOON


@pytest.mark.parametrize("estimator", ["gp", "trees"])
def test_ctrl_c_ends_summaries_and_curves(rows, estimator):
    contexts, features, targets = rows
    settings = {"chains": 2, "burn_in": 50, "sweeps": 100} if estimator == "trees" else None
    model = cr.ContextualizedRegressor(estimator=estimator, settings=settings).fit(features, targets, contexts=contexts)
    for call in [model.summary, model.effects, lambda: model.partial_dependence("c0")]:
        assert seconds_after_ctrl_c(lambda call=call: [call() for _ in range(1000)]) < SOON


def test_blocks_of_networks_are_the_whole(rows):
    contexts, features, _ = rows
    model = cr.MarkovNetworks(estimator="kernel").fit(features, contexts=contexts)
    whole = model.networks(contexts)
    assert np.array_equal(whole, np.concatenate([model.networks(contexts[:300]), model.networks(contexts[300:])]))
    means = model._core.reconstruct(contexts, features)
    assert np.array_equal(means[700:], model._core.reconstruct(contexts[700:], features[700:]))


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

"""Estimators on arrays."""

import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import contextualized_rs as cr
from contextualized_rs import ContextualizedClassifier, ContextualizedRegressor


def fitted(doses, **parameters):
    age, dose, response = doses
    return ContextualizedRegressor(**{"estimator": "gp", **parameters}).fit(dose, response, contexts=age)


def test_coefficients_and_intervals(doses):
    model = fitted(doses)
    contexts = [[35.0], [65.0]]
    effects = model.coefficients(contexts)
    assert list(effects.columns) == ["x0", "(intercept)"]
    assert np.allclose(effects["x0"], [1.5, -1.5], atol=0.2)
    lower, upper = model.intervals(contexts)
    assert (lower < effects).all(axis=None) and (effects < upper).all(axis=None)
    wider = model.intervals(contexts, level=0.99)
    assert (wider[0] < lower).all(axis=None)
    errors = model.standard_errors(contexts)
    assert np.allclose((upper - lower) / errors, ((upper - lower) / errors).iloc[0, 0])


def test_predictions_have_intervals(doses):
    age, dose, response = doses
    model = fitted(doses)
    mean, lower, upper = model.predict(dose, contexts=age, interval="outcome", level=0.9)
    assert np.array_equal(mean, model.predict(dose, contexts=age))
    inside = np.mean((lower < response) & (response < upper))
    assert 0.8 < inside < 0.99
    _, low, high = model.predict(dose, contexts=age, interval="mean", level=0.9)
    assert np.all(high - low < upper - lower)
    with pytest.raises(ValueError, match='interval is "all"'):
        model.predict(dose, contexts=age, interval="all")
    with pytest.raises(ValueError, match="level"):
        model.predict(dose, contexts=age, interval="mean", level=1.5)


@pytest.mark.parametrize("order", ["C", "F", "strided", "float32", "int", "reversed", "list"])
def test_arrays_of_any_order_and_type(doses, order):
    age, dose, response = doses
    rng = np.random.default_rng(1)
    X = np.round(np.column_stack([dose, rng.normal(size=(120, 2))]))
    model = ContextualizedRegressor(estimator="population").fit(X, response, contexts=age)
    expected = model.predict(X, contexts=age)
    wide = np.zeros((240, 6))
    wide[::2, ::2] = X
    other = {
        "C": np.ascontiguousarray(X),
        "F": np.asfortranarray(X),
        "strided": wide[::2, ::2],
        "float32": X.astype(np.float32),
        "int": X.astype(np.int64),
        "reversed": X[::-1].copy()[::-1],
        "list": X.tolist(),
    }[order]
    again = ContextualizedRegressor(estimator="population").fit(other, response, contexts=age)
    assert np.allclose(again.predict(other, contexts=age), expected, rtol=1e-12)


def test_the_same_bits(doses):
    age, dose, _ = doses
    first, second = fitted(doses, random_state=3), fitted(doses, random_state=3)
    assert first._core.to_bytes() == second._core.to_bytes()
    code = (
        "import numpy as np, hashlib, contextualized_rs as cr;"
        "c = np.linspace(0, 1, 60).reshape(-1, 1); x = np.cos(7 * c);"
        "m = cr.ContextualizedRegressor(estimator='gp').fit(x, (c * x).ravel() + np.sin(40 * c).ravel(), contexts=c);"
        "print(hashlib.sha256(m._core.to_bytes()).hexdigest())"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", code], env={"RAYON_NUM_THREADS": threads}, capture_output=True, text=True, check=True
        ).stdout
        for threads in ["1", "3"]
    }
    assert len(digests) == 1


def test_the_common_scale_of_weights_changes_nothing(doses):
    age, dose, response = doses
    weights = np.linspace(1, 2, 120)
    model = ContextualizedRegressor(estimator="gp")
    one = model.fit(dose, response, contexts=age, sample_weight=weights).predict(dose, contexts=age)
    ten = model.fit(dose, response, contexts=age, sample_weight=10 * weights).predict(dose, contexts=age)
    assert np.allclose(one, ten, rtol=1e-9)


def test_summary_and_variation(doses):
    model = fitted(doses, tests=True)
    summary = model.summary()
    assert "deviance explained" in str(summary) and "<pre>" in model._repr_html_()
    assert list(summary.averages["coefficient"]) == ["x0", "(intercept)"]
    tests = model.test_variation()
    line = tests[(tests.coefficient == "x0") & (tests.context == "c0")].iloc[0]
    assert line.p_value < 1e-6
    with pytest.raises(ValueError, match="tests=False"):
        fitted(doses).test_variation()


def test_settings_and_registry(doses):
    model = fitted(doses, settings={"kernel": "matern32", "structure": "additive"})
    assert "Matérn" in model.estimator_ or "atern" in model.estimator_.lower()
    assert {"gp", "neural", "cluster", "population"} <= set(cr.estimators())
    assert {"gaussian", "binomial"} <= set(cr.families())
    assert "kernel" in cr.settings()
    with pytest.raises(ValueError, match='there is no setting "kernels"; there are .*kernel'):
        fitted(doses, settings={"kernels": "matern32"})
    with pytest.raises(ValueError, match="width"):
        fitted(doses, settings={"width": 3})
    with pytest.raises(ValueError, match="estimator .*one of auto, population"):
        fitted(doses, estimator="forest")


def test_settings_of_trees(doses):
    short = {"trees": 5, "splits": "hard", "chains": 2, "burn_in": 20, "sweeps": 30, "draws": 10}
    model = fitted(doses, estimator="trees", settings=short)
    said = "trees (5 trees each, hard splits, chains: 2, burn-in: 20, sweeps: 30, draws: 10)"
    assert model.estimator_.startswith(said)
    assert model.coefficients([[35.0]])["x0"][0] > 0 > model.coefficients([[65.0]])["x0"][0]
    # Fewer sweeps than draws that are kept otherwise: all are.
    one = fitted(doses, estimator="trees", settings={"chains": 1, "burn_in": 0, "sweeps": 1})
    assert np.ptp(one.draws([[35.0]], 3), axis=0).max() == 0
    for settings, message in [
        ({"trees": 0}, "trees is 0, but must be 1 to"),
        ({"chains": 0}, "chains is 0, but must be 1 to"),
        ({"burn_in": 10**12}, "burn_in is 1000000000000, but must be 0 to"),
        ({"sweeps": 0}, "sweeps is 0, but must be 1 to"),
        ({"draws": 11, "sweeps": 10}, "draws is 11, but must be 1 to 10, the number of sweeps"),
        ({"splits": "sharp"}, "setting splits: unknown variant `sharp`, expected `soft` or `hard`"),
        ({"trees": -1}, "setting trees"),
    ]:
        with pytest.raises(ValueError, match=message):
            fitted(doses, estimator="trees", settings=settings)
    with pytest.raises(ValueError, match='burn_in, sweeps are settings of the estimator trees, .* estimator="trees"'):
        fitted(doses, settings={"burn_in": 10, "sweeps": 10})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d["X"].__setitem__((3, 0), np.nan), "NaN: row 4, column 1"),
        (lambda d: d["contexts"].__setitem__((2, 0), np.inf), "contexts contains infinity: row 3"),
        (lambda d: d["y"].__setitem__(0, np.nan), "Input y contains NaN"),
        (lambda d: d.update(contexts=d["contexts"][:5]), "inconsistent numbers of samples"),
        (lambda d: d.update(y=d["y"][:5]), "inconsistent numbers of samples"),
        (lambda d: d.update(sample_weight=-np.ones(120)), "weight -1"),
        (lambda d: d.update(groups=np.zeros(3)), "groups has shape"),
    ],
)
def test_wrong_data(doses, change, message):
    age, dose, response = (table.copy() for table in doses)
    data = {"X": dose, "y": response, "contexts": age}
    change(data)
    with pytest.raises(ValueError, match=message):
        ContextualizedRegressor(estimator="population").fit(**data)


def test_wrong_contexts(doses):
    age, dose, response = doses
    both = np.column_stack([age, dose])
    with pytest.raises(ValueError, match="given twice"):
        ContextualizedRegressor(contexts=[0]).fit(both, response, contexts=age)
    for contexts, message in [
        ([5], "position 5"),
        (["age"], "X has no names"),
        ([], "empty"),
        ([0, 0], "twice"),
        ([0, 1], "leaves no feature"),
        ("age", "has to be None or a list"),
    ]:
        with pytest.raises(ValueError, match=message):
            ContextualizedRegressor(contexts=contexts).fit(both, response)
    model = fitted(doses)
    with pytest.raises(ValueError, match="contexts has 2 columns"):
        model.coefficients(both)
    with pytest.raises(ValueError, match="fitted with contexts="):
        model.predict(dose)


def test_models_without_intervals_say_so(doses):
    model = fitted(doses, estimator="cluster")
    with pytest.raises(NotImplementedError, match='bootstraps=100.*estimator="gp"'):
        model.intervals([[40.0]])


def test_other_threads_run_during_a_fit(doses):
    rng = np.random.default_rng(0)
    contexts, X = rng.normal(size=(600, 3)), rng.normal(size=(600, 3))
    y = (contexts * X).sum(axis=1) + rng.normal(size=600)
    done = threading.Event()

    def fit():
        ContextualizedRegressor(estimator="gp").fit(X, y, contexts=contexts)
        done.set()

    thread = threading.Thread(target=fit)
    thread.start()
    turns = 0
    while not done.is_set():
        turns += 1
        time.sleep(0.001)
    thread.join()
    assert turns > 10


def test_binary_outcomes_are_for_the_classifier(doses):
    age, dose, response = doses
    with pytest.raises(ValueError, match="ContextualizedClassifier"):
        ContextualizedRegressor(family="binomial").fit(dose, response > 0, contexts=age)
    with pytest.raises(ValueError, match="one class"):
        ContextualizedClassifier().fit(dose, np.zeros(120), contexts=age)
    counts = np.random.default_rng(0).poisson(np.exp(dose[:, 0] / 10))
    model = ContextualizedRegressor(family="poisson", estimator="gp").fit(dose, counts, contexts=age)
    assert np.all(model.predict(dose, contexts=age) > 0)


@pytest.mark.skipif(sys.platform == "win32", reason="signals are sent otherwise there")
def test_ctrl_c_ends_a_fit(doses):
    import os
    import signal

    timer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    # Minutes, if nothing ended it.
    with pytest.raises(KeyboardInterrupt):
        fitted(doses, bootstraps=10_000)
    timer.join()
    lower, upper = fitted(doses).intervals([[35.0]])
    assert lower["x0"][0] < upper["x0"][0]

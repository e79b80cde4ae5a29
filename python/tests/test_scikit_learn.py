"""The protocol of scikit-learn."""

import os
import pickle

import joblib
import numpy as np
import pandas
import pytest
import sklearn
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from contextualized_rs import ContextualizedClassifier, ContextualizedRegressor

# Weights are precisions, whose common scale changes nothing, not numbers of rows.
EXPECTED = {
    "check_sample_weight_equivalence_on_dense_data": "weights are precisions, not numbers of rows",
}

# The protocol does not depend on the estimator, and the automatic choice takes minutes in a debug build: it is checked
# with CHECK_ESTIMATOR=auto.
ESTIMATOR = os.environ.get("CHECK_ESTIMATOR", "gp")

# Chains that are long enough for the protocol, not for conclusions.
SHORT = {"trees": 5, "chains": 1, "burn_in": 50, "sweeps": 50}


@parametrize_with_checks(
    [ContextualizedRegressor(estimator=ESTIMATOR), ContextualizedClassifier(estimator=ESTIMATOR)],
    expected_failed_checks=lambda estimator: EXPECTED,
)
def test_checks(estimator, check):
    check(estimator)


@parametrize_with_checks(
    [ContextualizedRegressor(estimator="trees", settings=SHORT), ContextualizedClassifier(estimator="trees", settings=SHORT)],
    expected_failed_checks=lambda estimator: EXPECTED,
)
def test_checks_of_trees(estimator, check):
    check(estimator)


def test_clone_and_parameters():
    model = ContextualizedRegressor(contexts=[0], estimator="gp", settings={"kernel": "matern52"})
    copy = clone(model)
    assert copy.get_params() == model.get_params() and copy is not model
    assert "kernel" in repr(model)
    with pytest.raises(ValueError, match="Invalid parameter 'kernel'"):
        model.set_params(kernel="matern52")


def test_contexts_as_columns_in_pipelines_and_searches(doses):
    age, dose, response = doses
    table = pandas.DataFrame({"age": age[:, 0], "dose": dose[:, 0]})
    model = ContextualizedRegressor(contexts=["age"], estimator="gp")
    scores = cross_val_score(model, table, response, cv=3)
    assert scores.min() > 0.9
    piped = make_pipeline(StandardScaler().set_output(transform="pandas"), model)
    assert cross_val_score(piped, table, response, cv=3).min() > 0.9
    search = GridSearchCV(model, {"estimator": ["population", "gp"]}, cv=3).fit(table, response)
    assert search.best_params_ == {"estimator": "gp"}
    assert list(search.best_estimator_.feature_names_in_) == ["age", "dose"]


def test_contexts_are_routed(doses):
    age, dose, response = doses
    groups = np.repeat(np.arange(40), 3)
    with sklearn.config_context(enable_metadata_routing=True):
        model = ContextualizedRegressor(estimator="gp")
        model.set_fit_request(contexts=True, groups=True).set_score_request(contexts=True)
        scores = cross_val_score(
            model, dose, response, cv=3, params={"contexts": age, "groups": groups}
        )
        assert scores.min() > 0.9
        # The requests are kept by clone.
        assert cross_val_score(clone(model), dose, response, cv=3, params={"contexts": age}).min() > 0.9
        with pytest.raises(TypeError, match="takes no"):
            model.set_fit_request(offset=True)


def test_not_fitted(doses):
    with pytest.raises(NotFittedError):
        ContextualizedRegressor().predict(doses[1])


@pytest.mark.parametrize("dump", ["pickle", "joblib"])
def test_pickles(doses, dump, tmp_path):
    age, dose, response = doses
    model = ContextualizedRegressor(estimator="gp").fit(dose, response, contexts=age)
    if dump == "pickle":
        again = pickle.loads(pickle.dumps(model))
    else:
        joblib.dump(model, tmp_path / "model.joblib")
        again = joblib.load(tmp_path / "model.joblib")
    assert np.array_equal(
        model.predict(dose, contexts=age, interval="outcome"), again.predict(dose, contexts=age, interval="outcome")
    )


def test_classes(doses):
    age, dose, response = doses
    labels = np.where(response > 0, "up", "down")
    model = ContextualizedClassifier(estimator="gp").fit(dose, labels, contexts=age)
    assert list(model.classes_) == ["down", "up"]
    assert model.score(dose, labels, contexts=age) > 0.9
    probabilities = model.predict_proba(dose, contexts=age)
    assert np.allclose(probabilities.sum(axis=1), 1)
    levels = np.array(["high", "low", "middle"])[np.arange(120) % 3]
    several = ContextualizedClassifier(estimator="gp").fit(dose, levels, contexts=age)
    assert list(several.classes_) == ["high", "low", "middle"]
    probabilities = several.predict_proba(dose, contexts=age)
    assert probabilities.shape == (120, 3)
    assert np.allclose(probabilities.sum(axis=1), 1)
    assert set(several.predict(dose, contexts=age)) <= set(levels)


def test_targets(doses):
    age, dose, response = doses
    two = np.column_stack([response, -2 * response])
    model = ContextualizedRegressor(estimator="population").fit(dose, two, contexts=age)
    predicted = model.predict(dose, contexts=age)
    assert predicted.shape == (120, 2)
    assert np.allclose(predicted[:, 1], -2 * predicted[:, 0])
    assert list(model.coefficients(age)) == ["y0.x0", "y0.(intercept)", "y1.x0", "y1.(intercept)"]

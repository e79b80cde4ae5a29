"""Random effects in formulas: the data of lme4's ``sleepstudy``."""

import contextualized_rs as cr
import numpy as np
import pandas
import pytest
from conftest import ROOT

FORMULA = "Reaction ~ Days | (1 + Days | Subject)"


@pytest.fixture(scope="module")
def sleep():
    return pandas.read_csv(ROOT / "crates" / "contextualized-mixed" / "tests" / "data" / "sleepstudy.csv")


@pytest.fixture(scope="module")
def model(sleep):
    return cr.fit(FORMULA, sleep.assign(Subject=sleep.Subject.astype(str)))


def test_a_model_without_contexts(model, sleep):
    assert model.estimator == "mixed"
    text = model.summary().text
    assert all(part in text for part in ("Subject 18", "612.", "35.07", "654.9")), text
    assert model.coefficients(sleep.assign(Subject=sleep.Subject.astype(str))).shape == (180, 2)


def test_predictions_are_of_subjects(model, tmp_path):
    rows = pandas.DataFrame({"Days": [0, 0], "Subject": ["308", "999"]})
    found = np.asarray(model.predict(rows, interval="mean", level=0.95))
    known, new = found
    assert known[0] == pytest.approx(253.6637, abs=1e-3)
    assert new[0] == pytest.approx(251.4051, abs=1e-3)
    assert new[2] - new[1] > 1.5 * (known[2] - known[1])
    model.save(tmp_path / "model.ctx")
    again = cr.load(tmp_path / "model.ctx")
    assert np.array_equal(np.asarray(again.predict(rows, interval="mean", level=0.95)), found)


def test_what_it_does_not_have_is_refused(model, sleep):
    sleep = sleep.assign(Subject=sleep.Subject.astype(str), c=np.arange(180) % 7)
    with pytest.raises(ValueError, match="draws"):
        model.draws(sleep)
    with pytest.raises(ValueError, match="gp has no random effects.*mixed"):
        cr.fit("Reaction ~ Days | c + (1 | Subject)", sleep, estimator="gp", tests=False)
    with pytest.raises(ValueError, match="bootstraps.*random effects"):
        cr.fit(FORMULA, sleep, bootstraps=40)
    with pytest.raises(ValueError, match="random terms"):
        cr.ContextualizedRegressor(estimator="mixed").fit(sleep[["Days"]], sleep.Reaction, contexts=sleep[["c"]])


def test_shares_of_trials():
    cows = pandas.read_csv(ROOT / "crates" / "contextualized-mixed" / "tests" / "data" / "cbpp.csv")
    cows = cows.assign(herd=cows.herd.astype(str))
    formula = "cbind(incidence, size - incidence) ~ factor(period) | (1 | herd)"
    model = cr.fit(formula, cows, family="binomial")
    slopes = model.coefficients(cows).iloc[0]
    # The optimum; glmer ends 2e-4 to 6e-4 before it by default.
    assert np.allclose(slopes, [-0.99232, -1.12866, -1.58032, -1.39853], atol=1e-4)
    assert "0.4125" in model.summary().text

"""Survival times in formulas: the data of R's ``survival::veteran``."""

import contextualized_rs as cr
import numpy as np
import pandas
import pytest
from conftest import ROOT

FORMULA = "Surv(time, event) ~ test + karno | age"


@pytest.fixture(scope="module")
def veterans():
    return pandas.read_csv(ROOT / "crates" / "contextualized-baselines" / "tests" / "data" / "veteran.csv")


@pytest.fixture(scope="module")
def model(veterans):
    return cr.fit(FORMULA, veterans, estimator="gp")


def test_constant_hazards_are_those_of_survreg(veterans):
    model = cr.fit("Surv(time, event) ~ test + karno + age | age", veterans, estimator="population", tests=False)
    assert model.family == "survival" and model.rows == 137
    slopes = np.asarray(model.coefficients(veterans))[0]
    expected = [0.128182407776159, -0.0352990742546872, -0.000586173282619926, -2.66383118588584]
    assert np.allclose(slopes, expected, rtol=1e-6)
    rate = np.exp(np.column_stack([veterans[["test", "karno", "age"]], np.ones(137)]) @ slopes)
    found = model.survival(veterans, [50, 100.5])
    assert list(found.columns) == ["surv.50", "surv.100.5"]
    assert np.allclose(found["surv.50"], np.exp(-50 * rate))


def test_survival_with_bands(model, veterans, tmp_path):
    found = model.survival(veterans, 80, level=0.9)
    assert (found["surv.80.lower"] < found["surv.80"]).all()
    assert (found["surv.80"] < found["surv.80.upper"]).all()
    # The mean probability is near the share that survived, of which few were censored.
    assert found["surv.80"].mean() == pytest.approx((veterans.time > 80).mean(), abs=0.05)
    model.save(tmp_path / "model.ctx")
    again = cr.load(tmp_path / "model.ctx")
    assert np.array_equal(np.asarray(again.survival(veterans, 80, level=0.9)), np.asarray(found))


def test_coefficients_at_a_time(model, veterans):
    early, late = (model.at(time).coefficients(veterans).karno.iloc[0] for time in (5, 400))
    assert early < late - 0.01
    text = model.effects().text
    assert "Hazards are proportional in a feature" in text
    assert "hazard ratio" in model.summary(exponentiate=True).text


def test_events_may_be_bool(model, veterans):
    of_bool = cr.fit(FORMULA, veterans.assign(event=veterans.event == 1), estimator="gp", tests=False)
    assert np.allclose(of_bool.coefficients(veterans), model.coefficients(veterans))


def test_what_cannot_be_is_refused(model, veterans):
    with pytest.raises(ValueError, match="event event of .* is 2 in data row 1"):
        cr.fit(FORMULA, veterans.assign(event=2), tests=False)
    with pytest.raises(ValueError, match="times.*999"):
        model.survival(veterans, [1000])
    with pytest.raises(ValueError, match="at.*999"):
        model.at(1e6)
    with pytest.raises(ValueError, match="leave family out"):
        cr.fit(FORMULA, veterans, family="poisson")
    with pytest.raises(ValueError, match="Surv"):
        cr.ContextualizedRegressor(family="survival").fit(
            veterans[["karno"]], veterans.time, contexts=veterans[["age"]]
        )
    other = cr.fit("time ~ karno | age", veterans, estimator="population", tests=False)
    with pytest.raises(ValueError, match="survival times"):
        other.survival(veterans, [50])

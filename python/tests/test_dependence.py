"""Curves, draws, figures and what notebooks show."""

import sys
import xml.etree.ElementTree as ElementTree

import contextualized_rs as cr
import numpy as np
import pandas
import pytest

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")


@pytest.fixture(scope="module")
def doses():
    rng = np.random.default_rng(0)
    age, dose = rng.uniform(30, 70, (120, 1)), rng.uniform(0, 10, (120, 1))
    return age, dose, ((50 - age) * dose / 10).ravel() + rng.normal(size=120)


@pytest.fixture(scope="module")
def model(doses):
    age, dose, response = doses
    return cr.ContextualizedRegressor(estimator="gp", tests=True).fit(dose, response, contexts=age)


@pytest.fixture(scope="module")
def formula(doses):
    age, dose, response = doses
    sites = np.where(np.arange(120) % 3, "north", "south")
    data = pandas.DataFrame({"age": age[:, 0], "dose": dose[:, 0], "site": sites, "y": response})
    return cr.fit("y ~ dose | age + site", data, estimator="gp"), data


@pytest.fixture(scope="module")
def networks():
    rng = np.random.default_rng(0)
    time = rng.uniform(-1, 1, (100, 1))
    first = rng.normal(size=100)
    second = time[:, 0] * first + 0.5 * rng.normal(size=100)
    X = np.column_stack([first, second, rng.normal(size=100)])
    return cr.CorrelationNetworks(estimator="kernel").fit(X, contexts=time)


def test_partial_dependence(model, formula):
    curves = model.partial_dependence("c0", coefficient="x0")
    assert list(curves.columns) == [
        "target", "coefficient", "context", "at", "value", "average", "lower", "upper", "population",
    ]
    assert np.allclose(curves["average"], (50 - curves["value"]) / 10, atol=0.3)
    assert ((curves["lower"] < curves["average"]) & (curves["average"] < curves["upper"])).all()
    wider = model.partial_dependence("c0", coefficient="x0", level=0.99)
    assert (wider["lower"] < curves["lower"]).all()
    sites = formula[0].partial_dependence("site")
    assert set(sites["at"]) == {"north", "south"} and sites["value"].isna().all()
    with pytest.raises(ValueError, match="there is no context 'height'; there are c0"):
        model.partial_dependence("height")


def test_edges_depend_on_contexts(networks):
    curves = networks.partial_dependence(coefficient="x0 – x1")
    assert curves["average"].iloc[0] < -0.3 and curves["average"].iloc[-1] > 0.3
    assert "Correlations over 100 training rows" in str(networks.effects())


def test_draws(model, doses):
    age, dose, response = doses
    draws = model.draws([[35.0], [65.0]], 400, random_state=1)
    assert draws.shape == (400, 2, 1, 2)
    assert np.array_equal(draws, model.draws([[35.0], [65.0]], 400, random_state=1))
    effects, errors = model.coefficients([[35.0], [65.0]]), model.standard_errors([[35.0], [65.0]])
    away = np.abs(draws.mean(axis=0)[:, 0, :] - effects) / errors
    assert np.all(away < 4 / np.sqrt(400))
    few = cr.ContextualizedRegressor(estimator="cluster").fit(dose, response, contexts=age)
    with pytest.raises(NotImplementedError, match="bootstraps=100"):
        few.draws(age)
    many = cr.ContextualizedRegressor(estimator="population", bootstraps=40).fit(dose, response, contexts=age)
    assert many.draws(age, 7).shape == (7, 120, 1, 2)


def test_draws_of_rows(formula):
    model, data = formula
    with_a_gap = data.head(3).copy()
    with_a_gap.loc[1, "age"] = np.nan
    with pytest.warns(cr.DataWarning, match="incomplete"):
        draws = model.draws(with_a_gap, 5)
    assert draws.shape == (5, 3, 1, 2)
    assert np.isnan(draws[:, 1]).all() and np.isfinite(draws[:, [0, 2]]).all()


def is_svg(picture):
    assert ElementTree.fromstring(picture._repr_svg_()).tag == "{http://www.w3.org/2000/svg}svg"
    return True


@pytest.mark.parametrize("backend", ["matplotlib", "svg"])
def test_figures(model, formula, networks, backend, tmp_path):
    figures = [
        model.plot(backend=backend),
        model.plot("variation", backend=backend),
        formula[0].plot(backend=backend),
        formula[0].plot("map", coefficient="dose", contexts=("age", "site"), backend=backend),
        networks.plot(backend=backend),
        networks.plot(contexts=[[-0.8], [0.8]], backend=backend),
        networks.plot("coefficients", coefficient="x0 – x1", backend=backend),
    ]
    for figure in figures:
        if backend == "svg":
            assert is_svg(figure)
            figure.save(tmp_path / "figure.svg")
        else:
            figure.savefig(tmp_path / "figure.png")
            matplotlib.pyplot.close(figure)


def test_figures_without_matplotlib(model, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert is_svg(model.plot())


def test_what_cannot_be_drawn(model, networks):
    with pytest.raises(ValueError, match="coefficients, map, variation"):
        model.plot("networks")
    with pytest.raises(ValueError, match="two contexts"):
        model.plot("map")
    with pytest.raises(ValueError, match="named twice"):
        model.plot("map", coefficient="x0", contexts=("c0", "c0"))
    with pytest.raises(ValueError, match="backend"):
        model.plot(backend="gnuplot")
    with pytest.raises(ValueError, match="networks, coefficients"):
        networks.plot("map")
    with pytest.raises(cr.NotFittedError):
        cr.ContextualizedRegressor().plot()


def test_notebooks_show_the_summary(model, formula, networks):
    for shown in [model, formula[0], networks, model.summary(), model.effects()]:
        html = shown._repr_html_()
        assert "<table>" in html
        ElementTree.fromstring(f"<div>{html}</div>")
    text = str(model.summary())
    assert "Coefficients averaged over the contexts of 120 training rows" in text
    assert "Wald tests" in text and "--" not in text.replace("-" * 3, "")
    assert "bootstraps=100" in str(
        cr.ContextualizedRegressor(estimator="cluster").fit(np.arange(40.0).reshape(-1, 1), np.arange(40.0) ** 2).summary()
    )

"""Each family of outcomes: fitted, predicted, kept, and refused where it cannot be."""

import contextualized_rs as cr
import numpy as np
import pandas
import pytest



def outcomes(family, means, rng):
    if family == "gaussian":
        return means + 0.3 * rng.normal(size=len(means))
    if family == "poisson":
        return rng.poisson(np.exp(means)).astype(float)
    if family == "negative-binomial":
        return rng.negative_binomial(2, 2 / (2 + np.exp(means))).astype(float)
    if family == "gamma":
        return rng.gamma(4, np.exp(means) / 4)
    if family == "ordinal":
        return np.searchsorted([0, 1, 2], means + rng.logistic(size=len(means))).astype(float)
    share = 1 / (1 + np.exp(-means))
    return np.clip(rng.beta(20 * share, 20 * (1 - share)), 1e-6, 1 - 1e-6)


FAMILIES = ["gaussian", "poisson", "negative-binomial", "gamma", "beta", "ordinal"]


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(3)
    contexts, features = rng.uniform(-1, 1, (400, 1)), rng.normal(size=(400, 1))
    return contexts, features, 0.5 + contexts[:, 0] * features[:, 0], rng


@pytest.mark.parametrize("family", FAMILIES)
def test_slopes_are_recovered(rows, family, tmp_path):
    contexts, features, means, rng = rows
    y = outcomes(family, means, rng)
    model = cr.ContextualizedRegressor(estimator="gp", family=family).fit(features, y, contexts=contexts)
    slopes = np.asarray(model.coefficients(contexts))[:, 0]
    assert np.sqrt(np.mean((slopes - contexts[:, 0]) ** 2)) < 0.25
    if family != "gaussian":
        assert (model.predict(features, contexts=contexts) > 0).all()
    lower, upper = model.predict(features, contexts=contexts, interval="outcome", level=0.9)[1:]
    inside = np.mean((np.asarray(lower).ravel() <= y) & (y <= np.asarray(upper).ravel()))
    assert 0.85 < inside <= 1
    model.save(tmp_path / "model.ctx")
    again = cr.load(tmp_path / "model.ctx")
    assert again.summary().text == model.summary().text


@pytest.mark.parametrize(("family", "word"), [("negative-binomial", "size"), ("gamma", "dispersion"), ("beta", "precision"), ("ordinal", "distances")])
def test_summaries_say_the_shape(rows, family, word):
    contexts, features, means, rng = rows
    y = outcomes(family, means, rng)
    model = cr.ContextualizedRegressor(estimator="population", family=family).fit(features, y, contexts=contexts)
    assert f"Estimated: {word}" in model.summary().text
    assert "ratio" in model.summary(exponentiate=True).text


def test_marginal_effects_are_changes_of_the_mean(rows):
    contexts, features, means, rng = rows
    y = outcomes("poisson", means, rng)
    model = cr.ContextualizedRegressor(estimator="gp", family="poisson").fit(features, y, contexts=contexts)
    summary = model.summary(marginal=True)
    assert "Average marginal effects" in summary.text
    found = summary.marginal.iloc[0]
    step = 1e-5
    more, less = (model.predict(features + by, contexts=contexts).mean() for by in (step, -step))
    assert found.effect == pytest.approx((more - less) / (2 * step), rel=1e-5)
    assert found.lower < found.effect < found.upper
    assert not found.difference
    assert len(model.summary().marginal) == 0


@pytest.mark.parametrize("family", FAMILIES[1:])
def test_outcomes_that_cannot_be_are_refused(rows, family):
    contexts, features, means, rng = rows
    y = outcomes(family, means, rng)
    y[7] = -1
    with pytest.raises(ValueError, match="-1"):
        cr.ContextualizedRegressor(estimator="population", family=family).fit(features, y, contexts=contexts)


def test_shares_of_trials(rows):
    contexts, features, means, rng = rows
    trials = rng.integers(1, 9, len(means))
    successes = rng.binomial(trials, 1 / (1 + np.exp(-means)))
    data = pandas.DataFrame({"c": contexts[:, 0], "x": features[:, 0], "s": successes, "f": trials - successes})
    model = cr.fit("cbind(s, f) ~ x | c", data, family="binomial", estimator="gp", tests=False)
    one_by_one = data.loc[data.index.repeat(trials)].reset_index(drop=True)
    one_by_one["y"] = np.concatenate([np.r_[np.ones(s), np.zeros(f)] for s, f in zip(data["s"], data["f"])])
    same = cr.fit("y ~ x | c", one_by_one, family="binomial", estimator="population", tests=False)
    population = cr.fit("cbind(s, f) ~ x | c", data, family="binomial", estimator="population", tests=False)
    np.testing.assert_allclose(
        np.asarray(population.coefficients(data)), np.asarray(same.coefficients(data)), rtol=1e-6
    )
    slopes = np.asarray(model.coefficients(data))[:, 0]
    assert np.sqrt(np.mean((slopes - contexts[:, 0]) ** 2)) < 0.25
    with pytest.raises(Exception, match="successes and failures"):
        cr.fit("s ~ x | c", data.assign(s=0.5), family="binomial", estimator="population")


def test_levels_have_an_order(rows):
    contexts, features, means, rng = rows
    grades = np.array(["poor", "fair", "good"])[outcomes("ordinal", means, rng).clip(max=2).astype(int)]
    data = pandas.DataFrame({"c": contexts[:, 0], "x": features[:, 0], "grade": grades})
    with pytest.raises(ValueError, match="order is not known"):
        cr.fit("grade ~ x | c", data, family="ordinal")
    formula = 'ordered(grade, "poor", "fair", "good") ~ x | c'
    model = cr.fit(formula, data, family="ordinal", estimator="population", tests=False)
    assert "grade: poor < fair < good" in model.summary().text


@pytest.mark.parametrize("estimator", ["population", "gp", "cluster"])
def test_classes_have_probabilities(rows, estimator, tmp_path):
    contexts, features, _, rng = rows
    slopes = np.column_stack([np.zeros(len(contexts)), 1.5 * contexts[:, 0], np.ones(len(contexts))])
    odds = np.exp(slopes * features)
    share = odds / odds.sum(axis=1, keepdims=True)
    codes = (rng.uniform(size=(len(share), 1)) > share.cumsum(axis=1)).sum(axis=1).clip(max=2)
    y = np.array(["bus", "car", "walk"])[codes]
    model = cr.ContextualizedClassifier(estimator=estimator).fit(features, y, contexts=contexts)
    assert model.classes_.tolist() == ["bus", "car", "walk"]
    probabilities = model.predict_proba(features, contexts=contexts)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    assert (model.predict(features, contexts=contexts) == model.classes_[probabilities.argmax(axis=1)]).all()
    decision = model.decision_function(features, contexts=contexts)
    assert decision.shape == (400, 3) and (decision[:, 0] == 0).all()
    np.testing.assert_allclose(decision[:, 1], np.log(probabilities[:, 1] / probabilities[:, 0]))
    assert model.score(features, y, contexts=contexts) > 0.4
    assert list(model.coefficients(contexts)) == ["car.x0", "car.(intercept)", "walk.x0", "walk.(intercept)"]
    if estimator == "gp":
        error = np.asarray(model.coefficients(contexts))[:, [0, 2]] - slopes[:, 1:]
        assert np.sqrt((error**2).mean()) < 0.35
    model.save(tmp_path / "model.ctx")
    again = cr.load(tmp_path / "model.ctx")
    assert "car, walk, against bus" in again.summary().text
    with pytest.raises(ValueError, match="second of two classes"):
        model.predict(features, contexts=contexts, interval="mean")
    data = pandas.DataFrame({"c": contexts[:, 0], "x0": features[:, 0], "mode": y})
    same = cr.fit("mode ~ x0 | c", data, family="multinomial", estimator=estimator, tests=False)
    np.testing.assert_allclose(
        np.asarray(same.coefficients(data)), np.asarray(model.coefficients(contexts)), rtol=1e-6, atol=1e-8
    )

"""Coefficients of functions that have none."""

import pickle

import contextualized_rs as cr
import numpy as np
import pytest


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    return rng.uniform(-1, 1, (150, 1)), rng.normal(size=(150, 2))


def wave(contexts, features):
    return np.sin(contexts[:, 0]) * features[:, 0] + 2 * features[:, 1] + contexts[:, 0]


def test_a_function_linear_in_the_features(rows):
    c, x = rows
    found = cr.implicit_coefficients(wave, c, x)
    assert found.slopes.shape == (150, 1, 2) and found.intercepts.shape == (150, 1)
    assert np.allclose(found.slopes[:, 0, 0], np.sin(c[:, 0]), atol=1e-8)
    assert np.allclose(found.slopes[:, 0, 1], 2, atol=1e-8)
    assert np.allclose(found.intercepts, c, atol=1e-8)
    assert list(found.frame().columns) == ["x0", "x1", "(intercept)"]
    taylor = found.taylor()
    assert np.allclose(taylor["r_squared"], 1) and np.allclose(taylor["remainder"], 0, atol=1e-8)
    linearity = found.linearity()
    assert np.allclose(linearity["disagreement"], 0, atol=1e-6) and np.allclose(linearity["r_squared"], 1)


def test_a_function_that_bends(rows):
    c, x = rows
    found = cr.implicit_coefficients(lambda c, x: np.column_stack([x[:, 0] ** 2, x[:, 1]]), c, x)
    assert np.allclose(found.slopes[:, 0, 0], 2 * x[:, 0], atol=1e-8)
    near, far = found.taylor(0.05), found.taylor(2.0)
    bends = near["target"] == 0
    assert near["remainder"][bends].mean() < 0.1 * far["remainder"][bends].mean()
    linearity = found.linearity()
    assert (linearity["disagreement"][bends] > 1).mean() > 0.5
    assert np.allclose(linearity["disagreement"][~bends], 0, atol=1e-6)
    # The average derivative of a square over a symmetric distribution is about zero.
    assert np.all(np.abs(found.averaged()["y0.x0"]) < 0.5)


def test_one_argument_and_single_precision(rows):
    sklearn = pytest.importorskip("sklearn.linear_model")
    c, x = rows
    joined = np.column_stack([c, x])
    line = sklearn.LinearRegression().fit(joined, joined @ [1.0, 2.0, 3.0])
    found = cr.implicit_coefficients(line.predict, c, x)
    assert np.allclose(found.slopes, [2, 3], atol=1e-6) and np.allclose(found.intercepts, c, atol=1e-6)
    single = cr.implicit_coefficients(lambda c, x: wave(c, x).astype(np.float32), c, x)
    assert np.allclose(single.slopes[:, 0, 1], 2, atol=1e-3)


@pytest.mark.parametrize("student", ["gp", "encoder"])
def test_distillation(rows, student):
    c, x = rows
    found = cr.implicit_coefficients(wave, c, x).distil(student)
    at = found.coefficients([[0.5]])
    assert abs(at["x0"][0] - np.sin(0.5)) < 0.1 and abs(at["x1"][0] - 2) < 0.1
    assert found.fidelity["r_squared"][0] > 0.95 and found.fidelity["slope_errors"].shape == (1, 2)
    again = pickle.loads(pickle.dumps(found))
    assert np.array_equal(again.coefficients(c), found.coefficients(c))


def test_errors_of_the_function_are_passed_on(rows):
    c, x = rows

    class Own(Exception):
        pass

    calls = []

    def fails_later(contexts, features):
        calls.append(1)
        if len(calls) > 5:
            raise Own("no more")
        return wave(contexts, features)

    found = cr.implicit_coefficients(fails_later, c, x)
    with pytest.raises(Own, match="no more"):
        found.linearity()
    with pytest.raises(ValueError, match=r"shape \(3,\) for 150 rows"):
        cr.implicit_coefficients(lambda c, x: np.zeros(3), c, x)
    with pytest.raises(ValueError, match="NaN"):
        cr.implicit_coefficients(lambda c, x: np.full(len(x), np.nan), c, x)
    with pytest.raises(TypeError, match="a function or a module"):
        cr.implicit_coefficients(3, c, x)
    with pytest.raises(ValueError, match="contexts has 10 rows"):
        cr.implicit_coefficients(wave, c[:10], x)
    with pytest.raises(ValueError, match="student"):
        cr.implicit_coefficients(wave, c, x).distil("forest")


def test_modules_of_torch(rows):
    torch = pytest.importorskip("torch")
    c, x = rows
    torch.manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Linear(3, 8), torch.nn.Dropout(0.5), torch.nn.Tanh(), torch.nn.Linear(8, 2))
    module.double()
    found = cr.implicit_coefficients(module, c, x)
    assert module.training
    module.eval()

    def function(c, x):
        with torch.no_grad():
            return module(torch.as_tensor(np.column_stack([c, x]))).numpy()

    other = cr.implicit_coefficients(function, c, x)
    assert np.allclose(found.slopes, other.slopes, atol=1e-7)
    assert found.distil().fidelity["r_squared"][0] > 0.5

    class Two(torch.nn.Module):
        def forward(self, contexts, features):
            return (torch.sin(contexts[:, 0]) * features[:, 0]).reshape(-1, 1)

    assert np.allclose(cr.implicit_coefficients(Two(), c, x).slopes[:, 0, 0], np.sin(c[:, 0]))

"""Formulas on data frames, and model files of the program."""

import pickle
import subprocess

import contextualized_rs as cr
import numpy as np
import pandas
import polars
import pyarrow
import pyarrow.csv
import pytest
from conftest import ROOT

MODELS = ROOT / "crates" / "contextualized-cli" / "tests" / "models"


def table(doses):
    age, dose, response = doses
    return pandas.DataFrame(
        {"age": age[:, 0], "dose": dose[:, 0], "site": np.where(np.arange(120) % 3, "north", "south"), "y": response}
    )


def test_frames_of_every_library(doses):
    data = table(doses)
    frames = [data, polars.from_pandas(data), pyarrow.Table.from_pandas(data, preserve_index=False)]
    chunked = pyarrow.concat_tables([frames[2][:50], frames[2][50:]])
    categories = data.assign(site=data.site.astype("category"))
    models = [
        cr.fit("y ~ dose | age + site", frame, estimator="gp", tests=False) for frame in [*frames, chunked, categories]
    ]
    first = models[0]
    assert first.formula == "y ~ dose | age + site" and first.rows == 120
    for model, frame in zip(models, [*frames, chunked, categories]):
        assert model._core.to_bytes() == first._core.to_bytes()
        assert np.array_equal(model.predict(frame), first.predict(data))
    again = pickle.loads(pickle.dumps(first))
    assert np.array_equal(again.predict(data, interval="outcome"), first.predict(data, interval="outcome"))
    assert list(first.coefficients(data).columns) == ["dose", "(intercept)"]
    assert "y ~ dose" in first._repr_html_()


def test_missing_values(doses):
    data = table(doses)
    data.loc[4, "dose"] = np.nan
    data.loc[7, "site"] = None
    with pytest.raises(ValueError, match="missing values: .*dose 1.*; drop_missing=True leaves 2 of 120 rows out"):
        cr.fit("y ~ dose | age + site", data)
    model = cr.fit("y ~ dose | age + site", data, estimator="gp", drop_missing=True)
    assert model.rows == 118 and model.rows_left_out == 2
    with pytest.warns(cr.DataWarning, match="2 of 120 rows are incomplete"):
        predicted = model.predict(data)
    assert list(np.flatnonzero(predicted["y"].isna())) == [4, 7]


def test_wrong_formulas_and_data(doses):
    data = table(doses)
    with pytest.raises(ValueError, match="no column"):
        cr.fit("y ~ dose | height", data)
    with pytest.raises(ValueError):
        cr.fit("y ~ | age", data)
    with pytest.raises(TypeError, match="gives no Arrow stream"):
        cr.fit("y ~ dose | age", {"y": [1]})
    model = cr.fit("y ~ dose | age + site", data, estimator="population", tests=False)
    with pytest.raises(ValueError, match="level"):
        model.predict(data.assign(site="east"))
    with pytest.raises(ValueError, match="no networks"):
        model.networks(data)


def test_unknown_levels(doses):
    data = table(doses)
    model = cr.fit("y ~ dose | age + site", data, estimator="gp", tests=False)
    new = data.head(6).assign(site=["north", "east", "south", "east", "north", "south"])
    predicted = model.predict(new, interval="mean", unknown_levels="population")
    known = new.site != "east"
    assert np.array_equal(predicted[known], model.predict(new[known], interval="mean"))
    # By the constant-coefficient model, whose error for another level nobody knows.
    line = np.polyfit(data.dose, data.y, 1)
    assert np.allclose(predicted["y"][~known], np.polyval(line, new.dose[~known]))
    assert predicted["y.lower"][~known].isna().all()
    effects = model.coefficients(new, unknown_levels="population")
    assert np.allclose(effects["dose"][~known], line[0])
    with pytest.raises(ValueError, match='unknown_levels="population" predicts such rows'):
        model.predict(new)
    with pytest.raises(ValueError, match='unknown_levels is "drop"'):
        model.predict(new, unknown_levels="drop")


def test_coefficients_need_contexts_alone(doses):
    data = table(doses)
    model = cr.fit("y ~ dose | age + site", data, estimator="gp", tests=False)
    assert np.array_equal(model.coefficients(data[["age", "site"]]), model.coefficients(data))


def test_binary_outcomes(doses):
    data = table(doses).assign(up=lambda d: np.where(d.y > 0, "yes", "no"))
    model = cr.fit("up ~ dose | age", data, estimator="gp", tests=False)
    assert model.family == "binomial"
    probabilities = model.predict(data)["up"]
    assert ((probabilities > 0.5) == (data.up == "yes")).mean() > 0.9


@pytest.mark.parametrize("name", ["population", "cluster", "gp", "neural", "binary"])
def test_stored_models_predict_what_the_program_does(name):
    model = cr.load(MODELS / f"{name}.ctx")
    data = pyarrow.csv.read_csv(MODELS / "data.csv")
    stored = pandas.read_csv(MODELS / f"{name}.predicted.csv")
    predicted = model.predict(data)
    for target in predicted.columns:
        assert np.allclose(predicted[target], stored[f"pred.{target}"], rtol=1e-9, atol=1e-12)
    for coefficient, values in model.coefficients(data).items():
        assert np.allclose(values, stored[f"coef.{coefficient}"], rtol=1e-9, atol=1e-12)


def test_changed_files_are_refused(tmp_path):
    content = bytearray((MODELS / "gp.ctx").read_bytes())
    content[-1] ^= 1
    (tmp_path / "bad.ctx").write_bytes(content)
    with pytest.raises(ValueError, match="bad.ctx is cut off or was altered"):
        cr.load(tmp_path / "bad.ctx")
    with pytest.raises(FileNotFoundError):
        cr.load(tmp_path / "none.ctx")


def test_the_program_reads_what_python_wrote(doses, program, tmp_path):
    data = table(doses)
    data.to_csv(tmp_path / "data.csv", index=False)
    age, dose, response = doses

    def ask(*words):
        return subprocess.run([program, *words], cwd=tmp_path, capture_output=True, text=True, check=True).stdout

    ask("fit", "data.csv", "y ~ dose | age + site", "--estimator", "gp", "--out", "program.ctx")
    own = cr.load(tmp_path / "program.ctx")
    model = cr.fit("y ~ dose | age + site", data, estimator="gp")
    # The same bits, from a file of text and from memory.
    assert np.array_equal(own.predict(data), model.predict(data))
    model.save(tmp_path / "python.ctx")
    ask("predict", "python.ctx", "data.csv", "--level", "0.95", "--out", "predicted.csv")
    predicted = pandas.read_csv(tmp_path / "predicted.csv")
    found = model.predict(data, interval="outcome")
    assert np.allclose(predicted["pred.y"], found["y"], rtol=1e-12)
    assert np.allclose(predicted["pred.y.lower"], found["y.lower"], rtol=1e-12)
    assert "dose" in ask("summary", "python.ctx")

    arrays = data[["age", "dose"]]
    estimator = cr.ContextualizedRegressor(contexts=["age"], estimator="gp").fit(arrays, data["y"])
    estimator.save(tmp_path / "estimator.ctx")
    ask("predict", "estimator.ctx", "data.csv", "--out", "predicted.csv")
    predicted = pandas.read_csv(tmp_path / "predicted.csv")
    assert np.allclose(predicted["pred.y"], estimator.predict(arrays), rtol=1e-12)

    labels = np.where(response > 0, "up", "down")
    classifier = cr.ContextualizedClassifier(contexts=["age"], estimator="gp").fit(arrays, labels)
    classifier.save(tmp_path / "classifier.ctx")
    ask("predict", "classifier.ctx", "data.csv", "--out", "predicted.csv")
    predicted = pandas.read_csv(tmp_path / "predicted.csv")
    assert list(predicted["class.y"]) == list(classifier.predict(arrays))


def test_effects_of_a_treatment(doses):
    data = table(doses)
    treated = data.assign(w=np.where(np.arange(120) % 5 < 2, "drug", "none"))
    treated["y"] = treated.age + 2.0 * (treated.w == "none") + 0.1 * np.sin(np.arange(120))
    model = cr.fit("y ~ 1 | age", treated, treatment="w", estimator="population", tests=False)
    effects = model.coefficients(treated[["age"]].head(2))
    assert list(effects.columns) == ["w"]
    assert np.allclose(effects.w, 2.0, atol=0.1)
    with pytest.raises(ValueError, match="predicts no outcomes"):
        model.predict(treated)
    with pytest.raises(ValueError, match="treatment site is a context too"):
        cr.fit("y ~ 1 | age + site", treated, treatment="site")
    with pytest.raises(ValueError, match="has 3 levels"):
        doses = np.array(["none", "low", "high"])[np.arange(120) % 3]
        cr.fit("y ~ 1 | age", treated.assign(w=doses), treatment="w")

"""CSV and Parquet files by path."""

import pathlib
import subprocess

import contextualized_rs as cr
import numpy as np
import pandas
import pytest


@pytest.fixture
def files(doses, tmp_path):
    age, dose, response = doses
    sites = np.where(np.arange(120) % 3, "north", "south")
    data = pandas.DataFrame({"age": age[:, 0], "dose": dose[:, 0], "site": sites, "y": response, "other": "text"})
    data.to_csv(tmp_path / "data.csv", index=False)
    data.to_parquet(tmp_path / "data.parquet")
    return data, tmp_path


def test_files_are_read_as_frames_are(files):
    data, folder = files
    fit = {"estimator": "gp", "tests": False}
    model = cr.fit("y ~ dose | age + site", data, **fit)
    expected = model.predict(data, interval="outcome")
    for path in [folder / "data.csv", str(folder / "data.parquet")]:
        own = cr.fit("y ~ dose | age + site", path, **fit)
        assert np.array_equal(own.predict(data, interval="outcome"), expected)
        assert np.array_equal(model.predict(path, interval="outcome"), expected)
        assert np.array_equal(model.coefficients(path), model.coefficients(data))
        assert pathlib.Path(path).name in str(own.summary())


def test_the_program_fits_the_same(files, program):
    data, folder = files
    words = ["fit", "data.parquet", "y ~ dose | age + site", "--estimator", "gp", "--no-tests", "--out", "model.ctx"]
    subprocess.run([program, *words], cwd=folder, check=True, capture_output=True)
    own = cr.fit("y ~ dose | age + site", folder / "data.parquet", estimator="gp", tests=False)
    assert (folder / "model.ctx").read_bytes() == own._core.to_bytes()


def test_how_a_file_is_read(files):
    data, folder = files
    data.to_csv(folder / "german.csv", index=False, sep=";", decimal=",")
    fit = {"estimator": "population", "tests": False}
    with pytest.raises(ValueError, match=r'add reading=\{"delimiter": ";"\}'):
        cr.fit("y ~ dose | age", folder / "german.csv", **fit)
    reading = {"delimiter": ";", "decimal": ","}
    model = cr.fit("y ~ dose | age", folder / "german.csv", reading=reading, **fit)
    # New data are read likewise.
    expected = cr.fit("y ~ dose | age", data, **fit).predict(data)
    assert np.allclose(model.predict(folder / "german.csv"), expected)
    with pytest.raises(ValueError, match='no option "quote" of reading'):
        cr.fit("y ~ dose | age", folder / "german.csv", reading={"quote": "'"})


def test_files_that_cannot_be_read(files, capfd):
    _, folder = files
    with pytest.raises(ValueError, match="there is no such file"):
        cr.fit("y ~ dose | age", folder / "none.csv")
    with pytest.raises(ValueError, match="it is a folder"):
        cr.fit("y ~ dose | age", folder)
    content = (folder / "data.parquet").read_bytes()
    (folder / "cut.parquet").write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match="cut.parquet as Parquet"):
        cr.fit("y ~ dose | age", folder / "cut.parquet")
    (folder / "gap.csv").write_text("y,dose,age\n1,2,3\n1,NA,3\n")
    with pytest.raises(ValueError, match="drop_missing=True"):
        cr.fit("y ~ dose | age", folder / "gap.csv")
    # Errors are exceptions, and nothing is printed.
    assert capfd.readouterr() == ("", "")

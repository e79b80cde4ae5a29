"""Messages name arguments of Python, where those of the crates name options of the program."""

import inspect
import json
import re

import contextualized_rs as cr
import pytest
from conftest import ROOT
from contextualized_rs import _core

# Options of commands that Python does not have.
OF_THE_PROGRAM = {"drop-unknown-levels"}
READING = {"delimiter", "missing", "decimal", "thousands", "comment", "skip"}
OPTION = re.compile(r"(?<![\w-])--([a-z][a-z0-9-]*)")

known = json.loads(_core.options())


def sources():
    """Sources of the crates that the package is built of, without their tests."""
    for path in sorted((ROOT / "crates").glob("*/src/**/*.rs")):
        crate = path.relative_to(ROOT / "crates").parts[0]
        # Figures have variables of CSS, and the program names its own options.
        if crate not in {"contextualized-cli", "contextualized-plot"} and "tests" not in path.parts:
            yield path.read_text().split("#[cfg(test)]")[0]


def test_every_option_that_messages_name_is_in_the_table():
    lines = [line for text in sources() for line in text.splitlines() if not line.lstrip().startswith("//")]
    named = {option for line in lines if '"' in line for option in OPTION.findall(line)}
    assert len(named) > 20
    assert named - set(known) == OF_THE_PROGRAM
    assert READING - {"missing"} == {option for option, (what, _) in known.items() if what == "reading"}


def test_the_table_names_what_there_is():
    arguments = {*inspect.signature(cr.fit).parameters, *inspect.signature(cr.load).parameters}
    methods = (cr.FormulaModel.predict, cr.FormulaModel.survival)
    arguments |= {name for method in methods for name in inspect.signature(method).parameters}
    for option, (what, name) in known.items():
        if what == "argument":
            assert name in arguments, option
        if what == "setting":
            assert name in cr.settings(), option
        assert "--" not in name


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("fit it with --bootstraps 100, or with --estimator gp", 'fit it with bootstraps=100, or with estimator="gp"'),
        ("--archetypes, --encoder are settings", "archetypes, encoder are settings"),
        ("--encoder is a setting of the estimator neural", "encoder is a setting of the estimator neural"),
        ("which --encoder linear has none of", 'which settings={"encoder": "linear"} has none of'),
        ("--groups g keeps rows of one g together", 'groups="g" keeps rows of one g together'),
        ("`--decimal ,` reads 3,5 as 3.5", '`reading={"decimal": ","}` reads 3,5 as 3.5'),
        ("`--decimal , --thousands .` reads", '`reading={"decimal": ",", "thousands": "."}` reads'),
        ('`--thousands " "` reads such numbers', '`reading={"thousands": " "}` reads such numbers'),
        ("--decimal and --thousands are both ','", '"decimal" of reading and "thousands" of reading are both \',\''),
        ("add --delimiter '\\t'", 'add reading={"delimiter": "\\t"}'),
        ("add --skip with their number", 'add "skip" of reading with their number'),
        ("or name it with --missing", 'or name it with reading={"missing": [...]} of the fit'),
        ("--drop-missing leaves 2 of 9 rows out", "drop_missing=True leaves 2 of 9 rows out"),
        ("--unknown-levels population predicts", 'unknown_levels="population" predicts'),
        ("for --unknown-levels", "for unknown_levels"),
        ("it was fitted with --no-tests", "it was fitted with tests=False"),
        ("--folds 1 leaves nothing out; --bootstraps 3.", "folds=1 leaves nothing out; bootstraps=3."),
        ("a column a--b, and -- alone", "a column a--b, and -- alone"),
    ],
)
def test_messages(message, expected):
    assert _core.in_python(message) == expected


def test_errors_name_arguments(doses):
    age, dose, response = doses
    for arguments, message in [
        ({"bootstraps": 3}, "bootstraps=3: intervals"),
        ({"folds": 1}, "folds=1 leaves nothing out"),
        ({"estimator": "gp", "settings": {"width": 3, "layers": 2}}, 'width, layers are settings .* estimator="neural"'),
        ({"settings": {"encoder": "linear", "width": 3}}, 'which settings={"encoder": "linear"} has none'),
    ]:
        with pytest.raises(ValueError, match=message):
            cr.ContextualizedRegressor(**arguments).fit(dose, response, contexts=age)

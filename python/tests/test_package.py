"""The package: what an import costs, types, documentation."""

import ast
import doctest
import importlib
import inspect
import pkgutil
import subprocess
import sys
from importlib.resources import files

import contextualized_rs as cr
import pytest
from contextualized_rs import _core
from pages import PAGES
from pages import run as run_page


def run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_import_needs_numpy_alone():
    code = "import sys, contextualized_rs; print([m for m in {} if m in sys.modules])"
    others = ["sklearn", "pandas", "polars", "pyarrow", "matplotlib", "scipy", "networkx", "joblib"]
    assert run(code.format(others)).strip() == "[]"


def test_import_is_quick():
    code = (
        "import numpy, importlib.metadata, json, html, inspect, warnings, dataclasses, time; s = time.perf_counter();"
        "import contextualized_rs; print(time.perf_counter() - s)"
    )
    assert min(float(run(code)) for _ in range(5)) < 0.05


def test_not_fitted_without_scikit_learn():
    code = (
        "import sys, contextualized_rs as cr\n"
        "try: cr.ContextualizedRegressor().predict([[1.0]])\n"
        "except cr.NotFittedError as e: print(type(e).__name__, 'sklearn' in sys.modules)"
    )
    assert run(code).split() == ["NotFittedError", "False"]


def test_stubs_are_of_the_module():
    stub = ast.parse((files("contextualized_rs") / "_core.pyi").read_text())
    known = {node.name: node for node in stub.body if isinstance(node, (ast.ClassDef, ast.FunctionDef))}
    assert set(known) == {name for name in dir(_core) if not name.startswith("_")}
    for name, node in known.items():
        pairs = [(node, getattr(_core, name))]
        if isinstance(node, ast.ClassDef):
            methods = {own.name: own for own in node.body if isinstance(own, ast.FunctionDef)}
            constructor = methods.pop("__init__", None)
            assert set(methods) == {own for own in dir(getattr(_core, name)) if not own.startswith("_")}
            pairs = [(own, getattr(getattr(_core, name), method)) for method, own in methods.items()]
            pairs += [(constructor, getattr(_core, name))] if constructor else []
        for own, function in pairs:
            names = [argument.arg for argument in own.args.args if argument.arg != "self"]
            signature = [p for p in inspect.signature(function).parameters if p != "self"]
            assert names == signature, own.name


def test_package_is_typed():
    assert (files("contextualized_rs") / "py.typed").is_file()


def modules():
    """All modules of the package but the compiled one."""
    found = pkgutil.walk_packages(cr.__path__, "contextualized_rs.")
    return [cr, *(importlib.import_module(own.name) for own in found if own.name != "contextualized_rs._core")]


def test_doctests():
    results = [doctest.testmod(module) for module in modules()]
    assert sum(result.attempted for result in results) > 30
    assert all(result.failed == 0 for result in results)


def test_everything_public_is_documented():
    for name in cr.__all__:
        public = getattr(cr, name)
        assert inspect.getdoc(public), name
        for method, function in vars(public).items() if inspect.isclass(public) else ():
            if not method.startswith("_") and callable(function):
                assert inspect.getdoc(function), f"{name}.{method}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pages_of_the_book_run(page):
    """Each page is one program, and prints what it says."""
    _, faults = run_page(page)
    assert faults == []

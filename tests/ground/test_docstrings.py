"""Every example in a docstring runs, and every public name has an example."""

import doctest
import importlib
import inspect
import pkgutil

import numpy as np
import pytest

import softgrad as sg

MODULES = ["softgrad", *(module.name for module in pkgutil.walk_packages(sg.__path__, "softgrad."))]
NEEDS = {"softgrad.explanation.explore": "marimo"}  # modules that can only be imported with an optional package
NEEDS |= {module: "torch" for module in MODULES if f"{module}.".startswith("softgrad.torch.")}
PUBLIC = {name: getattr(sg, name) for name in sg.__all__ if not inspect.ismodule(getattr(sg, name))}
ERRORS = {name for name, value in PUBLIC.items() if inspect.isclass(value) and issubclass(value, Exception)}
FUNCTIONS = [name for name, value in PUBLIC.items() if inspect.isfunction(value)]


@pytest.fixture(autouse=True)
def isolated(tmp_path, monkeypatch):
    """Runs examples in a temporary folder and restores the number of threads: they may write files and set it."""
    monkeypatch.chdir(tmp_path)
    threads = sg.get_num_threads()
    yield
    sg.set_num_threads(threads)


def examples(value, name):
    names = {"sg": sg, "np": np}
    if NEEDS.get(name) == "torch":
        names |= {"torch": importlib.import_module("torch"), "st": sg.torch}
    return [test for test in doctest.DocTestFinder().find(value, name, globs=names) if test.examples]


@pytest.mark.parametrize("module", MODULES)
def test_examples_run(module):
    if module in NEEDS:
        pytest.importorskip(NEEDS[module])
    failures = []
    for test in examples(importlib.import_module(module), module):
        doctest.DocTestRunner(verbose=False).run(test, out=failures.append)
    assert not failures, "".join(failures)


@pytest.mark.parametrize("name", sorted(PUBLIC.keys() - ERRORS))
def test_every_public_name_has_an_example(name):
    assert examples(PUBLIC[name], name)
    assert "\nExample:\n" in inspect.getdoc(PUBLIC[name])  # without the indentation, as Python 3.13 stores it


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_public_function_documents_its_arguments_result_and_errors(name):
    function, doc = PUBLIC[name], inspect.getdoc(PUBLIC[name])
    signature = inspect.signature(function)
    takes, returns = signature.parameters, signature.return_annotation != "None"
    for section, wanted in {"Args": takes, "Returns": takes and returns, "Raises": takes}.items():
        assert not wanted or f"\n{section}:\n" in doc
    for parameter in takes.values():
        star = "*" if parameter.kind is parameter.VAR_POSITIONAL else ""
        assert f"\n    {star}{parameter.name}: " in doc

"""The modules that `import softgrad` loads, and what it costs."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import softgrad

HEAVY = ["scipy", "sklearn", "torch", "jax", "rich", "matplotlib", "typer", "click", "safetensors", "pandas", "asyncio"]
LAZY = ["softgrad.explanation"]
COST = """
from time import process_time
start = process_time()
import numpy
middle = process_time()
import softgrad
print(middle - start, process_time() - middle)
"""


def run(code, **options):
    command = [sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=True, **options).stdout


@pytest.mark.parametrize(
    "module", ["softgrad", "softgrad.losses.linear", "softgrad.nn", "softgrad.check", "softgrad.data"]
)
def test_importing_loads_no_heavy_module(module):
    loaded = run(f"import sys, {module}; print(*sys.modules)").split()
    assert [name for name in HEAVY + LAZY if name in loaded] == []


def test_costs_at_most_half_of_what_importing_numpy_costs():
    """The least processor time of some runs counts. The first may write the bytecode, as pip does when it installs."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    runs = [run(COST, env=environment).split() for _ in range(5)]
    numpy, own = (min(map(float, seconds)) for seconds in zip(*runs, strict=True))
    assert own < numpy / 2


def test_public_names_exist_and_are_sorted():
    names = run("import softgrad; print(*softgrad.__all__)").split()
    assert names == sorted(names)
    assert run("from softgrad import *; print(*sorted(set(dir()) & set(%r)))" % names).split() == names  # noqa: UP031


def test_the_client_that_mypy_checks_uses_every_public_name():
    client = (Path(__file__).parent / "typed_client.py").read_text()
    names = {name.removeprefix("check.") for name in re.findall(r"^    sg\.([\w.]+),$", client, re.MULTILINE)}
    assert names == {*softgrad.__all__, *softgrad.check.__all__}


@pytest.mark.parametrize("module", ["softgrad", "softgrad.losses"])
def test_dir_lists_names_that_are_imported_lazily(module):
    assert run(f"import {module}; print(*sorted(set({module}.__all__) - set(dir({module}))))").split() == []
    assert run(f"import {module}; print({module}.linear_cross_entropy.__name__)").split() == ["linear_cross_entropy"]
    with pytest.raises(AttributeError, match=f"module '{module}' has no attribute 'no_such_name'"):
        sys.modules[module].no_such_name  # noqa: B018

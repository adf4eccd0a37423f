"""The modules that `import softgrad` loads, and the time that it takes."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import softgrad

HEAVY = ["scipy", "sklearn", "torch", "jax", "rich", "matplotlib", "typer", "click", "safetensors", "pandas", "asyncio"]
LAZY = ["softgrad.explanation"]
COST = """
import numpy, time
start = time.perf_counter()
import softgrad
print(time.perf_counter() - start)
"""


def run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize(
    "module", ["softgrad", "softgrad.losses.linear", "softgrad.nn", "softgrad.check", "softgrad.data"]
)
def test_importing_loads_no_heavy_module(module):
    loaded = run(f"import sys, {module}; print(*sys.modules)").split()
    assert [name for name in HEAVY + LAZY if name in loaded] == []


@pytest.mark.timing
def test_costs_at_most_30_ms_beside_numpy():
    """The minimum of up to 20 runs counts: other processes can make a run slower, but not faster."""
    seconds = float("inf")
    for _ in range(20):
        seconds = min(seconds, float(run(COST)))
        if seconds <= 0.03:
            break
    assert seconds <= 0.03


def test_public_names_exist_and_are_sorted():
    names = run("import softgrad; print(*softgrad.__all__)").split()
    assert names == sorted(names)
    assert run("from softgrad import *; print(*sorted(set(dir()) & set(%r)))" % names).split() == names  # noqa: UP031


@pytest.mark.parametrize("module", ["softgrad", "softgrad.losses"])
def test_dir_lists_names_that_are_imported_lazily(module):
    assert run(f"import {module}; print(*sorted(set({module}.__all__) - set(dir({module}))))").split() == []
    assert run(f"import {module}; print({module}.linear_cross_entropy.__name__)").split() == ["linear_cross_entropy"]
    with pytest.raises(AttributeError, match=f"module '{module}' has no attribute 'no_such_name'"):
        sys.modules[module].no_such_name  # noqa: B018


def test_type_checkers_see_no_module_getattr():
    """With a `__getattr__` at the top level of a module, every name exists for them, such as sg.sofmax.

    They skip what is behind `if not TYPE_CHECKING`, where the name is written so: not behind an alias of it.
    """
    seen = []
    for file in Path(softgrad.__file__).parent.rglob("*.py"):
        for node in ast.parse(file.read_text()).body:
            seen_by_checkers = [node]
            if isinstance(node, ast.If):
                test = ast.unparse(node.test).removeprefix("_typing.")
                seen_by_checkers = {"TYPE_CHECKING": node.body, "not TYPE_CHECKING": node.orelse}.get(
                    test, [*node.body, *node.orelse]
                )
            seen += [file for n in seen_by_checkers if isinstance(n, ast.FunctionDef) and n.name == "__getattr__"]
    assert seen == []

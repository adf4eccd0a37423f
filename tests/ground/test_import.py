"""What importing softgrad loads, and what it costs."""

import subprocess
import sys

import pytest

import softgrad  # noqa: F401  looked up in sys.modules

HEAVY = ["scipy", "sklearn", "torch", "jax", "rich", "matplotlib", "typer", "click", "safetensors", "pandas", "asyncio"]
LATE = ["softgrad.explanation"]
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
def test_loads_nothing_heavy(module):
    loaded = run(f"import sys, {module}; print(*sys.modules)").split()
    assert [name for name in HEAVY + LATE if name in loaded] == []


@pytest.mark.timing
def test_costs_at_most_30_ms_beside_numpy():
    """The least of up to 20 runs: a busy machine adds to a run, and never takes away."""
    least = float("inf")
    for _ in range(20):
        least = min(least, float(run(COST)))
        if least <= 0.03:
            break
    assert least <= 0.03


def test_public_names_are_there_and_sorted():
    names = run("import softgrad; print(*softgrad.__all__)").split()
    assert names == sorted(names)
    assert run("from softgrad import *; print(*sorted(set(dir()) & set(%r)))" % names).split() == names  # noqa: UP031


@pytest.mark.parametrize("module", ["softgrad", "softgrad.losses"])
def test_names_imported_later_are_listed_too(module):
    assert run(f"import {module}; print(*sorted(set({module}.__all__) - set(dir({module}))))").split() == []
    assert run(f"import {module}; print({module}.linear_cross_entropy.__name__)").split() == ["linear_cross_entropy"]
    with pytest.raises(AttributeError, match=f"module '{module}' has no attribute 'no_such_name'"):
        sys.modules[module].no_such_name  # noqa: B018

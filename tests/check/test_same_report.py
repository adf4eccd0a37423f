"""The same seed gives the same report, byte for byte: in another process, on a busy machine, with other hash values."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from softgrad import check

CHECKS = Path(__file__).with_name("several_checks.py")


def reports(hash_seed):
    """The text and the JSON of several checks, made in a process of their own."""
    environment = {**os.environ, "PYTHONHASHSEED": str(hash_seed), "COLUMNS": "80"}
    run = subprocess.run([sys.executable, CHECKS], capture_output=True, text=True, check=True, env=environment)
    return json.loads(run.stdout)


@pytest.fixture
def busy():
    """Two processes that take all the time there is."""
    loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2)]
    yield
    for loop in loops:
        loop.kill()
        loop.wait()


@pytest.fixture(scope="module")
def idle():
    return reports(hash_seed=1)


def test_several_kinds_of_checks_are_compared(idle):
    said = {name: one["dict"] for name, one in idle.items()}
    assert said["softmax, right"]["ok"] is True
    assert said["softmax, wrong"]["mistakes"]
    assert said["network"]["mistakes"]
    assert said["large network"]["method"].startswith("complex step, 8 random projections")
    assert said["unknown"]["facts"]
    assert not said["unknown"]["mistakes"]
    assert said["slow"]["method"] == "central differences, every entry"
    assert "stopped at max_calls = 100" in str(said["stopped"]["facts"])


def test_on_a_busy_machine(idle, busy):
    assert reports(hash_seed=2) == idle


def imported(file):
    """Every module that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            yield node.module


def test_nothing_looks_at_the_clock_but_the_line_that_shows_progress():
    files = Path(check.__file__).parent.rglob("*.py")
    clocks = {"time", "timeit", "datetime", "resource"}
    assert [file.name for file in files if clocks & set(imported(file))] == ["progress.py"]

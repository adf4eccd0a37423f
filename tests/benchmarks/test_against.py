"""The comparison of two builds: where the other build comes from, and the ratios."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from benchmarks.against import OTHER, entries, ratio
from benchmarks.record import Row

import softgrad as sg

ROOT = Path(__file__).parents[2]
PACKAGE = Path(sg.__file__).parent


def row(**seconds):
    return Row(rows=3, classes=4, bytes_moved=1, seconds=seconds, not_timed={})


def test_a_ratio_is_that_of_the_medians_with_the_quartiles_of_the_rounds():
    found = ratio(row(softgrad=[2.0, 3.0, 9.0], other=[1.0, 2.0, 3.0]), "softgrad", "other")
    assert found == (1.5, 1.75, 2.5)  # rounds: 2, 1.5 and 3
    assert str(found) == "1.50 (1.75-2.50)"


def test_a_single_round_has_a_ratio():
    assert ratio(row(softgrad=[2.0], other=[4.0]), "softgrad", "other") == (0.5, 0.5, 0.5)


def test_a_line_that_was_not_timed_has_no_ratio():
    assert ratio(row(softgrad=[2.0]), "softgrad", "other") is None


def test_a_folder_without_softgrad_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="there is no softgrad in"):
        entries(tmp_path)


def test_the_other_build_comes_from_the_folder(tmp_path):
    shutil.copytree(PACKAGE, tmp_path / "softgrad", ignore=shutil.ignore_patterns("__pycache__"))
    entry = entries(tmp_path)[-1]
    assert entry.name == OTHER
    program = (
        "from benchmarks.providers import Entry\n"
        f"Entry(*{tuple(entry)!r}).load('float32')\n"
        "import softgrad\nprint(softgrad.__file__)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert Path(done.stdout.strip()) == tmp_path / "softgrad" / "__init__.py"


def test_the_command_prints_both_ratios():
    command = [sys.executable, "-m", "benchmarks", "softmax", "--quick", "--rounds", "2", "--against"]
    done = subprocess.run([*command, PACKAGE.parent], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "to the other: median" in done.stdout
    assert "to itself: median" in done.stdout

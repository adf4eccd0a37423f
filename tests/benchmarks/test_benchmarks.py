"""The runner: what it times, what it refuses to time, and the arithmetic of its tables."""

import itertools
from dataclasses import replace
from io import StringIO

import numpy as np
import pytest
from benchmarks.providers import COPY, PROVIDERS, SOFTGRAD, SOFTGRAD_OUT, Entry
from benchmarks.questions import QUESTIONS, Size
from benchmarks.record import Record, Row, load
from benchmarks.runner import run

from benchmarks import plots, tables

TINY = (Size(5, 3), Size(2, 1000))
ABSENT = Entry("nobody", "nowhere:Nobody", ("no_such_package",), "python -m pip install nobody")
FAILING = {
    "AtImport": "ImportError: libmissing.so: cannot open shared object file",
    "AtTheThirdCall": "RuntimeError: out of luck",
    "ForGood": "its process ended",
}


def text_of(record):
    from rich.console import Console

    console = Console(file=StringIO(), width=200)
    console.print(tables.table(record), *tables.notes(record), sep="\n")
    return console.file.getvalue()


@pytest.fixture(scope="module")
def record():
    """softgrad and NumPy, each in its process, some that fail, and one that is not installed."""
    present = [entry for entry in PROVIDERS if entry.name in (SOFTGRAD, COPY, "NumPy")]
    failing = [Entry(name, f"tests.benchmarks.failing:{name}", ()) for name in FAILING]
    question = replace(QUESTIONS["cross-entropy"], sizes=TINY)
    return run(question, [*present, *failing, ABSENT], rounds=2, seconds=0.001)


def test_everybody_present_is_timed_in_every_round(record):
    for row in record.rows:
        assert {SOFTGRAD, COPY, "NumPy"} <= set(row.seconds) <= {SOFTGRAD, SOFTGRAD_OUT, COPY, "NumPy"}
        assert all(len(times) == 2 and min(times) > 0 for times in row.seconds.values())


def test_an_absent_peer_is_named_with_its_install_line(record):
    assert record.absent == {"nobody": "python -m pip install nobody"}
    assert "nobody is absent: python -m pip install nobody" in text_of(record)


def test_whoever_fails_is_named_with_the_reason_and_the_others_go_on(record):
    for row in record.rows:
        assert row.refused == FAILING
        assert not FAILING.keys() & row.seconds.keys()
    assert "AtTheThirdCall was not timed: RuntimeError: out of luck" in text_of(record)


def test_what_is_saved_is_loaded_again(record, tmp_path):
    record.save(tmp_path)
    loaded = load("cross-entropy", tmp_path)
    assert loaded.machine == record.machine
    assert loaded.versions["numpy"] == np.__version__
    for row, again in zip(record.rows, loaded.rows, strict=True):
        assert again.median(SOFTGRAD) == pytest.approx(row.median(SOFTGRAD), rel=1e-3)


@pytest.mark.parametrize("heights", [[], [0.5], [0.5, 0.5, 0.5], [0.0, 1.0], [0.9, 0.1, 0.12, 0.93]])
def test_names_at_the_ends_of_lines_do_not_overlap(heights):
    moved = plots.spread(heights, 0.1)
    assert all(b - a > 0.0999 for a, b in itertools.pairwise(sorted(moved)))
    assert np.argsort(moved, kind="stable").tolist() == np.argsort(heights, kind="stable").tolist()
    assert sum(moved) == pytest.approx(sum(heights))


def test_medians_and_ratios():
    row = Row(
        rows=10,
        classes=4,
        bytes_moved=3_000_000_000,
        seconds={SOFTGRAD: [1.0, 9.0, 2.0], SOFTGRAD_OUT: [1.5], "torch": [8.0, 12.0, 10.0], COPY: [0.75]},
        refused={"jax.jit": "no"},
    )
    assert row.median(SOFTGRAD) == 2
    assert row.times_as_long("torch") == 5
    assert row.share_of_copy() == 0.5  # that of out=, which is there
    assert row.gigabytes_a_second() == 2
    assert row.times_as_long("jax.jit") is None
    record = Record("q", "title", "2026-01-01", {}, {}, {}, [row])
    assert "not timed" in text_of(record)
    assert "jax.jit was not timed: no" in text_of(record)

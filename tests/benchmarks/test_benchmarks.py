"""The runner: which lines it times, which it does not, and the numbers in its tables."""

import itertools
from dataclasses import replace
from io import StringIO

import numpy as np
import pytest
from benchmarks.providers import COPY, PROVIDERS, SOFTGRAD, SOFTGRAD_OUT, SOFTGRAD_ROWS, Entry
from benchmarks.questions import QUESTIONS, Size
from benchmarks.record import Record, Row, load
from benchmarks.runner import run

from benchmarks import plots, tables

TINY = (Size(5, 3), Size(2, 1000))
ABSENT = Entry("nobody", "nowhere:Nobody", ("no_such_package",), "python -m pip install nobody")
FAILING = {  # provider: the reason why it is not timed
    "FailsAtImport": "ImportError: libmissing.so: cannot open shared object file",
    "FailsAtTheThirdCall": "RuntimeError: out of luck",
    "EndsItsProcess": "its process ended",
}


def text_of(record):
    from rich.console import Console

    console = Console(file=StringIO(), width=200)
    console.print(tables.table(record), *tables.notes(record), sep="\n")
    return console.file.getvalue()


@pytest.fixture(scope="module")
def record():
    """A record with softgrad and NumPy, some providers that fail, and one that is not installed."""
    present = [entry for entry in PROVIDERS if entry.name in (SOFTGRAD, COPY, "NumPy")]
    failing = [Entry(name, f"tests.benchmarks.failing:{name}", ()) for name in FAILING]
    question = replace(QUESTIONS["cross-entropy"], sizes=TINY)
    return run(question, [*present, *failing, ABSENT], rounds=2, sample_seconds=0.001)


def test_every_installed_provider_is_timed_in_every_round(record):
    for row in record.rows:
        assert {SOFTGRAD, COPY, "NumPy"} <= set(row.seconds) <= {SOFTGRAD, SOFTGRAD_OUT, COPY, "NumPy"}
        assert all(len(times) == 2 and min(times) > 0 for times in row.seconds.values())


def test_a_peer_that_is_not_installed_is_listed_with_its_install_command(record):
    assert record.absent == {"nobody": "python -m pip install nobody"}
    assert "nobody is not installed: python -m pip install nobody" in text_of(record)


def test_a_failing_provider_is_listed_with_the_reason_and_the_others_are_timed(record):
    for row in record.rows:
        assert row.not_timed == FAILING
        assert not FAILING.keys() & row.seconds.keys()
    assert "FailsAtTheThirdCall was not timed: RuntimeError: out of luck" in text_of(record)


def test_a_saved_record_can_be_loaded(record, tmp_path):
    record.save(tmp_path)
    loaded = load("cross-entropy", tmp_path)
    assert loaded.machine == record.machine
    assert loaded.versions["numpy"] == np.__version__
    for row, loaded_row in zip(record.rows, loaded.rows, strict=True):
        assert loaded_row.median(SOFTGRAD) == pytest.approx(row.median(SOFTGRAD), rel=1e-3)


def test_every_line_of_a_record_can_be_plotted():
    assert set(plots.STYLES) == {entry.name for entry in PROVIDERS} | {SOFTGRAD_OUT, SOFTGRAD_ROWS}


@pytest.mark.parametrize("heights", [[], [0.5], [0.5, 0.5, 0.5], [0.0, 1.0], [0.9, 0.1, 0.12, 0.93]])
def test_the_names_in_a_plot_do_not_overlap(heights):
    moved = plots.spread(heights, 0.1)
    assert all(b - a > 0.0999 for a, b in itertools.pairwise(sorted(moved)))
    assert np.argsort(moved, kind="stable").tolist() == np.argsort(heights, kind="stable").tolist()
    assert sum(moved) == pytest.approx(sum(heights))


def test_medians_and_ratios_are_computed_from_the_seconds():
    row = Row(
        rows=10,
        classes=4,
        bytes_moved=3_000_000_000,
        seconds={SOFTGRAD: [1.0, 9.0, 2.0], SOFTGRAD_OUT: [1.5], "torch": [8.0, 12.0, 10.0], COPY: [0.75]},
        not_timed={"jax.jit": "no"},
    )
    assert row.median(SOFTGRAD) == 2
    assert row.time_ratio("torch") == 5
    assert row.copy_ratio() == 0.5  # relative to the call with out=, because it was timed
    assert row.gigabytes_per_second() == 2
    assert row.time_ratio("jax.jit") is None
    record = Record("q", "title", "2026-01-01", {}, {}, {}, [row])
    assert "not timed" in text_of(record)
    assert "jax.jit was not timed: no" in text_of(record)

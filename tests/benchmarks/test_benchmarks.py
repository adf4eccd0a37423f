"""The runner: what it times, what it refuses to time, and the arithmetic of its tables."""

from dataclasses import replace
from io import StringIO

import numpy as np
import pytest
from benchmarks.providers import COPY, PROVIDERS, SOFTGRAD, SOFTGRAD_OUT, Entry
from benchmarks.providers.numpy_by_hand import NumPyByHand
from benchmarks.questions import QUESTIONS, Size
from benchmarks.record import Record, Row, load
from benchmarks.runner import run
from benchmarks.worker import Bench

from benchmarks import plots, tables

TINY = (Size(5, 3), Size(2, 1000))
ABSENT = Entry("nobody", "nowhere:Nobody", ("no_such_package",), "python -m pip install nobody")


def tiny(name):
    return replace(QUESTIONS[name], sizes=TINY)


def text_of(record):
    from rich.console import Console

    console = Console(file=StringIO(), width=200)
    console.print(tables.table(record), *tables.notes(record), sep="\n")
    return console.file.getvalue()


@pytest.fixture(scope="module")
def record():
    """softgrad and NumPy, each in its process, and one that is not installed."""
    present = [entry for entry in PROVIDERS if entry.name in (SOFTGRAD, COPY, "NumPy")]
    return run(tiny("cross-entropy"), [*present, ABSENT], rounds=2, seconds=0.001)


def test_everybody_present_is_timed_in_every_round(record):
    for row in record.rows:
        assert row.refused == {}
        assert {SOFTGRAD, COPY, "NumPy"} <= set(row.seconds) <= {SOFTGRAD, SOFTGRAD_OUT, COPY, "NumPy"}
        assert all(len(times) == 2 and min(times) > 0 for times in row.seconds.values())


def test_an_absent_peer_is_named_with_its_install_line(record):
    assert record.absent == {"nobody": "python -m pip install nobody"}
    assert "nobody is absent: python -m pip install nobody" in text_of(record)


def test_what_is_saved_is_loaded_again(record, tmp_path):
    record.save(tmp_path)
    loaded = load("cross-entropy", tmp_path)
    assert loaded.machine == record.machine
    assert loaded.versions["numpy"] == np.__version__
    for row, again in zip(record.rows, loaded.rows, strict=True):
        assert again.median(SOFTGRAD) == pytest.approx(row.median(SOFTGRAD), rel=1e-3)


def test_a_saved_record_is_drawn(record, tmp_path):
    assert plots.draw(record, tmp_path).read_bytes().startswith(b"\x89PNG")


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


SLIPS = {
    "zeros": lambda loss, grad: (loss, 0 * grad),
    "sign": lambda loss, grad: (loss, -grad),
    "one entry": lambda loss, grad: (loss, grad + np.eye(*grad.shape, dtype=grad.dtype) / 4),
    "sum, not mean": lambda loss, grad: (loss, len(grad) * grad),
    "missing gradient": lambda loss, grad: (loss, grad[:1]),
    "loss": lambda loss, grad: (1.1 * loss, grad),
    "nan": lambda loss, grad: (np.nan, grad),
}


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
@pytest.mark.parametrize("slip", SLIPS)
def test_a_wrong_result_is_refused(slip, dtype):
    class Wrong(NumPyByHand):
        def cross_entropy(self, logits, target):
            right = super().cross_entropy(logits, target)
            return lambda: SLIPS[slip](*right())

    bench = Bench(Wrong("wrong", dtype), replace(tiny("cross-entropy"), dtype=dtype))
    for size in TINY:
        assert bench.prepare(size)["wrong"] is not None
        assert bench.calls == {}


@pytest.mark.parametrize("name", ["cross-entropy", "softmax", "log-softmax", "softmax-vjp"])
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16"])
def test_a_right_result_is_not(name, dtype):
    bench = Bench(NumPyByHand("NumPy", dtype), replace(tiny(name), dtype=dtype))
    for size in TINY:
        assert bench.prepare(size) == {"NumPy": None}

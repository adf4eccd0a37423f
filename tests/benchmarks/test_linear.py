"""The benchmark of linear_cross_entropy: only right results are timed, and a table says what falls short."""

import numpy as np
import pytest
from benchmarks.linear import QUESTIONS, page
from benchmarks.linear.ask import CHUNKED, EAGER, ENTRIES, FILTERED, PRODUCTS, SOFTGRAD, ask, peak
from benchmarks.providers.linear_calls import Softgrad, SoftgradFiltered
from benchmarks.questions import Size
from benchmarks.record import Record, Row

from benchmarks import tables

SMALL = Size(40, 60, 6)
SLIPS = {
    "loss": lambda loss, dx, dw: (1.01 * loss, dx, dw),
    "sign of dx": lambda loss, dx, dw: (loss, -dx, dw),
    "sum, not mean": lambda loss, dx, dw: (loss, 40 * dx, 40 * dw),
    "classes shifted": lambda loss, dx, dw: (loss, dx, np.roll(dw, 1, axis=0)),
    "half of dw": lambda loss, dx, dw: (loss, dx, dw * (np.arange(60) < 30)[:, None]),
}


def problem(name="linear-32000"):
    operation = QUESTIONS[name].operation
    arrays = operation.inputs(SMALL, "float32")
    return arrays, operation.truth(arrays, np.arange(40))


@pytest.mark.parametrize("provider", [Softgrad, SoftgradFiltered])
@pytest.mark.parametrize("question", ["linear-32000", "linear-trained"])
def test_a_right_result_is_timed(question, provider):
    arrays, truths = problem(question)
    it = provider("it", "float32")
    assert it.fault(truths, it.linear_cross_entropy(*arrays)(), "float32") is None


@pytest.mark.parametrize("provider", [Softgrad, SoftgradFiltered])
@pytest.mark.parametrize("slip", SLIPS)
def test_a_planted_slip_is_refused(slip, provider):
    arrays, truths = problem()
    it = provider("it", "float32")
    assert it.fault(truths, SLIPS[slip](*it.linear_cross_entropy(*arrays)()), "float32")


def test_one_question_is_asked_in_full():
    record = ask(QUESTIONS["linear-trained"], quick=True, rounds=2, say=lambda text: None)
    (row,) = record.rows
    assert set(row.seconds) == set(row.megabytes) == {SOFTGRAD, FILTERED, PRODUCTS}
    assert row.found[f"{FILTERED}: dx"] < 1e-3
    assert "filter_eps: time against exact" in tables.text(page.measures({"linear-trained": record}))


def test_memory_is_that_of_the_call_alone(tmp_path):
    room = np.ones(2**27, np.uint8)  # of this process, which the measured one does not inherit
    files = []
    for index, array in enumerate(problem()[0]):
        files.append(tmp_path / f"{index}.npy")
        np.save(files[-1], array)
    assert -1 < peak(ENTRIES[SOFTGRAD], QUESTIONS["linear-32000"], tuple(files)) < 32
    assert room.all()


def test_the_table_tells_what_is_reached_from_what_falls_short():
    seconds = {SOFTGRAD: [1.0, 1.2, 9.0], PRODUCTS: [1.0], EAGER: [2.0], CHUNKED: [1.0]}
    row = Row(40, 60, 0, seconds, {}, 6, {SOFTGRAD: 80.0}, {f"{SOFTGRAD}: dx": 1e-7, f"{SOFTGRAD}: dw": 1e-7})
    record = Record("linear-32000", "linear_cross_entropy, float32: drawn", "", {}, {}, {}, [row])
    lines = tables.text(page.measures({"linear-32000": record})).splitlines()
    verdicts = {line.split("│")[1].strip(): line.split("│")[-2].strip() for line in lines if "40 x 6 x 60" in line}
    assert verdicts == {
        "time against the three products alone": "FALLS SHORT",
        "time against torch, all logits": "reached",
        "time against torch, chunks of 512": "FALLS SHORT",
        "peak memory beyond inputs, gradients, MiB": "FALLS SHORT",
    }

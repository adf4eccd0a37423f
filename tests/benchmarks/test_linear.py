"""The benchmark of linear_cross_entropy: only calls with right results are timed, and a table shows the verdicts."""

import numpy as np
import pytest
from benchmarks.linear import QUESTIONS, page
from benchmarks.linear.measure import (
    BFLOAT16,
    CHUNKED,
    EAGER,
    EAGER_BFLOAT16,
    ENTRIES,
    FILTERED,
    FOUR_PRODUCTS,
    PRODUCTS,
    SOFTGRAD,
    TENSORS,
    TOKENS,
    measure,
    peak_memory,
)
from benchmarks.providers.linear_calls import Softgrad, SoftgradFiltered
from benchmarks.questions import Size
from benchmarks.record import Record, Row

from benchmarks import tables
from conftest import load

SMALL = Size(40, 60, 6)
SLIPS = {  # name: the change of the results
    "loss off by 1 %": lambda loss, dx, dw: (1.01 * loss, dx, dw),
    "sign of dx": lambda loss, dx, dw: (loss, -dx, dw),
    "sum instead of mean": lambda loss, dx, dw: (loss, 40 * dx, 40 * dw),
    "classes shifted": lambda loss, dx, dw: (loss, dx, np.roll(dw, 1, axis=0)),
    "half of dw is 0": lambda loss, dx, dw: (loss, dx, dw * (np.arange(60) < 30)[:, None]),
}


def problem(name="linear-32000"):
    operation = QUESTIONS[name].operation
    arrays = operation.inputs(SMALL, "float32")
    return arrays, operation.truth(arrays, np.arange(40))


@pytest.mark.parametrize("provider", [Softgrad, SoftgradFiltered])
@pytest.mark.parametrize("question", ["linear-32000", "linear-trained"])
def test_a_right_result_has_no_fault(question, provider):
    arrays, truths = problem(question)
    library = provider("library", "float32")
    assert library.fault(truths, library.linear_cross_entropy(*arrays)(), "float32") is None


@pytest.mark.parametrize("provider", [Softgrad, SoftgradFiltered])
@pytest.mark.parametrize("slip", SLIPS)
def test_a_planted_slip_is_a_fault(slip, provider):
    arrays, truths = problem()
    library = provider("library", "float32")
    assert library.fault(truths, SLIPS[slip](*library.linear_cross_entropy(*arrays)()), "float32")


TOKEN_SLIPS = {  # name: the change of the results
    "sign of log_probs": lambda log_probs, entropy, dx, dw: (-log_probs, entropy, dx, dw),
    "entropy in bits": lambda log_probs, entropy, dx, dw: (log_probs, entropy / np.log(2), dx, dw),
    "sign of dx": lambda log_probs, entropy, dx, dw: (log_probs, entropy, -dx, dw),
    "classes shifted": lambda log_probs, entropy, dx, dw: (log_probs, entropy, dx, dw.roll(1, 0)),
}


@pytest.mark.parametrize("line", [TENSORS, BFLOAT16, TOKENS, FOUR_PRODUCTS])
def test_right_results_of_tensors_have_no_fault(line):
    load("torch")
    question = QUESTIONS[{TENSORS: "linear-32000", BFLOAT16: "linear-32000-bfloat16"}.get(line, "linear-tokens")]
    arrays = question.operation.inputs(SMALL, question.dtype)
    truths = question.operation.truth(arrays, np.arange(40))
    library = ENTRIES[line].load(question.dtype)
    results = library.method(question.operation)(*map(library.native, arrays))()
    assert library.fault(truths, results, question.dtype) is None
    if line == TOKENS:
        for slip in TOKEN_SLIPS.values():
            assert library.fault(truths, slip(*results), question.dtype)


@pytest.mark.thorough
def test_bfloat16_is_compared_with_bfloat16():
    load("torch")
    record = measure(QUESTIONS["linear-32000-bfloat16"], quick=True, rounds=2, report=lambda text: None)
    assert set(record.rows[0].seconds) == set(record.rows[0].megabytes) == {BFLOAT16, EAGER_BFLOAT16}
    assert "bfloat16: peak memory / that of torch" in tables.text(page.measures({"linear-32000-bfloat16": record}))


def test_time_memory_and_errors_of_a_question_are_measured():
    record = measure(QUESTIONS["linear-trained"], quick=True, rounds=2, report=lambda text: None)
    (row,) = record.rows
    assert set(row.seconds) == set(row.megabytes) == {SOFTGRAD, FILTERED, PRODUCTS}
    assert row.errors[f"{FILTERED}: dx"] < 1e-3
    assert "time with filter_eps / time without" in tables.text(page.measures({"linear-trained": record}))


def test_the_peak_memory_is_that_of_the_call_alone(tmp_path):
    large = np.ones(2**27, np.uint8)  # memory of this process, which the measured process must not inherit
    files = []
    for index, array in enumerate(problem()[0]):
        files.append(tmp_path / f"{index}.npy")
        np.save(files[-1], array)
    assert -1 < peak_memory(ENTRIES[SOFTGRAD], QUESTIONS["linear-32000"], tuple(files)) < 32
    assert large.all()


def test_the_table_has_a_verdict_for_every_measure():
    seconds = {SOFTGRAD: [1.0, 1.2, 9.0], PRODUCTS: [1.0], EAGER: [2.0], CHUNKED: [1.0]}
    row = Row(40, 60, 0, seconds, {}, 6, {SOFTGRAD: 80.0}, {f"{SOFTGRAD}: dx": 1e-7, f"{SOFTGRAD}: dw": 1e-7})
    record = Record("linear-32000", "linear_cross_entropy, float32: random", "", {}, {}, {}, [row])
    lines = tables.text(page.measures({"linear-32000": record})).splitlines()
    verdicts = {line.split("│")[1].strip(): line.split("│")[-2].strip() for line in lines if "40 x 6 x 60" in line}
    assert verdicts == {
        "time / time of the three products alone": "FALLS SHORT",
        "time / time of torch, all logits": "reached",
        "time / time of torch, chunks of 512": "FALLS SHORT",
        "peak memory without inputs and gradients, MiB": "FALLS SHORT",
    }

"""Only a call whose result is right is timed: planted slips, in small results and in large ones."""

from dataclasses import replace

import numpy as np
import pytest
from benchmarks.providers.numpy_by_hand import NumPyByHand
from benchmarks.questions import QUESTIONS, Size, base
from benchmarks.worker import Bench

from benchmarks import inputs

TINY = (Size(5, 3), Size(2, 1000))
SAMPLED = Size(60, 3)  # where 20 rows are compared
DTYPES = ("float32", "float64", "float16", "bfloat16")


def faults(provider, question, size, folder):
    bench = Bench(provider("it", question.dtype), question)
    found = bench.prepare(*inputs.write(question, size, folder))
    assert bench.calls.keys() == {name for name, fault in found.items() if fault is None}
    return found["it"]


def slipping(operation, slip):
    """NumPy by hand, and then a slip."""

    class Slipping(NumPyByHand):
        def calls(self, wanted, arrays):
            assert wanted.name == operation
            (call,) = super().calls(wanted, arrays).values()
            return {"it": lambda: slip(*call())}

    return Slipping


@pytest.fixture
def few_are_compared(monkeypatch):
    monkeypatch.setattr(base, "COMPARED", 60)
    assert len(base.compared_rows(SAMPLED)) < 25


def last_row_forgotten(grad):
    grad[-1] = 0
    return grad


def half_forgotten(grad):
    grad[len(grad) // 2 :] = 0
    return grad


def labels_off_by_one(grad):
    return np.roll(grad, 1, axis=1)


SLIPS = {
    "zeros": lambda loss, grad: (loss, 0 * grad),
    "sign": lambda loss, grad: (loss, -grad),
    "label off by one": lambda loss, grad: (loss, labels_off_by_one(grad)),
    "sum, not mean": lambda loss, grad: (loss, len(grad) * grad),
    "last row": lambda loss, grad: (loss, last_row_forgotten(grad)),
    "half of the rows": lambda loss, grad: (loss, half_forgotten(grad)),
    "missing rows": lambda loss, grad: (loss, grad[:1]),
    "loss": lambda loss, grad: (1.1 * loss, grad),
    "loss of one row": lambda loss, grad: (loss + 1e-2 * loss, grad),
    "nan": lambda loss, grad: (np.nan, grad),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("slip", SLIPS)
def test_a_wrong_loss_or_gradient_is_refused(slip, dtype, tmp_path):
    question = replace(QUESTIONS["cross-entropy"], dtype=dtype)
    for size in TINY:
        assert faults(slipping("cross_entropy", SLIPS[slip]), question, size, tmp_path) is not None


@pytest.mark.parametrize("slip", SLIPS)
def test_and_where_some_rows_are_compared(slip, tmp_path, few_are_compared):
    assert faults(slipping("cross_entropy", SLIPS[slip]), QUESTIONS["cross-entropy"], SAMPLED, tmp_path) is not None


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_a_label_is_told_from_another_in_16_bits(dtype, tmp_path):
    question = QUESTIONS[f"cross-entropy-{dtype}"]
    assert faults(slipping("cross_entropy", SLIPS["label off by one"]), question, TINY[0], tmp_path) is not None


@pytest.mark.parametrize("name", ["softmax", "log-softmax", "softmax-vjp", "log-softmax-vjp"])
@pytest.mark.parametrize("slip", [np.zeros_like, np.negative, half_forgotten, last_row_forgotten, labels_off_by_one])
def test_every_operation_refuses_slips(name, slip, tmp_path, few_are_compared):
    provider = slipping(name.replace("-", "_"), lambda result: (slip(result),))
    for size in (*TINY, SAMPLED):
        assert faults(provider, QUESTIONS[name], size, tmp_path) is not None


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_right_result_is_timed(name, tmp_path, few_are_compared):
    for size in (*TINY, SAMPLED):
        assert faults(NumPyByHand, QUESTIONS[name], size, tmp_path) is None


def test_a_fault_says_where(tmp_path, few_are_compared):
    provider = slipping("cross_entropy", SLIPS["last row"])
    assert "gradient[59, 0] is 0, wanted" in faults(provider, QUESTIONS["cross-entropy"], SAMPLED, tmp_path)


def test_the_rows_compared():
    assert base.compared_rows(Size(5, 3)).tolist() == [0, 1, 2, 3, 4]
    rows = base.compared_rows(Size(10**6, 10**3))
    assert rows[0] == 0
    assert rows[-1] == 10**6 - 1
    assert base.COMPARED // 1000 <= len(rows) <= base.COMPARED // 1000 + 2
    assert np.unique(rows).tolist() == rows.tolist()


@pytest.mark.parametrize("dtype", DTYPES)
def test_inputs_reach_a_process_as_they_were_drawn(dtype, tmp_path):
    question = replace(QUESTIONS["softmax-vjp"], dtype=dtype)
    files, _ = inputs.write(question, TINY[0], tmp_path)
    for drawn, read in zip(question.operation.inputs(TINY[0], dtype), inputs.read(files, dtype), strict=True):
        assert read.dtype == drawn.dtype == base.numpy_dtype(dtype)
        assert read.tobytes() == drawn.tobytes()
        assert read.flags.owndata or read.base.flags.owndata

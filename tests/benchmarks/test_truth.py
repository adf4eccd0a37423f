"""A call is timed only if its result is right. Planted slips are found in small and in large results."""

from dataclasses import replace

import numpy as np
import pytest
from benchmarks.providers.numpy_by_hand import NumPyByHand
from benchmarks.questions import QUESTIONS, Size, base
from benchmarks.worker import Bench

from benchmarks import inputs

TINY = (Size(5, 3), Size(2, 1000))
SAMPLED = Size(60, 3)  # with the fixture few_rows_compared, about 20 of its rows are compared
DTYPES = ("float32", "float64", "float16", "bfloat16")


def fault_of(provider, question, size, folder):
    bench = Bench(provider("library", question.dtype), question)
    faults = bench.prepare(*inputs.write(question, size, folder))
    assert bench.calls.keys() == {name for name, fault in faults.items() if fault is None}
    return faults["library"]


def with_slip(operation, slip):
    """A provider that applies a slip to the results of NumPyByHand."""

    class WithSlip(NumPyByHand):
        def calls(self, wanted, arrays):
            assert wanted.name == operation
            (call,) = super().calls(wanted, arrays).values()
            return {"library": lambda: slip(*call())}

    return WithSlip


@pytest.fixture
def few_rows_compared(monkeypatch):
    monkeypatch.setattr(base, "COMPARED", 60)
    assert len(base.compared_rows(SAMPLED)) < 25


def last_row_zero(grad):
    grad[-1] = 0
    return grad


def half_of_the_rows_zero(grad):
    grad[len(grad) // 2 :] = 0
    return grad


def labels_off_by_one(grad):
    return np.roll(grad, 1, axis=1)


SLIPS = {  # name: the change of the results
    "zeros": lambda loss, grad: (loss, 0 * grad),
    "sign": lambda loss, grad: (loss, -grad),
    "label off by one": lambda loss, grad: (loss, labels_off_by_one(grad)),
    "sum instead of mean": lambda loss, grad: (loss, len(grad) * grad),
    "last row is zero": lambda loss, grad: (loss, last_row_zero(grad)),
    "half of the rows are zero": lambda loss, grad: (loss, half_of_the_rows_zero(grad)),
    "missing rows": lambda loss, grad: (loss, grad[:1]),
    "loss off by 10 %": lambda loss, grad: (1.1 * loss, grad),
    "loss off by 1 %": lambda loss, grad: (loss + 1e-2 * loss, grad),
    "nan": lambda loss, grad: (np.nan, grad),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("slip", SLIPS)
def test_a_wrong_loss_or_gradient_is_a_fault(slip, dtype, tmp_path):
    question = replace(QUESTIONS["cross-entropy"], dtype=dtype)
    for size in TINY:
        assert fault_of(with_slip("cross_entropy", SLIPS[slip]), question, size, tmp_path) is not None


@pytest.mark.parametrize("slip", SLIPS)
def test_a_wrong_result_is_a_fault_if_only_some_rows_are_compared(slip, tmp_path, few_rows_compared):
    assert fault_of(with_slip("cross_entropy", SLIPS[slip]), QUESTIONS["cross-entropy"], SAMPLED, tmp_path) is not None


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_a_label_off_by_one_is_a_fault_in_16_bits(dtype, tmp_path):
    question = QUESTIONS[f"cross-entropy-{dtype}"]
    assert fault_of(with_slip("cross_entropy", SLIPS["label off by one"]), question, TINY[0], tmp_path) is not None


@pytest.mark.parametrize("name", ["softmax", "log-softmax", "softmax-vjp", "log-softmax-vjp"])
@pytest.mark.parametrize("slip", [np.zeros_like, np.negative, half_of_the_rows_zero, last_row_zero, labels_off_by_one])
def test_slips_in_every_operation_are_faults(name, slip, tmp_path, few_rows_compared):
    provider = with_slip(name.replace("-", "_"), lambda result: (slip(result),))
    for size in (*TINY, SAMPLED):
        assert fault_of(provider, QUESTIONS[name], size, tmp_path) is not None


OF_TOKENS = {
    "gradient's sign": lambda log_probs, entropy, grad: (log_probs, entropy, -grad),
    "gradient's last row": lambda log_probs, entropy, grad: (log_probs, entropy, last_row_zero(grad)),
    "entropy off by 1 %": lambda log_probs, entropy, grad: (log_probs, entropy * np.float32(1.01), grad),
    "outputs exchanged": lambda log_probs, entropy, grad: (entropy, log_probs, grad),
    "half of the gradient": lambda log_probs, entropy, grad: (log_probs, entropy, grad / 2),
}


@pytest.mark.parametrize("slip", OF_TOKENS)
def test_slips_in_log_probabilities_of_tokens_are_faults(slip, tmp_path, few_rows_compared):
    provider = with_slip("token_log_probs", OF_TOKENS[slip])
    for size in (*TINY, SAMPLED):
        assert fault_of(provider, QUESTIONS["token-log-probs"], size, tmp_path) is not None


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_right_result_has_no_fault(name, tmp_path, few_rows_compared):
    for size in (*TINY, SAMPLED):
        assert fault_of(NumPyByHand, QUESTIONS[name], size, tmp_path) is None


def test_a_fault_names_the_entry(tmp_path, few_rows_compared):
    provider = with_slip("cross_entropy", SLIPS["last row is zero"])
    assert "gradient[59, 0] is 0, wanted" in fault_of(provider, QUESTIONS["cross-entropy"], SAMPLED, tmp_path)


def test_the_first_the_last_and_other_rows_of_a_large_result_are_compared():
    assert base.compared_rows(Size(5, 3)).tolist() == [0, 1, 2, 3, 4]
    rows = base.compared_rows(Size(10**6, 10**3))
    assert rows[0] == 0
    assert rows[-1] == 10**6 - 1
    assert base.COMPARED // 1000 <= len(rows) <= base.COMPARED // 1000 + 2
    assert np.unique(rows).tolist() == rows.tolist()


@pytest.mark.parametrize("dtype", DTYPES)
def test_inputs_do_not_change_on_their_way_to_a_process(dtype, tmp_path):
    question = replace(QUESTIONS["softmax-vjp"], dtype=dtype)
    files, _ = inputs.write(question, TINY[0], tmp_path)
    for drawn, read in zip(question.operation.inputs(TINY[0], dtype), inputs.read(files, dtype), strict=True):
        assert read.dtype == drawn.dtype == base.numpy_dtype(dtype)
        assert read.tobytes() == drawn.tobytes()
        assert read.flags.owndata or read.base.flags.owndata

"""Threads change no bit of a result, and calls from many threads or after a fork come out right."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import softgrad as sg

N, K = 40, 24_000  # 96 * 1024 entries a thread, for 8 threads
rng = np.random.default_rng(0)
z = rng.normal(size=(N, K)).astype("float32")
v = rng.normal(size=(N, K)).astype("float32")
y = rng.integers(0, K, N)
t = sg.softmax(v)

CALLS = {
    "softmax": lambda: sg.softmax(z),
    "softmax_vjp": lambda: sg.softmax_vjp(t, v),
    "log_softmax": lambda: sg.log_softmax(z),
    "log_softmax_vjp": lambda: sg.log_softmax_vjp(np.log(t), v),
    "log_softmax_jvp": lambda: sg.log_softmax_jvp(np.log(t), v),
    "logsumexp": lambda: sg.logsumexp(z),
    "logsumexp_vjp": lambda: sg.logsumexp_vjp(z, v[:, 0]),
    "logsumexp_jvp": lambda: sg.logsumexp_jvp(z, v),
} | {
    f"{loss.__name__} of {kind}": lambda loss=loss, target=target: np.hstack(
        [part.reshape(N, -1) for part in loss(z, target, reduction="none")]
    )
    for loss in (sg.cross_entropy_with_grad, sg.kl_divergence_with_grad, sg.squared_error_with_grad)
    for kind, target in {"classes": y, "probabilities": t}.items()
}


@pytest.fixture(autouse=True)
def threads():
    before = sg.get_num_threads()
    yield
    sg.set_num_threads(before)


@pytest.mark.parametrize("call", CALLS)
def test_the_number_of_threads_changes_no_bit(call):
    sg.set_num_threads(1)
    alone = CALLS[call]()
    for n in (2, 3, 8):
        sg.set_num_threads(n)
        np.testing.assert_array_equal(CALLS[call](), alone)


def test_many_python_threads_at_once():
    sg.set_num_threads(3)
    rows = [np.roll(z, shift, axis=1) for shift in range(8)]
    wanted = [sg.cross_entropy_with_grad(row, y) for row in rows]
    with ThreadPoolExecutor(8) as pool:
        for _ in range(3):
            for (loss, grad), (loss_alone, grad_alone) in zip(
                pool.map(lambda row: sg.cross_entropy_with_grad(row, y), rows), wanted, strict=True
            ):
                assert loss == loss_alone
                np.testing.assert_array_equal(grad, grad_alone)


FORK = """
import os, numpy as np, softgrad as sg
sg.set_num_threads(3)
z = np.arange(40 * 24_000.0).reshape(40, -1) % 11
before = sg.softmax(z)  # with its threads started and gone
child = os.fork()
if child == 0:
    os._exit(0 if (sg.softmax(z) == before).all() else 1)
_, status = os.waitpid(child, 0)
assert os.waitstatus_to_exitcode(status) == 0
assert (sg.softmax(z) == before).all()
"""


def test_after_a_fork():
    subprocess.run([sys.executable, "-c", FORK], check=True, timeout=60)


@pytest.mark.parametrize(
    ("value", "threads"),
    [("3", "3"), ("4,2", "4"), (" 5 ", "5")]
    + [(invalid, "all") for invalid in ("", "0", "-2", "2.5", "many", ",2", "9" * 20)],
)
def test_the_environment_says_how_many(value, threads):
    code = "import os, softgrad; print(softgrad.get_num_threads(), len(os.sched_getaffinity(0)))"
    environment = os.environ | {"OMP_NUM_THREADS": value}
    result = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    got, processors = result.stdout.split()
    assert got == (processors if threads == "all" else threads)


def test_set_num_threads():
    sg.set_num_threads(7)
    assert sg.get_num_threads() == 7
    for n in (0, -1):
        with pytest.raises(sg.OptionError, match=f"^set_num_threads: n is {n}, wanted at least 1$"):
            sg.set_num_threads(n)
    assert sg.get_num_threads() == 7

"""Results are the same to the bit for any number of threads, in calls from many threads, and after a fork."""

import os
import re
import subprocess
import sys
import sysconfig
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import softgrad as sg
from cases import LOSSES


def calls(N, K, dtype="float32"):
    """Every function on N rows of K classes."""
    rng = np.random.default_rng(0)
    z, v = (rng.normal(size=(N, K)).astype(dtype) for _ in range(2))
    y = rng.integers(0, K, N)
    t = sg.softmax(v)
    return {
        "softmax": lambda: sg.softmax(z),
        "softmax_vjp": lambda: sg.softmax_vjp(t, v),
        "log_softmax": lambda: sg.log_softmax(z),
        "log_softmax_vjp": lambda: sg.log_softmax_vjp(np.log(t), v),
        "log_softmax_jvp": lambda: sg.log_softmax_jvp(np.log(t), v),
        "logsumexp": lambda: sg.logsumexp(z),
        "logsumexp_vjp": lambda: sg.logsumexp_vjp(z, v[:, 0]),
        "logsumexp_jvp": lambda: sg.logsumexp_jvp(z, v),
        "token_log_probs": lambda: np.stack(sg.token_log_probs(z, y)),
        "token_log_probs_vjp": lambda: sg.token_log_probs_vjp(z, y, v[:, 0], v[:, 1]),
    } | {
        f"{name} of {kind}": lambda loss=loss, target=target: np.hstack(
            [array.reshape(N, -1) for array in loss.with_grad(z, target, reduction="none")]
        )
        for name, loss in LOSSES.items()
        for kind, target in {"classes": y, "probabilities": t}.items()
    }


CALLS = calls(40, 24_000)  # enough for 8 threads
SHORT_ROWS = {dtype: calls(24_001, 10, dtype) for dtype in ("float32", "float16")}


@pytest.fixture(autouse=True)
def restore_num_threads():
    before = sg.get_num_threads()
    yield
    sg.set_num_threads(before)


@pytest.mark.parametrize("call", CALLS)
def test_the_number_of_threads_does_not_change_a_bit(call):
    sg.set_num_threads(1)
    with_one_thread = CALLS[call]()
    for n in (2, 3, 8):
        sg.set_num_threads(n)
        np.testing.assert_array_equal(CALLS[call](), with_one_thread)


@pytest.mark.parametrize("dtype", SHORT_ROWS)
def test_nor_does_it_of_short_rows(dtype):
    for name, call in SHORT_ROWS[dtype].items():
        sg.set_num_threads(1)
        with_one_thread = call()
        for n in (2, 8):
            sg.set_num_threads(n)
            np.testing.assert_array_equal(call(), with_one_thread, err_msg=name)


LOGITS = np.random.default_rng(0).normal(size=(40, 24_000)).astype("float32")
CLASSES = np.arange(40)
CONCURRENT_CALLS = {  # 16 calls each
    "all functions": [*CALLS.values(), *CALLS.values()][:16],
    "one function, different logits": [
        lambda shift=shift: sg.cross_entropy_with_grad(np.roll(LOGITS, shift, axis=1), CLASSES).grad
        for shift in range(16)
    ],
}


@pytest.mark.parametrize("calls", CONCURRENT_CALLS)
def test_16_concurrent_python_threads_get_the_same_results(calls):
    sg.set_num_threads(3)
    one_by_one = [call() for call in CONCURRENT_CALLS[calls]]
    barrier = threading.Barrier(16)

    def call_together(call):
        barrier.wait(timeout=60)
        return call()

    with ThreadPoolExecutor(16) as pool:
        for _ in range(3):
            for got, wanted in zip(pool.map(call_together, CONCURRENT_CALLS[calls]), one_by_one, strict=True):
                np.testing.assert_array_equal(got, wanted)


FORK = """
import os, signal, threading, numpy as np, softgrad as sg

sg.set_num_threads(3)
z = np.arange(40 * 24_000.0).reshape(40, -1) % 11
before = sg.softmax(z)  # its threads sleep

def fork_and_compute():
    child = os.fork()
    if child == 0:
        signal.alarm(30)  # ends the child if it hangs
        os._exit(0 if (sg.softmax(z) == before).all() else 1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
"""
AFTER_USE = """
fork_and_compute()
"""
DURING_USE = """
stop = threading.Event()

def compute():
    while not stop.is_set():
        sg.softmax(z)

threads = [threading.Thread(target=compute) for _ in range(4)]
for thread in threads:
    thread.start()
try:
    for _ in range(20):
        fork_and_compute()
finally:
    stop.set()
for thread in threads:
    thread.join()
"""


@pytest.mark.parametrize("use", [AFTER_USE, DURING_USE], ids=["after use", "during use"])
def test_parent_and_child_compute_correctly_after_a_fork(use):
    check_parent = "assert (sg.softmax(z) == before).all()"
    subprocess.run([sys.executable, "-c", FORK + use + check_parent], check=True, timeout=120)


THREADS = """
import os, signal, threading, time, numpy as np, softgrad as sg

def started():
    return len(os.listdir("/proc/self/task")) - at_first

at_first = len(os.listdir("/proc/self/task"))
sg.set_num_threads(3)
small, large = np.ones((10, 100)), np.ones((40, 24_000))
sg.softmax(small)
assert started() == 0
middle = np.ones((16, 1000))
for _ in range(20):
    sg.softmax(middle), sg.softmax(middle)
    time.sleep(0.001)
assert started() == 0, "two calls, such as a forward and a backward pass, are no series"
for _ in range(10):
    sg.softmax(large)
    assert started() == 2
callers = [threading.Thread(target=lambda: [sg.softmax(large) for _ in range(3)]) for _ in range(16)]
for caller in callers:
    caller.start()
for caller in callers:
    caller.join()
while started() > 2:  # a thread that was joined may be listed for a moment
    time.sleep(0.01)
used, passed = time.process_time(), time.perf_counter()
time.sleep(0.5)
used, passed = time.process_time() - used, time.perf_counter() - passed
assert used < passed / 5, "a thread that waits must sleep"
for thread in sorted(map(int, os.listdir("/proc/self/task")))[-2:]:
    status = dict(line.split(":", 1) for line in open(f"/proc/self/task/{thread}/status"))
    blocked = int(status["SigBlk"], 16)
    assert blocked >> signal.SIGINT - 1 & 1, "Python's handlers belong on its own threads"
    assert not blocked >> signal.SIGBUS - 1 & 1, "faulthandler says where the program was"
sg.set_num_threads(5)
sg.softmax(large)
assert started() == 4
"""


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="counts the threads of Linux")
def test_threads_start_at_the_first_large_call_and_sleep_between_calls():
    subprocess.run([sys.executable, "-c", THREADS], check=True, timeout=120)


ROUNDING = """
import ctypes, platform, numpy as np, softgrad as sg

NEAREST, UPWARD = 0, {"x86_64": 0x800, "aarch64": 0x400000}[platform.machine()]
set_rounding = ctypes.CDLL(None).fesetround
z = np.random.default_rng(0).standard_normal((40, 24_000))
results = []
for rounding in (UPWARD, NEAREST, UPWARD):  # the threads start with the first
    set_rounding(rounding)
    for threads in (3, 1, 3, 3):
        sg.set_num_threads(threads)
        results.append(sg.softmax(z).tobytes())
    set_rounding(NEAREST)
    assert len(set(results[-4:])) == 1, rounding
assert len(set(results)) == 2
"""


def test_threads_round_as_their_caller_does():
    """The same registers say whether subnormal numbers are 0, as after torch.set_flush_denormal."""
    subprocess.run([sys.executable, "-c", ROUNDING], check=True, timeout=120)


IN_A_SUBINTERPRETER = """
import numpy as np, softgrad as sg
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters  # up to Python 3.12
inside = interpreters.create()
interpreters.run_string(inside, '''
try:
    import softgrad
except ImportError:
    print("ImportError", flush=True)
''')
interpreters.destroy(inside)
print(sg.softmax(np.zeros(2)))
"""


def test_a_subinterpreter_cannot_import_softgrad():
    """NumPy cannot be imported there either. The main interpreter continues to work."""
    result = subprocess.run([sys.executable, "-c", IN_A_SUBINTERPRETER], capture_output=True, text=True, timeout=60)
    assert (result.returncode, result.stdout) == (0, "ImportError\n[0.5 0.5]\n"), result.stderr


def test_importing_does_not_enable_the_gil_in_a_free_threaded_python():
    """In a Python with the GIL, the test can only check the build flag."""
    cmake = (Path(__file__).parents[2] / "CMakeLists.txt").read_text()
    assert re.search(r"nanobind_add_module\(_kernels [^)]*\bFREE_THREADED\b", cmake)
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        code = (
            "import sys, numpy; before = sys._is_gil_enabled(); import softgrad; print(before, sys._is_gil_enabled())"
        )
        result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        before, after = result.stdout.split()
        assert after == before


@pytest.mark.parametrize(
    ("value", "threads"),
    [("3", "3"), ("4,2", "4"), (" 5 ", "5")]
    + [(invalid, "all") for invalid in ("", "0", "-2", "2.5", "many", ",2", "9" * 20)],
)
def test_omp_num_threads_sets_the_default(value, threads):
    code = "import os, softgrad; print(softgrad.get_num_threads(), len(os.sched_getaffinity(0)))"
    environment = os.environ | {"OMP_NUM_THREADS": value}
    result = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    got, processors = result.stdout.split()
    assert got == (processors if threads == "all" else threads)


def test_set_num_threads_sets_a_positive_number_and_rejects_others():
    sg.set_num_threads(7)
    assert sg.get_num_threads() == 7
    for n in (0, -1):
        with pytest.raises(
            sg.OptionError, match=f"^set_num_threads: n is {n}, wanted an integer from 1 to 2147483647$"
        ):
            sg.set_num_threads(n)
    assert sg.get_num_threads() == 7


AT_EXIT = """
import threading, time, numpy as np, softgrad as sg
z = np.zeros((2000, 2000))
def compute_forever():
    while True:
        sg.softmax(z)
threading.Thread(target=compute_forever, daemon=True).start()
time.sleep(0.2)
"""


def test_python_can_exit_while_a_daemon_thread_is_in_a_call():
    subprocess.run([sys.executable, "-c", AT_EXIT], check=True, timeout=60)

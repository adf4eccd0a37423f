"""Arrays that another thread writes to during a call: the result may be of no use, but nothing else is written to.

The calls run in a process of their own, since a write outside a row can end it.
"""

import subprocess
import sys

import pytest

PROGRAM = """
import sys, threading, warnings
import numpy as np, softgrad as sg

warnings.simplefilter("ignore")
K = int(sys.argv[1])
N = 5_000 if K < 100 else 100
rng = np.random.default_rng(0)
z, right = rng.normal(size=(N, K)).astype(np.float32), rng.integers(0, K, N)
x, w = rng.normal(size=(N, 2)), rng.normal(size=(K, 2))
y, t = right.copy(), np.full((N, K), 1 / K)
wild = [2**62, -(2**62), K, -1, 10**9, -(10**9), 10**6, -(10**6)]
done = False


def write():
    while not done:
        y[::3] = wild[0]
        wild.append(wild.pop(0))
        y[:] = right
        z[0, :], z[1, :] = np.inf, np.nan
        z[:2] = 0


linear = lambda **options: sg.linear_cross_entropy_with_stats(x, w, y, **options)
calls = {
    "cross_entropy": lambda: sg.cross_entropy_with_stats(z, y),
    "gradient": lambda: sg.cross_entropy_with_grad(z, y, reduction="none"),
    "weights": lambda: sg.cross_entropy_with_grad(z, y, weight=np.ones(K), ignore_index=-1),
    "smoothing": lambda: sg.cross_entropy_with_stats(z, y, label_smoothing=0.1),
    "z-loss": lambda: sg.kl_divergence_with_stats(z, y, z_loss=0.1),
    "softcap": lambda: sg.cross_entropy_with_stats(z, y, softcap=3.0),
    "squared_error": lambda: sg.squared_error_with_stats(z, y),
    "focal_loss": lambda: sg.focal_loss_with_stats(z, y),
    "hvp": lambda: sg.focal_loss_hvp(z, y, z),
    "token_log_probs": lambda: sg.token_log_probs_vjp(z, y, right / K, right / K, out=np.empty_like(z)),
    "linear": linear,
    "linear in tiles": lambda: linear(max_memory=8 * K * 8, weight=np.ones(K)),
    "softmax": lambda: (sg.softmax(z), sg.log_softmax(z), sg.logsumexp(z), sg.softmax_vjp(z, z)),
    "probabilities": lambda: sg.focal_loss_with_stats(z, t),
}
writer = threading.Thread(target=write)
writer.start()
for name, call in calls.items():
    print(name, flush=True)  # so that the last line names the call that ends the process
    for _ in range(40):
        try:
            call()
        except (sg.SoftgradError, IndexError):  # the labels were wrong when they were checked
            pass
done = True
writer.join()
np.testing.assert_array_equal(y, right)
print("alive")
"""


@pytest.mark.parametrize("K", ["7", "1000"], ids=["tiles", "rows"])
def test_nothing_else_is_written_to(K):
    result = subprocess.run([sys.executable, "-c", PROGRAM, K], capture_output=True, text=True, timeout=300)
    assert result.stdout.endswith("alive\n"), f"{result.returncode}: {result.stdout[-30:]} {result.stderr[-500:]}"

"""The short way to a loss reads and writes its arrays alone, whatever the classes."""

import threading

import numpy as np
import pytest

import softgrad as sg
from softgrad.losses._short import shortly_with_grad

UNTOUCHED = -7.0
SHORT = shortly_with_grad("cross_entropy")


@pytest.mark.parametrize("shape", [(1, 1), (3, 1), (1, 7), (17, 33), (300, 1000), (2, 300_000)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_any_place_in_memory_and_any_classes(dtype, shape):
    N, K = shape
    rng = np.random.default_rng(0)
    for offset in (0, 1, 3):
        z, out = (np.empty(N * K + offset, dtype)[offset:].reshape(shape) for _ in range(2))
        z[...], y = rng.standard_normal(shape), rng.integers(0, K, N)
        want = sg.cross_entropy_with_grad(np.stack([z, z], -1)[..., 0], y)  # with gaps: the long way
        loss, grad = SHORT((z, y), {"out": out})
        assert loss == want.loss and grad is out and np.array_equal(grad, want.grad)
        for row in {0, N // 2, N - 1}:
            for outside in (-1, K, 2**62, -(2**63)):
                wrong = y.copy()
                wrong[row] = outside
                out.fill(UNTOUCHED)
                assert SHORT((z, wrong), {"out": out}) is None and (out == UNTOUCHED).all()
                if outside < 0:
                    found = SHORT((z, wrong), {"ignore_index": outside})
                    assert (found is not None) == (N > 1)
                    assert found is None or not found.grad[row].any()


def test_many_threads_at_once():
    rng = np.random.default_rng(0)
    z, y = rng.standard_normal((1000, 200)), rng.integers(0, 200, 1000)
    want, losses = SHORT((z, y), {}).loss, []
    threads = [
        threading.Thread(target=lambda: losses.extend(SHORT((z, y), {}).loss for _ in range(5))) for _ in "x" * 8
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert losses == [want] * 40

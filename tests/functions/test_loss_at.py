"""The kernel that takes addresses reads and writes its arrays alone, whatever the classes."""

import threading

import numpy as np
import pytest

import softgrad as sg
from softgrad import _kernels

UNTOUCHED = -7.0


def loss_at(z, y, inner=1, ignored=None, **options):
    """Whether the loss was computed, the mean and its gradient."""
    numbers = {"label_smoothing": 0.0, "z_loss": 0.0, "softcap": 0.0, "temperature": 1.0, "parameter": 0.0} | options
    numbers = _kernels.LossNumbers(scale=0.0, denominator=0.0, **numbers)
    loss, grad = np.full(1, UNTOUCHED, z.dtype), np.full(z.shape, UNTOUCHED, z.dtype)
    addresses = [array.ctypes.data for array in (z, y, loss, grad)]
    sizes = y.size, z.size // y.size, inner
    is_computed = _kernels.loss_at(z.dtype.name, "cross_entropy", *addresses, *sizes, numbers, ignored)
    return is_computed, loss[0], grad


@pytest.mark.parametrize("shape", [(1, 1), (3, 1), (1, 7), (17, 33), (300, 1000), (2, 300_000)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_any_place_in_memory_and_any_classes(dtype, shape):
    N, K = shape
    rng = np.random.default_rng(0)
    for offset in (0, 1, 3):
        z = np.empty(N * K + offset, dtype)[offset:].reshape(shape)
        z[...], y = rng.standard_normal(shape), rng.integers(0, K, N)
        want = sg.cross_entropy_with_grad(z, y)
        is_computed, loss, grad = loss_at(z, y)
        assert is_computed and loss == want.loss and np.array_equal(grad, want.grad)
        for row in {0, N // 2, N - 1}:
            for outside in (-1, K, 2**62, -(2**63)):
                wrong = y.copy()
                wrong[row] = outside
                is_computed, loss, grad = loss_at(z, wrong)
                assert not is_computed and loss == UNTOUCHED and (grad == UNTOUCHED).all()
                assert loss_at(z, wrong, ignored=outside)[0] == (N > 1)


def test_an_inner_axis():
    rng = np.random.default_rng(0)
    z, y = rng.standard_normal((4, 5, 6)), rng.integers(0, 5, (4, 6))
    want = sg.cross_entropy_with_grad(z, y, axis=1, softcap=3.0, label_smoothing=0.1)
    _, loss, grad = loss_at(z, y, inner=6, softcap=3.0, label_smoothing=0.1)
    assert loss == want.loss and np.array_equal(grad, want.grad)


def test_many_threads_at_once():
    rng = np.random.default_rng(0)
    z, y = rng.standard_normal((1000, 200)), rng.integers(0, 200, 1000)
    want, losses = loss_at(z, y)[1], []
    threads = [threading.Thread(target=lambda: losses.extend(loss_at(z, y)[1] for _ in range(5))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert losses == [want] * 40

"""The threads of BLAS while a network is trained."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

from softgrad._extras import needs
from softgrad.nn.layers import Dense
from softgrad.nn.network import Network

# Multiplications in a product that one thread computes in about 60 microseconds. With a second thread that takes 40 on
# an idle machine, and on a busy one, where the threads of BLAS wait for each other, it can take milliseconds.
SMALL_PRODUCT = 2**22


def blas_threads(network: Network, rows: int) -> AbstractContextManager[Any]:
    """Limits BLAS to one thread, if every product of a batch of this many rows is small.

    Raises:
        MissingPackageError: threadpoolctl is not installed.
    """
    with needs("train", "threadpoolctl", extra="cli"):
        from threadpoolctl import threadpool_limits

    width, largest = network.in_features, 0
    for layer in network.layers:
        if isinstance(layer, Dense):
            largest = max(largest, rows * width * layer.units)
        width = layer.out_features(width)
    return threadpool_limits(1, user_api="blas") if largest <= SMALL_PRODUCT else nullcontext()

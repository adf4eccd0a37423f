"""The threads of BLAS while a network is trained."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from softgrad._extras import needs
from softgrad.nn.layers import Dense
from softgrad.nn.network import Network

# Multiplications in a product that one thread computes in about 60 microseconds. With a second thread that takes 40 on
# an idle machine, and on a busy one, where the threads of BLAS wait for each other, it can take milliseconds.
SMALL_PRODUCT = 2**22

_lock = threading.Lock()
_blocks = 0  # that have asked for one thread and have not ended
_limit: Any = None  # restores the number of threads before


def blas_threads(network: Network, rows: int) -> AbstractContextManager[Any]:
    """Limits BLAS to one thread, if every product of a batch of this many rows is small.

    Raises:
        MissingPackageError: threadpoolctl is not installed.
    """
    width, largest = network.in_features, 0
    for layer in network.layers:
        if isinstance(layer, Dense):
            largest = max(largest, rows * width * layer.units)
        width = layer.out_features(width)
    return one_blas_thread() if largest <= SMALL_PRODUCT else nullcontext()


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Limits BLAS to one thread, until the last block that has asked for it ends.

    The limit is the same for all threads of the process. If each block restored the number that it found, then of two
    blocks that overlap on different threads, the one that ends last would restore the limit of the other.

    Raises:
        MissingPackageError: threadpoolctl is not installed.
    """
    global _blocks, _limit
    with needs("train", "threadpoolctl", extra="cli"):
        from threadpoolctl import threadpool_limits

    with _lock:
        if not _blocks:
            _limit = threadpool_limits(1, user_api="blas")
        _blocks += 1
    try:
        yield
    finally:
        with _lock:
            _blocks -= 1
            if not _blocks:
                _limit.restore_original_limits()

"""BLAS has one thread where the products of a training are small, and keeps its own number where they are not."""

import pytest

from softgrad import nn
from softgrad.nn.threads import SMALL_PRODUCT, blas_threads, one_blas_thread

threadpoolctl = pytest.importorskip("threadpoolctl")


def threads():
    return {pool["num_threads"] for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "blas"}


@pytest.mark.parametrize(
    ("rows", "is_small"),
    [(1, True), (SMALL_PRODUCT // (1024 * 64), True), (SMALL_PRODUCT // (1024 * 64) + 1, False)],
)
def test_the_largest_product_of_a_batch_decides(rows, is_small):
    network = nn.Network([nn.Dense(8), nn.ReLU(), nn.Dense(1024), nn.Tanh(), nn.Dense(64), nn.Dense(2)]).initialize(4)
    with threadpoolctl.threadpool_limits(2, user_api="blas"):
        with blas_threads(network, rows):
            assert threads() == ({1} if is_small else {2})
        assert threads() == {2}


def test_of_overlapping_blocks_the_last_restores_what_the_first_found():
    with threadpoolctl.threadpool_limits(2, user_api="blas"):
        first, second = one_blas_thread(), one_blas_thread()
        first.__enter__()
        second.__enter__()
        first.__exit__(None, None, None)
        assert threads() == {1}
        second.__exit__(None, None, None)
        assert threads() == {2}

"""Peers that a user need not have: a test of one that is absent skips.

SOFTGRAD_TESTS_REQUIRE names those that must be there, as "torch" or "torch,jax": without one of them no test runs.
"""

import os

import pytest

REQUIRED = os.environ.get("SOFTGRAD_TESTS_REQUIRE", "").replace(",", " ").split()


def load(name):
    return pytest.importorskip(name, exc_type=ImportError)  # and ignore what its import warns of


def pytest_configure():
    for name in REQUIRED:
        try:
            load(name)
        except pytest.skip.Exception as absent:
            raise pytest.UsageError(f"SOFTGRAD_TESTS_REQUIRE names {name}: {absent}") from absent


@pytest.fixture(scope="session")
def torch():
    torch = load("torch")
    torch.set_num_threads(1)  # its pool spins between calls, on the cores that the others need
    return torch

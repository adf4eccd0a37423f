"""What a user need not have: a test of what is absent skips.

SOFTGRAD_TESTS_REQUIRE names what must be there, as "torch" or "torch,pdflatex": modules, and programs of `PACKAGES`.
Without one of them no test runs.
"""

import os
import shutil

import pytest

REQUIRED = os.environ.get("SOFTGRAD_TESTS_REQUIRE", "").replace(",", " ").split()
PACKAGES = {"chromium": "chromium", "chromedriver": "chromium-driver", "pdflatex": "texlive-latex-base"}  # Debian's


def load(name):
    return pytest.importorskip(name, exc_type=ImportError)  # and ignore what its import warns of


def program(name):
    """Its path."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"there is no {name}; apt-get install {PACKAGES[name]}")
    return found


def pytest_configure():
    for name in REQUIRED:
        try:
            (program if name in PACKAGES else load)(name)
        except pytest.skip.Exception as absent:
            raise pytest.UsageError(f"SOFTGRAD_TESTS_REQUIRE names {name}: {absent}") from absent


@pytest.fixture(scope="session")
def torch():
    torch = load("torch")
    torch.set_num_threads(1)  # its pool spins between calls, on the cores that the others need
    return torch

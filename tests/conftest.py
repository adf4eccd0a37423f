"""Optional packages and programs. A test is skipped if it needs one that is not installed.

The environment variable SOFTGRAD_TESTS_REQUIRE lists modules, and programs from `PACKAGES`, that must be installed, for
example "torch" or "torch,pdflatex". If one of them is missing, no test is run.
"""

import gc
import os
import shutil
import zlib
from collections import Counter

import pytest

REQUIRED = os.environ.get("SOFTGRAD_TESTS_REQUIRE", "").replace(",", " ").split()
PACKAGES = {"chromium": "chromium", "chromedriver": "chromium-driver", "pdflatex": "texlive-latex-base"}  # in Debian

MANY = 16  # of a function with more cases, CI runs one in four


def load(name):
    """The module of this name. Warnings during its import are ignored; the test is skipped if it is not installed."""
    return pytest.importorskip(name, exc_type=ImportError)


def program(name):
    """The path of the program of this name. The test is skipped if it is not installed."""
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed; apt-get install {PACKAGES[name]}")
    return path


def pytest_configure():
    for name in REQUIRED:
        try:
            (program if name in PACKAGES else load)(name)
        except pytest.skip.Exception as missing:
            raise pytest.UsageError(f"SOFTGRAD_TESTS_REQUIRE names {name}: {missing}") from missing


def pytest_collection():
    gc.disable()  # it would look again and again at tests, none of which is garbage


def pytest_collection_finish():
    gc.enable()


@pytest.hookimpl(tryfirst=True)  # before pytest looks at the markers
def pytest_collection_modifyitems(items):
    """Marks three of four cases of a large table as thorough: the same in every run, drawn by their names.

    Every example of the documentation stays in CI.
    """
    cases = Counter((item.path, item.originalname) for item in items)
    for item in items:
        is_large = cases[item.path, item.originalname] > MANY and "docs" not in item.path.parts
        if is_large and zlib.crc32(item.nodeid.encode()) % 4:
            item.add_marker("thorough")


@pytest.fixture(scope="session")
def torch():
    torch = load("torch")
    torch.set_num_threads(1)  # the threads of its pool keep spinning between calls, on cores that the others need
    return torch

"""Tests that need an absent package are skipped, or fail if SOFTGRAD_TESTS_REQUIRE names the package."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS_OF_TORCH = Path(__file__).parents[1] / "losses" / "test_agrees_with_torch.py"
WITHOUT_TORCH = """
import sys, pytest
sys.modules["torch"] = None  # importing it raises ImportError
sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", "-k", "rows and none", sys.argv[1]]))
"""
CASES = {  # the value of SOFTGRAD_TESTS_REQUIRE: (exit code of pytest, text in its output)
    "": (pytest.ExitCode.OK, "could not import 'torch'"),
    "torch": (pytest.ExitCode.USAGE_ERROR, "SOFTGRAD_TESTS_REQUIRE names torch: could not import 'torch'"),
    "numpy, tarch": (pytest.ExitCode.USAGE_ERROR, "SOFTGRAD_TESTS_REQUIRE names tarch: could not import 'tarch'"),
}


@pytest.mark.parametrize("required", CASES)
def test_missing_torch_skips_or_fails_as_required(required):
    code, message = CASES[required]
    result = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH, str(TESTS_OF_TORCH)],
        env=os.environ | {"SOFTGRAD_TESTS_REQUIRE": required, "PYTEST_ADDOPTS": ""},
        capture_output=True,
        text=True,
    )
    output = result.stdout + result.stderr
    assert result.returncode == code, output
    assert message in output
    assert " passed" not in output

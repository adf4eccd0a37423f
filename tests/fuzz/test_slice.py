"""A few runs of the fuzz, always the same ones. CONTRIBUTING says how to run more."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]


@pytest.mark.parametrize(("module", "number"), [("command_line", 10), ("model_files", 15)])
def test_no_line_and_no_file_has_a_fault(module, number):
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(TESTS.parent), str(TESTS)]),
        "OPENBLAS_NUM_THREADS": "1",
    }
    run = subprocess.run(
        [sys.executable, "-m", f"fuzz.{module}", str(number), "0"], capture_output=True, text=True, env=environment
    )
    assert (run.returncode, run.stderr) == (0, ""), run.stdout + run.stderr
    assert f"{number} " in run.stdout and ": 0 with a fault" in run.stdout

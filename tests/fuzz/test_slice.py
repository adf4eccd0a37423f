"""A few runs of the fuzz, always the same ones. CONTRIBUTING says how to run more."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
# In one process, since its imports take most of the time, and not in that of pytest, which has threads: the fuzz forks.
CODE = "from fuzz import command_line, model_files; command_line.fuzz(10, 0); model_files.fuzz(15, 0)"


@pytest.mark.thorough
def test_no_line_and_no_file_has_a_fault():
    path = os.pathsep.join([str(TESTS.parent), str(TESTS)])
    environment = {**os.environ, "PYTHONPATH": path, "OPENBLAS_NUM_THREADS": "1"}
    run = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, env=environment)
    assert (run.returncode, run.stderr) == (0, ""), run.stdout + run.stderr
    assert "10 command lines of seed 0: 0 with a fault" in run.stdout, run.stdout
    assert "15 model files of seed 0: 0 with a fault" in run.stdout, run.stdout

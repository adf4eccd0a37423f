"""SciPy's own tests of softmax, log_softmax and logsumexp, which its wheel contains, on softgrad's functions."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.peers
TESTS = str(Path(__file__).parents[1])
COMMAND = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "peers.scipy_shim"]
SUITE = ["--pyargs", "scipy.special.tests.test_logsumexp"]


def test_scipys_tests_pass(tmp_path):
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([TESTS, os.environ.get("PYTHONPATH", "")])}
    result = subprocess.run([*COMMAND, *SUITE], cwd=tmp_path, env=environment, capture_output=True, text=True)
    print(result.stdout.splitlines()[-1])
    failed = set(re.findall(r"^FAILED \S*?::(\S+)", result.stdout, re.MULTILINE))
    assert " passed" in result.stdout, result.stdout + result.stderr
    assert not failed

"""What softgrad requires, and what it says when a package of an extra is missing."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("without_extras.py")


@pytest.fixture
def bare(tmp_path):
    """A folder with NumPy, SciPy, the libraries beside them, and softgrad; nothing else."""
    for name in ("numpy", "scipy", "softgrad"):
        package = Path(find_spec(name).origin).parent
        (tmp_path / package.name).symlink_to(package)
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.exists():
            (tmp_path / libraries.name).symlink_to(libraries)
    return tmp_path


def test_numpy_and_scipy_are_enough(bare):
    """Python starts without its site-packages."""
    code = f"import runpy, sys; sys.path.append({str(bare)!r}); runpy.run_path({str(PROGRAM)!r}, run_name='__main__')"
    result = subprocess.run([sys.executable, "-ISc", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    parts = ["functions", "checker", "explanation", "networks", "data", "classifier", "command"]
    assert result.stdout.split() == parts

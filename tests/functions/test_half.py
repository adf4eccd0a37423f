"""The kernels of every instruction set read all float16 and bfloat16 numbers exactly, and round results once."""

import os
import subprocess
import sys

import pytest

from softgrad import _kernels

sets = pytest.mark.parametrize("instruction_set", _kernels.instruction_sets())
dtypes = pytest.mark.parametrize("dtype", ["float16", "bfloat16"])

# If a row has one class, or one logit that is not -inf, its logsumexp is that logit.
READ_AND_WRITTEN = """
import sys, ml_dtypes, numpy as np, softgrad as sg
every = np.arange(2**16, dtype=np.uint16).view(sys.argv[1])
others = np.full((len(every), int(sys.argv[2]) - 1), -np.inf, every.dtype)
lse = sg.logsumexp(np.hstack([every[:, None], others]))
assert lse.dtype == every.dtype
nan = np.isnan(every.astype(np.float32))
assert np.isnan(lse[nan].astype(np.float32)).all()
assert (lse[~nan] == every[~nan]).all()
"""

# z / temperature is computed in float32. For many z, 3/2 z and 5/4 z lie halfway between two 16-bit numbers; with 1024
# times the temperature, these are subnormal. NumPy and ml_dtypes round the float32 result for comparison.
ROUNDED = """
import sys, ml_dtypes, numpy as np, softgrad as sg
every = np.arange(2**16, dtype=np.uint16).view(sys.argv[1])
every = every[np.isfinite(every.astype(np.float32))]
for temperature in (2 / 3, 4 / 5, 1024 * 2 / 3, 1 / 1024, 3.0):
    wide = sg.logsumexp(every[:, None].astype(np.float32), temperature=temperature)
    with np.errstate(over="ignore"):
        wanted = wide.astype(every.dtype)
    got = sg.logsumexp(every[:, None], temperature=temperature)
    assert (got == wanted).all(), temperature
"""


def run(instruction_set, *arguments):
    environment = os.environ | {"SOFTGRAD_ISA": instruction_set}
    return subprocess.run([sys.executable, "-c", *arguments], env=environment, capture_output=True, text=True)


@sets
@dtypes
@pytest.mark.parametrize("classes", [1, 10, 130])  # computed in tiles, by ones and by pairs, and row by row
def test_every_number_is_read_and_written_as_it_is(instruction_set, dtype, classes):
    result = run(instruction_set, READ_AND_WRITTEN, dtype, str(classes))
    assert result.returncode == 0, result.stderr


@sets
@dtypes
def test_a_result_is_rounded_to_even_once(instruction_set, dtype):
    result = run(instruction_set, ROUNDED, dtype)
    assert result.returncode == 0, result.stderr

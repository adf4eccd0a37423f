"""float16 and bfloat16, every bit pattern, by the kernels of every instruction set: read exactly, rounded once."""

import os
import subprocess
import sys

import pytest

from softgrad import _kernels

sets = pytest.mark.parametrize("instruction_set", _kernels.instruction_sets())
dtypes = pytest.mark.parametrize("dtype", ["float16", "bfloat16"])

# A row with one class, or with one that is not -inf, has that logit as its logsumexp: what is read is what is written.
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

# z / temperature, computed in float32: 3/2 z and 5/4 z lie halfway between neighbours for many a z, and with 1024 more
# in the temperature among subnormal numbers too. NumPy and ml_dtypes say how float32 is rounded.
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
@pytest.mark.parametrize("classes", [1, 130])  # in tiles, and row by row
def test_every_number_is_read_and_written_as_it_is(instruction_set, dtype, classes):
    result = run(instruction_set, READ_AND_WRITTEN, dtype, str(classes))
    assert result.returncode == 0, result.stderr


@sets
@dtypes
def test_a_result_is_rounded_to_even_once(instruction_set, dtype):
    result = run(instruction_set, ROUNDED, dtype)
    assert result.returncode == 0, result.stderr

"""The kernels of every instruction set of this machine: exp over its whole range, and the tests against the judge."""

import os
import subprocess
import sys
from pathlib import Path

import mpmath
import numpy as np
import pytest

import judge
from cost import cost
from sampled import sampled
from softgrad import _kernels
from tolerance import assert_within

RANGE = {"float32": -104.5, "float64": -746.5}  # below it exp rounds to 0; it includes subnormal results
FILES = ("functions/test_softmax.py", "functions/test_token_log_probs.py", "losses/test_against_the_judge.py")
sets = pytest.mark.parametrize("instruction_set", _kernels.instruction_sets())

SOFTMAX = """
import sys, numpy as np, softgrad
from softgrad import _kernels
logits = np.load(sys.argv[1])
np.savez(sys.argv[2], isa=_kernels.ISA, **{name: softgrad.softmax(logits[name]) for name in logits})
"""


def run(instruction_set, *arguments):
    environment = os.environ | {"SOFTGRAD_ISA": instruction_set}
    return subprocess.run([sys.executable, *arguments], env=environment, capture_output=True, text=True)


def two_classes(dtype):
    """Rows [m, m + x] with x over the whole range; half of the rows have m = 0, the others a random m."""
    rng = np.random.default_rng(0)
    x = np.concatenate([np.linspace(RANGE[dtype], 0, 3001), -np.geomspace(1e-30, 1, 500)])
    m = np.concatenate([np.zeros(len(x) // 2), rng.uniform(-99, 99, len(x) - len(x) // 2)])
    return np.stack([m, m + rng.permutation(x)], axis=1).astype(dtype)


@pytest.fixture(scope="module")
def exact():
    """The second probability, exp(x) / (1 + exp(x)), computed by mpmath with 40 digits."""
    with mpmath.workdps(40):

        def probability(row):
            e = mpmath.exp(mpmath.mpf(float(row[1])) - mpmath.mpf(float(row[0])))
            return e / (1 + e)

        return {dtype: judge.Mpmath.rounded([probability(row) for row in two_classes(dtype)]) for dtype in RANGE}


@sets
def test_exp_over_its_whole_range(instruction_set, exact, tmp_path):
    np.savez(tmp_path / "logits.npz", **{dtype: two_classes(dtype) for dtype in RANGE})
    result = run(instruction_set, "-c", SOFTMAX, str(tmp_path / "logits.npz"), str(tmp_path / "probs.npz"))
    assert result.returncode == 0, result.stderr
    probs = np.load(tmp_path / "probs.npz")
    assert probs["isa"] == instruction_set
    for dtype in RANGE:
        assert_within(3, probs[dtype][:, 1], exact[dtype])


OTHERS = [name for name in _kernels.instruction_sets() if name != _kernels.ISA]


@pytest.mark.parametrize("instruction_set", sampled(OTHERS, lambda name: name == OTHERS[-1]))
def test_the_cases_agree_with_the_judge(instruction_set):
    """Runs the tests against the judge in a process that uses another instruction set."""
    tests = Path(__file__).parents[1]
    files = [str(tests / file) for file in FILES]
    options = ["-q", "-p", "no:cacheprovider", "-k", "agrees or loss_and_gradient"]
    result = run(instruction_set, "-m", "pytest", *options, *files)
    assert result.returncode == 0, result.stdout


def test_an_instruction_set_that_is_not_there():
    result = run("x86-64-v9", "-c", "import softgrad")
    assert result.returncode == 1
    names = ", ".join(_kernels.instruction_sets())
    assert result.stderr.strip().endswith(
        f"ImportError: softgrad: SOFTGRAD_ISA is 'x86-64-v9', but this machine runs {names}: "
        "set it to one of these, or unset it for the widest"
    )


def test_the_widest_set_that_computes_what_the_next_one_does_is_chosen():
    names = _kernels.instruction_sets()
    values = {name: _kernels.self_test(name) for name in names}
    assert _kernels.widest_sound(values) == (names[-1], "")
    assert "SOFTGRAD_ISA" in os.environ or (names[-1], "") == (_kernels.ISA, _kernels.ISA_WARNING)
    for position in range(0, len(values[names[0]]) if len(names) > 1 else 0, 97):
        for wrong in (1.001, float("nan"), float("inf")):
            spoiled = [value * wrong if i == position else value for i, value in enumerate(values[names[-1]])]
            chosen, warning = _kernels.widest_sound(values | {names[-1]: spoiled})
            assert (chosen, names[-1] in warning, chosen in warning) == (names[-2], True, True)


def test_the_self_test_costs_as_little_as_some_small_softmaxes():
    z = np.random.default_rng(0).normal(size=(64, 256))

    def self_test():
        for name in _kernels.instruction_sets()[-2:]:
            _kernels.self_test(name)

    def softmax():
        exponentials = np.exp(z - z.max(axis=-1, keepdims=True))
        return exponentials / exponentials.sum(axis=-1, keepdims=True)

    assert cost(self_test, softmax, turns=20) < 6

"""What a type checker sees is what there is at run time: the public names, and the options of each loss."""

import subprocess
import sys

import pytest

import softgrad as sg

pytest.importorskip("mypy")

RIGHT = """
from typing import Unpack
import numpy as np
import softgrad as sg

def cross_entropy(z: np.ndarray, y: np.ndarray, **options: Unpack[sg.LossOptions]) -> sg.LossAndGrad:
    return sg.cross_entropy_with_grad(z, y, **options)

def focal(z: np.ndarray, y: np.ndarray, **options: Unpack[sg.FocalOptions]) -> sg.LossAndGrad:
    return sg.focal_loss_with_grad(z, y, **options)
"""
WRONG = {
    "sg.cross_entrpy": 'Module has no attribute "cross_entrpy"',
    "sg.check.Repot": 'Module has no attribute "Repot"',
    "sg.Array": 'no attribute "Array"',
    "sg.cross_entropy_with_grad([0.0], 0, gamma=2.0)": 'Unexpected keyword argument "gamma"',
    "sg.focal_loss_jvp([0.0], 0, [0.0], z_loss=1.0)": 'Unexpected keyword argument "z_loss"',
    "sg.linear_cross_entropy_with_grad([[0.0]], [[0.0]], [0], axis=1)": 'Unexpected keyword argument "axis"',
    "sg.softmax_vjp([0.0], [0.0], axis='last')": 'incompatible type "str"',
    "sg.kl_divergence([0.0], 0, reduction='average')": "incompatible type",
}


@pytest.fixture(scope="module")
def problems(tmp_path_factory):
    """The messages of mypy, by the line that they are about."""
    folder = tmp_path_factory.mktemp("client")
    names = [f"sg.{name}" for name in sg.__all__] + [f"sg.check.{name}" for name in sg.check.__all__]
    lines = RIGHT.splitlines() + names + [*WRONG]
    (folder / "client.py").write_text("\n".join(lines) + "\n")
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "--hide-error-context", "client.py"]
    found = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert not found.stderr
    by_line = {}
    for message in found.stdout.splitlines():
        _, number, text = message.split(":", 2)
        by_line.setdefault(lines[int(number) - 1], []).append(text)
    return by_line


def test_right_uses_pass(problems):
    assert set(problems) - set(WRONG) == set()


@pytest.mark.parametrize("use", WRONG)
def test_a_wrong_use_is_an_error(problems, use):
    assert WRONG[use] in " ".join(problems[use])

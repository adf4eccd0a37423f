"""Right at the inputs given: elsewhere the numerical derivatives decide, and the user's rtol counts."""

import numpy as np
import pytest

import softgrad as sg


def softmax(z):
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def softmax_backward(z, p, dp):
    return p * (dp - (p * dp).sum(axis=-1, keepdims=True))


def relu(x):
    return np.maximum(x, 0)


Z = np.random.default_rng(1).normal(size=(4, 3))
ON_KINKS = {
    "zeros and ones": np.array([[0.0, 1, 1], [0, 1, 0]]),
    "all zeros": np.zeros((3, 2)),
    "some zeros": np.array([[0.0, -1.5, 2.0], [0.7, 0, -0.2]]),
}


@pytest.mark.parametrize("x", ON_KINKS.values(), ids=ON_KINKS)
@pytest.mark.parametrize("at_0", [0.0, 0.5, 1.0])
def test_any_slope_passes_at_0(x, at_0):
    slope = lambda x: np.where(x == 0, at_0, x > 0)  # noqa: E731
    assert sg.check_vjp(relu, lambda x, y, dy: dy * slope(x), x).ok is True


@pytest.mark.parametrize("x", ON_KINKS.values(), ids=ON_KINKS)
def test_a_slope_outside_does_not(x):
    assert sg.check_vjp(relu, lambda x, y, dy: dy * np.where(x == 0, 3.0, x > 0), x).ok is False


@pytest.mark.parametrize(("by", "rtol", "ok"), [(1e-4, 1e-2, True), (1e-4, 1e-6, False), (0.5, 1e-2, False)])
def test_the_users_rtol_is_that_of_recognised_functions_too(by, rtol, ok):
    report = sg.check_vjp(softmax, lambda z, p, dp: softmax_backward(z, p, dp) * (1 + by), Z, rtol=rtol)
    assert report.ok is ok
    assert np.isfinite(report.error)
    assert (report.where is not None) is not ok


def fixed_at_4_rows(gradient):
    """A backward pass that returns 4 rows whatever it gets."""

    def vjp(z, p, dp):
        grad = np.zeros((4, 3))
        grad[: len(z)] = gradient(z, p, dp)[:4]
        return grad

    return vjp


def test_a_shape_that_is_right_for_the_inputs_given_only():
    report = sg.check_vjp(softmax, fixed_at_4_rows(softmax_backward), Z)
    assert report.ok is False
    assert report.mistake.name == "wrong-shape"
    assert report.mistake.evidence == "the gradient of z has shape (4, 3) at other inputs, wanted (3, 3)"
    wrong = sg.check_vjp(softmax, fixed_at_4_rows(lambda z, p, dp: p * (1 - p) * dp), Z)
    assert wrong.ok is False
    unknown = sg.check_vjp(np.cosh, fixed_at_4_rows(lambda z, y, g: g * np.sin(z)), Z)
    assert unknown.ok is False


BY_CLASSES = """
import numpy as np

def softmax(z):
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)

def loss(z, y):
    return -np.log(softmax(z)[np.arange(len(y)), y]).mean()

def grad(z, y):
    p = softmax(z)
    p[np.arange(len(y)), y] -= 1
    return p / z.shape[1]
"""


def test_as_many_rows_as_classes_hide_nothing_on_the_command_line(tmp_path):
    import subprocess
    import sys

    file = tmp_path / "layer.py"
    file.write_text(BY_CLASSES)
    command = [sys.executable, "-c", "from softgrad.cli import main; main()", "check", str(file)]
    options = ["--loss", "loss", "--grad", "grad", "--shape", "3x3", "--target", "classes"]
    run = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert "The gradient is divided by the number of classes" in run.stdout


def test_nor_where_the_inputs_are_the_users(tmp_path):
    space = {}
    exec(BY_CLASSES, space)

    def inputs(rng):
        return rng.normal(size=(3, 3)), rng.integers(0, 3, 3)

    first = inputs(np.random.default_rng(0))
    assert sg.check_grad(space["loss"], space["grad"], *first, inputs=inputs).mistake.name == "divided-by-classes"

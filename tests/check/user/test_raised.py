"""An exception of the user's function is told with the line that raised it, and with what to do where it is known."""

import functools
import re

import numpy as np
import pytest

import softgrad as sg

Z, Y = np.random.default_rng(0).normal(size=(4, 3)), np.array([0, 2, 1, 1])


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def softmax_backward(dp, p):
    return p * (dp - (p * dp).sum(axis=1, keepdims=True))


def loss(z, y):
    return -np.log(softmax(z)[np.arange(len(y)), y]).mean()


def grad(z, y):
    return (softmax(z) - np.eye(3)[y]) / len(y)


def fails(z, *rest):
    raise ValueError("no")


def deep(z, *rest):
    return np.apply_along_axis(fails, 0, z)


class Layer:
    def forward(self, x, y=None):
        return x if y is None else x[np.arange(len(y)), y]

    def backward(self, dout):
        fails(dout)


HERE = f"no (test_raised.py, line {fails.__code__.co_firstlineno + 1}, in fails)"
CASES = {  # how it is called: (the call, what is said)
    "in forward": (lambda: sg.check_vjp(fails, softmax_backward, Z), f"forward raised ValueError: {HERE}"),
    "in vjp": (lambda: sg.check_vjp(softmax, fails, Z), f"vjp raised ValueError: {HERE}"),
    "below NumPy": (lambda: sg.check_grad(deep, grad, Z, Y), HERE),
    "in NumPy": (lambda: sg.check_grad(lambda z, y: z @ z, grad, Z, Y), ", in a lambda)"),
    "in inputs": (lambda: sg.check_vjp(softmax, softmax_backward, Z, inputs=fails), "inputs raised ValueError"),
    "in a layer": (lambda: sg.check_layer(Layer(), Z), f"backward raised ValueError: {HERE}"),
    "labels from 1": (
        lambda: sg.check_grad(loss, grad, Z, Y + 1),
        "in loss); y counts from 1: subtract 1, for class indices 0..2",
    ),
    "labels from 1, of a layer": (
        lambda: sg.check_layer(Layer(), Z, Y + 1),
        "in Layer.forward); y counts from 1: subtract 1, for class indices 0..2",
    ),
    "no inputs": (
        lambda: sg.check_vjp(softmax, softmax_backward),
        "give the inputs at which to check, as check_vjp(softmax, softmax_backward, z)",
    ),
    "too few inputs": (lambda: sg.check_grad(loss, grad, Z), "give its inputs, as check_grad(loss, grad, z, y)"),
    "exchanged": (
        lambda: sg.check_vjp(softmax_backward, softmax, Z),
        "looks like the backward pass, which comes second, as check_vjp(softmax, softmax_backward, ...)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_the_place_and_the_way_out(case):
    call, said = CASES[case]
    with pytest.raises(sg.CheckError, match=re.escape(said)):
        call()


OTHERWISE = {  # an IndexError without labels that count from 1
    "labels from 0": (loss, Y + np.array([0, 0, 0, 2])),
    "labels far outside": (loss, Y + 7),
    "another index": (lambda z, y: z[5].sum(), Y + 1),
}


@pytest.mark.parametrize("case", OTHERWISE)
def test_what_is_not_known_is_not_said(case):
    function, y = OTHERWISE[case]
    with pytest.raises(sg.CheckError, match=r"IndexError: .*in (loss|a lambda)\)$"):
        sg.check_grad(function, grad, Z, y)


def test_a_type_error_inside_the_function_is_its_own():
    def calls_wrongly(z):
        return softmax(z, 3)

    with pytest.raises(sg.CheckError, match=r"in calls_wrongly\)$"):
        sg.check_vjp(calls_wrongly, softmax_backward, Z)


def test_a_built_in_function_has_no_place():
    with pytest.raises(sg.CheckError, match=r"forward raised TypeError: [^(]*$"):
        sg.check_vjp(functools.partial(np.sum, axis="z"), softmax_backward, Z)

"""Whatever is wrong with what the user gives: one sentence that says function, argument, got, wanted, way out."""

import re
import sys

import numpy as np
import pytest

import softgrad as sg
from check.corpus.common import mean_loss, softmax
from softgrad.errors import CheckError, OptionError, SoftgradError

Z = np.random.default_rng(0).normal(size=(4, 3))
Y = np.array([0, 2, 1, 1])


def vjp(z, p, dp):
    return p * (dp - (p * dp).sum(axis=-1, keepdims=True))


def grad(z, y):
    return (softmax(z) - np.eye(z.shape[1])[y]) / len(z)


def raises(*inputs):
    raise KeyError("W3")


def raises_lines(*inputs):
    raise ValueError("one line\nand another")


def raises_nothing_said(*inputs):
    raise AssertionError


class NoArray:
    """Of another library."""

    def __array__(self, *args, **options):
        raise RuntimeError("no")


class Silent(Exception):
    def __str__(self):
        raise RuntimeError


def raises_what_has_no_text(*inputs):
    raise Silent


def ends(*inputs):
    sys.exit(3)


ITSELF = [np.ones(2)]
ITSELF.append(ITSELF)


def gives(value):
    return lambda *inputs: value


class Layer:
    def forward(self, z):
        self.p = softmax(z)
        return self.p

    def backward(self, dp):
        return vjp(None, self.p, dp)


def dense(x, P):
    return x @ P["W"] + P["b"]


def of_parameters(make):
    """A check of a dense layer whose gradients of its parameters are `make` of the right ones."""

    def check():
        x, P = np.ones((4, 3)), {"W": np.ones((3, 2)), "b": np.ones(2)}
        sg.check_vjp(dense, lambda x, P, y, g: (g @ P["W"].T, make({"W": x.T @ g, "b": g.sum(axis=0)})), x, P)

    return check


def vjp_case(forward=softmax, backward=vjp, *inputs, **options):
    return lambda: sg.check_vjp(forward, backward, *(inputs or (Z,)), **options)


def grad_case(loss=mean_loss, backward=grad, *inputs, **options):
    return lambda: sg.check_grad(loss, backward, *(inputs or (Z, Y)), **options)


class Tensor:
    """As a tensor of torch looks from here."""

    shape = (2,)

    def __array__(self, *_, **__):
        return np.ones(2)


CASES = {  # what is wrong: (the call, the error, what its sentence says)
    # forward and loss
    "forward raises": (vjp_case(raises), CheckError, "check_vjp: forward raised KeyError: 'W3'"),
    "forward raises lines": (vjp_case(raises_lines), CheckError, "check_vjp: forward raised ValueError: one line"),
    "forward raises silence": (vjp_case(raises_nothing_said), CheckError, "forward raised AssertionError"),
    "loss raises": (grad_case(raises), CheckError, "check_grad: loss raised KeyError: 'W3'"),
    "forward gives None": (vjp_case(gives(None)), CheckError, "forward returned None, wanted an array; is there a ret"),
    "a tensor": (
        lambda: sg.check_vjp(lambda z: np.asarray(z), lambda z, p, dp: dp, Tensor()), CheckError,
        r"for z, which is a Tensor, not an array; .* np.asarray\(z\); functions of tensors are for softgrad.torch",
    ),
    "forward gives a list": (vjp_case(gives([1.0])), CheckError, "returned a list, wanted an array; make it one"),
    "forward gives a tuple": (
        vjp_case(lambda z: (z, z)), CheckError, "forward returned a tuple, wanted an array; join the outputs",
    ),
    "forward gives a string": (vjp_case(gives("p")), CheckError, "forward returned 'p' of type str, wanted an array"),
    "forward gives objects": (vjp_case(gives(np.array([None, 1]))), CheckError, "returned an array of object, wanted"),
    "forward gives complex numbers": (vjp_case(gives(np.ones(2) * 1j)), CheckError, "complex numbers, wanted real"),
    "loss gives None": (grad_case(gives(None)), CheckError, "loss returned None, wanted one number; is there a return"),
    "loss gives an array": (
        grad_case(lambda z, y: z.sum(axis=1)), CheckError,
        r"check_grad: loss returned an array of shape \(4,\), wanted one number: sum or average it, or use check_vjp",
    ),
    "forward takes other inputs": (vjp_case(softmax, vjp, Z, Z, Z), CheckError, "forward raised"),
    "forward of shapes that do not fit": (
        vjp_case(np.matmul, vjp, Z, Z), CheckError, "check_vjp: forward raised ValueError: .*matmul"
    ),
    # vjp and grad
    "vjp raises": (vjp_case(softmax, raises), CheckError, "check_vjp: vjp raised KeyError: 'W3'"),
    "grad raises": (grad_case(mean_loss, raises), CheckError, "check_grad: grad raised KeyError: 'W3'"),
    "vjp gives None": (vjp_case(softmax, gives(None)), CheckError, "vjp returned None, wanted the gradient; is there"),
    "grad gives None": (grad_case(mean_loss, gives(None)), CheckError, "grad returned None, wanted the gradient; is"),
    "vjp gives a list": (
        vjp_case(softmax, gives([1.0, 2.0])), CheckError,
        "vjp returned a list as the gradient of .*, wanted an array of numbers; a tuple of gradients is one for each",
    ),
    "vjp gives a string": (vjp_case(softmax, gives("dz")), CheckError, "vjp returned 'dz' of type str as the gradient"),
    "vjp gives complex numbers": (
        vjp_case(softmax, gives(np.ones((4, 3)) * 1j)), CheckError, "vjp returned an array of complex128 as the grad"
    ),
    "vjp gives objects": (
        vjp_case(softmax, gives(np.full((4, 3), None))), CheckError, "vjp returned an array of object as the gradient"
    ),
    "too many gradients": (
        vjp_case(softmax, gives((Z, Z))), CheckError,
        "vjp returned 2 gradients for 1 inputs?, wanted one for each, and None for inputs that have none",
    ),
    "too few gradients for wrt": (
        grad_case(lambda x, w: (x * w).sum(), gives((Z,)), Z, Z, wrt=(0, 1)), CheckError,
        "grad returned 1 gradients?, wanted 2, for x, w",
    ),
    "one array for wrt of two": (
        grad_case(lambda x, w: (x * w).sum(), gives(Z), Z, Z, wrt=(0, 1)), CheckError, "grad returned 1 .* wanted 2"
    ),
    "a gradient of a name": (
        vjp_case(lambda z, mode: z, lambda z, mode, y, g: (g, g), Z, "fast"), CheckError,
        "vjp returned a gradient for mode, which is 'fast' of type str, not an array; return",
    ),
    "vjp of unknown arguments": (
        vjp_case(softmax, lambda u: u), CheckError,
        r"vjp takes 1 positional argument, wanted 3, as vjp\(\*inputs, output, grad_output\); wrap it, as in lambda",
    ),
    "grad of one argument": (
        grad_case(mean_loss, lambda z: z), CheckError, r"grad takes 1 positional argument, wanted 2, as grad\(\*i"
    ),
    # dicts of parameters
    "a missing parameter": (
        of_parameters(lambda grads: {"W": grads["W"]}), CheckError,
        "vjp returned no gradient 'b'; wanted the keys of P, got 'W'",
    ),
    "parameters as one array": (
        of_parameters(lambda grads: 1.0), CheckError, "vjp returned 1.0 of type float for P, wanted a dict with a grad"
    ),
    "a parameter without a gradient": (
        of_parameters(lambda grads: {**grads, "b": None}), CheckError, "vjp returned None as the gradient of P.*'b'"
    ),
    "a list for a parameter": (
        of_parameters(lambda grads: {**grads, "b": [1.0, 1.0]}), CheckError, "a list as the gradient .* np.array makes"
    ),
    # inputs
    "complex inputs": (vjp_case(softmax, vjp, Z * 1j), CheckError, r"inputs\[0\] is an array of complex128, wanted"),
    "inputs of objects": (vjp_case(softmax, vjp, np.array([None])), CheckError, r"inputs\[0\] is an array of object"),
    "inputs of text": (vjp_case(softmax, vjp, np.array(["a"])), CheckError, r"inputs\[0\] is an array of <U1"),
    # options
    "names of another length": (
        vjp_case(names=("z", "y")), OptionError, "check_vjp: names has 2, wanted 1, one for each input"
    ),
    "names that are one text": (grad_case(names="zy"), OptionError, "check_grad: names is 'zy' of type str, wanted"),
    "names that are a number": (grad_case(names=5), OptionError, "check_grad: names is 5 of type int, wanted a list"),
    "wrt of a name": (grad_case(wrt="z"), OptionError, "check_grad: wrt is 'z', wanted the index of an input"),
    "wrt of a fraction": (grad_case(wrt=1.5), OptionError, r"check_grad: wrt is 1\.5, wanted the index"),
    "a backward pass of an object": (
        vjp_case(Layer().forward, Layer().backward), CheckError, r"as vjp\(.*, or check the object: check_layer\(layer"
    ),
    "gradients of an object's parameters": (
        grad_case(mean_loss, lambda z, y: {"W": z}), CheckError, r"returned a dict as .* are checked with check_layer\("
    ),
    "wrt of nothing": (grad_case(wrt=()), OptionError, r"check_grad: wrt is \(\), wanted the index"),
    "wrt of one twice": (grad_case(wrt=(0, -2)), OptionError, "check_grad: wrt is .*, wanted each input once"),
    "an exception without text": (vjp_case(raises_what_has_no_text), CheckError, r"forward raised Silent \("),
    "the end of the program": (vjp_case(ends), CheckError, "check_vjp: forward raised SystemExit: 3"),
    "an input that holds itself": (vjp_case(softmax, vjp, ITSELF), CheckError, "check_vjp: an input contains itself"),
    "forward is none": (vjp_case(3), CheckError, "check_vjp: forward is 3 of type int, wanted a function"),
    "vjp is none": (vjp_case(backward=None), CheckError, "check_vjp: vjp is None, wanted a function"),
    "many draws": (vjp_case(draws=10**9), OptionError, "check_vjp: draws is 1000000000, wanted 5 to 1000"),
    "vjp of names only": (vjp_case(backward=lambda *, z, p, dp: z), CheckError, "vjp takes 0 positional arguments"),
    "inputs no function": (vjp_case(inputs=3), OptionError, "check_vjp: inputs is 3 of type int, wanted a function"),
    "inputs gives None": (
        vjp_case(inputs=lambda rng: None), CheckError, "check_vjp: inputs returned None, wanted a tuple of inputs"
    ),
    "inputs gives text": (vjp_case(inputs=lambda rng: "z"), CheckError, "check_vjp: inputs returned 'z' of type str"),
    "inputs gives a list": (
        vjp_case(inputs=lambda rng: [Z]), CheckError, r"inputs returned the arrays z\[0\], wanted those given: z"
    ),
    "forward gives what is no array": (
        vjp_case(gives(NoArray())), CheckError, "forward returned .*, which NumPy cannot make an"
    ),
    "vjp gives what is no array": (
        vjp_case(backward=gives(NoArray())), CheckError, "vjp returned .* as the gradient of .*, which NumPy c"
    ),
    "wrt too large": (grad_case(wrt=2), OptionError, r"check_grad: wrt has 2, wanted input indices 0\.\.1"),
    "wrt too small": (grad_case(wrt=-3), OptionError, "check_grad: wrt has -3"),
    "one of wrt too large": (grad_case(wrt=(0, 5)), OptionError, "check_grad: wrt has 5"),
    "wrt of integers": (grad_case(wrt=1), CheckError, "wrt asks for .*, whose integers forward .*; class ind"),
    "few draws": (vjp_case(draws=4), OptionError, "check_vjp: draws is 4, wanted 5 to 1000; with fewer"),
    "draws of a fraction": (vjp_case(draws=5.5), OptionError, "draws is 5.5"),
    "rtol 0": (grad_case(rtol=0), OptionError, "check_grad: rtol is 0, wanted a number between 0 and 1"),
    "rtol 1": (grad_case(rtol=1), OptionError, "rtol is 1, wanted a number between 0 and 1"),
    "rtol below 0": (grad_case(rtol=-1e-6), OptionError, "rtol is -1e-06"),
    "rtol NaN": (grad_case(rtol=np.nan), OptionError, "rtol is nan"),
    "rtol of text": (grad_case(rtol="1e-6"), OptionError, "rtol is '1e-6'"),
    "a negative seed": (vjp_case(seed=-1), OptionError, "check_vjp: seed is -1, wanted an integer"),
    "a seed of text": (vjp_case(seed="0"), OptionError, "seed is '0'"),
    "context that is no dict": (vjp_case(context="mean"), OptionError, "check_vjp: context is 'mean', wanted a dict"),
    # inputs(rng)
    "inputs gives too few": (
        grad_case(inputs=lambda rng: (Z,)), CheckError,
        "check_grad: inputs returned 1 of them, wanted a tuple of 2, one for each input given",
    ),
    "inputs raises": (grad_case(inputs=raises), CheckError, "check_grad: inputs raised KeyError: 'W3'"),
    "inputs gives objects": (
        vjp_case(inputs=lambda rng: np.array([None])), CheckError, r"inputs\[0\] is an array of object"
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_one_sentence(case):
    call, error, message = CASES[case]
    with pytest.raises(error) as raised:
        call()
    said = str(raised.value)
    assert re.search(message, said), said
    assert re.match("check_(vjp|grad): ", said)
    assert "\n" not in said
    assert len(said) < 300
    assert isinstance(raised.value, SoftgradError)
    assert isinstance(raised.value, ValueError)


@pytest.mark.parametrize("case", ["forward raises", "vjp raises", "grad raises", "loss raises", "inputs raises"])
def test_the_users_own_exception_is_kept(case):
    """With its traceback, for somebody who wants to know the line."""
    with pytest.raises(CheckError) as raised:
        CASES[case][0]()
    assert isinstance(raised.value.__cause__, KeyError)


def test_the_users_interrupt_is_not_caught():
    def interrupted(*inputs):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sg.check_vjp(interrupted, vjp, Z)


# ---- what is odd and not wrong ----

EMPTY = {
    "no rows": (softmax, vjp, (np.zeros((0, 3)),)),
    "no entries": (np.tanh, lambda z, a, g: g * (1 - a * a), (np.zeros(0),)),
}


@pytest.mark.parametrize("case", EMPTY)
def test_nothing_to_check_is_no_error(case):
    """An array of no entries has a gradient of no entries: there is nothing wrong with it."""
    forward, backward, inputs = EMPTY[case]
    report = sg.check_vjp(forward, backward, *inputs)
    assert report.ok is not False
    assert report.mistakes == ()


UNCHECKED = {  # what is odd: (the report, a fact)
    "NaN in": (lambda: sg.check_vjp(softmax, vjp, np.array([[1.0, np.nan, 0.0]])), "z holds NaN; give inputs without"),
    "NaN out": (lambda: sg.check_vjp(lambda z: z * np.nan, vjp, Z), "forward is NaN at the inputs given"),
    "no inputs": (lambda: sg.check_vjp(lambda: np.ones(2), lambda y, g: ()), "no gradient was returned for an array"),
    "only integers": (
        lambda: sg.check_vjp(lambda y: np.eye(3)[y], lambda y, t, g: (None,), Y), "no gradient was returned for an"
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", UNCHECKED)
def test_what_cannot_be_checked_says_why(case):
    make, fact = UNCHECKED[case]
    report = make()
    assert report.ok is None
    assert any(fact in one for one in report.facts), report.facts
    assert "cannot be checked" in report.text()


def test_a_nan_gradient_of_a_finite_function_is_wrong():
    report = sg.check_vjp(softmax, lambda z, p, dp: z * np.nan, Z)
    assert report.ok is False
    assert [mistake.name for mistake in report.mistakes] == ["not-finite"]


TAKEN = {  # what is taken as it is
    "a list of numbers": lambda: sg.check_vjp(softmax, vjp, [[1.0, 2.0, 0.5], [0.0, 1.0, 3.0]]),
    "a number": lambda: sg.check_vjp(np.tanh, lambda z, a, g: g * (1 - a * a), 0.5),
    "float32": lambda: sg.check_vjp(softmax, vjp, Z.astype(np.float32)),
    "integers": lambda: sg.check_vjp(softmax, vjp, np.array([[1, 2, 0]])),
    "read-only": lambda: sg.check_vjp(softmax, vjp, np.broadcast_to(np.arange(3.0), (4, 3))),
    "a gradient for each of many": lambda: sg.check_vjp(
        lambda x, w: x * w, lambda x, w, y, g: (g * w, g * x), Z, Z + 1
    ),
    "a name among the inputs": lambda: sg.check_vjp(
        lambda z, mode: softmax(z), lambda z, mode, p, dp: (vjp(z, p, dp), None), Z, "fast"
    ),
    "unknown context": lambda: sg.check_vjp(softmax, vjp, Z, context={"where": "layer 3", "note": None}),
    "context that contradicts": lambda: sg.check_vjp(softmax, vjp, Z, context={"class_axis": 0}),
}


@pytest.mark.parametrize("case", TAKEN)
def test_is_taken(case):
    assert TAKEN[case]().ok is True


def test_unknown_context_is_kept_as_a_fact():
    report = sg.check_vjp(softmax, vjp, Z, context={"where": "layer 3"})
    assert "where: layer 3" in report.facts


def test_names_are_used():
    """Those given, or what forward calls its inputs."""
    assert sg.check_vjp(softmax, vjp, Z, names=("scores",)).checked == {"scores": (4, 3)}
    assert sg.check_vjp(softmax, vjp, Z).checked == {"z": (4, 3)}
    assert sg.check_vjp(np.exp, lambda z, y, g: g * y, Z).ok is True

"""Calls that do not fit a signature: one sentence for every public function and constructor, and what was meant."""

import inspect
import pickle

import numpy as np
import pytest

import softgrad as sg

Z, Y = np.zeros((2, 3)), np.array([0, 1])
FUNCTIONS = {
    **{name: getattr(sg, name) for name in sg.__all__ if inspect.isfunction(getattr(sg, name))},
    **{f"nn.{name}": getattr(sg.nn, name) for name in sg.nn.__all__ if inspect.isfunction(getattr(sg.nn, name))},
    **{f"data.{name}": getattr(sg.data, name) for name in ("read_table", "read_classes", "class_indices", "split")},
    "testing.assert_vjp": sg.testing.assert_vjp,
    "testing.assert_grad": sg.testing.assert_grad,
    "testing.assert_layer": sg.testing.assert_layer,
    "check.compare_gradients": sg.check.compare_gradients,
}
CLASSES = {
    "SoftmaxJacobian": sg.SoftmaxJacobian,
    **{
        f"nn.{name}": getattr(sg.nn, name)
        for name in ("SGD", "Adam", "Dense", "Dropout", "Network", "ReLU", "Softmax", "Tanh", "Trainer")
    },
}
CALLABLES = FUNCTIONS | CLASSES

MESSAGES = {  # name: (call, message)
    "an axis without its name": (
        lambda: sg.softmax(Z, 1),
        "softmax: got 2 arguments by position, wanted one argument (logits); name the axis, as axis=1",
    ),
    "an option without its name": (
        lambda: sg.cross_entropy(Z, Y, "mean"),
        "cross_entropy: got 3 arguments by position, wanted 2 arguments (logits, target); give options by name",
    ),
    "dim": (
        lambda: sg.log_softmax(Z, dim=1),
        "log_softmax: unexpected option 'dim'; here it is axis; wanted one of axis, temperature, where, out",
    ),
    "dtype": (
        lambda: sg.softmax(Z, dtype=float),
        "softmax: unexpected option 'dtype'; convert the logits or the result with astype; "
        "wanted one of axis, temperature, where, out",
    ),
    "a misspelled option": (
        lambda: sg.softmax(Z, temprature=2.0),
        "softmax: unexpected option 'temprature'; did you mean temperature? "
        "wanted one of axis, temperature, where, out",
    ),
    "an argument under another name": (
        lambda: sg.cross_entropy_with_grad(input=Z, target=Y),
        "cross_entropy_with_grad: unexpected option 'input'; here it is logits; wanted one of out",
    ),
    "a missing argument": (
        lambda: sg.cross_entropy(Z),
        "cross_entropy: target is missing, wanted cross_entropy(logits, target, ...)",
    ),
    "several missing arguments": (
        lambda: sg.nn.train(),
        "train: network and x and target are missing, wanted train(network, x, target, ...)",
    ),
    "an argument given twice": (
        lambda: sg.softmax(Z, logits=Z),
        "softmax: logits is given twice, by position and by name; give it once",
    ),
    "an option of another library in a constructor": (
        lambda: sg.nn.Adam(lr=0.1),
        "Adam: unexpected option 'lr'; here it is learning_rate; wanted one of beta1, beta2, epsilon, weight_decay",
    ),
    "an argument of a constructor without one": (
        lambda: sg.nn.ReLU(5),
        "ReLU: got 1 arguments by position, wanted no argument",
    ),
}


class Inherits(sg.nn.Dense):
    """A layer with the constructor of Dense."""


class Calls(sg.nn.Dense):
    """A layer with its own constructor."""

    def __init__(self, width):
        super().__init__(width, bias=False)


def test_the_message_names_the_class_whose_constructor_it_is():
    with pytest.raises(TypeError, match=r"^Inherits: units is missing, wanted Inherits\(units\)$"):
        Inherits()
    with pytest.raises(TypeError, match=r"^Dense: unexpected option 'bias'; wanted one of units$"):
        Calls(3)
    with pytest.raises(TypeError, match=r"^Calls.__init__\(\) missing 1 required positional argument: 'width'$"):
        Calls()


@pytest.mark.parametrize("name", MESSAGES)
def test_a_call_that_does_not_fit_has_exactly_this_message(name):
    call, message = MESSAGES[name]
    with pytest.raises(TypeError) as raised:
        call()
    assert str(raised.value) == message
    assert raised.value.__suppress_context__


@pytest.mark.parametrize("name", CALLABLES)
def test_every_callable_names_an_unexpected_option_and_too_many_arguments(name):
    function, short = CALLABLES[name], name.split(".")[-1]
    kinds = {parameter.kind for parameter in inspect.signature(function).parameters.values()}
    if inspect.Parameter.VAR_POSITIONAL not in kinds:
        with pytest.raises(TypeError, match=f"^{short}: got 20 arguments by position, wanted"):
            function(*[0] * 20)
    if inspect.Parameter.VAR_KEYWORD not in kinds:  # else the function itself checks the names
        with pytest.raises(TypeError, match=f"^{short}: unexpected option 'no_such_option'; wanted"):
            function(no_such_option=1)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_keeps_its_signature_and_its_name(name):
    function = FUNCTIONS[name]
    assert pickle.loads(pickle.dumps(function)) is function
    assert function.__name__ == name.split(".")[-1]
    assert inspect.signature(function) == inspect.signature(function.__wrapped__)


def test_an_error_inside_a_function_stays_as_it_is():
    def loss(z):
        return len(z, z)

    with pytest.raises(sg.DtypeError, match="logits is None"):
        sg.softmax(None)
    with pytest.raises(sg.CheckError, match=r"len\(\) takes exactly one argument"):
        sg.check_grad(loss, loss, Z)


@pytest.mark.parametrize(
    ("name", "meant"),
    {
        "sofmax": "softmax",
        "crossentropy": "cross_entropy",
        "nll_loss": "cross_entropy",
        "gradcheck": "check_vjp",
    }.items(),
)
def test_a_misspelled_function_is_recognised(name, meant):
    with pytest.raises(AttributeError) as raised:
        getattr(sg, name)
    assert str(raised.value) == f"module 'softgrad' has no attribute {name!r}; did you mean {meant}?"

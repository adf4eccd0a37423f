"""What is told of the line where a backward pass goes wrong, and when nothing is told."""

import linecache
import sys

import numpy as np
import pytest

import softgrad as sg
from softgrad.check.diagnose import wrong_line

RNG = np.random.default_rng(0)
X, W, B = RNG.normal(size=(4, 3)), RNG.normal(size=(3, 3)), RNG.normal(size=3)


def forward(x, w, b):
    h = np.tanh(x @ w + b)
    return h * h


def with_the_product_turned(x, w, b, y, g):
    h = np.tanh(x @ w + b)
    dh = 2 * h * g
    dz = dh * (1 - h * h)
    dx = dz @ w
    return dx, x.T @ dz, dz.sum(axis=0)


def without_a_derivative(x, w, b, y, g):
    h = np.tanh(x @ w + b)
    dh = 2 * h * g
    dz = dh * h
    return dz @ w.T, x.T @ dz, dz.sum(axis=0)


def with_another_sign(x, w, b, y, g):
    h = np.tanh(x @ w + b)
    dz = 2 * h * g * (1 - h * h)
    return dz @ w.T, x.T @ dz, -dz.sum(axis=0)


def with_a_wrong_power(x, w, b, y, g):
    h = np.tanh(x @ w + b)
    dz = (2 * h * g) * (1 - h**3)
    return dz @ w.T, x.T @ dz, dz.sum(axis=0)


def with_a_parameter_returned(x, w, b, y, g):
    h = np.tanh(x @ w + b)
    dz = 2 * h * g * (1 - h * h)
    return dz @ w.T, x.T @ dz, b


WORDS = {
    with_the_product_turned: [
        "dz is right: the gradient of x @ w + b  (line {forward})",
        "dx should be the gradient of x: dz @ w.T",
        "found on 3 of 3 draws",
    ],
    without_a_derivative: [
        "dh is right: the gradient of h  (line {forward})",
        "dz should be the gradient of x @ w + b  (line {forward}): dh * (1 - h ** 2)",
        "found on 3 of 3 draws",
    ],
    with_another_sign: [
        "dz is right: the gradient of x @ w + b  (line {forward})",
        "-dz.sum(axis=0) has the wrong sign",
        "found on 3 of 3 draws",
    ],
    with_a_parameter_returned: ["what is returned as the gradient of b is b", "found on 3 of 3 draws"],
    with_a_wrong_power: ["dz should be the gradient of x @ w + b  (line {forward})", "found on 3 of 3 draws"],
}


@pytest.mark.parametrize("backward", WORDS, ids=lambda one: one.__name__)
def test_words(backward):
    line = sg.check_vjp(forward, backward, X, W, B).backward_line
    number = forward.__code__.co_firstlineno + 1
    assert line.function == backward.__name__
    assert list(line.notes) == [note.format(forward=number) for note in WORDS[backward]]


def test_the_text_of_a_report():
    report = sg.check_vjp(forward, with_the_product_turned, X, W, B)
    number = with_the_product_turned.__code__.co_firstlineno + 4
    assert f"\n\ntest_line.py, line {number}, in with_the_product_turned:   dx = dz @ w\n  dz is right" in report.text()
    assert f"{number}      dx = dz @ w</mark>" in report._repr_html_()


def test_a_right_gradient_has_no_line():
    report = sg.check_vjp(np.tanh, lambda x, y, g: g * (1 - y * y), X)
    assert (report.ok, report.backward_line, report.forward_line) == (True, None, None)


SOURCE = """
def loss(w, x):
    return ((x @ w) ** 2).mean()

def grad(w, x):
    r = x @ w
    return x.T @ r
"""


def made_from(text, name):
    names = {"np": np}
    exec(compile(text, name, "exec"), names)
    return names["loss"], names["grad"]


def test_without_source_there_is_no_text():
    report = sg.check_grad(*made_from(SOURCE, "<made by a test>"), RNG.normal(size=3), X)
    line = report.backward_line
    assert (line.number, line.function, line.text, line.around) == (7, "grad", "", ())
    assert "\n<made by a test>, line 7, in grad\n" in report.text()


def test_the_text_decides_nothing():
    """The source of a file that has changed meanwhile, or cannot be read as Python, is shown and not trusted."""
    name = "<changed by a test>"
    functions = made_from(SOURCE, name)
    for text in ("\n" * 6 + "def ((\n", "x = 1\n" * 20, "\n"):
        linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
        line = sg.check_grad(*functions, RNG.normal(size=3), X).backward_line
        assert (line.number, line.function) == (7, "grad")
    del linecache.cache[name]


def test_a_fault_of_the_search_costs_the_line_alone(monkeypatch):
    def fails(*_):
        raise ZeroDivisionError

    report = sg.check_vjp(forward, without_a_derivative, X, W, B)
    monkeypatch.setattr(wrong_line, "find_line", fails)
    without = sg.check_vjp(forward, without_a_derivative, X, W, B)
    assert without.backward_line is None
    assert (without.ok, without.error, without.mistakes) == (report.ok, report.error, report.mistakes)


def test_nothing_is_told_where_the_trace_is_lost():
    """Bytes leave no trace: the derivatives of what is traced are not those of the function."""

    def lost(x):
        return np.frombuffer(np.ascontiguousarray(np.asarray(x, dtype=float)).tobytes()).reshape(x.shape) ** 2

    report = sg.check_vjp(lost, lambda x, y, g: g * x, X)
    assert report.ok is False
    assert report.backward_line is None


def test_the_functions_and_the_random_state_are_left_as_they_were():
    class Layer:
        def __init__(self):
            self.cache = None

        def forward(self, x):
            self.cache = np.exp(x)
            return self.cache

        def backward(self, x, y, g):
            return g * self.cache * 2

    profiler = sys.getprofile()
    layer, makers = Layer(), (np.zeros, np.array, np.empty_like)
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    report = sg.check_vjp(layer.forward, layer.backward, X)
    assert report.backward_line.text == "return g * self.cache * 2"
    assert layer.cache is None
    assert sys.getprofile() is profiler
    assert makers == (np.zeros, np.array, np.empty_like)
    assert np.array_equal(state, np.random.get_state()[1])  # noqa: NPY002


@pytest.mark.parametrize("x", [2.0, np.array([1.3])])
def test_a_single_number_lacks_no_factor(x):
    """Any wrong number is the right one times something."""
    report = sg.check_vjp(lambda x: np.exp(x) * x, lambda x, y, g: g * np.sin(x), x)
    assert report.ok is False
    assert report.backward_line is None or not any("lacks the factor" in note for note in report.backward_line.notes)


def test_what_a_number_is_stands_at_the_end_of_the_sentence():
    t = X > 0

    def positives_without_their_weight(x):
        d = 1 / (1 + np.exp(-x)) - t
        return d / x.size

    report = sg.check_grad(
        lambda x: (3 * t * np.logaddexp(0, -x) + (1 - t) * np.logaddexp(0, x)).mean(), positives_without_their_weight, X
    )
    assert report.backward_line.notes[0] == (
        "d should be 12 times the gradient of x, where 12 is the number of entries of the mean"
    )


def silu(x):
    return x / (1 + np.exp(-x))


def exchanged(gate, up, y, g):
    s = 1 / (1 + np.exp(-gate))
    dgate = g * up * (s + silu(gate) * (1 - s))
    dup = g * silu(gate)
    return dup, dgate


def exchanged_in_a_dict(params, y, g):
    s = 1 / (1 + np.exp(-params["gate"]))
    dgate = g * params["up"] * (s + silu(params["gate"]) * (1 - s))
    dup = g * silu(params["gate"])
    return {"gate": dup, "up": dgate}


def test_gradients_in_each_others_place_are_told_at_the_line_that_returns_them():
    gate, up = X, X[::-1] + 1
    report = sg.check_vjp(lambda gate, up: silu(gate) * up, exchanged, gate, up)
    assert report.backward_line.text == "return dup, dgate"
    assert report.backward_line.notes[0] == "what is returned as the gradient of gate is the gradient of up"
    params = {"gate": gate, "up": up}
    report = sg.check_vjp(lambda p: silu(p["gate"]) * p["up"], exchanged_in_a_dict, params)
    assert report.backward_line.text == 'return {"gate": dup, "up": dgate}'


def test_a_value_that_lacks_the_weights_of_its_rows_is_no_mistake_yet():
    w, y = np.array([0.5, 2.0, 1.0])[np.array([0, 2, 1, 1])], np.array([0, 2, 1, 1])

    def loss(z):
        logp = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
        return -(w * logp[np.arange(4), y]).sum() / w.sum()

    def divided_by_the_number_of_rows(z, loss, g):
        d = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
        d[np.arange(4), y] -= 1
        d = d * w[:, None]
        return g * d / len(z)

    assert sg.check_vjp(loss, divided_by_the_number_of_rows, X).backward_line.text == "return g * d / len(z)"

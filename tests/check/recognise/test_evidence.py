"""On a few numbers many functions are the same: only what the numbers show is recognised, and only that is named."""

import numpy as np
import pytest

import softgrad as sg
from check.corpus.common import log_softmax, relu, sigmoid, softmax
from softgrad.check.recognise.evidence import is_shown
from softgrad.check.recognise.function_search import recognise
from softgrad.check.recognise.interpretation import UserArray
from softgrad.check.sampling.redraw import redraw
from together import together

SIZES = [(1,), (2,), (3,), (1, 1), (1, 2), (2, 1), (2, 2)]
STRANGERS = {  # of one array
    "identity times 1": lambda x: x * 1.0,
    "times 2.5": lambda x: 2.5 * x,
    "affine": lambda x: 2 * x + 1,
    "softsign": lambda x: x / (1 + np.abs(x)),
    "cumulative sum": lambda x: np.cumsum(x, axis=-1),
    "sorted": lambda x: np.sort(x, axis=-1),
    "absolute value": np.abs,
    "one": np.ones_like,
    "zero": np.zeros_like,
    "one half": lambda x: np.full(x.shape, 0.5),
    "softmax of one class": lambda x: np.exp(x) / np.exp(x),
    "square": np.square,
    "sine": np.sin,
    "sum": np.sum,
    "mean": np.mean,
    "sum of rows": lambda x: x.sum(axis=-1),
    "largest of rows": lambda x: x.max(axis=-1),
    "product": np.prod,
    "root of fourth powers": lambda x: np.sqrt((x**4).sum()) ** 0.5,
    "divided by the largest": lambda x: x / np.abs(x).max(axis=-1, keepdims=True),
    "shares": lambda x: x / x.sum(axis=-1, keepdims=True),
    "centred": lambda x: x - x.mean(axis=-1, keepdims=True),
    "sigmoid of a difference": lambda x: sigmoid(x.ravel()[0] - x.ravel()[-1]),
    "a wide clip": lambda x: np.clip(x, -99, 99),
}
OF_TWO = {  # of two arrays
    "product": lambda x, y: x * y,
    "second times 1": lambda x, y: y * 1.0,
    "sum": lambda x, y: x + y,
    "ratio": lambda x, y: x / y,
    "inner product": lambda x, y: (x * y).sum(),
    "minus the inner product": lambda x, y: -(x * y).sum(),
    "minus the mean product": lambda x, y: -(x * y).mean(),
    "softmax times": lambda x, y: softmax(x) * y,
    "absolute error": lambda x, y: np.abs(x - y).sum(),
    "larger": np.maximum,
}
FROM = {  # a known function, and the smallest size at which it is recognised; positive and negative numbers
    "softmax": (softmax, (2,)),
    "log-softmax": (log_softmax, (2,)),
    "sigmoid": (sigmoid, (1,)),
    "tanh": (np.tanh, (1,)),
    "ReLU": (relu, (3,)),
    "leaky ReLU of slope 0.1": (lambda x: np.where(x > 0, x, 0.1 * x), (3,)),
    "softplus": (lambda x: np.log1p(np.exp(x)), (1,)),
    "exp": (np.exp, (1,)),
    "the length": (lambda x: np.sqrt((x**2).sum()), (2, 2)),
    "division of each row by its length": (lambda x: x / np.sqrt((x**2).sum(axis=-1, keepdims=True)), (2, 2)),
    "logsumexp": (lambda x: np.log(np.exp(x).sum(axis=-1)), (3,)),
}
KINDS = {"of both signs": lambda a: a, "positive": lambda a: np.abs(a) + 0.1}


def drawn(function, arrays, seed=3):
    """The function at the arrays and at three others like them, as a check draws them."""
    rng = np.random.default_rng(seed)
    every = [arrays, *([redraw(a, rng, standard=bool(n % 2)) for a in arrays] for n in range(3))]
    return [
        ([UserArray(f"x{i}", a) for i, a in enumerate(one)], np.asarray(function(*one), dtype=float)) for one in every
    ]


def arrays_of(size, count, kind):
    rng = np.random.default_rng(0)
    return [KINDS[kind](rng.normal(size=size)) for _ in range(count)]


@pytest.mark.parametrize("name", STRANGERS)
@together(size=SIZES, kind=KINDS)
def test_a_stranger_of_a_few_numbers_is_none(name, size, kind):
    assert recognise(drawn(STRANGERS[name], arrays_of(size, 1, kind)), {}) is None


@pytest.mark.thorough
@pytest.mark.parametrize("name", OF_TWO)
@together(size=SIZES, kind=KINDS)
def test_a_stranger_of_two_arrays_is_none(name, size, kind):
    assert recognise(drawn(OF_TWO[name], arrays_of(size, 2, kind)), {}) is None


@pytest.mark.parametrize("name", FROM)
def test_a_known_function_is_recognised_from_its_size_on(name):
    function, smallest = FROM[name]
    for size in SIZES:
        found = recognise(drawn(function, arrays_of(size, 1, "of both signs")), {})
        if np.prod(size) >= np.prod(smallest) and size[-1] >= min(smallest[-1], 2):
            assert found is not None, size
        assert found is None or found.title == name


def test_numbers_have_to_rule_out_the_functions_tried():
    """Two numbers of 8 digits rule out 5000 functions; one number, or two of which one is read off, do not."""
    samples = drawn(np.tanh, arrays_of((1,), 1, "of both signs"))
    found = recognise(samples, {})
    plain = [([one.array for one in arrays], output) for arrays, output in samples]
    assert is_shown(found, plain[:2], tries=5_000, rtol=1e-8)
    assert not is_shown(found, plain[:1], tries=5_000, rtol=1e-8)
    assert not is_shown(found, plain[:2], tries=5_000, rtol=1e-4)


def test_two_numbers_show_no_function():
    """What is said of them rests on their own operations."""
    report = sg.check_vjp(lambda a, b: b * 1.0, lambda a, b, y, g: (0 * a, 2 * g), np.array([0.3]), np.array([0.7]))
    assert report.ok is False
    assert [mistake.name for mistake in report.mistakes] == ["wrong-factor"]
    assert not any(fact.startswith("forward computes") for fact in report.facts)


@pytest.mark.parametrize("whole", ["mean", "sum"])
def test_one_sample_is_checked_with_two(whole):
    """A mean is told from a sum, though one sample was given."""
    z, t = np.array([[0.3, -1.2, 0.8]]), np.array([[0.2, 0.5, 0.3]])
    by = len if whole == "mean" else lambda z: 1
    loss = lambda z, t: -(t * log_softmax(z)).sum() / by(z)  # noqa: E731
    report = sg.check_grad(loss, lambda z, t: (t - softmax(z)) / by(z), z, t)
    assert report.mistake.name == "sign"
    assert any(f"the {whole} over the samples of the cross-entropy" in fact for fact in report.facts)

"""Functions are recognised by their numbers and have the right backward pass; strangers stay strangers."""

import numpy as np
import pytest

from check.corpus.common import log_softmax, one_hot, sigmoid, softmax
from check.known_functions import KNOWN, LOSSES, K, N, nll, reals, with_classes
from softgrad.check.recognise.function_search import recognise
from softgrad.check.recognise.interpretation import UserArray
from softgrad.formulas.language import run

STEP = 1e-6


def samples_of(known, seed=0, count=3):
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        arrays = known.inputs(rng)
        leaves = [UserArray(f"input {i}", array, i in known.parameters) for i, array in enumerate(arrays)]
        found.append((leaves, np.asarray(known.function(*arrays))))
    return found


def recognised(known, **options):
    return recognise(samples_of(known), known.context or {}, **options)


def differences(f, arrays, i, upstream):
    """Plain central differences of <upstream, f>, by nothing of softgrad's."""
    slopes = np.zeros(arrays[i].shape)
    for at in np.ndindex(slopes.shape):
        ends = []
        for step in (STEP, -STEP):
            moved = [array.copy() for array in arrays]
            moved[i][at] += step
            ends.append((upstream * f(*moved)).sum())
        slopes[at] = (ends[0] - ends[1]) / (2 * STEP)
    return slopes


@pytest.mark.parametrize("name", KNOWN)
def test_is_recognised(name):
    recipe = recognised(KNOWN[name])
    assert recipe is not None
    assert KNOWN[name].title in recipe.title
    assert KNOWN[name].layout in str(recipe.layout)


@pytest.mark.parametrize("name", KNOWN)
def test_its_lines_agree_with_differences(name):
    """At other inputs than those it was recognised by."""
    known, recipe = KNOWN[name], recognised(KNOWN[name])
    rng = np.random.default_rng(7)
    arrays = known.inputs(rng)
    output = np.asarray(known.function(*arrays))
    assert recipe.matches(arrays, output)
    upstream = rng.normal(size=output.shape)
    names = recipe.with_upstream(recipe.forward(arrays), upstream)
    run([step.line for step in recipe.backward], names)
    assert recipe.grads
    for i, gradient in recipe.grads.items():
        wanted = differences(known.function, arrays, i, upstream)
        got = np.reshape(names[gradient], wanted.shape)
        np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-7 * np.abs(wanted).max(), err_msg=gradient)


@pytest.mark.parametrize("name", KNOWN)
def test_every_real_array_that_counts_has_a_gradient(name):
    """But the target, masks and weights of a loss."""
    known, recipe = KNOWN[name], recognised(KNOWN[name])
    wanted = set(known.parameters) or {0}
    assert wanted <= recipe.grads.keys()


@pytest.mark.parametrize("name", KNOWN)
def test_another_function_does_not_match(name):
    """Planted: an output that is off in one entry by a millionth."""
    known, recipe = KNOWN[name], recognised(KNOWN[name])
    arrays = known.inputs(np.random.default_rng(3))
    output = np.array(known.function(*arrays), dtype=float)
    flat = output.reshape(-1)
    flat[np.abs(flat).argmax()] *= 1 + 1e-6
    assert not recipe.matches(arrays, output)


# ---- strangers ----

STRANGERS = {
    "sine": (np.sin, reals((N, K))),
    "cube": (lambda z: z**3, reals((N, K))),
    "normalisation": (lambda z: z / (z**2).sum(axis=1, keepdims=True), reals((N, K))),
    "softmax squared": (lambda z: softmax(z) ** 2, reals((N, K))),
    "softmax without a row": (lambda z: softmax(z)[1:], reals((N, K))),
    "softmax of a shifted class": (lambda z: softmax(z + np.arange(K)), reals((N, K))),
    "clipped logits": (lambda z: softmax(np.clip(z, -1, 1)), reals((N, K))),
    "hinge loss": (lambda z, y: np.maximum(0, 1 - z[np.arange(N), y]).mean(), with_classes((N, K))),
    "focal loss, gamma 2.7": (lambda z, y: ((1 - np.exp(-nll(z, y))) ** 2.7 * nll(z, y)).mean(), with_classes((N, K))),
    "half of a mean": (lambda z, y: nll(z, y).mean() / 2, with_classes((N, K))),
    "absolute error": (lambda z, t: np.abs(z - t).sum(), reals((N, K), (N, K))),
    "quick GELU behind dense": (lambda x, W: (x @ W) * sigmoid(1.702 * (x @ W)), reals((N, 4), (4, K))),
    "two layers with sine": (
        lambda x, V, W, y: nll(np.sin(x @ V) @ W, y).mean(), with_classes((N, 4), (4, 6), (6, K))
    ),
    "linear attention": (lambda q, k, v: np.tanh(q @ k.T) @ v, reals((N, 4), (N, 4), (N, 4))),
    "attention with a mask of its own": (
        lambda q, k, v: softmax(q @ k.T + np.eye(N)) @ v, reals((N, 4), (N, 4), (N, 4))
    ),
    "a norm that leaves out one row": (lambda x: (x - x[1:].mean(0)) / x[1:].std(0), reals((N, K))),
    "a norm with the standard deviation squared": (lambda x: (x - x.mean(0)) / x.var(0), reals((N, K))),
    "rows of a table, doubled": (lambda W, i: 2 * W[i], lambda rng: (rng.normal(size=(5, 2)), rng.integers(0, 5, 6))),
    "fourth powers": (lambda W: (W**4).sum(), reals((N, K))),
    "a sum": (lambda z: z.sum(), reals((N, K))),
    "a constant": (lambda z: np.ones(()), reals((N, K))),
}  # fmt: skip


@pytest.mark.parametrize("name", STRANGERS)
def test_a_stranger_is_none(name):
    function, inputs = STRANGERS[name]
    rng = np.random.default_rng(0)
    samples = []
    for _ in range(3):
        arrays = inputs(rng)
        samples.append(([UserArray(f"input {i}", a) for i, a in enumerate(arrays)], np.asarray(function(*arrays))))
    assert recognise(samples, {}) is None


def test_one_sample_alone_may_deceive():
    """ReLU of positive numbers is what nothing at all is; at other inputs it is not."""
    known = KNOWN["ReLU"]
    rng = np.random.default_rng(0)
    positive = np.abs(rng.normal(size=(N, K)))
    samples = [([UserArray("z", positive)], positive), *samples_of(known)]
    assert "ReLU" in recognise(samples, {}).title


def test_the_context_decides_what_the_numbers_leave_open():
    """Where every row and every column holds the same numbers, the softmax of rows is that of columns."""
    array = np.array([[0.0, 1, 2], [1, 2, 0], [2, 0, 1]])
    z, p = [UserArray("z", array)], softmax(array)
    assert recognise([(z, p)], {}).layout.class_axis == -1
    assert recognise([(z, p)], {"layout": "columns"}).layout.class_axis == 0
    assert recognise([(z, p)], {"class_axis": 0}).layout.class_axis == 0


# ---- a target that the function keeps to itself ----

HIDDEN = {
    "mean": (lambda z, t: -(t * log_softmax(z)).sum() / len(z), lambda z, t: (softmax(z) - t) / len(z)),
    "sum": (lambda z, t: -(t * log_softmax(z)).sum(), lambda z, t: softmax(z) - t),
    "over all entries": (lambda z, t: -(t * log_softmax(z)).mean(), lambda z, t: (softmax(z) - t) / z.size),
}


@pytest.mark.parametrize("name", HIDDEN)
@pytest.mark.parametrize("target", [one_hot(np.array([0, 2, 1, 1, 0]), K), np.full((N, K), 1 / K)])
def test_a_hidden_target_is_read_off_the_gradient(name, target):
    loss, grad = HIDDEN[name]
    rng = np.random.default_rng(0)
    inputs = [rng.normal(size=(N, K)) for _ in range(3)]
    samples = [([UserArray("z", z)], np.asarray(loss(z, target))) for z in inputs]
    assert recognise(samples, {}) is None
    recipe = recognise(samples, {}, gradient_at_logits=grad(inputs[0], target))
    np.testing.assert_allclose(recipe.constants["t"], target, atol=1e-12)


def test_no_hidden_target_is_read_off_a_gradient_of_another_loss():
    rng = np.random.default_rng(0)
    inputs = [rng.normal(size=(N, K)) for _ in range(3)]
    samples = [([UserArray("z", z)], np.asarray((z**3).sum())) for z in inputs]
    assert recognise(samples, {}, gradient_at_logits=3 * inputs[0] ** 2) is None


# ---- penalties ----


PENALTIES = {"dW + reg * W": lambda W: (W**2).sum() / 2, "dW + reg * sign(W)": lambda W: np.abs(W).sum()}


@pytest.mark.parametrize("adds", PENALTIES)
@pytest.mark.parametrize("reg", [0.01, 0.5, 2.0])
def test_a_penalty_is_read_off_the_loss(reg, adds):
    known = LOSSES["mean"]._replace(
        function=lambda x, W, y: nll(x @ W, y).mean() + reg * PENALTIES[adds](W),
        inputs=with_classes((N, 4), (4, K)),
        parameters=(1,),
    )
    recipe = recognised(known)
    assert recipe.constants["reg"] == pytest.approx(reg)
    assert [step.line for step in recipe.backward].count(f"dW = {adds}") == 1


def test_what_is_no_penalty_is_not_taken_for_one():
    """A loss that differs from a known one by other numbers on every draw."""
    known = LOSSES["mean"]._replace(
        function=lambda x, W, y: nll(x @ W, y).mean() + np.abs(W**3).sum(),
        inputs=with_classes((N, 4), (4, K)),
        parameters=(1,),
    )
    assert recognised(known) is None

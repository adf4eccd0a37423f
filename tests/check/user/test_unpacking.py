"""A flat vector of parameters is told by the names that the function unpacks it into."""

import cProfile
import sys
from types import SimpleNamespace

import numpy as np
import pytest

import softgrad as sg

RNG = np.random.default_rng(0)
THETA, X, T = RNG.normal(size=11), RNG.normal(size=(4, 3)), RNG.normal(size=(4, 2))
SHAPES = {"W1": (3, 2), "b1": (2,), "w2": (2,), "b2": ()}


def tanh_layers(W1, b1, w2, b2, x):
    h = np.tanh(x @ W1 + b1)
    return ((h @ w2 + b2) ** 2).sum()


def right(theta, x, order="C"):
    """The gradient at the four arrays, and at the vector."""
    W1, b1, w2, b2 = theta[:6].reshape(3, 2, order=order), theta[6:8], theta[8:10], theta[10]
    h = np.tanh(x @ W1 + b1)
    dy = 2 * (h @ w2 + b2)
    dz = np.outer(dy, w2) * (1 - h**2)
    return np.concatenate([(x.T @ dz).ravel(order), dz.sum(axis=0), h.T @ dy, [dy.sum()]])


def slices(theta, x):
    W1 = theta[:6].reshape(3, 2)
    b1 = theta[6:8]
    w2 = theta[8:10]
    b2 = theta[10]
    return tanh_layers(W1, b1, w2, b2, x)


def with_intermediate(theta, x):
    rest = theta[6:]
    W1, b1, w2, b2 = np.reshape(theta[:6], (3, 2)), rest[:2], rest[2:4], rest[4]
    transposed, row = W1.T, W1[0]
    assert transposed.size + row.size
    return tanh_layers(W1, b1, w2, b2, x)


def by_a_helper(theta, x):
    def unpack(theta):
        at, found = 0, []
        for shape in SHAPES.values():
            size = int(np.prod(shape))
            found.append(theta[at : at + size].reshape(shape))
            at += size
        return found

    W1, b1, w2, b2 = unpack(theta)
    return tanh_layers(W1, b1, w2, b2, x)


def into_a_dict(theta, x):
    p = {"W1": theta[:6].reshape(3, 2), "b1": theta[6:8], "w2": theta[8:10], "b2": theta[10]}
    return tanh_layers(**p, x=x)


def into_an_object(theta, x):
    net = SimpleNamespace()
    net.W1, net.b1, net.w2, net.b2 = theta[:6].reshape(3, 2).copy(), theta[6:8], theta[8:10], theta[10]
    h = np.tanh(x @ net.W1 + net.b1)
    return ((h @ net.w2 + net.b2) ** 2).sum()


def in_fortran_order(theta, x):
    W1, b1, w2, b2 = theta[:6].reshape(3, 2, order="F"), theta[6:8], theta[8:10], theta[10]
    return tanh_layers(W1, b1, w2, b2, x)


def by_split(theta, x):
    W1, b1, w2, b2 = np.split(theta, [6, 8, 10])
    W1 = W1.reshape(3, 2)
    return tanh_layers(W1, b1, w2, b2[0], x)


UNPACKS = {
    "slices": slices,
    "a rest that is unpacked further": with_intermediate,
    "by a helper": by_a_helper,
    "into a dict": into_a_dict,
    "into an object": into_an_object,
    "in Fortran order": in_fortran_order,
    "by np.split": by_split,
}


@pytest.mark.parametrize("case", UNPACKS)
def test_the_parts_have_the_names_of_the_function(case):
    loss, order = UNPACKS[case], "F" if "Fortran" in case else "C"
    report = sg.check_grad(loss, lambda theta, x: right(theta, x, order), THETA, X)
    assert report.ok is True, report.text()
    assert dict(report.checked) == SHAPES
    told = ", ".join(f"{name} {shape}" for name, shape in SHAPES.items())
    assert report.facts[0] == f"theta is unpacked by loss into {told}"

    entry = 2 * 2 + 1 if order == "C" else 1 * 3 + 2  # of W1[2, 1] in the vector

    def wrong(theta, x):
        grad = right(theta, x, order)
        grad[entry] += 1
        return grad

    report = sg.check_grad(loss, wrong, THETA, X)
    assert (report.where.name, report.where.index) == ("W1", (2, 1))
    assert report.where.got == pytest.approx(report.where.wanted + 1)


def wrt_of_two(theta, x):
    W, b = theta[:6].reshape(3, 2), theta[6:]
    return ((x @ W + b) ** 2).sum()


def test_beside_another_input_with_a_gradient():
    def grads(theta, x):
        d = 2 * (x @ theta[:6].reshape(3, 2) + theta[6:])
        return np.r_[(x.T @ d).ravel(), d.sum(axis=0)], d @ theta[:6].reshape(3, 2).T

    theta = THETA[:8]
    for given in (grads, lambda *i: list(grads(*i))):
        report = sg.check_grad(wrt_of_two, given, theta, X, wrt=(0, 1))
        assert report.ok is True
        assert list(report.checked) == ["W", "b", "x"]
    vjp = sg.check_vjp(wrt_of_two, lambda t, x, y, g: (g * grads(t, x)[0], None), theta, X)
    assert vjp.ok is True
    assert list(vjp.checked) == ["W", "b"]
    report = sg.check_grad(lambda t, x: (wrt_of_two(t, x), grads(t, x)[0]), True, theta, X)
    assert list(report.checked) == ["W", "b"]


def test_inputs_may_draw_vectors():
    inputs = lambda rng: (rng.normal(size=11), rng.normal(size=(5, 3)))  # noqa: E731
    report = sg.check_grad(slices, right, THETA, X, inputs=inputs)
    assert report.ok is True
    assert list(report.checked) == list(SHAPES)
    other = lambda rng: (rng.normal(size=int(rng.integers(3, 9))),)  # noqa: E731
    report = sg.check_grad(halves, lambda x: 2 * x * np.r_[1, np.full(len(x) - 1, 3.0)], THETA[:6], inputs=other)
    assert report.ok is True
    assert list(report.checked) == ["x"]


def halves(x):
    first, rest = x[:1], x[1:]
    return (first**2).sum() + 3 * (rest**2).sum()


def differences(x):
    before, after = x[:-1], x[1:]
    return ((after - before) ** 2).sum()


def by_sign(x):
    low, high = x[x < 0], x[x >= 0]
    return (low**2).sum() + 2 * (high**2).sum()


def by_rank(x):
    order = np.argsort(x)
    low, high = x[order[:3]], x[order[3:]]
    return (low**2).sum() + 2 * (high**2).sum()


def as_one_row(x):
    row = x.reshape(1, -1)
    return (row**2).sum()


def as_one_matrix(x):
    W = x.reshape(2, 3, order="F")
    return (W**2).sum()


def partly(x):
    W = x[:4].reshape(2, 2)
    return (W**2).sum() + sum(x[4:] ** 2)


LEFT_ALONE = {
    "parts that overlap": (differences, lambda x: 2 * np.r_[x[0] - x[1], 2 * x[1:-1] - x[:-2] - x[2:], x[-1] - x[-2]]),
    "parts by their sign": (by_sign, lambda x: 2 * x * np.where(x < 0, 1, 2)),
    "parts by their rank": (by_rank, lambda x: 2 * x * np.where(x.argsort().argsort() < 3, 1, 2)),
    "one row": (as_one_row, lambda x: 2 * x),
    "a part alone": (partly, lambda x: 2 * x),
    "no variables": (lambda x: (x**2).sum(), lambda x: 2 * x),
}


@pytest.mark.parametrize("case", LEFT_ALONE)
def test_what_is_no_vector_of_parameters_is_left_alone(case):
    loss, grad = LEFT_ALONE[case]
    report = sg.check_grad(loss, grad, THETA[:6])
    assert report.ok is True, report.text()
    assert list(report.checked) == ["x"]
    assert not any("unpacked" in fact for fact in report.facts)


def test_a_matrix_keeps_the_name_of_the_vector():
    report = sg.check_grad(as_one_matrix, lambda x: 2 * x + (np.arange(6) == 3), THETA[:6])
    assert report.facts[0] == "x is shown as (2, 3), as loss reshapes it"
    assert (report.where.name, report.where.index) == ("x", (1, 1))
    assert dict(report.checked) == {"x": (2, 3)}


def test_a_part_with_the_name_of_an_input_is_told_from_it():
    def loss(theta, w):
        w, v = theta[:2], theta[2:]
        return (w**2).sum() + (v**2).sum()

    report = sg.check_grad(loss, lambda theta, w: 2 * theta, THETA[:5], np.ones(3))
    assert report.ok is True
    assert list(report.checked) == ["theta.w", "v"]


def test_a_vector_without_a_gradient_is_left_alone():
    def loss(w, x):
        first, rest = x[:2], x[2:]
        return w.sum() * (first.sum() + (rest**2).sum())

    report = sg.check_grad(loss, lambda w, x: np.full(w.shape, x[:2].sum() + (x[2:] ** 2).sum()), THETA[:3], THETA)
    assert report.ok is True
    assert list(report.checked) == ["w"]


def test_a_gradient_of_another_shape_is_told_of_the_vector():
    report = sg.check_grad(slices, lambda theta, x: right(theta, x)[:, None], THETA, X)
    assert report.mistake.name == "wrong-shape"
    assert "the gradient of theta has shape (11, 1)" in report.text()


def test_no_profile_is_left_and_one_that_runs_is_not_disturbed():
    sg.check_grad(slices, right, THETA, X)
    assert sys.getprofile() is None
    with cProfile.Profile() as profile:
        report = sg.check_grad(slices, right, THETA, X)
        assert sys.getprofile() is not None
    assert list(report.checked) == ["theta"]
    assert profile.getstats()

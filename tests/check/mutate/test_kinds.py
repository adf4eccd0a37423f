"""Each kind of mistake by its name, in small functions that no recipe knows."""

import numpy as np
import pytest

import softgrad as sg
from softgrad.check.mutate import explain

RNG = np.random.default_rng(4)
X, W, B = RNG.normal(size=(5, 3)), RNG.normal(size=(3, 3)), RNG.normal(size=3)
TABLE, IDS = RNG.normal(size=(4, 3)), np.array([0, 2, 2, 1, 0])
REG = 0.3


def sinh_layer(x, w, b):
    z = x @ w + b
    return np.sinh(z) * 0.5


def gradients(x, w, b, dy, *, dz=None, dx=None, dw=None, db=None):
    """The right ones, with some of the arrays on the way replaced."""
    z = x @ w + b
    dz = 0.5 * np.cosh(z) * dy if dz is None else dz(z, dy)
    return (
        dz @ w.T if dx is None else dx(dz, w),
        x.T @ dz if dw is None else dw(x.T @ dz),
        dz.sum(axis=0) if db is None else db(dz),
    )


def layer(**changes):
    return sinh_layer, lambda x, w, b, y, dy: gradients(x, w, b, dy, **changes), (X, W, B)


def centred(x, g):
    c = x - x.mean(axis=1, keepdims=True)
    return c * c * c, g


def recurrent(x, w):
    h, hs = np.zeros(3), []
    for t in range(len(x)):
        h = np.arctan(w @ h + x[t])
        hs.append(h)
    return np.array(hs)


def back_in_time(x, w, dy, *, product=lambda w, dz: w.T @ dz, state=lambda hs, t: hs[t - 1], back=1.0):
    z, hs = [], {-1: np.zeros(3)}
    for t in range(len(x)):
        z.append(w @ hs[t - 1] + x[t])
        hs[t] = np.arctan(z[t])
    dx, dw, dh = np.zeros_like(x), np.zeros_like(w), np.zeros(3)
    for t in reversed(range(len(x))):
        dz = (dy[t] + back * dh) / (1 + z[t] ** 2)
        dx[t] = dz
        dw += np.outer(dz, state(hs, t))
        dh = product(w, dz)
    return dx, dw


def in_time(**changes):
    return recurrent, lambda x, w, y, dy: back_in_time(x, w, dy, **changes), (X, W)


def lookup(table):
    return np.cosh(table[IDS])


def lookup_back(table, y, g):
    d = np.zeros_like(table)
    d[IDS] += np.sinh(table[IDS]) * g
    return d


def loss(w):
    return np.sum(np.log(np.cosh(X @ w)))


def penalised(w):
    return loss(w) + REG * np.sum(w * w)


def slope(w):
    return X.T @ np.tanh(X @ w)


KINDS = {  # kind: (forward, backward, inputs)
    "left-out": (sinh_layer, lambda x, w, b, y, dy: gradients(x, w, b, 2 * dy), (X, W, B)),
    "transposed-product": layer(dx=lambda dz, w: dz @ w),
    "skipped": layer(dz=lambda z, dy: 0.5 * dy),
    "forward-value": layer(dz=lambda z, dy: 0.5 * np.sinh(z) * dy),
    "applied-twice": layer(dz=lambda z, dy: 0.5 * np.cosh(z) ** 2 * dy),
    "derivative-at-output": layer(dz=lambda z, dy: 0.5 * np.cosh(np.sinh(z)) * dy),
    "derivative-at-upstream": layer(dz=lambda z, dy: 0.5 * np.cosh(0.5 * dy) * dy),
    "wrong-sign": layer(db=lambda dz: -dz.sum(axis=0)),
    "only-the-last": layer(db=lambda dz: dz[-1]),
    "broadcast-sum": layer(db=lambda dz: dz.sum() * np.ones(3)),
    "wrong-factor": layer(db=lambda dz: dz.mean(axis=0)),
    "memory-order": layer(dw=lambda dw: dw.ravel(order="F").reshape(3, 3)),
    "stopped": (
        lambda x: np.sinh(x) / np.sqrt((x * x).sum()),
        lambda x, y, g: np.cosh(x) * g / np.sqrt((x * x).sum()),
        (X,),
    ),
    "truncated": in_time(back=0.0),
    "wrong-iteration": in_time(state=lambda hs, t: hs[t]),
    "repeated-indices": (lookup, lookup_back, (TABLE,)),
    "other-parameter": (
        lambda a, b: np.sinh(a) * np.exp(b),
        lambda a, b, y, g: (np.cosh(a) * np.exp(b) * g, np.cosh(a) * np.exp(b) * g),
        (X, RNG.normal(size=(5, 3))),
    ),
}
ALIKE = {  # names that are as true of the same numbers
    "memory-order": {"transposed-product"},  # of a square matrix
    "stopped": {"left-out"},
}


def check(kind):
    forward, backward, inputs = KINDS[kind]
    return sg.check_vjp(forward, backward, *inputs)


@pytest.mark.parametrize("kind", KINDS)
def test_a_mistake_is_called_by_its_kind(kind):
    report = check(kind)
    assert report.ok is False
    assert report.mistake is not None
    assert report.mistake.name in {kind, *ALIKE.get(kind, ())}
    assert report.forward_line is not None
    assert report.forward_line.file == __file__


def test_a_right_one_passes():
    assert sg.check_vjp(*layer()[:2], X, W, B).ok
    assert sg.check_vjp(*in_time()[:2], X, W).ok


def test_a_penalty_that_the_loss_has_not():
    report = sg.check_grad(loss, lambda w: slope(w) + REG * w, W)
    assert report.mistake.name == "parameter-added"


def test_a_penalty_that_the_gradient_has_not():
    report = sg.check_grad(penalised, slope, W)
    assert report.mistake.name == "left-out"


def test_half_a_penalty_is_told_as_a_factor():
    """Not as one of the two factors of w * w left out, which gives the same numbers."""
    report = sg.check_grad(penalised, lambda w: slope(w) + REG * w, W)
    assert report.mistake.name == "wrong-factor"
    assert "slope(w) + 2 * REG * w" in report.mistake.fix


def two_layers(x, w, v):
    return np.arctan(np.arctan(x @ w) @ v)


def back_of_two(x, w, v, dy, *, rate=0.0, slope=lambda z: 1 / (1 + z**2)):
    z = x @ w
    h = np.arctan(z)
    du = dy * slope(h @ v)
    dv = h.T @ du
    v = v - rate * dv
    dz = (du @ v.T) * slope(z)
    return dz @ w.T, x.T @ dz, dv


TWO = {  # what is done: (the changes, the name, words that are said)
    "every slope is left out": ({"slope": np.ones_like}, "skipped", "wherever arctan stands"),
    "every slope is applied twice": ({"slope": lambda z: 1 / (1 + z**2) ** 2}, "applied-twice", "wherever arctan"),
    "the weights are updated too early": ({"rate": 0.05}, "updated-weights", "-0.05 times its gradient"),
}


@pytest.mark.parametrize("case", TWO)
def test_two_layers(case):
    changes, name, words = TWO[case]
    v = RNG.normal(size=(3, 2))
    assert sg.check_vjp(two_layers, lambda x, w, v, y, dy: back_of_two(x, w, v, dy), X, W, v).ok
    report = sg.check_vjp(two_layers, lambda x, w, v, y, dy: back_of_two(x, w, v, dy, **changes), X, W, v)
    assert report.mistake.name == name
    assert words in report.mistake.explanation


def test_an_array_that_was_overwritten_by_its_gradient():
    report = sg.check_vjp(lambda x, w, b, v: np.sinh(x @ w + b) * 0.5 @ v, overwritten, X, W, B, W)
    assert report.mistake.name == "wrong-operand"
    assert "gradient of" in report.mistake.explanation


def overwritten(x, w, b, v, y, dy):
    z = x @ w + b
    h = 0.5 * np.sinh(z)
    dh = dy @ v.T
    dz = 0.5 * np.cosh(z) * dh
    h[...] = dh
    return dz @ w.T, x.T @ dz, dz.sum(axis=0), h.T @ dy


IMAGES = RNG.normal(size=(3, 2, 2, 3))
TAUS = np.array([0.1, 0.3, 0.8])


def batch_norm(x, gamma):
    return np.sin(standardised(x)[0] * gamma[:, None, None])


def standardised(x):
    mean, std = x.mean(axis=(0, 2, 3), keepdims=True), np.sqrt(x.var(axis=(0, 2, 3), keepdims=True) + 1e-5)
    return (x - mean) / std, std


def batch_norm_back(x, gamma, dy, *, count=18, after=False):
    xhat, std = standardised(x)
    over, scale = (0, 2, 3), gamma[:, None, None]
    d = dy * np.cos(xhat * scale)
    inside = d if after else d * scale
    dx = inside - (inside.sum(axis=over, keepdims=True) + xhat * (inside * xhat).sum(axis=over, keepdims=True)) / count
    return dx / std * (scale if after else 1), (d * xhat).sum(axis=over)


def attention(q, k):
    s = np.tanh(q @ k.T)
    e = np.exp(s - s.max(axis=1, keepdims=True))
    return np.sinh(e / e.sum(axis=1, keepdims=True))


def attention_back(q, k, dy, *, axis=1, diagonal=False):
    t = np.tanh(q @ k.T)
    e = np.exp(t)
    p = e / e.sum(axis=1, keepdims=True)
    dp = dy * np.cosh(p)
    ds = p * (1 - p) * dp if diagonal else p * (dp - (p * dp).sum(axis=axis, keepdims=True))
    dz = ds * (1 - t * t)
    return dz @ k, dz.T @ q


def pinball(z):
    return np.maximum(TAUS * z, (TAUS - 1) * z)


KERNEL = RNG.normal(size=3)
PARTS = {  # a function within another one: (forward, backward, inputs, names, words)
    "the means of the batch are over one axis": (
        batch_norm,
        lambda x, gamma, y, dy: batch_norm_back(x, gamma, dy, count=3),
        (IMAGES, RNG.uniform(0.5, 1.5, 2)),
        {"wrong-factor"},
        "the means are",
    ),
    "softmax's sum is over the queries": (
        attention,
        lambda q, k, y, dy: attention_back(q, k, dy, axis=0),
        (X, RNG.normal(size=(4, 3))),
        {"wrong-axis"},
        "softmax",
    ),
    "softmax's diagonal alone": (
        attention,
        lambda q, k, y, dy: attention_back(q, k, dy, diagonal=True),
        (X, RNG.normal(size=(4, 3))),
        {"diagonal-only"},
        "softmax",
    ),
    "1 - tau for tau": (
        lambda x: pinball(np.sinh(x)),
        lambda x, y, dy: dy * np.where(np.sinh(x) > 0, 1 - TAUS, -TAUS) * np.cosh(x),
        (X,),
        {"wrong-operand"},
        "1 - TAUS stands for TAUS",
    ),
    "the kernel of a convolution is not turned round": (
        lambda x: np.lib.stride_tricks.sliding_window_view(x, 3, axis=1) @ KERNEL,
        lambda x, y, dy: np.lib.stride_tricks.sliding_window_view(np.pad(dy, ((0, 0), (2, 2))), 3, axis=1) @ KERNEL,
        (RNG.normal(size=(3, 7)),),
        {"memory-order"},
        "is used in reverse order along axis 2",
    ),
    "a mask is left out": (
        lambda x: np.sum(np.log(np.cosh(x[:3] ** 2))),
        lambda x, y, dy: np.tanh(x**2) * 2 * x * dy,
        (X,),
        {"left-out"},
        "entries too that `x[:3]` does not take",
    ),
}


@pytest.mark.parametrize("case", PARTS)
def test_a_part_of_a_function(case):
    forward, backward, inputs, names, words = PARTS[case]
    report = sg.check_vjp(forward, backward, *inputs)
    assert report.mistake is not None
    assert report.mistake.name in names
    assert words in report.mistake.explanation


def test_a_mask_that_is_left_out_of_a_whole_derivative():
    """The mask is in the loss twice, squared: the gradient of one array lacks it in both places."""
    mask, target = (RNG.random((5, 4)) > 0.4) * 1.0, RNG.normal(size=(5, 4))

    def cost(a, b):
        return np.sum(np.square((a @ b.T - target) * mask))

    def back(a, b):
        off = 2 * (a @ b.T - target)
        return off @ b, (off * mask).T @ a

    report = sg.check_grad(cost, back, X, RNG.normal(size=(4, 3)), wrt=(0, 1))
    assert report.mistake.name == "left-out"
    assert "`mask` is left out of the derivative" in report.mistake.explanation


def test_the_draw_that_shows_most_comes_first():
    """At the inputs given, the wrong sign does not show: w is 0."""

    def back(x, w, y, g):
        return -g[:, None] * w * np.cosh(x @ w)[:, None], x.T @ (g * np.cosh(x @ w))

    report = sg.check_vjp(lambda x, w: np.sinh(x @ w), back, X, np.zeros(3))
    assert report.ok is False
    assert report.mistake is None or report.mistake.name == "wrong-sign"


def test_a_product_the_wrong_way_round_is_not_a_sum_that_lacks_a_term():
    """Of x A x, both terms of the gradient have A, and one should have its transpose."""

    def back(x, a, y, g):
        return 2 * g * (a @ x) * np.cosh(x @ a @ x), g * np.outer(x, x) * np.cosh(x @ a @ x)

    report = sg.check_vjp(lambda x, a: np.sinh(x @ a @ x), back, RNG.normal(size=3), W)
    assert report.ok is False
    assert report.mistake is None or report.mistake.name == "transposed-product"


def test_right_parts_pass():
    gamma = RNG.uniform(0.5, 1.5, 2)

    def back(x, gamma, y, dy):
        return batch_norm_back(x, gamma, dy, count=x.size // x.shape[1])

    assert sg.check_vjp(batch_norm, back, IMAGES, gamma).ok
    assert sg.check_vjp(attention, lambda q, k, y, dy: attention_back(q, k, dy), X, RNG.normal(size=(4, 3))).ok


UNNAMED = {
    "a constant from nowhere": lambda z, dy: 0.5123 * np.cosh(z) * dy,
    "noise": lambda z, dy: 0.5 * np.cosh(z) * dy + 0.01 * np.sin(37 * z) * dy,
}


@pytest.mark.parametrize("case", UNNAMED)
def test_what_equals_nothing_gets_no_name(case):
    forward, backward, inputs = layer(dz=UNNAMED[case])
    report = sg.check_vjp(forward, backward, *inputs)
    assert report.ok is False
    assert report.mistake is None


def test_a_fault_of_the_search_is_silent(monkeypatch, faults):
    def fails(*args):
        raise ValueError("a fault of ours")

    monkeypatch.setattr(explain, "Search", fails)
    report = check("transposed-product")
    assert report.ok is False
    assert report.mistake is None
    faults.clear()


def test_two_gradients_in_each_others_place():
    def exchanged(a, b, y, g):
        return g * np.sinh(a), g * b * np.cosh(a)

    report = sg.check_vjp(lambda a, b: np.sinh(a) * b, exchanged, X, X + 1)
    assert report.ok is False
    assert report.mistake.name == "gradients-exchanged"
    assert "what is returned for a is the gradient of b, and the other way round" in report.mistake.evidence

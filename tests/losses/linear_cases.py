"""Cases of the linear cross-entropy. Every number is a small multiple of 1/8, so all logits are exact in float32."""

from typing import NamedTuple

import numpy as np

import judge
from tolerance import errors_in_ulps

V, D = 300, 5
WEIGHT = np.random.default_rng(5).choice([0.5, 0.0, 1.0, 3.0], V)
OPTIONS = {
    "none": {},
    "weight": {"weight": WEIGHT},
    "ignored rows": {"ignore_index": 3},
    "smoothing": {"label_smoothing": 0.1},
    "z-loss": {"z_loss": 0.02},
    "softcap": {"softcap": 4.0},
    "cold": {"temperature": 0.3},
    "denominator": {"denominator": 7.0},
    "sum": {"reduction": "sum"},
    "rows": {"reduction": "none"},
    "everything": {
        "weight": WEIGHT,
        "ignore_index": 3,
        "label_smoothing": 0.1,
        "z_loss": 0.01,
        "softcap": 8.0,
        "temperature": 0.7,
    },
}
# max_memory by the number of rows of float64 logits that fit.
MEMORY = {"all rows at once": 64 * 2**20, "chunks of rows": 110 * V * 8, "tiles of classes": 3 * V * 8}


class Case(NamedTuple):
    x: np.ndarray
    w: np.ndarray
    target: np.ndarray
    bias: np.ndarray
    options: dict

    def ask(self, function, **more):
        return function(self.x, self.w, self.target, self.bias, **self.options, **more)

    @property
    def reduced(self):
        return {name: self.options[name] for name in ("reduction", "denominator") if name in self.options}

    @property
    def of_rows(self):
        return {name: value for name, value in self.options.items() if name not in self.reduced}


def case(name, dtype="float64", target="classes", rows=160):
    rng = np.random.default_rng(9)
    x, w, bias = (rng.integers(-16, 17, shape) / 8 for shape in ((rows, D), (V, D), V))
    x[0] *= 8  # a confident row
    options = OPTIONS[name]
    if target == "classes":
        t = rng.integers(0, V, rows)
        t[0] = (w @ x[0] + bias).argmax()
        t[1::4] = options.get("ignore_index", t[1::4])
    else:
        t = (rng.random((rows, V)) ** 8).astype(dtype)
    return read_only(Case(*(array.astype(dtype) for array in (x, w)), t, bias.astype(dtype), options))


def read_only(one):
    for array in one[:4]:
        array.setflags(write=False)
    return one


class Exact(NamedTuple):
    rows: judge.Rows
    loss: judge.Judged
    dx: judge.Judged
    dw: judge.Judged
    db: judge.Judged


def exact(one):
    """The exact results by definition, from exact logits."""
    x, w, bias = (judge.wide(array) for array in (one.x, one.w, one.bias))
    rows = judge.rows("cross_entropy", (x @ w.T + bias).astype(one.x.dtype), one.target, **one.of_rows)
    loss, g = rows.reduced(**one.reduced)
    return Exact(rows, loss, times(g, w), times(g.T, x), g.sum(axis=0))


def exact_hvp(one, v):
    """The derivatives of dx = g w, dw = g^T x and db = sum g along v = (vx, vw, vb), by the product rule."""
    (x, w, bias), (vx, vw, vb) = (map(judge.wide, arrays) for arrays in ((one.x, one.w, one.bias), v))
    z = (x @ w.T + bias).astype(one.x.dtype)
    rows = judge.rows("cross_entropy", z, one.target, **one.of_rows)
    Hu = judge.hessian_times("cross_entropy", z, one.target, vx @ w.T + x @ vw.T + vb, **one.of_rows)
    g, Hu = (rows._replace(grad=grad).reduced(**one.reduced).grad for grad in (rows.grad, Hu))
    return times(Hu, w) + times(g, vw), times(Hu.T, x) + times(g.T, vx), Hu.sum(axis=0)


def times(matrix, other):
    return judge.Judged(matrix.value @ other, matrix.size @ abs(other))


def assert_right(got, one, *, in_tiles=False):
    """Asserts that the loss and its gradients are within the bounds of the docstring."""
    want, rows = exact(one), len(one.x)
    of_loss, of_g = (32, 32 + 80) if in_tiles else (4, 8)
    assert_close(of_loss, got.loss, *want.loss)
    for name, value, count in zip(("dx", "dw", "db"), got.grad, (V, rows, rows), strict=True):
        assert_close(count + of_g, value, *getattr(want, name))
        assert value.dtype == one.x.dtype


def assert_close(ulps, got, value, size):
    """Asserts that the values are within so many ulps of the sizes of their terms."""
    errors = errors_in_ulps(got, value, size)
    assert (errors <= ulps).all(), f"{errors.max():.3g} ulp off, wanted {ulps}"

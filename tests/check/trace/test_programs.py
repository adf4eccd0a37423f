"""Random programs of views, writes through them, copies and operations: the graph follows every entry of memory."""

import numpy as np
import pytest

from check.trace.measured import functions_of
from softgrad.check.trace import trace_forward

X, Y = np.random.default_rng(1).uniform(0.5, 1.5, (3, 4)), np.random.default_rng(2).uniform(0.5, 1.5, 5)


def indices(rng, array):
    """An index of an array: numbers, slices, masks, lists."""
    n = array.shape[0]
    return [
        int(rng.integers(n)),
        slice(None, None, -1),
        slice(int(rng.integers(n)), None),
        (Ellipsis, int(rng.integers(array.shape[-1]))),
        (slice(None, None, 2),) * array.ndim,
        rng.integers(0, n, 3),
        rng.random(array.shape) < 0.4,
        [int(rng.integers(n))],
        np.newaxis,
    ][rng.integers(9)]


def reshaped(a, i):
    return a.reshape(-1)


VIEWS = [
    lambda a, i: a[i],
    lambda a, i: a.T,
    reshaped,
    lambda a, i: a.reshape(a.shape[::-1]),
    lambda a, i: a[..., None],
    lambda a, i: np.swapaxes(a, 0, -1),
    lambda a, i: a[::-1],
    lambda a, i: a.ravel(),
    lambda a, i: np.flip(a, 0),
    lambda a, i: a.copy(),
    lambda a, i: np.asarray(a),
    lambda a, i: np.asfortranarray(a),
    lambda a, i: np.squeeze(a),
    lambda a, i: a.flatten("F"),
    lambda a, i: np.concatenate([a, a[:1]]),
    lambda a, i: np.array([a, a]),
]
WRITES = [
    lambda a, b, i: a.__setitem__(i, b.sum()),
    lambda a, b, i: a.__setitem__(i, a[i] * 0.5),
    lambda a, b, i: a.__setitem__(i, np.broadcast_to(b.mean(), np.shape(a[i]))),
    lambda a, b, i: a.__imul__(0.5),
    lambda a, b, i: a.__iadd__(b.max()),
    lambda a, b, i: np.multiply(a, 0.7, out=a),
    lambda a, b, i: np.add.at(a, i if i is not np.newaxis else 0, b.mean()),
    lambda a, b, i: a.fill(b.mean()),
    lambda a, b, i: a.__setitem__(Ellipsis, a[::-1]),
    lambda a, b, i: a[1:].__iadd__(a[:-1]),
    lambda a, b, i: a.__setitem__(slice(None, 1), [b.sum()]),
    lambda a, b, i: np.copyto(a, b.sum(), where=a > 1),
]
RESULTS = [
    lambda a, b: np.tanh(a),
    lambda a, b: a * b.sum(),
    lambda a, b: a + a[:1],
    lambda a, b: np.where(a > 1, a, b.mean()),
    lambda a, b: np.cumsum(a, axis=0),
    lambda a, b: a / (1 + a**2),
]


def program(seed):
    def run(x, y):
        rng = np.random.default_rng(seed)
        held = [x * 1.0, y * 1.0, np.zeros((2, 3))]
        for _ in range(rng.integers(4, 14)):
            a, b = (held[k] for k in rng.integers(0, len(held), 2))
            kind = rng.integers(3)
            index = indices(rng, a)
            if kind == 0:
                made = VIEWS[rng.integers(len(VIEWS))](a, index)
            elif kind == 1:
                WRITES[rng.integers(len(WRITES))](a, b, index)
                continue
            else:
                made = RESULTS[rng.integers(len(RESULTS))](a, b)
            if np.ndim(made) and 0 < made.size <= 100 and made.ndim <= 4:
                held.append(made)
        return np.concatenate([one.reshape(-1) * (1 + 0.1 * k) for k, one in enumerate(held)])

    return run


@pytest.mark.parametrize("seed", range(60))
def test_a_program(seed):
    follow(seed)


@pytest.mark.thorough
@pytest.mark.parametrize("seed", range(60, 2000))
def test_more_programs(seed):
    follow(seed)


def follow(seed):
    run = program(seed)
    functions = functions_of(run, (X, Y), names=("x", "y"))
    arrays = functions.arrays()
    output = functions.output(arrays)
    graph = trace_forward(functions, arrays)
    assert graph is not None
    assert graph.untraced == ()
    np.testing.assert_allclose(graph.output.value, output, rtol=1e-12)
    upstream = np.random.default_rng(3).normal(size=output.shape)
    got = graph.gradients(upstream)
    v = [np.random.default_rng(4).normal(size=one.shape) for one in (X, Y)]
    wanted = [np.sum(upstream * run(X + t * v[0], Y + t * v[1])) for t in (1e-6, -1e-6)]
    numerical = (wanted[0] - wanted[1]) / 2e-6
    size = max(np.abs(one).max() for one in got.values())
    assert abs(np.sum(v[0] * got[0,]) + np.sum(v[1] * got[1,]) - numerical) <= 1e-5 * max(size, 1e-3)

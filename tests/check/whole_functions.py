"""A function of each family that is no chain of layers, in every form, with its quantities on random numbers."""

import numpy as np

from check.corpus.common import softmax
from softgrad.check.recognise.interpretation import UserArray
from softgrad.check.recognise.whole_functions import matching
from softgrad.formulas.language import run

M, K, D, STACK = 4, 3, 5, 2


def _outputs():
    """An output, and the arrays that it was computed from."""
    rng = np.random.default_rng(2)
    x, square, table = rng.normal(size=(M, K)), rng.normal(size=(K, K)), rng.normal(size=(K, D))
    ids = np.array([[0, 1], [2, 2], [1, 0], [2, 1]])
    gamma, beta, mean, var = rng.uniform(0.5, 2, (4, K))
    for axis in (0, 1):
        centred, spread, count = x - x.mean(axis, keepdims=True), x.var(axis, keepdims=True), x.shape[axis]
        for std in (
            np.sqrt(spread + 1e-3), np.sqrt(spread) + 1e-3, np.sqrt(spread * count / (count - 1) + 1e-3)
        ):  # fmt: skip
            yield gamma * centred / std + beta, x, gamma, beta
            yield centred / std, x
    yield gamma * x / np.sqrt((x**2).mean(1, keepdims=True) + 1e-3), x, gamma
    yield x / np.linalg.norm(x, axis=1, keepdims=True), x
    yield (x - mean) / np.sqrt(var + 1e-3) * gamma + beta, x, gamma, beta, mean, var
    for one in (square, np.stack([square] * STACK)):
        q, k, v = one, one + 1, rng.normal(size=one.shape)
        yield softmax(q @ np.swapaxes(k, -1, -2) / K**0.5) @ v, q, k, v
        yield softmax(one @ np.swapaxes(one, -1, -2) / K**0.5) @ one, one
    for rows in (table[ids], table[ids].sum(1), table[ids].mean(1)):
        yield rows, table, ids
    for size in ((x**2).sum(), abs(x).sum(), np.linalg.norm(x), np.linalg.norm(x, axis=1).sum()):
        yield np.array(0.3 * size), x
    yield np.array(0.3 * (x**2).sum()), x, gamma


def functions():
    """The functions that fit the outputs; with them, the arrays and the output."""
    for output, *arrays in _outputs():
        leaves = [UserArray(f"input {i}", array) for i, array in enumerate(arrays)]
        for function in matching(leaves, output, {}, 1e-8):
            if function is not None:
                yield function, arrays, output


def _with_quantities(function, arrays, output):
    """The function, with its quantities behind every backward line."""
    upstream = np.random.default_rng(3).normal(size=output.shape)
    names = function.with_upstream(function.forward(arrays), upstream)
    return function, run([step.line for step in function.backward], names)


_FOUND = [_with_quantities(*one) for one in functions()]
LINES = [step.template for function, _ in _FOUND for step in function.backward]


def layout_of(line):
    """Of the first function that has this line."""
    return next(function.layout for function, _ in _FOUND if line in [step.template for step in function.backward])


def quantities(line):
    """Of the first function that has this line, with the names of the catalogue."""
    for function, names in _FOUND:
        for step in function.backward:
            if step.template == line:
                return {**names, **{own: names[theirs] for own, theirs in step.names if theirs in names}}
    raise KeyError(line)

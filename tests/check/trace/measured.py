"""A traced function against numerical derivatives."""

import numpy as np

from softgrad.check.user.functions import UserFunctions


def functions_of(function, arrays, backward=None, names=None):
    """A function of arrays, as the checker holds it."""
    return UserFunctions(
        "check_vjp", function, backward or (lambda *i: i[-1]), arrays, takes_upstream=True, names=names, wrt=None,
        max_calls=100_000,
    )  # fmt: skip


def along(functions, arrays, key, v, upstream):
    """The derivative of <upstream, output> along v, by differences of three sizes."""

    def at(t):
        return float(np.sum(upstream * functions.output({**arrays, key: arrays[key] + t * v})))

    return [(8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h) for h in (1e-3, 1e-4, 1e-5)]


def is_the_numerical_one(functions, arrays, gradients, upstream):
    """Whether the gradients of a graph are those that differences along random directions give."""
    rng = np.random.default_rng(2)
    for key, gradient in gradients.items():
        v = rng.normal(size=gradient.shape)
        wanted = along(functions, arrays, key, v, upstream)
        size = max(np.abs(gradient).max(initial=0.0), abs(wanted[0]), 1e-8)
        if not min(abs(np.sum(v * gradient) - one) for one in wanted) <= 1e-5 * size:
            return False
    return True

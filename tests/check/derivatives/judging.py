"""What the tests of `judge_gradient` share: the two ways to a derivative, and a judgement."""

import numpy as np

from softgrad.check.derivatives.gradient import judge_gradient


def softmax(z):
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def real_only(f):
    """f that refuses complex input, so that differences are taken."""

    def g(x):
        if np.iscomplexobj(x):
            raise TypeError("float64 only")
        return f(x)

    return g


def judged(f, x, g, got, **options):
    return judge_gradient(f, np.asarray(x), np.asarray(g), np.asarray(got), rng=np.random.default_rng(1), **options)


WAYS = {"complex step": lambda f: f, "central differences": real_only}

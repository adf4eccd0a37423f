"""Mistakes that are not in the formula: the caller's arrays overwritten, state, shape, NaN, precision, integers.

The numbers of some are right at a first call, so plain differences need not tell them.
"""

import numpy as np

from check.corpus.case import Family
from check.corpus.common import logits as logits_of
from check.corpus.common import mean_loss, one_hot, relu, row_losses, softmax, with_classes, with_one_hot

family = Family("findings")


def softmax_backward(p, dp):
    return p * (dp - (dp * p).sum(axis=-1, keepdims=True))


@family.planted("input-overwritten", "softmax is taken in the caller's logits", kind="grad")
def logits_overwritten(rng):
    def grad(z, classes):
        z -= z.max(axis=1, keepdims=True)
        np.exp(z, out=z)
        z /= z.sum(axis=1, keepdims=True)
        z[np.arange(len(z)), classes] -= 1
        return z / len(z)

    return mean_loss, grad, with_classes(5, 3)(rng)


@family.planted("input-overwritten", "relu's gradient zeroes the input")
def input_zeroed(rng):
    def vjp(x, y, g):
        x[x < 0] = 0
        return g * (x > 0)

    return relu, vjp, logits_of(4, 5)(rng)


@family.planted("grad-output-overwritten", "the mask is applied to the upstream itself")
def upstream_masked_in_place(rng):
    def vjp(x, y, g):
        g[x <= 0] = 0
        return g.copy()

    return relu, vjp, logits_of(5, 4)(rng)


@family.planted("grad-output-overwritten", "-= on the upstream")
def upstream_shifted_in_place(rng):
    def vjp(z, p, dp):
        dp -= np.sum(dp * p, axis=-1, keepdims=True)
        return p * dp

    return softmax, vjp, logits_of(4, 3)(rng)


@family.planted("accumulated-gradient", "a layer that adds to its gradient at every call")
def layer_that_accumulates(rng):
    class Dense:
        def __init__(self, n, k):
            self.dW, self.db = np.zeros((n, k)), np.zeros(k)

        def forward(self, x, W, b):
            return x @ W + b

        def backward(self, x, W, b, y, g):
            self.dW += x.T @ g
            self.db += g.sum(axis=0)
            return g @ W.T, self.dW.copy(), self.db.copy()

    layer = Dense(4, 3)
    return layer.forward, layer.backward, (rng.normal(size=(5, 4)), rng.normal(size=(4, 3)), rng.normal(size=3))


@family.planted("accumulated-gradient", "a default argument that remembers")
def default_argument_that_remembers(rng):
    def vjp(z, classes, losses, g, total=np.zeros((4, 3))):  # noqa: B008  (this is the mistake)
        total += (softmax(z) - one_hot(classes, 3)) * g[:, None]
        return total.copy(), None

    return row_losses, vjp, with_classes(4, 3)(rng)


@family.planted("wrong-shape", "one row too many is taken off: the batch is averaged away", kind="grad")
def gradient_of_one_row(rng):
    def grad(z, t):
        return np.mean(softmax(z) - t, axis=0)

    def loss(z, t):
        return np.mean([-np.sum(target * np.log(softmax(row))) for row, target in zip(z, t, strict=True)])

    return loss, grad, with_one_hot(5, 3)(rng)


@family.planted("wrong-shape", "the gradient is flattened")
def gradient_flattened(rng):
    def vjp(z, p, dp):
        return softmax_backward(p, dp).ravel()

    return softmax, vjp, logits_of(4, 3)(rng)


@family.planted("transposed", "columns come back as rows", also=("wrong-shape",))
def gradient_transposed(rng):
    def vjp(z, p, dp):
        return softmax_backward(p.T, dp.T)

    return lambda z: softmax(z, axis=0), vjp, logits_of(3, 5)(rng)


@family.planted(
    "transposed", "dW of shape (out, in) for a W of (in, out)", also=("weight-gradient-transposed", "wrong-shape")
)
def weight_gradient_of_the_other_layout(rng):
    def vjp(x, W, y, g):
        return g @ W.T, g.T @ x

    return np.matmul, vjp, (rng.normal(size=(6, 4)), rng.normal(size=(4, 3)))


@family.planted("not-finite", "-t / p is 0 / 0 where target and probability are both 0", kind="grad")
def zero_by_zero(rng):
    def loss(p, t):
        return -np.log(p[t > 0]).sum()

    def grad(p, t):
        with np.errstate(invalid="ignore"):
            return -t / p

    z, t = with_one_hot(4, 3)(rng)
    p = softmax(z)
    p[1] = t[1]
    return loss, grad, (p, t)


@family.planted("not-finite", "exp overflows in a backward that does not take the maximum off")
def overflow_in_the_backward(rng):
    def vjp(z, p, dp):
        with np.errstate(all="ignore"):
            e = np.exp(z)
            return softmax_backward(e / e.sum(axis=1, keepdims=True), dp)

    return softmax, vjp, (rng.normal(size=(4, 3)) + 800,)


@family.planted("float32-result", "the gradient is gathered in an array of float32")
def gathered_in_float32(rng):
    def vjp(z, p, dp):
        grad = np.zeros(z.shape, dtype=np.float32)
        for i in range(len(z)):
            grad[i] = softmax_backward(p[i], dp[i])
        return grad

    return softmax, vjp, logits_of(4, 3)(rng)


@family.planted("float32-result", "astype at the end, as for a GPU", kind="grad")
def cast_at_the_end(rng):
    def grad(z, classes):
        return ((softmax(z) - one_hot(classes, z.shape[1])) / len(z)).astype("float32")

    return mean_loss, grad, with_classes(5, 4)(rng)


@family.planted("integer-truncation", "zeros_like of one-hot integers holds the gradient", kind="grad")
def gathered_in_the_type_of_the_target(rng):
    def loss(z, t):
        return -(t * np.log(softmax(z))).sum()

    def grad(z, t):
        dz = np.zeros_like(t)
        dz[:] = softmax(z) - t
        return dz

    z, t = with_one_hot(4, 3)(rng)
    return loss, grad, (z, t.astype(int))


@family.planted("integer-truncation", "zeros_like of integer logits holds the gradient")
def gathered_in_the_type_of_the_logits(rng):
    def vjp(z, p, dp):
        grad = np.zeros_like(z)
        for i in range(len(z)):
            for k in range(z.shape[1]):
                grad[i, k] = p[i, k] * (dp[i, k] - np.dot(p[i], dp[i]))
        return grad

    return softmax, vjp, (rng.integers(-2, 3, (4, 3)),)

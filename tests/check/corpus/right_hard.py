"""Right backwards that are hard to pass: a checker that calls one of these wrong cries wolf."""

import numpy as np

from check.corpus.case import Family
from check.corpus.common import log_softmax, logits, mean_loss, one_hot, relu, softmax, with_classes

family = Family("right, but hard")

KINK = "a kink at the inputs: any slope between the one-sided ones is right"


def softmax_backward(z, p, dp):
    return p * (dp - (dp * p).sum(axis=-1, keepdims=True))


def cross_entropy_gradient(z, classes):
    return (softmax(z) - one_hot(classes, z.shape[1])) / len(z)


# Numbers ----------------------------------------------------------------------------------------------------------


@family.right("the gradient is exactly 0", kind="grad")
def at_a_minimum(rng):
    y = rng.normal(size=(4, 3))
    return lambda z, y: np.sum((z - y) ** 2), lambda z, y: 2 * (z - y), (y.copy(), y)


@family.right("the gradient is 0 up to rounding: the target is softmax(z)", kind="grad")
def target_of_its_own_probabilities(rng):
    def loss(z, t):
        return -(t * log_softmax(z)).sum() / len(z)

    (z,) = logits(5, 4)(rng)
    return loss, lambda z, t: (softmax(z) - t) / len(z), (z, softmax(z))


@family.right("logits near 1e8, whose differences are small")
def logits_of_1e8(rng):
    return softmax, softmax_backward, (1e8 + rng.normal(size=(4, 3)),)


@family.right("a square of numbers near 1e8", kind="grad")
def squares_of_1e8(rng):
    return lambda x: np.sum(x * x), lambda x: 2 * x, (1e8 * rng.normal(size=(3, 4)),)


@family.right("inputs near 1e-8", kind="grad")
def inputs_of_1e_minus_8(rng):
    return lambda x: np.sum(np.log(x)), lambda x: 1 / x, (1e-8 * rng.uniform(1, 2, (3, 4)),)


@family.right("logits near 1e-8", kind="grad")
def logits_of_1e_minus_8(rng):
    z, classes = with_classes(5, 3)(rng)
    return mean_loss, cross_entropy_gradient, (1e-8 * z, classes)


@family.right("logits of +-700: most probabilities are 0 or 1", kind="grad")
def logits_of_700(rng):
    z, classes = with_classes(6, 4)(rng)
    return mean_loss, cross_entropy_gradient, (700 * np.sign(z), classes)


@family.right("softmax of +-700")
def softmax_of_700(rng):
    return softmax, softmax_backward, (np.array([[700.0, -700, 0], [-700, 700, 700], [0, 1, 700]]),)


@family.right("one class: the probability is 1, whatever the logit")
def one_class(rng):
    return softmax, softmax_backward, logits(4, 1)(rng)


@family.right("a batch of one row", kind="grad")
def one_row(rng):
    return mean_loss, cross_entropy_gradient, with_classes(1, 5)(rng)


@family.right("a number, not an array", kind="grad")
def a_scalar(rng):
    return lambda x: np.exp(x) * x, lambda x: np.exp(x) * (1 + x), (np.float64(0.7),)


# Arrays -----------------------------------------------------------------------------------------------------------


@family.right("logits are integers")
def integer_logits(rng):
    return softmax, softmax_backward, (rng.integers(-3, 4, (4, 3)),)


@family.right("every other column of a wider array")
def not_contiguous(rng):
    return softmax, softmax_backward, (rng.normal(size=(4, 6))[:, ::2],)


@family.right("Fortran's order", kind="grad")
def fortran_order(rng):
    z, classes = with_classes(5, 4)(rng)
    return mean_loss, cross_entropy_gradient, (np.asfortranarray(z), classes)


@family.right("the gradient is a read-only view of the upstream")
def broadcast_upstream(rng):
    def vjp(x, y, g):
        return np.broadcast_to(g[:, None], x.shape)

    return lambda x: x.sum(axis=1), vjp, logits(4, 5)(rng)


@family.right("the upstream itself is returned, unchanged")
def upstream_returned(rng):
    return lambda x: x + 3, lambda x, y, g: g, logits(3, 5)(rng)


@family.right("an input without effect")
def input_without_effect(rng):
    def vjp(x, shift, p, dp):
        return softmax_backward(x, p, dp), np.zeros_like(shift)

    return lambda x, shift: softmax(x + shift), vjp, (*logits(4, 3)(rng), rng.normal(size=(4, 1)))


@family.right("one-hot probabilities, log(0) where the target is 0", kind="grad")
def logarithm_of_0(rng):
    def loss(p, t):
        with np.errstate(divide="ignore", invalid="ignore"):
            return -np.where(t > 0, t * np.log(p), 0).sum()

    def grad(p, t):
        return -np.divide(t, p, out=np.zeros_like(p), where=t > 0)

    t = one_hot(rng.integers(0, 3, 4), 3)
    return loss, grad, (t.copy(), t)


@family.right("attention: -inf where the future is masked")
def causal_attention(rng):
    future = np.triu(np.full((4, 4), -np.inf), 1)

    def forward(scores, values):
        return softmax(scores + future) @ values

    def vjp(scores, values, y, g):
        p = softmax(scores + future)
        return softmax_backward(scores, p, g @ values.T), p.T @ g

    return forward, vjp, (*logits(4, 4)(rng), rng.normal(size=(4, 3)))


# Kinks ------------------------------------------------------------------------------------------------------------


def with_zeros(rng):
    x = rng.normal(size=(4, 5))
    x[::2, 1::2] = 0
    return (x,)


@family.right("relu with slope 0 at 0", excuse=KINK)
def relu_with_0_at_0(rng):
    return relu, lambda x, y, g: g * (x > 0), with_zeros(rng)


@family.right("relu with slope 1 at 0", excuse=KINK)
def relu_with_1_at_0(rng):
    return relu, lambda x, y, g: np.where(x >= 0, g, 0), with_zeros(rng)


@family.right("relu with slope 1/2 at 0", excuse=KINK)
def relu_with_half_at_0(rng):
    return relu, lambda x, y, g: g * np.heaviside(x, 0.5), with_zeros(rng)


@family.right("leaky relu, and all of its inputs 0", excuse=KINK)
def leaky_relu_of_zeros(rng):
    return lambda x: np.maximum(x, 0.1 * x), lambda x, y, g: np.where(x > 0, g, 0.1 * g), (np.zeros((3, 4)),)


@family.right("the largest of each row, away from ties")
def maximum_of_rows(rng):
    def vjp(x, y, g):
        return g[:, None] * (np.arange(x.shape[1]) == x.argmax(axis=1)[:, None])

    return lambda x: x.max(axis=1), vjp, logits(5, 4)(rng)


# Functions --------------------------------------------------------------------------------------------------------


@family.right("dropout by NumPy's global numbers", excuse="each call drops other units", context={"layer": "dropout"})
def dropout_by_global_numbers(rng):
    cache = {}

    def forward(x):
        cache["mask"] = (np.random.rand(*x.shape) < 0.8) / 0.8  # noqa: NPY002  (as found; it can be seeded)
        return x * cache["mask"]

    return forward, lambda x, y, g: g * cache["mask"], logits(5, 4)(rng)


@family.right("dropout by a generator of its own", excuse="each call drops other units, and no seed can be set")
def dropout_by_its_own_generator(rng):
    class Dropout:
        rng = np.random.default_rng()

        def forward(self, x):
            self.mask = self.rng.random(x.shape) < 0.5
            return np.where(self.mask, 2 * x, 0)

        def backward(self, x, y, g):
            return np.where(self.mask, 2 * g, 0)

    layer = Dropout()
    return layer.forward, layer.backward, logits(4, 6)(rng)


@family.right("a forward that shifts its input in place")
def forward_changes_its_input(rng):
    def forward(z):
        z -= z.max(axis=1, keepdims=True)
        np.exp(z, out=z)
        return z / z.sum(axis=1, keepdims=True)

    return forward, softmax_backward, logits(5, 4)(rng)


@family.right("float32 throughout, whatever goes in", tolerance=3e-3)
def float32_only(rng):
    def forward(z):
        z = z.astype(np.float32)
        e = np.exp(z - z.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)

    def vjp(z, p, dp):
        p, dp = p.astype(np.float32), dp.astype(np.float32)
        return p * (dp - (p * dp).sum(axis=1, keepdims=True))

    return forward, vjp, (logits(4, 3)(rng)[0].astype(np.float32),)


@family.right("a loss that insists on float32", kind="grad", tolerance=3e-3)
def float32_loss(rng):
    def loss(z, classes):
        return np.float32(mean_loss(np.asarray(z, dtype="f4"), classes))

    def grad(z, classes):
        return np.asarray(cross_entropy_gradient(z, classes), dtype="f4")

    z, classes = with_classes(5, 4)(rng)
    return loss, grad, (z.astype("f4"), classes)


@family.right("a gradient that adds up within a call, from 0 each time")
def accumulates_within_a_call(rng):
    class Dense:
        def forward(self, x, W):
            self.x = x
            return x @ W

        def backward(self, x, W, y, g):
            self.dW = np.zeros_like(W)
            for row, error in zip(self.x, g, strict=True):
                self.dW += np.outer(row, error)
            return g @ W.T, self.dW

    layer = Dense()
    return layer.forward, layer.backward, (rng.normal(size=(5, 4)), rng.normal(size=(4, 3)))

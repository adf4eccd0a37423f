"""Mistakes in the backward of log-softmax, for y = log_softmax(z), p = exp(y) and the upstream g:

dz = g - p * sum_j g_j.
"""

import numpy as np

from check.corpus.case import UNNAMED, Family
from check.corpus.common import any_logits, log_softmax, logits, softmax

family = Family("log-softmax")
LOG = {"output": "log"}


@family.planted("softmax-formula", "the backward belongs to softmax")
def backward_of_softmax(rng):
    def vjp(z, y, g):
        p = np.exp(y)
        return p * (g - (g * p).sum(axis=1, keepdims=True))

    return log_softmax, vjp, logits(4, 3)(rng)


@family.planted("sum-missing", "the derivative of the normaliser is left out", also=("identity-jacobian",))
def normaliser_taken_as_constant(rng):
    def vjp(z, y, g):
        return g + 0

    return log_softmax, vjp, logits(5, 4)(rng)


@family.planted("probabilities-factor-missing", "the sum of the upstream is not shared out by p", context=LOG)
def sum_not_shared_out(rng):
    def vjp(z, y, g):
        return np.array([row - sum(row) for row in g])

    return log_softmax, vjp, logits(4, 3)(rng)


@family.planted("mean-for-sum", "the upstream is averaged over the classes", inputs=any_logits)
def mean_of_the_upstream(rng):
    def vjp(z, y, g):
        return g - np.exp(y) * g.mean(axis=-1, keepdims=True)

    return log_softmax, vjp, logits(5, 4)(rng)


@family.planted("log-output-for-probabilities", "the cached output is used as if it were p", context=LOG)
def log_output_as_probabilities(rng):
    class LogSoftmax:
        def forward(self, z):
            self.output = log_softmax(z)
            return self.output

        def backward(self, z, y, g):
            return g - self.output * np.sum(g, axis=1, keepdims=True)

    layer = LogSoftmax()
    return layer.forward, layer.backward, logits(4, 3)(rng)


@family.planted("off-diagonal-sign", "the second term is added", also=("sum-sign",))
def second_term_added(rng):
    def vjp(z, y, g):
        total = np.einsum("...k->...", g)
        return g + np.exp(y) * total[..., None]

    return log_softmax, vjp, logits(4, 6)(rng)


@family.planted("wrong-axis", "columns of classes, the upstream summed along axis 1", context={**LOG, "class_axis": 0})
def upstream_summed_along_the_batch(rng):
    def vjp(z, y, g):
        return g - np.exp(y) * g.sum(1)[:, None]

    return lambda z: log_softmax(z, axis=0), vjp, logits(3, 5)(rng)


@family.planted("inner-product-over-batch", "one sum over the whole batch", also=("sum-over-batch",))
def upstream_summed_over_everything(rng):
    def vjp(z, y, g):
        return g - softmax(z) * g.sum()

    return log_softmax, vjp, logits(4, 3)(rng)


@family.planted("upstream-ignored", "ones stand for the upstream")
def ones_for_the_upstream(rng):
    def vjp(z, y, g):
        return 1 - z.shape[1] * np.exp(y)

    return log_softmax, vjp, logits(4, 3)(rng)


@family.planted("diagonal-only", "only the derivative of an entry by its own logit, 1 - p")
def own_logit_only(rng):
    def vjp(z, y, g):
        return (1 - np.exp(y)) * g

    return log_softmax, vjp, logits(6)(rng)


@family.planted("derivative-at-input", "the logits stand where p belongs")
def logits_as_probabilities(rng):
    def vjp(z, y, g):
        return g - z * g.sum(axis=1, keepdims=True)

    return log_softmax, vjp, logits(5, 3)(rng)


@family.planted("sign", "the whole gradient is negated", context=LOG)
def log_softmax_negated(rng):
    def vjp(z, y, g):
        return np.exp(y) * g.sum(axis=1, keepdims=True) - g

    return log_softmax, vjp, logits(4, 3)(rng)


@family.planted(UNNAMED, "a typo: sin where exp belongs")
def sine_for_exponential(rng):
    def vjp(z, y, g):
        return g - np.sin(y) * g.sum(axis=1, keepdims=True)

    return log_softmax, vjp, logits(4, 3)(rng)

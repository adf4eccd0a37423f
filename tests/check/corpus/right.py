"""Right backwards of softmax, log-softmax and their losses, in unlike styles."""

import numpy as np

from check.corpus.case import Family
from check.corpus.common import (
    any_logits,
    any_with_classes,
    log_softmax,
    logits,
    mean_loss,
    mean_loss_columns,
    mean_loss_one_hot,
    one_hot,
    row_losses,
    sigmoid,
    softmax,
    sum_loss,
    with_classes,
    with_one_hot,
    with_one_hot_columns,
)

family = Family("right")


# Softmax ----------------------------------------------------------------------------------------------------------


@family.right("one line", inputs=any_logits)
def softmax_in_one_line(rng):
    def vjp(z, p, dp):
        return p * (dp - (dp * p).sum(axis=-1, keepdims=True))

    return softmax, vjp, logits(4, 3)(rng)


@family.right("columns of classes", context={"layout": "columns"})
def softmax_of_columns(rng):
    def vjp(z, p, dp):
        return p * dp - p * np.sum(p * dp, axis=0)

    return lambda z: softmax(z, axis=0), vjp, logits(3, 5)(rng)


@family.right("three loops and a branch")
def softmax_in_loops(rng):
    def vjp(z, p, dp):
        grad = np.zeros((len(z), len(z[0])))
        for b in range(len(z)):
            for i in range(len(z[0])):
                for j in range(len(z[0])):
                    slope = p[b][i] * (1 - p[b][i]) if i == j else -p[b][i] * p[b][j]
                    grad[b][i] += slope * dp[b][j]
        return grad

    return softmax, vjp, logits(4, 3)(rng)


@family.right("a Jacobian of each row by einsum")
def softmax_by_einsum(rng):
    def vjp(z, p, dp):
        jacobian = np.einsum("bi,ij->bij", p, np.eye(p.shape[1])) - np.einsum("bi,bj->bij", p, p)
        return np.einsum("bij,bj->bi", jacobian, dp)

    return softmax, vjp, logits(6, 4)(rng)


@family.right("the Jacobian of a vector, diagflat and dot", context={"layout": "vector"})
def softmax_of_a_vector(rng):
    def vjp(z, p, dp):
        s = p.reshape(-1, 1)
        return np.dot(np.diagflat(s) - np.dot(s, s.T), dp)

    return lambda z: np.exp(z) / np.sum(np.exp(z)), vjp, logits(7)(rng)


@family.right("a class with a cache, which keeps nothing of grad_output")
def softmax_layer(rng):
    class Softmax:
        def forward(self, z):
            self.output = softmax(z)
            return self.output

        def backward(self, z, output, dp):
            self.dinputs = np.empty_like(dp)
            for index, (single, d) in enumerate(zip(self.output, dp, strict=True)):
                column = single.reshape(-1, 1)
                self.dinputs[index] = (np.diagflat(column) - column @ column.T) @ d
            return self.dinputs

    layer = Softmax()
    return layer.forward, layer.backward, logits(5, 3)(rng)


@family.right("in place, on a copy of the upstream")
def softmax_in_place_on_a_copy(rng):
    def vjp(z, p, dp):
        grad = dp.copy()
        grad *= p
        grad -= p * grad.sum(axis=1, keepdims=True)
        return grad

    return softmax, vjp, logits(5, 4)(rng)


@family.right("a comprehension and np.stack", inputs=any_logits)
def softmax_row_by_row(rng):
    def vjp(z, p, dp):
        return np.stack([q * (g - q @ g) for q, g in zip(p, dp, strict=True)])

    return softmax, vjp, logits(6, 10)(rng)


@family.right("three axes, classes in the middle", context={"class_axis": 1})
def softmax_along_the_middle_axis(rng):
    def vjp(z, p, dp):
        return p * (dp - np.einsum("nkw,nkw->nw", p, dp)[:, None, :])

    return lambda z: softmax(z, axis=1), vjp, logits(2, 3, 4)(rng)


@family.right("an unusual formula: p_i sum_j p_j (dp_i - dp_j)")
def softmax_by_differences_of_the_upstream(rng):
    def vjp(z, p, dp):
        differences = dp[:, :, None] - dp[:, None, :]
        return p * (differences * p[:, None, :]).sum(axis=2)

    return softmax, vjp, logits(4, 3)(rng)


@family.right("an unusual formula: the quotient rule on exponentials, nothing of p")
def softmax_by_the_quotient_rule(rng):
    def vjp(z, p, dp):
        e = np.exp(z)
        total = e.sum(axis=1, keepdims=True)
        return (dp * e * total - e * (dp * e).sum(axis=1, keepdims=True)) / total**2

    return softmax, vjp, logits(4, 5)(rng)


@family.right("1/T where it belongs", context={"temperature": 2.5})
def softmax_with_a_temperature(rng):
    def vjp(z, p, dp):
        return p * (dp - (dp * p).sum(axis=1, keepdims=True)) / 2.5

    return lambda z: softmax(z / 2.5), vjp, logits(4, 3)(rng)


# Log-softmax ------------------------------------------------------------------------------------------------------


@family.right("one line", context={"output": "log"})
def log_softmax_in_one_line(rng):
    def vjp(z, y, g):
        return g - np.exp(y) * g.sum(axis=-1, keepdims=True)

    return log_softmax, vjp, logits(5, 4)(rng)


@family.right("softmax's Jacobian on g / p")
def log_softmax_through_the_probabilities(rng):
    def vjp(z, y, g):
        p = softmax(z)
        dp = g / p
        return p * (dp - (dp * p).sum(axis=1, keepdims=True))

    return log_softmax, vjp, logits(4, 3)(rng)


# Cross-entropy ----------------------------------------------------------------------------------------------------


@family.right("class indices, the mean", kind="grad", inputs=any_with_classes)
def cross_entropy_of_classes(rng):
    def grad(z, classes):
        p = softmax(z)
        p[np.arange(len(z)), classes] -= 1
        return p / len(z)

    return mean_loss, grad, with_classes(6, 10)(rng)


@family.right("one-hot, the sum, columns", kind="grad")
def summed_cross_entropy_of_columns(rng):
    def loss(z, t):
        return z.shape[1] * mean_loss_columns(z, t)

    return loss, lambda z, t: softmax(z, axis=0) - t, with_one_hot_columns(4, 5)(rng)


@family.right("not fused: -t / p through the Jacobian", kind="grad")
def cross_entropy_not_fused(rng):
    def grad(z, t):
        p = softmax(z)
        dp = -t / p / len(z)
        return p * (dp - (dp * p).sum(axis=1, keepdims=True))

    return mean_loss_one_hot, grad, with_one_hot(5, 3)(rng)


@family.right("at the probabilities", kind="grad", context={"wrt": "probs"})
def cross_entropy_at_the_probabilities(rng):
    z, t = with_one_hot(4, 3)(rng)
    return lambda p, t: -np.sum(t * np.log(p)), lambda p, t: -t / p, (softmax(z), t)


@family.right("losses of rows, each with its upstream")
def losses_of_rows(rng):
    def vjp(z, classes, losses, g):
        return np.where(np.arange(z.shape[1]) == classes[:, None], softmax(z) - 1, softmax(z)) * g[:, None], None

    return row_losses, vjp, with_classes(5, 4)(rng)


@family.right("squared error through softmax", kind="grad")
def squared_error_through_softmax(rng):
    def grad(z, t):
        p = softmax(z)
        d = 2 * (p - t)
        return p * (d - (d * p).sum(axis=1, keepdims=True))

    return lambda z, t: ((softmax(z) - t) ** 2).sum(), grad, with_one_hot(4, 3)(rng)


@family.right("binary, by sigmoid", kind="grad")
def binary_cross_entropy(rng):
    def loss(z, t):
        return np.mean(np.logaddexp(0, z) - t * z)

    return loss, lambda z, t: (sigmoid(z) - t) / len(z), (rng.normal(size=9), rng.integers(0, 2, 9).astype(float))


@family.right("bits: 1 / ln 2 in the gradient", kind="grad")
def cross_entropy_in_bits(rng):
    def grad(z, classes):
        return (softmax(z) - one_hot(classes, z.shape[1])) / np.log(2)

    return lambda z, classes: sum_loss(z, classes) / np.log(2), grad, with_classes(4, 3)(rng)


@family.right("smoothed labels", kind="grad", context={"label_smoothing": 0.1})
def smoothed_labels(rng):
    def target(classes, K):
        return 0.9 * one_hot(classes, K) + 0.1 / K

    def loss(z, classes):
        return mean_loss_one_hot(z, target(classes, z.shape[1]))

    return loss, lambda z, c: (softmax(z) - target(c, z.shape[1])) / len(z), with_classes(5, 4)(rng)


@family.right("class weights, divided by their sum", kind="grad")
def class_weights(rng):
    weights = np.array([0.5, 2.0, 1.25])

    def loss(z, classes):
        return np.average(row_losses(z, classes), weights=weights[classes])

    def grad(z, classes):
        w = weights[classes] / weights[classes].sum()
        return w[:, None] * (softmax(z) - one_hot(classes, 3))

    return loss, grad, with_classes(6, 3)(rng)


@family.right("ignored rows are 0 and not counted", kind="grad", context={"ignore_index": -1})
def ignored_rows(rng):
    def loss(z, classes):
        return mean_loss(z[classes >= 0], classes[classes >= 0])

    def grad(z, classes):
        dz = np.zeros_like(z)
        for i in np.flatnonzero(classes >= 0):
            dz[i] = (softmax(z[i]) - one_hot(classes[i], z.shape[1])) / np.count_nonzero(classes >= 0)
        return dz

    z, classes = with_classes(6, 4)(rng)
    classes[[1, 4]] = -1
    return loss, grad, (z, classes)

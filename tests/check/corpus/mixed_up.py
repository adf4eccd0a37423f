"""Fused and unfused mixed up. Softmax and cross-entropy together have the gradient

    (p - t) / m    at the logits,      -t / (m p)    at the probabilities,

and each is right at its own place alone.
"""

import numpy as np

from check.corpus.case import UNNAMED, Family
from check.corpus.common import (
    any_with_classes,
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

family = Family("mixed up")
PROBS = {"wrt": "probs"}
AT_P = ("softmax-jacobian-missing", "identity-jacobian")  # dL/dp passed on as it is


def loss_of_probabilities(p, t):
    return -np.sum(t * np.log(p)) / len(p)


def with_probabilities(m, K):
    def draw(rng):
        z, t = with_one_hot(m, K)(rng)
        return softmax(z), t

    return draw


def softmax_backward(p, dp):
    return p * (dp - (dp * p).sum(axis=-1, keepdims=True))


@family.planted("softmax-derivative-again", "p - t is sent through the softmax Jacobian", kind="grad")
def softmax_derivative_of_the_residual(rng):
    def grad(z, classes):
        p = softmax(z)
        return softmax_backward(p, p - one_hot(classes, z.shape[1])) / len(z)

    return mean_loss, grad, with_classes(5, 4)(rng)


@family.planted("softmax-derivative-again", "a Jacobian for each row, on the losses' own vjp", inputs=any_with_classes)
def jacobian_of_the_residual(rng):
    def vjp(z, classes, losses, g):
        rows = []
        for row, c, scale in zip(z, classes, g, strict=True):
            p = softmax(row)
            d = p.copy()
            d[c] -= 1
            rows.append((np.diag(p) - np.outer(p, p)) @ d * scale)
        return np.vstack(rows), None

    return row_losses, vjp, with_classes(4, 3)(rng)


@family.planted("sigmoid-derivative-again", "(p - t) p (1 - p), as of a squared error", kind="grad")
def elementwise_derivative_of_the_residual(rng):
    def grad(z, t):
        p = softmax(z)
        return (p - t) * p * (1 - p) / len(z)

    return mean_loss_one_hot, grad, with_one_hot(5, 3)(rng)


@family.planted("sigmoid-derivative-again", "binary cross-entropy with sigma' on top", kind="grad")
def sigmoid_derivative_of_a_binary_residual(rng):
    def loss(z, t):
        return np.mean(np.logaddexp(0, z) - t * z)

    def grad(z, t):
        a = sigmoid(z)
        return (a - t) * a * (1 - a) / z.size

    return loss, grad, (rng.normal(size=7), rng.integers(0, 2, 7).astype(float))


@family.planted("logits-gradient-at-probabilities", "p - t where the probabilities go in", kind="grad", context=PROBS)
def residual_at_the_probabilities(rng):
    def grad(p, t):
        return (p - t) / len(p)

    return loss_of_probabilities, grad, with_probabilities(5, 3)(rng)


@family.planted("logits-gradient-at-probabilities", "the same with class indices, told nothing", kind="grad")
def residual_at_the_probabilities_of_classes(rng):
    def loss(p, classes):
        return -np.log(p[np.arange(len(p)), classes]).sum()

    def grad(p, classes):
        d = p.copy()
        for i, c in enumerate(classes):
            d[i, c] -= 1.0
        return d

    z, classes = with_classes(4, 3)(rng)
    return loss, grad, (softmax(z), classes)


@family.planted("probabilities-gradient-at-logits", "-t / p where the logits go in", kind="grad", also=AT_P)
def unfused_gradient_at_the_logits(rng):
    def grad(z, t):
        return -t / softmax(z) / z.shape[0]

    return mean_loss_one_hot, grad, with_one_hot(5, 4)(rng)


@family.planted("probabilities-gradient-at-logits", "-1/p at the target, columns", kind="grad", also=AT_P)
def unfused_gradient_at_logits_in_columns(rng):
    def grad(z, t):
        return np.where(t > 0, -1 / softmax(z, axis=0), 0.0) / z.shape[1]

    return mean_loss_columns, grad, with_one_hot_columns(4, 6)(rng)


@family.planted("softmax-jacobian-missing", "2 (p - t), the squared error's own gradient at p", kind="grad")
def squared_error_without_the_jacobian(rng):
    def loss(z, t):
        return np.sum((softmax(z) - t) ** 2) / len(z)

    def grad(z, t):
        return 2 * (softmax(z) - t) / len(z)

    return loss, grad, with_one_hot(5, 3)(rng)


@family.planted("softmax-jacobian-missing", "half squares, so that it looks like cross-entropy", kind="grad")
def half_squared_error_without_the_jacobian(rng):
    def loss(z, t):
        p = np.array([np.exp(row - row.max()) / np.exp(row - row.max()).sum() for row in z])
        return 0.5 * ((p - t) ** 2).sum()

    def grad(z, t):
        return softmax(z) - t

    return loss, grad, with_one_hot(4, 3)(rng)


def focal_loss(z, classes):
    p = softmax(z)[np.arange(len(z)), classes]
    return -np.mean((1 - p) ** 2 * np.log(p))


@family.planted("focal-factor-constant", "(1 - p)^gamma times p - t in a focal loss", kind="grad")
def focal_factor_as_a_constant(rng):
    def grad(z, classes):
        p, t = softmax(z), one_hot(classes, z.shape[1])
        return (1 - (p * t).sum(axis=1, keepdims=True)) ** 2 * (p - t) / len(z)

    return focal_loss, grad, with_classes(5, 4)(rng)


@family.planted("focal-factor-missing", "p - t in a focal loss", kind="grad")
def focal_factor_forgotten(rng):
    def grad(z, classes):
        return (softmax(z) - one_hot(classes, z.shape[1])) / len(z)

    return focal_loss, grad, with_classes(5, 4)(rng)


@family.planted("binary-formula", "(p - t) / (p (1 - p)) in a categorical loss", kind="grad", context=PROBS)
def binary_formula_at_the_probabilities(rng):
    def grad(p, t):
        return (p - t) / (p * (1 - p)) / len(p)

    return loss_of_probabilities, grad, with_probabilities(5, 4)(rng)


@family.planted("binary-formula", "-t / p + (1 - t) / (1 - p), term by term", kind="grad")
def binary_formula_in_two_terms(rng):
    def grad(p, t):
        return -np.divide(t, p) + np.divide(1 - t, 1 - p)

    def loss(p, t):
        return -np.einsum("mk,mk->", t, np.log(p))

    return loss, grad, with_probabilities(4, 3)(rng)


@family.planted("true-class-only", "only the entry of the target gets a gradient", kind="grad", inputs=any_with_classes)
def only_the_target_entry(rng):
    def grad(z, classes):
        dz = np.zeros_like(z)
        rows = np.arange(len(z))
        dz[rows, classes] = (softmax(z)[rows, classes] - 1) / len(z)
        return dz

    return mean_loss, grad, with_classes(5, 4)(rng)


@family.planted("one-hot-not-subtracted", "p / m, the target forgotten", kind="grad")
def target_forgotten(rng):
    def grad(z, t):
        return softmax(z) / len(z)

    return mean_loss_one_hot, grad, with_one_hot(5, 4)(rng)


@family.planted("one-subtracted-everywhere", "1 subtracted from the whole array", kind="grad")
def one_subtracted_everywhere(rng):
    def grad(z, classes):
        dz = softmax(z)
        dz -= 1
        return dz / len(z)

    return mean_loss, grad, with_classes(5, 4)(rng)


@family.planted("one-hot-not-subtracted", "the subtraction is done on a copy that is thrown away", kind="grad")
def target_subtracted_from_a_copy(rng):
    def grad(z, classes):
        p = softmax(z)
        for row, c in zip(p.copy(), classes, strict=True):
            row[c] -= 1
        return p

    return sum_loss, grad, with_classes(4, 3)(rng)


@family.planted("label-off-by-one", "labels taken to start at 1", kind="grad")
def labels_from_one(rng):
    def grad(z, classes):
        dz = softmax(z)
        dz[np.arange(len(z)), classes - 1] -= 1
        return dz / len(z)

    return mean_loss, grad, with_classes(5, 4)(rng)


@family.planted("label-off-by-one", "one-hot rows rolled to the next class", kind="grad")
def one_hot_rolled(rng):
    def grad(z, t):
        return (softmax(z) - np.roll(t, 1, axis=1)) / len(z)

    return mean_loss_one_hot, grad, with_one_hot(6, 5)(rng)


@family.planted("target-sign", "p + t", kind="grad")
def target_added(rng):
    def grad(z, classes):
        dz = softmax(z)
        np.add.at(dz, (np.arange(len(z)), classes), 1)
        return dz / len(z)

    return mean_loss, grad, with_classes(4, 3)(rng)


@family.planted(
    "softmax-derivative-again", "and no 1/m", kind="grad", pair=("softmax-derivative-again", "mean-missing")
)
def softmax_derivative_and_mean(rng):
    def grad(z, t):
        p = softmax(z)
        return softmax_backward(p, p - t)

    return mean_loss_one_hot, grad, with_one_hot(5, 3)(rng)


@family.planted(UNNAMED, "p[:, classes] -= 1 subtracts in every row", kind="grad")
def subtracted_in_every_row(rng):
    def grad(z, classes):
        p = softmax(z)
        p[:, classes] -= 1
        return p / len(z)

    return mean_loss, grad, (rng.normal(size=(4, 5)), rng.permutation(5)[:4])

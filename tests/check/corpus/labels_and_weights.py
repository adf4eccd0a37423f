"""Mistakes in what surrounds the loss: label smoothing, class weights, ignored rows, masks, clipping, epsilons."""

import numpy as np

from check.corpus.case import UNNAMED, Family
from check.corpus.common import (
    log_softmax,
    mean_loss_one_hot,
    one_hot,
    row_losses,
    softmax,
    with_classes,
    with_one_hot,
)

family = Family("labels and weights")

EPS = 0.1
WEIGHTS = np.array([0.45, 2.13, 1.27])  # no few of them add up to their number
IGNORE = -100


def residual(z, classes):
    return softmax(z) - one_hot(classes, z.shape[1])


# Label smoothing: t = (1 - eps) one_hot + eps / K ---------------------------------------------------------------------


def smoothed_loss(z, classes):
    K = z.shape[1]
    return mean_loss_one_hot(z, (1 - EPS) * one_hot(classes, K) + EPS / K)


@family.planted("smoothing-ignored", "the hard target in the gradient", kind="grad", context={"label_smoothing": EPS})
def hard_target(rng):
    def grad(z, classes):
        return residual(z, classes) / len(z)

    return smoothed_loss, grad, with_classes(5, 4)(rng)


@family.planted("smoothing-mass", "eps / (K - 1) beside the target", kind="grad", context={"label_smoothing": EPS})
def mass_beside_the_target(rng):
    def grad(z, classes):
        K = z.shape[1]
        t = np.full(z.shape, EPS / (K - 1))
        t[np.arange(len(z)), classes] = 1 - EPS
        return (softmax(z) - t) / len(z)

    return smoothed_loss, grad, with_classes(5, 3)(rng)


@family.planted("smoothing-mass", "1 - eps at the target, without its eps / K", kind="grad", context={"smoothing": EPS})
def target_without_its_share(rng):
    def grad(z, classes):
        K = z.shape[1]
        t = np.array([[1 - EPS if k == c else EPS / K for k in range(K)] for c in classes])
        return (softmax(z) - t) / len(z)

    return smoothed_loss, grad, with_classes(4, 5)(rng)


# Class weights ---------------------------------------------------------------------------------------------------


def weighted_by_rows(z, classes):
    return (WEIGHTS[classes] * row_losses(z, classes)).mean()


def weighted_mean(z, classes):
    return np.average(row_losses(z, classes), weights=WEIGHTS[classes])


@family.planted("class-weight-missing", "no weight in the gradient", kind="grad", context={"class_weight": WEIGHTS})
def weight_missing(rng):
    def grad(z, classes):
        return residual(z, classes) / len(z)

    return weighted_by_rows, grad, with_classes(5, 3)(rng)


@family.planted("class-weight-missing", "the weights divide, but do not multiply", kind="grad")
def weight_only_in_the_divisor(rng):
    def grad(z, classes, weights):
        return residual(z, classes) / weights[classes].sum()

    def loss(z, classes, weights):
        return np.average(row_losses(z, classes), weights=weights[classes])

    return loss, grad, (*with_classes(6, 3)(rng), WEIGHTS.copy())


@family.planted("class-weight-per-column", "w_j at column j", kind="grad", context={"class_weight": WEIGHTS.tolist()})
def weight_by_column(rng):
    def grad(z, classes):
        return WEIGHTS * residual(z, classes) / len(z)

    return weighted_by_rows, grad, with_classes(5, 3)(rng)


@family.planted(
    "class-weight-normalisation", "divided by m, not by the weights", kind="grad", context={"class_weight": WEIGHTS}
)
def divided_by_rows(rng):
    def grad(z, classes):
        return WEIGHTS[classes][:, None] * residual(z, classes) / len(z)

    return weighted_mean, grad, with_classes(6, 3)(rng)


@family.planted(
    "class-weight-normalisation", "divided by the weights, not by m", kind="grad", context={"class_weight": WEIGHTS}
)
def divided_by_the_weights(rng):
    def grad(z, classes):
        w = WEIGHTS[classes]
        return (w / w.sum())[:, None] * residual(z, classes)

    return weighted_by_rows, grad, with_classes(4, 3)(rng)


# Ignored rows ----------------------------------------------------------------------------------------------------


def loss_of_kept_rows(z, classes):
    kept = classes != IGNORE
    return row_losses(z[kept], classes[kept]).mean()


def with_ignored(m, K):
    def draw(rng):
        z, classes = with_classes(m, K)(rng)
        classes[rng.choice(m, 2, replace=False)] = IGNORE
        return z, classes

    return draw


@family.planted("ignored-rows-not-zeroed", "ignored rows keep their p", kind="grad", context={"ignore_index": IGNORE})
def ignored_rows_keep_probabilities(rng):
    def grad(z, classes):
        kept = np.flatnonzero(classes != IGNORE)
        dz = softmax(z)
        dz[kept, classes[kept]] -= 1
        return dz / len(kept)

    return loss_of_kept_rows, grad, with_ignored(6, 4)(rng)


@family.planted("ignored-rows-not-zeroed", "ignored rows read as class 0", kind="grad", context={"ignore_index": -100})
def ignored_rows_as_class_0(rng):
    def grad(z, classes):
        safe = np.where(classes == IGNORE, 0, classes)
        return residual(z, safe) / (classes != IGNORE).sum()

    return loss_of_kept_rows, grad, with_ignored(7, 3)(rng)


@family.planted("ignored-rows-counted", "divided by all the rows", kind="grad", context={"ignore_index": IGNORE})
def ignored_rows_counted(rng):
    def grad(z, classes):
        kept = classes != IGNORE
        dz = np.zeros_like(z)
        dz[kept] = residual(z[kept], classes[kept])
        return dz / len(z)

    return loss_of_kept_rows, grad, with_ignored(7, 4)(rng)


@family.planted(UNNAMED, "noise in the ignored rows alone", kind="grad", also=("ignored-rows-not-zeroed",))
def wrong_on_ignored_rows_alone(rng):
    def grad(z, classes):
        kept = classes != IGNORE
        dz = 0.3 * np.cos(np.arange(z.size)).reshape(z.shape)
        dz[kept] = residual(z[kept], classes[kept]) / kept.sum()
        return dz

    return loss_of_kept_rows, grad, with_ignored(5, 3)(rng)


# Masks, clipping, epsilons -----------------------------------------------------------------------------------------


@family.planted("mask-missing", "padded rows: only the loss masks", kind="grad", also=("ignored-rows-not-zeroed",))
def row_mask_missing(rng):
    def loss(z, classes, mask):
        return (mask * row_losses(z, classes)).sum() / mask.sum()

    def grad(z, classes, mask):
        return residual(z, classes) / mask.sum()

    return loss, grad, (*with_classes(5, 4)(rng), np.array([1.0, 1.0, 0.0, 1.0, 0.0]))


MASK = np.array([[1, 1, 0, 1], [1, 0, 1, 1], [0, 1, 1, 1]], dtype=float)


@family.planted("mask-missing", "probabilities are masked after softmax", context={"mask": MASK})
def output_mask_missing(rng):
    def forward(z):
        return MASK * softmax(z)

    def vjp(z, output, g):
        p = softmax(z)
        return p * (g - np.sum(g * p, axis=1, keepdims=True))

    return forward, vjp, logits_of_size_3_4(rng)


def logits_of_size_3_4(rng):
    return (rng.normal(size=(3, 4)),)


@family.planted("clipping-one-sided", "logits are clipped on the way in alone", kind="grad")
def logits_clipped_in_the_loss(rng):
    def loss(z, t):
        return mean_loss_one_hot(np.clip(z, -1, 1), t)

    def grad(z, t):
        return (softmax(np.clip(z, -1, 1)) - t) / len(z)

    return loss, grad, with_one_hot(5, 3, spread=2)(rng)


@family.planted(
    "clipping-one-sided", "probabilities under 0.1 are clipped, and get a gradient all the same", kind="grad"
)
def probabilities_clipped_in_the_loss(rng):
    def loss(p, t):
        return -(t * np.log(np.clip(p, 0.1, 0.9))).sum() / len(p)

    def grad(p, t):
        return -t / np.clip(p, 0.1, 0.9) / len(p)

    z, t = with_one_hot(8, 3)(rng)
    z[t == 1] = [-3, -2, -4, 0, 0.5, 0.2, 0.8, -3]
    return loss, grad, (softmax(z), t)


@family.planted("epsilon-one-sided", "log(p + eps) in the loss, -t / p in the gradient", kind="grad")
def epsilon_in_the_loss_alone(rng):
    def loss(p, t, eps=1e-2):
        return -np.sum(t * np.log(p + eps)) / len(p)

    def grad(p, t):
        return -t / p / len(p)

    z, t = with_one_hot(5, 4)(rng)
    return loss, grad, (softmax(z), t)


@family.planted("epsilon-one-sided", "-t / (p + eps) of a loss without it", kind="grad", context={"wrt": "probs"})
def epsilon_in_the_gradient_alone(rng):
    def loss(p, t):
        return -np.sum(t * np.log(p))

    def grad(p, t):
        return -t / (p + 1e-2)

    z, t = with_one_hot(4, 3)(rng)
    return loss, grad, (softmax(z), t)


@family.planted(UNNAMED, "smoothing by eps of the log-probabilities' tanh, a line from another loss", kind="grad")
def line_from_another_loss(rng):
    def grad(z, classes):
        return (residual(z, classes) + EPS * np.tanh(log_softmax(z))) / len(z)

    return smoothed_loss, grad, with_classes(5, 3)(rng)

"""Right directions of wrong length: minus, 2, 1/m, 1/K, the temperature, the base of the logarithm."""

import numpy as np

from check.corpus.case import UNNAMED, Family
from check.corpus.common import (
    any_with_classes,
    any_with_one_hot,
    logits,
    mean_loss,
    mean_loss_columns,
    mean_loss_one_hot,
    one_hot,
    softmax,
    sum_loss,
    with_classes,
    with_one_hot,
    with_one_hot_columns,
)

family = Family("scale and sign")


def residual(z, classes):
    return softmax(z) - one_hot(classes, z.shape[1])


@family.planted("sign", "the terms of the inner loop are subtracted", inputs=logits(3, 5))
def softmax_backward_negated(rng):
    def vjp(z, p, dp):
        grad = np.zeros(z.shape)
        for b in range(z.shape[0]):
            for i in range(z.shape[1]):
                for j in range(z.shape[1]):
                    grad[b, i] -= dp[b, j] * p[b, j] * ((1.0 if i == j else 0.0) - p[b, i])
        return grad

    return softmax, vjp, logits(4, 3)(rng)


@family.planted("sign", "target minus probability", kind="grad", also=("update-direction",))
def target_minus_probability(rng):
    def grad(z, t):
        return (t - softmax(z)) / len(t)

    return mean_loss_one_hot, grad, with_one_hot(5, 4)(rng)


def squares(z, y):
    return np.sum((z - y) ** 2)


def half_squares(z, y):
    return 0.5 * np.sum((z - y) ** 2)


def two_arrays(*shape):
    return lambda rng: (rng.normal(size=shape), rng.normal(size=shape))


@family.planted("factor-2", "the loss is half a square, the gradient that of a whole one", kind="grad")
def twice_the_gradient_of_half_a_square(rng):
    def grad(z, y):
        return 2 * (z - y)

    return half_squares, grad, two_arrays(5, 3)(rng)


@family.planted("factor-half", "the 2 of the square is forgotten", kind="grad", context={"loss": "squared error"})
def half_the_gradient_of_a_square(rng):
    def grad(z, y):
        return z - y

    return squares, grad, two_arrays(4, 3)(rng)


@family.planted("mean-missing", "the loss is a mean, the gradient that of a sum", kind="grad")
def mean_missing_with_class_numbers(rng):
    def grad(z, classes):
        dz = softmax(z)
        dz[range(len(z)), classes] -= 1
        return dz

    return mean_loss, grad, with_classes(6, 10)(rng)


@family.planted("mean-missing", "columns and one-hot labels, no 1/m", kind="grad", context={"layout": "columns"})
def mean_missing_in_columns(rng):
    def grad(z, t):
        return softmax(z, axis=0) - t

    return mean_loss_columns, grad, with_one_hot_columns(3, 5)(rng)


@family.planted("entries-mean-missing", "np.mean divides by every entry, the gradient by nothing", kind="grad")
def mean_over_all_entries_missing(rng):
    def loss(z, y):
        return np.mean((z - y) ** 2)

    def grad(z, y):
        return 2 * (z - y)

    return loss, grad, two_arrays(5, 3)(rng)


@family.planted("mean-extra", "the loss is a sum, the gradient that of a mean", kind="grad", inputs=any_with_classes)
def mean_of_a_sum(rng):
    def grad(z, classes):
        return residual(z, classes) / len(z)

    return sum_loss, grad, with_classes(5, 4)(rng)


@family.planted("mean-extra", "each row of a batch is divided by m in softmax itself")
def mean_in_the_softmax(rng):
    def vjp(z, p, dp):
        return np.stack([(np.diag(q) - np.outer(q, q)) @ g for q, g in zip(p, dp, strict=True)]) / p.shape[0]

    return softmax, vjp, logits(7, 3)(rng)


@family.planted("mean-twice", "1/m in the loss's own gradient, and once more after it", kind="grad")
def mean_taken_twice(rng):
    def grad(z, classes):
        per_row = [(softmax(row) - one_hot(c, len(row))) / len(z) for row, c in zip(z, classes, strict=True)]
        return np.array(per_row) / len(z)

    return mean_loss, grad, with_classes(5, 3)(rng)


@family.planted("divided-by-classes", "shape[1] taken for shape[0]", kind="grad", inputs=any_with_one_hot)
def classes_counted_for_rows(rng):
    def grad(z, t):
        return (softmax(z) - t) / z.shape[1]

    return mean_loss_one_hot, grad, with_one_hot(6, 4)(rng)


@family.planted("divided-by-size", "np.size in place of len", kind="grad", also=("divided-by-classes",))
def every_entry_counted(rng):
    def grad(z, t):
        return (softmax(z) - t) / np.size(t)

    return mean_loss_one_hot, grad, with_one_hot(5, 4)(rng)


@family.planted("divided-by-size", "np.mean's divisor where the loss is a sum", kind="grad")
def every_entry_counted_of_a_sum(rng):
    def grad(z, classes):
        return residual(z, classes) / z.size

    return sum_loss, grad, with_classes(4, 3)(rng)


def softmax_at(temperature):
    return lambda z: softmax(z / temperature)


def backward(p, dp):
    return p * (dp - (dp * p).sum(axis=-1, keepdims=True))


@family.planted("temperature-missing", "no 1/T on the way back", context={"temperature": 2.5})
def temperature_missing(rng):
    return softmax_at(2.5), lambda z, p, dp: backward(p, dp), logits(4, 3)(rng)


@family.planted("temperature-missing", "a distillation loss without the 1/T", kind="grad", context={"temperature": 3.0})
def temperature_missing_in_a_loss(rng):
    T = 3.0

    def loss(z, t):
        return mean_loss_one_hot(z / T, t)

    def grad(z, t):
        return (softmax(z / T) - t) / len(z)

    return loss, grad, with_one_hot(5, 4)(rng)


@family.planted("temperature-inverted", "times T where it should be divided", context={"temperature": 2.5})
def temperature_inverted(rng):
    return softmax_at(2.5), lambda z, p, dp: 2.5 * backward(p, dp), logits(4, 3)(rng)


@family.planted("temperature-twice", "divided by T in the helper and by the caller", context={"temperature": "T = 0.7"})
def temperature_twice(rng):
    T = 0.7

    def tempered(p, dp):
        return backward(p, dp) / T

    def vjp(z, p, dp):
        return tempered(p, dp) / T

    return softmax_at(T), vjp, logits(5, 4)(rng)


@family.planted("log-base", "the loss is in bits, the gradient in nats", kind="grad")
def bits_for_nats(rng):
    def loss(z, classes):
        return np.mean([-np.log2(softmax(row)[c]) for row, c in zip(z, classes, strict=True)])

    def grad(z, classes):
        return residual(z, classes) / len(z)

    return loss, grad, with_classes(5, 3)(rng)


@family.planted("log-base", "log10 in the loss, -t / p at the probabilities", kind="grad", context={"wrt": "probs"})
def base_ten(rng):
    def loss(p, t):
        return -np.sum(t * np.log10(p))

    def grad(p, t):
        return -t / p

    z, t = with_one_hot(4, 3)(rng)
    return loss, grad, (softmax(z), t)


@family.planted("sign", "target minus output, and no 1/m", kind="grad", pair=("sign", "mean-missing"))
def sign_and_mean(rng):
    def grad(z, classes):
        dz = np.zeros_like(z)
        dz[np.arange(len(z)), classes] = 1
        return dz - softmax(z)

    return mean_loss, grad, with_classes(5, 3)(rng)


@family.planted("factor-2", "2 (z - y) of a mean of half squares", kind="grad", pair=("factor-2", "mean-missing"))
def factor_and_mean(rng):
    def loss(z, y):
        return half_squares(z, y) / len(z)

    def grad(z, y):
        return 2 * (z - y)

    return loss, grad, two_arrays(5, 4)(rng)


@family.planted(UNNAMED, "a constant from nowhere", kind="grad", inputs=any_with_classes)
def odd_constant(rng):
    def grad(z, classes):
        return 1.0837 * residual(z, classes) / len(z)

    return mean_loss, grad, with_classes(5, 3)(rng)


@family.planted(UNNAMED, "one entry is set to a number", kind="grad")
def one_entry_wrong(rng):
    def grad(z, t):
        dz = (softmax(z) - t) / len(z)
        dz[2, 1] = 0.1234
        return dz

    return mean_loss_one_hot, grad, with_one_hot(4, 3)(rng)

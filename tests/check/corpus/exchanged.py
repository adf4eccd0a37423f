"""Mistakes where two things of one kind are exchanged: arguments, labels, smoothings, softmax and sigmoid, products.

Each kind stands beside its siblings, and beside a right gradient of the same function.
"""

import numpy as np

from check.corpus.case import Family
from check.corpus.common import log_softmax, logits, mean_loss, one_hot, row_losses, sigmoid, softmax, with_classes

family = Family("exchanged")

EPS = 0.1


def with_probabilities(rng):
    return rng.normal(size=(5, 4)), softmax(rng.normal(size=(5, 4)))


def two_distributions(rng):
    return softmax(rng.normal(size=(5, 4))), softmax(rng.normal(size=(5, 4)))


# The arguments of a divergence ------------------------------------------------------------------------------------


def divergence(z, t):
    return np.sum(t * (np.log(t) - log_softmax(z))) / len(z)


def reversed_divergence(z, t):
    return np.sum(softmax(z) * (log_softmax(z) - np.log(t))) / len(z)


def reversed_gradient(z, t):
    p, gap = softmax(z), log_softmax(z) - np.log(t)
    return p * (gap - np.sum(p * gap, axis=1, keepdims=True)) / len(z)


@family.planted("divergence-reversed", "KL(t || p) with the gradient of KL(p || t)", kind="grad")
def gradient_of_the_reversed_divergence(rng):
    return divergence, reversed_gradient, with_probabilities(rng)


@family.planted("divergence-reversed", "KL(p || t) with the gradient of KL(t || p)", kind="grad")
def gradient_of_the_usual_divergence(rng):
    return reversed_divergence, lambda z, t: (softmax(z) - t) / len(z), with_probabilities(rng)


@family.right("KL(p || t) with its own gradient", kind="grad")
def reversed_divergence_of_softmax(rng):
    return reversed_divergence, reversed_gradient, with_probabilities(rng)


@family.planted("divergence-reversed", "at the probabilities: -t / p for KL(p || t)", kind="grad")
def usual_divergence_at_probabilities(rng):
    return lambda p, t: np.sum(p * np.log(p / t)), lambda p, t: -t / p, two_distributions(rng)


@family.planted("divergence-reversed", "at the probabilities: log(p / t) + 1 for KL(t || p)", kind="grad")
def reversed_divergence_at_probabilities(rng):
    return lambda p, t: np.sum(t * np.log(t / p)), lambda p, t: np.log(p / t) + 1, two_distributions(rng)


@family.planted("product-rule-one-missing", "log(p / t) without the 1 of the product rule", kind="grad")
def divergence_without_the_one(rng):
    return (
        lambda p, t: np.sum(p * (np.log(p) - np.log(t))) / len(p),
        lambda p, t: (np.log(p) - np.log(t)) / len(p),
        two_distributions(rng),
    )


@family.right("both divergences at the probabilities, added", kind="grad")
def symmetric_divergence(rng):
    def loss(p, t):
        return np.sum((p - t) * np.log(p / t))

    return loss, lambda p, t: np.log(p / t) + 1 - t / p, two_distributions(rng)


@family.planted("cross-entropy-reversed", "-sum p log t with the gradient p - t", kind="grad")
def cross_entropy_with_its_arguments_exchanged(rng):
    return (
        lambda z, t: -np.sum(softmax(z) * np.log(t), axis=1).mean(),
        lambda z, t: (softmax(z) - t) / len(z),
        with_probabilities(rng),
    )


@family.right("-sum p log t with its own gradient", kind="grad")
def reversed_cross_entropy(rng):
    def grad(z, t):
        p = softmax(z)
        return -p * (np.log(t) - (p * np.log(t)).sum(axis=1, keepdims=True)) / len(z)

    return lambda z, t: -(softmax(z) * np.log(t)).sum(axis=1).mean(), grad, with_probabilities(rng)


@family.planted("binary-cross-entropy-reversed", "a and t exchanged in the loss, a - t in the gradient", kind="grad")
def binary_cross_entropy_with_its_arguments_exchanged(rng):
    def loss(z, t):
        a = sigmoid(z)
        return -np.sum(a * np.log(t) + (1 - a) * np.log(1 - t)) / len(z)

    return loss, lambda z, t: (sigmoid(z) - t) / len(z), with_probabilities(rng)


# Labels that the forward pass shifts ------------------------------------------------------------------------------


def residual(z, classes):
    d = softmax(z)
    d[np.arange(len(z)), classes] -= 1
    return d / len(z)


@family.planted("label-off-by-one", "the loss takes the class before the label", kind="grad")
def labels_shifted_down_in_the_loss(rng):
    return lambda z, y: mean_loss(z, y - 1), residual, with_classes(6, 4)(rng)


@family.planted("label-off-by-one", "the loss takes the class after the label", kind="grad")
def labels_shifted_up_in_the_loss(rng):
    return (
        lambda z, y: row_losses(z, (y + 1) % z.shape[1]).sum(),
        lambda z, y: softmax(z) - one_hot(y, z.shape[1]),
        with_classes(6, 4)(rng),
    )


@family.planted("label-off-by-one", "at the probabilities, the loss takes the class before the label", kind="grad")
def labels_shifted_at_the_probabilities(rng):
    def grad(p, y):
        dp = np.zeros_like(p)
        dp[np.arange(len(p)), y] = -1 / p[np.arange(len(p)), y]
        return dp / len(p)

    z, y = with_classes(6, 4)(rng)
    return lambda p, y: -np.log(p[np.arange(len(p)), y - 1]).mean(), grad, (softmax(z), y)


@family.right("labels from 1 to K, shifted in both passes", kind="grad")
def labels_that_count_from_one(rng):
    z, y = with_classes(6, 4)(rng)
    return lambda z, y: mean_loss(z, y - 1), lambda z, y: residual(z, y - 1), (z, y + 1)


def next_token_loss(z, tokens):
    return row_losses(z[:-1], tokens[1:]).mean()


@family.planted("label-of-another-step", "the loss takes the next token, the gradient this one", kind="grad")
def this_token_for_the_next(rng):
    def grad(z, tokens):
        dz = np.zeros_like(z)
        dz[:-1] = residual(z[:-1], tokens[:-1])
        return dz

    return next_token_loss, grad, with_classes(7, 4)(rng)


@family.planted("label-of-another-step", "and the last step gets a gradient too", kind="grad")
def every_token_for_the_next(rng):
    return (
        lambda z, tokens: row_losses(z[:-1], tokens[1:]).sum(),
        lambda z, tokens: softmax(z) - one_hot(tokens, z.shape[1]),
        with_classes(7, 4)(rng),
    )


@family.right("the next token in both passes", kind="grad")
def next_token_in_both_passes(rng):
    def grad(z, tokens):
        return np.concatenate([residual(z[:-1], tokens[1:]), np.zeros_like(z[:1])])

    return next_token_loss, grad, with_classes(7, 4)(rng)


# Ways to smooth a target ------------------------------------------------------------------------------------------


def smoothed_loss(smoothed):
    return lambda z, y: -np.sum(smoothed(one_hot(y, z.shape[1])) * log_softmax(z)) / len(z)


def over_others(t):
    return (1 - EPS) * t + EPS / (t.shape[1] - 1) * (1 - t)


def over_all(t):
    return (1 - EPS) * t + EPS / t.shape[1]


@family.planted("smoothing-mass", "eps / (K - 1) in the loss, eps / K in the gradient", kind="grad")
def smoothed_over_all_in_the_gradient(rng):
    return (
        smoothed_loss(over_others),
        lambda z, y: (softmax(z) - over_all(one_hot(y, z.shape[1]))) / len(z),
        with_classes(6, 4)(rng),
    )


@family.planted("smoothing-ignored", "eps / (K - 1) in the loss, the hard target in the gradient", kind="grad")
def hard_target_of_a_loss_smoothed_over_others(rng):
    return smoothed_loss(over_others), residual, with_classes(6, 4)(rng)


@family.planted("smoothing-ignored", "at the probabilities, the loss is smoothed by eps / (K - 1)", kind="grad")
def hard_target_at_the_probabilities(rng):
    def loss(p, y):
        return -np.sum(over_others(one_hot(y, p.shape[1])) * np.log(p))

    z, y = with_classes(6, 4)(rng)
    return loss, lambda p, y: -one_hot(y, p.shape[1]) / p, (softmax(z), y)


@family.planted("target-sum-missing", "the smoothed target sums to more than 1", kind="grad")
def smoothed_to_more_than_one(rng):
    def smoothed(t):
        return (1 - EPS) * t + EPS / (t.shape[1] - 1)

    return (
        smoothed_loss(smoothed),
        lambda z, y: (softmax(z) - smoothed(one_hot(y, z.shape[1]))) / len(z),
        with_classes(6, 4)(rng),
    )


@family.planted("target-sum-missing", "a target of real numbers, whose rows sum to anything", kind="grad")
def target_of_any_sum(rng):
    return (
        lambda z, t: -np.sum(t * log_softmax(z)),
        lambda z, t: softmax(z) - t,
        (rng.normal(size=(5, 4)), rng.uniform(size=(5, 4))),
    )


@family.right("eps / (K - 1) in both passes", kind="grad")
def smoothed_over_others_in_both_passes(rng):
    return (
        smoothed_loss(over_others),
        lambda z, y: (softmax(z) - over_others(one_hot(y, z.shape[1]))) / len(z),
        with_classes(6, 4)(rng),
    )


# Softmax and sigmoid ----------------------------------------------------------------------------------------------


@family.planted("sigmoid-for-softmax", "sigmoid(z) - t where the loss has softmax", kind="grad")
def sigmoid_in_the_gradient_of_softmax(rng):
    return (
        mean_loss,
        lambda z, y: (sigmoid(z) - one_hot(y, z.shape[1])) / len(z),
        with_classes(6, 4)(rng),
    )


@family.planted("softmax-for-sigmoid", "softmax(z) - t where the loss has a sigmoid", kind="grad")
def softmax_in_the_gradient_of_sigmoid(rng):
    def loss(z, t):
        return np.sum(np.logaddexp(0, z) - t * z) / len(z)

    inputs = rng.normal(size=(5, 4)), rng.integers(0, 2, (5, 4)).astype(float)
    return loss, lambda z, t: (softmax(z) - t) / len(z), inputs


@family.planted("sigmoid-for-softmax", "a sigmoid's derivative, from a sigmoid, in a softmax layer")
def sigmoid_backward_of_softmax(rng):
    def vjp(z, p, dp):
        s = sigmoid(z)
        return dp * s * (1 - s)

    return softmax, vjp, logits(5, 4)(rng)


@family.planted("softmax-for-sigmoid", "the Jacobian of softmax in a sigmoid layer")
def softmax_backward_of_sigmoid(rng):
    return sigmoid, lambda z, a, da: a * (da - np.sum(a * da, axis=-1, keepdims=True)), logits(5, 4)(rng)


@family.planted("softmax-for-sigmoid", "the Jacobian of softmax in a squared error of sigmoid", kind="grad")
def softmax_backward_in_a_squared_error(rng):
    def grad(z, t):
        a = sigmoid(z)
        da = 2 * (a - t)
        return a * (da - np.sum(a * da, axis=-1, keepdims=True))

    return lambda z, t: np.sum((sigmoid(z) - t) ** 2), grad, with_probabilities(rng)


# Kinds of product -------------------------------------------------------------------------------------------------


def square(rng):
    return rng.normal(size=(4, 4)), rng.normal(size=(4, 4)), rng.normal(size=4)


@family.planted("elementwise-for-matrix-product", "dy * W.T, which a square batch lets pass")
def elementwise_through_the_weights(rng):
    return lambda x, W, b: x @ W + b, lambda x, W, b, y, g: (g * W.T, x.T @ g, g.sum(0)), square(rng)


@family.planted("elementwise-for-matrix-product", "x.T * dy in the gradient of the weights, columns")
def elementwise_in_the_weights(rng):
    x, W, b = square(rng)
    return (
        lambda x, W, b: W @ x + b,
        lambda x, W, b, y, g: (W.T @ g, g * x.T, g.sum(1, keepdims=True)),
        (x, W, b[:, None]),
    )


@family.planted("matrix-product-for-elementwise", "np.dot with the slope of an activation")
def matrix_product_with_the_slope(rng):
    return np.tanh, lambda z, a, da: da @ (1 - a**2), (rng.normal(size=(4, 4)),)


@family.planted("matrix-product-for-elementwise", "p @ dp.T for the sum of p * dp")
def matrix_product_in_softmax(rng):
    return softmax, lambda z, p, dp: p * (dp - p @ dp.T), logits(4, 4)(rng)


# Behind two layers ------------------------------------------------------------------------------------------------


def behind_layers(loss, at_logits):
    """The loss of a network with tanh, and its backward pass from the gradient at the logits."""

    def of_network(params, x, y):
        return loss(np.tanh(x @ params["W1"] + params["b1"]) @ params["W2"], y)

    def grad(params, x, y):
        a = np.tanh(x @ params["W1"] + params["b1"])
        dz = at_logits(a @ params["W2"], y)
        d = dz @ params["W2"].T * (1 - a * a)
        return {"W1": x.T @ d, "b1": d.sum(axis=0), "W2": a.T @ dz}

    return of_network, grad


def network_inputs(rng):
    params = {"W1": rng.normal(size=(3, 4)), "b1": rng.normal(size=4), "W2": rng.normal(size=(4, 5))}
    return params, rng.normal(size=(6, 3)), rng.integers(0, 5, 6)


@family.planted("label-off-by-one", "a network whose loss takes the class before the label", kind="grad")
def network_with_shifted_labels(rng):
    return *behind_layers(lambda z, y: mean_loss(z, y - 1), residual), network_inputs(rng)


@family.planted("label-of-another-step", "a network whose loss takes the next label", kind="grad")
def network_with_the_next_label(rng):
    def at_logits(z, y):
        return np.concatenate([residual(z[:-1], y[:-1]), np.zeros_like(z[:1])])

    return *behind_layers(next_token_loss, at_logits), network_inputs(rng)


@family.planted("smoothing-mass", "a network, eps / (K - 1) in the loss, eps / K in the gradient", kind="grad")
def network_with_another_smoothing(rng):
    def at_logits(z, y):
        return (softmax(z) - over_all(one_hot(y, z.shape[1]))) / len(z)

    return *behind_layers(smoothed_loss(over_others), at_logits), network_inputs(rng)


@family.planted("sigmoid-for-softmax", "a network, sigmoid(z) - t where the loss has softmax", kind="grad")
def network_with_a_sigmoid_in_its_gradient(rng):
    def at_logits(z, y):
        return (sigmoid(z) - one_hot(y, z.shape[1])) / len(z)

    return *behind_layers(mean_loss, at_logits), network_inputs(rng)


@family.planted(
    "elementwise-for-matrix-product", "a square network, d * W.T on the way to the hidden layer", kind="grad"
)
def network_with_an_elementwise_product(rng):
    def loss(params, x, y):
        return mean_loss(np.tanh(x @ params["W1"]) @ params["W2"], y)

    def grad(params, x, y):
        a = np.tanh(x @ params["W1"])
        dz = residual(a @ params["W2"], y)
        return {"W1": x.T @ (dz * params["W2"].T * (1 - a * a)), "W2": a.T @ dz}

    params = {"W1": rng.normal(size=(3, 4)), "W2": rng.normal(size=(4, 4))}
    return loss, grad, (params, rng.normal(size=(4, 3)), rng.integers(0, 4, 4))


@family.right("a network whose labels are shifted in both passes", kind="grad")
def network_with_labels_shifted_in_both_passes(rng):
    return *behind_layers(lambda z, y: mean_loss(z, y - 1), lambda z, y: residual(z, y - 1)), network_inputs(rng)

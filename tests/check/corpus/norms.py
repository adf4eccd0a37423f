"""Mistakes in batch, layer and RMS norm, and in division by a length, in several layouts; with right neighbours."""

import numpy as np

from check.corpus.case import UNNAMED, Family

family = Family("norms")

EPS = 1e-5


def features_last(*shape):
    """x, gamma and beta."""

    def draw(rng):
        return rng.normal(size=shape), rng.normal(1, 0.3, shape[-1]), rng.normal(size=shape[-1])

    return draw


def standardised(x, axis, eps=EPS):
    centred = x - x.mean(axis=axis, keepdims=True)
    std = np.sqrt((centred**2).mean(axis=axis, keepdims=True) + eps)
    return centred / std, std


def through(dxhat, xhat, std, axis):
    """The right gradient of x."""
    inner = (dxhat * xhat).mean(axis=axis, keepdims=True)
    return (dxhat - dxhat.mean(axis=axis, keepdims=True) - xhat * inner) / std


def batch_norm(x, gamma, beta):
    return gamma * standardised(x, 0)[0] + beta


def layer_norm(x, gamma, beta):
    return gamma * standardised(x, -1)[0] + beta


# Batch norm -------------------------------------------------------------------------------------------------------


@family.right("batch norm, step by step")
def batch_norm_in_steps(rng):
    def vjp(x, gamma, beta, y, dy):
        m = len(x)
        mu, var = x.mean(0), x.var(0)
        std = np.sqrt(var + EPS)
        dxhat = dy * gamma
        dvar = np.sum(dxhat * (x - mu) * -0.5 * std**-3, axis=0)
        dmu = np.sum(-dxhat / std, axis=0)
        dx = dxhat / std + dvar * 2 * (x - mu) / m + dmu / m
        return dx, np.sum(dy * (x - mu) / std, axis=0), dy.sum(0)

    return batch_norm, vjp, features_last(6, 4)(rng)


@family.planted("norm-mean-term-missing", "nothing flows through the mean")
def batch_mean_taken_as_constant(rng):
    def vjp(x, gamma, beta, y, dy):
        xhat, std = standardised(x, 0)
        dxhat = dy * gamma
        dx = (dxhat - xhat * np.mean(dxhat * xhat, axis=0)) / std
        return dx, np.sum(dy * xhat, axis=0), np.sum(dy, axis=0)

    return batch_norm, vjp, features_last(6, 4)(rng)


@family.planted("norm-variance-term-missing", "nothing flows through the variance, images with channels second")
def batch_variance_taken_as_constant(rng):
    axes = (0, 2, 3)

    def forward(x, gamma, beta):
        return gamma[:, None, None] * standardised(x, axes)[0] + beta[:, None, None]

    def vjp(x, gamma, beta, y, dy):
        xhat, std = standardised(x, axes)
        dxhat = dy * gamma[:, None, None]
        return (dxhat - dxhat.mean(axes, keepdims=True)) / std, (dy * xhat).sum(axes), dy.sum(axes)

    return forward, vjp, (rng.normal(size=(2, 3, 4, 3)), rng.normal(1, 0.3, 3), rng.normal(size=3))


@family.planted("norm-statistics-constant", "dy gamma / std alone")
def batch_statistics_taken_as_constants(rng):
    def vjp(x, gamma, beta, y, dy):
        xhat, std = standardised(x, 0)
        return gamma / std * dy, (dy * xhat).sum(0), dy.sum(0)

    return batch_norm, vjp, features_last(5, 3)(rng)


@family.planted("norm-sums-for-means", "the compact formula without its 1 / m")
def batch_norm_without_one_over_m(rng):
    def vjp(x, gamma, beta, y, dy):
        xhat, std = standardised(x, 0)
        dgamma, dbeta = (dy * xhat).sum(0), dy.sum(0)
        return gamma / std * (dy - dbeta - xhat * dgamma), dgamma, dbeta

    return batch_norm, vjp, features_last(6, 4)(rng)


@family.planted("norm-gamma-missing", "gamma does not come into dx")
def batch_norm_without_gamma(rng):
    def vjp(x, gamma, beta, y, dy):
        xhat, std = standardised(x, 0)
        return through(dy, xhat, std, 0), (dy * xhat).sum(0), dy.sum(0)

    return batch_norm, vjp, features_last(6, 4)(rng)


@family.planted("norm-gamma-input", "x for its normalised value in the gradient of gamma")
def gamma_of_the_input(rng):
    def vjp(x, gamma, beta, y, dy):
        xhat, std = standardised(x, 0)
        return through(dy * gamma, xhat, std, 0), (dy * x).sum(0), dy.sum(0)

    return batch_norm, vjp, features_last(6, 4)(rng)


@family.planted("norm-parameter-axis", "beta summed over the features, on a square batch")
def beta_summed_over_features(rng):
    def vjp(x, gamma, beta, y, dy):
        xhat, std = standardised(x, 0)
        return through(dy * gamma, xhat, std, 0), (dy * xhat).sum(0), dy.sum(1)

    return batch_norm, vjp, features_last(4, 4)(rng)


@family.planted("norm-power", "1 / std for 1 / std^3 in the gradient of the variance")
def variance_with_the_wrong_power(rng):
    def vjp(x, gamma, beta, y, dy):
        xhat, std = standardised(x, 0)
        centred, dxhat = x - x.mean(0), dy * gamma
        dvar = -0.5 * np.sum(dxhat * centred, axis=0) / std[0]
        dx = dxhat / std + 2 * centred * dvar / len(x) - np.mean(dxhat / std, axis=0)
        return dx, (dy * xhat).sum(0), dy.sum(0)

    return batch_norm, vjp, features_last(6, 4)(rng)


@family.planted("norm-variance-term-factor", "the 2 of the square is forgotten in the variance")
def variance_without_its_two(rng):
    def vjp(x, gamma, beta, y, dy):
        xhat, std = standardised(x, 0)
        dxhat = dy * gamma
        half = 0.5 * xhat * np.mean(dxhat * xhat, axis=0)
        return (dxhat - dxhat.mean(0) - half) / std, (dy * xhat).sum(0), dy.sum(0)

    return batch_norm, vjp, features_last(6, 4)(rng)


@family.planted("norm-epsilon", "the constant is added to the variance there, and to its root on the way back")
def epsilon_in_another_place(rng):
    eps = 1e-2

    def forward(x, gamma, beta):
        return gamma * standardised(x, 0, eps)[0] + beta

    def vjp(x, gamma, beta, y, dy):
        xhat, _ = standardised(x, 0, eps)
        return through(dy * gamma, xhat, np.sqrt(x.var(0)) + eps, 0), (dy * xhat).sum(0), dy.sum(0)

    return forward, vjp, features_last(6, 4)(rng)


@family.right("the constant stands outside the root, in both passes; columns are samples")
def epsilon_outside_the_root(rng):
    def forward(x, gamma, beta):
        return gamma * (x - x.mean(1, keepdims=True)) / (x.std(1, keepdims=True) + 1e-3) + beta

    def vjp(x, gamma, beta, y, dy):
        centred, root = x - x.mean(1, keepdims=True), x.std(1, keepdims=True)
        std = root + 1e-3
        d = dy * gamma
        inner = np.mean(d * centred, axis=1, keepdims=True) / std
        dx = (d - d.mean(1, keepdims=True) - centred / root * inner) / std
        return dx, (dy * centred / std).sum(1, keepdims=True), dy.sum(1, keepdims=True)

    return forward, vjp, (rng.normal(size=(4, 6)), rng.normal(1, 0.3, (4, 1)), rng.normal(size=(4, 1)))


@family.planted("norm-statistics-given", "the training formula where the mean and the variance are given")
def training_formula_in_evaluation(rng):
    def forward(x, gamma, beta, mean, var):
        return gamma * (x - mean) / np.sqrt(var + EPS) + beta

    def vjp(x, gamma, beta, mean, var, y, dy):
        std = np.sqrt(var + EPS)
        xhat = (x - mean) / std
        return through(dy * gamma, xhat, std, 0), (dy * xhat).sum(0), dy.sum(0), None, None

    x, gamma, beta = features_last(6, 4)(rng)
    return forward, vjp, (x, gamma, beta, rng.normal(size=4), rng.uniform(0.5, 2, 4))


@family.planted(UNNAMED, "a cosine from nowhere")
def batch_norm_with_a_cosine(rng):
    def vjp(x, gamma, beta, y, dy):
        xhat, std = standardised(x, 0)
        return through(dy * gamma, xhat, std, 0) * np.cos(x), (dy * xhat).sum(0), dy.sum(0)

    return batch_norm, vjp, features_last(6, 4)(rng)


# Layer norm -------------------------------------------------------------------------------------------------------


@family.right("layer norm of sequences, without beta")
def layer_norm_of_sequences(rng):
    def vjp(x, gamma, y, dy):
        xhat, std = standardised(x, -1)
        return through(dy * gamma, xhat, std, -1), np.einsum("btd,btd->d", dy, xhat)

    x, gamma, _ = features_last(2, 3, 4)(rng)
    return lambda x, gamma: gamma * standardised(x, -1)[0], vjp, (x, gamma)


@family.planted("norm-axis", "layer norm with the means of batch norm")
def layer_norm_with_batch_means(rng):
    def vjp(x, gamma, beta, y, dy):
        xhat, std = standardised(x, -1)
        return through(dy * gamma, xhat, std, 0), (dy * xhat).sum(0), dy.sum(0)

    return layer_norm, vjp, features_last(5, 4)(rng)


@family.planted("norm-mean-term-missing", "sequences: the mean is detached")
def layer_mean_taken_as_constant(rng):
    def vjp(x, gamma, beta, y, dy):
        xhat, std = standardised(x, -1)
        d = dy * gamma
        dx = d / std - xhat * np.mean(d * xhat, axis=-1, keepdims=True) / std
        return dx, (dy * xhat).sum((0, 1)), dy.sum((0, 1))

    return layer_norm, vjp, features_last(2, 3, 4)(rng)


@family.planted("norm-scale-missing", "nothing is divided by std, and there is no gamma")
def layer_norm_not_divided(rng):
    def vjp(x, y, dy):
        return dy - dy.mean(1, keepdims=True) - y * (dy * y).mean(1, keepdims=True)

    return lambda x: standardised(x, 1)[0], vjp, (2 * rng.normal(size=(5, 4)),)


# RMS norm and lengths ---------------------------------------------------------------------------------------------


def root_mean_square(x):
    return np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + EPS)


def rms_norm(x, gamma):
    return gamma * x / root_mean_square(x)


def rms_inputs(rng):
    return rng.normal(size=(2, 3, 4)), rng.normal(1, 0.3, 4)


@family.planted("norm-power", "1 / rms for 1 / rms^3")
def rms_with_the_wrong_power(rng):
    def vjp(x, gamma, y, dy):
        rms, d = root_mean_square(x), dy * gamma
        dx = d / rms - x * np.mean(d * x, axis=-1, keepdims=True) / rms
        return dx, np.sum(dy * x / rms, axis=(0, 1))

    return rms_norm, vjp, rms_inputs(rng)


@family.planted("norm-mean-term-added", "the backward pass of layer norm")
def rms_with_a_mean(rng):
    def vjp(x, gamma, y, dy):
        rms = root_mean_square(x)
        return through(dy * gamma, x / rms, rms, -1), np.sum(dy * x / rms, axis=(0, 1))

    return rms_norm, vjp, rms_inputs(rng)


@family.planted("norm-statistics-constant", "rows divided by their length, which is taken for a number")
def length_taken_as_constant(rng):
    def unit(x):
        return x / np.linalg.norm(x, axis=1, keepdims=True)

    return unit, lambda x, y, dy: dy / np.linalg.norm(x, axis=1, keepdims=True), (rng.normal(size=(5, 3)),)


@family.right("rows divided by their length")
def unit_rows(rng):
    def unit(x):
        return x / np.linalg.norm(x, axis=1, keepdims=True)

    def vjp(x, y, dy):
        return (dy - y * np.einsum("nd,nd->n", y, dy)[:, None]) / np.sqrt((x**2).sum(1))[:, None]

    return unit, vjp, (rng.normal(size=(5, 3)),)


# Layer objects ----------------------------------------------------------------------------------------------------


class LayerNorm:
    """Holds its parameters and what the last forward pass computed."""

    def __init__(self, rng, features):
        self.gamma, self.beta = rng.normal(1, 0.3, features), rng.normal(size=features)

    def forward(self, x):
        self.xhat, self.std = standardised(x, -1)
        return self.gamma * self.xhat + self.beta


@family.planted("norm-variance-term-missing", "a layer object, whose gamma and beta are no inputs")
def layer_object_without_the_variance(rng):
    layer = LayerNorm(rng, 4)
    layer.forward(rng.normal(size=(3, 4)))  # in use before

    def backward(x, y, dy):
        d = dy * layer.gamma
        return (d - d.mean(-1, keepdims=True)) / layer.std

    return layer.forward, backward, (rng.normal(size=(5, 4)),)


@family.right("a layer object, whose gamma and beta are no inputs")
def layer_object(rng):
    layer = LayerNorm(rng, 4)

    def backward(x, y, dy):
        layer.forward(x)
        return through(dy * layer.gamma, layer.xhat, layer.std, -1)

    return layer.forward, backward, (rng.normal(size=(5, 4)),)

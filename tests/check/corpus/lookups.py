"""Mistakes in attention, in rows looked up from a table, and in penalties that stand alone; with right neighbours."""

import numpy as np

from check.corpus.case import Family
from check.corpus.common import softmax

family = Family("attention, lookups and penalties")

LAM = 0.3


def turned(a):
    return np.swapaxes(a, -1, -2)


def attention(q, k, v):
    return softmax(q @ turned(k) / np.sqrt(q.shape[-1])) @ v


def causal_weights(q, k):
    s = q @ turned(k) * q.shape[-1] ** -0.5
    return softmax(np.where(np.tri(*s.shape[-2:], dtype=bool), s, -1e9))


def through_softmax(p, dp):
    return p * (dp - (p * dp).sum(axis=-1, keepdims=True))


def qkv(*batch, n=3, s=4, d=2, e=3):
    def draw(rng):
        return rng.normal(size=(*batch, n, d)), rng.normal(size=(*batch, s, d)), rng.normal(size=(*batch, s, e))

    return draw


def parts(q, k, v, dy):
    """p, the gradient of the scaled scores, and the scale."""
    scale = q.shape[-1] ** -0.5
    p = softmax(q @ turned(k) * scale)
    return p, through_softmax(p, dy @ turned(v)), scale


# Attention --------------------------------------------------------------------------------------------------------


@family.right("attention of heads, with the scale in q")
def attention_of_heads(rng):
    def vjp(q, k, v, y, dy):
        p, ds, scale = parts(q, k, v, dy)
        return ds @ k * scale, turned(ds) @ (q * scale), turned(p) @ dy

    return attention, vjp, qkv(2, 2)(rng)


@family.planted("attention-scale-missing", "no scale in the gradients of q and k")
def attention_scale_missing(rng):
    def vjp(q, k, v, y, dy):
        p, ds, _ = parts(q, k, v, dy)
        return ds @ k, ds.T @ q, p.T @ dy

    return attention, vjp, qkv()(rng)


@family.planted("attention-scale-missing", "no scale in the gradient of the keys alone, heads")
def attention_scale_missing_for_keys(rng):
    def vjp(q, k, v, y, dy):
        p, ds, scale = parts(q, k, v, dy)
        return ds @ k * scale, np.einsum("bhns,bhnd->bhsd", ds, q), turned(p) @ dy

    return attention, vjp, qkv(2, 2)(rng)


@family.planted("attention-scale-twice", "the scale in the scores' gradient and in both products")
def attention_scale_twice(rng):
    def vjp(q, k, v, y, dy):
        p, ds, scale = parts(q, k, v, dy)
        ds = ds * scale
        return ds @ k * scale, turned(ds) @ q * scale, turned(p) @ dy

    return attention, vjp, qkv(2)(rng)


@family.planted("diagonal-only", "softmax taken entry by entry")
def attention_with_an_elementwise_softmax(rng):
    def vjp(q, k, v, y, dy):
        p, _, scale = parts(q, k, v, dy)
        ds = p * (1 - p) * (dy @ turned(v)) * scale
        return ds @ k, turned(ds) @ q, turned(p) @ dy

    return attention, vjp, qkv(2)(rng)


@family.planted("attention-not-transposed", "p for its transpose, as many queries as keys")
def attention_weights_not_transposed(rng):
    def vjp(q, k, v, y, dy):
        p, ds, scale = parts(q, k, v, dy)
        return ds @ k * scale, ds.T @ q * scale, p @ dy

    return attention, vjp, qkv(n=4)(rng)


@family.planted("attention-not-transposed", "the scores' gradient for its transpose, causal")
def causal_scores_not_transposed(rng):
    def vjp(q, k, v, y, dy):
        p = causal_weights(q, k)
        ds = through_softmax(p, dy @ turned(v)) * q.shape[-1] ** -0.5
        return ds @ k, ds @ q, turned(p) @ dy

    return lambda q, k, v: causal_weights(q, k) @ v, vjp, qkv(2, n=4)(rng)


@family.planted("mask-missing", "the weights are computed without their mask on the way back")
def attention_mask_missing(rng):
    def vjp(q, k, v, keep, y, dy):
        p, ds, scale = parts(q, k, v, dy)
        return ds @ k * scale, ds.T @ q * scale, p.T @ dy, None

    def forward(q, k, v, keep):
        return softmax(np.where(keep, q @ k.T / np.sqrt(q.shape[1]), -np.inf)) @ v

    keep = rng.random((3, 4)) < 0.6
    keep[:, 0] = True
    return forward, vjp, (*qkv()(rng), keep)


@family.planted("attention-scale-missing", "a layer object with a causal mask and caches of its own")
def attention_object_without_its_scale(rng):
    class Attention:
        def __init__(self, length):
            self.mask = np.triu(np.ones((length, length)), 1)

        def forward(self, q, k, v):
            self.scores = q @ turned(k) / np.sqrt(q.shape[-1]) - 1e9 * self.mask
            self.weights = softmax(self.scores)
            return self.weights @ v

        def backward(self, q, k, v, y, dy):
            ds = through_softmax(self.weights, dy @ turned(v))
            return ds @ k, turned(ds) @ q, turned(self.weights) @ dy

    layer = Attention(4)
    return layer.forward, layer.backward, tuple(rng.normal(size=(3, 2, 4, 3)))


@family.planted("attention-path-missing", "the values' part is left out where one array is all three")
def self_attention_without_values(rng):
    def vjp(x, y, dy):
        _, ds, scale = parts(x, x, x, dy)
        return (ds @ x + ds.T @ x) * scale

    return lambda x: attention(x, x, x), vjp, (rng.normal(size=(4, 3)),)


# Rows of a table --------------------------------------------------------------------------------------------------


@family.planted("repeated-rows-lost", "dW[ids] += dy")
def rows_added_by_index(rng):
    def vjp(W, ids, y, dy):
        dW = np.zeros_like(W)
        dW[ids] += dy
        return dW, None

    return lambda W, ids: W[ids], vjp, (rng.normal(size=(5, 3)), rng.integers(0, 5, (4, 3)))


@family.planted("repeated-rows-lost", "dW[ids] = dy / L, of a mean of rows", also=("repeated-indices",))
def rows_of_a_mean_assigned(rng):
    def vjp(W, ids, y, dy):
        dW = np.zeros_like(W)
        for row, g in zip(ids, dy, strict=True):
            dW[row] = g / len(row)
        return dW, None

    return lambda W, ids: W[ids].mean(axis=1), vjp, (rng.normal(size=(5, 3)), rng.integers(0, 5, (4, 3)))


@family.planted("lookup-mean-missing", "each of the rows of a mean gets the whole gradient")
def rows_of_a_mean_not_divided(rng):
    def vjp(W, ids, y, dy):
        dW = np.zeros_like(W)
        np.add.at(dW, ids, dy[:, None, :])
        return dW, None

    return lambda W, ids: W[ids].mean(axis=1), vjp, (rng.normal(size=(5, 2)), rng.integers(0, 5, (4, 3)))


@family.planted("repeated-rows-averaged", "divided by how often a row occurs")
def rows_averaged(rng):
    def vjp(W, ids, y, dy):
        hot = np.eye(len(W))[ids]
        return hot.T @ dy / np.maximum(hot.sum(0), 1)[:, None], None

    return lambda W, ids: W[ids], vjp, (rng.normal(size=(4, 3)), rng.integers(0, 4, 9))


@family.right("sums of rows, by a matrix of ones and zeros")
def sums_of_rows(rng):
    def vjp(W, ids, y, dy):
        return np.eye(len(W))[ids].sum(axis=1).T @ dy, None

    return lambda W, ids: W[ids].sum(axis=1), vjp, (rng.normal(size=(5, 3)), rng.integers(0, 5, (4, 3)))


# Penalties --------------------------------------------------------------------------------------------------------


@family.planted("factor-half", "lam W for lam times the squares", kind="grad")
def squares_without_their_two(rng):
    return lambda W: LAM * np.sum(W**2), lambda W: LAM * W, (rng.normal(size=(3, 4)),)


@family.planted("penalty-derivative", "|W| for its sign", kind="grad")
def absolute_value_for_its_sign(rng):
    return lambda W: LAM * np.abs(W).sum(), lambda W: LAM * np.abs(W), (rng.normal(size=(3, 4)),)


@family.planted("penalty-length-missing", "lam W for lam ||W||", kind="grad")
def length_without_its_root(rng):
    return lambda w: LAM * np.linalg.norm(w), lambda w: LAM * w, (rng.normal(size=6),)


@family.planted("penalty-length-missing", "a group lasso over rows", kind="grad")
def group_lasso_without_lengths(rng):
    return lambda W: LAM * np.sqrt((W**2).sum(axis=1)).sum(), lambda W: LAM * W, (rng.normal(size=(4, 3)),)


@family.planted("penalty-on-others", "the biases decay too", kind="grad")
def penalty_on_the_biases(rng):
    def loss(p):
        return 0.5 * LAM * sum(np.sum(w**2) for name, w in p.items() if name.startswith("W"))

    p = {"W1": rng.normal(size=(3, 4)), "b1": rng.normal(size=4), "W2": rng.normal(size=(4, 2))}
    return loss, lambda p: {name: LAM * w for name, w in p.items()}, (p,)


@family.right("a group lasso over columns", kind="grad")
def group_lasso_over_columns(rng):
    return (
        lambda W: LAM * np.linalg.norm(W, axis=0).sum(),
        lambda W: LAM * W / np.linalg.norm(W, axis=0),
        (rng.normal(size=(4, 3)),),
    )

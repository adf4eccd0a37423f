"""Right backward passes of strangers for images and words: unusual ways that a checker must let pass."""

import numpy as np
from numpy.lib.stride_tricks import as_strided

from check.corpus.case import Family
from check.corpus.common import softmax

family = Family("strangers, right images and words")


@family.right("the Jacobian of each row's softmax is formed")
def attention_row_by_row(rng):
    def forward(q, k, v):
        return np.array([softmax(row @ k.T / 2.0) @ v for row in q])

    def backward(q, k, v, out, g):
        dq, dk, dv = np.zeros(q.shape), np.zeros(k.shape), np.zeros(v.shape)
        for i, row in enumerate(q):
            p = softmax(k @ row / 2.0)
            jacobian = np.diagflat(p) - np.outer(p, p)
            ds = jacobian @ (v @ g[i]) / 2.0
            dq[i] = ds @ k
            dk += ds[:, np.newaxis] @ row[np.newaxis]
            dv += np.outer(p, g[i])
        return dq, dk, dv

    return forward, backward, (rng.normal(size=(3, 4)), rng.normal(size=(5, 4)), rng.normal(size=(5, 2)))


@family.right("a rotation by position, sent back by its inverse; padded keys are masked")
def attention_with_rotary_positions(rng):
    def turn(x, sign=1):
        angle = sign * np.arange(len(x))[:, None] / 10.0 ** (np.arange(x.shape[1] // 2) / 2)
        a, b = x[:, ::2], x[:, 1::2]
        return np.stack([a * np.cos(angle) - b * np.sin(angle), a * np.sin(angle) + b * np.cos(angle)], -1).reshape(
            x.shape
        )

    def weights(q, k, keep):
        s = turn(q) @ turn(k).T * q.shape[1] ** -0.5
        return softmax(np.where(keep, s, -1e9))

    def forward(q, k, v, keep):
        return weights(q, k, keep) @ v

    def backward(q, k, v, keep, out, g):
        P = weights(q, k, keep)
        dS = P * (g @ v.T - np.sum(g * out, axis=1, keepdims=True))
        dS *= q.shape[1] ** -0.5
        return turn(dS @ turn(k), -1), turn(dS.T @ turn(q), -1), P.T @ g, None

    keep = np.array([True, True, False, True, False])
    return forward, backward, (rng.normal(size=(3, 4)), rng.normal(size=(5, 4)), rng.normal(size=(5, 2)), keep)


@family.right("the rows of the table are summed with np.bincount, one column after the other")
def embedding_by_counting(rng):
    def forward(table, ids, W):
        return table.take(ids, axis=0).reshape(len(ids), -1) @ W

    def backward(table, ids, W, out, g):
        d = (g @ W.T).reshape(-1, table.shape[1])
        dtable = [np.bincount(ids.ravel(), weights=column, minlength=len(table)) for column in d.T]
        return np.transpose(dtable), None, table[ids].reshape(len(ids), -1).T @ g

    return forward, backward, (rng.normal(size=(5, 2)), rng.integers(0, 5, (4, 3)), rng.normal(size=(6, 3)))


@family.right("windows are a view with strides, and go back by adding into such a view")
def convolution_with_strides(rng):
    def windows(x, k, stride):
        n, c, h, w = x.shape
        sn, sc, sh, sw = x.strides
        shape = n, c, (h - k) // stride + 1, (w - k) // stride + 1, k, k
        return as_strided(x, shape, (sn, sc, sh * stride, sw * stride, sh, sw))

    def forward(x, W):
        return np.tensordot(windows(x, W.shape[-1], 2), W, ([1, 4, 5], [1, 2, 3])).transpose(0, 3, 1, 2)

    def backward(x, W, y, g):
        dW = np.tensordot(g, windows(x, W.shape[-1], 2), ([0, 2, 3], [0, 2, 3]))
        dwin = np.tensordot(g, W, (1, 0)).transpose(0, 3, 1, 2, 4, 5)
        dx = np.zeros_like(x)
        into = windows(dx, W.shape[-1], 2)
        for i, j in np.ndindex(into.shape[-2:]):
            into[..., i, j] += dwin[..., i, j]
        return dx, dW

    return forward, backward, (rng.normal(size=(2, 2, 5, 5)), rng.normal(size=(3, 2, 3, 3)))


@family.right("a circular convolution by Fourier transforms")
def convolution_by_fourier(rng):
    def forward(x, k):
        return np.fft.ifft2(np.fft.fft2(x) * np.fft.fft2(k, s=x.shape)).real

    def backward(x, k, y, g):
        G = np.fft.fft2(g)
        dx = np.real(np.fft.ifft2(G * np.conj(np.fft.fft2(k, s=x.shape))))
        dk = np.real(np.fft.ifft2(G * np.conj(np.fft.fft2(x))))
        return dx, dk[: k.shape[0], : k.shape[1]]

    return forward, backward, (rng.normal(size=(4, 5)), rng.normal(size=(2, 3)))


@family.right("the largest of each window gets the gradient through put_along_axis")
def max_pooling_by_arguments(rng):
    def blocks(x):
        n, h, w, c = x.shape
        return x.reshape(n, h // 2, 2, w // 2, 2, c).transpose(0, 1, 3, 5, 2, 4).reshape(n, h // 2, w // 2, c, 4)

    def forward(x):
        b = blocks(x)
        return np.take_along_axis(b, b.argmax(-1)[..., None], -1)[..., 0]

    def backward(x, y, g):
        b = blocks(x)
        d = np.zeros_like(b)
        np.put_along_axis(d, b.argmax(-1)[..., None], g[..., None], axis=-1)
        n, h, w, c, _ = d.shape
        return d.reshape(n, h, w, c, 2, 2).transpose(0, 1, 4, 2, 5, 3).reshape(x.shape)

    return forward, backward, (rng.normal(size=(2, 4, 4, 3)),)

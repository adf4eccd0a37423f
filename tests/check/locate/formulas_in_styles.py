"""Backward passes that are formulas over whole arrays, each wrong in the line that is marked."""

import numpy as np

from check.locate.styles import softmax, style


@style
def plain_functions(rng):
    def forward(x, w, b):
        return np.tanh(x @ w + b)

    def backward(x, w, b, y, g):
        dz = g * (1 - y)  # wrong
        return dz @ w.T, x.T @ dz, dz.sum(axis=0)

    return "vjp", forward, backward, (rng.normal(size=(4, 3)), rng.normal(size=(3, 2)), rng.normal(size=2)), {}


@style
def one_expression(rng):
    def loss(w, x, y):
        return np.mean((x @ w - y) ** 2)

    def grad(w, x, y):
        return 2 * x.T @ (x @ w - y)  # wrong

    return "grad", loss, grad, (rng.normal(size=3), rng.normal(size=(6, 3)), rng.normal(size=6)), {}


@style
def spread_over_lines(rng):
    def forward(x, gain):
        return gain * x / np.sqrt((x**2).mean(axis=-1, keepdims=True) + 1e-5)

    def backward(x, gain, y, g):
        rms = np.sqrt((x**2).mean(axis=-1, keepdims=True) + 1e-5)
        return (
            g * gain / rms
            - x
            * (g * gain * x).sum(axis=-1, keepdims=True)  # wrong
            / rms**3,
            (g * x / rms).sum(axis=0),
        )

    return "vjp", forward, backward, (rng.normal(size=(4, 5)), rng.uniform(0.5, 1.5, 5)), {}


@style
def written_in_place(rng):
    def loss(w, x, labels):
        p = softmax(x @ w)
        return -np.log(p[np.arange(len(x)), labels]).mean()

    def grad(w, x, labels):
        d = softmax(x @ w)
        d[np.arange(len(x)), labels] -= 1
        d /= len(w)  # wrong
        return x.T @ d

    return "grad", loss, grad, (rng.normal(size=(4, 3)), rng.normal(size=(6, 4)), rng.integers(0, 3, 6)), {}


@style
def mask_by_assignment(rng):
    def forward(x, w):
        return np.maximum(x @ w, 0) ** 2

    def backward(x, w, y, g):
        z = x @ w
        dz = g * 2 * np.maximum(z, 0)
        dz[z < 0] = 1  # wrong
        return dz @ w.T, x.T @ dz

    return "vjp", forward, backward, (rng.normal(size=(4, 3)), rng.normal(size=(3, 4))), {}


@style
def mask_on_its_own_line(rng):
    def forward(x, w):
        return np.maximum(x @ w, 0)

    def backward(x, w, y, g):
        alive = y < 0.5  # wrong
        dz = g * alive
        return dz @ w.T, x.T @ dz

    return "vjp", forward, backward, (rng.normal(size=(5, 3)), rng.normal(size=(3, 4))), {}


@style
def scatter_by_index(rng):
    def forward(table, ids):
        return np.tanh(table[ids].mean(axis=1))

    def backward(table, ids, y, g):
        d = g * (1 - y * y) / ids.shape[1]
        dtable = np.zeros_like(table)
        dtable[ids] += d[:, None]  # wrong
        return dtable, None

    return "vjp", forward, backward, (rng.normal(size=(6, 3)), np.array([[0, 1, 0], [2, 2, 5]])), {}


@style
def sum_over_the_wrong_axis(rng):
    def forward(x, gain, shift):
        return x * gain + shift

    def backward(x, gain, shift, y, g):
        return g * gain, (g * x).sum(axis=0), g.sum(axis=1)  # wrong

    return "vjp", forward, backward, (rng.normal(size=(4, 4)), rng.normal(size=4), rng.normal(size=4)), {}


@style
def gradient_of_the_wrong_shape(rng):
    def forward(x, w, b):
        return x @ w + b

    def backward(x, w, b, y, g):
        dx, dw = g @ w.T, x.T @ g
        db = g  # the sum over the rows is missing
        return dx, dw, 1.0 * db  # wrong

    return "vjp", forward, backward, (rng.normal(size=(4, 3)), rng.normal(size=(3, 2)), rng.normal(size=2)), {}


@style
def flat_parameters(rng):
    def unpack(theta):
        return theta[:6].reshape(3, 2), theta[6:10].reshape(2, 2)

    def loss(theta, x, t):
        a, b = unpack(theta)
        return 0.5 * np.sum((np.tanh(x @ a) @ b - t) ** 2)

    def grad(theta, x, t):
        a, b = unpack(theta)
        h = np.tanh(x @ a)
        r = h @ b - t
        db = h.T @ r
        da = x.T @ (r @ b * (1 - h**2))  # wrong
        return np.concatenate([da.ravel(), db.ravel()])

    return "grad", loss, grad, (rng.normal(size=10), rng.normal(size=(4, 3)), rng.normal(size=(4, 2))), {}


@style
def attention(rng):
    def forward(q, k, v):
        a = softmax(q @ k.T / np.sqrt(q.shape[1]))
        return a @ v

    def backward(q, k, v, y, g):
        s = 1 / np.sqrt(q.shape[1])
        a = softmax(s * q @ k.T)
        dv = a.T @ g
        da = g @ v.T
        dz = a * (da - np.sum(da * a, axis=0))  # wrong
        return s * dz @ k, s * dz.T @ q, dv

    shapes = (4, 3), (4, 3), (4, 3)
    return "vjp", forward, backward, tuple(rng.normal(size=shape) for shape in shapes), {}


@style
def batch_norm_in_steps(rng):
    def forward(x, gamma, beta):
        mu, var = x.mean(axis=0), x.var(axis=0)
        return gamma * (x - mu) / np.sqrt(var + 1e-3) + beta

    def backward(x, gamma, beta, y, g):
        m = len(x)
        mu, var = x.mean(axis=0), x.var(axis=0)
        xmu, inv = x - mu, 1 / np.sqrt(var + 1e-3)
        dxhat = g * gamma
        dvar = np.sum(dxhat * xmu, axis=0) * inv**3  # wrong
        dmu = -np.sum(dxhat, axis=0) * inv
        dx = dxhat * inv + dvar * 2 * xmu / m + dmu / m
        return dx, (g * xmu * inv).sum(axis=0), g.sum(axis=0)

    return "vjp", forward, backward, (rng.normal(1, 2, (6, 3)), rng.uniform(0.5, 1.5, 3), rng.normal(size=3)), {}


@style
def einsum_everywhere(rng):
    def forward(x, w):
        return np.einsum("bi,oi->bo", np.exp(x), w)

    def backward(x, w, y, g):
        dw = np.einsum("bo,bi->oi", g, np.exp(x))
        dx = np.einsum("bo,oi->bi", g, w) * x  # wrong
        return dx, dw

    return "vjp", forward, backward, (rng.normal(size=(4, 3)), rng.normal(size=(2, 3))), {}


@style
def convolution_with_padding(rng):
    def forward(x, w):
        padded = np.pad(x, 1)
        return sum(w[k] * padded[k : k + len(x)] for k in range(3))

    def backward(x, w, y, g):
        padded, gp = np.pad(x, 1), np.pad(g, 1)
        dw = np.array([g @ padded[k : k + len(x)] for k in range(3)])
        dx = sum(w[k] * gp[k : k + len(x)] for k in range(3))  # wrong
        return dx, dw

    return "vjp", forward, backward, (rng.normal(size=6), rng.normal(size=3)), {}


@style
def returned_in_the_wrong_place(rng):
    def forward(x, a, b):
        return np.tanh(x @ a) @ b

    def backward(x, a, b, y, g):
        h = np.tanh(x @ a)
        dz = (g @ b.T) * (1 - h * h)
        da = x.T @ dz
        db = h.T @ g
        return dz @ a.T, da, da if a.shape == b.shape else db  # wrong

    return "vjp", forward, backward, (rng.normal(size=(4, 3)), rng.normal(size=(3, 3)), rng.normal(size=(3, 3))), {}

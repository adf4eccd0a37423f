"""Right gradients of strangers' networks and layers: unusual ways that a checker must let pass."""

import math

import numpy as np

from check.corpus.case import Family
from check.corpus.common import log_softmax, sigmoid, softmax

family = Family("strangers, right models")


@family.right("a tape of numbers, each with a closure that sends its gradient on", kind="grad", wrt=(0, 1))
def own_automatic_differentiation(rng):
    class Value:
        def __init__(self, data, parents=(), slopes=()):
            self.data, self.parents, self.slopes, self.grad = data, parents, slopes, 0.0

        def __add__(self, other):
            return Value(self.data + other.data, (self, other), (1.0, 1.0))

        def __mul__(self, other):
            return Value(self.data * other.data, (self, other), (other.data, self.data))

        def tanh(self):
            t = math.tanh(self.data)
            return Value(t, (self,), (1 - t * t,))

        def backward(self):
            order, seen = [], set()

            def visit(node):
                if id(node) not in seen:
                    seen.add(id(node))
                    for parent in node.parents:
                        visit(parent)
                    order.append(node)

            visit(self)
            self.grad = 1.0
            for node in reversed(order):
                for parent, slope in zip(node.parents, node.slopes, strict=True):
                    parent.grad += slope * node.grad

    def build(W, v, x):
        Wv = [[Value(w) for w in row] for row in W]
        vv = [Value(w) for w in v]
        total = Value(0.0)
        for row, out in zip(Wv, vv, strict=True):
            act = Value(0.0)
            for w, xi in zip(row, x, strict=True):
                act = act + w * Value(xi)
            total = total + out * act.tanh()
        return Wv, vv, total * total

    def loss(W, v, x):
        return build(W, v, x)[2].data

    def grad(W, v, x):
        Wv, vv, end = build(W, v, x)
        end.backward()
        return np.array([[w.grad for w in row] for row in Wv]), np.array([w.grad for w in vv])

    return loss, grad, (rng.normal(size=(3, 2)), rng.normal(size=3), rng.normal(size=2))


@family.right("plain Python: lists and math.exp, no array until the end", kind="grad")
def softmax_regression_without_numpy(rng):
    def scores(W, row):
        return [sum(w * x for w, x in zip(ws, row, strict=True)) for ws in W]

    def probabilities(zs):
        top = max(zs)
        es = [math.exp(z - top) for z in zs]
        return [e / sum(es) for e in es]

    def loss(W, X, y):
        return -sum(math.log(probabilities(scores(W, row))[k]) for row, k in zip(X, y, strict=True)) / len(y)

    def grad(W, X, y):
        G = [[0.0] * len(X[0]) for _ in W]
        for row, label in zip(X, y, strict=True):
            for k, p in enumerate(probabilities(scores(W, row))):
                for j, x in enumerate(row):
                    G[k][j] += (p - (k == label)) * x / len(y)
        return np.array(G)

    return loss, grad, (rng.normal(size=(3, 4)), rng.normal(size=(5, 4)), rng.integers(0, 3, 5))


@family.right("a fixed point, differentiated by the implicit function theorem")
def deep_equilibrium_layer(rng):
    def forward(W, U, x):
        z = np.zeros(len(W))
        for _ in range(100):
            z = np.tanh(W @ z + U @ x)
        return z

    def backward(W, U, x, z, g):
        D = 1 - z**2
        u = np.linalg.solve(np.eye(len(z)) - (D[:, None] * W).T, g) * D
        return np.outer(u, z), np.outer(u, x), U.T @ u

    return forward, backward, (rng.uniform(-0.25, 0.25, (3, 3)), rng.normal(size=(3, 2)), rng.normal(size=2))


@family.right("the gradient is computed in the forward pass, and scaled by what comes in")
def loss_layer_that_keeps_its_gradient(rng):
    class SoftmaxLoss:
        def __call__(self, logits, target):
            logp = log_softmax(logits)
            self.grad = (np.exp(logp) - target) / len(logits)
            return -np.sum(target * logp) / len(logits)

        def backward(self, scale=1.0):
            np.multiply(self.grad, scale, out=self.grad)
            return self.grad

    layer = SoftmaxLoss()

    def vjp(logits, target, out, g):
        layer(logits, target)
        return layer.backward(g), None

    return layer, vjp, (rng.normal(size=(4, 3)), softmax(rng.normal(size=(4, 3))))


@family.right("batch normalisation in one line, gamma's gradient used again for x")
def compact_batch_norm(rng):
    def forward(x, gamma, beta):
        return gamma * (x - x.mean(0)) / np.sqrt(x.var(0) + 1e-5) + beta

    def backward(x, gamma, beta, y, dy):
        n, inv = len(x), (x.var(0) + 1e-5) ** -0.5
        xhat = (x - x.mean(0)) * inv
        dgamma, dbeta = np.einsum("nd,nd->d", dy, xhat), dy.sum(0)
        return gamma * inv / n * (n * dy - dbeta - xhat * dgamma), dgamma, dbeta

    return forward, backward, (rng.normal(size=(6, 3)), rng.normal(1, 0.3, 3), rng.normal(size=3))


@family.right("in evaluation the running mean and variance are constants")
def batch_norm_in_evaluation(rng):
    def forward(x, gamma, beta, mean, var):
        return gamma * (x - mean) / np.sqrt(var + 1e-3) + beta

    def backward(x, gamma, beta, mean, var, y, dy):
        std = np.sqrt(var + 1e-3)
        return dy * gamma / std, (dy * (x - mean) / std).sum(0), dy.sum(0), None, None

    inputs = rng.normal(size=(5, 3)), rng.normal(size=3), rng.normal(size=3), rng.normal(size=3), rng.uniform(0.5, 2, 3)
    return forward, backward, inputs


@family.right("groups of channels, through explicit Jacobians of each group")
def group_norm_by_jacobians(rng):
    def normalise(v):
        return (v - v.mean()) / math.sqrt(v.var() + 1e-5)

    def forward(x, gamma):
        n, c = x.shape[:2]
        groups = x.reshape(n, 2, -1)
        return np.apply_along_axis(normalise, 2, groups).reshape(x.shape) * gamma.reshape(1, c, 1)

    def backward(x, gamma, y, g):
        n, c = x.shape[:2]
        dgamma = (g * forward(x, np.ones(c))).sum(axis=(0, 2))
        d = (g * gamma[:, None]).reshape(n, 2, -1)
        dx = np.empty_like(d)
        for index in np.ndindex(n, 2):
            v = x.reshape(n, 2, -1)[index]
            m = v.size
            s = math.sqrt(v.var() + 1e-5)
            J = (np.eye(m) - 1 / m) / s - np.outer(v - v.mean(), v - v.mean()) / (m * s**3)
            dx[index] = J @ d[index]
        return dx.reshape(x.shape), dgamma

    return forward, backward, (rng.normal(size=(2, 4, 3)), rng.normal(1, 0.3, 4))


@family.right("root mean square, the scale written as 1 + w")
def rms_norm_around_one(rng):
    def forward(x, w):
        return x / np.sqrt(np.square(x).mean(-1, keepdims=True) + 1e-6) * (1 + w)

    def backward(x, w, y, g):
        r = 1 / np.sqrt(np.square(x).mean(-1, keepdims=True) + 1e-6)
        u = g * (1 + w)
        return r * u - x * r**3 * np.mean(u * x, -1, keepdims=True), (g * x * r).reshape(-1, x.shape[-1]).sum(0)

    return forward, backward, (rng.normal(size=(2, 3, 4)), rng.normal(0, 0.2, 4))


@family.right("the masks of dropout are bits of an integer input")
def dropout_with_given_masks(rng):
    def forward(x, W, v, mask):
        h = np.maximum(x @ W, 0)
        h = h * mask / 0.8
        return h @ v

    def backward(x, W, v, mask, y, g):
        pre = x @ W
        h = np.maximum(pre, 0) * mask / 0.8
        dpre = np.multiply.outer(g, v) * ((pre > 0) & (mask == 1)) * 1.25
        return dpre @ W.T, x.T @ dpre, g @ h, None

    return (
        forward,
        backward,
        (rng.normal(size=(5, 3)), rng.normal(size=(3, 4)), rng.normal(size=4), rng.integers(0, 2, (5, 4))),
    )


@family.right("parameters unrolled in Fortran's order, both ways", kind="grad")
def parameters_in_column_order(rng):
    def unroll(*arrays):
        return np.concatenate([a.ravel("F") for a in arrays])

    def parts(theta):
        return theta[:12].reshape((3, 4), order="F"), theta[12:16], theta[16:24].reshape((4, 2), order="F")

    def loss(theta, X, Y):
        W, b, V = parts(theta)
        return 0.5 * np.sum((sigmoid(X @ W + b) @ V - Y) ** 2) + 0.1 * (W**2).sum()

    def grad(theta, X, Y):
        W, b, V = parts(theta)
        H = sigmoid(X @ W + b)
        E = H @ V - Y
        D = E @ V.T * H * (1 - H)
        return unroll(X.T @ D + 0.2 * W, D.sum(0), H.T @ E)

    return loss, grad, (rng.normal(size=24), rng.normal(size=(5, 3)), rng.normal(size=(5, 2)))


@family.right("np.vectorize, and a slope by cases", kind="grad")
def network_of_scalar_functions(rng):
    hard = np.vectorize(lambda z: 0.0 if z < -2 else 1.0 if z > 2 else 0.25 * z + 0.5)
    slope = np.vectorize(lambda z: 0.25 if -2 <= z <= 2 else 0.0, otypes=[float])

    def loss(p, x, y):
        return float(np.sum((hard(x @ p["W"]) @ p["v"] - y) ** 2))

    def grad(p, x, y):
        z = x @ p["W"]
        e = 2 * (hard(z) @ p["v"] - y)
        return {"v": hard(z).T @ e, "W": x.T @ (e[:, None] * p["v"][None, :] * slope(z))}

    p = {"W": rng.normal(size=(3, 4)), "v": rng.normal(size=4)}
    return loss, grad, (p, rng.normal(size=(5, 3)), rng.normal(size=5))

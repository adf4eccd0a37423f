"""Backward passes of loops, helper functions and objects, each wrong in the line that is marked."""

import math

import numpy as np

from check.locate.styles import expit, style


@style
def layers_with_caches(rng):
    class Dense:
        def __init__(self, w, b):
            self.w, self.b = w, b

        def forward(self, x):
            self.x = x
            return x @ self.w + self.b

        def backward(self, g):
            self.dw, self.db = self.x.T @ g, g.sum(axis=0)
            return g @ self.w.T

    class Sigmoid:
        def forward(self, z):
            self.y = expit(z)
            return self.y

        def backward(self, g):
            return g * self.y  # wrong

    def run(p, x):
        layers = [Dense(p["w1"], p["b1"]), Sigmoid(), Dense(p["w2"], p["b2"])]
        for layer in layers:
            x = layer.forward(x)
        return layers, x

    def loss(p, x, t):
        return 0.5 * np.sum((run(p, x)[1] - t) ** 2)

    def grad(p, x, t):
        layers, y = run(p, x)
        delta = y - t
        for layer in reversed(layers):
            delta = layer.backward(delta)
        return {"w1": layers[0].dw, "b1": layers[0].db, "w2": layers[2].dw, "b2": layers[2].db}

    p = {
        "w1": rng.normal(size=(3, 4)), "b1": rng.normal(size=4), "w2": rng.normal(size=(4, 2)), "b2": rng.normal(size=2)
    }  # fmt: skip
    return "grad", loss, grad, (p, rng.normal(size=(5, 3)), rng.normal(size=(5, 2))), {}


@style
def loop_over_time(rng):
    def forward(xs, wx, wh):
        hs = np.zeros((len(xs) + 1, wh.shape[0]))
        for t in range(len(xs)):
            hs[t + 1] = np.tanh(xs[t] @ wx + hs[t] @ wh)
        return hs[1:]

    def backward(xs, wx, wh, out, g):
        hs = np.vstack([np.zeros((1, wh.shape[0])), out])
        dxs, dwx, dwh = np.zeros_like(xs), np.zeros_like(wx), np.zeros_like(wh)
        carry = np.zeros(wh.shape[0])
        for t in range(len(xs) - 1, -1, -1):
            dz = (g[t] + carry) * (1 - hs[t + 1] ** 2)
            dwx += np.outer(xs[t], dz)
            dwh += np.outer(hs[t + 1], dz)  # wrong
            dxs[t] = dz @ wx.T
            carry = dz @ wh.T
        return dxs, dwx, dwh

    return "vjp", forward, backward, (rng.normal(size=(4, 2)), rng.normal(size=(2, 3)), rng.normal(size=(3, 3))), {}


@style
def loop_with_the_diagonal_alone(rng):
    def loss(w, xs):
        h = np.zeros(3)
        for x in xs:
            h = np.tanh(w @ h + x)
        return h @ h

    def grad(w, xs):
        hs = [np.zeros(3)]
        for x in xs:
            hs.append(np.tanh(w @ hs[-1] + x))
        dw, dh = np.zeros_like(w), 2 * hs[-1]
        for t in reversed(range(len(xs))):
            dz = dh * (1 - hs[t + 1] ** 2)
            dw += np.outer(dz, hs[t])
            dh = np.diag(w) * dz  # wrong
        return dw

    return "grad", loss, grad, (rng.normal(size=(3, 3)), rng.normal(size=(4, 3))), {}


@style
def helper_called_twice(rng):
    def slope(y):
        return 1 - y * y

    def loss(p, x):
        return np.sum(np.tanh(np.tanh(x @ p["a"]) @ p["b"]))

    def grad(p, x):
        z1 = x @ p["a"]
        h = np.tanh(z1)
        y = np.tanh(h @ p["b"])
        dz2 = slope(y)
        dz1 = (dz2 @ p["b"].T) * slope(z1)  # wrong
        return {"a": x.T @ dz1, "b": h.T @ dz2}

    p = {"a": rng.normal(size=(3, 3)), "b": rng.normal(size=(3, 2))}
    return "grad", loss, grad, (p, rng.normal(size=(4, 3))), {}


@style
def helper_that_is_wrong(rng):
    def leaky_slope(z):
        return np.where(z > 0, 1.0, 0.1)  # wrong

    def forward(x, w):
        z = x @ w
        return np.where(z > 0, z, 0.2 * z)

    def backward(x, w, y, g):
        dz = g * leaky_slope(x @ w)
        return dz @ w.T, x.T @ dz

    return "vjp", forward, backward, (rng.normal(size=(4, 3)), rng.normal(size=(3, 5))), {}


@style
def closure_with_a_constant(rng):
    scale, reg = 3.0, 0.2

    def make(data, target):
        def loss(w):
            r = scale * (data @ w) - target
            return 0.5 * r @ r / len(target) + 0.5 * reg * w @ w

        def grad(w):
            r = scale * (data @ w) - target
            g = data.T @ r / len(target)  # wrong
            return g + reg * w

        return loss, grad

    loss, grad = make(rng.normal(size=(6, 3)), rng.normal(size=6))
    return "grad", loss, grad, (rng.normal(size=3),), {}


@style
def early_return(rng):
    def power(x, p):
        return np.abs(x) ** p if p != 2 else x * x

    def power_backward(x, p, g):
        if p == 2:
            return g * x  # wrong
        return g * p * np.abs(x) ** (p - 1) * np.sign(x)

    def forward(x):
        return power(x, 2) + power(x, 3)

    def backward(x, y, g):
        return power_backward(x, 2, g) + power_backward(x, 3, g)

    return "vjp", forward, backward, (rng.normal(size=(3, 4)),), {}


@style
def loss_and_gradient_together(rng):
    def cost(theta, x, y):
        h = expit(x @ theta)
        value = -np.mean(y * np.log(h) + (1 - y) * np.log(1 - h)) + 0.05 * np.sum(theta[1:] ** 2)
        grad = x.T @ (h - y) / len(y)
        grad[1:] += 0.05 * theta[1:]  # wrong
        return value, grad

    y = (rng.random(7) < 0.5).astype(float)
    return "both", cost, True, (rng.normal(size=3), rng.normal(size=(7, 3)), y), {}


@style
def comprehension(rng):
    def forward(x, w):
        return np.array([np.sum(np.sin(row * w)) for row in x])

    def backward(x, w, y, g):
        dx = np.array([gi * np.cos(row * w) * w for gi, row in zip(g, x, strict=True)])
        dw = sum(gi * np.cos(row * w) * w for gi, row in zip(g, x, strict=True))  # wrong
        return dx, dw

    return "vjp", forward, backward, (rng.normal(size=(4, 3)), rng.normal(size=3)), {}


@style
def scalar_loops(rng):
    def forward(a, b):
        out = np.zeros((a.shape[0], b.shape[1]))
        for i in range(a.shape[0]):
            for j in range(b.shape[1]):
                for k in range(a.shape[1]):
                    out[i, j] += a[i, k] * b[k, j]
        return out

    def backward(a, b, out, g):
        da, db = np.zeros_like(a), np.zeros_like(b)
        for i in range(a.shape[0]):
            for j in range(b.shape[1]):
                for k in range(a.shape[1]):
                    da[i, k] += g[i, j] * b[k, j]
                    db[k, j] = a[i, k] * g[i, j]  # wrong
        return da, db

    return "vjp", forward, backward, (rng.normal(size=(3, 2)), rng.normal(size=(2, 3))), {}


@style
def scalars_of_python(rng):
    def loss(w, b, xs, ys):
        total = 0.0
        for x, y in zip(xs, ys, strict=True):
            total += math.log(1 + math.exp(-y * (w * x + b)))
        return total / len(xs)

    def grad(w, b, xs, ys):
        dw, db = 0.0, 0.0
        for x, y in zip(xs, ys, strict=True):
            s = 1 / (1 + math.exp(y * (w * x + b)))
            dw += -y * s * x
            db += y * s  # wrong
        return dw / len(xs), db / len(xs)

    ys = np.array([1.0, -1.0, 1.0, 1.0, -1.0])
    return "grad", loss, grad, (0.7, -0.3, rng.normal(size=5), ys), {"wrt": (0, 1)}


@style
def recursion(rng):
    tree = ((0, 1), (2, 3))

    def up(node, leaves, w):
        if isinstance(node, int):
            return leaves[node]
        return np.tanh(w @ np.concatenate([up(child, leaves, w) for child in node]))

    def loss(w, leaves):
        return np.sum(up(tree, leaves, w) ** 2)

    def grad(w, leaves):
        dw = np.zeros_like(w)

        def down(node, d):
            if isinstance(node, int):
                return
            below = np.concatenate([up(child, leaves, w) for child in node])
            dz = d * (1 - np.tanh(w @ below) ** 2)
            np.add(dw, np.outer(dz, below), out=dw)
            dbelow = w.T @ d  # wrong
            down(node[0], dbelow[:2])
            down(node[1], dbelow[2:])

        down(tree, 2 * up(tree, leaves, w))
        return dw

    return "grad", loss, grad, (rng.normal(size=(2, 4)), rng.normal(size=(4, 2))), {}


@style
def objects_of_an_engine(rng):
    class Value:
        def __init__(self, data, parents=(), back=None):
            self.data, self.grad, self.parents, self.back = data, 0.0, parents, back

        def __add__(self, other):
            def back(g):
                self.grad = self.grad + g
                other.grad = other.grad + g

            return Value(self.data + other.data, (self, other), back)

        def __mul__(self, other):
            def back(g):
                self.grad = self.grad + g * other.data
                other.grad = other.grad + g * other.data  # wrong

            return Value(self.data * other.data, (self, other), back)

        def run_back(self):
            order, seen = [], set()

            def visit(one):
                if one not in seen:
                    seen.add(one)
                    for parent in one.parents:
                        visit(parent)
                    order.append(one)

            visit(self)
            self.grad = 1.0
            for one in reversed(order):
                if one.back is not None:
                    one.back(one.grad)

    def loss(a, b):
        return a * b + a

    def grad(a, b):
        x, y = Value(a), Value(b)
        (x * y + x).run_back()
        return x.grad, y.grad

    return (
        "grad",
        lambda a, b: float(np.sum(loss(a, b))),
        lambda a, b: grad(a, b),
        (
            rng.normal(size=3),
            rng.normal(size=3),
        ),
        {"wrt": (0, 1)},
    )


@style
def gradients_accumulated_on_an_object(rng):
    class Model:
        def __init__(self, p):
            self.p, self.g = p, {name: np.zeros_like(value) for name, value in p.items()}

        def loss(self, x, t):
            self.x, self.h = x, np.log1p(np.exp(x @ self.p["v"]))
            self.r = self.h @ self.p["u"] - t
            return 0.5 * np.mean(self.r**2)

        def backprop(self):
            d = self.r / len(self.r)
            self.g["u"] += self.h.T @ d
            d = np.outer(d, self.p["u"]) * (1 - np.exp(-self.h))
            self.g["v"] -= self.x.T @ d  # wrong
            return self.g

    def grad(p, x, t):
        model = Model(p)
        model.loss(x, t)
        return model.backprop()

    p = {"v": rng.normal(size=(3, 4)), "u": rng.normal(size=4)}
    return "grad", lambda p, x, t: Model(p).loss(x, t), grad, (p, rng.normal(size=(5, 3)), rng.normal(size=5)), {}


@style
def sign_of_one_term_in_a_loop(rng):
    def forward(xs, w):
        h, out = np.zeros(3), []
        for x in xs:
            h = np.tanh(w @ h + x) + 0.5 * h
            out.append(h)
        return np.array(out)

    def backward(xs, w, out, g):
        before = np.vstack([np.zeros((1, 3)), out[:-1]])
        dxs, dw, dh = np.zeros_like(xs), np.zeros_like(w), np.zeros(3)
        for t in reversed(range(len(xs))):
            dh = dh + g[t]
            dz = dh * (1 - np.tanh(w @ before[t] + xs[t]) ** 2)
            dxs[t] = dz
            dw += np.outer(dz, before[t])
            dh = w.T @ dz - 0.5 * dh  # wrong
        return dxs, dw

    return "vjp", forward, backward, (rng.normal(size=(4, 3)), rng.normal(size=(3, 3))), {}

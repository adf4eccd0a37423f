"""Mistakes in strangers' activation classes, unrolled parameters and autoencoders. The wrong line is marked."""

import numpy as np
from scipy.special import expit, ndtr

from check.corpus.case import Family
from check.corpus.common import softmax

family = Family("strangers, networks")


class Tanh:
    def forward(self, x):
        self.out = np.tanh(x)
        return self.out

    def backward(self, grad):
        return grad * (1 - self.out**2)


class Linear:
    def __init__(self, W, b):
        self.W, self.b = W, b

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, grad):
        self.dW = self.x.T @ grad
        self.db = grad.sum(axis=0)
        return grad @ self.W.T


def sequential(between, last=None):
    """Two linear layers with `between` after the first, and `last` after the second: forward and vjp of the network."""

    def build(W1, b1, W2, b2):
        layers = [Linear(W1, b1), between(), Linear(W2, b2)]
        return layers if last is None else [*layers, last()]

    def forward(x, *params):
        for layer in build(*params):
            x = layer.forward(x)
        return x

    def vjp(x, *args):
        *params, _, grad = args
        layers = build(*params)
        for layer in layers:
            x = layer.forward(x)
        for layer in layers[::-1]:
            grad = layer.backward(grad)
        return grad, *[g for layer in layers if isinstance(layer, Linear) for g in (layer.dW, layer.db)]

    return forward, vjp


def sequential_inputs(rng):
    return (
        rng.normal(size=(5, 3)),
        rng.normal(size=(3, 4)),
        rng.normal(size=4),
        rng.normal(size=(4, 2)),
        rng.normal(size=2),
    )


@family.planted(
    "derivative-at-output",
    "elu's derivative is taken where its output is",
    also=("wrong-operand", "activation-derivative-at-output"),
)
def elu_class(rng):
    class ELU:
        alpha = 1.3

        def forward(self, x):
            self.out = np.where(x > 0, x, self.alpha * np.expm1(x))
            return self.out

        def backward(self, grad):
            return grad * np.where(self.out > 0, 1, self.alpha * np.exp(self.out))  # planted

    return *sequential(ELU), sequential_inputs(rng)


@family.planted(
    "derivative-at-upstream",
    "the sigmoid of what comes in, not of what went in",
    also=("wrong-operand", "activation-derivative-at-upstream"),
)
def softplus_class(rng):
    class Softplus:
        def forward(self, x):
            self.x = x
            return np.log1p(np.exp(-abs(x))) + np.maximum(x, 0)

        def backward(self, dout):
            return dout / (1 + np.exp(-dout))  # planted

    return *sequential(Softplus), sequential_inputs(rng)


@family.planted("left-out", "the product rule's second term is missing", also=("stopped", "skipped"))
def swish_class(rng):
    class Swish:
        def forward(self, x):
            self.x, self.gate = x, expit(x)
            return x * self.gate

        def backward(self, dout):
            return dout * self.gate  # planted

    return *sequential(Swish, Tanh), sequential_inputs(rng)


@family.planted("forward-value", "the normal distribution for its density", also=("closed-form", "wrong-operand"))
def exact_gelu_class(rng):
    class GELU:
        def forward(self, x):
            self.x = x
            return x * ndtr(x)

        def backward(self, dout):
            x = self.x
            return dout * (ndtr(x) + x * ndtr(x))  # planted

    return *sequential(GELU), sequential_inputs(rng)


@family.planted("applied-twice", "the layer's backward multiplies by the slope, and so does the loop")
def dense_layers_with_activations(rng):
    class Dense:
        def __init__(self, W, b, act, slope):
            self.W, self.b, self.act, self.slope = W, b, act, slope

        def forward(self, a):
            self.a = a
            self.z = a @ self.W + self.b
            return self.act(self.z)

        def backward(self, delta):
            delta = delta * self.slope(self.z)
            return delta @ self.W.T, (self.a.T @ delta, delta.sum(axis=0))

    def arctan_slope(z):
        return 1 / (1 + z**2)

    def network(*params):
        W1, b1, W2, b2, W3, b3 = params
        hidden = [Dense(W1, b1, np.arctan, arctan_slope), Dense(W2, b2, np.arctan, arctan_slope)]
        return [*hidden, Dense(W3, b3, np.sin, np.cos)]

    def forward(x, *params):
        for layer in network(*params):
            x = layer.forward(x)
        return x

    def backward(x, *args):
        *params, _, delta = args
        layers, grads = network(*params), []
        for layer in layers:
            x = layer.forward(x)
        for below, layer in zip([None, *layers[:-1]][::-1], layers[::-1], strict=True):
            delta, pair = layer.backward(delta)
            if below is not None:
                delta = delta * below.slope(below.z)  # planted
            grads = [*pair, *grads]
        return delta, *grads

    shapes = (2, 3), 3, (3, 3), 3, (3, 2), 2
    return forward, backward, (rng.normal(size=(4, 2)), *[rng.normal(0, 0.8, shape) for shape in shapes])


@family.planted("wrong-operand", "the slope below 0 collects the inputs above 0", also=("wrong-sign", "closed-form"))
def prelu_with_a_slope_per_channel(rng):
    def prelu(x, W, slope):
        z = np.tensordot(x, W, 1)
        return np.where(z >= 0, z, slope * z)

    def prelu_backward(x, W, slope, y, g):
        z = np.tensordot(x, W, 1)
        dz = g.copy()
        dz[z < 0] *= np.broadcast_to(slope, z.shape)[z < 0]
        dslope = np.sum(np.where(z > 0, z, 0) * g, axis=(0, 1))  # planted
        return np.tensordot(dz, W.T, 1), np.tensordot(x, dz, [[0, 1], [0, 1]]), dslope

    return prelu, prelu_backward, (rng.normal(size=(3, 2, 4)), rng.normal(size=(4, 3)), rng.uniform(0.1, 0.4, 3))


def unpack(theta, *shapes):
    ends = np.cumsum([np.prod(shape) for shape in shapes])
    return [part.reshape(shape) for part, shape in zip(np.split(theta, ends[:-1]), shapes, strict=True)]


@family.planted("parameter-added", "the columns of the biases decay too, which the cost leaves out", kind="grad")
def digits_cost_function(rng):
    """Weights with a column of biases, all in one vector; sigmoids and one cross-entropy per class."""
    lam, sizes = 0.8, ((4, 4), (3, 5))

    def with_ones(a):
        return np.hstack([np.ones((a.shape[0], 1)), a])

    def activations(theta, X):
        Theta1, Theta2 = unpack(theta, *sizes)
        a1 = with_ones(X)
        a2 = with_ones(expit(a1 @ Theta1.T))
        return Theta1, Theta2, a1, a2, expit(a2 @ Theta2.T)

    def cost(theta, X, Y):
        Theta1, Theta2, _, _, h = activations(theta, X)
        J = -np.sum(Y * np.log(h) + (1 - Y) * np.log(1 - h)) / len(X)
        return J + lam / (2 * len(X)) * (np.sum(Theta1[:, 1:] ** 2) + np.sum(Theta2[:, 1:] ** 2))

    def gradient(theta, X, Y):
        m = len(X)
        Theta1, Theta2, a1, a2, h = activations(theta, X)
        d3 = h - Y
        d2 = (d3 @ Theta2)[:, 1:] * a2[:, 1:] * (1 - a2[:, 1:])
        grad1, grad2 = d2.T @ a1 / m, d3.T @ a2 / m
        grad1[:, 1:] += lam / m * Theta1[:, 1:]
        grad2 += lam / m * Theta2  # planted
        return np.concatenate([grad1.ravel(), grad2.ravel()])

    return cost, gradient, (rng.normal(size=31), rng.normal(size=(6, 3)), np.eye(3)[rng.integers(0, 3, 6)])


@family.planted("memory-order", "unrolled column by column, read row by row", kind="grad")
def unrolled_weights_for_an_optimizer(rng):
    def unroll(W1, W2, order="C"):
        return np.r_[W1.ravel(order), W2.ravel(order)]

    def mse(theta, X, T):
        W1, W2 = unpack(theta, (3, 4), (4, 2))
        return ((np.tanh(X @ W1) @ W2 - T) ** 2).mean()

    def jac(theta, X, T):
        W1, W2 = unpack(theta, (3, 4), (4, 2))
        H = np.tanh(X @ W1)
        E = 2 * (H @ W2 - T) / T.size
        return unroll(X.T @ (E @ W2.T * (1 - H * H)), H.T @ E, order="F")  # planted

    return mse, jac, (rng.normal(size=20), rng.normal(size=(5, 3)), rng.normal(size=(5, 2)))


@family.planted(
    "left-out",
    "the weights are used twice, and the encoder's share is missing",
    also=("truncated",),
    kind="grad",
    wrt=(0, 1, 2),
)
def tied_autoencoder(rng):
    def reconstruct(W, b, c, X):
        code = expit(W @ X + b[:, None])
        return code, expit(W.T @ code + c[:, None])

    def loss(W, b, c, X):
        return 0.5 * np.sum((reconstruct(W, b, c, X)[1] - X) ** 2) / X.shape[1]

    def grad(W, b, c, X):
        code, out = reconstruct(W, b, c, X)
        d_out = (out - X) * out * (1 - out) / X.shape[1]
        d_code = np.dot(W, d_out) * code * (1 - code)
        gW = np.dot(code, d_out.T)  # planted
        return gW, d_code.sum(1), d_out.sum(1)

    return loss, grad, (rng.normal(size=(2, 4)), rng.normal(size=2), rng.normal(size=4), rng.uniform(size=(4, 5)))


@family.planted(
    "wrong-factor", "beta is missing before the sparsity term", also=("left-out",), kind="grad", wrt=(0, 1, 2, 3)
)
def sparse_autoencoder(rng):
    rho, beta, decay = 0.2, 3.0, 0.01

    def sparse_cost(W1, W2, b1, b2, data, only_value=True):
        m = data.shape[1]
        hidden = expit(W1 @ data + b1)
        out = expit(W2 @ hidden + b2)
        mean_act = hidden.mean(axis=1, keepdims=True)
        sparsity = np.sum(rho * np.log(rho / mean_act) + (1 - rho) * np.log((1 - rho) / (1 - mean_act)))
        value = 0.5 / m * np.sum((out - data) ** 2) + 0.5 * decay * (np.sum(W1**2) + np.sum(W2**2)) + beta * sparsity
        if only_value:
            return value
        delta3 = (out - data) * out * (1 - out)
        penalty = -rho / mean_act + (1 - rho) / (1 - mean_act)
        delta2 = (W2.T @ delta3 + penalty) * hidden * (1 - hidden)  # planted
        grads = delta2 @ data.T / m + decay * W1, delta3 @ hidden.T / m + decay * W2
        return *grads, delta2.mean(1, keepdims=True), delta3.mean(1, keepdims=True)

    shapes = (3, 4), (4, 3), (3, 1), (4, 1)
    inputs = *[rng.normal(0, 0.7, shape) for shape in shapes], rng.uniform(size=(4, 6))
    return sparse_cost, lambda *a: sparse_cost(*a, only_value=False), inputs


@family.planted("stopped", "the norm of weight normalisation is taken for a constant", also=("left-out",))
def weight_normalised_layer(rng):
    def forward(x, v, g, b):
        return x @ (g * v / np.linalg.norm(v, axis=0)) + b

    def backward(x, v, g, b, y, dy):
        norm = np.sqrt((v**2).sum(0))
        dw = x.T @ dy
        dg = (dw * v).sum(0) / norm
        dv = g / norm * dw  # planted
        return dy @ (g * v / norm).T, dv, dg, dy.sum(0)

    return (
        forward,
        backward,
        (rng.normal(size=(5, 3)), rng.normal(size=(3, 4)), rng.normal(1, 0.3, 4), rng.normal(size=4)),
    )


@family.planted("other-parameter", "both hidden layers get the gradient of the second", kind="grad")
def loop_over_named_layers(rng):
    """Keys are made of the layer's number; the layers are square."""

    def run(net, X):
        acts = [X]
        for layer in (1, 2):
            acts.append(np.maximum(0.1 * acts[-1], acts[-1]) @ net[f"W{layer}"] + net[f"b{layer}"])
        return acts, np.tanh(acts[-1]) @ net["out"]

    def loss(net, X, y):
        return np.mean((run(net, X)[1] - y) ** 2)

    def grads(net, X, y):
        acts, pred = run(net, X)
        err = 2 * (pred - y) / len(y)
        g = {"out": np.tanh(acts[2]).T @ err}
        back = np.outer(err, net["out"]) / np.cosh(acts[2]) ** 2
        for layer in (2, 1):
            leaky = np.maximum(0.1 * acts[layer - 1], acts[layer - 1])
            g[f"b{layer}"] = back.sum(axis=0)
            g[f"W{layer}"] = leaky.T @ back
            back = back @ net[f"W{layer}"].T * np.where(acts[layer - 1] > 0, 1, 0.1)
        g["W1"] = g["W2"]  # planted
        return g

    net = {f"W{i}": rng.normal(0, 0.6, (3, 3)) for i in (1, 2)} | {f"b{i}": rng.normal(size=3) for i in (1, 2)}
    net["out"] = rng.normal(size=3)
    return loss, grads, (net, rng.normal(size=(5, 3)), rng.normal(size=5))


@family.planted(
    "derivative-at-output",
    "the slope of tanh is computed from tanh of the output",
    also=("activation-derivative-at-output", "wrong-operand"),
    kind="grad",
)
def two_headed_network(rng):
    """One body, a head for a class and one for a number, their losses added."""

    def tanh_slope(z):
        return 1 - np.tanh(z) ** 2

    def heads(p, X):
        body = np.tanh(X @ p["body"])
        return body, softmax(body @ p["cls"]), body @ p["reg"]

    def loss(p, X, k, y):
        _, probs, value = heads(p, X)
        return -np.log(probs[np.arange(len(k)), k]).mean() + 0.5 * np.mean((value - y) ** 2)

    def grad(p, X, k, y):
        n = len(k)
        body, probs, value = heads(p, X)
        dscores = (probs - np.eye(probs.shape[1])[k]) / n
        dvalue = (value - y) / n
        dbody = dscores @ p["cls"].T + np.multiply.outer(dvalue, p["reg"])
        dbody *= tanh_slope(body)  # planted
        return {"body": X.T @ dbody, "cls": body.T @ dscores, "reg": dvalue @ body}

    p = {"body": rng.normal(size=(3, 4)), "cls": rng.normal(size=(4, 3)), "reg": rng.normal(size=4)}
    return loss, grad, (p, rng.normal(size=(6, 3)), rng.integers(0, 3, 6), rng.normal(size=6))

"""Networks of layers, losses, and layers that do more than compute: normalisation, dropout, recurrence."""

from collections import OrderedDict

import numpy as np

from check.corpus.common import softmax
from check.layer.objects import Dense, Listed, Relu, Sigmoid, Silent, SoftmaxWithLoss, T, X, Y, draws, normal, style


@style("x", *(f"params[{i}]" for i in range(4)), told="grads[0] is read as the gradient of params[0]")
def a_network_that_shares_the_lists_of_its_layers():
    class Network:
        def __init__(self):
            self.layers = [Listed(normal(4, 6), normal(6)), Sigmoid(), Listed(normal(6, 3), normal(3))]
            self.params, self.grads = [], []
            for layer in self.layers:
                self.params += getattr(layer, "params", [])
                self.grads += getattr(layer, "grads", [])

        def forward(self, x):
            for layer in self.layers:
                x = layer.forward(x)
            return x

        def backward(self, dout=1):
            for layer in reversed(self.layers):
                dout = layer.backward(dout)
            return dout

    return Network(), (X,), {}


@style(*(f"layers[{i}].{name}" for i in (0, 1) for name in ("weights", "biases")), told="layers[0].dweights is read")
def a_network_of_layers_that_return_nothing():
    class Network:
        def __init__(self):
            self.layers = [Silent(4, 3), Silent(3, 2)]

        def forward(self, X):
            for layer in self.layers:
                layer.forward(X)
                X = layer.output
            return X

        def backward(self, dvalues):
            for layer in reversed(self.layers):
                layer.backward(dvalues)
                dvalues = layer.dinputs

    return Network(), (X,), {}


@style("W1", "b1", "W2", "b2", told="layers['Affine1'].dW is read as the gradient of W1")
def a_network_with_loss_and_gradient():
    class Network:
        def __init__(self):
            self.params = {"W1": normal(4, 6), "b1": normal(6), "W2": normal(6, 3), "b2": normal(3)}
            self.layers = OrderedDict()
            for i in ("1", "2"):
                self.layers["Affine" + i] = Dense()
                self.layers["Affine" + i].W = self.params["W" + i]
                self.layers["Affine" + i].b = self.params["b" + i]
                self.layers["Relu" + i] = Relu()
            del self.layers["Relu2"]
            self.last = SoftmaxWithLoss()

        def loss(self, x, t):
            for layer in self.layers.values():
                x = layer.forward(x)
            return self.last.forward(x, t)

        def gradient(self, x, t):
            self.loss(x, t)
            dout = self.last.backward(1)
            for layer in reversed(list(self.layers.values())):
                dout = layer.backward(dout)
            return {f"{name}{i}": getattr(self.layers["Affine" + i], "d" + name) for i in "12" for name in "Wb"}

    return Network(), (X, T), {}


@style("W1", "b1", "W2", "b2", told="returned['W2'] is read as the gradient of W2")
def a_network_whose_loss_returns_the_gradients():
    class TwoLayerNet:
        def __init__(self):
            self.params = {"W1": normal(4, 6), "b1": normal(6), "W2": normal(6, 3), "b2": np.zeros(3)}

        def loss(self, X, y=None, reg=0.1):
            W1, b1, W2, b2 = (self.params[name] for name in ("W1", "b1", "W2", "b2"))
            h = np.maximum(0, X @ W1 + b1)
            p = softmax(h @ W2 + b2)
            loss = -np.log(p[np.arange(len(X)), y]).mean() + reg * ((W1**2).sum() + (W2**2).sum())
            d = p.copy()
            d[np.arange(len(X)), y] -= 1
            d /= len(X)
            grads = {"W2": h.T @ d + 2 * reg * W2, "b2": d.sum(axis=0)}
            dh = d @ W2.T
            dh[h <= 0] = 0
            grads["W1"], grads["b1"] = X.T @ dh + 2 * reg * W1, dh.sum(axis=0)
            return loss, grads

    return TwoLayerNet(), (X, Y), {"forward": "loss", "backward": True}


@style("biases[0]", "biases[1]", "weights[0]", "weights[1]", told="returned[0][0] is read as the gradient of biases[0]")
def a_network_of_lists_whose_gradients_are_returned():
    """It takes one sample."""

    class Network:
        def __init__(self):
            self.biases = [normal(4, 1), normal(2, 1)]
            self.weights = [normal(4, 3), normal(2, 4)]

        def cost(self, x, y):
            for b, w in zip(self.biases, self.weights, strict=True):
                x = 1 / (1 + np.exp(-(w @ x + b)))
            return 0.5 * ((x - y) ** 2).sum()

        def backprop(self, x, y):
            hidden = 1 / (1 + np.exp(-(self.weights[0] @ x + self.biases[0])))
            out = 1 / (1 + np.exp(-(self.weights[1] @ hidden + self.biases[1])))
            delta = (out - y) * out * (1 - out)
            before = (self.weights[1].T @ delta) * hidden * (1 - hidden)
            return [before, delta], [before @ x.T, delta @ hidden.T]

    return Network(), (normal(3, 1), np.array([[1.0], [0.0]])), {}


@style("w", "b", told="dw is read as the gradient of w, db as that of b")
def a_bias_that_is_a_number():
    class LogisticRegression:
        def __init__(self):
            self.w, self.b, self.lr = normal(4), 0.3, 0.1

        def predict(self, x):
            return 1 / (1 + np.exp(-(x @ self.w + self.b)))

        def loss(self, x, y):
            p = self.predict(x)
            return -(y * np.log(p) + (1 - y) * np.log(1 - p)).mean()

        def gradient(self, x, y):
            error = self.predict(x) - y
            self.dw, self.db = x.T @ error / len(y), error.mean()
            return self.dw, self.db

    return LogisticRegression(), (X, np.array([0.0, 1, 1, 0, 1])), {}


@style("xs[0]", "xs[1]", "xs[2]", "Wx", "Wh", "b", told="dWx is read as the gradient of Wx, dWh as that of Wh")
def a_list_of_inputs():
    class Recurrent:
        def __init__(self):
            self.Wx, self.Wh, self.b = normal(3, 2), normal(3, 3), np.zeros((3, 1))

        def forward(self, xs):
            self.xs, self.hs = xs, [np.zeros((3, 1))]
            for x in xs:
                self.hs.append(np.tanh(self.Wx @ x + self.Wh @ self.hs[-1] + self.b))
            return self.hs[-1]

        def backward(self, dh):
            self.dWx, self.dWh, self.db = np.zeros_like(self.Wx), np.zeros_like(self.Wh), np.zeros_like(self.b)
            dxs = []
            for t in reversed(range(len(self.xs))):
                da = dh * (1 - self.hs[t + 1] ** 2)
                self.dWx += da @ self.xs[t].T
                self.dWh += da @ self.hs[t].T
                self.db += da
                dxs.insert(0, self.Wx.T @ da)
                dh = self.Wh.T @ da
            return dxs

    return Recurrent(), ([normal(2, 1, seed=i) for i in range(3)],), {}


@style("x", "layer1.W", "layer1.b", "layer2.W", "layer2.b", told="layer1.dW is read as the gradient of layer1.W")
def layers_as_attributes():
    class Network:
        def __init__(self):
            self.layer1, self.layer2, self.owner = Dense(4, 5), Dense(5, 2), self

        def forward(self, x):
            self.h = np.tanh(self.layer1.forward(x))
            return self.layer2.forward(self.h)

        def backward(self, g):
            return self.layer1.backward(self.layer2.backward(g) * (1 - self.h**2))

    return Network(), (X,), {}


@style("x", "layers[0].W", "layers[0].b", "layers[2].W", "layers[2].b", told="layers[0].dW is read as the gradient of")
def a_list_of_layers():
    return [Dense(4, 5), Sigmoid(), Dense(5, 2, seed=5)], (X,), {}


@style("W", told="dW is read as the gradient of W")
def an_embedding():
    class Embedding:
        def __init__(self):
            self.W = normal(6, 3)
            self.dW = np.zeros_like(self.W)

        def forward(self, index):
            self.index = index
            return self.W[index]

        def backward(self, dout):
            self.dW[...] = 0
            np.add.at(self.dW, self.index, dout)

    return Embedding(), (np.array([0, 2, 2, 5]),), {}


class BatchNorm:
    def __init__(self, features):
        self.gamma, self.beta = 1 + 0.3 * normal(features), normal(features)
        self.running_mean, self.running_var = np.zeros(features), np.linspace(1, 3, features)

    def forward(self, x, training=True):
        mean, var = (x.mean(axis=0), x.var(axis=0)) if training else (self.running_mean, self.running_var)
        if training:
            self.running_mean = 0.9 * self.running_mean + 0.1 * mean
            self.running_var = 0.9 * self.running_var + 0.1 * var
        self.training, self.std = training, np.sqrt(var + 1e-5)
        self.x_hat = (x - mean) / self.std
        return self.gamma * self.x_hat + self.beta

    def backward(self, dout):
        self.dgamma, self.dbeta = (dout * self.x_hat).sum(axis=0), dout.sum(axis=0)
        dx = dout * self.gamma
        if self.training:
            dx = dx - dx.mean(axis=0) - self.x_hat * (dx * self.x_hat).mean(axis=0)
        return dx / self.std


@style("x", "gamma", "beta", told="dgamma is read as the gradient of gamma, dbeta as that of beta")
def batch_normalisation_in_training():
    return BatchNorm(4), (X,), {}


@style("x", "gamma", "beta", told="dgamma is read as the gradient of gamma, dbeta as that of beta")
def batch_normalisation_in_use():
    return BatchNorm(4), (X, False), {}


@style("x", told="what backward returns is read as the gradient of x")
def dropout_by_the_global_generator():
    class Dropout:
        def forward(self, x, train_flg=True):
            self.mask = np.random.rand(*x.shape) > 0.4  # noqa: NPY002
            return x * self.mask

        def backward(self, dout):
            return dout * self.mask

    return Dropout(), (X,), {}


@style("x", "layer.W", "layer.b", told="layer.dW is read as the gradient of layer.W")
def dropout_by_a_generator_of_its_own():
    class Block:
        def __init__(self):
            self.layer, self.inner = Dense(), {"dropout": [draws(3)]}

        def forward(self, x):
            self.mask = self.inner["dropout"][0].random((len(x), 3)) > 0.4
            return self.layer.forward(x) * self.mask

        def backward(self, dout):
            return self.layer.backward(dout * self.mask)

    return Block(), (X,), {}


@style("x", told="what backward returns is read as the gradient of x")
def a_loss_whose_upstream_gradient_is_1():
    return SoftmaxWithLoss(), (normal(5, 3), T), {}


@style("pred", told="what backward returns is read as the gradient of pred")
def a_loss_whose_backward_takes_nothing():
    class MeanSquares:
        def forward(self, pred, target):
            self.error = pred - target
            return (self.error**2).mean()

        def backward(self):
            return 2 * self.error / self.error.size

    return MeanSquares(), (normal(5, 3), T), {}


@style("x", "W", told="dW is read as the gradient of W")
def float32_parameters():
    class Layer:
        def __init__(self):
            self.W = normal(4, 3).astype(np.float32)

        def forward(self, x):
            self.x = x
            return x @ self.W

        def backward(self, g):
            self.dW = self.x.T @ g
            return g @ self.W.T

    return Layer(), (X.astype(np.float32),), {}


@style("x", "W", "b", told="grad_W is read as the gradient of W, grad_b as that of b")
def a_buffer_that_is_returned():
    """Every call writes its output and its gradients into the same arrays."""

    class Layer:
        def __init__(self):
            self.W, self.b = normal(4, 3), normal(3)
            self.grad_W, self.grad_b, self.out = np.zeros((4, 3)), np.zeros(3), np.zeros((5, 3))

        def forward(self, x):
            self.x = x
            np.add(x @ self.W, self.b, out=self.out[: len(x)])
            return self.out[: len(x)]

        def backward(self, grad):
            np.matmul(self.x.T, grad, out=self.grad_W)
            np.sum(grad, axis=0, out=self.grad_b)
            return grad @ self.W.T

    return Layer(), (X,), {}

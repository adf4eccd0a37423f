"""Networks whose loss is computed beside their forward pass, and losses as objects."""

import numpy as np

from check.corpus.common import softmax
from check.layer.objects import T, X, Y, normal, style


class Classifier:
    """forward returns the probabilities, backward takes the targets."""

    def __init__(self):
        self.W1, self.b1 = normal(4, 6), np.zeros((1, 6))
        self.W2, self.b2 = normal(6, 3), np.zeros((1, 3))

    def forward(self, X):
        self.a1 = np.tanh(X @ self.W1 + self.b1)
        self.a2 = softmax(self.a1 @ self.W2 + self.b2)
        return self.a2

    def compute_loss(self, y_true, y_pred):
        return -np.sum(y_true * np.log(y_pred)) / len(y_true)

    def backward(self, X, y):
        dz2 = (self.a2 - y) / len(X)
        self.dW2, self.db2 = self.a1.T @ dz2, dz2.sum(axis=0, keepdims=True)
        dz1 = dz2 @ self.W2.T * (1 - self.a1**2)
        self.dW1, self.db1 = X.T @ dz1, dz1.sum(axis=0, keepdims=True)


@style("W1", "b1", "W2", "b2", told="dW1 is read as the gradient of W1, db1 as that of b1")
def a_loss_beside_forward():
    return Classifier(), (X, T), {}


@style("W1", "W2", told="the change of W1, divided by the learning rate, is read as the gradient of W1")
def a_loss_beside_forward_and_a_step_in_backward():
    class Network:
        def __init__(self):
            self.W1, self.W2 = normal(4, 6), normal(6, 1)

        def feedforward(self, X):
            self.hidden = 1 / (1 + np.exp(-X @ self.W1))
            return 1 / (1 + np.exp(-self.hidden @ self.W2))

        def loss(self, y, out):
            return ((y - out) ** 2).sum() / 2

        def backprop(self, X, y, output, lr=0.1):
            d = (output - y) * output * (1 - output)
            step = X.T @ (d @ self.W2.T * self.hidden * (1 - self.hidden))
            self.W2 -= lr * self.hidden.T @ d
            self.W1 -= lr * step

    return Network(), (X, normal(5, 1)), {}


@style("W", told="dW is read as the gradient of W")
def a_loss_that_the_user_gives():
    class Softmax:
        def __init__(self):
            self.W = normal(4, 3)

        def forward(self, X, training=True):
            self.p = softmax(X @ self.W)
            return self.p

        def backward(self, X, y):
            self.dW = X.T @ (self.p - y) / len(X)

    return Softmax(), (X, T), {"loss": lambda p, y: -(y * np.log(p)).sum() / len(y)}


@style("x", "W", told="grad_W is read as the gradient of W, what backward returns as that of x")
def a_loss_object_in_the_network():
    class CrossEntropy:
        def forward(self, z, y):
            self.p, self.y = softmax(z), y
            return -np.log(self.p[np.arange(len(y)), y]).mean()

        def backward(self):
            d = self.p.copy()
            d[np.arange(len(self.y)), self.y] -= 1
            return d / len(self.y)

    class Network:
        def __init__(self):
            self.W, self.criterion = normal(4, 3), CrossEntropy()

        def forward(self, x, y):
            self.x = x
            return self.criterion.forward(x @ self.W, y)

        def backward(self):
            d = self.criterion.backward()
            self.grad_W = self.x.T @ d
            return d @ self.W.T

    return Network(), (X, Y), {}


@style("W1", "b1", told="returned['W1'] is read as the gradient of W1")
def a_loss_that_returns_its_gradients_and_nothing_else():
    class Linear:
        def __init__(self):
            self.params = {"W1": normal(4, 3), "b1": np.zeros(3)}

        def loss(self, X, y):
            p = softmax(X @ self.params["W1"] + self.params["b1"])
            loss = -np.log(p[np.arange(len(X)), y]).mean()
            p[np.arange(len(X)), y] -= 1
            return loss, {"W1": X.T @ p / len(X), "b1": p.sum(axis=0) / len(X)}

    return Linear(), (X, Y), {}


@style("w", told="what backward returns is read as the gradient of w")
def a_gradient_that_is_returned_alone():
    class LeastSquares:
        def __init__(self):
            self.w = normal(4)

        def forward(self, X, y):
            self.X, self.error = X, X @ self.w - y
            return 0.5 * np.mean(self.error**2)

        def backward(self):
            return self.X.T @ self.error / len(self.error)

    return LeastSquares(), (X, normal(5)), {}


class LogLoss:
    """A loss for each row; backward takes the probabilities again, and averages."""

    def forward(self, y_pred, y_true):
        return -np.log(np.sum(y_pred * y_true, axis=1))

    def calculate(self, output, y):
        return np.mean(self.forward(output, y))

    def backward(self, dvalues, y_true):
        samples, labels = len(dvalues), len(dvalues[0])
        self.dinputs = -y_true.reshape(samples, labels) / dvalues / samples


@style("y_pred", told="dinputs is read as the gradient of y_pred")
def a_loss_of_each_row_whose_backward_takes_the_prediction():
    return LogLoss(), (softmax(normal(5, 3)), T), {}


@style("inputs", told="dinputs is read as the gradient of inputs")
def a_softmax_with_its_loss_whose_backward_takes_the_output():
    class SoftmaxLoss:
        def __init__(self):
            self.loss = LogLoss()

        def forward(self, inputs, y_true):
            self.output = softmax(inputs)
            return self.loss.calculate(self.output, y_true)

        def backward(self, dvalues, y_true):
            samples = len(dvalues)
            self.dinputs = (dvalues - y_true) / samples

    return SoftmaxLoss(), (normal(5, 3), T), {}

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


@style("Wxh", "Whh", "Why", "bh", "by", told="returned[0] is read as the gradient of Wxh")
def a_loss_that_returns_its_gradients_and_the_last_state():
    class CharacterRNN:
        def __init__(self):
            self.Wxh, self.Whh, self.Why = normal(5, 4), normal(5, 5), normal(4, 5)
            self.bh, self.by = np.zeros((5, 1)), np.zeros((4, 1))

        def loss(self, inputs, targets, hprev):
            xs, hs, ps, loss = {}, {-1: np.copy(hprev)}, {}, 0
            for t in range(len(inputs)):
                xs[t] = np.zeros((4, 1))
                xs[t][inputs[t]] = 1
                hs[t] = np.tanh(self.Wxh @ xs[t] + self.Whh @ hs[t - 1] + self.bh)
                e = np.exp(self.Why @ hs[t] + self.by)
                ps[t] = e / np.sum(e)
                loss += -np.log(ps[t][targets[t], 0])
            grads = [np.zeros_like(one) for one in (self.Wxh, self.Whh, self.Why, self.bh, self.by)]
            dWxh, dWhh, dWhy, dbh, dby = grads
            dhnext = np.zeros_like(hs[0])
            for t in reversed(range(len(inputs))):
                dy = np.copy(ps[t])
                dy[targets[t]] -= 1
                dWhy += dy @ hs[t].T
                dby += dy
                raw = (1 - hs[t] * hs[t]) * (self.Why.T @ dy + dhnext)
                dbh += raw
                dWxh += raw @ xs[t].T
                dWhh += raw @ hs[t - 1].T
                dhnext = self.Whh.T @ raw
            return loss, dWxh, dWhh, dWhy, dbh, dby, hs[len(inputs) - 1]

    return CharacterRNN(), ([0, 1, 2, 1], [1, 2, 1, 3], np.zeros((5, 1))), {}


@style("coef_", "intercept_", told="returned[0] is read as the gradient of coef_, returned[1] as that of intercept_")
def a_loss_and_gradients_with_an_intercept_that_is_a_number():
    class LogisticRegression:
        def __init__(self):
            self.coef_, self.intercept_ = normal(4), 0.1

        def loss(self, X, y):
            z = X @ self.coef_ + self.intercept_
            return (np.log1p(np.exp(-z)) + (1 - y) * z).mean()

        def gradient(self, X, y):
            error = 1 / (1 + np.exp(-X @ self.coef_ - self.intercept_)) - y
            return X.T @ error / len(y), error.mean()

    return LogisticRegression(), (X, np.array([0.0, 1, 1, 0, 1])), {}


@style("W1", "b1", told="grads['dW1'] is read as the gradient of W1, grads['db1'] as that of b1")
def a_loss_of_samples_in_columns():
    class Model:
        def __init__(self):
            self.parameters = {"W1": normal(1, 3), "b1": np.zeros((1, 1))}

        def forward_propagation(self, X):
            self.A = 1 / (1 + np.exp(-self.parameters["W1"] @ X - self.parameters["b1"]))
            return self.A

        def compute_cost(self, A, Y):
            return -(Y * np.log(A) + (1 - Y) * np.log(1 - A)).sum() / Y.shape[1]

        def backward_propagation(self, X, Y):
            dZ = (self.A - Y) / Y.shape[1]
            self.grads = {"dZ1": dZ, "dW1": dZ @ X.T, "db1": dZ.sum(axis=1, keepdims=True)}
            return self.grads

    return Model(), (normal(3, 6), np.array([[0.0, 1, 1, 0, 1, 0]])), {}

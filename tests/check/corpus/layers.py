"""Mistakes in single layers: dense, activations, dropout. For y = x W + b and the upstream g = dL/dy,

    dx = g W^T        dW = x^T g        db = sum of the rows of g

and for a = f(z): dz = g * f'(z).
"""

import numpy as np

from check.corpus.case import UNNAMED, Family
from check.corpus.common import logits, relu, sigmoid

family = Family("layers")

EXTRA = ("mean-extra",)  # a factor 1/m too many


def dense(x, W, b):
    return x @ W + b


def dense_columns(x, W, b):
    return W @ x + b[:, None]


def dense_inputs(m, n, k):
    def draw(rng):
        return rng.normal(size=(m, n)), rng.normal(size=(n, k)), rng.normal(size=k)

    return draw


def column_inputs(m, n, k):
    def draw(rng):
        x, W, b = dense_inputs(m, n, k)(rng)
        return x.T.copy(), W.T.copy(), b

    return draw


# The bias --------------------------------------------------------------------------------------------------------


@family.planted("bias-not-summed", "db is left with one row for each sample", also=("wrong-shape",))
def bias_not_summed(rng):
    def vjp(x, W, b, y, g):
        return g @ W.T, x.T @ g, g

    return dense, vjp, dense_inputs(5, 4, 3)(rng)


@family.planted("bias-averaged", "the mean in place of the sum", also=EXTRA, inputs=dense_inputs(6, 4, 2))
def bias_averaged(rng):
    def vjp(x, W, b, y, g):
        return np.dot(g, W.T), np.dot(x.T, g), np.mean(g, axis=0)

    return dense, vjp, dense_inputs(5, 4, 3)(rng)


@family.planted("bias-averaged", "columns, the mean, b of shape (n, 1)", also=EXTRA, context={"layout": "columns"})
def bias_averaged_in_columns(rng):
    def forward(x, W, b):
        return np.dot(W, x) + b

    def vjp(x, W, b, y, g):
        return W.T @ g, g @ x.T, g.mean(axis=1, keepdims=True)

    x, W, b = column_inputs(6, 3, 4)(rng)
    return forward, vjp, (x, W, b.reshape(-1, 1))


@family.planted("bias-summed-to-scalar", "np.sum without an axis", also=("wrong-shape",))
def bias_summed_to_a_number(rng):
    def vjp(x, W, b, y, g):
        return g @ W.T, x.T @ g, np.sum(g)

    return dense, vjp, dense_inputs(5, 4, 3)(rng)


@family.planted("bias-summed-to-scalar", "the total in every entry of db, columns")
def bias_filled_with_the_total(rng):
    def vjp(x, W, b, y, g):
        db = np.zeros(b.shape)
        db += sum(g.flat)
        return W.T @ g, g @ x.T, db

    return dense_columns, vjp, column_inputs(5, 4, 3)(rng)


@family.planted("bias-wrong-axis", "rows are summed where there are columns; as many samples as units")
def bias_summed_along_the_units(rng):
    def vjp(x, W, b, y, g):
        return W.T @ g, g @ x.T, g.sum(axis=0)

    return dense_columns, vjp, column_inputs(4, 3, 4)(rng)


# The weights -----------------------------------------------------------------------------------------------------


@family.planted("weight-not-transposed", "W in place of its transpose, which a square W lets pass")
def weight_not_transposed(rng):
    def vjp(x, W, b, y, g):
        return g @ W, x.T @ g, g.sum(axis=0)

    return dense, vjp, dense_inputs(5, 4, 4)(rng)


@family.planted("weight-not-transposed", "einsum with the letters of W turned", context={"layer": "dense"})
def weight_letters_turned(rng):
    def forward(x, W):
        return np.einsum("bi,oi->bo", x, W)  # as PyTorch keeps it

    def vjp(x, W, y, g):
        return np.einsum("bo,io->bi", g, W), np.einsum("bo,bi->oi", g, x)

    return forward, vjp, (rng.normal(size=(6, 3)), rng.normal(size=(3, 3)))


@family.planted("weight-gradient-transposed", "g^T x where x^T g belongs, W square")
def weight_gradient_transposed(rng):
    def vjp(x, W, b, y, g):
        return g @ W.T, g.T @ x, g.sum(0)

    return dense, vjp, dense_inputs(6, 3, 3)(rng)


@family.planted(
    "weight-gradient-averaged", "dW over m, though the upstream has all the scale", context={"layer": "dense"}
)
def weight_gradient_averaged(rng):
    def vjp(x, W, b, y, g):
        m = x.shape[0]
        return g @ W.T, x.T @ g / m, g.sum(axis=0)

    return dense, vjp, dense_inputs(5, 4, 3)(rng)


@family.planted("last-sample-only", "dW is overwritten by each sample", also=("assignment-for-sum",))
def last_sample_alone(rng):
    def vjp(x, W, b, y, g):
        dx, dW, db = np.zeros(x.shape), np.zeros(W.shape), np.zeros(b.shape)
        for i in range(len(x)):
            dx[i] = W @ g[i]
            dW = np.outer(x[i], g[i])
            db += g[i]
        return dx, dW, db

    return dense, vjp, dense_inputs(4, 3, 5)(rng)


# Activations -----------------------------------------------------------------------------------------------------


def tanh_then_dense(x, W1, W2):
    return np.tanh(x @ W1) @ W2


@family.planted("input-for-activation", "dW2 from the layer below's input; both are of one width")
def input_for_the_activation(rng):
    def vjp(x, W1, W2, y, g):
        h = np.tanh(x @ W1)
        dz = g @ W2.T * (1 - h**2)
        return dz @ W1.T, x.T @ dz, x.T @ g

    return tanh_then_dense, vjp, (rng.normal(size=(5, 4)), rng.normal(size=(4, 4)), rng.normal(size=(4, 3)))


def dense_relu(x, W, b):
    return relu(x @ W + b)


@family.planted("relu-derivative-one", "relu is skipped on the way back")
def relu_derivative_missing(rng):
    def vjp(x, W, b, y, g):
        return g @ W.T, x.T @ g, g.sum(axis=0)

    return dense_relu, vjp, dense_inputs(6, 4, 3)(rng)


@family.planted("activation-derivative-missing", "tanh is skipped, in a layer with a cache")
def tanh_derivative_missing(rng):
    class Layer:
        def forward(self, x, W, b):
            self.x, self.W = x, W
            return np.tanh(dense(x, W, b))

        def backward(self, x, W, b, y, g):
            return np.matmul(g, self.W.T), np.matmul(self.x.T, g), np.add.reduce(g)

    layer = Layer()
    return layer.forward, layer.backward, dense_inputs(5, 3, 4)(rng)


@family.planted("activation-derivative-at-output", "sigmoid' evaluated at a, which is sigmoid(z) already")
def sigmoid_derivative_at_the_output(rng):
    def derivative(z):
        return sigmoid(z) * (1 - sigmoid(z))

    def vjp(z, a, g):
        return g * derivative(a)

    return sigmoid, vjp, logits(5, 4, spread=2)(rng)


@family.planted("activation-derivative-at-output", "1 - tanh(a)^2", context={"activation": "tanh"})
def tanh_derivative_at_the_output(rng):
    def vjp(x, W, b, a, g):
        dz = g * (1 - np.tanh(a) ** 2)
        return dz @ W.T, x.T @ dz, dz.sum(axis=0)

    return lambda x, W, b: np.tanh(dense(x, W, b)), vjp, dense_inputs(5, 3, 4)(rng)


@family.planted("activation-derivative-at-upstream", "the mask of relu is taken from the sign of g")
def relu_mask_of_the_upstream(rng):
    def vjp(x, a, g):
        dx = g.copy()
        dx[g <= 0] = 0
        return dx

    return relu, vjp, logits(6, 5)(rng)


@family.planted("activation-derivative-wrong-layer", "the first relu is given the second one's mask")
def mask_of_the_other_layer(rng):
    def forward(x, W1, W2):
        return relu(relu(x @ W1) @ W2)

    def vjp(x, W1, W2, y, g):
        h = relu(x @ W1)
        dz2 = g * (y > 0)
        dz1 = dz2 @ W2.T * (y > 0)
        return dz1 @ W1.T, x.T @ dz1, h.T @ dz2

    return forward, vjp, (rng.normal(size=(6, 3)), rng.normal(size=(3, 4)), rng.normal(size=(4, 4)))


@family.planted("activation-not-squared", "1 - a where 1 - a^2 belongs")
def tanh_not_squared(rng):
    def vjp(z, a, g):
        return g - g * a

    return np.tanh, vjp, logits(4, 5)(rng)


@family.planted("leaky-slope-missing", "the backward of the plain relu", context={"activation": "leaky relu"})
def leaky_slope_missing(rng):
    def vjp(z, a, g):
        return np.where(z > 0, g, 0)

    return lambda z: np.where(z > 0, z, 0.1 * z), vjp, logits(5, 6)(rng)


@family.planted(UNNAMED, "sigmoid's derivative with a typo in the constant", context={"activation": "sigmoid"})
def sigmoid_with_an_odd_constant(rng):
    def vjp(z, a, g):
        return g * a * (1.07 - a)

    return sigmoid, vjp, logits(4, 6)(rng)


# Dropout ---------------------------------------------------------------------------------------------------------

KEEP = 0.8


def dropout(x, mask):
    return x * mask / KEEP


def dropout_inputs(m, n):
    def draw(rng):
        mask = np.ones(m * n)
        mask[rng.permutation(m * n)[: m * n // 4]] = 0
        return rng.normal(size=(m, n)), mask.reshape(m, n)

    return draw


@family.planted("dropout-mask-missing", "dropped units get a gradient", context={"keep": KEEP})
def dropout_mask_missing(rng):
    def vjp(x, mask, y, g):
        return g / KEEP, None

    return dropout, vjp, dropout_inputs(6, 4)(rng)


@family.planted("dropout-scale-missing", "the mask alone, no 1 / keep", context={"keep": KEEP})
def dropout_scale_missing(rng):
    def vjp(x, mask, y, g):
        return g * mask, None

    return dropout, vjp, dropout_inputs(5, 6)(rng)


@family.planted("dropout-scale-twice", "a mask that is already scaled, scaled again", context={"keep": 0.8})
def dropout_scale_twice(rng):
    def vjp(x, mask, y, g):
        scaled = mask / KEEP
        return g * scaled / KEEP, None

    return dropout, vjp, dropout_inputs(5, 4)(rng)


# Two at once -----------------------------------------------------------------------------------------------------


@family.planted("bias-averaged", "and W not turned", pair=("bias-averaged", "weight-not-transposed"))
def bias_and_weight(rng):
    def vjp(x, W, b, y, g):
        return g @ W, x.T @ g, g.mean(axis=0)

    return dense, vjp, dense_inputs(5, 3, 3)(rng)

"""Which name means the gradient of which."""

import pytest

from softgrad.check.user.gradient_names import among, rank

MEANT = {  # the name of a gradient: that of its parameter, and how well it fits
    "dW": ("W", 0),
    "dw": ("w", 0),
    "_dW": ("_W", 0),
    "dWxh": ("Wxh", 0),
    "db1": ("b1", 0),
    "d_W": ("W", 0),
    "W_grad": ("W", 0),
    "grad_W": ("W", 0),
    "gradW": ("W", 0),
    "gW": ("W", 0),
    "W_d": ("W", 0),
    "weight_grad": ("weight", 0),
    "weights_gradient": ("weights", 0),
    "dL_dW": ("W", 0),
    "dLdW": ("W", 0),
    "dJ_dtheta": ("theta", 0),
    "dloss_dw": ("w", 0),
    "delta_w": ("w", 0),
    "nabla_b": ("b", 0),
    "dgamma": ("gamma", 0),
    "dW_xh": ("Wxh", 1),
    "dWeights": ("weights", 1),
    "grad_W1": ("w1", 1),
    "dweights": ("W", 2),
    "grad_weights": ("w", 2),
    "weight_grad ": ("bias", None),
    "dW2": ("weights2", 2),
    "db": ("biases", 2),
    "dinputs": ("inputs", 0),
    "dout": ("W", None),
    "data": ("a", None),
    "dW ": ("b", None),
    "grad": ("W", None),
    "d": ("d", None),
    "speed": ("spee", None),
    "W1": ("W", None),
    "dW1": ("W", None),
    "dtype": ("W", None),
    "dimension": ("W", None),
}


@pytest.mark.parametrize("gradient", MEANT)
def test_a_name_means_the_gradient_of(gradient):
    parameter, fit = MEANT[gradient]
    assert rank(gradient.strip(), parameter) == fit


def test_the_best_name_among_several_is_taken():
    assert among(["db", "dweights", "dW"], "W") == "dW"
    assert among(["W", "dW"], "W") == "W"
    assert among(["db", "dx"], "W") is None
    assert among([0, 1], 1) == 1

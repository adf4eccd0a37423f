"""Which functions belong together, by their names."""

import pytest

from softgrad.cli.finding.names import pairings

NOTHING = ()
CASES = {  # the functions of a file: each derivative and its partners
    "forward vjp": {"vjp": ("forward",)},
    "loss grad": {"grad": ("loss",)},
    "forward backward": {"backward": ("forward",)},
    "softmax softmax_grad": {"softmax_grad": ("softmax",)},
    "softmax dsoftmax": {"dsoftmax": ("softmax",)},
    "sigmoid sigmoid_prime relu relu_derivative": {"sigmoid_prime": ("sigmoid",), "relu_derivative": ("relu",)},
    "sigmoid sigmoidGradient": {"sigmoidGradient": ("sigmoid",)},
    "f df": {"df": ("f",)},
    "f grad_f": {"grad_f": ("f",)},
    "f f_grad f_hat": {"f_grad": ("f",)},
    "J dJ predict": {"dJ": ("J",)},
    "mse mse_prime": {"mse_prime": ("mse",)},
    "cost gradient": {"gradient": ("cost",)},
    "cross_entropy d_cross_entropy_dz": {"d_cross_entropy_dz": ("cross_entropy",)},
    "compute_cost compute_gradient gradient_descent": {"compute_gradient": ("compute_cost",)},
    "costFunction gradientFunction sigmoid": {"gradientFunction": ("costFunction",)},
    "softmax cross_entropy softmax_cross_entropy_grad": {"softmax_cross_entropy_grad": ("cross_entropy",)},
    "rnn_step_forward rnn_forward rnn_backward": {"rnn_backward": ("rnn_forward", "rnn_step_forward")},
    # Both may be meant: backward is tried with forward first, gradient with the loss.
    "loss forward backward": {"backward": ("forward", "loss")},
    "forward loss gradient": {"gradient": ("loss", "forward")},
    "clip clip_backward norm_grad": {"clip_backward": ("clip",)},
    "rms_norm rms_norm_backward grad_norm": {"rms_norm_backward": ("rms_norm",)},
    "batch_norm_forward batch_norm_backward": {"batch_norm_backward": ("batch_norm_forward",)},
    "cross_entropy delta_cross_entropy": {"delta_cross_entropy": ("cross_entropy",)},
    # These use or estimate gradients.
    "loss numerical_gradient gradient_check clip_gradients apply_gradients gradient_descent": {},
    "dot distance data decode delta": {},
    "softmax train predict": {},
    # A derivative of nothing.
    "softmax relu_backward tanh": {"relu_backward": NOTHING},
}


@pytest.mark.parametrize("names", CASES)
def test_functions_that_belong_together(names):
    assert {one.derivative: one.partners for one in pairings(names.split())} == CASES[names]

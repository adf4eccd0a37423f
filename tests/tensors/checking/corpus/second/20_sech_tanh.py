import torch


def tanh_from_sigmoid(x):
    return 2.0 * torch.sigmoid(2.0 * x) - 1.0


def tanh_from_sigmoid_backward(x, y, dy):
    # written in the output: the 2s and the 1/4 of sigmoid' cancel, (1 + y)(1 - y) remains
    return dy * (1.0 + y) * (1.0 - y)


def case():
    torch.manual_seed(117)
    return (tanh_from_sigmoid, tanh_from_sigmoid_backward), (torch.randn(3, 4, dtype=torch.float64),)


CAUSE = None
LINE = None
SHOWS = None

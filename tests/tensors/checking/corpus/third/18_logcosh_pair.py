import math
import torch

# log-cosh regression loss, numerically safe form

def logcosh_forward(pred, target):
    d = (pred - target).abs()
    return (d + torch.nn.functional.softplus(-2.0 * d) - math.log(2.0)).mean()


def logcosh_backward(pred, target, output, grad_output):
    t = torch.tanh(pred - target)
    t.mul_(grad_output).div_(t.numel())
    return t, t.neg()


def case():
    torch.manual_seed(18)
    return (logcosh_forward, logcosh_backward), (torch.randn(3, 4, dtype=torch.float64), torch.randn(3, 4, dtype=torch.float64))


CAUSE = None
LINE = None
SHOWS = "always"

import math

import torch

INV_SQRT2 = math.sqrt(0.5)
INV_SQRT_2PI = 1.0 / math.sqrt(2.0 * math.pi)


class ExactGELU(torch.autograd.Function):
    """Keeps the derivative itself for the backward, one tensor like the input would."""

    @staticmethod
    def forward(ctx, x):
        cdf = 0.5 * torch.erfc(-x * INV_SQRT2)
        ctx.deriv = torch.addcmul(cdf, x, torch.exp(-0.5 * x * x), value=INV_SQRT_2PI)
        return x * cdf

    @staticmethod
    def backward(ctx, dy):
        return ctx.deriv * dy


def case():
    torch.manual_seed(112)
    return ExactGELU, (torch.randn(4, 3, dtype=torch.float64),)


CAUSE = None
LINE = None
SHOWS = None

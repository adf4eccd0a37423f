import math
import torch

SQRT_2_OVER_PI = math.sqrt(2 / math.pi)


class FastGELU(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        u = SQRT_2_OVER_PI * (x + 0.044715 * x ** 3)
        t = torch.tanh(u)
        ctx.save_for_backward(x, t)
        return 0.5 * x * (1 + t)

    @staticmethod
    def backward(ctx, gy):
        x, t = ctx.saved_tensors
        du = SQRT_2_OVER_PI * (1 + 0.044715 * x ** 2)
        dx = 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * du
        return gy * dx


def case():
    torch.manual_seed(26)
    return FastGELU, (1.5 * torch.randn(4, 3, dtype=torch.float64),)


CAUSE = "The derivative of the cubic term lost its factor 3 (0.134145 * x**2)."
LINE = "du = SQRT_2_OVER_PI * (1 + 0.044715 * x ** 2)"
SHOWS = "always"

import math
import torch


class TanhGELU(torch.autograd.Function):
    K0 = math.sqrt(2.0 / math.pi)
    K1 = 0.044715

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        inner = TanhGELU.K0 * (x + TanhGELU.K1 * x ** 3)
        return 0.5 * x * (1.0 + torch.tanh(inner))

    @staticmethod
    def backward(ctx, dy):
        x, = ctx.saved_tensors
        t = torch.tanh(TanhGELU.K0 * (x + TanhGELU.K1 * x ** 3))
        left = 0.5 * (1.0 + t)
        dinner = TanhGELU.K0 * (1.0 + TanhGELU.K1 * x ** 2)
        right = 0.5 * x * (1.0 - t * t) * dinner
        return dy * (left + right)


def case():
    torch.manual_seed(6)
    return TanhGELU, (torch.randn(3, 4, dtype=torch.float64),)


CAUSE = 'The derivative of the cubic term inside tanh lacks its factor 3.'
LINE = 'dinner = TanhGELU.K0 * (1.0 + TanhGELU.K1 * x ** 2)'
SHOWS = 'always'

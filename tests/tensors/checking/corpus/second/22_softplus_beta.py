import torch


class Softplus(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, beta=1.0):
        bx = beta * x
        y = (bx.clamp(min=0) + torch.log1p(torch.exp(-bx.abs()))) / beta
        ctx.save_for_backward(y)
        ctx.beta = beta
        return y

    @staticmethod
    def backward(ctx, grad):
        (y,) = ctx.saved_tensors
        # 1 - exp(-beta * y) == sigmoid(beta * x)
        return -torch.expm1(-ctx.beta * y) * ctx.beta * grad, None


def case():
    torch.manual_seed(91)
    return Softplus, (torch.randn(4, 3, dtype=torch.float64), 2.0)


CAUSE = 'The derivative is multiplied by beta, though the 1/beta of the formula cancels it.'
LINE = 'return -torch.expm1(-ctx.beta * y) * ctx.beta * grad, None'
SHOWS = "only when beta is not 1 (it is 2 in the case's inputs)"

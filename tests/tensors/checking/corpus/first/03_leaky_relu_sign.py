import torch


class LeakyReLU(torch.autograd.Function):
    """Keeps only the output: for a positive slope it has the sign of the input."""

    @staticmethod
    def forward(ctx, x, slope=0.1):
        assert slope > 0
        y = x.clone()
        y[y < 0] *= slope
        ctx.save_for_backward(y)
        ctx.slope = slope
        return y

    @staticmethod
    def backward(ctx, dy):
        y, = ctx.saved_tensors
        dx = dy.clone()
        dx[y < 0] *= ctx.slope
        return dx, None


def case():
    torch.manual_seed(57)
    return LeakyReLU, (torch.randn(4, 4, dtype=torch.float64), 0.1)


CAUSE = None
LINE = None
SHOWS = None

import torch


class FiLM(torch.autograd.Function):
    """x: (N, C), scale and shift: (1, C)."""

    @staticmethod
    def forward(ctx, x, scale, shift):
        ctx.save_for_backward(x, scale)
        return x * scale + shift

    @staticmethod
    def backward(ctx, g):
        x, scale = ctx.saved_tensors
        # returned at full size: the engine reduces gradients of broadcast inputs to the input's shape
        return g * scale, g * x, g


def case():
    torch.manual_seed(110)
    mk = lambda r: torch.randn(r, 3, dtype=torch.float64)
    return FiLM, (mk(4), mk(1), mk(1))


CAUSE = None
LINE = None
SHOWS = None

import torch
import torch.nn.functional as F


class PackedSwiGLU(torch.autograd.Function):
    """x is (T, 2*F): gate and value interleaved; the result is feature-major (F, T), which
    the next matmul wants, as a view."""

    @staticmethod
    def forward(ctx, x):
        gate, val = x.unflatten(-1, (-1, 2)).unbind(-1)
        ctx.save_for_backward(x)
        return (F.silu(gate) * val).t()

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        gate, val = x.unflatten(-1, (-1, 2)).unbind(-1)
        g = grad.t()
        s = gate.sigmoid()
        buf = torch.empty_like(x)
        buf[:, 0::2] = g * val * s * (1 + gate * (1 - s))
        buf[:, 1::2] = g * gate * s
        return buf


def case():
    torch.manual_seed(23)
    return PackedSwiGLU, (torch.randn(3, 8, dtype=torch.float64),)


CAUSE = None
LINE = None
SHOWS = "always"

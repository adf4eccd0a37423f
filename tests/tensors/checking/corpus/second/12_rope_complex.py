import torch


class ComplexRoPE(torch.autograd.Function):
    """Interleaved rotary embedding through complex numbers. x: (T, D)."""

    @staticmethod
    def forward(ctx, x, theta):
        T, D = x.shape
        inv = theta ** (-torch.arange(0, D, 2, dtype=x.dtype, device=x.device) / D)
        ang = torch.outer(torch.arange(T, dtype=x.dtype, device=x.device), inv)
        rot = torch.polar(torch.ones_like(ang), ang)
        ctx.save_for_backward(rot)
        xc = torch.view_as_complex(x.reshape(T, D // 2, 2).contiguous())
        return torch.view_as_real(xc * rot).reshape(T, D)

    @staticmethod
    def backward(ctx, grad):
        rot, = ctx.saved_tensors
        gc = torch.view_as_complex(grad.reshape(*rot.shape, 2).contiguous())
        return torch.view_as_real(gc * rot.conj()).flatten(1), None


def case():
    torch.manual_seed(118)
    return ComplexRoPE, (torch.randn(4, 6, dtype=torch.float64), 100.0)


CAUSE = None
LINE = None
SHOWS = None

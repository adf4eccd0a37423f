import torch


def _freqs(T, D, dtype, theta=500.0):
    f = theta ** (-torch.arange(0, D, 2, dtype=torch.float64) / D)
    ang = torch.outer(torch.arange(T, dtype=torch.float64), f).to(dtype)
    return torch.polar(torch.ones_like(ang), ang)


class ComplexRoPE(torch.autograd.Function):
    """Interleaved pairs, as in the Llama reference code. x is (B, T, H, D)."""

    @staticmethod
    def forward(ctx, x):
        B, T, H, D = x.shape
        rot = _freqs(T, D, x.dtype)[None, :, None, :]
        ctx.save_for_backward(rot)
        xc = torch.view_as_complex(x.contiguous().view(B, T, H, -1, 2))
        return torch.view_as_real(xc * rot).flatten(3)

    @staticmethod
    def backward(ctx, g):
        rot, = ctx.saved_tensors
        gc = torch.view_as_complex(g.contiguous().view(*g.shape[:-1], -1, 2))
        return torch.view_as_real(gc * rot.conj()).flatten(-2)


def case():
    torch.manual_seed(35)
    return ComplexRoPE, (torch.randn(1, 3, 2, 4, dtype=torch.float64),)


CAUSE = None
LINE = None
SHOWS = "always"

import torch
import torch.nn.functional as F


class PackedSwiGLU(torch.autograd.Function):
    """Input (N, 2, D): gate and up projections stacked on axis 1."""

    @staticmethod
    def forward(ctx, gu):
        ctx.save_for_backward(gu)
        gate, up = gu.unbind(1)
        return F.silu(gate) * up

    @staticmethod
    def backward(ctx, dout):
        gu, = ctx.saved_tensors
        gate, up = gu.unbind(1)
        sg = torch.sigmoid(gate)
        silu = gate * sg                    # recomputed, cheaper than storing
        d_gate = dout * up * (sg + silu * (1 - sg))
        d_up = dout * silu
        return torch.stack((d_gate, d_up), dim=0).transpose(0, 1)


def case():
    torch.manual_seed(58)
    return PackedSwiGLU, (torch.randn(3, 2, 4, dtype=torch.float64),)


CAUSE = None
LINE = None
SHOWS = None

from typing import Tuple

import torch
from torch import Tensor


class SwiGLUFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx, gate: Tensor, up: Tensor) -> Tensor:
        ctx.save_for_backward(gate, up)
        return torch.nn.functional.silu(gate) * up

    @staticmethod
    def backward(ctx, dc: Tensor) -> Tuple[Tensor, Tensor]:
        gate, up = ctx.saved_tensors
        sig = torch.sigmoid(gate)
        silu = gate * sig
        d_up = dc * silu
        d_gate = dc * up * (silu * (1 - sig) + silu)
        return d_gate, d_up


def case():
    torch.manual_seed(14)
    return SwiGLUFunction, (torch.randn(3, 4, dtype=torch.float64), torch.randn(3, 4, dtype=torch.float64))


CAUSE = "SiLU's derivative is silu*(1-sig) + sig; the last term was written as silu instead of sig."
LINE = "d_gate = dc * up * (silu * (1 - sig) + silu)"
SHOWS = "always"

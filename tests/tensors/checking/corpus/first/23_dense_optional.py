from typing import Optional

import torch


class Dense(torch.autograd.Function):
    """y = x @ w + b with w of shape (in, out). b may be None."""

    @staticmethod
    def forward(ctx, x: torch.Tensor, w: torch.Tensor, b: Optional[torch.Tensor]):
        ctx.save_for_backward(x if ctx.needs_input_grad[1] else None, w if ctx.needs_input_grad[0] else None)
        out = x.matmul(w)
        return out if b is None else out.add_(b)

    @staticmethod
    def backward(ctx, g: torch.Tensor):
        x, w = ctx.saved_tensors
        gx = gw = gb = None
        if ctx.needs_input_grad[0]:
            gx = g.matmul(w.t())
        if ctx.needs_input_grad[1]:
            gw = (g.t() @ x).t()
        if ctx.needs_input_grad[2]:
            gb = torch.ones(g.shape[0], dtype=g.dtype, device=g.device) @ g
        return gx, gw, gb


def case():
    torch.manual_seed(56)
    return Dense, (torch.randn(4, 3, dtype=torch.float64), torch.randn(3, 3, dtype=torch.float64), None)


CAUSE = None
LINE = None
SHOWS = None

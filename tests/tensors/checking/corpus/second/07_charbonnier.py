import torch


class Charbonnier(torch.autograd.Function):
    """mean sqrt((p - t)^2 + eps^2)."""

    @staticmethod
    def forward(ctx, p: torch.Tensor, t: torch.Tensor, eps: float):
        diff = p - t
        root = torch.hypot(diff, diff.new_tensor(eps))
        diff /= root                       # own buffer, now the derivative
        ctx.save_for_backward(diff)
        return root.mean()

    @staticmethod
    def backward(ctx, g):
        diff, = ctx.saved_tensors
        gp = diff.mul(g / diff.numel())
        gt = -gp if ctx.needs_input_grad[1] else None
        return gp, gt, None


def case():
    torch.manual_seed(121)
    return Charbonnier, (torch.randn(3, 4, dtype=torch.float64), torch.randn(3, 4, dtype=torch.float64), 0.05)


CAUSE = None
LINE = None
SHOWS = None

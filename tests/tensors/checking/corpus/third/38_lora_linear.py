import torch


class LoRALinear(torch.autograd.Function):
    """y = x W^T + s * (x A^T) B^T.  The base weight W is usually frozen."""

    @staticmethod
    def forward(ctx, x, W, A, B, s):
        xa = x @ A.t()
        ctx.save_for_backward(x, W, A, B, xa)
        ctx.s = s
        return x @ W.t() + s * xa @ B.t()

    @staticmethod
    def backward(ctx, gy):
        x, W, A, B, xa = ctx.saved_tensors
        gyB = ctx.s * gy @ B
        if ctx.needs_input_grad[0]:
            gx = gy @ W + gyB @ A
        if ctx.needs_input_grad[1]:
            gW = gy.t() @ x
        gA = gyB.t() @ x
        gB = ctx.s * gy.t() @ xa
        return gx, gW, gA, gB, None


def case():
    torch.manual_seed(38)
    d = torch.float64
    return LoRALinear, (torch.randn(4, 3, dtype=d), torch.randn(5, 3, dtype=d), torch.randn(2, 3, dtype=d), torch.randn(5, 2, dtype=d), 0.5)


CAUSE = "gx and gW are only assigned when needed but always returned: UnboundLocalError as soon as x or W does not require a gradient."
LINE = None
SHOWS = "only when x or W does not require a gradient (crash)"

import torch


class GemmaRMSNorm(torch.autograd.Function):
    """RMSNorm as in Gemma: the stored weight is an offset from one."""

    @staticmethod
    def forward(ctx, x, weight, eps=1e-6):
        rstd = torch.rsqrt(x.pow(2).mean(dim=-1, keepdim=True) + eps)
        x_hat = x * rstd
        ctx.save_for_backward(x_hat, rstd, weight)
        return x_hat * (1.0 + weight)

    @staticmethod
    def backward(ctx, dy):
        x_hat, rstd, weight = ctx.saved_tensors
        dw = (dy * x_hat).sum(dim=tuple(range(dy.dim() - 1)))
        dx_hat = dy * weight
        dx = rstd * (dx_hat - x_hat * (dx_hat * x_hat).mean(dim=-1, keepdim=True))
        return dx, dw, None


def case():
    g = torch.Generator().manual_seed(1)
    x = torch.randn(3, 2, 5, generator=g, dtype=torch.float64)
    w = 0.3 * torch.randn(5, generator=g, dtype=torch.float64)
    return GemmaRMSNorm, (x, w, 1e-6)


CAUSE = "The forward scales by 1 + weight, the backward multiplies the gradient by weight alone."
LINE = "dx_hat = dy * weight"
SHOWS = "always"

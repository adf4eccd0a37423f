import torch


class L2Normalize(torch.autograd.Function):
    """Normalises columns; works on the transpose internally."""

    @staticmethod
    def forward(ctx, x):
        xt = x.t()
        inv = xt.pow(2).sum(1, keepdim=True).rsqrt()
        yt = xt * inv
        ctx.yt, ctx.inv = yt.detach(), inv.detach()
        return yt.t().clone()

    @staticmethod
    def backward(ctx, g):
        gt = g.t()
        along = torch.einsum("cn,cn->c", gt, ctx.yt)
        return (ctx.inv * (gt - along[:, None] * ctx.yt)).t()


def case():
    torch.manual_seed(61)
    return L2Normalize, (torch.randn(4, 3, dtype=torch.float64),)


CAUSE = None
LINE = None
SHOWS = None

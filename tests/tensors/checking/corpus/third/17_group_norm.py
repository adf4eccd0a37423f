import torch


def group_norm_fwd(x, w, b, G, eps):
    N, C, L = x.shape
    xg = x.reshape(N, G, -1)
    mu = xg.mean(-1, keepdim=True)
    rstd = 1.0 / torch.sqrt(xg.var(-1, unbiased=False, keepdim=True) + eps)
    xhat = ((xg - mu) * rstd).reshape(N, C, L)
    return xhat * w.view(1, C, 1) + b.view(1, C, 1), xhat, rstd


class GroupNorm1d(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, w, b, G, eps=1e-5):
        y, xhat, rstd = group_norm_fwd(x, w, b, G, eps)
        ctx.save_for_backward(xhat, rstd, w)
        ctx.G = G
        return y

    @staticmethod
    def backward(ctx, dy):
        xhat, rstd, w = ctx.saved_tensors
        N, C, L = dy.shape
        dw = (dy * xhat).sum((0, 2))
        db = dy.sum((0, 2))
        dxhat = dy * w.view(1, C, 1)
        c1, c2 = torch.stack((dxhat, dxhat * xhat)).mean(-1, keepdim=True)
        inner = (dxhat - c1 - xhat * c2).reshape(N, ctx.G, -1)
        dx = (inner * rstd).reshape(N, C, L)
        return dx, dw, db, None, None


def case():
    torch.manual_seed(17)
    d = torch.float64
    return GroupNorm1d, (torch.randn(2, 4, 3, dtype=d), torch.randn(4, dtype=d), torch.randn(4, dtype=d), 2, 1e-5)


CAUSE = "The two means of the backward are taken per channel (last dim of N,C,L) instead of per group as in the forward."
LINE = "c1, c2 = torch.stack((dxhat, dxhat * xhat)).mean(-1, keepdim=True)"
SHOWS = "always (with more than one channel per group)"

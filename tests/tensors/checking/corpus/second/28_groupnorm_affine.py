import torch


class GroupNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, w, b, G, eps=1e-5):
        N, C, L = x.shape
        xg = x.reshape(N, G, C // G, L)
        mean = xg.mean(dim=(2, 3), keepdim=True)
        var = xg.var(dim=(2, 3), keepdim=True, unbiased=False)
        rstd = (var + eps).rsqrt()
        xn = (xg - mean) * rstd
        ctx.save_for_backward(xn, rstd, w)
        return xn.reshape(N, C, L) * w[None, :, None] + b[None, :, None]

    @staticmethod
    def backward(ctx, dy):
        xn, rstd, w = ctx.saved_tensors
        N, C, L = dy.shape
        db = dy.sum((0, 2))
        dw = (dy * xn.reshape(N, C, L)).sum((0, 2))
        dxn = (dy * w[None, :, None]).reshape(xn.shape)
        m1, m2 = (t.mean(2, keepdim=True) for t in (dxn, dxn * xn))
        dx = rstd * (dxn - m1 - xn * m2)
        return dx.reshape(N, C, L), dw, db, None, None


def case():
    torch.manual_seed(78)
    x = torch.randn(2, 4, 3, dtype=torch.float64)
    w, b = torch.randn(4, dtype=torch.float64), torch.randn(4, dtype=torch.float64)
    return GroupNorm, (x, w, b, 2)


CAUSE = 'The two means of the backward run over the channels of a group only, not over channels and positions.'
LINE = 'm1, m2 = (t.mean(2, keepdim=True) for t in (dxn, dxn * xn))'
SHOWS = 'always'

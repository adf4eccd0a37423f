import torch


class LayerNormFunction(torch.autograd.Function):

    @staticmethod
    def forward(ctx, x, gamma, beta, eps=1e-5):
        mu = x.mean(-1, keepdim=True)
        var = ((x - mu) ** 2).mean(-1, keepdim=True)
        rstd = torch.rsqrt(var + eps)
        x_hat = (x - mu) * rstd
        ctx.save_for_backward(x_hat, gamma, rstd)
        return gamma * x_hat + beta

    @staticmethod
    def backward(ctx, dy):
        x_hat, gamma, rstd = ctx.saved_tensors
        reduce = tuple(range(dy.dim() - 1))
        dgamma = (dy * x_hat).sum(reduce)
        dbeta = dy.sum(reduce)
        dxhat = dy * gamma
        proj = (dxhat * x_hat).mean(-1, keepdim=True)
        dx = rstd * (dxhat - x_hat * proj)
        return dx, dgamma, dbeta, None


def case():
    torch.manual_seed(0)
    x = torch.randn(3, 6, dtype=torch.float64)
    w = torch.randn(6, dtype=torch.float64)
    b = torch.randn(6, dtype=torch.float64)
    return LayerNormFunction, (x, w, b)


CAUSE = 'The term with the mean of the normalised gradient is left out (dependence of the mean on the input).'
LINE = 'dx = rstd * (dxhat - x_hat * proj)'
SHOWS = 'always'

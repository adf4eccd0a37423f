import torch
import torch.nn as nn


class MyLayerNormFn(torch.autograd.Function):
    @staticmethod
    def forward(ctx, inp, gamma, beta, eps):
        mean = inp.mean(dim=-1, keepdim=True)
        centered = inp - mean
        var = centered.pow(2).mean(dim=-1, keepdim=True)
        inv_std = (var + eps).rsqrt()
        normed = centered * inv_std
        ctx.save_for_backward(normed, inv_std, gamma)
        return gamma * normed + beta

    @staticmethod
    def backward(ctx, grad_out):
        normed, inv_std, gamma = ctx.saved_tensors
        reduce_dims = list(range(grad_out.ndim - 1))
        grad_gamma = (grad_out * normed).sum(reduce_dims)
        grad_beta = grad_out.sum(reduce_dims)

        m1 = grad_out.mean(dim=-1, keepdim=True)
        m2 = (grad_out * normed).mean(dim=-1, keepdim=True)
        grad_inp = gamma * inv_std * (grad_out - m1 - normed * m2)
        return grad_inp, grad_gamma, grad_beta, None


class MyLayerNorm(nn.Module):
    def __init__(self, d, eps=1e-5):
        super().__init__()
        self.gamma, self.beta, self.eps = nn.Parameter(torch.ones(d)), nn.Parameter(torch.zeros(d)), eps

    def forward(self, x):
        return MyLayerNormFn.apply(x, self.gamma, self.beta, self.eps)


def case():
    torch.manual_seed(9)
    d = torch.float64
    return MyLayerNormFn, (torch.randn(4, 6, dtype=d), 1 + 0.4 * torch.randn(6, dtype=d), torch.randn(6, dtype=d), 1e-5)


CAUSE = "gamma is multiplied in after the two row means are taken of grad_out instead of before (they must be means of gamma * grad_out)."
LINE = "grad_inp = gamma * inv_std * (grad_out - m1 - normed * m2)"
SHOWS = "always (not at gamma constant over the features, e.g. the initial ones)"

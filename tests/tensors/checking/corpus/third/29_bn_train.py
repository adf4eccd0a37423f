import torch


def batchnorm_forward(x, gamma, beta, eps):
    """x: (N, D), training mode, statistics with Bessel's correction"""
    mu = x.mean(0)
    std = torch.sqrt(x.var(0) + eps)
    return gamma * (x - mu) / std + beta


def batchnorm_backward(x, gamma, beta, eps, out, dout):
    N, D = x.shape
    std = torch.sqrt(x.var(0) + eps)
    xhat = (x - x.mean(0)) / std
    dbeta = dout.sum(0)
    dgamma = (dout * xhat).sum(0)
    dx = (gamma / (N * std)) * (N * dout - dbeta - xhat * dgamma)
    return dx, dgamma, dbeta, None


def case():
    torch.manual_seed(29)
    d = torch.float64
    return (batchnorm_forward, batchnorm_backward), (torch.randn(5, 3, dtype=d), torch.randn(3, dtype=d), torch.randn(3, dtype=d), 1e-5)


CAUSE = "The forward takes the unbiased variance (N-1), the backward formula is that of the biased one: the xhat term must be divided by N-1, not N."
LINE = "dx = (gamma / (N * std)) * (N * dout - dbeta - xhat * dgamma)"
SHOWS = "always (not with an upstream gradient that is constant over the batch)"

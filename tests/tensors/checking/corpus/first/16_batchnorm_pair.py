"""Batch norm forward/backward, course notebook (assignment 2), ported from numpy."""
import torch

EPS = 1e-5


def batchnorm_forward(x, gamma, beta):
    mu = x.mean(dim=0)
    var = x.var(dim=0, unbiased=False)
    xhat = (x - mu) / torch.sqrt(var + EPS)
    return gamma * xhat + beta


def batchnorm_backward(x, gamma, beta, out, dout):
    N = x.shape[0]
    mu = x.mean(dim=0)
    xmu = x - mu
    var = (xmu ** 2).mean(dim=0)
    ivar = 1.0 / torch.sqrt(var + EPS)
    xhat = xmu * ivar
    dbeta = dout.sum(dim=0)
    dgamma = (dout * xmu).sum(dim=0)
    dxhat = dout * gamma
    dx = ivar / N * (N * dxhat - dxhat.sum(dim=0) - xhat * (dxhat * xhat).sum(dim=0))
    return dx, dgamma, dbeta


def case():
    torch.manual_seed(231)
    x = 5 * torch.randn(4, 3, dtype=torch.float64) + 12
    gamma = torch.randn(3, dtype=torch.float64)
    beta = torch.randn(3, dtype=torch.float64)
    return (batchnorm_forward, batchnorm_backward), (x, gamma, beta)


CAUSE = 'The gradient of gamma uses the centred input and not the normalised one (the division by the standard deviation is missing).'
LINE = 'dgamma = (dout * xmu).sum(dim=0)'
SHOWS = 'always'

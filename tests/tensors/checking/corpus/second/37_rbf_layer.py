import torch


def rbf(x, c, gamma):
    # x: (N, D), c: (M, D) -> (N, M)
    diff = x[:, None, :] - c[None, :, :]
    return torch.exp(-gamma * (diff ** 2).sum(-1))


def rbf_grad(x, c, gamma, phi, grad_phi):
    diff = x[:, None, :] - c[None, :, :]
    common = (-2.0 * gamma * grad_phi * phi)[..., None] * diff
    gx = common.sum(dim=1)
    gc = common.sum(dim=0)
    return gx, gc, None


def case():
    torch.manual_seed(90)
    return (rbf, rbf_grad), (torch.randn(3, 2, dtype=torch.float64), torch.randn(4, 2, dtype=torch.float64), 0.7)


CAUSE = 'The gradient of the centres has the sign of that of the inputs.'
LINE = 'gc = common.sum(dim=0)'
SHOWS = 'always'

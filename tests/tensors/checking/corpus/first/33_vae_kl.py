import torch


def kl_forward(mu, logvar):
    # KL( N(mu, sigma^2) || N(0, 1) ), averaged over the batch
    return -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp()) / mu.size(0)


def kl_backward(mu, logvar, loss, grad_loss):
    bs = mu.size(0)
    grad_mu = mu / bs
    grad_logvar = (logvar.exp() - 1) / bs
    return grad_loss * grad_mu, grad_loss * grad_logvar


def case():
    torch.manual_seed(14)
    mu = torch.randn(4, 2, dtype=torch.float64)
    lv = torch.randn(4, 2, dtype=torch.float64)
    return (kl_forward, kl_backward), (mu, lv)


CAUSE = 'The factor 0.5 is missing in the gradient of the log variance.'
LINE = 'grad_logvar = (logvar.exp() - 1) / bs'
SHOWS = 'always'

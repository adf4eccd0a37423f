import torch


@torch.library.custom_op("vae3::kl_diag_normal", mutates_args=())
def kl_diag_normal(mu: torch.Tensor, logvar: torch.Tensor) -> torch.Tensor:
    """KL( N(mu, exp(logvar)) || N(0, 1) ), one value per row"""
    return 0.5 * (mu.square() + logvar.exp() - 1.0 - logvar).sum(dim=1)


@kl_diag_normal.register_fake
def _(mu, logvar):
    return mu.new_empty(mu.shape[0])


def _setup(ctx, inputs, output):
    mu, logvar = inputs
    ctx.save_for_backward(mu, logvar)


def _backward(ctx, g):
    mu, logvar = ctx.saved_tensors
    g = g.unsqueeze(1)
    d_mu = g * mu
    d_logvar = g * (logvar.exp() - 1.0)
    return d_mu, d_logvar


kl_diag_normal.register_autograd(_backward, setup_context=_setup)


def case():
    torch.manual_seed(8)
    return kl_diag_normal, (torch.randn(4, 3, dtype=torch.float64), 0.5 * torch.randn(4, 3, dtype=torch.float64))


CAUSE = "The factor one half is missing from the gradient of logvar (it cancels only for mu)."
LINE = "d_logvar = g * (logvar.exp() - 1.0)"
SHOWS = "always"

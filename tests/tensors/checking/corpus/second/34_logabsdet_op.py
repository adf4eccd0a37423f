import torch


@torch.library.custom_op("corpus2::logabsdet", mutates_args=())
def logabsdet(w: torch.Tensor) -> torch.Tensor:
    """log |det W|, as used for invertible 1x1 convolutions (Glow)."""
    return torch.linalg.slogdet(w).logabsdet.clone()


@logabsdet.register_fake
def _(w):
    return w.new_empty(w.shape[:-2])


def _setup_context(ctx, inputs, output):
    ctx.save_for_backward(*inputs)


def _backward(ctx, g):
    w, = ctx.saved_tensors
    return g * torch.linalg.inv(w).T


logabsdet.register_autograd(_backward, setup_context=_setup_context)


def case():
    torch.manual_seed(119)
    return logabsdet, (torch.randn(3, 3, dtype=torch.float64) + 2 * torch.eye(3, dtype=torch.float64),)


CAUSE = None
LINE = None
SHOWS = None

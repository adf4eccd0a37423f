import torch
from torch import Tensor


@torch.library.custom_op("lab3::linear_wt", mutates_args=())
def linear_wt(x: Tensor, wt: Tensor, alpha: float) -> Tensor:
    """alpha * x @ wt.T, the weight kept (out, in)"""
    return torch.mm(x, wt.t()).mul_(alpha)


@linear_wt.register_fake
def _(x, wt, alpha):
    return x.new_empty(x.shape[0], wt.shape[0])


def _setup(ctx, inputs, output):
    x, wt, alpha = inputs
    ctx.save_for_backward(x * alpha, wt)
    ctx.alpha = alpha


def _bwd(ctx, g):
    ax, wt = ctx.saved_tensors
    gw = (ax.t() @ g).t()              # alpha is already in ax
    gx = ctx.alpha * (g @ wt)
    return gx, gw, None


linear_wt.register_autograd(_bwd, setup_context=_setup)


def case():
    torch.manual_seed(28)
    return linear_wt, (torch.randn(4, 3, dtype=torch.float64), torch.randn(5, 3, dtype=torch.float64), 0.25)


CAUSE = None
LINE = None
SHOWS = "always"

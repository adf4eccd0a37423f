import torch


@torch.library.custom_op("corpus1::rms_norm", mutates_args=())
def rms_norm(x: torch.Tensor, weight: torch.Tensor, eps: float) -> torch.Tensor:
    ms = x.pow(2).mean(-1, keepdim=True)
    return x * torch.rsqrt(ms + eps) * weight


@rms_norm.register_fake
def _(x, weight, eps):
    return torch.empty_like(x)


def _setup(ctx, inputs, output):
    x, weight, eps = inputs
    ctx.save_for_backward(x, weight)
    ctx.eps = eps


def _backward(ctx, dout):
    x, weight = ctx.saved_tensors
    r = torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + ctx.eps)
    xhat = x * r
    wdy = dout * weight
    c = (wdy * xhat).sum(-1, keepdim=True)
    dx = (wdy - xhat * c) * r
    dw = (dout * xhat).sum(0)
    return dx, dw, None


rms_norm.register_autograd(_backward, setup_context=_setup)


def case():
    torch.manual_seed(4)
    x = torch.randn(4, 3, dtype=torch.float64)
    w = torch.rand(3, dtype=torch.float64) + 0.5
    return rms_norm, (x, w, 1e-6)


CAUSE = 'The correction term sums over the features where the mean is needed (the division by the width is missing).'
LINE = 'c = (wdy * xhat).sum(-1, keepdim=True)'
SHOWS = 'always'

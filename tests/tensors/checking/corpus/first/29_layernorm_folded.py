import torch


@torch.library.custom_op("corpus1::layer_norm_noaffine", mutates_args=())
def layer_norm(x: torch.Tensor, eps: float) -> torch.Tensor:
    d = x.shape[-1]
    s1 = x.sum(-1, keepdim=True)
    s2 = (x * x).sum(-1, keepdim=True)
    var = (s2 - s1 * s1 / d) / d
    return (x - s1 / d) / (var + eps).sqrt()


@layer_norm.register_fake
def _(x, eps):
    return torch.empty_like(x)


def setup_context(ctx, inputs, output):
    x, eps = inputs
    ctx.save_for_backward(output)
    ctx.inv = 1.0 / (x.var(-1, keepdim=True, unbiased=False) + eps).sqrt()


def backward(ctx, g):
    y, = ctx.saved_tensors
    d = y.shape[-1]
    # everything expressed through the output, common factor 1/d pulled out
    num = d * g - g.sum(-1, keepdim=True) - y * (g * y).sum(-1, keepdim=True)
    return num * (ctx.inv / d), None


layer_norm.register_autograd(backward, setup_context=setup_context)


def case():
    torch.manual_seed(55)
    return layer_norm, (torch.randn(3, 5, dtype=torch.float64), 1e-5)


CAUSE = None
LINE = None
SHOWS = None

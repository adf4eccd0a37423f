import torch


class WeightNorm(torch.autograd.Function):
    """w = g * v / ||v||, norm per output row (dim=0)."""

    @staticmethod
    def forward(ctx, v, g):
        norm = v.norm(p=2, dim=1, keepdim=True)
        ctx.save_for_backward(v, g, norm)
        return v * (g / norm)

    @staticmethod
    def backward(ctx, grad_w):
        v, g, norm = ctx.saved_tensors
        grad_g = (grad_w * v).sum(dim=1, keepdim=True) / norm
        grad_v = g / norm * grad_w - grad_g / norm ** 2 * v
        return grad_v, grad_g


def case():
    torch.manual_seed(79)
    v = torch.randn(4, 3, dtype=torch.float64)
    g = torch.rand(4, 1, dtype=torch.float64) + 1.0
    return WeightNorm, (v, g)


CAUSE = "The part of the direction's gradient along v lacks the factor g."
LINE = 'grad_v = g / norm * grad_w - grad_g / norm ** 2 * v'
SHOWS = 'always'

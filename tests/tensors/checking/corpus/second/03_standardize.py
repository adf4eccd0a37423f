import torch


class AdvantageNorm(torch.autograd.Function):
    """(a - mean) / (std + eps) along the last dim, as in PPO implementations."""

    @staticmethod
    def forward(ctx, adv, eps=1e-8):
        std = adv.std(-1, keepdim=True)
        centred = adv - adv.mean(-1, keepdim=True)
        ctx.save_for_backward(centred, std)
        ctx.eps = eps
        return centred / (std + eps)

    @staticmethod
    def backward(ctx, grad):
        centred, std = ctx.saved_tensors
        s = std + ctx.eps
        n = centred.size(-1)
        grad_std = -(grad * centred).sum(-1, keepdim=True) / s ** 2
        via_std = grad_std * centred / (n * std)
        return grad / s - grad.mean(-1, keepdim=True) / s + via_std, None


def case():
    torch.manual_seed(85)
    return AdvantageNorm, (torch.randn(3, 6, dtype=torch.float64),)


CAUSE = "The forward uses the unbiased standard deviation (n - 1), the backward's projection term divides by n."
LINE = 'via_std = grad_std * centred / (n * std)'
SHOWS = 'always'

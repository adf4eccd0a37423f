import torch


class SafeNLL(torch.autograd.Function):
    """-log of the probability of the right class. Expects probabilities (post softmax)."""

    EPS = 1e-12

    @staticmethod
    def forward(ctx, probs, y):
        idx = y.view(-1, 1)
        picked = probs.gather(1, idx).clamp(SafeNLL.EPS, 1.0)
        ctx.save_for_backward(picked, idx)
        ctx.num_classes = probs.size(1)
        return -picked.log().mean()

    @staticmethod
    def backward(ctx, grad_output):
        picked, idx = ctx.saved_tensors
        n = picked.size(0)
        grad = torch.zeros(n, ctx.num_classes, dtype=picked.dtype, device=picked.device)
        grad.scatter_(1, idx, -1.0 / picked)
        return grad.mul_(grad_output / n), None


def case():
    torch.manual_seed(31)
    return SafeNLL, (torch.softmax(torch.randn(4, 3, dtype=torch.float64), 1), torch.tensor([2, 0, 1, 1]))


CAUSE = None
LINE = None
SHOWS = "always"

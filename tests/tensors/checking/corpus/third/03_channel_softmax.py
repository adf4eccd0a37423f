import torch
from torch.autograd import Function


class ChannelSoftmax(Function):
    """Softmax over the class channel of a (N, C, L) score map."""

    @staticmethod
    def forward(ctx, scores):
        shifted = scores - scores.max(dim=1, keepdim=True).values
        e = shifted.exp()
        probs = e / e.sum(dim=1, keepdim=True)
        ctx.save_for_backward(probs)
        return probs

    @staticmethod
    def backward(ctx, grad_probs):
        probs, = ctx.saved_tensors
        weighted = grad_probs * probs
        grad_scores = weighted - probs * weighted.sum(-1, keepdim=True)
        return grad_scores


def case():
    torch.manual_seed(3)
    return ChannelSoftmax, (torch.randn(2, 4, 3, dtype=torch.float64),)


CAUSE = "The forward normalises over dim 1 (channels), the backward sums over the last dim."
LINE = "grad_scores = weighted - probs * weighted.sum(-1, keepdim=True)"
SHOWS = "always"

import torch
from torch import Tensor
from torch.nn import functional as F


class SmoothedCrossEntropy(torch.autograd.Function):
    """Cross entropy with label smoothing, averaged over the batch."""

    @staticmethod
    def forward(ctx, logits: Tensor, target: Tensor, smoothing: float) -> Tensor:
        n_classes = logits.shape[-1]
        log_probs = F.log_softmax(logits, dim=-1)
        true_dist = torch.full_like(log_probs, smoothing / n_classes)
        true_dist.scatter_add_(
            1, target.unsqueeze(1), torch.full_like(target.unsqueeze(1), 1.0 - smoothing, dtype=logits.dtype)
        )
        ctx.save_for_backward(log_probs, target)
        ctx.smoothing = smoothing
        return -(true_dist * log_probs).sum(-1).mean()

    @staticmethod
    def backward(ctx, grad_output: Tensor):
        log_probs, target = ctx.saved_tensors
        probs = log_probs.exp()
        one_hot = F.one_hot(target, probs.shape[-1]).to(probs.dtype)
        grad_logits = (probs - one_hot) / probs.shape[0]
        return grad_output * grad_logits, None, None


def case():
    torch.manual_seed(21)
    x = torch.randn(4, 5, dtype=torch.float64)
    return SmoothedCrossEntropy, (x, torch.tensor([0, 2, 4, 2]), 0.1)


CAUSE = 'The backward subtracts the plain one-hot target; the smoothing of the target is only in the forward.'
LINE = 'grad_logits = (probs - one_hot) / probs.shape[0]'
SHOWS = 'always'

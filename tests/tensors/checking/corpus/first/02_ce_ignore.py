import torch
import torch.nn.functional as F


class CrossEntropyIgnore(torch.autograd.Function):
    @staticmethod
    def forward(ctx, logits, labels, ignore_index=-100):
        n_valid = (labels != ignore_index).sum()
        logp = F.log_softmax(logits, dim=1)
        safe = labels.clamp(min=0)
        nll = -logp.gather(1, safe.unsqueeze(1)).squeeze(1)
        nll = torch.where(labels != ignore_index, nll, torch.zeros_like(nll))
        ctx.save_for_backward(logp, labels)
        ctx.ignore_index = ignore_index
        return nll.sum() / n_valid

    @staticmethod
    def backward(ctx, grad_loss):
        logp, labels = ctx.saved_tensors
        mask = labels != ctx.ignore_index
        grad = logp.exp()
        rows = torch.arange(labels.size(0))[mask]
        grad[rows, labels[mask]] -= 1.0
        grad[~mask] = 0.0
        grad = grad / labels.numel()
        return grad * grad_loss, None, None


def case():
    g = torch.Generator().manual_seed(3)
    logits = torch.randn(5, 4, generator=g, dtype=torch.float64)
    labels = torch.tensor([1, -100, 3, 0, -100])
    return CrossEntropyIgnore, (logits, labels, -100)


CAUSE = 'The backward divides by the number of all rows, the forward averages over the rows that are not ignored.'
LINE = 'grad = grad / labels.numel()'
SHOWS = "only when some target equals ignore_index (it does in the case's inputs)"

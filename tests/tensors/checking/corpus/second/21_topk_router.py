import torch


class TopKRouter(torch.autograd.Function):
    """Mixture-of-experts gate: softmax, keep the k largest, renormalise the kept ones."""

    @staticmethod
    def forward(ctx, logits, k):
        probs = logits.softmax(-1)
        _, idx = probs.topk(k, dim=-1)
        mask = torch.zeros_like(probs).scatter_(-1, idx, 1.0)
        kept = probs * mask
        denom = kept.sum(-1, keepdim=True)
        ctx.save_for_backward(probs, mask, denom)
        return kept / denom

    @staticmethod
    def backward(ctx, g):
        probs, mask, denom = ctx.saved_tensors
        d_probs = g * mask / denom
        d_logits = probs * (d_probs - (probs * d_probs).sum(-1, keepdim=True))
        return d_logits, None


def case():
    torch.manual_seed(75)
    return TopKRouter, (torch.randn(4, 5, dtype=torch.float64), 2)


CAUSE = 'The renormalising sum of the kept probabilities is treated as a constant.'
LINE = 'd_probs = g * mask / denom'
SHOWS = 'always'

import torch


class SoftTargetCE(torch.autograd.Function):
    # logits: student scores, weights: (possibly re-weighted) teacher targets
    @staticmethod
    def forward(ctx, logits, weights):
        m = logits.amax(1, keepdim=True)
        lse = m + (logits - m).exp().sum(1, keepdim=True).log()
        ctx.save_for_backward(logits, weights, lse)
        return (weights * (lse - logits)).sum(1)

    @staticmethod
    def backward(ctx, g):
        logits, weights, lse = ctx.saved_tensors
        p = (logits - lse).exp()
        g = g.unsqueeze(1)
        d_logits = g * (p - weights)
        d_weights = g * (lse - logits)
        return d_logits, d_weights


def case():
    gen = torch.Generator().manual_seed(2)
    s = torch.randn(4, 3, generator=gen, dtype=torch.float64)
    t = torch.rand(4, 3, generator=gen, dtype=torch.float64)
    return SoftTargetCE, (s, t)


CAUSE = 'The gradient p - t for the logits is right only for targets that sum to one; in general it is p * t.sum() - t.'
LINE = 'd_logits = g * (p - weights)'
SHOWS = "only when the rows of the target do not sum to 1 (they do not in the case's inputs)"

import torch


class MaskedLogSoftmax(torch.autograd.Function):
    """Action masking for PPO. Illegal actions get a log-prob of `fill`, which is a constant."""

    @staticmethod
    def forward(ctx, logits, legal, fill):
        neg_inf = torch.finfo(logits.dtype).min
        z = torch.where(legal, logits, torch.full_like(logits, neg_inf))
        logp = z - torch.logsumexp(z, dim=-1, keepdim=True)
        ctx.save_for_backward(logp.exp(), legal)
        return torch.where(legal, logp, torch.full_like(logp, fill))

    @staticmethod
    def backward(ctx, grad):
        p, legal = ctx.saved_tensors
        out = grad - p * grad.sum(dim=-1, keepdim=True)
        out = out.masked_fill(~legal, 0.0)
        return out, None, None


def case():
    torch.manual_seed(19)
    legal = torch.tensor([[True, True, False, True], [False, True, True, False], [True, True, True, True]])
    return MaskedLogSoftmax, (torch.randn(3, 4, dtype=torch.float64), legal, -20.0)


CAUSE = "The row sum of the gradient also counts the masked positions, whose output is a constant; only legal ones should be summed."
LINE = "out = grad - p * grad.sum(dim=-1, keepdim=True)"
SHOWS = "only where the upstream gradient is nonzero at masked positions"

import torch


class CrossEntropyZLoss(torch.autograd.Function):
    """Per-token CE with the PaLM z-loss: ce + z_coef * log(Z)**2, summed."""

    @staticmethod
    def forward(ctx, logits, labels, z_coef):
        lse = torch.logsumexp(logits, dim=-1)
        picked = logits.gather(-1, labels.unsqueeze(-1)).squeeze(-1)
        loss = lse - picked + z_coef * lse ** 2
        ctx.save_for_backward(logits, labels, lse)
        ctx.z_coef = z_coef
        return loss.sum()

    @staticmethod
    def backward(ctx, dloss):
        logits, labels, lse = ctx.saved_tensors
        probs = torch.exp(logits - lse.unsqueeze(-1))
        dlogits = probs
        dlogits.scatter_add_(-1, labels.unsqueeze(-1), -torch.ones_like(lse).unsqueeze(-1))
        dlogits = dlogits * (1 + 2 * ctx.z_coef * lse).unsqueeze(-1)
        return dlogits * dloss, None, None


def case():
    torch.manual_seed(22)
    return CrossEntropyZLoss, (2 * torch.randn(4, 5, dtype=torch.float64), torch.tensor([1, 0, 4, 2]), 0.05)


CAUSE = "The z-loss factor (1 + 2*z*lse) belongs on the probabilities only, but is applied after the one-hot is subtracted."
LINE = "dlogits = dlogits * (1 + 2 * ctx.z_coef * lse).unsqueeze(-1)"
SHOWS = "always"

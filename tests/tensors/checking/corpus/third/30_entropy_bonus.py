import torch


class CategoricalEntropy(torch.autograd.Function):
    """Entropy of softmax(logits), one number per row. Used as exploration bonus."""

    @staticmethod
    def forward(ctx, logits):
        log_p = torch.log_softmax(logits, dim=-1)
        entropy = -(log_p.exp() * log_p).sum(dim=-1)
        ctx.save_for_backward(log_p, entropy)
        return entropy

    @staticmethod
    def backward(ctx, grad_entropy):
        log_p, entropy = ctx.saved_tensors
        # dH/dp = -(log p + 1)
        p = log_p.exp()
        grad_logits = -p * (log_p + 1)
        return grad_entropy.unsqueeze(-1) * grad_logits


def case():
    torch.manual_seed(30)
    return CategoricalEntropy, (torch.randn(4, 5, dtype=torch.float64),)


CAUSE = "dH/dp is only multiplied by p: the softmax's own row-sum term is missing, it should be -p * (log_p + entropy)."
LINE = "grad_logits = -p * (log_p + 1)"
SHOWS = "always"

import torch


class SeqCrossEntropy(torch.autograd.Function):
    """Mean cross entropy over the tokens that are not padding."""

    @staticmethod
    def forward(ctx, logits, targets, pad_id):
        B, T, V = logits.shape
        keep = targets.ne(pad_id)
        logp = logits.log_softmax(-1)
        safe = targets.masked_fill(~keep, 0)
        nll = -logp.gather(-1, safe.unsqueeze(-1)).squeeze(-1)
        n_tokens = keep.sum()
        ctx.save_for_backward(logp, safe, keep, n_tokens)
        return (nll * keep).sum() / n_tokens

    @staticmethod
    def backward(ctx, grad_loss):
        logp, safe, keep, n_tokens = ctx.saved_tensors
        d = logp.exp()
        d.scatter_add_(-1, safe.unsqueeze(-1), d.new_full((*safe.shape, 1), -1.0))
        d *= keep.unsqueeze(-1)
        d /= safe.numel()
        return grad_loss * d, None, None


def case():
    torch.manual_seed(33)
    targets = torch.tensor([[1, 3, 0], [2, -100, -100]])
    return SeqCrossEntropy, (torch.randn(2, 3, 4, dtype=torch.float64), targets, -100)


CAUSE = "The gradient is divided by the number of all tokens, the loss by the number of those that are not padding."
LINE = "d /= safe.numel()"
SHOWS = "only when some targets are ignored"

import torch


class FusedCrossEntropy(torch.autograd.Function):
    """The gradient is made in the forward (the logits' copy becomes its buffer) and only scaled in the backward."""

    @staticmethod
    def forward(ctx, logits, target):
        buf = logits.detach().clone()
        n = buf.size(0)
        lse = buf.logsumexp(1, keepdim=True)
        loss = (lse.squeeze(1) - buf.gather(1, target[:, None]).squeeze(1)).sum() / n
        buf.sub_(lse).exp_()
        buf.scatter_add_(1, target[:, None], buf.new_full((n, 1), -1.0))
        ctx.save_for_backward(buf.div_(n))
        return loss

    @staticmethod
    def backward(ctx, grad_loss):
        buf, = ctx.saved_tensors
        return buf * grad_loss, None


def case():
    torch.manual_seed(116)
    return FusedCrossEntropy, (torch.randn(5, 4, dtype=torch.float64), torch.tensor([3, 0, 0, 1, 2]))


CAUSE = None
LINE = None
SHOWS = None

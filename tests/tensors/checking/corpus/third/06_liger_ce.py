import torch


def _fused_ce(logits: torch.Tensor, target: torch.Tensor):
    """Returns the mean loss and d loss / d logits, in one go."""
    n = logits.size(0)
    buf = logits.clone()
    buf -= buf.amax(1, keepdim=True)
    picked = buf.gather(1, target[:, None]).squeeze(1)
    buf.exp_()
    z = buf.sum(1, keepdim=True)
    loss = (z.squeeze(1).log() - picked).mean()
    buf.div_(z)
    buf[torch.arange(n), target] -= 1
    buf.div_(n)
    return loss, buf


class FusedCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(ctx, logits, target):
        loss, grad = _fused_ce(logits.detach(), target)
        ctx.save_for_backward(grad)
        return loss

    @staticmethod
    def backward(ctx, grad_output):
        (grad,) = ctx.saved_tensors
        return grad_output * grad, None


def case():
    torch.manual_seed(6)
    return FusedCrossEntropy, (torch.randn(4, 5, dtype=torch.float64), torch.tensor([0, 3, 3, 1]))


CAUSE = None
LINE = None
SHOWS = "always"

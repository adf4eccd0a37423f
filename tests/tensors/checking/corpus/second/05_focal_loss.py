import torch
import torch.nn.functional as F


class SigmoidFocalLoss(torch.autograd.Function):

    @staticmethod
    def forward(ctx, logits, targets, gamma: float, alpha: float):
        """targets: 0/1 as integers. Returns the unreduced loss."""
        sign = 2 * targets - 1
        pt = torch.sigmoid(sign * logits)
        alpha_t = torch.where(targets == 1, alpha, 1 - alpha).to(logits.dtype)
        log_pt = F.logsigmoid(sign * logits)
        focal = alpha_t * (1 - pt) ** gamma
        ctx.save_for_backward(sign, pt, focal)
        return -focal * log_pt

    @staticmethod
    def backward(ctx, grad_output):
        sign, pt, focal = ctx.saved_tensors
        # d(-log pt)/dlogit = -sign * (1 - pt)
        grad = focal * (pt - 1) * sign
        return grad_output * grad, None, None, None


def case():
    torch.manual_seed(83)
    return SigmoidFocalLoss, (
        torch.randn(4, 2, dtype=torch.float64),
        torch.tensor([[1, 0], [0, 0], [1, 1], [0, 1]]),
        2.0,
        0.25,
    )


CAUSE = 'The modulating factor (1 - p_t)^gamma is treated as a constant.'
LINE = 'grad = focal * (pt - 1) * sign'
SHOWS = 'always'

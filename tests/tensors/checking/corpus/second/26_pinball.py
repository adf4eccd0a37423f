import torch


class PinballLoss(torch.autograd.Function):
    # e = y - yhat; loss = tau * e if e >= 0 else (tau - 1) * e
    @staticmethod
    def forward(ctx, yhat, y, tau):
        e = y - yhat
        ctx.save_for_backward(e)
        ctx.tau = tau
        return torch.maximum(tau * e, (tau - 1) * e)

    @staticmethod
    def backward(ctx, g):
        e, = ctx.saved_tensors
        tau = ctx.tau
        slope = torch.where(e >= 0, torch.full_like(e, tau - 1), torch.full_like(e, tau))
        return g * slope, -g * slope, None


def case():
    torch.manual_seed(84)
    return PinballLoss, (torch.randn(5, 2, dtype=torch.float64), torch.randn(5, 2, dtype=torch.float64), 0.9)


CAUSE = 'tau and 1 - tau are exchanged in the two branches of the gradient.'
LINE = 'slope = torch.where(e >= 0, torch.full_like(e, tau - 1), torch.full_like(e, tau))'
SHOWS = "only when tau is not 0.5 (it is 0.9 in the case's inputs)"

import torch


class HuberLoss(torch.autograd.Function):
    @staticmethod
    def forward(ctx, pred, target, delta):
        r = pred - target
        a = r.abs()
        loss = torch.where(a <= delta, 0.5 * r * r, delta * (a - 0.5 * delta))
        ctx.save_for_backward(r)
        ctx.delta = delta
        return loss.mean()

    @staticmethod
    def backward(ctx, g):
        r, = ctx.saved_tensors
        d = r.clamp(-1.0, 1.0)
        d = g * d / r.numel()
        return d, -d, None


def case():
    p = torch.tensor([[0.3, -2.0, 4.1], [7.0, 0.0, -6.2]], dtype=torch.float64)
    t = torch.tensor([[0.1, 1.5, 0.0], [1.0, -0.4, 0.3]], dtype=torch.float64)
    return HuberLoss, (p, t, 2.5)


CAUSE = 'The residual is clipped to [-1, 1] in the backward, the threshold delta is ignored.'
LINE = 'd = r.clamp(-1.0, 1.0)'
SHOWS = "only when delta is not 1 (it is 2.5 in the case's inputs)"

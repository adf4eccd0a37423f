import torch


class TripletLoss(torch.autograd.Function):
    """Squared-distance triplet loss (FaceNet), one value per triplet."""

    @staticmethod
    def forward(ctx, anchor, positive, negative, margin):
        d_ap = (anchor - positive).pow(2).sum(1)
        d_an = (anchor - negative).pow(2).sum(1)
        loss = torch.relu(d_ap - d_an + margin)
        ctx.save_for_backward(anchor, positive, negative, loss > 0)
        return loss

    @staticmethod
    def backward(ctx, grad_loss):
        a, p, n, active = ctx.saved_tensors
        coef = grad_loss.unsqueeze(1) * 2
        act = active.unsqueeze(1).to(a.dtype)
        grad_a = coef * (n - p)
        grad_p = coef * act * (p - a)
        grad_n = coef * act * (a - n)
        return grad_a, grad_p, grad_n, None


def case():
    a = torch.tensor([[0.1, 0.2], [1.0, -1.0], [0.0, 0.5]], dtype=torch.float64)
    p = torch.tensor([[0.3, 0.1], [0.0, -0.5], [0.2, 0.9]], dtype=torch.float64)
    n = torch.tensor([[0.2, 0.7], [0.6, -1.3], [2.5, 2.0]], dtype=torch.float64)
    return TripletLoss, (a, p, n, 0.3)


CAUSE = "The anchor's gradient is not masked for triplets whose loss is zero."
LINE = 'grad_a = coef * (n - p)'
SHOWS = "only when the margin of some triplet is satisfied (one is in the case's inputs)"

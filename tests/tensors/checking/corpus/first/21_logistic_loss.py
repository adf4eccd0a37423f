import torch


class StableSigmoidLoss(torch.autograd.Function):
    """log(1 + exp(-y * x)) with y in {-1, +1}."""

    @staticmethod
    def forward(ctx, x, y):
        ctx.save_for_backward(x, y)
        m = -y * x
        return torch.clamp(m, min=0) + torch.log1p(torch.exp(-m.abs()))

    @staticmethod
    def backward(ctx, grad_output):
        x, y = ctx.saved_tensors
        # compute in fp32 for stability
        m = (-y * x).float()
        s = torch.sigmoid(m)
        grad_x = -y.float() * s * grad_output.float()
        return grad_x.to(x.dtype), None


def case():
    torch.manual_seed(23)
    x = torch.randn(5, 3, dtype=torch.float64)
    y = torch.where(torch.rand(5, 3) > 0.5, 1, -1)
    return StableSigmoidLoss, (x, y)


CAUSE = 'The backward computes in float32 and casts back, so a float64 gradient has only single precision.'
LINE = 'm = (-y * x).float()'
SHOWS = 'relative error about 1e-7, seen in float64 only'

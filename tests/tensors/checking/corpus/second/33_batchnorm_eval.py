import torch


class FrozenBatchNorm(torch.autograd.Function):
    """Batch norm with fixed statistics; running_mean and running_var are buffers and get no gradient."""

    @staticmethod
    def forward(ctx, x, weight, bias, running_mean, running_var, eps):
        inv = (running_var + eps).rsqrt()
        ctx.save_for_backward(x, weight, running_mean, inv)
        return (x - running_mean) * (inv * weight) + bias

    @staticmethod
    def backward(ctx, dy):
        x, weight, running_mean, inv = ctx.saved_tensors
        dx = dy * (weight * inv)
        dbias = dy.sum(0)
        # sum(dy * x) - mean * sum(dy), then one scaling
        dweight = ((dy * x).sum(0) - running_mean * dbias) * inv
        return dx, dweight, dbias, None, None, None


def case():
    torch.manual_seed(113)
    x = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    w = torch.randn(3, dtype=torch.float64, requires_grad=True)
    b = torch.randn(3, dtype=torch.float64, requires_grad=True)
    mean = torch.randn(3, dtype=torch.float64)
    var = torch.rand(3, dtype=torch.float64) + 0.5
    return FrozenBatchNorm, (x, w, b, mean, var, 1e-5)


CAUSE = None
LINE = None
SHOWS = None

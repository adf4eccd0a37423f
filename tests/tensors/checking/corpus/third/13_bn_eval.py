import torch


class FrozenBatchNorm(torch.autograd.Function):
    """Inference-mode batch norm on (N, C, L). running_mean and running_var are buffers:
    they take no gradient, by design."""

    @staticmethod
    def forward(ctx, x, weight, bias, running_mean, running_var, eps):
        scale = weight / torch.sqrt(running_var + eps)
        shift = bias - running_mean * scale
        ctx.save_for_backward(x, scale, running_mean, running_var)
        ctx.eps = eps
        ctx.set_materialize_grads(False)
        return x * scale[:, None] + shift[:, None]

    @staticmethod
    def backward(ctx, grad):
        if grad is None:
            return (None,) * 6
        x, scale, mean, var = ctx.saved_tensors
        grad_x = grad_w = grad_b = None
        if ctx.needs_input_grad[0]:
            grad_x = grad * scale[:, None]
        if ctx.needs_input_grad[2] or ctx.needs_input_grad[1]:
            grad_b = grad.sum(dim=(0, 2))
        if ctx.needs_input_grad[1]:
            grad_w = (torch.einsum("ncl,ncl->c", grad, x) - mean * grad_b) * torch.rsqrt(var + ctx.eps)
        return grad_x, grad_w, grad_b, None, None, None


def case():
    torch.manual_seed(13)
    d = torch.float64
    return FrozenBatchNorm, (torch.randn(2, 3, 4, dtype=d), torch.randn(3, dtype=d), torch.randn(3, dtype=d),
                             torch.randn(3, dtype=d), torch.rand(3, dtype=d) + 0.5, 1e-5)


CAUSE = None
LINE = None
SHOWS = "always"

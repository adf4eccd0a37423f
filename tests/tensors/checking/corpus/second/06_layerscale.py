import torch


class LayerScaleAdd(torch.autograd.Function):
    """residual + gamma * branch, gamma of shape (D,)"""

    @staticmethod
    def forward(ctx, residual, branch, gamma):
        ctx.save_for_backward(branch, gamma)
        return torch.addcmul(residual, branch, gamma)

    @staticmethod
    def backward(ctx, grad_out):
        branch, gamma = ctx.saved_tensors
        g_res = g_branch = g_gamma = None
        if ctx.needs_input_grad[0]:
            g_res = grad_out
        if ctx.needs_input_grad[1]:
            g_branch = grad_out * gamma
        if ctx.needs_input_grad[2]:
            g_gamma = (grad_out * branch).flatten(0, -2).mean(0)
        return g_res, g_branch, g_gamma


def case():
    torch.manual_seed(89)
    r, f = torch.randn(2, 3, 4, dtype=torch.float64), torch.randn(2, 3, 4, dtype=torch.float64)
    return LayerScaleAdd, (r, f, torch.full((4,), 0.1, dtype=torch.float64))


CAUSE = 'The gradient of gamma is averaged over the rows; it must be summed.'
LINE = 'g_gamma = (grad_out * branch).flatten(0, -2).mean(0)'
SHOWS = 'always (for more than one row)'

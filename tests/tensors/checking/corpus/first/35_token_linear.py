import torch


class TokenLinear(torch.autograd.Function):
    """Linear layer over (batch, seq, features)."""

    @staticmethod
    def forward(ctx, x, weight):
        ctx.save_for_backward(x, weight)
        return torch.matmul(x, weight.T)

    @staticmethod
    def backward(ctx, grad_output):
        x, weight = ctx.saved_tensors
        go2d = grad_output.view(-1, weight.shape[0])
        x2d = x.reshape(-1, weight.shape[1])
        grad_x = (go2d @ weight).reshape(x.shape)
        grad_w = go2d.T @ x2d
        return grad_x, grad_w


def case():
    torch.manual_seed(16)
    x = torch.randn(2, 3, 4, dtype=torch.float64)
    w = torch.randn(5, 4, dtype=torch.float64)
    return TokenLinear, (x, w)


CAUSE = 'grad_output.view assumes a contiguous upstream gradient.'
LINE = 'go2d = grad_output.view(-1, weight.shape[0])'
SHOWS = 'only with an upstream gradient that is not contiguous (transposed, or expanded along the batch or sequence alone): RuntimeError from view'

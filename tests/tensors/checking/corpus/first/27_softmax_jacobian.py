import torch


class SoftmaxViaJacobian(torch.autograd.Function):
    """Teaching version: builds the full Jacobian diag(y) - y y^T of every row."""

    @staticmethod
    def forward(ctx, x):
        e = torch.exp(x - x.max(1, keepdim=True).values)
        e /= e.sum(1, keepdim=True)
        ctx.save_for_backward(e)
        return e

    @staticmethod
    def backward(ctx, grad_y):
        (y,) = ctx.saved_tensors
        grad_x = torch.empty_like(y)
        for n in range(y.shape[0]):
            row = y[n]
            J = torch.diag(row) - torch.outer(row, row)
            grad_x[n] = J @ grad_y[n]      # J is symmetric, no transpose needed
        return grad_x


def case():
    torch.manual_seed(51)
    return SoftmaxViaJacobian, (torch.randn(3, 5, dtype=torch.float64),)


CAUSE = None
LINE = None
SHOWS = None

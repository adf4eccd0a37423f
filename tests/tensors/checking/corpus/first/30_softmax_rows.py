import torch
from torch.autograd import Function


class MySoftmax(Function):
    """Softmax over the last axis."""

    @staticmethod
    def forward(ctx, x):
        shifted = x - x.max(dim=-1, keepdim=True)[0]
        e = torch.exp(shifted)
        y = e / e.sum(dim=-1, keepdim=True)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, grad_output):
        y, = ctx.saved_tensors
        dot = (grad_output * y).sum(dim=0, keepdim=True)
        return y * (grad_output - dot)


def case():
    torch.manual_seed(0)
    return MySoftmax, (torch.randn(4, 5, dtype=torch.float64),)


CAUSE = 'The inner product of gradient and softmax output is summed over the rows (dim 0) and not over the softmax dimension.'
LINE = 'dot = (grad_output * y).sum(dim=0, keepdim=True)'
SHOWS = 'always'

import torch


class Swish(torch.autograd.Function):
    @staticmethod
    def forward(ctx, i):
        s = i.sigmoid()
        result = i * s
        ctx.save_for_backward(result, s)
        return result

    @staticmethod
    def backward(ctx, grad_output):
        i, s = ctx.saved_tensors
        return grad_output * (s * (1 + i * (1 - s)))


def case():
    torch.manual_seed(12)
    return Swish, (torch.randn(5, 2, dtype=torch.float64),)


CAUSE = 'In s * (1 + x * (1 - s)) the output y is used in place of the input x.'
LINE = 'return grad_output * (s * (1 + i * (1 - s)))'
SHOWS = 'always'

import torch


class FastReLU(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        mask = x > 0
        ctx.save_for_backward(mask)
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx, grad_output):
        mask, = ctx.saved_tensors
        # no extra allocation
        grad_output *= mask
        return grad_output


def case():
    torch.manual_seed(18)
    return FastReLU, (torch.randn(4, 4, dtype=torch.float64),)


CAUSE = 'The upstream gradient is multiplied in place.'
LINE = 'grad_output *= mask'
SHOWS = 'the gradient handed in is altered (wrong when the caller or another branch uses it again); an expanded one raises an error'

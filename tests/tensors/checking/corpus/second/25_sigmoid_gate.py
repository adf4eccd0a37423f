import torch


class SigmoidGate(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        y = 1 / (1 + torch.exp(-x))
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, grad_output):
        y, = ctx.saved_tensors
        dx = grad_output * y
        y.neg_().add_(1)
        return dx * y


def case():
    torch.manual_seed(92)
    return SigmoidGate, (torch.randn(3, 4, dtype=torch.float64),)


CAUSE = 'The saved output is overwritten in place (y becomes 1 - y), and so is the tensor the caller holds.'
LINE = 'y.neg_().add_(1)'
SHOWS = 'the output is altered by the backward (and a second backward fails or is wrong)'

import torch

BATCH_SIZE = 4


class MSE(torch.autograd.Function):
    """0.5 * squared error, summed over features, averaged over samples."""

    @staticmethod
    def forward(ctx, out, target):
        diff = out - target
        ctx.save_for_backward(diff)
        return 0.5 * diff.pow(2).sum() / diff.shape[0]

    @staticmethod
    def backward(ctx, grad_output):
        diff, = ctx.saved_tensors
        grad = diff * grad_output / BATCH_SIZE
        return grad, -grad


def case():
    torch.manual_seed(95)
    return MSE, (torch.randn(BATCH_SIZE, 3, dtype=torch.float64), torch.randn(BATCH_SIZE, 3, dtype=torch.float64))


CAUSE = 'The batch size of the training configuration is hard-coded in the backward.'
LINE = 'grad = diff * grad_output / BATCH_SIZE'
SHOWS = "only when the number of rows is not 4 (it is 4 in the case's inputs)"

import torch


class ProjectDown(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, proj):
        ctx.save_for_backward(x, proj)
        return x @ proj

    @staticmethod
    def backward(ctx, grad):
        x, proj = ctx.saved_tensors
        rows, cols = x.shape
        # transpose without a copy
        x_t = torch.as_strided(x, (cols, rows), (1, cols))
        return grad @ proj.mT, x_t @ grad


def case():
    torch.manual_seed(94)
    return ProjectDown, (torch.randn(5, 3, dtype=torch.float64), torch.randn(3, 2, dtype=torch.float64))


CAUSE = 'as_strided with the strides of a contiguous tensor stands for the transpose; for another layout it reads the wrong elements.'
LINE = 'x_t = torch.as_strided(x, (cols, rows), (1, cols))'
SHOWS = 'only when x is not contiguous (transposed or expanded)'

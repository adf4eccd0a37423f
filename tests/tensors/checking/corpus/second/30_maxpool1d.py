import torch


class MaxPool1d(torch.autograd.Function):
    """Overlapping windows; among equal values the first one of a window gets the gradient (as in F.max_pool1d)."""

    @staticmethod
    def forward(ctx, x, kernel, stride):
        win = x.unfold(-1, kernel, stride)
        offs = torch.arange(kernel)
        top = win.amax(-1, keepdim=True)
        first = torch.where(win == top, offs, kernel).amin(-1)
        pos = first + stride * torch.arange(win.shape[-2])
        ctx.save_for_backward(pos)
        ctx.x_shape = x.shape
        return x.gather(-1, pos)

    @staticmethod
    def backward(ctx, g):
        pos, = ctx.saved_tensors
        return g.new_zeros(ctx.x_shape).scatter_add_(-1, pos, g), None, None


def case():
    x = torch.tensor([[1.0, 3.0, 3.0, 0.0, 2.0, 2.0, 5.0], [0.0, -1.0, 4.0, 4.0, 4.0, 1.0, 2.0]], dtype=torch.float64)
    return MaxPool1d, (x, 3, 2)


CAUSE = None
LINE = None
SHOWS = None

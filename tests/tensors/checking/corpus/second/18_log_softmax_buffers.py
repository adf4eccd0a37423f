import torch


class LogSoftmax(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        z = x - x.max(-1, keepdim=True).values
        z.sub_(z.exp().sum(-1, keepdim=True).log_())
        ctx.save_for_backward(z)
        return z

    @staticmethod
    def backward(ctx, dy):
        z, = ctx.saved_tensors
        buf = z.exp()
        buf.mul_(-dy.sum(-1, keepdim=True))
        return buf.add_(dy)


def case():
    torch.manual_seed(111)
    return LogSoftmax, (torch.randn(4, 3, dtype=torch.float64),)


CAUSE = None
LINE = None
SHOWS = None

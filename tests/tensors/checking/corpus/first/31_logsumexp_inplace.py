import torch


class LogSumExp(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, dim):
        m = x.amax(dim, keepdim=True)
        out = (x - m).exp_().sum(dim, keepdim=True).log_().add_(m)
        ctx.save_for_backward(x, out)
        ctx.dim = dim
        return out.squeeze(dim)

    @staticmethod
    def backward(ctx, g):
        x, out = ctx.saved_tensors
        buf = x - out
        buf.exp_()
        buf.mul_(g.unsqueeze(ctx.dim))
        return buf, None


def case():
    torch.manual_seed(52)
    return LogSumExp, (torch.randn(4, 3, dtype=torch.float64), -1)


CAUSE = None
LINE = None
SHOWS = None

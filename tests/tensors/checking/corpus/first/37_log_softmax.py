import torch


class LogSoftmaxFn(torch.autograd.Function):

    @staticmethod
    def forward(ctx, inp: torch.Tensor, dim: int) -> torch.Tensor:
        out = inp - torch.logsumexp(inp, dim=dim, keepdim=True)
        ctx.dim = dim
        ctx.save_for_backward(out)
        return out

    @staticmethod
    def backward(ctx, grad_out: torch.Tensor):
        (probs,) = ctx.saved_tensors
        total = grad_out.sum(dim=ctx.dim, keepdim=True)
        grad_in = grad_out - probs * total
        return grad_in, None


def case():
    torch.manual_seed(11)
    return LogSoftmaxFn, (torch.randn(3, 4, dtype=torch.double), 1)


CAUSE = 'The saved output holds log-probabilities, but the backward uses it as if it were the probabilities (exp is missing).'
LINE = 'grad_in = grad_out - probs * total'
SHOWS = 'always'

import torch


class FlashLikeAttention(torch.autograd.Function):
    """Stores only the log-sum-exp, recomputes the probabilities block by block in the backward."""

    BLOCK = 2

    @staticmethod
    def forward(ctx, q, k, v):
        s = (q @ k.t()) * q.size(1) ** -0.5
        lse = s.logsumexp(1, keepdim=True)
        o = (s - lse).exp() @ v
        ctx.save_for_backward(q, k, v, o, lse)
        return o

    @staticmethod
    def backward(ctx, do):
        q, k, v, o, lse = ctx.saved_tensors
        scale = q.size(1) ** -0.5
        delta = (do * o).sum(1, keepdim=True)
        dq, dk, dv = torch.zeros_like(q), torch.empty_like(k), torch.empty_like(v)
        for lo in range(0, k.size(0), FlashLikeAttention.BLOCK):
            sl = slice(lo, lo + FlashLikeAttention.BLOCK)
            p = (q @ k[sl].t() * scale - lse).exp()
            dv[sl] = p.t() @ do
            ds = p * (do @ v[sl].t() - delta)
            dq += ds @ k[sl]
            dk[sl] = ds.t() @ (scale * q)
        return dq.mul_(scale), dk, dv


def case():
    torch.manual_seed(115)
    q = torch.randn(3, 4, dtype=torch.float64)
    k, v = torch.randn(5, 4, dtype=torch.float64), torch.randn(5, 2, dtype=torch.float64)
    return FlashLikeAttention, (q, k, v)


CAUSE = None
LINE = None
SHOWS = None
